"""The project's own scores at a cut: the only file that knows how training is called."""

import logging

import numpy as np
import pandas as pd
import pyarrow as pa

from benchmarks.out_of_time.lattice import Cut
from benchmarks.out_of_time.prediction import Prediction
from pipeline.train import train
from retention.core import console, errors, feature_table, point_in_time
from retention.core.params import Params
from retention.training.failures import AT_REFIT, ModelFailed
from retention.training.fitting import score
from retention.training.histories import Histories
from retention.training.rows import labelled_rows, unlabelled_rows

CODE = ("models", "retention/training", "retention/stats", "pipeline/train.py")


def train_and_score(
    features: pa.Table, labels: pa.Table, cut: Cut, params: Params
) -> tuple[pd.DataFrame, str]:
    """Scores of the cohort at the cut, in its order, and what was chosen.

    Refusal, ModelFailed: no list.
    """
    log = console.StageLog("train")
    log.logger.setLevel(logging.ERROR)
    rows = labelled_rows(features, labels, params.train.treated_rows, cut.earlier)
    rows = rows if len(rows.day) else unlabelled_rows(features)
    trained = train(rows, params, log, (features, labels), histories_of(features, cut))
    now = cohort_features(features, cut)
    scores = score(trained.scorer, feature_table.matrix(now), AT_REFIT)
    scores.index = pd.Index(now["customer_id"].to_pandas())
    spec = trained.spec
    weights = {**spec.weights["churn"], **spec.weights["value"]}
    parts = ", ".join(f"{name} {weight:.2f}" for name, weight in weights.items())
    selected = f"{trained.evidence.rung}: {parts}, shift {spec.intercept:+.2f}"
    return scores.loc[cut.truth["customer_id"].to_pandas()], selected


def histories_of(features: pa.Table, cut: Cut) -> Histories:
    """The histories of all customers on every snapshot, as stage `features` counts them."""
    days = np.unique(features["snapshot_on"].cast(pa.int32()).to_numpy())
    return Histories({int(day): _histories_on(cut.orders, int(day)) for day in days})


def _histories_on(orders: pd.DataFrame, day: int) -> pd.DataFrame:
    past = orders.loc[orders["known_day"] < day, ["customer_id", "day"]].drop_duplicates()
    days = past.groupby("customer_id")["day"].agg(["count", "min", "max"])
    statistics = pd.DataFrame(
        {
            "repeats": days["count"] - 1.0,
            "last": (days["max"] - days["min"]).astype(float),
            "age": (day - days["min"]).astype(float),
        }
    )
    counts = statistics.value_counts(sort=False).rename("customers").reset_index()
    return counts.assign(ended=None)


def cohort_features(features: pa.Table, cut: Cut) -> pa.Table:
    """The features of the cohort at the cut, by customer."""
    date = np.datetime64(point_in_time.date_of(cut.day))
    now = features.filter(pa.array(features["snapshot_on"].to_numpy() == date))
    return now.sort_by("customer_id")


def predict(cut: Cut, params: Params) -> Prediction:
    """The project's prediction; without a list, the reason."""
    single = with_one_thread(params)
    try:
        scores, selected = train_and_score(cut.features, cut.labels, cut, single)
    except (errors.Refusal, ModelFailed, ValueError) as refusal:
        return Prediction(note=f"no list: {refusal}")
    has_width = (scores["value_high"] > scores["value_low"]).any()
    return Prediction(
        churn=scores["churn_probability"].to_numpy(),
        value=scores["expected_value"].to_numpy(),
        low=scores["value_low"].to_numpy() if has_width else None,
        high=scores["value_high"].to_numpy() if has_width else None,
        note=selected,
    )


def with_one_thread(params: Params) -> Params:
    """The params with one thread, which changes no score: several cuts may run side by side."""
    return params.model_copy(update={"train": params.train.model_copy(update={"threads": 1})})
