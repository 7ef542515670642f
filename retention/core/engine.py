"""The engine: DuckDB in the process, or Spark; no other module names either.

Everything above it is Narwhals expressions, which both understand.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from itertools import count
from typing import Any, Protocol, cast, runtime_checkable

import duckdb
import narwhals as nw
import pyarrow as pa

from retention.core.params import EngineParams
from retention.core.storage.atomic import PathLike


class Engine(Protocol):
    """What stages use of an engine. Frames are lazy until materialised or collected."""

    def scan(self, path: PathLike) -> nw.LazyFrame[Any]:
        """A Parquet file, or a glob of them."""

    def load(self, table: pa.Table) -> nw.LazyFrame[Any]:
        """A table from memory."""

    def materialize(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        """Compute a frame once that several frames are derived from; dropped by `release`."""

    def release(self) -> None:
        """Drop what `materialize` computed."""

    def collect(self, frame: nw.LazyFrame[Any], sort: Sequence[str]) -> pa.Table:
        """Compute a frame, in the order of its key `sort`."""


@runtime_checkable
class InProcess(Engine, Protocol):
    """An engine whose frames and Arrow tables lie in the same memory."""

    def lend(self, table: pa.Table, name: str = "") -> AbstractContextManager[nw.LazyFrame[Any]]:
        """A table from memory, for the block alone; under a name for `query`."""

    def query(self, frame: nw.LazyFrame[Any], sort: Sequence[str]) -> Callable[[], pa.Table]:
        """`collect`, to be called whenever other tables are lent under the same names."""


def _lazy(native: Any) -> nw.LazyFrame[Any]:
    return cast("nw.LazyFrame[Any]", nw.from_native(native))


class DuckDB:
    """The embedded engine."""

    def __init__(self, memory: str = "4GB", threads: int = 2) -> None:
        self.connection = duckdb.connect(config={"memory_limit": memory, "threads": threads})
        self.connection.execute("set TimeZone = 'UTC'")
        self._names = (f"materialized_{number}" for number in count())
        self._materialized: list[str] = []

    def scan(self, path: PathLike) -> nw.LazyFrame[Any]:
        return _lazy(self.connection.read_parquet(str(path)))

    def load(self, table: pa.Table) -> nw.LazyFrame[Any]:
        name = next(self._names)
        self.connection.register(name, table)
        return _lazy(self.connection.table(name))

    @contextmanager
    def lend(self, table: pa.Table, name: str = "") -> Iterator[nw.LazyFrame[Any]]:
        name = name or next(self._names)
        self.connection.register(name, table)
        try:
            yield _lazy(self.connection.table(name))
        finally:
            self.connection.unregister(name)

    def materialize(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        name = next(self._names)
        nw.to_native(frame).to_table(name)
        self._materialized.append(name)
        return _lazy(self.connection.table(name))

    def release(self) -> None:
        while self._materialized:
            self.connection.execute(f"drop table {self._materialized.pop()}")

    def collect(self, frame: nw.LazyFrame[Any], sort: Sequence[str]) -> pa.Table:
        return nw.to_native(frame.sort(*sort)).to_arrow_table()

    def query(self, frame: nw.LazyFrame[Any], sort: Sequence[str]) -> Callable[[], pa.Table]:
        # To build a wide query takes Python longer than to run it, so its text is kept.
        text = nw.to_native(frame.sort(*sort)).sql_query()
        return lambda: self.connection.sql(text).to_arrow_table()

    def close(self) -> None:
        self.connection.close()


class Spark:
    """A Spark session, local or remote (Spark Connect)."""

    def __init__(self, session: Any) -> None:
        self.session = session

    def scan(self, path: PathLike) -> nw.LazyFrame[Any]:
        return _lazy(self.session.read.parquet(str(path)))

    def load(self, table: pa.Table) -> nw.LazyFrame[Any]:
        return _lazy(self.session.createDataFrame(table))

    def materialize(self, frame: nw.LazyFrame[Any]) -> nw.LazyFrame[Any]:
        # A cached frame keeps its plan, which Spark analyses anew in all that is derived from it.
        return _lazy(nw.to_native(frame).localCheckpoint())

    def release(self) -> None:
        """Spark drops a checkpoint when the last frame that reads it is gone."""

    def collect(self, frame: nw.LazyFrame[Any], sort: Sequence[str]) -> pa.Table:
        return nw.to_native(frame.sort(*sort)).toArrow()

    def close(self) -> None:
        self.session.stop()


@contextmanager
def open_engine(params: EngineParams) -> Iterator[DuckDB | Spark]:
    """The engine of params; closed when the block ends."""
    engine = DuckDB(params.memory) if params.name == "duckdb" else Spark(_session(params))
    try:
        yield engine
    finally:
        engine.close()


def _session(params: EngineParams) -> Any:
    from pyspark.sql import SparkSession

    builder = SparkSession.builder.appName("retention").config("spark.sql.session.timeZone", "UTC")
    if params.remote:
        return builder.remote(params.remote).getOrCreate()
    return builder.master(params.master or "local[2]").getOrCreate()
