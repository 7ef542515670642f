"""Metric reports: targets, trends, alarms, groups and the workload, on rows of known truth."""

import dataclasses
import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pytest

from retention.core.point_in_time import day_number
from retention.scorecard import compute
from retention.scorecard.metrics import Definitions
from retention.scorecard.report_data import Breakdown, GroupFigure, MetricReport, Period
from tests.support.scorecard_frames import CONTRACTS, SERVICE, frames_of

AS_OF_DATE = dt.date(2026, 3, 2)
AS_OF = day_number(AS_OF_DATE)
EMPTY = frames_of("customer | kind | day\n")
DRAW = np.random.default_rng(11)


def visits(*stretches: tuple[int, int, float]) -> pd.DataFrame:
    """Ten visits a day, each another customer's: (first day, last day, share that fails)."""
    stretches_of_visits = [
        pd.DataFrame({"age": np.repeat(np.arange(-last, -first + 1), 10), "failed": failure_rate})
        for first, last, failure_rate in stretches
    ]
    table = pd.concat(stretches_of_visits, ignore_index=True)
    count, rate = np.arange(len(table)), table["failed"]
    low = np.floor((count + 1) * rate + 1e-9) > np.floor(count * rate + 1e-9)  # evenly spread
    who = [f"c{i}" for i in range(len(table))]
    return table.assign(customer_id=who, failed=low * 1, topic="pay", day=AS_OF - table["age"])


def metric_inputs(**changes: Any) -> compute.MetricInputs:
    """Inputs that are empty but for the frames and fields in `changes`."""
    frames = {name: changes.pop(name) for name in tuple(changes) if name in EMPTY}
    nobody: dict[str, Any] = {
        "targets": {},
        "teams": pd.DataFrame(columns=["team", "branch"], dtype="str"),
        "customer_groups": pd.DataFrame(index=pd.Index([], dtype="str")),
        "first_days": pd.Series(dtype="int64"),
        "min_cases": 30,
    }
    definitions = Definitions(SERVICE, CONTRACTS)
    return compute.MetricInputs(EMPTY | frames, definitions, AS_OF, 91, **(nobody | changes))


def failed(*stretches: tuple[int, int, float], **targets: float) -> MetricReport:
    (report,) = compute.metric_reports(metric_inputs(visits=visits(*stretches), targets=targets))
    return report


def test_what_no_source_tells_of_is_no_measure() -> None:
    assert not list(compute.metric_reports(metric_inputs()))
    assert not list(compute.breakdowns(metric_inputs()))
    assert not list(compute.customer_group_breakdowns(metric_inputs()))
    assert not compute.workload(metric_inputs()).weeks


def test_now_before_and_a_year_ago_are_their_own_days() -> None:
    report = failed((-455, -365, 0.4), (-364, -183, 0.9), (-182, -92, 0.3), (-91, -1, 0.2))
    shares = [pytest.approx(expected, abs=0.01) for expected in (0.2, 0.3, 0.4)]
    assert [report.now.value, report.before.value, report.year_ago.value] == shares
    assert [report.now.n, report.before.n, report.year_ago.n] == [910] * 3
    assert (report.name, report.trend, report.target_met) == ("portal_failed", "better", None)


@pytest.mark.parametrize(("target", "target_met"), [(0.19, False), (190 / 910, True), (0.3, True)])
def test_a_target_of_what_should_be_low_is_kept_at_or_below_it(
    target: float, target_met: bool
) -> None:
    report = failed((-100, -1, 0.2), portal_failed=target)
    assert (report.target_met, report.target) == (target_met, target)


@pytest.mark.parametrize(("target", "target_met"), [(0.7, True), (0.8, True), (0.9, False)])
def test_a_target_of_what_should_be_high_is_kept_at_or_above_it(
    target: float, target_met: bool
) -> None:
    answers = visits((-100, -1, 0.8)).assign(rating=0.8, solved=np.nan, person=np.nan)
    (report,) = compute.metric_reports(
        metric_inputs(answers=answers, targets={"satisfaction": target})
    )
    assert report.target_met is target_met


@pytest.mark.parametrize(
    ("before", "now", "trend"), [(0.2, 0.21, "same"), (0.2, 0.3, "worse"), (0.3, 0.2, "better")]
)
def test_a_trend_is_a_difference_beyond_noise(before: float, now: float, trend: str) -> None:
    assert failed((-182, -92, before), (-91, -1, now)).trend == trend


