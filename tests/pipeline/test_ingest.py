"""Stage `ingest`: strict types, times in their zone, and every row accounted for."""

import datetime as dt
import re
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import ingest
from retention.core import events
from retention.core.errors import BadInput, BadParams
from retention.core.params import Params
from retention.core.storage import atomic

SALES: dict[str, Any] = {
    "key": ["receipt"],
    "types": {"qty": "double", "price": "decimal", "sold_at": "timestamp"},
    "format": {"time": "%Y-%m-%d %H:%M:%S"},
    "dst": "reject",
    "events": [
        {
            "kind": "purchase",
            "where": "qty > 0",
            "customer_id": "cust",
            "occurred_at": "sold_at",
            "order_id": "receipt",
            "quantity": "qty",
            "amount": "qty * price",
        }
    ],
}
HEADER = "receipt,cust,sold_at,qty,price\n"


def make_params(path: Path, source: dict[str, Any], max_share: float = 1.0, **extra: Any) -> Params:
    return Params.model_validate(
        {
            "time_zone": "Europe/London",
            "currency": "GBP",
            "ingest": {"max_reject_share": max_share},
            "sources": {"sales": source | {"path": str(path)}},
            "labels": {"churn": {"rule": "silence"}},
        }
        | extra
    )


def run_ingest(
    folder: Path, text: str, source: dict[str, Any] = SALES, max_share: float = 1.0, **extra: Any
) -> ingest.Ingested:
    path = folder / "sales.csv"
    path.write_bytes(text.encode())
    return ingest.ingest(make_params(path, source, max_share, **extra), "sales")


def rejected(ingested: ingest.Ingested) -> list[tuple[Any, ...]]:
    return [(row["line"], row["column"], row["rule"]) for row in ingested.rejects.to_pylist()]


def test_a_row_becomes_an_event(tmp_path: Path) -> None:
    ingested = run_ingest(
        tmp_path, HEADER + "R1,007,2026-07-01 23:30:00,3,0.35\nR2,7,2026-01-01 00:00:00,0,1\n"
    )
    assert ingested.events.schema == events.EVENTS
    (event,) = ingested.events.to_pylist()
    assert {key: value for key, value in event.items() if value is not None} == {
        "event_id": "sales:purchase:R1",
        "customer_id": "007",
        "kind": "purchase",
        "occurred_at": dt.datetime(2026, 7, 1, 22, 30, tzinfo=dt.UTC),
        "known_at": dt.datetime(2026, 7, 1, 22, 30, tzinfo=dt.UTC),
        "amount": event["amount"],
        "quantity": 3.0,
        "order_id": "R1",
        "source": "sales",
        "occurred_day": 20635,
        "known_day": 20635,
        "occurred_minute": 29_715_750,
    }
    assert str(event["amount"]) == "1.0500"
    counts = ingested.summary.model_dump(include={"read", "accepted", "rejected", "unmapped"})
    assert counts == {"read": 2, "accepted": 1, "rejected": 0, "unmapped": 1}
    assert ingested.summary.kinds["purchase"].first_day == 20635


def test_bad_rows_are_rejected_with_their_line_column_and_rule(tmp_path: Path) -> None:
    expected = {
        "R1,,2026-01-01 00:00:00,1,1": ("cust", "blank_id"),
        "R1,\u00a0 ,2026-01-01 00:00:00,1,1": ("cust", "blank_id"),
        "R1,a\tb,2026-01-01 00:00:00,1,1": ("cust", "control_character"),
        ",a,2026-01-01 00:00:00,1,1": ("receipt", "blank_key"),
        "R1,a,,1,1": ("sold_at", "blank_time"),
        "R1,a,2026-02-30 00:00:00,1,1": ("sold_at", "not_timestamp"),
        "R1,a,infinity,1,1": ("sold_at", "not_timestamp"),
        "R1,a,26-01-01 00:00:00,1,1": ("sold_at", "not_timestamp"),
        "R1,a,2026-01-01 24:00:00,1,1": ("sold_at", "not_timestamp"),
        "R1,a,2026-03-29 01:30:00,1,1": ("sold_at", "dst"),
        "R1,a,2026-10-25 01:30:00,1,1": ("sold_at", "dst"),
        "R1,a,2026-01-01 00:00:00,1,-1": ("qty * price", "negative_amount"),
        "R1,a,2026-01-01 00:00:00,1,£12": ("price", "not_decimal"),
        'R1,a,2026-01-01 00:00:00,1,"12,5"': ("price", "not_decimal"),
        "R1,a,2026-01-01 00:00:00,1,1_000": ("price", "not_decimal"),
        "R1,a,2026-01-01 00:00:00,1,99999999999999999": ("price", "not_decimal"),
        "R1,a,2026-01-01 00:00:00,nan,1": ("qty", "not_double"),
        "R1,a,2026-01-01 00:00:00,inf,1": ("qty", "not_double"),
        "R1,a,2026-01-01 00:00:00,1e400,1": ("qty", "not_double"),
        "R1,a,2026-01-01 00:00:00,1e300,9": ("qty * price", "not_decimal"),
        "R1,a,2026-01-01 00:00:00,1": ("", "ragged_row"),
    }
    lines = ["R0,a,2026-01-01 00:00:00,1,1", *expected]
    ingested = run_ingest(tmp_path, HEADER + "".join(f"{line}\n" for line in lines))
    assert rejected(ingested) == [
        (number, *reason) for number, reason in enumerate(expected.values(), start=3)
    ]
    assert ingested.summary.accepted == 1


