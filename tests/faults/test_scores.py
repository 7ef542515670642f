"""Scores of a company in whose data nothing is finite any more: case 25."""

import json
from pathlib import Path

import pyarrow.parquet as pq

from retention.core import artefacts
from tests.support.company import Checkout

STAGES = ("ingest sales", "events", "snapshots", "interactions", "features", "score")


def test_25_non_finite_rows_leave_every_score_finite(shop: Checkout, tmp_path: Path) -> None:
    spoilt = shop.copy(tmp_path / "shop")
    sales = spoilt / "data/raw/sales.csv"
    odd = ["nan", "inf", "-inf", "1e400", "1e308", "NaN"]
    planted = [f"P{i},1,{i:05d},S01,1,{price},2026-02-20 12:00:00" for i, price in enumerate(odd)]
    sales.write_text(sales.read_text(encoding="utf-8") + "\n".join(planted) + "\n", "utf-8")
    spoilt.stages(*STAGES)
    summary = json.loads((spoilt / "data/ingest/sales/summary.json").read_text("utf-8"))
    assert summary["rules"]["not_decimal"] == 1 + len(odd)
    before, after = (pq.read_table(checkout / str(artefacts.SCORES)) for checkout in (shop, spoilt))
    chance = after["churn_probability"].to_numpy()
    assert ((chance >= 0) & (chance <= 1)).all()  # false for NaN
    assert after.equals(before)
