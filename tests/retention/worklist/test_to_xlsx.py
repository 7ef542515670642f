"""The workbook: no cell runs; staff can read, print and fill it in; same list, same bytes."""

import dataclasses
import datetime as dt
import io
from collections.abc import Callable
from typing import Any

import openpyxl
import pyarrow as pa
import pytest
from openpyxl.utils import get_column_letter

from retention.core import artefacts
from retention.i18n.language import TRANSLATED, language
from retention.worklist.answer_columns import ANSWER_COLUMNS
from retention.worklist.model import HEADINGS, Listing, Previous
from retention.worklist.to_xlsx.cells import cell_text, money_format, sheet_name
from retention.worklist.to_xlsx.layout import (
    ANSWER_WIDTHS,
    JOINED_REASONS,
    PRINTED_WIDTHS,
    WIDTHS,
    heading,
)
from retention.worklist.to_xlsx.workbook import content

MakeListing = Callable[..., Listing]
BIDI = ("\u202egpj.exe", "\u2067abc\u2069", "a\u202ab\u202c", "\u2066x")
WEEK_BEFORE = Previous("2026-11-15-ba9876543210", dt.date(2026, 11, 15), 0.6)
ALL_FILLED = {
    "themes": "billing",
    "days_since_dealing": 3.0,
    "name": "Ada Lovelace",
    "language": "en",
    "owner": "Bea Ng",
    "covered_for": "Cy",
    "preferred_channel": "phone",
    "channel": "phone",
    "phone": "+44 7700 900123",
    "email": "ada@example.org",
    "reason_2": "2 of 3 complaints in 30 days still open",
    "reason_3": "billed 12% above the agreed price on 14 Oct",
    "last_said": "Nobody called me back",
    "wording": "Say sorry once",
    "last_said_on": dt.date(2026, 11, 2),
    "avoid": "no offer",
    "budget": 25.0,
    "approval": True,
    "otherwise": "Write a letter",
    "change": "new",
}


def opened(listing: Listing, slug: str = "") -> Any:
    return openpyxl.load_workbook(io.BytesIO(content(listing, slug)))


def column(name: str) -> int:
    return list(WIDTHS).index(name) + 1


def text(sheet: Any, name: str, line: int = 2) -> Any:
    return sheet.cell(line, column(name)).value


def texts(sheet: Any) -> str:
    return "\n".join(str(cell.value) for row in sheet.iter_rows() for cell in row if cell.value)


def test_every_column_of_the_list_and_to_fill_in_is_there() -> None:
    assert set(WIDTHS) == (set(HEADINGS) | set(ANSWER_COLUMNS) | {"reasons"}) - set(JOINED_REASONS)
    assert list(ANSWER_WIDTHS) == list(ANSWER_COLUMNS)


@pytest.mark.parametrize("code", ["en", *TRANSLATED])
def test_no_two_columns_are_called_the_same(code: str) -> None:
    headings = [heading(name, language(code)) for name in WIDTHS]
    assert len(set(headings)) == len(headings)


def test_the_sheets_in_their_order(make_listing: MakeListing) -> None:
    alone, second = make_listing([{}]), make_listing([{}], previous=WEEK_BEFORE)
    assert opened(alone).sheetnames == ["At risk", "Read me", "_choices", "_columns"]
    book = opened(second)
    assert book.sheetnames[2] == "Since the last list"
    hidden = [sheet.title for sheet in book.worksheets if sheet.sheet_state != "visible"]
    assert hidden == ["_choices", "_columns"]


def test_the_machine_is_told_what_the_first_sheet_is(make_listing: MakeListing) -> None:
    listing = make_listing([{}], language=language("bn"))
    sheet = opened(listing, "ada-123456")["_columns"]
    assert [cell.value for cell in sheet[1]] == list(WIDTHS)
    assert [sheet["A2"].value, sheet["A3"].value] == [listing.list_id, "bn"]
    assert sheet["B3"].value == "ada-123456"
    assert not opened(listing)["_columns"]["B3"].value


def test_hostile_text_is_text(make_listing: MakeListing, hostile: tuple[str, ...]) -> None:
    names = ("name", "customer_id", "owner", "last_said", "action", "channel")
    cells = [dict.fromkeys((*names, "list_id"), text) for text in (*hostile, *BIDI)]
    gone = [
        dict.fromkeys(artefacts.DROPPED.schema.names, text) | {"lane": "", "why": "left"}
        for text in hostile
    ]
    book = opened(
        make_listing(
            cells,
            dropped=pa.Table.from_pylist(gone, schema=artefacts.DROPPED.schema),
            previous=WEEK_BEFORE,
            company=hostile[0],
            notes=hostile,
            list_id="=1+1",
        ),
        "=1+1",
    )
    sheet = book.worksheets[0]
    for line, text in enumerate((*hostile, *BIDI), start=2):
        for name in names:
            cell = sheet.cell(line, column(name))
            assert cell.data_type == "s"
            assert cell.hyperlink is None
            assert cell.value == cell_text(text)
    every = (cell for shown in book.worksheets for row in shown.iter_rows() for cell in row)
    assert {cell.data_type for cell in every} <= {"s", "n", "d"}


