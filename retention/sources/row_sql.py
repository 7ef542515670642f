"""SQL that turns the raw rows of a source into events, or into rejects with their reason.

Four views follow each other: `raw` (as read), `typed` (cells in their declared types), `mapped`
(each mapping's values) and `judged` (with the first rule that a row breaks). Names inside the SQL
are positions, never names of a file: for the file's first column c0 is the cell as text, p0 its
parsed value and v0 the value that mappings read; for the first mapping x0_amount is what its SQL
returns, m0_amount that in the event column's type, and m0_on whether its `where` holds; e0 is
whether the first expectation holds.
"""

import datetime as dt
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Final
from zoneinfo import ZoneInfo

import pyarrow as pa

from retention.core.errors import BadParams
from retention.core.events import EVENT_COLUMNS, MAPPABLE, MONEY
from retention.core.params import ColumnType, EventMapping, Params, Source
from retention.core.point_in_time import WITHDRAWN
from retention.sources import parsing
from retention.sources.currency import (
    Rates,
    code_sql,
    converted_sql,
    currency_column,
    from_cents_sql,
    unknown_sql,
)
from retention.sources.expressions import Compiler, Expression
from retention.sources.reader import literal

TEXTS: Final = tuple(
    name for name in MAPPABLE if name != "kind" and EVENT_COLUMNS[name] == pa.string()
)
TIMES: Final = ("occurred_at", "known_at", "promised_at", "effective_at", "deleted_at")
_SQL_TIMES: Final = ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "DATE")
_FIRST_MOMENT: Final = -62_135_596_800_000_000  # of the years 1 to 9999, in microseconds
_LAST_MOMENT: Final = 253_402_300_799_999_999
MONEY_COLUMNS: Final = tuple(name for name, kind in EVENT_COLUMNS.items() if kind == MONEY)
_SUBJECTS: Final = ("case_id", "contract_id", "order_id", "customer_id")
_NULL_TYPE: Final = '"NULL"'


@dataclass(frozen=True)
class RejectRule:
    """A reason to reject a row."""

    name: str
    column: str  # the column at fault; empty where it is the whole record
    raw: str  # SQL of the value to show in the reject
    when: str  # SQL of whether the row breaks the rule


DEFECTS: Final = [
    RejectRule(defect, "", "''", f"defect = '{defect}'")
    for defect in ("nul_byte", "huge_cell", "ragged_row", "not_json")
]
"""Defects of a whole record, found while the file was read."""


@dataclass(frozen=True)
class CompiledMapping:
    """One event mapping, compiled to SQL."""

    position: int  # among the mappings of its source
    declared: EventMapping  # as params.yaml has it
    label: str  # with which its event ids begin
    where: Expression
    columns: dict[str, Expression]  # by event column
    currency: Expression | None = None  # of its amounts; None: the company's own
    state: Expression | None = None  # of a log of states

    @property
    def subject(self) -> str:
        """The column of what a log of states is of: a case, a contract, an order or a customer."""
        return next(name for name in _SUBJECTS if name in self.columns)

    @property
    def money(self) -> list[str]:
        """The mapped columns of money."""
        return [column for column in MONEY_COLUMNS if column in self.columns]

    @property
    def matches(self) -> str:
        """The column that holds whether the mapping's `where` holds."""
        return f"m{self.position}_on"

    def raw_column(self, column: str) -> str:
        """The column that holds what the mapping's SQL returns for an event column."""
        return f"x{self.position}_{column}"

    def value_column(self, column: str) -> str:
        """The column that holds the same value in the event column's type."""
        return f"m{self.position}_{column}"


