"""Purchases as the occasions to leave, where silence is the rule: each may be the customer's last.

Nobody says goodbye to a shop, and what drives a customer away often happens with the last order:
it came late, or the complaint about it was not answered. So each purchase is a trial, lost where no
other followed, and a failure counts from the purchase after which it came.
"""

import numpy as np
import pandas as pd

from retention.scorecard import churn_by_cause


def purchases_at_risk(
    tenure: pd.DataFrame, days: pd.DataFrame, decided_before: int
) -> pd.DataFrame:
    """customer_id, start (the day of the purchase), end, begins, ends, tenure, left: a row a day.

    days: customer_id, day. decided_before: purchases from that day on are left out, for the silence
    after them is too short to tell.
    """
    decided = days[days["day"] < decided_before].drop_duplicates()
    rows = decided.rename(columns={"day": "start"}).merge(
        tenure[["customer_id", "begins", "ends"]], on="customer_id"
    )
    rows = rows.sort_values(["customer_id", "start"], ignore_index=True)
    left = (rows["start"] == rows["ends"]).fillna(False).astype(bool)
    return rows.assign(end=rows["start"] + 1, tenure=rows["start"] - rows["begins"], left=left)


def with_purchase(failures: pd.DataFrame, days: pd.DataFrame, orders: pd.DataFrame) -> pd.DataFrame:
    """The failures with `exposed`: the day of the purchase after which each came.

    failures: customer_id, day, order_id; days: customer_id, day of each purchase; orders:
    customer_id, order, day. One that names no known order belongs to the purchase before it, within
    the customer's usual gap: a longer look after the last purchase than after others would find
    more there. Failures of no purchase count from their own day.
    """
    placed = (
        orders.rename(columns={"order": "order_id", "day": "placed"})
        .sort_values("placed")
        .drop_duplicates(["customer_id", "order_id"])[["customer_id", "order_id", "placed"]]
    )
    named = failures.merge(placed, on=["customer_id", "order_id"], how="left").set_axis(
        failures.index
    )
    visits = days[["customer_id", "day"]].drop_duplicates().sort_values("day", ignore_index=True)
    visits = visits.astype({"day": "int64"}).assign(visit=visits["day"].astype("int64"))
    ordered = named[["customer_id", "day"]].astype({"day": "int64"}).sort_values("day")
    latest = pd.merge_asof(ordered.reset_index(), visits, on="day", by="customer_id").set_index(
        "index"
    )["visit"]
    latest = latest.reindex(named.index).astype("float64")
    usual = named["customer_id"].map(_usual_gaps(visits)).astype("float64")
    before = latest.where(named["day"] - latest <= usual)
    own = named["placed"].where(named["placed"] <= named["day"])
    exposed = own.fillna(before).fillna(named["day"]).astype("int64")
    return failures.assign(exposed=exposed)


def strata(rows: pd.DataFrame, days: pd.DataFrame, channel: "pd.Series[str]") -> "pd.Series[str]":
    """Strata of purchases alike in tenure, season, channel, and how often the customer had come.

    Who comes often has more chances of a failure, and leaves after a smaller share of purchases.
    """
    alike = churn_by_cause.strata(rows, channel, days=1)
    visits = churn_by_cause.n_before(days, rows, churn_by_cause.LOOKBACK_DAYS)
    band = np.floor(np.log2(visits + 1)).astype(int)
    return alike + " " + pd.Series(band.astype("str"), index=rows.index)


def _usual_gaps(visits: pd.DataFrame) -> "pd.Series[float]":
    """The median gap between purchases by customer; of who came once, that of all."""
    ordered = visits.sort_values(["customer_id", "day"])
    gaps = ordered.groupby("customer_id")["day"].diff()
    by_customer = gaps.groupby(ordered["customer_id"]).median()
    return by_customer.fillna(gaps.median()).fillna(0.0)