@pytest.mark.parametrize("text", ["=1+1", "+1", "@x", "\tx", "'=1", "a\nb", "👩‍👩‍👧", *BIDI])
def test_what_a_cell_can_hold_stands_as_given(text: str) -> None:
    assert cell_text(text) == text


def test_what_a_cell_cannot_hold_is_shown_to_be_cut() -> None:
    assert cell_text("x" * 40_000) == "x" * 32_766 + "…"
    assert len(cell_text("👍" * 20_000).encode("utf-16-le")) <= 2 * 32_767
    assert cell_text("👍" * 20_000).endswith("👍…")
    assert cell_text("a\r\nb\x01") == "a\nb\ufffd"


def test_a_sheet_has_a_name_that_the_format_allows() -> None:
    assert sheet_name("[a]:b*c?d/e\\f'") == "a  b c d e f"
    assert sheet_name("x" * 40) == "x" * 31


def test_codes_stand_in_words(make_listing: MakeListing) -> None:
    row = {"lane": "fix_first", "change": "worse", "approval": True, "budget": 5.0}
    sheet = opened(make_listing([row, {"change": None}])).worksheets[0]
    words = {name: text(sheet, name) for name in ("lane", "why", "change", "risk", "action_name")}
    assert words == {
        "lane": "fix first",
        "why": "a case is still open",
        "change": "worse",
        "risk": "very high",
        "action_name": "call back",
    }
    assert (text(sheet, "approval"), text(sheet, "approval", 3)) == ("yes", None)
    assert (text(sheet, "lane", 3), text(sheet, "change", 3)) == ("to contact", None)


def test_the_first_reasons_stand_together(make_listing: MakeListing) -> None:
    rows = [{"reason_1": "a", "reason_2": "b", "reason_3": "c"}, {"reason_1": "e"}]
    sheet = opened(make_listing([*rows, {"reason_1": None}])).worksheets[0]
    assert [text(sheet, "reasons", line) for line in (2, 3, 4)] == ["• a\n• b\n• c", "• e", None]
    assert sheet.cell(2, column("reasons")).alignment.wrap_text


def test_figures_dates_and_formats(make_listing: MakeListing) -> None:
    rows = [{"budget": 25.0, "approval": True}, {"budget": 5.0}]
    sheet = opened(make_listing(rows)).worksheets[0]
    cells = {name: sheet.cell(2, column(name)) for name in WIDTHS}
    stake, chance = cells["value_at_stake"], cells["churn_probability"]
    assert (stake.value, stake.number_format) == (1000.0, '"£"#,##0.00')
    assert (chance.value, chance.number_format) == (0.61, "0%")
    assert cells["last_purchase_on"].value.date() == dt.date(2026, 10, 27)
    assert (cells["budget"].value, cells["budget"].number_format) == (25.0, '"£"#,##0.00"*"')
    assert sheet.cell(3, column("budget")).number_format == '"£"#,##0.00'


@pytest.mark.parametrize(
    ("code", "currency", "pattern"),
    [
        ("en", "JPY", '"¥"#,##0'),
        ("en", "NOK", '"NOK\u00a0"#,##0.00'),
        ("bn", "BDT", '[$-5000845]#,##0.00"৳"'),
    ],
)
def test_an_amount_is_written_as_in_the_language(
    code: str, currency: str, pattern: str, make_listing: MakeListing
) -> None:
    assert money_format(make_listing([], language=language(code), currency=currency)) == pattern


def test_what_is_to_be_filled_in_is_set_apart_and_blank(make_listing: MakeListing) -> None:
    sheet = opened(make_listing([{}])).worksheets[0]
    tints = {sheet.cell(2, column(name)).fill.fgColor.rgb for name in ANSWER_WIDTHS}
    bands = {sheet.cell(1, column(name)).fill.fgColor.rgb for name in ANSWER_WIDTHS}
    others = set(WIDTHS) - set(ANSWER_WIDTHS)
    assert len(tints) == len(bands) == 1
    assert not tints & {sheet.cell(2, column(name)).fill.fgColor.rgb for name in others}
    assert not bands & {sheet.cell(1, column(name)).fill.fgColor.rgb for name in others}
    assert all(text(sheet, name) is None for name in ANSWER_WIDTHS)
    assert "To fill in" in sheet.cell(1, column("contacted_on")).comment.text
    assert sheet.cell(2, column("contacted_on")).number_format == "d mmm yyyy"
    assert not sheet.protection.sheet


