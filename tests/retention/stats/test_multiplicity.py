"""Adjusted p-values against statsmodels."""

import numpy as np
import pytest
from statsmodels.stats.multitest import multipletests

from retention.stats.multiplicity import holm


def test_adjusted_p_values_are_holms() -> None:
    generator = np.random.default_rng(1)
    for n in (1, 2, 5, 40):
        p = generator.random(n) ** 3
        assert holm(p) == pytest.approx(multipletests(p, method="holm")[1]), n


def test_a_test_that_was_not_made_does_not_count() -> None:
    p = np.array([0.01, np.nan, 0.04, 0.03, np.nan])
    adjusted = holm(p)
    assert np.isnan(adjusted[[1, 4]]).all()
    assert adjusted[[0, 2, 3]] == pytest.approx(multipletests(p[[0, 2, 3]], method="holm")[1])
    assert holm(np.array([])).size == 0
