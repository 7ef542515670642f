"""Check times and dates: whether the declared format fits, which one does, and the time zone."""

import datetime as dt
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final
from zoneinfo import ZoneInfo

import pyarrow as pa
import pyarrow.compute as pc

from retention.commands.check.findings import PARAMS, as_yaml
from retention.commands.check.samples import File, Sample, SampleColumn
from retention.core.errors import BadParams
from retention.core.params import ColumnType, Format, Params, RawFile, Source
from retention.sources import parsing

OPTION: Final[dict[ColumnType, str]] = {"timestamp": "time", "date": "date"}
"""The key of `format:` under which the format of a type stands."""

_DATES: Final = (
    "%Y-%m-%d",
    "%d/%m/%Y",
    "%m/%d/%Y",
    "%d.%m.%Y",
    "%d-%m-%Y",
    "%m-%d-%Y",
    "%Y/%m/%d",
    "%Y%m%d",
    "%d/%m/%y",
    "%m/%d/%y",
    "%d.%m.%y",
    "%d %b %Y",
    "%d-%b-%Y",
    "%d %B %Y",
    "%b %d, %Y",
)
_CLOCKS: Final = (
    " %H:%M:%S",
    " %H:%M",
    "T%H:%M:%S",
    "T%H:%M",
    " %H:%M:%S.%f",
    "T%H:%M:%S.%f",
    "T%H:%M:%SZ",
    "T%H:%M:%S.%fZ",
    " %H:%M:%S%z",
    " %H:%M:%S %z",
    "T%H:%M:%S%z",
    " %H:%M:%S.%f%z",
    "T%H:%M:%S.%f%z",
    " %I:%M:%S %p",
    " %I:%M %p",
)
_COMMON_FORMATS: Final[dict[ColumnType, tuple[str, ...]]] = {
    "date": _DATES,
    "timestamp": (*("".join(parts) for parts in product(_DATES, _CLOCKS)), "%Y%m%d%H%M%S"),
}
"""Formats that are tried when none is declared, or a wrong one."""

_YEAR_1971: Final = 365
_MIN_TIMES: Final = 100
_MIN_DAYS: Final = 3
_NIGHT: Final = range(6)
_NIGHT_SHARE: Final = 0.35
_LONG: Final = 40


# Which formats fit


def unparsed_sql(column: SampleColumn, kind: ColumnType, form: str | None = None) -> str:
    """SQL of whether a value is not blank and does not parse as the type."""
    declared = Format.model_validate({OPTION[kind]: form} if form else {})
    parsed = parsing.parsed_sql(column.text_sql, kind, declared, "format")
    return f"{column.filled_sql} and {parsed} is null"


def count_misfits(
    sample: Sample, column: SampleColumn, kind: ColumnType, forms: Sequence[str]
) -> list[int]:
    """The number of values that do not have a format, for each of several formats."""
    return sample.count(*(unparsed_sql(column, kind, form) for form in forms)) if forms else []


def fitting_formats(
    sample: Sample, column: SampleColumn, kind: ColumnType, max_misfits: int = 0
) -> list[str]:
    """The common formats that all values have, but for so many; what fits more comes first."""
    first = sample.first_value(column)
    forms = [form for form in _COMMON_FORMATS[kind] if _may_match(first, form)]
    misfits = count_misfits(sample, column, kind, forms)
    ranked = sorted(zip(misfits, range(len(forms)), forms, strict=True))
    return [form for n_misfits, _, form in ranked if n_misfits <= max_misfits]


def _may_match(value: str, form: str) -> bool:
    """Whether a value may have a format: a cheap test before the engine's own."""
    # Python's regular expressions have no \pL (any letter), which the engine's have.
    pattern = parsing.pattern(form, "format").replace(r"\pL", r"[^\W\d_]")
    return re.fullmatch(pattern, value) is not None


def value_shape(sample: Sample, column: SampleColumn) -> str:
    """The first value with its digits and letters hidden."""
    text = re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", sample.first_value(column).strip()))
    return (text if len(text) <= _LONG else f"{text[:_LONG]}…") or "nothing"


