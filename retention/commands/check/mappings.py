"""Check mappings on the first rows: the columns they name, their SQL, and the types it needs.

Every mistake is reported, and corrected or left out, so that the rest can be checked.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any
from zoneinfo import ZoneInfo

from retention.commands.check import times
from retention.commands.check.findings import PARAMS, Fix, as_yaml, nearest_text, similar_names
from retention.commands.check.samples import File, Sample, SampleColumn
from retention.core.errors import BadParams
from retention.core.params import (
    ColumnType,
    CustomersFile,
    EventMapping,
    Params,
    RawFile,
    Source,
    StaffFile,
)
from retention.sources import customers, other_files, parsing, row_sql
from retention.sources.column_errors import rename_in_sql
from retention.sources.expressions import Compiler, Expression, NoColumn, bind_types

_TypeGuess = tuple[ColumnType, str | None]
"""A type, and the format if it is the type of a time."""


def mend_source(params: Params, name: str, sample: Sample) -> Source | None:
    """The source with its mappings corrected; None when no mapping is left."""
    file = times.mend_format(_present_types(params.sources[name], sample), sample)
    label = sample.copies.with_original_names(sample.copies.files[0].label)
    compiler = Compiler(sample.connection, sample.names, label)
    for column in sample.names:
        compiler.position(column, sample.key)
    file = file.model_copy(update={"key": _present_key(file, sample)})
    checker, mappings = _MappingChecker(params, name, sample, compiler), []
    for i in range(len(file.events)):
        file, mapping = checker.mend_mapping(file, i)
        if mapping:
            mappings.append(mapping)
    file = checker.mend_expectations(file)
    return file.model_copy(update={"events": mappings}) if mappings else None


def mend_customers(file: CustomersFile, sample: Sample) -> CustomersFile | None:
    """The customers' file with its mapping corrected; None without customer_id."""
    columns = _present_columns(file.columns, sample)
    file = times.mend_format(_present_types(file, sample), sample)
    for column in ("joined_at", "known_at"):
        if column in columns and file.types.get(columns[column]) not in times.OPTION:
            better = _with_time_type(file, sample, column, columns[column])
            file = better or file
            if not better:
                del columns[column]
    return file.model_copy(update={"columns": columns}) if "customer_id" in columns else None


def check_staff_columns(file: StaffFile, sample: Sample) -> None:
    """Report the columns of the staff that the file lacks."""
    _present_columns(file.columns, sample, sql=False)


def _present_columns(
    columns: Mapping[Any, str], sample: Sample, sql: bool = True
) -> dict[str, str]:
    """The columns that the file has, or that are SQL over them; the others are reported."""
    present = {}
    for column, name in columns.items():
        key, wrong = f"{sample.key}.columns.{column}", name
        if sql and name not in sample.columns and not customers.NAME.fullmatch(name):
            try:
                Compiler(sample.connection, sample.names, sample.key).compile(name, key)
            except NoColumn as refusal:
                wrong = refusal.column
            except BadParams as refusal:
                sample.copies.report_refusal(refusal)
                continue
            else:
                wrong = ""
        if name in sample.columns or not wrong:
            present[column] = name
        else:
            fix = _mapping_fix(column, name, wrong)
            sample.group.missing_column(wrong, key, sample.names, fix)
    return present


def _with_time_type(
    file: CustomersFile, sample: Sample, column: str, name: str
) -> CustomersFile | None:
    """The file with the type that a customer's time needs; None when its values are no times."""
    key = f"{sample.key}.columns.{column}"
    if name not in sample.columns:
        sample.group.error(f"{key}: a time must be a column with a type; {name!r} is SQL", PARAMS)
        return None
    raw = sample.columns[name]
    better = next(_type_guesses(sample, file, [raw], times_first=True), None)
    if better and better.types[name] in times.OPTION:
        sample.group.error(f"{key}: {_type_advice(name, file, better, sample)}", PARAMS)
        return better
    sample.group.error(
        f"{key}: {name!r} needs a type and a format; its first value looks like"
        f" {times.value_shape(sample, raw)}",
        PARAMS,
    )
    return None


