"""What a user would pick instead, fitted on the same information for the same customers."""

import time
import warnings
from collections.abc import Callable
from dataclasses import dataclass, replace

import lightgbm
import numpy as np
import pandas as pd
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import StandardScaler

from benchmarks.out_of_time import automl, handmade
from benchmarks.out_of_time.lattice import Cut
from benchmarks.out_of_time.prediction import Prediction
from models.components.base import Floats
from models.components.bgnbd import BGNBD
from models.components.gamma_gamma import GammaGamma
from retention.core import point_in_time
from retention.core.params import Params

CODE = ("benchmarks/out_of_time/rivals.py", "benchmarks/out_of_time/handmade.py",
        "benchmarks/out_of_time/automl.py", "models/components")  # fmt: skip
SNAPSHOTS, ROUNDS, SEEDS = 12, 120, 5
BOOSTING = {
    "learning_rate": 0.05, "num_leaves": 15, "min_data_in_leaf": 20, "feature_fraction": 0.7,
    "bagging_fraction": 0.8, "bagging_freq": 1, "verbosity": -1, "num_threads": 1,
    "deterministic": True, "force_row_wise": True,
}  # fmt: skip


@dataclass(frozen=True)
class Table:
    """Hand-made features and outcomes; one row a customer and snapshot, newest snapshot last."""

    X: pd.DataFrame
    churned: Floats
    value: Floats
    customer: pd.Series
    newest: Floats  # whether the row is of the newest snapshot

    @property
    def fits(self) -> bool:
        return len(np.unique(self.churned)) == 2


@dataclass(frozen=True)
class Task:
    """A cut as the contestants see it."""

    cut: Cut
    params: Params
    now: pd.DataFrame  # hand-made features of the cohort
    past: Table  # mature snapshots

    @property
    def horizon(self) -> int:
        return self.params.labels.churn.horizon_days


def make_task(cut: Cut, params: Params) -> Task:
    """The cohort of the cut, and the last mature snapshots."""
    customers = cut.truth["customer_id"].to_pandas()
    mature = cut.labels.to_pandas()
    dates = sorted(mature["snapshot_on"].unique())[-SNAPSHOTS:]
    parts = [mature[mature["snapshot_on"] == date] for date in dates]
    tables = [
        handmade.features(cut.orders, part["customer_id"], point_in_time.day_number(date))
        for part, date in zip(parts, dates, strict=True)
    ]
    labels = pd.concat([mature.iloc[:0], *parts])
    now = handmade.features(cut.orders, customers, cut.day)
    past = Table(
        pd.concat(tables, ignore_index=True) if tables else now.iloc[:0],
        labels["churned"].to_numpy(dtype=float),
        labels["value"].to_numpy(dtype=float),
        labels["customer_id"],
        (labels["snapshot_on"] == dates[-1]).to_numpy() if dates else np.empty(0, dtype=bool),
    )
    return Task(cut, params, now, past)


def recency(task: Task) -> Prediction:
    """Longer silent, likelier to leave; the probability by the newest mature snapshot."""
    silent, past = task.now[["recency"]], task.past
    last_spend = _last_window(task)
    if not past.fits:
        days = task.params.labels.churn.active_days
        return Prediction(churn=silent["recency"].to_numpy() / (days + 1), value=last_spend)
    line = LogisticRegression().fit(np.log1p(past.X[["recency"]]), past.churned)
    risk = line.predict_proba(np.log1p(silent))[:, 1]
    if line.coef_[0, 0] < 0:  # the rule stays the rule, also where the past contradicts it
        risk = np.full(len(risk), past.churned.mean()) + 1e-9 * silent["recency"].to_numpy()
    return Prediction(churn=risk, value=last_spend)


def _last_window(task: Task) -> Floats:
    """Spend in the window of the length of the horizon before the cut."""
    orders, cut = task.cut.orders, task.cut
    recent = orders[orders["day"] >= cut.day - task.params.labels.value.horizon_days]
    money = recent.groupby("customer_id")["money"].sum()
    customers = cut.truth["customer_id"].to_pandas()
    return np.asarray(customers.map(money).fillna(0.0), dtype=float)


