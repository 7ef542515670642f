"""`retention check`: what is wrong or doubtful in params.yaml and in the first rows of its files.

It reads the first rows of each file into a folder that goes when it ends, runs the true ingest on
them, and goes on after a mistake as if it were mended, so that one look tells of all mistakes.
It changes nothing.
"""

import datetime as dt
import gzip
import re
import zlib
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from difflib import get_close_matches
from itertools import product
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import IO, Any, Final, TypeVar, cast
from zoneinfo import ZoneInfo

import duckdb
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml
from pydantic import ValidationError

from pipeline import (
    artefacts,
    clocks,
    customers,
    events,
    files,
    ingest,
    params,
    publish,
    schema,
    snapshots,
)
from pipeline.errors import BadInput, BadParams, Refusal
from pipeline.params import Format, Params, RawFile, Source, Type
from pipeline.raw import cells, rawfile, records, rows
from pipeline.raw.mapping import Compiled, Compiler, NoColumn, bound

ROWS: Final = 1000
"""How many rows of each file are read."""

MOST_FILES: Final = 20
"""How many files of a folder are looked into, the first and the last among them."""

PARAMS, DATA = BadParams.code, BadInput.code
ERROR, DOUBT, OK = "error", "doubt", "ok"

_MOST_LINES: Final = 20 * ROWS
_MOST_BYTES: Final = 1 << 24
_FEW_HOURS: Final = 100
_NIGHT: Final = range(6)
_NIGHT_SHARE: Final = 0.35
_LATE_DAYS: Final = 7
_ENOUGH_TO_TELL: Final = 3

_File = TypeVar("_File", bound=RawFile)
Connection = duckdb.DuckDBPyConnection


@dataclass(frozen=True)
class Finding:
    """One line: how bad, what and what to do, and the exit code that an error asks for."""

    level: str
    text: str
    code: int = 0


@dataclass
class Group:
    """The findings about one thing: a source, the labels, the published lists."""

    title: str
    findings: list[Finding] = field(default_factory=list)

    def _add(self, level: str, text: object, code: int = 0) -> None:
        line = " ".join(str(text).split()).removeprefix(f"{self.title}.")
        shown = "".join(one if one.isprintable() else "?" for one in line)
        finding = Finding(level, shown, code)
        if finding not in self.findings:
            self.findings.append(finding)

    def error(self, text: object, code: int = DATA) -> None:
        self._add(ERROR, text, code)

    def refused(self, refusal: Refusal) -> None:
        self._add(ERROR, refusal, refusal.code)

    def doubt(self, text: object) -> None:
        self._add(DOUBT, text)

    def ok(self, text: object) -> None:
        self._add(OK, text)

    @property
    def sound(self) -> bool:
        return not any(one.level == ERROR for one in self.findings)


def check(path: Path = Path("params.yaml")) -> list[Group]:
    """Everything that is wrong or doubtful about the project one stands in, by what it is about."""
    top = Group(str(path))
    rules, broken = _params(path, top)
    groups = [top]
    if rules is not None:
        groups += _data(rules, broken)
        _describe(top, rules)
    return groups + _lists(Path(rules.publish.folder) if rules else Path("lists"))


def exit_code(groups: Iterable[Group]) -> int:
    """0, or 2 when params.yaml is to be mended, or 3 when only data is."""
    codes = {one.code for group in groups for one in group.findings if one.level == ERROR}
    return min(codes, default=0)


def verdict(groups: Iterable[Group]) -> str:
    """The sentence with which the report ends."""
    levels = Counter(one.level for group in groups for one in group.findings)
    counted = [_many(levels[level], level) for level in (ERROR, DOUBT) if levels[level]]
    if levels[ERROR]:
        return f"{', '.join(counted)}; mend the errors first."
    if levels[DOUBT]:
        return f"{counted[0]}, no errors; read them, then run dvc repro."
    return "Nothing is wrong; run dvc repro."


def _many(number: int, thing: str) -> str:
    return f"{number:,} {thing}{'' if number == 1 else 's'}"


# params.yaml


_STAND_INS: Final[dict[str, Any]] = {
    "time_zone": "UTC",
    "currency": "XXX",
    "labels": {"churn": {"rule": "silence"}},
}
"""What a missing key is taken for, so that the rest can be looked at."""


def _params(path: Path, group: Group) -> tuple[Params | None, set[str]]:
    """The params as if mended, and the top-level keys that were not sound; None when hopeless."""
    try:
        return params.load(path), set()
    except BadParams as refusal:
        first = str(refusal)
    try:
        raw = yaml.safe_load(path.read_text(encoding="utf-8"))
    except (OSError, ValueError, yaml.YAMLError):
        raw = None
    if not isinstance(raw, dict):
        group.error(first, PARAMS)
        return None, set()
    return _pruned(raw, group)


def _pruned(raw: dict[str, Any], group: Group) -> tuple[Params | None, set[str]]:
    """Report every wrong key, and drop it until the rest is sound."""
    broken: set[str] = set()
    for again in range(2 * len(params.Params.model_fields)):
        try:
            return Params.model_validate(raw), broken
        except ValidationError as error:
            found = error.errors(include_context=False)
        for one in found:
            if not again or one["type"] not in ("missing", "too_short"):
                group.error(params._sentence(one), PARAMS)
        broken |= {str(one["loc"][0]) for one in found if one["loc"]}
        for loc in sorted({one["loc"] for one in found}, key=str, reverse=True):
            _drop(raw, loc)
    return None, broken


def _drop(raw: dict[str, Any], loc: Sequence[int | str]) -> None:
    """Remove what lies at `loc`; where it is missing, what misses it, or put a stand-in there."""
    if len(loc) == 1 and loc[0] not in raw:
        raw |= {key: value for key, value in _STAND_INS.items() if key == loc[0]}
        return
    trail: list[tuple[Any, int | str]] = []
    here: Any = raw
    for step in loc:
        if not _holds(here, step):
            break
        trail.append((here, step))
        here = here[step]
    if trail:
        parent, last = trail[-1]
        del parent[last]


def _holds(here: Any, step: int | str) -> bool:
    if isinstance(here, list):
        return isinstance(step, int) and step < len(here)
    return isinstance(here, dict) and step in here


def _describe(group: Group, rules: Params) -> None:
    _example(group, rules)
    if group.sound:
        when = rules.as_of or "the day after the last known day"
        group.ok(f"{rules.company}, {_many(len(rules.sources), 'source')}, scored as of {when}")


