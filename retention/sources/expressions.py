"""Compile the SQL of a mapping: a column's name, or scalar SQL over one row, and nothing else.

DuckDB parses the text and every node of its tree is checked against an allowlist. Column names are
replaced by their positions, so no name of the file ever becomes part of a query.
"""

import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final

import duckdb

from retention.core.errors import BadInput, BadParams, suggestion
from retention.core.params import ColumnType
from retention.sources.column_errors import missing_column
from retention.sources.reader import identifier, literal, run

_NODES: Final = frozenset(
    "COLUMN_REF CONSTANT FUNCTION OPERATOR COMPARISON CONJUNCTION CASE CAST BETWEEN TYPE".split()  # noqa: SIM905
)
_NODE_NAMES: Final = {
    "WINDOW": "a window function",
    "SUBQUERY": "a subquery",
    "LAMBDA": "a lambda",
    "STAR": "a star",
    "PARAMETER": "a parameter",
}
_MACROS: Final = frozenset({"nullif", "split_part", "if", "date_add", "fdiv", "fmod"})
_UNSTABLE: Final = frozenset({"age", "current_localtime", "current_localtimestamp", "version"})
_UNSTABLE_PREFIXES: Final = ("json_serialize", "json_deserialize", "__internal", "current_", "pg_")
_PLAIN_SELECT: Final[dict[str, Any]] = {
    "modifiers": [],
    "cte_map": {"map": []},
    "where_clause": None,
    "group_expressions": [],
    "group_sets": [],
    "having": None,
    "sample": None,
    "qualify": None,
}


_COUNTED: Final = ("epoch_ms", "make_timestamp", "make_timestamp_ms", "make_timestamp_ns")
"""Functions that turn a count since 1970, their one argument, into a clock time of UTC."""

_SQL_TYPES: Final[dict[ColumnType, str]] = {
    "text": "varchar",
    "integer": "bigint",
    "decimal": "decimal(38, 4)",
    "double": "double",
    "boolean": "boolean",
    "timestamp": "timestamptz",
    "date": "date",
}
"""The types in which mappings see the columns."""


@dataclass(frozen=True)
class Expression:
    """A compiled mapping."""

    sql: str  # over the columns v0, v1, ... of `Compiler.wanted`
    key: str  # the place in params.yaml where it is written


class NoColumn(BadInput):
    """A mapping names a column that the files do not have."""

    def __init__(self, message: str, label: str, column: str, key: str) -> None:
        super().__init__(message)
        self.column = column
        self._where = f"{label}: line 1 has no column {column!r}, which {key} names"

    def with_advice(self, advice: str) -> "NoColumn":
        """The same refusal with other advice than the names nearest to the column's."""
        self.args = (f"{self._where}; {advice}",)
        return self