@dataclass(frozen=True)
class IngestPlan:
    """A source's mappings, compiled against the columns of its files."""

    source: str
    file: Source
    clock: parsing.Clock  # of the source's wall clock times
    business_zone: ZoneInfo  # in which days are counted
    as_of: dt.date | None
    wanted: Sequence[str]  # the file's columns that are read, by position
    keys: Sequence[int]  # positions of the key's columns; none for row_number
    mappings: Sequence[CompiledMapping]
    rates: Rates = field(default_factory=dict)
    currency: str = ""  # the company's own
    expectations: Mapping[str, Expression] = field(default_factory=dict)
    # How many of `wanted` the mappings read. Only there does a bad cell reject its row; the columns
    # after them serve expectations alone.
    mapped_columns: int = 0
    # Evaluate the mappings' SQL so that a row on which it fails becomes a reject: slower.
    guarded: bool = False

    @cached_property
    def types(self) -> list[ColumnType]:
        """The declared type of each column that is read."""
        return [self.file.types.get(column, "text") for column in self.wanted]

    @property
    def accepted_sql(self) -> str:
        """SQL over `judged`: whether the row is accepted."""
        return f"(bad is null and ({' or '.join(mapping.matches for mapping in self.mappings)}))"

    def day_sql(self, value: str) -> str:
        return parsing.day_sql(value, self.business_zone)


