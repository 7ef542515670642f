"""Survival and hazard by tenure, with late entry.

A customer is observed from `entry` to `exit`, in days of tenure. One who came before the data
begins enters late, at the tenure they then had (left truncation): those who left earlier were never
observed, and to count from the first day would make short tenures look safer than they are. One who
stays is censored at the end of observation (right censoring). Both assume that the begin and the
end of observation have nothing to do with leaving.

A spell, made by `tenure_spells`, is a row of
    entry, exit  days of tenure, 0 <= entry < exit; at risk in (entry, exit]
    left         True where the customer left at exit
and whatever else describes the customer.
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from lifelines import KaplanMeierFitter
from scipy.stats import chi2

from retention.stats.intervals import Floats, label_groups, poisson_interval

MIN_AT_RISK: Final = 10  # at risk, or the curve is not drawn
CURVE: Final = ("tenure_days", "at_risk", "left", "survival", "low", "high")
HAZARD: Final = ("from_day", "to_day", "left", "customer_days", "hazard", "low", "high")


def tenure_spells(periods: pd.DataFrame) -> pd.DataFrame:
    """Build the spells of those who were observed as customers from a known beginning.

    Whoever leaves on a day was a customer until its end, so that each is observed for some time.
    Without a known beginning there is no tenure: such a row is left out.

    Parameters
    ----------
    periods : DataFrame
        begins, since, until (days since 1970-01-01): when the customer came (null where unknown),
        the first day of observation and the day after its last; ends: the day of leaving, null
        while the customer stays; and more.

    Returns
    -------
    DataFrame
        The columns of `periods`, entry, exit and left.

    Raises
    ------
    ValueError
        A period ends before it begins.
    """
    of_record: pd.DataFrame = periods[periods["begins"].notna()]
    begins, since, until = (
        of_record[name].to_numpy(dtype=float) for name in ("begins", "since", "until")
    )
    if (until < begins).any():
        raise ValueError("somebody left before they came")
    entry = np.maximum(since - begins, 0.0)
    spells = of_record.assign(entry=entry, exit=until - begins, left=of_record["ends"].notna())
    observed: pd.DataFrame = spells[spells["exit"] > entry]
    return observed


def kaplan_meier(spells: pd.DataFrame, min_at_risk: int = MIN_AT_RISK) -> pd.DataFrame:
    """Estimate the survival curve of Kaplan & Meier, with 95 % intervals.

    The first row is the tenure from which `min_at_risk` are at risk, 0 where enough joined within
    the data; survival is that of customers who got there. The last is that before fewer are.
    Without both ends one leaver among few at risk would take the curve to 0 for good.

    Parameters
    ----------
    spells : DataFrame
        entry, exit, left.
    min_at_risk : int

    Returns
    -------
    DataFrame
        CURVE, a row a tenure; empty where `min_at_risk` are never at risk. The interval is the
        log-log transform of Greenwood's variance.

    References
    ----------
    Kaplan & Meier (1958), Journal of the American Statistical Association 53, 457-481.
    """
    part = _first_stretch(spells, max(min_at_risk, 1))
    if part.empty:
        return pd.DataFrame({name: pd.Series(dtype=float) for name in CURVE})
    fitted = KaplanMeierFitter().fit(part["exit"], part["left"], entry=part["entry"])
    days = fitted.survival_function_.index.to_numpy(dtype=float)
    rows = days >= part["entry"].min()
    days, limits = days[rows], fitted.confidence_interval_.to_numpy()[rows]
    columns = (
        days,
        _at_risk(part["entry"].to_numpy(), part["exit"].to_numpy(), days),
        fitted.event_table["observed"].to_numpy(dtype=int)[rows],
        fitted.survival_function_.to_numpy()[rows, 0],
        limits[:, 0],
        limits[:, 1],
    )
    table = pd.DataFrame(dict(zip(CURVE, columns, strict=True)))
    table.loc[0, "at_risk"] = (part["entry"] == days[0]).sum()
    table["at_risk"] = table["at_risk"].astype(int)
    return table


def hazard_rates(spells: pd.DataFrame, days: int) -> pd.DataFrame:
    """Estimate the hazard by tenure in (from_day, to_day]: left / customer_days * days.

    Parameters
    ----------
    spells : DataFrame
        entry, exit, left.
    days : int
        The width of a band of tenure, and the time of the rate.

    Returns
    -------
    DataFrame
        HAZARD, a row a band in which anybody was observed; hazard, low and high are leavers per
        customer and `days` days, with Garwood's exact 95 % interval of the count.
    """
    ends = float(spells["exit"].max()) if len(spells) else 0.0
    edges = np.arange(0, np.ceil(ends / days) + 1) * days
    gone = spells.loc[spells["left"].astype(bool), "exit"].to_numpy(dtype=float)
    left = np.diff(np.searchsorted(np.sort(gone), edges, side="right")).astype(float)
    customer_days = np.diff(
        _days_until(spells["exit"], edges) - _days_until(spells["entry"], edges)
    )
    in_band = customer_days > 0
    left, customer_days = left[in_band], customer_days[in_band]
    rates = [count / customer_days * days for count in (left, *poisson_interval(left))]
    columns = (edges[:-1][in_band].astype(int), edges[1:][in_band].astype(int), left.astype(int))
    return pd.DataFrame(dict(zip(HAZARD, (*columns, customer_days, *rates), strict=True)))


@dataclass(frozen=True)
class LogRank:
    """A log-rank test."""

    statistic: float  # chi-squared
    degrees: int  # of freedom
    p_value: float


def log_rank(spells: pd.DataFrame, group: str) -> LogRank:
    """Test whether groups have one survival curve, with risk sets that respect late entry.

    At each tenure t with leavers, observed - expected leavers of group j is d_j - R_j d / R, their
    covariance d (R - d) / (R - 1) R_j / R (1{j = k} - R_k / R). lifelines' test ignores late entry.

    Parameters
    ----------
    spells : DataFrame
        entry, exit, left, and the column `group`.
    group : str

    Returns
    -------
    LogRank
        nan of fewer than two groups or without leavers.

    References
    ----------
    Klein & Moeschberger (2003), Survival Analysis, 2nd ed., 7.3.
    """
    left = spells["left"].to_numpy(dtype=bool)
    exits = spells["exit"].to_numpy(dtype=float)
    days = np.unique(exits[left])
    groups = label_groups(spells[group]).to_numpy()
    risk, gone = (np.zeros((len(set(groups)), len(days))) for _ in range(2))
    for row, name in enumerate(sorted(set(groups))):
        in_group = groups == name
        risk[row] = _at_risk(spells["entry"].to_numpy(dtype=float)[in_group], exits[in_group], days)
        gone[row] = np.bincount(np.searchsorted(days, exits[in_group & left]), minlength=len(days))
    total, lost = risk.sum(axis=0), gone.sum(axis=0)
    fraction = risk / np.maximum(total, 1)
    surplus = (gone - fraction * lost).sum(axis=1)  # observed less expected leavers
    spread = lost * (total - lost) / np.maximum(total - 1, 1)
    covariance = np.diag((fraction * spread).sum(axis=1)) - (fraction * spread) @ fraction.T
    # The rows add up to zero, and a group that is never at risk has none: the rank is what is free.
    degrees = int(np.linalg.matrix_rank(covariance)) if len(covariance) else 0
    if degrees == 0:
        return LogRank(np.nan, 0, np.nan)
    statistic = float(surplus @ np.linalg.pinv(covariance) @ surplus)
    return LogRank(statistic, degrees, float(chi2.sf(statistic, degrees)))


def _at_risk(entry: Floats, exits: Floats, days: Floats) -> Floats:
    """(days,) how many have entry < day <= exit."""
    entered = np.searchsorted(np.sort(entry), days, side="left")
    return (entered - np.searchsorted(np.sort(exits), days, side="left")).astype(float)


def _at_risk_after(entry: Floats, exits: Floats, days: Floats) -> Floats:
    """(days,) how many have entry <= day < exit: at risk from then on."""
    entered = np.searchsorted(np.sort(entry), days, side="right")
    return (entered - np.searchsorted(np.sort(exits), days, side="right")).astype(float)


def _first_stretch(spells: pd.DataFrame, min_at_risk: int) -> pd.DataFrame:
    """entry, exit, left within the first stretch of tenures with `min_at_risk` throughout."""
    entry, exits = (spells[name].to_numpy(dtype=float) for name in ("entry", "exit"))
    # It begins where somebody enters: only then does the number at risk rise.
    starts = np.unique(entry)
    starts = starts[_at_risk_after(entry, exits, starts) >= min_at_risk]
    if not len(starts):
        return pd.DataFrame({"entry": [], "exit": [], "left": []})
    start = starts[0]
    later = exits > start
    entry, exits = np.maximum(entry[later], start), exits[later]
    left = spells["left"].to_numpy(dtype=bool)[later]
    # It ends at the last exit before fewer are at risk, or before a day on which none are left.
    days = np.unique(exits)
    staying = _at_risk_after(entry, exits, days)
    is_covered = np.append(1.0, staying[:-1]) > 0
    in_range = (_at_risk(entry, exits, days) >= min_at_risk) & is_covered
    stop = days[np.argmin(in_range) - 1] if not in_range.all() else days[-1]
    cut = {"entry": entry, "exit": np.minimum(exits, stop), "left": left & (exits <= stop)}
    part: pd.DataFrame = pd.DataFrame(cut)[entry < stop]
    return part


def _days_until(tenures: "pd.Series[float]", edges: Floats) -> Floats:
    """(edges,) the sum over tenures of min(tenure, edge)."""
    ordered = np.sort(tenures.to_numpy(dtype=float))
    below = np.searchsorted(ordered, edges, side="right")
    return np.append(0.0, np.cumsum(ordered))[below] + edges * (len(ordered) - below)
