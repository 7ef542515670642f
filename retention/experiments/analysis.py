"""Both arms compared by intention to treat: everybody assigned counts where the draw put them.

All functions take rows of `followed.FOLLOWED` and touch no disk.
"""

from typing import Any, Final

import numpy as np
import pandas as pd

from retention.experiments import incremental, subgroups
from retention.experiments.follow_up import MATURE
from retention.experiments.report_data import (
    ArmSummary,
    BalanceCheck,
    AssignmentBatch,
    HoldoutCalibration,
    Compliance,
    RiskQuintile,
    SubgroupResult,
    CovariateBalance,
    RangeEstimate,
)
from retention.ledgers.assignments import CONTACT, HOLDOUT
from retention.stats import balance as draw
from retention.stats import intervals, sequential, two_sample
from retention.stats.two_sample import EffectEstimate

ARMS: Final = (CONTACT, HOLDOUT)
BASELINE_COLUMNS: Final = ("churn_probability", "expected_loss")
SUBGROUP_COLUMNS: Final = ("play", "theme")
N_QUINTILES: Final = 5


def randomised(found: pd.DataFrame) -> pd.DataFrame:
    """Those whom a draw put into their arm: where nobody could be held out there was none."""
    return found[(found["propensity"] > 0) & (found["propensity"] < 1)]


def analysis_set(found: pd.DataFrame) -> pd.DataFrame:
    """Those drawn whose outcome is known, with `treated` and `churned` as numbers."""
    ripe = randomised(found)
    ripe = ripe[ripe["state"] == MATURE]
    return ripe.assign(
        treated=(ripe["arm"] == CONTACT).astype(float), churned=ripe["churned"].astype(float)
    )


def excluded_by_reason(found: pd.DataFrame) -> dict[str, int]:
    """How many of those drawn the label leaves out, by reason."""
    reasons = randomised(found)["dropped"].dropna()
    return {str(reason): int(many) for reason, many in reasons.value_counts().sort_index().items()}


def effect_estimate(rows: pd.DataFrame, outcome: str) -> EffectEstimate:
    """Of one outcome, contact less holdout; weighted where the draws had unequal shares."""
    if len(rows["propensity"].unique()) > 1:
        columns = (outcome, "treated", "propensity", "customer_id")
        return two_sample.hajek_difference(*(rows[name].to_numpy() for name in columns))
    one, other = (rows.loc[rows["arm"] == arm, outcome].to_numpy(dtype=float) for arm in ARMS)
    if outcome == "churned":
        return two_sample.difference_in_proportions(int(one.sum()), len(one), int(other.sum()), len(other))
    return two_sample.difference_in_means(one, other)


def at_every_list(found: EffectEstimate, planned: float) -> EffectEstimate:
    """The difference as it may be read at every list, however often one looks."""
    return sequential.confidence_sequence(found, planned)


def arm_summaries(rows: pd.DataFrame, left: EffectEstimate, value: EffectEstimate) -> tuple[ArmSummary, ArmSummary]:
    """Contact and holdout; means as the differences have them."""
    shares = (left.treated_mean, left.control_mean)
    means = (value.treated_mean, value.control_mean)
    one, other = (
        _arm_summary(name, rows[rows["arm"] == name], share, mean)
        for name, share, mean in zip(ARMS, shares, means, strict=True)
    )
    return one, other


def _arm_summary(name: str, mine: pd.DataFrame, share: float, mean: float) -> ArmSummary:
    left = int(mine["churned"].sum())
    leaving = wilson_estimate(share, len(mine))
    half = (
        two_sample.Z * float(mine["value"].std(ddof=1)) / np.sqrt(len(mine))
        if len(mine) > 1
        else np.nan
    )
    return ArmSummary(name, len(mine), left, leaving, RangeEstimate(mean, mean - half, mean + half))


def wilson_estimate(share: float, many: int) -> RangeEstimate:
    """A share and its interval; nan of nobody."""
    if not many:
        return RangeEstimate(np.nan, np.nan, np.nan)
    low, high = intervals.wilson_interval(share * many, many)
    return RangeEstimate(share, float(low), float(high))


def subgroup_results(rows: pd.DataFrame, least: int, planned: float) -> tuple[SubgroupResult, ...]:
    """By play and by theme, where both arms have `least`; corrected for all that are looked at,
    and for looking at every list. planned: as `at_every_list` takes it."""
    named = rows.assign(**{by: rows[by].where(_has_min_arms(rows, by, least)) for by in SUBGROUP_COLUMNS})
    table = subgroups.subgroup_effects(named, list(SUBGROUP_COLUMNS), "churned", planned)
    return tuple(map(_subgroup_result, table.to_dict(orient="records")))


