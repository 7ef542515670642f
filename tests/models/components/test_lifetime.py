"""Lifetime value: windows added up by the curve, what leaving costs, and the state."""

import json

import numpy as np
import pandas as pd
import pytest

from models.components.curve import LIST, Curve, HazardBlend
from models.components.interval import ValueInterval
from models.components.lifetime import COLUMNS, Lifetime, LifetimeValue, WindowFactors

FACTORS = WindowFactors(there=[1.0, 0.9], leaving=[0.5, 0.4], gone=[0.1, 0.2], windows_known=3)


def curve(p: float = 0.1, later: float = 0.2) -> Curve:
    hazard = -np.log1p(-later)
    return Curve(30, np.array([p]), np.ones((1, 1)), [30], np.array([[hazard]]), [60])


def array_of(value: float) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.array([value])


def test_over_the_lists_own_window_it_is_the_lists_expected_value() -> None:
    value = LifetimeValue(30, FACTORS)
    assert value.expected(curve(), array_of(100.0), array_of(20.0), 30).tolist() == pytest.approx(
        [0.9 * 100 + 0.1 * 20]
    )


def test_windows_add_up_by_hand() -> None:
    if_kept, if_lost = LifetimeValue(30, FACTORS).values(
        curve(), array_of(100.0), array_of(20.0), 75
    )
    # window 2: .8 there, .2 leaving. Half of window 3: .64 there, .16 leaving, .2 gone.
    second = 0.8 * 100 + 0.2 * 50
    third = 0.5 * (0.64 * 90 + 0.16 * 40 + 0.2 * 20)
    assert if_kept.tolist() == pytest.approx([100 + second + third])
    assert if_lost.tolist() == pytest.approx([20 + 10 + 0.5 * 20])


def test_a_window_shorter_than_the_label_counts_who_is_there_at_its_horizon() -> None:
    early = Curve(90, array_of(0.1), np.ones((1, 1)), [90], np.empty((1, 0)), [])
    if_kept, _ = LifetimeValue(30, FACTORS).values(early, array_of(100.0), array_of(0.0), 90)
    assert if_kept.tolist() == pytest.approx([100 + 100 + 90])


def lifetime(interval: ValueInterval | None = None) -> Lifetime:
    blend = HazardBlend("silence", 30, 0, (), {LIST: 0.5}, [30, 45, 60], [-1.0, -0.5])
    return Lifetime(blend, LifetimeValue(30, FACTORS), 90, interval, 60)


def test_every_amount_is_finite_and_leaving_costs_the_difference() -> None:
    X = pd.DataFrame(index=["a", "b", "c"])
    p, if_kept, if_lost = (
        np.array([0.0, 0.4, 1.0]),
        np.array([10.0, 20.0, 0.0]),
        np.array([0.0, 5.0, 0.0]),
    )
    scores = lifetime().predict(X, p, if_kept, if_lost)
    assert scores.columns.tolist() == list(COLUMNS)
    assert scores["leave_within_30"].tolist() == pytest.approx(p.tolist(), abs=1e-9)
    curves = lifetime().hazards.curve(X, p)
    if_kept, if_lost = lifetime().value.values(curves, if_kept, if_lost, 90)
    assert scores["lifetime_loss"].tolist() == pytest.approx((if_kept - if_lost).tolist())
    assert scores["lifetime_value"].tolist() == pytest.approx(
        ((1 - p) * if_kept + p * if_lost).tolist()
    )
    assert scores[["lifetime_low", "lifetime_high"]].isna().all().all()


def test_a_chance_before_a_silence_can_be_complete_is_null() -> None:
    blend = HazardBlend("silence", 60, 0, (), {}, [60], [])
    scores = Lifetime(blend, LifetimeValue(30, FACTORS), 90, None).predict(
        pd.DataFrame(index=[0]), array_of(0.3), array_of(1.0), array_of(0.0)
    )
    assert scores["leave_within_30"].isna().all()
    assert scores["leave_within_90"].notna().all()


def test_the_interval_of_the_known_horizon_grows_with_the_value() -> None:
    draw = np.random.default_rng(2)
    expected = draw.gamma(2, 100, 2000)
    actual = expected * draw.gamma(4, 0.25, 2000)
    interval = ValueInterval().fit(expected, actual)
    X = pd.DataFrame(index=[0])
    scores = lifetime(interval).predict(X, array_of(0.2), array_of(100.0), array_of(10.0)).iloc[0]
    curves = lifetime().hazards.curve(X, array_of(0.2))
    windows_known = LifetimeValue(30, FACTORS).expected(curves, array_of(100.0), array_of(10.0), 60)
    low, high = interval.predict(windows_known)
    ratio = scores["lifetime_value"] / windows_known[0]
    assert ratio > 1
    assert scores["lifetime_low"] == pytest.approx(low[0] * ratio)
    assert scores["lifetime_high"] == pytest.approx(high[0] * ratio)


def test_the_state_gives_the_same_scores_to_the_bit() -> None:
    interval = ValueInterval().fit(np.arange(100.0), np.arange(100.0) * 1.1)
    before = lifetime(interval)
    after = Lifetime.from_state(json.loads(json.dumps(before.state())))
    X, p = pd.DataFrame(index=range(3)), np.array([0.1, 0.5, 0.9])
    numbers = p * 100, p * 5
    pd.testing.assert_frame_equal(after.predict(X, p, *numbers), before.predict(X, p, *numbers))
