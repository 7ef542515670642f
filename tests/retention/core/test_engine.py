"""The embedded engine."""

from pathlib import Path

import duckdb
import narwhals as nw
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from retention.core import engine
from retention.core.params import EngineParams

TABLE = pa.table({"customer_id": ["b", "a", "c"], "days": [2, 1, None]})


@pytest.fixture
def duck() -> engine.DuckDB:
    return engine.DuckDB(memory="500MB")


def test_collect_gives_the_rows_in_the_order_of_the_key(duck: engine.DuckDB) -> None:
    collected = duck.collect(duck.load(TABLE), sort=["customer_id"])
    assert collected.to_pylist() == [
        {"customer_id": "a", "days": 1},
        {"customer_id": "b", "days": 2},
        {"customer_id": "c", "days": None},
    ]


def test_scan_reads_one_parquet_file_or_a_glob_of_them(duck: engine.DuckDB, tmp_path: Path) -> None:
    for name in ("one", "two"):
        pq.write_table(TABLE, tmp_path / f"{name}.parquet")
    assert len(duck.collect(duck.scan(tmp_path / "one.parquet"), sort=["days"])) == 3
    assert len(duck.collect(duck.scan(tmp_path / "*.parquet"), sort=["days"])) == 6


def test_a_materialized_frame_is_computed_once_and_outlives_its_source(duck: engine.DuckDB) -> None:
    duck.connection.execute("create table source as select 1 as days")
    source: nw.LazyFrame[duckdb.DuckDBPyRelation] = nw.from_native(duck.connection.table("source"))
    once = duck.materialize(source.with_columns(twice=nw.col("days") * 2))
    duck.connection.execute("drop table source")
    assert duck.collect(once, sort=["days"]).to_pylist() == [{"days": 1, "twice": 2}]


def test_release_drops_what_was_materialized_and_may_be_called_twice(duck: engine.DuckDB) -> None:
    frames = [duck.materialize(duck.load(TABLE)) for _ in range(2)]
    duck.release()
    duck.release()
    for frame in frames:
        with pytest.raises(duckdb.Error):
            duck.collect(frame, sort=["days"])


def test_times_are_utc_wherever_the_machine_stands(duck: engine.DuckDB) -> None:
    assert duck.connection.sql("select current_setting('TimeZone')").fetchall() == [("UTC",)]


def test_open_engine_gives_the_engine_of_params_and_closes_it() -> None:
    with engine.open_engine(EngineParams(name="duckdb", memory="500MB")) as opened:
        assert isinstance(opened, engine.DuckDB)
        frame = opened.load(TABLE)
        assert len(opened.collect(frame, sort=["days"])) == 3
    with pytest.raises(duckdb.Error):
        opened.connection.execute("select 1")


def test_open_engine_closes_the_engine_when_the_stage_fails() -> None:
    opened: list[engine.DuckDB | engine.Spark] = []

    def stage() -> None:
        with engine.open_engine(EngineParams(memory="500MB")) as duck:
            opened.append(duck)
            raise ZeroDivisionError

    with pytest.raises(ZeroDivisionError):
        stage()
    assert isinstance(opened[0], engine.DuckDB)
    with pytest.raises(duckdb.Error):
        opened[0].connection.execute("select 1")
