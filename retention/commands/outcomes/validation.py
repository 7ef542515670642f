"""Which rows of a returned worklist are accepted, and why the others are not."""

import datetime as dt
from collections import defaultdict
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from retention.commands.outcomes import amounts, cells
from retention.commands.outcomes.cells import CellError
from retention.commands.outcomes.sheet import (
    TITLES,
    Line,
    PublishedList,
    RowNumber,
    fold_text,
    meanings,
)
from retention.core.errors import mask
from retention.core.params import Play
from retention.ledgers.outcomes import KNOWS_BETTER, NO_ACTION, OBJECTION, SENT, StaffAnswer
from retention.worklist.answer_columns import ANSWER_COLUMNS, PLAYS


@dataclass(frozen=True)
class RejectedRow:
    """A row that is not accepted."""

    number: RowNumber
    column: str  # the first column at fault; blank for the row as a whole
    masked_value: str
    rule: str
    remedy: str

    def __str__(self) -> str:
        column = f", column {TITLES[self.column]}" if self.column else ""
        return f"{self.number}{column}, {self.masked_value}: {self.rule}; {self.remedy}"


@dataclass(frozen=True)
class AcceptedRow:
    """A row whose cells are all valid, or an objection to contact; a blank cell is no answer."""

    number: RowNumber
    customer_id: str
    staff_answer: StaffAnswer
    fault: RejectedRow | None = None  # why no more than the objection was accepted


@dataclass(frozen=True)
class ValidationResult:
    """The rows of a file: n_blank + accepted + rejected = rows read."""

    accepted: Sequence[AcceptedRow]
    rejected: Sequence[RejectedRow]
    n_blank: int


@dataclass(frozen=True)
class RowRules:
    """What a row is checked against."""

    published_list: PublishedList
    plays: Sequence[Play]
    today: dt.date  # the day on which the row is entered

    @cached_property
    def readers(self) -> dict[str, Callable[[object], Any]]:
        """The reader of each answer column."""
        kinds: dict[str, Callable[[object], Any]] = {
            "date": lambda value: cells.day(value, self.published_list.as_of, self.today),
            "coming_date": lambda value: cells.coming_day(
                value, self.published_list.as_of, self.today
            ),
            "name": cells.name,
            "money": lambda value: amounts.money(value, self.published_list.currency),
            "text": cells.note,
        }
        return {
            name: kinds.get(column.kind) or self._chooser(column.choices)
            for name, column in ANSWER_COLUMNS.items()
        }

    def _chooser(self, choices: Sequence[str]) -> Callable[[object], str | None]:
        choices_by_text = self._plays() if PLAYS in choices else meanings(choices)
        return lambda value: cells.choice(value, choices_by_text)

    def _plays(self) -> dict[str, str]:
        """Play name by folded name or action: of the playbook, and of the list's own rows."""
        of_list = {row.get("action_name", "") for row in self.published_list.customers.values()} - {
            ""
        }
        by_action = {fold_text(play.action): play.name for play in self.plays}
        names = [play.name for play in self.plays] + sorted(of_list)
        return by_action | {fold_text(name): name for name in names} | meanings([NO_ACTION])


def validate(lines: Sequence[Line], row_rules: RowRules) -> ValidationResult:
    """Every row of the file, accepted or not.

    A row is accepted whole or not at all, but for an objection to contact: it is accepted whatever
    else the row, or another row about the customer, says.
    """
    complete, rejected, n_blank = [], [], 0
    for line in lines:
        row = _validate_line(line, row_rules)
        if isinstance(row, RejectedRow):
            rejected.append(row)
        elif row.staff_answer == StaffAnswer():
            n_blank += 1
        else:
            complete.append(row)
    conflicting = _conflicting_customers(complete, lines, rejected)
    settled = [
        _accept_objection(row.staff_answer, row.customer_id, _conflict(row))
        if row.customer_id in conflicting and not row.fault
        else row
        for row in complete
    ]
    accepted = [row for row in settled if isinstance(row, AcceptedRow)]
    rejected += [row for row in settled if isinstance(row, RejectedRow)]
    return ValidationResult(accepted, sorted(rejected, key=lambda row: row.number), n_blank)


def _accept_objection(
    staff_answer: StaffAnswer, customer_id: str, fault: RejectedRow
) -> AcceptedRow | RejectedRow:
    """The objection to contact of a row with a fault; without one, the row is rejected."""
    if staff_answer.answer != OBJECTION:
        return fault
    result = staff_answer.result if staff_answer.result == "reached" else None
    objection = StaffAnswer(result=result, answer=OBJECTION)
    return AcceptedRow(fault.number, customer_id, objection, fault)


def _validate_line(line: Line, row_rules: RowRules) -> AcceptedRow | RejectedRow:
    if all(line.cells.get(column) is None for column in ANSWER_COLUMNS):
        return AcceptedRow(line.number, "", StaffAnswer())
    try:
        return _accept(line, row_rules)
    except CellError as error:
        value = line.cells.get(error.column)
        masked_value = mask("" if value is None else value)
        fault = RejectedRow(line.number, error.column, masked_value, error.rule, error.remedy)
        return _accept_readable_objection(line, row_rules, fault)


