"""A returned worklist as rows with named columns, and the published list that it came from."""

import csv
import datetime as dt
import unicodedata
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Final, NamedTuple, get_args

from openpyxl.utils import get_column_letter

from retention.core.csv_injection import unescape_formula
from retention.core.documents.reports import ListManifest
from retention.core.errors import BadInput, mask, suggestion
from retention.core.params import AtRiskParams
from retention.core.storage import atomic
from retention.i18n.language import language
from retention.worklist import published
from retention.worklist.answer_columns import ANSWER_COLUMNS
from retention.worklist.model import HEADINGS
from retention.worklist.to_xlsx.layout import WIDTHS, heading

LANGUAGES: Final[tuple[str, ...]] = get_args(AtRiskParams.model_fields["language"].annotation)
TITLES: Final = {"list_id": HEADINGS["list_id"], "customer_id": HEADINGS["customer_id"]} | {
    name: column.heading for name, column in ANSWER_COLUMNS.items()
}
"""The columns that are read, and their headings in English."""

LIST_TABLE: Final = "at_risk.csv"
_LAST_COLUMN: Final = 18_278  # ZZZ, the last that has a name; a CSV may have more


@dataclass(frozen=True)
class Unusable:
    """The content of a cell without a value of its own: a formula, or the error of one."""

    rule: str
    text: str

    def __str__(self) -> str:
        return self.text


class RowNumber(NamedTuple):
    """Where a row stands."""

    sheet: str  # blank on the sheet that the list is on
    row: int  # as a spreadsheet counts

    def __str__(self) -> str:
        return f"sheet {self.sheet!r}, row {self.row}" if self.sheet else f"row {self.row}"


@dataclass(frozen=True)
class Line:
    """One row of the sheet."""

    number: RowNumber
    # By column of TITLES: text, a number, a day, true or false, Unusable, or None where blank.
    cells: Mapping[str, object]
    defect: str = ""  # the rule that the row as a whole breaks


@dataclass(frozen=True)
class Sheet:
    """The rows of a returned worklist that are not blank."""

    lines: Sequence[Line]
    list_id: str | None = None  # where the file has it once and not in each row
    doubts: Sequence[str] = ()  # what the file holds and is not read


def fold_text(text: str) -> str:
    """Text for comparison: without case, direction marks, or differences of spaces."""
    visible = "".join(character for character in text if unicodedata.category(character) != "Cf")
    return " ".join(unicodedata.normalize("NFKC", visible).casefold().replace("_", " ").split())


def meanings(messages: Iterable[str]) -> dict[str, str]:
    """Message by its folded text, in every language."""
    languages = [language(code) for code in LANGUAGES]
    return {
        fold_text(each_language.gettext(message)): message
        for message in messages
        for each_language in languages
    }


@cache
def _headings() -> dict[str, str]:
    """Column name by folded heading, in every language, and by folded column name."""
    names = {heading: name for name, heading in TITLES.items()}
    by_heading = {heading: names[message] for heading, message in meanings(names).items()}
    return by_heading | {fold_text(name): name for name in TITLES}


def column_positions(
    headings: Sequence[object], hidden_names: Sequence[object] = ()
) -> dict[str, int]:
    """The position of each of TITLES' columns: by its heading, else by `hidden_names`.

    hidden_names: the column names at their positions when the workbook was written; one counts
    where staff changed the heading at its position. BadInput when a heading stands twice.
    """
    names = [_headings().get(fold_text(str(heading))) for heading in headings]
    positions: dict[str, int] = {}
    for i, name in enumerate(names):
        if name in positions:
            raise BadInput(f"the heading {TITLES[name]!r} stands twice; rename or remove one")
        if name:
            positions[name] = i
    free = {str(name): i for i, name in enumerate(hidden_names) if i >= len(names) or not names[i]}
    return {name: i for name, i in free.items() if name in TITLES} | positions


def require_columns(positions: Mapping[str, int]) -> None:
    """BadInput without the customers' column, or without any answer column."""
    if "customer_id" not in positions:
        raise BadInput("row 1 has no column 'Customer'; send the list back with its headings")
    if not ANSWER_COLUMNS.keys() & positions.keys():
        raise BadInput("row 1 has none of the columns to fill in; send the list's own workbook")


