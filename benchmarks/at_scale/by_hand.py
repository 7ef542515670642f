"""The features of purchases for one snapshot, in SQL by hand: as a user would write them instead.

What is counted within windows has one line a column, with filters; gaps come from a window over
the purchase days. The names and values are those of the themes in THEMES, to six decimals.
"""

from pathlib import Path
from typing import Final

THEMES: Final = (
    "recency", "frequency", "monetary", "rhythm", "trend", "basket", "regularity", "season",
    "returns", "discounts",
)  # fmt: skip
WINDOWS: Final = (7, 14, 30, 60, 90, 180, 365)


def _n(days: int, skip: int = 0, rows: str = "true") -> str:
    return f"count(*) filter (age > {skip} and age <= {skip + days} and {rows})"


def _sum(column: str, days: int, skip: int = 0) -> str:
    return f"coalesce(sum({column}) filter (age > {skip} and age <= {skip + days}), 0)"


def _ratio(part: str, whole: str) -> str:
    return f"({part})::double / (case when ({whole}) > 0 then {whole} end)"


def order_columns() -> dict[str, str]:
    """Over the orders of a customer."""
    columns = {
        "days_since_purchase": "min(age)",
        "days_since_first_purchase": "max(age)",
        "orders_total": "count(*)",
        "spend_total": "sum(units) / 1e4",
        "largest_order": "max(units) / 1e4",
        "largest_basket": "max(lines)",
        "orders_next_28_last_year": _n(28, 336),
        "orders_next_91_last_year": _n(91, 273),
        "spend_next_28_last_year": f"{_sum('units', 28, 336)} / 1e4",
        "season_lift_last_year": _ratio(_n(28, 336), _n(28, 364)),
        "discounted_orders_90d": _ratio(_n(90, rows="list_units > units"), _n(90)),
    }
    for w in WINDOWS:
        columns[f"orders_{w}d"] = _n(w)
        columns[f"spend_{w}d"] = f"{_sum('units', w)} / 1e4"
        columns[f"orders_change_{w}d"] = f"{_n(w)} - {_n(w, w)}"
        columns[f"spend_change_{w}d"] = f"({_sum('units', w)} - {_sum('units', w, w)}) / 1e4"
    for w in (30, 90, 365):
        columns[f"basket_lines_{w}d"] = _ratio(_sum("lines", w), _n(w))
        columns[f"basket_spend_{w}d"] = _ratio(_sum("units", w), f"{_n(w)} * 10000")
        cheaper = f"{_sum('list_units', w)} - {_sum('units', w)}"
        columns[f"discount_{w}d"] = _ratio(cheaper, _sum("list_units", w))
    columns |= {f"orders_recent_share_{w}d": _ratio(_n(w), _n(3 * w)) for w in (14, 30, 60)}
    for w in (30, 60):
        columns[f"spend_recent_share_{w}d"] = _ratio(_sum("units", w), _sum("units", 3 * w))
    return columns


def day_columns() -> dict[str, str]:
    """Over the purchase days."""
    gaps = "count(gap)"
    variance = _ratio(f"{gaps} * sum(gap * gap) - sum(gap) * sum(gap)", f"{gaps} * ({gaps} - 1)")
    columns = {
        "purchase_days": "count(*)",
        "last_spend": "max(units) filter (age = silence) / 1e4",
        "mean_gap": _ratio("sum(gap)", gaps),
        "median_gap": "median(gap)",
        "gap_deviation": f"sqrt({variance})",
        "longest_gap": "max(gap)",
        "last_gap": "max(gap) filter (age = silence)",
        "recent_gap": "max(gap_5) filter (age = silence) / 5",
        "longer_gaps_share": _ratio("count(*) filter (gap >= silence)", gaps),
        "weekend_share": _ratio("count(*) filter ((day + 3) % 7 >= 5)", "count(*)"),
    }
    columns |= {f"purchase_days_recent_{w}d": _n(w) for w in (30, 90, 180)}
    for w in (90, 180):
        columns[f"mean_gap_recent_{w}d"] = _ratio(_sum("gap", w), _n(w, rows="gap is not null"))
    return columns


