"""The rows that the scorecard counts: the grains of service as of today, with their groups.

Days are days since 1970-01-01 in the business time zone.
"""

from collections.abc import Mapping

import narwhals as nw
import numpy as np
import pandas as pd

from features.engine import grains, service_grains
from features.engine.base import Grain, Past
from retention.core.engine import Engine
from retention.core.events import MONEY_UNITS
from retention.core.params import ValueLabel
from retention.core.point_in_time import Frame

STAGES = ("new", "onboarding", "regular", "renewal")
NEW_DAYS, ONBOARDING_DAYS = 30, 90  # since the customer came
RENEWAL_DAYS = 30  # before and after an anniversary
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


def collect_frames(past: Past, engine: Engine, value: ValueLabel) -> dict[str, pd.DataFrame]:
    """One frame a grain, with `day`; cases have the channel and agent of their first contact.

    Also referrals, and `money`: customer_id, day, net (margin x amount less cost of serving).
    """
    lazy_frames = {name: past[grain] for name, grain in _GRAINS.items()}
    lazy_frames["referrals"] = past.events("referral").select("customer_id", "age")
    lazy_frames["money"] = _net_margin(past, value)
    collected = {
        name: _collect(frame, engine, past.snapshot) for name, frame in lazy_frames.items()
    }
    collected["cases"] = _with_first_contact(collected["cases"], collected["contacts"])
    return collected


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
