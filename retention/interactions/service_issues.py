"""Issues of service: cases, complaints, answers to surveys, the portal; and notices."""

from typing import Any, Final

import pandas as pd

from features.engine import service_grains
from retention.interactions.frames import CohortRows
from retention.interactions.recent_issues import (
    Issues,
    IssuesOfThemes,
    Row,
    count_issues,
    count_values,
)
from retention.interactions.wording import Wording

LOW: Final = 0.5  # ratings below it are poor


# Contracts


def notices(rows: CohortRows) -> Issues:
    yield rows.notices.assign(cause=None), _notice_text


def _notice_text(wording: Wording, row: Row) -> str:
    day = wording.day(row.age)
    if row.ends_in is None:
        return wording.language.gettext("gave notice on {day}", day=day)
    ends = wording.day(-row.ends_in)
    return wording.language.gettext(
        "gave notice on {day}, the contract to end on {end}", day=day, end=ends
    )


# The journey: everything that went wrong


def several_failures(rows: CohortRows) -> Issues:
    """Where more than one thing went wrong: a single one belongs to its own theme."""
    failures = rows[service_grains.failures]
    counted = count_issues(failures, failures)
    yield counted[counted["n"] > 1], _several_failures_text


def _several_failures_text(wording: Wording, row: Row) -> str:
    return wording.language.gettext(
        "{n} things went wrong in {within}, the last on {day}: {cause}",
        n=row.n,
        cause=wording.cause(row.cause),
        **count_values(wording, row),
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
    yield (
        count_issues(open_trouble[only_complaints], complaints, ever=True),
        _open_complaints_text,
    )
    yield count_issues(open_trouble[~only_complaints], trouble, ever=True), _open_problems_text


def matters_open(rows: CohortRows) -> Issues:
    yield count_issues(_open_cases(rows), rows.cases, ever=True), _open_matters_text


def _open_cases(rows: CohortRows) -> pd.DataFrame:
    """The open cases; overdue ones have the cause of a concern not addressed."""
    late = rows.open_cases["end_breach"] == 1
    overdue = pd.Series(service_grains.UNSOLVED, index=late.index).where(late)
    return rows.open_cases.assign(cause=overdue)


def _open_complaints_text(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "the complaint of {day} is still open after {oldest}",
        "{n} of {of} complaints in {within} still open, the oldest {oldest}",
        row.n,
        **_open_values(wording, row),
    )


def _open_matters_text(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "what was asked on {day} is still open after {oldest}",
        "{n} of {of} matters raised in {within} still open, the oldest {oldest}",
        row.n,
        **_open_values(wording, row),
    )


def _open_problems_text(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "the problem reported on {day} is still open after {oldest}",
        "{n} of {of} problems reported in {within} still open, the oldest {oldest}",
        row.n,
        **_open_values(wording, row),
    )


def _open_values(wording: Wording, row: Row) -> dict[str, Any]:
    return {"oldest": wording.days(row.oldest), **count_values(wording, row)}


def slow(rows: CohortRows) -> Issues:
    """Cases first answered beyond the service level, or that still have no answer."""
    cases = rows.cases
    yield count_issues(cases[cases["answer_breach"] == 1].assign(cause=None), cases), _slow_text


def _slow_text(wording: Wording, row: Row) -> str:
    values = count_values(wording, row)
    if row.answer_minutes is None:
        return wording.language.ngettext(
            "the contact of {day} is still without an answer",
            "{n} of {of} matters in {within} not answered in time, the last, of {day}, not yet",
            row.n,
            **values,
        )
    return wording.language.ngettext(
        "the contact of {day} was first answered after {time}",
        "{n} of {of} matters in {within} not answered in time, the last, of {day}, after {time}",
        row.n,
        time=wording.wait(row.answer_minutes),
        **values,
    )


def unsolved(rows: CohortRows) -> Issues:
    cases = rows.cases
    ended = cases[cases["open"] == 0].assign(age=cases["ended_age"])
    failed = ended[ended["solved"] == 0]
    with_cause = failed.assign(cause=failed["cause"].fillna(service_grains.UNSOLVED))
    yield count_issues(with_cause, ended), _unsolved_text


def _unsolved_text(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "a case closed on {day} without being solved",
        "{n} of {of} cases closed in {within} were not solved, the last on {day}",
        row.n,
        **count_values(wording, row),
    )


def reopened(rows: CohortRows) -> Issues:
    cases = rows.cases.assign(age=rows.cases["last_age"])
    yield count_issues(cases[cases["reopened"] == 1], cases), _reopened_text


def _reopened_text(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "had to come back about a closed case, on {day}",
        "had to come back about {n} of {of} cases in {within}, the last time on {day}",
        row.n,
        **count_values(wording, row),
    )


# Answers of customers, their complaints, what the portal could not do


def dissatisfied(rows: CohortRows) -> Issues:
    answers = rows[service_grains.answers]
    answers = answers[answers["asked"] == 0]
    daily = answers.groupby(["customer_id", "age"], as_index=False).agg(
        {"rating": "min", "person": "min", "solved": "min", "cause": "first"}
    )
    poor = (daily["rating"] < LOW) | (daily["person"] < LOW) | (daily["solved"] == 0)
    yield count_issues(daily[poor], daily), _dissatisfied_text


def _dissatisfied_text(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "{said}, on {day}",
        "{n} of {of} answers to surveys in {within} were poor; the last, on {day}: {said}",
        row.n,
        said=wording.answer(row.rating, row.solved, row.person),
        **count_values(wording, row),
    )


def complained(rows: CohortRows) -> Issues:
    contacts = rows[service_grains.contacts]
    complaints = contacts[contacts["topic"] == "complaint"].assign(cause=None)
    yield count_issues(complaints, contacts), _complained_text


def _complained_text(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "complained on {day}",
        "complained {n} times in {within}, the last time on {day}",
        row.n,
        **count_values(wording, row),
    )


def failed_tasks(rows: CohortRows) -> Issues:
    visits = rows[service_grains.visits]
    failed = visits[visits["failed"] == 1].assign(cause=None)
    yield count_issues(failed, visits), _failed_task_text


def _failed_task_text(wording: Wording, row: Row) -> str:
    values = count_values(wording, row)
    values["day"] = wording.with_detail(values["day"], row.topic)
    return wording.language.ngettext(
        "a task in the portal failed on {day}",
        "{n} of {of} tasks in the portal failed in {within}, the last on {day}",
        row.n,
        **values,
    )


THEMES: Final[IssuesOfThemes] = {
    "contacts": (complained,),
    "contracts": (notices,),
    "journey": (several_failures,),
    "portal": (failed_tasks,),
    "resolution": (still_open, slow, matters_open),
    "satisfaction": (dissatisfied,),
    "solutions": (unsolved, reopened),
}
