"""The workbook: no cell runs, staff can read and print it, and the same list is the same bytes."""

import datetime as dt
import io
from collections.abc import Callable
from typing import Any

import openpyxl
import pytest

from pipeline.listing import HEADINGS, Listing
from pipeline.listing.as_xlsx import PRINTED, WIDTHS, content, shown

MakeListing = Callable[..., Listing]


def opened(listing: Listing) -> Any:
    return openpyxl.load_workbook(io.BytesIO(content(listing)))


def column(name: str) -> int:
    return list(WIDTHS).index(name) + 1


def test_every_column_of_the_list_is_there() -> None:
    assert set(WIDTHS) == set(HEADINGS)


def test_hostile_text_is_text(make_listing: MakeListing, hostile: tuple[str, ...]) -> None:
    sheet = opened(
        make_listing([{"name": text, "customer_id": text} for text in hostile])
    ).worksheets[0]
    for line, text in enumerate(hostile, start=2):
        for name in ("name", "customer_id"):
            cell = sheet.cell(line, column(name))
            assert cell.data_type == "s"
            assert cell.hyperlink is None
            assert cell.value == shown(text)
    types = {cell.data_type for row in sheet.iter_rows() for cell in row}
    assert "f" not in types


@pytest.mark.parametrize("text", ["=1+1", "+1", "@x", "\tx", "'=1", "a\nb", "👩‍👩‍👧", "\u202eabc"])
def test_what_a_cell_can_hold_stands_as_given(text: str) -> None:
    assert shown(text) == text


def test_what_a_cell_cannot_hold_is_shown_to_be_cut() -> None:
    assert shown("x" * 40_000) == "x" * 32_766 + "…"
    assert len(shown("👍" * 20_000).encode("utf-16-le")) <= 2 * 32_767
    assert shown("👍" * 20_000).endswith("👍…")
    assert shown("a\r\nb\x01") == "a\nb\ufffd"


def test_figures_dates_and_formats(make_listing: MakeListing) -> None:
    sheet = opened(make_listing([{}])).worksheets[0]
    stake, chance = (
        sheet.cell(2, column("value_at_stake")),
        sheet.cell(2, column("churn_probability")),
    )
    bought = sheet.cell(2, column("last_purchase_on"))
    assert (stake.value, stake.number_format) == (1000.0, '"£"#,##0.00')
    assert (chance.value, chance.number_format) == (0.61, "0%")
    assert bought.is_date
    assert bought.value.date() == dt.date(2026, 10, 27)
    assert sheet.cell(2, column("reason_1")).alignment.wrap_text


def test_laid_out_to_read_and_to_print(make_listing: MakeListing) -> None:
    sheet = opened(make_listing([{"name": "Ada"}] * 3)).worksheets[0]
    assert sheet.freeze_panes == "D2"
    assert sheet.auto_filter.ref == "A1:T4"
    assert [cell.value for cell in sheet[1]] == [HEADINGS[name] for name in WIDTHS]
    assert sheet.column_dimensions["C"].width == pytest.approx(WIDTHS["name"], abs=1)
    assert (sheet.page_setup.orientation, sheet.page_setup.paperSize) == ("landscape", 9)
    assert sheet.sheet_properties.pageSetUpPr.fitToPage
    assert sheet.page_setup.fitToWidth in (None, 1)  # one page wide is the format's default
    assert sheet.page_setup.fitToHeight == 0
    assert sheet.print_title_rows == "$1:$1"
    assert sheet.print_area == f"'At risk'!$A$1:${chr(64 + len(PRINTED))}$4"


def test_columns_without_any_data_are_hidden(make_listing: MakeListing) -> None:
    bare, named = opened(make_listing([{}])), opened(make_listing([{"name": "Ada"}, {}]))
    assert bare.worksheets[0].column_dimensions["C"].hidden
    assert not named.worksheets[0].column_dimensions["C"].hidden


def test_the_read_me_says_what_the_list_is(make_listing: MakeListing) -> None:
    note = "Too little history: a simple rule ranks this list."
    book = opened(make_listing([{}], notes=(note,), company="=1+1 & Sons"))
    sheet = book["Read me"]
    text = "\n".join(str(cell.value) for row in sheet.iter_rows() for cell in row if cell.value)
    assert note in text
    assert "about 61 buy nothing in the next 28 days" in text
    assert "Sunday 22 November 2026: 1 customer, £1,000.00 at stake" in text
    assert "2 asked not to be contacted" in text
    assert sheet["A1"].data_type == "s"


def test_an_empty_list_opens(make_listing: MakeListing) -> None:
    assert opened(make_listing([])).worksheets[0].max_row == 1


def test_the_same_list_is_the_same_bytes(make_listing: MakeListing) -> None:
    listing = make_listing([{"name": "Ada"}])
    assert content(listing) == content(listing)
    assert opened(listing).properties.created.date() == dt.date(2026, 11, 22)
