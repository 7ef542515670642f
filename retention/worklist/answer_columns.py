"""The columns of a list that staff fill in, and what each may hold.

The workbook offers these as drop-downs; `retention outcomes` accepts nothing else.
"""

from dataclasses import dataclass
from typing import Final

from retention.i18n.language import marked


@dataclass(frozen=True)
class Answer:
    """One column to fill in: its heading, and the answers to choose from (none: free)."""

    heading: str
    choices: tuple[str, ...] = ()
    kind: str = "choice"  # or date, money, text


PLAYS: Final = "plays"
"""Stands for the names of the playbook's plays, and `nothing`."""

HANDBACK: Final[dict[str, Answer]] = {
    "contacted_on": Answer(marked("Contacted on"), kind="date"),
    "result": Answer(
        marked("Result"),
        (
            marked("reached"),
            marked("not reached"),
            marked("wrong person"),
            marked("merged"),
            marked("deceased"),
        ),
    ),
    "answer": Answer(
        marked("Answer"),
        (
            marked("will stay"),
            marked("undecided"),
            marked("will leave"),
            marked("asks not to be contacted"),
        ),
    ),
    "action_taken": Answer(marked("Action taken"), (PLAYS,)),
    "offer_cost": Answer(marked("Offer cost"), kind="money"),
    "reason_right": Answer(
        marked("Reason right?"), (marked("yes"), marked("partly"), marked("no"))
    ),
    "note": Answer(marked("Note"), kind="text"),
}
"""In the order of the workbook; the keys are the machine's names, the choices are msgids."""

NOTHING: Final = marked("nothing")
