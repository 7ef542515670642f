"""Documented causes and strata of customers at risk: the input of `churn_drivers`."""

import numpy as np
import pandas as pd

from retention.stats.intervals import label_groups

LOOKBACK_DAYS = 182  # a failure this recent counts as a documented cause
TENURE_BANDS = (0, 30, 60, 90, 135, 182, 273, 365, 547, 730, 1095)  # first day of each band
_YEAR = 365


def recent_failures(present: pd.DataFrame, failures: pd.DataFrame) -> pd.DataFrame:
    """index (of present), day, cause of each failure in the LOOKBACK_DAYS before a row's period.

    present: customer_id, period; failures: customer_id, day, cause.
    """
    rows = present[["customer_id", "period"]].reset_index()
    both = rows.merge(failures[["customer_id", "day", "cause"]], on="customer_id")
    return both[(both["day"] < both["period"]) & (both["day"] >= both["period"] - LOOKBACK_DAYS)]


def first_causes(present: pd.DataFrame, failures: pd.DataFrame) -> "pd.Series[str]":
    """Per row of present the first cause among its recent failures, null where it has none.

    Of causes on one day the first by name counts.
    """
    first = failures.sort_values(["index", "day", "cause"]).drop_duplicates("index")
    return first.set_index("index")["cause"].reindex(present.index)


def strata(present: pd.DataFrame, channel: "pd.Series[str]", days: int) -> "pd.Series[str]":
    """Strata of alike customers: by tenure, renewal, quarter of the year and acquisition channel.

    `channel` is by customer_id; a renewal is an anniversary of joining near the period.
    """
    tenure = present["tenure"].to_numpy()
    band = np.searchsorted(TENURE_BANDS, tenure, side="right")
    middle = tenure + days / 2  # tenure in the middle of the period
    # Days to the nearest anniversary; customers of less than half a year have none behind them.
    renewal = (np.abs((middle + _YEAR / 2) % _YEAR - _YEAR / 2) <= days) & (tenure > _YEAR / 2)
    quarter = ((present["period"] + days // 2) % _YEAR * 4 // _YEAR).astype("str")
    acquisition = label_groups(present["customer_id"].map(channel))
    return (
        pd.Series(band.astype("str"), index=present.index)
        + np.where(renewal, " renewal ", " ")
        + quarter
        + " "
        + acquisition
    )


def cause_indicators(present: pd.DataFrame, failures: pd.DataFrame) -> pd.DataFrame:
    """Per row of present a 0/1 column for each cause: is it among its recent failures?"""
    pairs = failures.drop_duplicates(["index", "cause"]).assign(indicator=1.0)
    table = pairs.pivot_table(index="index", columns="cause", values="indicator")
    return table.reindex(present.index).fillna(0.0)
