"""Whom a contact keeps: learnt from those drawn by lot, and used only where it proves better."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from models.components.base import Floats
from models.components.uplift import RISK, Trial, UpliftModel
from retention.stats.bootstrap import Interval
from retention.uplift import metrics
from retention.uplift.metrics import Choice, Crossed, Group, Qini

LEAST: Final = 100  # customers of either arm who left, below which nothing is learnt


@dataclass(frozen=True)
class Lots:
    """Rows of customers drawn, as they stood before: features with RISK, the trial, the worth.

    worth (n,): the value of the customer if kept less that if lost, in money, for as long as who is
    kept is believed to stay.
    """

    X: pd.DataFrame
    trial: Trial
    worth: Floats

    @property
    def loss(self) -> Floats:
        """(n,) the expected loss when nobody calls."""
        return np.asarray(self.X[RISK].to_numpy() * self.worth)


@dataclass(frozen=True)
class Judged:
    """What the experiment says of a model of the effect, each row by models of other customers."""

    crossed: Crossed
    qini: Qini
    groups: list[Group]
    choice: Choice


@dataclass(frozen=True)
class Learnt:
    """A model of the effect and its use. `disturbed_from`: as `uplift.disturbed_from`."""

    model: UpliftModel
    judged: Judged
    disturbed_from: float | None


def too_few(treated: ArrayLike, left_: ArrayLike, customer: ArrayLike) -> str:
    """Why nothing can be learnt from who was treated and who left; "" where it can.

    A customer counts once, however many rows (n,) they have.
    """
    arms, gone = np.asarray(treated, dtype=bool), np.asarray(left_, dtype=bool)
    who = np.asarray(customer)
    left = [len(set(who[gone & arm])) for arm in (arms, ~arms)]
    if min(left) >= LEAST:
        return ""
    return (
        f"of those drawn to be contacted {left[0]:,} left so far, and {left[1]:,} of those left "
        f"alone; {LEAST} of either are needed"
    )


def judged(make: Callable[[], UpliftModel], lots: Lots, share: float, cost: float) -> Judged:
    """The model against ranking by loss, if `share` of the customers can be contacted."""
    trial, who = lots.trial, lots.trial.customer
    crossed = metrics.cross_fitted(make, lots.X, trial)
    scores = trial.scores(lots.X[RISK].to_numpy())
    return Judged(
        crossed=crossed,
        qini=metrics.qini(crossed, scores, who),
        groups=metrics.calibration(crossed, scores, who),
        choice=metrics.chosen(crossed, lots.loss, lots.worth, scores, who, share, cost),
    )


def learn(make: Callable[[], UpliftModel], lots: Lots, share: float, cost: float) -> Learnt:
    """The model fitted on all lots, with what cross-fitting says of its use."""
    found, trial = judged(make, lots, share, cost), lots.trial
    model = make().fit(lots.X, trial.treated, trial.left, trial.propensity, trial.customer)
    return Learnt(model, found, metrics.disturbed_from(found.groups))


def figures(found: Judged) -> dict[str, Any]:
    """The judgement as JSON: money a customer eligible, changes of the chance of leaving."""
    choice = found.choice
    return {
        "qini": {"value": found.qini.coefficient, **_ends(found.qini.interval)},
        "share_contacted": choice.share,
        "gain_at_random": choice.at_random,
        "gain_by_loss": choice.by_loss,
        "gain_by_uplift": choice.by_uplift,
        "better_by": {"value": choice.better, **_ends(choice.interval)},
        "fifths": [vars(group) for group in found.groups],
    }


def _ends(interval: Interval) -> dict[str, float]:
    return {"low": interval.low, "high": interval.high}
