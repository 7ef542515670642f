"""Fit and evaluate uplift models on randomised customers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray

from models.components.base import Floats
from models.components.treatments import (
    Treatments,
    best_treatment,
    cross_fit_each,
    fit_each,
    of_treatment,
    saving,
)
from models.components.uplift import RISK, ExperimentData, Outcome, UpliftModel
from retention.core.documents.modelling import MeasuredFigure, UpliftFigures, UpliftQuintile
from retention.stats.bootstrap import Interval
from retention.uplift import metrics
from retention.uplift.metrics import (
    CrossFitted,
    EffectQuintile,
    Qini,
    Ranking,
    RankingComparison,
)

MIN_CUSTOMERS_PER_ARM: Final = 100  # of either outcome; below it nothing is fitted


@dataclass(frozen=True)
class UpliftDataset:
    """Randomised customers as they stood before assignment, with their outcomes; n rows."""

    X: pd.DataFrame  # (n, features) with RISK, the churn probability without contact
    outcome: Outcome  # which the experiment's y is
    experiment: ExperimentData  # any contact against none; outcome and customer of each row
    expected: Floats  # (n,) outcome expected without contact
    retained_value: Floats  # (n,) currency; value if kept less value if lost, over the windows
    # for which a retained customer is believed to stay
    treatments: Treatments

    @property
    def expected_loss(self) -> Floats:
        """(n,) currency, without contact."""
        return np.asarray(self.X[RISK].to_numpy() * self.retained_value)

    def saving(self, effects: Floats) -> Floats:
        """Currency that contacts save by their effects on the outcome, both (n, K)."""
        return saving(self.outcome, effects, self.retained_value)


@dataclass(frozen=True)
class UpliftEvaluation:
    """How well a model predicts the effect of each row's best treatment out of fold; n rows."""

    cross_fitted: CrossFitted  # of money, the effect with its sign turned: what is lost
    saving: Floats  # (n,) predicted, currency
    saving_score: Floats  # (n,) doubly robust score of it
    treatment: NDArray[np.int64]  # (n,) position of the best
    qini: Qini
    quintiles: list[EffectQuintile]
    comparison: RankingComparison


@dataclass(frozen=True)
class FittedUplift:
    """Uplift models fitted on all rows, by treatment, and their use."""

    models: dict[str, UpliftModel]
    evaluation: UpliftEvaluation
    sleeping_dog_threshold: float | None  # as `metrics.sleeping_dog_threshold`


def why_not_learnable(
    treated: ArrayLike, y: ArrayLike, customer: ArrayLike, outcome: Outcome = "churn"
) -> str:
    """Say why there is too little to fit an uplift model on.

    Parameters
    ----------
    treated : array-like of shape (n,)
        0 or 1.
    y : array-like of shape (n,)
        0 or 1, or currency.
    customer : array-like of shape (n,)
        A customer counts once, however many rows they have.
    outcome : {"churn", "money"}

    Returns
    -------
    str
        Empty where each arm has MIN_CUSTOMERS_PER_ARM customers who churned and as many who
        stayed; where the outcome is money, who brought any.
    """
    is_treated, outcomes = np.asarray(treated, dtype=bool), np.asarray(y, dtype=float)
    customers, has_outcome = np.asarray(customer), outcomes != 0
    sides = {"brought money": has_outcome}
    if outcome == "churn":
        sides = {"churned": has_outcome, "stayed": ~has_outcome}
    for words, side in sides.items():
        contact, holdout = (len(set(customers[side & arm])) for arm in (is_treated, ~is_treated))
        if min(contact, holdout) < MIN_CUSTOMERS_PER_ARM:
            return (
                f"of the customers assigned to contact {contact:,} have {words} so far, of those "
                f"held out {holdout:,}; {MIN_CUSTOMERS_PER_ARM} of each are needed"
            )
    return ""


def evaluate_uplift(
    make_model: Callable[[], UpliftModel], dataset: UpliftDataset, contact_share: float
) -> UpliftEvaluation:
    """Compare ranking by a model's uplift with ranking by expected loss, out of fold.

    Parameters
    ----------
    make_model : callable
        Makes an unfitted model of the data set's outcome.
    dataset : UpliftDataset
        n rows.
    contact_share : float in [0, 1]
        Of the customers, those who can be contacted.

    Returns
    -------
    UpliftEvaluation
    """
    experiment, treatments = dataset.experiment, dataset.treatments
    effects, fold = cross_fit_each(make_model, dataset.X, experiment, treatments)
    scores = treatments.scores(experiment.y, dataset.expected)
    possible = np.column_stack([treatments.was_possible(k) for k in range(len(treatments.names))])
    savings, saving_scores = dataset.saving(effects), dataset.saving(scores)
    best = best_treatment(np.where(possible, savings - treatments.cost, -np.inf))
    cheapest = best_treatment(np.where(possible, -treatments.cost, -np.inf))
    sign = 1.0 if dataset.outcome == "churn" else -1.0
    cross_fitted = CrossFitted(sign * of_treatment(effects, best), fold)
    harm, customer = sign * of_treatment(scores, best), experiment.customer
    cost, predicted = treatments.cost[best], of_treatment(savings, best)
    gained = of_treatment(saving_scores, best)
    return UpliftEvaluation(
        cross_fitted=cross_fitted,
        saving=predicted,
        saving_score=gained,
        treatment=best,
        qini=metrics.qini(cross_fitted, harm, customer),
        quintiles=metrics.effect_calibration(cross_fitted, harm, customer),
        comparison=metrics.compare_rankings(
            Ranking(predicted - cost, gained - cost),
            Ranking(
                dataset.expected_loss,
                of_treatment(saving_scores, cheapest) - treatments.cost[cheapest],
            ),
            fold,
            customer,
            contact_share,
        ),
    )


def fit_uplift(
    make_model: Callable[[], UpliftModel], dataset: UpliftDataset, contact_share: float
) -> FittedUplift:
    """Fit a model per treatment on all rows, and evaluate it out of fold.

    Parameters
    ----------
    make_model, dataset, contact_share
        As `evaluate_uplift`.

    Returns
    -------
    FittedUplift
    """
    evaluation = evaluate_uplift(make_model, dataset, contact_share)
    models = fit_each(make_model, dataset.X, dataset.experiment, dataset.treatments)
    threshold = metrics.sleeping_dog_threshold(evaluation.quintiles)
    return FittedUplift(models, evaluation, threshold)


def evaluation_figures(evaluation: UpliftEvaluation) -> UpliftFigures:
    """Lay out an evaluation as JSON.

    Parameters
    ----------
    evaluation : UpliftEvaluation

    Returns
    -------
    UpliftFigures
        Gains in currency per eligible customer; effects as changes of the churn probability, or as
        currency lost.
    """
    qini, comparison = evaluation.qini, evaluation.comparison
    return UpliftFigures(
        qini=_figure(qini.coefficient, qini.interval),
        share_contacted=comparison.contact_share,
        gain_at_random=comparison.at_random,
        gain_by_loss=comparison.by_loss,
        gain_by_uplift=comparison.by_uplift,
        better_by=_figure(comparison.difference, comparison.interval),
        fifths=tuple(
            UpliftQuintile(
                rows=quintile.rows,
                least=quintile.lowest,
                predicted=quintile.predicted,
                measured=quintile.measured,
                low=quintile.low,
                high=quintile.high,
            )
            for quintile in evaluation.quintiles
        ),
    )


def _figure(value: float, interval: Interval) -> MeasuredFigure:
    return MeasuredFigure(value=value, low=interval.low, high=interval.high)
