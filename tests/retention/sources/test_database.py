"""A table is copied unchanged: every value, once, from one snapshot, by a read-only user."""

import datetime as dt
import os
import time
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import psycopg
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from pipeline import extract
from retention.core.errors import BadInput, BadParams, Busy, Refusal
from retention.core.params import Params, Source
from tests.support import services
from tests.support.services import PASSWORD, Postgres

ZONE = ZoneInfo("Europe/London")
KEY = "sources.orders"
EVENT = {"kind": "purchase", "customer_id": "who", "occurred_at": "at", "amount": "amount"}


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty project as working directory."""
    monkeypatch.chdir(tmp_path)
    return tmp_path


@pytest.fixture
def shop(
    postgres: Postgres, home: Path, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> "Shop":
    """A database of its own, named in DATABASE_URL."""
    name = f"shop {abs(hash(request.node.nodeid)):x}"
    monkeypatch.setenv("DATABASE_URL", postgres.create(name))
    return Shop(postgres, name)


class Shop:
    """A company's database."""

    def __init__(self, server: Postgres, name: str) -> None:
        self.server, self.name = server, name

    def run(self, *statements: str) -> None:
        self.server.run(self.name, *statements)

    def url(self, user: str = "staff", port: int | None = None) -> str:
        return self.server.url(self.name, user, port)


def source(**changes: Any) -> Source:
    """A source of params.yaml that reads table `orders`."""
    mapped = {"table": "orders", "key": ["id"], "events": [EVENT]} | changes
    params = Params.model_validate(
        {
            "time_zone": "Europe/London",
            "currency": "GBP",
            "sources": {"orders": mapped},
            "labels": {"churn": {"rule": "silence"}},
        }
    )
    return params.sources["orders"]


def copy(**changes: Any) -> int:
    """Copy the table, and return the number of new rows."""
    return extract.extract(source(**changes), ZONE, KEY, lambda text: None)


def copied() -> list[dict[str, Any]]:
    """The rows of all copies, in their order."""
    return [row for path in parts() for row in pq.read_table(path).to_pylist()]


def parts() -> list[Path]:
    return sorted(Path("data/tables/sources.orders").glob("*.parquet"))


def ids() -> list[str]:
    """The ids of all copies: Python has no value for an infinite time of the other columns."""
    return [order_id for path in parts() for order_id in pq.read_table(path)["id"].to_pylist()]


def refusal(**changes: Any) -> str:
    """The message with which copying is refused; it names no password."""
    with pytest.raises(Refusal) as refused:
        copy(**changes)
    assert PASSWORD not in str(refused.value)
    assert "postgresql://" not in str(refused.value) or "reader:password" in str(refused.value)
    assert refused.value.__suppress_context__ or refused.value.__context__ is None
    return str(refused.value)


# Values


VALUES = {
    "text": ("'NA'", "NA"),
    "varchar(9)": ("''", ""),
    "numeric": (
        "123456789012345678901234567890.000000000000000001",
        "123456789012345678901234567890.000000000000000001",
    ),
    "numeric(10,2)": ("'NaN'", "NaN"),
    "bigint": ("9223372036854775807", "9223372036854775807"),
    "double precision": ("0.1::float8 + 0.2::float8", "0.30000000000000004"),
    "boolean": ("true", "true"),
    "uuid": ("'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'", "a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11"),
    "jsonb": ("'{\"a\": [1, null]}'", '{"a": [1, null]}'),
    "text[]": ("array['a,b', null, '\"']", '{"a,b",NULL,"\\""}'),
    "bytea": ("'\\x00ff'", "\\x00ff"),
    "money": ("'1234.50'", "1234.50"),
    "interval": ("'1 day 2 hours'", "P1DT2H"),
    "timestamptz": (
        "'2026-03-29 01:30:00.123456 Asia/Karachi'",
        dt.datetime(2026, 3, 28, 20, 30, 0, 123456, tzinfo=dt.UTC),
    ),
    "timestamp": ("'1969-12-31 23:59:59.999999'", dt.datetime(1969, 12, 31, 23, 59, 59, 999999)),  # noqa: DTZ001
    "date": ("'0999-01-01'", dt.date(999, 1, 1)),
}


