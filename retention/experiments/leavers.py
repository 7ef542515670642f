"""Who of a past list's customers left, what was said of them, and what could have been known.

A leaver whom nobody was sent to is one of five kinds. A rule of the policy kept them off, or the
list was full; of the others the model had expected too little. Of these the history says when the
first sign of trouble happened and when the company knew of it: before the list (the model had it
and weighed it lightly), before the list but known only later, or only after the list.

Many who stay have had trouble too: each kind is given for them beside the leavers.
"""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa

from features.engine import service_grains
from features.engine.base import Past
from retention.cohort import labels
from retention.core.engine import Engine
from retention.core.params import LabelParams, ServiceParams
from retention.core.point_in_time import Frame, as_known_at, date_of
from retention.experiments.incremental import Estimate
from retention.stats.intervals import wilson_interval

ON_LIST, HELD_OUT, RULE, CAPACITY = "listed", "held_out", "rule", "below_capacity"
NOT_WORTH, MODEL = "not_worth", "model"
KNOWN_LATE, NOT_KNOWABLE = "known_late", "not_knowable"
KINDS: Final = (
    ON_LIST,
    HELD_OUT,
    RULE,
    CAPACITY,
    NOT_WORTH,
    MODEL,
    KNOWN_LATE,
    NOT_KNOWABLE,
)
"""Of leavers, in the order in which they are tried."""

COMPLAINT, NOTICE, SILENCE = "complaint", "notice", "silence"
"""Signs of trouble beside failures, which have a cause."""

COHORT_COLUMNS: Final = ("customer_id", "lane", "why", "churn_probability", "expected_loss")
"""What a list said of each customer of its cohort."""
LEAVERS: Final = (
    *COHORT_COLUMNS,
    "left_on",  # the day of leaving; with rule silence the end of the window without a purchase
    "kind",  # of KINDS
    "sign",  # the first sign of trouble: a cause, or one of the above; null without one
    "sign_on",  # the day it happened
)

LOOK_BACK: Final = 182  # days before the list in which a sign counts
UNUSUAL: Final = 1.5  # usual gaps without a purchase
MIN_GAPS: Final = 3  # for a usual gap to be known
_BY_MODEL: Final = ("not_worth_saving", "would_stay")
"""Reasons to be left alone that the expected loss decides."""


@dataclass(frozen=True)
class LeaverGroup:
    """The leavers of one kind."""

    kind: str
    n: int
    proportion: Estimate  # of all leavers
    expected: float  # the sum of their churn probabilities, as the list had them
    stayed: float  # the share of this kind among those who stayed


@dataclass(frozen=True)
class LeaversReport:
    """What became of a list."""

    list_id: str
    as_of: dt.date
    until: dt.date  # the last day of the window
    n_customers: int  # of the cohort
    n_expected: float  # to leave, by the list
    groups: tuple[LeaverGroup, ...]
    leavers: pd.DataFrame  # LEAVERS, the greatest expected loss first

    @property
    def n_left(self) -> int:
        """How many left."""
        return len(self.leavers)


