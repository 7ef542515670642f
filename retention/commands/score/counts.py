"""What the stages counted, read from what they left in the folder of a run."""

from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Final

import pyarrow.parquet as pq

from retention.core import artefacts
from retention.core.storage import atomic

Counted = dict[str, int]


def counts(work: Path, words: Sequence[str]) -> Counted:
    """The rows that a stage read, took or wrote, by name; nothing for one that counts none."""
    found = _OF.get(words[0])
    return found(work, *words[1:]) if found else {}


def _ingest(work: Path, source: str) -> Counted:
    summary = atomic.read_json(work / artefacts.ingest_summary(source))
    return {name: summary[name] for name in ("read", "accepted", "rejected", "unmapped")}


def _customers(work: Path) -> Counted:
    return {
        "rows": _rows(work / artefacts.CUSTOMERS),
        "rejected": _rows(work / artefacts.CUSTOMER_REJECTS),
    }


def _events(work: Path) -> Counted:
    summary = atomic.read_json(work / artefacts.EVENTS_SUMMARY)
    return {name: summary[name] for name in ("rows", "duplicates_removed")}


def _snapshots(work: Path) -> Counted:
    summary = atomic.read_json(work / artefacts.SNAPSHOTS_SUMMARY)
    return {"watched": summary["watched"][summary["as_of"]]}


def _at_risk(work: Path) -> Counted:
    found: Counted = summary_of_list(work)["counts"]
    return found


def _rows(path: Path) -> int:
    return int(pq.read_metadata(path).num_rows)


_OF: Final[dict[str, Callable[..., Counted]]] = {
    "ingest": _ingest,
    "customers": _customers,
    "events": _events,
    "snapshots": _snapshots,
    "features": lambda work: {"rows": _rows(work / artefacts.FEATURES)},
    "interactions": lambda work: {"rows": _rows(work / artefacts.CUSTOMER_STATE)},
    "score": lambda work: {"scored": _rows(work / artefacts.SCORES)},
    "at_risk": _at_risk,
}


def overridden(work: Path) -> dict[str, str]:
    """The reasons that params give for what a guard would have refused, by guard."""
    found: dict[str, str] = atomic.read_json(work / artefacts.GUARD_SUMMARY)["run"]["override"]
    return found


def as_of(work: Path) -> str:
    """The day that the stage `snapshots` settled on."""
    return str(atomic.read_json(work / artefacts.SNAPSHOTS_SUMMARY)["as_of"])


def summary_of_list(work: Path) -> dict[str, Any]:
    """What the list says of itself."""
    found: dict[str, Any] = atomic.read_json(work / artefacts.AT_RISK.path.parent / "summary.json")
    return found
