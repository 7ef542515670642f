"""A returned worklist as rows with named columns, and the published list that it came from."""

import csv
import datetime as dt
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from pathlib import Path
from typing import Any, Final, get_args

from retention.core.csv_injection import unescape_formula
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


@dataclass(frozen=True)
class Line:
    """One row of the sheet."""

    number: int  # as a spreadsheet counts
    # By column of TITLES: text, a number, a day, true or false, Unusable, or None where blank.
    cells: Mapping[str, object]
    defect: str = ""  # the rule that the row as a whole breaks


@dataclass(frozen=True)
class Sheet:
    """The rows of a returned worklist that are not blank."""

    lines: Sequence[Line]
    list_id: str | None = None  # where the file has it once and not in each row


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


def read_line(number: int, values: Sequence[object], positions: Mapping[str, int]) -> Line | None:
    """The line of one row; None where all of its cells, of whatever column, are blank."""
    if not any(_holds(value) for value in values):
        return None
    cells = {name: values[i] if i < len(values) else None for name, i in positions.items()}
    return Line(number, {name: value if _holds(value) else None for name, value in cells.items()})


def _holds(value: object) -> bool:
    return bool(value.strip()) if isinstance(value, str) else value is not None


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
    ids = [str(manifest["list_id"]) for manifest in manifests.values() if "list_id" in manifest]
    matching = [path for path, manifest in manifests.items() if manifest.get("list_id") == list_id]
    if not matching:
        raise BadInput(
            f"list {mask(list_id, 10)} is not among those published in {folder}"
            f"{suggestion(list_id, ids)}; send the file that was filled in, with its list id"
        )
    return _read_list(matching[-1], manifests[matching[-1]])


def _manifest(path: Path) -> dict[str, Any]:
    try:
        return dict(atomic.read_json(path / published.MANIFEST))
    except (ValueError, TypeError, OSError):
        return {}


def _read_list(path: Path, manifest: dict[str, Any]) -> PublishedList:
    table = path / LIST_TABLE
    if not table.is_file() or atomic.sha256(table) != manifest["files"][LIST_TABLE]["sha256"]:
        raise BadInput(f"{table}: changed since it was published; restore it from a backup")
    with table.open(encoding="utf-8", newline="") as handle:
        rows = [
            {name: unescape_formula(cell) for name, cell in row.items()}
            for row in csv.DictReader(handle, strict=True)
        ]
    return PublishedList(
        list_id=manifest["list_id"],
        company=manifest["company"],
        currency=manifest["currency"],
        as_of=dt.date.fromisoformat(manifest["as_of"]),
        customers={row["customer_id"]: row for row in rows},
    )
