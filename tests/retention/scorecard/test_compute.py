"""Measures taken: targets, trends, alarms, groups and the workload, on rows whose truth is set."""

import dataclasses
import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest

from retention.core.point_in_time import day_number
from retention.scorecard import compute
from retention.scorecard.report_data import Breakdown, Group, Measured
from tests.retention.scorecard.test_metrics import frames_of

AS_OF = day_number(dt.date(2026, 3, 2))
EMPTY = frames_of("customer | kind | day\n")
EMPTY["present"] = EMPTY["present"].iloc[:0]
DRAW = np.random.default_rng(11)


def visits(*stretches: tuple[int, int, float]) -> pd.DataFrame:
    """Ten visits a day, each another customer's: (first day, last day, share that fails)."""
    found = [
        pd.DataFrame({"age": np.repeat(np.arange(-last, -first + 1), 10), "failed": share})
        for first, last, share in stretches
    ]
    table = pd.concat(found, ignore_index=True)
    low = (np.arange(len(table)) % 100) < 100 * table["failed"]
    who = [f"c{at}" for at in range(len(table))]
    return table.assign(customer_id=who, failed=low * 1, topic="pay", day=AS_OF - table["age"])


def setting(**changes: Any) -> compute.Setting:
    """Where nothing is known but the given frames."""
    known = {name: changes.pop(name) for name in tuple(changes) if name in EMPTY}
    nobody: dict[str, Any] = {
        "targets": {},
        "teams": pd.DataFrame(columns=["team", "branch"], dtype="str"),
        "groups": pd.DataFrame(index=pd.Index([], dtype="str")),
        "begins": pd.Series(dtype="int64"),
        "least": 30,
    }
    return compute.Setting(EMPTY | known, AS_OF, 91, **(nobody | changes))


def failed(*stretches: tuple[int, int, float], **targets: float) -> Measured:
    (one,) = compute.measured(setting(visits=visits(*stretches), targets=targets))
    return one


def test_what_no_source_tells_of_is_no_measure() -> None:
    assert not list(compute.measured(setting()))
    assert not list(compute.breakdowns(setting()))
    assert not list(compute.spreads(setting()))
    assert not compute.workload(setting()).weeks


def test_now_before_and_a_year_ago_are_their_own_days() -> None:
    one = failed((-455, -365, 0.4), (-364, -183, 0.9), (-182, -92, 0.3), (-91, -1, 0.2))
    shares = [pytest.approx(share, abs=0.01) for share in (0.2, 0.3, 0.4)]
    assert [one.now.value, one.before.value, one.year.value] == shares
    assert [one.now.n, one.before.n, one.year.n] == [910] * 3
    assert (one.name, one.trend, one.kept) == ("portal_failed", "better", None)


@pytest.mark.parametrize(("target", "kept"), [(0.19, False), (190 / 910, True), (0.3, True)])
def test_a_target_of_what_should_be_low_is_kept_at_or_below_it(target: float, kept: bool) -> None:
    one = failed((-100, -1, 0.2), portal_failed=target)
    assert (one.kept, one.target) == (kept, target)


@pytest.mark.parametrize(("target", "kept"), [(0.7, True), (0.8, True), (0.9, False)])
def test_a_target_of_what_should_be_high_is_kept_at_or_above_it(target: float, kept: bool) -> None:
    answers = visits((-100, -1, 0.8)).assign(rating=0.8, solved=np.nan, person=np.nan)
    (one,) = compute.measured(setting(answers=answers, targets={"satisfaction": target}))
    assert one.kept is kept


@pytest.mark.parametrize(
    ("before", "now", "trend"), [(0.2, 0.21, "same"), (0.2, 0.3, "worse"), (0.3, 0.2, "better")]
)
def test_a_trend_is_a_difference_beyond_noise(before: float, now: float, trend: str) -> None:
    assert failed((-182, -92, before), (-91, -1, now)).trend == trend


def test_without_a_period_before_there_is_no_trend() -> None:
    one = failed((-60, -1, 0.2))
    assert (one.trend, one.before.value) == (None, None)


def test_an_alarm_is_of_the_end_alone() -> None:
    shares = [0.17, 0.23] * 10
    early, late = (
        failed(*((-28 * (20 - at), -28 * (19 - at) - 1, share)
                 for at, share in enumerate([*shares[:spike], 0.6, *shares[spike + 1 :]])))
        for spike in (8, 19)
    )  # fmt: skip
    assert [point.alarm is not None for point in early.points] == [at == 8 for at in range(20)]
    assert early.alarm is None
    assert late.alarm == "above the normal band in the four weeks from 2 February 2026"
    assert len(late.points) == 20
    assert late.points[-1].start == dt.date(2026, 2, 2)
    assert late.points[-1].value == pytest.approx(0.6, abs=0.05)


def test_the_course_ends_after_two_years_and_a_short_one_has_no_band() -> None:
    assert len(failed((-1000, -1, 0.2)).points) == compute.POINTS
    short = failed((-60, -1, 0.2))
    assert [point.low for point in short.points] == [None, None]
    assert failed((-20, -1, 0.2)).points == ()


