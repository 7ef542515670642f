"""Regularity: in how many weeks, and on which days, the customer comes."""

import narwhals as nw

from features.engine.base import count, feature, ratio
from features.engine.grains import purchase_days, weeks


@feature(
    weeks,
    unit="share",
    none=0,
    windows=(28, 56, 91, 182, 364),
    words="came in {active_weeks_Nd:of {weeks}}",
)
def active_weeks(days: int) -> nw.Expr:
    """Share of the weeks of the last {days} days with a purchase."""
    return count(nw.col("week") <= days // 7).cast(nw.Float64()) / (days // 7)


@feature(weeks, unit="weeks")
def first_active_week() -> nw.Expr:
    """Weeks from the first purchase to the snapshot."""
    return nw.col("week").max()


@feature(weeks, unit="days per week")
def days_per_active_week() -> nw.Expr:
    """Mean number of purchase days in a week with any."""
    return ratio(nw.col("days").sum(), nw.len())


@feature(purchase_days, unit="share")
def weekend_share() -> nw.Expr:
    """Share of purchase days that are Saturdays or Sundays."""
    weekday = (nw.col("occurred_day") + 3) % 7
    return ratio(count(weekday >= 5), nw.len())
