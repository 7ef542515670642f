"""Mappings against the first rows: the columns they name, their SQL, and the types it needs."""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from retention.commands.check import times
from retention.commands.check.findings import PARAMS, Fix, alike, as_yaml, nearest
from retention.commands.check.samples import Column, File, Head
from retention.core.errors import BadParams
from retention.core.params import Customers, EventMapping, Params, RawFile, Source, Staff, Type
from retention.sources import column_errors as missing
from retention.sources import parsing, row_sql
from retention.sources.expressions import Compiled, Compiler, NoColumn, bound

_Typed = tuple[Type, str | None]
"""A type, and the format that a time has."""


def source(rules: Params, name: str, head: Head) -> Source | None:
    """The source without what is wrong with its mapping, which is reported; None without events."""
    file = times.mended(_known_types(rules.sources[name], head), head)
    compiler = Compiler(head.connection, head.names, head.copies.named(head.copies.found[0].label))
    for column in head.names:
        compiler.place(column, head.key)
    file = file.model_copy(update={"key": _key(file, head)})
    sql, mapped = _Sql(rules, name, head, compiler), []
    for at in range(len(file.events)):
        file, mapping = sql.mended(file, at)
        if mapping:
            mapped.append(mapping)
    file = sql.expecting(file)
    return file.model_copy(update={"events": mapped}) if mapped else None


def customers(file: Customers, head: Head) -> Customers | None:
    """The mapping of customers without its mistakes; None without customer_id."""
    kept = _kept(file.columns, head)
    file = times.mended(_known_types(file, head), head)
    for column in ("joined_at", "known_at"):
        if column in kept and file.types.get(kept[column]) not in times.OPTION:
            better = _with_a_time(file, head, column, kept[column])
            file = better or file
            if not better:
                del kept[column]
    return file.model_copy(update={"columns": kept}) if "customer_id" in kept else None


def staff(file: Staff, head: Head) -> None:
    """Report the columns of staff that the file lacks."""
    _kept(file.columns, head)


def _kept(columns: Mapping[Any, str], head: Head) -> dict[str, str]:
    """The columns that the file has; the others are reported."""
    kept = {}
    for column, name in columns.items():
        if name in head.columns:
            kept[column] = name
        else:
            key = f"{head.key}.columns.{column}"
            head.group.no_column(name, key, head.names, _rewritten(column, name, name))
    return kept


def _with_a_time(file: Customers, head: Head, column: str, name: str) -> Customers | None:
    """The file with the type that a time of a customer needs, when its values are times."""
    key, raw = f"{head.key}.columns.{column}", head.columns[name]
    better = next(_guesses(head, file, [raw], times_first=True), None)
    if better and better.types[name] in times.OPTION:
        head.group.error(f"{key}: {_untyped(name, file, better, head)}", PARAMS)
        return better
    head.group.error(
        f"{key}: {name!r} needs a type and a format; its first value looks like"
        f" {times.shape(head, raw)}",
        PARAMS,
    )
    return None


# Columns


def _known_types(file: File, head: Head) -> File:
    """`types` without the columns that the file lacks."""
    for name in file.types:
        if name not in head.columns:
            close = alike(name, head.columns)
            near = f"; {nearest(close)}" if close else ""
            head.group.doubt(
                f"{head.key}.types: column {name!r} is not in the header{near}; mend or drop it"
            )
    kept = {name: kind for name, kind in file.types.items() if name in head.columns}
    return file.model_copy(update={"types": kept})


def _key(file: Source, head: Head) -> list[str] | str:
    """The key without the columns that the file lacks."""
    if file.key == "row_number":
        return file.key
    for column in file.key:
        if column not in head.columns:
            others = [one for one in file.key if one != column]
            head.group.no_column(column, f"{head.key}.key", head.names, _in_place(others))
    return [one for one in file.key if one in head.columns] or "row_number"


def _in_place(others: list[str]) -> Fix:
    return lambda name: f"key: {as_yaml([name, *others])}"


def _rewritten(column: str, text: str, wrong: str) -> Fix:
    """The mapping with the right column in the place of the wrong one."""

    def fix(name: str) -> str:
        return f"{column}: {as_yaml(missing.renamed(text, wrong, name))}"

    return fix


# SQL


