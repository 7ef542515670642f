"""The base rate of a coming window: from turns that were known, shrunk to what holds unseen."""

import numpy as np
import pytest
from scipy.special import expit

from retention.training import season
from retention.training.folds import YEAR_DAYS
from retention.training.season import Turn

DELAY = 30


def turns_of(shifts: dict[int, float], variance: float = 1e-4) -> list[Turn]:
    return [Turn(day, shift, variance) for day, shift in shifts.items()]


def yearly(years: float, size: float = 0.8) -> list[Turn]:
    """A business whose log-odds swing with the year, seen once a window."""
    days = range(0, int(years * YEAR_DAYS), DELAY)
    return turns_of({day: size * float(np.sin(2 * np.pi * day / YEAR_DAYS)) for day in days})


# Measuring


def test_the_shift_of_each_snapshot_is_found() -> None:
    z = np.random.default_rng(1).normal(-1, 1, 400)
    day = np.repeat([0, 30], 200)
    y = expit(z + np.where(day == 0, 0.4, -0.7))
    first, second = season.measure_turns(z, y, day, np.ones(400), DELAY)
    assert (first.day, second.day) == (0, 30)
    assert (first.shift, second.shift) == pytest.approx((0.4, -0.7), abs=1e-6)


def test_more_customers_leave_less_to_chance() -> None:
    draw = np.random.default_rng(2)
    day = np.repeat([0, 30], [100, 10_000])
    z = draw.normal(-1, 1, len(day))
    y = (draw.random(len(day)) < expit(z)).astype(float)
    handful, crowd = season.measure_turns(z, y, day, np.ones(len(day)), DELAY)
    assert handful.variance == pytest.approx(100 * crowd.variance, rel=0.2)
    assert abs(crowd.shift) < 4 * np.sqrt(crowd.variance)


@pytest.mark.parametrize("outcome", [0.0, 1.0])
def test_a_snapshot_with_one_outcome_is_no_turn(outcome: float) -> None:
    y = np.array([outcome, outcome, 0.0, 1.0])
    (turn,) = season.measure_turns(np.zeros(4), y, np.array([0, 0, 30, 30]), np.ones(4), DELAY)
    assert turn.day == 30


def test_turns_whose_windows_overlap_share_one() -> None:
    day = np.repeat([0, 10, 40, 100], 2)
    y, z = np.tile([0.0, 1.0], 4), np.zeros(8)
    shares = [turn.window_share for turn in season.measure_turns(z, y, day, np.ones(8), DELAY)]
    assert shares == pytest.approx([1, 1 / 3, 1, 1])
    levels = season.measure_levels(np.ones(8), y, day, np.ones(8), DELAY)
    assert [level.window_share for level in levels] == pytest.approx(shares)


def test_the_level_of_money_is_the_logarithm_of_its_ratio() -> None:
    day = np.repeat([0, 30, 60], 2)
    expected = np.array([10.0, 30.0, 10.0, 30.0, 5.0, 5.0])
    actual = np.array([20.0, 60.0, 0.0, 20.0, 0.0, -3.0])
    double, half = season.measure_levels(expected, actual, day, np.ones(6), DELAY)
    assert (double.shift, double.variance) == pytest.approx((np.log(2), 0))
    assert half.shift == pytest.approx(-np.log(2))
    assert half.variance > 0


# Forecasting


def test_where_no_turn_is_known_nothing_is_shifted() -> None:
    assert season.forecast_shift([], 100, DELAY) == 0
    assert season.forecast_shift(turns_of({80: 2.0, 100: 2.0}), 100, DELAY) == 0


def test_the_newest_turn_says_nothing_before_turns_are_known_to_repeat() -> None:
    assert season.forecast_shift(turns_of({0: 1.0}), 30, DELAY) == 0


def test_the_newest_turn_counts_more_the_more_often_turns_repeated() -> None:
    repeated = [
        season.forecast_shift(turns_of(dict.fromkeys(range(0, 30 * n, 30), 0.8)), 30 * n, DELAY)
        for n in (1, 3, 6, 10)
    ]
    assert repeated == sorted(repeated)
    assert 0.4 < repeated[-1] <= 0.8