def build_plan(params: Params, source: str, compiler: Compiler) -> IngestPlan:
    """Compile a source; BadParams or BadInput names the key of params.yaml that is wrong."""
    file = params.sources[source]
    key_columns = [] if file.key == "row_number" else file.key
    key_text = f"[{', '.join(key_columns)}]"
    keys = [compiler.position(column, f"sources.{source}.key", key_text) for column in key_columns]
    mappings = [_compile_mapping(source, file, i, compiler) for i in range(len(file.events))]
    mappings = _with_currency_column(source, mappings, compiler)
    # The compiler collects columns in the order of their first use: expectations come last, so that
    # the columns before them are those that mappings and key need.
    mapped_columns = len(compiler.wanted)
    expectations = {
        name: compiler.compile(text, f"sources.{source}.expect.{name}")
        for name, text in file.expect.items()
    }
    return IngestPlan(
        source=source,
        file=file,
        clock=parsing.Clock(params.zone_of(file), file.dst),
        business_zone=ZoneInfo(params.time_zone),
        as_of=params.as_of,
        wanted=compiler.wanted,
        keys=keys,
        mappings=mappings,
        rates=params.ingest.conversion | {params.currency: 1.0},
        currency=params.currency,
        expectations=expectations,
        mapped_columns=mapped_columns,
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
    state = None
    if mapping.changes:
        state = compiler.compile(mapping.changes.column, f"{path}.changes.column")
    return CompiledMapping(i, mapping, label, where, columns, currency, state)


def _with_currency_column(
    source: str, mappings: list[CompiledMapping], compiler: Compiler
) -> list[CompiledMapping]:
    """Let mappings of money without a currency read the file's currency column, if it has one.

    Not when some mapping reads that column itself: then it takes care of the currency.
    """
    name = currency_column(compiler.names, compiler.wanted)
    if name is None or all(mapping.currency for mapping in mappings if mapping.money):
        return mappings
    currency = compiler.compile(name, f"sources.{source}.events.currency")
    return [
        replace(
            mapping,
            currency=currency,
            declared=mapping.declared.model_copy(update={"currency": name}),
        )
        if mapping.money and not mapping.currency
        else mapping
        for mapping in mappings
    ]


def typed_sql(plan: IngestPlan, native_types: Sequence[str]) -> str:
    """SQL over `raw`: cells c0, ... as text, p0, ... parsed, v0, ... as mappings see them."""
    read = [
        f"{_text_sql(i, kind)} as c{i}, {_parsed_sql(plan, i, kind)} as p{i}"
        for i, kind in enumerate(native_types)
    ]
    values = [f"{_value_sql(plan, i, kind)} as v{i}" for i, kind in enumerate(native_types)]
    inner = f"select {', '.join(['file', 'line', 'defect', *read])} from raw"
    return f"select {', '.join(['*', *values])} from ({inner})"


def _text_sql(i: int, native: str) -> str:
    """SQL of a cell as text; of an instant in UTC, so that keys are the same in every zone."""
    return (
        f"timezone('UTC', v{i})::varchar || '+00'"
        if native == parsing.INSTANT
        else f"v{i}::varchar"
    )


def _parsed_sql(plan: IngestPlan, i: int, native: str) -> str:
    kind = plan.types[i]
    if native in _SQL_TIMES and kind in ("timestamp", "date"):
        return parsing.finite_sql(f"v{i}", kind)
    key = f"sources.{plan.source}.types.{plan.wanted[i]}"
    form = parsing.native_format(plan.file.format, native)
    return parsing.parsed_sql(f"v{i}::varchar", kind, form, key)


def _value_sql(plan: IngestPlan, i: int, native: str) -> str:
    if plan.types[i] == "decimal":
        # With 18 digits the product of two decimals would overflow at 10,000,000,000, of three at
        # 1,000,000.
        return f"p{i}::decimal(38, 4)"
    if plan.types[i] != "timestamp":
        return f"p{i}"
    text = native not in _SQL_TIMES
    offset = plan.file.format.states_instants if text else native.endswith("ZONE")
    return parsing.instant_sql(f"p{i}", parsing.INSTANT if offset else parsing.CLOCK, plan.clock)


def mapped_sql(plan: IngestPlan, sql_types: Sequence[Sequence[str]]) -> str:
    """SQL over `typed`: whether each mapping applies, and its values in the events' types.

    `sql_types`: for each mapping the type of its `where` and of its columns, in their order.
    BadParams: a `where` that is no condition, a time column whose SQL gives no time.
    """
    # Each level of the query may use the columns of the level below by name, so every mapping's
    # expression is written once, and the rules read its result as often as they need.
    # 1. What the SQL of params.yaml returns, as it is: rejects show this value.
    returned = [
        f"{_expectation_sql(plan, expectation)} as e{i}"
        for i, expectation in enumerate(plan.expectations.values())
    ]
    # 2. The same in the event column's type; null when it does not fit, which a rule reports.
    values = []
    for mapping, (condition, *column_types) in zip(plan.mappings, sql_types, strict=True):
        _require_condition(mapping.where, condition)
        where = _expression_sql(plan, mapping.where)
        holds = f"{mapping.matches}_where" if mapping.state else mapping.matches
        returned.append(f"coalesce({where}, false) as {holds}")
        if mapping.state:
            state = _expression_sql(plan, mapping.state)
            returned.append(f"trim(({state})::varchar) as {mapping.raw_column('state')}")
        if mapping.currency:
            currency = code_sql(_expression_sql(plan, mapping.currency), plan.currency)
            returned.append(f"{currency} as {mapping.raw_column('currency')}")
        for (column, expression), sql_type in zip(
            mapping.columns.items(), column_types, strict=True
        ):
            raw = mapping.raw_column(column)
            returned.append(f"{_expression_sql(plan, expression)} as {raw}")
            value = _event_value_sql(plan, raw, sql_type, column, expression)
            if mapping.declared.unit == "cents" and column in mapping.money:
                code = mapping.raw_column("currency") if mapping.currency else None
                value = from_cents_sql(value, code, plan.rates, plan.currency)
            # Conversion comes last: the rate applies to a number, not to the text of one.
            if mapping.currency and column in mapping.money:
                value = converted_sql(value, mapping.raw_column("currency"), plan.rates)
            values.append(f"{value} as {mapping.value_column(column)}")
    # 3. When the event became known, from the times of step 2.
    known_at = [
        f"{_known_at_sql(plan, mapping)} as {mapping.value_column('known')}"
        for mapping in plan.mappings
    ]
    with_values = _with_columns_sql(values, f"({_with_columns_sql(returned, 'typed')})")
    with_known = _with_columns_sql(known_at, f"({with_values})")
    # 4. Whether a state begins, given the state known before.
    changes = [_change_sql(mapping) for mapping in plan.mappings if mapping.declared.changes]
    return _with_columns_sql(changes, f"({with_known})") if changes else with_known


def _change_sql(mapping: CompiledMapping) -> str:
    """SQL of whether a row of a log begins one of the states that make an event.

    Only earlier rows of the log are looked at, in the order in which they became known.
    """
    assert mapping.declared.changes is not None  # noqa: S101
    state, holds = mapping.raw_column("state"), f"{mapping.matches}_where"
    states = ", ".join(map(literal, mapping.declared.changes.states))
    before = (
        f"lag({state}) over (partition by {holds}, {mapping.value_column(mapping.subject)}"
        f" order by {mapping.value_column('known')}, file, line)"
    )
    begins = (
        f"coalesce({state} in ({states}), false) and coalesce({before} not in ({states}), true)"
    )
    return f"{holds} and {begins} as {mapping.matches}"


def check_expectations(expectations: Mapping[str, Expression], sql_types: Sequence[str]) -> None:
    """BadParams when an expectation is no condition."""
    for expression, sql_type in zip(expectations.values(), sql_types, strict=True):
        _require_condition(expression, sql_type)


def _require_condition(expression: Expression, sql_type: str) -> None:
    if sql_type not in ("BOOLEAN", _NULL_TYPE):
        raise BadParams(f"{expression.key}: write a condition; this is {sql_type}")


def _expectation_sql(plan: IngestPlan, expectation: Expression) -> str:
    """SQL of whether a row meets an expectation; one on which the SQL fails does not."""
    return f"coalesce(try([{expectation.sql}]), [false])[1]" if plan.guarded else expectation.sql


def _with_columns_sql(values: Sequence[str], table: str) -> str:
    return f"select {', '.join(['*', *values])} from {table}"


def _expression_sql(plan: IngestPlan, expression: Expression) -> str:
    """A mapping's SQL; guarded, it is null on a row on which it fails.

    `try` alone would not tell a failure from a null that the SQL returns: the value goes into a
    list, and the rule `failing_sql` asks whether there is a list.
    """
    return f"try([{expression.sql}])[1]" if plan.guarded else expression.sql


def _event_value_sql(
    plan: IngestPlan, raw: str, sql_type: str, column: str, expression: Expression
) -> str:
    """SQL of a mapped value in the event column's type; null when it does not fit."""
    if column in TIMES:
        return _time_sql(plan.clock, raw, sql_type, expression)
    kind = _column_type(column)
    if sql_type == "VARCHAR" or kind == "text":
        return parsing.parsed_sql(f"{raw}::varchar", kind, plan.file.format, expression.key)
    return parsing.cast_sql(raw, kind)


def _time_sql(clock: parsing.Clock, raw: str, sql_type: str, expression: Expression) -> str:
    """SQL of a mapped time as an instant; BadParams when it is no time."""
    if sql_type not in _SQL_TIMES:
        raise BadParams(
            f"{expression.key}: a time is needed, this is {sql_type}; give its column the type"
            " timestamp or date, and a format; or write to_timestamp(seconds) or"
            " epoch_ms(milliseconds) for a count since 1970"
        )
    return parsing.instant_sql(raw, sql_type, clock)


def _column_type(column: str) -> ColumnType:
    kinds: dict[pa.DataType, ColumnType] = {
        pa.string(): "text",
        MONEY: "decimal",
        pa.float64(): "double",
        pa.bool_(): "boolean",
    }
    return "timestamp" if column in TIMES else kinds.get(EVENT_COLUMNS[column], "timestamp")


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
        if mapping.currency:
            fails = f"{mapping.matches} and try([{mapping.currency.sql}]) is null"
            yield RejectRule("failing_sql", mapping.declared.currency or "currency", "''", fails)


def _cell_rules(plan: IngestPlan, i: int) -> Iterator[RejectRule]:
    kind, column = plan.types[i], plan.wanted[i]
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
    for column in TIMES:
        if column in mapping.columns:
            value = mapping.value_column(column)
            beyond = f"epoch_us({value}) not between {_FIRST_MOMENT} and {_LAST_MOMENT}"
            yield RejectRule("far_time", column, "''", beyond)
    yield RejectRule("blank_time", "occurred_at", raw, f"{occurred} is null")
    if "known_at" in mapping.columns:
        yield RejectRule("blank_time", "known_at", "''", f"{known_at} is null")
        early = f"{known_at} < {occurred} and {plan.day_sql(known_at)} < {plan.day_sql(occurred)}"
        yield RejectRule("future_date", "occurred_at", raw, early)
    elif plan.as_of and not plan.file.known_after:
        # An event after as_of is held back by the cut, and its row stays; a row that says nothing
        # of the time before as_of is at fault.
        others = [_before_as_of_sql(plan, other) for other in plan.mappings if other != mapping]
        alone = "".join(f" and not {before}" for before in others)
        after = f"not {_before_as_of_sql(plan, mapping)}{alone}"
        yield RejectRule("future_date", "occurred_at", raw, after)


def _before_as_of_sql(plan: IngestPlan, mapping: CompiledMapping) -> str:
    """SQL of whether a row has an event of the mapping that lies before as_of."""
    assert plan.as_of is not None  # noqa: S101
    end = (plan.as_of - dt.date(1970, 1, 1)).days
    day = plan.day_sql(mapping.value_column("occurred_at"))
    return f"coalesce({mapping.matches} and {day} < {end}, false)"


def judged_sql(plan: IngestPlan, reject_rules: Sequence[RejectRule]) -> str:
    """SQL over `mapped`: what events need, `bad` (the first broken rule's number) and its `raw`."""
    # `case` stops at the first rule that holds, so a row has one reason, in the order of the rules.
    # The value to show is looked up by that number one level above: nothing is evaluated twice.
    broken = " ".join(f"when {rule.when} then {i}" for i, rule in enumerate(reject_rules))
    raw = " ".join(f"when {i} then {rule.raw}" for i, rule in enumerate(reject_rules))
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
    """SQL over `judged`: accepted rows; for each expectation how many miss it, and the first."""
    counts = [
        f"count(*) filter (not e{i}), min({{file: file, line: line}}) filter (not e{i})"
        for i in range(len(plan.expectations))
    ]
    return f"select {', '.join(['count(*)', *counts])} from judged where {plan.accepted_sql}"


def event_sql(plan: IngestPlan, mapping: CompiledMapping) -> str:
    """SQL over `judged`: the events of one mapping, in the columns of the events table.

    A row that was marked as deleted is its event and, from then on, a version that withdraws it.
    """
    known_at = mapping.value_column("known")
    event = _version_sql(plan, mapping, mapping.declared.kind, known_at)
    if "deleted_at" not in mapping.columns:
        return event
    deleted = mapping.value_column("deleted_at")
    # Later than the event in any case: of two versions of one moment neither is the newer.
    withdrawn = f"greatest({deleted}, {known_at} + interval 1 microsecond)"
    version = _version_sql(plan, mapping, WITHDRAWN, withdrawn)
    return f"{event} union all {version} and {deleted} is not null"


def _version_sql(plan: IngestPlan, mapping: CompiledMapping, kind: str, known_at: str) -> str:
    values = {column: mapping.value_column(column) for column in mapping.columns} | {
        "event_id": _event_id_sql(plan, mapping),
        "kind": f"'{kind}'",
        "source": f"'{plan.source}'",
        "known_at": known_at,
        "occurred_day": plan.day_sql(mapping.value_column("occurred_at")),
        "known_day": plan.day_sql(known_at),
        "occurred_minute": f"(epoch_us({mapping.value_column('occurred_at')}) // 60000000)",
    }
    for column in ("promised", "effective"):
        if f"{column}_at" in mapping.columns:
            values[f"{column}_day"] = plan.day_sql(mapping.value_column(f"{column}_at"))
    columns = ", ".join(
        f"{values.get(column, 'null')}::{parsing.sql_type(data_type)} as {column}"
        for column, data_type in EVENT_COLUMNS.items()
    )
    return f"select {columns} from judged where bad is null and {mapping.matches}"


def _event_id_sql(plan: IngestPlan, mapping: CompiledMapping) -> str:
    """`source:kind:key:key`; a backslash escapes a backslash or colon within a key."""
    keys = [f"c{i}" for i in plan.keys] or ["file", "line::varchar"]
    parts = [f"replace(replace({key}, '\\', '\\\\'), ':', '\\:')" for key in keys]
    return " || ':' || ".join([f"'{mapping.label}'", *parts])
