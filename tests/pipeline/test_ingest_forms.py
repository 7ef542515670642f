"""Stage `ingest`: the forms of exports, and what a mapping can say of them, with exact values."""

import datetime as dt
import gzip
import json
import zipfile
from collections.abc import Callable
from decimal import Decimal
from pathlib import Path
from typing import Any

import openpyxl
import pytest

from pipeline import extract, ingest
from retention.commands.erase import raw as erase_raw
from retention.core.errors import BadInput, BadParams
from retention.core.params import Params

Content = str | Callable[[Path], None]
PURCHASE = {"kind": "purchase", "customer_id": "who", "occurred_at": "day", "amount": "paid"}
LINES: dict[str, Any] = {
    "key": ["id"],
    "types": {"day": "date", "paid": "decimal"},
    "format": {"date": "%Y-%m-%d"},
    "events": [PURCHASE],
}


def make_params(source: dict[str, Any], **more: Any) -> Params:
    return Params.model_validate(
        {
            "time_zone": "UTC",
            "currency": "GBP",
            "ingest": {"max_reject_share": 1.0},
            "sources": {"s": source},
            "labels": {"churn": {"rule": "silence"}},
        }
        | more
    )


Rows = Callable[..., tuple[list[tuple[Any, ...]], list[tuple[int, str, str]]]]