def _example(group: Group, rules: Params) -> None:
    """The stage `example` writes data/example/ anew, and empties it for a company of your own."""
    for name, path in _paths(rules):
        inside = Path(path).is_relative_to("data/example")
        own = rules.example and Path(path).is_relative_to(f"data/example/{rules.example}")
        if rules.example and not own:
            group.doubt(
                f"example: {rules.example} is written though {name} reads {path};"
                " for a company of your own write example: null"
            )
        elif inside and not rules.example:
            group.error(
                f"{name} reads {path}, but dvc repro empties data/example/ while example is null;"
                " move the file to data/raw/ and write its path there",
                PARAMS,
            )
    if rules.customers and not _tracked(rules.customers.path):
        group.doubt(
            f"customers.path: {rules.customers.path} lies outside data/raw/ and data/example/, so"
            " dvc repro would not notice a change; move it to data/raw/"
        )


def _tracked(path: str) -> bool:
    return any(Path(path).is_relative_to(folder) for folder in ("data/raw", "data/example"))


def _paths(rules: Params) -> Iterator[tuple[str, str]]:
    for name, source in rules.sources.items():
        yield f"sources.{name}", source.path
    if rules.customers:
        yield "customers", rules.customers.path


# The heads of files


@dataclass
class Taken:
    """The first rows of a raw file, or of each file of a folder: sound copies in `folder`."""

    folder: Path
    found: list[rawfile.Head]
    originals: dict[str, str]
    whole: bool

    def named(self, text: object) -> str:
        """A sentence with the true names of the files."""
        said = str(text)
        for copy, original in self.originals.items():
            said = said.replace(copy, original)
        return said

    @property
    def label(self) -> str:
        return self.named(self.found[0].label)


def _taken(file: RawFile, scratch: Path, group: Group) -> Taken | None:
    """Copies of the first rows of each file, each looked at as ingest does; None without any."""
    try:
        paths = rawfile.paths(file.path)
    except BadInput as refusal:
        group.error(_absent(file.path) or refusal)
        return None
    taken = Taken(scratch / "head", [], {}, whole=len(paths) <= MOST_FILES)
    taken.folder.mkdir(parents=True)
    for at, path in enumerate(_some_of(paths)):
        copy = taken.folder / path.name
        taken.originals[copy.as_posix()] = path.as_posix()
        work = scratch / str(at)
        work.mkdir()
        try:
            taken.whole &= _copy(path, copy, group)
            taken.found += rawfile.heads(_at(file, copy), work)
        except Refusal as refusal:
            group.error(taken.named(refusal), refusal.code)
            copy.unlink(missing_ok=True)
            taken.whole = False
    return taken if taken.found else None


def _some_of(paths: list[Path]) -> list[Path]:
    if len(paths) <= MOST_FILES:
        return paths
    places = np.linspace(0, len(paths) - 1, MOST_FILES).astype(int)
    return [paths[place] for place in places]


def _at(file: _File, path: Path, **changes: Any) -> _File:
    return file.model_copy(update={"path": str(path), **changes})


def _absent(path: str) -> str:
    """What to say of a path where nothing is; nothing when something else is wrong with it."""
    place = Path(path)
    if place.exists():
        return ""
    if not place.parent.is_dir():
        return f"{path}: no such file; there is no folder {place.parent.as_posix()}"
    beside = sorted(one.name for one in place.parent.iterdir() if _raw(one))
    close = alike(place.name, beside)
    if close:
        fix = f"nearest: {', '.join(close)}; write path: {(place.parent / close[0]).as_posix()}"
    else:
        fix = f"{place.parent.as_posix()} holds {', '.join(beside[:5]) or 'no such files'}"
    return f"{path}: no such file; {fix}"


def _raw(path: Path) -> bool:
    return path.is_dir() or path.name.endswith(rawfile.ENDINGS)


def alike(name: str, known: Iterable[str], meant: str = "") -> list[str]:
    """The known names nearest to one that is wrong, at most three; `meant` is what it is for."""
    lower = {one.lower(): one for one in known}
    wanted = name.lower()
    part = [one for one in lower if wanted in one or (len(one) > 2 and one in wanted)]
    close = get_close_matches(wanted, lower, n=3, cutoff=0.5)
    found = list(dict.fromkeys(part + close))
    if not found and meant:
        found = [one for one in lower if _last(one) == _last(meant)]
    found.sort(key=lambda one: not meant or meant not in one)
    return [lower[one] for one in found][:3]


def _last(name: str) -> str:
    """What a name ends with: id of customer_id."""
    return re.split(r"[\W_]+", name)[-1]


def _copy(path: Path, copy: Path, group: Group) -> bool:
    """Copy the header and the first rows; whether that is all there is."""
    if path.name.endswith(".parquet"):
        return _copy_parquet(path, copy)
    if not path.name.endswith(".gz"):
        _look_at_end(path, group)
        with path.open("rb") as handle:
            content, whole = _first_lines(handle)
        copy.write_bytes(content)
        return whole
    try:
        with gzip.open(path) as packed:
            content, whole = _first_lines(cast("IO[bytes]", packed))
    except (EOFError, OSError, zlib.error):
        raise BadInput(f"{path}: no whole gzip archive; it may be cut, export it again") from None
    with gzip.open(copy, "wb", compresslevel=1) as target:
        target.write(content)
    return whole


def _look_at_end(path: Path, group: Group) -> None:
    """Refuse a text whose last line does not end, without reading what lies before."""
    with path.open("rb") as handle:
        size = handle.seek(0, 2)
        handle.seek(max(0, size - 1))
        last = np.frombuffer(handle.read(1), np.uint8)
    if size and last[0] != ord("\n"):
        try:
            records.scan(last, ",", path.as_posix())
        except BadInput as refusal:
            group.refused(refusal)


def _first_lines(handle: IO[bytes]) -> tuple[bytes, bool]:
    """The header and the first rows, not cut within a quoted cell; whether nothing follows."""
    lines: list[bytes] = []
    size = quotes = 0
    while line := handle.readline(_MOST_BYTES):
        lines.append(line)
        size, quotes = size + len(line), quotes + line.count(b'"')
        enough = len(lines) > ROWS and quotes % 2 == 0
        if enough or size >= _MOST_BYTES or len(lines) > _MOST_LINES:
            break
    content = b"".join(lines)
    end = b"" if content.endswith(b"\n") or not content else b"\n"
    return content + end, not handle.read(1)