@pytest.mark.parametrize("kind", VALUES)
def test_a_value_comes_as_it_is(kind: str, shop: Shop) -> None:
    written, expected = VALUES[kind]
    shop.run(
        f"create table orders (id int, said {kind})",
        f"insert into orders values (2, null), (1, {written})",
    )
    assert copy() == 2
    assert [row["said"] for row in copied()] == [expected, None]


HOSTILE = [
    "a,b",
    'say "no"',
    "one\ntwo\r\nthree",
    "\\.",
    "\\N",
    "null",
    "NULL",
    "'; drop table",
    " spaces ",
    "Zoë 👩‍👩‍👧",
    "\t",
    "\x01\x7f",
    "\u202egpj.exe",
    "x" * 100_000,
]


def test_hostile_texts_come_as_they_are(shop: Shop) -> None:
    shop.run("create table orders (id int, said text)")
    with psycopg.connect(shop.url()) as connection:
        for number, text in enumerate(HOSTILE):
            connection.execute("insert into orders values (%s, %s)", [number, text])
    copy()
    assert [row["said"] for row in copied()] == HOSTILE


def test_a_single_column_without_values_has_all_its_rows(shop: Shop) -> None:
    shop.run("create table orders (id text)", "insert into orders values (null), (''), (null)")
    copy()
    assert ids() == ["", None, None]


def test_infinity_is_no_blank(shop: Shop) -> None:
    shop.run(
        "create table orders (id int, a timestamptz, b timestamp, c date)",
        "insert into orders values (1, 'infinity', '-infinity', 'infinity')",
    )
    copy()
    table = pq.read_table(parts()[0])
    kinds = {"a": pa.int64(), "b": pa.int64(), "c": pa.int32()}
    counts = [table[name].combine_chunks().view(kind)[0].as_py() for name, kind in kinds.items()]
    assert counts == [2**63 - 1, -(2**63) + 1, 2**31 - 1]


def test_odd_names_are_quoted(shop: Shop) -> None:
    shop.run(
        'create table "Or""ders; drop table x--" (id int, "a""; DROP TABLE x--" text, "%s {}" int)',
        "create table x (id int)",
        'insert into "Or""ders; drop table x--" values (1, \'kept\', 2)',
    )
    copy(table='Or"ders; drop table x--')
    assert copied() == [{"id": "1", 'a"; DROP TABLE x--': "kept", "%s {}": "2"}]
    shop.run("select * from x")


def test_a_view_and_a_table_of_another_schema_are_tables_too(shop: Shop) -> None:
    shop.run(
        "create schema till",
        "create table till.orders (id int)",
        "insert into till.orders values (7)",
        "create view recent as select id from till.orders",
    )
    copy(table="till.orders")
    assert ids() == ["7"]
    copy(table="recent")
    assert ids() == ["7"]


# Copies


def test_the_same_table_is_the_same_bytes_in_whatever_order_it_lies(shop: Shop) -> None:
    shop.run(
        "create table orders (id int, said text)",
        "insert into orders select n, n::text from generate_series(1, 500) n",
    )
    copy()
    (path,) = parts()
    before = path.read_bytes()
    shop.run("update orders set said = said where id % 3 = 0", "vacuum full orders")
    copy()
    assert parts() == [path]
    assert path.read_bytes() == before
    copy(key="row_number")
    whole = path.read_bytes()
    shop.run("update orders set said = said where id % 2 = 0", "vacuum full orders")
    copy(key="row_number")
    assert path.read_bytes() == whole


def test_a_table_is_replaced_whole_or_kept(shop: Shop) -> None:
    shop.run("create table orders (id int)", "insert into orders values (1), (2)")
    copy()
    before = parts()[0].read_bytes()
    shop.run("delete from orders")
    assert "0 rows; the copy before is kept" in refusal()
    assert [path.read_bytes() for path in parts()] == [before]
    shop.run("insert into orders values (3)")
    assert copy() == 1
    assert ids() == ["3"]
    assert not list(Path("data/tables").rglob("*.tmp"))


NEWS = "create table orders (id int, said text, loaded timestamptz default now())"


