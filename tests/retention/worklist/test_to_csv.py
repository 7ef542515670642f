"""The CSV list: text stays text in a spreadsheet, and everything comes back."""

import csv
import datetime as dt
import io
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.core import artefacts
from retention.core.csv_injection import escape_formula, escape_phone, unescape_formula
from retention.core.errors import BadInput
from retention.i18n.language import language
from retention.worklist import to_csv
from retention.worklist.model import Listing
from retention.worklist.to_csv import content, dropped_content, read

MakeListing = Callable[..., Listing]


@given(st.text())
def test_every_text_comes_back(text: str) -> None:
    assert unescape_formula(escape_formula(text)) == text
    assert unescape_formula(escape_phone(text)) == text


@given(st.from_regex(r"\A'{0,2}[+\-=@][0-9 +*/().'-]{0,20}\Z"))
def test_every_text_like_a_phone_comes_back_and_goes_bare_only_as_digits(text: str) -> None:
    cell = escape_phone(text)
    assert unescape_formula(cell) == text
    assert cell.startswith("'") or (cell == text and cell[1:].replace(" ", "").isdigit())


@pytest.mark.parametrize(
    "phone",
    ["+49 170 1234567", "+491701234567", "+44 20 7946 0000", "+1 800 555 0100", "0170 123", "1-2"],
)
def test_a_phone_that_nothing_can_calculate_is_ready_to_dial(
    phone: str, make_listing: MakeListing, tmp_path: Path
) -> None:
    written = content(make_listing([{"phone": phone, "name": "+49 170 1234567"}]))
    [cells] = csv.DictReader(io.StringIO(written.decode(), newline=""))
    assert (cells["phone"], cells["name"]) == (phone, "'+49 170 1234567")
    path = tmp_path / "at_risk.csv"
    path.write_bytes(written)
    assert read(path)["phone"].to_pylist() == [phone]


@pytest.mark.parametrize(
    "phone",
    [
        "+1+1",
        "-1+1",
        "+1-800-555-0100",
        "+49(170)1234567",
        "+49/170/1234567",
        "+49.170.1234567",
        "+49 170 1234567*2",
        "+49 170  1234567",
        "+49\u00a0170\u00a01234567",
        "+49 170 1234567\n",
        "+\u0664\u0669 170 1234567",
        "+12345678901234567",
        "+049 170 1234567",
        "+1",
        "-5",
        "-491701234567",
        "=491701234567",
        "@491701234567",
        "\t+491701234567",
        "\uff0b49 170 1234567",
        "'+49 170 1234567",
        '=HYPERLINK("http://example.org","+49")',
    ],
)
def test_a_phone_that_a_spreadsheet_might_evaluate_is_text(
    phone: str, make_listing: MakeListing, tmp_path: Path
) -> None:
    written = content(make_listing([{"phone": phone}]))
    [cells] = csv.DictReader(io.StringIO(written.decode(), newline=""))
    assert cells["phone"] == f"'{phone}"
    path = tmp_path / "at_risk.csv"
    path.write_bytes(written)
    assert read(path)["phone"].to_pylist() == [phone]


@given(st.text(), st.sampled_from("=+-@\t\r\n＝＋－＠"))  # noqa: RUF001
def test_nothing_guarded_begins_like_a_formula(text: str, start: str) -> None:
    assert escape_formula(start + text).startswith("'")


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
    assert escape_formula(text) == cell


def test_the_header_holds_the_machine_names(make_listing: MakeListing) -> None:
    table = content(make_listing([{}])).decode("utf-8")
    assert table.split("\r\n")[0].split(",") == artefacts.AT_RISK.names
    assert table.startswith(
        "list_id,rank,planned,due_on,cost_of_delay,lane,why,change,customer_id,name,"
    )


def test_codes_figures_and_flags_are_for_machines(make_listing: MakeListing) -> None:
    row = {"lane": "gave_notice", "approval": True, "budget": 12.5, "net_gain": None}
    by_column = make_listing([row], language=language("ur"))
    [cells] = csv.DictReader(io.StringIO(content(by_column).decode(), newline=""))
    assert {name: cells[name] for name in ("lane", "why", "change", "risk", "action_name")} == {
        "lane": "gave_notice",
        "why": "notice",
        "change": "same",
        "risk": "very_high",
        "action_name": "call_back",
    }
    assert cells["churn_probability"] == "0.6100"
    assert (cells["value_at_stake"], cells["budget"], cells["net_gain"]) == ("1000.00", "12.50", "")
    assert (cells["value_low"], cells["days_since_purchase"]) == ("-3.00", "26.0")
    assert (cells["approval"], cells["last_purchase_on"]) == ("true", "2026-10-27")


