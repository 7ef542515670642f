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
from retention.core.params import EventMapping, Params, Source, Type
from retention.sources import parsing
from retention.sources.currency import Rates, code, exchanged, stated, strange
from retention.sources.expressions import Compiled, Compiler

TEXTS: Final = tuple(
    name for name in schema.MAPPABLE if name != "kind" and schema.EVENT_COLUMNS[name] == pa.string()
)
TIMES: Final = ("occurred_at", "known_at", "promised_at", "effective_at")
_SQL_TIMES: Final = ("TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "DATE")
MONEY: Final = tuple(name for name, kind in schema.EVENT_COLUMNS.items() if kind == schema.MONEY)
_NULL: Final = '"NULL"'


@dataclass(frozen=True)
class Rule:
    """A reason to reject a row: its name, the column at fault, SQL of what to show, SQL of when."""

    rule: str
    column: str
    raw: str
    when: str


DEFECTS: Final = [
    Rule(defect, "", "''", f"defect = '{defect}'")
    for defect in ("nul_byte", "huge_cell", "ragged_row")
]
"""What is wrong with a whole record."""


@dataclass(frozen=True)
class Mapped:
    """One event mapping, compiled."""

    at: int
    mapping: EventMapping
    label: str
    where: Compiled
    columns: dict[str, Compiled]
    currency: Compiled | None = None

    @property
    def money(self) -> list[str]:
        """The mapped columns of money."""
        return [column for column in MONEY if column in self.columns]

    @property
    def on(self) -> str:
        return f"m{self.at}_on"

    def said(self, column: str) -> str:
        return f"x{self.at}_{column}"

    def value(self, column: str) -> str:
        return f"m{self.at}_{column}"


@dataclass(frozen=True)
class Plan:
    """A source's mappings against the columns of its files. `keys` are places, or none.

    A bad cell rejects its row only in the first `mapped_columns` of `wanted`: those after them
    serve `expected` alone. `guarded` evaluates the mappings' SQL so that a row on which it fails is
    a reject: slower.
    """

    source: str
    file: Source
    clock: parsing.Clock
    business: ZoneInfo
    as_of: dt.date | None
    wanted: Sequence[str]
    keys: Sequence[int]
    mapped: Sequence[Mapped]
    rates: Rates = field(default_factory=dict)
    expected: Mapping[str, Compiled] = field(default_factory=dict)
    mapped_columns: int = 0
    guarded: bool = False

    @cached_property
    def kinds(self) -> list[Type]:
        return [self.file.types.get(column, "text") for column in self.wanted]

    @property
    def accepted(self) -> str:
        """SQL over `judged`: was the row accepted?"""
        return f"(bad is null and ({' or '.join(one.on for one in self.mapped)}))"

    def day(self, value: str) -> str:
        return parsing.day(value, self.business)


def plan(rules: Params, source: str, compiler: Compiler) -> Plan:
    """Compile a source; BadParams or BadInput names the key of params.yaml that is wrong."""
    file = rules.sources[source]
    named = [] if file.key == "row_number" else file.key
    written = f"[{', '.join(named)}]"
    keys = [compiler.place(column, f"sources.{source}.key", written) for column in named]
    mapped = [_mapped(source, file, at, compiler) for at in range(len(file.events))]
    mapped = _in_stated_currency(source, mapped, compiler)
    rates = rules.ingest.conversion | {rules.currency: 1.0}
    count = len(compiler.wanted)
    expected = {
        name: compiler.compile(text, f"sources.{source}.expect.{name}")
        for name, text in file.expect.items()
    }
    clock = parsing.Clock(rules.zone_of(file), file.dst)
    business = ZoneInfo(rules.time_zone)
    return Plan(source, file, clock, business, rules.as_of, compiler.wanted, keys, mapped, rates,
                expected, count)  # fmt: skip


def _mapped(source: str, file: Source, at: int, compiler: Compiler) -> Mapped:
    mapping = file.events[at]
    path = f"sources.{source}.events[{at}]"
    columns = {
        column: compiler.compile(text, f"{path}.{column}")
        for column, text in mapping.columns().items()
    }
    where = compiler.compile(mapping.where or "true", f"{path}.where")
    several = [one.kind for one in file.events].count(mapping.kind) > 1
    label = f"{source}:{mapping.kind}" + (f".{at + 1}" if several else "")
    currency = compiler.compile(mapping.currency, f"{path}.currency") if mapping.currency else None
    return Mapped(at, mapping, label, where, columns, currency)


def _in_stated_currency(source: str, mapped: list[Mapped], compiler: Compiler) -> list[Mapped]:
    """Mappings of money that name no currency read the file's column of that name, if it has one.

    Not when some mapping reads that column itself: then it is taken care of.
    """
    named = stated(compiler.names, compiler.wanted)
    if named is None or all(one.currency for one in mapped if one.money):
        return mapped
    read = compiler.compile(named, f"sources.{source}.events.currency")
    return [_stating(one, named, read) if one.money else one for one in mapped]


def _stating(one: Mapped, named: str, read: Compiled) -> Mapped:
    if one.currency:
        return one
    said = one.mapping.model_copy(update={"currency": named})
    return replace(one, currency=read, mapping=said)


def typed(plan: Plan, native: Sequence[str]) -> str:
    """SQL over `raw`: cells c0, ... as text, p0, ... parsed, v0, ... as mappings see them."""
    read = [
        f"v{at}::varchar as c{at}, {_parsed(plan, at, kind)} as p{at}"
        for at, kind in enumerate(native)
    ]
    values = [f"{_value(plan, at, kind)} as v{at}" for at, kind in enumerate(native)]
    inner = f"select {', '.join(['file', 'line', 'defect', *read])} from raw"
    return f"select {', '.join(['*', *values])} from ({inner})"


def _parsed(plan: Plan, at: int, native: str) -> str:
    kind = plan.kinds[at]
    if native in _SQL_TIMES and kind in ("timestamp", "date"):
        return parsing.finite(f"v{at}", kind)
    key = f"sources.{plan.source}.types.{plan.wanted[at]}"
    form = parsing.as_written(plan.file.format, native)
    return parsing.parsed(f"v{at}::varchar", kind, form, key)


def _value(plan: Plan, at: int, native: str) -> str:
    if plan.kinds[at] != "timestamp":
        return f"p{at}"
    text = native not in _SQL_TIMES
    offset = "%z" in (plan.file.format.time or "") if text else native.endswith("ZONE")
    return parsing.instant(f"p{at}", parsing.INSTANT if offset else parsing.CLOCK, plan.clock)


def mapped(plan: Plan, types: Sequence[Sequence[str]]) -> str:
    """SQL over `typed`: each mapping's values; `types` are those its SQL has, where first."""
    said = [f"{_met(plan, one)} as e{at}" for at, one in enumerate(plan.expected.values())]
    values = []
    for one, (condition, *others) in zip(plan.mapped, types, strict=True):
        _refuse_no_condition(one.where, condition)
        said.append(f"coalesce({_said(plan, one.where)}, false) as {one.on}")
        if one.currency:
            said.append(f"{code(_said(plan, one.currency))} as {one.said('currency')}")
        for (column, compiled), sql_type in zip(one.columns.items(), others, strict=True):
            said.append(f"{_said(plan, compiled)} as {one.said(column)}")
            value = _converted(plan, one.said(column), sql_type, column, compiled.key)
            if one.currency and column in one.money:
                value = exchanged(value, one.said("currency"), plan.rates)
            values.append(f"{value} as {one.value(column)}")
    known = [f"{_known(plan, one)} as {one.value('known')}" for one in plan.mapped]
    cast = _over(values, f"({_over(said, 'typed')})")
    return _over(known, f"({cast})")


def conditions(expected: Mapping[str, Compiled], types: Sequence[str]) -> None:
    """BadParams when something expected of a row is no condition."""
    for compiled, sql_type in zip(expected.values(), types, strict=True):
        _refuse_no_condition(compiled, sql_type)


def _refuse_no_condition(compiled: Compiled, sql_type: str) -> None:
    if sql_type not in ("BOOLEAN", _NULL):
        raise BadParams(f"{compiled.key}: write a condition; this is {sql_type}")


def _met(plan: Plan, expected: Compiled) -> str:
    """SQL of whether a row is as expected; one on which the SQL fails is not."""
    return f"coalesce(try([{expected.sql}]), [false])[1]" if plan.guarded else expected.sql


def _over(values: Sequence[str], table: str) -> str:
    return f"select {', '.join(['*', *values])} from {table}"


def _said(plan: Plan, compiled: Compiled) -> str:
    return f"try([{compiled.sql}])[1]" if plan.guarded else compiled.sql


def _converted(plan: Plan, said: str, sql_type: str, column: str, key: str) -> str:
    """SQL of what a mapping says in the event column's type; null when it does not fit."""
    if column in TIMES:
        if sql_type not in _SQL_TIMES:
            raise BadParams(
                f"{key}: a time is needed, this is {sql_type}; give its column the type timestamp"
                " or date, and a format"
            )
        return parsing.instant(said, sql_type, plan.clock)
    kind = _kind(column)
    if sql_type == "VARCHAR" or kind == "text":
        return parsing.parsed(f"{said}::varchar", kind, plan.file.format, key)
    return parsing.cast(said, kind)


def _kind(column: str) -> Type:
    kinds: dict[pa.DataType, Type] = {
        pa.string(): "text",
        schema.MONEY: "decimal",
        pa.float64(): "double",
        pa.bool_(): "boolean",
    }
    return kinds.get(schema.EVENT_COLUMNS[column], "timestamp")


def _known(plan: Plan, one: Mapped) -> str:
    occurred = one.value("occurred_at")
    if "known_at" in one.columns:
        return f"greatest({occurred}, {one.value('known_at')})"
    if plan.file.known_after:
        return f"{occurred} + interval {plan.file.known_after.total_seconds():.0f} second"
    return occurred


def rules(plan: Plan) -> list[Rule]:
    """Every rule over a mapped row, in the order in which the first broken one is reported."""
    cells_ = [rule for at in range(plan.mapped_columns) for rule in _cell_rules(plan, at)]
    keys = [rule for at in plan.keys for rule in _key_rules(plan, at)]
    events = [_only_when_on(one, rule) for one in plan.mapped for rule in _event_rules(plan, one)]
    failing = list(_failing_rules(plan)) if plan.guarded else []
    money = [rule for one in plan.mapped for rule in _currency_rules(plan, one)]
    return DEFECTS + cells_ + keys + failing + money + events


def _currency_rules(plan: Plan, one: Mapped) -> Iterator[Rule]:
    """Money in a currency that is neither the company's nor in the table of conversion."""
    if one.currency and one.money:
        said, column = one.said("currency"), one.mapping.currency or "currency"
        money = " or ".join(f"{one.said(name)} is not null" for name in one.money)
        unknown = f"{one.on} and ({money}) and {strange(said, plan.rates)}"
        yield Rule("unknown_currency", column, said, unknown)


def _failing_rules(plan: Plan) -> Iterator[Rule]:
    for one in plan.mapped:
        yield Rule("failing_sql", "where", "''", f"try([{one.where.sql}]) is null")
        for column, compiled in one.columns.items():
            fails = f"{one.on} and try([{compiled.sql}]) is null"
            yield Rule("failing_sql", one.mapping.columns()[column], "''", fails)


def _cell_rules(plan: Plan, at: int) -> Iterator[Rule]:
    kind, column = plan.kinds[at], plan.wanted[at]
    if kind != "text":
        yield Rule(f"not_{kind}", column, f"c{at}", f"trim(c{at}) <> '' and p{at} is null")
    if kind == "timestamp":
        yield Rule("dst", column, f"c{at}", f"p{at} is not null and v{at} is null")


def _key_rules(plan: Plan, at: int) -> Iterator[Rule]:
    yield Rule("blank_key", plan.wanted[at], f"c{at}", parsing.blank(f"c{at}"))
    yield Rule("control_character", plan.wanted[at], f"c{at}", parsing.controlled(f"c{at}"))


def _only_when_on(one: Mapped, rule: Rule) -> Rule:
    column = one.mapping.columns()[rule.column]
    return Rule(rule.rule, column, rule.raw, f"{one.on} and {rule.when}")


def _event_rules(plan: Plan, one: Mapped) -> Iterator[Rule]:
    yield from _id_rules(one)
    for column in one.columns:
        yield from _type_rules(one, column)
    yield from _sign_rules(one)
    yield from _time_rules(plan, one)


def _id_rules(one: Mapped) -> Iterator[Rule]:
    customer = one.value("customer_id")
    yield Rule("blank_id", "customer_id", customer, parsing.blank(customer))
    for column in TEXTS:
        if column in one.columns:
            value = one.value(column)
            yield Rule("control_character", column, value, parsing.controlled(value))


def _type_rules(one: Mapped, column: str) -> Iterator[Rule]:
    kind = _kind(column)
    if kind == "text":
        return
    said, value = f"{one.said(column)}::varchar", one.value(column)
    rule = "dst" if kind == "timestamp" else f"not_{kind}"
    yield Rule(rule, column, said, f"trim({said}) <> '' and {value} is null")


def _sign_rules(one: Mapped) -> Iterator[Rule]:
    amount, rating = one.value("amount"), one.value("rating")
    if "amount" in one.columns and one.mapping.kind == "purchase":
        yield Rule("negative_amount", "amount", f"{amount}::varchar", f"{amount} < 0")
    if "amount" in one.columns and one.mapping.kind in ("return", "refund"):
        yield Rule("positive_amount", "amount", f"{amount}::varchar", f"{amount} > 0")
    if "rating" in one.columns:
        yield Rule("rating_range", "rating", f"{rating}::varchar", f"{rating} not between 0 and 1")


def _time_rules(plan: Plan, one: Mapped) -> Iterator[Rule]:
    occurred, known = one.value("occurred_at"), one.value("known_at")
    said = f"{one.said('occurred_at')}::varchar"
    yield Rule("blank_time", "occurred_at", said, f"{occurred} is null")
    if "known_at" in one.columns:
        yield Rule("blank_time", "known_at", "''", f"{known} is null")
        early = f"{known} < {occurred} and {plan.day(known)} < {plan.day(occurred)}"
        yield Rule("future_date", "occurred_at", said, early)
    elif plan.as_of and not plan.file.known_after:
        end = (plan.as_of - dt.date(1970, 1, 1)).days
        yield Rule("future_date", "occurred_at", said, f"{plan.day(occurred)} >= {end}")


def judged(plan: Plan, listed: Sequence[Rule]) -> str:
    """SQL over `mapped`: what events need, `bad` (the first broken rule's number) and its `raw`."""
    broken = " ".join(f"when {one.when} then {at}" for at, one in enumerate(listed))
    raw = " ".join(f"when {at} then {one.raw}" for at, one in enumerate(listed))
    keys = [f"c{at}" for at in plan.keys]
    values = [
        value
        for one in plan.mapped
        for value in (one.on, one.value("known"), *(one.value(column) for column in one.columns))
    ]
    expected = [f"e{at}" for at in range(len(plan.expected))]
    kept = ", ".join(dict.fromkeys(["file", "line", *keys, *values, *expected, "bad"]))
    inner = f"select *, case {broken} end as bad from mapped"
    return f"select {kept}, case bad {raw} end as raw from ({inner})"


def doubtful(plan: Plan) -> str:
    """SQL over `judged`: for each expectation, how many accepted rows miss it, and the first."""
    counts = [
        f"count(*) filter (not e{at}), min({{file: file, line: line}}) filter (not e{at})"
        for at in range(len(plan.expected))
    ]
    return f"select {', '.join(['count(*)', *counts])} from judged where {plan.accepted}"


def event(plan: Plan, one: Mapped) -> str:
    """SQL over `judged`: the events of one mapping, in the columns of the schema."""
    made = {
        "event_id": _event_id(plan, one),
        "kind": f"'{one.mapping.kind}'",
        "source": f"'{plan.source}'",
        "known_at": one.value("known"),
        "occurred_day": plan.day(one.value("occurred_at")),
        "known_day": plan.day(one.value("known")),
        "occurred_minute": f"(epoch_us({one.value('occurred_at')}) // 60000000)",
    }
    for column in ("promised", "effective"):
        if f"{column}_at" in one.columns:
            made[f"{column}_day"] = plan.day(one.value(f"{column}_at"))
    values = {column: one.value(column) for column in one.columns} | made
    listed = ", ".join(
        f"{values.get(column, 'null')}::{parsing.sql_type(kind)} as {column}"
        for column, kind in schema.EVENT_COLUMNS.items()
    )
    return f"select {listed} from judged where bad is null and {one.on}"


def _event_id(plan: Plan, one: Mapped) -> str:
    """`source:kind:key:key`; a backslash escapes a backslash or colon within a key."""
    keys = [f"c{at}" for at in plan.keys] or ["file", "line::varchar"]
    parts = [f"replace(replace({key}, '\\', '\\\\'), ':', '\\:')" for key in keys]
    return " || ':' || ".join([f"'{one.label}'", *parts])