# Columns


def _present_types(file: File, sample: Sample) -> File:
    """`types` without the columns that the file lacks."""
    for name in file.types:
        if name not in sample.columns:
            close = similar_names(name, sample.columns)
            near = f"; {nearest_text(close)}" if close else ""
            sample.group.doubt(
                f"{sample.key}.types: column {name!r} is not in the header{near}; mend or drop it"
            )
    present_types = {name: kind for name, kind in file.types.items() if name in sample.columns}
    return file.model_copy(update={"types": present_types})


def _present_key(file: Source, sample: Sample) -> list[str] | str:
    """The key without the columns that the file lacks."""
    if file.key == "row_number":
        return file.key
    for column in file.key:
        if column not in sample.columns:
            others = [other for other in file.key if other != column]
            sample.group.missing_column(column, f"{sample.key}.key", sample.names, _key_fix(others))
    return [column for column in file.key if column in sample.columns] or "row_number"


def _key_fix(others: list[str]) -> Fix:
    """Writes the key with the right column in the place of the wrong one."""
    return lambda name: f"key: {as_yaml([name, *others])}"


def _mapping_fix(column: str, text: str, wrong: str) -> Fix:
    """Writes the mapping with the right column in the place of the wrong one."""

    def fix(name: str) -> str:
        return f"{column}: {as_yaml(rename_in_sql(text, wrong, name))}"

    return fix


# SQL


@dataclass
class _MappingChecker:
    """Checks the SQL of a source on its first rows."""

    params: Params
    source: str  # its name
    sample: Sample
    compiler: Compiler

    def mend_mapping(self, file: Source, i: int) -> tuple[Source, EventMapping | None]:
        """The file with the types that a mapping needs, and the mapping without wrong columns.

        The mapping is None when it lacks what every event needs.
        """
        mapping = file.events[i]
        where = {"where": mapping.where} if mapping.where else {}
        wrong = []
        for column, text in {**where, **mapping.columns()}.items():
            better = self._with_types(file, f"events[{i}].{column}", column, text)
            file = better or file
            if not better:
                wrong.append(column)
        currency_key = f"{self.sample.key}.events[{i}].currency"
        if mapping.currency and not self._compile(currency_key, mapping.currency):
            wrong.append("currency")
        changes_key = f"{self.sample.key}.events[{i}].changes.column"
        if mapping.changes and not self._compile(changes_key, mapping.changes.column):
            wrong.append("changes")
        if {"customer_id", "occurred_at"} & set(wrong):
            return file, None
        return file, mapping.model_copy(update=dict.fromkeys(wrong))

    def mend_expectations(self, file: Source) -> Source:
        """The file with the types that its expectations need, without the wrong expectations."""
        sound = {}
        for name, text in file.expect.items():
            better = self._with_types(file, f"expect.{name}", "where", text)
            file = better or file
            if better:
                sound[name] = text
        return file.model_copy(update={"expect": sound})

    def _with_types(self, file: Source, key_path: str, column: str, text: str) -> Source | None:
        """The file with types that fit the SQL, reporting those it lacked; None without any."""
        key = f"{self.sample.key}.{key_path}"
        expression = self._compile(key, text)
        refusal = self._refusal(file, column, expression) if expression else None
        if expression is None or refusal is None:
            return file if expression else None
        used = self._text_columns(file, expression)
        for better in _type_guesses(self.sample, file, used, column in row_sql.TIMES):
            if not self._refusal(better, column, expression):
                message = _type_advice(text, file, better, self.sample)
                self.sample.group.error(f"{key}: {message}", PARAMS)
                return better
        self.sample.group.error(refusal, PARAMS)
        return None

    def _compile(self, key: str, text: str) -> Expression | None:
        try:
            return self.compiler.compile(text, key)
        except NoColumn as refusal:
            file = self.params.sources[self.source]
            elsewhere = other_files.where_else(self.params, file, refusal.column)
            if elsewhere:
                missing = f"{key}: column {refusal.column!r} is not in the header; {elsewhere}"
                self.sample.group.error(missing)
                return None
            fix = _mapping_fix(key.rpartition(".")[2], text, refusal.column)
            self.sample.group.missing_column(refusal.column, key, self.sample.names, fix)
        except BadParams as refusal:
            self.sample.copies.report_refusal(refusal)
        return None

    def _text_columns(self, file: Source, expression: Expression) -> list[SampleColumn]:
        """The columns that the SQL reads and that are text."""
        read = [
            column
            for column in self.sample.columns.values()
            if re.search(rf"\bv{column.position}\b", expression.sql)
        ]
        return [
            column
            for column in read
            if column.is_text and file.types.get(column.name, "text") == "text"
        ]

    def _refusal(self, file: Source, column: str, expression: Expression) -> BadParams | None:
        """The refusal of stage `ingest` for one mapped column; `where` stands for any condition."""
        is_where = column == "where"
        condition = expression if is_where else Expression("true", expression.key)
        columns = {} if is_where else {column: expression}
        declared = file.events[0].model_copy(update={"changes": None})  # it needs all columns
        mapping = row_sql.CompiledMapping(0, declared, "", condition, columns)
        plan = row_sql.IngestPlan(
            source=self.source,
            file=file,
            clock=parsing.Clock(self.params.zone_of(file), file.dst),
            business_zone=ZoneInfo(self.params.time_zone),
            as_of=None,
            wanted=self.sample.names,
            keys=[],
            mappings=[mapping],
        )
        native = [column.native for column in self.sample.columns.values()]
        try:
            self.sample.run(f"create or replace view typed as {row_sql.typed_sql(plan, native)}")
            types = bind_types(self.sample.connection, "typed", [condition, *columns.values()])
            row_sql.mapped_sql(plan, [types])
        except BadParams as refusal:
            return refusal
        return None


