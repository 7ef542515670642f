"""A returned worklist: valid rows enter the ledger, the others are reported row by row."""

import csv
import datetime as dt
import io
import re
import zipfile
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import fields, replace
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest
import xlsxwriter
from openpyxl.comments import Comment
from openpyxl.styles import Font
from openpyxl.utils import get_column_letter

from retention.commands.outcomes import cells, from_xlsx, record
from retention.commands.outcomes.record import ImportReport
from retention.commands.outcomes.sheet import LANGUAGES, TITLES
from retention.core.csv_injection import escape_formula
from retention.core.errors import BadInput, BadParams
from retention.core.params import Params, Play
from retention.core.storage import atomic
from retention.i18n.language import language
from retention.ledgers import outcomes
from retention.ledgers.outcomes import StaffAnswer
from retention.worklist.answer_columns import ANSWER_COLUMNS, NOTHING
from retention.worklist.model import Listing
from retention.worklist.to_xlsx.layout import WIDTHS
from retention.worklist.to_xlsx.workbook import content

LIST = "2026-11-22-0123456789ab"
NOON = dt.datetime(2026, 11, 25, 12, tzinfo=dt.UTC)
NAMES = ("customer_id", "name", *ANSWER_COLUMNS)
CUSTOMERS = ("00123", "b", "c", "=1+1", "Zoë", "f")
ZERO = {"accepted": 0, "unchanged": 0, "rejected": 0, "blank": 0}

PARAMS = Params.model_validate(
    {
        "company": "Mill Lane Bakery",
        "time_zone": "Europe/London",
        "currency": "GBP",
        "labels": {"churn": {"rule": "cancel"}},
        "policy": {
            "playbook": [
                {"name": "call", "action": "Ask how things are"},
                {
                    "name": "credit_back",
                    "action": "Credit what was overcharged",
                    "offer_value": 20.0,
                },
            ]
        },
        "sources": {
            "s": {
                "path": "x.csv",
                "key": ["k"],
                "events": [{"kind": "visit", "customer_id": "c", "occurred_at": "t"}],
            }
        },
    }
)

Row = dict[str, Any]


@pytest.fixture(autouse=True)
def list_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """One stands where one list is published."""
    monkeypatch.chdir(tmp_path)
    publish("2026-11-22-aaaaaaaaaaaa", LIST)
    return tmp_path / "lists"


def publish(
    run_id: str, list_id: str, customers: Sequence[str] = CUSTOMERS, book: bytes = b""
) -> None:
    folder = Path("lists") / run_id
    rows = [["list_id", "customer_id", "action_name", "channel", "preferred_channel", "owner"]]
    rows += [
        [list_id, escape_formula(customer), "old_play", "", "phone", "Ada"]
        for customer in customers
    ]
    atomic.write_text(folder / "at_risk.csv", text_of(rows))
    if book:
        atomic.write_bytes(folder / "at_risk.xlsx", book)
    file_entries = {
        "at_risk.csv": {"sha256": atomic.sha256(folder / "at_risk.csv"), "bytes": 1, "rows": 1}
    }
    manifest = {"list_id": list_id, "company": "Mill Lane Bakery", "as_of": run_id[:10]}
    manifest["currency"] = "GBP"
    atomic.write_json(folder / "manifest.json", manifest | {"files": file_entries})


def text_of(rows: Sequence[Sequence[Any]], delimiter: str = ",") -> str:
    text = io.StringIO(newline="")
    csv.writer(text, delimiter=delimiter, lineterminator="\r\n").writerows(rows)
    return text.getvalue()


def workbook(
    rows: Sequence[Row],
    path: str = "worked.xlsx",
    code: str = "en",
    change: Callable[[Any], None] = lambda book: None,
) -> Path:
    """A workbook as the pipeline makes it, filled in: a sheet of headings and rows, `_columns`."""
    book = openpyxl.Workbook()
    sheet = book.active
    translate = language(code).gettext
    sheet.append([translate(TITLES.get(name, name)) for name in NAMES])
    for row in rows:
        sheet.append([row.get(name) for name in NAMES])
    for line in sheet.iter_rows(min_row=2):
        for cell in line:
            if isinstance(cell.value, str) and not cell.value.startswith("=NOW"):
                cell.data_type = "s"
    hidden = book.create_sheet("_columns")
    hidden.append(NAMES)
    hidden.append([LIST])
    hidden.append([code, None])
    hidden.sheet_state = "hidden"
    change(book)
    book.save(path)
    return Path(path)


def table(rows: Sequence[Row], path: str = "worked.csv", delimiter: str = ",") -> Path:
    """A CSV of the same, by the machine's names."""
    names = ["list_id", *NAMES]
    lines = [[{"list_id": LIST, **row}.get(name, "") for name in names] for row in rows]
    atomic.write_text(path, text_of([names, *lines], delimiter))
    return Path(path)


def import_answers(
    path: Path, entered_at: dt.datetime = NOON, list_id: str | None = None
) -> ImportReport:
    return record.import_file(path, PARAMS, list_id, entered_at)


def latest_answers() -> dict[str, StaffAnswer]:
    """What the ledger says of each customer now."""
    return {
        fact.customer_id: fact.staff_answer
        for fact in outcomes.latest(outcomes.read_records(outcomes.FOLDER))
    }


def rejected_lines(*rows: Row) -> list[str]:
    """What is said of the rejected rows of a workbook."""
    return list(import_answers(workbook(rows)).rejected)


REACHED: Row = {"customer_id": "b", "result": "reached"}
FULL: Row = {
    "customer_id": "00123",
    "contacted_on": dt.date(2026, 11, 24),
    "result": "Reached ",
    "answer": "will stay",
    "action_taken": "credit back",
    "offer_cost": 12.5,
    "reason_right": "partly",
    "note": "=1+1 was said",
}
ANSWER = StaffAnswer(
    dt.date(2026, 11, 24),
    "reached",
    "will stay",
    "credit_back",
    Decimal("12.5"),
    "partly",
    "=1+1 was said",
)


# --- what is good is kept


