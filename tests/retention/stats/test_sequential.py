"""Peeking: 20 looks mislead the usual interval, but not the confidence sequence."""

from functools import cache

import numpy as np
import pytest

from retention.stats import sequential, two_sample
from retention.stats.two_sample import EffectEstimate

RUNS, LOOKS = 1000, 20
A_LOOK = 300  # customers who are new at each
PLANNED = LOOKS * A_LOOK


@cache
def looks(treated_rate: float, control_rate: float, held_out: float) -> list[list[EffectEstimate]]:
    """RUNS experiments, each compared again after every A_LOOK customers."""
    rng, ends = np.random.default_rng(3), np.arange(A_LOOK, PLANNED + 1, A_LOOK)
    runs = []
    for _ in range(RUNS):
        treated = rng.random(PLANNED) >= held_out
        left = rng.random(PLANNED) < np.where(treated, treated_rate, control_rate)
        counts = [np.cumsum(mask)[ends - 1] for mask in (treated & left, treated, ~treated & left)]
        rows = zip(
            *(counts_of_arm.tolist() for counts_of_arm in counts), ends.tolist(), strict=True
        )
        runs.append([two_sample.difference_in_proportions(a, m, b, n - m) for a, m, b, n in rows])
    return runs


def ever(runs: list[list[EffectEstimate]], planned: float | None) -> float:
    """The share of experiments in which a look shows something."""
    return float(np.mean([any(read(look, planned).significant for look in run) for run in runs]))


def read(estimate: EffectEstimate, planned: float | None) -> EffectEstimate:
    return estimate if planned is None else sequential.confidence_sequence(estimate, planned)


@pytest.mark.parametrize(("rate", "held_out"), [(0.15, 0.1), (0.05, 0.1), (0.10, 0.5)])
def test_peeking_misleads_the_usual_interval_and_not_this_one(rate: float, held_out: float) -> None:
    runs = looks(rate, rate, held_out)
    assert ever(runs, None) > 0.10
    for planned in (PLANNED / 4, PLANNED, 4 * PLANNED):
        assert ever(runs, planned) <= 0.05


def test_it_holds_the_true_effect_at_all_looks_together() -> None:
    runs = [
        [sequential.confidence_sequence(estimate, PLANNED) for estimate in run]
        for run in looks(0.10, 0.15, 0.2)
    ]
    missed = [any(look.low > -0.05 or look.high < -0.05 for look in run) for run in runs]
    assert np.mean(missed) <= 0.05


def test_an_effect_is_mostly_shown_halfway() -> None:
    halfway = [run[: LOOKS // 2] for run in looks(0.10, 0.15, 0.2)]
    assert ever(halfway, PLANNED) > 0.5


def test_the_factor_solves_the_published_equation() -> None:
    """Times sqrt(n) it is the boundary of the sum: exp(S^2 rho^2 / 2 (n rho^2 + 1)) of a mixture
    over a normal mean, over sqrt(n rho^2 + 1), is 1 / alpha there."""
    ratios = np.array([0.05, 0.3, 1.0, 7.0])
    times = np.array([sequential.width_factor(ratio) for ratio in ratios])
    best = 8.21196806806825
    assert best - np.log1p(best) == pytest.approx(-2 * np.log(0.05))
    r = best * ratios
    assert np.exp(times**2 * r / (2 * (1 + r))) / np.sqrt(1 + r) == pytest.approx(1 / 0.05)


def test_it_is_narrowest_where_planned() -> None:
    ways = np.geomspace(0.1, 10, 201)
    assert ways[np.argmin([sequential.width_factor(ratio) for ratio in ways])] == pytest.approx(1.0)
    assert sequential.width_factor(1.0) == pytest.approx(3.0351, abs=1e-4)


@pytest.mark.parametrize("left", [60, 75, 76, 77, 78, 100])
def test_the_p_value_goes_with_the_interval(left: int) -> None:
    estimate = sequential.confidence_sequence(
        two_sample.difference_in_proportions(left, 1000, 120, 1000), 2000
    )
    assert estimate.significant == (estimate.p_value < 0.05)
    assert estimate.p_value > two_sample.difference_in_proportions(left, 1000, 120, 1000).p_value


def test_no_difference_is_no_evidence() -> None:
    assert (
        sequential.confidence_sequence(
            two_sample.difference_in_proportions(50, 1000, 50, 1000), 2000
        ).p_value
        == 1
    )


def test_what_had_no_interval_has_none_now() -> None:
    estimate = sequential.confidence_sequence(
        two_sample.difference_in_proportions(3, 10, 1, 10), 2000
    )
    assert np.isnan([estimate.low, estimate.high, estimate.p_value]).all()


@pytest.mark.parametrize("planned", [0, -1, np.inf, np.nan])
def test_a_plan_is_needed(planned: float) -> None:
    with pytest.raises(ValueError, match="planned"):
        sequential.confidence_sequence(
            two_sample.difference_in_proportions(50, 1000, 50, 1000), planned
        )
