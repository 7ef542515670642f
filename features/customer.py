"""Customer: attributes as they were known at the snapshot."""

import narwhals as nw

from features.engine.base import CUSTOMER, feature


@feature(CUSTOMER, unit="days")
def tenure() -> nw.Expr:
    """Days since the customer joined."""
    return nw.col("tenure")


@feature(CUSTOMER, unit="currency")
def acquisition_cost() -> nw.Expr:
    """What winning the customer cost."""
    return nw.col("acquisition_cost")


@feature(CUSTOMER, unit="category")
def acquisition_channel() -> nw.Expr:
    """The channel through which the customer was won."""
    return nw.col("acquisition_channel")


@feature(CUSTOMER, unit="category")
def region() -> nw.Expr:
    """The customer's region, where the source says since when it was known."""
    return nw.col("region")


@feature(CUSTOMER, unit="category")
def preferred_channel() -> nw.Expr:
    """The channel the customer prefers, where the source says since when it was known."""
    return nw.col("preferred_channel")
