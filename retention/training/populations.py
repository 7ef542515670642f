"""Whom figures are of: customers whom a list could still contact, or all; by day and together."""

from typing import Any, Final

import numpy as np
import pandas as pd

from retention.stats import bootstrap, weighted
from retention.training import metrics

RECIPE: Final = "recipe"
"""The models put together, in metrics.json."""


def newest(scores: pd.DataFrame) -> pd.DataFrame:
    """The rows of the newest day.

    Parameters
    ----------
    scores : DataFrame
        Optionally with snapshot_on.

    Returns
    -------
    DataFrame
    """
    if "snapshot_on" not in scores or scores.empty:
        return scores
    on_newest: pd.DataFrame = scores[scores["snapshot_on"] == scores["snapshot_on"].max()]
    return on_newest


def contactable(frame: pd.DataFrame) -> pd.DataFrame:
    """The rows of customers whom a list could still contact; all where there is none.

    Parameters
    ----------
    frame : DataFrame
        With the flag `contactable`.

    Returns
    -------
    DataFrame
    """
    could = frame["contactable"].astype(bool)
    rows: pd.DataFrame = frame[could] if could.any() else frame
    return rows


def counts(scores: pd.DataFrame) -> dict[str, Any]:
    """How many customers are measured, how many of them left, and the share that left.

    Parameters
    ----------
    scores : DataFrame
        customer_id, snapshot_on, churned, weight.

    Returns
    -------
    dict
        customers and churners, each counted once however many days they are measured on;
        churn_rate, the mean over days of the weighted share; None without rows.
    """
    churned = scores["churned"].astype(bool)
    rates = [day["churn_rate"] for day in by_day(scores)]
    return {
        "customers": int(scores["customer_id"].nunique()),
        "churners": int(scores.loc[churned, "customer_id"].nunique()),
        "churn_rate": float(np.mean(rates)) if rates else None,
    }


def by_day(scores: pd.DataFrame) -> list[dict[str, Any]]:
    """The main figures of every measured day, oldest first.

    Parameters
    ----------
    scores : DataFrame
        snapshot_on, churned, churn_probability, weight.

    Returns
    -------
    list of dict
        day, customers, churners, churn_rate, roc_auc (None for one outcome) and predicted, the mean
        chance.
    """
    rows = []
    for day, group in scores.groupby("snapshot_on"):
        y, p = (group[name].to_numpy(dtype=float) for name in ("churned", "churn_probability"))
        weight = weighted.unless_equal(group["weight"])
        area = metrics.roc_auc(y, p, weight)
        rows.append(
            {
                "day": day,
                "customers": len(group),
                "churners": int(y.sum()),
                "churn_rate": weighted.mean(y, weight),
                "predicted": weighted.mean(p, weight),
                "roc_auc": area if np.isfinite(area) else None,
            }
        )
    return rows


def frames_by_model(
    predictions: pd.DataFrame, scores: pd.DataFrame, task: str
) -> dict[str, pd.DataFrame]:
    """The predictions of each model of a task, and of the models put together (RECIPE).

    Parameters
    ----------
    predictions : DataFrame
        task, model and prediction of every model, with labels.
    scores : DataFrame
        Of the models put together, with labels.
    task : str
        "churn" or "value".

    Returns
    -------
    dict
        By model, one row a customer and day with prediction and labels; `order` breaks ties by
        customer_id.
    """
    of_task = predictions[predictions["task"] == task]
    frames = {str(name): frame.reset_index(drop=True) for name, frame in of_task.groupby("model")}
    column = "churn_probability" if task == "churn" else "expected_value"
    frames[RECIPE] = scores.assign(prediction=scores[column])
    return {
        name: frame.assign(
            churned=frame["churned"].astype(float),
            order=bootstrap.tie_ranks(frame["customer_id"]),
        )
        for name, frame in frames.items()
    }
