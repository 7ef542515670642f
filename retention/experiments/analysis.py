"""Both arms compared by intention to treat: everybody assigned counts where the draw put them.

All functions take rows of `followed.FOLLOWED` and touch no disk.
"""

from typing import Any, Final

import numpy as np
import pandas as pd

from retention.experiments import incremental, subgroups
from retention.experiments.follow_up import RIPE
from retention.experiments.report_data import (
    Arm,
    Balanced,
    Batch,
    Calibration,
    Compliance,
    Fifth,
    Group,
    Known,
    Range,
)
from retention.ledgers.assignments import CONTACT, HOLDOUT
from retention.stats import balance as draw
from retention.stats import intervals, sequential, two_sample
from retention.stats.two_sample import Difference

ARMS: Final = (CONTACT, HOLDOUT)
BEFORE: Final = ("churn_probability", "expected_loss")
BY: Final = ("play", "theme")
FIFTHS: Final = 5


def drawn(found: pd.DataFrame) -> pd.DataFrame:
    """Those whom a draw put into their arm: where nobody could be held out there was none."""
    return found[(found["propensity"] > 0) & (found["propensity"] < 1)]


def compared(found: pd.DataFrame) -> pd.DataFrame:
    """Those drawn whose outcome is known, with `treated` and `churned` as numbers."""
    ripe = drawn(found)
    ripe = ripe[ripe["state"] == RIPE]
    return ripe.assign(
        treated=(ripe["arm"] == CONTACT).astype(float), churned=ripe["churned"].astype(float)
    )


def left_out(found: pd.DataFrame) -> dict[str, int]:
    """How many of those drawn the label leaves out, by reason."""
    reasons = drawn(found)["dropped"].dropna()
    return {str(reason): int(many) for reason, many in reasons.value_counts().sort_index().items()}


def difference(rows: pd.DataFrame, outcome: str) -> Difference:
    """Of one outcome, contact less holdout; weighted where the draws had unequal shares."""
    if len(rows["propensity"].unique()) > 1:
        columns = (outcome, "treated", "propensity", "customer_id")
        return two_sample.weighted(*(rows[name].to_numpy() for name in columns))
    one, other = (rows.loc[rows["arm"] == arm, outcome].to_numpy(dtype=float) for arm in ARMS)
    if outcome == "churned":
        return two_sample.proportion(int(one.sum()), len(one), int(other.sum()), len(other))
    return two_sample.mean(one, other)


def at_every_list(found: Difference, planned: float) -> Difference:
    """The difference as it may be read at every list, however often one looks."""
    return sequential.at_any_time(found, planned)


def arms(rows: pd.DataFrame, left: Difference, value: Difference) -> tuple[Arm, Arm]:
    """Contact and holdout; means as the differences have them."""
    shares = (left.treated_mean, left.control_mean)
    means = (value.treated_mean, value.control_mean)
    one, other = (
        _arm(name, rows[rows["arm"] == name], share, mean)
        for name, share, mean in zip(ARMS, shares, means, strict=True)
    )
    return one, other


def _arm(name: str, mine: pd.DataFrame, share: float, mean: float) -> Arm:
    left = int(mine["churned"].sum())
    leaving = wilson(share, len(mine))
    half = (
        two_sample.Z * float(mine["value"].std(ddof=1)) / np.sqrt(len(mine))
        if len(mine) > 1
        else np.nan
    )
    return Arm(name, len(mine), left, leaving, Range(mean, mean - half, mean + half))


def wilson(share: float, many: int) -> Range:
    """A share and its interval; nan of nobody."""
    if not many:
        return Range(np.nan, np.nan, np.nan)
    low, high = intervals.wilson(share * many, many)
    return Range(share, float(low), float(high))


