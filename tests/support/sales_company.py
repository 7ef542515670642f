"""A company with one source: a params.yaml without a fault, and its file of sales."""

import pandas as pd

from retention.core.storage import atomic

PARAMS = """
company: Mill Lane Bakery
as_of: "2026-07-20"
time_zone: Europe/London
currency: GBP
sources:
  sales:
    path: data/raw/sales.csv
    key: [receipt]
    types: {sold_on: date, price: decimal}
    format: {date: "%Y-%m-%d"}
    events:
      - {kind: purchase, customer_id: customer, occurred_at: sold_on, amount: price}
labels:
  churn: {rule: silence, active_days: 60, horizon_days: 28}
  value: {horizon_days: 28}
"""


def write_company() -> None:
    """Write both into the working folder."""
    days = pd.date_range("2026-01-01", "2026-07-19").strftime("%Y-%m-%d")
    rows = "".join(f"R{i},c{i % 20},{day},3.50\n" for i, day in enumerate(days))
    atomic.write_text("data/raw/sales.csv", "receipt,customer,sold_on,price\n" + rows)
    atomic.write_text("params.yaml", PARAMS)