def leavers_report(
    cohort_rows: pd.DataFrame,
    ids_on_list: Sequence[str],
    list_id: str,
    day: int,
    as_of: int,
    events: Frame,
    label_params: LabelParams,
    service_params: ServiceParams,
    open_engine: Engine,
    low_below: float,
) -> LeaversReport:
    """Sort the leavers of a list by why nobody was sent to them.

    Parameters
    ----------
    cohort_rows : DataFrame of n rows
        COHORT_COLUMNS, one row a customer of the list's cohort.
    ids_on_list : sequence of str
        The customers who were on the list.
    list_id : str
    day, as_of : int
        Of the list, and of today (days since 1970-01-01); the label of `day` must be mature.
    events : frame of events
        All versions.
    label_params : LabelParams
    service_params : ServiceParams
        The service levels.
    open_engine : Engine
        That holds `events`.
    low_below : float
        The churn probability (0 to 1) below which nobody was expected to leave.

    Returns
    -------
    LeaversReport
        Without customers who had left before the window opened.
    """
    cohort = open_engine.load(pa.table({"customer_id": cohort_rows["customer_id"].tolist()}))
    now = open_engine.materialize(as_known_at(events, as_of))
    labelled = labels.label_cohort(cohort, now, day, label_params)
    outcome = open_engine.collect(labelled, sort=["customer_id"]).to_pandas()
    outcome = outcome[outcome["dropped"].isna()]
    columns = ["customer_id", "churned", "decided_after"]
    outcomes = cohort_rows.merge(outcome[columns], on="customer_id")
    outcomes = outcomes.assign(left_day=day + outcomes["decided_after"].astype("int64"))
    then = as_known_at(events, day)
    signs = first_signs(outcomes, then, now, day, as_of, service_params, open_engine)
    outcomes = outcomes.merge(signs, on="customer_id", how="left")
    outcomes = outcomes.assign(kind=leaver_kinds(outcomes, set(ids_on_list), day, low_below))
    has_left = outcomes["churned"].astype(bool)
    left, stayed = outcomes[has_left], outcomes[~has_left]
    for name in ("left", "sign"):
        days = pd.to_datetime(left[f"{name}_day"], unit="D")
        left[f"{name}_on"] = days.dt.date.astype(object).where(days.notna(), None)
    ordered = left.sort_values(
        ["expected_loss", "churn_probability", "customer_id"], ascending=[False, False, True]
    )
    churn = label_params.churn
    return LeaversReport(
        list_id=list_id,
        as_of=date_of(day),
        until=date_of(day + churn.gap_days + churn.horizon_days - 1),
        n_customers=len(outcomes),
        n_expected=float(outcomes["churn_probability"].sum()),
        groups=_groups(ordered, stayed),
        leavers=ordered[list(LEAVERS)].reset_index(drop=True),
    )


def _groups(left: pd.DataFrame, stayed: pd.DataFrame) -> tuple[LeaverGroup, ...]:
    counts = [int((left["kind"] == kind).sum()) for kind in KINDS]
    if not len(left):
        return ()
    low, high = wilson_interval(counts, [len(left)] * len(counts))
    return tuple(
        LeaverGroup(
            kind,
            n,
            Estimate(n / len(left), float(low[i]), float(high[i])),
            float(left.loc[left["kind"] == kind, "churn_probability"].sum()),
            float((stayed["kind"] == kind).mean()) if len(stayed) else np.nan,
        )
        for i, (kind, n) in enumerate(zip(KINDS, counts, strict=True))
    )


def leaver_kinds(
    left: pd.DataFrame, ids_on_list: set[str], day: int, low_below: float
) -> "pd.Series[str]":
    """Say why nobody was sent to each leaver.

    Parameters
    ----------
    left : DataFrame of n rows
        COHORT_COLUMNS with sign_day and known_day (day numbers, null without a sign).
    ids_on_list : set of str
    day : int
        Of the list.
    low_below : float

    Returns
    -------
    Series of str, shape (n,)
        KINDS; the first that holds.
    """
    why = left["why"]
    conditions = {
        ON_LIST: left["customer_id"].isin(ids_on_list),
        HELD_OUT: why == "held_out",
        RULE: left["lane"].isin(["excluded", "leave_alone"])
        & ~why.isin([*_BY_MODEL, "below_capacity"]),
        # of an issue lane beyond `at_risk.others`, or with less to gain than those chosen
        CAPACITY: (why == "below_capacity") | ~left["lane"].isin(["excluded", "leave_alone"]),
        NOT_WORTH: left["churn_probability"] >= low_below,
        MODEL: left["known_day"] < day,
        KNOWN_LATE: left["sign_day"] < day,
    }
    holding = [np.asarray(holds, dtype=bool) for holds in conditions.values()]
    selected_kinds = np.select(holding, list(conditions), NOT_KNOWABLE)
    return pd.Series(selected_kinds, index=left.index, dtype="str")