def test_only_new_rows_are_added_and_earlier_parts_stay(shop: Shop) -> None:
    shop.run(NEWS, "insert into orders values (1, 'a', '2026-01-01'), (2, 'b', '2026-01-02')")
    assert copy(incremental="loaded") == 2
    first = parts()[0].read_bytes()
    assert copy(incremental="loaded") == 0
    shop.run("insert into orders values (3, 'c', '2026-01-03')")
    assert copy(incremental="loaded") == 1
    assert ids() == ["1", "2", "3"]
    assert parts()[0].read_bytes() == first
    shop.run("update orders set said = 'changed', loaded = '2026-01-04' where id = 1")
    assert copy(incremental="loaded") == 1
    assert [row["said"] for row in copied()] == ["a", "b", "c", "changed"]


def test_a_row_that_was_committed_late_is_not_lost(shop: Shop) -> None:
    shop.run(NEWS, "insert into orders values (1, 'a', '2026-01-01 12:00Z')")
    copy(incremental="loaded")
    shop.run(
        "insert into orders values (2, 'late', '2026-01-01 02:00Z'),"
        " (3, 'too late', '2025-12-31 11:59Z')"
    )
    assert copy(incremental="loaded", incremental_overlap="12h") == 1
    assert copy(incremental="loaded", incremental_overlap="12h") == 0
    assert ids() == ["1", "2"]
    assert copy(incremental="loaded", incremental_overlap="2d") == 1


def test_a_time_in_the_future_hides_no_row_after_it(shop: Shop) -> None:
    shop.run(
        NEWS,
        "insert into orders values (1, 'a', now()), (2, 'b', '2999-01-01'),"
        " (3, 'c', 'infinity'), (4, 'd', null)",
    )
    assert copy(incremental="loaded") == 4
    shop.run("insert into orders values (5, 'e', now())")
    assert copy(incremental="loaded") == 1
    assert sorted(ids()) == ["1", "2", "3", "4", "5"]


@pytest.mark.parametrize("kind", ["timestamp", "date"])
def test_clocks_without_a_zone_and_days_are_followed_too(shop: Shop, kind: str) -> None:
    shop.run(
        f"create table orders (id int, loaded {kind})",
        "insert into orders values (1, '2026-01-01')",
    )
    assert copy(incremental="loaded") == 1
    shop.run("insert into orders values (2, '2026-01-01'), (3, '2026-01-02')")
    assert copy(incremental="loaded") == 2
    assert copy(incremental="loaded") == 0


def test_a_new_column_does_not_stop_the_copying(shop: Shop) -> None:
    shop.run(NEWS, "insert into orders values (1, 'a', '2026-01-01')")
    copy(incremental="loaded")
    shop.run(
        "alter table orders add column more int",
        "insert into orders values (2, 'b', '2026-01-02', 5)",
    )
    assert copy(incremental="loaded") == 1
    assert pq.read_table(parts()[1]).to_pylist()[0]["more"] == "5"


def test_whole_and_by_parts_do_not_mix(shop: Shop) -> None:
    shop.run(NEWS, "insert into orders values (1, 'a', '2026-01-01')")
    copy()
    copy(incremental="loaded")
    assert [path.name for path in parts()] == ["part-000001.parquet"]
    copy()
    assert [path.name for path in parts()] == ["whole.parquet"]


def test_parts_of_another_table_or_type_are_refused(shop: Shop) -> None:
    shop.run(
        NEWS,
        "insert into orders values (1, 'a', '2026-01-01')",
        "create table others as table orders",
    )
    copy(incremental="loaded")
    assert "not from 'public.others'" in refusal(incremental="loaded", table="others")
    shop.run("alter table orders alter said type date using null")
    assert "'said' was string and is date32" in refusal(incremental="loaded")
    parts()[0].write_bytes(b"PAR1")
    assert "no part of a table" in refusal(incremental="loaded")


def test_two_at_once_do_not_mix(shop: Shop) -> None:
    from retention.core.storage import locks

    shop.run("create table orders (id int)", "insert into orders values (1)")
    copy()
    with (
        locks.hold(parts()[0].parent / ".lock", "reading", lambda text: None),
        pytest.raises(Busy, match=str(os.getpid())),
    ):
        copy()


# Reading only


def test_a_reader_needs_no_more_than_select(shop: Shop, monkeypatch: pytest.MonkeyPatch) -> None:
    shop.run(
        "create table orders (id int)",
        "insert into orders values (1)",
        "drop role if exists reader",
        f"create role reader login password '{PASSWORD}'",
    )
    monkeypatch.setenv("DATABASE_URL", shop.url("reader"))
    assert "may not read table 'orders'; grant it select" in refusal()
    shop.run("grant select on orders to reader")
    assert copy() == 1
    shop.run("drop owned by reader", "drop role reader")


