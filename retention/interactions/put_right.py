"""What was put right last: the case that was solved, the order that came, the bill corrected.

It is what customers who are given time are asked about, so each of them has it as an issue.
"""

from functools import partial
from typing import Final

import pandas as pd

from features.engine import service_grains
from retention.interactions.frames import CohortRows, newest
from retention.interactions.order_issues import CORRECTED, LATE, overcharge
from retention.interactions.recent_issues import (
    PUT_RIGHT,
    Issues,
    IssuesOfThemes,
    Nature,
    Row,
    Sentence,
)
from retention.interactions.wording import Wording

SOLVED: Final = Nature("solved", settled=True)
BILL_CORRECTED: Final = Nature("bill_corrected", settled=True)
RECORDED: Final = Nature("recorded", settled=True)


def themes(days: int) -> IssuesOfThemes:
    """The theme of what was put right in the last days."""
    return {PUT_RIGHT: (partial(last_put_right, days=days),)}


def last_put_right(rows: CohortRows, days: int) -> Issues:
    """Of each customer the newest; of one day, what says most."""
    kinds = _kinds(rows)
    recent = [table[table["put_right_age"] <= days] for table, _, _ in kinds]
    columns = ["customer_id", "age", "number"]
    whens = [
        table.assign(age=table["put_right_age"], number=number)[columns].astype({"age": float})
        for number, table in enumerate(recent)
    ]
    last = newest(pd.concat(whens), "number").set_index("customer_id")["number"]
    for number, (table, (_, sentence, nature)) in enumerate(zip(recent, kinds, strict=True)):
        of_kind = table[table["customer_id"].map(last) == number]
        by_day = of_kind.sort_values(["customer_id", "put_right_age", "age"], kind="stable")
        yield by_day.drop_duplicates("customer_id").assign(cause=None), sentence, nature


def _kinds(rows: CohortRows) -> list[tuple[pd.DataFrame, Sentence, Nature]]:
    """customer_id, age, put_right_age and what the sentence needs, that which says most first.

    They are the rows of `CohortRows.put_right`, from which the lane is decided.
    """
    cases, orders, over = rows.cases, rows[service_grains.promises], rows.overcharges
    solved = cases[(cases["trouble"] == 1) & (cases["solved"] == 1)]
    came = orders[(orders["late"] == 1) & (orders["awaited"] == 0)]
    corrections, fixes = rows.corrections, rows.fixes.rename("age").reset_index()
    return [
        (
            solved[["customer_id", "case_id", "age"]].assign(put_right_age=solved["ended_age"]),
            _solved_text,
            SOLVED,
        ),
        (over.assign(put_right_age=over["corrected_age"]), _corrected_text, CORRECTED),
        (
            came[["customer_id", "order_id", "days_late"]].assign(
                age=came["due_age"], put_right_age=came["delivered_age"]
            ),
            _came_text,
            LATE,
        ),
        (
            corrections.assign(put_right_age=corrections["age"]),
            _bill_corrected_text,
            BILL_CORRECTED,
        ),
        (fixes.assign(put_right_age=fixes["age"]), _recorded_text, RECORDED),
    ]


def _solved_text(wording: Wording, row: Row) -> str:
    if row.put_right_age == row.age:
        return wording.language.gettext(
            "the problem reported on {day} was solved the same day", day=wording.day(row.age)
        )
    return wording.language.gettext(
        "the problem reported on {day} was solved on {end}",
        day=wording.day(row.age),
        end=wording.day(row.put_right_age),
    )


def _corrected_text(wording: Wording, row: Row) -> str:
    return wording.language.gettext(
        "billed {more} above the agreed price on {day}, corrected on {end}",
        more=overcharge(wording, row),
        day=wording.day(row.age),
        end=wording.day(row.put_right_age),
    )


def _came_text(wording: Wording, row: Row) -> str:
    return wording.language.gettext(
        "the order promised for {day} came on {end}, {late} late",
        day=wording.day(row.age),
        end=wording.day(row.put_right_age),
        late=wording.days(row.days_late),
    )


def _bill_corrected_text(wording: Wording, row: Row) -> str:
    return wording.language.gettext("a bill was corrected on {day}", day=wording.day(row.age))


def _recorded_text(wording: Wording, row: Row) -> str:
    return wording.language.gettext(
        "we put something right on {day}, as staff recorded", day=wording.day(row.age)
    )
