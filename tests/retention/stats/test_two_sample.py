"""Intention to treat: published values, statsmodels, and a thousand simulated experiments."""

from dataclasses import dataclass
from functools import cache

import numpy as np
import pytest
from statsmodels.stats.proportion import confint_proportions_2indep, proportions_ztest
from statsmodels.stats.weightstats import CompareMeans, ttest_ind

from examples.telecom.write import truth
from retention.core.params import SimulationParams
from retention.stats import two_sample
from retention.stats.intervals import Floats
from retention.stats.two_sample import EffectEstimate

RUNS = 1000
WITHIN_REACH = 1500
HELD_OUT = 0.1
COMPANY = SimulationParams(customers=6000, weeks=52, seed=7)


def measured(estimate: EffectEstimate) -> bool:
    numbers = [estimate.standard_error, estimate.low, estimate.high, estimate.z, estimate.p_value]
    assert len(set(np.isnan(numbers))) == 1
    return not np.isnan(estimate.low)


# A published experiment: Cookie Cats, a game whose first gate stood at level 30 or 40


def test_players_kept_for_a_week_are_as_published() -> None:
    estimate = two_sample.difference_in_proportions(8502, 44700, 8279, 45489)
    points = [100 * bound for bound in (estimate.difference, estimate.low, estimate.high)]
    assert points == pytest.approx([0.820, 0.312, 1.328], abs=5e-4)
    assert estimate.z == pytest.approx(3.164, abs=5e-4)
    assert estimate.p_value == pytest.approx(0.00155, abs=5e-6)
    assert estimate.significant


def test_players_kept_for_a_day_may_be_chance() -> None:
    estimate = two_sample.difference_in_proportions(20034, 44700, 20119, 45489)
    points = [100 * bound for bound in (estimate.difference, estimate.low, estimate.high)]
    assert points == pytest.approx([0.591, -0.058, 1.239], abs=5e-4)
    assert estimate.z == pytest.approx(1.784, abs=5e-4)
    assert not estimate.significant


# Estimates


def test_the_effect_is_that_of_the_treated_less_that_of_the_control() -> None:
    estimate = two_sample.difference_in_proportions(80, 1000, 100, 1000)
    assert (estimate.treated_mean, estimate.control_mean) == (0.08, 0.1)
    assert estimate.difference == pytest.approx(-0.02)
    assert estimate.z < 0


def test_proportions_have_walds_interval_and_the_pooled_z() -> None:
    for counts in ((80, 1000, 100, 1000), (8502, 44700, 8279, 45489), (300, 900, 20, 100)):
        estimate = two_sample.difference_in_proportions(*counts)
        treated_churned, treated, control_churned, control = counts
        z, p_value = proportions_ztest((treated_churned, control_churned), (treated, control))
        assert (estimate.z, estimate.p_value) == pytest.approx((z, p_value)), counts
        interval = confint_proportions_2indep(*counts, method="wald", compare="diff")
        assert (estimate.low, estimate.high) == pytest.approx(interval), counts


def test_means_have_welchs_interval() -> None:
    generator = np.random.default_rng(1)
    for treated, control in ((40, 50), (30, 400), (2000, 100)):
        values = generator.normal(5, 2, treated), generator.exponential(4, control)
        estimate = two_sample.difference_in_means(*values)
        t, _, degrees = ttest_ind(*values, usevar="unequal")
        assert estimate.z == pytest.approx(t), (treated, control)
        assert two_sample.welch(*values)[1] == pytest.approx(degrees), (treated, control)
        interval = CompareMeans.from_data(*values).tconfint_diff(usevar="unequal")
        assert (estimate.low, estimate.high) == pytest.approx(interval), (treated, control)


def test_equal_chances_weigh_nothing() -> None:
    values = np.random.default_rng(1).normal(5, 2, 500)
    treated = np.arange(500) % 5 > 0
    welch = two_sample.difference_in_means(values[treated], values[~treated])
    estimate = two_sample.hajek_difference(values, treated, np.full(500, 0.8), np.arange(500))
    assert estimate.difference == pytest.approx(welch.difference)
    assert estimate.standard_error == pytest.approx(welch.standard_error)


def test_a_customer_with_two_rows_counts_once() -> None:
    values = np.random.default_rng(1).normal(5, 2, 500)
    treated, chance, who = np.arange(500) % 2 > 0, np.full(500, 0.5), np.arange(500)
    once = two_sample.hajek_difference(values, treated, chance, who)
    rows = np.tile(values, 2), np.tile(treated, 2), np.tile(chance, 2)
    twice = two_sample.hajek_difference(*rows, np.tile(who, 2))
    assert twice.standard_error == pytest.approx(once.standard_error, rel=0.01)
    apart = two_sample.hajek_difference(*rows, np.arange(1000))
    assert apart.standard_error == pytest.approx(once.standard_error / np.sqrt(2), rel=0.01)


