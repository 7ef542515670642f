"""A returned worklist as rows with named columns, and the published list that it came from."""

import csv
import datetime as dt
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Final, NamedTuple, get_args

from retention.core.csv_injection import unescape_formula
from retention.core.documents.reports import ListManifest
from retention.core.errors import BadInput, mask, suggestion
from retention.core.params import AtRiskParams
from retention.core.storage import atomic
from retention.i18n.language import language
from retention.worklist import published
from retention.worklist.answer_columns import ANSWER_COLUMNS
from retention.worklist.model import HEADINGS

LANGUAGES: Final[tuple[str, ...]] = get_args(AtRiskParams.model_fields["language"].annotation)
TITLES: Final = {"list_id": HEADINGS["list_id"], "customer_id": HEADINGS["customer_id"]} | {
    name: column.heading for name, column in ANSWER_COLUMNS.items()
}
"""The columns that are read, and their headings in English."""

LIST_TABLE: Final = "at_risk.csv"


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
class OwnCell:
    """A cell in a column of the list that is not to be filled in."""

    number: RowNumber
    column: str  # as messages name it
    names: frozenset[str]  # which columns of the list it may be
    customer_id: str
    value: object


@dataclass(frozen=True)
class SheetBeside:
    """A sheet that has no answers: one that the workbook came with, or one of staff."""

    title: str
    cells: Sequence[tuple[RowNumber, object]]  # those that are not blank


@dataclass(frozen=True)
class Sheet:
    """The rows of a returned worklist that are not blank, and what else it holds."""

    lines: Sequence[Line]
    list_id: str | None = None  # where the file has it once and not in each row
    slug: str = ""  # of the owner whose part it is
    doubts: Sequence[str] = ()  # what is not read
    own_cells: Sequence[OwnCell] = ()  # to be held against the list as it was published
    beside: Sequence[SheetBeside] = ()


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


def holds(value: object) -> bool:
    """Whether a cell is not blank."""
    return bool(value.strip()) if isinstance(value, str) else value is not None


# The published list it came from


@dataclass(frozen=True)
class PublishedList:
    """A published list that a worklist came from."""

    list_id: str
    company: str
    currency: str
    as_of: dt.date
    folder: Path
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
        folder=path,
        customers={row["customer_id"]: row for row in rows},
    )
