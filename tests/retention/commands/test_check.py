"""`retention check`: every mistake is reported with what to do, and nothing is changed."""

import datetime as dt
import gzip
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

from retention.commands import check
from retention.commands.check import enough_data
from retention.commands.check.findings import similar_names
from retention.core import artefacts
from retention.core.params import ColumnType
from retention.core.storage import atomic
from retention.sources.rule_messages import RULE_MESSAGES
from tests.support import documents

HEADER = "receipt,customer_id,sold_at,qty,price,note\n"
Tree = dict[str, tuple[int, bytes]]


def row(
    number: int,
    customer: str = "",
    day: int | None = None,
    clock: str = "12:30:00",
    qty: str = "2",
    price: str = "3.50",
) -> str:
    sold = dt.date(2026, 1, 1) + dt.timedelta(days=number if day is None else day)
    return f"R{number},{customer or f'c{number % 20}'},{sold} {clock},{qty},{price},a note\n"


def csv(*more: str, rows: int = 200) -> str:
    return HEADER + "".join(row(number) for number in range(rows)) + "".join(more)


def params_with(**changes: Any) -> dict[str, Any]:
    """A sound params.yaml; `a__b=x` changes one key, and None removes it."""
    params: dict[str, Any] = {
        "company": "Mill Lane Bakery",
        "as_of": "2026-07-20",
        "time_zone": "Europe/London",
        "currency": "GBP",
        "sources": {
            "sales": {
                "path": "data/raw/sales.csv",
                "key": ["receipt"],
                "types": {"qty": "integer", "price": "decimal", "sold_at": "timestamp"},
                "format": {"time": "%Y-%m-%d %H:%M:%S"},
                "events": [
                    {
                        "kind": "purchase",
                        "where": "qty > 0",
                        "customer_id": "customer_id",
                        "occurred_at": "sold_at",
                        "amount": "qty * price",
                    }
                ],
            }
        },
        "labels": {
            "churn": {"rule": "silence", "active_days": 30, "horizon_days": 28},
            "value": {"horizon_days": 28},
        },
    }
    for path, value in changes.items():
        *above, last = path.split("__")
        place: Any = params
        for step in above:
            place = place[int(step)] if isinstance(place, list) else place[step]
        if value is None and last in place:
            del place[last]
        else:
            place[last] = value
    return params


Look = Callable[..., list[tuple[str, str]]]


@pytest.fixture
def look(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, snapshot_of: Callable[[Path], Tree]
) -> Look:
    """look(raw, code, **changes): level and text of all findings; check must exit with `code`.

    labelled: whether the customers are labelled.
    """

    def looked(
        raw: str | bytes, code: int, labelled: bool = False, **changes: Any
    ) -> list[tuple[str, str]]:
        monkeypatch.chdir(tmp_path)
        if not labelled:  # which takes longer than all else
            monkeypatch.setattr(enough_data, "known_labels", lambda *_: None)
        place = tmp_path / "data/raw/sales.csv"
        place.parent.mkdir(parents=True, exist_ok=True)
        place.write_bytes(raw if isinstance(raw, bytes) else raw.encode())
        text = yaml.safe_dump(params_with(**changes), sort_keys=False)
        (tmp_path / "params.yaml").write_text(text)
        before = snapshot_of(tmp_path)
        groups = check.check()
        assert snapshot_of(tmp_path) == before
        findings = [
            (finding.level, f"{group.title}: {finding.meaning}")
            for group in groups
            for finding in group.findings
        ]
        assert check.exit_code(groups) == code, findings
        return findings

    return looked


def only_finding(findings: list[tuple[str, str]], level: str, *parts: str) -> str:
    """The only finding of a level that contains all the parts."""
    texts = [
        text
        for finding_level, text in findings
        if finding_level == level and all(part in text for part in parts)
    ]
    assert len(texts) == 1, findings
    return texts[0]


def levels(findings: list[tuple[str, str]]) -> set[str]:
    return {level for level, _ in findings}


def test_a_sound_company_has_nothing_wrong(look: Look) -> None:
    findings = look(csv(), 0)
    assert levels(findings) == {"ok"}
    only_finding(findings, "ok", "200 rows: 200 purchase (2026-01-01 to 2026-07-19)")
    only_finding(findings, "ok", "snapshots to learn from")


def test_the_verdict_counts() -> None:
    group = check.FindingGroup("x")
    assert check.verdict([group]) == "Nothing is wrong; run make repro."
    group.doubt("a")
    assert check.verdict([group]) == "1 doubt, no errors; read them, then run make repro."
    group.error("b")
    group.error("c", check.PARAMS)
    assert check.verdict([group]) == "2 errors, 1 doubt; mend the errors first."
    assert check.exit_code([group]) == 2


# --- params.yaml


def test_every_wrong_key_is_reported_and_the_data_as_well(look: Look) -> None:
    findings = look(
        csv(row(900, qty="two")), 2, curency="x", time_zone="Mars", labels__churn__horizon=3
    )
    only_finding(findings, "error", "curency: unknown key (nearest: currency")
    only_finding(findings, "error", "time_zone: no such time zone")
    only_finding(findings, "error", "labels.churn.horizon: unknown key (nearest: horizon_days)")
    only_finding(
        findings, "doubt", "line 202, column 'qty', 'tw'… (3 characters) is not a whole number"
    )


