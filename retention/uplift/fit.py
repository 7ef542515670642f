"""Whom a contact keeps: learnt from those drawn by lot, and used only where it proves better."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from models.components.base import Floats
from models.components.uplift import RISK, ExperimentData, UpliftModel
from retention.stats.bootstrap import Interval
from retention.uplift import metrics
from retention.uplift.metrics import RankingComparison, CrossFitted, EffectQuintile, Qini

MIN_CHURNED_PER_ARM: Final = 100  # customers of either arm who left, below which nothing is learnt


@dataclass(frozen=True)
class UpliftDataset:
    """Rows of customers drawn, as they stood before: features with RISK, the trial, the worth.

    worth (n,): the value of the customer if kept less that if lost, in money, for as long as who is
    kept is believed to stay.
    """

    X: pd.DataFrame
    experiment: ExperimentData
    retained_value: Floats

    @property
    def expected_loss(self) -> Floats:
        """(n,) the expected loss when nobody calls."""
        return np.asarray(self.X[RISK].to_numpy() * self.retained_value)


@dataclass(frozen=True)
class UpliftEvaluation:
    """What the experiment says of a model of the effect, each row by models of other customers."""

    cross_fitted: CrossFitted
    qini: Qini
    quintiles: list[EffectQuintile]
    comparison: RankingComparison


@dataclass(frozen=True)
class FittedUplift:
    """A model of the effect and its use. `disturbed_from`: as `uplift.disturbed_from`."""

    model: UpliftModel
    evaluation: UpliftEvaluation
    sleeping_dog_threshold: float | None


def why_not_learnable(treated: ArrayLike, left_: ArrayLike, customer: ArrayLike) -> str:
    """Why nothing can be learnt from who was treated and who left; "" where it can.

    A customer counts once, however many rows (n,) they have.
    """
    arms, gone = np.asarray(treated, dtype=bool), np.asarray(left_, dtype=bool)
    who = np.asarray(customer)
    left = [len(set(who[gone & arm])) for arm in (arms, ~arms)]
    if min(left) >= MIN_CHURNED_PER_ARM:
        return ""
    return (
        f"of those drawn to be contacted {left[0]:,} left so far, and {left[1]:,} of those left "
        f"alone; {MIN_CHURNED_PER_ARM} of either are needed"
    )


def evaluate_uplift(make: Callable[[], UpliftModel], lots: UpliftDataset, share: float, cost: float) -> UpliftEvaluation:
    """The model against ranking by loss, if `share` of the customers can be contacted."""
    trial, who = lots.experiment, lots.experiment.customer
    crossed = metrics.cross_fit(make, lots.X, trial)
    scores = trial.doubly_robust_scores(lots.X[RISK].to_numpy())
    return UpliftEvaluation(
        cross_fitted=crossed,
        qini=metrics.qini(crossed, scores, who),
        quintiles=metrics.effect_calibration(crossed, scores, who),
        comparison=metrics.compare_rankings(crossed, lots.expected_loss, lots.retained_value, scores, who, share, cost),
    )


def fit_uplift(make: Callable[[], UpliftModel], lots: UpliftDataset, share: float, cost: float) -> FittedUplift:
    """The model fitted on all lots, with what cross-fitting says of its use."""
    found, trial = evaluate_uplift(make, lots, share, cost), lots.experiment
    model = make().fit(lots.X, trial.treated, trial.churned, trial.propensity, trial.customer)
    return FittedUplift(model, found, metrics.sleeping_dog_threshold(found.quintiles))


def evaluation_figures(found: UpliftEvaluation) -> dict[str, Any]:
    """The judgement as JSON: money a customer eligible, changes of the chance of leaving."""
    choice = found.comparison
    return {
        "qini": {"value": found.qini.coefficient, **_ends(found.qini.interval)},
        "share_contacted": choice.contact_share,
        "gain_at_random": choice.at_random,
        "gain_by_loss": choice.by_loss,
        "gain_by_uplift": choice.by_uplift,
        "better_by": {"value": choice.difference, **_ends(choice.interval)},
        "fifths": [vars(group) for group in found.quintiles],
    }


def _ends(interval: Interval) -> dict[str, float]:
    return {"low": interval.low, "high": interval.high}
