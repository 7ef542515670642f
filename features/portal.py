"""Portal: how much the customer uses it, and whether tasks can be done there."""

import narwhals as nw

from features.engine.base import count, feature, ratio, within
from features.engine.service_grains import visits as visited

FAILED = nw.col("failed") == 1


@feature(
    visited,
    unit="visits",
    none=0,
    windows=(30, 90),
    words="used the portal {visits_Nd:times} in the last {days} days",
)
def visits(days: int) -> nw.Expr:
    """Visits to the portal in the last {days} days."""
    return count(within(days))


@feature(
    visited,
    unit="ratio",
    spans=210,
    words="uses the portal {visits_to_usual:percent} as much as before",
)
def visits_to_usual() -> nw.Expr:
    """Visits to the portal in the last 30 days against the monthly mean of the 180 before."""
    return ratio(6 * count(within(30)), count(within(180, skip=30)))


@feature(
    visited,
    unit="days",
    words="last used the portal {days_since_visit:days} ago",
    alarming="high",
)
def days_since_visit() -> nw.Expr:
    """Days from the last visit to the portal to the snapshot."""
    return nw.col("age").min()


@feature(
    visited,
    unit="tasks",
    none=0,
    windows=(30, 90),
    words="could not finish a task in the portal {failed_tasks_Nd:times} in the last {days} days",
    alarming="high",
)
def failed_tasks(days: int) -> nw.Expr:
    """Visits to the portal in the last {days} days whose task could not be done."""
    return count(within(days) & FAILED)


@feature(
    visited,
    unit="share",
    windows=(90,),
    words="{failed_tasks_share_Nd:percent} of the visits to the portal in {days} days failed",
    alarming="high",
)
def failed_tasks_share(days: int) -> nw.Expr:
    """Share of the visits to the portal in the last {days} days whose task could not be done."""
    return ratio(count(within(days) & FAILED), count(within(days)))