@pytest.mark.parametrize("make_file", [workbook, table])
def test_a_worked_list_enters_the_ledger(make_file: Callable[..., Path]) -> None:
    path = make_file([FULL, REACHED, {"customer_id": "c"}])
    report = import_answers(path)
    assert report.counts == ZERO | {"read": 3, "accepted": 2, "blank": 1}
    assert (report.list_id, report.rejected, report.doubts) == (LIST, [], [])
    assert latest_answers() == {"00123": ANSWER, "b": StaffAnswer(result="reached")}
    (fact, _) = outcomes.read_records(outcomes.FOLDER)
    assert (fact.entered_at, fact.channel, fact.owner) == (NOON, "phone", "Ada")
    assert fact.file_sha256 == atomic.sha256(path)


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_workbook_of_each_language_comes_back(
    code: str, make_listing: Callable[..., Listing]
) -> None:
    translate = language(code)
    listing = make_listing([{"name": "Ada"}, {"name": "Bo"}], language=translate)
    publish("2026-11-22-bbbbbbbbbbbb", listing.list_id, ["00001", "00002"])
    Path("list.xlsx").write_bytes(content(listing))
    book = openpyxl.load_workbook("list.xlsx")
    sheet = book.worksheets[0]
    place = {cell.value: cell.column for cell in book["_columns"][1]}
    answers = {
        "contacted_on": dt.datetime(2026, 11, 24),  # noqa: DTZ001
        "call_back_on": dt.datetime(2026, 12, 1),  # noqa: DTZ001
        "offer_cost": 5,
    }
    for name, column in ANSWER_COLUMNS.items():
        choice = "credit back" if name == "action_taken" else column.choices and column.choices[0]
        value = answers.get(name) or translate.gettext(choice or "x")
        sheet.cell(3, place[name], value)
    book.save("list.xlsx")
    report = import_answers(Path("list.xlsx"))
    assert report.counts == ZERO | {"read": 2, "accepted": 1, "blank": 1}, report.rejected
    assert latest_answers()["00002"] == StaffAnswer(
        dt.date(2026, 11, 24),
        "reached",
        "will stay",
        "credit_back",
        Decimal(5),
        "yes",
        latest_answers()["00002"].note,
        "fixed",
        dt.date(2026, 12, 1),
        "x",
    )


def test_what_staff_did_beside_a_call_is_kept_and_a_file_without_these_columns_too() -> None:
    rows: list[Row] = [
        {"customer_id": "00123", "result": "sent", "offer_cost": 5, "call_back_on": "2026-12-01"},
        {
            "customer_id": "b",
            "contacted_on": "2026-11-24",
            "fixed": "Fixed",
            "handed_to": " Bo  A ",
        },
        {"customer_id": "c", "result": "knows better", "note": "moved in with her daughter"},
    ]
    assert import_answers(table(rows)).counts == ZERO | {"read": 3, "accepted": 3}
    assert latest_answers() == {
        "00123": StaffAnswer(
            result="sent", offer_cost=Decimal(5), call_back_on=dt.date(2026, 12, 1)
        ),
        "b": StaffAnswer(dt.date(2026, 11, 24), fixed="fixed", handed_to="Bo A"),
        "c": StaffAnswer(result="knows better", note="moved in with her daughter"),
    }
    before = [name for name in NAMES if name not in ("fixed", "call_back_on", "handed_to")]
    lines = [["list_id", *before], [LIST, *(str(FULL.get(name, "")) for name in before)]]
    atomic.write_text(Path("before.csv"), text_of(lines))
    import_answers(Path("before.csv"), NOON + dt.timedelta(hours=1))
    assert latest_answers()["00123"] == ANSWER


def test_the_order_of_rows_and_columns_and_what_staff_add_do_not_matter() -> None:
    def change(book: Any) -> None:
        sheet = book.worksheets[0]
        sheet.insert_cols(1)
        sheet["A1"] = "My own"
        sheet["A3"] = "x"
        sheet.cell(1, len(NAMES) + 5, "Later")
        book.move_sheet("_columns", -1)
        book.create_sheet("Since the last list", 0)["A1"] = "Customer"

    report = import_answers(workbook([{"customer_id": "c"}, FULL], change=change))
    assert report.counts == ZERO | {"read": 2, "accepted": 1, "blank": 1}
    assert latest_answers() == {"00123": ANSWER}


def test_a_heading_that_staff_renamed_is_known_by_its_place() -> None:
    def change(book: Any) -> None:
        book.worksheets[0].cell(1, NAMES.index("note") + 1, "Anna's remarks")

    import_answers(workbook([FULL], change=change))
    assert latest_answers() == {"00123": ANSWER}


@pytest.mark.parametrize("delimiter", [",", ";", "\t"])
@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "utf-16"])
def test_a_csv_as_spreadsheets_save_it(delimiter: str, encoding: str) -> None:
    row = FULL | {"customer_id": "Zoë", "contacted_on": "24 Nov 2026", "offer_cost": "£12,50"}
    headings = [TITLES.get(name, name) for name in NAMES]
    rows = [headings, [row.get(name, "") for name in NAMES], [""] * len(NAMES)]
    Path("saved.csv").write_bytes(text_of(rows, delimiter).encode(encoding))
    with pytest.raises(BadInput, match="give --list"):
        import_answers(Path("saved.csv"))
    report = import_answers(Path("saved.csv"), list_id=LIST)
    assert report.counts == ZERO | {"read": 1, "accepted": 1}
    assert latest_answers() == {"Zoë": ANSWER}


def test_the_apostrophe_that_guards_a_cell_is_no_part_of_it() -> None:
    import_answers(table([{"customer_id": "'=1+1", "result": "reached", "note": "'@home"}]))
    assert latest_answers() == {"=1+1": StaffAnswer(result="reached", note="@home")}


# --- the same and another word


def test_the_same_file_twice_does_nothing() -> None:
    path = workbook([FULL, REACHED])
    import_answers(path)
    before = {record_: record_.read_bytes() for record_ in outcomes.FOLDER.iterdir()}
    assert import_answers(path).counts == ZERO | {"read": 2, "unchanged": 2}
    assert {record_: record_.read_bytes() for record_ in outcomes.FOLDER.iterdir()} == before


def test_a_corrected_cell_is_a_new_fact_and_the_old_one_stays() -> None:
    import_answers(workbook([FULL, REACHED]))
    later = NOON + dt.timedelta(hours=1)
    assert import_answers(workbook([FULL | {"note": "new"}, REACHED]), later).counts == ZERO | {
        "read": 2,
        "accepted": 1,
        "unchanged": 1,
    }
    records = [
        fact.staff_answer.note
        for fact in outcomes.read_records(outcomes.FOLDER)
        if fact.customer_id == "00123"
    ]
    assert records == ["=1+1 was said", "new"]
    assert latest_answers()["00123"].note == "new"