def test_decimals_are_exact_to_four_places(tmp_path: Path) -> None:
    amounts = {
        "12.34995": "12.3500",
        "-0": "0.0000",
        " 5. ": "5.0000",
        "1.5e-05": "0.0000",
        ".5": "0.5000",
        "99999999999999.9999": "99999999999999.9999",
    }
    source = SALES | {"events": [SALES["events"][0] | {"amount": "price"}]}
    rows = (f"R{i},a,2026-01-01 00:00:00,1,{price}\n" for i, price in enumerate(amounts))
    ingested = run_ingest(tmp_path, HEADER + "".join(rows), source)
    assert list(map(str, ingested.events["amount"])) == list(amounts.values())


def test_ids_stay_as_they_are(tmp_path: Path) -> None:
    ids = ["00123", "NA", "null", "1234567890123456789", " a ", "a:b\\"]
    rows = (f"R{i},{customer},2026-01-01 00:00:00,1,1\n" for i, customer in enumerate(ids))
    ingested = run_ingest(tmp_path, HEADER + "".join(rows))
    assert ingested.events["customer_id"].to_pylist() == ids


def test_event_ids_keep_different_keys_apart(tmp_path: Path) -> None:
    source = SALES | {"key": ["receipt", "cust"]}
    text = f"{HEADER}a:b,c,2026-01-01 00:00:00,1,1\na,b:c,2026-01-01 00:00:00,1,1\n"
    ingested = run_ingest(tmp_path, text, source)
    assert ingested.events["event_id"].to_pylist() == [
        "sales:purchase:a:b\\:c",
        "sales:purchase:a\\:b:c",
    ]


def test_a_row_number_is_the_file_and_its_line(tmp_path: Path) -> None:
    ingested = run_ingest(
        tmp_path, f"{HEADER}R1,a,2026-01-01 00:00:00,1,1\n", SALES | {"key": "row_number"}
    )
    assert ingested.events["event_id"][0].as_py().endswith("/sales.csv:2")


CASES: dict[str, Any] = {
    "key": ["case"],
    "types": {"opened": "date", "closed": "date"},
    "format": {"date": "%d/%m/%Y"},
    "events": [
        {"kind": "contact", "customer_id": "cust", "occurred_at": "opened", "case_id": "case"},
        {
            "kind": "contact",
            "where": "closed is not null",
            "customer_id": "cust",
            "occurred_at": "closed",
            "resolved": "true",
        },
    ],
}


def test_one_row_emits_several_events_or_none(tmp_path: Path) -> None:
    text = "case,cust,opened,closed\n1,a,01/01/2026,03/01/2026\n2,b,01/01/2026,\n3,b,01/01/2026,x\n"
    ingested = run_ingest(tmp_path, text, CASES)
    assert ingested.events["event_id"].to_pylist() == [
        "sales:contact.1:1",
        "sales:contact.1:2",
        "sales:contact.2:1",
    ]
    assert rejected(ingested) == [(4, "closed", "not_date")]
    assert ingested.summary.accepted == 2


def visits(**mapping: Any) -> dict[str, Any]:
    event = {"kind": "visit", "customer_id": "cust", "occurred_at": "at"} | mapping
    return {
        "key": ["n"],
        "types": {"at": "timestamp", "loaded": "date"},
        "format": {"time": "%Y-%m-%dT%H:%M:%S%z", "date": "%Y-%m-%d"},
        "events": [event],
    }


def test_what_was_known_before_it_occurred_is_rejected(tmp_path: Path) -> None:
    text = (
        "n,cust,at,loaded\n1,a,2026-01-05T10:00:00+02:00,2026-01-06\n"
        "2,a,2026-01-05T10:00:00+0000,2026-01-05\n3,a,2026-01-05T10:00:00-01,2026-01-04\n"
    )
    ingested = run_ingest(tmp_path, text, visits(known_at="loaded"))
    assert rejected(ingested) == [(4, "at", "future_date")]
    assert [str(time) for time in ingested.events["known_at"].to_pylist()] == [
        "2026-01-06 00:00:00+00:00",
        "2026-01-05 10:00:00+00:00",
    ]
    assert str(ingested.events["occurred_at"][0].as_py()) == "2026-01-05 08:00:00+00:00"