# The formats of a file


def mend_format(file: File, sample: Sample) -> File:
    """The file with its formats corrected where they are missing or do not fit the first rows."""
    for kind, option in OPTION.items():
        names = [name for name, column_type in file.types.items() if column_type == kind]
        texts = [sample.columns[name] for name in names if sample.columns[name].is_text]
        if texts:
            form = _fitting_form(file, sample, kind, texts)
            file = with_formats(file, {option: form})
    return file


def with_formats(file: File, forms: dict[str, Any]) -> File:
    return file.model_copy(update={"format": file.format.model_copy(update=forms)})


def _fitting_form(
    file: RawFile, sample: Sample, kind: ColumnType, columns: list[SampleColumn]
) -> str:
    """The declared format if it fits, else one that does, which is reported."""
    declared = _declared_form(file, sample, kind)
    forms = [declared] if declared else []
    misfits = {column: sum(count_misfits(sample, column, kind, forms)) for column in columns}
    if declared and not any(misfits.values()):
        return declared
    fits = {column: fitting_formats(sample, column, kind) for column in columns}
    problem = _FormatProblem(sample, kind, fits)
    if declared:
        problem.report_misfit(declared, misfits)
    else:
        problem.report_missing()
    return next(iter(problem.shared), declared or _COMMON_FORMATS[kind][0])


def _declared_form(file: RawFile, sample: Sample, kind: ColumnType) -> str | None:
    """The declared format, if it is one; a wrong one is reported."""
    form: str | None = getattr(file.format, OPTION[kind])
    try:
        parsing.pattern(form or "", f"{sample.key}.format.{OPTION[kind]}")
    except BadParams as refusal:
        sample.group.error(refusal, PARAMS)
        return None
    return form


@dataclass
class _FormatProblem:
    """Columns of one type whose format is missing or wrong."""

    sample: Sample
    kind: ColumnType
    fits: dict[SampleColumn, list[str]]  # the formats that fit each column

    @property
    def shared(self) -> list[str]:
        """The formats that fit all columns."""
        return [
            form
            for form in _COMMON_FORMATS[self.kind]
            if all(form in forms for forms in self.fits.values())
        ]

    @property
    def differ(self) -> bool:
        """Whether each column has a format that fits, but not all the same."""
        return all(self.fits.values()) and not self.shared

    def report_missing(self) -> None:
        """Report that columns have no format."""
        key, option = f"{self.sample.key}.types", OPTION[self.kind]
        first = max(self.fits, key=lambda column: bool(self.fits[column]))
        if not self.shared:
            self.sample.reported_formats |= {column.name for column in self.fits}
        need = f".{first.name}: a {self.kind} needs format.{option}; its first value looks like"
        problem = ":" if self.differ else f"{need} {value_shape(self.sample, first)};"
        self.sample.group.error(f"{key}{problem} {self._advice(first)}", PARAMS)

    def report_misfit(self, declared: str, misfits: dict[SampleColumn, int]) -> None:
        """Report columns that the declared format does not fit.

        Only where another format fits all values, or this one none: otherwise single rows are
        wrong, and reported as such.
        """
        filled = {column: self.sample.filled(column) for column in self.fits}
        columns = [
            column
            for column in self.fits
            if misfits[column] and (self.fits[column] or misfits[column] == filled[column])
        ]
        if not columns:
            return
        self.sample.reported_formats |= {column.name for column in columns}
        self.sample.group.error(
            f"{self.sample.key}.format.{OPTION[self.kind]}: {declared!r} does not fit"
            f" {sum(misfits[column] for column in columns):,} of the first"
            f" {sum(filled[column] for column in columns):,} values of"
            f" {' and '.join(column.name for column in columns)}, which look like"
            f" {value_shape(self.sample, columns[0])}; {self._advice(columns[0])}"
        )

    def _advice(self, column: SampleColumn) -> str:
        """The format to write when one or two fit, else how to write one."""
        if self.differ:
            return self._advice_for_different()
        if self.shared:
            return format_advice(OPTION[self.kind], self.shared)
        other: ColumnType = "date" if self.kind == "timestamp" else "timestamp"
        forms = fitting_formats(self.sample, column, other)
        if forms:
            types = as_yaml({column.name: other})
            return f"write types: {types} and {format_advice(OPTION[other], forms)}"
        return (
            f"write format: {{{OPTION[self.kind]}: ...}} with %Y (2026) %m (11) %d (22) %b (Nov)"
            " %H (14) %M (59) %S (59), as the values are written"
        )

    def _advice_for_different(self) -> str:
        """Advice for columns that are written in different ways, as a source has one format."""
        formats_by_column = ", ".join(
            f'{column.name} as "{forms[0]}"' for column, forms in self.fits.items()
        )
        last, forms = list(self.fits.items())[-1]
        return (
            f"the columns are written differently ({formats_by_column}), and a source has one"
            f" format; leave {last.name} out of types and write"
            f" strptime({last.name}, '{forms[0]}') where it is used"
        )