def _accept_readable_objection(
    line: Line, row_rules: RowRules, fault: RejectedRow
) -> AcceptedRow | RejectedRow:
    try:
        customer = _customer_of(line, row_rules.published_list)
        answer = _read(line, "answer", row_rules.readers["answer"])
    except CellError:
        return fault
    try:
        result = _read(line, "result", row_rules.readers["result"])
    except CellError:
        result = None
    return _accept_objection(StaffAnswer(result=result, answer=answer), customer, fault)


def _accept(line: Line, row_rules: RowRules) -> AcceptedRow:
    if line.defect:
        raise CellError(line.defect, "its cells are not as many as the headings; save it again")
    customer, readers = _customer_of(line, row_rules.published_list), row_rules.readers
    answers = {column: _read(line, column, readers[column]) for column in ANSWER_COLUMNS}
    staff_answer = StaffAnswer(**answers)
    for column, remedy in _contradictions(staff_answer):
        raise CellError("contradiction", remedy, column)
    return AcceptedRow(line.number, customer, staff_answer)


def _customer_of(line: Line, published_list: PublishedList) -> str:
    """The customer of a row of that list; CellError where it is another's, or nobody's."""
    _read(line, "list_id", lambda value: _check_list_id(cells.text(value), published_list))
    customer: str = _read(
        line, "customer_id", lambda value: _check_customer(cells.text(value), published_list)
    )
    return customer


def _read(line: Line, column: str, reader: Callable[[object], Any]) -> Any:
    try:
        return reader(line.cells.get(column))
    except CellError as error:
        raise CellError(error.rule, error.remedy, column) from None


def _check_list_id(list_id: str | None, published_list: PublishedList) -> None:
    if list_id is not None and list_id != published_list.list_id:
        raise CellError("other_list", "put the rows of another list into a file of their own")


def _check_customer(customer_id: str | None, published_list: PublishedList) -> str:
    if customer_id is None:
        raise CellError("blank_id", "write the customer as the list does")
    if customer_id not in published_list.customers:
        raise CellError("not_on_list", "write the customer as the list does; 00123 is not 123")
    return customer_id


def _contradictions(staff_answer: StaffAnswer) -> Iterator[tuple[str, str]]:
    """(column, what to do) for cells that contradict each other."""
    was_reached, action = staff_answer.result == "reached", staff_answer.action_taken
    if staff_answer.answer and not was_reached:
        yield "answer", "only who was reached answers: choose the result reached, or no answer"
    if staff_answer.contacted_on and not (staff_answer.result or staff_answer.fixed):
        yield "contacted_on", "choose the result of the contact, or leave the day blank"
    if staff_answer.result == KNOWS_BETTER and not staff_answer.note:
        yield "note", "say in the note why the customer is better left alone"
    if staff_answer.call_back_on and staff_answer.answer == OBJECTION:
        yield "call_back_on", "who asks not to be contacted is not called back: correct one of them"
    if (
        staff_answer.call_back_on
        and staff_answer.contacted_on
        and staff_answer.call_back_on < staff_answer.contacted_on
    ):
        yield "call_back_on", "it is before the day of the contact: correct one of the two"
    was_given = was_reached or staff_answer.result == SENT
    if staff_answer.offer_cost and action in (None, NO_ACTION) and not was_given:
        yield "offer_cost", "choose the action that cost it, or leave the cost blank"
    if staff_answer.offer_cost and action == NO_ACTION:
        yield "offer_cost", "nothing was done, so nothing was spent: correct one of the two"


def _conflicting_customers(
    accepted: Sequence[AcceptedRow], lines: Sequence[Line], rejected: Sequence[RejectedRow]
) -> set[str]:
    """The customers with two different answers in the file, or one that is not valid."""
    answers = defaultdict(set)
    for row in accepted:
        answers[row.customer_id].add(row.staff_answer)
    bad_numbers = {row.number for row in rejected if row.column != "list_id"}
    invalid = {str(line.cells["customer_id"]) for line in lines if line.number in bad_numbers}
    invalid |= {row.customer_id for row in accepted if row.fault}
    return {
        customer
        for customer, distinct in answers.items()
        if len(distinct) > 1 or customer in invalid
    }


def _conflict(row: AcceptedRow) -> RejectedRow:
    remedy = "the file says two things of this customer; keep the row that is right"
    return RejectedRow(row.number, "customer_id", mask(row.customer_id), "twice", remedy)


def doubts(accepted: Sequence[AcceptedRow], plays: Sequence[Play]) -> Iterator[str]:
    """Doubts about accepted rows: an offer that cost more than its play may offer."""
    offer_values = {play.name: play.offer_value for play in plays}
    for row in accepted:
        action, offer_cost = row.staff_answer.action_taken, row.staff_answer.offer_cost
        offer_value = offer_values.get(action or "")
        if offer_value is not None and offer_cost and float(offer_cost) > offer_value:
            yield (
                f"{row.number}, column {TITLES['offer_cost']}: {offer_cost:,.2f} is more"
                f" than the {offer_value:,.2f} that {action} may offer; kept"
            )