def test_what_lies_after_as_of_with_no_known_at_is_rejected(tmp_path: Path) -> None:
    text = "n,cust,at,loaded\n1,a,2026-01-04T23:59:59+00:00,\n2,a,2026-01-05T00:00:00+00:00,\n"
    ingested = run_ingest(tmp_path, text, visits(), as_of="2026-01-05")
    assert rejected(ingested) == [(3, "at", "future_date")]
    late = run_ingest(tmp_path, text, visits() | {"known_after": "2d"}, as_of="2026-01-05")
    assert (late.events["known_day"].to_pylist(), rejected(late)) == ([20459, 20460], [])


def test_an_event_after_as_of_is_held_back_and_its_row_kept(tmp_path: Path) -> None:
    event = {"customer_id": "cust", "order_id": "n"}
    order = {
        "key": ["n"],
        "types": {"ordered": "date", "delivered": "date"},
        "format": {"date": "%Y-%m-%d"},
        "events": [
            event | {"kind": "purchase", "occurred_at": "ordered"},
            event
            | {"kind": "delivery", "where": "delivered is not null", "occurred_at": "delivered"},
        ],
    }
    text = (
        "n,cust,ordered,delivered\n1,a,2026-01-01,2026-01-03\n2,b,2026-01-04,2026-01-07\n"
        "3,b,2026-01-04,\n4,c,2026-01-05,2026-01-06\n5,c,2026-01-06,\n"
    )
    ingested = run_ingest(tmp_path, text, order, as_of="2026-01-05")
    assert rejected(ingested) == [(5, "ordered", "future_date"), (6, "ordered", "future_date")]
    assert {row["event_id"]: row["known_day"] for row in ingested.events.to_pylist()} == {
        "sales:delivery:1": 20456,
        "sales:delivery:2": 20460,
        "sales:purchase:1": 20454,
        "sales:purchase:2": 20457,
        "sales:purchase:3": 20457,
    }
    summary = ingested.summary
    assert (summary.read, summary.accepted, summary.rejected, summary.unmapped) == (5, 3, 2, 0)
    assert summary.held_back == 1
    assert run_ingest(tmp_path, text, order).summary.held_back == 0


def test_without_an_as_of_ingest_cannot_know_what_is_too_old(tmp_path: Path) -> None:
    text = "n,cust,at,loaded\n1,a,2020-01-04T00:00:00+00:00,\n2,a,2026-01-04T00:00:00+00:00,\n"
    privacy = {"keep_days": 100}
    dated = run_ingest(tmp_path, text, visits(), as_of="2026-01-05", privacy=privacy)
    assert (len(dated.events), dated.summary.expired) == (1, 1)
    undated = run_ingest(tmp_path, text, visits(), privacy=privacy)
    assert (len(undated.events), undated.summary.expired) == (2, 0)


def test_rows_of_one_key_that_nothing_puts_in_order_collide(tmp_path: Path) -> None:
    first, again = "R1,a,2026-01-01 00:00:00,1,1\n", "R1,a,2026-01-01 00:00:00,1,2\n"
    other_day = "R2,b,2026-01-02 00:00:00,1,2\nR2,b,2026-01-03 00:00:00,1,2\n"
    collisions = run_ingest(tmp_path, HEADER + first + other_day + again).summary.collisions
    assert (collisions.keys, collisions.lost) == (2, 2)
    assert (collisions.first or "").endswith("sales.csv: lines 2 and 5")
    assert not run_ingest(tmp_path, HEADER + first * 3).summary.collisions.keys
    with pytest.raises(BadInput, match=r"lines 2 and 3 have one key \(receipt\)"):
        run_ingest(tmp_path, HEADER + first + again, max_share=0.01)
    row_number = run_ingest(tmp_path, HEADER + first + again, SALES | {"key": "row_number"})
    assert not row_number.summary.collisions.keys


def test_a_row_with_another_known_at_is_a_version_and_no_collision(tmp_path: Path) -> None:
    text = (
        "n,cust,at,loaded,topic\n1,a,2026-01-05T10:00:00+00:00,2026-01-06,x\n"
        "1,a,2026-01-05T10:00:00+00:00,2026-01-08,y\n"
    )
    source = visits(known_at="loaded", topic="topic")
    assert not run_ingest(tmp_path, text, source).summary.collisions.keys
    same = text.replace("01-08", "01-06")
    assert run_ingest(tmp_path, same, source).summary.collisions.lost == 1


def run_folder(folder: Path, *texts: str, max_share: float = 1.0) -> ingest.Ingested:
    """The sales of several files."""
    folder = folder / "sales"
    folder.mkdir()
    for i, text in enumerate(texts):
        (folder / f"{i}.csv").write_text(HEADER + text)
    return ingest.ingest(make_params(folder, SALES, max_share), "sales")