@pytest.mark.parametrize("chance", [0.0, 1.0, np.nan])
def test_a_propensity_of_0_or_1_is_refused(chance: float) -> None:
    with pytest.raises(ValueError, match="no draw"):
        two_sample.hajek_difference([0, 1], [0, 1], [0.5, chance], [1, 2])


@pytest.mark.parametrize(
    ("counts", "has_interval"),
    [
        ((0, 0, 0, 0), False),
        ((3, 100, 0, 0), False),
        ((100, 900, 4, 100), False),
        ((100, 900, 5, 100), True),
        ((100, 900, 96, 100), False),
        ((10, 29, 10, 100), False),
        ((10, 30, 10, 100), True),
    ],
    ids=["nobody", "none held out", "4 left", "5 left", "4 stayed", "29 treated", "30 treated"],
)
def test_a_handful_gives_no_interval(counts: tuple[int, int, int, int], has_interval: bool) -> None:
    estimate = two_sample.difference_in_proportions(*counts)
    assert measured(estimate) == has_interval
    assert has_interval or not estimate.significant
    arms = [np.arange(size) < left for left, size in (counts[:2], counts[2:])]
    assert measured(two_sample.difference_in_means(*arms)) == has_interval
    treated = np.repeat([True, False], [len(arm) for arm in arms])
    rows = np.concatenate(arms), treated, np.full(len(treated), 0.5), np.arange(len(treated))
    assert measured(two_sample.hajek_difference(*rows)) == has_interval


# A thousand experiments in one company with known outcomes under both treatments


@dataclass(frozen=True)
class Chances:
    """Of each customer within reach: P(leaves) if held out and if assigned, value if kept."""

    alone: Floats
    called: Floats
    value: Floats


@cache
def company() -> Chances:
    """Those who within a quarter would cost the company most, at one of its snapshots."""
    true_customers = truth(COMPANY, [39], 0.6)[0].to_pandas()
    loss = true_customers["churn_probability"] * true_customers["expected_value"]
    first = true_customers.loc[loss.nlargest(WITHIN_REACH).index]
    alone = first["churn_probability"].to_numpy()
    value = first["expected_value"].to_numpy() / np.maximum(1 - alone, 0.05)
    return Chances(alone, np.clip(alone + first["outreach_effect"].to_numpy(), 0, 1), value)


def draws(chances: Chances) -> tuple[list[EffectEstimate], list[EffectEstimate]]:
    """Of leaving and of value, in each of RUNS draws of arms and of who then leaves."""
    rng, left, value = np.random.default_rng(1), [], []
    for _ in range(RUNS):
        treated = rng.random(WITHIN_REACH) >= HELD_OUT
        gone = rng.random(WITHIN_REACH) < np.where(treated, chances.called, chances.alone)
        kept_value = np.where(gone, 0.0, chances.value)
        lost, held = gone[treated], gone[~treated]
        left.append(
            two_sample.difference_in_proportions(lost.sum(), len(lost), held.sum(), len(held))
        )
        value.append(two_sample.difference_in_means(kept_value[treated], kept_value[~treated]))
    return left, value


def covered(estimates: list[EffectEstimate], effect: float) -> float:
    return float(np.mean([estimate.low <= effect <= estimate.high for estimate in estimates]))


def test_the_interval_covers_the_true_effect_19_times_in_20() -> None:
    """The truth is the mean effect on all within reach, treated or not, whatever was drawn."""
    chances = company()
    left, value = draws(chances)
    effect = chances.called - chances.alone
    assert effect.mean() < -0.02
    assert 0.93 <= covered(left, effect.mean()) <= 0.97
    assert 0.93 <= covered(value, (-effect * chances.value).mean()) <= 0.97
    assert np.mean([estimate.difference for estimate in left]) == pytest.approx(
        effect.mean(), abs=0.003
    )


def test_no_effect_is_significant_once_in_20() -> None:
    chances = company()
    left, value = draws(Chances(chances.alone, chances.alone, chances.value))
    assert 0.03 <= np.mean([estimate.significant for estimate in left]) <= 0.07
    assert 0.03 <= np.mean([estimate.p_value < 0.05 for estimate in left]) <= 0.07
    assert 0.03 <= np.mean([estimate.significant for estimate in value]) <= 0.07


def test_weights_undo_shares_that_went_with_the_risk() -> None:
    """A campaign of high risk holds out 1 in 10, one of low risk every other: no effect in both."""
    rng, weighted, plain = np.random.default_rng(2), [], []
    chance, risk = np.repeat([0.9, 0.5], 600), np.repeat([0.4, 0.1], 600)
    for _ in range(RUNS):
        treated, left = rng.random(1200) < chance, rng.random(1200) < risk
        weighted.append(two_sample.hajek_difference(left, treated, chance, np.arange(1200)))
        plain.append(two_sample.difference_in_means(left[treated], left[~treated]))
    assert 0.93 <= covered(weighted, 0.0) <= 0.97
    assert covered(plain, 0.0) < 0.1
