"""The published list that a worked one came from: whom it named, and how to reach them."""

import csv
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from retention.core.csv_injection import unescape_formula
from retention.core.errors import BadInput, mask, suggestion
from retention.core.storage import atomic
from retention.worklist import published

_TABLE = "at_risk.csv"


@dataclass(frozen=True)
class Listed:
    """A published list: its id and day, and by customer id what it said of each."""

    list_id: str
    company: str
    as_of: date
    customers: dict[str, dict[str, str]]


def find(folder: Path, list_id: str) -> Listed:
    """The list of that id; BadInput when none of `folder` has it, or it was changed since."""
    known = {path: _manifest(path) for path in published.published_lists(folder)}
    ids = [str(one["list_id"]) for one in known.values() if "list_id" in one]
    found = [path for path, one in known.items() if one.get("list_id") == list_id]
    if not found:
        raise BadInput(
            f"list {mask(list_id, 10)} is not among those published in {folder}"
            f"{suggestion(list_id, ids)}; send the file that was filled in, with its list id"
        )
    return _listed(found[-1], known[found[-1]])


def _manifest(path: Path) -> dict[str, Any]:
    try:
        return dict(atomic.read_json(path / published.MANIFEST))
    except (ValueError, TypeError, OSError):
        return {}


def _listed(path: Path, manifest: dict[str, Any]) -> Listed:
    table = path / _TABLE
    if not table.is_file() or atomic.sha256(table) != manifest["files"][_TABLE]["sha256"]:
        raise BadInput(f"{table}: changed since it was published; restore it from a backup")
    with table.open(encoding="utf-8", newline="") as handle:
        rows = [
            {name: unescape_formula(cell) for name, cell in row.items()}
            for row in csv.DictReader(handle, strict=True)
        ]
    return Listed(
        list_id=manifest["list_id"],
        company=manifest["company"],
        as_of=date.fromisoformat(manifest["as_of"]),
        customers={row["customer_id"]: row for row in rows},
    )
