"""Metrics by group of customers: whether the models serve any group worse than the rest.

Groups are attributes as known today, and thirds by expected value. They are for measurement only:
no feature and no list uses them.
"""

from typing import Any, Final

import numpy as np
import pandas as pd

from retention.stats import bootstrap, intervals, weighted
from retention.training import metrics

ATTRIBUTES: Final = ("region", "language", "preferred_channel", "acquisition_channel")
THIRDS: Final = ("low", "middle", "high")
VALUE: Final = "expected value"
MIN_PER_CLASS: Final = 10  # churners and stayers, below which a group has no AUC


def slice_metrics(
    scores: pd.DataFrame, customers: pd.DataFrame, capacity: int, min_size: int
) -> list[dict[str, Any]]:
    """Metrics of each group of at least `min_size` customers.

    Parameters
    ----------
    scores : DataFrame of n rows, one per customer
        customer_id, churned, churn_probability, expected_value, expected_loss; optionally
        weight, the customers that a row stands for.
    customers : DataFrame, at most one row per customer
        customer_id and any of ATTRIBUTES.
    capacity : int
        Length of the list, the first customers by `metrics.list_order`.
    min_size : int
        Customers below which a group is left out.

    Returns
    -------
    list of dict
        by, group, customers, churners; `predicted`, the mean probability; `left`, the observed
        churn rate with `low` and `high` (95 %, Wilson); `right`, whether the mean probability lies
        within; `roc_auc` within the group, None below MIN_PER_CLASS; `listed`, the share on the
        list, and `found`, the share of churners on it.
    """
    rows = scores.merge(customers, on="customer_id", how="left", validate="one_to_one")
    order = bootstrap.tie_ranks(rows["customer_id"])
    weight = rows["weight"].to_numpy(dtype=float) if "weight" in rows else np.ones(len(rows))
    rank_by = metrics.list_order(rows["expected_loss"], rows["churn_probability"])
    rows["listed"] = metrics.on_list(rank_by, capacity, order, weight) / weight
    rows[VALUE] = thirds(rows["expected_value"])
    attributes = [name for name in (*ATTRIBUTES, VALUE) if name in rows]
    return [
        {"by": name, "group": str(group), **_group_metrics(group_rows)}
        for name in attributes
        for group, group_rows in rows.groupby(name, observed=True)
        if len(group_rows) >= min_size
    ]


def thirds(values: "pd.Series[float]") -> "pd.Series[Any]":
    """Which of THIRDS each value lies in."""
    place = (values.rank(method="first") - 1) * len(THIRDS) // max(1, len(values))
    return place.astype(int).map(dict(enumerate(THIRDS)))


def _group_metrics(group_rows: pd.DataFrame) -> dict[str, Any]:
    churned = group_rows["churned"].to_numpy(dtype=float)
    predicted = group_rows["churn_probability"].to_numpy(dtype=float)
    weight = weighted.unless_equal(group_rows["weight"]) if "weight" in group_rows else None
    on_list = group_rows["listed"].to_numpy(dtype=float)
    n = len(churned) if weight is None else weighted.effective_size(weight)
    left, chance = weighted.mean(churned, weight), weighted.mean(predicted, weight)
    low, high = (float(end) for end in intervals.wilson_interval(left * n, n))
    held = churned if weight is None else churned * weight
    enough = min(churned.sum(), (1 - churned).sum()) >= MIN_PER_CLASS
    return {
        "customers": len(group_rows),
        "churners": int(churned.sum()),
        "predicted": chance,
        "left": left,
        "low": low,
        "high": high,
        "right": low <= chance <= high,
        "roc_auc": metrics.roc_auc(churned, predicted, weight) if enough else None,
        "listed": weighted.mean(on_list, weight),
        "found": weighted.mean(on_list, held) if held.any() else None,
    }


def value_by_decile(scores: pd.DataFrame) -> list[dict[str, Any]]:
    """Mean value if kept and if lost, predicted and realised, by decile of value if kept.

    Parameters
    ----------
    scores : DataFrame of n rows, one per customer
        value_if_kept, value_if_lost, churned (bool) and value; account currency.

    Returns
    -------
    list of dict
        Per decile (1 is the lowest) decile, customers, expected_if_kept and actual_if_kept of
        those who stayed, expected_if_lost and actual_if_lost of those who churned; None without
        such customers.
    """
    rank = scores["value_if_kept"].rank(method="first")
    decile = ((rank - 1) * 10 // len(scores)).astype(int) + 1
    rows = []
    for number, group in scores.groupby(decile):
        stayed, churned = group[~group["churned"]], group[group["churned"]]
        rows.append(
            {
                "decile": int(str(number)),
                "customers": len(group),
                "expected_if_kept": _mean(stayed, "value_if_kept"),
                "actual_if_kept": _mean(stayed, "value"),
                "expected_if_lost": _mean(churned, "value_if_lost"),
                "actual_if_lost": _mean(churned, "value"),
            }
        )
    return rows


def _mean(rows: pd.DataFrame, name: str) -> float | None:
    if rows.empty:
        return None
    weight = weighted.unless_equal(rows["weight"]) if "weight" in rows else None
    if weight is None:
        return float(rows[name].mean())
    return weighted.mean(rows[name].to_numpy(dtype=float), weight)


def newest_attributes(customers: pd.DataFrame) -> pd.DataFrame:
    """Keep of each customer what is known last.

    Parameters
    ----------
    customers : DataFrame
        customer_id, known_day and attributes; a customer may have several rows.

    Returns
    -------
    DataFrame
        One row per customer, without known_day.
    """
    by_day = customers.sort_values("known_day", na_position="first")
    return by_day.drop_duplicates("customer_id", keep="last").drop(columns="known_day")
