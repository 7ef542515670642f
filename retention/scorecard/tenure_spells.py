"""Spells from the day a customer came to the day it left, and the value lost with it."""

import pandas as pd

from retention.core.params import ChurnLabel


def activity_spells(signs: pd.DataFrame, label: ChurnLabel, as_of: int) -> pd.DataFrame:
    """Rule `silence`: a spell ends when `horizon_days` have passed without activity.

    signs: customer_id, day of each activity. Returns customer_id, begins, ends (null while it
    lasts), until: the day after the last activity.
    """
    days = signs[["customer_id", "day"]].drop_duplicates().sort_values(["customer_id", "day"])
    gap = days.groupby("customer_id")["day"].diff()
    spell = (gap > label.horizon_days).groupby(days["customer_id"]).cumsum()
    spans = days.groupby(["customer_id", spell.rename("spell")])["day"].agg(["min", "max"])
    ends = spans["max"] + label.horizon_days
    spells = spans.assign(begins=spans["min"], ends=ends.where(ends < as_of).astype("Int64"))
    spells = spells.assign(until=spans["max"] + 1)
    return spells.reset_index()[["customer_id", "begins", "ends", "until"]]


def contract_spells(chains: pd.DataFrame, as_of: int) -> pd.DataFrame:
    """Rule `cancel`: a spell is a chain of contracts. chains: customer_id, begins, ends_on.

    Returns customer_id, begins, ends (null while it lasts), until: the same.
    """
    ends = chains["ends_on"].where(chains["ends_on"] < as_of).astype("Int64")
    spells = chains.assign(ends=ends, until=ends)[["customer_id", "begins", "ends", "until"]]
    return spells[spells["begins"] < as_of].sort_values(
        ["customer_id", "begins"], ignore_index=True
    )


def departures_observed_from(spells: pd.DataFrame) -> int:
    """The first day from which departures are recorded: that of the first one on record."""
    first = spells["ends"].min()
    return int(spells["begins"].min() if pd.isna(first) else first)


def first_day_by_customer(spells: pd.DataFrame) -> "pd.Series[int]":
    """The day on which each customer came, by customer_id."""
    return spells.groupby("customer_id")["begins"].min()


def customers_at_risk(spells: pd.DataFrame, starts: list[int], days: int) -> pd.DataFrame:
    """One row a period and customer with a spell that lasted when the period began.

    `starts` are the periods' first days, each `days` long. Returns customer_id, period (its first
    day), tenure (days since the spell began), left (in the period), and the spell's columns.
    """
    periods = pd.DataFrame({"period": starts})
    both = spells.merge(periods, how="cross")
    ends = both["ends"].fillna(max(starts, default=0) + 10 * days).astype("int64")
    at_risk = both[(both["begins"] < both["period"]) & (ends > both["period"])]
    left = ends[at_risk.index] <= at_risk["period"] + days
    tenure = at_risk["period"] - at_risk["begins"]
    return at_risk.assign(tenure=tenure, left=left).reset_index(drop=True)


def yearly_value(leavers: pd.DataFrame, money: pd.DataFrame, days: int = 182) -> "pd.Series[float]":
    """Net value a year of each leaver (customer_id, until) in the `days` before `until`.

    A customer lost to silence left with its last activity, so that the silence itself, in which it
    bought nothing, does not lower its value.
    """
    keyed = leavers[["customer_id", "until"]].reset_index()
    both = keyed.merge(money[["customer_id", "day", "net"]], on="customer_id")
    both = both[(both["day"] < both["until"]) & (both["day"] >= both["until"] - days)]
    sums = both.groupby("index")["net"].sum() * (365 / days)
    return sums.reindex(leavers.index, fill_value=0.0)
