"""Splits by time: no label that was open on a day is used before it."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.core import point_in_time
from retention.core.params import ChurnLabel, LabelParams, ValueLabel
from retention.training.folds import Fold, TimeSplit, mature_snapshots, rolling_folds, split_by_time

EVERY_TWO_WEEKS = [0, 14, 28, 42, 56, 70, 84]
DAYS = st.lists(st.integers(0, 500), unique=True, max_size=15).map(sorted)
REPEATABLE = settings(derandomize=True, deadline=None, database=None)


@pytest.mark.parametrize(
    ("gap", "horizon", "settle", "worth", "days"),
    [
        (0, 28, 0, 28, 28),
        (7, 28, 0, 28, 35),
        (0, 28, 3, 28, 31),
        (7, 28, 3, 28, 38),
        (7, 28, 3, 90, 100),  # the value window is the longer one
        (0, 90, 0, 28, 90),
    ],
)
def test_the_purge_is_gap_horizon_and_settle(
    gap: int, horizon: int, settle: int, worth: int, days: int
) -> None:
    churn = ChurnLabel(rule="silence", gap_days=gap, horizon_days=horizon, settle_days=settle)
    assert (
        point_in_time.label_delay_days(
            LabelParams(churn=churn, value=ValueLabel(horizon_days=worth))
        )
        == days
    )


@pytest.mark.parametrize(
    ("day", "label_delay_days", "mature"),
    [
        (42, 28, [0, 14]),  # 14 + 28 ends on the day itself
        (41, 28, [0]),
        (27, 28, []),
        (84, 1, [0, 14, 28, 42, 56, 70]),
        (1000, 28, EVERY_TWO_WEEKS),
    ],
)
def test_a_label_counts_from_the_day_its_window_has_ended(
    day: int, label_delay_days: int, mature: list[int]
) -> None:
    assert mature_snapshots(EVERY_TWO_WEEKS, day, label_delay_days) == mature


@pytest.mark.parametrize(
    ("snapshots", "max_folds", "folds"),
    [
        (EVERY_TWO_WEEKS, 2, [Fold([0, 14, 28, 42], 70), Fold([0, 14, 28, 42, 56], 84)]),
        (EVERY_TWO_WEEKS[:5], 9, [Fold([0], 28), Fold([0, 14], 42), Fold([0, 14, 28], 56)]),
        (EVERY_TWO_WEEKS[:3], 9, [Fold([0], 28)]),
        (EVERY_TWO_WEEKS[:2], 9, []),
        ([], 9, []),
    ],
)
def test_folds_shrink_to_what_the_history_allows(
    snapshots: list[int], max_folds: int, folds: list[Fold]
) -> None:
    assert rolling_folds(snapshots, 28, max_folds) == folds


@pytest.mark.parametrize(
    ("snapshots", "split"),
    [
        (
            EVERY_TWO_WEEKS,  # 70 was open on day 84: neither fitted nor tested on
            TimeSplit(
                [Fold([0], 28), Fold([0, 14], 42), Fold([0, 14, 28], 56)],
                Fold([0, 14, 28, 42, 56], 84),
            ),
        ),
        ([0, 14, 28], TimeSplit([], Fold([0], 28))),
        ([0, 14], TimeSplit([], None)),
        ([0], TimeSplit([], None)),
        ([], TimeSplit([], None)),
    ],
)
def test_the_newest_mature_snapshot_is_the_test_and_development_ends_before(
    snapshots: list[int], split: TimeSplit
) -> None:
    assert split_by_time(snapshots, 28, max_folds=5) == split


@REPEATABLE
@given(DAYS, st.integers(1, 120), st.integers(1, 6))
def test_no_training_label_was_open_on_its_folds_day(
    snapshots: list[int], label_delay_days: int, max_folds: int
) -> None:
    split = split_by_time(snapshots, label_delay_days, max_folds)
    for fold in [*split.folds, *([split.test_fold] if split.test_fold else [])]:
        assert fold.train
        assert max(fold.train) + label_delay_days <= fold.test


@REPEATABLE
@given(DAYS, st.integers(1, 120), st.integers(1, 6))
def test_no_label_of_the_folds_was_open_on_the_test_day(
    snapshots: list[int], label_delay_days: int, max_folds: int
) -> None:
    split = split_by_time(snapshots, label_delay_days, max_folds)
    if split.test_fold is None:
        assert not split.folds
        return
    assert split.test_fold.test == snapshots[-1]
    touched = {day for fold in split.folds for day in [*fold.train, fold.test]}
    assert split.test_fold.test not in touched
    assert all(day + label_delay_days <= split.test_fold.test for day in touched)


@REPEATABLE
@given(DAYS, st.integers(1, 120), st.integers(1, 6))
def test_folds_are_the_newest_at_most_so_many_oldest_first(
    snapshots: list[int], label_delay_days: int, max_folds: int
) -> None:
    folds, every = (
        rolling_folds(snapshots, label_delay_days, max_folds),
        rolling_folds(snapshots, label_delay_days, 10**6),
    )
    assert folds == every[len(every) - min(max_folds, len(every)) :]
    assert all(earlier.test < other.test for earlier, other in pairwise(folds))