def promises(worse: float = 0.9, many: int = 400, **columns: Any) -> pd.DataFrame:
    """Orders due within the period, of group `x` and, less often in time, of `y`."""
    group = np.repeat(["x", "y"], many)
    late = np.concatenate([DRAW.permutation(many) < 0.1 * many,
                           DRAW.permutation(many) >= worse * many])  # fmt: skip
    made: dict[str, Any] = {
        "customer_id": [f"{name}{at % 80}" for at, name in enumerate(group)],
        "age": 60, "due_age": 50, "day": AS_OF - 60, "late": late * 1.0, "wrong": 0,
        "fault_age": np.nan, "over_units": 0, "channel": group,
    }  # fmt: skip
    return pd.DataFrame(made | columns)


def rows(parts: list[Breakdown], by: str) -> dict[str, Group]:
    (found,) = [one for one in parts if one.by == by and one.measure == "Delivered as promised"]
    return {row.name: row for row in found.rows}


@pytest.mark.parametrize(
    ("worse", "flags"),
    [
        (0.9, [None, None]),
        (0.88, [None, None]),
        (0.6, ["better than the rest", "worse than the rest"]),
        (0.0, ["better than the rest", "worse than the rest"]),
    ],
)
def test_a_group_far_from_all_is_flagged(worse: float, flags: list[str | None]) -> None:
    groups = rows(list(compute.breakdowns(setting(promises=promises(worse)))), "channel")
    assert [groups[name].flag for name in "xy"] == flags
    assert [groups[name].worse for name in "xy"] == [
        flag == "worse than the rest" for flag in flags
    ]
    assert groups["x"].figure.n == 400


def test_a_group_of_too_few_is_not_shown() -> None:
    told = promises(0.9, 60)
    told.loc[:28, "channel"] = "few"
    told.loc[29:58, "channel"] = "enough"
    given = setting(promises=told, least=30)
    assert set(rows(list(compute.breakdowns(given)), "channel")) == {"enough", "y"}
    alone = dataclasses.replace(given, least=61)
    assert not list(compute.breakdowns(alone))


def test_a_small_lucky_group_does_not_stand_out() -> None:
    told = promises(0.9, 400)
    lucky = told.index[told["late"] == 0][:30]
    told.loc[lucky, "channel"] = "lucky"
    assert rows(list(compute.breakdowns(setting(promises=told))), "channel")["lucky"].flag is None


def test_groups_come_from_agents_stages_and_customers() -> None:
    told = promises(0.5, agent_id=np.tile(["ann", "bob"], 400))
    cases = told.assign(
        topic="t", answer_minutes=1.0, answer_due_age=5, answer_breach=told["late"], end_breach=0.0,
        days_to_end=1.0, ended_age=told["age"] - 1, reopened=0.0, solved_once=1.0,
    )  # fmt: skip
    people = sorted(set(told["customer_id"]))
    given = setting(
        cases=cases,
        promises=told,
        teams=pd.DataFrame({"team": ["north"], "branch": [None]}, index=["ann"], dtype="str"),
        begins=pd.Series({who: AS_OF - 60 - 10 * (who < "y") for who in people}),
        groups=pd.DataFrame({"acquisition_channel": [who[0] for who in people]}, index=people),
    )
    found = list(compute.breakdowns(given))
    assert {one.by for one in found} == {"channel", "agent", "journey stage"}
    stages = [one for one in found if one.by == "journey stage"]
    assert {row.name for one in stages for row in one.rows} == {"new", "onboarding"}
    assert stages[0].measure == "Solved within the service level"
    south = given.teams.reindex(["ann", "bob"]).fillna("south")
    found = list(compute.breakdowns(dataclasses.replace(given, teams=south)))
    teams = [one for one in found if one.by == "team"]
    assert {row.name for one in teams for row in one.rows} == {"north", "south"}
    assert "branch" not in {one.by for one in found}
    alike = rows(list(compute.spreads(given)), "acquisition channel")
    assert alike["y"].worse
    assert alike["x"].flag == "better than the rest"


def test_the_workload_of_busy_weeks() -> None:
    weeks = np.repeat(np.arange(26), np.where(np.arange(26) < 13, 10, 40))
    told = pd.DataFrame({"day": AS_OF - 7 * (26 - weeks), "customer_id": "a"})
    contacts = told.assign(agent_id=np.where(told.index % 2, "ann", "bob"))
    cases = contacts.assign(answer_due_age=5, answer_breach=(weeks >= 13) * 0.5, topic=None)
    found = compute.workload(
        setting(contacts=contacts, cases=cases, targets={"answered_in_time": 0.9})
    )
    first, last = found.weeks[0], found.weeks[-1]
    assert (len(found.weeks), found.target) == (26, 0.9)
    assert (first.start, last.start) == (dt.date(2025, 9, 1), dt.date(2026, 2, 23))
    assert (first.contacts, first.agents, first.per_agent, first.in_time) == (10, 2, 5, 1)
    assert (last.contacts, last.per_agent, last.in_time) == (40, 20, 0.5)
    assert found.words == (
        "In the calmest quarter of weeks (10 contacts a week) 100% of cases were answered in"
        " time, in the busiest (40) 50%.",
    )
    nobody = compute.workload(setting(contacts=contacts.assign(agent_id=None), cases=cases))
    assert (nobody.weeks[0].agents, nobody.weeks[0].per_agent) == (None, None)
