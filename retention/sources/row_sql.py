"""What one raw row says, and what is wrong with it, as SQL over a source's cells.

Names inside the SQL are positions, never names of a file: c0 is a cell, v0 its typed value,
x0_amount what the first mapping says of it, m0_amount that in the event column's type.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo

import pyarrow as pa

from retention.core import events as schema
from retention.core.errors import BadParams
from retention.core.params import ColumnType, EventMapping, Params, Source
from retention.sources import parsing
from retention.sources.currency import Rates, code_sql, converted_sql, currency_column, unknown_sql
from retention.sources.expressions import Compiler, Expression

TEXTS: Final = tuple(
    name for name in schema.MAPPABLE if name != "kind" and schema.EVENT_COLUMNS[name] == pa.string()
)
TIMES: Final = ("occurred_at", "known_at", "promised_at", "effective_at")
_SQL_TIMES: Final = ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "DATE")
MONEY_COLUMNS: Final = tuple(
    name for name, kind in schema.EVENT_COLUMNS.items() if kind == schema.MONEY
)
_NULL_TYPE: Final = '"NULL"'


@dataclass(frozen=True)
class RejectRule:
    """A reason to reject a row: its name, the column at fault, SQL of what to show, SQL of when."""

    name: str
    column: str
    raw: str
    when: str


DEFECTS: Final = [
    RejectRule(defect, "", "''", f"defect = '{defect}'")
    for defect in ("nul_byte", "huge_cell", "ragged_row")
]
"""What is wrong with a whole record."""


@dataclass(frozen=True)
class CompiledMapping:
    """One event mapping, compiled."""

    position: int
    declared: EventMapping
    label: str
    where: Expression
    columns: dict[str, Expression]
    currency: Expression | None = None

    @property
    def money(self) -> list[str]:
        """The mapped columns of money."""
        return [column for column in MONEY_COLUMNS if column in self.columns]

    @property
    def matches(self) -> str:
        return f"m{self.position}_on"

    def raw_column(self, column: str) -> str:
        return f"x{self.position}_{column}"

    def value_column(self, column: str) -> str:
        return f"m{self.position}_{column}"


@dataclass(frozen=True)
class IngestPlan:
    """A source's mappings against the columns of its files. `keys` are places, or none.

    A bad cell rejects its row only in the first `mapped_columns` of `wanted`: those after them
    serve `expected` alone. `guarded` evaluates the mappings' SQL so that a row on which it fails is
    a reject: slower.
    """

    source: str
    file: Source
    clock: parsing.Clock
    business_zone: ZoneInfo
    as_of: dt.date | None
    wanted: Sequence[str]
    keys: Sequence[int]
    mappings: Sequence[CompiledMapping]
    rates: Rates = field(default_factory=dict)
    expectations: Mapping[str, Expression] = field(default_factory=dict)
    mapped_columns: int = 0
    guarded: bool = False

    @cached_property
    def kinds(self) -> list[ColumnType]:
        return [self.file.types.get(column, "text") for column in self.wanted]

    @property
    def accepted_sql(self) -> str:
        """SQL over `judged`: was the row accepted?"""
        return f"(bad is null and ({' or '.join(mapping.matches for mapping in self.mappings)}))"

    def day_sql(self, value: str) -> str:
        return parsing.day_sql(value, self.business_zone)


def build_plan(params: Params, source: str, compiler: Compiler) -> IngestPlan:
    """Compile a source; BadParams or BadInput names the key of params.yaml that is wrong."""
    file = params.sources[source]
    currency_name = [] if file.key == "row_number" else file.key
    written = f"[{', '.join(currency_name)}]"
    keys = [compiler.position(column, f"sources.{source}.key", written) for column in currency_name]
    mappings = [_compile_mapping(source, file, i, compiler) for i in range(len(file.events))]
    mappings = _with_currency_column(source, mappings, compiler)
    rates = params.ingest.conversion | {params.currency: 1.0}
    mapped_columns = len(compiler.wanted)
    expectations = {
        name: compiler.compile(text, f"sources.{source}.expect.{name}")
        for name, text in file.expect.items()
    }
    clock = parsing.Clock(params.zone_of(file), file.dst)
    business_zone = ZoneInfo(params.time_zone)
    return IngestPlan(
        source,
        file,
        clock,
        business_zone,
        params.as_of,
        compiler.wanted,
        keys,
        mappings,
        rates,
        expectations,
        mapped_columns,
    )


def _compile_mapping(source: str, file: Source, i: int, compiler: Compiler) -> CompiledMapping:
    mapping = file.events[i]
    path = f"sources.{source}.events[{i}]"
    columns = {
        column: compiler.compile(text, f"{path}.{column}")
        for column, text in mapping.columns().items()
    }
    where = compiler.compile(mapping.where or "true", f"{path}.where")
    several = [event.kind for event in file.events].count(mapping.kind) > 1
    label = f"{source}:{mapping.kind}" + (f".{i + 1}" if several else "")
    currency = compiler.compile(mapping.currency, f"{path}.currency") if mapping.currency else None
    return CompiledMapping(i, mapping, label, where, columns, currency)


def _with_currency_column(
    source: str, mappings: list[CompiledMapping], compiler: Compiler
) -> list[CompiledMapping]:
    """Mappings of money that name no currency read the file's column of that name, if it has one.

    Not when some mapping reads that column itself: then it is taken care of.
    """
    currency_name = currency_column(compiler.names, compiler.wanted)
    if currency_name is None or all(mapping.currency for mapping in mappings if mapping.money):
        return mappings
    file_currency = compiler.compile(currency_name, f"sources.{source}.events.currency")
    return [
        _with_currency(mapping, currency_name, file_currency) if mapping.money else mapping
        for mapping in mappings
    ]


def _with_currency(
    mapping: CompiledMapping, currency_name: str, file_currency: Expression
) -> CompiledMapping:
    if mapping.currency:
        return mapping
    with_currency = mapping.declared.model_copy(update={"currency": currency_name})
    return replace(mapping, currency=file_currency, declared=with_currency)


def typed_sql(plan: IngestPlan, native_types: Sequence[str]) -> str:
    """SQL over `raw`: cells c0, ... as text, p0, ... parsed, v0, ... as mappings see them."""
    read = [
        f"v{i}::varchar as c{i}, {_parsed_sql(plan, i, kind)} as p{i}"
        for i, kind in enumerate(native_types)
    ]
    values = [f"{_value_sql(plan, i, kind)} as v{i}" for i, kind in enumerate(native_types)]
    inner = f"select {', '.join(['file', 'line', 'defect', *read])} from raw"
    return f"select {', '.join(['*', *values])} from ({inner})"


def _parsed_sql(plan: IngestPlan, i: int, native: str) -> str:
    kind = plan.kinds[i]
    if native in _SQL_TIMES and kind in ("timestamp", "date"):
        return parsing.finite_sql(f"v{i}", kind)
    key = f"sources.{plan.source}.types.{plan.wanted[i]}"
    form = parsing.native_format(plan.file.format, native)
    return parsing.parsed_sql(f"v{i}::varchar", kind, form, key)


def _value_sql(plan: IngestPlan, i: int, native: str) -> str:
    if plan.kinds[i] != "timestamp":
        return f"p{i}"
    text = native not in _SQL_TIMES
    offset = "%z" in (plan.file.format.time or "") if text else native.endswith("ZONE")
    return parsing.instant_sql(f"p{i}", parsing.INSTANT if offset else parsing.CLOCK, plan.clock)


def mapped_sql(plan: IngestPlan, sql_types: Sequence[Sequence[str]]) -> str:
    """SQL over `typed`: each mapping's values; `types` are those its SQL has, where first."""
    expressions_sql = [
        f"{_expectation_sql(plan, expectation)} as e{i}"
        for i, expectation in enumerate(plan.expectations.values())
    ]
    values = []
    for mapping, (condition, *others) in zip(plan.mappings, sql_types, strict=True):
        _require_condition(mapping.where, condition)
        expressions_sql.append(
            f"coalesce({_expression_sql(plan, mapping.where)}, false) as {mapping.matches}"
        )
        if mapping.currency:
            expressions_sql.append(
                f"{code_sql(_expression_sql(plan, mapping.currency))} as {mapping.raw_column('currency')}"
            )
        for (column, expression), sql_type in zip(mapping.columns.items(), others, strict=True):
            expressions_sql.append(
                f"{_expression_sql(plan, expression)} as {mapping.raw_column(column)}"
            )
            value = _converted_sql(
                plan, mapping.raw_column(column), sql_type, column, expression.key
            )
            if mapping.currency and column in mapping.money:
                value = converted_sql(value, mapping.raw_column("currency"), plan.rates)
            values.append(f"{value} as {mapping.value_column(column)}")
    known_at = [
        f"{_known_at_sql(plan, mapping)} as {mapping.value_column('known')}"
        for mapping in plan.mappings
    ]
    cast_sql = _select_sql(values, f"({_select_sql(expressions_sql, 'typed')})")
    return _select_sql(known_at, f"({cast_sql})")


