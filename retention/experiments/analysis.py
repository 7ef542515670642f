"""Intention-to-treat analysis: customers are compared in the arm to which they were randomised.

All functions take rows of `follow_up.FOLLOW_UP` and touch no disk.
"""

from typing import Any, Final

import numpy as np
import pandas as pd

from models.components.retention_value import worth_from_loss
from retention.experiments import subgroups
from retention.experiments.follow_up import MATURE
from retention.experiments.incremental import Estimate
from retention.experiments.report_data import (
    ArmSummary,
    AssignmentBatch,
    BalanceCheck,
    Compliance,
    CovariateBalance,
    HoldoutCalibration,
    RiskQuintile,
    SubgroupResult,
)
from retention.experiments.subgroups import SequentialPlan
from retention.ledgers.assignments import CONTACT, HOLDOUT
from retention.stats import balance, intervals, two_sample
from retention.stats.power import ArmSizes
from retention.stats.two_sample import EffectEstimate

ARMS: Final = (CONTACT, HOLDOUT)
BASELINE_COLUMNS: Final = ("churn_probability", "expected_loss")
"""Covariates that were known before randomisation."""
SUBGROUP_COLUMNS: Final = ("play", "theme")
N_QUINTILES: Final = 5
_NO_PLACE: Final = "no place"


def randomised(follow_up: pd.DataFrame) -> pd.DataFrame:
    """Take the customers who were randomised.

    Parameters
    ----------
    follow_up : DataFrame
        FOLLOW_UP.

    Returns
    -------
    DataFrame
        The rows with a propensity inside (0, 1): where nobody could be held out, nobody was
        randomised.
    """
    return follow_up[(follow_up["propensity"] > 0) & (follow_up["propensity"] < 1)]


def analysis_set(follow_up: pd.DataFrame) -> pd.DataFrame:
    """Take the randomised customers with a mature outcome.

    Parameters
    ----------
    follow_up : DataFrame
        FOLLOW_UP.

    Returns
    -------
    DataFrame
        FOLLOW_UP with `treated` (1.0 contact, 0.0 holdout) and `churned` as numbers.
    """
    rows = randomised(follow_up)
    rows = rows[rows["state"] == MATURE]
    return rows.assign(
        treated=(rows["arm"] == CONTACT).astype(float), churned=rows["churned"].astype(float)
    )


def with_kept_value(rows: pd.DataFrame, windows: float) -> pd.DataFrame:
    """Add what a customer is worth who stayed, over the windows that the list counts.

    Parameters
    ----------
    rows : DataFrame
        The analysis set.
    windows : float
        Value windows for which a retained customer stays.

    Returns
    -------
    DataFrame
        The rows with `kept_value`, currency: the worth of customers who stayed, 0 of those who
        left. The difference of the arms is then the customers saved, each times their worth, and
        the sum that the list expects of them.
    """
    worth = worth_from_loss(rows["expected_loss"], rows["churn_probability"], windows)
    return rows.assign(kept_value=(1 - rows["churned"]) * worth)


def arm_sizes(rows: pd.DataFrame) -> ArmSizes:
    """Count the customers of each arm.

    Parameters
    ----------
    rows : DataFrame
        FOLLOW_UP.

    Returns
    -------
    ArmSizes
    """
    treated = int((rows["arm"] == CONTACT).sum())
    return ArmSizes(treated, len(rows) - treated)


def excluded_by_reason(follow_up: pd.DataFrame) -> dict[str, int]:
    """Count the randomised customers whom the label excludes.

    Parameters
    ----------
    follow_up : DataFrame
        FOLLOW_UP.

    Returns
    -------
    dict
        Reason: customers.
    """
    reasons = randomised(follow_up)["dropped"].dropna()
    return {str(reason): int(n) for reason, n in reasons.value_counts().sort_index().items()}


def effect_estimate(rows: pd.DataFrame, outcome: str) -> EffectEstimate:
    """Estimate the effect of assignment to contact.

    Parameters
    ----------
    rows : DataFrame
        The analysis set.
    outcome : str
        churned, value or kept_value.

    Returns
    -------
    EffectEstimate
        Contact less holdout: weighted by the inverse propensity where propensities differ or a
        customer was assigned by several draws, otherwise the plain difference of proportions or
        means. Its interval is for one look.
    """
    if len(rows["propensity"].unique()) > 1 or rows["customer_id"].duplicated().any():
        columns = (outcome, "treated", "propensity", "customer_id")
        return two_sample.hajek_difference(*(rows[name].to_numpy() for name in columns))
    treated, control = (rows.loc[rows["arm"] == arm, outcome].to_numpy(dtype=float) for arm in ARMS)
    if outcome == "churned":
        return two_sample.difference_in_proportions(
            int(treated.sum()), len(treated), int(control.sum()), len(control)
        )
    return two_sample.difference_in_means(treated, control)


