"""Randomisation checks: a sound assignment passes, a broken one is found."""

import numpy as np
import pandas as pd
import pytest

from retention.stats import balance
from retention.stats.balance import Balance

CUSTOMERS = 1000


def customers(seed: int) -> pd.DataFrame:
    """Columns that hang together, are skewed, rare, and null for some."""
    rng = np.random.default_rng(seed)
    risk = rng.beta(1, 6, CUSTOMERS)
    tenure = rng.exponential(500, CUSTOMERS)
    noisy_tenure = np.where(
        rng.random(CUSTOMERS) < 0.2, np.nan, tenure + rng.normal(0, 50, CUSTOMERS)
    )
    return pd.DataFrame(
        {
            "risk": risk,
            "value": np.exp(3 + 2 * risk + rng.normal(0, 1, CUSTOMERS)),
            "tenure": tenure,
            "seen": noisy_tenure,
            "rare": rng.random(CUSTOMERS) < 0.02,
        }
    )


def balance_of(seed: int, chance: float | np.ndarray = 0.9) -> Balance:
    propensity = np.full(CUSTOMERS, chance)
    treated = np.random.default_rng([seed, 1]).random(CUSTOMERS) < propensity
    return balance.balance(customers(seed), treated, propensity)


def test_a_sound_assignment_is_rejected_at_the_nominal_rate() -> None:
    balances = [balance_of(seed) for seed in range(1000)]
    for p in (
        [check.joint_p_value for check in balances],
        [check.srm_p_value for check in balances],
    ):
        assert 0.03 <= np.mean(np.array(p) < 0.05) <= 0.07
    assert np.mean([check.is_balanced for check in balances]) > 0.96


def test_propensities_that_depend_on_a_covariate_are_no_imbalance() -> None:
    shares = [np.where(customers(seed)["risk"] > 0.15, 0.9, 0.5) for seed in range(300)]
    balances = [balance_of(seed, propensities) for seed, propensities in enumerate(shares)]
    assert np.mean([check.is_balanced for check in balances]) > 0.95
    assert (
        abs(np.mean([check.columns["standardized_mean_difference"]["risk"] for check in balances]))
        < 0.02
    )


def test_staff_who_pick_the_risky_from_those_held_out_are_found() -> None:
    """A tenth were held out; then a third of the riskiest of them was contacted after all."""
    before, propensity = customers(1), np.full(CUSTOMERS, 0.9)
    rng = np.random.default_rng(5)
    treated = rng.random(CUSTOMERS) < propensity
    treated |= (before["risk"] > 0.15).to_numpy() & (rng.random(CUSTOMERS) < 0.7)
    check = balance.balance(before, treated, propensity)
    assert check.columns["standardized_mean_difference"]["risk"] > 0.1
    assert check.joint_p_value < 0.01
    assert not check.is_balanced


def test_held_out_who_were_lost_from_the_books_are_found_by_their_number() -> None:
    before, propensity = customers(1), np.full(CUSTOMERS, 0.9)
    treated = np.random.default_rng(5).random(CUSTOMERS) < 0.95
    check = balance.balance(before, treated, propensity)
    assert check.srm_p_value < 1e-6
    assert check.joint_p_value > 0.01
    assert not check.is_balanced


def test_the_difference_is_in_standard_deviations() -> None:
    before = pd.DataFrame({"x": [1.0, 3.0, 5.0, 7.0] * 10, "same": 4.0, "none": np.nan})
    treated = np.array([False, False, True, True] * 10)
    columns = balance.balance(before, treated, np.full(40, 0.5)).columns
    assert list(columns.loc["x"]) == pytest.approx([6.0, 2.0, 4.0])
    assert list(columns["standardized_mean_difference"])[1:] == [0.0, 0.0]


def test_a_column_given_twice_counts_once() -> None:
    before, propensity = customers(1)[["risk", "tenure"]], np.full(CUSTOMERS, 0.9)
    treated = np.random.default_rng(5).random(CUSTOMERS) < propensity
    once = balance.balance(before, treated, propensity)
    twice = balance.balance(before.assign(again=3 * before["risk"] + 1e6), treated, propensity)
    assert twice.joint_p_value == pytest.approx(once.joint_p_value, rel=1e-6)


def test_where_nothing_varies_nothing_is_doubted() -> None:
    same = pd.DataFrame({"same": [1.0] * 40})
    check = balance.balance(same, np.arange(40) % 2, np.full(40, 0.5))
    assert np.isnan(check.joint_p_value)
    assert check.is_balanced
    nobody = balance.balance(same.iloc[:0], [], [])
    assert np.isnan([nobody.srm_p_value, nobody.joint_p_value]).all()
    assert nobody.is_balanced