def _subgroup_result(row: dict[Any, Any]) -> SubgroupResult:
    contact = row["treated"]
    return SubgroupResult(
        column=row["column"],
        name=row["group"],
        contact=contact,
        holdout=row["control"],
        churn_rates=(row["treated_mean"], row["control_mean"]),
        saved_customers=RangeEstimate(*(-contact * row[end] for end in ("difference", "high", "low"))),
        p_adjusted=row["p_adjusted"],
    )


def _has_min_arms(rows: pd.DataFrame, by: str, least: int) -> "pd.Series[bool]":
    """Whether each arm of a row's group has `least` customers."""
    treated = rows.groupby(by, observed=True)["treated"]
    many, contact = treated.transform("size"), treated.transform("sum")
    return (contact >= least) & (many - contact >= least)


def compliance(rows: pd.DataFrame) -> tuple[Compliance, ...]:
    """What was really done to both arms."""
    columns = ["worked", "contacted", "reached"]
    told = []
    for arm in ARMS:
        mine = rows[rows["arm"] == arm]
        told.append(Compliance(arm, len(mine), *(int(mine[name].sum()) for name in columns)))
    return tuple(told)


def balance_check(found: pd.DataFrame) -> BalanceCheck | None:
    """Whether the arms were alike before anything was done; None without both."""
    mine = randomised(found)
    if mine["arm"].nunique() < len(ARMS):
        return None
    treated = (mine["arm"] == CONTACT).to_numpy(dtype=float)
    test = draw.balance(mine[list(BASELINE_COLUMNS)], treated, mine["propensity"].to_numpy())
    columns = tuple(
        CovariateBalance(str(name), *(float(row[one]) for one in ("treated", "control", "apart")))
        for name, row in test.columns.iterrows()
    )
    return BalanceCheck(columns, test.srm_p_value, test.joint_p_value, test.is_balanced)


def scored_holdout(rows: pd.DataFrame) -> pd.DataFrame:
    """Of those compared, whom no contact changed and of whom a list said a chance of leaving."""
    return rows[(rows["arm"] == HOLDOUT) & rows["churn_probability"].notna()]


def calibration(rows: pd.DataFrame, least: int) -> HoldoutCalibration | None:
    """The lists' chances of leaving against what became of those who were left alone.

    The interval is the normal one of a sum of such chances. Fifths from `least` customers each.
    """
    mine = scored_holdout(rows)
    if len(mine) < least:
        return None
    chance = mine["churn_probability"]
    expected, spread = float(chance.sum()), float(np.sqrt((chance * (1 - chance)).sum()))
    low, high = (
        max(0.0, expected - two_sample.Z * spread),
        min(len(mine), expected + two_sample.Z * spread),
    )
    observed = int(mine["churned"].sum())
    return HoldoutCalibration(len(mine), expected, observed, low, high, _quintiles(mine, least))


def _quintiles(mine: pd.DataFrame, least: int) -> tuple[RiskQuintile, ...]:
    if len(mine) < N_QUINTILES * least:
        return ()
    ordered = mine.sort_values(["churn_probability", "customer_id"])
    parts = [ordered.iloc[rows] for rows in np.array_split(np.arange(len(ordered)), N_QUINTILES)]
    return tuple(
        RiskQuintile(len(one), float(one["churn_probability"].mean()), float(one["churned"].mean()))
        for one in parts
    )


def assignment_batches(found: pd.DataFrame, as_of: pd.Timestamp) -> tuple[AssignmentBatch, ...]:
    """What each day's lists assigned, the newest first."""
    many = found.assign(n=1).pivot_table(
        values="n", index=["as_of", "ripe_on"], columns="arm", aggfunc="sum", fill_value=0
    )
    rows = many.reindex(columns=list(ARMS), fill_value=0).reset_index().sort_values("as_of")
    return tuple(_assignment_batch(row, as_of) for row in reversed(rows.to_dict(orient="records")))


def _assignment_batch(row: dict[Any, Any], as_of: pd.Timestamp) -> AssignmentBatch:
    contact, holdout = (int(row[arm]) for arm in ARMS)
    known = bool(row["ripe_on"] <= as_of)
    return AssignmentBatch(row["as_of"].date(), contact, holdout, row["ripe_on"].date(), known)


def incremental_outcomes(rows: pd.DataFrame, left: EffectEstimate, value: EffectEstimate) -> incremental.Incremental:
    """Customers and money saved, less what contacts cost."""
    return incremental.incremental_outcomes(left, value, float(rows["spent"].sum()))