def validations(book: Any) -> dict[str, Any]:
    """By column to fill in, the one rule that covers it, and the cells it covers."""
    sheet = book.worksheets[0]
    by_column = {str(rule.sqref): rule for rule in sheet.data_validations.dataValidation}
    last = sheet.max_row
    spans = {name: get_column_letter(column(name)) for name in ANSWER_WIDTHS}
    cells = {
        name: f"{letter}2:{letter}{last}" if last > 2 else f"{letter}2"
        for name, letter in spans.items()
    }
    return {name: by_column[letter] for name, letter in cells.items() if letter in by_column}


def offered(book: Any, rule: Any) -> list[str]:
    sheet, _, cells = rule.formula1.partition("!")
    return [row[0].value for row in book[sheet][cells.replace("$", "")]]


def test_the_drop_downs_offer_exactly_the_answers(make_listing: MakeListing) -> None:
    book = opened(make_listing([{}, {}]))
    asked = validations(book)
    lists = {name: offered(book, rule) for name, rule in asked.items() if rule.type == "list"}
    choices = {
        name: list(cell.choices) for name, cell in ANSWER_COLUMNS.items() if cell.kind == "choice"
    }
    assert lists == choices | {"action_taken": ["call back", "credit back", "nothing"]}
    assert all(rule.allowBlank and rule.showErrorMessage for rule in asked.values())
    assert not any(rule.showDropDown for rule in asked.values())  # which would hide the arrow


@pytest.mark.parametrize("code", TRANSLATED)
def test_the_drop_downs_offer_the_answers_in_the_language(
    code: str, make_listing: MakeListing
) -> None:
    translation = language(code).gettext
    book = opened(make_listing([{}], language=language(code)))
    asked = validations(book)
    for name in ("result", "answer", "reason_right"):
        assert offered(book, asked[name]) == [
            translation(cell) for cell in ANSWER_COLUMNS[name].choices
        ]
    assert offered(book, asked["action_taken"])[-1] == translation("nothing")


def test_many_plays_are_offered_though_they_exceed_what_a_rule_may_hold(
    make_listing: MakeListing,
) -> None:
    plays = {f"play_number_{n}": "Do it" for n in range(60)}
    book = opened(make_listing([{}], plays=plays))
    by_column = offered(book, validations(book)["action_taken"])
    assert by_column == [*(name.replace("_", " ") for name in plays), "nothing"]


def test_days_and_amounts_are_checked(make_listing: MakeListing) -> None:
    asked = validations(opened(make_listing([{}, {}])))
    day, cost = asked["contacted_on"], asked["offer_cost"]
    start = (dt.date(2026, 11, 22) - dt.date(1899, 12, 30)).days
    assert (day.type, day.operator, day.formula1) == ("date", "greaterThanOrEqual", str(start))
    assert (cost.type, cost.operator, cost.formula1) == ("decimal", "greaterThanOrEqual", "0")
    assert "22 November 2026" in day.error
    assert "note" not in asked


def scale(sheet: Any) -> float:
    """How far the printed columns shrink to fit A4 landscape: Calibri 11 has digits 7 px wide."""
    wide: dict[int, int] = {}
    for cell in sheet.column_dimensions.values():
        wide |= dict.fromkeys(
            range(cell.min, cell.max + 1), 0 if cell.hidden else int(cell.width * 7)
        )
    total = sum(wide[column(name)] for name in PRINTED_WIDTHS)
    margins = float(sheet.page_margins.left + sheet.page_margins.right)
    return (297 / 25.4 - margins) * 96 / total


def test_laid_out_to_read_and_to_print(make_listing: MakeListing) -> None:
    sheet = opened(make_listing([ALL_FILLED] * 3)).worksheets[0]
    assert sheet.freeze_panes == "G2"
    assert sheet.auto_filter.ref == f"A1:{get_column_letter(len(WIDTHS))}4"
    assert [cell.value for cell in sheet[1]] == [heading(name, language("en")) for name in WIDTHS]
    assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert sheet.page_setup.fitToWidth in (None, 1)  # one page wide is the format's default
    assert sheet.page_setup.fitToHeight == 0
    assert sheet.print_title_rows == "$1:$1"
    assert sheet.print_area == f"'At risk'!$A$1:${get_column_letter(len(PRINTED_WIDTHS))}$4"