@pytest.fixture
def rows_of(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Rows:
    """rows_of(source, columns, **files): values of the events by id, and line, column and rule."""
    monkeypatch.chdir(tmp_path)

    def rows(
        source: dict[str, Any], columns: str, files: dict[str, Content], **more: Any
    ) -> tuple[list[tuple[Any, ...]], list[tuple[int, str, str]]]:
        write(files)
        result = ingest.ingest(make_params({"path": next(iter(files))} | source, **more), "s")
        events = [
            tuple(event[column] for column in columns.split())
            for event in result.events.to_pylist()
        ]
        rejects = [(row["line"], row["column"], row["rule"]) for row in result.rejects.to_pylist()]
        assert result.summary.accepted + len(rejects) + result.summary.unmapped == (
            result.summary.read
        )
        return events, rejects

    return rows


def write(files: dict[str, Content]) -> None:
    for name, content in files.items():
        Path(name).parent.mkdir(parents=True, exist_ok=True)
        if callable(content):
            content(Path(name))
        else:
            Path(name).write_text(content)


def money(*amounts: str) -> list[Decimal]:
    return [Decimal(amount).quantize(Decimal("0.0001")) for amount in amounts]


def test_json_lines_with_nested_names_epochs_and_cents(rows_of: Rows) -> None:
    """A payment system's charges: a bad line is a reject with its line, and yen have no cents."""
    source = {
        "key": ["id"],
        "types": {"at": "timestamp", "sum": "integer"},
        "format": {"time": "epoch_seconds"},
        "events": [
            {
                "kind": "payment",
                "where": "bill.paid = 'true'",
                "customer_id": "lower(bill.who)",
                "occurred_at": "at",
                "amount": "sum",
                "unit": "cents",
                "currency": "cur",
            }
        ],
    }
    records = [
        {"id": 1, "bill": {"who": "K", "paid": True}, "at": 1714534200, "sum": 1999, "cur": "gbp"},
        {"id": 2, "bill": {"who": "K", "paid": True}, "at": 1714534201.5, "sum": 500, "cur": "jpy"},
        {"id": 3, "bill": {"who": "K", "paid": False}, "at": 1714534200, "sum": 1, "cur": "gbp"},
    ]
    first, *others = map(json.dumps, records)
    text = "\n".join([first, "cut short {", "", *others, ""])
    events, rejects = rows_of(
        source,
        "event_id customer_id occurred_at amount",
        {"charges.jsonl": text},
        ingest={"max_reject_share": 1.0, "conversion": {"JPY": 0.005}},
    )
    moment = dt.datetime(2024, 5, 1, 3, 30, tzinfo=dt.UTC)
    cents, yen = money("19.99", "2.50")
    assert events == [
        ("s:payment:1", "k", moment, cents),
        ("s:payment:2", "k", moment + dt.timedelta(seconds=1.5), yen),
    ]
    assert rejects == [(2, "", "not_json")]


def test_each_element_of_a_list_is_a_row(rows_of: Rows) -> None:
    """Orders with their lines inside; one without lines stays a row."""
    orders = [
        {"id": "1", "who": "k", "day": "2024-01-02", "lines": [{"paid": "1.5"}, {"paid": "2"}]},
        {"id": "2", "who": "k", "day": "2024-01-03", "lines": []},
    ]
    source = LINES | {
        "each": "lines",
        "key": ["id", "lines.position"],
        "types": {"day": "date", "lines.paid": "decimal"},
        "events": [PURCHASE | {"amount": "lines.paid"}],
    }
    cheap, dear = money("1.5", "2")
    right = [("s:purchase:1:1", cheap), ("s:purchase:1:2", dear), ("s:purchase:2:1", None)]
    assert rows_of(source, "event_id amount", {"o.json": json.dumps(orders)}) == (right, [])
    with pytest.raises(BadInput, match=r"no list of objects is called 'line'.*nearest: lines"):
        rows_of(source | {"each": "line"}, "event_id", {"o.json": json.dumps(orders)})


def test_blank_header_cells_are_filled_within_their_order(rows_of: Rows) -> None:
    """A guest's order takes nobody else's address."""
    text = (
        "id,who,day,paid\n#1,a,2024-01-01,5\n#1,,,6\n#2,,2024-01-02,7\n#2,,,8\n#3,b,2024-01-03,1\n"
    )
    source = LINES | {
        "key": "row_number",
        "fill_down": {"columns": ["who", "day"], "within": ["id"]},
        "events": [PURCHASE | {"order_id": "id"}],
    }
    right = [("#1", "a"), ("#1", "a"), ("#3", "b")]
    blank = [(4, "who", "blank_id"), (5, "who", "blank_id")]
    assert rows_of(source, "order_id customer_id", {"o.csv": text}) == (right, blank)
    # Without `within` a line on which the first column is filled begins a new group.
    report = "id,who,day,paid\n1,a,2024-01-01,5\n2,,,6\n3,b,,7\n4,b,2024-01-02,8\n"
    source = LINES | {"fill_down": {"columns": ["who", "day"]}}
    events, rejects = rows_of(source, "event_id customer_id", {"o.csv": report})
    assert events == [("s:purchase:1", "a"), ("s:purchase:2", "a"), ("s:purchase:4", "b")]
    assert rejects == [(4, "day", "blank_time")]


SUBS = "sub,acc,since,plan\ns1,k1,2024-01-01,basic\ns1,k1,2024-02-01,gold\ns2,k2,2024-01-06,basic\n"
USAGE = (
    "id,sub,day\n1,s1,2024-01-05\n2,s2,2024-01-05\n3,s9,2024-01-05\n4,s1,2024-03-05\n"
    "5,,2024-03-05\n"
)
JOIN = {"path": "subs.csv", "on": {"sub": "sub"}, "columns": {"acc": "acc", "plan": "plan"}}
DATED = JOIN | {
    "types": {"since": "date"},
    "format": {"date": "%Y-%m-%d"},
    "since": "since",
    "at": "day",
}
VISITS = LINES | {
    "types": {"day": "date"},
    "events": [{"kind": "visit", "customer_id": "acc", "occurred_at": "day", "topic": "plan"}],
}


def test_a_join_gives_what_held_at_the_rows_own_time(rows_of: Rows) -> None:
    files: dict[str, Content] = {"usage.csv": USAGE, "subs.csv": SUBS}
    source = VISITS | {"join": {"subs": DATED}}
    events, rejects = rows_of(source, "event_id customer_id topic", files)
    assert events == [("s:visit:1", "k1", "basic"), ("s:visit:4", "k1", "gold")]
    assert rejects == [(line, "acc", "blank_id") for line in (3, 4, 6)]
    params = make_params(source | {"path": "usage.csv"})
    missing = ingest.ingest(params, "s").summary.unjoined["subs"]
    assert (missing.rows, missing.first) == (2, "usage.csv: line 3, column 'sub', 's2'")
    assert set(extract.fingerprint(params.sources["s"]).files) == {"usage.csv", "subs.csv"}
    parts = erase_raw.customer_rows(params, "k1")
    assert {part.path.name: sorted(part.lines) for part in parts} == {
        "usage.csv": [2, 5],
        "subs.csv": [2, 3],
    }


def test_a_join_that_is_not_many_to_one_is_refused(rows_of: Rows) -> None:
    several = VISITS | {"join": {"subs": JOIN}}
    with pytest.raises(
        BadInput, match=r"subs.csv: line 2, column 'sub', 's1' stands again in .*3,"
    ):
        rows_of(several, "event_id", {"usage.csv": USAGE, "subs.csv": SUBS})
    clash = VISITS | {"join": {"subs": JOIN | {"columns": {"sub": "acc"}}}}
    with pytest.raises(BadParams, match=r"sources.s.join.subs.columns: sub is a column already"):
        rows_of(clash, "event_id", {"usage.csv": USAGE, "subs.csv": SUBS})
    twice = "sub,acc,plan\ns1,k1,basic\ns1,k1,basic\n"
    events, _ = rows_of(several, "customer_id topic", {"usage.csv": USAGE, "subs.csv": twice})
    assert events == [("k1", "basic"), ("k1", "basic")]


def test_formats_in_order_signs_thousands_nulls_and_lines_above(rows_of: Rows) -> None:
    text = (
        "Report of May\n\nid;who;day;paid\n1;k;01/02/2024;$1,234.50\n2;k;2024-02-03;-$5.00\n"
        "3;k;2024-02-04;N/A\n4;k;2024-02-04;12,34\n5;k;2024-02-04;€5\n6;k;2024-02-04;12,34,567\n"
    )
    source = LINES | {
        "skip_lines": 2,
        "delimiter": ";",
        "nulls": ["N/A"],
        "format": {"date": ["%d/%m/%Y", "%Y-%m-%d"], "thousands": ",", "sign": "$"},
        "events": [PURCHASE | {"kind": "payment"}],
    }
    events, rejects = rows_of(source, "occurred_at amount", {"p.csv": text})
    days = [dt.datetime(2024, 2, day, tzinfo=dt.UTC) for day in (1, 3, 4, 4)]
    plus, minus, lakhs = money("1234.5", "-5", "1234567")
    assert events == list(zip(days, [plus, minus, None, lakhs], strict=True))
    assert rejects == [(7, "paid", "not_decimal"), (8, "paid", "not_decimal")]


def test_a_log_of_states_gives_the_moments_at_which_one_begins(rows_of: Rows) -> None:
    text = (
        "id,case,who,state,day\n1,A,k,open,2024-01-01\n2,A,k,Solved,2024-01-02\n"
        "3,A,k,Closed,2024-01-03\n5,A,k,Closed,2024-01-05\n4,A,k,open,2024-01-04\n"
        "6,B,k,Closed,2024-01-05\n"
    )
    resolution = {
        "kind": "resolution",
        "customer_id": "who",
        "case_id": "case",
        "occurred_at": "day",
        "changes": {"column": "state", "to": ["Solved", "Closed"]},
    }
    source = LINES | {"types": {"day": "date"}, "events": [resolution]}
    events, _ = rows_of(source, "event_id case_id", {"log.csv": text})
    assert events == [("s:resolution:2", "A"), ("s:resolution:5", "A"), ("s:resolution:6", "B")]


def zipped(path: Path) -> None:
    with zipfile.ZipFile(path, "w") as archive:
        archive.writestr("__MACOSX/._x.csv", "")
        archive.writestr("in/x.csv", "id,who,day,paid\n1,k,2024-01-01,5\n")


def packed(path: Path) -> None:
    path.write_bytes(gzip.compress(b"id\twho\tday\tpaid\n1\tk\t2024-01-01\t5\n"))


def workbook(path: Path) -> None:
    book = openpyxl.Workbook()
    sheet = book.create_sheet("Orders")
    for row in (
        ["of May"],
        ["id", "who", "day", "paid"],
        [1, "k", dt.date(2024, 1, 1), 5.5],
        [],
        [2, "k", dt.date(2024, 1, 2), 7, "stray"],
    ):
        sheet.append(row)
    book.save(path)


def test_archives_and_workbooks(rows_of: Rows) -> None:
    five, more = money("5", "5.5")
    assert rows_of(LINES, "event_id amount", {"x.zip": zipped}) == ([("s:purchase:1", five)], [])
    assert rows_of(LINES, "event_id amount", {"x.tsv.gz": packed}) == ([("s:purchase:1", five)], [])
    sheet = LINES | {
        "sheet": "Orders",
        "skip_lines": 1,
        "format": {"date": ["%Y-%m-%d", "%Y-%m-%d %H:%M:%S"]},
    }
    right = [("s:purchase:1", more)]
    assert rows_of(sheet, "event_id amount", {"x.xlsx": workbook}) == (
        right,
        [(5, "", "ragged_row")],
    )
    with pytest.raises(BadInput, match="several sheets; write sheet: one of Sheet, Orders"):
        rows_of(LINES, "event_id", {"x.xlsx": workbook})


def test_a_folder_of_months_whose_columns_changed(rows_of: Rows) -> None:
    months: dict[str, Content] = {
        "m/1.csv": "id,who,day,total\n1,k,2024-01-01,5\n",
        "m/2.csv": "id,who,day,paid,why\n2,k,2024-02-01,6,x\n",
    }
    source = LINES | {
        "path": "m",
        "earlier_names": {"paid": ["total"], "why": []},
        "events": [PURCHASE | {"topic": "why"}],
    }
    five, six = money("5", "6")
    assert rows_of(source, "amount topic", months) == ([(five, None), (six, "x")], [])
    copy: dict[str, Content] = {"m/2.xlsx": workbook}
    with pytest.raises(BadInput, match=r"m: holds 2.xlsx beside files of another form"):
        rows_of(source, "amount", copy)


def test_a_row_that_is_marked_as_deleted_is_withdrawn_from_then_on(rows_of: Rows) -> None:
    """Before it was marked it counted; marked at the moment it became known, it never counts."""
    marked = LINES | {
        "types": LINES["types"] | {"gone": "date"},
        "events": [PURCHASE | {"deleted_at": "gone"}],
    }
    text = "id,who,day,paid,gone\n1,a,2026-01-05,9,\n2,a,2026-01-06,8,2026-01-09\n"
    text += "3,b,2026-01-07,7,2026-01-07\n4,b,2026-01-08,6,soon\n"
    events, rejects = rows_of(marked, "event_id kind known_day occurred_day", {"s.csv": text})
    day = (dt.date(2026, 1, 1) - dt.date(1970, 1, 1)).days
    assert sorted(events) == [
        ("s:purchase:1", "purchase", day + 4, day + 4),
        ("s:purchase:2", "purchase", day + 5, day + 5),
        ("s:purchase:2", "withdrawn", day + 8, day + 5),
        ("s:purchase:3", "purchase", day + 6, day + 6),
        ("s:purchase:3", "withdrawn", day + 6, day + 6),
    ]
    assert rejects == [(5, "gone", "not_date")]
    moments, _ = rows_of(marked, "event_id kind known_at", {"s.csv": text})
    moment_of = {(event, kind): moment for event, kind, moment in moments}
    assert moment_of["s:purchase:3", "purchase"] < moment_of["s:purchase:3", "withdrawn"]
