"""Find out how a file is to be read, and load it."""

import codecs
import csv
import re
from collections import Counter
from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

from retention.commands.check.findings import FindingGroup
from retention.commands.check.samples import Copies, Sample, SampleColumn
from retention.core.errors import BadInput
from retention.core.params import RawFile
from retention.sources import archives, reader

MEMORY: Final = "2GB"
NULLS: Final = ("NULL", "null", "\\N", "N/A", "n/a", "NaN", "nan", "None", "?")
"""Spellings of no value that are no words of a language."""

_HEAD: Final = 1 << 16
_CHUNK: Final = 1 << 20
_DELIMITERS: Final = ",;\t|"
_MOST_ABOVE: Final = 20
"""Lines that may stand above a header."""


@dataclass
class RawTable:
    """A raw file, loaded whole, and how it is read."""

    name: str  # of its source
    options: dict[str, Any]  # keys of params.yaml that say how it is read
    evidence: dict[str, str]  # for each of them
    sample: Sample

    @property
    def path(self) -> str:
        return str(self.options["path"])

    @property
    def columns(self) -> dict[str, SampleColumn]:
        return self.sample.columns

    def rows(self) -> int:
        """The number of its rows."""
        return self.sample.count("true")[0]


@dataclass
class _Reading:
    """What is known of how a file is read."""

    options: dict[str, Any] = field(default_factory=dict)
    evidence: dict[str, str] = field(default_factory=dict)

    def note(self, option: str, value: Any, evidence: str) -> None:
        self.options[option], self.evidence[option] = value, evidence


def read_tables(paths: Sequence[Path], stack: ExitStack) -> list[RawTable]:
    """Load every file or folder; the tables live as long as the stack is open.

    BadInput: a file that cannot be trusted, or that has another form than those that are read.
    """
    names = list(_names(paths))
    return [_read_table(path, name, stack) for path, name in zip(paths, names, strict=True)]


def _names(paths: Sequence[Path]) -> Iterator[str]:
    """A name for the source of each file."""
    taken = Counter[str]()
    for path in paths:
        stem = re.sub(r"[^a-z0-9]+", "_", path.name.partition(".")[0].lower()).strip("_")
        stem = stem if stem[:1].isalpha() else f"source_{stem}".rstrip("_")
        taken[stem] += 1
        yield stem if taken[stem] == 1 else f"{stem}_{taken[stem]}"


def _read_table(path: Path, name: str, stack: ExitStack) -> RawTable:
    every = reader.paths(str(path))
    reading = _Reading({"path": path.as_posix()})
    scratch = Path(stack.enter_context(TemporaryDirectory(prefix="init-")))
    form = archives.form(every[0])
    if form in archives.TEXTS:
        _sniff_text(every[0], form, scratch / "head", reading)
    elif form == archives.WORKBOOK:
        _sniff_workbook(archives.unpack(every[0], scratch / "book"), reading)
    elif form in archives.JSON:
        _sniff_json(every[0], scratch / "json", reading)
    sample = _load(reading, scratch, name, stack)
    spellings = _spelled_nulls(sample)
    if spellings:
        reading.note("nulls", spellings, "stand in cells that are else numbers or times")
        sample = _load(reading, scratch, name, stack)
    return RawTable(name, reading.options, reading.evidence, sample)


def _load(reading: _Reading, scratch: Path, name: str, stack: ExitStack) -> Sample:
    """The whole file in table `raw` of a connection of its own."""
    folder = Path(stack.enter_context(TemporaryDirectory(prefix="load-", dir=scratch)))
    file = RawFile.model_validate(reading.options)
    connection = stack.enter_context(reader.connect(MEMORY))
    files = reader.open_files(file, folder)
    names = reader.shared_columns(files)
    reader.load(connection, file, files, names, first_of_repeated=True)
    raw = connection.table("raw")
    native = dict(zip(raw.columns, map(str, raw.types), strict=True))
    columns = {column: SampleColumn(column, i, native[f"v{i}"]) for i, column in enumerate(names)}
    group = FindingGroup(f"sources.{name}")
    return Sample(connection, Copies(folder, group, True, list(files)), columns)