def test_an_old_file_sent_again_takes_no_correction_back() -> None:
    old = workbook([FULL, REACHED], "old.xlsx")
    import_answers(old)
    import_answers(workbook([FULL | {"note": "new"}]), NOON + dt.timedelta(hours=1))
    assert import_answers(old, NOON + dt.timedelta(hours=2)).counts["accepted"] == 0
    assert latest_answers()["00123"].note == "new"


def test_a_word_taken_back_by_another_file_is_a_fact_too() -> None:
    for hour, note in enumerate(["a", "b", "a"]):
        path = workbook([FULL | {"note": note}, REACHED | {"note": str(hour)}])
        import_answers(path, NOON + dt.timedelta(hours=hour))
    assert latest_answers()["00123"].note == "a"
    assert len(outcomes.read_records(outcomes.FOLDER)) == 6


def test_what_was_rejected_is_taken_from_the_same_file_once_it_is_sound() -> None:
    path = table([FULL, REACHED | {"action_taken": "gift"}])
    assert import_answers(path).counts == ZERO | {"read": 2, "accepted": 1, "rejected": 1}
    plays = [*PARAMS.policy.playbook, Play(name="gift", action="Send a gift")]
    policy = PARAMS.policy.model_copy(update={"playbook": plays})
    wider = PARAMS.model_copy(update={"policy": policy})
    report = record.import_file(path, wider, None, NOON + dt.timedelta(hours=1))
    assert report.counts == ZERO | {"read": 2, "accepted": 1, "unchanged": 1}


def test_the_newest_word_is_never_older_than_the_one_before() -> None:
    import_answers(workbook([FULL]))
    changed = workbook([FULL | {"note": "new"}])
    with pytest.raises(BadParams, match="--entered-at: 2026-11-25T12:00:00"):
        import_answers(changed)
    assert (
        record._later_than(NOON, [NOON], is_explicit=False) > NOON
    )  # two within one tick of the clock
    with pytest.raises(BadParams, match="more than a year ahead"):
        import_answers(changed, NOON.replace(year=2926))


def test_two_parts_of_a_list_may_be_entered_as_of_one_time() -> None:
    import_answers(workbook([FULL], "ada.xlsx"))
    assert import_answers(workbook([REACHED], "bo.xlsx")).counts["accepted"] == 1
    assert set(latest_answers()) == {"00123", "b"}
    with pytest.raises(BadParams, match="give a later time"):
        import_answers(workbook([REACHED | {"note": "new"}], "bo.xlsx"))


def test_imports_at_once_lose_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(record, "_entry_time", lambda *_: NOON)
    paths = [table([REACHED | {"customer_id": batch}], f"{batch}.csv") for batch in CUSTOMERS]
    with ThreadPoolExecutor(len(paths)) as threads:
        done = list(threads.map(lambda path: record.import_file(path, PARAMS), paths))
    assert [batch.counts["accepted"] for batch in done] == [1] * len(paths)
    assert set(latest_answers()) == set(CUSTOMERS)
    assert len({batch.entered_at for batch in outcomes.read_records(outcomes.FOLDER)}) == len(paths)


def test_the_ledger_speaks_of_what_staff_are_asked() -> None:
    assert {field.name for field in fields(StaffAnswer)} == set(ANSWER_COLUMNS)
    results = {*outcomes.CONTACT_RESULTS, *outcomes.GONE_RESULTS, outcomes.KNOWS_BETTER}
    assert results == set(ANSWER_COLUMNS["result"].choices)
    assert outcomes.FIXED in ANSWER_COLUMNS["fixed"].choices
    assert set(outcomes.RATINGS) == set(ANSWER_COLUMNS["reason_right"].choices)
    assert outcomes.OBJECTION in ANSWER_COLUMNS["answer"].choices
    assert outcomes.NO_ACTION == NOTHING


def test_owners_send_their_own_parts() -> None:
    import_answers(workbook([FULL], "ada.xlsx"))
    import_answers(workbook([REACHED], "bo.xlsx"), NOON + dt.timedelta(hours=1))
    assert set(latest_answers()) == {"00123", "b"}


# --- what is not taken, by row and reason

REASONS: dict[str, tuple[Row, str]] = {
    "choice": (
        {"result": "maybe later"},
        "column Result, 'ma'… (11 characters): not_a_choice; choose one of: "
        "reached, not reached, sent, wrong person, knows better, merged, deceased",
    ),
    "true for yes": (
        {"reason_right": True},
        "column Reason right?, 'Tr'… (4 characters): not_a_choice; choose one of: yes, partly, no",
    ),
    "stranger": (
        {"customer_id": "nobody"},
        "column Customer, 'no'… (6 characters): not_on_list; write the customer as the list does;"
        " 00123 is not 123",
    ),
    "lost zeros": (
        {"customer_id": 123},
        "column Customer, '12'… (3 characters): not_on_list; write the customer as the list does;"
        " 00123 is not 123",
    ),
    "nobody": (
        {"customer_id": None},
        "column Customer, '': blank_id; write the customer as the list does",
    ),
    "ambiguous day": (
        {"contacted_on": "22/11/2026"},
        "column Contacted on, '22'… (10 characters): not_a_date; write it as 2026-11-22:"
        " 03/04 may be March or April",
    ),
    "no such day": (
        {"contacted_on": "2026-11-31"},
        "column Contacted on, '20'… (10 characters): not_a_date; write it as 2026-11-22:"
        " 03/04 may be March or April",
    ),
    "number for a day": (
        {"contacted_on": 46_350},
        "column Contacted on, '46'… (5 characters): not_a_date; write it as 2026-11-22:"
        " 03/04 may be March or April",
    ),
    "before": (
        {"contacted_on": dt.date(2026, 11, 21)},
        "column Contacted on, '20'… (10 characters): before_list; the list is of 2026-11-22;"
        " correct the day",
    ),
    "future": (
        {"contacted_on": dt.date(2026, 11, 26)},
        "column Contacted on, '20'… (10 characters): in_future; later than 2026-11-25, when it was"
        " entered; correct the day",
    ),
    "words for money": (
        {"offer_cost": "about ten"},
        "column Offer cost, 'ab'… (9 characters): not_a_number; write a plain number, as 1250.00",
    ),
    "thousand or one": (
        {"offer_cost": "1,250"},
        "column Offer cost, '1,'… (5 characters): ambiguous_number; a thousand, or a fraction?"
        " write it without thousands, as 1250.00",
    ),
    "negative": (
        {"offer_cost": -5},
        "column Offer cost, '-5': negative; write what the offer cost, 0 or more",
    ),
    "formula": (
        {"note": "=NOW()"},
        "column Note, '=N'… (6 characters): formula; type the value itself",
    ),
    "long": (
        {"note": "x" * 2_001},
        "column Note, 'xx'… (2001 characters): too_long; shorten it to 2,000 characters",
    ),
    "answer of nobody": (
        {"result": "not reached", "answer": "will leave"},
        "column Answer, 'wi'… (10 characters): contradiction; only who was reached answers: choose"
        " the result reached, or no answer",
    ),
    "day of nothing": (
        {"result": None, "contacted_on": dt.date(2026, 11, 24)},
        "column Contacted on, '20'… (10 characters): contradiction; choose the result of the"
        " contact, or leave the day blank",
    ),
    "cost of nothing": (
        {"action_taken": "nothing", "offer_cost": 5},
        "column Offer cost, '5': contradiction; nothing was done, so nothing was spent: correct"
        " one of the two",
    ),
    "override without a reason": (
        {"result": "knows better"},
        "column Note, '': contradiction; say in the note why the customer is better left alone",
    ),
    "call before the contact": (
        {"contacted_on": dt.date(2026, 11, 24), "call_back_on": dt.date(2026, 11, 23)},
        "column Call back on, '20'… (10 characters): contradiction; it is before the day of the"
        " contact: correct one of the two",
    ),
    "call too far ahead": (
        {"call_back_on": dt.date(2028, 1, 1)},
        "column Call back on, '20'… (10 characters): too_far_ahead; later than 2027-11-26; correct"
        " the day",
    ),
    "cost without a contact": (
        {"result": None, "offer_cost": 5},
        "column Offer cost, '5': contradiction; choose the action that cost it, or leave the cost"
        " blank",
    ),
}


