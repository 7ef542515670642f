"""How the recipe does by groups of customers: whether any of them is served worse than the rest.

Groups are attributes as they are known today, and thirds by expected value. They only measure: no
feature and no list is made from them here.
"""

from typing import Any, Final

import pandas as pd

from retention.stats import bootstrap, intervals
from retention.training import metrics

ATTRIBUTES: Final = ("region", "language", "preferred_channel", "acquisition_channel")
THIRDS: Final = ("low", "middle", "high")
VALUE: Final = "expected value"
MIN_PER_CLASS: Final = 10  # who left and who stayed, below which no order is told


def slice_metrics(
    scores: pd.DataFrame, customers: pd.DataFrame, capacity: int, min_size: int
) -> list[dict[str, Any]]:
    """One row a group of at least `least` customers: by, group, customers, churners, and what of.

    scores: customer_id, churned, churn_probability, expected_value, expected_loss, one a customer.
    customers: customer_id and any of ATTRIBUTES, one a customer at most. predicted: the mean
    chance; left: the share that left, with low and high (95 %, Wilson 1927); right: whether the
    chance lies within. roc_auc: of the order in the group, None of too few. listed: the share among
    the `capacity` with most to lose; found: the same of those who left.
    """
    rows = scores.merge(customers, on="customer_id", how="left", validate="one_to_one")
    order = bootstrap.tie_ranks(rows["customer_id"])
    rows["listed"] = False
    top = metrics.top_rows(rows["expected_loss"].to_numpy(dtype=float), capacity, order)
    rows.loc[rows.index[top], "listed"] = True
    rows[VALUE] = _thirds(rows["expected_value"])
    attributes = [name for name in (*ATTRIBUTES, VALUE) if name in rows]
    return [
        {"by": name, "group": str(group), **_group_metrics(group_rows)}
        for name in attributes
        for group, group_rows in rows.groupby(name, observed=True)
        if len(group_rows) >= min_size
    ]


def _thirds(values: "pd.Series[float]") -> "pd.Series[Any]":
    place = (values.rank(method="first") - 1) * len(THIRDS) // max(1, len(values))
    return place.astype(int).map(dict(enumerate(THIRDS)))


def _group_metrics(group_rows: pd.DataFrame) -> dict[str, Any]:
    left = group_rows["churned"].to_numpy(dtype=float)
    predicted = group_rows["churn_probability"].to_numpy(dtype=float)
    low, high = (float(end) for end in intervals.wilson_interval(left.sum(), len(left)))
    churners_on_list = group_rows.loc[group_rows["churned"].astype(bool), "listed"]
    enough = min(left.sum(), (1 - left).sum()) >= MIN_PER_CLASS
    return {
        "customers": len(group_rows),
        "churners": int(left.sum()),
        "predicted": float(predicted.mean()),
        "left": float(left.mean()),
        "low": low,
        "high": high,
        "right": low <= float(predicted.mean()) <= high,
        "roc_auc": metrics.roc_auc(left, predicted) if enough else None,
        "listed": float(group_rows["listed"].mean()),
        "found": float(churners_on_list.mean()) if len(churners_on_list) else None,
    }
