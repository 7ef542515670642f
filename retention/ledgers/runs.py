"""The ledger of runs: the guards' measurements of every run that published a list.

One published list is one file of ledgers/runs/, written once; only another folder into which the
same list was published is added later. It holds counts and distributions, nothing of a single
customer; no stage owns it.
"""

import datetime as dt
from pathlib import Path
from typing import Any, Final

from retention.core.documents.reports import ListManifest
from retention.core.documents.scoring import GuardSummary
from retention.core.errors import BadInput
from retention.core.storage import atomic

FOLDER: Final = Path("ledgers/runs")
IDENTITY_KEYS: Final = ("as_of", "sources", "watched", "scores_sha256")
"""Two measurements with equal values are of one run: the same input with the same scores."""

Run = dict[str, Any]
"""as_of, company, model, sources (read, rejected, ignored_columns), customers, watched,
scores_sha256, mean_risk, score_psi, drifted, levels (the worst by guard), override; of a published
run also list, list_id, listed, published_at (UTC) and folders (absolute, where it was published).
Older records lack customers and folders."""


REQUIRED_KEYS: Final = {*IDENTITY_KEYS, "company", "published_at", "mean_risk"}


def read(folder: Path, company: str) -> list[Run]:
    """The published runs of a company, by as_of and published_at.

    Errors: BadInput, a file is no record of a run.
    """
    runs = map(_read, sorted(folder.glob("*.json")))
    of_company = [run for run in runs if run["company"] == company]
    return sorted(of_company, key=lambda run: (run["as_of"], run["published_at"]))


def _read(path: Path) -> Run:
    try:
        run: Run = atomic.read_json(path)
        if run.keys() >= REQUIRED_KEYS:
            return run
    except (ValueError, AttributeError):
        pass
    raise BadInput(f"{path}: no record of a run; restore it from a backup")


def earlier_runs(runs: list[Run], run: Run) -> list[Run]:
    """The runs up to as_of, without this one, which may have been published already."""
    earlier = [previous for previous in runs if previous["as_of"] <= run["as_of"]]
    return [previous for previous in earlier if not _is_same(previous, run)]


def _is_same(other: Run, run: Run) -> bool:
    """A record without a count of customers passes for one with as many."""
    customers = run.get("customers")
    same = all(other.get(key) == run[key] for key in IDENTITY_KEYS)
    return same and other.get("customers", customers) == customers


def record(
    guard_summary: GuardSummary | None, folder: Path, published: Path, manifest: ListManifest
) -> bool:
    """Enter the guards' measurements of a published list, once; whether that wrote a file.

    guard_summary: of stage `guard`; None if it did not run. published: the list's folder.
    manifest: that of the list.
    """
    path = folder / f"{published.name}.json"
    into = str(published.parent.resolve())
    if path.exists():
        return _add_folder(path, into)
    if guard_summary is None:
        return False
    run = guard_summary.run
    if (run.as_of, run.company) != (manifest.as_of, manifest.company):
        return False  # measured for another list
    of_list = {
        "list": published.name,
        "list_id": manifest.list_id,
        "listed": manifest.rows,
        "published_at": dt.datetime.now(dt.UTC).isoformat(),
        "folders": [into],
    }
    atomic.write_json(path, run.as_json() | of_list, mode=atomic.READ_ONLY)
    return True


def _add_folder(path: Path, into: str) -> bool:
    run = _read(path)
    previous = run.get("folders", [])
    if into in previous:
        return False
    atomic.write_json(path, run | {"folders": [*previous, into]}, mode=atomic.READ_ONLY)
    return True


def folders(folder: Path) -> list[Path]:
    """Every folder into which a list was published, by the records. Errors: as `read`."""
    runs = map(_read, folder.glob("*.json"))
    return sorted({Path(name) for run in runs for name in run.get("folders", [])})
