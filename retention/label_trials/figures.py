"""The figures of one pair of windows: who is lost, who comes back, and how well it can be told."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import pairwise
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.churn_rfm_logistic import RFMLogistic
from models.components.rfm import FREQUENCY, MONEY, RECENCY, TENURE
from retention.label_trials.past_days import CUSTOMER, END, NEXT, NOTICED
from retention.label_trials.setting import LabelWindows, Setting
from retention.stats.intervals import Z95, Floats, wilson_interval
from retention.training import metrics

PERIODS: Final = 4
"""Label windows that are looked at, one before the other, backwards from as_of."""

FOLLOWED: Final = 2
"""Of those whose follow-up has passed."""

_COLUMNS: Final = [RECENCY, FREQUENCY, MONEY, TENURE]


@dataclass(frozen=True)
class Estimate95:
    """A number with its 95 % interval, and of how many customers it is."""

    value: float
    low: float
    high: float
    n: int


Days = Mapping[int, pd.DataFrame]
"""`customers_on` by day."""


def period_days(setting: Setting, horizon: int) -> list[int]:
    """The days whose label was mature at as_of, newest first, a label delay apart."""
    delay = setting.delay_days(horizon)
    return [setting.as_of - n * delay for n in range(1, PERIODS + 1)]


def followed_days(setting: Setting, horizon: int) -> list[int]:
    """The days after whose label the follow-up has passed too, newest first."""
    delay = setting.delay_days(horizon)
    newest = setting.as_of - setting.follow_up_days
    return [newest - n * delay for n in range(1, FOLLOWED + 1)]


@dataclass(frozen=True)
class LabelledDay:
    """The cohort of a past day by a pair of windows."""

    rows: pd.DataFrame
    churned: NDArray[np.bool_]
    returned: NDArray[np.bool_]  # of those who churned, within the follow-up


def labelled_days(
    setting: Setting, days: Days, windows: LabelWindows, is_followed: bool = False
) -> list[LabelledDay]:
    """The cohorts of `period_days`, or `followed_days`, newest first.

    Those before which `active_days` of history exist.
    """
    choose = followed_days if is_followed else period_days
    return [
        _labelled(setting, days[day], day, windows)
        for day in choose(setting, windows.horizon_days)
        if day in days and day >= setting.first_day + windows.active_days
    ]


def _labelled(setting: Setting, rows: pd.DataFrame, day: int, windows: LabelWindows) -> LabelledDay:
    end = day + setting.labels.churn.gap_days + windows.horizon_days
    following = rows[NEXT].to_numpy()
    if setting.is_cancel:
        left = rows[END].to_numpy()
        return LabelledDay(
            rows, left < end, (left < end) & (following < left + setting.follow_up_days)
        )
    is_active = (rows[RECENCY] <= windows.active_days).to_numpy()
    following, rows = following[is_active], rows[is_active]
    is_back = following < end + setting.follow_up_days
    return LabelledDay(rows, following >= end, (following >= end) & is_back)


def clustered_share(
    hits: Floats, counted: Floats, customers: Sequence[NDArray[np.object_]]
) -> Estimate95:
    """A share over several days, its interval widened where the days share customers.

    Parameters
    ----------
    hits, counted : ndarray of shape (n,)
        0 or 1; a row counts where `counted` is 1.
    customers : sequence of ndarray
        Ids of the rows, n in all.

    Returns
    -------
    Estimate95
        Score interval at the effective number of rows; n counts distinct customers. nan without
        rows.

    References
    ----------
    Kish (1965), Survey Sampling, section 8.2: rows over the design effect.
    """
    ids = np.concatenate(customers) if customers else np.array([], dtype=object)
    is_counted = counted > 0
    total = float(counted.sum())
    if not total:
        return Estimate95(np.nan, np.nan, np.nan, 0)
    code, distinct = pd.factorize(ids[is_counted])
    rate = float(hits[is_counted].sum()) / total
    n_effective = float(len(distinct))
    if 0 < rate < 1:
        residuals = np.bincount(code, weights=hits[is_counted] - rate)
        design = (residuals**2).sum() / (total * rate * (1 - rate))
        n_effective = total / max(design, 1e-9)
    n_effective = min(n_effective, total)
    low, high = wilson_interval(rate * n_effective, n_effective)
    return Estimate95(rate, float(low), float(high), len(distinct))


def _pooled(
    days: Sequence[LabelledDay], hits: Sequence[Floats], counted: Sequence[Floats]
) -> Estimate95:
    if not days:
        return Estimate95(np.nan, np.nan, np.nan, 0)
    ids = [day.rows[CUSTOMER].to_numpy(dtype=object) for day in days]
    return clustered_share(np.concatenate(hits), np.concatenate(counted), ids)


def churn_rate(days: Sequence[LabelledDay]) -> Estimate95:
    """The share of the cohorts that was lost."""
    churned = [day.churned.astype(float) for day in days]
    return _pooled(days, churned, [np.ones(len(each)) for each in churned])


def back_rate(followed: Sequence[LabelledDay]) -> Estimate95:
    """The share of those counted as lost who came back within the follow-up."""
    churned = [day.churned.astype(float) for day in followed]
    return _pooled(followed, [day.returned.astype(float) for day in followed], churned)


def noticed_rate(days: Sequence[LabelledDay]) -> Estimate95:
    """The share of those who left who had given notice by the snapshot; of contracts only."""
    churned = [day.churned.astype(float) for day in days]
    noticed = [
        day.rows[NOTICED].fillna(0).to_numpy(dtype=float) * left
        for day, left in zip(days, churned, strict=True)
    ]
    return _pooled(days, noticed, churned)


def still_coming_rate(
    setting: Setting, days: Days, horizon: int, silent_from: int, silent_to: int
) -> Estimate95:
    """Of customers silent for (silent_from, silent_to] days: the share who came in the horizon."""
    cohorts = labelled_days(setting, days, LabelWindows(horizon, silent_to))
    silent = [(day.rows[RECENCY].to_numpy() > silent_from).astype(float) for day in cohorts]
    came = [
        was_silent * (1.0 - day.churned) for was_silent, day in zip(silent, cohorts, strict=True)
    ]
    return _pooled(cohorts, came, silent)


# How well it can be told


def fitted(day: LabelledDay, min_churners: int) -> RFMLogistic | None:
    """Recency, frequency, money and tenure against the label of a day; None with too few."""
    y = day.churned.astype(float)
    if min(y.sum(), len(y) - y.sum()) < min_churners:
        return None
    return RFMLogistic().fit(day.rows[_COLUMNS], y)


def auc(days: Sequence[LabelledDay], min_churners: int) -> Estimate95:
    """Each day is told by a model of the day a label delay before it; the mean of the days.

    Parameters
    ----------
    days : sequence of LabelledDay
        Newest first, a label delay apart.
    min_churners : int
        Fewer of either outcome are not learnt from.

    Returns
    -------
    Estimate95
        The interval is that of one day: the days share customers. n is the mean number of lost.

    References
    ----------
    Hanley & McNeil (1982), The meaning and use of the area under a ROC curve, Radiology 143.
    """
    values, widths, lost = [], [], []
    for later, earlier in pairwise(days):
        model, y = fitted(earlier, min_churners), later.churned.astype(float)
        value = (
            np.nan
            if model is None
            else metrics.roc_auc(y, model.predict_proba(later.rows[_COLUMNS])[:, 1])
        )
        if np.isfinite(value):
            values.append(value)
            widths.append(Z95 * _auc_error(value, float(y.sum()), float((1 - y).sum())))
            lost.append(y.sum())
    if not values:
        return Estimate95(np.nan, np.nan, np.nan, 0)
    value, half = float(np.mean(values)), float(np.mean(widths))
    return Estimate95(value, max(value - half, 0.0), min(value + half, 1.0), round(np.mean(lost)))


def _auc_error(value: float, churners: float, stayers: float) -> float:
    by_churner, by_stayer = value / (2 - value), 2 * value**2 / (1 + value)
    variance = value * (1 - value) + (churners - 1) * (by_churner - value**2)
    variance += (stayers - 1) * (by_stayer - value**2)
    return float(np.sqrt(max(variance, 0.0) / (churners * stayers)))


def top_customers(model: RFMLogistic, rows: pd.DataFrame, capacity: int) -> frozenset[str]:
    """Who would be on today's list: the highest chance, times their money a day where there is."""
    worth = rows[MONEY].to_numpy() / np.maximum(rows[TENURE].to_numpy(), 1.0)
    weight = np.maximum(worth, 0.0) if (worth > 0).any() else np.ones(len(rows))
    score = model.predict_proba(rows[_COLUMNS])[:, 1] * weight
    order = np.lexsort((rows[CUSTOMER].to_numpy(dtype=str), -score))[:capacity]
    return frozenset(rows[CUSTOMER].to_numpy(dtype=object)[order])