def test_the_printed_page_says_what_it_is(make_listing: MakeListing) -> None:
    sheet = opened(make_listing([{}], company="Ant & Bee")).worksheets[0]
    assert sheet.oddHeader.left.text == "Ant && Bee: customers at risk, 22 November 2026"
    assert sheet.oddHeader.right.text == "To fill in: the tinted columns"
    assert sheet.oddFooter.left.text == "Confidential"
    assert sheet.oddFooter.center.text == "2026-11-22-0123456789ab"
    assert opened(make_listing([{}], company="&" * 300))  # more than a header holds


def test_what_is_printed_can_be_read(make_listing: MakeListing) -> None:
    usual = ALL_FILLED | {"covered_for": None}
    assert scale(opened(make_listing([usual])).worksheets[0]) >= 0.55
    assert scale(opened(make_listing([ALL_FILLED])).worksheets[0]) >= 0.53


def test_a_line_is_as_tall_as_its_longest_text(make_listing: MakeListing) -> None:
    rows = [{}, {"last_said": "w" * 60}, {"last_said": "w" * 40_000}]
    sheet = opened(make_listing(rows)).worksheets[0]
    short, long, longest = (sheet.row_dimensions[line].height for line in (2, 3, 4))
    assert short < long < longest <= 409  # the format's limit


def test_an_amount_has_the_width_it_needs(make_listing: MakeListing) -> None:
    sheet = opened(make_listing([{"value_at_stake": 123456789.0}])).worksheets[0]
    letter = get_column_letter(column("value_at_stake"))
    assert sheet.column_dimensions[letter].width >= len("£123,456,789.00")


def test_columns_without_any_data_are_hidden(make_listing: MakeListing) -> None:
    def hidden(listing: Listing) -> set[str]:
        wide = opened(listing).worksheets[0].column_dimensions.values()
        places = {
            letter for cell in wide if cell.hidden for letter in range(cell.min, cell.max + 1)
        }
        return {name for name in WIDTHS if column(name) in places}

    bare = hidden(make_listing([{}]))
    assert {"name", "phone", "email", "owner", "covered_for", "budget", "approval"} <= bare
    assert not bare & ({"rank", "lane", "customer_id", "risk", "reasons"} | set(ANSWER_WIDTHS))
    assert not {"name", "phone"} & hidden(make_listing([{"name": "Ada"}, {"phone": "1"}]))
    assert not hidden(make_listing([ALL_FILLED]))


def test_the_read_me_says_what_the_list_is(make_listing: MakeListing) -> None:
    note = "Too little history: a simple rule ranks this list."
    terms = "Calls kept 3 of 100."
    rows = [{}, {"lane": "fix_first"}]
    book = opened(make_listing(rows, notes=(note,), evidence=(terms,), company="=1+1 & Sons"))
    sheet = book["Read me"]
    text = texts(sheet)
    lines = {row[0].value: row[1].value for row in sheet.iter_rows() if row[0].value}
    assert lines["List"] == "2026-11-22-0123456789ab"
    assert lines["Please note"] == note
    assert lines["As of"] == "Sunday 22 November 2026"
    assert lines["What is known"] == terms
    assert lines["In short"] == (
        "2 customers on the list. 1 of them to contact. Likely loss, next 28 days: £1,500.00. "
        "Net gain expected from the contacts: £100.00."
    )
    assert "about 61 buy nothing in the next 28 days" in text
    assert "18 active customers." in text
    assert "• excluded: 5 (asked not to be contacted: 2; held out at random" in text
    assert "• credit back: Credit what was overcharged" in text
    assert "retention outcomes FILE" in lines["Handing it back"]
    assert "counts as not worked" in lines["How to fill it in"]
    assert "Confidential" in lines
    assert "Limits" not in lines


def test_the_read_me_tells_every_play_of_a_long_playbook(make_listing: MakeListing) -> None:
    plays = {f"play_{n}": f"Do the thing {n}" for n in range(60)}
    sheet = opened(make_listing([{}], plays=plays))["Read me"]
    heights = [sheet.row_dimensions[line].height for line in range(3, sheet.max_row + 1)]
    assert max(heights) < 409  # the format's limit, beyond which nothing would be seen
    assert all(f"• play {n}: Do the thing {n}\n" in texts(sheet) for n in range(60))


