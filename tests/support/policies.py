"""A cohort as the policy reads it, from text tables of the columns that matter."""

import datetime as dt
from typing import Any, Final

import numpy as np
import pandas as pd

from retention.core.params import AtRiskParams, Params, Policy, parse_params
from tests.support import histories

AS_OF: Final = dt.date(2026, 11, 22)
SCORES: Final = {
    "churn_probability": 0.5,
    "expected_value": 150.0,
    "value_low": 20.0,
    "value_high": 300.0,
    "value_if_kept": 250.0,
    "value_if_lost": 50.0,
    "expected_loss": 100.0,
}
UPLIFT_SCORES: Final = {"saving": np.nan, "treatment": None, "disturbed": False}
CUSTOMER_STATE: Final = {
    "tenure_days": 900.0,
    "notice_on": None,
    "ends_on": None,
    "open_cases": 0.0,
    "unsolved_days": np.nan,
    "faulty_order_days": np.nan,
    "case_due_days": np.nan,
    "billing_error_days": np.nan,
    "broken_promise_days": np.nan,
    "fixed_days": np.nan,
    "last_outreach_days": np.nan,
    "call_back_days": np.nan,
    "override_days": np.nan,
    "handed_to": None,
    "contacts_365d": 0.0,
    "serving_cost_365d": 0.0,
    "revenue_365d": 500.0,
    "last_dealing_days": 3.0,
    "failures_90d": 0.0,
    "causes": None,
    "unsettled": None,
    "usual_channel": None,
}
CONTACTS: Final = {"do_not_contact": False, "preferred_channel": "phone", "owner": None}
_TEXTS: Final = ("usual_channel", "preferred_channel", "owner", "treatment", "handed_to")


def customer_rows(text: str) -> list[dict[str, Any]]:
    """Rows from a table; `customer` is the id, an empty cell null, `causes` cut at spaces."""
    return [_typed(row) for row in histories.rows(text)]


def _typed(row: dict[str, str | None]) -> dict[str, Any]:
    typed: dict[str, Any] = {"customer_id": row.pop("customer")}
    for name, cell in row.items():
        if name in ("causes", "unsettled"):
            typed[name] = cell.split() if cell else None
        elif name in ("notice_on", "ends_on"):
            typed[name] = dt.date.fromisoformat(cell) if cell else None
        elif name in ("do_not_contact", "disturbed"):
            typed[name] = {"yes": True, "no": False, None: None}[cell]
        else:
            typed[name] = cell if name in _TEXTS else float(cell) if cell else np.nan
    return typed


def input_frame(people: list[dict[str, Any]], columns: dict[str, Any]) -> pd.DataFrame:
    """One of SCORES, STANDING, CONTACTS, of every customer; what is not said is plain."""
    rows = [
        {"customer_id": person["customer_id"], **{k: person.get(k, v) for k, v in columns.items()}}
        for person in people
    ]
    table = pd.DataFrame(rows, columns=["customer_id", *columns])
    return table.astype({name: "str" for name in _TEXTS if name in columns})


def input_frames(people: list[dict[str, Any]]) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """scores, customer_state, contacts; uplift is among the scores where any row states it."""
    taught = {k: v for k, v in UPLIFT_SCORES.items() if any(k in person for person in people)}
    scores = input_frame(people, SCORES | taught)
    return scores, input_frame(people, CUSTOMER_STATE), input_frame(people, CONTACTS)


def themes(*rows: tuple[str, str]) -> pd.DataFrame:
    table = pd.DataFrame(rows, columns=["customer_id", "theme"]).astype("str")
    return table.assign(rank=1)


def policy(**keys: Any) -> Policy:
    return Policy.model_validate(keys)


def play(name: str, **keys: Any) -> dict[str, Any]:
    return {"name": name, "action": f"do {name}", **keys}


_COMPANY: Final = """
time_zone: Europe/London
currency: GBP
sources:
  sales:
    path: sales.csv
    key: [receipt]
    events: [{kind: purchase, customer_id: cust, occurred_at: sold_at}]
labels: {churn: {rule: silence}}
"""


def params_of(at_risk: AtRiskParams, policy_params: Policy) -> Params:
    """The params of a company with these two sections."""
    return parse_params(_COMPANY).model_copy(update={"at_risk": at_risk, "policy": policy_params})