@pytest.mark.parametrize("reason", REASONS)
def test_a_bad_row_is_told_of_and_the_others_are_kept(reason: str) -> None:
    change, rejected = REASONS[reason]
    report = import_answers(workbook([FULL, {"customer_id": "c"}, REACHED | change]))
    assert list(report.rejected) == [f"row 4, {rejected}"]
    assert report.counts == ZERO | {"read": 3, "accepted": 1, "rejected": 1, "blank": 1}
    assert latest_answers() == {"00123": ANSWER}
    assert not report.all_rejected


def test_an_error_of_a_formula_is_no_answer() -> None:
    def change(book: Any) -> None:
        cell = book.worksheets[0].cell(2, NAMES.index("offer_cost") + 1, "#REF!")
        cell.data_type = "e"

    (line,) = import_answers(workbook([FULL], change=change)).rejected
    assert (
        line == "row 2, column Offer cost, '#R'… (5 characters): cell_error; type the value itself"
    )


def test_two_answers_about_one_customer_are_both_rejected() -> None:
    todo = "the file says two things of this customer; keep the row that is right"
    assert rejected_lines(REACHED, FULL, REACHED | {"result": "merged"}) == [
        f"row 2, column Customer, 'b': twice; {todo}",
        f"row 4, column Customer, 'b': twice; {todo}",
    ]
    assert set(latest_answers()) == {"00123"}


def test_of_two_rows_one_unsound_neither_is_taken() -> None:
    first, second = rejected_lines(REACHED, REACHED | {"answer": "?"})
    assert first.startswith("row 2, column Customer, 'b': twice; ")
    assert second.startswith("row 3, column Answer, '?': not_a_choice; ")


def test_the_same_answer_twice_counts_once() -> None:
    report = import_answers(workbook([REACHED, REACHED, {"customer_id": "b"}]))
    assert report.counts == ZERO | {"read": 3, "accepted": 1, "unchanged": 1, "blank": 1}


def test_what_staff_write_below_the_list_is_blank() -> None:
    report = import_answers(workbook([FULL, {}, {"customer_id": "Total", "name": "1 called"}]))
    assert report.counts == ZERO | {"read": 2, "accepted": 1, "blank": 1}


def test_rows_of_another_list_are_rejected() -> None:
    other = "2026-12-22-ba9876543210"
    publish("2026-12-22-cccccccccccc", other)
    report = import_answers(table([FULL, REACHED, REACHED | {"list_id": other}]))
    (line,) = report.rejected
    assert line.startswith("row 4, column List, '20'… (23 characters): other_list; ")
    assert report.counts == ZERO | {"read": 3, "accepted": 2, "rejected": 1}


def test_an_offer_above_its_play_is_kept_and_told() -> None:
    report = import_answers(workbook([FULL | {"offer_cost": 1_250}]))
    assert report.counts["accepted"] == 1
    assert list(report.doubts) == [
        "row 2, column Offer cost: 1,250.00 is more than the 20.00 that credit_back may offer; kept"
    ]


@pytest.mark.parametrize(
    ("cell", "rule"),
    [
        ({"customer_id": "b\x00"}, "control_character"),
        ({"note": "a\x00b"}, "control_character"),
        ({"result": "rea\x1bched"}, "control_character"),
    ],
)
def test_characters_that_cannot_be_seen(cell: Row, rule: str) -> None:
    (line,) = import_answers(table([FULL, REACHED | cell])).rejected
    assert f": {rule}; " in line
    assert line.isprintable()


def test_what_turns_the_direction_of_text_is_dropped() -> None:
    row = REACHED | {"result": "\u202ereached\u202c", "note": "\u202egpj.exe\u202c\r\nنوٹ"}
    import_answers(table([row]))
    assert latest_answers() == {"b": StaffAnswer(result="reached", note="gpj.exe\nنوٹ")}


def test_texts_that_broke_a_list_somewhere_enter_as_they_are(hostile: tuple[str, ...]) -> None:
    sound = [text for text in hostile if len(text) < 2_000 and not {"\x01", "\u202e"} & set(text)]
    for hour, text in enumerate(sound):
        import_answers(
            table([FULL | {"note": escape_formula(text)}]), NOON + dt.timedelta(hours=hour)
        )
        assert latest_answers()["00123"].note == text.replace("\r\n", "\n").strip()


