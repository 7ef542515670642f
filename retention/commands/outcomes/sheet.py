"""A worked list as it was sent back: its rows, with the columns called by the machine's names."""

import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from typing import Final, get_args

from retention.core.errors import BadInput
from retention.core.params import AtRiskParams
from retention.i18n.language import language
from retention.worklist.answer_columns import ANSWER_COLUMNS
from retention.worklist.model import HEADINGS

LANGUAGES: Final[tuple[str, ...]] = get_args(AtRiskParams.model_fields["language"].annotation)
TITLES: Final = {"list_id": HEADINGS["list_id"], "customer_id": HEADINGS["customer_id"]} | {
    name: one.heading for name, one in ANSWER_COLUMNS.items()
}
"""The columns that are read, and their headings in English."""


@dataclass(frozen=True)
class Unusable:
    """What stands in a cell without a value of its own: a formula, or an error of one."""

    rule: str
    text: str

    def __str__(self) -> str:
        return self.text


@dataclass(frozen=True)
class Line:
    """One row: its number as a spreadsheet counts, and its cells of TITLES' columns.

    A cell is text, a number, a day, true or false, Unusable, or None where it is blank.
    """

    number: int
    cells: Mapping[str, object]
    defect: str = ""


@dataclass(frozen=True)
class Sheet:
    """The rows of a worked list that hold anything; `list_id` where the file says it once."""

    lines: Sequence[Line]
    list_id: str | None = None


def folded(text: str) -> str:
    """Text as it is compared: without case, marks of direction, or the form of its spaces."""
    seen = "".join(one for one in text if unicodedata.category(one) != "Cf")
    return " ".join(unicodedata.normalize("NFKC", seen).casefold().replace("_", " ").split())


def meanings(messages: Iterable[str]) -> dict[str, str]:
    """Every way to write each message, in every language, folded; and the message it means."""
    told = [language(code) for code in LANGUAGES]
    return {folded(one.gettext(message)): message for message in messages for one in told}


@cache
def _headings() -> dict[str, str]:
    """Every heading of TITLES' columns, in every language, and the machine's names."""
    names = {heading: name for name, heading in TITLES.items()}
    ours = {heading: names[message] for heading, message in meanings(names).items()}
    return ours | {folded(name): name for name in TITLES}


def places(headings: Sequence[object], given: Sequence[object] = ()) -> dict[str, int]:
    """Where each of TITLES' columns stands: by its heading, else where `given` says it stood.

    BadInput when a heading stands twice.
    """
    known = [_headings().get(folded(str(one))) for one in headings]
    found: dict[str, int] = {}
    for at, name in enumerate(known):
        if name in found:
            raise BadInput(f"the heading {TITLES[name]!r} stands twice; rename or remove one")
        if name:
            found[name] = at
    free = {str(name): at for at, name in enumerate(given) if at >= len(known) or not known[at]}
    return {name: at for name, at in free.items() if name in TITLES} | found


def require(found: Mapping[str, int]) -> None:
    """BadInput without the customers' column, or without any column to fill in."""
    if "customer_id" not in found:
        raise BadInput("row 1 has no column 'Customer'; send the list back with its headings")
    if not ANSWER_COLUMNS.keys() & found.keys():
        raise BadInput("row 1 has none of the columns to fill in; send the list's own workbook")


def line(number: int, values: Sequence[object], found: Mapping[str, int]) -> Line | None:
    """The line of one row; None where none of its cells, of whatever column, holds anything."""
    if not any(_holds(one) for one in values):
        return None
    cells = {name: values[at] if at < len(values) else None for name, at in found.items()}
    return Line(number, {name: one if _holds(one) else None for name, one in cells.items()})


def _holds(value: object) -> bool:
    return bool(value.strip()) if isinstance(value, str) else value is not None