def bgnbd(task: Task) -> Prediction:
    """BG/NBD on every customer once, to the day of the cut; Gamma-Gamma for the spend."""
    customers = task.cut.orders["customer_id"].drop_duplicates()
    table = handmade.features(task.cut.orders, customers, task.cut.day)
    model = BGNBD.fit(*_statistics(table))
    now = _statistics(task.now)
    horizon = task.params.labels.value.horizon_days
    value = None
    if (table["money"] > 0).any():
        spend = GammaGamma.fit(table["frequency"], table["money"])
        visits = model.expected_purchases(*now, horizon)
        value = visits * spend.expected_spend(task.now["frequency"], task.now["money"])
    return Prediction(churn=model.p_silent(*now, task.horizon), value=value)


def _statistics(table: pd.DataFrame) -> tuple[Floats, Floats, Floats]:
    """x, t_x and T."""
    x, last, age = (table[name].to_numpy() for name in ("frequency", "recency", "tenure"))
    return x - 1, age - last, age


def rfm_logistic(task: Task) -> Prediction:
    """Logistic regression on the newest mature snapshot."""
    rows = task.past.newest
    if len(np.unique(task.past.churned[rows])) < 2:
        return Prediction(note="no label")
    model = make_pipeline(StandardScaler(), LogisticRegression(max_iter=500))
    model.fit(_logs(task.past.X[rows]), task.past.churned[rows])
    return Prediction(churn=model.predict_proba(_logs(task.now))[:, 1])


def _logs(table: pd.DataFrame) -> Floats:
    return np.asarray(np.log1p(table[handmade.RFM].clip(lower=0).to_numpy()))


def boosted(task: Task, columns: list[str], target: Floats, objective: str, seeds: int) -> Floats:
    """Mean prediction of LightGBM over seeds, rounds fixed, nothing tuned."""
    data, now = task.past.X[columns].to_numpy(), task.now[columns].to_numpy()
    predictions = []
    for seed in range(seeds):
        settings = {**BOOSTING, "objective": objective, "seed": seed}
        trees = lightgbm.train(settings, lightgbm.Dataset(data, label=target), ROUNDS)
        predictions.append(np.asarray(trees.predict(now)))
    return np.asarray(np.mean(predictions, axis=0))


def rfm_lightgbm(task: Task) -> Prediction:
    """LightGBM on recency, frequency, money and tenure of monthly snapshots."""
    if not task.past.fits:
        return Prediction(note="no label")
    return Prediction(churn=boosted(task, handmade.RFM, task.past.churned, "binary", 1))


def handmade_lightgbm(task: Task) -> Prediction:
    """LightGBM on hand-made features of monthly snapshots; Tweedie for the value."""
    if not task.past.fits:
        return Prediction(note="no label")
    columns = task.now.columns.tolist()
    churn = boosted(task, columns, task.past.churned, "binary", SEEDS)
    money = task.past.value.clip(min=0.0)
    value = boosted(task, columns, money, "tweedie", 1) if money.any() else None
    return Prediction(churn=churn, value=value)


def automatic(task: Task) -> Prediction:
    """An automatic search on the hand-made features under a time budget."""
    if not task.past.fits:
        return Prediction(note="no label")
    past = task.past
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        risk = automl.predict(past.X, past.churned, past.customer, task.now)
    return Prediction(churn=risk, note=automl.NAME)


RIVALS: dict[str, Callable[[Task], Prediction]] = {
    "recency rule, last window's spend": recency,
    "BG/NBD, Gamma-Gamma": bgnbd,
    "RFM + logistic, one snapshot": rfm_logistic,
    "RFM + LightGBM": rfm_lightgbm,
    "hand-made + LightGBM": handmade_lightgbm,
    "automatic search": automatic,
}
SIMPLE = ("BG/NBD, Gamma-Gamma", "RFM + logistic, one snapshot")
"""Those that the project's scores must never be behind."""


def predict(cut: Cut, params: Params) -> dict[str, Prediction]:
    """Every rival's prediction; one that cannot be fitted has none."""
    task, predictions = make_task(cut, params), {}
    for name, contest in RIVALS.items():
        start = time.process_time()
        try:
            prediction = contest(task)
        except ValueError as error:
            prediction = Prediction(note=f"cannot be fitted: {error}")
        predictions[name] = replace(prediction, seconds=time.process_time() - start)
    return predictions
