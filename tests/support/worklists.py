"""At-risk lists made up for tests, and the inputs of stage at_risk from a table of customers."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import replace
from typing import Any

import pandas as pd
import pyarrow as pa

from retention.core import artefacts
from retention.core.params import AtRiskParams, Params, Policy, parse_params
from retention.experiments.assignment_history import ASSIGNED_PLAYS
from retention.worklist.build import AtRiskResult, WorklistInputs
from retention.worklist.model import Listing, risk_level
from retention.worklist.rows import CustomerTables
from tests.support import documents
from tests.support.policies import AS_OF, customer_rows, input_frames, play

PARAMS = """
company: Mill Lane Bakery
time_zone: Europe/London
currency: GBP
sources:
  sales:
    path: data/raw/sales.csv
    key: [receipt]
    events: [{kind: purchase, customer_id: cust, occurred_at: sold_at}]
labels:
  churn: {rule: silence, active_days: 90, horizon_days: 28}
  value: {horizon_days: 28}
"""
BOOK = [
    play("call", save_rate=0.2, cost=1.0, wording="Good morning", avoid="No pressure"),
    play(
        "voucher",
        type="gesture",
        save_rate=0.15,
        offer_value=12.0,
        acceptance_rate=0.5,
        approval=10.0,
    ),
    play("mend", lane="fix_first"),
]
SUMMARY = documents.score_summary(
    as_of=AS_OF,
    banners=["Too little history: a simple rule ranks this list."],
)


def params_with(policy: dict[str, Any] | None = None, **at_risk_values: Any) -> Params:
    """Params of the bakery; at_risk_values: of their section at_risk."""
    return parse_params(PARAMS).model_copy(
        update={
            "at_risk": AtRiskParams(**{"capacity": 5, "holdout_share": 0.0} | at_risk_values),
            "policy": Policy.model_validate({"playbook": BOOK} | (policy or {})),
        }
    )


def reasons(*rows: tuple[str, int, str, str, bool]) -> pd.DataFrame:
    columns = ["customer_id", "rank", "theme", "text", "actionable"]
    return pd.DataFrame(list(rows), columns=columns).assign(dates=None)


def issues(*rows: tuple[str, str, str], **columns: Any) -> pd.DataFrame:
    """Recent issues; columns: of all of them, or a list of one value each."""
    frame = pd.DataFrame(list(rows), columns=["customer_id", "theme", "text"])
    plain = dict.fromkeys(
        ("cause", "kind", "case_id", "order_id", "settled", "turn", "fault", "dates")
    )
    return frame.assign(day=dt.date(2026, 11, 1), **(plain | columns))


def worklist_inputs(
    text: str, contacts: Sequence[dict[str, Any]] = (), **changes: Any
) -> WorklistInputs:
    """Inputs from a table of customers; columns as in tests/support/policies.py."""
    scores, customer_state, contact_frame = input_frames(customer_rows(text))
    contact_frame = contact_frame.assign(name=None, language=None, email=None, phone=None).astype(
        object
    )
    for contact in contacts:
        is_customer = contact_frame["customer_id"] == contact["customer_id"]
        for name, value in contact.items():
            contact_frame.loc[is_customer, name] = value
    rhythm = pd.DataFrame(
        {
            "customer_id": scores["customer_id"],
            "last_purchase_on": dt.date(2026, 10, 27),
            "days_since_purchase": 25.96,
            "usual_gap_days": 4.04,
        }
    )
    tables = CustomerTables(
        scores=scores,
        purchase_rhythm=rhythm,
        customer_state=customer_state.assign(last_said_on=None, last_said=None),
        reasons=changes.get("reasons", reasons()),
        recent_issues=changes.get("issues", issues()),
        contacts=contact_frame,
    )
    timeline = changes.get("timeline", artefacts.TIMELINE.schema.empty_table())
    assigned = pd.DataFrame(columns=list(ASSIGNED_PLAYS))
    sales = pd.DataFrame(columns=["customer_id", "day", "amount"])
    history = artefacts.RISK_HISTORY.schema.empty_table()
    measured = changes.get("measured", ())
    return WorklistInputs(
        tables, timeline, history, SUMMARY, assigned, sales, measured=tuple(measured)
    )


def column(result: AtRiskResult, name: str) -> list[Any]:
    """A column of the list."""
    values: list[Any] = result.listing.rows[name].to_pylist()
    return values


FOUR = """
    customer | expected_loss | open_cases | churn_probability
    a        |            10 |            |               0.5
    b        |            90 |            |               0.5
    c        |            50 |          1 |               0.9
    d        |            90 |            |               0.6
