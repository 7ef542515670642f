"""Splits by time: no label that was open on a day is used before it."""

from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.core import point_in_time
from retention.core.params import ChurnLabel, LabelParams, ValueLabel
from retention.training.folds import (
    PARTS,
    YEAR_DAYS,
    Fold,
    TimeSplit,
    mature_snapshots,
    split_by_customer,
    split_by_time,
)

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
    ("snapshots", "max_folds", "tests"),
    [
        (EVERY_TWO_WEEKS, 2, [28, 84]),
        (EVERY_TWO_WEEKS, 3, [28, 56, 84]),
        (EVERY_TWO_WEEKS, 9, [28, 42, 56, 70, 84]),
        (EVERY_TWO_WEEKS[:3], 9, [28]),
        (EVERY_TWO_WEEKS, 1, [84]),
    ],
)
def test_folds_are_spread_over_what_history_allows_and_the_newest_is_one(
    snapshots: list[int], max_folds: int, tests: list[int]
) -> None:
    split = split_by_time(snapshots, 28, max_folds)
    assert [fold.test for fold in split.folds] == tests
    assert split.test_fold == split.folds[-1]
    for fold in split.folds:  # by all that was known on the day, not by what other folds used
        assert fold == Fold(mature_snapshots(snapshots, fold.test, 28), fold.test)


@pytest.mark.parametrize("snapshots", [[], [0], [0, 14], [0, 27]])
def test_where_no_label_was_known_on_any_snapshot_there_is_no_fold(snapshots: list[int]) -> None:
    assert split_by_time(snapshots, 28, max_folds=5) == TimeSplit([], None)


def test_folds_span_the_newest_year_though_history_is_longer() -> None:
    weekly = list(range(0, 1500, 7))
    split = split_by_time(weekly, 90, max_folds=5)
    days = [fold.test for fold in split.folds]
    assert days[-1] == weekly[-1]
    spread = [day for day in days if day >= days[-1] - YEAR_DAYS]
    assert min(later - earlier for earlier, later in pairwise(spread[-4:])) > 80
    assert days[-1] - days[0] > 340


def test_windows_of_a_year_still_have_folds_that_do_not_overlap() -> None:
    weekly = list(range(0, 2000, 7))
    split = split_by_time(weekly, 400, max_folds=5)
    assert split.folds[-1].test - split.folds[0].test >= 2 * 400 - 7


@pytest.mark.parametrize(("first", "has_it"), [(0, True), (300, False)])
def test_the_season_that_is_scored_was_predicted_last_year(first: int, has_it: bool) -> None:
    weekly = list(range(first, 707, 7))  # the newest is 700, its labels were known on 730
    split = split_by_time(weekly, 30, max_folds=3)
    last_year = 700 + 30 - YEAR_DAYS
    near = min(abs(fold.test - last_year) for fold in split.folds)
    assert (near <= 3) == has_it
    assert len(split.folds) <= 4


@pytest.mark.parametrize(
    ("delay", "development"),
    [(28, [28, 42, 56]), (14, [14, 28, 42, 56, 70]), (42, [42]), (56, [])],
)
def test_development_folds_are_those_known_on_the_test_day(
    delay: int, development: list[int]
) -> None:
    split = split_by_time(EVERY_TWO_WEEKS, delay, max_folds=9)
    assert [fold.test for fold in split.development(delay)] == development


def test_without_a_test_fold_nothing_was_known_on_its_day() -> None:
    assert TimeSplit([], None).development(28) == []


def test_customers_are_parted_on_the_newest_snapshot() -> None:
    split = split_by_customer([0, 14])
    assert split == TimeSplit([Fold([0, 14], 14, part) for part in range(PARTS)], None)


@REPEATABLE
@given(DAYS, st.integers(1, 120), st.integers(1, 6))
def test_no_training_label_was_open_on_its_folds_day(
    snapshots: list[int], label_delay_days: int, max_folds: int
) -> None:
    split = split_by_time(snapshots, label_delay_days, max_folds)
    assert len(split.folds) <= max_folds + 1  # and the season of last year
    assert all(earlier.test < later.test for earlier, later in pairwise(split.folds))
    for fold in split.folds:
        assert fold.train
        assert max(fold.train) + label_delay_days <= fold.test
    if split.test_fold is not None:
        assert split.test_fold.test == snapshots[-1]
        development = split.development(label_delay_days)
        touched = {day for fold in development for day in [*fold.train, fold.test]}
        assert all(day + label_delay_days <= split.test_fold.test for day in touched)
