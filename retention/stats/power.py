"""How many customers a comparison of two shares of leavers needs, and when it will have them."""

from dataclasses import dataclass
from math import ceil, inf, sqrt
from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri

from retention.stats.two_sample import Z

POWER: Final = 0.8  # the chance that an effect of the size looked for is shown


@dataclass(frozen=True)
class ArmSizes:
    """Customers assigned to contact, customers held out."""

    treated: float
    control: float

    @property
    def total(self) -> float:
        return self.treated + self.control

    def covers(self, other: "ArmSizes") -> bool:
        """Whether each arm has as many as the other's."""
        return self.treated >= other.treated and self.control >= other.control


def required_sample_size(
    control_rate: float,
    treated_rate: float,
    holdout_share: float = 0.5,
    critical_value: float = Z,
    power: float = POWER,
) -> ArmSizes:
    """The customers of each arm with which the difference of two rates is shown, rounded up.

    held_out: share of all who are held out, in (0, 1). times: the standard errors that half the
    interval takes: Z for one look at the end, `always.factor(1.0)` if it is read at every list;
    there the number is on the safe side, since an earlier look may show it too. With
    k = treated / control, p the rate of both arms together, A = p_c (1 - p_c) + p_t (1 - p_t) / k
    and B = (1 + 1/k) p (1 - p) (Fleiss, Levin & Paik 2003)

    control = (times sqrt(max(A, B)) + z_power sqrt(A))^2 / (p_c - p_t)^2

    The textbooks have B, the variance of the pooled z. Of equal arms it is the greater; with a
    small holdout that leaves more often it is A, the interval's, and B would promise too much.

    Infinite for equal rates, ValueError for a rate or share that is none.
    """
    _validate(control_rate, treated_rate, holdout_share)
    control_arm = _control_arm_size(
        control_rate, treated_rate, holdout_share, critical_value, power
    )
    if control_arm == inf:
        return ArmSizes(inf, inf)
    return ArmSizes(ceil(control_arm * (1 - holdout_share) / holdout_share), ceil(control_arm))


def _control_arm_size(
    control: float, treated: float, holdout_share: float, critical_value: float, power: float
) -> float:
    if control == treated:
        return inf
    k = (1 - holdout_share) / holdout_share
    p = holdout_share * control + (1 - holdout_share) * treated
    apart = control * (1 - control) + treated * (1 - treated) / k
    pooled = (1 + 1 / k) * p * (1 - p)
    reach = critical_value * sqrt(max(apart, pooled)) + ndtri(power) * sqrt(apart)
    return float((reach / (control - treated)) ** 2)


def minimum_detectable_effect(
    control_rate: float, enrolled: ArmSizes, critical_value: float = Z, power: float = POWER
) -> float:
    """By how much contact must lower the rate of leaving for these arms to show it, in (0, 1).

    nan where even an end to all leaving would not be shown.
    """
    if min(enrolled.treated, enrolled.control) <= 0:
        return np.nan
    holdout_share = enrolled.control / enrolled.total
    _validate(control_rate, control_rate, holdout_share)

    def missing(effect: float) -> float:
        treated = control_rate - effect
        return (
            _control_arm_size(control_rate, treated, holdout_share, critical_value, power)
            / enrolled.control
            - 1
        )

    if control_rate == 0 or missing(control_rate) > 0:
        return np.nan
    return float(brentq(missing, control_rate * 1e-6, control_rate))


def months_to_sample_size(
    required: ArmSizes, enrolled: ArmSizes, enrolment_rate: ArmSizes
) -> float:
    """Until both arms have enough, rounded up: 0 if they have, infinite if never.

    has: customers whose outcome is known; a_month: how many more become known each month.
    """
    return float(
        max(
            _months_for_arm(required.treated - enrolled.treated, enrolment_rate.treated),
            _months_for_arm(required.control - enrolled.control, enrolment_rate.control),
        )
    )


def _months_for_arm(missing: float, enrolment_rate: float) -> float:
    if missing <= 0:
        return 0.0
    return ceil(missing / enrolment_rate) if enrolment_rate > 0 and missing < inf else inf


def _validate(control: float, treated: float, holdout_share: float) -> None:
    if not (0 <= control <= 1 and 0 <= treated <= 1 and 0 < holdout_share < 1):
        raise ValueError("rates lie in [0, 1], the share held out in (0, 1)")
