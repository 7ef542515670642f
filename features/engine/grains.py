"""The grains of purchases that several themes read: orders, purchase days, items, weeks.

`age` is in days: 1 for the day before the snapshot. Money is in whole units, see `base.units`.
"""

import narwhals as nw

from features.engine.base import Appended, Grouped, Past, Weekly, grain
from retention.core.point_in_time import Frame


@grain("purchase", form=Appended(one_row="order_id"))
def orders(past: Past) -> Frame:
    """One row an order: its lines collapsed. Lines without an order_id are orders themselves.

    customer_id, order, age, amount_units, list_units (price before discounts), lines.
    A line of unknown amount has no price before discounts either: it would look like a gift.
    """
    list_price = nw.coalesce(nw.col("quoted_amount_units"), nw.col("amount_units"))
    lines = past.events("purchase").with_columns(
        order=nw.coalesce(nw.col("order_id"), nw.col("event_id")),
        list_units=nw.when(~nw.col("amount_units").is_null()).then(list_price),
    )
    return lines.group_by("customer_id", "order").agg(
        age=nw.col("age").max(),
        occurred_day=nw.col("occurred_day").min(),
        amount_units=nw.col("amount_units").sum(),
        list_units=nw.col("list_units").sum(),
        lines=nw.len(),
    )


@grain("purchase", form=Appended(silence="silence"))
def purchase_days(past: Past) -> Frame:
    """One row a customer and day with purchases, with the gaps between them in days.

    customer_id, occurred_day, age, amount_units; gap to the purchase day before and gap_5 to the
    fifth before (null for the first ones); silence: days from the last purchase to the snapshot.
    """
    days = (
        past[orders]
        .group_by("customer_id", "age", "occurred_day")
        .agg(amount_units=nw.col("amount_units").sum())
    )
    earlier = nw.col("age").shift(-1).over("customer_id", order_by="age")
    fifth = nw.col("age").shift(-5).over("customer_id", order_by="age")
    return days.with_columns(
        gap=earlier - nw.col("age"),
        gap_5=fifth - nw.col("age"),
        silence=nw.col("age").min().over("customer_id"),
    )


@grain("purchase", form=Weekly(purchase_days))
def weeks(past: Past) -> Frame:
    """One row a customer and week with purchases; week 1 is the seven days before the snapshot."""
    numbered = past[purchase_days].with_columns(week=(nw.col("age") - 1) // 7 + 1)
    return numbered.group_by("customer_id", "week").agg(days=nw.len())


@grain("purchase", form=Appended())
def item_lines(past: Past) -> Frame:
    """One row a purchase line of a known item: customer_id, item_id, age, occurred_day."""
    lines = past.events("purchase").filter(~nw.col("item_id").is_null())
    return lines.select("customer_id", "item_id", "age", "occurred_day")


@grain("purchase", form=Grouped(item_lines, key="item_id", number="lines"))
def items(past: Past) -> Frame:
    """One row a customer and item ever bought: age of the last and of the first purchase, lines."""
    return (
        item_lines.build(past)
        .group_by("customer_id", "item_id")
        .agg(
            age=nw.col("age").min(),
            first_age=nw.col("age").max(),
            occurred_day=nw.col("occurred_day").min(),
            lines=nw.len(),
        )
    )