def _copy_parquet(path: Path, copy: Path) -> bool:
    try:
        whole = pq.ParquetFile(path)
        first = next(whole.iter_batches(ROWS), None)
    except (pa.ArrowInvalid, OSError):
        raise BadInput(f"{path}: no whole Parquet file; it may be cut, export it again") from None
    table = pa.Table.from_batches([first] if first else [], schema=whole.schema_arrow)
    pq.write_table(table, copy)
    return bool(whole.metadata.num_rows <= ROWS)


# Times and types


_DATES: Final = (
    "%Y-%m-%d", "%d/%m/%Y", "%m/%d/%Y", "%d.%m.%Y", "%d-%m-%Y", "%m-%d-%Y", "%Y/%m/%d", "%Y%m%d",
    "%d/%m/%y", "%m/%d/%y", "%d.%m.%y", "%d %b %Y", "%d-%b-%Y", "%d %B %Y", "%b %d, %Y",
)  # fmt: skip
_CLOCKS: Final = (
    " %H:%M:%S", " %H:%M", "T%H:%M:%S", "T%H:%M", " %H:%M:%S.%f", "T%H:%M:%S.%f", "T%H:%M:%SZ",
    "T%H:%M:%S.%fZ", " %H:%M:%S%z", "T%H:%M:%S%z", " %H:%M:%S.%f%z", "T%H:%M:%S.%f%z",
    " %I:%M:%S %p", " %I:%M %p",
)  # fmt: skip
COMMON: Final[dict[Type, tuple[str, ...]]] = {
    "date": _DATES,
    "timestamp": (*("".join(one) for one in product(_DATES, _CLOCKS)), "%Y%m%d%H%M%S"),
}
"""The formats that are tried when none, or a wrong one, is given."""

_OPTION: Final[dict[Type, str]] = {"timestamp": "time", "date": "date"}


@dataclass(frozen=True)
class Column:
    """A column of the first rows: its name, and its place in table `raw`."""

    name: str
    place: int

    @property
    def text(self) -> str:
        return f"v{self.place}::varchar"


@dataclass
class Head:
    """The first rows of one source in DuckDB: table `raw` with all columns as v0, v1, ..."""

    connection: Connection
    taken: Taken
    columns: dict[str, Column]
    native: list[str]
    told: set[str] = field(default_factory=set)
    _fitting: dict[tuple[Column, Type], list[str]] = field(default_factory=dict)

    def count(self, *conditions: str) -> list[int]:
        """How many of the first rows meet each condition."""
        listed = ", ".join(f"count(*) filter ({one})" for one in conditions)
        (counts,) = rawfile.run(self.connection, f"select {listed} from raw")
        return list(counts)

    def is_text(self, column: Column) -> bool:
        return self.native[column.place] == "VARCHAR"

    def misfits(self, column: Column, kind: Type, forms: Sequence[str]) -> list[int]:
        """How many values have another form, for each of several formats."""
        said = [_format(kind, one) for one in forms]
        return self.count(*(_unread(column, kind, one) for one in said))

    def fitting(self, column: Column, kind: Type) -> list[str]:
        """The common formats that all values have."""
        if (column, kind) not in self._fitting:
            forms = [form for form in COMMON[kind] if _looks(self.first(column), form)]
            wrong = self.misfits(column, kind, forms) if forms else []
            fits = [form for form, many in zip(forms, wrong, strict=True) if not many]
            self._fitting[column, kind] = fits
        return self._fitting[column, kind]

    def filled(self, column: Column) -> int:
        return self.count(_filled(column))[0]

    def first(self, column: Column) -> str:
        """The first value that is not blank; blank when all are."""
        query = f"select trim({column.text}) from raw where {_filled(column)} order by line limit 1"
        values: list[str] = [value for (value,) in rawfile.run(self.connection, query)]
        return values[0] if values else ""

    def shape(self, column: Column) -> str:
        """The first value with its digits and letters hidden."""
        return _hidden(self.first(column)) or "nothing"


def _looks(value: str, form: str) -> bool:
    """Whether a value may have a format; the engine's own word is asked for after."""
    written = cells.pattern(form, "format").replace(r"\pL", r"[^\W\d_]")
    return re.fullmatch(written, value) is not None


def _filled(column: Column) -> str:
    return f"trim(coalesce({column.text}, '')) <> ''"


def _unread(column: Column, kind: Type, form: Format) -> str:
    return f"{_filled(column)} and {cells.parsed(column.text, kind, form, 'format')} is null"


def _format(kind: Type, form: str | None) -> Format:
    return Format.model_validate({_OPTION[kind]: form} if kind in _OPTION and form else {})


def _hidden(value: str) -> str:
    text = re.sub(r"[^\W\d_]", "a", re.sub(r"\d", "9", value.strip()))
    return text if len(text) <= 40 else f"{text[:40]}…"


def _yaml(value: Any) -> str:
    """A value as one would write it in params.yaml, on one line."""
    text = yaml.safe_dump(
        value, default_flow_style=True, width=1e9, sort_keys=False, allow_unicode=True
    )
    return str(text).removesuffix("\n").removesuffix("\n...")


def _known_types(file: _File, head: Head, key: str, group: Group) -> _File:
    """`types` without the columns that the file lacks."""
    for name in file.types:
        if name not in head.columns:
            close = alike(name, head.columns)
            near = f"; nearest: {', '.join(close)}" if close else ""
            group.doubt(f"{key}.types: column {name!r} is not in the header{near}; mend or drop it")
    return file.model_copy(
        update={"types": {k: v for k, v in file.types.items() if k in head.columns}}
    )


def _formats(file: _File, head: Head, key: str, group: Group) -> _File:
    """`format` as if mended, where it is missing or does not fit the first rows."""
    for kind, option in _OPTION.items():
        named = [head.columns[name] for name, one in file.types.items() if one == kind]
        written = [column for column in named if head.is_text(column)]
        if written:
            form = _form(file, head, kind, written, key, group)
            update = {"format": file.format.model_copy(update={option: form})}
            file = file.model_copy(update=update)
    return file


def _form(
    file: RawFile, head: Head, kind: Type, written: list[Column], key: str, group: Group
) -> str:
    """The declared format if it fits, else the one that does; findings say why."""
    option = _OPTION[kind]
    declared: str | None = getattr(file.format, option)
    try:
        wrong = [head.misfits(column, kind, [declared])[0] for column in written if declared]
    except BadParams as refusal:
        group.error(str(refusal).replace("format:", f"{key}.format.{option}:", 1), PARAMS)
        declared, wrong = None, []
        head.told.add(option)
    if declared and not any(wrong):
        return declared
    fits = {column: head.fitting(column, kind) for column in written}
    shared = [form for form in COMMON[kind] if all(form in mine for mine in fits.values())]
    if declared is None:
        _say_missing(head, kind, written, fits, shared, key, group)
    else:
        _say_misfit(head, kind, declared, dict(zip(written, wrong, strict=True)), fits, key, group)
    return shared[0] if shared else declared or COMMON[kind][0]