ROW = "R1,a,2026-01-01 00:00:00,1,1\n"


@pytest.mark.parametrize("again", [ROW, ROW.replace("-01 00", "-02 00").replace("1,1", "1,2")])
def test_a_row_sent_again_in_another_file_is_no_collision(tmp_path: Path, again: str) -> None:
    ingested = run_folder(tmp_path, ROW, again)
    assert (len(ingested.events), ingested.summary.collisions.keys) == (2, 0)


@pytest.mark.parametrize(
    "other",
    ["R1,b,2026-02-01 00:00:00,1,5\n", "R1,a,2026-01-01 00:00:00,1,2\n", ROW.replace(",a,", ",b,")],
    ids=["numbered anew", "another amount", "another customer"],
)
def test_rows_of_one_key_in_two_files_collide_as_in_one(tmp_path: Path, other: str) -> None:
    same = "R2,c,2026-01-01 00:00:00,1,1\n"
    ingested = run_folder(tmp_path, same + ROW, same + other)
    collisions = ingested.summary.collisions
    assert (collisions.keys, collisions.lost) == (1, 1)
    assert re.search(r"0\.csv: line 3 and .*1\.csv: line 3$", collisions.first or "")


def test_receipts_numbered_anew_in_each_file_are_refused(tmp_path: Path) -> None:
    months = ("R1,a,2026-01-05 00:00:00,1,1\n", "R1,b,2026-02-05 00:00:00,1,1\n")
    with pytest.raises(BadInput, match=r"0\.csv: line 2 and .*1\.csv: line 2 have one key"):
        run_folder(tmp_path, *months, max_share=0.01)


def test_another_customer_at_another_time_is_no_version(tmp_path: Path) -> None:
    rows = (
        "1,a,2026-01-05T10:00:00+00:00,2026-01-06,x\n",
        "1,b,2026-02-05T10:00:00+00:00,2026-02-06,y\n",
    )
    text = "n,cust,at,loaded,topic\n" + "".join(rows)
    source = visits(known_at="loaded", topic="topic")
    assert run_ingest(tmp_path, text, source).summary.collisions.lost == 1


def test_rows_of_one_key_that_become_other_kinds_do_not_collide(tmp_path: Path) -> None:
    back = SALES["events"][0] | {"kind": "return", "where": "qty < 0"}
    source = SALES | {"events": [SALES["events"][0], back]}
    text = f"{HEADER}R1,a,2026-01-01 00:00:00,1,1\nR1,a,2026-01-01 00:00:00,-1,1\n"
    assert not run_ingest(tmp_path, text, source).summary.collisions.keys


def test_a_column_that_stands_twice_is_refused_only_where_it_is_mapped(tmp_path: Path) -> None:
    rows = "R1,a,2026-01-01 00:00:00,1,1,x,y\n"
    ingested = run_ingest(tmp_path, HEADER.replace("price", "price,note,note") + rows)
    assert (ingested.summary.accepted, ingested.summary.ignored_columns) == (1, ("note",))
    for mapped in ("price", "receipt", "currency"):
        text = HEADER.replace("price", f"price,{mapped},{mapped}") + rows
        with pytest.raises(BadInput, match=f"'{mapped}' twice, at positions"):
            run_ingest(tmp_path, text)


def test_a_blank_currency_is_the_companys_and_one_that_fails_is_none(tmp_path: Path) -> None:
    source = SALES | {"events": [SALES["events"][0] | {"amount": "price"}]}
    header = HEADER.replace("price", "price,currency")
    rows = "R1,a,2026-01-01 00:00:00,1,2,\nR2,a,2026-01-01 00:00:00,1,3,  \n"
    ingested = run_ingest(tmp_path, header + rows, source)
    assert list(map(str, ingested.events["amount"].to_pylist())) == ["2.0000", "3.0000"]
    failing = SALES["events"][0] | {"currency": "if(currency::integer > 0, 'GBP', 'GBP')"}
    done = run_ingest(
        tmp_path, header + "R1,a,2026-01-01 00:00:00,1,2,x\n", SALES | {"events": [failing]}
    )
    assert [rule for _, _, rule in rejected(done)] == ["failing_sql"]


def epochs(occurred_at: str) -> dict[str, Any]:
    """A source of visits at a count since 1970, of a company in London."""
    event = {"kind": "visit", "customer_id": "cust", "occurred_at": occurred_at}
    types = {"ts": "integer", "stamp": "timestamp"}
    form = {"time": "%Y-%m-%d %H:%M:%S"}
    return {"key": ["n"], "types": types, "format": form, "events": [event]}


