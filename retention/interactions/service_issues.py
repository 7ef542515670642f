"""Troubles of care: cases, complaints, answers to surveys, the portal; and notices."""

from typing import Final

import pandas as pd

from features.engine import service_grains
from retention.interactions.counted import Row, Issues, count_issues
from retention.interactions.frames import CohortRows
from retention.interactions.wording import Wording

LOW: Final = 0.5  # ratings below it are poor


# Contracts


def notices(rows: CohortRows) -> Issues:
    yield rows.notices.assign(cause=None), _notice


def _notice(wording: Wording, row: Row) -> str:
    day = wording.day(row.age)
    if row.ends_in is None:
        return wording.language.gettext("gave notice on {day}", day=day)
    ends = wording.day(-row.ends_in)
    return wording.language.gettext(
        "gave notice on {day}, the contract to end on {end}", day=day, end=ends
    )


# The journey: everything that went wrong


def went_wrong(rows: CohortRows) -> Issues:
    """Where it was more than one thing: one alone is told by its own theme."""
    failures = rows[service_grains.failures]
    several = count_issues(failures, failures)
    yield several[several["n"] > 1], _went_wrong


def _went_wrong(wording: Wording, row: Row) -> str:
    return wording.language.gettext(
        "{n} things went wrong in {within}, the last on {day}: {cause}",
        n=row.n, day=wording.day(row.age), within=wording.days(row.within), cause=wording.cause(row.cause),
    )  # fmt: skip


# Cases: what is open, what was answered too late; what was not solved, what had to be opened again


def still_open(rows: CohortRows) -> Issues:
    """Only complaints, where only complaints are open; else all problems reported."""
    opened = _opened(rows)
    opened, trouble = opened[opened["trouble"] == 1], rows.cases[rows.cases["trouble"] == 1]
    others = opened.loc[opened["complaint"] == 0, "customer_id"]
    of_complaints = ~opened["customer_id"].isin(others)
    complaints = trouble[trouble["complaint"] == 1]
    yield count_issues(opened[of_complaints], complaints, ever=True), _open_complaints
    yield count_issues(opened[~of_complaints], trouble, ever=True), _open_problems


def matters_open(rows: CohortRows) -> Issues:
    yield count_issues(_opened(rows), rows.cases, ever=True), _open_matters


def _opened(rows: CohortRows) -> pd.DataFrame:
    """The open cases, overdue ones under their cause."""
    late = rows.open_cases["end_breach"] == 1
    overdue = pd.Series(service_grains.UNSOLVED, index=late.index).where(late)
    return rows.open_cases.assign(cause=overdue)


def _open_complaints(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "the complaint of {day} is still open after {oldest}",
        "{n} of {of} complaints in {within} still open, the oldest {oldest}",
        row.n, of=row.of, **_open_times(wording, row),
    )  # fmt: skip


def _open_matters(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "what was asked on {day} is still open after {oldest}",
        "{n} of {of} matters raised in {within} still open, the oldest {oldest}",
        row.n, of=row.of, **_open_times(wording, row),
    )  # fmt: skip


def _open_problems(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "the problem reported on {day} is still open after {oldest}",
        "{n} of {of} problems reported in {within} still open, the oldest {oldest}",
        row.n, of=row.of, **_open_times(wording, row),
    )  # fmt: skip


def _open_times(wording: Wording, row: Row) -> dict[str, str]:
    return {
        "day": wording.day(row.age), "within": wording.days(row.within), "oldest": wording.days(row.oldest),
    }  # fmt: skip


def slow(rows: CohortRows) -> Issues:
    """Cases first answered beyond the service level, or that still have no answer."""
    cases = rows.cases
    yield count_issues(cases[cases["answer_breach"] == 1].assign(cause=None), cases), _slowly


def _slowly(wording: Wording, row: Row) -> str:
    day, within = wording.day(row.age), wording.days(row.within)
    if row.answer_minutes is None:
        return wording.language.ngettext(
            "the contact of {day} is still without an answer",
            "{n} of {of} matters in {within} not answered in time, the last, of {day}, not yet",
            row.n, of=row.of, day=day, within=within,
        )  # fmt: skip
    return wording.language.ngettext(
        "the contact of {day} was first answered after {time}",
        "{n} of {of} matters in {within} not answered in time, the last, of {day}, after {time}",
        row.n, of=row.of, day=day, within=within, time=wording.wait(row.answer_minutes),
    )  # fmt: skip


def unsolved(rows: CohortRows) -> Issues:
    cases = rows.cases
    ended = cases[cases["open"] == 0].assign(age=cases["ended_age"])
    failed = ended[ended["solved"] == 0]
    named = failed.assign(cause=failed["cause"].fillna(service_grains.UNSOLVED))
    yield count_issues(named, ended), _unsolved_said


def _unsolved_said(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "a case closed on {day} without being solved",
        "{n} of {of} cases closed in {within} were not solved, the last on {day}",
        row.n, of=row.of, day=wording.day(row.age), within=wording.days(row.within),
    )  # fmt: skip


def reopened(rows: CohortRows) -> Issues:
    cases = rows.cases.assign(age=rows.cases["last_age"])
    yield count_issues(cases[cases["reopened"] == 1], cases), _reopened_said


def _reopened_said(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "had to come back about a closed case, on {day}",
        "had to come back about {n} of {of} cases in {within}, the last time on {day}",
        row.n, of=row.of, day=wording.day(row.age), within=wording.days(row.within),
    )  # fmt: skip


# What customers said, how often they complained, what the portal could not do


def dissatisfied(rows: CohortRows) -> Issues:
    answers = rows[service_grains.answers]
    answers = answers[answers["asked"] == 0]
    daily = answers.groupby(["customer_id", "age"], as_index=False).agg(
        {"rating": "min", "person": "min", "solved": "min", "cause": "first"}
    )
    poor = (daily["rating"] < LOW) | (daily["person"] < LOW) | (daily["solved"] == 0)
    yield count_issues(daily[poor], daily), _dissatisfied_said


def _dissatisfied_said(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "{said}, on {day}",
        "{n} of {of} answers to surveys in {within} were poor; the last, on {day}: {said}",
        row.n, of=row.of, day=wording.day(row.age), within=wording.days(row.within),
        said=wording.answer(row.rating, row.solved, row.person),
    )  # fmt: skip


def complained(rows: CohortRows) -> Issues:
    contacts = rows[service_grains.contacts]
    complaints = contacts[contacts["topic"] == "complaint"].assign(cause=None)
    yield count_issues(complaints, contacts), _complained_said


def _complained_said(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "complained on {day}",
        "complained {n} times in {within}, the last time on {day}",
        row.n, day=wording.day(row.age), within=wording.days(row.within),
    )  # fmt: skip


def failed_tasks(rows: CohortRows) -> Issues:
    visits = rows[service_grains.visits]
    yield count_issues(visits[visits["failed"] == 1].assign(cause=None), visits), _failed_said


def _failed_said(wording: Wording, row: Row) -> str:
    last = wording.with_detail(wording.day(row.age), row.topic)
    return wording.language.ngettext(
        "a task in the portal failed on {day}",
        "{n} of {of} tasks in the portal failed in {within}, the last on {day}",
        row.n, of=row.of, day=last, within=wording.days(row.within),
    )  # fmt: skip