def _say_missing(
    head: Head,
    kind: Type,
    written: list[Column],
    fits: Mapping[Column, list[str]],
    shared: list[str],
    key: str,
    group: Group,
) -> None:
    first = next((column for column in written if fits[column]), written[0])
    head.told |= {column.name for column in written if not shared}
    shape = f"its first value looks like {head.shape(first)}"
    if all(fits.values()) and not shared:
        group.error(f"{key}.types: {_differing(fits)}", PARAMS)
        return
    need = f"{key}.types.{first.name}: a {kind} needs format.{_OPTION[kind]}; {shape}"
    group.error(f"{need}; {_advice(kind, shared, head, first)}", PARAMS)


def _say_misfit(
    head: Head,
    kind: Type,
    declared: str,
    wrong: Mapping[Column, int],
    fits: Mapping[Column, list[str]],
    key: str,
    group: Group,
) -> None:
    """Only where another format fits, or this one fits nothing; else rows are told one by one."""
    shared = [form for form in COMMON[kind] if all(form in mine for mine in fits.values())]
    told = [one for one, many in wrong.items() if many and _hopeless(head, one, many, fits)]
    if not told:
        return
    head.told |= {column.name for column in told}
    every = sum(head.filled(column) for column in told)
    differ = not shared and all(fits.values())
    group.error(
        f"{key}.format.{_OPTION[kind]}: {declared!r} does not fit"
        f" {sum(wrong[column] for column in told):,} of the first {every:,} values of"
        f" {' and '.join(column.name for column in told)}, which look like {head.shape(told[0])};"
        f" {_differing(fits) if differ else _advice(kind, shared, head, told[0])}"
    )


def _hopeless(head: Head, column: Column, wrong: int, fits: Mapping[Column, list[str]]) -> bool:
    """Whether the format is wrong, rather than some of the values."""
    return bool(fits[column]) or wrong == head.filled(column)


def _other(kind: Type) -> Type:
    return "date" if kind == "timestamp" else "timestamp"


def _advice(kind: Type, forms: Sequence[str], head: Head, column: Column) -> str:
    """Which format to write, when one or two fit; else how."""
    option = _OPTION[kind]
    if forms:
        return _written(option, forms)
    other = head.fitting(column, _other(kind))
    if other:
        types = _yaml({column.name: _other(kind)})
        return f"write types: {types} and {_written(_OPTION[_other(kind)], other)}"
    return (
        f"write format: {{{option}: ...}} with %Y (2026) %m (11) %d (22) %b (Nov) %H (14) %M (59)"
        " %S (59), as the values are written"
    )


def _written(option: str, forms: Sequence[str]) -> str:
    zone = "; Z means UTC, so write time_zone: UTC too" if forms[0].endswith("Z") else ""
    if len(forms) == 1:
        return f'write format: {{{option}: "{forms[0]}"}}{zone}'
    day = next((one for one in forms if one.find("%d") < one.find("%m")), forms[0])
    month = next((one for one in forms if one != day), forms[-1])
    return (
        f'write format: {{{option}: "{day}"}} if the day comes first, "{month}" if the month does:'
        f" it is ambiguous, 03/04 could be March or April, and the first rows fit both{zone}"
    )


def _differing(fits: Mapping[Column, list[str]]) -> str:
    """Columns that are written in different ways, for which there is one format only."""
    ways = ", ".join(f'{column.name} as "{forms[0]}"' for column, forms in fits.items() if forms)
    last, forms = list(fits.items())[-1]
    return (
        f"the columns are written differently ({ways}), and a source has one format; leave"
        f" {last.name} out of types and write strptime({last.name}, '{forms[0]}') where it is used"
    )


def _guesses(head: Head, file: RawFile, used: list[Column], times_first: bool) -> Iterator[RawFile]:
    """The file with types for text columns as their first rows suggest: numbers, or times."""
    for times in (times_first, not times_first):
        options = {
            column: _time(head, file, column) if times else _number(head, column) for column in used
        }
        types = {column.name: one[0] for column, one in options.items() if one}
        forms = {_OPTION[one[0]]: one[1] for one in options.values() if one and one[1]}
        if types:
            yield file.model_copy(
                update={"types": file.types | types, "format": file.format.model_copy(update=forms)}
            )


def _number(head: Head, column: Column) -> tuple[Type, str | None] | None:
    kinds: tuple[Type, ...] = ("integer", "decimal", "double")
    wrong = head.count(*(_unread(column, kind, Format()) for kind in kinds))
    if not head.filled(column):
        return None
    return next(((kind, None) for kind, many in zip(kinds, wrong, strict=True) if not many), None)


def _time(head: Head, file: RawFile, column: Column) -> tuple[Type, str | None] | None:
    for kind, option in _OPTION.items():
        forms, declared = head.fitting(column, kind), getattr(file.format, option)
        if forms and declared in (None, *forms):
            return kind, declared or forms[0]
    return None


# One source


@dataclass
class Seen:
    """What the first rows of all sources came to."""

    tables: list[pa.Table] = field(default_factory=list)
    ids: list[pa.ChunkedArray] = field(default_factory=list)
    whole: bool = True


def _data(rules: Params, broken: set[str]) -> list[Group]:
    """Findings about each source, the customers, and what the labels ask of them all."""
    seen, groups = Seen(), []
    with TemporaryDirectory(prefix="check-") as folder:
        for name in rules.sources:
            groups.append(Group(f"sources.{name}"))
            seen.whole &= _source(rules, name, Path(folder) / name, groups[-1], seen)
        if rules.customers:
            groups.append(Group("customers"))
            _customers(rules, rules.customers, Path(folder) / "-customers", groups[-1], seen)
        ids, labels = Group("customer ids"), Group("labels")
        summary = _summary(seen, Path(folder))
        _alike_ids(seen, ids)
    if not broken & {"labels", "sources"}:
        _kinds(rules, labels)
        _windows(rules, labels)
        _calendar(rules, _history(rules, seen, summary), labels)
    return [*groups, *(one for one in (ids, labels) if one.findings)]


