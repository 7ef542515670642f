"""Customers at risk of leaving, and the documented causes each was exposed to: for `churn_drivers`.

A row is a stretch of time at risk in which no cause begins or ends to count, so that a cause counts
from the day after it happened and until the departure:
    customer_id, start (its first day), time (days at risk), left (at its end), tenure (days since
    the customer came, null where unknown), stratum (of customers alike)
"""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from retention.stats.intervals import Floats, label_groups

LOOKBACK_DAYS = 182  # a failure this recent counts as a documented cause
TENURE_BANDS = (0, 30, 60, 90, 135, 182, 273, 365, 547, 730, 1095)  # first day of each band
_YEAR = 365
_WIDTH = 2**20  # more than a day number: customer and day as one number that sorts by both

Days = NDArray[np.int64]


def periods_at_risk(tenure: pd.DataFrame, as_of: int, days: int) -> pd.DataFrame:
    """customer_id, start, end, tenure, left: each spell cut into periods of `days` before as_of.

    tenure: customer_id, begins, since, ends, until, as `tenure_spells` makes it.
    """
    since, until = (tenure[name].to_numpy(dtype=np.int64) for name in ("since", "until"))
    # Periods are numbered backwards from as_of, so that the last one is whole.
    first, last = (as_of - 1 - since) // days, (as_of - until) // days
    n_periods = first - last + 1
    spell = np.repeat(np.arange(len(tenure)), n_periods)
    number = np.arange(len(spell)) - np.repeat(np.cumsum(n_periods) - n_periods, n_periods)
    period_end = as_of - days * (np.repeat(first, n_periods) - number)
    rows = tenure[["customer_id", "begins", "ends"]].iloc[spell].reset_index(drop=True)
    end = np.minimum(period_end, until[spell])
    start = np.maximum(period_end - days, since[spell])
    left = rows["ends"].notna() & (end == until[spell])
    return rows.assign(start=start, end=end, tenure=start - rows["begins"], left=left)


def split_by_exposure(rows: pd.DataFrame, failures: pd.DataFrame) -> pd.DataFrame:
    """The rows cut where the exposure of their customer changes, with `time`.

    rows: customer_id, start, end, left, and more, in order of customer and start. failures:
    customer_id, cause, exposed: the first day on which it counts.
    """
    customers = pd.Index(rows["customer_id"].unique())
    starts, ends = (_keys(customers, rows["customer_id"], rows[name]) for name in ("start", "end"))
    of_customers = failures[failures["customer_id"].isin(customers)]
    on = _keys(customers, of_customers["customer_id"], of_customers["exposed"])
    changes = np.unique(np.concatenate([on, on + LOOKBACK_DAYS]))
    row = np.searchsorted(starts, changes, side="right") - 1
    inside = (row >= 0) & (changes > starts[row]) & (changes < ends[row])
    cut_keys = np.concatenate([starts, changes[inside]])
    cut_rows = np.concatenate([np.arange(len(rows)), row[inside]])
    order = np.argsort(cut_keys, kind="stable")
    cut_keys, cut_rows = cut_keys[order], cut_rows[order]
    is_last = np.append(cut_rows[1:] != cut_rows[:-1], True)[: len(cut_rows)]
    next_key = np.where(is_last, ends[cut_rows], np.append(cut_keys[1:], 0)[: len(cut_rows)])
    parts = rows.iloc[cut_rows].reset_index(drop=True)
    return parts.assign(
        start=cut_keys % _WIDTH, time=next_key - cut_keys, left=parts["left"] & is_last
    )


def cause_indicators(rows: pd.DataFrame, failures: pd.DataFrame) -> pd.DataFrame:
    """Per row (customer_id, start) a 0/1 column for each cause: does it count on that day?

    failures: customer_id, cause, exposed.
    """
    customers = pd.Index(rows["customer_id"].unique())
    row_keys = _keys(customers, rows["customer_id"], rows["start"])
    of_customers = failures[failures["customer_id"].isin(customers)]
    columns = {}
    for cause, part in of_customers.groupby("cause"):
        on = np.sort(_keys(customers, part["customer_id"], part["exposed"]))
        # Each exposure that began with an earlier customer has also ended with it.
        begun = np.searchsorted(on, row_keys, side="right")
        over = np.searchsorted(on + LOOKBACK_DAYS, row_keys, side="right")
        columns[str(cause)] = (begun > over).astype(float)
    return pd.DataFrame(columns, index=rows.index)


def first_causes(leavers: pd.DataFrame, failures: pd.DataFrame) -> "pd.Series[str]":
    """Per leaver (customer_id, ends) the oldest cause that counts on the day of leaving, or null.

    failures: customer_id, day, cause, exposed. Of causes on one day the first by name counts.
    """
    keyed = leavers[["customer_id", "ends"]].reset_index()
    both = keyed.merge(failures[["customer_id", "day", "cause", "exposed"]], on="customer_id")
    since = both["ends"] - both["exposed"]
    counts = both[(since >= 0) & (since < LOOKBACK_DAYS)]
    first = counts.sort_values(["index", "day", "cause"]).drop_duplicates("index")
    return first.set_index("index")["cause"].reindex(leavers.index).astype("str")


def strata(rows: pd.DataFrame, channel: "pd.Series[str]", days: int) -> "pd.Series[str]":
    """Strata of alike customers: by tenure, renewal, quarter of the year and acquisition channel.

    rows: customer_id, start, tenure. `channel` is by customer_id; a renewal is an anniversary of
    joining within `days`.
    """
    tenure = rows["tenure"].to_numpy(dtype=float, na_value=np.nan)
    band = np.where(np.isnan(tenure), 0, np.searchsorted(TENURE_BANDS, tenure, side="right"))
    middle = tenure + days / 2
    # Days to the nearest anniversary; customers of less than half a year have none behind them.
    renewal = (np.abs((middle + _YEAR / 2) % _YEAR - _YEAR / 2) <= days) & (tenure > _YEAR / 2)
    quarter = ((rows["start"] + days // 2) % _YEAR * 4 // _YEAR).astype("str")
    return (
        pd.Series(band.astype("str"), index=rows.index)
        + np.where(renewal, " renewal ", " ")
        + quarter
        + " "
        + label_groups(rows["customer_id"].map(channel))
    )


def _keys(customers: pd.Index, ids: "pd.Series[str]", days: "pd.Series[int]") -> Days:
    """(n,) customer and day as one number, by position in `customers`."""
    return customers.get_indexer(pd.Index(ids)) * _WIDTH + days.to_numpy(dtype=np.int64)


def n_before(days: pd.DataFrame, rows: pd.DataFrame, within: int) -> Floats:
    """(rows,) activity days of each row's customer in the `within` days before its start."""
    customers = pd.Index(rows["customer_id"].unique())
    visits = days[days["customer_id"].isin(customers)]
    keys = np.sort(_keys(customers, visits["customer_id"], visits["day"]))
    row_keys = _keys(customers, rows["customer_id"], rows["start"])
    counts = np.searchsorted(keys, row_keys) - np.searchsorted(keys, row_keys - within)
    return counts.astype(float)
