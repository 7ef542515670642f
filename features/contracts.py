"""Contracts: for how long, until when, and whether notice was given."""

import narwhals as nw

from features.engine.anniversaries import add_days_to_anniversary
from features.engine.base import Past, feature, grain
from retention.cohort.episodes import CONTRACT, contract_episodes, contract_ids
from retention.core.point_in_time import Frame


@grain("start")
def live(past: Past) -> Frame:
    """One row a contract that has begun and, as known, not ended.

    customer_id, contract_id (of `contract_ids`), age (days since its episode began), to_renewal
    (days to its anniversary), plan (the topic of the newest start of the episode that has one; the
    alphabetically first of one moment); oldest: began first of the customer's.
    """
    contract, moment = list(CONTRACT), nw.col("occurred_at")
    episodes = contract_episodes(past.all_events)
    running = episodes.filter(nw.col("end_day").is_null()).select(*CONTRACT, "start_day")
    # A renewal may say nothing of the plan, and the last change of a day counts.
    starts = (
        contract_ids(past.events("start"))
        .filter(~nw.col("topic").is_null())
        .join(running, on=contract, how="inner")
        .filter(nw.col("occurred_day") >= nw.col("start_day"))
        .with_columns(newest=moment.max().over(*CONTRACT))
        .filter(moment == nw.col("newest"))
    )
    plans = starts.group_by(*CONTRACT).agg(plan=nw.col("topic").min())
    aged = add_days_to_anniversary(running, "to_renewal", "start_day", past.snapshot).select(
        *CONTRACT, "to_renewal", age=past.snapshot - nw.col("start_day")
    )
    return aged.join(plans, on=contract, how="left").with_columns(
        oldest=nw.col("age") == nw.col("age").max().over("customer_id")
    )


def notices_of_live(past: Past) -> Frame:
    """One row a notice on a live contract, given after the contract's last end, if it had one.

    customer_id, event_id, age, ends_in (days from the snapshot to the end, null where not known). A
    notice given before an end was of the episode that ended, and says nothing of the next.
    """
    notices = contract_ids(past.events("notice")).select(
        *CONTRACT, "event_id", "age", ends_in=nw.col("effective_day") - past.snapshot
    )
    last_end = (
        contract_episodes(past.all_events)
        .group_by(*CONTRACT)
        .agg(ended_age=past.snapshot - nw.col("end_day").max())
    )
    of_live = notices.join(past[live].select(*CONTRACT), on=list(CONTRACT), how="inner")
    joined = of_live.join(last_end, on=list(CONTRACT), how="left")
    in_episode = joined.filter((nw.col("age") < nw.col("ended_age")).fill_null(True))
    return in_episode.select("customer_id", "event_id", "age", "ends_in")


@grain("notice")
def notices(past: Past) -> Frame:
    """The notices of live contracts whose end has not passed: customer_id, age, ends_in."""
    return notices_of_live(past).filter(nw.col("ends_in") >= 0)


@feature(live, unit="days", words="a customer by contract for {contract_age:days}")
def contract_age() -> nw.Expr:
    """Days since the oldest live contract began."""
    return nw.col("age").max()


@feature(live, unit="days", words="days to the contract's anniversary: {days_to_renewal:n}")
def days_to_renewal() -> nw.Expr:
    """Days to the next anniversary of a live contract: the nearest, 0 on the day."""
    return nw.col("to_renewal").min()


@feature(live, unit="contracts", none=0, words="live contracts: {live_contracts:n}")
def live_contracts() -> nw.Expr:
    """Contracts that have begun and not ended."""
    return nw.len()


@feature(live, unit="category")
def plan() -> nw.Expr:
    """The plan of the oldest live contract; the alphabetically first of several."""
    return nw.when(nw.col("oldest")).then(nw.col("plan")).min()


@feature(
    notices,
    unit="0 or 1",
    none=0,
    alarming="high",
    words="has given notice, the contract ends in {days_to_end:days}",
)
def notice_given() -> nw.Expr:
    """Whether (1 or 0) notice was given on a live contract that has yet to end by it."""
    return nw.when(nw.len() > 0).then(1).otherwise(0)


@feature(notices, unit="days", words="has given notice; days to the end: {days_to_end:n}")
def days_to_end() -> nw.Expr:
    """Days to the first end, by notice, of a live contract."""
    return nw.col("ends_in").min()
