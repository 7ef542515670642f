"""A small company as the stages before `train` leave it, and quick models for it."""

import datetime as dt
import shutil
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pytest

import models
from pipeline import train
from retention.core import artefacts, point_in_time
from retention.core.documents.cohort import FeaturesSummary
from retention.core.params import Params, parse_params
from retention.core.storage import atomic
from retention.serving import headlines
from retention.training.rows import LabelledRows, labelled_rows
from tests.support import documents

QUICK_MODELS = ("churn_logistic", "churn_recency", "churn_rfm_logistic", "value_last_window")
BLENDED = ("churn_logistic", "churn_rfm_logistic", "value_last_window")
FIRST = point_in_time.day_number(dt.date(2026, 1, 5))
SPACING_DAYS, LABEL_DELAY_DAYS, SNAPSHOTS = 14, 28, 10
DAYS = [FIRST + SPACING_DAYS * i for i in range(SNAPSHOTS)]
AS_OF = DAYS[-1] + LABEL_DELAY_DAYS
OPEN_ON_TEST_DAY = [day for day in DAYS if day + LABEL_DELAY_DAYS > DAYS[-1]]
PARAMS = """
company: Mill Lane Bakery
time_zone: Europe/London
currency: GBP
sources:
  till: {path: till.csv, key: row_number,
         events: [{kind: purchase, customer_id: who, occurred_at: at}]}
labels:
  churn: {rule: silence, active_days: 90, horizon_days: 28}
  value: {horizon_days: 28}
train: {min_churners: 30}
evaluate: {bootstrap: 20}
at_risk: {capacity: 15}
"""


def small_params(old: str = "", new: str = "") -> Params:
    return parse_params(PARAMS.replace(old, new))


def feature_table(customers: int = 120, seed: int = 3) -> pa.Table:
    """A few real features of a cohort that is the same at every snapshot and at as_of."""
    draw = np.random.default_rng(seed)
    days = [*DAYS, AS_OF]
    n = customers * len(days)
    silence = np.round(draw.gamma(1.5, 14, n) + 1).clip(1, 90)
    visits = 1.0 + draw.poisson(5, n)
    gap = np.round(draw.gamma(3, 3, n) + 1)
    return pa.table(
        {
            "customer_id": [f"{who:04d}" for who in range(customers)] * len(days),
            "snapshot_on": pa.array(np.repeat(days, customers).astype(np.int32)).cast(pa.date32()),
            "days_since_purchase": silence,
            "days_since_first_purchase": silence + (visits - 1) * gap,
            "purchase_days": visits,
            "spend_total": np.round(visits * draw.gamma(4, 6, n), 2),
            "spend_30d": np.round(draw.gamma(2, 20, n) * (silence < 30), 2),
            "orders_30d": np.where(silence < 30, visits, 0.0),
            "median_gap": pa.array(gap, mask=visits < 2),
            "region": draw.choice(["north", "south"], n),
        }
    )


def label_table(features: pa.Table, seed: int = 4) -> pa.Table:
    """Labels of the mature snapshots: the longer since a purchase, the likelier the churn."""
    draw = np.random.default_rng(seed)
    mature = features.filter(pc.field("snapshot_on") < point_in_time.date_of(AS_OF))
    silence = mature["days_since_purchase"].to_numpy()
    churned = draw.random(len(mature)) < 1 / (1 + np.exp(2.2 - silence / 16))
    value = np.where(churned, 0.0, np.round(draw.gamma(2, 15, len(mature)), 2))
    keys = mature.select(["customer_id", "snapshot_on"])
    unknown = pa.nulls(len(mature), pa.string())
    columns = {"churned": churned, "value": value, "arm": unknown, "campaign_arm": unknown}
    never = pa.nulls(len(mature), pa.int32())
    columns |= {"outreach_after": never, "decided_after": never}
    for name, column in columns.items():
        keys = keys.append_column(name, pa.array(column))
    return keys


