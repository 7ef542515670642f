"""Ratios of sums by period and group, with intervals clustered by customer."""

import numpy as np
import pandas as pd

from retention.scorecard.report_data import Figure
from retention.stats.intervals import Z95


def ratio(rows: pd.DataFrame, max_value: float = np.inf) -> Figure:
    """The sum of `part` over that of `whole`; 95 % interval by linearisation, in [0, max_value].

    Rows of one customer are correlated, so the variance is over customers (Cochran 1977, eq. 6.13):
    var = sum (part_i - R whole_i)^2 / (sum whole)^2; `n` is the number of rows. No value without a
    whole, and no interval for one customer.
    """
    whole = float(rows["whole"].sum())
    if whole <= 0:
        return Figure()
    value = float(rows["part"].sum()) / whole
    sums = rows.groupby("customer_id")[["part", "whole"]].sum()
    if len(sums) < 2:
        return Figure(value, n=len(rows))
    residual = (sums["part"] - value * sums["whole"]).to_numpy()
    half = Z95 * float(np.sqrt((residual**2).sum())) / whole
    return Figure(value, max(value - half, 0.0), min(value + half, max_value), len(rows))


def in_period(rows: pd.DataFrame, start: int, end: int) -> pd.DataFrame:
    """The rows of the days start <= day < end."""
    return rows[(rows["day"] >= start) & (rows["day"] < end)]


def sums_by_period(rows: pd.DataFrame, starts: list[int], days: int) -> pd.DataFrame:
    """period, part, whole: the sums of each period, 0 where it has no rows."""
    day = rows["day"].to_numpy()
    index = np.searchsorted(starts, day, side="right") - 1
    inside = (index >= 0) & (day < max(starts, default=0) + days)
    sums = rows[inside].groupby(index[inside])[["part", "whole"]].sum()
    full = sums.reindex(range(len(starts)), fill_value=0.0)
    return full.assign(period=starts).reset_index(drop=True)


def z_between_periods(
    now: Figure, before: Figure, expected: float = 0.0, expected_error: float = 0.0
) -> float | None:
    """z of the difference between two periods' ratios; None without both intervals.

    expected: the difference that is normal, with its standard error.
    """
    current, previous = _value_and_error(now), _value_and_error(before)
    if current is None or previous is None:
        return None
    spread = float(np.hypot(np.hypot(current[1], previous[1]), expected_error))
    return (current[0] - previous[0] - expected) / spread if spread > 0 else 0.0


def z_against_all(part: Figure, whole: Figure, share_of_cases: float) -> float | None:
    """z of a group's ratio against that of all customers; None without both intervals.

    share_of_cases: the group's share of the sum of `whole`. The error is the larger of the group's
    own and that of a sample of all of its size: a few cases that are all alike have an error of 0.
    """
    group, overall = _value_and_error(part), _value_and_error(whole)
    if group is None or overall is None or share_of_cases <= 0:
        return None
    spread = max(group[1], overall[1] / float(np.sqrt(share_of_cases)))
    return (group[0] - overall[0]) / spread if spread > 0 else 0.0


def _value_and_error(figure: Figure) -> tuple[float, float] | None:
    """Value and standard error, from the wider side: the other may be cut off at a bound."""
    if figure.value is None or figure.low is None or figure.high is None:
        return None
    return figure.value, max(figure.value - figure.low, figure.high - figure.value) / Z95
