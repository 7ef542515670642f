"""Episodes of contracts: the days on which a contract was live, from its starts and cancels.

A contract is a chain of episodes: one that ends and starts again has left in between. Whatever asks
whether, since when or until when somebody was a customer by contract reads it from here.
"""

from typing import Final

import narwhals as nw

from retention.core.point_in_time import Frame

CONTRACT: Final = ("customer_id", "contract_id")
_NO_END = 2_000_000  # a day number beyond any calendar


def contract_ids(events: Frame) -> Frame:
    """The events with a contract_id each: '' where none is given, as the customer is the contract.

    So contracts can be joined by CONTRACT; null equals nothing.
    """
    return events.with_columns(contract_id=nw.col("contract_id").fill_null(""))


def contract_episodes(history: Frame) -> Frame:
    """One row an episode: customer_id, contract_id, start_day, end_day (null while it is live).

    history: events as known at a cut. contract_id is that of `contract_ids`. end_day is the first
    day on which the contract is not live. Only what was known and had happened by a day decides
    whether a contract was live on it:

    - a start of a live contract (a renewal) and a cancel of an ended one change nothing;
    - nor do a start and a cancel in one moment, as by a change of plan;
    - the last change of a day counts, so an end and a start on one day are no departure, and a
      contract cancelled on the day it began was never live;
    - a contract cancelled before its first start was withdrawn, and that start begins nothing.
    """
    # A window cannot read another of the same step, so each rule is a step of its own.
    day, moment, starts = nw.col("occurred_day"), nw.col("occurred_at"), nw.col("starts")
    is_start = nw.when(nw.col("kind") == "start").then(1).otherwise(0)
    first_start = nw.when(starts == 1).then(moment).min().over(*CONTRACT)
    first_cancel = nw.when(starts == 0).then(moment).min().over(*CONTRACT)
    withdrawn = (starts == 1) & (moment == first_start) & (first_cancel < first_start)
    before = starts.shift(1).over(*CONTRACT, order_by="occurred_day").fill_null(0)
    return (
        contract_ids(history.filter(nw.col("kind").is_in(["start", "cancel"])))
        .with_columns(is_start=is_start)
        .group_by(*CONTRACT, "occurred_day", "occurred_at")
        .agg(starts=nw.col("is_start").max(), all_start=nw.col("is_start").min())
        .filter(starts == nw.col("all_start"))
        .with_columns(withdrawn=withdrawn.fill_null(False))
        .filter(~nw.col("withdrawn"))
        .with_columns(last=moment.max().over(*CONTRACT, "occurred_day"))
        .filter(moment == nw.col("last"))
        .with_columns(before=before)
        .filter(starts != nw.col("before"))
        .with_columns(end_day=day.shift(-1).over(*CONTRACT, order_by="occurred_day"))
        .filter(starts == 1)
        .select(*CONTRACT, "end_day", start_day=day)
    )


def contract_chains(history: Frame) -> Frame:
    """Chains of episodes without a day between them: customer_id, begins, ends_on.

    An episode belongs to the chain before it unless it starts after all earlier ones have ended, so
    a switch to another contract on one day is no end. ends_on: the first day that none of the chain
    is live, a day beyond any calendar while there is one.
    """
    # Gaps and islands, one window a step, for a window cannot read another of the same step:
    order = ["start_day", "end_day", "contract_id"]
    spans = contract_episodes(history).with_columns(nw.col("end_day").fill_null(_NO_END))
    # 1. the latest end among this episode and all before it, as a long one may cover short ones;
    reach = nw.col("end_day").cum_max().over("customer_id", order_by=order)
    # 2. the same without this episode: the day on which all earlier ones have ended;
    earlier_end = nw.col("reach").shift(1).over("customer_id", order_by=order)
    # 3. an episode that starts after that day begins a chain (the first one, with null, does not);
    begins_chain = nw.when(nw.col("start_day") > nw.col("earlier_end")).then(1).otherwise(0)
    # 4. so the number of beginnings up to an episode numbers its chain.
    chain = nw.col("begins_chain").cum_sum().over("customer_id", order_by=order)
    return (
        spans.with_columns(reach=reach)
        .with_columns(earlier_end=earlier_end)
        .with_columns(begins_chain=begins_chain)
        .with_columns(chain=chain)
        .group_by("customer_id", "chain")
        .agg(begins=nw.col("start_day").min(), ends_on=nw.col("end_day").max())
    )
