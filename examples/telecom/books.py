"""What the company's systems write down: rows as they come, some columns filled in later."""

from typing import Any

import numpy as np

from examples.telecom.customers import Array


class Books:
    """Tables of columns. `first` is the first free number of each table's rows."""

    def __init__(self, first: int = 0) -> None:
        self._first = first
        self._rows: dict[str, list[dict[str, Array]]] = {}
        self._later: dict[str, list[tuple[str, Array, Array]]] = {}
        self._length: dict[str, int] = {}

    def add(self, table: str, /, **columns: Any) -> Array:
        """Append rows; scalars count for all. Returns the numbers of the new rows."""
        arrays = dict(zip(columns, np.broadcast_arrays(*columns.values()), strict=True))
        length = len(next(iter(arrays.values())))
        start = self._length.get(table, 0)
        self._rows.setdefault(table, []).append(arrays)
        self._length[table] = start + length
        return np.arange(self._first + start, self._first + start + length)

    def fill(self, table: str, rows: Array, **columns: Any) -> None:
        """Fill in columns of rows written before."""
        for name, values in columns.items():
            full = np.broadcast_to(values, rows.shape)
            self._later.setdefault(table, []).append((name, rows - self._first, full))

    def table(self, name: str) -> dict[str, Array]:
        """A table's columns, with `row`: the number of each row."""
        parts = self._rows.get(name, [])
        columns = {key: np.concatenate([part[key] for part in parts]) for key in parts[0]}
        for key, rows, values in self._later.get(name, []):
            columns[key][rows] = values
        return columns | {"row": np.arange(self._first, self._first + self._length[name])}


class NoBooks(Books):
    """Writes nothing: for what might have been."""

    def add(self, _table: str, /, **columns: Any) -> Array:
        arrays = np.broadcast_arrays(*columns.values())
        return np.zeros(len(arrays[0]), dtype=np.int64)

    def fill(self, table: str, rows: Array, **columns: Any) -> None:
        pass
