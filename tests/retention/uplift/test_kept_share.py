"""The measured counterpart of a play's save rate."""

import pandas as pd
import pytest

from retention.uplift.kept_share import kept_share


def outcomes(n: int, left_contacted: int, left_held_out: int) -> pd.DataFrame:
    """Two arms of n customers each, and how many of each left."""
    arms = [(1, left_contacted), (0, left_held_out)]
    rows = [(treated, int(i < left)) for treated, left in arms for i in range(n)]
    frame = pd.DataFrame(rows, columns=["treated", "churned"])
    return frame.assign(propensity=0.5, customer_id=[f"c{i}" for i in range(2 * n)])


def test_it_is_the_fall_of_the_share_that_leaves_against_the_held_out() -> None:
    measured = kept_share(outcomes(1000, 150, 200))
    assert measured["kept"] == pytest.approx(0.25)
    assert measured["kept_low"] < 0.25 < measured["kept_high"]
    assert measured["kept_low"] == pytest.approx(0.25 - 1.96 * 0.01697 / 0.2, abs=0.002)


def test_too_few_measure_nothing() -> None:
    assert kept_share(outcomes(20, 5, 6)) == {}
    assert kept_share(outcomes(500, 0, 0)) == {}