@dataclass
class _Sql:
    """The SQL of a source against the first rows."""

    rules: Params
    source: str
    head: Head
    compiler: Compiler

    def mended(self, file: Source, at: int) -> tuple[Source, EventMapping | None]:
        """The file with the types that a mapping needs, and the mapping without its mistakes."""
        mapping = file.events[at]
        where = {"where": mapping.where} if mapping.where else {}
        lost = []
        for column, text in {**where, **mapping.columns()}.items():
            better = self._typed(file, f"events[{at}].{column}", column, text)
            file = better or file
            if not better:
                lost.append(column)
        if mapping.currency and not self._compiled(
            f"{self.head.key}.events[{at}].currency", mapping.currency
        ):
            lost.append("currency")
        if {"customer_id", "occurred_at"} & set(lost):
            return file, None
        return file, mapping.model_copy(update=dict.fromkeys(lost))

    def expecting(self, file: Source) -> Source:
        """The file with the types that its expectations need, and these without their mistakes."""
        kept = {}
        for name, text in file.expect.items():
            better = self._typed(file, f"expect.{name}", "where", text)
            file = better or file
            if better:
                kept[name] = text
        return file.model_copy(update={"expect": kept})

    def _typed(self, file: Source, place: str, column: str, text: str) -> Source | None:
        """The file with types that the SQL fits, those that it lacked being told; None without."""
        key = f"{self.head.key}.{place}"
        compiled = self._compiled(key, text)
        refusal = self._refusal(file, column, compiled) if compiled else None
        if not (compiled and refusal):
            return file if compiled else None
        used = self._text_columns(file, compiled)
        for better in _guesses(self.head, file, used, column in row_sql.TIMES):
            if not self._refusal(better, column, compiled):
                said = _untyped(text, file, better, self.head)
                self.head.group.error(f"{key}: {said}", PARAMS)
                return better
        self.head.group.error(refusal, PARAMS)
        return None

    def _compiled(self, key: str, text: str) -> Compiled | None:
        try:
            return self.compiler.compile(text, key)
        except NoColumn as missing:
            fix = _rewritten(key.rpartition(".")[2], text, missing.column)
            self.head.group.no_column(missing.column, key, self.head.names, fix)
        except BadParams as refusal:
            self.head.copies.refused(refusal)
        return None

    def _text_columns(self, file: Source, compiled: Compiled) -> list[Column]:
        """The columns that the SQL reads as text."""
        read = [
            one
            for one in self.head.columns.values()
            if re.search(rf"\bv{one.place}\b", compiled.sql)
        ]
        return [one for one in read if one.is_text and file.types.get(one.name, "text") == "text"]

    def _refusal(self, file: Source, column: str, compiled: Compiled) -> BadParams | None:
        """What ingest says of one mapped column; `where` stands for any condition."""
        is_where = column == "where"
        condition = compiled if is_where else Compiled("true", compiled.key)
        columns = {} if is_where else {column: compiled}
        one = row_sql.Mapped(0, file.events[0], "", condition, columns)
        clock, zone = (
            parsing.Clock(self.rules.zone_of(file), file.dst),
            ZoneInfo(self.rules.time_zone),
        )
        plan = row_sql.Plan(self.source, file, clock, zone, None, self.head.names, [], [one])
        native = [each.native for each in self.head.columns.values()]
        try:
            self.head.run(f"create or replace view typed as {row_sql.typed(plan, native)}")
            types = bound(self.head.connection, "typed", [condition, *columns.values()])
            row_sql.mapped(plan, [types])
        except BadParams as refusal:
            return refusal
        return None


# Types


def _guesses(head: Head, file: File, used: list[Column], times_first: bool) -> Iterator[File]:
    """The file with types for text columns as their first rows suggest: numbers, or times."""
    for as_times in (times_first, not times_first):
        guess = {
            column.name: _time(head, file, column) if as_times else _number(head, column)
            for column in used
        }
        found = {name: one for name, one in guess.items() if one}
        if found:
            types = file.types | {name: kind for name, (kind, _) in found.items()}
            forms = {times.OPTION[kind]: form for kind, form in found.values() if form}
            typed = file.model_copy(update={"types": types})
            yield times.with_formats(typed, forms)


def _number(head: Head, column: Column) -> _Typed | None:
    kinds: tuple[Type, ...] = ("integer", "decimal", "double")
    if not head.filled(column):
        return None
    wrong = head.count(*(times.unread(column, kind) for kind in kinds))
    return next(((kind, None) for kind, one in zip(kinds, wrong, strict=True) if not one), None)


def _time(head: Head, file: RawFile, column: Column) -> _Typed | None:
    for kind, option in times.OPTION.items():
        forms, declared = times.fitting(head, column, kind), getattr(file.format, option)
        if forms and declared in (None, *forms):
            return kind, declared or forms[0]
    return None


def _untyped(text: str, file: RawFile, better: RawFile, head: Head) -> str:
    """What to say of SQL that needs numbers or times where the columns are text."""
    types = {name: one for name, one in better.types.items() if name not in file.types}
    said = f"{text!r} does not work while {' and '.join(types)} is text; write types:"
    said = f"{said} {as_yaml(types)}"
    for name, kind in types.items():
        option = times.OPTION.get(kind)
        if option and getattr(file.format, option) is None:
            forms = times.fitting(head, head.columns[name], kind)
            return f"{said} and {times.advice(option, forms).removeprefix('write ')}"
    return said
