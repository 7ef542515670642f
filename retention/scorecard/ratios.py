"""A measure taken: its ratio for a period, for groups, with an interval that knows customers."""

import numpy as np
import pandas as pd

from retention.scorecard.report_data import Figure
from retention.stats.intervals import Z95


def ratio(rows: pd.DataFrame, most: float = np.inf) -> Figure:
    """The sum of `part` over that of `whole`, with 95 % by linearisation, within 0 and `most`.

    Rows of one customer hang together, so the variance is over customers (Cochran 1977, eq. 6.13):
    var = sum (part_i - R whole_i)^2 / (sum whole)^2; `n` rows. No value without a whole, and no
    interval for one customer.
    """
    whole = float(rows["whole"].sum())
    if whole <= 0:
        return Figure()
    value = float(rows["part"].sum()) / whole
    sums = rows.groupby("customer_id")[["part", "whole"]].sum()
    if len(sums) < 2:
        return Figure(value, n=len(rows))
    off = (sums["part"] - value * sums["whole"]).to_numpy()
    half = Z95 * float(np.sqrt((off**2).sum())) / whole
    return Figure(value, max(value - half, 0.0), min(value + half, most), len(rows))


def within(rows: pd.DataFrame, start: int, end: int) -> pd.DataFrame:
    """The rows of the days start <= day < end."""
    return rows[(rows["day"] >= start) & (rows["day"] < end)]


def by_period(rows: pd.DataFrame, starts: list[int], days: int) -> pd.DataFrame:
    """period, part, whole of each period: the sums, 0 where nothing fell into it."""
    day = rows["day"].to_numpy()
    place = np.searchsorted(starts, day, side="right") - 1
    inside = (place >= 0) & (day < max(starts, default=0) + days)
    sums = rows[inside].groupby(place[inside])[["part", "whole"]].sum()
    told = sums.reindex(range(len(starts)), fill_value=0.0)
    return told.assign(period=starts).reset_index(drop=True)


def difference(now: Figure, before: Figure) -> float | None:
    """z of the difference between two periods' ratios; None where one cannot be taken."""
    one, two = _moments(now), _moments(before)
    if one is None or two is None:
        return None
    spread = float(np.hypot(one[1], two[1]))
    return (one[0] - two[0]) / spread if spread > 0 else 0.0


def apart(part: Figure, whole: Figure, share: float) -> float | None:
    """z of a group's ratio against that of all, of whose `whole` it has a share; None as above.

    The error is the larger of its own and what so many cases of all would have: a few cases that
    are all alike have none of their own.
    """
    one, every = _moments(part), _moments(whole)
    if one is None or every is None or share <= 0:
        return None
    spread = max(one[1], every[1] / float(np.sqrt(share)))
    return (one[0] - every[0]) / spread if spread > 0 else 0.0


def _moments(figure: Figure) -> tuple[float, float] | None:
    """Value and standard error, from the wider side: the other may have met its bound."""
    if figure.value is None or figure.low is None or figure.high is None:
        return None
    return figure.value, max(figure.value - figure.low, figure.high - figure.value) / Z95
