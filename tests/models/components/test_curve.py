"""Curves: anchored to the churn probability, monotone, and right where rows are censored."""

from typing import Literal

import numpy as np
import pandas as pd
import pytest
from numpy.typing import NDArray

from models.components.bgnbd import BGNBD
from models.components.curve import (
    BTYD,
    LIST,
    Curve,
    HazardBlend,
    announced_days,
    part_hazards,
    period_ends,
    person_periods,
)

H = 90
UNKNOWN = np.empty(0)


def cancel_curve(p: list[float], announced: list[float] | None = None) -> Curve:
    blend = HazardBlend(
        "cancel", H, 0, (), {LIST: 1.0}, period_ends(H, "cancel", 400), [-1.0, -1.0, -0.5, 0.0]
    )
    days = np.array(announced) if announced else np.full(len(p), np.nan)
    return blend.combine(np.zeros((len(p), 7, 0)), np.array(p), days)


def test_at_the_horizon_the_curve_is_the_lists_probability() -> None:
    p = [0.0, 1e-9, 0.03, 0.5, 0.999, 1.0]
    assert cancel_curve(p).left_by(H).tolist() == pytest.approx(p, abs=1e-9)
    announced = [np.nan, 5.0, 89.0, 90.0, 91.0, 300.0]
    assert cancel_curve(p, announced).left_by(H).tolist() == pytest.approx(p, abs=1e-9)


@pytest.mark.parametrize("rule", ["silence", "cancel"])
def test_the_curve_never_falls_and_stays_a_chance(rule: Literal["silence", "cancel"]) -> None:
    draw = np.random.default_rng(3)
    p, ends = np.concatenate([[0.0, 1.0], draw.random(30)]), period_ends(28, rule, 365)
    later = [end for end in ends if end > 28]
    shifts = draw.normal(-1, 1, len(later)).tolist()
    blend = HazardBlend(rule, 28, 0, (), {LIST: 0.5, BTYD: 0.5}, ends, shifts)
    log_odds = draw.normal(-1, 2, (len(p), len(ends), len(blend.names)))
    curve = blend.combine(log_odds, p, np.full(len(p), np.nan))
    course = np.array([curve.left_by(days) for days in range(0, 900, 7)])
    assert (np.diff(course, axis=0) >= 0).all()
    assert ((course >= 0) & (course <= 1)).all()
    assert (curve.expected_days() > 0).all()


def test_a_silence_is_not_complete_before_the_horizon() -> None:
    curve = Curve(H, np.array([0.4]), np.ones((1, 1)), [H], np.empty((1, 0)), [])
    assert curve.left_by(H - 1).tolist() == [0.0]
    assert curve.left_by(H).tolist() == pytest.approx([0.4])
    # Where nothing later is known the hazard of the label goes on.
    assert curve.left_by(2 * H).tolist() == pytest.approx([1 - 0.6**2])


def test_the_last_periods_hazard_goes_on_beyond_what_is_known() -> None:
    hazard = -np.log1p(-0.2)
    curve = Curve(30, np.array([0.1]), np.ones((1, 1)), [30], np.array([[hazard]]), [60])
    assert curve.left_by(60).tolist() == pytest.approx([1 - 0.9 * 0.8])
    assert curve.left_by(45).tolist() == pytest.approx([1 - 0.9 * 0.8**0.5])
    assert curve.left_by(120).tolist() == pytest.approx([1 - 0.9 * 0.8**3])


def test_an_announced_end_comes_on_its_day() -> None:
    curve = cancel_curve([0.97, 0.97, 0.1], [20.0, np.nan, 200.0])
    before, on = curve.left_by(19), curve.left_by(20)
    assert before[0] == 0
    assert on[0] == pytest.approx(0.97)
    assert 0 < before[1] < on[1] < 0.97
    # One beyond the horizon adds to the hazard on its day, by the share of ends that came.
    assert curve.left_by(200)[2] - curve.left_by(199)[2] > 0.5
    days = pd.DataFrame({"days_to_end": [0.0, 7.0, np.nan, 3.0]})
    assert announced_days(days, gap=0)[[0, 1, 3]].tolist() == [1.0, 8.0, 4.0]
    assert np.isnan(announced_days(days, gap=4)).tolist() == [True, False, True, True]


