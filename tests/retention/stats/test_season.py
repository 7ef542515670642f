"""What comes again every year, and the period from which a level is another."""

import numpy as np
import pytest

from retention.stats.change_point import change_point
from retention.stats.season import seasonal_shift

YEARS = np.tile([0.0] * 12 + [-5.0], 3)


def noise(seed: int, n: int = 39) -> "np.ndarray[tuple[int], np.dtype[np.float64]]":
    return np.random.default_rng(seed).standard_normal(n)


def test_a_low_of_every_year_is_a_season_and_that_of_one_year_is_none() -> None:
    record, error, once = [], [], []
    for seed in range(20):
        every = YEARS + noise(seed)
        every[-3:] = np.nan  # to be judged, so not learnt from
        shift, unknown = seasonal_shift(every, np.ones(39), 13)
        record.append(shift[-1])
        error.append(unknown[-1])
        low = noise(seed)
        low[12] -= 5
        once.append(seasonal_shift(low, np.ones(39), 13)[0][-1])
    assert -5 < np.mean(record) < -3  # drawn to zero, as twelve of thirteen slots have no season
    assert 0.3 < np.mean(error) < 1
    assert np.mean(once) > -1


def test_a_period_is_judged_by_other_years_alone_and_a_drift_is_no_season() -> None:
    higher = YEARS + noise(2)
    higher[12] += 3
    shift, own = (
        seasonal_shift(single, np.ones(39), 13)[0] for single in (YEARS + noise(2), higher)
    )
    assert own[12] == pytest.approx(shift[12], abs=0.5)
    assert own[25] > shift[25] + 0.8
    falling = YEARS + noise(3) - 0.5 * np.arange(39)
    assert seasonal_shift(falling, np.ones(39), 13)[0][-1] < -3


def test_too_short_a_history_shows_no_season() -> None:
    shift, error = seasonal_shift(YEARS[:20], np.ones(20), 13)
    assert not shift.any()
    assert not error.any()


def test_a_new_level_is_found_at_its_first_period_and_chance_makes_few() -> None:
    level = noise(4, 26) + np.where(np.arange(26) >= 15, 4.0, 0.0)
    level[4] = np.nan
    assert change_point(level, np.ones(26)) == 15
    record = [change_point(noise(seed, 26), np.ones(26)) for seed in range(300)]
    assert sum(single is not None for single in record) <= 6
    assert change_point(noise(1, 5), np.ones(5)) is None
