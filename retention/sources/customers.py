"""The customers' file: its rows validated, and contact data read when a list needs it.

Names, e-mails and phones are read by `read_contacts` alone and are never stored.
"""

import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from retention.core import errors, events
from retention.core.errors import BadInput, BadParams
from retention.core.params import ColumnType, CustomersFile, Params
from retention.sources import column_errors, parsing, reader, rule_messages
from retention.sources.expressions import Compiler, Expression, bind_types
from retention.sources.reader import run
from retention.sources.row_sql import DEFECTS, RejectRule

_TEXT: Final = pa.string()
NAME: Final = re.compile(r"[\w .#/-]+")
"""What a column's name may be, unlike SQL that calls a function."""
CONTACTS: Final = pa.schema(
    [
        *((name, _TEXT) for name in ("customer_id", *events.CONTACT_DATA)),
        *((name, _TEXT) for name in ("preferred_channel", "language", "owner")),
        ("do_not_contact", pa.bool_()),
    ]
)

_TYPES: Final[dict[str, ColumnType]] = {
    "joined_at": "timestamp",
    "known_at": "timestamp",
    "acquisition_cost": "decimal",
    "do_not_contact": "boolean",
}


def read_contacts(params: Params) -> pa.Table:
    """How to reach each customer as of today (CONTACTS, by customer_id), from the raw file.

    Of versions known at one time the last counts, as in the stage `customers`; an objection to
    contact that one of them states counts in any case.
    """
    if params.customers is None:
        return CONTACTS.empty_table()
    with validated_rows(params, params.customers) as connection:
        same_moment = "partition by customer_id, known_at"
        newest = "partition by customer_id order by known_at desc, file desc, line desc"
        table = connection.sql(
            f"""select {columns_sql(CONTACTS)} from (select * replace (
                bool_or(do_not_contact) over ({same_moment}) as do_not_contact) from customers)
            qualify row_number() over ({newest}) = 1 order by customer_id"""
        ).to_arrow_table()
        return table.cast(CONTACTS)


def columns_sql(schema: pa.Schema) -> str:
    """SQL of the columns of a schema, each in its type."""
    return ", ".join(
        f"{field.name}::{parsing.sql_type(field.type)} as {field.name}" for field in schema
    )


@contextmanager
def validated_rows(params: Params, file: CustomersFile) -> Iterator[duckdb.DuckDBPyConnection]:
    """A connection with tables `customers` (the accepted rows) and `rejects`.

    BadInput: too many rejects, or any when do_not_contact is mapped, since it may be an objection;
    a customer twice when no known_at tells the versions apart. BadParams: a time without a type.
    """
    with TemporaryDirectory(prefix="raw-") as scratch, reader.connect(params.engine.memory) as con:
        files = reader.open_files(file, Path(scratch))
        _load_columns(con, file, files)
        clock = parsing.Clock(params.zone_of(file), file.dst)
        _validate_rows(con, file, ZoneInfo(params.time_zone), clock)
        parsing.refuse_undeclared_dst(con, clock, "customers")
        _refuse_rejects(con, file, params.ingest.max_reject_share)
        yield con


def _load_columns(
    connection: duckdb.DuckDBPyConnection, file: CustomersFile, files: Sequence[reader.OpenFile]
) -> None:
    """Make `cells` (file, line, defect, v0, v1, ... by mapped column) and `unread`.

    A mapped column is a column of the file or SQL over its cells as text.
    """
    compiler = Compiler(connection, reader.shared_columns(files), files[0].label)
    compiled = [
        _compile(compiler, files, text, f"customers.columns.{column}")
        for column, text in file.columns.items()
    ]
    reader.load(connection, file, files, compiler.wanted)
    bind_types(connection, "raw", compiled)
    cells = ", ".join(f"{expression.sql} as x{i}" for i, expression in enumerate(compiled))
    names = ", ".join(f"x{i} as v{i}" for i in range(len(compiled)))
    try:
        run(
            connection,
            f"""create table cells as select file, line, defect, {names}
            from (select file, line, defect, {cells} from raw)""",
        )
    except (duckdb.DataError, duckdb.InvalidInputException) as error:
        raise BadInput(
            f"customers.columns: {type(error).__name__} in the SQL on some row; guard it, as"
            " try_cast(x as integer)"
        ) from None


def _compile(
    compiler: Compiler, files: Sequence[reader.OpenFile], text: str, key: str
) -> Expression:
    """A mapped column compiled; BadInput with the nearest names where it looks like a name."""
    if NAME.fullmatch(text):
        column_errors.require_column(files, text, key)
    return compiler.compile(text, key)