def groups(rows: pd.DataFrame, least: int, planned: float) -> tuple[Group, ...]:
    """By play and by theme, where both arms have `least`; corrected for all that are looked at,
    and for looking at every list. planned: as `at_every_list` takes it."""
    named = rows.assign(**{by: rows[by].where(_enough(rows, by, least)) for by in BY})
    table = subgroups.by_group(named, list(BY), "churned", planned)
    return tuple(map(_group, table.to_dict(orient="records")))


def _group(row: dict[Any, Any]) -> Group:
    contact = row["treated"]
    return Group(
        by=row["column"],
        name=row["group"],
        contact=contact,
        holdout=row["control"],
        leaving=(row["treated_mean"], row["control_mean"]),
        saved=Range(*(-contact * row[end] for end in ("difference", "high", "low"))),
        p_adjusted=row["p_adjusted"],
    )


def _enough(rows: pd.DataFrame, by: str, least: int) -> "pd.Series[bool]":
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


def balanced(found: pd.DataFrame) -> Balanced | None:
    """Whether the arms were alike before anything was done; None without both."""
    mine = drawn(found)
    if mine["arm"].nunique() < len(ARMS):
        return None
    treated = (mine["arm"] == CONTACT).to_numpy(dtype=float)
    test = draw.balance(mine[list(BEFORE)], treated, mine["propensity"].to_numpy())
    columns = tuple(
        Known(str(name), *(float(row[one]) for one in ("treated", "control", "apart")))
        for name, row in test.columns.iterrows()
    )
    return Balanced(columns, test.sizes_p, test.joint_p, test.holds)


def left_alone(rows: pd.DataFrame) -> pd.DataFrame:
    """Of those compared, whom no contact changed and of whom a list said a chance of leaving."""
    return rows[(rows["arm"] == HOLDOUT) & rows["churn_probability"].notna()]


def calibration(rows: pd.DataFrame, least: int) -> Calibration | None:
    """The lists' chances of leaving against what became of those who were left alone.

    The interval is the normal one of a sum of such chances. Fifths from `least` customers each.
    """
    mine = left_alone(rows)
    if len(mine) < least:
        return None
    chance = mine["churn_probability"]
    expected, spread = float(chance.sum()), float(np.sqrt((chance * (1 - chance)).sum()))
    low, high = (
        max(0.0, expected - two_sample.Z * spread),
        min(len(mine), expected + two_sample.Z * spread),
    )
    observed = int(mine["churned"].sum())
    return Calibration(len(mine), expected, observed, low, high, _fifths(mine, least))


def _fifths(mine: pd.DataFrame, least: int) -> tuple[Fifth, ...]:
    if len(mine) < FIFTHS * least:
        return ()
    ordered = mine.sort_values(["churn_probability", "customer_id"])
    parts = [ordered.iloc[rows] for rows in np.array_split(np.arange(len(ordered)), FIFTHS)]
    return tuple(
        Fifth(len(one), float(one["churn_probability"].mean()), float(one["churned"].mean()))
        for one in parts
    )


def batches(found: pd.DataFrame, as_of: pd.Timestamp) -> tuple[Batch, ...]:
    """What each day's lists assigned, the newest first."""
    many = found.assign(n=1).pivot_table(
        values="n", index=["as_of", "ripe_on"], columns="arm", aggfunc="sum", fill_value=0
    )
    rows = many.reindex(columns=list(ARMS), fill_value=0).reset_index().sort_values("as_of")
    return tuple(_batch(row, as_of) for row in reversed(rows.to_dict(orient="records")))


def _batch(row: dict[Any, Any], as_of: pd.Timestamp) -> Batch:
    contact, holdout = (int(row[arm]) for arm in ARMS)
    known = bool(row["ripe_on"] <= as_of)
    return Batch(row["as_of"].date(), contact, holdout, row["ripe_on"].date(), known)


def money(rows: pd.DataFrame, left: Difference, value: Difference) -> incremental.Saved:
    """Customers and money saved, less what contacts cost."""
    return incremental.saved(left, value, float(rows["spent"].sum()))