def other_columns() -> dict[str, dict[str, str]]:
    """Over the weeks, the items and the returns."""
    weeks = {
        "first_active_week": "max(week)",
        "days_per_active_week": _ratio("sum(days)", "count(*)"),
    }
    for w in (28, 56, 91, 182, 364):
        weeks[f"active_weeks_{w}d"] = f"count(*) filter (week <= {w // 7}) / {w // 7}"
    items = {"repeated_items_share": _ratio("count(*) filter (lines > 1)", "count(*)")}
    items |= {f"distinct_items_{w}d": _n(w) for w in (30, 90, 180)}
    items |= {f"new_items_{w}d": f"count(*) filter (first_age <= {w})" for w in (30, 90)}
    returned = {"returned_total": "-sum(units) / 1e4", "days_since_return": "min(age)"}
    returned |= {f"returns_{w}d": _n(w) for w in (30, 90, 365)}
    returned |= {f"returned_money_{w}d": f"-{_sum('units', w)} / 1e4" for w in (90, 365)}
    return {"weeks": weeks, "items": items, "returned": returned}


DERIVED: Final = {
    "order_rate": _ratio("orders_total * 30", "days_since_first_purchase"),
    "mean_order": _ratio("spend_total", "orders_total"),
    "last_spend_to_mean": _ratio("last_spend * purchase_days", "spend_total"),
    "overdue_days": "days_since_purchase - median_gap",
    "overdue_ratio": _ratio("days_since_purchase", "mean_gap"),
    "overdue_recent_ratio": _ratio("days_since_purchase", "recent_gap"),
    "overdue_longest_ratio": _ratio("days_since_purchase", "longest_gap"),
    "gap_growth": _ratio("recent_gap", "mean_gap"),
    "gap_variation": _ratio("gap_deviation", "mean_gap"),
    "basket_growth": _ratio("basket_spend_30d * orders_total", "spend_total"),
    "discount_change": "discount_30d - discount_90d",
    "returned_share": _ratio("returned_total", "spend_total"),
}


def sql(root: Path, snapshot: int) -> str:
    """The query of one snapshot over EVENTS and SNAPSHOTS below a folder."""
    tables = {"orders": order_columns(), "days": day_columns(), **other_columns()}
    zeros = [
        name
        for name in tables["returned"] | tables["weeks"] | tables["items"]
        if name.startswith(("return", "active_weeks", "distinct", "new_items"))
    ]
    grouped = "\n".join(
        f"left join (select customer_id, {', '.join(f'{e} as {n}' for n, e in columns.items())}"
        f" from {table} group by customer_id) using (customer_id)"
        for table, columns in tables.items()
    )
    return f"""
    with past as (
        select *, {snapshot} - occurred_day as age, (amount * 10000)::bigint as units,
            (quoted_amount * 10000)::bigint as quoted_units
        from read_parquet('{root}/data/events/events.parquet')
        where known_day < {snapshot} and kind in ('purchase', 'return')),
    bought as materialized (select * from past where kind = 'purchase'),
    returned as (select customer_id, age, units from past where kind = 'return'),
    orders as materialized (
        select customer_id, max(age) as age, min(occurred_day) as day, sum(units)::bigint as units,
            count(*) as lines, sum(coalesce(quoted_units, units))::bigint as list_units
        from bought group by customer_id, coalesce(order_id, event_id)),
    daily as materialized (
        select customer_id, age, day, sum(units)::bigint as units from orders group by all),
    days as (
        select *, lead(age) over by_age - age as gap, lead(age, 5) over by_age - age as gap_5,
            min(age) over (partition by customer_id) as silence
        from daily window by_age as (partition by customer_id order by age)),
    weeks as (
        select customer_id, (age - 1) // 7 + 1 as week, count(*) as days from daily group by all),
    items as (
        select customer_id, min(age) as age, max(age) as first_age, count(*) as lines
        from bought where item_id is not null group by customer_id, item_id),
    cohort as (
        select customer_id from read_parquet('{root}/data/snapshots/snapshots.parquet')
        where snapshot_on = date '1970-01-01' + {snapshot}),
    wide as (select * from cohort {grouped}),
    filled as (
        select * replace ({", ".join(f"coalesce({name}, 0) as {name}" for name in zeros)})
        from wide)
    select *, {", ".join(f"{expr} as {name}" for name, expr in DERIVED.items())}
    from filled order by customer_id"""
