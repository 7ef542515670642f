"""The columns of a list that staff fill in, and the answers that each accepts.

The workbook offers them as drop-downs; `retention outcomes` accepts nothing else.
"""

from dataclasses import dataclass
from typing import Final

from retention.i18n.language import gettext_noop


@dataclass(frozen=True)
class AnswerColumn:
    """One column to fill in."""

    heading: str
    choices: tuple[str, ...] = ()  # the answers to choose from; none where the cell is free
    kind: str = "choice"  # or date, coming_date, money, name, text


PLAYS: Final = "plays"
"""Stands for the names of the plays of the playbook, and NOTHING."""

ANSWER_COLUMNS: Final[dict[str, AnswerColumn]] = {
    "contacted_on": AnswerColumn(gettext_noop("Contacted on"), kind="date"),
    "result": AnswerColumn(
        gettext_noop("Result"),
        (
            gettext_noop("reached"),
            gettext_noop("not reached"),
            gettext_noop("sent"),
            gettext_noop("wrong person"),
            gettext_noop("knows better"),
            gettext_noop("merged"),
            gettext_noop("deceased"),
        ),
    ),
    "answer": AnswerColumn(
        gettext_noop("Answer"),
        (
            gettext_noop("will stay"),
            gettext_noop("undecided"),
            gettext_noop("will leave"),
            gettext_noop("asks not to be contacted"),
        ),
    ),
    "action_taken": AnswerColumn(gettext_noop("Action taken"), (PLAYS,)),
    "offer_cost": AnswerColumn(gettext_noop("Offer cost"), kind="money"),
    "reason_right": AnswerColumn(
        gettext_noop("Reason right?"),
        (gettext_noop("yes"), gettext_noop("partly"), gettext_noop("no")),
    ),
    "fixed": AnswerColumn(
        gettext_noop("Fixed?"), (gettext_noop("fixed"), gettext_noop("not fixed"))
    ),
    "call_back_on": AnswerColumn(gettext_noop("Call back on"), kind="coming_date"),
    "handed_to": AnswerColumn(gettext_noop("Handed to"), kind="name"),
    "note": AnswerColumn(gettext_noop("Note"), kind="text"),
}
"""In the order of the workbook; keys are column names, choices are message ids."""

NOTHING: Final = gettext_noop("nothing")
