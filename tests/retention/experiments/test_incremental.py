"""Saved customers and money: signs, sums and what the intervals pass on."""

import numpy as np
import pytest

from retention.experiments import incremental
from retention.stats import two_sample


def test_saved_is_counted_against_the_held_out_not_by_who_stayed() -> None:
    """Of 1,000 treated 920 stayed; 900 of them would have stayed anyway."""
    left = two_sample.difference_in_proportions(80, 1000, 100, 1000)
    found = incremental.saved_customers(left)
    assert found.value == pytest.approx(20)
    assert (found.low, found.high) == pytest.approx((-1000 * left.high, -1000 * left.low))
    assert found.low < found.value < found.high


def test_contact_that_drives_customers_away_saves_less_than_nobody() -> None:
    found = incremental.saved_customers(two_sample.difference_in_proportions(200, 1000, 100, 1000))
    assert found.value == pytest.approx(-100)
    assert found.high < 0


def test_the_money_is_that_of_all_who_were_assigned_less_its_cost() -> None:
    left = two_sample.difference_in_proportions(160, 2000, 20, 200)
    value = two_sample.difference_in_means(np.tile([50.0, 70.0], 1000), np.tile([48.0, 64.0], 100))
    found = incremental.incremental_outcomes(left, value, 2000.0)
    assert found.customers.value == pytest.approx(40)
    assert found.value.value == pytest.approx(2000 * 4)
    assert found.net.value == pytest.approx(8000 - 2000)
    assert found.net.low == pytest.approx(found.value.low - 2000)
    assert found.roi.value == pytest.approx(3)
    assert found.roi.low < 3 < found.roi.high
    assert found.cost == 2000


def test_what_cost_nothing_gives_no_return() -> None:
    value = two_sample.difference_in_means(np.tile([50.0, 70.0], 50), np.tile([48.0, 64.0], 50))
    found = incremental.incremental_outcomes(two_sample.difference_in_proportions(8, 100, 10, 100), value, 0.0)
    assert found.net == found.value
    assert np.isnan([found.roi.value, found.roi.low, found.roi.high]).all()


def test_what_cannot_be_measured_has_no_interval() -> None:
    found = incremental.saved_customers(two_sample.difference_in_proportions(8, 100, 1, 10))
    assert found.value == pytest.approx(2)
    assert np.isnan([found.low, found.high]).all()