def filled(n: int, text: str) -> dict[str, Any]:
    """A row in which every column says something, its texts being `text`."""
    table: dict[pa.DataType, Any] = {
        pa.string(): text,
        pa.int32(): n,
        pa.float64(): n + 0.5,
        pa.date32(): dt.date(2026, 1, 1),
        pa.bool_(): n % 2 == 0,
    }
    row = {column.name: table[column.type] for column in artefacts.AT_RISK.columns}
    codes = {"lane": "contact", "why": "chosen", "risk": "very_high", "customer_id": f"{n}{text}"}
    return row | codes


def test_a_list_comes_back_from_its_csv(
    make_listing: MakeListing, hostile: tuple[str, ...], tmp_path: Path
) -> None:
    listing = make_listing([filled(n, text) for n, text in enumerate(hostile)] + [{}])
    (tmp_path / "list.csv").write_bytes(content(listing))
    assert read(tmp_path / "list.csv").equals(listing.rows)


def test_a_list_of_before_comes_back_with_nulls_for_what_it_lacked(tmp_path: Path) -> None:
    (tmp_path / "old.csv").write_text(
        "rank,customer_id,name,risk,churn_probability,gone\r\n"
        "1,00001,'=1+1,very high,0.6100,x\r\n"
        "2,00002,,low,0.1000,\r\n"
    )
    table = read(tmp_path / "old.csv")
    assert table.schema.equals(artefacts.AT_RISK.schema)
    first, second = table.to_pylist()
    cells = {"rank": 1, "customer_id": "00001", "name": "=1+1", "risk": "very_high"}
    assert first == dict.fromkeys(artefacts.AT_RISK.schema.names) | cells | {
        "churn_probability": 0.61
    }
    assert (second["risk"], second["name"], second["approval"]) == ("low", None, None)


@pytest.mark.parametrize("missing", ["customer_id", "rank", "churn_probability"])
def test_without_what_a_list_must_have_it_is_refused(
    missing: str, make_listing: MakeListing, tmp_path: Path
) -> None:
    whole = content(make_listing([{}])).decode()
    (tmp_path / "list.csv").write_text(whole.replace(missing, "other"), newline="")
    with pytest.raises(BadInput, match="not the columns"):
        read(tmp_path / "list.csv")


@pytest.mark.parametrize(
    ("good", "bad"),
    [(",false,", ",maybe,"), ("0.6100", "often"), ("2026-10-27", "27/10/2026"), ("\n2", '\n"2')],
)
def test_a_cell_of_another_kind_is_refused(
    good: str, bad: str, make_listing: MakeListing, tmp_path: Path
) -> None:
    whole = content(make_listing([{"list_id": "2"}])).decode()
    assert good in whole
    (tmp_path / "list.csv").write_text(whole.replace(good, bad), newline="")
    with pytest.raises(BadInput, match=r"list\.csv: record 2"):
        read(tmp_path / "list.csv")


def test_who_dropped_off_is_written_with_codes(
    make_listing: MakeListing, hostile: tuple[str, ...]
) -> None:
    gone = [
        {"customer_id": text, "name": text, "owner": "Ada", "lane": "", "why": "left"}
        for text in hostile
    ]
    listing = make_listing(
        [{}], dropped=pa.Table.from_pylist(gone, schema=artefacts.DROPPED.schema)
    )
    csv.field_size_limit(1_000_000)
    header, *rows = csv.reader(io.StringIO(dropped_content(listing).decode(), newline=""))
    assert header == artefacts.DROPPED.schema.names
    assert [unescape_formula(row[0]) for row in rows] == list(hostile)
    assert all(row == [row[0], row[0], "Ada", "", "left"] for row in rows)
    assert not any(row[0].startswith(tuple("=+-@\t\r\n")) for row in rows)
    assert dropped_content(make_listing([{}])) == b"customer_id,name,owner,lane,why\r\n"


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
    listing = make_listing([{"value_at_stake": 12.0, "net_gain": 3.0}], currency="JPY")
    assert b",0.6100,12,3,120," in content(listing)


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


def test_what_was_decided_of_the_whole_cohort_comes_back_as_it_was(tmp_path: Path) -> None:
    ids = ["NA", "00123", "=1+1", "null"]  # an id is exact, whatever it looks like
    lanes = pa.table(
        {
            "customer_id": ids,
            "lane": ["contact"] * 4,
            "why": ["chosen"] * 4,
            "churn_probability": [0.25, 0.5, 1 / 3, 0.0],
            "expected_loss": [1.0, None, 2.5, -1.0],
            "net_gain": [None, None, None, None],
            "passed": [False, False, True, False],
        },
        schema=artefacts.LANES.schema,
    )
    (tmp_path / to_csv.COHORT).write_bytes(to_csv.cohort_content(lanes))
    assert "'=1+1" in (tmp_path / to_csv.COHORT).read_text()
    assert to_csv.read_cohort(tmp_path / to_csv.COHORT).equals(lanes)
