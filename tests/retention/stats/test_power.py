"""Sizes against the published ones and against experiments drawn with them."""

from math import inf

import numpy as np
import pytest

from retention.stats import power, sequential, two_sample
from retention.stats.power import Arms


@pytest.mark.parametrize(
    ("control", "treated", "size"),
    [(0.10, 0.09, 13495), (0.10, 0.08, 3213), (0.20, 0.18, 6039), (0.05, 0.045, 28408)],
)
def test_sizes_are_as_published(control: float, treated: float, size: int) -> None:
    assert power.size(control, treated) == Arms(size, size)
    assert power.size(treated, control) == Arms(size, size)


def shown(rng: np.random.Generator, arms: Arms, rates: tuple[float, float], planned: float) -> bool:
    """Whether an experiment of this size shows its effect; planned: 0 for one look."""
    many = int(arms.treated), int(arms.control)
    left = [rng.binomial(n, p) for n, p in zip(many, rates, strict=True)]
    found = two_sample.proportion(left[0], many[0], left[1], many[1])
    return (sequential.at_any_time(found, planned) if planned else found).shown


@pytest.mark.parametrize("held_out", [0.5, 0.2, 0.1])
@pytest.mark.parametrize("any_time", [False, True], ids=["one look", "any time"])
def test_experiments_of_that_size_show_the_effect_in_4_of_5(
    held_out: float, any_time: bool
) -> None:
    arms = power.size(0.15, 0.10, held_out, sequential.factor(1.0) if any_time else two_sample.Z)
    assert arms.control / arms.both == pytest.approx(held_out, rel=0.01)
    rng = np.random.default_rng(4)
    planned = arms.both if any_time else 0.0
    runs = [shown(rng, arms, (0.10, 0.15), planned) for _ in range(2000)]
    assert 0.76 <= np.mean(runs) <= 0.84


def test_a_small_holdout_needs_more_customers_but_fewer_held_out() -> None:
    half, tenth = power.size(0.10, 0.08), power.size(0.10, 0.08, 0.1)
    assert tenth.control < half.control
    assert tenth.both > 2 * half.both
    assert tenth == Arms(17339, 1927)


def test_reading_at_every_list_costs_almost_as_many_again() -> None:
    any_time = power.size(0.10, 0.08, times=sequential.factor(1.0))
    assert any_time == Arms(6153, 6153)


def test_equal_rates_are_never_told_apart() -> None:
    assert power.size(0.1, 0.1) == Arms(inf, inf)
    assert power.months(power.size(0.1, 0.1), Arms(10, 10), Arms(10, 10)) == inf


@pytest.mark.parametrize(
    ("control", "treated", "held_out"),
    [(-0.1, 0.1, 0.5), (0.1, 1.1, 0.5), (0.1, 0.2, 0.0), (0.1, 0.2, 1.0)],
)
def test_what_is_no_rate_is_refused(control: float, treated: float, held_out: float) -> None:
    with pytest.raises(ValueError, match="rates lie"):
        power.size(control, treated, held_out)


@pytest.mark.parametrize("held_out", [0.5, 0.1])
def test_the_smallest_effect_is_the_size_turned_round(held_out: float) -> None:
    arms = power.size(0.10, 0.08, held_out)
    assert power.smallest_effect(0.10, arms) == pytest.approx(0.02, rel=1e-3)


@pytest.mark.parametrize("arms", [Arms(0, 10), Arms(10, 0), Arms(10, 10)])
def test_too_few_show_no_effect_at_all(arms: Arms) -> None:
    assert np.isnan(power.smallest_effect(0.1, arms))


def test_without_leavers_there_is_no_effect_to_show() -> None:
    assert np.isnan(power.smallest_effect(0.0, Arms(1000, 1000)))


@pytest.mark.parametrize(
    ("has", "a_month", "months"),
    [
        (Arms(640, 640), Arms(515, 515), 5),
        (Arms(640, 640), Arms(514, 514), 6),
        (Arms(3213, 3213), Arms(0, 0), 0),
        (Arms(3213, 640), Arms(0, 515), 5),
        (Arms(640, 3213), Arms(0, 515), inf),
        (Arms(640, 640), Arms(5000, 100), 26),
    ],
    ids=["5", "a bit more", "enough", "one arm has", "never", "the slower arm"],
)
def test_months_are_those_of_the_arm_that_takes_longest(
    has: Arms, a_month: Arms, months: float
) -> None:
    assert power.months(Arms(3213, 3213), has, a_month) == months
