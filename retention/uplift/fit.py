"""Fit and evaluate uplift models on randomised customers."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from models.components.base import Floats
from models.components.uplift import RISK, ExperimentData, UpliftModel
from retention.core.documents.modelling import MeasuredFigure, UpliftFigures, UpliftQuintile
from retention.stats.bootstrap import Interval
from retention.uplift import metrics
from retention.uplift.metrics import CrossFitted, EffectQuintile, Qini, RankingComparison

MIN_CHURNED_PER_ARM: Final = 100  # customers; below it nothing is fitted


@dataclass(frozen=True)
class UpliftDataset:
    """Randomised customers as they stood before assignment, with their outcomes; n rows."""

    X: pd.DataFrame  # (n, features) with RISK, the churn probability without contact
    experiment: ExperimentData  # treatment, outcome, propensity and customer of each row
    retained_value: Floats  # (n,) currency; value if kept less value if lost, over the windows
    # for which a retained customer is believed to stay

    @property
    def expected_loss(self) -> Floats:
        """(n,) currency, without contact."""
        return np.asarray(self.X[RISK].to_numpy() * self.retained_value)


@dataclass(frozen=True)
class UpliftEvaluation:
    """How well a model predicts the effect out of fold."""

    cross_fitted: CrossFitted
    qini: Qini
    quintiles: list[EffectQuintile]
    comparison: RankingComparison


@dataclass(frozen=True)
class FittedUplift:
    """An uplift model fitted on all rows, and its use."""

    model: UpliftModel
    evaluation: UpliftEvaluation
    sleeping_dog_threshold: float | None  # as `metrics.sleeping_dog_threshold`


def why_not_learnable(treated: ArrayLike, churned: ArrayLike, customer: ArrayLike) -> str:
    """Say why there is too little to fit an uplift model on.

    Parameters
    ----------
    treated, churned : array-like of shape (n,)
        0 or 1.
    customer : array-like of shape (n,)
        A customer counts once, however many rows they have.

    Returns
    -------
    str
        Empty where each arm has MIN_CHURNED_PER_ARM churners.
    """
    is_treated, has_churned = np.asarray(treated, dtype=bool), np.asarray(churned, dtype=bool)
    customers = np.asarray(customer)
    contact, holdout = (len(set(customers[has_churned & arm])) for arm in (is_treated, ~is_treated))
    if min(contact, holdout) >= MIN_CHURNED_PER_ARM:
        return ""
    return (
        f"of the customers assigned to contact {contact:,} have churned so far, of those held out "
        f"{holdout:,}; {MIN_CHURNED_PER_ARM} of each are needed"
    )


def evaluate_uplift(
    make_model: Callable[[], UpliftModel],
    dataset: UpliftDataset,
    contact_share: float,
    cost: float,
) -> UpliftEvaluation:
    """Compare ranking by a model's uplift with ranking by expected loss, out of fold.

    Parameters
    ----------
    make_model : callable
        Makes an unfitted model.
    dataset : UpliftDataset
        n rows.
    contact_share : float in [0, 1]
        Of the customers, those who can be contacted.
    cost : float
        Of a contact, currency.

    Returns
    -------
    UpliftEvaluation
    """
    experiment, customer = dataset.experiment, dataset.experiment.customer
    cross_fitted = metrics.cross_fit(make_model, dataset.X, experiment)
    scores = experiment.doubly_robust_scores(dataset.X[RISK].to_numpy())
    return UpliftEvaluation(
        cross_fitted=cross_fitted,
        qini=metrics.qini(cross_fitted, scores, customer),
        quintiles=metrics.effect_calibration(cross_fitted, scores, customer),
        comparison=metrics.compare_rankings(
            cross_fitted,
            dataset.expected_loss,
            dataset.retained_value,
            scores,
            customer,
            contact_share,
            cost,
        ),
    )


def fit_uplift(
    make_model: Callable[[], UpliftModel],
    dataset: UpliftDataset,
    contact_share: float,
    cost: float,
) -> FittedUplift:
    """Fit a model on all rows, and evaluate it out of fold.

    Parameters
    ----------
    make_model, dataset, contact_share, cost
        As `evaluate_uplift`.

    Returns
    -------
    FittedUplift
    """
    evaluation, experiment = (
        evaluate_uplift(make_model, dataset, contact_share, cost),
        dataset.experiment,
    )
    model = make_model().fit(
        dataset.X,
        experiment.treated,
        experiment.churned,
        experiment.propensity,
        experiment.customer,
    )
    threshold = metrics.sleeping_dog_threshold(evaluation.quintiles)
    return FittedUplift(model, evaluation, threshold)


def evaluation_figures(evaluation: UpliftEvaluation) -> UpliftFigures:
    """Lay out an evaluation as JSON.

    Parameters
    ----------
    evaluation : UpliftEvaluation

    Returns
    -------
    UpliftFigures
        Gains in currency per eligible customer; effects as changes of the churn probability.
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
