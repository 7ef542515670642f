"""Issues of service: cases, complaints, answers to surveys, the portal; and notices."""

from typing import Final

import pandas as pd

from features.engine import service_grains
from retention.interactions.frames import CohortRows
from retention.interactions.owed import unsolved_cases
from retention.interactions.recent_issues import (
    Issues,
    IssuesOfThemes,
    Nature,
    Row,
    count_issues,
    count_values,
    settled_where_made_good,
)
from retention.interactions.wording import Wording, plain

LOW: Final = 0.5  # ratings below it are poor

NOTICE: Final = Nature("notice")
SEVERAL: Final = Nature("several")
OPEN: Final = Nature("open_case", turn="ours", fault="ours", settled=False)
OPEN_REQUEST: Final = Nature("open_request", turn="ours", settled=False)
SLOW: Final = Nature("late_answer", fault="ours")
UNANSWERED: Final = Nature("unanswered", turn="ours", fault="ours", settled=False)
UNSOLVED: Final = Nature("unsolved", turn="ours", fault="ours", settled=False)
UNSOLVED_THEN: Final = Nature("unsolved_then", fault="ours")
REOPENED: Final = Nature("reopened", fault="ours")
DISSATISFIED: Final = Nature("dissatisfied", turn="ours")
COMPLAINED: Final = Nature("complained")
FAILED_TASK: Final = Nature("failed_task", fault="ours")


# Contracts


def notices(rows: CohortRows) -> Issues:
    yield rows.notices.assign(cause=None), _notice_text, NOTICE


def _notice_text(wording: Wording, row: Row) -> str:
    day = wording.day(row.age)
    if row.ends_in is None:
        return wording.language.gettext("gave notice on {day}", day=day)
    ends = wording.day(-row.ends_in)
    return wording.language.gettext(
        "gave notice on {day}; the contract ends on {end}", day=day, end=ends
    )


# The journey: everything that went wrong


def several_failures(rows: CohortRows) -> Issues:
    """Where more than one thing went wrong: a single one belongs to its own theme."""
    failures = rows[service_grains.failures].drop(columns="order_id")
    counted = count_issues(failures, failures)
    yield counted[counted["n"] > 1], _several_failures_text, SEVERAL


def _several_failures_text(wording: Wording, row: Row) -> str:
    return wording.language.gettext(
        "{n} things went wrong {when}: {cause}",
        n=row.n,
        cause=wording.cause(row.cause),
        when=count_values(wording, row)["when"],
    )


# Cases: what is open, what was answered too late; what was not solved, what had to be opened again


def still_open(rows: CohortRows) -> Issues:
    """Only complaints, where only complaints are open; else all problems reported."""
    open_cases = _open_cases(rows)
    open_trouble = open_cases[open_cases["trouble"] == 1]
    trouble = rows.cases[rows.cases["trouble"] == 1]
    others = open_trouble.loc[open_trouble["complaint"] == 0, "customer_id"]
    only_complaints = ~open_trouble["customer_id"].isin(others)
    complaints = trouble[trouble["complaint"] == 1]
    of_complaints = count_issues(open_trouble[only_complaints], complaints, ever=True)
    yield of_complaints, _open_complaints_text, OPEN
    of_problems = count_issues(open_trouble[~only_complaints], trouble, ever=True)
    yield of_problems, _open_problems_text, OPEN


def matters_open(rows: CohortRows) -> Issues:
    issues = count_issues(_open_cases(rows), rows.cases, ever=True)
    yield issues, _open_matters_text, OPEN_REQUEST


def _open_cases(rows: CohortRows) -> pd.DataFrame:
    """The open cases; overdue ones have the cause of a concern not addressed."""
    late = rows.open_cases["end_breach"] == 1
    overdue = pd.Series(service_grains.UNSOLVED, index=late.index).where(late)
    return rows.open_cases.assign(cause=overdue)


def _open_complaints_text(wording: Wording, row: Row) -> str:
    text = wording.language.ngettext(
        "the complaint of {day} is still open after {open}",
        "{n} complaints are still open, the oldest, of {day}, after {open}",
        row.n,
        **_open_values(wording, row),
    )
    return _answered(wording, row, text)


def _open_matters_text(wording: Wording, row: Row) -> str:
    text = wording.language.ngettext(
        "what was asked on {day} is still open after {open}",
        "{n} matters are still open, the oldest, of {day}, after {open}",
        row.n,
        **_open_values(wording, row),
    )
    return _answered(wording, row, text)


def _open_problems_text(wording: Wording, row: Row) -> str:
    text = wording.language.ngettext(
        "the problem reported on {day} is still open after {open}",
        "{n} problems are still open, the oldest, of {day}, after {open}",
        row.n,
        **_open_values(wording, row),
    )
    return _answered(wording, row, text)


def _open_values(wording: Wording, row: Row) -> dict[str, str]:
    return {"day": wording.day(row.age), "open": wording.days(row.age)}


def _answered(wording: Wording, row: Row, text: str) -> str:
    """An open case with what the company did about it so far."""
    if row.answered_age is None:
        return wording.language.gettext("{what}, without an answer", what=text)
    if row.answered_age == row.age:
        return text
    return wording.language.gettext(
        "{what}, answered on {day}", what=text, day=wording.day(row.answered_age)
    )


