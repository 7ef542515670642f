"""How far curves and lifetime values were right on past snapshots, each as of its own day."""

from typing import Any, Final

import numpy as np

from models.components.base import Floats
from models.components.curve import Curve
from models.components.lifetime import LifetimeValue
from retention.core import point_in_time
from retention.core.artefacts.modelling import LEAVE_WITHIN
from retention.core.documents.modelling import LifetimeFigures, LifetimeReport
from retention.stats import weighted
from retention.training.durations import Durations
from retention.training.lifetime import LifetimeFold, LifetimeSpec, LifetimeTraining

_COVERED: Final = 0.8  # what an interval is meant to cover


def lifetime_report(training: LifetimeTraining, spec: LifetimeSpec, day: int) -> LifetimeReport:
    """What is used on a day, and how earlier folds fared by what was known on theirs.

    Parameters
    ----------
    training : LifetimeTraining
        With its folds.
    spec : LifetimeSpec
        Of the day.
    day : int
        Day number.

    Returns
    -------
    LifetimeReport
    """
    figures = [
        each
        for fold in training.folds
        for each in _figures(training, fold, training.spec(fold.fold.test), day)
    ]
    value_days = training.params.labels.value.horizon_days
    return LifetimeReport(
        horizon_days=training.params.train.lifetime_days,
        weights=spec.weights,
        windows_known=spec.factors.windows_known,
        value_known_days=spec.factors.windows_known * value_days,
        figures=tuple(figures),
    )


def _figures(
    training: LifetimeTraining, fold: LifetimeFold, spec: LifetimeSpec, day: int
) -> list[LifetimeFigures]:
    durations = training.durations.take(fold.positions)
    followed = int(durations.followed(day, training.params).max(initial=0))
    curve = training.curve_of(fold, spec)
    churn, window_days = training.params.labels.churn, training.params.labels.value.horizon_days
    value = LifetimeValue(window_days, spec.factors)
    weight = fold.weight
    figures = []
    for days in LEAVE_WITHIN:
        if not churn.horizon_days <= days <= followed and not (
            churn.rule == "cancel" and days <= followed
        ):
            continue
        left = (durations.left <= days).astype(float)
        chance = curve.left_by(days)
        alike = kaplan_meier(training, fold, days)
        figures.append(
            LifetimeFigures(
                snapshot=point_in_time.date_of(fold.fold.test),
                days=days,
                customers=len(left),
                left=weighted.mean(left, weight),
                chance=weighted.mean(chance, weight),
                brier=weighted.mean((left - chance) ** 2, weight),
                brier_kaplan_meier=weighted.mean((left - alike) ** 2, weight),
                **_value_figures(value, durations, curve, fold, spec, days, window_days),
            )
        )
    return figures


def _value_figures(
    value: LifetimeValue,
    durations: Durations,
    curve: Curve,
    fold: LifetimeFold,
    spec: LifetimeSpec,
    days: int,
    window_days: int,
) -> dict[str, Any]:
    """Bias and error of the value of the whole windows within some days; nothing below one."""
    windows = days // window_days
    if not windows:
        return {}
    whole = windows * window_days
    expected = value.expected(curve, fold.if_kept, fold.if_lost, whole)
    actual = durations.values[:, :windows].sum(axis=1)
    total = float((fold.weight * actual).sum())
    figures: dict[str, Any] = {
        "value_days": whole,
        "value_error": weighted.mean(np.abs(actual - expected), fold.weight),
    }
    if total > 0:
        figures["value_bias"] = float((fold.weight * expected).sum()) / total
    if spec.interval is not None and spec.interval_days == whole:
        low, high = spec.interval.predict(expected)
        inside = ((actual >= low) & (actual <= high)).astype(float)
        figures["covered"] = weighted.mean(inside, fold.weight)
    return figures


def kaplan_meier(training: LifetimeTraining, fold: LifetimeFold, days: int) -> float:
    """P(left within some days) of all customers alike, from what a fold's past knew on its day.

    Parameters
    ----------
    training : LifetimeTraining
    fold : LifetimeFold
    days : int

    Returns
    -------
    float
        The product-limit estimate; beyond what was followed it stays what it was.

    References
    ----------
    Kaplan & Meier (1958), Nonparametric estimation from incomplete observations, JASA 53.
    """
    trained = np.flatnonzero(np.isin(training.rows.day, fold.fold.train))
    durations = training.durations.take(trained)
    followed = durations.followed(fold.fold.test, training.params)
    weight = training.rows.weight[trained]
    return product_limit(durations.left, followed.astype(float), weight, days)


def product_limit(left: Floats, followed: Floats, weight: Floats, days: float) -> float:
    """1 - the product-limit estimate of staying some days.

    Parameters
    ----------
    left : ndarray of shape (n,)
        Days after which a customer left; NaN: not known to have left.
    followed : ndarray of shape (n,)
        Days of follow-up.
    weight : ndarray of shape (n,)
        Row weights.
    days : float

    Returns
    -------
    float
    """
    is_event = ~np.isnan(left) & (left <= followed)
    time = np.where(is_event, left, followed)
    order = np.argsort(time, kind="stable")
    at_risk = np.cumsum(weight[order][::-1])[::-1]
    times, first = np.unique(time[order], return_index=True)
    events = np.add.reduceat((weight * is_event)[order], first) if len(first) else np.empty(0)
    used = times <= days
    return float(1 - np.prod(1 - events[used] / at_risk[first][used]))