@pytest.mark.parametrize(
    "occurred_at",
    [
        "epoch_ms(ts)",
        "EPOCH_MS(ts) + interval 0 hour",
        "case when ts > 0 then epoch_ms(ts) end",
        "case when ts > 0 then epoch_ms(ts) else stamp end",
        "make_timestamp(ts * 1000)",
        "make_timestamp_ms(ts)",
        "make_timestamptz(ts * 1000)",
        "to_timestamp(ts / 1000)",
        "timezone('UTC', epoch_ms(ts))",
        "timezone('Europe/London', to_timestamp(ts / 1000))",
    ],
)
def test_a_count_since_1970_is_an_instant(tmp_path: Path, occurred_at: str) -> None:
    """23:30 UTC is half past midnight of the next day in London's summer."""
    text = "n,cust,ts,stamp\n1,a,1719876600000,2020-01-01 00:00:00\n"
    (visit,) = run_ingest(tmp_path, text, epochs(occurred_at)).events.to_pylist()
    assert visit["occurred_at"] == dt.datetime(2024, 7, 1, 23, 30, tzinfo=dt.UTC)
    assert visit["occurred_day"] == (dt.date(2024, 7, 2) - dt.date(1970, 1, 1)).days


@pytest.mark.parametrize(
    "occurred_at",
    [
        "epoch_ms(ts)::date",
        "to_timestamp(ts / 1000)::date",
        "date_trunc('day', epoch_ms(ts))",
        "stamp::date",
        "date_trunc('day', stamp)",
        "case when stamp >= '2024-07-02' then stamp::date end",
        "coalesce(stamp::date, epoch_ms(ts))",
    ],
)
def test_a_day_or_clock_time_in_sql_is_that_of_the_source(tmp_path: Path, occurred_at: str) -> None:
    """Half past midnight of 2 July in London's summer, which is 1 July in UTC."""
    text = "n,cust,ts,stamp\n1,a,1719876600000,2024-07-02 00:30:00\n"
    (visit,) = run_ingest(tmp_path, text, epochs(occurred_at)).events.to_pylist()
    assert visit["occurred_at"] == dt.datetime(2024, 7, 1, 23, tzinfo=dt.UTC)
    assert visit["occurred_day"] == (dt.date(2024, 7, 2) - dt.date(1970, 1, 1)).days


def test_a_condition_on_the_clock_is_one_on_the_clock_of_the_source(tmp_path: Path) -> None:
    event = SALES["events"][0] | {"where": "hour(sold_at) >= 22", "quantity": "epoch_ms(sold_at)"}
    text = HEADER + "".join(f"R{hour},a,2026-07-01 {hour}:00:00,1,1\n" for hour in (21, 22, 23))
    zoned = SALES | {"events": [event], "time_zone": "America/New_York"}
    late = run_ingest(tmp_path, text, zoned).events.to_pylist()
    assert [row["event_id"] for row in late] == ["sales:purchase:R22", "sales:purchase:R23"]
    ten_at_night = dt.datetime(2026, 7, 2, 2, tzinfo=dt.UTC)
    assert late[0]["occurred_at"] == ten_at_night
    assert late[0]["quantity"] == ten_at_night.timestamp() * 1000


@pytest.mark.parametrize(("sql", "factor"), [("to_timestamp(ts)", 1), ("epoch_ms(ts)", 1000)])
def test_a_count_in_too_small_a_unit_is_rejected(tmp_path: Path, sql: str, factor: int) -> None:
    text = f"n,cust,ts,stamp\n1,a,{1719876600000 * factor},2020-01-01 00:00:00\n"
    assert rejected(run_ingest(tmp_path, text, epochs(sql))) == [(2, sql, "far_time")]


def test_a_count_is_no_time_without_a_function_that_makes_it_one(tmp_path: Path) -> None:
    text = "n,cust,ts,stamp\n1,a,1719876600000,2020-01-01 00:00:00\n"
    with pytest.raises(BadParams, match=r"to_timestamp\(seconds\) or epoch_ms\(milliseconds\)"):
        run_ingest(tmp_path, text, epochs("ts"))


@pytest.mark.parametrize(
    ("price", "amount"),
    [
        ("10000", "10000.0000"),
        ("99999999999999.9999", "99999999999999.9999"),
        ("-10000", "-10000.0000"),
    ],
)
def test_a_large_amount_beside_a_currency_is_converted(
    tmp_path: Path, price: str, amount: str
) -> None:
    kind = "return" if price.startswith("-") else "purchase"
    source = SALES | {"events": [SALES["events"][0] | {"amount": "price", "kind": kind}]}
    text = f"receipt,cust,sold_at,qty,price,currency\nR1,a,2026-01-01 00:00:00,1,{price},GBP\n"
    ingested = run_ingest(tmp_path, text, source)
    assert [str(value) for value in ingested.events["amount"].to_pylist()] == [amount]


