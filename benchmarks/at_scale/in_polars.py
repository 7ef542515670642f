"""The features of purchases for one snapshot, in Polars by hand; the columns of by_hand.py."""

from pathlib import Path
from typing import TYPE_CHECKING, Any

import pyarrow as pa

from benchmarks.at_scale.by_hand import WINDOWS
from retention.core import point_in_time

if TYPE_CHECKING:
    pl: Any
else:
    try:
        import polars as pl
    except ImportError:
        pl = None


def features(root: Path, snapshot: int) -> pa.Table:
    """One row a customer of the snapshot's cohort, by customer_id."""
    past = (
        pl.scan_parquet(root / "data/events/events.parquet")
        .filter((pl.col("known_day") < snapshot) & pl.col("kind").is_in(["purchase", "return"]))
        .select(
            "customer_id", "kind", "item_id",
            day=pl.col("occurred_day").cast(pl.Int64),
            order=pl.coalesce("order_id", "event_id"),
            age=(snapshot - pl.col("occurred_day")).cast(pl.Int64),
            units=(pl.col("amount") * 10_000).cast(pl.Int64),
            quoted=(pl.col("quoted_amount") * 10_000).cast(pl.Int64),
        )
    )  # fmt: skip
    bought = past.filter(pl.col("kind") == "purchase")
    orders = bought.group_by("customer_id", "order").agg(
        pl.col("age").max(), pl.col("day").min(), pl.col("units").sum(), lines=_len(),
        list_units=pl.coalesce("quoted", "units").sum(),
    )  # fmt: skip
    daily = orders.group_by("customer_id", "age", "day").agg(pl.col("units").sum())
    before = [pl.col("age").shift(-n).over("customer_id") - pl.col("age") for n in (1, 5)]
    days = daily.sort("customer_id", "age").with_columns(
        gap=before[0], gap_5=before[1], silence=pl.col("age").min().over("customer_id")
    )
    week = (pl.col("age") - 1) // 7 + 1
    weeks = daily.group_by("customer_id", week=week).agg(days=_len())
    items = (
        bought.filter(pl.col("item_id").is_not_null())
        .group_by("customer_id", "item_id")
        .agg(pl.col("age").min(), first_age=pl.col("age").max(), lines=_len())
    )
    returned = past.filter(pl.col("kind") == "return")
    on = point_in_time.date_of(snapshot)
    frame = pl.scan_parquet(root / "data/snapshots/snapshots.parquet")
    frame = frame.filter(pl.col("snapshot_on") == on)
    tables = ((orders, _of_orders()), (days, _of_days()), (weeks, _of_weeks()),
              (items, _of_items()), (returned, _of_returns()))  # fmt: skip
    for table, columns in tables:
        part = table.group_by("customer_id").agg(**columns)
        frame = frame.join(part, on="customer_id", how="left")
    zeros = ("returns_", "returned_", "active_weeks", "distinct", "new_items")
    names = [name for _, columns in tables for name in columns if name.startswith(zeros)]
    frame = frame.with_columns(pl.col(names).fill_null(0))
    table = frame.with_columns(**_derived()).sort("customer_id").collect(engine="streaming")
    return table.to_arrow()


def _len() -> Any:
    return pl.len().cast(pl.Int64)


def _within(days: int, skip: int = 0) -> Any:
    return (pl.col("age") > skip) & (pl.col("age") <= skip + days)


def _n(rows: Any) -> Any:
    return rows.sum().cast(pl.Int64)


def _sum(column: str, rows: Any) -> Any:
    return pl.col(column).filter(rows).sum()


def _ratio(part: Any, whole: Any) -> Any:
    return part / pl.when(whole > 0).then(whole)