def check_expectations(expectations: Mapping[str, Expression], sql_types: Sequence[str]) -> None:
    """BadParams when something expected of a row is no condition."""
    for expression, sql_type in zip(expectations.values(), sql_types, strict=True):
        _require_condition(expression, sql_type)


def _require_condition(expression: Expression, sql_type: str) -> None:
    if sql_type not in ("BOOLEAN", _NULL_TYPE):
        raise BadParams(f"{expression.key}: write a condition; this is {sql_type}")


def _expectation_sql(plan: IngestPlan, expectation: Expression) -> str:
    """SQL of whether a row is as expected; one on which the SQL fails is not."""
    return f"coalesce(try([{expectation.sql}]), [false])[1]" if plan.guarded else expectation.sql


def _select_sql(values: Sequence[str], table: str) -> str:
    return f"select {', '.join(['*', *values])} from {table}"


def _expression_sql(plan: IngestPlan, expression: Expression) -> str:
    return f"try([{expression.sql}])[1]" if plan.guarded else expression.sql


def _converted_sql(plan: IngestPlan, raw: str, sql_type: str, column: str, key: str) -> str:
    """SQL of what a mapping says in the event column's type; null when it does not fit."""
    if column in TIMES:
        if sql_type not in _SQL_TIMES:
            raise BadParams(
                f"{key}: a time is needed, this is {sql_type}; give its column the type timestamp"
                " or date, and a format"
            )
        return parsing.instant_sql(raw, sql_type, plan.clock)
    kind = _column_type(column)
    if sql_type == "VARCHAR" or kind == "text":
        return parsing.parsed_sql(f"{raw}::varchar", kind, plan.file.format, key)
    return parsing.cast_sql(raw, kind)