def test_old_keys_are_doubts_that_name_the_new_ones(look: Look) -> None:
    play = {"name": "call", "does": "Call", "saves": 0.2}
    findings = look(csv(), 0, policy={"lasts": 2.0, "playbook": [play]})
    only_finding(findings, "doubt", "policy.lasts", "write retained_windows")
    only_finding(findings, "doubt", "policy.playbook.0.saves", "write save_rate")


def test_an_old_key_beside_the_new_one_is_an_error(look: Look) -> None:
    findings = look(
        csv("R300,c1,2026-03-01 10:00:00,two,1,x\n"),
        2,
        train={"treated": "drop", "treated_rows": "keep"},
    )
    only_finding(findings, "error", "train.treated", "old name of treated_rows", "remove treated")
    only_finding(findings, "doubt", "line 202, column 'qty'")


def test_a_source_that_is_no_source_does_not_hide_the_others(look: Look) -> None:
    sales = params_with()["sources"]["sales"]
    broken = {"path": "data/raw/sales.csv", "events": sales["events"]}
    findings = look(csv(), 2, sources__tickets=broken)
    only_finding(findings, "error", "sources.tickets.key: missing")
    only_finding(findings, "ok", "sources.sales: 200 rows")


@pytest.mark.parametrize("text", ["[", "just words", ""])
def test_a_text_that_is_no_yaml_is_one_error(
    text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "params.yaml").write_text(text)
    groups = check.check()
    assert check.exit_code(groups) == 2
    assert [finding.level for group in groups for finding in group.findings] == ["error"]


