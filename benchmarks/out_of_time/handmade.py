"""Features that an analyst would make by hand, from nothing but the orders before a day."""

import numpy as np
import pandas as pd

WINDOWS = (30, 60, 90, 180, 365)
RFM = ["recency", "frequency", "money", "tenure"]


def features(orders: pd.DataFrame, customers: pd.Series, day: int) -> pd.DataFrame:
    """One row for each customer, in their order; orders: customer_id, day, known_day, money."""
    past = orders[orders["known_day"] < day]
    visits = past.groupby(["customer_id", "day"], sort=True)["money"].sum().reset_index()
    visits["age"] = day - visits["day"]
    visits["gap"] = visits.groupby("customer_id")["day"].diff()
    by_customer = visits.groupby("customer_id")
    table = by_customer.agg(
        recency=("age", "min"),
        tenure=("age", "max"),
        frequency=("day", "size"),
        spend=("money", "sum"),
        money=("money", "mean"),
        largest=("money", "max"),
        last_spend=("money", "last"),
        spread_of_money=("money", "std"),
        mean_gap=("gap", "mean"),
        median_gap=("gap", "median"),
        spread_of_gap=("gap", "std"),
        longest_gap=("gap", "max"),
        last_gap=("gap", "last"),
    )
    for days in WINDOWS:
        recent = visits[visits["age"] <= days].groupby("customer_id")["money"]
        table[f"visits_{days}"] = recent.size()
        table[f"spend_{days}"] = recent.sum()
        before = visits[(visits["age"] > days) & (visits["age"] <= 2 * days)]
        table[f"visits_before_{days}"] = before.groupby("customer_id").size()
    year_ago = visits[(visits["age"] > 275) & (visits["age"] <= 365)]
    table["visits_same_season"] = year_ago.groupby("customer_id").size()
    counts = table.filter(regex="^(visits|spend)_").columns
    table[counts] = table[counts].fillna(0.0)
    table["overdue"] = table["recency"] / table["mean_gap"]
    table["rate"] = table["frequency"] / table["tenure"]
    of_year = 2 * np.pi * ((day - 3) % 365.25) / 365.25
    table["season_sine"], table["season_cosine"] = np.sin(of_year), np.cos(of_year)
    return table.reindex(customers).reset_index(drop=True).astype(float)
