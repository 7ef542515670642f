"""Tables of SQLite and DuckDB files, copied as those of a server are."""

import datetime as dt
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import duckdb
import pyarrow.parquet as pq
import pytest

from pipeline.extract import extract
from retention.core.errors import BadInput, BadParams
from retention.core.params import Source
from retention.sources.database import opening

KEY = "sources.rides"


def source(folder: Path, table: str = "rides", **more: Any) -> Source:
    events = [{"kind": "ride", "customer_id": "who", "occurred_at": "at"}]
    raw = {"table": table, "key": ["id"], "events": events, **more}
    return Source.model_validate(raw).model_copy(update={"path": str(folder / "copy")})


def copied(folder: Path, file: Source) -> list[dict[str, Any]]:
    """The rows of all parts after another reading."""
    extract(file, ZoneInfo("UTC"), KEY, print)
    paths = sorted(folder.glob("copy/*.parquet"))
    return [row for path in paths for row in pq.read_table(path).to_pylist()]


@pytest.fixture
def duck(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Callable[..., None]:
    """Runs statements in a DuckDB file whose address is in the environment."""
    monkeypatch.setenv("DATABASE_URL", f"duckdb:///{tmp_path}/rides.duckdb")

    def run(*statements: str) -> None:
        with duckdb.connect(str(tmp_path / "rides.duckdb")) as connection:
            for statement in statements:
                connection.execute(statement)

    return run


def test_a_duckdb_table_keeps_its_times_and_all_else_as_text(
    tmp_path: Path, duck: Callable[..., None]
) -> None:
    duck(
        "create schema city",
        """create table city.rides as select * from (values
            (2, 'b', timestamptz '2026-03-01 10:00+02', date '2026-03-01', 12345678901234567.89),
            (1, null, timestamptz '2026-02-01 10:00+00', null, 0.1))
            as t(id, who, "at", day, fare)""",
    )
    first, second = copied(tmp_path, source(tmp_path, "city.rides"))
    assert (first["id"], first["who"], first["day"], first["fare"]) == ("1", None, None, "0.10")
    assert second["at"] == dt.datetime(2026, 3, 1, 8, tzinfo=dt.UTC)
    assert (second["day"], second["fare"]) == (dt.date(2026, 3, 1), "12345678901234567.89")
    with pytest.raises(BadInput, match=r"no table 'ride' \(nearest: rides, city\.rides\)"):
        copied(tmp_path, source(tmp_path, "ride"))


def test_a_row_that_is_overwritten_is_a_version_more(
    tmp_path: Path, duck: Callable[..., None]
) -> None:
    rides = source(tmp_path, incremental="loaded")
    duck(
        "create table rides (id int, who text, loaded timestamp)",
        "insert into rides values (1, 'a', '2026-01-01'), (2, 'b', '2026-01-05')",
    )
    assert len(copied(tmp_path, rides)) == 2
    duck("update rides set who = 'c', loaded = '2026-01-06' where id = 2")
    rows = copied(tmp_path, rides)
    assert [(row["id"], row["who"]) for row in rows] == [("1", "a"), ("2", "b"), ("2", "c")]
    assert copied(tmp_path, rides) == rows


def test_a_sqlite_table_is_text_whatever_its_cells_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", f"sqlite:///{tmp_path}/rides.db")
    with sqlite3.connect(tmp_path / "rides.db") as connection:
        connection.execute("create table rides (id integer, who, at timestamp, fare real)")
        connection.executemany(
            "insert into rides values (?, ?, ?, ?)",
            [(2, "007", "2026-03-01 10:00:00", 19.99), (1, b"\xff", None, "n/a")],
        )
        connection.execute("create view newest as select * from rides where id = 2")
    connection.close()
    rows = copied(tmp_path, source(tmp_path))
    assert [list(row.values()) for row in rows] == [
        ["1", "FF", None, "n/a"],
        ["2", "007", "2026-03-01 10:00:00", "19.99"],
    ]
    assert len(copied(tmp_path, source(tmp_path, "newest"))) == 1
    with opening.opened(source(tmp_path), KEY) as database:
        table = database.find_table(source(tmp_path), KEY)
        (first,) = database.batches(table, KEY, None, max_rows=1)
    assert first.num_rows == 1
    with pytest.raises(BadParams, match=r"column 'at' of table main\.rides is text"):
        copied(tmp_path, source(tmp_path, incremental="at"))


def test_a_file_that_is_no_database_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (tmp_path / "rides.db").write_text("id,who\n1,a\n" * 100)
    for kind in ("sqlite", "duckdb"):
        monkeypatch.setenv("DATABASE_URL", f"{kind}:///{tmp_path}/rides.db")
        with pytest.raises(BadInput, match=r"the file that DATABASE_URL names cannot be read"):
            copied(tmp_path, source(tmp_path))
        monkeypatch.setenv("DATABASE_URL", f"{kind}:///{tmp_path}/gone.db")
        with pytest.raises(BadInput, match=f"is not there; .* after {kind}:///"):
            copied(tmp_path, source(tmp_path))
    monkeypatch.setenv("DATABASE_URL", "mysql://reader@host/shop")
    with pytest.raises(BadParams, match="or a file as sqlite:///PATH or duckdb:///PATH"):
        copied(tmp_path, source(tmp_path))