def test_a_row_with_another_number_of_cells_is_rejected() -> None:
    path = table([FULL, REACHED])
    atomic.write_text(path, path.read_text(encoding="utf-8").rstrip("\r\n") + ",too,many\r\n")
    (line,) = import_answers(path).rejected
    assert line.startswith("row 3, '': ragged_row; ")


# --- nothing in a workbook is lost in silence


def merge(cells_of: str) -> Callable[[Any], None]:
    """Merge a range; {result} stands for the letter of the column of that name."""
    letters = {name: get_column_letter(i) for i, name in enumerate(NAMES, start=1)}
    return lambda book: book.worksheets[0].merge_cells(cells_of.format(**letters))


def test_a_merged_answer_holds_for_each_row_that_it_covers() -> None:
    rows = [REACHED, {"customer_id": "c"}, {"customer_id": "f"}, FULL]
    report = import_answers(workbook(rows, change=merge("{result}2:{result}4")))
    assert report.counts == ZERO | {"read": 4, "accepted": 4}
    reached = StaffAnswer(result="reached")
    assert latest_answers() == {"b": reached, "c": reached, "f": reached, "00123": ANSWER}


def test_a_merged_objection_holds_for_each_customer() -> None:
    def change(book: Any) -> None:
        merge("{result}2:{result}3")(book)
        merge("{answer}2:{answer}3")(book)

    import_answers(workbook([OBJECTS, {"customer_id": "c"}], change=change))
    assert outcomes.opted_out(outcomes.FOLDER) == {"b", "c"}


def test_an_answer_merged_over_columns_counts_for_the_first() -> None:
    report = import_answers(workbook([REACHED], change=merge("{result}2:{note}2")))
    assert report.counts["accepted"] == 1
    assert latest_answers() == {"b": StaffAnswer(result="reached")}


def test_a_merged_cell_makes_no_answer_of_a_blank_row_nor_of_a_heading() -> None:
    def change(book: Any) -> None:
        merge("{result}3:{result}90")(book)
        merge("{note}1:{note}2")(book)

    report = import_answers(workbook([FULL | {"note": None}, REACHED], change=change))
    assert report.counts == ZERO | {"read": 2, "accepted": 2}
    assert latest_answers()["00123"].note is None


def test_a_value_under_a_merged_cell_is_not_taken_for_an_answer() -> None:
    path = workbook([REACHED, {"customer_id": "c"}], change=merge("{result}2:{result}3"))
    column = get_column_letter(NAMES.index("result") + 1)
    hidden = f'<c r="{column}3" t="inlineStr"><is><t>deceased</t></is></c>'
    rewrite(
        path,
        "xl/worksheets/sheet1.xml",
        lambda xml: re.sub(r'(<row r="3".*?)</row>', rf"\1{hidden}</row>", xml),
    )
    (line,) = import_answers(path).rejected
    assert line.startswith("row 3, column Result, 'de'… (8 characters): merged_cells; ")


def rewrite(path: Path, member: str, change: Callable[[str], str]) -> None:
    """Change the text of one part of a workbook."""
    with zipfile.ZipFile(path) as packed:
        parts = {name: packed.read(name) for name in packed.namelist()}
    changed = change(parts[member].decode())
    assert changed != parts[member].decode()
    parts[member] = changed.encode()
    with zipfile.ZipFile(path, "w") as packed:
        for name, content_of in parts.items():
            packed.writestr(name, content_of)


def test_hidden_and_filtered_rows_and_columns_are_read() -> None:
    def change(book: Any) -> None:
        sheet = book.worksheets[0]
        sheet.row_dimensions[2].hidden = True
        sheet.auto_filter.ref = "A1:I4"
        sheet.auto_filter.add_filter_column(0, ["c"])
        sheet.column_dimensions[get_column_letter(NAMES.index("result") + 1)].hidden = True

    report = import_answers(workbook([REACHED, FULL], change=change))
    assert (report.counts["accepted"], report.doubts) == (2, [])


def test_answers_on_another_sheet_are_read_too() -> None:
    def change(book: Any) -> None:
        more = book.create_sheet("Part 2")
        more.append(["Customer", "Result"])
        more.append(["c", "reached"])
        more.append(["b", "maybe"])

    report = import_answers(workbook([FULL], change=change))
    assert report.counts == ZERO | {"read": 3, "accepted": 2, "rejected": 1}
    assert report.rejected[0].startswith("sheet 'Part 2', row 3, column Result, ")
    assert latest_answers() == {"00123": ANSWER, "c": StaffAnswer(result="reached")}


def test_two_sheets_that_contradict_each_other_are_both_rejected() -> None:
    def change(book: Any) -> None:
        more = book.create_sheet("Copy")
        more.append(["Customer", "Result"])
        more.append(["b", "not reached"])

    report = import_answers(workbook([REACHED, FULL], change=change))
    assert [line.partition(",")[0] for line in report.rejected] == ["row 2", "sheet 'Copy'"]


Change = Callable[[Any, dict[str, int]], None]


@pytest.fixture
def sent_back(make_listing: Callable[..., Listing]) -> Callable[[Change, str], ImportReport]:
    """A function that sends a list of three customers to staff and imports what they change."""

    def send_back(change: Change, code: str = "en") -> ImportReport:
        rows = [{"name": name, "phone": "+44 20 7946 0000"} for name in ("Ada", "Bo", "Cy")]
        listing = make_listing(rows, language=language(code))
        customers = listing.rows["customer_id"].to_pylist()
        publish("2026-11-22-bbbbbbbbbbbb", listing.list_id, customers, content(listing))
        book = openpyxl.load_workbook(io.BytesIO(content(listing)))
        change(book, {cell.value: cell.column for cell in book["_columns"][1]})
        book.save("list.xlsx")
        return import_answers(Path("list.xlsx"))

    return send_back


def letter(name: str, beyond: int = 0) -> str:
    """The letter of a column of the workbook, or of one so many places beyond it."""
    return str(get_column_letter(list(WIDTHS).index(name) + 1 + beyond))


def answered(row: int, **answers: str) -> Change:
    """Fill in one row."""

    def change(book: Any, places: dict[str, int]) -> None:
        for name, value in answers.items():
            book.worksheets[0].cell(row, places[name], value)

    return change


SendBack = Callable[..., ImportReport]


@pytest.mark.parametrize("code", LANGUAGES)
def test_the_workbook_as_it_was_sent_gives_no_doubt(code: str, sent_back: SendBack) -> None:
    assert list(sent_back(lambda *_: None, code).doubts) == []


