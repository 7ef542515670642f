"""Which rows of a worked list are taken, and why the others are not."""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from retention.commands.outcomes import cells
from retention.commands.outcomes.cells import Wrong
from retention.commands.outcomes.lists import Listed
from retention.commands.outcomes.sheet import TITLES, Line, folded, meanings
from retention.core.errors import mask
from retention.core.params import Play
from retention.ledgers.outcomes import NO_ACTION, StaffAnswer
from retention.worklist.answer_columns import ANSWER_COLUMNS, PLAYS


@dataclass(frozen=True)
class Rejected:
    """A row not taken: the first column at fault, its value masked, the rule, what to do."""

    row: int
    column: str
    shown: str
    rule: str
    todo: str

    def __str__(self) -> str:
        column = f", column {TITLES[self.column]}" if self.column else ""
        return f"row {self.row}{column}, {self.shown}: {self.rule}; {self.todo}"


@dataclass(frozen=True)
class Taken:
    """A row whose every cell is sound; nothing was said in a blank one."""

    row: int
    customer_id: str
    said: StaffAnswer


@dataclass(frozen=True)
class Judged:
    """The rows of a file: blank + taken + rejected = read."""

    taken: Sequence[Taken]
    rejected: Sequence[Rejected]
    blank: int


@dataclass(frozen=True)
class Rules:
    """What a row is held against: its list, the playbook, and the day on which it is entered."""

    listed: Listed
    plays: Sequence[Play]
    today: dt.date

    @cached_property
    def readers(self) -> dict[str, Callable[[object], Any]]:
        """How each column to fill in is read."""
        kinds: dict[str, Callable[[object], Any]] = {
            "date": lambda value: cells.day(value, self.listed.as_of, self.today),
            "money": cells.money,
            "text": cells.note,
        }
        return {
            name: kinds.get(one.kind) or self._chooser(one.choices)
            for name, one in ANSWER_COLUMNS.items()
        }

    def _chooser(self, choices: Sequence[str]) -> Callable[[object], str | None]:
        offered = self._plays() if PLAYS in choices else meanings(choices)
        return lambda value: cells.choice(value, offered)

    def _plays(self) -> dict[str, str]:
        """The playbook's names and what they do, and the plays that the list named itself."""
        named = {row.get("action_name", "") for row in self.listed.customers.values()} - {""}
        told = {folded(play.action): play.name for play in self.plays}
        names = [play.name for play in self.plays] + sorted(named)
        return told | {folded(name): name for name in names} | meanings([NO_ACTION])


def judged(lines: Sequence[Line], rules: Rules) -> Judged:
    """Every row of the file, taken or not."""
    taken, rejected, blank = [], [], 0
    for line in lines:
        one = _judged(line, rules)
        if isinstance(one, Rejected):
            rejected.append(one)
        elif one.said == StaffAnswer():
            blank += 1
        else:
            taken.append(one)
    torn = _torn(taken, lines, rejected)
    kept = [one for one in taken if one.customer_id not in torn]
    twice = [_twice(one) for one in taken if one.customer_id in torn]
    return Judged(kept, sorted([*rejected, *twice], key=lambda one: one.row), blank)


def _judged(line: Line, rules: Rules) -> Taken | Rejected:
    if all(line.cells.get(column) is None for column in ANSWER_COLUMNS):
        return Taken(line.number, "", StaffAnswer())
    try:
        return _taken(line, rules)
    except Wrong as wrong:
        value = line.cells.get(wrong.column)
        shown = mask("" if value is None else value)
        return Rejected(line.number, wrong.column, shown, wrong.rule, wrong.todo)


def _taken(line: Line, rules: Rules) -> Taken:
    if line.defect:
        raise Wrong(line.defect, "its cells are not as many as the headings; save it again")
    _read(line, "list_id", lambda value: _of_that_list(cells.text(value), rules.listed))
    customer = _read(line, "customer_id", lambda value: _on_it(cells.text(value), rules.listed))
    said = StaffAnswer(**{column: _read(line, column, rules.readers[column]) for column in ANSWER_COLUMNS})
    for column, todo in _contradictions(said):
        raise Wrong("contradiction", todo, column)
    return Taken(line.number, customer, said)


def _read(line: Line, column: str, reader: Callable[[object], Any]) -> Any:
    try:
        return reader(line.cells.get(column))
    except Wrong as wrong:
        raise Wrong(wrong.rule, wrong.todo, column) from None


def _of_that_list(found: str | None, listed: Listed) -> None:
    if found is not None and found != listed.list_id:
        raise Wrong("other_list", "put the rows of another list into a file of their own")


def _on_it(found: str | None, listed: Listed) -> str:
    if found is None:
        raise Wrong("blank_id", "write the customer as the list does")
    if found not in listed.customers:
        raise Wrong("not_on_list", "write the customer as the list does; 00123 is not 123")
    return found


def _contradictions(said: StaffAnswer) -> Iterator[tuple[str, str]]:
    """(column, what to do) for cells that cannot both be right."""
    if said.answer and said.result != "reached":
        yield "answer", "only who was reached answers: choose the result reached, or no answer"
    if said.contacted_on and not said.result:
        yield "contacted_on", "choose the result of the contact, or leave the day blank"
    if said.offer_cost and said.action_taken in (None, NO_ACTION) and said.result != "reached":
        yield "offer_cost", "choose the action that cost it, or leave the cost blank"
    if said.offer_cost and said.action_taken == NO_ACTION:
        yield "offer_cost", "nothing was done, so nothing was spent: correct one of the two"


def _torn(taken: Sequence[Taken], lines: Sequence[Line], rejected: Sequence[Rejected]) -> set[str]:
    """The customers of whom the file says two things, or one that is not sound."""
    said = defaultdict(set)
    for one in taken:
        said[one.customer_id].add(one.said)
    bad = {one.row for one in rejected if one.column != "list_id"}
    others = {str(line.cells["customer_id"]) for line in lines if line.number in bad}
    return {customer for customer, ways in said.items() if len(ways) > 1 or customer in others}


def _twice(one: Taken) -> Rejected:
    todo = "the file says two things of this customer; keep the row that is right"
    return Rejected(one.row, "customer_id", mask(one.customer_id), "twice", todo)


def doubts(taken: Sequence[Taken], plays: Sequence[Play]) -> Iterator[str]:
    """What is kept all the same: an offer that cost more than its play may offer."""
    offers = {play.name: play.offer_value for play in plays}
    for one in taken:
        most = offers.get(one.said.action_taken or "")
        if most is not None and one.said.offer_cost and float(one.said.offer_cost) > most:
            yield (
                f"row {one.row}, column {TITLES['offer_cost']}: {one.said.offer_cost:,.2f} is more"
                f" than the {most:,.2f} that {one.said.action_taken} may offer; kept"
            )
