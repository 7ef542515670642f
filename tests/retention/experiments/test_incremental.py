"""Saved customers and money: signs, sums and what the intervals pass on."""

import numpy as np
import pytest

from retention.experiments import incremental
from retention.stats import two_sample


def test_saved_is_counted_against_the_held_out_not_by_who_stayed() -> None:
    """Of 1,000 treated 920 stayed; 900 of them would have stayed anyway."""
    left = two_sample.difference_in_proportions(80, 1000, 100, 1000)
    saved = incremental.saved_customers(left)
    assert saved.value == pytest.approx(20)
    assert (saved.low, saved.high) == pytest.approx((-1000 * left.high, -1000 * left.low))
    assert saved.low < saved.value < saved.high


def test_contact_that_drives_customers_away_saves_less_than_nobody() -> None:
    saved = incremental.saved_customers(two_sample.difference_in_proportions(200, 1000, 100, 1000))
    assert saved.value == pytest.approx(-100)
    assert saved.high < 0


def test_the_money_is_that_of_all_who_were_assigned_less_its_cost() -> None:
    left = two_sample.difference_in_proportions(160, 2000, 20, 200)
    value = two_sample.difference_in_means(np.tile([50.0, 70.0], 1000), np.tile([48.0, 64.0], 100))
    totals = incremental.incremental_outcomes(left, value, 2000.0)
    assert totals.customers.value == pytest.approx(40)
    assert totals.value.value == pytest.approx(2000 * 4)
    assert totals.net.value == pytest.approx(8000 - 2000)
    assert totals.net.low == pytest.approx(totals.value.low - 2000)
    assert totals.roi.value == pytest.approx(3)
    assert totals.roi.low < 3 < totals.roi.high
    assert totals.cost == 2000


def test_what_cost_nothing_gives_no_return() -> None:
    value = two_sample.difference_in_means(np.tile([50.0, 70.0], 50), np.tile([48.0, 64.0], 50))
    totals = incremental.incremental_outcomes(
        two_sample.difference_in_proportions(8, 100, 10, 100), value, 0.0
    )
    assert totals.net == totals.value
    assert np.isnan([totals.roi.value, totals.roi.low, totals.roi.high]).all()


def test_what_cannot_be_measured_has_no_interval() -> None:
    saved = incremental.saved_customers(two_sample.difference_in_proportions(8, 100, 1, 10))
    assert saved.value == pytest.approx(2)
    assert np.isnan([saved.low, saved.high]).all()