def test_what_staff_write_outside_of_the_answers_is_reported(sent_back: SendBack) -> None:
    def change(book: Any, places: dict[str, int]) -> None:
        sheet, read_me = book.worksheets[0], book.worksheets[1]
        sheet.cell(2, places["phone"], "+44 20 7946 0001")
        sheet.cell(3, places["last_said"], "asks not to be contacted")
        sheet.cell(4, places["value_at_stake"], "nothing")
        sheet.cell(3, places["list_id"] + 2, "never again")
        sheet.cell(6, 1, "Mrs Khan asks not to be contacted")
        sheet.cell(3, 2).comment = Comment("asks not to be contacted", "Ada")
        sheet.cell(1, 3).comment = Comment("Bo moved", "Ada")
        read_me.cell(90, 1, "Cy asks not to be contacted")
        book.create_sheet("Mine")["B4"] = "call Bo"

    doubts = list(sent_back(change).doubts)
    places_told = [doubt.partition(":")[0] for doubt in doubts]
    assert places_told == [
        f"row 3, column {letter('list_id', 2)}, ''",
        "row 1, column C",
        "row 3, column B",
        "row 6",
        f"row 2, column {letter('phone')}, 'Ph'… (5 characters)",
        f"row 3, column {letter('last_said')}, 'Wh'… (19 characters)",
        f"row 4, column {letter('value_at_stake')}, 'Li'… (11 characters)",
        "sheet 'Read me', row 90",
        "sheet 'Mine', row 4",
    ]
    assert all("not read" in doubt for doubt in doubts)
    assert not any(name in doubt for doubt in doubts for name in ("Khan", "Bo", "Cy", "7946"))


def test_headings_may_stand_below_a_title_and_once_more(sent_back: SendBack) -> None:
    def change(book: Any, places: dict[str, int]) -> None:
        answered(2, result="reached", note="yes")(book, places)
        sheet = book.worksheets[0]
        sheet.delete_cols(places["offer_cost"])
        sheet.insert_rows(1)
        sheet["A1"] = "Week 48"
        sheet.append(["Result", "Customer", "Answer"])
        sheet.append(["reached", "00003", "will stay"])

    report = sent_back(change)
    assert report.counts == ZERO | {"read": 4, "accepted": 2, "blank": 2}
    assert [doubt.partition(",")[0] for doubt in report.doubts] == ["row 1: above the headings"]
    assert latest_answers() == {
        "00001": StaffAnswer(result="reached", note="yes"),
        "00003": StaffAnswer(result="reached", answer="will stay"),
    }


def test_a_place_says_nothing_where_columns_were_moved(sent_back: SendBack) -> None:
    """The heading of the note was changed, and its neighbour stands where it was."""

    def change(book: Any, places: dict[str, int]) -> None:
        sheet = book.worksheets[0]
        answered(2, result="reached", note="mine", preferred_channel="post")(book, places)
        sheet.cell(1, places["note"], "Remarks")
        sheet.delete_cols(1)

    doubts = sent_back(change).doubts
    assert [doubt.partition(":")[0] for doubt in doubts] == [
        f"row 2, column {letter('note', -1)}, 'Re'… (7 characters)",
        f"row 2, column {letter('preferred_channel', -1)}, 'Pr'… (7 characters)",
    ]
    assert latest_answers() == {"00001": StaffAnswer(result="reached")}


def test_a_customer_column_that_was_deleted_is_not_guessed(sent_back: SendBack) -> None:
    def change(book: Any, places: dict[str, int]) -> None:
        answered(2, result="reached")(book, places)
        book.worksheets[0].cell(2, places["name"], "00003")
        book.worksheets[0].delete_cols(places["customer_id"])

    with pytest.raises(BadInput, match="no column 'Customer'"):
        sent_back(change)


def test_a_sheet_of_staff_before_the_list_is_read_by_its_own_headings(sent_back: SendBack) -> None:
    def change(book: Any, places: dict[str, int]) -> None:
        answered(3, result="reached")(book, places)
        book.worksheets[0].cell(1, places["note"], "Remarks")
        book.worksheets[0].cell(3, places["note"], "rang twice")
        own_sheet = book.create_sheet("Mine", 0)
        own_sheet.append(["Result", "Customer"])
        own_sheet.append(["reached", "00001"])

    assert list(sent_back(change).doubts) == []
    assert latest_answers() == {
        "00001": StaffAnswer(result="reached"),
        "00002": StaffAnswer(result="reached", note="rang twice"),
    }


def test_what_is_struck_through_is_read_and_reported(sent_back: SendBack) -> None:
    def change(book: Any, places: dict[str, int]) -> None:
        answered(3, result="reached")(book, places)
        book.worksheets[0].cell(3, places["result"]).font = Font(strike=True)
        book.worksheets[0].cell(3, 1).font = Font(strike=True)

    assert list(sent_back(change).doubts) == [
        f"row 3, column {letter('result')}: struck through, and read as it stands (cells: 1);"
        " clear what does not hold"
    ]


def test_what_is_struck_through_in_part_is_reported() -> None:
    with xlsxwriter.Workbook("part.xlsx") as book:
        sheet, struck = book.add_worksheet(), book.add_format({"font_strikeout": True})
        for column, name in enumerate(["customer_id", "result", "note"]):
            sheet.write(0, column, name)
            sheet.write(1, column, REACHED.get(name))
        sheet.write_rich_string(1, 2, "will ", struck, "leave", " stay")
    report = import_answers(Path("part.xlsx"), list_id=LIST)
    assert [doubt.partition(":")[0] for doubt in report.doubts] == ["row 2, column C"]
    assert latest_answers()["b"].note == "will leave stay"


def test_a_text_box_is_reported(sent_back: SendBack) -> None:
    sent_back(answered(2, result="reached"))
    kind = "http://schemas.openxmlformats.org/officeDocument/2006/relationships/drawing"
    rewrite(
        Path("list.xlsx"),
        "xl/worksheets/_rels/sheet1.xml.rels",
        lambda xml: xml.replace(
            "</Relationships>",
            f'<Relationship Id="r9" Type="{kind}" Target="/x.xml"/></Relationships>',
        ),
    )
    assert list(import_answers(Path("list.xlsx")).doubts) == [
        "the list's sheet: a drawing or text box is not read; write it into the column Note"
    ]