def _column_type(column: str) -> ColumnType:
    kinds: dict[pa.DataType, ColumnType] = {
        pa.string(): "text",
        schema.MONEY: "decimal",
        pa.float64(): "double",
        pa.bool_(): "boolean",
    }
    return kinds.get(schema.EVENT_COLUMNS[column], "timestamp")


def _known_at_sql(plan: IngestPlan, mapping: CompiledMapping) -> str:
    occurred = mapping.value_column("occurred_at")
    if "known_at" in mapping.columns:
        return f"greatest({occurred}, {mapping.value_column('known_at')})"
    if plan.file.known_after:
        return f"{occurred} + interval {plan.file.known_after.total_seconds():.0f} second"
    return occurred


def reject_rules(plan: IngestPlan) -> list[RejectRule]:
    """Every rule over a mapped row, in the order in which the first broken one is reported."""
    cell_rules = [rule for i in range(plan.mapped_columns) for rule in _cell_rules(plan, i)]
    keys = [rule for i in plan.keys for rule in _key_rules(plan, i)]
    events = [
        _when_matched(mapping, rule)
        for mapping in plan.mappings
        for rule in _event_rules(plan, mapping)
    ]
    failing = list(_failing_rules(plan)) if plan.guarded else []
    money = [rule for mapping in plan.mappings for rule in _currency_rules(plan, mapping)]
    return DEFECTS + cell_rules + keys + failing + money + events


