"""What an artefact is; how a table is read and written, checked against its declaration."""

from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from functools import cached_property
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from retention.core.artefacts.artefact import Artefact
from retention.core.errors import BadInput, BadOutput, mask
from retention.core.storage import atomic


@dataclass(frozen=True)
class Column:
    """A column of a table."""

    name: str
    type: pa.DataType
    doc: str  # what it means: unit, and when it is null


@dataclass(frozen=True)
class TableArtefact(Artefact):
    """A table: one row a `grain`, unique by `key` unless that is empty."""

    grain: str
    key: tuple[str, ...]
    columns: tuple[Column, ...]
    open_ended: str = ""  # where the columns after these are listed; "": there are none
    nullable: tuple[str, ...] = ()  # columns of the key that may be null

    @cached_property
    def schema(self) -> pa.Schema:
        """The declared columns, in order."""
        return pa.schema([(column.name, column.type) for column in self.columns])

    @property
    def names(self) -> list[str]:
        """The names of the declared columns, in order."""
        return [column.name for column in self.columns]


@dataclass(frozen=True)
class CsvTable(TableArtefact):
    """A table that people open: CSV, written by the module that lays it out."""


@dataclass(frozen=True)
class Table(TableArtefact):
    """A Parquet table, checked whenever it is read or written."""

    def read(self, columns: Sequence[str] | None = None, filters: Any = None) -> pa.Table:
        """The table, or some columns and rows of it.

        Errors: BadInput where it is not there, or is not as declared. The key is checked when all
        its columns are read.
        """
        if not self.path.is_file():
            raise BadInput(f"{self.path}: not there yet; run make repro first")
        try:
            fault = self.schema_fault(pq.read_schema(self.path))
            table = None if fault else pq.read_table(self.path, columns=columns, filters=filters)
        except pa.ArrowInvalid:
            fault, table = "no Parquet file, or a damaged one", None
        if table is not None and set(self.key) <= set(table.column_names):
            fault = self.key_fault(table)
        if fault:
            raise BadInput(f"{self.path}: {fault}; run make repro to make it anew")
        return table

    def rows(self) -> int:
        """How many rows it has, by its footer alone."""
        return int(pq.read_metadata(self.path).num_rows)

    def write(self, table: pa.Table) -> None:
        """Write the whole table in one step. Errors: BadOutput where it is not as declared."""
        self._refuse(self.schema_fault(table.schema) or self.key_fault(table))
        atomic.write_table(self.path, table)

    @contextmanager
    def writer(self, schema: pa.Schema | None = None) -> Iterator["PartWriter"]:
        """Write part by part; the file is there when the block ends well.

        schema: that of the file, where the table has more columns than are declared.
        """
        schema = schema or self.schema
        self._refuse(self.schema_fault(schema))
        with (
            atomic.atomic_file(self.path) as path,
            pq.ParquetWriter(path, schema) as writer,
        ):
            yield PartWriter(self, writer)

    def schema_fault(self, schema: pa.Schema) -> str:
        """What differs from the declared names, their order or their types; "" if nothing does."""
        for name in self.names:
            if name not in schema.names:
                return f"column {name} is missing"
        for name in schema.names:
            if name not in self.names and not self.open_ended:
                return f"column {name} is not declared"
        for name, column in zip(schema.names, self.columns, strict=False):
            # models take features by name, so their order means nothing
            if name != column.name and not self.open_ended:
                return f"column {name} stands where {column.name} belongs"
        for column in self.columns:
            actual = schema.field(column.name).type
            if actual != column.type:
                return f"column {column.name} is {actual}, not {column.type}"
        return ""

    def key_fault(self, table: pa.Table) -> str:
        """Which column of the key is null, or which key is repeated first; "" if neither is."""
        if not self.key:
            return ""
        for name in self.key:
            if name not in self.nullable and table[name].null_count:
                return f"column {name} of the key is null in {table[name].null_count:,} rows"
        keys = table.select(self.key).group_by(list(self.key), use_threads=False)
        counts = keys.aggregate([([], "count_all")])
        if len(counts) == len(table):
            return ""
        repeated = counts.filter(pc.greater(counts["count_all"], 1))
        first = ", ".join(
            f"{name} {mask(value) if isinstance(value, str) else value}"
            for name, value in repeated.select(self.key).slice(0, 1).to_pylist()[0].items()
        )
        return f"{len(repeated):,} keys stand in more than one row, the first: {first}"

    def _refuse(self, fault: str) -> None:
        if fault:
            raise BadOutput(f"{self.path}: {fault}; a fault of this program, not of the data")


@dataclass(frozen=True)
class PartWriter:
    """Writes a table part by part; a key is looked for in its own part only."""

    table: Table
    parquet: pq.ParquetWriter

    def write(self, part: pa.Table) -> None:
        """Errors: BadOutput where the part has other columns, or repeats a key."""
        fault = self.table.schema_fault(part.schema) or self.table.key_fault(part)
        self.table._refuse(fault)
        self.parquet.write_table(part)