def first_signs(
    left: pd.DataFrame,
    then: Frame,
    now: Frame,
    day: int,
    as_of: int,
    service_params: ServiceParams,
    open_engine: Engine,
) -> pd.DataFrame:
    """Find the first sign of trouble of each customer, and when it could be known.

    A sign is a failure, a complaint, a notice, or a silence of clearly more than the usual gap, of
    the half year before the list or between the list and the day of leaving. What was known at the
    list is computed from what was known then: an answer that came later cannot make a case late.

    Parameters
    ----------
    left : DataFrame of n rows
        customer_id and left_day, of who stayed the end of the window.
    then, now : frames of events
        As known at the list, and as known at `as_of`, as `as_known_at` returns them.
    day, as_of : int
        Of the list, and of today (days since 1970-01-01).
    service_params : ServiceParams
    open_engine : Engine

    Returns
    -------
    DataFrame
        customer_id, sign, sign_day, known_day: of the signs that were known before the list the
        first; else the first of all, with known_day null. No row without a sign.
    """
    people = open_engine.load(pa.table({"customer_id": left["customer_id"].tolist()}))
    end = int(left["left_day"].max()) + 1 if len(left) else day + 1
    until = now.filter(nw.col("occurred_day") < end)
    parts = []
    for number, (events, snapshot, last) in enumerate([(then, day, day), (until, as_of, end)]):
        of_leavers = open_engine.materialize(events.join(people, on="customer_id", how="semi"))
        past = Past(of_leavers, people, snapshot, open_engine.materialize, service_params)
        parts.append(_signs(past, last, open_engine).assign(order=number))
    signs = pd.concat(parts, ignore_index=True).merge(
        left[["customer_id", "left_day"]], on="customer_id"
    )
    counts = (signs["sign_day"] >= day - LOOK_BACK) & (signs["sign_day"] <= signs["left_day"])
    ordered = signs[counts].sort_values(["customer_id", "order", "sign_day", "sign"])
    first = ordered.drop_duplicates("customer_id")
    known_day = first["sign_day"].where(first["order"] == 0)
    return first.assign(known_day=known_day)[["customer_id", "sign", "sign_day", "known_day"]]


def _signs(past: Past, last: int, open_engine: Engine) -> pd.DataFrame:
    """customer_id, sign, sign_day of every sign in a past; last: the day until which to count."""
    contacts = past[service_grains.contacts]
    frames = [
        past[service_grains.failures].select(
            "customer_id", sign=nw.col("cause"), sign_day=nw.col("occurred_day")
        ),
        contacts.filter(nw.col("topic") == COMPLAINT).select(
            "customer_id", sign=nw.lit(COMPLAINT), sign_day=nw.col("occurred_day")
        ),
        past.events("notice").select(
            "customer_id", sign=nw.lit(NOTICE), sign_day=nw.col("occurred_day")
        ),
    ]
    columns = ["customer_id", "sign", "sign_day"]
    tables = [open_engine.collect(frame, sort=columns).to_pandas() for frame in frames]
    purchases = past.events("purchase").select("customer_id", day=nw.col("occurred_day")).unique()
    bought = open_engine.collect(purchases, sort=["customer_id", "day"]).to_pandas()
    signs: pd.DataFrame = pd.concat([*tables, silences(bought, last)], ignore_index=True)
    return signs[columns]


def silences(bought: pd.DataFrame, last: int) -> pd.DataFrame:
    """Say since when each customer has been silent for clearly longer than usual.

    Parameters
    ----------
    bought : DataFrame
        customer_id and day (day number), one row a customer and day with a purchase.
    last : int
        The day until which purchases are known.

    Returns
    -------
    DataFrame
        customer_id, sign, sign_day: the day on which the silence became unusual.
    """
    ordered = bought.sort_values(["customer_id", "day"])
    gaps = ordered.groupby("customer_id")["day"].diff().groupby(ordered["customer_id"])
    newest = ordered.groupby("customer_id")["day"].max()
    unusual_on = newest + UNUSUAL * gaps.median()
    unusual_on = unusual_on[(gaps.count() >= MIN_GAPS) & (unusual_on <= last - 1)]
    return pd.DataFrame(
        {
            "customer_id": unusual_on.index.astype(object),
            "sign": SILENCE,
            "sign_day": np.ceil(unusual_on.to_numpy(dtype=float)).astype("int64"),
        }
    )
