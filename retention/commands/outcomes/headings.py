"""The headings of a returned worklist: which column is which, and which rows are below them."""

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property
from typing import Final

from openpyxl.utils import get_column_letter

from retention.commands.outcomes.sheet import (
    LANGUAGES,
    TITLES,
    Line,
    OwnCell,
    RowNumber,
    fold_text,
    holds,
    meanings,
)
from retention.core.errors import BadInput, mask
from retention.i18n.language import language
from retention.worklist.answer_columns import ANSWER_COLUMNS
from retention.worklist.model import HEADINGS
from retention.worklist.to_xlsx.layout import WIDTHS, heading

_LAST_COLUMN: Final = 18_278  # ZZZ, the last that has a name; a CSV may have more


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
    where staff changed the heading at its position, unless another heading stands elsewhere than it
    did: then columns were moved, and positions say nothing. BadInput when a heading stands twice.
    """
    names = [_headings().get(fold_text(str(heading))) for heading in headings]
    positions: dict[str, int] = {}
    for i, name in enumerate(names):
        if name in positions:
            raise BadInput(f"the heading {TITLES[name]!r} stands twice; rename or remove one")
        if name:
            positions[name] = i
    by_place = _names_by_place(headings, hidden_names)
    return {name: i for i, name in by_place.items() if name in TITLES} | positions


def _names_by_place(headings: Sequence[object], hidden_names: Sequence[object]) -> dict[int, str]:
    """The columns of the list that only their place tells: none where columns were moved."""
    named = list(map(list_names, headings))
    places = dict(enumerate(map(str, hidden_names)))
    if any(names and places.get(i) not in names for i, names in enumerate(named)):
        return {}
    return {i: name for i, name in places.items() if i >= len(named) or not named[i]}


def require_columns(positions: Mapping[str, int]) -> None:
    """BadInput without the customers' column, or without any answer column."""
    if "customer_id" not in positions:
        raise BadInput("no column 'Customer'; send the list back with its headings")
    if not ANSWER_COLUMNS.keys() & positions.keys():
        raise BadInput("none of the columns to fill in; send the list's own workbook")


def is_heading_row(row: Sequence[object]) -> bool:
    """Whether a row holds the headings of customers and of a column to fill in."""
    names = {_headings().get(fold_text(value)) for value in row if isinstance(value, str)}
    return "customer_id" in names and bool(ANSWER_COLUMNS.keys() & names)


def n_headings(row: Sequence[object]) -> int:
    """How many cells of a row are headings of a list."""
    return sum(fold_text(value) in _list_headings() for value in row if isinstance(value, str))


def read_line(
    number: RowNumber, values: Sequence[object], positions: Mapping[str, int]
) -> Line | None:
    """The line of one row; None where all of its cells, of whatever column, are blank."""
    if not any(holds(value) for value in values):
        return None
    cells = {name: values[i] if i < len(values) else None for name, i in positions.items()}
    return Line(number, {name: value if holds(value) else None for name, value in cells.items()})


@cache
def _list_headings() -> dict[str, frozenset[str]]:
    """Column names by folded heading of every column that a list has, in every language."""
    names: dict[str, set[str]] = defaultdict(set)
    for name in (*HEADINGS, *ANSWER_COLUMNS, *WIDTHS):
        names[fold_text(name)].add(name)
    for code in LANGUAGES:
        list_language = language(code)
        for name in HEADINGS:
            names[fold_text(list_language.gettext(HEADINGS[name]))].add(name)
        for name in WIDTHS:
            names[fold_text(heading(name, list_language))].add(name)
    return {folded: frozenset(those) for folded, those in names.items()}


def list_names(heading_cell: object) -> frozenset[str]:
    """The columns of a list that may have a heading."""
    return _list_headings().get(fold_text(str(heading_cell)), frozenset())


