"""One customer removed everywhere, in an order that may break off anywhere and be taken up again.

First who is to go is noted, so that no file brings them back; then what was brought in, made of it
and said of it goes; the receipt comes last. Without a receipt the next call begins anew.
"""

import datetime as dt
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from retention.commands.backup import ASIDE
from retention.commands.erase import derived, lists, raw, search
from retention.commands.score import workspace
from retention.commands.score.stage import FAILED
from retention.core import artefacts
from retention.core.errors import BadParams
from retention.core.params import Params
from retention.core.storage import atomic, locks
from retention.core.storage.locks import Say
from retention.ledgers import assignments, erasures, outcomes

LOCK: Final = Path("ledgers/.erasure.lock")
LOOKED_INTO: Final = (Path("mlruns"), Path("mlartifacts"), Path("champion"), ASIDE)
"""What holds no rows of customers by design, or only what a restore set aside; each erasure looks
whether that is so."""

OTHERS: Final = (
    "copies of lists that were printed, mailed or downloaded: those who have them destroy them",
    "backups of data/raw, lists, ledgers and champion: erase again after each restore",
    "the models: learnt from many customers, they hold no id, and are kept",
)
"""What no command can do."""


_OF_ANYBODY: Final = ("cached_files", "work_folders")
"""Counts of what goes whomever it is of."""


@dataclass(frozen=True)
class Done:
    """What an erasure removed, by place, and what is left for others to do.

    found: whether any place held the customer, now or when a call that was cut short began.
    """

    receipt: Path
    counts: dict[str, int]
    remains: tuple[str, ...]
    found: bool


def erase(config: Params, customer_id: str, why: str | None, now: dt.datetime, say: Say) -> Done:
    """Remove a customer from the folder one stands in, and from publish.folder.

    BadParams: a blank id; a work folder that no run made. BadInput: a raw file that cannot be
    read, before anything has gone; a damaged list or ledger, midway: mend it and erase again.
    Busy: another erasure, a scheduled run or another DVC works here; if that began midway there is
    no receipt: erase again.
    """
    if not customer_id.strip():
        raise BadParams("erase needs a customer id, as your data have it")
    root = Path.cwd()
    with _alone(config, say):
        parts = raw.parts(config, customer_id)
        derived.refuse_at_work(root)
        known = erasures.with_salt()
        sha256 = known.hash_of(customer_id)
        begun = erasures.requested_at(erasures.FOLDER, sha256) is not None
        erasures.request(erasures.FOLDER, sha256, now)
        unended = _unended(sha256, begun)
        counts = dict(_removed(config, customer_id, parts, root, unended, say))
        left = tuple(_remains(config, customer_id, parts, root))
        derived.refuse_at_work(root)
        receipt = _receipt(sha256, why, counts, left, now)
        found = unended or bool(parts) or any(counts[one] for one in counts.keys() - _OF_ANYBODY)
        return Done(erasures.enter(erasures.FOLDER, receipt), counts, left, found)


@contextmanager
def _alone(config: Params, say: Say) -> Iterator[None]:
    """Beside no other erasure and no scheduled run."""
    atomic.make_folder(LOCK.parent)
    runs = Path(config.score.folder)
    atomic.make_folder(runs)
    with (
        locks.hold(LOCK, "erasing a customer", say),
        locks.hold(runs / ".lock", "running `retention score`", say),
    ):
        workspace.removable(runs / workspace.WORK)
        yield


def _unended(sha256: str, begun: bool) -> bool:
    """Whether an erasure of the same customer was begun and has left no receipt."""
    return begun and not erasures.receipts(erasures.FOLDER, sha256)


def _removed(
    config: Params, customer_id: str, parts: list[raw.Part], root: Path, unended: bool, say: Say
) -> Iterator[tuple[str, int]]:
    """What went, by place; each step finds nothing more where it was done before."""
    mine = [one for one in parts if raw.ours(one.path, root) and len(one.rows)]
    held_here = unended or bool(parts) or derived.hold(root, customer_id)
    yield "raw_rows", sum(map(_cut, mine))
    atomic.remove_leftovers(root / artefacts.DATA)
    yield "data_folders", derived.remove(root) if held_here else 0
    yield "cached_files", derived.collect(root)
    yield "work_folders", _clear(Path(config.score.folder) / workspace.WORK)
    atomic.remove(Path(config.score.folder) / FAILED)  # a traceback may hold a value
    yield "imports_of_outcomes", outcomes.erase(outcomes.FOLDER, customer_id)
    yield "lists_of_assignments", assignments.erase(assignments.FOLDER, customer_id)
    yield "published_lists", lists.erase(config, customer_id, say)


def _cut(part: raw.Part) -> int:
    raw.cut(part)
    return len(part.rows)


def _clear(folder: Path) -> int:
    """The folder of a scheduled run that did not end."""
    there = folder.is_dir()
    atomic.remove_folder(folder)
    return int(there)


# What is left


def _remains(
    config: Params, customer_id: str, parts: Iterable[raw.Part], root: Path
) -> Iterator[str]:
    for one in parts:
        if len(one.rows) and not raw.ours(one.path, root):
            yield f"{one.path}: its owner removes {len(one.rows):,} rows"
        for line in one.unread:
            yield f"{one.path}: line {line} could not be read as cells and may be theirs: look"
    for key, file in config.raw_files().items():
        if file.table:
            yield f"{key}: the owner of the database erases them in its table"
    yield from (f"{path}: params.yaml does not name it: look" for path in raw.unnamed(config))
    for folder in lists.elsewhere(config):
        if not folder.is_dir():
            yield f"{folder}: lists were published there; should it come back, erase again"
    for name in derived.remotes(root):
        yield f"DVC remote {name}: collect it with dvc gc --workspace --cloud --remote {name}"
    for path in [one for folder in LOOKED_INTO for one in search.holding(folder, customer_id)]:
        yield f"{path}: holds a value equal to the id: look"
    yield from OTHERS


def _receipt(
    sha256: str, why: str | None, counts: dict[str, int], left: tuple[str, ...], now: dt.datetime
) -> dict[str, Any]:
    """Everything but the id. why: as the operator wrote it."""
    return {
        "sha256": sha256,
        "why": why,
        "begun_at": now.isoformat(timespec="seconds"),
        "ended_at": dt.datetime.now(dt.UTC).isoformat(timespec="milliseconds"),
        "asked_at": erasures.requested_at(erasures.FOLDER, sha256),
        "removed": counts,
        "looked_into": [os.fspath(one) for one in LOOKED_INTO if one.exists()],
        "remains": list(left),
    }
