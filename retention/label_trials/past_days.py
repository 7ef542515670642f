"""What was known of each customer on past days, and what came after: some group-bys a day.

A day's customers are counted once for all windows, so that more windows to try cost no more reads
of the events.
"""

from typing import Final

import narwhals as nw
import numpy as np
import pandas as pd

from models.components.rfm import FREQUENCY, MONEY, RECENCY, TENURE
from retention.cohort.episodes import contract_episodes
from retention.core import point_in_time
from retention.core.engine import Engine
from retention.core.events import MONEY_UNITS
from retention.core.point_in_time import Frame
from retention.label_trials.setting import Setting

NEXT: Final = "next_day"
"""Of a silent customer: the day of the next event after the gap; inf for none known."""

END: Final = "end_day"
"""Of a subscriber: the first day without a contract; inf while there is one."""

NOTICED: Final = "noticed"
"""Of a subscriber: whether notice had been given by the day."""

CUSTOMER: Final = "customer_id"


def label_events(events: Frame, setting: Setting) -> Frame:
    """The events that the trials read, with the columns that they read."""
    churn, value = setting.labels.churn, setting.labels.value
    kinds = ["start", "cancel", "notice"] if setting.is_cancel else churn.kinds
    return events.filter(nw.col("kind").is_in([*kinds, *value.kinds])).select(
        "event_id", CUSTOMER, "kind", "occurred_at", "occurred_day", "known_at", "known_day",
        "amount", "contract_id",
    )  # fmt: skip


def customers_on(
    day: int, versions: Frame, newest: Frame, setting: Setting, open_engine: Engine, restated: bool
) -> pd.DataFrame:
    """One row for each customer who had bought, or had a contract, by the start of a day.

    versions: `label_events`; newest: their newest versions known at as_of, or of contracts the
    chains of these. The columns are the
    baselines' recency, frequency, money and tenure from what was known before the day; and by the
    rule of the label NEXT, or END and NEXT (a new contract's first day) and NOTICED.
    """
    past = point_in_time.as_known_at(versions, day, restated)
    if setting.is_cancel:
        frame = _subscribers(day, past, newest, setting)
    else:
        frame = _buyers(day, past, newest, setting)
    rows: pd.DataFrame = open_engine.collect(frame, [CUSTOMER]).to_pandas()
    for column in (NEXT, END):
        if column in rows:
            rows[column] = rows[column].astype(float).fillna(np.inf)
    rows[MONEY] = rows[MONEY].astype(float) / MONEY_UNITS
    for column in (RECENCY, FREQUENCY, TENURE):
        rows[column] = rows[column].astype(float)
    return rows


def _money(setting: Setting) -> nw.Expr:
    units = (nw.col("amount") * MONEY_UNITS).cast(nw.Int64()).fill_null(0)
    return nw.when(nw.col("kind").is_in(setting.labels.value.kinds)).then(units).otherwise(0)


def _buyers(day: int, past: Frame, newest: Frame, setting: Setting) -> Frame:
    churn = setting.labels.churn
    is_label = nw.col("kind").is_in(churn.kinds)
    before = (
        past.with_columns(label_age=nw.when(is_label).then(nw.col("age")), money=_money(setting))
        .group_by(CUSTOMER)
        .agg(
            nw.col("label_age").min().alias(RECENCY),
            nw.col("label_age").max().alias(TENURE),
            nw.col("label_age").n_unique().alias(FREQUENCY),
            nw.col("money").sum().alias(MONEY),
        )
        .filter(~nw.col(RECENCY).is_null())
    )
    later = newest.filter(is_label, nw.col("occurred_day") >= day + churn.gap_days)
    following = later.group_by(CUSTOMER).agg(nw.col("occurred_day").min().alias(NEXT))
    return before.join(following, on=CUSTOMER, how="left")


def _subscribers(day: int, past: Frame, newest: Frame, setting: Setting) -> Frame:
    started = nw.col("start_day")
    live = contract_episodes(past).filter(started < day, nw.col("end_day").is_null())
    first = live.group_by(CUSTOMER).agg(start_day=started.min())
    tenure = first.select(CUSTOMER, (day - started).alias(TENURE))
    is_value = nw.col("kind").is_in(setting.labels.value.kinds)
    value_day = nw.when(is_value).then(nw.col("age"))
    is_notice = nw.when(nw.col("kind") == "notice").then(1).otherwise(0)
    before = (
        past.with_columns(value_age=value_day, money=_money(setting), is_notice=is_notice)
        .group_by(CUSTOMER)
        .agg(
            nw.col("value_age").min().alias(RECENCY),
            nw.col("value_age").n_unique().alias(FREQUENCY),
            nw.col("money").sum().alias(MONEY),
            nw.col("is_notice").max().alias(NOTICED),
        )
    )
    running = newest.filter(nw.col("begins") < day)
    ends = running.group_by(CUSTOMER).agg(nw.col("ends_on").max().alias(END))
    begins = newest.filter(nw.col("begins") >= day).group_by(CUSTOMER)
    returns = begins.agg(nw.col("begins").min().alias(NEXT))
    return (
        tenure.join(before, on=CUSTOMER, how="left")
        .join(ends, on=CUSTOMER, how="inner")
        .join(returns, on=CUSTOMER, how="left")
        .filter(nw.col(END) >= day + setting.labels.churn.gap_days)
    )
