"""Features and scores beside those of the champion's training."""

from dataclasses import replace
from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.guard import guard
from retention.monitoring.finding import OK, REFUSED, WARNED, Finding
from retention.monitoring.inputs import GuardInputs
from retention.reporting.guard import page
from retention.training import profile
from tests.support.guards import finding_of, guard_inputs, own_past_of, params_with


def test_a_feature_of_another_type_refuses() -> None:
    inputs = guard_inputs()
    X = inputs.X.assign(orders_90d=inputs.X["orders_90d"].astype("str"))
    finding = finding_of(replace(inputs, X=X), guard="schema")
    assert (finding.level, finding.meaning) == (REFUSED, "orders_90d is text, was number.")


def test_a_champion_without_a_profile_is_said_and_not_refused() -> None:
    report = guard(guard_inputs(reference=None), params_with())
    (finding,) = [finding for finding in report.findings if finding.guard == "drift"]
    assert (finding.level, finding.figure) == (OK, "not measured")
    assert "promoted" in page.html(report)


CAREFUL = "Customers differ from those the model learnt from: take its chances with care."


def with_past(inputs: GuardInputs, *rows: dict[str, Any], **changes: Any) -> GuardInputs:
    """The inputs, whose profile is of 1 July and has such rows of its own past.

    The profile is of a champion that was trained in July: the list, of September, is a later one.
    """
    plain = {"days": 60, "psi": 0.1, "points": 0.01, "features": [0.1], "ends": ["2025-09-01"] * 8}
    past = own_past_of(*({**plain, **row} for row in rows), **changes)
    reference = {**(inputs.reference or {}), "on": "2026-07-01", "as_of": "2026-07-29"}
    return replace(inputs, reference={**reference, "past": past})


def chances(low: float, high: float, n: int = 400, seed: int = 9) -> "pd.Series[float]":
    return pd.Series(np.random.default_rng(seed).uniform(low, high, n))


def with_chances(then: "pd.Series[float]", now: "pd.Series[float]", **row: Any) -> GuardInputs:
    """Inputs with such chances at training and now, and one row of the own past."""
    inputs = guard_inputs(p=now)
    score = profile.build_profile(pd.DataFrame({"x": then}), then)["score"] | {"of": "of then"}
    reference = {**(inputs.reference or {}), "score": score}
    return with_past(replace(inputs, reference=reference), row)


def score_finding(inputs: GuardInputs, **guard_params: Any) -> Finding:
    return finding_of(inputs, params_with(**guard_params), about="chances of leaving")


def test_a_shift_of_a_point_is_none_whatever_its_index() -> None:
    """320 steady buyers, all of whose chances lie between .094 and .132."""
    finding = score_finding(with_chances(chances(0.094, 0.132), chances(0.11, 0.132, 320)))
    assert finding.figure.startswith("PSI 1.")
    assert (finding.level, finding.banner) == (OK, "")
    switched_off = {"points_warn": None, "points_refuse": None}
    own = with_chances(chances(0.094, 0.132), chances(0.11, 0.132, 320), points=0.0)
    assert score_finding(own, **switched_off).level == REFUSED


@pytest.mark.parametrize(
    ("row", "level"),
    [
        ({}, REFUSED),
        ({"psi": 3.0}, OK),
        ({"points": 0.2}, OK),
        ({"psi": 3.0, "ends": ["2025-09-01"]}, OK),
        ({"psi": 0.2, "points": 0.04}, REFUSED),
    ],
    ids=["a past without drift", "as much drift", "as many points", "one pair", "a little drift"],
)
def test_a_shift_that_the_own_past_shows_is_none(row: dict[str, Any], level: str) -> None:
    finding = score_finding(with_chances(chances(0.0, 0.5), chances(0.2, 0.7), **row))
    assert finding.level == level
    assert finding.banner == (CAREFUL if level == REFUSED else "")
    assert "own snapshots 60 days apart" in finding.past


def test_where_churn_is_rare_its_doubling_matters() -> None:
    assert score_finding(with_chances(chances(0.0, 0.02), chances(0.03, 0.06))).level == REFUSED
    assert score_finding(with_chances(chances(0.0, 0.02), chances(0.004, 0.024))).level == OK


def test_a_first_list_is_published_with_a_banner() -> None:
    """It is of the day that its champion was trained on; one of a day later is judged."""
    inputs = with_chances(chances(0.0, 0.5), chances(0.2, 0.7))
    first = {**(inputs.reference or {}), "as_of": str(inputs.as_of)}
    finding = score_finding(replace(inputs, reference=first))
    assert (finding.level, finding.banner) == (WARNED, CAREFUL)
    assert "first list" in finding.meaning
    later = {**first, "as_of": "2026-08-31"}
    assert score_finding(replace(inputs, reference=later)).level == REFUSED


def spend_times(factor: float, inputs: GuardInputs) -> GuardInputs:
    return replace(inputs, X=inputs.X.assign(spend_90d=inputs.X["spend_90d"] * factor))


def test_a_feature_that_moved_no_further_than_before_has_not_drifted() -> None:
    """One of three features is a third of them."""
    moved = spend_times(2.0, guard_inputs())
    for row, level in (({}, WARNED), ({"features": [0.6]}, OK), ({"features": [None]}, WARNED)):
        assert finding_of(with_past(moved, row), guard="drift", about="features").level == level


def test_few_features_that_break_refuse_and_were_no_reason_before() -> None:
    """Money in hundredths moves one theme, and nothing of what customers did."""
    scaled = spend_times(100.0, guard_inputs())
    finding = finding_of(with_past(scaled, {}), guard="drift", about="features")
    assert (finding.level, "1 broken" in finding.figure) == (REFUSED, True)
    young = with_past(scaled, {"features": [5.0]})
    assert finding_of(young, guard="drift", about="features").level == OK
    assert finding_of(scaled, guard="drift", about="features").level == WARNED, "constants alone"
    off = params_with(break_refuse=None)
    assert finding_of(with_past(scaled, {}), off, guard="drift", about="features").level == WARNED


@pytest.mark.parametrize(("largest_share", "level"), [(0.2, REFUSED), (0.95, WARNED)])
def test_a_constant_feature_refuses_if_it_never_came_near_to_that(
    largest_share: float, level: str
) -> None:
    inputs = guard_inputs()
    dead = replace(inputs, X=inputs.X.assign(spend_90d=3.0))
    same = {"spend_90d": largest_share}
    assert finding_of(with_past(dead, {}, same=same), guard="dead_features").level == level
    assert finding_of(dead, guard="dead_features").level == WARNED, "its past is not known"


def test_the_page_shows_the_own_past_beside_the_figure() -> None:
    html = page.html(guard(with_past(guard_inputs(), {}), params_with()))
    assert "up to 0.10 and 1.0 points in 8 pairs of own snapshots 60 days apart" in html
