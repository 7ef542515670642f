"""Follow-up of assigned customers: outcome, contacts and cost, whoever was reached."""

from collections.abc import Sequence
from typing import Final

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa

from retention.cohort import calendar, labels
from retention.core import artefacts, point_in_time
from retention.core.documents.sources import EventsSummary
from retention.core.engine import Engine
from retention.core.events import HOLDOUT
from retention.core.params import LabelParams, Params
from retention.ledgers import assignments, outcomes
from retention.ledgers.assignments import CONTACT, OF_CUSTOMER, OF_LIST
from retention.ledgers.outcomes import OutcomeRecord

PENDING, MATURE = "pending", "mature"
LABELLED: Final = {"churned": "boolean", "value": "float64", "dropped": "str"}
CONTACTED: Final = {"contacted": "bool", "reached": "bool"}
FOLLOW_UP: Final = (
    *OF_LIST,
    *OF_CUSTOMER,
    "outcome_known_on",  # the day on which the label is mature
    "state",  # PENDING, MATURE, or why the label excludes the customer
    *LABELLED,  # outcome, of the label window that starts at assignment; null until it is mature
    "contacted",  # whether an outreach happened before the label window ended
    "reached",  # whether staff say that they reached the customer
    "answered",  # whether staff answered about this list's entry
    "spent",  # cost of the contact and of what was given with it, currency
)
"""Columns of `follow_up`; one row per customer and draw of a campaign."""


_KEYS: Final = ["customer_id", "day"]
"""Of an assignment: a draw later, a customer may have another."""
_DAY: Final = pa.field("day", pa.int64())


def read_follow_up(
    params: Params,
    open_engine: Engine,
    events_summary: EventsSummary,
    of_every_campaign: bool = False,
) -> pd.DataFrame:
    """Follow up the present campaign, or all, from the ledgers and the events on disk.

    Parameters
    ----------
    params : Params
    open_engine : Engine
    events_summary : EventsSummary
        Summary of stage `events`.
    of_every_campaign : bool

    Returns
    -------
    DataFrame
        FOLLOW_UP, as known at params.as_of.
    """
    as_of = calendar.plan_calendar(params, events_summary).as_of
    campaign = None if of_every_campaign else params.at_risk.campaign
    assigned = campaign_assignments(
        assignments.read_all(assignments.FOLDER), params.company, campaign, as_of
    )
    history = point_in_time.as_known_at(
        open_engine.scan(artefacts.EVENTS), as_of, events_summary.versioned
    )
    records = outcomes.read_records(outcomes.FOLDER, params.company)
    return follow_up(
        assigned, open_engine.materialize(history), records, as_of, params.labels, open_engine
    )


def campaign_assignments(
    history: pd.DataFrame, company: str, campaign: str | None, as_of: int
) -> pd.DataFrame:
    """Take a campaign's assignments: each customer once a draw, as its first list assigned them.

    Parameters
    ----------
    history : DataFrame
        All assignments, oldest first, as `assignments.read_all` returns them.
    company : str
    campaign : str or None
        None for all.
    as_of : int
        Day (since 1970-01-01) of the last list to count.

    Returns
    -------
    DataFrame
        The columns of `history`, one row per customer and draw.
    """
    by_then = history["as_of"] <= pd.Timestamp(point_in_time.date_of(as_of))
    of_campaign = history["company"] == company
    if campaign is not None:
        of_campaign &= history["campaign"] == campaign
    return assignments.first_of_each_draw(history[by_then & of_campaign])


def follow_up(
    assigned: pd.DataFrame,
    history: point_in_time.Frame,
    records: Sequence[OutcomeRecord],
    as_of: int,
    label_params: LabelParams,
    open_engine: Engine,
) -> pd.DataFrame:
    """Attach the outcome, the contacts and the cost to every assignment.

    Parameters
    ----------
    assigned : DataFrame of n rows
        As `campaign_assignments` returns it.
    history : frame of events
        All events known before `as_of`.
    records : sequence of OutcomeRecord
        Every answer of staff.
    as_of : int
        Day since 1970-01-01.
    label_params : LabelParams
        The label; its window starts on the day of assignment.
    open_engine : Engine
        That holds `history`.

    Returns
    -------
    DataFrame of n rows
        FOLLOW_UP, in the order of `assigned`.
    """
    days = (assigned["as_of"] - pd.Timestamp(0)) // pd.Timedelta(days=1)
    known_on = days + point_in_time.label_delay_days(label_params)
    is_mature = known_on <= as_of
    rows = assigned.assign(day=days)
    outcome = _outcomes(rows[is_mature], history, label_params, open_engine)
    contacts = _contacts(rows, history, label_params, open_engine)
    rows = rows.join(outcome, on=_KEYS).join(contacts, on=_KEYS)
    rows = rows.astype(LABELLED).fillna(dict.fromkeys(CONTACTED, False)).astype(CONTACTED)
    state = pd.Series(np.where(is_mature, MATURE, PENDING), index=rows.index)
    rows["state"] = state.where(rows["dropped"].isna(), rows["dropped"])
    rows["outcome_known_on"] = pd.to_datetime(known_on, unit="D").astype("datetime64[s]")
    return rows.join(_answers(rows, records))[list(FOLLOW_UP)]