def slow(rows: CohortRows) -> Issues:
    """Cases first answered beyond the service level, or that still have no answer."""
    cases = rows.cases
    issues = count_issues(cases[cases["answer_breach"] == 1].assign(cause=None), cases)
    without = issues["answer_minutes"].isna()
    yield issues[without], _slow_text, UNANSWERED
    yield issues[~without], _slow_text, SLOW


def _slow_text(wording: Wording, row: Row) -> str:
    if row.answer_minutes is None:
        return wording.language.ngettext(
            "the contact of {day} is still without an answer",
            "{n} of {of} matters not answered in time, the last, of {day}, not yet",
            row.n,
            of=row.of,
            day=wording.day(row.age),
        )
    return wording.language.ngettext(
        "the contact of {day} was first answered after {time}",
        "{n} of {of} matters not answered in time, the last, of {day}, after {time}",
        row.n,
        of=row.of,
        day=wording.day(row.age),
        time=wording.wait(row.answer_minutes),
    )


def unsolved(rows: CohortRows) -> Issues:
    cases = rows.cases
    ended = cases[cases["open"] == 0].assign(age=cases["ended_age"])
    failed = ended[ended["solved"] == 0]
    with_cause = failed.assign(cause=failed["cause"].fillna(service_grains.UNSOLVED))
    not_made_good = unsolved_cases(rows)
    is_owed = failed.index.isin(not_made_good[rows.counts_as_owed(not_made_good)].index)
    yield count_issues(with_cause[is_owed], ended), _unsolved_text, UNSOLVED
    over = with_cause[~is_owed].assign(made_good=~failed.index[~is_owed].isin(not_made_good.index))
    issues = settled_where_made_good(count_issues(over, ended), over)
    yield issues, _unsolved_text, UNSOLVED_THEN


def _unsolved_text(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "a case was closed {when} without being solved",
        "{n} of {of} cases were closed without being solved, {when}",
        row.n,
        **count_values(wording, row),
    )


def reopened(rows: CohortRows) -> Issues:
    cases = rows.cases.assign(age=rows.cases["last_age"])
    yield count_issues(cases[cases["reopened"] == 1], cases), _reopened_text, REOPENED


def _reopened_text(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "had to come back about a closed case {when}",
        "had to come back about {n} of {of} cases {when}",
        row.n,
        **count_values(wording, row),
    )


# Answers of customers, their complaints, what the portal could not do


def dissatisfied(rows: CohortRows) -> Issues:
    answers = rows[service_grains.answers]
    answers = answers[answers["asked"] == 0]
    daily = answers.groupby(["customer_id", "age"], as_index=False).agg(
        {"rating": "min", "person": "min", "solved": "min", "cause": "first", "case_id": "first"}
    )
    poor = (daily["rating"] < LOW) | (daily["person"] < LOW) | (daily["solved"] == 0)
    issues = count_issues(daily[poor], daily)
    unsolved = issues["solved"] == 0
    settled = pd.Series(None, index=issues.index, dtype=object).mask(unsolved, False)
    issues = issues.assign(settled=settled)
    is_solved = issues["solved"] == 1
    yield issues[~is_solved], _dissatisfied_text, DISSATISFIED
    # Who says that it was solved waits for nothing.
    yield issues[is_solved], _dissatisfied_text, DISSATISFIED._replace(turn=None)


def _dissatisfied_text(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "{said}, {when}",
        "{n} of {of} answers to surveys were poor {when}: {said}",
        row.n,
        said=wording.answer(row.rating, row.solved, row.person),
        **count_values(wording, row),
    )


def complained(rows: CohortRows) -> Issues:
    contacts = rows[service_grains.contacts].drop(columns="order_id")
    complaints = contacts[contacts["topic"] == "complaint"].assign(cause=None)
    yield count_issues(complaints, contacts), _complained_text, COMPLAINED


def _complained_text(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "complained {when}",
        "complained {n} times {when}",
        row.n,
        **count_values(wording, row),
    )


def failed_tasks(rows: CohortRows) -> Issues:
    visits = rows[service_grains.visits]
    failed = visits[visits["failed"] == 1].assign(cause=None)
    yield count_issues(failed, visits), _failed_task_text, FAILED_TASK


def _failed_task_text(wording: Wording, row: Row) -> str:
    text = wording.language.ngettext(
        "a task in the portal failed {when}",
        "{n} of {of} tasks in the portal failed {when}",
        row.n,
        **count_values(wording, row),
    )
    if row.topic is None:
        return text
    task = wording.language.gettext("task: {name}", name=plain(row.topic))
    return wording.language.gettext("{what} ({detail})", what=text, detail=task)


THEMES: Final[IssuesOfThemes] = {
    "contacts": (complained,),
    "contracts": (notices,),
    "journey": (several_failures,),
    "portal": (failed_tasks,),
    "resolution": (still_open, slow, matters_open),
    "satisfaction": (dissatisfied,),
    "solutions": (unsolved, reopened),
}