def arm_summaries(
    rows: pd.DataFrame, churn_effect: EffectEstimate, value_effect: EffectEstimate
) -> tuple[ArmSummary, ArmSummary]:
    """Summarise both arms.

    Parameters
    ----------
    rows : DataFrame
        The analysis set.
    churn_effect, value_effect : EffectEstimate
        On the outcome and the value of the label window. Their means are those to show, as they
        are weighted where propensities differ.

    Returns
    -------
    tuple of ArmSummary
        Contact, holdout.
    """
    churn_rates = (churn_effect.treated_mean, churn_effect.control_mean)
    means = (value_effect.treated_mean, value_effect.control_mean)
    contact, holdout = (
        _arm_summary(arm, rows[rows["arm"] == arm], churn_rate, mean)
        for arm, churn_rate, mean in zip(ARMS, churn_rates, means, strict=True)
    )
    return contact, holdout


def _arm_summary(arm: str, rows: pd.DataFrame, churn_rate: float, mean: float) -> ArmSummary:
    n = len(rows)
    half = intervals.Z95 * float(rows["value"].std(ddof=1)) / np.sqrt(n) if n > 1 else np.nan
    return ArmSummary(
        name=arm,
        customers=n,
        churned=int(rows["churned"].sum()),
        churn_rate=wilson_estimate(churn_rate, n),
        mean_value=Estimate(mean, mean - half, mean + half),
    )


def wilson_estimate(proportion: float, n: int) -> Estimate:
    """Give a proportion its Wilson interval.

    Parameters
    ----------
    proportion : float in [0, 1]
    n : int
        Customers.

    Returns
    -------
    Estimate
        nan where n is 0.
    """
    if not n:
        return Estimate(np.nan, np.nan, np.nan)
    low, high = intervals.wilson_interval(proportion * n, n)
    return Estimate(proportion, float(low), float(high))


def subgroup_results(
    rows: pd.DataFrame, min_arm_size: int, plan: SequentialPlan
) -> tuple[SubgroupResult, ...]:
    """Estimate the effect on churn by play and by theme.

    Parameters
    ----------
    rows : DataFrame
        The analysis set.
    min_arm_size : int
        Customers of either arm below which a subgroup is left out.
    plan : SequentialPlan
        As `subgroups.subgroup_effects` takes it: p values hold at every list.

    Returns
    -------
    tuple of SubgroupResult
    """
    eligible = rows.assign(
        **{
            column: rows[column].where(_has_min_arms(rows, column, min_arm_size))
            for column in SUBGROUP_COLUMNS
        }
    )
    table = subgroups.subgroup_effects(eligible, list(SUBGROUP_COLUMNS), "churned", plan)
    return tuple(map(_subgroup_result, table.to_dict(orient="records")))


def _subgroup_result(row: dict[Any, Any]) -> SubgroupResult:
    contact = row["treated"]
    # Customers saved are the churn effect with its sign turned, so its ends change places.
    return SubgroupResult(
        column=row["column"],
        name=row["group"],
        contact=contact,
        holdout=row["control"],
        churn_rates=(row["treated_mean"], row["control_mean"]),
        saved_customers=Estimate(*(-contact * row[end] for end in ("difference", "high", "low"))),
        p_adjusted=row["p_adjusted"],
    )


def _has_min_arms(rows: pd.DataFrame, column: str, min_arm_size: int) -> "pd.Series[bool]":
    """Whether each arm of a row's group has `min_arm_size` customers."""
    treated = rows.groupby(column, observed=True)["treated"]
    n, n_contact = treated.transform("size"), treated.transform("sum")
    return (n_contact >= min_arm_size) & (n - n_contact >= min_arm_size)


def compliance(rows: pd.DataFrame) -> tuple[Compliance, ...]:
    """Count what was done to each arm.

    Parameters
    ----------
    rows : DataFrame
        The analysis set.

    Returns
    -------
    tuple of Compliance
        Contact, holdout.
    """
    arms = [(arm, rows[rows["arm"] == arm]) for arm in ARMS]
    return tuple(
        Compliance(
            arm=arm,
            customers=len(of_arm),
            answered=int(of_arm["answered"].sum()),
            contacted=int(of_arm["contacted"].sum()),
            reached=int(of_arm["reached"].sum()),
        )
        for arm, of_arm in arms
    )


