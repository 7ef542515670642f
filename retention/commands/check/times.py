"""Times and dates: whether the format given fits the first rows, which one does, and the zone."""

import datetime as dt
import re
from collections import Counter
from collections.abc import Sequence
from dataclasses import dataclass
from itertools import product
from typing import Any, Final
from zoneinfo import ZoneInfo

import pyarrow as pa

from retention.commands.check.findings import PARAMS, as_yaml
from retention.commands.check.samples import Column, File, Head
from retention.core.errors import BadParams
from retention.core.params import Format, Params, RawFile, Source, Type
from retention.sources import parsing

OPTION: Final[dict[Type, str]] = {"timestamp": "time", "date": "date"}
"""Under which key of format: the format of a type stands."""

_DATES: Final = (
    "%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y%m%d",
    "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d %b %Y", "%d-%b-%Y", "%d %B %Y", "%b %d, %Y",
)  # fmt: skip
_CLOCKS: Final = (
    " %H:%M:%S", " %H:%M", "T%H:%M:%S", "T%H:%M", " %H:%M:%S.%f", "T%H:%M:%S.%f", "T%H:%M:%SZ",
    "T%H:%M:%S.%fZ", " %H:%M:%S%z", "T%H:%M:%S%z", " %H:%M:%S.%f%z", "T%H:%M:%S.%f%z",
    " %I:%M:%S %p", " %I:%M %p",
)  # fmt: skip
_COMMON: Final[dict[Type, tuple[str, ...]]] = {
    "date": _DATES,
    "timestamp": (*("".join(one) for one in product(_DATES, _CLOCKS)), "%Y%m%d%H%M%S"),
}
"""The formats that are tried when none, or a wrong one, is given."""

_FEW_HOURS: Final = 100
_FEW_DAYS: Final = 3
_NIGHT: Final = range(6)
_NIGHT_SHARE: Final = 0.35
_LONG: Final = 40


# Which formats fit


def unread(column: Column, kind: Type, form: str | None = None) -> str:
    """SQL of whether a value is there and not of the type."""
    given = Format.model_validate({OPTION[kind]: form} if form else {})
    return f"{column.filled} and {parsing.parsed(column.text, kind, given, 'format')} is null"


def misfits(head: Head, column: Column, kind: Type, forms: Sequence[str]) -> list[int]:
    """How many values have another form, for each of several formats."""
    return head.count(*(unread(column, kind, form) for form in forms)) if forms else []


def fitting(head: Head, column: Column, kind: Type) -> list[str]:
    """The common formats that all values have."""
    first = head.first(column)
    forms = [form for form in _COMMON[kind] if _looks(first, form)]
    wrong = misfits(head, column, kind, forms)
    return [form for form, number in zip(forms, wrong, strict=True) if not number]


def _looks(value: str, form: str) -> bool:
    """Whether a value may have a format; the engine's own word is asked for after."""
    written = parsing.pattern(form, "format").replace(r"\pL", r"[^\W\d_]")
    return re.fullmatch(written, value) is not None


def shape(head: Head, column: Column) -> str:
    """The first value with its digits and letters hidden."""
    text = re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", head.first(column).strip()))
    return (text if len(text) <= _LONG else f"{text[:_LONG]}…") or "nothing"


# The formats of a file


def mended(file: File, head: Head) -> File:
    """`format` as if mended, where it is missing or does not fit the first rows."""
    for kind, option in OPTION.items():
        named = [head.columns[name] for name, one in file.types.items() if one == kind]
        written = [column for column in named if column.is_text]
        if written:
            form = _form(file, head, kind, written)
            file = with_formats(file, {option: form})
    return file


def with_formats(file: File, forms: dict[str, Any]) -> File:
    return file.model_copy(update={"format": file.format.model_copy(update=forms)})


def _form(file: RawFile, head: Head, kind: Type, columns: list[Column]) -> str:
    """The declared format if it fits, else the one that does; findings say why."""
    declared = _declared(file, head, kind)
    given = [declared] if declared else []
    wrong = {column: sum(misfits(head, column, kind, given)) for column in columns}
    if declared and not any(wrong.values()):
        return declared
    written = _Written(head, kind, {column: fitting(head, column, kind) for column in columns})
    if declared:
        written.say_misfit(declared, wrong)
    else:
        written.say_missing()
    return next(iter(written.shared), declared or _COMMON[kind][0])


def _declared(file: RawFile, head: Head, kind: Type) -> str | None:
    """The format given, if it is one."""
    form: str | None = getattr(file.format, OPTION[kind])
    try:
        parsing.pattern(form or "", f"{head.key}.format.{OPTION[kind]}")
    except BadParams as refusal:
        head.group.error(refusal, PARAMS)
        return None
    return form


