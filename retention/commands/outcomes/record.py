"""`retention outcomes FILE`: the answers of a returned worklist, checked and entered."""

import datetime as dt
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Final
from zoneinfo import ZoneInfo

from retention.commands.outcomes import from_csv, from_xlsx, unread, validation
from retention.commands.outcomes.sheet import TITLES, PublishedList, RowNumber, Sheet, find_list
from retention.commands.outcomes.validation import AcceptedRow, RowRules, ValidationResult
from retention.core.errors import BadInput, BadParams
from retention.core.params import Params, load_params
from retention.core.storage import atomic
from retention.ledgers import outcomes
from retention.ledgers.outcomes import ImportBatch, OutcomeRecord, StaffAnswer

_READERS: Final = {".csv": from_csv.read, ".xlsx": from_xlsx.read}
_TICK: Final = dt.timedelta(microseconds=1)
_MAX_AHEAD: Final = dt.timedelta(days=366)


@dataclass(frozen=True)
class ImportReport:
    """The result of an import."""

    list_id: str
    counts: dict[str, int]  # read = accepted + unchanged + rejected + blank
    rejected: Sequence[str]
    doubts: Sequence[str]
    objections: Sequence[str] = ()  # of rows of which nothing else was accepted, with the cause

    @property
    def all_rejected(self) -> bool:
        """Whether there were answers and none of them was accepted."""
        n_known = self.counts["accepted"] + self.counts["unchanged"]
        return bool(self.counts["rejected"]) and not n_known


def run(
    file: Path, list_id: str | None, entered_at: dt.datetime | None, say: Callable[[str], None]
) -> None:
    """The command: enter a file and print its counts, rejected rows and doubts.

    BadInput also where there are answers and none of them is accepted.
    """
    report = import_file(file, load_params(), list_id, entered_at)
    counts = ", ".join(f"{count:,} {name}" for name, count in report.counts.items())
    say(f"List {report.list_id}, rows: {counts}.")
    levels = {
        "objection": report.objections,
        "rejected": report.rejected,
        "doubt": report.doubts,
    }
    for level, lines in levels.items():
        for line in lines:
            say(f"{level}: {printable_name(file)}: {line}")
    if report.all_rejected:
        raise BadInput("none of the answers could be kept; mend the rows above")
    if report.counts["accepted"]:
        say("Run make repro to let the next list know.")


def import_file(
    path: Path,
    params: Params,
    list_id: str | None = None,
    entered_at: dt.datetime | None = None,
) -> ImportReport:
    """Enter a file's valid rows into the ledger, as known from `entered_at` (default: now).

    A time without a zone is of the business zone. The same file twice changes nothing. BadInput
    when the file as a whole cannot be trusted, BadParams for a time before an earlier entry.
    """
    try:
        return _import_file(path, params, list_id, entered_at)
    except BadInput as refusal:
        raise BadInput(f"{printable_name(path)}: {refusal}") from None


def printable_name(path: Path) -> str:
    """A file's name without control characters, safe to print on a terminal."""
    return "".join(character if character.isprintable() else "?" for character in path.name)


def _import_file(
    path: Path, params: Params, list_id: str | None, entered_at: dt.datetime | None
) -> ImportReport:
    sheet, zone = _read_sheet(path), ZoneInfo(params.time_zone)
    published_list = find_list(Path(params.publish.folder), _list_id(sheet, list_id))
    entry_time = _entry_time(entered_at, zone)
    today = entry_time.astimezone(zone).date()
    if today < published_list.as_of:
        raise BadInput(
            f"it is {today}, and the list is of {published_list.as_of}; give --entered-at"
        )
    plays = params.policy.playbook
    result = validation.validate(sheet.lines, RowRules(published_list, plays, today))
    with outcomes.lock(outcomes.FOLDER):
        new, replaced = _write_new_answers(
            result.accepted,
            published_list,
            atomic.sha256(path),
            entry_time,
            is_explicit=entered_at is not None,
        )
    return ImportReport(
        list_id=published_list.list_id,
        counts=_counts(sheet, result, new),
        rejected=[str(row) for row in result.rejected],
        doubts=[
            *sheet.doubts,
            *unread.doubts(sheet, published_list),
            *validation.doubts(result.accepted, plays),
            *replaced,
        ],
        objections=[
            f"{row.fault}; the objection to contact is kept, nothing else of the row"
            for row in result.accepted
            if row.fault
        ],
    )