# Types


def _type_guesses(
    sample: Sample, file: File, used: list[SampleColumn], times_first: bool
) -> Iterator[File]:
    """The file with types for text columns that fit their first rows: numbers, and times."""
    for as_times in (times_first, not times_first):
        guesses = {
            column.name: _time_type(sample, file, column)
            if as_times
            else _number_type(sample, column)
            for column in used
        }
        fitting = {name: guess for name, guess in guesses.items() if guess}
        if fitting:
            types = file.types | {name: kind for name, (kind, _) in fitting.items()}
            forms = {times.OPTION[kind]: form for kind, form in fitting.values() if form}
            yield times.with_formats(file.model_copy(update={"types": types}), forms)


def _number_type(sample: Sample, column: SampleColumn) -> _TypeGuess | None:
    kinds: tuple[ColumnType, ...] = ("integer", "decimal", "double")
    if not sample.filled(column):
        return None
    misfits = sample.count(*(times.unparsed_sql(column, kind) for kind in kinds))
    fitting = (kind for kind, n_misfits in zip(kinds, misfits, strict=True) if not n_misfits)
    return next(((kind, None) for kind in fitting), None)


def _time_type(sample: Sample, file: RawFile, column: SampleColumn) -> _TypeGuess | None:
    for kind, option in times.OPTION.items():
        forms, declared = times.fitting_formats(sample, column, kind), getattr(file.format, option)
        if forms and declared in (None, *forms):
            return kind, declared or forms[0]
    return None


def _type_advice(text: str, file: RawFile, better: RawFile, sample: Sample) -> str:
    """The message about SQL that needs numbers or times where the columns are text."""
    types = {name: kind for name, kind in better.types.items() if name not in file.types}
    message = (
        f"{text!r} does not work while {' and '.join(types)} is text; write types: {as_yaml(types)}"
    )
    for name, kind in types.items():
        option = times.OPTION.get(kind)
        if option and getattr(file.format, option) is None:
            forms = times.fitting_formats(sample, sample.columns[name], kind)
            return f"{message} and {times.format_advice(option, forms).removeprefix('write ')}"
    return message
