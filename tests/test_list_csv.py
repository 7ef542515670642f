"""The CSV list: text stays text in a spreadsheet, and everything comes back."""

import csv
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import BadInput
from pipeline.listing import COLUMNS, Listing
from pipeline.listing.as_csv import content, guarded, read, unguarded

MakeListing = Callable[..., Listing]


@given(st.text())
def test_every_text_comes_back(text: str) -> None:
    assert unguarded(guarded(text)) == text


@given(st.text(), st.sampled_from("=+-@\t\r\n＝＋－＠"))  # noqa: RUF001
def test_nothing_guarded_begins_like_a_formula(text: str, start: str) -> None:
    assert guarded(start + text).startswith("'")


@pytest.mark.parametrize(
    ("text", "cell"),
    [
        ("=1+1", "'=1+1"),
        ("'=1+1", "''=1+1"),
        ("'t Hooft", "'t Hooft"),
        ("Ada", "Ada"),
        ("", ""),
        ("3-1", "3-1"),
    ],
)
def test_the_rule_of_the_apostrophe(text: str, cell: str) -> None:
    assert guarded(text) == cell


def test_the_header_holds_the_machine_names(make_listing: MakeListing) -> None:
    made = content(make_listing([{}])).decode("utf-8")
    assert made.startswith("rank,customer_id,name,risk,")
    assert made.split("\r\n")[0].split(",") == list(COLUMNS)
    assert made.split("\r\n")[1].startswith("1,00001,,very high,0.6100,1000.00,120.50,-3.00,")


def test_a_list_comes_back_from_its_csv(
    make_listing: MakeListing, hostile: tuple[str, ...], tmp_path: Path
) -> None:
    listing = make_listing(
        [
            {"name": text, "customer_id": f"{n}{text}", "reason_2": text}
            for n, text in enumerate(hostile)
        ]
    )
    (tmp_path / "list.csv").write_bytes(content(listing))
    assert read(tmp_path / "list.csv").equals(listing.rows)


def test_no_text_cell_begins_like_a_formula(
    make_listing: MakeListing, hostile: tuple[str, ...]
) -> None:
    texts: list[dict[str, Any]] = [{"name": text, "phone": text} for text in hostile]
    csv.field_size_limit(1_000_000)
    for row in csv.DictReader(io.StringIO(content(make_listing(texts)).decode(), newline="")):
        assert not row["name"].startswith(tuple("=+-@\t\r\n"))
        assert not row["phone"].startswith(tuple("=+-@\t\r\n"))
        assert row["value_low"] == "-3.00"


def test_whole_units_where_the_currency_has_no_cents(make_listing: MakeListing) -> None:
    listing = make_listing([{"value_at_stake": 12.0}], currency="JPY")
    assert b",12,120," in content(listing)


def test_another_file_is_refused(tmp_path: Path) -> None:
    (tmp_path / "other.csv").write_text("a,b\r\n1,2\r\n")
    with pytest.raises(BadInput, match="not the columns"):
        read(tmp_path / "other.csv")


def test_a_cut_row_is_refused(make_listing: MakeListing, tmp_path: Path) -> None:
    whole = content(make_listing([{}, {}]))
    for cut in (30, 60):
        (tmp_path / "cut.csv").write_bytes(whole[:-cut])
        with pytest.raises(BadInput, match=r"cut\.csv: record 3"):
            read(tmp_path / "cut.csv")