def _currency_rules(plan: IngestPlan, mapping: CompiledMapping) -> Iterator[RejectRule]:
    """Money in a currency that is neither the company's nor in the table of conversion."""
    if mapping.currency and mapping.money:
        raw, column = mapping.raw_column("currency"), mapping.declared.currency or "currency"
        money = " or ".join(f"{mapping.raw_column(name)} is not null" for name in mapping.money)
        unknown = f"{mapping.matches} and ({money}) and {unknown_sql(raw, plan.rates)}"
        yield RejectRule("unknown_currency", column, raw, unknown)


def _failing_rules(plan: IngestPlan) -> Iterator[RejectRule]:
    for mapping in plan.mappings:
        yield RejectRule("failing_sql", "where", "''", f"try([{mapping.where.sql}]) is null")
        for column, expression in mapping.columns.items():
            fails = f"{mapping.matches} and try([{expression.sql}]) is null"
            yield RejectRule("failing_sql", mapping.declared.columns()[column], "''", fails)


def _cell_rules(plan: IngestPlan, i: int) -> Iterator[RejectRule]:
    kind, column = plan.kinds[i], plan.wanted[i]
    if kind != "text":
        yield RejectRule(f"not_{kind}", column, f"c{i}", f"trim(c{i}) <> '' and p{i} is null")
    if kind == "timestamp":
        yield RejectRule("dst", column, f"c{i}", f"p{i} is not null and v{i} is null")


def _key_rules(plan: IngestPlan, i: int) -> Iterator[RejectRule]:
    yield RejectRule("blank_key", plan.wanted[i], f"c{i}", parsing.blank_sql(f"c{i}"))
    yield RejectRule(
        "control_character", plan.wanted[i], f"c{i}", parsing.control_character_sql(f"c{i}")
    )


def _when_matched(mapping: CompiledMapping, rule: RejectRule) -> RejectRule:
    column = mapping.declared.columns()[rule.column]
    return RejectRule(rule.name, column, rule.raw, f"{mapping.matches} and {rule.when}")


def _event_rules(plan: IngestPlan, mapping: CompiledMapping) -> Iterator[RejectRule]:
    yield from _id_rules(mapping)
    for column in mapping.columns:
        yield from _type_rules(mapping, column)
    yield from _sign_rules(mapping)
    yield from _time_rules(plan, mapping)


def _id_rules(mapping: CompiledMapping) -> Iterator[RejectRule]:
    customer = mapping.value_column("customer_id")
    yield RejectRule("blank_id", "customer_id", customer, parsing.blank_sql(customer))
    for column in TEXTS:
        if column in mapping.columns:
            value = mapping.value_column(column)
            yield RejectRule(
                "control_character", column, value, parsing.control_character_sql(value)
            )


def _type_rules(mapping: CompiledMapping, column: str) -> Iterator[RejectRule]:
    kind = _column_type(column)
    if kind == "text":
        return
    raw, value = f"{mapping.raw_column(column)}::varchar", mapping.value_column(column)
    rule = "dst" if kind == "timestamp" else f"not_{kind}"
    yield RejectRule(rule, column, raw, f"trim({raw}) <> '' and {value} is null")


def _sign_rules(mapping: CompiledMapping) -> Iterator[RejectRule]:
    amount, rating = mapping.value_column("amount"), mapping.value_column("rating")
    if "amount" in mapping.columns and mapping.declared.kind == "purchase":
        yield RejectRule("negative_amount", "amount", f"{amount}::varchar", f"{amount} < 0")
    if "amount" in mapping.columns and mapping.declared.kind in ("return", "refund"):
        yield RejectRule("positive_amount", "amount", f"{amount}::varchar", f"{amount} > 0")
    if "rating" in mapping.columns:
        yield RejectRule(
            "rating_range", "rating", f"{rating}::varchar", f"{rating} not between 0 and 1"
        )