def _validate_rows(
    connection: duckdb.DuckDBPyConnection,
    file: CustomersFile,
    business: ZoneInfo,
    clock: parsing.Clock,
) -> None:
    cells = connection.table("cells")
    native = dict(zip(cells.columns, map(str, cells.types), strict=True))
    parsed, values = [], []
    for i, column in enumerate(file.columns):
        text, kind = f"v{i}", _column_type(file, column)
        parsed.append(f"{_parsed_sql(file, text, kind, native[text], column)} as p_{column}")
        values.append(f"{_instant_sql(file, kind, native[text], column, clock)} as {column}")
    absent = [
        f"null as {column}" for column in events.CUSTOMER_COLUMNS if column not in file.columns
    ]
    inner = (
        f"select *, {', '.join([*values, *absent])} from (select *, {', '.join(parsed)} from cells)"
    )
    reject_rules = list(_reject_rules(file))
    names = " ".join(f"when {rule.when} then '{rule.name}'" for rule in reject_rules)
    columns = " ".join(
        f"when {rule.when} then {reader.literal(rule.column)}" for rule in reject_rules
    )
    raw_values = " ".join(f"when {rule.when} then {rule.raw}" for rule in reject_rules)
    run(
        connection,
        f"""create table judged as select *, case {names} end as rule,
            case {columns} end as "column", case {raw_values} end as raw from ({inner})""",
    )
    _split_rows(connection, business)


def _split_rows(connection: duckdb.DuckDBPyConnection, business: ZoneInfo) -> None:
    joined_day, known_day = (
        parsing.day_sql(f"{column}::timestamptz", business) for column in ("joined_at", "known_at")
    )
    run(
        connection,
        f"""create table customers as select * replace (
                coalesce(do_not_contact, false) as do_not_contact),
            {joined_day} as joined_day, {known_day} as known_day
        from judged where rule is null""",
    )
    run(
        connection,
        f"""create table rejects as
        select file, line, "column", rule, {parsing.masked_sql("raw")} as raw
        from (select file, line, "column", rule, raw from judged where rule is not null
            union all select file, line, "column", rule, raw from unread) order by file, line""",
    )


def _column_type(file: CustomersFile, column: str) -> ColumnType:
    """The declared type for a time; else the type that the column must have."""
    wanted = _TYPES.get(column, "text")
    if wanted != "timestamp":
        return wanted
    declared = file.types.get(file.columns[column])
    if declared not in ("timestamp", "date"):
        raise BadParams(
            f"customers.types: {file.columns[column]} needs the type timestamp or date and a"
            f" format, for it is {column}"
        )
    return declared


def _parsed_sql(file: CustomersFile, text: str, kind: ColumnType, native: str, column: str) -> str:
    if kind in ("timestamp", "date") and native.startswith(("TIMESTAMP", "DATE")):
        return parsing.finite_sql(text, kind)
    key = f"customers.types.{file.columns[column]}"
    form = parsing.native_format(file.format, native)
    return parsing.parsed_sql(f"{text}::varchar", kind, form, key)


def _instant_sql(
    file: CustomersFile, kind: ColumnType, native: str, column: str, clock: parsing.Clock
) -> str:
    value = f"p_{column}"
    if kind == "date":
        return parsing.instant_sql(value, parsing.DATE, clock)
    if kind != "timestamp":
        return value
    offset = native.endswith("ZONE") or file.format.states_instants
    return parsing.instant_sql(value, parsing.INSTANT if offset else parsing.CLOCK, clock)


def _reject_rules(file: CustomersFile) -> Iterator[RejectRule]:
    """Every rule, in the order in which the first broken one is reported."""
    yield from DEFECTS
    for i, (column, raw) in enumerate(file.columns.items()):
        text = f"v{i}::varchar"
        if column == "customer_id":
            yield RejectRule("blank_id", raw, text, parsing.blank_sql(text))
            has_control = parsing.control_character_sql(text)
            yield RejectRule("control_character", raw, text, has_control)
        unparsed = f"trim({text}) <> '' and p_{column} is null"
        yield RejectRule(f"not_{_column_type(file, column)}", raw, text, unparsed)
        yield RejectRule("dst", raw, text, f"p_{column} is not null and {column} is null")
        if column == "known_at":
            yield RejectRule("blank_time", raw, text, parsing.blank_sql(text))


def _refuse_rejects(
    connection: duckdb.DuckDBPyConnection, file: CustomersFile, max_share: float
) -> None:
    ((n_accepted,),) = run(connection, "select count(*) from customers")
    ((n_rejected,),) = run(connection, "select count(*) from rejects")
    allowed = 0 if "do_not_contact" in file.columns else max_share * (n_accepted + n_rejected)
    if n_rejected > allowed:
        ((path, line, column, rule, raw),) = run(connection, "from rejects order by all limit 1")
        why = "; one of them may be an objection to contact" if not allowed else ""
        why += f"; {rule_messages.fix(rule)}"
        raise BadInput(
            f"{path}: line {line}, column {column!r}, {raw}: {rule}, the first of"
            f" {n_rejected:,} rejects in {n_accepted + n_rejected:,} rows{why}"
        )
    if "known_at" not in file.columns:
        _refuse_duplicates(connection, file)


def _refuse_duplicates(connection: duckdb.DuckDBPyConnection, file: CustomersFile) -> None:
    duplicates = run(
        connection,
        """select customer_id, list(file order by file, line), list(line order by file, line)
        from customers group by customer_id having count(*) > 1 order by 2, 3 limit 1""",
    )
    for customer, paths, lines in duplicates:
        raise BadInput(
            f"{paths[0]}: line {lines[0]}, column {file.columns['customer_id']!r},"
            f" {errors.mask(customer)} stands again in {paths[1]}, line {lines[1]}; keep one row"
            " a customer, or map known_at if they are versions"
        )