def test_what_changed_and_who_dropped_off_and_why(make_listing: MakeListing) -> None:
    rows = [
        {"change": change, "name": name}
        for change, name in [("same", "A"), ("better", "B"), ("new", "C"), ("worse", "D")]
    ]
    gone = [
        {"customer_id": "7", "name": "E", "lane": "excluded", "why": "opted_out"},
        {"customer_id": "8", "name": "F", "lane": "", "why": "left"},
    ]
    dropped = pa.Table.from_pylist(gone, schema=artefacts.DROPPED.schema)
    book = opened(make_listing(rows, dropped=dropped, previous=WEEK_BEFORE))
    sheet = book["Since the last list"]
    cells = [[cell.value for cell in row] for row in sheet.iter_rows(min_row=4)]
    assert [[row[0], row[2], row[4], row[5]] for row in cells] == [
        ["new", "C", "to contact", "most to gain within what staff can handle"],
        ["worse", "D", "to contact", "most to gain within what staff can handle"],
        ["better", "B", "to contact", "most to gain within what staff can handle"],
        ["no longer listed", "E", "excluded", "asked not to be contacted"],
        ["no longer listed", "F", None, "has left"],
    ]
    assert "15 November 2026" in sheet["A1"].value
    assert "60%" in sheet["A1"].value


def test_a_list_without_any_change_says_so(make_listing: MakeListing) -> None:
    alike = dataclasses.replace(WEEK_BEFORE, stability=None)
    sheet = opened(make_listing([{}], previous=alike))["Since the last list"]
    assert sheet["A4"].value == "Nothing has changed."
    assert "%" not in sheet["A1"].value


def test_one_owner_s_workbook_has_only_theirs(make_listing: MakeListing) -> None:
    rows = [{"owner": "Ada", "name": "Hers"}, {"owner": "Bo", "name": "His"}, {"name": "Nobody's"}]
    gone = [{"customer_id": "7", "name": "Gone", "owner": "Bo", "lane": "", "why": "left"}]
    dropped = pa.Table.from_pylist(gone, schema=artefacts.DROPPED.schema)
    listing = make_listing(rows, dropped=dropped, previous=WEEK_BEFORE)
    for owner, name in [("Ada", "Hers"), ("Bo", "His"), (None, "Nobody's")]:
        book = opened(listing.for_owner(owner))
        assert book.worksheets[0].max_row == 2
        assert text(book.worksheets[0], "name") == name
        sheet_text = "\n".join(texts(sheet) for sheet in book.worksheets)
        assert [cell for cell in ("Hers", "His", "Nobody's") if cell in sheet_text] == [name]
        assert ("Gone" in sheet_text) == (owner == "Bo")


@pytest.mark.parametrize("code", TRANSLATED)
def test_the_language_of_the_list(code: str, make_listing: MakeListing) -> None:
    translation = language(code)
    book = opened(make_listing([{}], language=translation, previous=WEEK_BEFORE))
    sheet = book.worksheets[0]
    assert [cell.value for cell in sheet[1]] == [heading(name, translation) for name in WIDTHS]
    assert text(sheet, "risk") == translation.gettext("very high")
    assert book.sheetnames[1] == sheet_name(translation.gettext("Read me"))
    visible = [cell for cell in book.worksheets if cell.sheet_state == "visible"]
    leftward = translation.direction == "rtl"
    assert [bool(cell.sheet_view.rightToLeft) for cell in visible] == [leftward] * 3


def test_a_number_to_call_runs_rightward_in_every_language(make_listing: MakeListing) -> None:
    listing = make_listing([{"phone": "+44 7700 900123"}], language=language("ur"))
    sheet = opened(listing).worksheets[0]
    order = {name: sheet.cell(2, column(name)).alignment.readingOrder for name in WIDTHS}
    assert {name for name, cell in order.items() if cell == 1} == {
        "customer_id",
        "phone",
        "email",
        "list_id",
    }


def test_every_customer_of_a_long_list_is_there(make_listing: MakeListing) -> None:
    listing = make_listing([{}] * 300)
    sheet = opened(listing).worksheets[0]
    ids = [text(sheet, "customer_id", line) for line in range(2, sheet.max_row + 1)]
    assert ids == listing.rows["customer_id"].to_pylist()
    assert str(validations(opened(listing))["result"].sqref).endswith("301")


def test_an_empty_list_opens(make_listing: MakeListing) -> None:
    book = opened(make_listing([], previous=WEEK_BEFORE))
    assert book.worksheets[0].max_row == 1
    assert not any(cell.hidden for cell in book.worksheets[0].column_dimensions.values())


def test_the_same_list_is_the_same_bytes(make_listing: MakeListing) -> None:
    listing = make_listing([{"name": "Ada"}], previous=WEEK_BEFORE)
    assert content(listing) == content(listing)
    assert opened(listing).properties.created.date() == dt.date(2026, 11, 22)