def balance_check(follow_up: pd.DataFrame) -> BalanceCheck | None:
    """Test whether the arms look randomised.

    Parameters
    ----------
    follow_up : DataFrame
        FOLLOW_UP, of any state.

    Returns
    -------
    BalanceCheck or None
        None unless both arms have customers.
    """
    rows = randomised(follow_up)
    if rows["arm"].nunique() < len(ARMS):
        return None
    treated = (rows["arm"] == CONTACT).to_numpy(dtype=float)
    test = balance.balance(rows[list(BASELINE_COLUMNS)], treated, rows["propensity"].to_numpy())
    covariates = tuple(
        CovariateBalance(
            name=str(name),
            contact=float(row["treated"]),
            holdout=float(row["control"]),
            standardized_mean_difference=float(row["standardized_mean_difference"]),
        )
        for name, row in test.columns.iterrows()
    )
    return BalanceCheck(covariates, test.srm_p_value, test.joint_p_value, test.is_balanced)


def scored_holdout(rows: pd.DataFrame) -> pd.DataFrame:
    """Take the held-out customers for whom a list had a churn probability.

    Parameters
    ----------
    rows : DataFrame
        The analysis set.

    Returns
    -------
    DataFrame
        Some of the rows.
    """
    return rows[(rows["arm"] == HOLDOUT) & rows["churn_probability"].notna()]


def calibration(rows: pd.DataFrame, min_arm_size: int) -> HoldoutCalibration | None:
    """Compare expected with observed churners among held-out customers.

    Parameters
    ----------
    rows : DataFrame
        The analysis set.
    min_arm_size : int
        Customers below which nothing is said; quintiles need as many each.

    Returns
    -------
    HoldoutCalibration or None
        Its interval is the normal approximation to a sum of independent Bernoulli variables with
        the predicted probabilities.
    """
    holdout = scored_holdout(rows)
    if len(holdout) < min_arm_size:
        return None
    probability = holdout["churn_probability"]
    expected = float(probability.sum())
    margin = intervals.Z95 * float(np.sqrt((probability * (1 - probability)).sum()))
    return HoldoutCalibration(
        customers=len(holdout),
        expected=expected,
        observed=int(holdout["churned"].sum()),
        low=max(0.0, expected - margin),
        high=min(len(holdout), expected + margin),
        quintiles=_quintiles(holdout, min_arm_size),
    )


def _quintiles(holdout: pd.DataFrame, min_size: int) -> tuple[RiskQuintile, ...]:
    if len(holdout) < N_QUINTILES * min_size:
        return ()
    by_risk = holdout.sort_values(["churn_probability", "customer_id"])
    parts = [by_risk.iloc[rows] for rows in np.array_split(np.arange(len(by_risk)), N_QUINTILES)]
    return tuple(
        RiskQuintile(
            customers=len(part),
            predicted=float(part["churn_probability"].mean()),
            observed=float(part["churned"].mean()),
        )
        for part in parts
    )


def assignment_batches(follow_up: pd.DataFrame, as_of: pd.Timestamp) -> tuple[AssignmentBatch, ...]:
    """Count what the lists of each day assigned for the first time.

    Parameters
    ----------
    follow_up : DataFrame
        FOLLOW_UP.
    as_of : Timestamp
        The present day.

    Returns
    -------
    tuple of AssignmentBatch
        Newest first.
    """
    # Who fell below the capacity, as fewer were held out than planned, has no play.
    no_place = (follow_up["arm"] == CONTACT) & follow_up["play"].isna()
    kind = follow_up["arm"].where(~no_place, _NO_PLACE)
    counts = follow_up.assign(n=1, kind=kind).pivot_table(
        values="n", index=["as_of", "outcome_known_on"], columns="kind", aggfunc="sum", fill_value=0
    )
    kinds = [*ARMS, _NO_PLACE]
    batches = counts.reindex(columns=kinds, fill_value=0).reset_index().sort_values("as_of")
    return tuple(
        AssignmentBatch(
            as_of=row["as_of"].date(),
            contact=int(row[CONTACT] + row[_NO_PLACE]),
            holdout=int(row[HOLDOUT]),
            outcome_known_on=row["outcome_known_on"].date(),
            is_known=bool(row["outcome_known_on"] <= as_of),
            without_place=int(row[_NO_PLACE]),
        )
        for row in reversed(batches.to_dict(orient="records"))
    )