def test_a_period_that_the_record_does_not_cover_whole_is_not_compared_with() -> None:
    report = failed((-60, -1, 0.2))
    assert (report.trend, report.before.value, report.now.n) == (None, None, 600)
    assert report.period == Period(AS_OF_DATE - dt.timedelta(60), AS_OF_DATE - dt.timedelta(1))
    for first, n in ((-455, 910), (-454, 0), (-365, 0)):  # a year ago by 364 days
        assert failed((first, -1, 0.2)).year_ago.n == n


def test_what_comes_again_every_december_is_neither_better_nor_unusual() -> None:
    """Thirty-nine periods of four weeks; each year's thirteenth is far lower."""
    wave = [0.39, 0.41, 0.4, 0.38, 0.42, 0.4, 0.41, 0.39, 0.4, 0.42, 0.38, 0.4]

    def three_years(*lows: float) -> MetricReport:
        shares = [fraction for low in lows for fraction in (*wave, low)]
        return failed(
            *((-28 * (39 - i), -28 * (38 - i) - 1, fraction) for i, fraction in enumerate(shares))
        )

    every_year, this_year = three_years(0.04, 0.04, 0.04), three_years(0.4, 0.4, 0.04)
    assert (every_year.trend, every_year.alarm) == ("same", None)
    assert this_year.trend == "better"
    assert this_year.alarm is not None
    assert this_year.alarm_good
    assert this_year.points[-1].good


def test_an_alarm_is_of_the_end_alone() -> None:
    shares = [0.17, 0.23] * 10
    early, late = (
        failed(
            *(
                (-28 * (20 - i), -28 * (19 - i) - 1, failure_rate)
                for i, failure_rate in enumerate([*shares[:spike], 0.6, *shares[spike + 1 :]])
            )
        )
        for spike in (8, 19)
    )
    assert [point.alarm is not None for point in early.points] == [i == 8 for i in range(20)]
    assert early.alarm is None
    assert late.alarm == "above the normal band in the four weeks from 2 February 2026"
    assert len(late.points) == 20
    assert late.points[-1].start == dt.date(2026, 2, 2)
    assert late.points[-1].value == pytest.approx(0.6, abs=0.05)


def test_the_course_ends_after_two_years_and_a_short_one_has_no_band() -> None:
    assert len(failed((-1000, -1, 0.2)).points) == compute.MAX_POINTS
    short = failed((-60, -1, 0.2))
    assert [point.low for point in short.points] == [None, None]
    young = failed((-20, -1, 0.2))
    assert (young.points, young.now.n) == ((), 200)


def promises(worse: float = 0.9, n_orders: int = 400, **columns: Any) -> pd.DataFrame:
    """Orders due within the period, of group `x` and, less often in time, of `y`."""
    group = np.repeat(["x", "y"], n_orders)
    late = np.concatenate(
        [
            DRAW.permutation(n_orders) < 0.1 * n_orders,
            DRAW.permutation(n_orders) >= worse * n_orders,
        ]
    )
    columns_of_orders: dict[str, Any] = {
        "customer_id": [f"{name}{i % 80}" for i, name in enumerate(group)],
        "age": 60,
        "due_age": 50,
        "day": AS_OF - 60,
        "late": late * 1.0,
        "wrong": 0,
        "fault_age": np.nan,
        "over_units": 0,
        "channel": group,
    }
    return pd.DataFrame(columns_of_orders | columns)


def group_figures(parts: list[Breakdown], dimension: str) -> dict[str, GroupFigure]:
    (breakdown,) = [
        part
        for part in parts
        if part.dimension == dimension and part.metric == "Delivered as promised"
    ]
    return {row.name: row for row in breakdown.groups}


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
    groups = group_figures(
        list(compute.breakdowns(metric_inputs(promises=promises(worse)))), "channel"
    )
    assert [groups[name].flag for name in "xy"] == flags
    assert [groups[name].worse for name in "xy"] == [
        flag == "worse than the rest" for flag in flags
    ]
    assert groups["x"].figure.n == 400


