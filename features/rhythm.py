"""Rhythm: the gaps between purchase days, and the present silence against them."""

import narwhals as nw

from features.engine.base import DERIVED, count, feature, ratio, within
from features.engine.grains import purchase_days

_USUAL = "last visit {days_since_purchase:days} ago, usually every {median_gap:n}"


@feature(purchase_days, unit="days")
def mean_gap() -> nw.Expr:
    """Mean gap between purchase days. Null with fewer than two."""
    return ratio(nw.col("gap").sum(), nw.col("gap").count())


@feature(purchase_days, unit="days")
def median_gap() -> nw.Expr:
    """Median gap between purchase days: the usual rhythm. Null with fewer than two."""
    return nw.col("gap").median()


@feature(purchase_days, unit="days")
def gap_deviation() -> nw.Expr:
    """Standard deviation of the gaps, from integer sums. Null with fewer than three days."""
    gap = nw.col("gap").cast(nw.Int64())
    number, sums, squares = gap.count(), gap.sum(), (gap * gap).sum()
    variance = ratio(number * squares - sums * sums, number * (number - 1))
    return variance.sqrt()


@feature(purchase_days, unit="days")
def longest_gap() -> nw.Expr:
    """The longest gap between purchase days."""
    return nw.col("gap").max()


@feature(purchase_days, unit="days")
def last_gap() -> nw.Expr:
    """The gap before the last purchase day."""
    return nw.when(nw.col("age") == nw.col("silence")).then(nw.col("gap")).max()


@feature(purchase_days, unit="days")
def recent_gap() -> nw.Expr:
    """Mean of the last five gaps. Null with fewer than six purchase days."""
    last = nw.when(nw.col("age") == nw.col("silence")).then(nw.col("gap_5"))
    return last.max().cast(nw.Float64()) / 5


@feature(purchase_days, unit="days", windows=(90, 180))
def mean_gap_recent(days: int) -> nw.Expr:
    """Mean of the gaps that ended within the last {days} days."""
    rows = within(days) & ~nw.col("gap").is_null()
    return ratio(nw.when(rows).then(nw.col("gap")).otherwise(0).sum(), count(rows))


@feature(purchase_days, unit="share", words=_USUAL, alarming="low")
def longer_gaps_share() -> nw.Expr:
    """Share of the customer's own gaps that were at least as long as the present silence."""
    longer = nw.col("gap") >= nw.col("silence")
    return ratio(count(longer), nw.col("gap").count())


@feature(DERIVED, unit="days", words=_USUAL, alarming="high")
def overdue_days() -> nw.Expr:
    """Days since the last purchase less the usual (median) gap."""
    return nw.col("days_since_purchase") - nw.col("median_gap")


@feature(DERIVED, unit="ratio", words=_USUAL, alarming="high")
def overdue_ratio() -> nw.Expr:
    """Days since the last purchase against the mean gap."""
    return ratio(nw.col("days_since_purchase"), nw.col("mean_gap"))


@feature(DERIVED, unit="ratio", words=_USUAL, alarming="high")
def overdue_recent_ratio() -> nw.Expr:
    """Days since the last purchase against the mean of the last five gaps."""
    return ratio(nw.col("days_since_purchase"), nw.col("recent_gap"))


@feature(DERIVED, unit="ratio", words=_USUAL, alarming="high")
def overdue_longest_ratio() -> nw.Expr:
    """Days since the last purchase against the longest gap."""
    return ratio(nw.col("days_since_purchase"), nw.col("longest_gap"))


@feature(
    DERIVED,
    unit="ratio",
    words="lately a visit every {recent_gap:days}, over all every {mean_gap:days}",
    alarming="high",
)
def gap_growth() -> nw.Expr:
    """Mean of the last five gaps against the mean of all."""
    return ratio(nw.col("recent_gap"), nw.col("mean_gap"))


@feature(DERIVED, unit="ratio")
def gap_variation() -> nw.Expr:
    """Deviation of the gaps against their mean: 0 is a clock."""
    return ratio(nw.col("gap_deviation"), nw.col("mean_gap"))