@pytest.mark.parametrize(
    ("rate", "price", "amount"),
    [
        (0.0000312345678, "1000000000", "31234.5678"),
        (1.2345678901234567e-06, "99999999999999.9999", "123456789.0123"),
        (1e6, "90000000.0001", "90000000000100.0000"),
        (0.00673, "12345", "83.0819"),
    ],
)
def test_a_rate_of_conversion_keeps_all_its_digits(
    tmp_path: Path, rate: float, price: str, amount: str
) -> None:
    source = SALES | {"events": [SALES["events"][0] | {"amount": "price"}]}
    text = f"receipt,cust,sold_at,qty,price,currency\nR1,a,2026-01-01 00:00:00,1,{price},VND\n"
    ingest_params = {"max_reject_share": 1.0, "conversion": {"VND": rate, "KWD": 2.4}}
    ingested = run_ingest(tmp_path, text, source, ingest=ingest_params)
    assert [str(value) for value in ingested.events["amount"].to_pylist()] == [amount]


def test_an_amount_too_large_once_converted_is_rejected(tmp_path: Path) -> None:
    source = SALES | {"events": [SALES["events"][0] | {"amount": "price"}]}
    text = "receipt,cust,sold_at,qty,price,currency\nR1,a,2026-01-01 00:00:00,1,9e13,KWD\n"
    ingested = run_ingest(
        tmp_path, text, source, ingest={"max_reject_share": 1.0, "conversion": {"KWD": 3.0}}
    )
    assert rejected(ingested) == [(2, "price", "not_decimal")]


def test_a_product_of_several_decimals_does_not_overflow(tmp_path: Path) -> None:
    event = SALES["events"][0] | {"amount": "price * qty * (1 - rebate)"}
    types = SALES["types"] | {"qty": "decimal", "rebate": "decimal"}
    text = "receipt,cust,sold_at,qty,price,rebate\nR1,a,2026-01-01 00:00:00,9,2500000,0.1\n"
    ingested = run_ingest(tmp_path, text, SALES | {"types": types, "events": [event]})
    assert [str(value) for value in ingested.events["amount"].to_pylist()] == ["20250000.0000"]