@dataclass(frozen=True)
class Block:
    """The rows of a sheet below one row of headings, down to the next row of headings."""

    heading_row: int
    headings: Sequence[object]
    hidden_names: Sequence[object] = ()  # as of `column_positions`

    @cached_property
    def positions(self) -> dict[str, int]:
        return column_positions(self.headings, self.hidden_names)

    @cached_property
    def own_columns(self) -> dict[int, frozenset[str]]:
        """The list's columns that are not read, by position: the names that each may have."""
        named = {i: list_names(title) for i, title in enumerate(self.headings)}
        placed = _names_by_place(self.headings, self.hidden_names)
        all_names = named | {i: frozenset({name}) for i, name in placed.items()}
        return {i: names for i, names in all_names.items() if names and not names & TITLES.keys()}

    def own_cells(self, line: Line, row: Sequence[object]) -> Iterator[OwnCell]:
        customer = str(line.cells.get("customer_id"))
        for i, value in enumerate(row):
            if i in self.own_columns and holds(value):
                label = column_label(i, self.title_of(i))
                yield OwnCell(line.number, label, self.own_columns[i], customer, value)

    def title_of(self, i: int) -> object:
        return self.headings[i] if i < len(self.headings) else None


def blocks(rows: Iterable[Sequence[object]], hidden_names: Sequence[object] = ()) -> list[Block]:
    """The blocks of a sheet: its headings may stand below a title, and once more further down.

    Where no row has the headings that are needed, the row with the most of a list's headings, the
    first by default, is taken with the help of hidden_names, which are those of `column_positions`.
    """
    n_most, nearest = -1, Block(1, [], hidden_names)
    complete: list[Block] = []
    for number, row in enumerate(rows, start=1):
        if is_heading_row(row):
            complete.append(Block(number, row, () if complete else hidden_names))
        elif not complete and n_headings(row) > n_most:
            n_most, nearest = n_headings(row), Block(number, row, hidden_names)
    return complete or [nearest]


class BlockRows:
    """The rows of a sheet, read block by block."""

    def __init__(self, title: str, sheet_blocks: Sequence[Block]) -> None:
        """title: of a sheet beside the list, else blank."""
        self.lines: list[Line] = []
        self.own_cells: list[OwnCell] = []
        self.doubts: list[str] = []
        self._title = title
        self._coming = list(sheet_blocks)[::-1]

    def read(self, rows: Iterable[Sequence[object]]) -> Iterator[tuple[Block, Line]]:
        """Each line that is not blank; what else there is is kept in the attributes."""
        block, others = None, OtherColumns([])
        above: list[RowNumber] = []
        for number, row in enumerate(rows, start=1):
            place = RowNumber(self._title, number)
            if self._coming and self._coming[-1].heading_row == number:
                self.doubts += others.doubts()
                block = self._coming.pop()
                others = OtherColumns(block.headings, block.hidden_names)
            elif block is None:
                above += [place for value in row if holds(value)]
            else:
                others.count(place, row)
                if line := read_line(place, row, block.positions):
                    self.own_cells += block.own_cells(line, row)
                    yield block, line
        self.doubts += [*others.doubts(), *_above_headings(above)]


def _above_headings(places: Sequence[RowNumber]) -> Iterator[str]:
    if places:
        yield (
            f"{places[0]}: above the headings, not read (filled cells: {len(places):,}); answers"
            " belong under the list's headings"
        )


class OtherColumns:
    """Counts the cells in columns that staff added: they are not read."""

    def __init__(self, headings: Sequence[object], hidden_names: Sequence[object] = ()) -> None:
        """hidden_names: as of `column_positions`."""
        self._headings = list(headings)
        by_place = _names_by_place(headings, hidden_names)
        self._own = {i for i, title in enumerate(headings) if list_names(title)} | {*by_place}
        self._counts: Counter[int] = Counter()
        self._first: dict[int, RowNumber] = {}

    def count(self, number: RowNumber, values: Sequence[object]) -> None:
        """Count the cells of one row."""
        for i, value in enumerate(values):
            if holds(value) and i not in self._own:
                self._counts[i] += 1
                self._first.setdefault(i, number)

    def doubts(self) -> Iterator[str]:
        """One sentence for each of these columns."""
        for i, n_cells in sorted(self._counts.items()):
            title = self._headings[i] if i < len(self._headings) else None
            yield (
                f"{self._first[i]}, {column_label(i, title)}: no column of the list, not read"
                f" (filled cells: {n_cells:,}); answers belong into the list's own columns"
            )


def column_label(i: int, title: object) -> str:
    """A column by its letters and, masked, its heading. i: its position, from 0."""
    letter = get_column_letter(min(i + 1, _LAST_COLUMN))
    return f"column {letter}, {mask('' if title is None else title)}"
