"""The end of what has been kept long enough: lists and ledgers' entries, by privacy.keep_days.

Events that old are dropped when they are read, by the stage `ingest`.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retention.commands.erase import derived
from retention.core.errors import BadParams
from retention.core.params import Params
from retention.core.storage import atomic, locks
from retention.core.storage.locks import Say
from retention.ledgers import assignments, outcomes, store
from retention.worklist import published


@dataclass(frozen=True)
class Tidied:
    """The first day that is kept, and how many lists and entries of ledgers went."""

    since: dt.date
    lists: int
    entries: int


def tidy(config: Params, say: Say) -> Tidied:
    """Remove what is older than privacy.keep_days, counted back from the current list's as_of.

    BadParams without a period. BadInput: a ledger that was changed.
    """
    days = config.privacy.keep_days
    if days is None:
        raise BadParams("privacy.keep_days is null, so everything is kept; set a number of days")
    folder = Path(config.publish.folder)
    now = published.current(folder)
    if now is None:
        raise BadParams(f"{folder}: no list yet, so there is nothing to count back from")
    since = _day_of(now) - dt.timedelta(days=days)
    gone = _lists(folder, now, since, say)
    entries = _outcomes(since) + _assignments(since)
    derived.collect(Path.cwd())
    return Tidied(since, gone, entries)


def _day_of(folder: Path) -> dt.date:
    return dt.date.fromisoformat(atomic.read_json(folder / published.MANIFEST)["as_of"])


def _lists(folder: Path, now: Path, since: dt.date, say: Say) -> int:
    with locks.hold(folder / published.LOCK, "publishing", say):
        old = [one for one in published.published_lists(folder) if one != now and _day_of(one) < since]
        for one in old:
            atomic.remove_folder(one)
    return len(old)


def _outcomes(since: dt.date) -> int:
    """Answers entered before; who objects, has died or was merged is not forgotten."""

    def stays(fact: dict[str, Any]) -> bool:
        lasting = fact["answer"] == outcomes.OBJECTION or fact["result"] in outcomes.GONE_RESULTS
        return lasting or dt.datetime.fromisoformat(fact["entered_at"]).date() >= since

    return _kept(outcomes.FOLDER, "facts", lambda _, fact: stays(fact))


def _assignments(since: dt.date) -> int:
    """Both arms of lists before: what became of them has long been counted."""

    def stays(of_list: dict[str, Any], _: dict[str, Any]) -> bool:
        return dt.date.fromisoformat(of_list["as_of"]) >= since

    return _kept(assignments.FOLDER, "assignments", stays)


def _kept(folder: Path, name: str, stays: Callable[[dict[str, Any], dict[str, Any]], bool]) -> int:
    """Put files in the place of those of a ledger that have rows which do not stay."""
    gone = 0
    with outcomes.lock(folder):
        store.remove_superseded(folder)
        for path, content in store.read_all(folder).items():
            kept = [row for row in content[name] if stays(content, row)]
            if len(kept) < len(content[name]):
                gone += len(content[name]) - len(kept)
                store.supersede(path, content | {name: kept})
    return gone