def test_a_group_of_too_few_is_not_shown() -> None:
    orders = promises(0.9, 60)
    orders.loc[:28, "channel"] = "few"
    orders.loc[29:58, "channel"] = "enough"
    inputs = metric_inputs(promises=orders, min_cases=30)
    assert set(group_figures(list(compute.breakdowns(inputs)), "channel")) == {"enough", "y"}
    alone = dataclasses.replace(inputs, min_cases=61)
    assert not list(compute.breakdowns(alone))


def test_a_small_lucky_group_does_not_stand_out() -> None:
    orders = promises(0.9, 400)
    lucky = orders.index[orders["late"] == 0][:30]
    orders.loc[lucky, "channel"] = "lucky"
    assert (
        group_figures(list(compute.breakdowns(metric_inputs(promises=orders))), "channel")[
            "lucky"
        ].flag
        is None
    )


def test_groups_come_from_agents_stages_and_customers() -> None:
    orders = promises(0.5, agent_id=np.tile(["ann", "bob"], 400))
    cases = orders.assign(
        topic="t",
        answer_minutes=1.0,
        answer_breach=orders["late"],
        ended_age=orders["age"] - 1,
    )
    judged = cases.assign(
        end_breach=0.0,
        days_to_end=1.0,
        open=0.0,
        solved=1.0,
        reopened=0.0,
        solved_once=1.0,
        judged_after=28,
    )
    people = sorted(set(orders["customer_id"]))
    inputs = metric_inputs(
        cases=cases,
        judged=judged,
        promises=orders,
        teams=pd.DataFrame({"team": ["north"], "branch": [None]}, index=["ann"], dtype="str"),
        first_days=pd.Series({who: AS_OF - 60 - 40 * (who < "y") for who in people}),
        customer_groups=pd.DataFrame(
            {"acquisition_channel": [who[0] for who in people]}, index=people
        ),
    )
    breakdowns = list(compute.breakdowns(inputs))
    assert {breakdown.dimension for breakdown in breakdowns} == {
        "channel",
        "agent",
        "journey stage",
    }
    stages = [breakdown for breakdown in breakdowns if breakdown.dimension == "journey stage"]
    assert {row.name for breakdown in stages for row in breakdown.groups} == {"new", "onboarding"}
    assert "Solved within the service level" in {stage.metric for stage in stages}
    south = inputs.teams.reindex(["ann", "bob"]).fillna("south")
    breakdowns = list(compute.breakdowns(dataclasses.replace(inputs, teams=south)))
    teams = [breakdown for breakdown in breakdowns if breakdown.dimension == "team"]
    assert {row.name for breakdown in teams for row in breakdown.groups} == {"north", "south"}
    assert "branch" not in {breakdown.dimension for breakdown in breakdowns}
    alike = group_figures(list(compute.customer_group_breakdowns(inputs)), "acquisition channel")
    assert list(alike) == ["y", "x"]  # the worst first
    assert alike["y"].worse
    assert alike["x"].flag == "better than the rest"


def test_the_workload_of_busy_weeks() -> None:
    weeks = np.repeat(np.arange(26), np.where(np.arange(26) < 13, 10, 40))
    weekly = pd.DataFrame({"day": AS_OF - 7 * (26 - weeks), "customer_id": "a"})
    contacts = weekly.assign(agent_id=np.where(weekly.index % 2, "ann", "bob"))
    cases = contacts.assign(answer_due_age=5, answer_breach=(weeks >= 13) * 0.5, topic=None)
    workload = compute.workload(
        metric_inputs(contacts=contacts, cases=cases, targets={"answered_in_time": 0.9})
    )
    first, last = workload.weeks[0], workload.weeks[-1]
    assert (len(workload.weeks), workload.target) == (26, 0.9)
    assert (first.start, last.start) == (dt.date(2025, 9, 1), dt.date(2026, 2, 23))
    assert (first.contacts, first.agents, first.per_agent, first.answered_in_time) == (10, 2, 5, 1)
    assert (last.contacts, last.per_agent, last.answered_in_time) == (40, 20, 0.5)
    assert workload.sentences == (
        "In the calmest quarter of weeks (10 contacts a week) 100% of cases were answered in"
        " time, in the busiest (40) 50%.",
    )
    nobody = compute.workload(metric_inputs(contacts=contacts.assign(agent_id=None), cases=cases))
    assert (nobody.weeks[0].agents, nobody.weeks[0].per_agent) == (None, None)