@dataclass
class _Written:
    """Columns of one type, whose format is missing or wrong, and the formats that fit each."""

    head: Head
    kind: Type
    fits: dict[Column, list[str]]

    @property
    def shared(self) -> list[str]:
        """The formats that fit all of the columns."""
        return [
            form for form in _COMMON[self.kind] if all(form in mine for mine in self.fits.values())
        ]

    @property
    def differ(self) -> bool:
        return all(self.fits.values()) and not self.shared

    def say_missing(self) -> None:
        key, option = f"{self.head.key}.types", OPTION[self.kind]
        first = max(self.fits, key=lambda column: bool(self.fits[column]))
        if not self.shared:
            self.head.told |= {column.name for column in self.fits}
        need = f".{first.name}: a {self.kind} needs format.{option}; its first value looks like"
        said = ":" if self.differ else f"{need} {shape(self.head, first)};"
        self.head.group.error(f"{key}{said} {self._advice(first)}", PARAMS)

    def say_misfit(self, declared: str, wrong: dict[Column, int]) -> None:
        """Only where another format fits, or this one nothing; else rows are told one by one."""
        filled = {column: self.head.filled(column) for column in self.fits}
        hopeless = [one for one in self.fits if self.fits[one] or wrong[one] == filled[one]]
        told = [one for one in hopeless if wrong[one]]
        if not told:
            return
        self.head.told |= {column.name for column in told}
        self.head.group.error(
            f"{self.head.key}.format.{OPTION[self.kind]}: {declared!r} does not fit"
            f" {sum(wrong[one] for one in told):,} of the first"
            f" {sum(filled[one] for one in told):,} values of"
            f" {' and '.join(one.name for one in told)}, which look like"
            f" {shape(self.head, told[0])}; {self._advice(told[0])}"
        )

    def _advice(self, column: Column) -> str:
        """Which format to write, when one or two fit; else how."""
        if self.differ:
            return self._apart()
        if self.shared:
            return advice(OPTION[self.kind], self.shared)
        other: Type = "date" if self.kind == "timestamp" else "timestamp"
        forms = fitting(self.head, column, other)
        if forms:
            types = as_yaml({column.name: other})
            return f"write types: {types} and {advice(OPTION[other], forms)}"
        return (
            f"write format: {{{OPTION[self.kind]}: ...}} with %Y (2026) %m (11) %d (22) %b (Nov)"
            " %H (14) %M (59) %S (59), as the values are written"
        )

    def _apart(self) -> str:
        """Columns that are written in different ways, for which there is one format only."""
        ways = ", ".join(f'{column.name} as "{forms[0]}"' for column, forms in self.fits.items())
        last, forms = list(self.fits.items())[-1]
        return (
            f"the columns are written differently ({ways}), and a source has one format; leave"
            f" {last.name} out of types and write strptime({last.name}, '{forms[0]}') where it is"
            " used"
        )


def advice(option: str, forms: Sequence[str]) -> str:
    """Which of the formats that fit to write."""
    zone = "; Z means UTC, so write time_zone: UTC too" if forms[0].endswith("Z") else ""
    if len(forms) == 1:
        return f'write format: {{{option}: "{forms[0]}"}}{zone}'
    day = next((one for one in forms if one.find("%d") < one.find("%m")), forms[0])
    month = next((one for one in forms if one != day), forms[-1])
    return (
        f'write format: {{{option}: "{day}"}} if the day comes first, "{month}" if the month does:'
        f" it is ambiguous, 03/04 could be March or April, and the first rows fit both{zone}"
    )


# Time zones


def look_at_hours(rules: Params, source: Source, head: Head, events: pa.Table) -> None:
    """A doubt when naive times fall at night, as they do when they were written in another zone."""
    zone = ZoneInfo(rules.time_zone)
    local = [one.astimezone(zone) for one in events["occurred_at"].to_pylist()]
    hours = Counter(one.hour for one in local)
    if not (_naive(source, head) and _telling(local)):
        return
    night = sum(hours[hour] for hour in _NIGHT) / len(local)
    if night > _NIGHT_SHARE:
        busiest = hours.most_common(1)[0][0]
        read_as = source.time_zone or rules.time_zone
        head.group.doubt(
            f"{night:.0%} of the first times fall between 0 and 6 o'clock in {rules.time_zone},"
            f" most of all at {busiest}; they are read as {read_as}; if they were written in"
            f" another zone, give it, as time_zone: {'UTC' if read_as != 'UTC' else 'Asia/Tokyo'}"
        )


def _naive(source: Source, head: Head) -> bool:
    """Whether any time is read as the clock of a zone that params.yaml names."""
    typed = [head.columns[one] for one, kind in source.types.items() if kind == "timestamp"]
    offset = "%z" in (source.format.time or "")
    return not offset and any(one.native in ("VARCHAR", "TIMESTAMP") for one in typed)


def _telling(local: Sequence[dt.datetime]) -> bool:
    """Whether there are enough times to judge by, and not dates alone."""
    days = {one.date() for one in local}
    enough = len(local) >= _FEW_HOURS and len(days) >= _FEW_DAYS
    return enough and any(one.time() != dt.time() for one in local)