def _source(rules: Params, name: str, scratch: Path, group: Group, seen: Seen) -> bool:
    """Findings about one source; whether its first rows were all of it."""
    source = rules.sources[name]
    if _not_yet(rules, source.path, group):
        return False
    taken = _taken(source, scratch, group)
    if taken is None:
        return False
    with rawfile.opened(_MEMORY) as connection:
        try:
            head = _head(connection, source, taken)
            mended = _mended(rules, name, head, group)
        except Refusal as refusal:
            group.error(taken.named(refusal), refusal.code)
            return False
        done = _ingested(rules, name, mended, taken, group) if mended else None
        if mended and done:
            _judge(rules, name, mended, head, done, group)
            seen.tables.append(done.events)
            seen.ids.append(done.events["customer_id"])
    return taken.whole and done is not None


_MEMORY: Final = "1GB"


def _not_yet(rules: Params, path: str, group: Group) -> bool:
    """Whether the stage `example` has yet to write a file."""
    folder = f"data/example/{rules.example}"
    if not rules.example or not Path(path).is_relative_to(folder) or Path(folder).exists():
        return False
    group.ok(f"{path}: not there yet; dvc repro writes it")
    return True


def _head(connection: Connection, file: RawFile, taken: Taken) -> Head:
    names = rawfile.common(taken.found)
    rawfile.load(connection, file, taken.found, names)
    raw = connection.table("raw")
    native = dict(zip(raw.columns, map(str, raw.types), strict=True))
    columns = {name: Column(name, at) for at, name in enumerate(names)}
    return Head(connection, taken, columns, [native[f"v{at}"] for at in range(len(names))])


def _mended(rules: Params, name: str, head: Head, group: Group) -> Source | None:
    """The source without what is wrong with its mapping, which is reported; None without events."""
    key = f"sources.{name}"
    source = _known_types(rules.sources[name], head, key, group)
    source = _formats(source, head, key, group)
    compiler = Compiler(head.connection, tuple(head.columns), head.taken.label)
    for column in head.columns:
        compiler.place(column, key)
    source = source.model_copy(update={"key": _key(source, compiler, f"{key}.key", group)})
    mapped = []
    for at in range(len(source.events)):
        one = _Mapping(rules, name, at, head, compiler, group)
        source, mapping = one.mended(source)
        if mapping:
            mapped.append(mapping)
    return source.model_copy(update={"events": mapped}) if mapped else None


def _key(source: Source, compiler: Compiler, key: str, group: Group) -> list[str] | str:
    if source.key == "row_number":
        return source.key
    kept = []
    for column in source.key:
        try:
            compiler.place(column, key)
            kept.append(column)
        except NoColumn as missing:
            others = [one for one in source.key if one != column]
            _no_column(missing, key, _in_place(others), compiler.wanted, group)
    return kept or "row_number"


def _in_place(others: Sequence[str]) -> "Fix":
    return lambda name: f"key: {_yaml([name, *others])}"


Fix = Callable[[str], str]


def _no_column(missing: NoColumn, key: str, fix: Fix, names: Sequence[str], group: Group) -> None:
    """Say which column is not there, which ones are like it, and what to write."""
    close = alike(missing.column, names, key.rpartition(".")[2])
    where = f"{key}: column {missing.column!r} is not in the header"
    if close:
        group.error(f"{where}; nearest: {', '.join(close)}; write {fix(close[0])}")
    else:
        has = ", ".join(names[:12]) + (", ..." if len(names) > 12 else "")
        alone = " (is delimiter: right?)" if len(names) == 1 else ""
        group.error(f"{where}, which has {has}{alone}; write one of these there")


@dataclass
class _Mapping:
    """One event mapping against the first rows."""

    rules: Params
    source: str
    at: int
    head: Head
    compiler: Compiler
    group: Group

    def key(self, column: str) -> str:
        return f"sources.{self.source}.events[{self.at}].{column}"

    def mended(self, file: Source) -> tuple[Source, params.EventMapping | None]:
        """The file with the types that the mapping needs, and the mapping without its mistakes."""
        mapping = file.events[self.at]
        lost = []
        for column, text in {"where": mapping.where, **mapping.columns()}.items():
            compiled = self.compiled(column, text) if text else None
            if compiled and text:
                file, sound = self.fitted(file, column, text, compiled)
            if text and not (compiled and sound):
                lost.append(column)
        if {"customer_id", "occurred_at"} & set(lost):
            return file, None
        return file, mapping.model_copy(update=dict.fromkeys(lost))

    def compiled(self, column: str, text: str) -> Compiled | None:
        try:
            return self.compiler.compile(text, self.key(column))
        except NoColumn as missing:
            fix = _rewritten(column, text, missing.column)
            _no_column(missing, self.key(column), fix, list(self.head.columns), self.group)
        except BadParams as refusal:
            self.group.error(self.head.taken.named(refusal), PARAMS)
        return None

    def fitted(
        self, file: Source, column: str, text: str, compiled: Compiled
    ) -> tuple[Source, bool]:
        """Whether the SQL fits the columns' types; if not, types that would do are reported."""
        refusal = self.refusal(file, column, compiled)
        if refusal is None:
            return file, True
        used = [
            one
            for one in self.head.columns.values()
            if re.search(rf"\bv{one.place}\b", compiled.sql)
            and self.head.is_text(one)
            and file.types.get(one.name, "text") == "text"
        ]
        for better in _guesses(self.head, file, used, column in rows.TIMES):
            if self.refusal(cast("Source", better), column, compiled) is None:
                self.group.error(
                    f"{self.key(column)}: {_untyped(text, file, better, self.head)}", PARAMS
                )
                return cast("Source", better), True
        self.group.refused(refusal)
        return file, False

    def refusal(self, file: Source, column: str, compiled: Compiled) -> BadParams | None:
        """What ingest says of one mapped column."""
        clock = cells.Clock(self.rules.zone_of(file), file.dst)
        true = Compiled("true", self.key("where"))
        condition = compiled if column == "where" else true
        columns = {} if column == "where" else {column: compiled}
        mapping = file.events[self.at]
        one = rows.Mapped(self.at, mapping, "", condition, columns)
        names, zone = list(self.head.columns), ZoneInfo(self.rules.time_zone)
        plan = rows.Plan(self.source, file, clock, zone, None, names, [], [one])
        typed = rows.typed(plan, self.head.native)
        try:
            rawfile.run(self.head.connection, f"create or replace view typed as {typed}")
            types = bound(self.head.connection, "typed", [condition, *columns.values()])
            rows.mapped(plan, [types])
        except BadParams as refusal:
            return refusal
        return None