def format_advice(option: str, forms: Sequence[str]) -> str:
    """Advice to write one of the formats that fit."""
    zone = "; Z means UTC, so write time_zone: UTC too" if forms[0].endswith("Z") else ""
    if len(forms) == 1:
        return f'write format: {{{option}: "{forms[0]}"}}{zone}'
    day_first = next((form for form in forms if form.find("%d") < form.find("%m")), forms[0])
    month_first = next((form for form in forms if form != day_first), forms[-1])
    return (
        f'write format: {{{option}: "{day_first}"}} if the day comes first, "{month_first}" if the'
        " month does:"
        f" it is ambiguous, 03/04 could be March or April, and the first rows fit both{zone}"
    )


# Counts since 1970, and time zones


def check_year(sample: Sample, events: pa.Table) -> None:
    """A doubt when all times fall in 1970, as a count in another unit does."""
    last_day = pc.max(events["occurred_day"]).as_py()
    if last_day is not None and last_day < _YEAR_1971:
        sample.group.doubt(
            "all first times fall in 1970, as a count of seconds does that is read as one of"
            " milliseconds; write to_timestamp(...) for seconds"
        )


def check_hours(params: Params, source: Source, sample: Sample, events: pa.Table) -> None:
    """A doubt when naive times fall at night, as they do when their zone is another one."""
    zone = ZoneInfo(params.time_zone)
    local = [moment.astimezone(zone) for moment in events["occurred_at"].to_pylist()]
    hours = Counter(moment.hour for moment in local)
    if not (_has_naive_times(source, sample) and _has_enough_times(local)):
        return
    night = sum(hours[hour] for hour in _NIGHT) / len(local)
    if night > _NIGHT_SHARE:
        busiest = hours.most_common(1)[0][0]
        read_as = source.time_zone or params.time_zone
        sample.group.doubt(
            f"{night:.0%} of the first times fall between 0 and 6 o'clock in {params.time_zone},"
            f" most of all at {busiest}; they are read as {read_as}; if they were written in"
            f" another zone, give it, as time_zone: {'UTC' if read_as != 'UTC' else 'Asia/Tokyo'}"
        )


def _has_naive_times(source: Source, sample: Sample) -> bool:
    """Whether any time is read as the clock of a zone that params.yaml names."""
    typed = [sample.columns[column] for column, kind in source.types.items() if kind == "timestamp"]
    offset = source.format.states_instants
    return not offset and any(column.native in ("VARCHAR", "TIMESTAMP") for column in typed)


def _has_enough_times(local: Sequence[dt.datetime]) -> bool:
    """Whether there are enough times to judge by, and not dates alone."""
    days = {moment.date() for moment in local}
    enough = len(local) >= _MIN_TIMES and len(days) >= _MIN_DAYS
    return enough and any(moment.time() != dt.time() for moment in local)