def test_expected_days_of_a_constant_hazard() -> None:
    rate = 1 / 100
    curve = Curve(
        30,
        1 - np.exp([-30 * rate]),
        np.array([[0.5, 1.0]]),
        [15, 30],
        np.array([[30 * rate]]),
        [60],
    )
    restricted = (1 - np.exp(-1095 * rate)) / rate
    assert curve.expected_days().tolist() == pytest.approx([restricted], rel=2e-3)


def test_periods_that_were_not_known_to_their_end_contribute_nothing() -> None:
    left = np.array([10.0, 45.0, np.nan, 45.0])
    followed = np.array([90, 90, 65, 40])
    row, period, event = person_periods(left, followed, [30, 60, 90])
    assert list(zip(row.tolist(), period.tolist(), event.tolist(), strict=True)) == [
        (0, 0, 1.0),
        (1, 0, 0.0),
        (1, 1, 1.0),
        (2, 0, 0.0),
        (2, 1, 0.0),
        (3, 0, 0.0),
    ]
    # Tampering with anything later than the follow-up changes no row.
    tampered = np.array([10.0, 45.0, 66.0, np.nan])
    for before, other in zip(
        (row, period, event), person_periods(tampered, followed, [30, 60, 90]), strict=True
    ):
        assert before.tolist() == other.tolist()


def test_leaving_out_the_censored_rows_would_bias_the_curve() -> None:
    """Customers leave at one rate. Those followed for less than a year, or not yet gone, count."""
    draw = np.random.default_rng(8)
    n, rate, ends = 20_000, 1 / 300, [30, 60, 90, 180, 360]
    left = np.ceil(draw.exponential(1 / rate, n))
    followed = draw.choice([30, 60, 90, 180, 360], n)
    observed = np.where(left <= followed, left, np.nan)

    def left_by_the_end(rows: NDArray[np.intp]) -> float:
        _, period, event = person_periods(observed[rows], followed[rows], ends)
        hazards = [event[period == number].mean() for number in range(len(ends))]
        return float(1 - np.prod(1 - np.array(hazards)))

    truth = 1 - np.exp(-360 * rate)
    assert left_by_the_end(np.arange(n)) == pytest.approx(truth, abs=0.02)
    settled = np.flatnonzero(~np.isnan(observed) | (followed == 360))
    assert left_by_the_end(settled) > truth + 0.1


def test_bgnbd_gives_a_hazard_to_whom_it_knows() -> None:
    X = pd.DataFrame(
        {
            "days_since_purchase": [5.0, 200.0, np.nan],
            "days_since_first_purchase": [300.0, 300.0, np.nan],
            "purchase_days": [20.0, 20.0, 0.0],
        }
    )
    model = BGNBD(0.5, 20.0, 0.8, 2.5)
    z = part_hazards((), model, X, "silence", 28, 0, [28, 56, 112])[:, :, 0]
    assert z[0, 0] < z[1, 0]
    assert z[2].tolist() == [0, 0, 0]
    silent = model.p_silent([19.0], [295.0], [300.0], 28)
    assert z[0, 0] == pytest.approx(np.log(silent / (1 - silent))[0])


def test_the_horizon_is_always_the_end_of_a_period() -> None:
    for horizon in (7, 28, 91, 365):
        for rule in ("silence", "cancel"):
            ends = period_ends(horizon, rule, 400)
            assert horizon in ends
            assert ends == sorted(set(ends))
    assert period_ends(90, "silence", 400)[0] == 90
    assert period_ends(90, "cancel", 10)[-1] == 90
