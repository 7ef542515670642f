"""The rows that the scorecard counts: the grains of service as of today, with their groups.

Days are days since 1970-01-01 in the business time zone.
"""

from collections.abc import Mapping
from dataclasses import replace

import narwhals as nw
import numpy as np
import pandas as pd

from features.engine import grains, service_grains
from features.engine.base import Grain, Past
from retention.core.engine import Engine
from retention.core.events import MONEY_UNITS
from retention.core.params import LabelParams, ServiceParams, ValueLabel
from retention.core.point_in_time import Frame
from retention.scorecard.tenure_spells import silence_days

STAGES = ("new", "onboarding", "regular", "renewal")
NEW_DAYS, ONBOARDING_DAYS = 30, 90  # since the customer came
RENEWAL_DAYS = 30  # before and after an anniversary
JUDGED_AFTER_DAYS = 28  # from the first contact of a case to its judgement
_OF_A_CASE = ("contact", "response", "resolution")
_YEAR = 365

Frames = Mapping[str, pd.DataFrame]

_GRAINS: dict[str, Grain] = {
    "orders": grains.orders,
    "promises": service_grains.promises,
    "contacts": service_grains.contacts,
    "cases": service_grains.cases,
    "answers": service_grains.answers,
    "bills": service_grains.bills,
    "payments": service_grains.payments,
    "visits": service_grains.visits,
    "failures": service_grains.failures,
}


def collect_frames(past: Past, engine: Engine, labels: LabelParams) -> dict[str, pd.DataFrame]:
    """One frame a grain, with `day`; cases have the channel and agent of their first contact.

    Also `judged`: the cases as they stood when they are judged; referrals; and `money`:
    customer_id, day, net (margin x amount less cost of serving). Failures include causes stated in
    surveys; `repeat` tells whether the customer had ordered before.
    """
    lazy_frames = {name: past[grain] for name, grain in _GRAINS.items()}
    lazy_frames["referrals"] = past.events("referral").select("customer_id", "age")
    lazy_frames["money"] = _net_margin(past, labels.value)
    lazy_frames["judged"] = _cases_when_judged(past)
    lazy_frames["stated"] = past[service_grains.answers].filter(~nw.col("cause").is_null())
    collected = {
        name: _collect(frame, engine, past.snapshot) for name, frame in lazy_frames.items()
    }
    for name in ("cases", "judged"):
        collected[name] = _with_first_contact(collected[name], collected["contacts"])
    judged_after = case_judged_days(past.service_params)
    collected["judged"] = collected["judged"].assign(judged_after=judged_after)
    collected["orders"] = _with_repeat(collected["orders"], silence_days(labels.churn))
    collected["failures"] = _with_stated_causes(collected["failures"], collected.pop("stated"))
    return collected


def case_judged_days(service: ServiceParams) -> int:
    """Days from a case's first contact to its judgement: four weeks, or its service level."""
    return max(JUDGED_AFTER_DAYS, service.resolution_days)


def _cases_when_judged(past: Past) -> Frame:
    """The cases as they stood `case_judged_days` after their first contact.

    Judged by all that is known today, an old case has had more time to be opened again than a new
    one, and the new ones would always look better.
    """
    keys = ["customer_id", "case_id"]
    dialogue = past.all_events.filter(nw.col("kind").is_in(_OF_A_CASE)).with_columns(
        case_id=nw.coalesce(nw.col("case_id"), nw.col("event_id"))
    )
    began = dialogue.filter(nw.col("kind") == "contact").group_by(*keys)
    of_record = dialogue.join(began.agg(began_age=nw.col("age").max()), on=keys, how="left").filter(
        nw.col("age") > nw.col("began_age") - case_judged_days(past.service_params)
    )
    then = replace(past, all_events=of_record.drop("began_age"), _cache={})
    return then[service_grains.cases]


def _with_stated_causes(failures: pd.DataFrame, stated: pd.DataFrame) -> pd.DataFrame:
    """customer_id, day, cause, order_id: the failures, and the causes of dissatisfaction that
    customers gave in surveys."""
    names = ["customer_id", "day", "cause", "order_id"]
    stated_causes = stated.assign(order_id=pd.Series(None, index=stated.index, dtype="str"))
    return pd.concat([failures[names], stated_causes[names]], ignore_index=True)


def _net_margin(past: Past, value: ValueLabel) -> Frame:
    events = past.events(*value.kinds, *value.cost_kinds)
    amount = nw.when(nw.col("kind").is_in(value.kinds)).then(nw.col("amount_units"))
    cost = nw.when(nw.col("kind").is_in(value.cost_kinds)).then(nw.col("cost_units"))
    return (
        events.with_columns(amount=amount.fill_null(0), spent=cost.fill_null(0))
        .group_by("customer_id", "age")
        .agg(amount=nw.col("amount").sum(), spent=nw.col("spent").sum())
        .select(
            "customer_id",
            "age",
            net=(nw.col("amount") * value.margin - nw.col("spent")) / MONEY_UNITS,
        )
    )


def _collect(frame: Frame, engine: Engine, snapshot: int) -> pd.DataFrame:
    names = frame.collect_schema().names()
    table: pd.DataFrame = engine.collect(frame, sort=names).to_pandas()
    return table.assign(day=snapshot - table["age"])


def _with_repeat(orders: pd.DataFrame, before_data: int) -> pd.DataFrame:
    """The orders with `repeat`: 1 where the customer had ordered before, 0 where not.

    Null in the first `before_data` days, in which an old customer's order looks like a first one.
    """
    first = orders.groupby("customer_id")["day"].transform("min")
    of_record = orders["day"] >= orders["day"].min() + before_data
    return orders.assign(repeat=((orders["day"] > first) * 1.0).where(of_record))


def _with_first_contact(cases: pd.DataFrame, contacts: pd.DataFrame) -> pd.DataFrame:
    first = contacts.sort_values(["occurred_minute", "event_id"])
    keys = ["customer_id", "case_id"]
    first_contact = first.drop_duplicates(keys)[[*keys, "channel", "agent_id"]]
    return cases.merge(first_contact, on=keys, how="left")


def journey_stage(first_days: "pd.Series[int]", day: "pd.Series[int]") -> "pd.Series[str]":
    """The stage of the customer journey on a day, one of STAGES; null before the first day."""
    begin, now = (days.to_numpy(dtype=float, na_value=np.nan) for days in (first_days, day))
    since = now - begin
    to_year = np.abs((since + _YEAR / 2) % _YEAR - _YEAR / 2)
    renewing = (to_year <= RENEWAL_DAYS) & (since > ONBOARDING_DAYS)
    stage = np.select(
        [since < 0, since <= NEW_DAYS, since <= ONBOARDING_DAYS, renewing],
        ["", *STAGES[:2], STAGES[3]],
        STAGES[2],
    )
    stages = pd.Series(stage, index=day.index, dtype="str")
    return stages.mask((since < 0) | np.isnan(since))
