"""The summary of a run, and what its stages counted, read from the files they left."""

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from retention.core import artefacts
from retention.worklist import published

Counts = dict[str, int]


@dataclass
class Summary:
    """The end of a run in figures, as printed and as written to runs/DATE.json."""

    as_of: str | None = None
    state: str = "failed"
    exit: int = 1
    watched: int | None = None  # customers of the cohort
    listed: int | None = None  # customers on the list
    read: int = 0  # raw rows
    rejected: int = 0  # raw rows
    list: str | None = None
    seconds: float = 0.0
    peak_mb: float = 0.0  # most memory of one stage
    disk_mb: float = 0.0  # largest size of the work folder
    read_mb: float = 0.0  # size of the raw files

    def add(self, stage: str, counts: Mapping[str, int]) -> None:
        """Add what a stage counted."""
        self.read += counts.get("read", 0)
        self.rejected += counts.get("rejected", 0)
        if stage == "at_risk":
            self.watched, self.listed = counts["watched"], counts["listed"]


def stage_counts(work: Path, words: Sequence[str]) -> Counts:
    """The rows that a stage read, accepted or wrote, by name; none for a stage without counts."""
    count = _COUNTS.get(words[0])
    return count(work, *words[1:]) if count else {}


def _ingest(work: Path, source: str) -> Counts:
    summary = artefacts.ingest_summary(source).under(work).read()
    return {
        "read": summary.read,
        "accepted": summary.accepted,
        "rejected": summary.rejected,
        "unmapped": summary.unmapped,
    }


def _customers(work: Path) -> Counts:
    return {
        "rows": artefacts.CUSTOMERS.under(work).rows(),
        "rejected": artefacts.CUSTOMER_REJECTS.under(work).rows(),
    }


def _events(work: Path) -> Counts:
    summary = artefacts.EVENTS_SUMMARY.under(work).read()
    return {"rows": summary.rows, "duplicates_removed": summary.duplicates_removed}


def _snapshots(work: Path) -> Counts:
    summary = artefacts.SNAPSHOTS_SUMMARY.under(work).read()
    return {"watched": summary.watched[summary.as_of]}


_COUNTS: Final[dict[str, Callable[..., Counts]]] = {
    "ingest": _ingest,
    "customers": _customers,
    "events": _events,
    "snapshots": _snapshots,
    "features": lambda work: {"rows": artefacts.FEATURES.under(work).rows()},
    "interactions": lambda work: {"rows": artefacts.CUSTOMER_STATE.under(work).rows()},
    "score": lambda work: {"scored": artefacts.SCORES.under(work).rows()},
    "at_risk": lambda work: artefacts.LIST_SUMMARY.under(work).read().counts.model_dump(),
}


def overrides(work: Path) -> dict[str, str]:
    """The reasons in params.yaml for overriding a refusal, by guard."""
    reasons: dict[str, str] = dict(artefacts.GUARD_SUMMARY.under(work).read().run.override)
    return reasons


def scored_day(work: Path) -> str:
    """The day for which the stage `snapshots` chose the cohort."""
    return str(artefacts.SNAPSHOTS_SUMMARY.under(work).read().as_of)


def run_id(work: Path) -> str:
    """The id under which the list of a work folder is published."""
    folder, summary = (
        work / artefacts.AT_RISK.path.parent,
        artefacts.LIST_SUMMARY.under(work).read(),
    )
    return published.run_id(published.build_manifest(folder, summary))
