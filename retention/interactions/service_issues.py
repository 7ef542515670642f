"""Troubles of care: cases, complaints, answers to surveys, the portal; and notices."""

from typing import Final

import pandas as pd

from features.engine import service_grains
from retention.interactions.counted import Row, Troubles, counted
from retention.interactions.frames import Rows
from retention.interactions.wording import Told

LOW: Final = 0.5  # ratings below it are poor


# Contracts


def notices(rows: Rows) -> Troubles:
    yield rows.notices.assign(cause=None), _notice


def _notice(told: Told, row: Row) -> str:
    day = told.day(row.age)
    if row.ends_in is None:
        return told.language.gettext("gave notice on {day}", day=day)
    ends = told.day(-row.ends_in)
    return told.language.gettext(
        "gave notice on {day}, the contract to end on {end}", day=day, end=ends
    )


# The journey: everything that went wrong


def went_wrong(rows: Rows) -> Troubles:
    """Where it was more than one thing: one alone is told by its own theme."""
    failures = rows[service_grains.failures]
    several = counted(failures, failures)
    yield several[several["n"] > 1], _went_wrong


def _went_wrong(told: Told, row: Row) -> str:
    return told.language.gettext(
        "{n} things went wrong in {within}, the last on {day}: {cause}",
        n=row.n, day=told.day(row.age), within=told.days(row.within), cause=told.cause(row.cause),
    )  # fmt: skip


# Cases: what is open, what was answered too late; what was not solved, what had to be opened again


def still_open(rows: Rows) -> Troubles:
    """Only complaints, where only complaints are open; else all problems reported."""
    opened = _opened(rows)
    opened, trouble = opened[opened["trouble"] == 1], rows.cases[rows.cases["trouble"] == 1]
    others = opened.loc[opened["complaint"] == 0, "customer_id"]
    of_complaints = ~opened["customer_id"].isin(others)
    complaints = trouble[trouble["complaint"] == 1]
    yield counted(opened[of_complaints], complaints, ever=True), _open_complaints
    yield counted(opened[~of_complaints], trouble, ever=True), _open_problems


def matters_open(rows: Rows) -> Troubles:
    yield counted(_opened(rows), rows.cases, ever=True), _open_matters


def _opened(rows: Rows) -> pd.DataFrame:
    """The open cases, overdue ones under their cause."""
    late = rows.open_cases["end_breach"] == 1
    overdue = pd.Series(service_grains.UNSOLVED, index=late.index).where(late)
    return rows.open_cases.assign(cause=overdue)


def _open_complaints(told: Told, row: Row) -> str:
    return told.language.ngettext(
        "the complaint of {day} is still open after {oldest}",
        "{n} of {of} complaints in {within} still open, the oldest {oldest}",
        row.n, of=row.of, **_open_times(told, row),
    )  # fmt: skip


def _open_matters(told: Told, row: Row) -> str:
    return told.language.ngettext(
        "what was asked on {day} is still open after {oldest}",
        "{n} of {of} matters raised in {within} still open, the oldest {oldest}",
        row.n, of=row.of, **_open_times(told, row),
    )  # fmt: skip


def _open_problems(told: Told, row: Row) -> str:
    return told.language.ngettext(
        "the problem reported on {day} is still open after {oldest}",
        "{n} of {of} problems reported in {within} still open, the oldest {oldest}",
        row.n, of=row.of, **_open_times(told, row),
    )  # fmt: skip


def _open_times(told: Told, row: Row) -> dict[str, str]:
    return {
        "day": told.day(row.age), "within": told.days(row.within), "oldest": told.days(row.oldest),
    }  # fmt: skip


def slow(rows: Rows) -> Troubles:
    """Cases first answered beyond the service level, or that still have no answer."""
    cases = rows.cases
    yield counted(cases[cases["answer_breach"] == 1].assign(cause=None), cases), _slowly


def _slowly(told: Told, row: Row) -> str:
    day, within = told.day(row.age), told.days(row.within)
    if row.answer_minutes is None:
        return told.language.ngettext(
            "the contact of {day} is still without an answer",
            "{n} of {of} matters in {within} not answered in time, the last, of {day}, not yet",
            row.n, of=row.of, day=day, within=within,
        )  # fmt: skip
    return told.language.ngettext(
        "the contact of {day} was first answered after {time}",
        "{n} of {of} matters in {within} not answered in time, the last, of {day}, after {time}",
        row.n, of=row.of, day=day, within=within, time=told.wait(row.answer_minutes),
    )  # fmt: skip


def unsolved(rows: Rows) -> Troubles:
    cases = rows.cases
    ended = cases[cases["open"] == 0].assign(age=cases["ended_age"])
    failed = ended[ended["solved"] == 0]
    named = failed.assign(cause=failed["cause"].fillna(service_grains.UNSOLVED))
    yield counted(named, ended), _unsolved_said


def _unsolved_said(told: Told, row: Row) -> str:
    return told.language.ngettext(
        "a case closed on {day} without being solved",
        "{n} of {of} cases closed in {within} were not solved, the last on {day}",
        row.n, of=row.of, day=told.day(row.age), within=told.days(row.within),
    )  # fmt: skip


def reopened(rows: Rows) -> Troubles:
    cases = rows.cases.assign(age=rows.cases["last_age"])
    yield counted(cases[cases["reopened"] == 1], cases), _reopened_said


def _reopened_said(told: Told, row: Row) -> str:
    return told.language.ngettext(
        "had to come back about a closed case, on {day}",
        "had to come back about {n} of {of} cases in {within}, the last time on {day}",
        row.n, of=row.of, day=told.day(row.age), within=told.days(row.within),
    )  # fmt: skip


# What customers said, how often they complained, what the portal could not do


def dissatisfied(rows: Rows) -> Troubles:
    answers = rows[service_grains.answers]
    answers = answers[answers["asked"] == 0]
    given = answers.groupby(["customer_id", "age"], as_index=False).agg(
        {"rating": "min", "person": "min", "solved": "min", "cause": "first"}
    )
    poor = (given["rating"] < LOW) | (given["person"] < LOW) | (given["solved"] == 0)
    yield counted(given[poor], given), _dissatisfied_said


def _dissatisfied_said(told: Told, row: Row) -> str:
    return told.language.ngettext(
        "{said}, on {day}",
        "{n} of {of} answers to surveys in {within} were poor; the last, on {day}: {said}",
        row.n, of=row.of, day=told.day(row.age), within=told.days(row.within),
        said=told.answer(row.rating, row.solved, row.person),
    )  # fmt: skip


def complained(rows: Rows) -> Troubles:
    contacts = rows[service_grains.contacts]
    complaints = contacts[contacts["topic"] == "complaint"].assign(cause=None)
    yield counted(complaints, contacts), _complained_said


def _complained_said(told: Told, row: Row) -> str:
    return told.language.ngettext(
        "complained on {day}",
        "complained {n} times in {within}, the last time on {day}",
        row.n, day=told.day(row.age), within=told.days(row.within),
    )  # fmt: skip


def failed_tasks(rows: Rows) -> Troubles:
    visits = rows[service_grains.visits]
    yield counted(visits[visits["failed"] == 1].assign(cause=None), visits), _failed_said


def _failed_said(told: Told, row: Row) -> str:
    last = told.detailed(told.day(row.age), row.topic)
    return told.language.ngettext(
        "a task in the portal failed on {day}",
        "{n} of {of} tasks in the portal failed in {within}, the last on {day}",
        row.n, of=row.of, day=last, within=told.days(row.within),
    )  # fmt: skip