def test_nothing_can_be_written_and_one_moment_is_seen(shop: Shop) -> None:
    from retention.sources.database import connection

    shop.run("create table orders (id int)")
    with connection.reading(source(), KEY) as reading:
        assert reading.execute("select count(*) from orders").fetchone() == (0,)
        shop.run("insert into orders values (1)")
        assert reading.execute("select count(*) from orders").fetchone() == (0,)
    with (
        pytest.raises(BadInput, match="ReadOnlySqlTransaction"),
        connection.reading(source(), KEY) as reading,
    ):
        reading.execute("insert into orders values (2)")


# Refusals


def test_without_an_address_params_are_to_be_mended(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL", raising=False)
    with pytest.raises(BadParams, match="variable DATABASE_URL is not set"):
        copy()
    monkeypatch.setenv("SHOP", f"mysql://staff:{PASSWORD}@127.0.0.1/x")
    with pytest.raises(BadParams, match="SHOP holds no address of PostgreSQL"):
        copy(database="SHOP")
    refusal(database="SHOP")


def test_an_address_as_sqlalchemy_writes_it_is_understood(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    shop.run("create table orders (id int)", "insert into orders values (1)")
    monkeypatch.setenv("DATABASE_URL", shop.url().replace("postgresql:", "postgresql+psycopg:"))
    assert copy() == 1


def test_no_such_table_or_column_names_the_nearest(shop: Shop) -> None:
    shop.run(
        "create table orders (id int, loaded_at timestamptz)",
        "create schema till",
        "create table till.takings (id int)",
    )
    assert "has no table 'ordres' (nearest: orders)" in refusal(table="ordres")
    assert "(nearest: till.takings)" in refusal(table="till.taking")
    assert "refused to give table" in refusal(table="orders\x00")
    message = refusal(incremental="loaded")
    assert "sources.orders.incremental: table public.orders has no column 'loaded'" in message
    assert "(nearest: loaded_at)" in message
    with pytest.raises(BadParams, match="is int4; name the column of when"):
        copy(incremental="id", key=["loaded_at"])


def test_a_wrong_password_and_no_server_are_reported_without_secrets(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", shop.url().replace(PASSWORD, f"not-{PASSWORD}"))
    assert "password authentication failed" in refusal()
    monkeypatch.setenv("DATABASE_URL", shop.url(port=services.free_port()))
    start = time.monotonic()
    assert "cannot be reached" in refusal()
    assert time.monotonic() - start < 5


def test_no_message_shows_the_values_of_a_row(shop: Shop) -> None:
    shop.run(
        "create table rows (id int, said text)",
        "insert into rows values (1, 'Quibbleworth')",
        "create view orders as select id, said::int as said from rows",
    )
    message = refusal()
    assert "InvalidTextRepresentation" in message
    assert "Quibble" not in message


def test_a_slow_table_ends_at_the_timeout(shop: Shop) -> None:
    shop.run("create view orders as select 1 as id, pg_sleep(60)::text as slept")
    start = time.monotonic()
    assert "was not read within 1 s; raise database_timeout" in refusal(database_timeout=1)
    assert time.monotonic() - start < 10


def test_a_server_that_never_answers_is_given_up(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    with services.line(shop.server.port) as line:
        line.dead.set()
        monkeypatch.setenv("DATABASE_URL", shop.url(port=line.port))
        start = time.monotonic()
        assert "cannot be reached" in refusal(database_timeout=2)
        assert time.monotonic() - start < 10


def test_a_line_that_goes_dead_while_rows_come_is_given_up(
    shop: Shop, monkeypatch: pytest.MonkeyPatch
) -> None:
    from retention.sources.database import connection

    with services.line(shop.server.port) as line:
        monkeypatch.setenv("DATABASE_URL", shop.url(port=line.port))
        start = time.monotonic()

        def asked() -> None:
            with connection.reading(source(database_timeout=2), KEY) as reading:
                line.dead.set()
                reading.execute("select 1")

        with pytest.raises(BadInput, match="cannot be reached"):
            asked()
        assert 2 <= time.monotonic() - start < 10
