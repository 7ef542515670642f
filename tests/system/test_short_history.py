"""A company whose history is too short for any label gets a list all the same, and is told so."""

import csv
import html
import json
import re
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest

from retention.core import artefacts
from retention.training.ladder import BANNERS
from tests.support import company
from tests.support.company import Checkout

DAYS = 100
STAGES = (
    *("params", "extract", "ingest sales", "customers", "events", "snapshots", "labels"),
    *("features", "train", "uplift", "evaluate", "promote", "interactions", "score", "guard"),
    *("at_risk", "publish", "outcomes"),
)
WITHOUT_MLFLOW = {"MLFLOW_TRACKING_URI": "none://"}
AS_OF = str(company.FIRST_DAY + DAYS)


def shop(folder: Path) -> dict[str, Any]:
    """The small company's first 100 days; its params with the default windows of labels."""
    path = folder / "sales.csv"
    sales = pd.read_csv(path, dtype=str)
    sales[sales["sold_at"] < AS_OF].to_csv(path, index=False)
    sources = {"sales": company.PARAMS["sources"]["sales"]}
    labels = {"churn": {"rule": "silence"}, "value": {"margin": 0.5}}
    return {"as_of": AS_OF, "sources": sources, "labels": labels}


def club(folder: Path) -> dict[str, Any]:
    """Members who joined on any of the 100 days; many leave after a month, those without do not."""
    draw = np.random.default_rng(5)
    joined = draw.integers(0, DAYS, company.CUSTOMERS)
    stays = np.where(
        draw.random(company.CUSTOMERS) < 0.4, 30, 31 + draw.exponential(300, company.CUSTOMERS)
    )
    left = joined + stays.astype(int)
    day = {name: company.FIRST_DAY + days for name, days in (("in", joined), ("out", left))}
    pd.DataFrame(
        {
            "cust": [f"{number:05d}" for number in range(company.CUSTOMERS)],
            "joined": day["in"].astype(str),
            "fee": "20.00",
            "gone": np.where(left < DAYS, day["out"].astype(str), ""),
        }
    ).to_csv(folder / "sales.csv", index=False)
    fields = {"customer_id": "cust"}
    sales = {
        "path": "data/raw/sales.csv",
        "key": ["cust"],
        "types": {"joined": "date", "gone": "date", "fee": "decimal"},
        "format": {"date": "%Y-%m-%d"},
        "events": [
            {"kind": "start", "occurred_at": "joined", **fields},
            {"kind": "purchase", "occurred_at": "joined", "amount": "fee", **fields},
            {"kind": "cancel", "occurred_at": "gone", "where": "gone is not null", **fields},
        ],
    }
    labels = {"churn": {"rule": "cancel"}}
    return {"as_of": AS_OF, "sources": {"sales": sales}, "labels": labels}


def borrowers(folder: Path) -> dict[str, Any]:
    """The visits of 60 of the shop's customers, who pay nothing."""
    changed = shop(folder)
    path = folder / "sales.csv"
    visits = pd.read_csv(path, dtype=str)
    visits[visits["cust"] < "00060"].to_csv(path, index=False)
    (event,) = changed["sources"]["sales"]["events"]
    free = {name: field for name, field in event.items() if name != "amount"}
    sales = changed["sources"]["sales"] | {"events": [free]}
    labels = {"churn": {"rule": "silence"}}
    return changed | {"sources": {"sales": sales}, "labels": labels, "features": {"windows": [30]}}


