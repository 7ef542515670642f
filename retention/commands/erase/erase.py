"""Remove one customer everywhere, in steps that may stop anywhere and be run again.

The request is noted first, so that no file brings the customer back. Then raw rows, derived data,
ledger entries and list rows are removed. The receipt is written last: without one the next call
starts again.
"""

import datetime as dt
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from retention.commands.backup import SET_ASIDE
from retention.commands.erase import derived, lists, raw, search
from retention.commands.score import workspace
from retention.commands.score.process import TRACEBACK
from retention.core import artefacts
from retention.core.errors import BadParams
from retention.core.params import Params, load_params
from retention.core.storage import atomic, locks
from retention.core.storage.locks import Say
from retention.ledgers import assignments, erasures, outcomes

LOCK: Final = Path("ledgers/.erasure.lock")
SEARCHED: Final = (
    Path("mlruns"),
    Path("mlartifacts"),
    Path("mlflow.db"),
    Path("champion"),
    SET_ASIDE,
)
"""What holds no rows of customers by design, or only files that a restore set aside; each erasure
searches it to make sure."""

NOT_REMOVABLE: Final = (
    "copies of lists that were printed, mailed or downloaded: those who have them destroy them",
    "backups of data/raw, lists, ledgers and champion: erase again after each restore",
    "the models: learnt from many customers, they hold no id, and are kept",
)
"""What no command can remove, and who can."""

_NOT_OF_CUSTOMER: Final = ("cached_files", "work_folders")
"""Counts of what is removed whether or not it is about the customer."""

_WORK_FOLDERS: Final = (workspace.WORK, workspace.NEWEST)
"""Of score.folder."""


@dataclass(frozen=True)
class ErasureReport:
    """What an erasure removed, and what is left for others to do."""

    receipt: Path
    counts: dict[str, int]  # removed, by place
    places: tuple[str, ...]  # the files and folders that were looked into
    remains: tuple[str, ...]
    was_found: bool  # in any place, now or when an earlier call that was cut short began


def erase(
    params: Params, customer_id: str, why: str | None, now: dt.datetime, say: Say
) -> ErasureReport:
    """Remove a customer from the current folder and from publish.folder.

    Errors: BadParams for a blank id, or a work folder that no run made. BadInput for a raw file
    that cannot be read, before anything is removed, or for a damaged list or ledger, midway: repair
    it and erase again. Busy where another erasure, a scheduled run or another DVC works here; if
    that began midway there is no receipt: erase again.
    """
    if not customer_id.strip():
        raise BadParams("erase needs a customer id, as your data have it")
    root = Path.cwd()
    with _exclusive(params, say):
        parts = raw.customer_rows(params, customer_id)
        derived.refuse_at_work(root)
        salted = erasures.with_salt()
        sha256 = salted.hash_of(customer_id)
        was_requested = erasures.requested_at(erasures.FOLDER, sha256) is not None
        erasures.request(erasures.FOLDER, sha256, now)
        is_unfinished = _is_unfinished(sha256, was_requested)
        places = tuple(_places(params, root))
        counts = dict(_remove(params, customer_id, parts, root, is_unfinished, say))
        remaining = tuple(_remaining(params, customer_id, parts, root))
        derived.refuse_at_work(root)
        receipt = _receipt(sha256, why, counts, places, remaining, now)
        removed = any(counts[place] for place in counts.keys() - _NOT_OF_CUSTOMER)
        was_found = is_unfinished or bool(parts) or removed
        path = erasures.enter(erasures.FOLDER, receipt)
        return ErasureReport(path, counts, places, remaining, was_found)


def run(customer_id: str, why: str | None, say: Say) -> None:
    """The command: erase a customer of the current folder and print what was removed."""
    report = erase(load_params(), customer_id, why, dt.datetime.now(dt.UTC), say)
    for place, count in report.counts.items():
        say(f"{place.replace('_', ' ')}: {count:,}")
    say(f"looked into: {', '.join(report.places)}")
    for remaining in report.remains:
        say(f"left to do: {remaining}")
    if not report.was_found:
        say(
            "nothing was found of this id; it is kept out from now on; check that it is written"
            " as in your data"
        )
    say(f"receipt: {report.receipt}; run make repro to make the data anew")


@contextmanager
def _exclusive(params: Params, say: Say) -> Iterator[None]:
    """Hold the locks of erasures and of scheduled runs."""
    atomic.make_folder(LOCK.parent)
    runs = Path(params.score.folder)
    atomic.make_folder(runs)
    with (
        locks.hold(LOCK, "erasing a customer", say),
        locks.hold(runs / ".lock", "running `retention score`", say),
    ):
        for folder in _WORK_FOLDERS:
            workspace.check_removable(runs / folder)
        yield