def _of_orders() -> dict[str, Any]:
    units = pl.col("units")
    cheaper = _within(90) & (pl.col("list_units") > units)
    next_28, next_91 = _within(28, 336), _within(91, 273)
    columns = {
        "days_since_purchase": pl.col("age").min(),
        "days_since_first_purchase": pl.col("age").max(),
        "orders_total": _len(),
        "spend_total": units.sum() / 1e4,
        "largest_order": units.max() / 1e4,
        "largest_basket": pl.col("lines").max(),
        "orders_next_28_last_year": _n(next_28),
        "orders_next_91_last_year": _n(next_91),
        "spend_next_28_last_year": _sum("units", next_28) / 1e4,
        "season_lift_last_year": _ratio(_n(next_28), _n(_within(28, 364))),
        "discounted_orders_90d": _ratio(_n(cheaper), _n(_within(90))),
    }
    for w in WINDOWS:
        now, before = _within(w), _within(w, w)
        columns[f"orders_{w}d"] = _n(now)
        columns[f"spend_{w}d"] = _sum("units", now) / 1e4
        columns[f"orders_change_{w}d"] = _n(now) - _n(before)
        columns[f"spend_change_{w}d"] = (_sum("units", now) - _sum("units", before)) / 1e4
    for w in (30, 90, 365):
        now, quoted = _within(w), _sum("list_units", _within(w))
        columns[f"basket_lines_{w}d"] = _ratio(_sum("lines", now), _n(now))
        columns[f"basket_spend_{w}d"] = _ratio(_sum("units", now), _n(now) * 10_000)
        columns[f"discount_{w}d"] = _ratio(quoted - _sum("units", now), quoted)
    for w in (14, 30, 60):
        columns[f"orders_recent_share_{w}d"] = _ratio(_n(_within(w)), _n(_within(3 * w)))
    for w in (30, 60):
        part, whole = _sum("units", _within(w)), _sum("units", _within(3 * w))
        columns[f"spend_recent_share_{w}d"] = _ratio(part, whole)
    return columns


def _of_days() -> dict[str, Any]:
    gap, last = pl.col("gap"), pl.col("age") == pl.col("silence")
    number = gap.count().cast(pl.Int64)
    squares = number * (gap * gap).sum() - gap.sum() ** 2
    columns = {
        "purchase_days": _len(),
        "last_spend": pl.col("units").filter(last).max() / 1e4,
        "mean_gap": _ratio(gap.sum(), number),
        "median_gap": gap.median(),
        "gap_deviation": _ratio(squares, number * (number - 1)).sqrt(),
        "longest_gap": gap.max(),
        "last_gap": gap.filter(last).max(),
        "recent_gap": pl.col("gap_5").filter(last).max() / 5,
        "longer_gaps_share": _ratio(_n(gap >= pl.col("silence")), number),
        "weekend_share": _ratio(_n((pl.col("day") + 3) % 7 >= 5), _len()),
    }
    columns |= {f"purchase_days_recent_{w}d": _n(_within(w)) for w in (30, 90, 180)}
    for w in (90, 180):
        gaps = gap.filter(_within(w))
        columns[f"mean_gap_recent_{w}d"] = _ratio(gaps.sum(), gaps.count().cast(pl.Int64))
    return columns


def _of_weeks() -> dict[str, Any]:
    week = pl.col("week")
    columns = {f"active_weeks_{w}d": _n(week <= w // 7) / (w // 7) for w in (28, 56, 91, 182, 364)}
    days = _ratio(pl.col("days").sum(), _len())
    return columns | {"first_active_week": week.max(), "days_per_active_week": days}


def _of_items() -> dict[str, Any]:
    columns = {f"distinct_items_{w}d": _n(_within(w)) for w in (30, 90, 180)}
    columns |= {f"new_items_{w}d": _n(pl.col("first_age") <= w) for w in (30, 90)}
    return columns | {"repeated_items_share": _ratio(_n(pl.col("lines") > 1), _len())}


def _of_returns() -> dict[str, Any]:
    columns = {f"returns_{w}d": _n(_within(w)) for w in (30, 90, 365)}
    columns |= {f"returned_money_{w}d": 0 - _sum("units", _within(w)) / 1e4 for w in (90, 365)}
    total = 0 - pl.col("units").sum() / 1e4
    return columns | {"returned_total": total, "days_since_return": pl.col("age").min()}


def _derived() -> dict[str, Any]:
    def over(part: str, whole: str) -> Any:
        return _ratio(pl.col(part), pl.col(whole))

    spent, silence = pl.col("spend_total"), "days_since_purchase"
    return {
        "order_rate": over("orders_total", "days_since_first_purchase") * 30,
        "mean_order": over("spend_total", "orders_total"),
        "last_spend_to_mean": _ratio(pl.col("last_spend") * pl.col("purchase_days"), spent),
        "overdue_days": pl.col(silence) - pl.col("median_gap"),
        "overdue_ratio": over(silence, "mean_gap"),
        "overdue_recent_ratio": over(silence, "recent_gap"),
        "overdue_longest_ratio": over(silence, "longest_gap"),
        "gap_growth": over("recent_gap", "mean_gap"),
        "gap_variation": over("gap_deviation", "mean_gap"),
        "basket_growth": _ratio(pl.col("basket_spend_30d") * pl.col("orders_total"), spent),
        "discount_change": pl.col("discount_30d") - pl.col("discount_90d"),
        "returned_share": over("returned_total", "spend_total"),
    }