def _outcomes(
    mature: pd.DataFrame,
    history: point_in_time.Frame,
    label_params: LabelParams,
    open_engine: Engine,
) -> pd.DataFrame:
    """churned, value, dropped by _KEYS: the label as of the day of assignment."""
    parts = [labels.SCHEMA.append(_DAY).empty_table()]
    for day, customers in mature.groupby("day"):
        cohort = open_engine.load(pa.table({"customer_id": customers["customer_id"].tolist()}))
        frame = labels.label_cohort(cohort, history, int(str(day)), label_params)
        of_day = open_engine.collect(frame, sort=["customer_id"]).cast(labels.SCHEMA)
        parts.append(of_day.append_column(_DAY, [[int(str(day))] * len(of_day)]))
    table: pd.DataFrame = pa.concat_tables(parts).to_pandas()
    outcome: pd.DataFrame = table.set_index(_KEYS)[list(LABELLED)]
    return outcome


def _contacts(
    rows: pd.DataFrame,
    history: point_in_time.Frame,
    label_params: LabelParams,
    open_engine: Engine,
) -> pd.DataFrame:
    """contacted, reached by _KEYS: outreach from assignment to the end of the label window."""
    columns = ["customer_id", "occurred_day", "source", "topic", "treatment"]
    outreach = history.filter(nw.col("kind") == outcomes.CONTACT).select(columns)
    contacts = open_engine.collect(outreach, sort=columns).to_pandas()
    contacts = contacts.merge(rows[["customer_id", "day"]], on="customer_id")
    # The label matures settle_days after its window ends; contacts count while it is open.
    window_days = point_in_time.label_delay_days(label_params) - label_params.churn.settle_days
    since = contacts["occurred_day"] - contacts["day"]
    in_window = (since >= 0) & (since < window_days) & (contacts["treatment"] != HOLDOUT)
    contacts = contacts[in_window]
    is_answer = contacts["source"] == outcomes.SOURCE
    reached = is_answer & (contacts["topic"] == outcomes.CONTACT_RESULTS[0])
    contacts = contacts.assign(contacted=True, reached=reached)
    by_assignment: pd.DataFrame = contacts.groupby(_KEYS)[list(CONTACTED)].any()
    return by_assignment


def _answers(rows: pd.DataFrame, records: Sequence[OutcomeRecord]) -> pd.DataFrame:
    """Staff's answers and the money spent.

    An answer says whether there was a contact, and may say what was given with it; without an
    answer the play's expected cost counts. Nothing is spent on held-out customers.

    Returns
    -------
    DataFrame
        answered and spent (currency), in the order of the rows.
    """
    latest = {record.key: record.staff_answer for record in outcomes.latest(records)}
    keys = zip(rows["list_id"], rows["customer_id"], strict=True)
    answers = [latest.get(key) for key in keys]
    offer_costs = [
        None if answer is None or answer.offer_cost is None else answer.offer_cost
        for answer in answers
    ]
    tried = [answer is None or answer.result in outcomes.CONTACT_RESULTS for answer in answers]
    offer = pd.Series(offer_costs, rows.index, dtype="float64").fillna(rows["offer"]).fillna(0.0)
    spent = (rows["cost"].fillna(0.0) + offer).where(rows["arm"] == CONTACT, 0.0)
    answered = pd.Series([answer is not None for answer in answers], rows.index, dtype=bool)
    has_contact = pd.Series(tried, rows.index, dtype=bool)
    return pd.DataFrame({"answered": answered, "spent": spent.where(has_contact, 0.0)})