def _rewritten(column: str, text: str, wrong: str) -> Fix:
    """The mapping with the right column in the place of the wrong one."""

    def fix(name: str) -> str:
        if text == wrong:
            return f"{column}: {_yaml(name)}"
        quoted = name if name.isidentifier() else rawfile.name(name)
        pattern = rf'"{re.escape(wrong)}"|\b{re.escape(wrong)}\b'
        return f"{column}: {_yaml(re.sub(pattern, lambda _: quoted, text))}"

    return fix


def _untyped(text: str, file: RawFile, better: RawFile, head: Head) -> str:
    """What to say of SQL that needs numbers or times where the columns are text."""
    types = {name: one for name, one in better.types.items() if name not in file.types}
    said = (
        f"{text!r} does not work while {' and '.join(types)} is text; write types: {_yaml(types)}"
    )
    for name, kind in types.items():
        option = _OPTION.get(kind, "")
        if option and getattr(file.format, option) is None:
            advice = _written(option, head.fitting(head.columns[name], kind))
            return f"{said} and {advice.removeprefix('write ')}"
    return said


def _ingested(
    rules: Params, name: str, source: Source, taken: Taken, group: Group
) -> ingest.Ingested | None:
    """The first rows through the true ingest, with any number of rejects."""
    lenient = rules.ingest.model_copy(update={"max_reject_share": 1.0})
    few = {
        "sources": {name: _at(source, taken.folder)},
        "ingest": lenient,
        "engine": params.Engine(memory=_MEMORY),
    }
    try:
        return ingest.ingest(rules.model_copy(update=few), name)
    except Refusal as refusal:
        group.error(taken.named(refusal), refusal.code)
        return None


# What the first rows say


_RULES: Final = {
    "nul_byte": ("holds a NUL byte", "export it again"),
    "huge_cell": ("is longer than 1 MB", "look for a quote that nothing closes"),
    "ragged_row": ("has more or fewer cells than the header", "quote cells with a delimiter"),
    "stray_quote": ("has a stray quote", "double it, or quote the cell"),
    "not_integer": ("is not a whole number", "mend it, or type the column double or text"),
    "not_decimal": ("is not a number as 1234.56", "leave the column text and write replace(...)"),
    "not_double": ("is not a number as 1234.56", "leave the column text and write replace(...)"),
    "not_boolean": ("is not true or false", "write a comparison, as \"flag = 'X'\""),
    "not_timestamp": ("is not a time in the format given", "mend it, or the format"),
    "not_date": ("is not a date in the format given", "mend it, or the format"),
    "dst": ("is a time that the clocks skip or repeat", "write dst: earlier or dst: later"),
    "blank_key": ("is blank, but part of the key", "mend it, or take another key"),
    "blank_id": ("is blank, so nobody's", "mend it, or leave such rows out by where:"),
    "blank_time": ("is blank, so it has no time", "mend it, or leave such rows out by where:"),
    "control_character": ("holds a control character", "mend it"),
    "failing_sql": ("makes the mapping's SQL fail", "mend it, or guard the SQL, as nullif(x, 0)"),
    "negative_amount": ("is a purchase below zero", "map it as kind: return, told by where:"),
    "positive_amount": ("is a return above zero", "returns are negative: write its minus"),
    "rating_range": ("lies outside 0 to 1", "scale it, as (score - 1) / 4 for 1 to 5"),
    "future_date": (
        "lies after its own known_at, or on or after as_of",
        "look at as_of and at what occurred_at and known_at map",
    ),
}


def _judge(
    rules: Params,
    name: str,
    source: Source,
    head: Head,
    done: ingest.Ingested,
    group: Group,
) -> None:
    """Findings about the rows themselves, now that the mapping can be read."""
    read = done.summary["read"]
    _rejects(done.rejects, read, rules.ingest.max_reject_share, head, group)
    _repeats(source, head, group)
    _hours(rules, source, head, done.events, group)
    for kind in dict.fromkeys(one.kind for one in source.events):
        if kind not in done.summary["kinds"] and not done.summary["rejected"]:
            group.doubt(f"none of the {_first(read, head)} became a {kind}; look at its where:")
    if group.sound:
        _say_read(done.summary, head, group)
    if rules.sources[name].key == "row_number":
        group.ok("key: row_number, so a row that is exported twice counts twice")


def _first(read: int, head: Head) -> str:
    return _many(read, "row") if head.taken.whole else f"first {_many(read, 'row')}"


def _say_read(summary: dict[str, Any], head: Head, group: Group) -> None:
    kinds = ", ".join(
        f"{one['rows']:,} {kind} ({_day(one['first_day'])} to {_day(one['last_day'])})"
        for kind, one in summary["kinds"].items()
    )
    unmapped = f"; {summary['unmapped']:,} matched no where:" if summary["unmapped"] else ""
    group.ok(f"{_first(summary['read'], head)}: {kinds or 'no events'}{unmapped}")


def _day(day: int) -> str:
    return str(clocks.date_of(day))


def _rejects(rejects: pa.Table, read: int, share: float, head: Head, group: Group) -> None:
    """A line for each rule and column: an error when ingest would refuse so many."""
    broken: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in rejects.to_pylist():
        told = one["rule"] in ("not_timestamp", "not_date") and one["column"] in head.told
        if not told:
            broken.setdefault((one["rule"], one["column"]), []).append(one)
    too_many = rejects.num_rows > share * read
    for (rule, column), found in broken.items():
        what, fix = _RULES.get(rule, (rule, "mend it"))
        first = found[0]
        where = f", column {column!r}" if column else ""
        value = f", {first['raw']}" if first["raw"] not in ("", "''") else ""
        text = (
            f"{head.taken.named(first['file'])}: line {first['line']}{where}{value} {what};"
            f" {_so_many(found, read, head)}; {fix}"
        )
        if too_many:
            group.error(text)
        else:
            group.doubt(f"{text}, or lose the row")


def _so_many(found: list[dict[str, Any]], read: int, head: Head) -> str:
    lines = ", ".join(str(one["line"]) for one in found[1:4])
    more = ", ..." if len(found) > 4 else ""
    others = f", also on line {lines}{more}" if lines else ""
    return f"{len(found):,} of the {_first(read, head)}{others}"


def _repeats(source: Source, head: Head, group: Group) -> None:
    """A key that stands more than once: an error when the rows differ and nothing tells which."""
    if source.key == "row_number":
        return
    places = [f"v{head.columns[name].place}" for name in source.key]
    every = ", ".join(f"v{at}" for at in range(len(head.columns)))
    keys = ", ".join(places)
    found = rawfile.run(
        head.connection,
        f"""select file, list(line order by line), count(*), count(distinct ({every})) from raw
        group by file, {keys} having count(*) > 1 order by min(line)""",
    )
    differing = [one for one in found if one[3] > 1]
    for some in (differing, [one for one in found if one[3] == 1]):
        if some:
            _say_repeats(source, head, some, some is differing, group)


