"""Past predictions beside what the customers held out did."""

import pytest

from retention.monitoring.calibration import distance_outside_interval
from retention.monitoring.finding import OK, REFUSED, WARNED
from tests.support.guards import finding_of, guard_inputs, past


@pytest.mark.parametrize(
    ("predicted", "level"), [(0.25, OK), (0.45, WARNED), (0.15, WARNED), (0.61, REFUSED)]
)
def test_chances_that_did_not_come_true_are_told(predicted: float, level: str) -> None:
    finding = finding_of(guard_inputs(past=past(predicted, 0.2, 0.4)), guard="calibration")
    assert (finding.level, finding.about) == (level, "list of 2026-07-01")
    assert ("1 July 2026" in finding.banner) == (level != OK)


def test_a_list_with_too_few_held_out_is_not_judged() -> None:
    finding = finding_of(
        guard_inputs(past=past(0.9, 0.2, 0.4, has_interval=False)), guard="calibration"
    )
    assert (finding.level, finding.figure) == (OK, "not known yet")


def test_how_far_outside_is_nothing_within() -> None:
    distances = [
        round(distance_outside_interval(past(predicted, 0.2, 0.4).iloc[0]), 6)
        for predicted in (0.1, 0.3, 0.5)
    ]
    assert distances == [0.1, 0.0, 0.1]