@pytest.mark.parametrize(
    ("change", "kind", "message"),
    [
        ({"format": {}}, BadParams, "types.sold_at: a timestamp needs format.time"),
        ({"format": {"time": "%Q"}}, BadParams, "format.time: %Q is not known"),
        ({"types": {}}, BadParams, "where: .*a column is text unless types"),
        (
            {"key": ["recept"]},
            BadInput,
            r"no column 'recept' \(nearest: receipt.*which sources.sales.key",
        ),
    ],
)
def test_a_mapping_that_does_not_fit_is_refused(
    tmp_path: Path, change: dict[str, Any], kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        run_ingest(tmp_path, f"{HEADER}R1,a,2026-01-01 00:00:00,1,1\n", SALES | change)


def test_a_column_of_another_file_is_refused_with_the_join_and_no_near_name(
    tmp_path: Path,
) -> None:
    """Calls by contract; the customer of a contract stands in the file of contracts."""
    contracts = "".join(f"k{i},c{i},2026-01-01\n" for i in range(5))
    (tmp_path / "contracts.csv").write_text(f"contract,client_id,since\n{contracts}")
    calls = "".join(f"{i},k{i},1,2026-01-02\n" for i in range(4))
    (tmp_path / "calls.csv").write_text(f"call,contract,client_use_id,day\n{calls}")
    form = {"types": {"since": "date", "day": "date"}, "format": {"date": "%Y-%m-%d"}}
    event = {"customer_id": "client_id"}
    sources = {
        "contracts": form
        | {"path": str(tmp_path / "contracts.csv"), "key": ["contract"]}
        | {"events": [event | {"kind": "start", "occurred_at": "since"}]},
        "calls": form
        | {"path": str(tmp_path / "calls.csv"), "key": ["call"]}
        | {"events": [event | {"kind": "contact", "occurred_at": "day"}]},
    }
    params = make_params(tmp_path, SALES, sources=sources)
    advice = r"contracts.csv has it and shares contract.*join: .contracts: "
    with pytest.raises(BadInput, match=advice) as e:
        ingest.ingest(params, "calls")
    assert "which sources.calls.events[0].customer_id names" in str(e.value)
    assert "client_use_id" not in str(e.value)


def test_too_many_rejects_refuse_the_file_without_its_cells(tmp_path: Path) -> None:
    text = HEADER + "R1,Canary,2026-01-01 00:00:00,1,secret\n" * 3
    with pytest.raises(BadInput) as caught:
        run_ingest(tmp_path, text, max_share=0.5)
    assert "line 2, column 'price', 'se'… (6 characters): not_decimal" in str(caught.value)
    assert "3 rejects in 3 rows" in str(caught.value)
    assert "secret" not in str(caught.value)


def test_rows_that_are_all_too_long_do_not_shift(tmp_path: Path) -> None:
    with pytest.raises(BadInput, match=r"line 2.*ragged_row"):
        run_ingest(tmp_path, HEADER + "R1,a,2026-01-01 00:00:00,1,1,9\n" * 3, max_share=0.01)


def test_sql_that_fails_on_a_row_rejects_that_row(tmp_path: Path) -> None:
    source = SALES | {"events": [SALES["events"][0] | {"amount": "receipt::integer * price"}]}
    text = f"{HEADER}R1,a,2026-01-01 00:00:00,1,1\n2,a,2026-01-01 00:00:00,1,1\n"
    ingested = run_ingest(tmp_path, text, source)
    assert rejected(ingested) == [(2, "receipt::integer * price", "failing_sql")]
    assert ingested.events["event_id"].to_pylist() == ["sales:purchase:2"]


# What is expected of a row

EXPECTED = SALES | {
    "types": SALES["types"] | {"due": "date"},
    "format": SALES["format"] | {"date": "%Y-%m-%d"},
    "expect": {"due_after": "due >= sold_at::date", "has_price": "price is not null"},
}
DUE = """receipt,cust,sold_at,qty,price,due
R1,a,2026-01-05 00:00:00,1,1,2026-01-09
R2,a,2026-01-05 00:00:00,1,1,2026-01-01
R3,a,2026-01-05 00:00:00,1,1,
R4,a,2026-01-05 00:00:00,1,1,soon
R5,a,2026-01-05 00:00:00,0,1,2026-01-01
,a,2026-01-05 00:00:00,1,1,2026-01-01
R7,a,2026-01-05 00:00:00,1,1,2026-01-02
"""


def test_an_accepted_row_that_is_not_as_expected_is_counted_and_kept(tmp_path: Path) -> None:
    ingested = run_ingest(tmp_path, DUE, EXPECTED)
    assert ingested.summary.as_json()["doubtful"] == {
        "due_after": {"rows": 2, "share": 0.4, "first": f"{tmp_path}/sales.csv: line 3"},
        "has_price": {"rows": 0, "share": 0.0, "first": None},
    }
    assert rejected(ingested) == [
        (7, "receipt", "blank_key")
    ]  # and none for `due`, which nothing maps
    assert ingested.events.equals(run_ingest(tmp_path, DUE, SALES).events)


def test_a_row_on_which_an_expectation_fails_is_not_as_expected(tmp_path: Path) -> None:
    source = SALES | {"expect": {"number": "receipt::integer > 0"}}
    text = f"{HEADER}2,a,2026-01-01 00:00:00,1,1\nR1,a,2026-01-01 00:00:00,1,1\n"
    ingested = run_ingest(tmp_path, text, source)
    assert (ingested.summary.doubtful["number"].first or "").endswith("line 3")
    assert (ingested.summary.doubtful["number"].rows, ingested.summary.accepted) == (1, 2)


@pytest.mark.parametrize(
    ("sql", "kind", "message"),
    [
        ("prise > 0", BadInput, r"no column 'prise' \(nearest: price.*sources.sales.expect.sound"),
        ("sum(qty) > 0", BadParams, "expect.sound: .*calls sum; only scalar functions"),
        ("qty + 1", BadParams, "expect.sound: write a condition; this is DOUBLE"),
    ],
)
def test_an_expectation_is_a_condition_over_the_row(
    tmp_path: Path, sql: str, kind: type[Exception], message: str
) -> None:
    with pytest.raises(kind, match=message):
        run_ingest(tmp_path, f"{HEADER}R1,a,,1,1\n", SALES | {"expect": {"sound": sql}})


def test_the_order_and_number_of_columns_does_not_matter(tmp_path: Path) -> None:
    plain = run_ingest(tmp_path, HEADER + "R1,a,2026-01-01 00:00:00,1,1\n")
    moved = run_ingest(
        tmp_path, "price,x,qty,sold_at,cust,receipt\n1,9,1,2026-01-01 00:00:00,a,R1\n"
    )
    assert plain.events.equals(moved.events)
    assert moved.summary.ignored_columns == ("x",)


def test_an_odd_column_name_is_only_a_name(tmp_path: Path) -> None:
    odd = 'a"; DROP TABLE t--'
    source = SALES | {"events": [SALES["events"][0] | {"customer_id": odd}]}
    header = 'receipt,"a""; DROP TABLE t--",sold_at,qty,price\n'
    ingested = run_ingest(tmp_path, header + "R1,'x',2026-01-01 00:00:00,1,1\n", source)
    assert ingested.events["customer_id"].to_pylist() == ["'x'"]


def test_parquet_keeps_its_types(tmp_path: Path) -> None:
    table = {
        "receipt": [1, 2],
        "cust": ["a", "b"],
        "qty": [1.0, float("nan")],
        "price": [0.1, 2.0],
        "sold_at": [dt.datetime(2026, 7, 1, 12)] * 2,  # noqa: DTZ001
    }
    pq.write_table(pa.table(table), tmp_path / "sales.parquet")
    ingested = ingest.ingest(make_params(tmp_path / "sales.parquet", SALES), "sales")
    assert rejected(ingested) == [(2, "qty", "not_double")]
    assert str(ingested.events["occurred_at"][0].as_py()) == "2026-07-01 11:00:00+00:00"


@pytest.mark.parametrize("unit", ["s", "ms", "us", "ns"])
@pytest.mark.parametrize(("zone", "hour"), [(None, 11), ("UTC", 12), ("America/New_York", 12)])
def test_times_of_any_unit_in_parquet_are_read(
    tmp_path: Path, unit: str, zone: str | None, hour: int
) -> None:
    times = pa.array([dt.datetime(2026, 7, 1, 12)], pa.timestamp(unit, zone))  # noqa: DTZ001
    table = pa.table({"n": times, "cust": ["a"], "at": times})
    pq.write_table(table, tmp_path / "sales.parquet", version="2.6")
    source = visits() | {"types": {"at": "timestamp"}, "format": {}}
    (visit,) = ingest.ingest(
        make_params(tmp_path / "sales.parquet", source), "sales"
    ).events.to_pylist()
    assert visit["occurred_at"] == dt.datetime(2026, 7, 1, hour, tzinfo=dt.UTC)
    offset = "+00" if zone else ""
    assert visit["event_id"] == f"sales:visit:2026-07-01 12\\:00\\:00{offset}"


_CELL = st.sampled_from(["a", "", '"', "1", "-1", "nan", "2026-01-01 00:00:00", "x\ny", "é", "\0"])


def _csv(rows: list[list[str]]) -> str:
    cells = [
        [cell if '"' in cell and "\n" not in cell else f'"{cell}"' for cell in row] for row in rows
    ]
    return HEADER + "".join(",".join(row) + "\n" for row in cells)


@settings(max_examples=15, deadline=None)
@given(st.lists(st.lists(_CELL, min_size=3, max_size=6), min_size=1, max_size=6))
def test_rows_are_conserved(rows: list[list[str]]) -> None:
    with TemporaryDirectory() as folder:
        try:
            ingested = run_ingest(Path(folder), _csv(rows))
        except BadInput:
            return
    counts = ingested.summary
    assert counts.accepted + counts.rejected + counts.unmapped == counts.read
    if not any('"' in cell for row in rows for cell in row):  # a stray quote may join or split rows
        assert counts.read == len(rows)
    assert counts.rejected == ingested.rejects.num_rows == sum(counts.rules.values())


@settings(max_examples=15, deadline=None)
@given(st.text(st.characters(codec="utf-8"), min_size=1))
def test_hostile_ids_come_back_or_are_rejected(customer: str) -> None:
    cell = customer.replace('"', '""')
    with TemporaryDirectory() as folder:
        ingested = run_ingest(Path(folder), f'{HEADER}R1,"{cell}",2026-01-01 00:00:00,1,1\n')
    assert ingested.events["customer_id"].to_pylist() in ([customer], [])
    assert ingested.events.num_rows + ingested.rejects.num_rows == 1


ROWS = [f"R{i},c{i % 3},2026-01-0{i + 1} 00:00:00,1,{i}.10" for i in range(6)]


@settings(max_examples=6, deadline=None)
@given(st.permutations(ROWS))
def test_shuffled_rows_make_the_same_bytes(rows: list[str]) -> None:
    with TemporaryDirectory() as folder:
        written = []
        for order in (ROWS, rows):
            ingested = run_ingest(Path(folder), HEADER + "\n".join(order) + "\n")
            atomic.write_table(Path(folder) / "events.parquet", ingested.events)
            written.append((Path(folder) / "events.parquet").read_bytes())
    assert written[0] == written[1]


def test_the_stage_writes_its_three_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    Path("sales.csv").write_text(HEADER + "R1,a,2026-01-01 00:00:00,1,1\n")
    source = SALES | {"expect": {"dear": "price > 9"}}
    monkeypatch.setattr(ingest, "load_params", lambda: make_params(Path("sales.csv"), source))
    monkeypatch.setattr("sys.argv", ["ingest", "sales"])
    ingest.main()
    folder = Path("data/ingest/sales")
    assert atomic.read_json(folder / "summary.json")["accepted"] == 1
    assert pq.read_table(folder / "events.parquet").num_rows == 1
    assert pq.read_schema(folder / "rejects.parquet") == events.REJECTS
    monkeypatch.setattr("sys.argv", ["ingest", "sale"])
    with pytest.raises(BadParams, match=r"nearest: sales"):
        ingest.main()
    message = capsys.readouterr().err
    assert "1 accepted" in message
    assert "doubtful, but accepted: 1 rows miss dear (first sales.csv: line 2)" in message