def duration_table(labels: pa.Table, seed: int = 5) -> pa.Table:
    """DURATIONS: of those who did not churn a fifth leave in each later period of 14 days."""
    draw = np.random.default_rng(seed)
    churned = labels["churned"].to_numpy(zero_copy_only=False)
    day = labels["snapshot_on"].cast(pa.int32()).to_numpy()
    left = np.where(
        churned, LABEL_DELAY_DAYS, LABEL_DELAY_DAYS + 14 * draw.geometric(0.2, len(day))
    )
    followed = AS_OF - day
    left_after = pa.array(left, pa.int32(), mask=left > followed)
    return (
        labels.select(["customer_id", "snapshot_on"])
        .append_column("left_after", left_after)
        .append_column("followed", pa.array(followed, pa.int32()))
    )


def use_quick_models(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let only the models of QUICK_MODELS exist, and those of BLENDED be parts of what scores."""
    quick = {name: kind for name, kind in models.discover().items() if name in QUICK_MODELS}
    for name in BLENDED:
        monkeypatch.setattr(quick[name], "blended", True)
    monkeypatch.setattr(models, "discover", lambda: quick)


def write_company(folder: Path) -> None:
    """Write what the stages before `train` write, under a folder."""
    features = feature_table()
    atomic.write_text(folder / "params.yaml", PARAMS)
    atomic.write_text(folder / artefacts.EVENTS.path, "no stage from here on reads a row of it")
    atomic.write_table(folder / artefacts.FEATURES.path, features)
    histories = artefacts.HISTORIES.schema.empty_table()
    atomic.write_table(folder / artefacts.HISTORIES.path, histories)
    atomic.write_table(folder / artefacts.LABELS.path, label_table(features))
    durations = duration_table(label_table(features))
    atomic.write_table(folder / artefacts.DURATIONS.path, durations)
    later = artefacts.LATER_VALUES.schema.empty_table()
    atomic.write_table(folder / artefacts.LATER_VALUES.path, later)
    earlier = artefacts.EARLIER_LABELS.schema.empty_table()
    atomic.write_table(folder / artefacts.EARLIER_LABELS.path, earlier)
    artefacts.FEATURES_SUMMARY.under(folder).write(
        FeaturesSummary(rows=len(features), dead=("tenure",))
    )
    artefacts.SNAPSHOTS_SUMMARY.under(folder).write(
        documents.snapshots_summary(point_in_time.date_of(AS_OF))
    )


def train_once(folder: Path) -> Path:
    """Write the company and run `train` on it with the quick models; the folder."""
    write_company(folder)
    with pytest.MonkeyPatch.context() as monkeypatch:
        use_quick_models(monkeypatch)
        monkeypatch.chdir(folder)
        train.main()
    return folder


def copy_trained(trained: Path, folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Go into a copy of what `train_once` left, where only the quick models exist."""
    shutil.copytree(trained, folder, dirs_exist_ok=True)
    use_quick_models(monkeypatch)
    monkeypatch.chdir(folder)


def some_rows(features: pa.Table | None = None) -> LabelledRows:
    table = feature_table() if features is None else features
    return labelled_rows(table, label_table(table))


def rows_with_churners(customers: int, days: int, left: int) -> LabelledRows:
    """The first customers and snapshots; on each day the first `left` of them churn."""
    features = feature_table(customers)
    rows = labelled_rows(features.slice(0, customers * days), label_table(features))
    churned = np.array([1.0 if int(who) < left else 0.0 for who in rows.customer])
    value = np.where(churned == 1, 0.0, rows.value)
    return LabelledRows(rows.X, rows.customer, rows.day, churned, value, rows.weight)


FIGURES = documents.metrics(
    measured_on="2026-05-11",
    churn={"recipe": {name: {"value": 0.5} for name in headlines.HEADLINES["churn"]}},
    value={"recipe": {name: {"value": 2.0} for name in headlines.HEADLINES["value"]}},
)
"""metrics.json with what `promote` reads."""
