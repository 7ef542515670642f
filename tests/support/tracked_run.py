"""A pipeline run to log: features, a fitted scorer, and the record of a company with secrets."""

import datetime as dt
from pathlib import Path
from typing import Any, cast

import numpy as np
import pandas as pd

import models
from models.components.base import ChurnModel, ValueModel
from models.components.blend import ChurnBlend, ValueBlend
from models.components.interval import ValueInterval
from models.components.scorer import Scorer
from retention.core.params import parse_params
from retention.core.storage import atomic
from retention.tracking import run_record
from retention.tracking.run_record import RunRecord
from tests.support import documents

CANARY = "Quennell-Okonjo-canary"
COMPANY = "Mill Lane Bakery"
NAME = "retention-mill-lane-bakery"
FOLDS = 2
TINY_PNG = bytes.fromhex(
    "89504e470d0a1a0a0000000d4948445200000001000000010806000000"
    "1f15c4890000000d49444154789c6360606060000000050001a5f64540"
    "0000000049454e44ae426082"
)
PARAMS = f"""
company: {COMPANY}
time_zone: Europe/London
currency: GBP
engine: {{name: spark, remote: "sc://host:15002/;token={CANARY}"}}
sources:
  till:
    path: /home/{CANARY}/till.csv
    key: row_number
    events:
      - {{kind: purchase, customer_id: who, occurred_at: at, topic: "'{CANARY}'"}}
labels:
  churn: {{rule: silence, horizon_days: 28}}
at_risk: {{capacity: 50, salt: {CANARY}}}
"""


def features(rows: int, seed: int) -> pd.DataFrame:
    """Features, and a text that is unique to each customer."""
    draw = np.random.default_rng(seed)
    return pd.DataFrame(
        {
            "days_since_purchase": np.where(
                draw.random(rows) < 0.1, np.nan, draw.gamma(2, 9, rows)
            ),
            "spend_28d": draw.gamma(2, 20, rows).round(2),
            "region": draw.choice(["north", "south", "west"], rows, p=[0.5, 0.3, 0.2]),
            "nickname": [f"{CANARY} {number}" for number in range(rows)],
        }
    )


def fitted_scorer(seed: int) -> Scorer:
    """A scorer of real baselines, two of churn, fitted on invented customers."""
    X, draw = features(300, seed), np.random.default_rng(seed + 1)
    churned = (draw.random(300) < 0.3).astype(float)
    value = X["spend_28d"].to_numpy() * draw.gamma(2, 0.5, 300)
    rule, line = (
        cast(ChurnModel, models.build(name, 28, seed, 1).fit(X, churned))
        for name in ("churn_recency", "churn_logistic")
    )
    money = cast(ValueModel, models.build("value_last_window", 28, seed, 1).fit(X, value))
    return Scorer(
        churn=ChurnBlend((("churn_recency", rule, 0.25), ("churn_logistic", line, 0.6)), -0.3),
        value_if_kept=ValueBlend((("value_last_window", money, 1.0),)),
        value_if_lost=ValueBlend((("value_last_window", money, 0.1),)),
        interval=ValueInterval().fit(value, value),
    )


def write_candidate(folder: Path, seed: int) -> Path:
    """Write a fitted scorer as training does."""
    for name, state in fitted_scorer(seed).states().items():
        atomic.write_json(folder / f"{name}.json", state)
    return folder


def _figures(task: str) -> dict[str, Any]:
    names = {"churn": ("roc_auc", "log_loss", "brier"), "value": ("mae", "coverage")}[task]
    figures: dict[str, Any] = {name: {"value": 0.7, "low": 0.6, "high": 0.8} for name in names}
    if task == "value":
        figures["coverage"] = {"value": None, "low": None, "high": None}
    return figures


def example_record(folder: Path) -> RunRecord:
    """The record of a run whose params, features and customers hold CANARY."""
    kinds = models.discover()
    churn = [name for name in kinds if name.startswith("churn")]
    fold = {"train_from": "2026-01-05", "train_to": "2026-03-02", "train_snapshots": 3}
    report = documents.selection_report(
        evidence="time",
        chosen={"churn": "churn_recency", "value": "value_last_window"},
        weights={"churn": {"churn_recency": 0.75}, "value": {"value_last_window": 1.0}},
        intercept=-0.125,
        why={"churn": "churn_recency 0.75", "value": "value_last_window 1.00"},
        losses={name: 0.3 + place / 100 for place, name in enumerate(kinds)},
        params={name: {"rounds": 12} if "lightgbm" in name else {} for name in kinds},
        tuned_per_fold={name: [{"rounds": 11}, {"rounds": 13}] for name in kinds},
        fold_metrics={
            name: [{"log_loss": 0.4, "roc_auc": 0.7}, {"log_loss": 0.3, "roc_auc": None}]
            for name in churn
        },
        folds=[{**fold, "test": f"2026-04-{day}"} for day in (13, 27)],
        rows=900,
        customers=300,
        churners=90,
        churn_rate=0.1,
        banners=[],
        titles={name: kind.title for name, kind in kinds.items()},
    )
    metrics = documents.metrics(
        measured_on="2026-05-11",
        churn={name: _figures("churn") for name in [*churn, "recipe"]},
        value={name: _figures("value") for name in [*set(kinds) - set(churn), "recipe"]},
        list={"recipe": {"lift": {"value": 3.0, "low": 2.5, "high": 3.5}}},
    )
    card = folder / "model_card.md"
    atomic.write_text(card, "# Model card\n")
    atomic.write_bytes(folder / "plots" / "lift.png", TINY_PNG)
    return RunRecord(
        params=parse_params(PARAMS),
        as_of=dt.date(2026, 6, 8),
        selection_report=report,
        metrics=metrics,
        candidate=write_candidate(folder / "candidate", seed=1),
        example=run_record.medians(features(300, seed=1)),
        card=card,
        plots=folder / "plots",
        data_sha256="d" * 64,
        rows=240,
        git_commit="c" * 40,
    )