def _read_sheet(path: Path) -> Sheet:
    reader = _READERS.get(path.suffix.lower())
    if not path.is_file():
        raise BadInput("no such file")
    if reader is None:
        raise BadInput("neither .xlsx nor .csv; save it as one of these")
    return reader(path)


def _list_id(sheet: Sheet, option: str | None) -> str:
    """The id of the list: as the file has it, else of most of its rows, else --list."""
    list_ids = [line.cells["list_id"] for line in sheet.lines if line.cells.get("list_id")]
    most_common = [list_id for list_id, _ in Counter(map(str, list_ids)).most_common(1)]
    list_id = sheet.list_id or next(iter(most_common), option)
    if not list_id:
        raise BadInput("it does not say which list it is; give --list, as on its sheet 'Read me'")
    if option and option != list_id:
        raise BadInput("it is not of the list that --list names")
    return list_id


def _entry_time(entered_at: dt.datetime | None, zone: ZoneInfo) -> dt.datetime:
    """The time of entry in UTC; BadParams for a mistyped year, which the ledger would keep."""
    now = dt.datetime.now(dt.UTC)
    entry_time = entered_at or now
    entry_time = (entry_time if entry_time.tzinfo else entry_time.replace(tzinfo=zone)).astimezone(
        dt.UTC
    )
    if entry_time - now > _MAX_AHEAD:
        raise BadParams(
            f"--entered-at: {entry_time.isoformat()} is more than a year ahead; correct it"
        )
    return entry_time


def _write_new_answers(
    accepted: Sequence[AcceptedRow],
    published_list: PublishedList,
    sha256: str,
    entry_time: dt.datetime,
    *,
    is_explicit: bool,
) -> tuple[set[str], list[str]]:
    """Write the new answers to the ledger; the customers that have one, and what they replace.

    An answer is new unless it equals the customer's last one. A file that was entered before is
    compared with all earlier answers: sent again, it does not take back a later correction.
    """
    earlier = outcomes.read_batches(outcomes.FOLDER)
    is_repeated = any(batch.file_sha256 == sha256 for batch in earlier)
    history: dict[str, list[OutcomeRecord]] = {}
    for batch in earlier:
        for record in batch.records:
            if record.list_id == published_list.list_id:
                history.setdefault(record.customer_id, []).append(record)
    compared = slice(None) if is_repeated else slice(-1, None)
    new, replaced = {}, {}
    for row in accepted:
        records = history.get(row.customer_id, [])
        answers = [record.staff_answer for record in records]
        if not _is_known(row, answers[compared]):
            new[row.customer_id] = answer = _complete(row, answers)
            replaced[row.customer_id] = list(_replaced(row.number, answer, records))
    if new or (accepted and not is_repeated):
        of_list = [batch for batch in earlier if batch.list_id == published_list.list_id]
        of_customers = [record for customer in new for record in history.get(customer, [])]
        before = [entry.entered_at for entry in (of_customers if is_explicit else of_list)]
        entry_time = _later_than(entry_time, before, is_explicit and bool(new))
        _write_batch(new, len(accepted), published_list, sha256, entry_time)
    return set(new), [line for lines in replaced.values() for line in lines]