def _say_repeats(
    source: Source, head: Head, found: list[tuple[Any, ...]], differ: bool, group: Group
) -> None:
    file, lines = head.taken.named(found[0][0]), found[0][1]
    listed = f"{file}: key {_yaml(source.key)} stands more than once {len(found):,} times, first on"
    listed += f" lines {lines[0]} and {lines[1]}"
    if not differ:
        group.doubt(
            f"{listed}, the rows being equal; they count once; if each is a fact of its own,"
            " write key: row_number"
        )
    elif any(one.known_at for one in source.events):
        group.doubt(f"{listed}, the rows differing; the one known last will count as its newest"
                    f" version{_better_key(source, head)}")  # fmt: skip
    else:
        group.error(f"{listed}, the rows differing; only one of them would count"
                    f"{_better_key(source, head) or '; write key: row_number'}")  # fmt: skip


def _better_key(source: Source, head: Head) -> str:
    """A column that makes the key unique, when there is one."""
    keys = [head.columns[name] for name in source.key]
    others = [one for one in head.columns.values() if one not in keys]
    if not others:
        return ""
    texts = ", ".join(one.text for one in keys)
    counts = ", ".join(f"count(distinct ({texts}, {one.text}))" for one in others)
    ((rows_, *found),) = rawfile.run(head.connection, f"select count(*), {counts} from raw")
    unique = [one for one, many in zip(others, found, strict=True) if many == rows_]
    if not unique:
        return ""
    return f"; write key: {_yaml([*source.key, unique[0].name])} if a row is a fact of its own"


def _hours(rules: Params, source: Source, head: Head, made: pa.Table, group: Group) -> None:
    """A doubt when naive times fall at night, as they do when they were written in another zone."""
    typed = [head.columns[one] for one, kind in source.types.items() if kind == "timestamp"]
    naive = [one for one in typed if head.native[one.place] in ("VARCHAR", "TIMESTAMP")]
    zone = ZoneInfo(rules.time_zone)
    local = [one.astimezone(zone) for one in made["occurred_at"].to_pylist()]
    if not naive or "%z" in (source.format.time or "") or len(local) < _FEW_HOURS:
        return
    days, hours = {one.date() for one in local}, Counter(one.hour for one in local)
    if len(days) < _ENOUGH_TO_TELL or all(one.time() == dt.time() for one in local):
        return
    night = sum(hours[hour] for hour in _NIGHT) / len(local)
    if night > _NIGHT_SHARE:
        busiest = hours.most_common(1)[0][0]
        read_as = source.time_zone or rules.time_zone
        group.doubt(
            f"{night:.0%} of the first times fall between 0 and 6 o'clock in {rules.time_zone},"
            f" most of all at {busiest}; they are read as {read_as}; if they were written in"
            f" another zone, give it, as time_zone: {'UTC' if read_as != 'UTC' else 'Asia/Tokyo'}"
        )


# The customers' file, and ids


def _customers(
    rules: Params, file: params.Customers, scratch: Path, group: Group, seen: Seen
) -> None:
    if _not_yet(rules, file.path, group):
        return
    taken = _taken(file, scratch, group)
    if taken is None:
        return
    with rawfile.opened(_MEMORY) as connection:
        try:
            head = _head(connection, file, taken)
        except Refusal as refusal:
            group.error(taken.named(refusal), refusal.code)
            return
        mended = _mended_customers(file, head, group)
        if mended:
            _read_customers(rules, mended, head, group, seen)


def _mended_customers(file: params.Customers, head: Head, group: Group) -> params.Customers | None:
    """The mapping of customers without its mistakes; None without customer_id."""
    kept = {}
    for column, name in file.columns.items():
        if name in head.columns:
            kept[column] = name
        else:
            fix = _rewritten(column, name, name)
            key = f"customers.columns.{column}"
            _no_column(NoColumn("", name), key, fix, list(head.columns), group)
    file = _known_types(file, head, "customers", group)
    file = _formats(file, head, "customers", group)
    for column in ("joined_at", "known_at"):
        if column in kept and file.types.get(kept[column]) not in ("timestamp", "date"):
            better = next(_guesses(head, file, [head.columns[kept[column]]], True), None)
            name = kept.pop(column)
            if better and better.types[name] in ("timestamp", "date"):
                kept[column] = name
                group.error(
                    f"customers.columns.{column}: {_untyped(name, file, better, head)}", PARAMS
                )
                file = cast("params.Customers", better)
            else:
                group.error(
                    f"customers.columns.{column}: {name!r} needs a type and a format; its first"
                    f" value looks like {head.shape(head.columns[name])}",
                    PARAMS,
                )
    return file.model_copy(update={"columns": kept}) if "customer_id" in kept else None


def _read_customers(
    rules: Params, file: params.Customers, head: Head, group: Group, seen: Seen
) -> None:
    """The first rows through the true stage."""
    lenient = rules.ingest.model_copy(update={"max_reject_share": 1.0})
    few = {"customers": _at(file, head.taken.folder), "ingest": lenient}
    few["engine"] = params.Engine(memory=_MEMORY)
    try:
        table, rejects = customers.customers(rules.model_copy(update=few))
    except Refusal as refusal:
        group.error(head.taken.named(refusal), refusal.code)
        return
    read = table.num_rows + rejects.num_rows
    _rejects(rejects, read, rules.ingest.max_reject_share, head, group)
    _strangers(table, seen, head, group)
    seen.ids.append(table["customer_id"])
    if group.sound:
        people = pc.count_distinct(table["customer_id"]).as_py()
        group.ok(f"{_first(read, head)}: {_many(people, 'customer')}")


def _strangers(table: pa.Table, seen: Seen, head: Head, group: Group) -> None:
    """A doubt when two whole histories have no customer in common."""
    if not (seen.whole and head.taken.whole and seen.ids and table.num_rows):
        return
    known = pa.chunked_array([chunk for one in seen.ids for chunk in one.chunks], pa.string())
    if len(known) and not pc.any(pc.is_in(table["customer_id"], known)).as_py():
        group.doubt("none of its ids stands in the sources; does customer_id map the same id?")