def _time_rules(plan: IngestPlan, mapping: CompiledMapping) -> Iterator[RejectRule]:
    occurred, known_at = mapping.value_column("occurred_at"), mapping.value_column("known_at")
    raw = f"{mapping.raw_column('occurred_at')}::varchar"
    yield RejectRule("blank_time", "occurred_at", raw, f"{occurred} is null")
    if "known_at" in mapping.columns:
        yield RejectRule("blank_time", "known_at", "''", f"{known_at} is null")
        early = f"{known_at} < {occurred} and {plan.day_sql(known_at)} < {plan.day_sql(occurred)}"
        yield RejectRule("future_date", "occurred_at", raw, early)
    elif plan.as_of and not plan.file.known_after:
        end = (plan.as_of - dt.date(1970, 1, 1)).days
        yield RejectRule("future_date", "occurred_at", raw, f"{plan.day_sql(occurred)} >= {end}")


def judged_sql(plan: IngestPlan, rules: Sequence[RejectRule]) -> str:
    """SQL over `mapped`: what events need, `bad` (the first broken rule's number) and its `raw`."""
    broken = " ".join(f"when {rule.when} then {i}" for i, rule in enumerate(rules))
    raw = " ".join(f"when {i} then {rule.raw}" for i, rule in enumerate(rules))
    keys = [f"c{i}" for i in plan.keys]
    values = [
        value
        for mapping in plan.mappings
        for value in (
            mapping.matches,
            mapping.value_column("known"),
            *(mapping.value_column(column) for column in mapping.columns),
        )
    ]
    expectations = [f"e{i}" for i in range(len(plan.expectations))]
    columns = ", ".join(dict.fromkeys(["file", "line", *keys, *values, *expectations, "bad"]))
    inner = f"select *, case {broken} end as bad from mapped"
    return f"select {columns}, case bad {raw} end as raw from ({inner})"


def expectation_counts_sql(plan: IngestPlan) -> str:
    """SQL over `judged`: for each expectation, how many accepted rows miss it, and the first."""
    counts = [
        f"count(*) filter (not e{i}), min({{file: file, line: line}}) filter (not e{i})"
        for i in range(len(plan.expectations))
    ]
    return f"select {', '.join(['count(*)', *counts])} from judged where {plan.accepted_sql}"


def event_sql(plan: IngestPlan, mapping: CompiledMapping) -> str:
    """SQL over `judged`: the events of one mapping, in the columns of the schema."""
    values_ = {
        "event_id": _event_id_sql(plan, mapping),
        "kind": f"'{mapping.declared.kind}'",
        "source": f"'{plan.source}'",
        "known_at": mapping.value_column("known"),
        "occurred_day": plan.day_sql(mapping.value_column("occurred_at")),
        "known_day": plan.day_sql(mapping.value_column("known")),
        "occurred_minute": f"(epoch_us({mapping.value_column('occurred_at')}) // 60000000)",
    }
    for column in ("promised", "effective"):
        if f"{column}_at" in mapping.columns:
            values_[f"{column}_day"] = plan.day_sql(mapping.value_column(f"{column}_at"))
    values = {column: mapping.value_column(column) for column in mapping.columns} | values_
    columns = ", ".join(
        f"{values.get(column, 'null')}::{parsing.sql_type(kind)} as {column}"
        for column, kind in schema.EVENT_COLUMNS.items()
    )
    return f"select {columns} from judged where bad is null and {mapping.matches}"


def _event_id_sql(plan: IngestPlan, mapping: CompiledMapping) -> str:
    """`source:kind:key:key`; a backslash escapes a backslash or colon within a key."""
    keys = [f"c{i}" for i in plan.keys] or ["file", "line::varchar"]
    parts = [f"replace(replace({key}, '\\', '\\\\'), ':', '\\:')" for key in keys]
    return " || ':' || ".join([f"'{mapping.label}'", *parts])
