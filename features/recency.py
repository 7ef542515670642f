"""Recency: how long ago the customer bought last, and first."""

import narwhals as nw

from features.engine.base import feature
from features.engine.grains import orders


@feature(
    orders,
    unit="days",
    words=(
        "last visit {days_since_purchase:days} ago, usually every {median_gap:n}",
        "last visit {days_since_purchase:days} ago, the only one so far",
    ),
    alarming="high",
)
def days_since_purchase() -> nw.Expr:
    """Days from the last purchase to the snapshot."""
    return nw.col("age").min()


@feature(
    orders,
    unit="days",
    words="came {purchase_days:times} so far, first {days_since_first_purchase:days} ago",
    alarming="high",
)
def days_since_first_purchase() -> nw.Expr:
    """Days from the first purchase to the snapshot."""
    return nw.col("age").max()
