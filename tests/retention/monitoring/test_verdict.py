"""What follows from findings: the refusal, overrides, and the banners of the list."""

import datetime as dt
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.guard import guard, summary, summary_lines
from retention.core import artefacts
from retention.core.errors import BadInput, BadParams, Guarded
from retention.i18n.language import TRANSLATED, language
from retention.monitoring import verdict
from retention.monitoring.finding import OK, REFUSED, SET_ASIDE, WARNED, Finding
from retention.monitoring.report_data import GuardReport
from tests.support import campaigns
from tests.support.guards import AS_OF, YESTERDAY, daily, guard_inputs, params_with, stale


def test_the_refusal_is_one_line_with_figure_limit_and_what_to_do() -> None:
    report = guard(stale(), params_with())
    message = verdict.refusal_message(report.findings, AS_OF)
    words = (
        "guard freshness, till: 40 days",
        "refuses above 14 days",
        "deliver a newer till",
        'guard.override_on: "2026-09-01"',
    )
    assert all(part in message for part in words)
    assert "\n" not in message


def test_an_override_of_this_list_sets_a_guard_aside_and_says_so() -> None:
    params = params_with(
        override={"freshness": "till is broken, says Ann"}, override_on="2026-09-01"
    )
    report = guard(stale(), params)
    (finding,) = [finding for finding in report.findings if finding.guard == "freshness"]
    assert (finding.level, finding.reason) == (SET_ASIDE, "till is broken, says Ann")
    assert report.run["override"] == {"freshness": "till is broken, says Ann"}
    assert "A check was set aside for this list: till is broken, says Ann" in report.banners
    assert summary(report).refused == ()


def test_an_override_of_another_list_does_not_count() -> None:
    params = params_with(override={"freshness": "till is broken"}, override_on="2026-08-01")
    report = guard(stale(), params)
    assert summary(report).refused == ("freshness",)
    assert "it does not count" in summary_lines(report)[0]
    assert report.run["override"] == {}


def test_an_override_of_one_guard_leaves_the_others() -> None:
    params = params_with(override={"row_count": "why"}, override_on="2026-09-01")
    assert summary(guard(stale(), params)).refused == ("freshness",)


def test_an_override_that_nothing_needs_is_not_logged() -> None:
    params = params_with(override={"freshness": "why"}, override_on="2026-09-01")
    report = guard(guard_inputs(), params)
    assert (report.run["override"], report.banners) == ({}, [])


@pytest.mark.parametrize(
    ("guards", "words"),
    [
        ({"override": {"row_count": "why"}}, "override needs override_on"),
        ({"override": {"row_count": "  "}, "override_on": "2026-09-01"}, "override.row_count"),
        ({"override": {"rows": "why"}, "override_on": "2026-09-01"}, "rows"),
    ],
)
def test_an_override_says_which_guard_why_and_for_which_day(
    guards: dict[str, Any], words: str
) -> None:
    with pytest.raises(BadParams, match=words):
        params_with(**guards)


@pytest.mark.parametrize("code", TRANSLATED)
def test_staff_read_the_banners_in_their_language(code: str) -> None:
    (english,) = guard(stale(), params_with()).banners
    (banner,) = guard(stale(), campaigns.params_with(at_risk={"language": code})).banners
    assert banner != english
    assert language(code).number(40) in banner


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.chdir(tmp_path)
    return tmp_path


def write_summary(report: GuardReport) -> None:
    artefacts.GUARD_SUMMARY.write(summary(report))


@pytest.mark.usefixtures("folder")
def test_a_list_takes_the_banners_of_its_day() -> None:
    late = {"till": daily(YESTERDAY - 5)}
    write_summary(guard(guard_inputs(label_days=late), params_with()))
    (banner,) = verdict.list_banners(AS_OF)
    assert banner.startswith("The data ends 5 days before this list")


@pytest.mark.usefixtures("folder")
def test_no_list_is_made_of_what_no_guard_has_seen_or_one_refused() -> None:
    with pytest.raises(BadInput, match=r"run python -m pipeline\.guard"):
        verdict.list_banners(AS_OF)
    write_summary(guard(stale(), params_with()))
    with pytest.raises(BadInput, match="not there for 2026-09-02"):
        verdict.list_banners(AS_OF + dt.timedelta(days=1))
    with pytest.raises(Guarded, match="guard freshness refused"):
        verdict.list_banners(AS_OF)


@given(st.permutations(range(5)))
def test_the_worst_level_of_a_guard_is_its_level(order: list[int]) -> None:
    levels = [OK, REFUSED, WARNED, SET_ASIDE, OK]
    findings = [Finding("a", "", "", levels[i]) for i in order]
    assert verdict.worst_levels(findings) == {"a": REFUSED}
