"""Conclusions claim what the interval shows, and nothing else."""

from math import inf, nan

import pytest

from retention.experiments.conclusions import retention_conclusion, roi_conclusion
from retention.experiments.incremental import Estimate
from retention.i18n.language import ENGLISH
from retention.stats import power, sequential, two_sample
from retention.stats.power import ArmSizes
from retention.stats.two_sample import EffectEstimate

ENOUGH = ArmSizes(3213, 3213)
PACE = ArmSizes(500, 500)


def effect(
    saved: float, low: float, high: float, treated: int = 1000, control: int = 100
) -> EffectEstimate:
    """A comparison that says so many were saved, between low and high."""
    apart, *ends = (total / treated for total in (-saved, -high, -low))
    return EffectEstimate(
        treated, control, 0.1 + apart, 0.1, apart, nan, ends[0], ends[1], nan, nan
    )


@pytest.mark.parametrize(
    ("left", "needed", "text"),
    [
        (effect(31, 6, 56), ENOUGH, "saved 31 customers, between 6 and 56"),
        (effect(1.2, 0.6, 1.9), ENOUGH, "saved 1 customer, between 1 and 2"),
        (effect(1234.5, 600, 1900, 10000), ENOUGH, "saved 1,235 customers, between 600 and 1,900"),
        (
            effect(-31, -56, -6),
            ENOUGH,
            "lost 31 customers who would have stayed if left alone, between 6 and 56",
        ),
        (
            effect(14, -12, 40, 3213, 3213),
            ENOUGH,
            "no effect shown, though there were customers enough to show one of the size looked "
            "for: between 12 customers lost and 40 saved",
        ),
        (
            effect(14, -12, 40, 640, 640),
            ENOUGH,
            "cannot be measured yet: needs 3,213 per arm, has 640, "
            "about 6 more months at this pace",
        ),
        (
            effect(14, -12, 40, 3000, 3000),
            ENOUGH,
            "cannot be measured yet: needs 3,213 per arm, has 3,000, "
            "about 1 more month at this pace",
        ),
        (
            effect(14, -12, 40, 5760, 640),
            ArmSizes(17339, 1927),
            "cannot be measured yet: needs 1,927 held out and 17,339 to contact, has 640 and "
            "5,760, about 24 more months at this pace",
        ),
        (
            effect(nan, nan, nan, 640, 0),
            ENOUGH,
            "cannot be measured yet: needs 3,213 per arm, has 0, about 7 more months at this pace",
        ),
        (
            effect(0, nan, nan, 4000, 4000),
            ENOUGH,
            "cannot be measured yet: too few customers have left so far",
        ),
        (
            effect(0, nan, nan, 4000, 4000),
            ArmSizes(inf, inf),
            "cannot be measured yet: too few customers have left so far",
        ),
    ],
)
def test_the_verdict(left: EffectEstimate, needed: ArmSizes, text: str) -> None:
    assert retention_conclusion(left, needed, PACE, ENGLISH) == text


def test_a_comparison_too_small_for_what_is_looked_for() -> None:
    """Looked for: from 10 % to 8 %; 640 in each arm, of whom 64 and 51 left."""
    left = two_sample.difference_in_proportions(51, 640, 64, 640)
    assert retention_conclusion(
        left, power.required_sample_size(0.10, 0.08), ArmSizes(515, 515), ENGLISH
    ) == ("cannot be measured yet: needs 3,213 per arm, has 640, about 5 more months at this pace")


def test_a_pace_of_nothing_never_gets_there() -> None:
    assert retention_conclusion(effect(1, -9, 9), ENOUGH, ArmSizes(0, 0), ENGLISH).endswith(
        ", never at this pace"
    )


def test_one_look_may_show_what_reading_at_every_list_does_not() -> None:
    left, needed = (
        two_sample.difference_in_proportions(240, 3300, 291, 3300),
        power.required_sample_size(0.10, 0.08),
    )
    assert (
        retention_conclusion(left, needed, PACE, ENGLISH) == "saved 51 customers, between 8 and 94"
    )
    any_time = power.required_sample_size(0.10, 0.08, critical_value=sequential.width_factor(1.0))
    read = sequential.confidence_sequence(left, any_time.total)
    assert retention_conclusion(read, any_time, PACE, ENGLISH).startswith(
        "cannot be measured yet: needs 6,153 per arm, has 3,300"
    )


@pytest.mark.parametrize(
    ("net", "text"),
    [
        (Estimate(900, 100, 1700), "earned £900 more than it cost, between £100 and £1,700"),
        (Estimate(-900, -1700, -100), "cost £900 more than it earned, between £100 and £1,700"),
        (
            Estimate(900, -100, 1900),
            "not shown to earn its cost: £900 after cost, between \u2212£100 and £1,900",
        ),
        (Estimate(900, nan, nan), "whether it earned its cost cannot be measured yet"),
    ],
)
def test_whether_it_paid(net: Estimate, text: str) -> None:
    assert roi_conclusion(net, "GBP", ENGLISH) == text