def _replaced(
    number: RowNumber, staff_answer: StaffAnswer, earlier: Sequence[OutcomeRecord]
) -> Iterator[str]:
    """What a new answer changes of those entered before, perhaps by somebody else."""
    answered = [record for record in earlier if record.staff_answer.answer]
    if answered and answered[-1].staff_answer.answer == outcomes.OBJECTION != staff_answer.answer:
        entered = f"the objection to contact that was entered on {answered[-1].entered_at:%Y-%m-%d}"
        remedy = f"; if that is wrong, choose {outcomes.OBJECTION!r} again"
        effect = f"takes back {entered}{remedy}" if staff_answer.answer else f"{entered} stays"
        yield f"{number}, column {TITLES['answer']}: {effect}"
    for record in earlier[-1:]:
        before = asdict(record.staff_answer)
        changed = [
            TITLES[name]
            for name, value in asdict(staff_answer).items()
            if before[name] not in (None, value)
        ]
        if changed:
            yield (
                f"{number}, {', '.join(changed)}: replaces what was entered on"
                f" {record.entered_at:%Y-%m-%d}; correct the row if that was right"
            )


def _is_known(row: AcceptedRow, earlier: Sequence[StaffAnswer]) -> bool:
    if row.fault:
        return any(staff_answer.answer == outcomes.OBJECTION for staff_answer in earlier)
    return row.staff_answer in earlier


def _complete(row: AcceptedRow, earlier: Sequence[StaffAnswer]) -> StaffAnswer:
    """The row's answer; an objection alone is added to the last answer, which it does not undo."""
    if not row.fault or not earlier:
        return row.staff_answer
    result = row.staff_answer.result or earlier[-1].result
    return replace(earlier[-1], result=result, answer=row.staff_answer.answer)


def _later_than(
    entry_time: dt.datetime, before: Sequence[dt.datetime], is_explicit: bool
) -> dt.datetime:
    """The time of entry, later than all earlier ones, so that the newest answer is the last."""
    last = max(before, default=entry_time - _TICK)
    if entry_time > last:
        return entry_time
    if is_explicit:
        raise BadParams(f"--entered-at: {last.isoformat()} is entered already; give a later time")
    return last + _TICK


def _write_batch(
    new: dict[str, StaffAnswer],
    n_accepted: int,
    published_list: PublishedList,
    sha256: str,
    entry_time: dt.datetime,
) -> None:
    records = []
    for customer, staff_answer in sorted(new.items()):
        row = published_list.customers[customer]
        channel = row.get("channel") or row.get("preferred_channel") or None
        owner = row.get("owner") or None
        records.append(
            OutcomeRecord(
                list_id=published_list.list_id,
                customer_id=customer,
                entered_at=entry_time,
                staff_answer=staff_answer,
                channel=channel,
                owner=owner,
                file_sha256=sha256,
                theme=next(iter((row.get("themes") or "").split()), None),
                wrong_contact=_wrong_contact(customer, staff_answer, row, channel),
            )
        )
    counts = {"accepted": len(records), "unchanged": n_accepted - len(records)}
    batch = ImportBatch(
        list_id=published_list.list_id,
        company=published_list.company,
        entered_at=entry_time,
        file_sha256=sha256,
        rows=counts,
        records=tuple(records),
    )
    outcomes.write(outcomes.FOLDER, batch)


def _wrong_contact(
    customer: str, staff_answer: StaffAnswer, row: dict[str, str], channel: str | None
) -> str | None:
    """The fingerprint of the number, or of the address, at which staff met somebody else."""
    contact = row.get("email" if channel == "email" else "phone")
    if staff_answer.result != outcomes.WRONG_PERSON or not contact:
        return None
    return outcomes.contact_fingerprint(customer, contact)


def _counts(sheet: Sheet, result: ValidationResult, new: set[str]) -> dict[str, int]:
    """Rows by outcome; a customer's second row with the same answer counts as unchanged."""
    return {
        "read": len(sheet.lines),
        "accepted": len(new),
        "unchanged": len(result.accepted) - len(new),
        "rejected": len(result.rejected),
        "blank": result.n_blank,
    }
