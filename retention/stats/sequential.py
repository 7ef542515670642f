"""Confidence sequences: intervals that hold at all looks at an experiment together.

The usual 95 % interval is right for one look, planned beforehand. Whoever looks at every list and
stops at the first significant one is misled far more often than in 1 case of 20. The asymptotic
confidence sequence of Waudby-Smith, Arbour, Sinha, Kennedy & Ramdas (2024, Annals of Statistics 52)
holds at all looks at once, however many and whenever one stops: with n customers in both arms and
the standard error s of the difference,

    difference +- s sqrt((1 + 1/r) (log(1 + r) - 2 log(alpha))),   r = n rho^2

rho sets the n at which the interval is narrowest. For n = planned it solves
r - log(1 + r) = -2 log(alpha), so that r = -W(-alpha^2 / e) - 1 with W Lambert's function on its
lower branch. There it is 1.55 times as wide as that of one look; with half or twice as many
customers 1.57 times, with a tenth 1.95 times as wide as one look's at that size. The guarantee
is asymptotic: `two_sample` gives no interval to the smallest samples.
"""

from dataclasses import replace
from math import exp, inf, log, sqrt
from typing import Final

import numpy as np
from scipy.special import lambertw

from retention.stats.intervals import LEVEL
from retention.stats.two_sample import EffectEstimate

_ALPHA: Final = 1 - LEVEL
_R_AT_PLAN: Final = -float(np.real(lambertw(-(_ALPHA**2) / np.e, -1))) - 1


def confidence_sequence(estimate: EffectEstimate, planned: float) -> EffectEstimate:
    """Give a difference the interval and p-value that hold at all looks together.

    Parameters
    ----------
    estimate : EffectEstimate
        The difference as of this look.
    planned : float
        Customers in both arms at which the interval is to be narrowest, such as
        `required_sample_size(...).total`; fixed before the first look.

    Returns
    -------
    EffectEstimate
        p_value is the least alpha whose interval excludes zero.

    Raises
    ------
    ValueError
        `planned` is not above 0 and finite.
    """
    if not 0 < planned < inf:
        raise ValueError("say how many customers are planned")
    r = _R_AT_PLAN * (estimate.treated + estimate.control) / planned
    half = estimate.standard_error * _width(r)
    low, high = estimate.difference - half, estimate.difference + half
    return replace(estimate, low=low, high=high, p_value=_p_value(estimate, r))


def width_factor(ratio_to_plan: float) -> float:
    """Return the standard errors in half the interval when n = ratio_to_plan x planned."""
    return _width(_R_AT_PLAN * ratio_to_plan)


def _width(r: float) -> float:
    return sqrt((1 + 1 / r) * (log(1 + r) - 2 * log(_ALPHA)))


def _p_value(estimate: EffectEstimate, r: float) -> float:
    if not estimate.standard_error > 0:
        return np.nan
    # The interval's formula, solved for alpha at the difference.
    z = estimate.difference / estimate.standard_error
    return exp(min(0.0, log(1 + r) / 2 - z**2 * r / (2 * (1 + r))))
