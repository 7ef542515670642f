"""The ledger of assignments: the randomised arm of each customer, contact or holdout.

One published list is one file of ledgers/assignments/, written once and never changed. A customer
enters with the first list of a campaign that assigns them, and the arms are compared by that entry,
whoever was contacted in the end. It holds customer ids, never names; no stage owns it.
"""

import datetime as dt
from collections.abc import Hashable
from pathlib import Path
from typing import Any, Final

import pandas as pd

from retention.core import events
from retention.core.errors import BadInput
from retention.ledgers import outcomes, store

FOLDER: Final = Path("ledgers/assignments")
CONTACT, HOLDOUT = events.CONTACT, events.HOLDOUT
DRAWN_ON: Final = "drawn_on"

OF_LIST: Final = (
    "list_id",
    "company",
    "campaign",
    "as_of",  # the list's day: when the assignment happened
    "entered_at",  # when the list was published (UTC): since when it is known
    DRAWN_ON,  # the day of the draw that gave the arms; null in files from before draws had one
)
"""The keys of a file."""

OF_CUSTOMER: Final = {
    "customer_id": "str",
    "arm": "str",  # contact or holdout
    "propensity": "float64",  # P(contact)
    "play": "str",  # planned, or what would have been planned
    "channel": "str",  # planned; null in the holdout
    "theme": "str",  # of the first reason
    "churn_probability": "float64",
    "expected_loss": "float64",  # money
    "cost": "float64",  # of the play, money
    "offer": "float64",  # expected value of the offer, money
}
"""The keys of each customer in a file, with types. All but the first three may be null."""

_ROWS: Final = "assignments"


# Writing


def enter(
    folder: Path,
    list_id: str,
    company: str,
    campaign: str,
    as_of: dt.date,
    campaign_days: int,
    drawn_on: dt.date,
    arms: pd.DataFrame,
) -> int:
    """Enter both arms (OF_CUSTOMER) of a published list, once; the number of customers added.

    Customers with an active assignment keep it. A list that is entered already, or brings nobody
    new, changes nothing. Errors: as `read_all`.
    """
    with outcomes.lock(folder):
        if any(folder.glob(f"{list_id}-*.json")):
            return 0
        active = active_assignments(folder, company, campaign, as_of, campaign_days)
        fresh = arms[~arms["customer_id"].isin(active["customer_id"])]
        if len(fresh):
            days = (as_of.isoformat(), _now().isoformat(), drawn_on.isoformat())
            head = (list_id, company, campaign, *days)
            write(folder, dict(zip(OF_LIST, head, strict=True)) | {_ROWS: _json_rows(fresh)})
        return len(fresh)


def _now() -> dt.datetime:
    return dt.datetime.now(dt.UTC)


def _json_rows(arms: pd.DataFrame) -> list[dict[Hashable, Any]]:
    """Rows for JSON, null for what is not known."""
    ordered = arms.sort_values("customer_id")[list(OF_CUSTOMER)].astype(object)
    return ordered.where(ordered.notna(), None).to_dict(orient="records")


def write(folder: Path, content: dict[str, Any]) -> Path:
    """Add the file of one list, under the lock: OF_LIST, and `assignments` with OF_CUSTOMER."""
    return store.write(folder, content["list_id"], content)


def erase(folder: Path, customer_id: str) -> int:
    """Remove one customer from every file, each written anew; the number of files changed.

    The only change that is ever made. A list whose only customer is removed stays entered.
    """
    with outcomes.lock(folder):
        return store.erase(folder, _ROWS, customer_id)


# Reading


def read_all(folder: Path = FOLDER) -> pd.DataFrame:
    """Every assignment (OF_LIST, OF_CUSTOMER), by as_of, list and customer.

    as_of and drawn_on are days (datetime64), entered_at UTC. Errors: BadInput, a file is not as it
    was written.
    """
    parts = [_read(path, content) for path, content in store.read_all(folder).items()]
    rows = [row for part in parts for row in part]
    assignments = pd.DataFrame(rows, columns=[*OF_LIST, *OF_CUSTOMER])
    assignments = assignments.astype(dict.fromkeys(OF_LIST, "str") | OF_CUSTOMER)
    for name in ("as_of", DRAWN_ON):
        days = pd.to_datetime(assignments[name], format="ISO8601")
        assignments[name] = days.astype("datetime64[s]")
    entered = pd.to_datetime(assignments["entered_at"], format="ISO8601", utc=True)
    assignments["entered_at"] = entered.astype("datetime64[us, UTC]")
    return assignments.sort_values(
        ["as_of", "entered_at", "list_id", "customer_id"], ignore_index=True
    )


def _read(path: Path, content: dict[str, Any]) -> list[dict[str, Any]]:
    try:
        head = {name: content[name] for name in OF_LIST if name != DRAWN_ON}
        head[DRAWN_ON] = content.get(DRAWN_ON)
        return [head | {name: row[name] for name in OF_CUSTOMER} for row in content[_ROWS]]
    except (ValueError, KeyError, TypeError):
        raise BadInput(f"{path}: no list's assignments; restore it from a backup") from None


def active_assignments(
    folder: Path, company: str, campaign: str, as_of: dt.date, campaign_days: int
) -> pd.DataFrame:
    """The assignments of a campaign on a day: made on it, or less than campaign_days before.

    The columns of `read_all`; one row a customer, that of the first list.
    """
    assignments = read_all(folder)
    of_campaign = assignments[
        (assignments["company"] == company) & (assignments["campaign"] == campaign)
    ]
    day = pd.Timestamp(as_of)
    lasting = (of_campaign["as_of"] <= day) & (
        of_campaign["as_of"] > day - pd.Timedelta(days=campaign_days)
    )
    return of_campaign[lasting].drop_duplicates("customer_id", ignore_index=True)


def first_of_each_draw(assignments: pd.DataFrame) -> pd.DataFrame:
    """The first assignment of each customer in each draw of a campaign, of rows of `read_all`.

    A customer who is assigned again by the same draw has the same arm again, and comes within reach
    because of what became of the first assignment. Another draw gives an arm of its own.
    """
    keys = ["company", "campaign", DRAWN_ON, "customer_id"]
    return assignments.drop_duplicates(keys, ignore_index=True)


def customers_in_arm(
    folder: Path, arm: str, company: str, campaign: str, as_of: dt.date, campaign_days: int
) -> frozenset[str]:
    """The customers whom an earlier list of the campaign put into an arm that they still have.

    Those of the day itself are left out: its list randomises them again, with the same result.
    """
    active = active_assignments(folder, company, campaign, as_of, campaign_days)
    earlier = active[active["as_of"] < pd.Timestamp(as_of)]
    return frozenset(earlier.loc[earlier["arm"] == arm, "customer_id"])