def _alike_ids(seen: Seen, group: Group) -> None:
    chunks = [chunk for one in seen.ids for chunk in one.chunks]
    found = events.collisions(pa.table({"customer_id": pa.chunked_array(chunks, pa.string())}))
    if found["groups"]:
        group.doubt(
            f"{_many(found['groups'], 'group')} of ids differ only in case, space or Unicode form,"
            f" as {' and '.join(found['examples'][0])}; they count as different customers; if they"
            " are one, write customer_id: lower(trim(...)) in every mapping"
        )


# What the labels ask of the history


def _summary(seen: Seen, folder: Path) -> dict[str, Any] | None:
    """The summary that the stage `events` would write, when the first rows are all there is."""
    if not (seen.whole and seen.tables):
        return None
    paths = [folder / f"{at}.parquet" for at in range(len(seen.tables))]
    for path, table in zip(paths, seen.tables, strict=True):
        pq.write_table(table, path)
    return events.events(paths, _MEMORY)[1]


def _history(rules: Params, seen: Seen, summary: dict[str, Any] | None) -> dict[str, Any] | None:
    """The history as far as known: all of it if it was read, else what the last run found."""
    if seen.whole:
        return summary
    path = artefacts.EVENTS_SUMMARY.path
    found: dict[str, Any] = files.read_json(path) if path.is_file() else {"sources": {}}
    return found if set(found["sources"]) == set(rules.sources) else None


def _kinds(rules: Params, group: Group) -> None:
    """Kinds that a label reads and no mapping emits."""
    mappings = [one for source in rules.sources.values() for one in source.events]
    emitted = list(dict.fromkeys(one.kind for one in mappings))
    churn, value = rules.labels.churn, rules.labels.value
    key = "labels.churn.kinds" if churn.rule == "silence" else "labels.churn.rule: cancel"
    for kind in snapshots.label_kinds(churn):
        if kind not in emitted:
            group.error(f"{key}: {_no_mapping(kind, emitted)}", PARAMS)
    for option in ("kinds", "cost_kinds"):
        for kind in getattr(value, option):
            if kind not in emitted and kind != "return":
                group.doubt(f"labels.value.{option}: {_no_mapping(kind, emitted)}")
    for kind in emitted:
        if kind not in schema.KINDS and alike(kind, schema.KINDS):
            near = ", ".join(alike(kind, schema.KINDS))
            group.doubt(f"kind {kind!r} is none that features read; nearest: {near}; is it meant?")
    _columns_for(rules, mappings, group)


def _no_mapping(kind: str, emitted: Sequence[str]) -> str:
    close = alike(kind, emitted)
    fix = f"nearest: {', '.join(close)}" if close else f"mappings emit {', '.join(emitted)}"
    return f"no mapping emits {kind!r}; {fix}; write one of these, or map {kind} in a source"


def _columns_for(rules: Params, mappings: Sequence[params.EventMapping], group: Group) -> None:
    """Columns without which the labels are empty."""
    churn, value = rules.labels.churn, rules.labels.value
    for one in mappings:
        if churn.rule == "cancel" and one.kind in ("start", "cancel") and not one.contract_id:
            group.error(
                f"labels.churn.rule: cancel: kind {one.kind} is mapped without contract_id, so it"
                " ends no contract; map contract_id",
                PARAMS,
            )
    for kind, column in [
        *((kind, "amount") for kind in value.kinds),
        *((kind, "cost") for kind in value.cost_kinds),
    ]:
        mine = [one for one in mappings if one.kind == kind]
        if mine and not any(getattr(one, column) for one in mine):
            group.doubt(f"labels.value: {kind} is mapped without {column}, so it is worth nothing;"
                        f" map {column}")  # fmt: skip


def _windows(rules: Params, group: Group) -> None:
    longest = max(rules.features.windows, default=0)
    for name in ("churn", "value"):
        days = getattr(rules.labels, name).horizon_days
        if days > longest:
            group.doubt(
                f"labels.{name}.horizon_days: {days}, but the longest of features.windows is"
                f" {longest}; add {days} to features.windows"
            )


def _calendar(rules: Params, history: dict[str, Any] | None, group: Group) -> None:
    """as_of and the horizon beside the days that are known."""
    if history is None:
        return
    try:
        when = snapshots.plan(rules, history)
        newest = snapshots.plan(rules.model_copy(update={"as_of": None}), history).as_of
    except BadInput:
        return
    kinds = snapshots.label_kinds(rules.labels.churn)
    first = min(history["kinds"][one]["first_day"] for one in kinds if one in history["kinds"])
    _as_of(rules, when.as_of, first, newest, group)
    if first < when.as_of <= newest + _LATE_DAYS:
        _long_enough(rules, when, first, group)


def _as_of(rules: Params, as_of: int, first: int, newest: int, group: Group) -> None:
    if as_of <= first:
        group.error(f'as_of: "{rules.as_of}" lies before the first event, of {_day(first)}; write'
                    f' as_of: "{_day(newest)}", or null', PARAMS)  # fmt: skip
    elif as_of > newest + _LATE_DAYS:
        group.doubt(
            f'as_of: "{rules.as_of}" lies {as_of - newest:,} days after the last day known,'
            f" {_day(newest - 1)}, so the days between look silent; get newer data, or write as_of:"
            f' "{_day(newest)}"'
        )
    elif newest - as_of > rules.labels.churn.horizon_days:
        group.doubt(f'as_of: "{rules.as_of}" leaves out {newest - as_of:,} days of later events;'
                    f' for the newest list write as_of: "{_day(newest)}"')  # fmt: skip


def _long_enough(rules: Params, when: snapshots.Calendar, first: int, group: Group) -> None:
    churn, days = rules.labels.churn, when.as_of - first
    need = churn.active_days + clocks.ripening(rules.labels)
    if not when.learning:
        group.error(
            f"labels: {days:,} days of history before as_of, but active_days and the longest"
            f" horizon need {need:,} before one label is ripe; shorten labels.churn.active_days or"
            " horizon_days, or get an older history",
            PARAMS,
        )
    else:
        group.ok(
            f"{_many(len(when.learning), 'snapshot')} to learn from, {_day(when.learning[0])} to"
            f" {_day(when.learning[-1])}"
        )


# Published lists


def _lists(folder: Path) -> list[Group]:
    """Whether the published lists are as they were published."""
    found = publish.published(folder)
    group = Group("published lists")
    for sentence in publish.verify(folder):
        group.error(f"{sentence}; restore it from a backup, or move the list away and publish anew")
    if found and group.sound:
        group.ok(f"{_many(len(found), 'list')} in {folder}, unchanged since published")
    return [group] if group.findings else []