"""


def listing(rows: Sequence[dict[str, Any]], *, events: int = 3, **changes: Any) -> Listing:
    """A list of such rows, the rest made up: listing([{"name": ...}, ...], company=...)."""
    records = [_row(rank, row) for rank, row in enumerate(rows, start=1)]
    made_up = Listing(
        list_id="2026-11-22-0123456789ab",
        rows=pa.Table.from_pylist(records, schema=artefacts.AT_RISK.schema),
        timeline=pa.Table.from_pylist(_timeline(records, events), schema=artefacts.TIMELINE.schema),
        history=pa.Table.from_pylist(_history(records), schema=artefacts.RISK_HISTORY.schema),
        company="Mill Lane Bakery",
        currency="GBP",
        as_of=dt.date(2026, 11, 22),
        lanes=_lanes(records),
        plays={"call_back": "Call and listen", "credit_back": "Credit what was overcharged"},
        model="a made-up model of 21 November 2026",
        target_description="A watched customer has left when nothing is bought for 28 days.",
        churn_description="buy nothing in the next 28 days",
        value_days=28,
    )
    return replace(made_up, **changes)


_WHY = {
    "contact": "chosen",
    "fix_first": "open_case",
    "gave_notice": "notice",
    "call_back": "agreed",
    "cooling_off": "just_fixed",
}


def _row(rank: int, cells: dict[str, Any]) -> dict[str, Any]:
    row: dict[str, Any] = {
        "list_id": "2026-11-22-0123456789ab",
        "rank": rank,
        "planned": "today",
        "due_on": dt.date(2026, 11, 25),
        "cost_of_delay": round(50.0 / rank, 2),
        "lane": "contact",
        "why": _WHY[cells.get("lane", "contact")],
        "change": "same",
        "customer_id": f"{rank:05d}",
        "risk": risk_level(cells.get("churn_probability", 0.61)),
        "churn_probability": 0.61,
        "value_at_stake": round(1000.0 / rank, 2),
        "net_gain": round(100.0 / rank, 2) if cells.get("lane", "contact") == "contact" else None,
        "expected_value": 120.5,
        "value_low": -3.0,
        "value_high": 240.25,
        "last_purchase_on": dt.date(2026, 10, 27),
        "days_since_purchase": 26.0,
        "usual_gap_days": 4.2,
        "silent_since": "26 days, usually every 4",
        "reason_1": "last visit 26 days ago, usually every 4",
        "action": "Call and listen",
        "action_name": "call_back",
        "approval": False,
    }
    return row | cells


def _lanes(rows: list[dict[str, Any]]) -> dict[str, dict[str, int]]:
    lanes: dict[str, dict[str, int]] = {
        "leave_alone": {"would_stay": 1, "below_capacity": 10},
        "excluded": {"opted_out": 2, "held_out": 3},
    }
    for row in rows:
        whys = lanes.setdefault(row["lane"], {})
        whys[row["why"]] = whys.get(row["why"], 0) + 1
    return lanes


_HAPPENED = (
    ("complaint", "complained: the bread came late", "bad"),
    ("order", "ordered 12 loaves", "plain"),
    ("praise", "praised the new rye", "good"),
)


def _timeline(rows: list[dict[str, Any]], events: int) -> list[dict[str, Any]]:
    """The newest events of each row, a week apart, over and over the same three."""
    return [
        {
            "customer_id": row["customer_id"],
            "place": place,
            "day": dt.date(2026, 11, 20) - dt.timedelta(weeks=place - 1),
            **dict(zip(("kind", "text", "tone"), _HAPPENED[(place - 1) % 3], strict=True)),
        }
        for row in rows
        for place in range(1, events + 1)
    ]


def _history(rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Six snapshots a month apart, the risk rising to that of the row."""
    return [
        {
            "customer_id": row["customer_id"],
            "snapshot_on": dt.date(2026, month, 22),
            "churn_probability": row["churn_probability"] * (month - 4) / 7,
        }
        for row in rows
        for month in range(6, 12)
    ]
