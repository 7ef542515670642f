"""When a row says that something happened: cases 35 to 38."""

import datetime as dt
from typing import Any

import pytest

from pipeline.ingest import Ingested
from tests.faults.exports import (
    HEADER,
    Till,
    export,
    ingest_file,
    reject_rules,
    row,
    rows,
    with_event,
)

LOADED = f"{HEADER},loaded"
TYPES = {"qty": "double", "price": "decimal", "sold_at": "timestamp", "loaded": "timestamp"}


def sale(sold: str, loaded: str, receipt: str) -> str:
    return f"{row(sold_at=sold, receipt=receipt)},{loaded}"


def times(done: Ingested) -> list[str]:
    """The moments of the events, in UTC."""
    return [
        time.astimezone(dt.UTC).isoformat()[:16] for time in done.events["occurred_at"].to_pylist()
    ]


def test_35_future_date() -> None:
    lines = [
        sale("2026-01-05 12:00:00", "2026-01-06 01:00:00", "R1"),
        sale("2026-01-05 12:00:00", "2026-01-05 00:00:00", "R2"),  # posted on the day itself
        sale("2026-01-05 12:00:00", "2026-01-04 23:59:59", "R3"),
    ]
    done = ingest_file(export(*lines, header=LOADED), types=TYPES, **with_event(known_at="loaded"))
    assert reject_rules(done) == [(4, "sold_at", "future_date")]
    assert (done.events["known_at"].to_numpy() >= done.events["occurred_at"].to_numpy()).all()


def test_35_future_date_after_as_of() -> None:
    days = {"R1": "2026-01-04 23:59:59", "R2": "2026-01-05 00:00:00", "R3": "2099-01-01 00:00:00"}
    lines = [row(receipt=name, sold_at=day) for name, day in days.items()]
    done = ingest_file(export(*lines), more={"as_of": "2026-01-05"})
    assert reject_rules(done) == [(3, "sold_at", "future_date"), (4, "sold_at", "future_date")]


GAP, OVERLAP = "2026-03-29 01:30:00", "2026-10-25 01:30:00"
ODD = export(row(sold_at=GAP), row(receipt="R2", sold_at=OVERLAP), row(receipt="R3"))


@pytest.mark.parametrize("time", [GAP, OVERLAP])
def test_36_dst_gap(till: Till, time: str) -> None:
    """One among a thousand rows, so no share of rejects would show it."""
    spoilt = export(*rows(1000), row(receipt="odd", sold_at=time))
    till.assert_refused(
        spoilt,
        "data/raw/sales.csv: line 1002",
        "column 'sold_at'",
        "dst",
        "Europe/London",
        "write dst: earlier, later or reject at sources.sales",
        "time_zone",
    )


@pytest.mark.parametrize(
    ("policy", "expected"),
    [
        ("earlier", ["2026-03-29T00:30", "2026-10-25T00:30"]),
        ("later", ["2026-03-29T01:30", "2026-10-25T01:30"]),
        ("reject", []),
    ],
)
def test_36_dst_gap_by_the_declared_policy(policy: str, expected: list[str]) -> None:
    done = ingest_file(ODD, dst=policy)
    assert times(done) == [*expected, "2026-01-05T12:00"]
    assert len(reject_rules(done)) == 2 - len(expected)


def test_36_dst_gap_is_none_in_another_zone() -> None:
    done = ingest_file(ODD, time_zone="UTC")
    assert times(done)[:2] == ["2026-03-29T01:30", "2026-10-25T01:30"]


def test_36_dst_gap_is_told_before_anything_runs(till: Till) -> None:
    till.put(export(*rows(300), row(receipt="odd", sold_at=GAP)))
    report = till.checkout.retention("check").stdout
    (line,) = [line for line in report.splitlines() if "skip or repeat" in line]
    assert line.split()[0] == "error"
    assert "line 302" in line


def test_37_mixed_offsets() -> None:
    written = ["+0200", "+02:00", "+00:00", "-05:30", "-01", "+0000"]
    lines = [
        row(receipt=f"R{i}", sold_at=f"2026-01-05 12:00:00{time}") for i, time in enumerate(written)
    ]
    done = ingest_file(export(*lines), format={"time": "%Y-%m-%d %H:%M:%S%z"})
    clocks = ["10:00", "10:00", "12:00", "17:30", "13:00", "12:00"]
    assert times(done) == [f"2026-01-05T{clock}" for clock in clocks]


def test_37_mixed_offsets_and_none() -> None:
    lines = [row(sold_at="2026-01-05 12:00:00+02:00"), row(receipt="R2")]
    done = ingest_file(export(*lines), format={"time": "%Y-%m-%d %H:%M:%S%z"})
    assert reject_rules(done) == [(3, "sold_at", "not_timestamp")]


@pytest.mark.parametrize(("kind", "option"), [("date", "date"), ("timestamp", "time")])
def test_38_ambiguous_date(till: Till, kind: str, option: str) -> None:
    types: dict[str, Any] = {"qty": "double", "price": "decimal", "sold_at": kind}
    till.assert_refused(
        export(row(sold_at="03/04/2026")),
        "sources.sales.types.sold_at",
        f"a {kind} needs format.{option}",
        "03/04 could be March or April",
        code=2,
        types=types,
        format={},
    )


@pytest.mark.parametrize(("form", "day"), [("%d/%m/%Y", "2026-04-03"), ("%m/%d/%Y", "2026-03-04")])
def test_38_ambiguous_date_with_a_format(form: str, day: str) -> None:
    types = {"qty": "double", "price": "decimal", "sold_at": "date"}
    done = ingest_file(
        export(row(sold_at="03/04/2026")), types=types, format={"date": form}, time_zone="UTC"
    )
    assert times(done) == [f"{day}T00:00"]