def _is_unfinished(sha256: str, was_requested: bool) -> bool:
    """Whether an erasure of the customer was begun and left no receipt."""
    return was_requested and not erasures.receipts(erasures.FOLDER, sha256)


def _remove(
    params: Params,
    customer_id: str,
    parts: list[raw.CustomerRows],
    root: Path,
    is_unfinished: bool,
    say: Say,
) -> Iterator[tuple[str, int]]:
    """(place, number removed); a step that was done before finds nothing more."""
    own_parts = [part for part in parts if raw.is_own_file(part.path, root) and len(part.rows)]
    holds_customer = is_unfinished or bool(parts) or derived.hold_customer(root, customer_id)
    yield "raw_rows", sum(map(_cut_rows, own_parts))
    atomic.remove_leftovers(root / artefacts.DATA)
    with_example = any(raw.is_of_example(part.path) for part in parts)
    yield "data_folders", derived.remove(root, with_example=with_example) if holds_customer else 0
    yield "cached_files", derived.collect_garbage(root)
    yield "copies_of_experiments", derived.remove_experiment_copies(root, customer_id)
    runs = Path(params.score.folder)
    yield "work_folders", sum(_remove_folder(runs / folder) for folder in _WORK_FOLDERS)
    atomic.remove(runs / TRACEBACK)  # a traceback may hold a value
    yield "imports_of_outcomes", outcomes.erase(outcomes.FOLDER, customer_id)
    yield "lists_of_assignments", assignments.erase(assignments.FOLDER, customer_id)
    yield "published_lists", lists.erase_from_lists(params, customer_id, say)


def _cut_rows(part: raw.CustomerRows) -> int:
    raw.cut_rows(part)
    return len(part.rows)


def _remove_folder(folder: Path) -> int:
    """Remove a folder of scheduled runs; 1 if there was one."""
    existed = folder.is_dir()
    atomic.remove_folder(folder)
    return int(existed)


# What the receipt says


def _places(params: Params, root: Path) -> Iterator[str]:
    """The files and folders that an erasure looks into, of those that are there now."""
    places = [
        *(Path(file.path) for file in params.raw_files().values() if file.path),
        *(_short(folder, root) for folder in derived.folders(root, with_example=True)),
        *(_short(folder, root) for folder in derived.cache_folders(root)),
        *(_short(copy, root) for copy in derived.experiment_copies(root)),
        *(Path(params.score.folder) / folder for folder in _WORK_FOLDERS),
        outcomes.FOLDER,
        assignments.FOLDER,
        Path(params.publish.folder),
        *lists.other_folders(params),
        *SEARCHED,
    ]
    yield from dict.fromkeys(os.fspath(path) for path in places if path.exists())


def _short(path: Path, root: Path) -> Path:
    return path.relative_to(root) if path.is_relative_to(root) else path


def _remaining(
    params: Params, customer_id: str, parts: Iterable[raw.CustomerRows], root: Path
) -> Iterator[str]:
    yield from _remaining_rows(parts, root)
    for key, file in params.raw_files().items():
        if file.table:
            yield f"{key}: the owner of the database erases them in its table"
    yield from (f"{path}: params.yaml does not name it: look" for path in raw.unnamed_files(params))
    for folder in lists.other_folders(params):
        if not folder.is_dir():
            yield f"{folder}: lists were published there; should it come back, erase again"
    for name in derived.remotes(root):
        yield f"DVC remote {name}: collect it with dvc gc --workspace --cloud --remote {name}"
    for folder in SEARCHED:
        for path in search.files_with(folder, customer_id):
            yield f"{path}: holds a value equal to the id: look"
    yield from NOT_REMOVABLE


def _remaining_rows(parts: Iterable[raw.CustomerRows], root: Path) -> Iterator[str]:
    parts = list(parts)
    if any(raw.is_of_example(part.path) for part in parts):
        yield f"{raw.EXAMPLES}: the example writes its customers again at the next run"
    for part in (part for part in parts if not raw.is_of_example(part.path)):
        if len(part.rows) and not raw.is_own_file(part.path, root):
            yield f"{part.path}: its owner removes {len(part.rows):,} rows, and exports it anew"
        for line in part.unread:
            yield f"{part.path}: line {line} could not be read as cells and may be theirs: look"


def _receipt(
    sha256: str,
    why: str | None,
    counts: dict[str, int],
    places: tuple[str, ...],
    remaining: tuple[str, ...],
    now: dt.datetime,
) -> dict[str, Any]:
    """The receipt without the id. why: as the operator wrote it."""
    return {
        "sha256": sha256,
        "why": why,
        "begun_at": now.isoformat(timespec="seconds"),
        "ended_at": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
        "asked_at": erasures.requested_at(erasures.FOLDER, sha256),
        "removed": counts,
        "looked_into": list(places),
        "remains": list(remaining),
    }
