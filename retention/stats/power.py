"""Sample sizes of an experiment on churn rates, and how long it takes to reach them."""

from dataclasses import dataclass
from math import ceil, inf, sqrt
from typing import Final

import numpy as np
from scipy.optimize import brentq
from scipy.special import ndtri

from retention.stats.intervals import Z95

POWER: Final = 0.8


@dataclass(frozen=True)
class ArmSizes:
    """Customers of each arm."""

    treated: float  # assigned to contact
    control: float  # held out

    @property
    def total(self) -> float:
        """Customers of both arms."""
        return self.treated + self.control

    def covers(self, other: "ArmSizes") -> bool:
        """Return whether each arm has as many as the other's."""
        return self.treated >= other.treated and self.control >= other.control


def required_sample_size(
    control_rate: float,
    treated_rate: float,
    holdout_share: float = 0.5,
    critical_value: float = Z95,
    power: float = POWER,
) -> ArmSizes:
    """Compute the customers of each arm with which a difference of two rates is significant.

    With k = treated / control, p the rate of both arms together,
    A = p_c (1 - p_c) + p_t (1 - p_t) / k and B = (1 + 1/k) p (1 - p),

        control = (critical_value sqrt(max(A, B)) + z_power sqrt(A))^2 / (p_c - p_t)^2

    The textbooks have B, the variance of the pooled z. Of equal arms it is the greater; with a
    small holdout that churns more it is A, the interval's, and B would promise too much.

    Parameters
    ----------
    control_rate, treated_rate : float
        P(churn) of each arm, within [0, 1].
    holdout_share : float
        Control customers among all, within (0, 1).
    critical_value : float
        Standard errors in half the interval: Z95 for one look at the end,
        `sequential.width_factor(1.0)` if it is read at every list. There the size is on the safe
        side, since an earlier look may be significant too.
    power : float
        P(significant) if the rates are as given, within (0, 1).

    Returns
    -------
    ArmSizes
        Rounded up; infinite for equal rates.

    Raises
    ------
    ValueError
        A rate or share is out of range.

    References
    ----------
    Fleiss, Levin & Paik (2003), Statistical Methods for Rates and Proportions, 3rd ed., ch. 4.
    """
    _validate(control_rate, treated_rate, holdout_share)
    control = _control_size(control_rate, treated_rate, holdout_share, critical_value, power)
    if control == inf:
        return ArmSizes(inf, inf)
    return ArmSizes(ceil(control * (1 - holdout_share) / holdout_share), ceil(control))


def _control_size(
    control_rate: float,
    treated_rate: float,
    holdout_share: float,
    critical_value: float,
    power: float,
) -> float:
    if control_rate == treated_rate:
        return inf
    k = (1 - holdout_share) / holdout_share
    p = holdout_share * control_rate + (1 - holdout_share) * treated_rate
    unpooled = control_rate * (1 - control_rate) + treated_rate * (1 - treated_rate) / k
    pooled = (1 + 1 / k) * p * (1 - p)
    reach = critical_value * sqrt(max(unpooled, pooled)) + ndtri(power) * sqrt(unpooled)
    return float((reach / (control_rate - treated_rate)) ** 2)


def minimum_detectable_effect(
    control_rate: float, enrolled: ArmSizes, critical_value: float = Z95, power: float = POWER
) -> float:
    """Compute the smallest fall of the churn rate that arms of these sizes show.

    Parameters
    ----------
    control_rate : float
        P(churn) of the control arm, within [0, 1].
    enrolled : ArmSizes
        Customers of each arm.
    critical_value, power : float
        As in `required_sample_size`.

    Returns
    -------
    float
        control_rate - treated_rate, within (0, control_rate]; nan where even the end of all churn
        would not be significant.
    """
    if min(enrolled.treated, enrolled.control) <= 0:
        return np.nan
    holdout_share = enrolled.control / enrolled.total
    _validate(control_rate, control_rate, holdout_share)

    def shortfall(effect: float) -> float:
        treated_rate = control_rate - effect
        size = _control_size(control_rate, treated_rate, holdout_share, critical_value, power)
        return size / enrolled.control - 1

    if control_rate == 0 or shortfall(control_rate) > 0:
        return np.nan
    return float(brentq(shortfall, control_rate * 1e-6, control_rate))


def months_to_sample_size(
    required: ArmSizes, enrolled: ArmSizes, enrolment_rate: ArmSizes
) -> float:
    """Count the months until both arms have the required size.

    Parameters
    ----------
    required : ArmSizes
    enrolled : ArmSizes
        Customers whose outcome is known.
    enrolment_rate : ArmSizes
        How many more outcomes become known each month.

    Returns
    -------
    float
        Rounded up; 0 where both arms have enough, infinite where one never will.
    """
    return float(
        max(
            _months(required.treated - enrolled.treated, enrolment_rate.treated),
            _months(required.control - enrolled.control, enrolment_rate.control),
        )
    )


def _months(missing: float, enrolment_rate: float) -> float:
    if missing <= 0:
        return 0.0
    return ceil(missing / enrolment_rate) if enrolment_rate > 0 and missing < inf else inf


def _validate(control_rate: float, treated_rate: float, holdout_share: float) -> None:
    if not (0 <= control_rate <= 1 and 0 <= treated_rate <= 1 and 0 < holdout_share < 1):
        raise ValueError("rates lie in [0, 1], the share held out in (0, 1)")