def read_line(
    number: RowNumber, values: Sequence[object], positions: Mapping[str, int]
) -> Line | None:
    """The line of one row; None where all of its cells, of whatever column, are blank."""
    if not any(holds(value) for value in values):
        return None
    cells = {name: values[i] if i < len(values) else None for name, i in positions.items()}
    return Line(number, {name: value if holds(value) else None for name, value in cells.items()})


def holds(value: object) -> bool:
    """Whether a cell is not blank."""
    return bool(value.strip()) if isinstance(value, str) else value is not None


@cache
def _list_headings() -> dict[str, str]:
    """Column name by folded heading of every column that a list has, in every language."""
    by_heading = {fold_text(name): name for name in (*HEADINGS, *ANSWER_COLUMNS, *WIDTHS)}
    for code in LANGUAGES:
        list_language = language(code)
        by_heading |= {fold_text(list_language.gettext(HEADINGS[n])): n for n in HEADINGS}
        by_heading |= {fold_text(heading(name, list_language)): name for name in WIDTHS}
    return by_heading


class OtherColumns:
    """Counts the cells in columns that staff added: they are not read."""

    def __init__(self, headings: Sequence[object], hidden_names: Sequence[object] = ()) -> None:
        """hidden_names: as of `column_positions`."""
        self._headings = list(headings)
        names = [_list_headings().get(fold_text(str(title))) for title in headings]
        renamed = {str(name) for name in hidden_names} - {*names}
        self._is_own = [bool(name) for name in names]
        for i, name in enumerate(hidden_names):
            self._is_own += [False] * (i + 1 - len(self._is_own))
            self._is_own[i] |= str(name) in renamed
        self._counts: Counter[int] = Counter()
        self._first: dict[int, RowNumber] = {}

    def count(self, number: RowNumber, values: Sequence[object]) -> None:
        """Count the cells of one row."""
        for i, value in enumerate(values):
            if holds(value) and not (i < len(self._is_own) and self._is_own[i]):
                self._counts[i] += 1
                self._first.setdefault(i, number)

    def doubts(self) -> Iterator[str]:
        """One sentence for each of these columns."""
        for i, n_cells in sorted(self._counts.items()):
            title = self._headings[i] if i < len(self._headings) else None
            masked_title = mask("" if title is None else title)
            letter = get_column_letter(min(i + 1, _LAST_COLUMN))
            yield (
                f"{self._first[i]}, column {letter}, {masked_title}: no column of"
                f" the list, not read (filled cells: {n_cells:,}); answers belong into the list's"
                " own columns"
            )


# The published list it came from


@dataclass(frozen=True)
class PublishedList:
    """A published list that a worklist came from."""

    list_id: str
    company: str
    currency: str
    as_of: dt.date
    customers: dict[str, dict[str, str]]  # by customer id the row of the list


def find_list(folder: Path, list_id: str) -> PublishedList:
    """The list of that id; BadInput where `folder` has none, or it was changed since."""
    manifests = {path: _manifest(path) for path in published.published_lists(folder)}
    ids = [manifest.list_id for manifest in manifests.values() if manifest and manifest.list_id]
    matching = [
        (path, manifest)
        for path, manifest in manifests.items()
        if manifest and manifest.list_id == list_id
    ]
    if not matching:
        raise BadInput(
            f"list {mask(list_id, 10)} is not among those published in {folder}"
            f"{suggestion(list_id, ids)}; send the file that was filled in, with its list id"
        )
    return _read_list(*matching[-1])


def _manifest(path: Path) -> ListManifest | None:
    try:
        return published.read_manifest(path)
    except BadInput:
        return None


def _read_list(path: Path, manifest: ListManifest) -> PublishedList:
    table = path / LIST_TABLE
    if not table.is_file() or atomic.sha256(table) != manifest.files[LIST_TABLE].sha256:
        raise BadInput(f"{table}: changed since it was published; restore it from a backup")
    with table.open(encoding="utf-8", newline="") as handle:
        rows = [
            {name: unescape_formula(cell) for name, cell in row.items()}
            for row in csv.DictReader(handle, strict=True)
        ]
    return PublishedList(
        list_id=manifest.list_id,
        company=manifest.company,
        currency=manifest.currency,
        as_of=manifest.as_of,
        customers={row["customer_id"]: row for row in rows},
    )
