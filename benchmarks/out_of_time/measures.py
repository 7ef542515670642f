"""Figures of every contestant at a cut, as rows of benchmarks/quality.csv."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd

from benchmarks.out_of_time.prediction import PROJECT
from models.components.base import Floats
from retention.stats import bootstrap
from retention.training import metrics

REPLICATES, SEED = 200, 7
PAIRED: dict[str, Callable[[Floats, Floats], float]] = {
    "auc": metrics.roc_auc,
    "average_precision": metrics.average_precision,
    "log_loss": metrics.log_loss,
}


def sampling_quantile(p: Floats, draw: np.random.Generator, level: float = 0.95) -> float:
    """The ECE that probabilities which are right would show by chance alone, at a quantile."""
    by_chance = [metrics.ece((draw.random(len(p)) < p).astype(float), p) for _ in range(REPLICATES)]
    return float(np.quantile(by_chance, level))


def churn_row(y: Floats, p: Floats) -> dict[str, float]:
    """Figures of a churn probability."""
    return {
        "auc": metrics.roc_auc(y, p),
        "average_precision": metrics.average_precision(y, p),
        "log_loss": metrics.log_loss(y, np.clip(p, 1e-6, 1 - 1e-6)),
        "ece": metrics.ece(y, p),
        "ece_by_chance": sampling_quantile(p, np.random.default_rng(SEED)),
        "slope": metrics.calibration_line(y, p)[1],
    }


def value_row(
    money: Floats, mean: Floats, low: pd.Series | None, high: pd.Series | None
) -> dict[str, float]:
    """Figures of an expected value."""
    figures = {
        "mae": metrics.mae(money, mean),
        "bias": metrics.bias(money, mean),
        "spearman": metrics.spearman(money, mean),
    }
    if low is not None and high is not None:
        figures["coverage"] = metrics.coverage(money, low.to_numpy(), high.to_numpy())
    return figures


def paired(y: Floats, p_ours: Floats, p_others: dict[str, Floats]) -> dict[str, dict[str, float]]:
    """Ours less each other, with a 95 % interval over resampled customers; all on equal samples."""
    samples = list(bootstrap.resamples(np.arange(len(y)), REPLICATES, SEED))
    rows: dict[str, dict[str, float]] = {name: {} for name in p_others}
    for measure, function in PAIRED.items():
        own = np.array([function(y[sample], p_ours[sample]) for sample in samples])
        whole = function(y, p_ours)
        for name, p in p_others.items():
            gains = own - np.array([function(y[sample], p[sample]) for sample in samples])
            low, high = np.nanquantile(gains, [0.025, 0.975])
            figures = {"less": whole - function(y, p), "low": low, "high": high}
            rows[name] |= {f"{measure}_{key}": float(value) for key, value in figures.items()}
    return rows


def rows_of(
    about: dict[str, Any], truth: pd.DataFrame, predicted: pd.DataFrame, has_money: bool
) -> list[dict[str, Any]]:
    """One row a contestant; about: the history and the cut, repeated on each."""
    y, money = (truth[name].to_numpy(dtype=float) for name in ("churned", "value"))
    columns = predicted.columns.drop("customer_id").tolist()
    names = sorted({column.rpartition(": ")[0] for column in columns})
    churn = {name: predicted[f"{name}: churn"].to_numpy() for name in names}
    compared = len(np.unique(y)) == 2 and PROJECT in churn
    others = {name: p for name, p in churn.items() if name != PROJECT}
    differences = paired(y, churn[PROJECT], others) if compared else {}
    rows = []
    for name in names:
        row = about | {"contestant": name} | churn_row(y, churn[name]) | differences.get(name, {})
        if has_money and f"{name}: value" in predicted:
            mean = predicted[f"{name}: value"].to_numpy()
            ends = predicted.get(f"{name}: low"), predicted.get(f"{name}: high")
            row |= value_row(money, mean, *ends)
        rows.append(row)
    return rows