def test_a_csv_of_the_workbook_with_a_title_is_read_and_what_was_changed_reported(
    sent_back: SendBack,
) -> None:
    sent_back(answered(2, result="reached"))
    sheet = openpyxl.load_workbook("list.xlsx").worksheets[0]
    rows = [["" if value is None else value for value in row] for row in sheet.values]
    rows[2][list(WIDTHS).index("name")] = "Bo, moved"
    atomic.write_text("saved.csv", "Week 48, of Ada, Bo\r\n\r\n" + text_of(rows, ";"))
    report = import_answers(Path("saved.csv"))
    assert report.counts == ZERO | {"read": 3, "unchanged": 1, "blank": 2}
    assert [doubt.partition(":")[0] for doubt in report.doubts] == [
        "row 1",
        f"row 5, column {letter('name')}, 'Na'… (4 characters)",
    ]


def test_a_column_that_staff_added_to_a_csv_is_reported() -> None:
    path = table([FULL])
    head, row = path.read_text(encoding="utf-8").split()[0], path.read_text(encoding="utf-8")
    text = row.replace(head, f"{head},Remark").rstrip("\r\n") + ",never again\r\n"
    atomic.write_text(path, text)
    report = import_answers(path)
    assert report.counts["accepted"] == 1
    assert report.doubts[0].startswith("row 2, column N, 'Re'… (6 characters): no column of the ")


def test_a_csv_may_have_more_columns_than_a_spreadsheet() -> None:
    text = "list_id,customer_id,result" + "," * 20_000 + f"\r\n{LIST},b,reached{',' * 20_000}x\r\n"
    atomic.write_text("wide.csv", text)
    assert import_answers(Path("wide.csv")).doubts[0].startswith("row 2, column ZZZ, '': ")


def test_a_note_that_a_spreadsheet_took_for_a_time_keeps_it() -> None:
    moment = dt.datetime(2026, 11, 24, 15, 30)  # noqa: DTZ001  (a spreadsheet's times have no zone)
    import_answers(workbook([REACHED | {"contacted_on": moment, "note": moment}]))
    assert latest_answers()["b"].contacted_on == moment.date()
    assert latest_answers()["b"].note == "2026-11-24 15:30:00"


# --- an objection to contact is never lost

OBJECTS: Row = {"customer_id": "b", "result": "reached", "answer": "asks not to be contacted"}
FAULTS: dict[str, Row] = {
    "cost": {"offer_cost": "about ten"},
    "day": {"contacted_on": "22/11/2026"},
    "result": {"result": "rang"},
    "play": {"action_taken": "no play"},
    "note": {"note": "x" * 2_001},
    "formula": {"note": "=NOW()"},
    "contradiction": {"result": "not reached"},
    "no result": {"result": None},
}


@pytest.mark.parametrize(
    ("code", "end"),
    [("en", "."), ("en", "\n"), ("en", " !"), ("ur", "\u06d4"), ("bn", "\u0964 \t")],
)
def test_an_objection_typed_as_a_sentence_is_one(code: str, end: str) -> None:
    typed = language(code).gettext(OBJECTS["answer"]).upper() + end
    assert not import_answers(workbook([OBJECTS | {"answer": typed}])).rejected
    assert outcomes.opted_out(outcomes.FOLDER) == {"b"}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_fault_in_another_cell_loses_no_objection(fault: str) -> None:
    report = import_answers(workbook([OBJECTS | FAULTS[fault], FULL]))
    assert report.counts == ZERO | {"read": 2, "accepted": 2}
    assert not report.rejected
    (line,) = report.objections
    assert line.startswith("row 2, column ")
    assert line.endswith("; the objection to contact is kept, nothing else of the row")
    assert outcomes.opted_out(outcomes.FOLDER) == {"b"}
    result = "reached" if "result" not in FAULTS[fault] else None
    assert latest_answers()["b"] == StaffAnswer(result=result, answer=OBJECTS["answer"])
    again = import_answers(workbook([OBJECTS | FAULTS[fault] | {"name": "x"}, FULL]))
    assert again.counts == ZERO | {"read": 2, "unchanged": 2}


def test_an_objection_in_a_line_with_too_many_cells_is_kept() -> None:
    path = table([FULL, OBJECTS])
    atomic.write_text(path, path.read_text(encoding="utf-8").rstrip("\r\n") + ",too,many\r\n")
    (line,) = import_answers(path).objections
    assert line.startswith("row 3, '': ragged_row; ")
    assert outcomes.opted_out(outcomes.FOLDER) == {"b"}


def test_of_two_answers_about_a_customer_the_objection_is_kept() -> None:
    report = import_answers(workbook([REACHED, OBJECTS, FULL]))
    assert report.counts == ZERO | {"read": 3, "accepted": 2, "rejected": 1}
    assert report.rejected[0].startswith("row 2, column Customer, 'b': twice; ")
    assert report.objections[0].startswith("row 3, column Customer, 'b': twice; ")
    assert outcomes.opted_out(outcomes.FOLDER) == {"b"}


def test_an_objection_with_a_fault_undoes_no_earlier_answer_nor_a_later_one() -> None:
    sound = FULL | {"customer_id": "b"}
    import_answers(workbook([sound], "first.xlsx"))
    faulty = workbook([OBJECTS | {"offer_cost": "?"}], "second.xlsx")
    import_answers(faulty, NOON + dt.timedelta(hours=1))
    assert latest_answers()["b"] == replace(ANSWER, answer=OBJECTS["answer"])
    corrected = sound | {"note": "they changed their mind"}
    import_answers(workbook([corrected], "third.xlsx"), NOON + dt.timedelta(hours=2))
    assert import_answers(faulty, NOON + dt.timedelta(hours=3)).counts["unchanged"] == 1
    assert not outcomes.opted_out(outcomes.FOLDER)


def test_an_objection_holds_until_another_answer_takes_it_back_which_is_reported() -> None:
    import_answers(workbook([OBJECTS | {"note": "was clear"}], "ada.xlsx"))
    bo = workbook([REACHED | {"result": "not reached"}], "bo.xlsx")
    assert list(import_answers(bo, NOON + dt.timedelta(hours=1)).doubts) == [
        "row 2, column Answer: the objection to contact that was entered on 2026-11-25 stays",
        "row 2, Result, Answer, Note: replaces what was entered on 2026-11-25; correct the row if"
        " that was right",
    ]
    assert outcomes.opted_out(outcomes.FOLDER) == {"b"}
    stays = workbook([REACHED | {"answer": "will stay"}], "stays.xlsx")
    assert list(import_answers(stays, NOON + dt.timedelta(hours=2)).doubts) == [
        "row 2, column Answer: takes back the objection to contact that was entered on 2026-11-25;"
        " if that is wrong, choose 'asks not to be contacted' again",
        "row 2, Result: replaces what was entered on 2026-11-25; correct the row if that was right",
    ]
    assert not outcomes.opted_out(outcomes.FOLDER)
    assert import_answers(stays, NOON + dt.timedelta(hours=3)).doubts == []


