"""What a contact keeps, as the randomised arms show it: the measure of a play's `save_rate`."""

import math

import pandas as pd

from retention.stats.two_sample import hajek_difference


def kept_share(outcomes: pd.DataFrame) -> dict[str, float]:
    """Estimate the share of those about to leave whom a contact keeps.

    Parameters
    ----------
    outcomes : DataFrame of n rows
        customer_id, treated (0 or 1), propensity, churned (0 or 1).

    Returns
    -------
    dict of str to float
        kept, kept_low, kept_high: the difference of the arms by intention to treat with its 95 %
        interval, as a share of the held-out customers who left. Empty where an arm is too small, or
        too few differ.
    """
    columns = [outcomes[name] for name in ("churned", "treated", "propensity", "customer_id")]
    effect = hajek_difference(*columns)
    if not (math.isfinite(effect.low) and effect.control_mean > 0):
        return {}
    parts = {"kept": effect.difference, "kept_low": effect.high, "kept_high": effect.low}
    return {name: -part / effect.control_mean for name, part in parts.items()}
