"""Who was there, what had gone wrong for them, and who left: the rows that loss by cause counts."""

import numpy as np
import pandas as pd

from retention.stats.intervals import named

MEMORY = 182  # days in which a failure counts as documented trouble
TENURE = (0, 30, 60, 90, 135, 182, 273, 365, 547, 730, 1095)  # days at which a band begins
_YEAR = 365


def troubles(present: pd.DataFrame, failures: pd.DataFrame) -> pd.DataFrame:
    """index (of present), day, cause of every failure in the MEMORY before a row's period.

    present: customer_id, period; failures: customer_id, day, cause.
    """
    rows = present[["customer_id", "period"]].reset_index()
    both = rows.merge(failures[["customer_id", "day", "cause"]], on="customer_id")
    return both[(both["day"] < both["period"]) & (both["day"] >= both["period"] - MEMORY)]


def first_causes(present: pd.DataFrame, before: pd.DataFrame) -> "pd.Series[str]":
    """Per row of present the first cause among its `troubles`, null where none is.

    Ties go by the cause's name.
    """
    first = before.sort_values(["index", "day", "cause"]).drop_duplicates("index")
    return first.set_index("index")["cause"].reindex(present.index)


def strata(present: pd.DataFrame, channel: "pd.Series[str]", days: int) -> "pd.Series[str]":
    """Rows that would leave alike if service were the same: tenure, renewal, acquisition, season.

    `channel` is by customer_id; a renewal is an anniversary near the period, a season a quarter.
    """
    tenure = present["tenure"].to_numpy()
    band = np.searchsorted(TENURE, tenure, side="right")
    middle = tenure + days / 2
    renewal = (np.abs((middle + _YEAR / 2) % _YEAR - _YEAR / 2) <= days) & (tenure > _YEAR / 2)
    quarter = ((present["period"] + days // 2) % _YEAR * 4 // _YEAR).astype("str")
    won = named(present["customer_id"].map(channel))
    return pd.Series(band.astype("str"), index=present.index) + np.where(
        renewal, " renewal ", " "
    ) + quarter + " " + won  # fmt: skip


def documented(present: pd.DataFrame, before: pd.DataFrame) -> pd.DataFrame:
    """Per row of present which causes are among its `troubles`: a 0/1 column each."""
    seen = before.drop_duplicates(["index", "cause"]).assign(seen=1.0)
    table = seen.pivot_table(index="index", columns="cause", values="seen")
    return table.reindex(present.index).fillna(0.0)