def run(checkout: Checkout, changed: dict[str, Any]) -> pd.DataFrame:
    """Run every stage in order; the scores. The published list has the banner and no interval."""
    general = {
        name: company.PARAMS[name] for name in ("company", "time_zone", "currency", "features")
    }
    customers = {"customers": company.PARAMS["customers"], "at_risk": {"capacity": 30}}
    checkout.set_params(general | customers | changed)
    checkout.stages(*STAGES, **WITHOUT_MLFLOW)
    (page,) = checkout.folder.glob("lists/current/at_risk.html")
    assert BANNERS["history"] in html.unescape(page.read_text(encoding="utf-8"))
    with (page.parent / "at_risk.csv").open(encoding="utf-8-sig") as file:
        rows = list(csv.DictReader(file))
    assert rows
    assert {row["value_low"] for row in rows} == {""}
    scores = pd.read_parquet(checkout / str(artefacts.SCORES.path))
    assert scores["value_low"].isna().all()
    assert (scores["value_if_lost"] == 0).all()
    return scores


def selection(checkout: Checkout) -> dict[str, Any]:
    text = (checkout / str(artefacts.SELECTION.path)).read_text(encoding="utf-8")
    read: dict[str, Any] = json.loads(text)
    assert (read["evidence"], read["churn_rate"]) == ("history", None)
    return read


def test_a_shop_of_100_days_is_scored_by_the_rhythm_of_purchases(tmp_path: Path) -> None:
    checkout = company.make(tmp_path)
    scores = run(checkout, shop(checkout / "data/raw"))
    assert list(selection(checkout)["weights"]["churn"]) == ["churn_bgnbd"]
    rhythm = pd.read_parquet(checkout / str(artefacts.PURCHASE_RHYTHM.path))
    silence = rhythm["days_since_purchase"].to_numpy()
    assert np.corrcoef(silence, scores["churn_probability"])[0, 1] > 0.5
    # Half of what people spent in the past 90 days is what those who stay bring in the next 90.
    sales = pd.read_csv(checkout / "data/raw/sales.csv")
    past = sales[(sales["sold_at"] >= str(company.FIRST_DAY + DAYS - 90)) & (sales["qty"] > 0)]
    spent = (past["qty"] * pd.to_numeric(past["price"], errors="coerce")).sum()
    assert scores["expected_value"].sum() == pytest.approx(spent * 0.5, rel=0.3)


def test_a_club_of_100_days_is_scored_by_time_under_contract(tmp_path: Path) -> None:
    checkout = company.make(tmp_path)
    scores = run(checkout, club(checkout / "data/raw"))
    assert list(selection(checkout)["weights"]["churn"]) == ["churn_tenure"]
    features = pd.read_parquet(checkout / str(artefacts.FEATURES.path), columns=["contract_age"])
    new = features["contract_age"].to_numpy() <= 30
    p = scores["churn_probability"].to_numpy()
    assert p[new].mean() == pytest.approx(0.4 + 0.6 * (1 - np.exp(-75 / 300)), abs=0.1)
    assert p[new].min() > p[~new].max()
    fee = np.where(features["contract_age"].to_numpy() <= 90, 20.0, 0.0)
    assert scores["value_if_kept"].to_numpy() == pytest.approx(fee)


def test_a_library_without_money_is_given_its_riskiest_customers(tmp_path: Path) -> None:
    checkout = company.make(tmp_path)
    scores = run(checkout, borrowers(checkout / "data/raw")).set_index("customer_id")
    rows = pd.read_csv(
        checkout / "lists/current/at_risk.csv", dtype=str, keep_default_na=False
    ).set_index("customer_id")
    assert set(rows["lane"]) == {"contact"}
    amounts = ["net_gain", "value_at_stake", "expected_value", "value_low", "value_high"]
    assert not rows[amounts].to_numpy().any()  # all empty: 0.00 would read as nothing to lose
    page = (checkout / "lists/current/at_risk.html").read_text(encoding="utf-8")
    assert "at stake in" not in page
    assert set(re.findall(r'class="stake"><strong><bdi>(.*?)</bdi>', page)) == {"\N{EN DASH}"}
    chances = scores["churn_probability"].loc[rows.index]
    assert chances.is_monotonic_decreasing
    # One in ten is held out; whoever else is not listed is at no greater risk.
    others = scores["churn_probability"].drop(rows.index).sort_values(ascending=False)
    assert (others >= chances.min()).sum() <= 10
