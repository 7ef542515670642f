"""Journey: what went wrong on the customer's way with the company, and where on it they stand."""

import narwhals as nw

from features.engine.base import DERIVED, Past, count, feature, grain, ratio, total, within
from features.engine.grains import orders
from features.engine.service_grains import failures as failed
from retention.cohort.episodes import contract_episodes
from retention.core.point_in_time import Frame

HALF_LIFE = 70
PARTS = 2**40  # of a weight: sums of whole numbers are the same in any order
RECENT, ONBOARDING = 180, 60


@grain("delivery", "invoice", "payment", "resolution")
def causes(past: Past) -> Frame:
    """One row a customer and cause of failure: customer_id, cause, age of the last."""
    return past[failed].group_by("customer_id", "cause").agg(age=nw.col("age").min())


@grain("delivery", "invoice", "payment", "resolution")
def recent_failures(past: Past) -> Frame:
    """One row a failure of the last 180 days: customer_id, cause; first: of the first day."""
    rows = past[failed].filter(within(RECENT))
    first = nw.col("age") == nw.col("age").max().over("customer_id")
    return rows.select("customer_id", "cause", first=first)


@grain("contact")
def uncomplained(past: Past) -> Frame:
    """One row a failure without a complaint, where contacts are known: customer_id, age."""
    return past[failed].filter(nw.col("silent") == 1).select("customer_id", "age")


@grain("delivery", "invoice", "payment", "resolution")
def stages(past: Past) -> Frame:
    """One row a failure: customer_id, since: days from the customer's beginning to it.

    That is when the first contract began; where there was none, the first purchase.
    """
    episodes = contract_episodes(past.all_events)
    began = episodes.group_by("customer_id").agg(start_day=nw.col("start_day").min())
    bought = past[orders].group_by("customer_id").agg(bought_day=nw.col("occurred_day").min())
    since = nw.col("occurred_day") - nw.coalesce(nw.col("start_day"), nw.col("bought_day"))
    rows = past[failed].join(began, on="customer_id", how="left")
    return rows.join(bought, on="customer_id", how="left").select("customer_id", since=since)


@feature(
    failed,
    unit="failures",
    none=0,
    windows=(30, 90, 365),
    words="things went wrong {failures_Nd:times} in the last {days} days",
    alarming="high",
)
def failures(days: int) -> nw.Expr:
    """Things that went wrong in the last {days} days, by the day on which they showed."""
    return count(within(days))


@feature(
    failed,
    unit="failures",
    none=0,
    alarming="high",
    words="things went wrong {failures_365d:times} in the last 365 days",
)
def failure_weight() -> nw.Expr:
    """All that ever went wrong, each weighing half as much after every 70 days."""
    weight = nw.lit(0.5) ** (nw.col("age").cast(nw.Float64()) / HALF_LIFE)
    return (weight * PARTS).round().cast(nw.Int64()).sum().cast(nw.Float64()) / PARTS


@feature(
    uncomplained,
    unit="failures",
    none=0,
    windows=(90, 365),
    words="said nothing of what went wrong: {silent_failures_Nd:times} in the last {days} days",
    alarming="high",
)
def silent_failures(days: int) -> nw.Expr:
    """Things that went wrong in the last {days} days without a complaint."""
    return count(within(days))


@feature(
    failed,
    unit="days",
    windows=(365,),
    words="complains {complaint_lag_Nd:days} after something went wrong, on average",
    alarming="high",
)
def complaint_lag(days: int) -> nw.Expr:
    """Mean days from what went wrong in the last {days} days to the complaint about it."""
    complained = within(days) & ~nw.col("complaint_gap").is_null()
    return ratio(total("complaint_gap", complained), count(complained))


@feature(
    causes,
    unit="causes",
    none=0,
    windows=(365,),
    words="different things went wrong in the last {days} days: {failure_causes_Nd:n}",
    alarming="high",
)
def failure_causes(days: int) -> nw.Expr:
    """Different causes of what went wrong in the last {days} days."""
    return count(within(days))


@feature(recent_failures, unit="category", spans=RECENT)
def first_cause() -> nw.Expr:
    """Why things first went wrong in the last 180 days; the alphabetically first of one day."""
    return nw.when(nw.col("first")).then(nw.col("cause")).min()


@feature(
    stages,
    unit="failures",
    none=0,
    words="things that went wrong in the first two months: {onboarding_failures:n}",
    alarming="high",
)
def onboarding_failures() -> nw.Expr:
    """Things that went wrong in the 60 days after the first contract, or purchase, began."""
    return count((nw.col("since") >= 0) & (nw.col("since") < ONBOARDING))


@feature(DERIVED, unit="stage", words="{contract_age:days} into the contract", alarming="high")
def journey_stage() -> nw.Expr:
    """Stage: 0 new (to 30 days), 1 settling in (to 90), 3 within 30 days of an anniversary, else 2.

    Days count from the oldest live contract; where there is none, from the first purchase.
    """
    age = nw.coalesce(nw.col("contract_age"), nw.col("days_since_first_purchase"))
    day = age % 365
    anniversary = (day <= 30) | (day >= 335)
    return (
        nw.when(age <= 30)
        .then(0)
        .when(age <= 90)
        .then(1)
        .when(anniversary)
        .then(3)
        .when(age > 90)
        .then(2)
    )
