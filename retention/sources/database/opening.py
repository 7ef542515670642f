"""Open the database that an address names: one reading of tables, whatever kind it is."""

import datetime as dt
import os
from collections.abc import Iterator, Sequence
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass
from typing import Protocol

import pyarrow as pa

from retention.core.params import RawFile
from retention.sources.database import connection, local_file, stream, tables
from retention.sources.database.tables import DatabaseTable


class Database(Protocol):
    """An open database that sees one snapshot of its tables."""

    def find_table(self, file: RawFile, key: str) -> DatabaseTable:
        """The table that params name; BadInput with the nearest names."""

    def batches(
        self,
        table: DatabaseTable,
        key: str,
        order: Sequence[str] | None,
        since: tuple[str, int] | None = None,
        max_rows: int | None = None,
    ) -> Iterator[pa.RecordBatch]:
        """Its rows in the types of `table.arrow`; `order` and `since` as `tables.copy_sql`."""

    def now(self) -> dt.datetime:
        """The time of the database, with its zone."""


@dataclass(frozen=True)
class PostgreSQL:
    """An open transaction on a server."""

    transaction: connection.Connection

    def find_table(self, file: RawFile, key: str) -> DatabaseTable:
        return tables.find_table(self.transaction, file, key)

    def batches(
        self,
        table: DatabaseTable,
        key: str,
        order: Sequence[str] | None,
        since: tuple[str, int] | None = None,
        max_rows: int | None = None,
    ) -> Iterator[pa.RecordBatch]:
        query = tables.copy_sql(table, order, since, max_rows)
        return stream.batches(self.transaction, query, table.arrow, key)

    def now(self) -> dt.datetime:
        ((current,),) = self.transaction.execute("select now()").fetchall()
        assert isinstance(current, dt.datetime)  # noqa: S101
        return current


def opened(file: RawFile, key: str) -> AbstractContextManager[Database]:
    """The database whose address is in the environment, until the block ends.

    BadParams: no address. BadInput: unreachable, too slow, not allowed, or refused.
    """
    url = os.environ.get(file.database, "").strip()
    return local_file.opened(url, file, key) if local_file.is_local(url) else _server(file, key)


@contextmanager
def _server(file: RawFile, key: str) -> Iterator[Database]:
    with connection.reading(file, key) as transaction:
        yield PostgreSQL(transaction)