class Compiler:
    """Compiles the mappings of one source against the columns its files have.

    `wanted` grows with the columns that mappings use, in the order of their first use. types: as
    params.yaml declares them; the other columns are text.
    """

    def __init__(
        self,
        connection: duckdb.DuckDBPyConnection,
        names: Sequence[str],
        label: str,
        types: Mapping[str, ColumnType] | None = None,
    ):
        self.wanted: list[str] = []
        self._connection, self.names, self._label = connection, tuple(names), label
        self._types = types or {}
        self._scalar = _scalar_functions(connection)

    def position(self, column: str, key: str, text: str = "") -> int:
        """The position among `wanted` of a column of the file; NoColumn when the file lacks it.

        `text` is what stands at `key`, if not the column's name alone.
        """
        if column not in self.names:
            raise self._missing(column, key, text or column)
        if column not in self.wanted:
            self.wanted.append(column)
        return self.wanted.index(column)

    def _missing(self, column: str, key: str, text: str) -> NoColumn:
        message = missing_column(self._label, self.names, column, key, text, self.wanted)
        return NoColumn(message, self._label, column, key)

    def compile(self, text: str, key: str) -> Expression:
        """BadParams when `text` is no scalar SQL, NoColumn when it names a missing column."""
        if text in self.names:
            return Expression(f"v{self.position(text, key)}", key)
        tree = self._parse(text, key)
        expression = tree["statements"][0]["node"]["select_list"][0]
        for node in list(_nodes(expression)):
            self._check(node, text, key)
        self._make_counts_instants(tree, expression)
        return Expression(f"({self._written(tree, expression)})", key)

    def _make_counts_instants(self, tree: dict[str, Any], expression: dict[str, Any]) -> None:
        """Read the clock times of UTC that are counted since 1970 as times of UTC.

        Else they would be taken for clock times of the source. SQL that names a zone says itself
        what its times are.
        """
        calls = [node for node in _nodes(expression) if node["class"] == "FUNCTION"]
        if any(_function(call) == "timezone" for call in calls):
            return
        # The same functions also give the count of a time: only what gives a time is meant.
        counted = [
            call
            for call in calls
            if _function(call) in _COUNTED
            and len(call["arguments"]) == 1
            and self._sql_type(tree, call).startswith("TIMESTAMP")
        ]
        for call in counted:
            in_utc = self._parse("timezone('UTC', 0)", "")
            (wrapped,) = in_utc["statements"][0]["node"]["select_list"]
            wrapped["arguments"][1]["expression"] = dict(call)
            call.clear()
            call.update(wrapped)

    def _sql_type(self, tree: dict[str, Any], expression: dict[str, Any]) -> str:
        """The SQL type of a part of a checked tree; empty where it does not bind."""
        columns = (
            f"null::{_SQL_TYPES[self._types.get(column, 'text')]} as v{i}"
            for i, column in enumerate(self.wanted)
        )
        sql = f"select {self._written(tree, expression)} from (select {', '.join(['1', *columns])})"
        try:
            return str(self._connection.sql(sql).types[0])
        except duckdb.Error:
            return ""

    def _written(self, tree: dict[str, Any], expression: dict[str, Any]) -> str:
        """The SQL of a tree with this expression in the place of its own."""
        (statement,) = tree["statements"]
        node = statement["node"] | {"select_list": [expression]}
        sql = json.dumps(tree | {"statements": [statement | {"node": node}]})
        ((written,),) = run(self._connection, f"select json_deserialize_sql({literal(sql)})")
        return str(written).removeprefix("SELECT ")

    def _parse(self, text: str, key: str) -> dict[str, Any]:
        ((answer,),) = run(
            self._connection, f"select json_serialize_sql({literal('select ' + text)}::varchar)"
        )
        tree: dict[str, Any] = json.loads(answer)
        if tree["error"]:
            close = suggestion(text, self.names)
            raise BadParams(
                f"{key}: {text!r} is neither a column of {self._label}{close} nor SQL;"
                ' quote an odd column name in SQL as "name"'
            )
        if not _one_expression(tree):
            raise BadParams(f"{key}: {text!r} is more than one value; write one scalar expression")
        return tree

    def _check(self, node: dict[str, Any], text: str, key: str) -> None:
        kind = node["class"]
        if kind not in _NODES:
            what = _NODE_NAMES.get(kind, kind.lower())
            raise BadParams(f"{key}: {text!r} has {what}; only scalar SQL over the row is allowed")
        if kind == "FUNCTION":
            self._check_function(node, text, key)
        if kind == "COLUMN_REF":
            node["column_names"] = [self._resolve(node["column_names"], text, key)]

    def _check_function(self, node: dict[str, Any], text: str, key: str) -> None:
        path = node["qualified_name"]["path"]
        extras = node["filter"] or node["distinct"] or node["order_bys"]["orders"]
        if len(path) > 1 or extras or path[-1].lower() not in self._scalar:
            raise BadParams(
                f"{key}: {text!r} calls {'.'.join(path)}; only scalar functions that give the same"
                " answer for the same row are allowed"
            )

    def _resolve(self, path: Sequence[str], text: str, key: str) -> str:
        if len(path) == 1 and path[0].lower() in {"current_date", "current_time", "now"}:
            raise BadParams(f"{key}: {text!r} depends on the day it runs; only the row is allowed")
        # Names within JSON objects are joined by points, as SQL joins those of tables and columns.
        whole = ".".join(path)
        alike = [name for name in self.names if name.lower() == whole.lower()]
        column = whole if whole in self.names else alike[0] if len(alike) == 1 else None
        if column is None:
            raise self._missing(whole, key, text)
        return f"v{self.position(column, key)}"


def _function(call: dict[str, Any]) -> str:
    """The name of the function that a node of a tree calls."""
    return str(call["qualified_name"]["path"][-1]).lower()


def _one_expression(tree: dict[str, Any]) -> bool:
    if len(tree["statements"]) != 1:
        return False
    node = tree["statements"][0]["node"]
    plain = node["type"] == "SELECT_NODE" and node["from_table"]["type"] == "EMPTY"
    plain = plain and all(node.get(key) == value for key, value in _PLAIN_SELECT.items())
    return bool(plain and len(node["select_list"]) == 1 and not node["select_list"][0]["alias"])


def _nodes(tree: Any) -> Iterator[dict[str, Any]]:
    if isinstance(tree, dict) and "class" in tree:
        yield tree
    for part in tree.values() if isinstance(tree, dict) else tree if isinstance(tree, list) else ():
        yield from _nodes(part)


def _scalar_functions(connection: duckdb.DuckDBPyConnection) -> frozenset[str]:
    """Functions all of whose forms are scalar and depend on nothing but their arguments."""
    rows = run(
        connection,
        """select lower(function_name) from duckdb_functions() group by all having
        bool_and(function_type = 'scalar' and stability = 'CONSISTENT')""",
    )
    consistent = {name for (name,) in rows if not name.startswith(_UNSTABLE_PREFIXES)}
    return frozenset((consistent - _UNSTABLE) | _MACROS)


def bind_types(
    connection: duckdb.DuckDBPyConnection, table: str, expressions: Sequence[Expression]
) -> list[str]:
    """The SQL type of each expression over `table`; BadParams for the first that does not bind."""
    return [_sql_type(connection, table, expression) for expression in expressions]


def _sql_type(connection: duckdb.DuckDBPyConnection, table: str, expression: Expression) -> str:
    try:
        return str(
            connection.sql(f"select {expression.sql} as x from {identifier(table)}").types[0]
        )
    except duckdb.Error as error:
        reason = str(error).split("\n")[0].split(". ")[0]
        raise BadParams(
            f"{expression.key}: {reason}; a column is text unless types: gives it another type"
        ) from None
