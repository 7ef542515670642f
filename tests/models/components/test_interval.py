"""The value interval with rows that stand for several customers."""

import numpy as np

from models.components.interval import ValueInterval


def test_a_row_that_stands_for_several_customers_counts_as_so_many() -> None:
    draw = np.random.default_rng(8)
    actual, times = draw.gamma(2, 10, 60).round(), draw.integers(1, 4, 60)
    expected = np.full(60, 20.0)  # one bin
    weighed = ValueInterval().fit(expected, actual, times.astype(float))
    repeated = ValueInterval().fit(np.repeat(expected, times), np.repeat(actual, times))
    assert (weighed.low, weighed.high) == (repeated.low, repeated.high)
    assert ValueInterval().fit(expected, actual, np.ones(60)).state() == (
        ValueInterval().fit(expected, actual).state()
    )


def test_what_is_expected_of_the_all_but_lost_is_not_below_the_interval() -> None:
    rng = np.random.default_rng(5)
    expected = rng.uniform(20, 200, 4000)
    actual = expected * rng.uniform(0.8, 1.2, 4000)
    few = np.array([0.5, 3.0, 12.0, 20.0])
    low, high = ValueInterval().fit(expected, actual).predict(few)
    assert (low <= few).all()
    assert (few <= high).all()
    assert (np.diff(low) > 0).all()
