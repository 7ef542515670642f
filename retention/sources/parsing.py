"""SQL that parses raw text into typed values: null unless text has the exact form and casts.

Blanks around a typed value are ignored and a blank cell is null. Decimals are rounded to four
places, half away from zero. A wall clock time becomes an instant in the zone of its source.
"""

import datetime as dt
import re
from dataclasses import dataclass
from functools import cache
from itertools import pairwise
from typing import Final, Literal
from zoneinfo import ZoneInfo

import duckdb
import pyarrow as pa

from retention.core.errors import BadInput, BadParams
from retention.core.params import EPOCHS, ColumnType, Format
from retention.sources.reader import literal, run

_NUMBER: Final = r"[+-]?(\d+\.?\d*|\.\d+)([eE][+-]?\d{1,3})?"
_FORMS: Final = {
    "integer": (r"[+-]?\d{1,19}", "bigint"),
    "decimal": (_NUMBER, "decimal(18, 4)"),
    "double": (_NUMBER, "double"),
}
_TRUE, _FALSE = "('true', 't', 'yes', 'y', '1')", "('false', 'f', 'no', 'n', '0')"
_DIRECTIVES: Final = {
    "Y": r"\d{4}",
    "y": r"\d{2}",
    "m": r"\d{1,2}",
    "d": r"\d{1,2}",
    "H": r"\d{1,2}",
    "I": r"\d{1,2}",
    "M": r"\d{1,2}",
    "S": r"\d{1,2}",
    "f": r"\d{1,6}",
    "g": r"\d{1,3}",
    "j": r"\d{1,3}",
    "b": r"\pL+",
    "B": r"\pL+",
    "a": r"\pL+",
    "A": r"\pL+",
    "p": "[AaPp][Mm]",
    "z": r"[+-]\d{2}(:?\d{2})?",
    "%": "%",
}
_COUNT: Final = r"[+-]?\d{1,14}(\.\d{1,9})?"
_SPACES: Final = "[ \u00a0\u202f]"
"""Spaces that stand between thousands."""

CLOCK, INSTANT, DATE = "TIMESTAMP", "TIMESTAMP WITH TIME ZONE", "DATE"


@dataclass(frozen=True)
class Clock:
    """How a source's wall clock times become instants."""

    zone: ZoneInfo
    # earlier, later or reject: what to take for a time that the clocks skip or repeat. None refuses
    # a source that has one.
    dst: str | None = None


def native_format(form: Format, native: str) -> Format:
    """The format of a column's values as text: typed numbers are written with a point."""
    written = {"decimal": ".", "thousands": None, "sign": None}
    return form if native == "VARCHAR" else form.model_copy(update=written)


def pattern(date_format: str, key: str) -> str:
    """The regular expression of a strptime format, or of a count since 1970.

    BadParams: a directive that is not known.
    """
    if date_format in EPOCHS:
        return _COUNT
    parts = re.split(r"%(-?.)", date_format)
    steps = [step.removeprefix("-") for step in parts[1::2]]
    unknown = next((step for step in steps if step not in _DIRECTIVES), None)
    if unknown or parts[-1].endswith("%"):
        raise BadParams(
            f"{key}: %{unknown or ''} is not known; use {' '.join(map('%{}'.format, _DIRECTIVES))}"
        )
    texts = [re.escape(text) for text in parts[::2]]
    return "".join(
        a + b for a, b in zip(texts, [*(_DIRECTIVES[step] for step in steps), ""], strict=True)
    )


def parsed_sql(text: str, kind: ColumnType, form: Format, key: str) -> str:
    """SQL of a text's value in its type, null when it has none; naive times stay wall clock times.

    BadParams: a time or date without a format.
    """
    if kind == "text":
        return text
    text = f"trim({text})"
    if kind == "boolean":
        yes, no = f"lower({text}) in {_TRUE}", f"lower({text}) in {_FALSE}"
        return f"case when {yes} then true when {no} then false end"
    if kind in _FORMS:
        return _number_sql(text, kind, form)
    return _parsed_time_sql(text, kind, form, key)


