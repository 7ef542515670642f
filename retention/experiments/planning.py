"""Sample size: how many customers the target effect needs, and when there will be as many."""

from typing import Final

import numpy as np
import pandas as pd

from retention.core.params import OutcomesParams
from retention.experiments import analysis
from retention.experiments.report_data import SampleSizePlan, TargetEffect
from retention.stats import power, sequential
from retention.stats.power import ArmSizes

TARGET_EFFECTS: Final = (0.1, 0.2, 0.3, 0.5)
"""Relative reductions of the churn rate to plan for, beside the target effect of the params."""

RECENT_DAYS: Final = 182  # the lists of these days say at which rate customers enrol
DAYS_PER_MONTH: Final = 365.25 / 12


def sample_size_plan(
    follow_up: pd.DataFrame,
    observed: ArmSizes,
    expected_churn_rate: float,
    holdout_share: float,
    today: pd.Timestamp,
    outcome_params: OutcomesParams,
) -> SampleSizePlan | None:
    """Plan the experiment's sample size for several effects.

    The churn rate and the holdout share are those of the campaign's first list. They are fixed
    before any outcome is known, because a confidence sequence is planned for one size only once.

    Parameters
    ----------
    follow_up : DataFrame
        FOLLOW_UP.
    observed : ArmSizes
        Customers with a known outcome.
    expected_churn_rate : float
        To plan with where nobody is assigned yet; may be nan.
    holdout_share : float
        Likewise.
    today : Timestamp
    outcome_params : OutcomesParams
        power and target_effect.

    Returns
    -------
    SampleSizePlan or None
        None where nobody is held out, or nobody is expected to churn.
    """
    assigned = analysis.randomised(follow_up)
    first_list = assigned[assigned["as_of"] == assigned["as_of"].min()]
    baseline_rate = expected_churn_rate
    if len(first_list):
        baseline_rate = float(first_list["churn_probability"].mean())
        holdout_share = 1 - float(first_list["propensity"].mean())
    if not (0 < baseline_rate < 1 and 0 < holdout_share < 1):
        return None
    rate = enrolment_rate(assigned, today)
    critical_value = sequential.width_factor(1.0)

    def required(reduction: float) -> ArmSizes:
        return power.required_sample_size(
            baseline_rate,
            (1 - reduction) * baseline_rate,
            holdout_share,
            critical_value,
            outcome_params.power,
        )

    detectable = power.minimum_detectable_effect(
        baseline_rate, observed, critical_value, outcome_params.power
    )
    return SampleSizePlan(
        baseline_rate=baseline_rate,
        holdout_share=holdout_share,
        power=outcome_params.power,
        target_effect=outcome_params.target_effect,
        required=required(outcome_params.target_effect),
        observed=observed,
        enrolment_rate=rate,
        minimum_detectable_effect=detectable / baseline_rate,
        target_effects=tuple(
            TargetEffect(
                relative_reduction=reduction,
                required=required(reduction),
                months=power.months_to_sample_size(required(reduction), observed, rate),
            )
            for reduction in sorted({*TARGET_EFFECTS, outcome_params.target_effect})
        ),
    )


def enrolment_rate(assigned: pd.DataFrame, today: pd.Timestamp) -> ArmSizes:
    """Customers per month whom the lists of the last RECENT_DAYS assigned for the first time.

    Parameters
    ----------
    assigned : DataFrame
        FOLLOW_UP.
    today : Timestamp

    Returns
    -------
    ArmSizes
        Customers per month.
    """
    age_days = (today - assigned["as_of"]).dt.days
    recent = analysis.arm_sizes(assigned[age_days <= RECENT_DAYS])
    span_days = np.clip(age_days.max() if len(age_days) else 0.0, DAYS_PER_MONTH, RECENT_DAYS)
    months = float(span_days) / DAYS_PER_MONTH
    return ArmSizes(recent.treated / months, recent.control / months)