def test_turns_that_alternate_do_not_make_the_newest_count() -> None:
    shifts = {30 * place: 0.8 * (-1) ** place for place in range(9)}
    assert season.forecast_shift(turns_of(shifts), 270, DELAY) == pytest.approx(0, abs=0.05)


def test_of_last_years_shift_half_counts_before_more_is_known() -> None:
    shift = season.forecast_shift(turns_of({0: 1.0}), YEAR_DAYS, DELAY)
    assert shift == pytest.approx(0.5, abs=0.01)


@pytest.mark.parametrize(("off", "counts"), [(0, True), (14, True), (60, False), (-60, False)])
def test_last_year_is_the_same_season_and_no_other(off: int, counts: bool) -> None:
    shift = season.forecast_shift(turns_of({100: 1.0}), 100 + YEAR_DAYS + off, DELAY)
    assert (shift != 0) == counts


def test_a_swing_of_the_year_is_learnt() -> None:
    errors: dict[float, list[float]] = {}
    for years in (1.1, 4.0):
        turns = yearly(years)
        days = [turn.day + DELAY for turn in turns[-6:]]
        truth = [0.8 * np.sin(2 * np.pi * day / YEAR_DAYS) for day in days]
        forecasts = [season.forecast_shift(turns, day, DELAY) for day in days]
        errors[years] = [abs(a - b) for a, b in zip(forecasts, truth, strict=True)]
    unshifted = float(np.mean(np.abs(truth)))
    assert np.mean(errors[4.0]) < 0.5 * unshifted
    assert np.mean(errors[1.1]) < 1.1 * unshifted


@pytest.mark.parametrize("day", [400, 500, 700])
def test_a_turn_that_is_not_known_on_the_day_is_never_used(day: int) -> None:
    turns = yearly(2)
    spoilt = [Turn(turn.day, 99.0, 1e-9) if turn.day + DELAY > day else turn for turn in turns]
    usual = season.forecast_shift(turns, day, DELAY)
    assert usual != 0
    assert season.forecast_shift(spoilt, day, DELAY) == usual
    mature = [turn for turn in turns if turn.day + DELAY <= day]
    assert season.forecast_shift(mature, day, DELAY) == usual


def test_what_the_number_of_customers_explains_is_no_turn() -> None:
    shifts = [
        season.forecast_shift(turns_of({0: 0.3}, variance), YEAR_DAYS, DELAY)
        for variance in (1e-6, 0.09, 9.0)
    ]
    assert shifts == pytest.approx([0.15, 0.075, 0.0015], rel=0.05)


def test_a_forecast_stays_within_bounds() -> None:
    turns = turns_of(dict.fromkeys(range(0, 3000, 30), 50.0))
    assert season.forecast_shift(turns, 3000, DELAY) == season.LARGEST
    down = [Turn(turn.day, -turn.shift, turn.variance) for turn in turns]
    assert season.forecast_shift(down, 3000, DELAY) == -season.LARGEST


def test_a_shift_that_all_seasons_share_is_kept_by_the_year_that_shows_it() -> None:
    def steady(days: int) -> list[season.Turn]:
        return [season.Turn(day, 0.4, 1e-4, 1.0) for day in range(0, days, 30)]

    year = season.forecast_shift(steady(400), 460, 60)
    season_alone = season.forecast_shift(steady(100), 160, 60)
    assert year == pytest.approx(0.4, abs=0.02)
    assert 0 < season_alone < 0.25


def test_weights_count_as_copies_and_say_no_more_than_the_rows_that_they_are_of() -> None:
    draw = np.random.default_rng(3)
    z = draw.normal(0, 1, 300)
    y, day = (draw.random(300) < 0.4).astype(float), np.zeros(300, int)
    times = np.where(y == 1, 1, 3)
    (weighted,) = season.measure_turns(z, y, day, times.astype(float), DELAY)
    z_each, y_each, day_each = (np.repeat(column, times) for column in (z, y, day))
    (copied,) = season.measure_turns(z_each, y_each, day_each, np.ones(times.sum()), DELAY)
    assert weighted.shift == pytest.approx(copied.shift)
    (plain,) = season.measure_turns(z, y, day, np.ones(300), DELAY)
    (tenfold,) = season.measure_turns(z, y, day, np.full(300, 10.0), DELAY)
    assert (tenfold.shift, tenfold.variance) == pytest.approx((plain.shift, plain.variance))
