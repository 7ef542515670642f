"""A campaign's lists and their follow-up, built by hand."""

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import yaml

from retention.core.params import Params, parse_params
from retention.experiments.follow_up import FOLLOW_UP
from retention.ledgers import assignments

COMPANY, CAMPAIGN = "Mill Lane Bakery", "always-on"
FIRST, AS_OF = dt.date(2026, 3, 2), dt.date(2026, 9, 1)

PARAMS: dict[str, Any] = {
    "company": COMPANY,
    "as_of": AS_OF.isoformat(),
    "time_zone": "Europe/London",
    "currency": "GBP",
    "engine": {"memory": "1GB"},
    "sources": {
        "till": {
            "path": "till.csv",
            "key": ["row"],
            "events": [{"kind": "purchase", "customer_id": "who", "occurred_at": "at"}],
        }
    },
    "labels": {
        "churn": {"rule": "silence", "horizon_days": 28},
        "value": {"kinds": ["purchase"], "horizon_days": 28},
    },
    "policy": {
        "playbook": [
            {"name": "call", "action": "Call and listen", "cost": 4.0},
            {
                "name": "gesture",
                "action": "Send a <small> gift",
                "cost": 1.0,
                "offer_value": 10.0,
                "acceptance_rate": 0.5,
            },
        ]
    },
}

LANES: pd.DataFrame = pd.DataFrame(
    {"lane": ["contact"], "why": ["chosen"], "churn_probability": [0.2]}
)
"""The lanes of a list of one, as planning reads them."""


def params_with(**changes: dict[str, Any]) -> Params:
    """The params, with sections changed by key."""
    merged = PARAMS | {name: PARAMS.get(name, {}) | changed for name, changed in changes.items()}
    return parse_params(yaml.safe_dump(merged))


def assignment(customer: str, arm: str, **more: Any) -> dict[str, Any]:
    """A row of a list's assignments."""
    defaults = {
        "customer_id": customer,
        "arm": arm,
        "propensity": 0.5,
        "play": "call",
        "channel": "phone" if arm == "contact" else None,
        "theme": "billing",
        "churn_probability": 0.3,
        "expected_loss": 20.0,
        "cost": 4.0,
        "offer": 0.0,
    }
    return defaults | more


def enter(
    folder: Path,
    list_id: str,
    rows: list[dict[str, Any]],
    as_of: dt.date = FIRST,
    days: int = 180,
    drawn_on: dt.date = FIRST,
) -> int:
    both = pd.DataFrame(rows, columns=list(assignments.OF_CUSTOMER))
    return assignments.enter(folder, list_id, COMPANY, CAMPAIGN, as_of, days, drawn_on, both)


def mature_follow_up(
    contact: tuple[int, int], holdout: tuple[int, int], seed: int = 5, **more: Any
) -> pd.DataFrame:
    """FOLLOW_UP of one list with mature outcomes; contact, holdout: (churned, customers)."""
    draw = np.random.default_rng(seed)
    n = contact[1] + holdout[1]
    arm = np.repeat(["contact", "holdout"], [contact[1], holdout[1]])
    churned = np.concatenate([np.arange(size) < left for left, size in (contact, holdout)])
    treated = arm == "contact"
    held = holdout[1] / n if n else 0.5
    table = {
        "list_id": "L1",
        "company": COMPANY,
        "campaign": CAMPAIGN,
        "as_of": pd.Timestamp(FIRST),
        "entered_at": pd.Timestamp(FIRST, tz="UTC"),
        "drawn_on": pd.Timestamp(FIRST),
        "customer_id": [f"c{n:05d}" for n in range(n)],
        "arm": arm,
        "propensity": 1 - held,
        "play": draw.choice(["call", "gesture"], n),
        "channel": "phone",
        "theme": draw.choice(["billing", "resolution", "rhythm"], n),
        "churn_probability": draw.beta(2, 6, n),
        "expected_loss": draw.gamma(2, 30, n),
        "cost": 4.0,
        "offer": 0.0,
        "outcome_known_on": pd.Timestamp(FIRST) + pd.Timedelta(days=28),
        "state": "mature",
        "churned": pd.array(churned, dtype="boolean"),
        "value": np.where(churned, 0.0, draw.gamma(4, 25, n)),
        "dropped": None,
        "contacted": treated & (draw.random(n) < 0.85),
        "reached": treated & (draw.random(n) < 0.6),
        "answered": treated & (draw.random(n) < 0.9),
        "spent": np.where(treated, 4.0, 0.0),
    }
    follow_up_rows = pd.DataFrame(table | more)
    follow_up_rows["reached"] &= follow_up_rows["contacted"]
    return follow_up_rows.astype({"dropped": "str"})[list(FOLLOW_UP)]


def pending_follow_up(n: int, as_of: dt.date, day: int = 28) -> pd.DataFrame:
    """The same of a list whose outcome is not known yet: a tenth is held out."""
    follow_up_rows = mature_follow_up((0, n - n // 10), (0, n // 10))
    follow_up_rows["customer_id"] = [f"w{as_of}{n:05d}" for n in range(len(follow_up_rows))]
    start = pd.Timestamp(as_of)
    return follow_up_rows.assign(
        as_of=start,
        outcome_known_on=start + pd.Timedelta(days=day),
        state="pending",
        churned=None,
        value=np.nan,
    ).astype({"churned": "boolean"})
