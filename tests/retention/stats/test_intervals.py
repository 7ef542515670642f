"""Intervals of proportions and counts against statsmodels."""

import numpy as np
import pandas as pd
import pytest
from scipy.stats import norm
from statsmodels.stats.proportion import proportion_confint
from statsmodels.stats.rates import confint_poisson

from retention.stats import intervals


def test_the_constant_is_the_normal_quantile_of_the_level() -> None:
    assert pytest.approx(norm.ppf((1 + intervals.LEVEL) / 2), abs=1e-15) == intervals.Z95


def test_the_interval_of_a_proportion_is_wilsons() -> None:
    successes, n = np.array([0, 1, 5, 50, 99, 100]), np.array([7, 10, 100, 100, 100, 100])
    low, high = intervals.wilson_interval(successes, n)
    expected_low, expected_high = proportion_confint(successes, n, method="wilson")
    assert low == pytest.approx(expected_low, abs=1e-12)
    assert high == pytest.approx(expected_high, abs=1e-12)
    assert (low >= 0).all()
    assert (high <= 1).all()


def test_the_interval_of_a_count_is_garwoods() -> None:
    counts = np.array([0.0, 1.0, 2.0, 30.0, 1000.0])
    low, high = intervals.poisson_interval(counts)
    expected = [confint_poisson(count, 1, method="exact-c") for count in counts]
    assert low == pytest.approx([max(interval[0], 0) for interval in expected])
    assert high == pytest.approx([interval[1] for interval in expected])


def test_a_null_group_is_unknown() -> None:
    groups = pd.Series(["north", None], dtype="str")
    assert intervals.label_groups(groups).tolist() == ["north", "unknown"]
