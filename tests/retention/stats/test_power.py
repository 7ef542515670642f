"""Sample sizes: published values, statsmodels, and simulated experiments of these sizes."""

from math import ceil, inf

import numpy as np
import pytest
from statsmodels.stats.proportion import samplesize_proportions_2indep_onetail

from retention.stats import intervals, power, sequential, two_sample
from retention.stats.power import ArmSizes


@pytest.mark.parametrize(
    ("control", "treated", "size"),
    [(0.10, 0.09, 13495), (0.10, 0.08, 3213), (0.20, 0.18, 6039), (0.05, 0.045, 28408)],
)
def test_sizes_are_as_published(control: float, treated: float, size: int) -> None:
    assert power.required_sample_size(control, treated) == ArmSizes(size, size)
    assert power.required_sample_size(treated, control) == ArmSizes(size, size)


def test_sizes_are_those_of_statsmodels() -> None:
    """Where the pooled variance is the greater; else the size is larger than the textbook's."""
    for control, treated in ((0.10, 0.08), (0.02, 0.015), (0.5, 0.4), (0.1, 0.2)):
        for holdout_share in (0.5, 0.3, 0.7):
            arms = power.required_sample_size(control, treated, holdout_share)
            textbook = samplesize_proportions_2indep_onetail(
                control - treated,
                treated,
                power.POWER,
                ratio=(1 - holdout_share) / holdout_share,
                alpha=0.025,
                alternative="larger" if control > treated else "smaller",
            )
            assert arms.control >= textbook, (control, treated, holdout_share)
            if holdout_share == 0.5:
                assert arms.control == ceil(textbook), (control, treated)


def is_significant(
    rng: np.random.Generator, arms: ArmSizes, rates: tuple[float, float], planned: float
) -> bool:
    """Whether an experiment of this size is significant; planned: 0 for one look."""
    n = int(arms.treated), int(arms.control)
    left = [rng.binomial(n, p) for n, p in zip(n, rates, strict=True)]
    estimate = two_sample.difference_in_proportions(left[0], n[0], left[1], n[1])
    return (sequential.confidence_sequence(estimate, planned) if planned else estimate).significant


@pytest.mark.parametrize("held_out", [0.5, 0.2, 0.1])
@pytest.mark.parametrize("any_time", [False, True], ids=["one look", "any time"])
def test_experiments_of_that_size_show_the_effect_in_4_of_5(
    held_out: float, any_time: bool
) -> None:
    arms = power.required_sample_size(
        0.15, 0.10, held_out, sequential.width_factor(1.0) if any_time else intervals.Z95
    )
    assert arms.control / arms.total == pytest.approx(held_out, rel=0.01)
    rng = np.random.default_rng(4)
    planned = arms.total if any_time else 0.0
    runs = [is_significant(rng, arms, (0.10, 0.15), planned) for _ in range(2000)]
    assert 0.76 <= np.mean(runs) <= 0.84


def test_a_small_holdout_needs_more_customers_but_fewer_held_out() -> None:
    half, tenth = (
        power.required_sample_size(0.10, 0.08),
        power.required_sample_size(0.10, 0.08, 0.1),
    )
    assert tenth.control < half.control
    assert tenth.total > 2 * half.total
    assert tenth == ArmSizes(17339, 1927)


def test_reading_at_every_list_costs_almost_as_many_again() -> None:
    any_time = power.required_sample_size(0.10, 0.08, critical_value=sequential.width_factor(1.0))
    assert any_time == ArmSizes(6153, 6153)


def test_equal_rates_need_infinitely_many_customers() -> None:
    assert power.required_sample_size(0.1, 0.1) == ArmSizes(inf, inf)
    assert (
        power.months_to_sample_size(
            power.required_sample_size(0.1, 0.1), ArmSizes(10, 10), ArmSizes(10, 10)
        )
        == inf
    )


@pytest.mark.parametrize(
    ("control", "treated", "held_out"),
    [(-0.1, 0.1, 0.5), (0.1, 1.1, 0.5), (0.1, 0.2, 0.0), (0.1, 0.2, 1.0)],
)
def test_what_is_no_rate_is_refused(control: float, treated: float, held_out: float) -> None:
    with pytest.raises(ValueError, match="rates lie"):
        power.required_sample_size(control, treated, held_out)


@pytest.mark.parametrize("held_out", [0.5, 0.1])
def test_the_smallest_effect_is_the_size_turned_round(held_out: float) -> None:
    arms = power.required_sample_size(0.10, 0.08, held_out)
    assert power.minimum_detectable_effect(0.10, arms) == pytest.approx(0.02, rel=1e-3)


@pytest.mark.parametrize("arms", [ArmSizes(0, 10), ArmSizes(10, 0), ArmSizes(10, 10)])
def test_too_few_show_no_effect_at_all(arms: ArmSizes) -> None:
    assert np.isnan(power.minimum_detectable_effect(0.1, arms))


def test_without_leavers_there_is_no_effect_to_show() -> None:
    assert np.isnan(power.minimum_detectable_effect(0.0, ArmSizes(1000, 1000)))


@pytest.mark.parametrize(
    ("has", "a_month", "months"),
    [
        (ArmSizes(640, 640), ArmSizes(515, 515), 5),
        (ArmSizes(640, 640), ArmSizes(514, 514), 6),
        (ArmSizes(3213, 3213), ArmSizes(0, 0), 0),
        (ArmSizes(3213, 640), ArmSizes(0, 515), 5),
        (ArmSizes(640, 3213), ArmSizes(0, 515), inf),
        (ArmSizes(640, 640), ArmSizes(5000, 100), 26),
    ],
    ids=["5", "a bit more", "enough", "one arm has", "never", "the slower arm"],
)
def test_months_are_those_of_the_arm_that_takes_longest(
    has: ArmSizes, a_month: ArmSizes, months: float
) -> None:
    assert power.months_to_sample_size(ArmSizes(3213, 3213), has, a_month) == months
