"""How far a distribution moved: by hand, and as laws that hold of any data."""

import datetime as dt
import json
import math
from collections.abc import Sequence

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from retention.training import profile
from retention.training.profile import Drift, reference_profile

NUMBERS = st.lists(st.none() | st.floats(-1e6, 1e6), min_size=1, max_size=60)


def series(values: Sequence[float | None]) -> "pd.Series[float]":
    numbers: pd.Series[float] = pd.Series(np.array(values, dtype=float))
    return numbers


def moved(then: "pd.Series[float]", now: "pd.Series[float]") -> Drift:
    return profile.column_drift("x", profile.profile_column(then), len(then), now)


def test_the_index_is_that_of_the_textbook() -> None:
    """Halves against three quarters and one: (0.25) ln(1.5) + (-0.25) ln(0.5), but for smoothing.

    There are no nulls, whose bin is empty on both sides and tells nothing.
    """
    then, now = series([0.0] * 500 + [1.0] * 500), series([0.0] * 750 + [1.0] * 250)
    expected = 0.25 * math.log(1.5) - 0.25 * math.log(0.5)
    assert moved(then, now).figure == pytest.approx(expected, rel=0.01)


@given(NUMBERS)
def test_what_did_not_move_is_zero(values: list[float | None]) -> None:
    then = series(values)
    assert moved(then, then).figure == pytest.approx(0.0, abs=1e-3)


@given(NUMBERS, NUMBERS, st.randoms(use_true_random=False))
def test_order_is_nothing(
    first: list[float | None], other: list[float | None], draw: object
) -> None:
    before = moved(series(first), series(other)).figure
    draw.shuffle(first)  # type: ignore[attr-defined]
    draw.shuffle(other)  # type: ignore[attr-defined]
    assert moved(series(first), series(other)).figure == before
    assert before >= 0


@given(NUMBERS)
def test_shares_are_of_all_rows_and_add_up_to_one(values: list[float | None]) -> None:
    column_profile = profile.profile_column(series(values))
    assert sum(column_profile["shares"]) + column_profile["null"] == pytest.approx(1.0, abs=1e-4)
    assert sum(profile.shares_in_bins(column_profile, series(values))) == pytest.approx(1.0)
    assert profile.shares_in_bins(column_profile, series(values)) == pytest.approx(
        profile.reference_shares(column_profile), abs=1e-5
    )


def test_values_that_repeat_share_a_bin() -> None:
    column_profile = profile.profile_column(series([0.0] * 80 + [1.0] * 15 + [7.0] * 5))
    assert (column_profile["edges"], column_profile["shares"]) == ([0.0, 1.0], [0.8, 0.15, 0.05])


def test_null_is_a_bin_of_its_own() -> None:
    then = series([1.0, 2.0, 3.0, 4.0] * 100)
    now = then.where(np.arange(400) % 2 == 0)
    assert moved(then, now).over(0.25)
    assert profile.shares_in_bins(profile.profile_column(then), now)[-1] == 0.5


def test_sampling_noise_is_no_drift() -> None:
    """Of small samples of one distribution hardly any moves as far; the index alone would."""
    draw = np.random.default_rng(5)
    then = pd.Series(draw.normal(size=2000))
    drifts = [moved(then, pd.Series(draw.normal(size=40))) for _ in range(300)]
    assert sum(drift.figure > 0.25 for drift in drifts) > 30
    assert sum(drift.over(0.25) for drift in drifts) <= 6


def test_categories_are_compared_by_their_shares() -> None:
    then = pd.Series(["a"] * 500 + ["b"] * 500)
    same, other = pd.Series(["b", "a"] * 300), pd.Series(["a"] * 600)
    column_profile = profile.profile_column(then)
    drifts = [profile.column_drift("x", column_profile, 1000, now) for now in (same, other)]
    assert [drift.measure for drift in drifts] == ["distance", "distance"]
    assert drifts[0].figure == pytest.approx(0.0, abs=1e-6)
    assert drifts[1].over(0.2)
    assert [drift.dead for drift in drifts] == [False, True]


def test_categories_never_seen_are_counted_and_null_is_none_of_them() -> None:
    column_profile = profile.profile_column(pd.Series(["a", "b", None] * 100))
    now = pd.Series(["a", "c", "c", None] * 25)
    drift = profile.column_drift("x", column_profile, 300, now)
    assert drift.unseen == 50
    assert (
        profile.column_drift("x", column_profile, 300, pd.Series(["a", "b", None] * 9)).unseen == 0
    )


def test_one_value_for_everybody_is_dead_and_one_customer_is_not() -> None:
    then = series([1.0, 2.0, None] * 50)
    assert moved(then, series([None] * 30)).dead
    assert moved(then, series([2.0] * 30)).dead
    assert not moved(then, series([2.0])).dead


def test_constant_columns_and_columns_of_another_type_are_left_out() -> None:
    then = pd.DataFrame(
        {"a": [1.0, 2.0] * 50, "flat": 1.0, "none": np.nan, "word": ["x", "y"] * 50}
    )
    reference = profile.build_profile(then, then["a"])
    now = then.assign(flat=np.arange(100.0), none=1.0, word=1.0)
    assert [drift.name for drift in profile.feature_drifts(reference, now)] == ["a"]


def test_the_furthest_comes_first() -> None:
    then = pd.DataFrame({"a": np.arange(100.0), "b": np.arange(100.0)})
    now = then.assign(b=then["b"] + 80)
    drifts = profile.feature_drifts(profile.build_profile(then, then["a"]), now)
    assert [drift.name for drift in drifts] == ["b", "a"]


def test_a_profile_is_the_same_once_written_and_read() -> None:
    X = pd.DataFrame({"a": [0.1, 0.2, None] * 40, "word": ["x", "y", None] * 40})
    reference = profile.build_profile(X, X["a"].fillna(0.0))
    assert json.loads(json.dumps(reference, allow_nan=False)) == reference


class FixedScorer:
    """A scorer that gives every customer 0.9."""

    def probability(self, X: pd.DataFrame) -> "np.typing.NDArray[np.float64]":
        return np.full(len(X), 0.9)


def test_the_reference_is_the_newest_cohort_scored_by_the_model_that_will_score() -> None:
    day, before, as_of = dt.date(2026, 8, 3), dt.date(2026, 7, 6), dt.date(2026, 8, 31)
    features = pa.table(
        {
            "customer_id": ["a", "b", "c", "a", "a"],
            "snapshot_on": pa.array([day, day, day, before, as_of], pa.date32()),
            "spend": [1.0, 2.0, 3.0, 99.0, 50.0],
        }
    )
    reference = reference_profile(features, FixedScorer(), day)  # type: ignore[arg-type]
    assert (reference["rows"], reference["on"], reference["as_of"]) == (
        3,
        "2026-08-03",
        "2026-08-31",
    )
    assert reference["score"]["edges"] == [0.9]
    assert reference["score"]["of"].startswith("of the same model")


def test_a_large_index_may_be_a_shift_of_a_point() -> None:
    """Chances of steady buyers, .094 to .132: the index calls that drift, the shift does not."""
    draw = np.random.default_rng(8)
    then, now = draw.uniform(0.094, 0.132, 320), draw.uniform(0.102, 0.132, 320)
    quantiles = [profile.score_quantiles(p) for p in (then, now)]
    assert moved(pd.Series(then), pd.Series(now)).over(0.25)
    assert profile.score_shift(*quantiles) == pytest.approx(0.004, abs=0.001)
    assert profile.score_shift(quantiles[0], quantiles[0] + 0.2) == pytest.approx(0.2)
