"""The spells in which somebody was a customer, and what was lost when they ended."""

import pandas as pd

from retention.core.params import ChurnLabel


def silent_spells(signs: pd.DataFrame, label: ChurnLabel, as_of: int) -> pd.DataFrame:
    """Rule `silence`: a spell ends when `horizon_days` have passed without a sign of life.

    signs: customer_id, day. Returns customer_id, begins, ends (null while it lasts), until: the day
    after the last sign.
    """
    days = signs[["customer_id", "day"]].drop_duplicates().sort_values(["customer_id", "day"])
    gap = days.groupby("customer_id")["day"].diff()
    spell = (gap > label.horizon_days).groupby(days["customer_id"]).cumsum()
    found = days.groupby(["customer_id", spell.rename("spell")])["day"].agg(["min", "max"])
    ends = found["max"] + label.horizon_days
    told = found.assign(begins=found["min"], ends=ends.where(ends < as_of).astype("Int64"))
    told = told.assign(until=found["max"] + 1)
    return told.reset_index()[["customer_id", "begins", "ends", "until"]]


def contract_spells(chains: pd.DataFrame, as_of: int) -> pd.DataFrame:
    """Rule `cancel`: a spell is a chain of contracts. chains: customer_id, begins, ends_on.

    Returns customer_id, begins, ends (null while it lasts), until: the same.
    """
    ends = chains["ends_on"].where(chains["ends_on"] < as_of).astype("Int64")
    told = chains.assign(ends=ends, until=ends)[["customer_id", "begins", "ends", "until"]]
    return told[told["begins"] < as_of].sort_values(["customer_id", "begins"], ignore_index=True)


def observed_from(spells: pd.DataFrame) -> int:
    """The first day on which leaving could be seen: that of the first departure on record."""
    first = spells["ends"].min()
    return int(spells["begins"].min() if pd.isna(first) else first)


def first_day_of(spells: pd.DataFrame) -> "pd.Series[int]":
    """When each customer came, by customer_id."""
    return spells.groupby("customer_id")["begins"].min()


def at_risk(spells: pd.DataFrame, starts: list[int], days: int) -> pd.DataFrame:
    """One row a customer and period who was there when the period began.

    `starts` are the periods' first days, each `days` long. Returns customer_id, period (its first
    day), tenure (days since the spell began), left (in the period), and what a spell has.
    """
    periods = pd.DataFrame({"period": starts})
    both = spells.merge(periods, how="cross")
    ends = both["ends"].fillna(max(starts, default=0) + 10 * days).astype("int64")
    there = both[(both["begins"] < both["period"]) & (ends > both["period"])]
    left = ends[there.index] <= there["period"] + days
    return there.assign(tenure=there["period"] - there["begins"], left=left).reset_index(drop=True)


def yearly_value(leavers: pd.DataFrame, money: pd.DataFrame, days: int = 182) -> "pd.Series[float]":
    """Net value a year of each leaver (customer_id, until) in the `days` before it left.

    Who falls silent left with the last sign of life: the silence that tells of it is worth nothing.
    """
    keyed = leavers[["customer_id", "until"]].reset_index()
    both = keyed.merge(money[["customer_id", "day", "net"]], on="customer_id")
    both = both[(both["day"] < both["until"]) & (both["day"] >= both["until"] - days)]
    sums = both.groupby("index")["net"].sum() * (365 / days)
    return sums.reindex(leavers.index, fill_value=0.0)
