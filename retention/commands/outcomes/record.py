"""`retention outcomes FILE`: what staff said of a list, checked and entered into the ledger."""

import datetime as dt
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from retention.commands.outcomes import from_csv, from_xlsx, lists, validation
from retention.commands.outcomes.lists import Listed
from retention.commands.outcomes.sheet import Sheet
from retention.commands.outcomes.validation import Judged, Rules, Taken
from retention.core.errors import BadInput, BadParams
from retention.core.params import Params
from retention.core.storage import atomic
from retention.ledgers import outcomes
from retention.ledgers.outcomes import OutcomeRecord, ImportBatch, StaffAnswer

_READERS: Final = {".csv": from_csv.read, ".xlsx": from_xlsx.read}
_TICK: Final = dt.timedelta(microseconds=1)
_AHEAD: Final = dt.timedelta(days=366)


@dataclass(frozen=True)
class Entered:
    """What became of a file's rows: read = accepted + unchanged + rejected + blank."""

    list_id: str
    counts: dict[str, int]
    rejected: Sequence[str]
    doubts: Sequence[str]

    @property
    def all_refused(self) -> bool:
        """Whether there were answers and none of them was kept."""
        known = self.counts["accepted"] + self.counts["unchanged"]
        return bool(self.counts["rejected"]) and not known


def enter(
    path: Path,
    chosen: Params,
    list_id: str | None = None,
    entered_at: dt.datetime | None = None,
) -> Entered:
    """Enter a file's sound rows into the ledger, as known from `entered_at` (now unless given).

    A time without a zone is of the business zone. The same file twice changes nothing. BadInput
    when the file as a whole cannot be trusted, BadParams for a time before what is entered already.
    """
    try:
        return _enter(path, chosen, list_id, entered_at)
    except BadInput as refusal:
        raise BadInput(f"{shown(path)}: {refusal}") from None


def shown(path: Path) -> str:
    """A file's name as a terminal may show it."""
    return "".join(one if one.isprintable() else "?" for one in path.name)


def _enter(
    path: Path, chosen: Params, list_id: str | None, entered_at: dt.datetime | None
) -> Entered:
    sheet, zone = _sheet(path), ZoneInfo(chosen.time_zone)
    listed = lists.find(Path(chosen.publish.folder), _list_id(sheet, list_id))
    at = _instant(entered_at, zone)
    today = at.astimezone(zone).date()
    if today < listed.as_of:
        raise BadInput(f"it is {today}, and the list is of {listed.as_of}; give --entered-at")
    plays = chosen.policy.playbook
    judged = validation.judged(sheet.lines, Rules(listed, plays, today))
    with outcomes.lock(outcomes.FOLDER):
        fresh = _kept(judged.taken, listed, atomic.sha256(path), at, given=entered_at is not None)
    return Entered(
        list_id=listed.list_id,
        counts=_counts(sheet, judged, fresh),
        rejected=[str(one) for one in judged.rejected],
        doubts=[*validation.doubts(judged.taken, plays)],
    )


def _sheet(path: Path) -> Sheet:
    reader = _READERS.get(path.suffix.lower())
    if not path.is_file():
        raise BadInput("no such file")
    if reader is None:
        raise BadInput("neither .xlsx nor .csv; save it as one of these")
    return reader(path)


def _list_id(sheet: Sheet, given: str | None) -> str:
    """The list that the file says it is, by its own word or by that of most of its rows."""
    told = [line.cells["list_id"] for line in sheet.lines if line.cells.get("list_id")]
    most = [one for one, _ in Counter(map(str, told)).most_common(1)]
    found = sheet.list_id or next(iter(most), given)
    if not found:
        raise BadInput("it does not say which list it is; give --list, as on its sheet 'Read me'")
    if given and given != found:
        raise BadInput("it is not of the list that --list names")
    return found


def _instant(given: dt.datetime | None, zone: ZoneInfo) -> dt.datetime:
    """The time of entry in UTC; BadParams for a slip that the ledger would keep for ever."""
    now = dt.datetime.now(dt.UTC)
    at = given or now
    at = (at if at.tzinfo else at.replace(tzinfo=zone)).astimezone(dt.UTC)
    if at - now > _AHEAD:
        raise BadParams(f"--entered-at: {at.isoformat()} is more than a year ahead; correct it")
    return at


def _kept(
    taken: Sequence[Taken], listed: Listed, sha256: str, at: dt.datetime, *, given: bool
) -> set[str]:
    """Write what is new; the customers of whom something new is known.

    A file that came before says again what it said then, and so nothing about what came since.
    """
    earlier = outcomes.read_batches(outcomes.FOLDER)
    again = any(one.file_sha256 == sha256 for one in earlier)
    history: dict[str, list[StaffAnswer]] = {}
    for one in earlier:
        for fact in one.records:
            if fact.list_id == listed.list_id:
                history.setdefault(fact.customer_id, []).append(fact.staff_answer)
    compared = slice(None) if again else slice(-1, None)
    fresh = {
        one.customer_id: one.said
        for one in taken
        if one.said not in history.get(one.customer_id, [])[compared]
    }
    if fresh or (taken and not again):
        before = [one.entered_at for one in earlier if one.list_id == listed.list_id]
        _write(fresh, len(taken), listed, sha256, _after(at, before, given and bool(fresh)))
    return set(fresh)


def _after(at: dt.datetime, before: Sequence[dt.datetime], given: bool) -> dt.datetime:
    """The time of entry, later than all before it, so that the newest word is the last one."""
    last = max(before, default=at - _TICK)
    if at > last:
        return at
    if given:
        raise BadParams(f"--entered-at: {last.isoformat()} is entered already; give a later time")
    return last + _TICK


def _write(
    fresh: dict[str, StaffAnswer], taken: int, listed: Listed, sha256: str, at: dt.datetime
) -> None:
    facts = []
    for customer, said in sorted(fresh.items()):
        row = listed.customers[customer]
        channel = row.get("channel") or row.get("preferred_channel") or None
        owner = row.get("owner") or None
        facts.append(OutcomeRecord(listed.list_id, customer, at, said, channel, owner, sha256))
    counts = {"accepted": len(facts), "unchanged": taken - len(facts)}
    made = ImportBatch(listed.list_id, listed.company, at, sha256, counts, tuple(facts))
    outcomes.write(outcomes.FOLDER, made)


def _counts(sheet: Sheet, judged: Judged, fresh: set[str]) -> dict[str, int]:
    """A customer's second row with the same answer is an unchanged one."""
    return {
        "read": len(sheet.lines),
        "accepted": len(fresh),
        "unchanged": len(judged.taken) - len(fresh),
        "rejected": len(judged.rejected),
        "blank": judged.blank,
    }