def test_an_objection_of_another_list_or_customer_is_not_taken_on_trust() -> None:
    rows = [FULL, OBJECTS | {"customer_id": "nobody"}, OBJECTS | {"list_id": "2026-12-22-x"}]
    assert len(import_answers(table(rows)).rejected) == 2
    assert not outcomes.opted_out(outcomes.FOLDER)


def test_a_csv_of_a_currency_with_letters_keeps_cost_and_objection() -> None:
    cost = {"action_taken": "call", "offer_cost": "GBP\u00a012.50"}
    report = import_answers(table([OBJECTS | cost]))
    assert (report.counts["accepted"], report.objections) == (1, [])
    assert latest_answers()["b"].offer_cost == Decimal("12.5")
    assert outcomes.opted_out(outcomes.FOLDER) == {"b"}


# --- a file that is refused whole


def refused(path: Path, list_id: str | None = None) -> str:
    with pytest.raises(BadInput) as refusal:
        import_answers(path, list_id=list_id)
    assert not list(outcomes.FOLDER.glob("*"))
    assert str(refusal.value).startswith(f"{path.name}: ")
    return str(refusal.value).removeprefix(f"{path.name}: ")


def test_an_unknown_list_is_refused_with_the_nearest() -> None:
    path = table([REACHED | {"list_id": "2026-11-22-0123456789aa"}])
    assert refused(path) == (
        "list '2026-11-22'… (23 characters) is not among those published in lists (nearest: "
        f"{LIST}); send the file that was filled in, with its list id"
    )


def test_another_list_than_was_asked_for() -> None:
    assert "--list" in refused(table([REACHED]), "2026-12-22-ba9876543210")


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("a.xlsx", b"", "no whole workbook"),
        ("a.xlsx", b"PK\x03\x04 cut", "no whole workbook"),
        ("a.xlsx", b"\xd0\xcf\x11\xe0 a password", "with a password"),
        ("a.csv", b"", "no column 'Customer'"),
        ("a.csv", b"rank,name\r\n1,Ada\r\n", "no column 'Customer'"),
        ("a.csv", b"customer_id\r\nb\r\n", "none of the columns to fill in"),
        ("a.csv", b"customer_id,result,Result\r\n", "'Result' stands twice"),
        ("a.csv", b"customer_id,result\r\nb,\xff\r\n", "not UTF-8"),
        ("a.csv", "customer_id,result\r\nb,reached\r\n".encode("utf-16-le"), "not UTF-8"),
        ("a.csv", b'customer_id,result\r\nb,reached\r\nc,"rea', "row 3: "),
        ("a.xls", b"x", "neither .xlsx nor .csv"),
    ],
)
def test_a_file_that_is_no_list(name: str, content: bytes, message: str) -> None:
    Path(name).write_bytes(content)
    assert message in refused(Path(name), LIST)


def test_a_workbook_that_lost_a_part_is_refused() -> None:
    path = workbook([FULL])
    with zipfile.ZipFile(path) as whole, zipfile.ZipFile("part.xlsx", "w") as part:
        for name in whole.namelist():
            if "sheet1" not in name:
                part.writestr(name, whole.read(name))
    assert "no whole workbook" in refused(Path("part.xlsx"))


def test_a_workbook_that_unpacks_to_too_much_is_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(from_xlsx, "_MAX_BYTES", 1_000)
    assert "too large for a list" in refused(workbook([FULL]))


def test_a_workbook_without_its_customers() -> None:
    def change(book: Any) -> None:
        del book["_columns"]
        book.worksheets[0]["A1"] = "Who"

    assert "no column 'Customer'" in refused(workbook([FULL], change=change), LIST)


def test_no_such_file() -> None:
    assert refused(Path("gone.xlsx")) == "no such file"


def test_a_published_list_that_was_changed_is_not_trusted(list_folder: Path) -> None:
    atomic.write_text(
        list_folder / "2026-11-22-aaaaaaaaaaaa" / "at_risk.csv", "customer_id\r\nx\r\n"
    )
    assert "changed since it was published" in refused(workbook([FULL]))


def test_a_folder_without_a_manifest_is_passed_over(list_folder: Path) -> None:
    atomic.write_text(list_folder / "2026-11-23-dddddddddddd" / "manifest.json", "[")
    assert import_answers(workbook([FULL])).counts["accepted"] == 1


def test_a_list_of_a_day_to_come() -> None:
    with pytest.raises(BadInput, match="it is 2026-11-21, and the list is of 2026-11-22"):
        import_answers(workbook([FULL]), NOON - dt.timedelta(days=4))


def test_a_time_without_a_zone_is_of_the_business_zone() -> None:
    record.import_file(workbook([REACHED]), PARAMS, None, dt.datetime(2026, 11, 25))  # noqa: DTZ001
    (fact,) = outcomes.read_records(outcomes.FOLDER)
    assert fact.entered_at == dt.datetime(2026, 11, 25, tzinfo=dt.UTC)


# --- cells


@pytest.mark.parametrize(
    "written",
    [
        "2026-11-24",
        "2026-11-24 00:00:00",
        "24 Nov 2026",
        "24 november 2026",
        "24-Nov-2026",
        "24\u00a0Nov\u00a02026",
        "٢٠٢٦-\u0661\u0661-٢٤",
        "২৪ নভেম্বর ২০২৬",
        dt.date(2026, 11, 24),
    ],
)
def test_days(written: object) -> None:
    assert cells.day(written, dt.date.min, dt.date.max) == dt.date(2026, 11, 24)


@pytest.mark.parametrize("written", ["24/11/2026", "24.11.2026", "11-24-2026", "24 Nob 2026", 1.5])
def test_what_is_no_day(written: object) -> None:
    with pytest.raises(cells.CellError, match="not_a_date"):
        cells.day(written, dt.date.min, dt.date.max)
