"""`retention tidy`: remove lists and ledger entries older than privacy.keep_days.

The stage `ingest` drops events of that age when it reads them.
"""

import datetime as dt
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from retention.commands.erase import derived
from retention.core.errors import BadParams
from retention.core.params import Params, load_params
from retention.core.storage import atomic, locks
from retention.core.storage.locks import Say
from retention.ledgers import assignments, outcomes, store
from retention.worklist import published


@dataclass(frozen=True)
class TidyReport:
    """What was removed."""

    since: dt.date  # the first day that is kept
    lists: int
    entries: int  # of ledgers


def tidy(params: Params, say: Say) -> TidyReport:
    """Remove what is older than privacy.keep_days, counted back from the current list's as_of.

    Errors: BadParams without a period or a list; BadInput for a ledger that was changed.
    """
    days = params.privacy.keep_days
    if days is None:
        raise BadParams("privacy.keep_days is null, so everything is kept; set a number of days")
    folder = Path(params.publish.folder)
    current = published.current(folder)
    if current is None:
        raise BadParams(f"{folder}: no list yet, so there is nothing to count back from")
    since = published.read_manifest(current).as_of - dt.timedelta(days=days)
    n_lists = _remove_lists(folder, current, since, say)
    entries = _remove_answers(since) + _remove_assignments(since)
    derived.collect_garbage(Path.cwd())
    return TidyReport(since, n_lists, entries)


def run(say: Say) -> None:
    """The command."""
    report = tidy(load_params(), say)
    say(f"kept from {report.since}; removed {report.lists:,} lists, {report.entries:,} entries")


def _remove_lists(folder: Path, current: Path, since: dt.date, say: Say) -> int:
    with locks.hold(folder / published.LOCK, "publishing", say):
        expired = [
            list_folder
            for list_folder in published.published_lists(folder)
            if list_folder != current and published.read_manifest(list_folder).as_of < since
        ]
        for list_folder in expired:
            atomic.remove_folder(list_folder)
    return len(expired)


def _remove_answers(since: dt.date) -> int:
    """Remove answers entered before; objections, deaths and merged customers stay for good.

    So do the later answers of the same list and customer: without them, what was taken back would
    hold again.
    """
    records = outcomes.read_records(outcomes.FOLDER)
    first_permanent: dict[tuple[str, str], dt.datetime] = {}
    for record in records:
        answer = record.staff_answer
        if answer.answer == outcomes.OBJECTION or answer.result in outcomes.GONE_RESULTS:
            first_permanent.setdefault(record.key, record.entered_at)

    def stays(_: dict[str, Any], record: dict[str, Any]) -> bool:
        entered_at = dt.datetime.fromisoformat(record["entered_at"])
        key = (record["list_id"], record["customer_id"])
        return entered_at.date() >= since or (
            key in first_permanent and first_permanent[key] <= entered_at
        )

    return _remove_rows(outcomes.FOLDER, "facts", stays)


def _remove_assignments(since: dt.date) -> int:
    """Remove both arms of lists before, whose outcomes have long been counted."""

    def stays(batch: dict[str, Any], _: dict[str, Any]) -> bool:
        return dt.date.fromisoformat(batch["as_of"]) >= since

    return _remove_rows(assignments.FOLDER, "assignments", stays)


def _remove_rows(
    folder: Path, key: str, stays: Callable[[dict[str, Any], dict[str, Any]], bool]
) -> int:
    """Replace the files of a ledger that have rows which do not stay; the number removed.

    stays(content of the file, row) says whether a row of `content[key]` does.
    """
    n_removed = 0
    with outcomes.lock(folder):
        store.remove_superseded(folder)
        for path, content in store.read_all(folder).items():
            remaining = [row for row in content[key] if stays(content, row)]
            if len(remaining) < len(content[key]):
                n_removed += len(content[key]) - len(remaining)
                store.supersede(path, content | {key: remaining})
    return n_removed