def _number_sql(text: str, kind: ColumnType, form: Format) -> str:
    """SQL of a number: its currency sign, thousands and decimal sign as the format says."""
    written, sql_type = _FORMS[kind]
    if form.sign:
        sign = _regex_escaped(form.sign)
        text = f"regexp_replace({text}, {literal(f'^([+-]?){_SPACES}*{sign}{_SPACES}*')}, '\\1')"
        text = f"regexp_replace({text}, {literal(f'{_SPACES}*{sign}$')}, '')"
    if form.thousands:
        mark = _SPACES if form.thousands == " " else _regex_escaped(form.thousands)
        rest = rf"({_regex_escaped(form.decimal)}\d*)?$"
        grouped = literal(rf"^[+-]?\d{{1,3}}({mark}\d{{2,3}})*{mark}\d{{3}}{rest}")
        plain = f"regexp_replace({text}, {literal(mark)}, '', 'g')"
        text = f"case when regexp_matches({text}, {grouped}) then {plain} else {text} end"
    dotted = text if form.decimal == "." else f"replace({text}, {literal(form.decimal)}, '.')"
    written = written.replace(r"\.", re.escape(form.decimal))
    value = f"try_cast({dotted} as {sql_type})"
    fits = f"regexp_full_match({text}, {literal(written)}) and isfinite({value}::double)"
    return f"case when {fits} then {value} end"


def _regex_escaped(text: str) -> str:
    """A text as a regular expression of the engine, in which only signs may be escaped."""
    return "".join(f"[{letter}]" if letter not in "^\\" else f"\\{letter}" for letter in text)


def _parsed_time_sql(text: str, kind: ColumnType, form: Format, key: str) -> str:
    option: Literal["time", "date"] = "time" if kind == "timestamp" else "date"
    forms = form.ways(option)
    if not forms:
        raise BadParams(
            f'{key}: a {kind} needs format.{option}, as {option}: "%d/%m/%Y";'
            " 03/04 could be March or April"
        )
    where = key.split(".types.")[0] + f".format.{option}"
    cases = " ".join(_time_case_sql(text, written, kind, where) for written in forms)
    return f"case {cases} end"


def _time_case_sql(text: str, written: str, kind: ColumnType, key: str) -> str:
    """One branch of a `case`: the value of a text that has a format."""
    matches = f"regexp_full_match({text}, {literal(pattern(written, key))})"
    if written in EPOCHS:
        microseconds = 1_000_000 // EPOCHS[written]
        count = f"try_cast({text} as decimal(38, 9)) * {microseconds}"
        value = f"make_timestamptz(try_cast(round({count}) as bigint))"
        if kind == "date":
            value = f"timezone('UTC', {value})::date"
        return f"when {matches} then try({value})"
    value = f"try_strptime({text}, {literal(written)})"
    if kind == "date":
        return f"when {matches} and {value} is not null then {value}::date"
    return f"when {matches} and {value} is not null then {value}"


def finite_sql(value: str, kind: ColumnType) -> str:
    """SQL of a value that is a time in the file; null for an infinite one."""
    time = f"case when isfinite({value}) then {value} end"
    return f"({time})::date" if kind == "date" else time


