"""How many customers it takes to show what is hoped for, and when there will be as many."""

from typing import Final

import numpy as np
import pandas as pd

from retention.core.params import OutcomesParams
from retention.experiments.analysis import randomised
from retention.experiments.report_data import TargetEffect, SampleSizePlan
from retention.ledgers.assignments import CONTACT
from retention.stats import power, sequential
from retention.stats.power import ArmSizes

TARGET_EFFECTS: Final = (0.1, 0.2, 0.3, 0.5)
"""Shares of those who would leave that contacts may keep, beside the one hoped for."""

RECENT_DAYS: Final = 182  # days whose lists say at which pace customers enter
DAYS_PER_MONTH: Final = 365.25 / 12


def sample_size_plan(
    found: pd.DataFrame, has: ArmSizes, believed: float, held_out: float, today: pd.Timestamp,
    rules: OutcomesParams,
) -> SampleSizePlan | None:  # fmt: skip
    """The calculator; None where nobody is held out or nobody is thought to leave.

    found: rows of `followed.FOLLOWED`. believed: the rate of leaving where nothing is assigned
    yet. Rate and share held out are those of the first list, fixed before any outcome was seen:
    an interval that may be read at every list is planned for one size only once.
    """
    mine = randomised(found)
    first = mine[mine["as_of"] == mine["as_of"].min()]
    rate = float(first["churn_probability"].mean()) if len(first) else believed
    share = 1 - float(first["propensity"].mean()) if len(first) else held_out
    if not (0 < rate < 1 and 0 < share < 1):
        return None
    pace, times = enrolment_rate(mine, today), sequential.width_factor(1.0)

    def needed(kept: float) -> ArmSizes:
        return power.required_sample_size(rate, (1 - kept) * rate, share, times, rules.power)

    hopes = sorted({*TARGET_EFFECTS, rules.target_effect})
    smallest = power.minimum_detectable_effect(rate, has, times, rules.power)
    return SampleSizePlan(
        baseline_rate=rate,
        holdout_share=share,
        power=rules.power,
        target_effect=rules.target_effect,
        required=needed(rules.target_effect),
        observed=has,
        enrolment_rate=pace,
        minimum_detectable_effect=smallest / rate,
        target_effects=tuple(
            TargetEffect(kept, needed(kept), power.months_to_sample_size(needed(kept), has, pace)) for kept in hopes
        ),
    )


def enrolment_rate(mine: pd.DataFrame, today: pd.Timestamp) -> ArmSizes:
    """Customers whom lists of the last half year assigned for the first time, by month."""
    ago = (today - mine["as_of"]).dt.days
    recent = mine[ago <= RECENT_DAYS]
    span = float(np.clip(ago.max() if len(ago) else 0.0, DAYS_PER_MONTH, RECENT_DAYS)) / DAYS_PER_MONTH
    treated = int((recent["arm"] == CONTACT).sum())
    return ArmSizes(treated / span, (len(recent) - treated) / span)