def test_params_that_are_not_there(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (group,) = check.check()
    assert "no such file; copy one from examples/" in group.findings[0].meaning


def test_an_example_that_the_sources_do_not_read(look: Look) -> None:
    findings = look(csv(), 0, example="grocer")
    only_finding(
        findings, "doubt", "example: grocer is written though sources.sales reads", "example: null"
    )


def test_an_example_that_is_not_written_yet(look: Look) -> None:
    findings = look(
        csv(), 0, example="grocer", sources__sales__path="data/example/grocer/transactions.csv"
    )
    only_finding(findings, "ok", "not there yet; make repro writes it")


def test_data_of_ones_own_in_the_folder_that_is_emptied(look: Look) -> None:
    findings = look(csv(), 2, sources__sales__path="data/example/sales.csv")
    only_finding(findings, "error", "dvc repro empties data/example/", "move the file to data/raw/")


def test_a_last_day_that_is_still_to_come(look: Look) -> None:
    """One wrong date, or ends announced for later, would make of all before them silence."""
    coming = dt.date.today() + dt.timedelta(days=400)  # noqa: DTZ011
    late = f"R900,c1,{coming} 12:00:00,1,1,x\n"
    doubt = only_finding(look(csv(late), 0, as_of=None), "doubt", "as_of: null follows")
    assert f"know of purchase, {coming}, which is not over on" in doubt
    findings = look(csv(late.replace(str(coming), "9999-12-31")), 3, as_of=None)
    only_finding(findings, "error", "dated 9999-12-31, which means never", "write as_of")
    assert "not over" not in str(look(csv(), 0, as_of=None))


@pytest.mark.parametrize(
    ("sql", "factor", "level", "message"),
    [
        ("epoch_ms(sold_at)", 1, "doubt", "all first times fall in 1970"),
        ("to_timestamp(sold_at)", 1000, "error", "beyond the years 1 to 9999"),
        ("epoch_ms(sold_at)", 1_000_000, "error", "to_timestamp takes seconds"),
        ("to_timestamp(sold_at)", 1, "", ""),
    ],
)
def test_a_count_since_1970_in_another_unit(
    look: Look, sql: str, factor: int, level: str, message: str
) -> None:
    rows = (f"R{i},c{i % 20},{(1767261600 + i * 86400) * factor},1,1,x\n" for i in range(200))
    event = params_with()["sources"]["sales"]["events"][0] | {"occurred_at": sql}
    types = {"qty": "integer", "price": "decimal", "sold_at": "integer"}
    code = 3 if level == "error" else 0
    findings = look(
        HEADER + "".join(rows),
        code,
        as_of=None,
        sources__sales__types=types,
        sources__sales__format={},
        sources__sales__events=[event],
    )
    if level:
        only_finding(findings, level, message)
    else:
        assert levels(findings) == {"ok"}


# --- files


def test_a_file_that_is_not_there(look: Look) -> None:
    findings = look(csv(), 3, sources__sales__path="data/raw/sale.csv")
    only_finding(
        findings, "error", "no such file; nearest: sales.csv; write path: data/raw/sales.csv"
    )
    findings = look(csv(), 3, sources__sales__path="data/rw/sales.csv")
    only_finding(findings, "error", "there is no folder data/rw")


@pytest.mark.parametrize(
    ("raw", "message"),
    [
        ("", "0 rows; the file is empty"),
        (HEADER, "0 rows; the export is empty"),
        (csv().replace("note", "qty", 1), "column 'qty' twice, at positions 4 and 6; rename one"),
        (csv().encode().replace(b"a note", b"caf\xe9", 1), "line 2, byte offset"),
        (csv().encode("utf-16"), "UTF-16 text"),
        (csv() + '"', "no newline at the end"),
        (csv('R9,c9,2026-01-01 12:00:00,1,1,"open\n', row(999)), "line 202 opens a quote"),
        (csv().replace("\n", "\r\n", 5), "CRLF and LF mixed"),
    ],
)
def test_a_file_that_cannot_be_trusted(look: Look, raw: str | bytes, message: str) -> None:
    only_finding(look(raw, 3), "error", "data/raw/sales.csv", message)


def test_a_long_file_is_read_no_further_than_its_head(look: Look) -> None:
    long = csv(rows=1500) + "not,a,row\n" + "unfinished"
    findings = look(long, 3, as_of=None)
    only_finding(findings, "error", "no newline at the end")
    only_finding(findings, "error", "data/raw/sales.csv")
    findings = look(csv(rows=1500) + "not,a,row\n", 0, as_of=None)
    only_finding(findings, "ok", "first 1,000 rows: 1,000 purchase")


def test_customers_of_whom_none_comes_twice_are_a_doubt(look: Look) -> None:
    lines = [row(i, f"o{i // 2}", day=i // 2 % 190) for i in range(2400)]  # orders of two lines
    doubt = only_finding(look(HEADER + "".join(lines), 0), "doubt", "hardly one came twice")
    assert "1,200 customers in 1,200 purchase times" in doubt
    assert "is customer_id the number of an order?" in doubt
    few = [row(i, f"c{i}", day=i) for i in range(60)]
    assert "came twice" not in str(
        look(HEADER + "".join(few), 0, as_of=None, labels__churn__active_days=5)
    )


def test_an_id_that_stands_in_another_file_is_offered_by_a_join(look: Look, tmp_path: Path) -> None:
    folder = tmp_path / "data/raw"
    folder.mkdir(parents=True)
    calls = "".join(f"u{i},R{i},2026-02-01\n" for i in range(50))
    (folder / "calls.csv").write_text(f"call,receipt,day\n{calls}")
    event = {"kind": "contact", "customer_id": "customer_id", "occurred_at": "day"}
    source = {
        "path": "data/raw/calls.csv",
        "key": ["call"],
        "types": {"day": "date"},
        "format": {"date": "%Y-%m-%d"},
        "events": [event],
    }
    error = only_finding(look(csv(), 3, sources__calls=source), "error", "customer_id")
    assert "data/raw/sales.csv has it and shares receipt with this file" in error
    assert "join: {sales: {path: data/raw/sales.csv, on: {receipt: receipt}" in error
    (folder / "calls.csv").write_text(f"call,receipt,day\n{calls.replace('R', 'X')}")
    error = only_finding(look(csv(), 3, sources__calls=source), "error", "customer_id")
    assert "join" not in error


def test_a_last_row_that_is_whole_without_a_newline_is_a_doubt(look: Look) -> None:
    whole = csv().replace(",a note\n", ",a note.\n").removesuffix("\n")
    only_finding(look(whole, 0), "doubt", "data/raw/sales.csv: no newline at the end; the last row")


def test_a_head_does_not_end_within_a_cell(look: Look) -> None:
    broken = row(1000).replace("a note", '"a\nnote"')
    text = csv(rows=999) + broken + csv(rows=2000).removeprefix(HEADER).replace("R", "S")
    only_finding(look(text, 0, as_of=None), "ok", "first 1,000 rows")


def test_a_value_of_another_type_far_below_the_first_rows(look: Look) -> None:
    lines = "".join(row(number, day=number % 190) for number in range(1300))
    few = row(2000, qty="2.5", day=1) + row(2001, price="€3", day=1)
    findings = look(HEADER + lines + few, 0)
    only_finding(findings, "doubt", "column 'qty' is not a whole number in 1 of all 1,302 rows")
    only_finding(findings, "doubt", "column 'price' is not a number")
    wrong_rows = "".join(row(number, qty="2.5", day=1) for number in range(2000, 2020))
    only_finding(
        look(HEADER + lines + wrong_rows, 3), "error", "'qty' is not a whole number in 20 of"
    )
    broken = look(HEADER + row(0, qty="x", day=1) + lines.replace("R0,", "R9999,"), 0)
    only_finding(broken, "doubt", "line 2, column 'qty'")
    assert "of all" not in str(broken)


@pytest.mark.parametrize(("hours", "is_cut"), [(range(9, 12), True), (range(9, 17), False)])
def test_a_last_day_that_breaks_off(look: Look, hours: range, is_cut: bool) -> None:
    """A shop that sells till five, exported before noon of its last day."""
    days = {day: range(9, 18) for day in range(60)} | {45: range(9, 17), 60: hours}
    lines = [
        row(100 * day + hour, customer=f"c{(day + hour) % 20}", day=day, clock=f"{hour:02}:30:00")
        for day, open_hours in days.items()
        for hour in open_hours
    ]
    churn = {"rule": "silence", "active_days": 10, "horizon_days": 10}
    labels = {"churn": churn, "value": {"horizon_days": 10}}
    findings = look(HEADER + "".join(lines), 0, as_of=None, labels=labels)
    texts = [text for _, text in findings if "may be cut" in text]
    assert bool(texts) == is_cut
    if is_cut:
        assert "the last purchase of 2026-03-02 is of 11:30" in texts[0]
        assert 'write as_of: "2026-03-02"' in texts[0]
    assert "may be cut" not in str(
        look(HEADER + "".join(lines), 0, labels=labels, as_of="2026-03-03")
    )


def test_archives_parquet_and_folders(look: Look, tmp_path: Path) -> None:
    folder = tmp_path / "data/raw/months"
    folder.mkdir(parents=True)
    (folder / "a.csv.gz").write_bytes(gzip.compress(csv(rows=100).encode()))
    (folder / "b.csv.gz").write_bytes(gzip.compress(csv(rows=90).encode())[:-30])
    table = pa.table(
        {
            "receipt": ["P1", "P2"],
            "customer_id": ["a", "b"],
            "qty": ["1", "2"],
            "price": ["1", "2"],
            "sold_at": ["2026-03-01 09:00:00"] * 2,
        }
    )
    pq.write_table(table, folder / "c.parquet")
    findings = look(csv(), 3, sources__sales__path="data/raw/months", as_of=None)
    only_finding(findings, "error", "data/raw/months/b.csv.gz: no whole gzip archive")
    (folder / "b.csv.gz").unlink()
    findings = look(csv(), 0, sources__sales__path="data/raw/months", as_of=None)
    only_finding(findings, "ok", "102 rows: 102 purchase")


# --- mappings

EVENT = "sources__sales__events__0__"


@pytest.mark.parametrize(
    ("column", "sql", "parts"),
    [
        (
            "customer_id",
            "cust",
            (
                "column 'cust' is not in the header; nearest: customer_id;"
                " write customer_id: customer_id",
            ),
        ),
        ("amount", "qty * prise", ("column 'prise'", "nearest: price; write amount: qty * price")),
        ("topic", "zzz", ("is not in the header, which has receipt, customer_id, sold_at, qty",)),
    ],
)
def test_a_wrong_mapping_names_the_column_the_nearest_and_the_fix(
    look: Look, column: str, sql: str, parts: tuple[str, ...]
) -> None:
    only_finding(look(csv(), 3, **{EVENT + column: sql}), "error", f"events[0].{column}:", *parts)


def test_several_mistakes_are_reported_at_once(look: Look) -> None:
    findings = look(
        csv(),
        2,
        **{
            EVENT + "customer_id": "cust",
            EVENT + "topic": "sum(qty)",
            EVENT + "channel": "(",
            "sources__sales__key": ["reciept"],
        },
    )
    only_finding(findings, "error", "column 'cust' is not in the header")
    only_finding(findings, "error", "'sum(qty)' calls sum; only scalar functions")
    only_finding(findings, "error", "events[0].channel: '(' is neither a column")
    only_finding(findings, "error", "nearest: receipt; write key: [receipt]")


def test_numbers_and_times_that_are_text(look: Look) -> None:
    findings = look(csv(), 2, sources__sales__types={}, sources__sales__format={})
    only_finding(
        findings,
        "error",
        "events[0].where: 'qty > 0' does not work while qty is text",
        "write types: {qty: integer}",
    )
    only_finding(findings, "error", "'qty * price'", "write types: {price: decimal}")
    only_finding(
        findings, "error", "'sold_at'", "types: {sold_at: timestamp}", '"%Y-%m-%d %H:%M:%S"'
    )


def test_a_type_for_a_column_that_is_not_there(look: Look) -> None:
    findings = look(csv(), 0, sources__sales__types__qyt="integer")
    only_finding(findings, "doubt", "types: column 'qyt' is not in the header; nearest: qty")


def test_a_customer_id_that_is_a_number_in_sql_is_refused_as_ingest_does(look: Look) -> None:
    findings = look(csv(), 2, **{EVENT + "occurred_at": "qty"})
    only_finding(findings, "error", "events[0].occurred_at: a time is needed, this is BIGINT")


# --- times


def days(*written: str) -> str:
    rows = (f"R{i},c{i},{finding},1,2,x\n" for i, finding in enumerate(written * 20))
    return HEADER + "".join(rows)


DATED = {"sources__sales__types__sold_at": "date"}


@pytest.mark.parametrize(
    ("written", "form", "parts"),
    [
        (
            ("22/11/2025", "03/04/2026"),
            {},
            ("a date needs format.date", "99/99/9999", 'write format: {date: "%d/%m/%Y"}'),
        ),
        (
            ("03/04/2026", "05/12/2026"),
            {},
            (
                "ambiguous, 03/04 could be March or April",
                '"%d/%m/%Y"} if the day comes first, "%m/%d/%Y"',
            ),
        ),
        (
            ("2026-04-03 10:00", "2026-04-04 11:00"),
            {},
            ("types: {sold_at: timestamp}", '{time: "%Y-%m-%d %H:%M"}'),
        ),
        (("3. Apr", "4. Apr"), {}, ("looks like 9. aaa", "%Y (2026)")),
        (("2026-04-03",), {"date": "%Y%Q"}, ("format.date: %Q is not known",)),
    ],
)
def test_times_without_a_format(
    look: Look, written: tuple[str, ...], form: dict[str, str], parts: tuple[str, ...]
) -> None:
    findings = look(days(*written), 2, as_of=None, sources__sales__format=form, **DATED)
    texts = " ".join(text for level, text in findings if level == "error")
    assert all(part in texts for part in parts), texts
    assert "2026-04" not in texts


def test_a_format_that_does_not_fit(look: Look) -> None:
    form = {"date": "%Y-%m-%d"}
    text = days("22.11.2025") + "R99,c99,22.03.2026,1,2,x\n"
    findings = look(text, 3, as_of=None, sources__sales__format=form, **DATED)
    only_finding(
        findings,
        "error",
        "'%Y-%m-%d' does not fit 21 of the first 21 values of sold_at",
        '99.99.9999; write format: {date: "%d.%m.%Y"}',
    )


def test_two_columns_written_differently(look: Look) -> None:
    text = "receipt,customer_id,sold_at,qty,price,seen\n" + "".join(
        f"R{i},c{i},2026-02-03,1,2,13/02/2026\n" for i in range(9)
    )
    types = {"qty": "integer", "price": "decimal", "sold_at": "date", "seen": "date"}
    findings = look(
        text,
        2,
        as_of=None,
        sources__sales__types=types,
        sources__sales__format={},
        **{EVENT + "known_at": "seen"},
    )
    only_finding(
        findings, "error", "written differently", "leave seen out", "strptime(seen, '%d/%m/%Y')"
    )


def test_times_that_fall_at_night(look: Look) -> None:
    at_night = csv().replace("12:30:00", "03:30:00")
    doubt = only_finding(
        look(at_night, 0), "doubt", "fall between 0 and 6 o'clock in Europe/London"
    )
    assert "time_zone: UTC" in doubt
    assert "doubt" not in levels(look(at_night, 0, sources__sales__time_zone="America/New_York"))


# --- rows


@pytest.mark.parametrize(
    ("bad", "parts"),
    [
        (row(900, price="€1"), ("column 'price'", "is not a number as 1234.56", "line 202")),
        (row(900, price="-1"), ("is a purchase below zero", "kind: return")),
        (row(900, customer="\u00a0"), ("is blank, so nobody's",)),
        (row(900).replace("R900", ""), ("is blank, but part of the key",)),
        (row(900, clock="25:00:00"), ("is not a time in the format given",)),
        ("R900,c1\n", ("has more or fewer cells than the header",)),
        (row(900), ("on or after as_of",)),
    ],
)
def test_a_bad_row_is_a_doubt(look: Look, bad: str, parts: tuple[str, ...]) -> None:
    doubt = only_finding(look(csv(bad), 0), "doubt", "data/raw/sales.csv: line 202", *parts)
    assert "or lose the row" in doubt


def test_too_many_bad_rows_are_an_error(look: Look) -> None:
    bad = row(900, price="€1")
    only_finding(
        look(csv(*[bad] * 9), 3),
        "error",
        "9 of the 209 rows, also on line 203, 204, 205, ...",
        "is not a number",
    )


def test_values_are_masked(look: Look) -> None:
    findings = look(csv(row(900, price="secret value")), 0)
    assert "secret" not in str(findings)
    only_finding(findings, "doubt", "'se'… (12 characters)")


def test_a_key_that_is_not_unique(look: Look) -> None:
    findings = look(csv(), 3, sources__sales__key=["customer_id"])
    only_finding(
        findings,
        "error",
        "key [customer_id] stands more than once 20 times, first on lines 2 and"
        " 22, the rows differing",
        "write key: [customer_id, receipt]",
    )


def test_a_key_that_repeats_far_below_is_an_error(look: Look) -> None:
    lines = [row(number, day=number % 190) for number in range(1400)]
    again = [row(number, day=number % 190, price="9.00") for number in range(1200, 1300)]
    error = only_finding(look(HEADER + "".join([*lines, *again]), 3), "error", "different content")
    assert "data/raw/sales.csv: lines 1202 and 1402 have one key (receipt)" in error
    assert "the first of 100 such keys; 100 of their rows would not count" in error
    few = look(HEADER + "".join([*lines, *again[:1]]), 0)
    assert "the first of 1 such keys" in only_finding(few, "doubt", "different content")
    assert "ok" in levels(look(HEADER + "".join([*lines, lines[1200]]), 0))


def test_equal_rows_count_once(look: Look) -> None:
    doubt = only_finding(look(csv(row(3), row(4)), 0), "doubt", "stands more than once 2 times")
    assert "they count once" in doubt
    assert "key: row_number" in doubt


def test_a_key_that_repeats_in_another_file_is_an_error(look: Look, tmp_path: Path) -> None:
    folder = tmp_path / "data/raw/months"
    folder.mkdir(parents=True)
    place = {"sources__sales__path": "data/raw/months"}
    for rows in (200, 1200):
        (folder / "a.csv").write_text(csv(rows=rows))
        (folder / "b.csv").write_text(csv(rows=rows))
        assert "error" not in levels(look(csv(), 0, **place, as_of=None))
        again = "".join(
            row(number, customer=f"d{number}", day=number + 1) for number in range(rows)
        )
        (folder / "b.csv").write_text(HEADER + again)
        error = only_finding(look(csv(), 3, **place, as_of=None), "error", "have one key (receipt)")
        assert "data/raw/months/a.csv: line 2 and data/raw/months/b.csv: line 2" in error


def test_a_key_of_row_numbers_is_mentioned(look: Look) -> None:
    only_finding(
        look(csv(), 0, sources__sales__key="row_number"), "ok", "exported twice counts twice"
    )


def test_ids_that_differ_only_in_case_or_space(look: Look) -> None:
    findings = look(csv(row(900, "C7", day=9), row(901, "c7 ", day=9)), 0)
    only_finding(
        findings, "doubt", "1 group of ids differ only in how they are written", "lower(trim(...))"
    )


def test_a_where_that_nothing_meets(look: Look) -> None:
    findings = look(csv(), 0, **{EVENT + "where": "qty > 99"})
    only_finding(findings, "doubt", "none of the 200 rows became a purchase; look at its where:")


# --- doubtful histories


def test_rows_that_are_not_as_expected(look: Look) -> None:
    findings = look(csv(), 0, sources__sales__expect={"few": "qty < 2", "noted": "note <> ''"})
    doubt = only_finding(
        findings, "doubt", "expect.few: 200 of the 200 rows (100.0% of those accepted)"
    )
    assert "'qty < 2' says, first data/raw/sales.csv: line 2; they count all the same" in doubt


def test_an_expectation_of_a_missing_column(look: Look) -> None:
    wrong = {"few": "qtty < 2", "many": "sum(qty) > 1", "three": "qty + 1", "odd": "price % 2 = 1"}
    types = {"qty": "integer", "sold_at": "timestamp"}
    sound = {EVENT + "amount": None}
    findings = look(csv(), 2, sources__sales__expect=wrong, sources__sales__types=types, **sound)
    only_finding(
        findings, "error", "expect.few: column 'qtty' is not in", "nearest: qty; write few: qty < 2"
    )
    only_finding(findings, "error", "expect.many: 'sum(qty) > 1' calls sum")
    only_finding(findings, "error", "expect.three: write a condition; this is BIGINT")
    only_finding(
        findings,
        "error",
        "expect.odd: 'price % 2 = 1' does not work while price is text",
        "write types: {price: decimal}",
    )


def test_a_long_file_is_judged_by_the_last_run(look: Look, tmp_path: Path) -> None:
    few = {"rows": 70, "share": 0.05, "first": "data/raw/sales.csv: line 1402"}
    summary = documents.ingest_summary(read=1500, doubtful={"few": few, "gone": few})
    artefacts.ingest_summary("sales").under(tmp_path).write(summary)
    findings = look(csv(rows=1500), 0, as_of=None, sources__sales__expect={"few": "qty = 2"})
    only_finding(
        findings, "doubt", "expect.few: 70 of the 1,500 rows of the last run (5.0%", "line 1402"
    )
    assert "gone" not in str(findings)


def test_lifecycle_violations_are_doubts(look: Look) -> None:
    started = {
        "kind": "start",
        "where": "receipt = 'R40'",
        "customer_id": "customer_id",
        "occurred_at": "sold_at",
        "contract_id": "receipt",
    }
    events = [*params_with()["sources"]["sales"]["events"], started]
    findings = look(csv(), 0, sources__sales__events=events, sources__sales__known_after="12h")
    only_finding(
        findings,
        "doubt",
        "history: sales: 2 of 201 events (1 customer, 5.0%",
        "before the customer",
    )
    only_finding(findings, "doubt", "history: 19 customers, 95.0% of all, with events but no start")
    only_finding(
        findings,
        "ok",
        "history: sales: 20 customers (100% of all), last day 2026-07-19, known"
        " 12.0 h after it happened (95% within 12.0 h",
    )
    only_finding(look(csv(), 0), "ok", "history: sales: ", "known at once")


# --- customers


def people(*rows: str) -> str:
    return "id,full_name,joined\n" + "".join(rows)


@pytest.mark.parametrize(
    ("text", "changes", "code", "level", "parts"),
    [
        (people("c1,Ann,2026-01-02\n"), {}, 0, "ok", ("1 row: 1 customer",)),
        (
            people("c1,Ann,\n", "c1,Bo,\n"),
            {},
            3,
            "error",
            (
                "line 2",
                "stands again in",
            ),
        ),
        (
            people("c1,Ann,\n"),
            {"name": "name"},
            3,
            "error",
            ("columns.name: column 'name'", "nearest: full_name; write name: full_name"),
        ),
        (
            people("c1,Ann,2026-01-02\n"),
            {"joined_at": "joined"},
            2,
            "error",
            ("types: {joined: date}", '{date: "%Y-%m-%d"}'),
        ),
        (people("x1,Ann,\n"), {}, 0, "doubt", ("none of its ids stands in the sources",)),
    ],
)
def test_customers(
    look: Look,
    tmp_path: Path,
    text: str,
    changes: dict[str, str],
    code: int,
    level: str,
    parts: tuple[str, ...],
) -> None:
    place = tmp_path / "data/raw/people.csv"
    place.parent.mkdir(parents=True)
    place.write_text(text)
    columns = {"customer_id": "id"} | changes
    findings = look(csv(), code, customers={"path": "data/raw/people.csv", "columns": columns})
    only_finding(findings, level, "customers: ", *parts)


def test_customers_whose_id_is_sql(look: Look, tmp_path: Path) -> None:
    folder = tmp_path / "data/raw"
    folder.mkdir(parents=True)
    (folder / "people.csv").write_text("id\n C1 \n")
    file = {"path": "data/raw/people.csv", "columns": {"customer_id": "lower(trim(id))"}}
    only_finding(look(csv(), 0, customers=file), "ok", "customers: 1 row: 1 customer")
    file["columns"] = {"customer_id": "lower(trim(idd))"}
    error = only_finding(look(csv(), 3, customers=file), "error", "customers: ", "nearest: id")
    assert "write customer_id: lower(trim(id))" in error


def test_customers_where_dvc_does_not_look(look: Look, tmp_path: Path) -> None:
    (tmp_path / "people.csv").write_text(people("c1,Ann,\n"))
    findings = look(csv(), 0, customers={"path": "people.csv", "columns": {"customer_id": "id"}})
    only_finding(findings, "doubt", "customers.path: people.csv lies outside data/raw/")


# --- the scorecard


@pytest.mark.parametrize(
    ("text", "columns", "code", "level", "parts"),
    [
        ("id,crew\nann,a\nbob,a\n", {}, 0, "ok", ("2 agents",)),
        (
            "id,crew\nann,a\n",
            {"team": "crews"},
            3,
            "error",
            ("columns.team: column 'crews'", "nearest: crew; write team: crew"),
        ),
        ("id,crew\nann,a\nbob\n", {}, 3, "error", ("raw/staff.csv: line 3: ragged_row",)),
        (
            "id,crew\nann,a\nann,b\n",
            {},
            3,
            "error",
            ("data/raw/staff.csv: line 3: agent ann stands twice",),
        ),
        (None, {}, 3, "error", ("data/raw/staff.csv: no such file; nearest: sales.csv",)),
    ],
)
def test_the_file_of_the_staff(
    look: Look,
    tmp_path: Path,
    text: str | None,
    columns: dict[str, str],
    code: int,
    level: str,
    parts: tuple[str, ...],
) -> None:
    place = tmp_path / "data/raw/staff.csv"
    place.parent.mkdir(parents=True)
    if text:
        place.write_text(text)
    staff_file = {"path": "data/raw/staff.csv", "columns": {"agent_id": "id"} | columns}
    findings = look(csv(), code, scorecard={"staff": staff_file})
    only_finding(findings, level, "scorecard.staff: ", *parts)


def test_a_target_of_an_unknown_metric(look: Look) -> None:
    findings = look(csv(), 2, scorecard={"targets": {"on_tme": 0.9, "zzz": 1.0, "rework": None}})
    only_finding(findings, "error", "scorecard.targets.on_tme: no such measure; nearest: on_time")
    only_finding(
        findings, "error", "scorecard.targets.zzz: no such measure; nearest: answered_in_time, "
    )
    assert not [text for _, text in findings if "rework: no" in text]


def test_measures_are_looked_up_only_where_a_target_is_set() -> None:
    lean = "import sys, retention.commands.check; sys.exit('pandas' in sys.modules)"
    assert not subprocess.run([sys.executable, "-c", lean], check=False).returncode


# --- labels and the calendar


def test_kinds_that_no_mapping_emits(look: Look) -> None:
    findings = look(
        csv(), 2, labels__churn__kinds=["purchases"], labels__value__cost_kinds=["contact"]
    )
    only_finding(findings, "error", "churn.kinds: no mapping emits 'purchases'; nearest: purchase")
    only_finding(findings, "doubt", "value.cost_kinds: no mapping emits 'contact'")
    assert "'return'" not in str(findings)


def test_a_contract_label_needs_contracts(look: Look) -> None:
    findings = look(csv(), 2, labels__churn__rule="cancel", **{EVENT + "kind": "start"})
    only_finding(findings, "error", "no mapping emits 'cancel'")


def test_contracts_are_named_by_all_their_mappings_or_by_none(look: Look) -> None:
    start = {
        "kind": "start",
        "where": "receipt = 'R40'",
        "customer_id": "customer_id",
        "occurred_at": "sold_at",
    }
    cancel = start | {"kind": "cancel", "where": "receipt = 'R41'"}
    bought = params_with()["sources"]["sales"]["events"]
    named = cancel | {"contract_id": "receipt"}
    rule = {"labels__churn__rule": "cancel"}
    findings = look(csv(), 2, sources__sales__events=[*bought, start, named], **rule)
    only_finding(
        findings, "error", "kind start is mapped without contract_id, which others have", "in none"
    )
    findings = look(csv(), 0, sources__sales__events=[*bought, start, cancel], **rule)
    assert "contract_id" not in str(findings)


def test_value_without_amounts(look: Look) -> None:
    findings = look(csv(), 0, **{EVENT + "amount": None})
    only_finding(findings, "doubt", "purchase is mapped without amount, so it is worth nothing")


@pytest.mark.parametrize(
    ("as_of", "code", "level", "message"),
    [
        ("2027-07-20", 0, "doubt", "lies 365 days after the last day known, 2026-07-19"),
        ("2026-05-01", 0, "doubt", "leaves out 80 days of later events"),
        ("2025-12-01", 2, "error", "lies before the first event, of 2026-01-01"),
    ],
)
def test_as_of_beside_the_data(look: Look, as_of: str, code: int, level: str, message: str) -> None:
    names = {EVENT + "known_at": "sold_at"}
    only_finding(look(csv(), code, as_of=as_of, **names), level, f'as_of: "{as_of}"', message)


def test_as_of_beside_what_the_last_run_found(look: Look, tmp_path: Path) -> None:
    day = params_day("2026-07-19")
    kinds = {"rows": 9, "first_day": day - 199, "last_day": day, "last_known_day": day}
    source = {"rows": 9, "first_day": day - 199, "last_known_day": day, "kinds": ["purchase"]}
    summary = documents.events_summary({"purchase": kinds}, {"sales": source})
    artefacts.EVENTS_SUMMARY.under(tmp_path).write(summary)
    findings = look(csv(rows=1500), 0, as_of="2031-01-01")
    only_finding(findings, "doubt", "days after the last day known, 2026-07-19")


def params_day(text: str) -> int:
    return (dt.date.fromisoformat(text) - dt.date(1970, 1, 1)).days


def test_a_history_too_short_for_one_label(look: Look) -> None:
    findings = look(csv(), 0, labels__churn__active_days=180)
    only_finding(findings, "doubt", "200 days of history before as_of", "need 208")


def visits(customers: int, days: int, stay: int) -> str:
    """Customers who come every ten days, each one `stay` days longer than the one before."""
    first = 200 - days
    return HEADER + "".join(
        row(1000 * who + day, f"c{who}", first + day)
        for who in range(customers)
        for day in range(who % 10, min(days, 10 + stay * who), 10)
    )


@pytest.mark.parametrize(
    ("days", "min_churners", "parts"),
    [
        (50, 5, ["2 months of history, of no customer is it known yet", "evidence: history"]),
        (70, 5, ["48 customers active at 1 past snapshot, of whom 30 left", "evidence: customers"]),
        (70, 40, ["evidence: history", "2 months more and 22 customers more who stayed (at the"]),
        (199, 3, ["54 customers active at 5 past snapshots, of whom 50 left", "evidence: time"]),
        (199, 3, ["to within 23.7 points; four times the customers would halve that; in 6 months"]),
    ],
)
def test_whether_there_is_enough_data(
    look: Look, days: int, min_churners: int, parts: list[str]
) -> None:
    train = {"min_churners": min_churners}
    findings = look(visits(60, days, days // 50), 0, labelled=True, train=train)
    sentences = " ".join(text for _, text in findings if text.startswith("labels: "))
    assert [part for part in parts if part not in sentences] == [], sentences


def test_a_large_file_that_no_run_has_read_is_judged_by_its_days_alone(look: Look) -> None:
    history = "7 months of history, 20 customers"
    findings = look(csv(), 0, train={"min_churners": 10})
    only_finding(findings, "ok", f"{history}: if 10 or more of them left, models are weighted")
    findings = look(csv(), 0, train={"min_churners": 30})
    only_finding(findings, "ok", f"{history}, of whom 30 would have to leave: the chances follow")


def test_a_horizon_beyond_every_window(look: Look) -> None:
    findings = look(csv(), 0, features={"windows": [7, 14]})
    only_finding(
        findings, "doubt", "churn.horizon_days: 28, but the longest of features.windows is 14"
    )


# --- published lists


def test_a_published_list_that_was_changed(look: Look, tmp_path: Path) -> None:
    target = tmp_path / "lists/2026-01-01-0123456789ab"
    atomic.write_text(target / "manifest.json", "{}\n")
    findings = look(csv(), 3)
    only_finding(
        findings,
        "error",
        "published lists: ",
        "not a manifest any more",
        "restore it from a backup",
    )


# --- small parts


@pytest.mark.parametrize(
    ("name", "names", "first"),
    [
        ("cust", ["receipt", "customer_id"], "customer_id"),
        ("Prise", ["price", "qty"], "price"),
        ("qty_sold", ["qty", "price"], "qty"),
    ],
)
def test_the_nearest_name(name: str, names: list[str], first: str) -> None:
    assert similar_names(name, names)[0] == first
    assert similar_names("zzz", names) == []


def test_what_a_column_is_for_decides_between_near_names() -> None:
    assert similar_names("cust", ["qty", "account_id"], "customer_id") == ["account_id"]
    assert similar_names("account", ["account_id", "account_name"], "name")[0] == "account_name"


def test_a_finding_is_one_printable_line() -> None:
    group = check.FindingGroup("x")
    group.error("a\nb \x1b[31m c")
    assert group.findings[0].meaning == "a b ?[31m c"


def test_every_rule_of_ingest_has_words() -> None:
    rule_names = {
        "nul_byte",
        "huge_cell",
        "ragged_row",
        "stray_quote",
        "dst",
        "future_date",
        "unknown_currency",
        "control_character",
    }
    kinds = {f"not_{kind}" for kind in ColumnType.__args__ if kind != "text"}  # type: ignore[attr-defined]
    assert rule_names | kinds <= set(RULE_MESSAGES)


def test_too_few_rows_are_an_error(look: Look) -> None:
    findings = look(csv(), 3, sources__sales__rows_at_least=201)
    only_finding(findings, "error", "data/raw/sales.csv: 200 rows, fewer than rows_at_least says")
    assert levels(look(csv(), 0, sources__sales__rows_at_least=200)) == {"ok"}


def test_a_time_that_clocks_skip_is_an_error_until_dst_is_declared(look: Look) -> None:
    skipped = row(500, day=87, clock="01:30:00")  # 2026-03-29
    findings = look(csv(skipped), 3)
    only_finding(findings, "error", "line 202", "skip or repeat", "dst: earlier")
    assert levels(look(csv(skipped), 0, sources__sales__dst="later")) == {"ok"}


def test_another_currency_is_reported_with_what_to_do(look: Look) -> None:
    money = {"sources__sales__events__0__currency": "if(receipt = 'R7', 'EUR', 'GBP')"}
    only_finding(
        look(csv(), 0, **money), "doubt", "line 9", "not the company's currency", "conversion"
    )
    rated = {"ingest": {"conversion": {"EUR": 0.85}}}
    assert levels(look(csv(), 0, **money, **rated)) == {"ok"}


def test_a_missing_column_of_currencies_is_reported(look: Look) -> None:
    money = {"sources__sales__events__0__currency": "notes"}
    only_finding(
        look(csv(), 3, **money), "error", "column 'notes' is not in the header", "currency: note"
    )