def instant_sql(value: str, sql_type: str, clock: Clock) -> str:
    """SQL of a time as an instant; null where the zone's clocks skip or repeat it and dst rejects.

    A date is the first moment of that day. `earlier` and `later` choose between the two instants
    that a skipped or repeated wall clock time may mean.
    """
    if sql_type == INSTANT:
        return value
    zone = literal(clock.zone.key)
    if sql_type == DATE:
        value = f"({value})::timestamp"
    # The engine takes the later instant where the clocks skip or repeat a time.
    later = f"timezone({zone}, {value})"
    forward, backward = _clock_jumps(clock.zone)
    if not forward and not backward:
        return later
    # A skipped time does not come back as itself; a repeated one was shown once before, by as much
    # as the clocks were put back.
    skipped = f"timezone({zone}, {later}) <> {value}" if forward else "false"
    repeated = [
        (f"timezone({zone}, {before}) = {value}", before)
        for before in (f"{later} - interval {minutes} minute" for minutes in backward)
    ]
    first = " ".join(f"when {condition} then {before}" for condition, before in repeated)
    if sql_type == DATE:
        return f"case when false then null {first} else {later} end"
    if clock.dst == "later":
        return later
    if clock.dst == "earlier":
        before_gap = f"{later} - (timezone({zone}, {later}) - {value})"
        return f"case when {skipped} then {before_gap} {first} else {later} end"
    neither = " ".join(f"when {condition} then null" for condition, _ in repeated)
    return f"case when {skipped} then null {neither} else {later} end"


@cache
def _clock_jumps(zone: ZoneInfo) -> tuple[tuple[int, ...], tuple[int, ...]]:
    """Minutes by which a zone's clocks have jumped (forward, backward) between 1970 and 2037."""
    first = dt.datetime(1970, 1, 1, tzinfo=dt.UTC)
    days = (first + dt.timedelta(days=day) for day in range(68 * 365))
    offsets = [day.astimezone(zone).utcoffset() or dt.timedelta() for day in days]
    jumps = {(b - a) // dt.timedelta(minutes=1) for a, b in pairwise(offsets)}
    forward = tuple(sorted(jump for jump in jumps if jump > 0))
    return forward, tuple(sorted(-jump for jump in jumps if jump < 0))


def cast_sql(value: str, kind: ColumnType) -> str:
    """SQL of a typed value in another type; null when it does not fit or is not finite."""
    if kind == "double":
        return f"case when isfinite(try_cast({value} as double)) then {value}::double end"
    return f"try_cast({value} as {'boolean' if kind == 'boolean' else 'decimal(18, 4)'})"


def sql_type(kind: pa.DataType) -> str:
    """DuckDB's name of an event column's type."""
    names = {
        pa.string(): "varchar",
        pa.float64(): "double",
        pa.bool_(): "boolean",
        pa.int32(): "integer",
        pa.int64(): "bigint",
        pa.date32(): "date",
    }
    if pa.types.is_decimal(kind):
        return f"decimal({kind.precision}, {kind.scale})"
    return names.get(kind, "timestamptz")


def refuse_undeclared_dst(connection: duckdb.DuckDBPyConnection, clock: Clock, key: str) -> None:
    """BadInput when `rejects` holds a time that needs a declared `dst` to become an instant."""
    first = "from rejects where rule = 'dst' order by file, line limit 1"
    for file, line, column, rule, raw in [] if clock.dst else run(connection, first):
        raise BadInput(
            f"{file}: line {line}, column {column!r}, {raw}: {rule}, the clocks of {clock.zone.key}"
            f" skip this time or have it twice; write dst: earlier, later or reject at {key}, or"
            " its true time_zone"
        )


def day_sql(value: str, zone: ZoneInfo) -> str:
    """SQL of an instant's day in a zone: days since 1970-01-01."""
    return f"(timezone({literal(zone.key)}, {value})::date - date '1970-01-01')::integer"


def masked_sql(raw: str) -> str:
    """SQL that masks a cell for a reject: its first two characters and its length."""
    start = f"regexp_replace(left({raw}, 2), '\\p{{Cc}}', '?', 'g')"
    return (
        f"case when {raw} is null then '''''' when length({raw}) <= 2 then '''' || {start} || ''''"
        f" else '''' || {start} || '''… (' || length({raw}) || ' characters)' end"
    )


def blank_sql(text: str) -> str:
    """SQL of whether a text is null or blank."""
    return f"({text} is null or regexp_full_match({text}, '[\\s\\p{{Z}}]*'))"


def control_character_sql(text: str) -> str:
    """SQL of whether a text holds a control character."""
    return f"coalesce(regexp_matches({text}, '\\p{{Cc}}'), false)"
