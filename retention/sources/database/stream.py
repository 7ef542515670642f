"""Read the rows of a COPY batch by batch: no table has to fit into memory."""

from collections.abc import Iterator
from typing import Final

import psycopg
import pyarrow as pa
from psycopg import sql
from pyarrow import csv

from retention.core.errors import BadInput
from retention.sources.database.connection import Connection
from retention.sources.database.tables import DAY, TEXT

_BLOCK: Final = 1 << 25
"""Bytes of CSV in a batch; a row must not be longer."""


class _CopyFile:
    """The bytes of a COPY as a file to read."""

    closed = False

    def __init__(self, copy: psycopg.Copy) -> None:
        self._rows = iter(copy)
        self._rest = b""

    def read(self, size: int = -1) -> bytes:
        """As many bytes as asked for, fewer at the end."""
        parts, held = [self._rest], len(self._rest)
        while held < size or size < 0:
            row = next(self._rows, None)
            if row is None:
                break
            parts.append(bytes(row))
            held += len(row)
        whole = b"".join(parts)
        cut = len(whole) if size < 0 else size
        self._rest = whole[cut:]
        return whole[:cut]


def batches(
    connection: Connection, query: sql.Composed, schema: pa.Schema, key: str
) -> Iterator[pa.RecordBatch]:
    """Batches of `schema`. BadInput: a row too large for a batch, or text that is not UTF-8."""
    with connection.cursor() as cursor, cursor.copy(query) as copy:
        try:
            for batch in _csv_reader(copy, schema):
                yield _typed_batch(batch, schema)
        except pa.ArrowInvalid:
            raise BadInput(
                f"{key}: a row of the table is larger than {_BLOCK >> 20} MB, or not UTF-8; read it"
                " through a view without that column"
            ) from None


def _csv_reader(copy: psycopg.Copy, schema: pa.Schema) -> csv.CSVStreamingReader:
    kinds = {field.name: TEXT if field.type == TEXT else pa.int64() for field in schema}
    return csv.open_csv(
        _CopyFile(copy),
        csv.ReadOptions(use_threads=False, block_size=_BLOCK),
        csv.ParseOptions(newlines_in_values=True, ignore_empty_lines=False),
        csv.ConvertOptions(
            column_types=kinds,
            null_values=[""],
            strings_can_be_null=True,
            quoted_strings_can_be_null=False,
        ),
    )


def _typed_batch(batch: pa.RecordBatch, schema: pa.Schema) -> pa.RecordBatch:
    columns = [
        column if field.type == TEXT else _time_column(column, field.type)
        for column, field in zip(batch.columns, schema, strict=True)
    ]
    return pa.RecordBatch.from_arrays(columns, schema=schema)


def _time_column(counts: pa.Array, kind: pa.DataType) -> pa.Array:
    return counts.cast(pa.int32()).view(kind) if kind == DAY else counts.view(kind)