def _spelled_nulls(sample: Sample) -> list[str]:
    """Spellings of no value that stand beside numbers or times."""
    present = set[str]()
    spellings = ", ".join(map(reader.literal, NULLS))
    for column in sample.columns.values():
        text = f"trim({column.text_sql})"
        rows = sample.run(
            f"select distinct {text} from raw where {text} in ({spellings}) and not exists"
            f" (select 1 from raw where {text} not in ({spellings})"
            f" and not regexp_matches({text}, '[0-9]'))"
        )
        present |= {value for (value,) in rows}
    return sorted(present)


# Texts


def _sniff_text(path: Path, form: str, scratch: Path, reading: _Reading) -> None:
    """The encoding, the delimiter, and the lines above the header."""
    content = archives.unpack(path, scratch)
    with content.open("rb") as handle:
        head = handle.read(_HEAD)
    odd = _first_odd_byte(content)
    if odd is None or head.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        text = head.decode("utf-8-sig", "ignore")
    else:
        text = head.decode("latin-1")
        reading.note("encoding", "latin-1", f"byte {odd:,} is no UTF-8; or Windows-1252")
    lines = text.splitlines()[: 200 if len(head) < _HEAD else -1]
    widths = {mark: _widths(lines, mark) for mark in _DELIMITERS}
    best = max(widths, key=lambda mark: _evenness(widths[mark]))
    n_columns = _common_width(widths[best])
    if best != ("\t" if form == ".tsv" else ","):
        written = "tabs" if best == "\t" else best
        reading.note("delimiter", best, f"{written} cuts most lines into {n_columns} cells")
    above = next((i for i, width in enumerate(widths[best]) if width == n_columns), 0)
    if 0 < above <= _MOST_ABOVE and n_columns > 1:
        reading.note("skip_lines", above, f"line {above + 1} is the first with {n_columns} cells")


def _first_odd_byte(path: Path) -> int | None:
    """The offset of the first byte that is no UTF-8; None where all are."""
    decoder, offset = codecs.getincrementaldecoder("utf-8")(), 0
    with path.open("rb") as handle:
        while chunk := handle.read(_CHUNK):
            try:
                decoder.decode(chunk)
            except UnicodeDecodeError as error:
                return offset + error.start
            offset += len(chunk)
    return None


def _widths(lines: Sequence[str], delimiter: str) -> list[int]:
    """The number of cells of each line."""
    return [len(next(csv.reader([line], delimiter=delimiter), [])) for line in lines]


def _common_width(widths: Sequence[int]) -> int:
    filled = [width for width in widths if width]
    return Counter(filled).most_common(1)[0][0] if filled else 1


def _evenness(widths: Sequence[int]) -> tuple[bool, float, int]:
    """How well a delimiter cuts lines into equally many cells."""
    common = _common_width(widths)
    even = sum(width == common for width in widths) / max(1, sum(width > 0 for width in widths))
    return common > 1, round(even, 1), common


# Workbooks and JSON


def _sniff_workbook(path: Path, reading: _Reading) -> None:
    import openpyxl

    try:
        book = openpyxl.load_workbook(path, read_only=True)
    except (OSError, KeyError, ValueError):
        raise BadInput(f"{path}: no whole workbook; export it again") from None
    sizes = {name: book[name].max_row or 0 for name in book.sheetnames}
    book.close()
    if len(sizes) > 1:
        longest = max(sizes, key=lambda name: sizes[name])
        others = ", ".join(name for name in sizes if name != longest)
        reading.note(
            "sheet", longest, f"the longest, {sizes[longest]:,} rows; the others: {others}"
        )


def _sniff_json(path: Path, scratch: Path, reading: _Reading) -> None:
    """A document of one record whose rows are in a list."""
    (file,) = reader.open_files(RawFile(path=str(path)), scratch.parent)[:1]
    if file.rows != 1:
        return
    with reader.connect(MEMORY) as connection:
        reader.load(connection, RawFile(path=str(path)), [file], file.names)
        (cells,) = reader.run(connection, "select * exclude (file, line, defect) from raw")
    lists = [n for n, cell in zip(file.names, cells, strict=True) if str(cell).startswith("[{")]
    if lists:
        reading.note("each", lists[0], "one record with a list: each of its elements is a row")
