"""The ledger of runs: the guards' measurements of every run that published a list.

One published list is one file of ledgers/runs/, written once; only another folder into which the
same list was published is added later. It holds counts and distributions, nothing of a single
customer; no stage owns it.
"""

import datetime as dt
from pathlib import Path
from typing import Any, Final

from pydantic import ValidationError

from retention.core.documents.reports import ListManifest
from retention.core.documents.scoring import GuardSummary, PublishedRun
from retention.core.errors import BadInput
from retention.core.storage import atomic

FOLDER: Final = Path("ledgers/runs")
IDENTITY_KEYS: Final = ("as_of", "sources", "watched", "scores_sha256")
"""Two measurements with equal values are of one run: the same input with the same scores."""

Run = dict[str, Any]
"""A run as the guards compare it, with the keys of RunReport; of a published one those of
PublishedRun. While it is being measured it lacks those of the comparison."""


def read(folder: Path, company: str) -> list[PublishedRun]:
    """The published runs of a company, by as_of and published_at.

    Errors: BadInput, a file is no record of a run.
    """
    runs = map(_read, sorted(folder.glob("*.json")))
    of_company = [run for run in runs if run.company == company]
    return sorted(of_company, key=lambda run: (run.as_of, run.published_at))


def _read(path: Path) -> PublishedRun:
    try:
        return PublishedRun.model_validate_json(path.read_bytes(), strict=True)
    except ValidationError:
        raise BadInput(f"{path}: no record of a run; restore it from a backup") from None


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
    _write(path, PublishedRun.model_validate(run.as_json() | of_list))
    return True


def _write(path: Path, run: PublishedRun) -> None:
    atomic.write_json(path, run.as_json(), mode=atomic.READ_ONLY)


def _add_folder(path: Path, into: str) -> bool:
    run = _read(path)
    if into in run.folders:
        return False
    _write(path, run.updated(folders=(*run.folders, into)))
    return True


def folders(folder: Path) -> list[Path]:
    """Every folder into which a list was published, by the records. Errors: as `read`."""
    runs = map(_read, folder.glob("*.json"))
    return sorted({Path(name) for run in runs for name in run.folders})
