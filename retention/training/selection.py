"""How a recipe is found: folds in time fix parameters, calibrator, interval and the choice.

Nothing here sees the snapshot that measures, nor a label that was open on its day.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import models
from models.components.base import TREATED, Floats, Model
from models.components.calibration import CALIBRATORS, Calibrator, Identity
from models.components.interval import ValueInterval
from models.components.scorer import Scorer
from retention.core.params import Params
from retention.training.folds import Fold
from retention.training.metrics import log_losses

RULE = (
    "among the models of a task, the one with the lowest out-of-fold loss (log-loss of the "
    "calibrated churn probability, squared error of the value); but the simplest whose loss is "
    "within one standard error of it, clustered by customer"
)


@dataclass(frozen=True)
class Rows:
    """Labelled rows: features X, and per row the customer, the snapshot's day, labels, weight."""

    X: pd.DataFrame
    customer: NDArray[np.object_]
    day: NDArray[np.int64]
    churned: Floats
    value: Floats
    weight: Floats

    def take(self, rows: NDArray[Any]) -> "Rows":
        """The rows of a mask or of positions, in their order."""
        return Rows(
            self.X.loc[rows] if rows.dtype == bool else self.X.iloc[rows],
            self.customer[rows],
            self.day[rows],
            self.churned[rows],
            self.value[rows],
            self.weight[rows],
        )

    def on(self, days: Iterable[int]) -> "Rows":
        """The rows of some snapshots."""
        return self.take(np.isin(self.day, list(days)))

    def alone(self) -> "Rows":
        """The rows as if nobody had been contacted: whom it will be, no snapshot knows."""
        known = {TREATED: 0.0} if TREATED in self.X.columns else {}
        return replace(self, X=self.X.assign(**known))

    def target(self, task: str) -> Floats:
        return self.churned if task == "churn" else self.value


@dataclass(frozen=True)
class Trial:
    """One model over the folds: the parameters they fixed and its predictions on them.

    `predicted` has one raw prediction a row of the folds' tests, oldest fold first.
    """

    name: str
    tuned: list[dict[str, int | float]]
    params: dict[str, Any]
    predicted: Floats


@dataclass(frozen=True)
class Recipe:
    """What a refit repeats unchanged: models, parameters, calibrator and interval."""

    churn: str
    value: str
    params: dict[str, dict[str, Any]]
    calibrators: dict[str, Calibrator]
    interval: ValueInterval | None
    losses: dict[str, float]
    why: dict[str, str]
    trials: dict[str, Trial] = field(default_factory=dict)
    banners: list[str] = field(default_factory=list)


def maker(chosen: Params) -> Callable[..., Model]:
    """make(name, **tuned) -> the unfitted model, under params.train and the label's horizon."""
    labels, train = chosen.labels, chosen.train
    horizon = {"churn": labels.churn.horizon_days, "value": labels.value.horizon_days}

    def make(name: str, **tuned: Any) -> Model:
        overrides = {**train.models.get(name, {}), **tuned}
        task = name.partition("_")[0]
        return models.build(name, horizon[task], train.seed, train.threads, overrides)

    return make


def predict(model: Model, X: pd.DataFrame) -> Floats:
    """P(churn) or expected value, (n,)."""
    if model.task == "churn":
        return np.asarray(model.predict_proba(X)[:, 1])
    return np.asarray(model.predict(X))


def _median(tuned: list[dict[str, int | float]]) -> dict[str, Any]:
    """The folds' median of every parameter; whole numbers stay whole."""
    names = sorted({name for one in tuned for name in one})
    found = {}
    for name in names:
        values = [one[name] for one in tuned if name in one]
        middle = float(np.median(values))
        found[name] = round(middle) if all(isinstance(one, int) for one in values) else middle
    return found


def trial(make: Callable[..., Model], name: str, rows: Rows, folds: list[Fold]) -> Trial:
    """Tune on every fold, take the median, fit each fold again with it and predict its test."""
    tuned = []
    for fold in folds:
        train, test = rows.on(fold.train), rows.on([fold.test]).alone()
        task = make(name).task
        tuned.append(make(name).tune(train.X, train.target(task), test.X, test.target(task)))
    params = _median(tuned)
    parts = [
        _fitted(make(name, **params), rows.on(fold.train), rows.on([fold.test]).alone())
        for fold in folds
    ]
    return Trial(name, tuned, params, np.concatenate(parts))


def _fitted(model: Model, train: Rows, test: Rows) -> Floats:
    return predict(model.fit(train.X, train.target(model.task), train.weight), test.X)


def forward(kind: type[Calibrator], raw: Floats, tests: Rows, ripening: int) -> Floats:
    """(n,) calibrated as it could have been on each fold's day: from folds mature by then.

    NaN on the first folds, which have none before them.
    """
    calibrated = np.full(len(raw), np.nan)
    for day in np.unique(tests.day):
        earlier, now = tests.day + ripening <= day, tests.day == day
        if len(np.unique(tests.churned[earlier])) == 2:
            fitted = kind().fit(raw[earlier], tests.churned[earlier])
            calibrated[now] = fitted.predict(raw[now])
    return calibrated


def calibration(raw: Floats, tests: Rows, ripening: int) -> tuple[Calibrator, NDArray[np.float64]]:
    """The calibrator with the lowest forward log-loss, fitted on all folds; its row losses.

    Without a fold to look forward from, the raw probability stands.
    """
    losses = {
        name: log_losses(tests.churned, forward(kind, raw, tests, ripening))
        for name, kind in CALIBRATORS.items()
    }
    seen = np.isfinite(losses["identity"])
    if not seen.any():
        return Identity().fit(raw, tests.churned), log_losses(tests.churned, raw)
    best = min(losses, key=lambda name: float(losses[name][seen].mean()))
    return CALIBRATORS[best]().fit(raw, tests.churned), losses[best]


def standard_error(difference: Floats, customers: NDArray[np.object_]) -> float:
    """Of the mean of paired row differences, clustered by customer (Liang & Zeger 1986)."""
    _, code = np.unique(customers.astype(str), return_inverse=True)
    clusters = np.bincount(code, weights=difference - difference.mean())
    return float(np.sqrt((clusters**2).sum()) / len(difference))


def choose(losses: dict[str, Floats], tests: Rows) -> tuple[str, str]:
    """The model by RULE from losses a row of the folds' tests, and why in a sentence."""
    seen = np.all([np.isfinite(loss) for loss in losses.values()], axis=0)
    means = {name: float(loss[seen].mean()) for name, loss in losses.items()}
    best = min(means, key=lambda name: means[name])
    found = models.discover()
    for name in sorted(means, key=lambda one: (found[one].simplicity, means[one])):
        behind = losses[name][seen] - losses[best][seen]
        error = standard_error(behind, tests.customer[seen])
        if name == best:
            return name, f"the lowest loss, {means[best]:.4f}"
        if behind.mean() <= error:
            return name, f"simpler, and within one standard error ({error:.4f}) of {best}"
    return best, "the only one"


def given(
    make: Callable[..., Model], name: str, params: dict[str, Any], rows: Rows
) -> tuple[Any, Any]:
    """The value model fitted on those who stayed, and on those who left."""
    sides = (rows.take(rows.churned == churned) for churned in (0.0, 1.0))
    kept, lost = (make(name, **params).fit(side.X, side.value, side.weight) for side in sides)
    return kept, lost


def expected_values(
    make: Callable[..., Model], chosen: "Recipe", rows: Rows, folds: list[Fold]
) -> Floats:
    """Out-of-fold expected value under the whole recipe, one a row of the folds' tests."""
    sides = []
    for fold in folds:
        X = rows.on([fold.test]).alone().X
        pair = given(make, chosen.value, chosen.params[chosen.value], rows.on(fold.train))
        sides.append([model.predict(X) for model in pair])
    kept, lost = (np.concatenate(side) for side in zip(*sides, strict=True))
    p = chosen.calibrators[chosen.churn].predict(chosen.trials[chosen.churn].predicted)
    return np.asarray((1 - p) * kept + p * lost)


def fit(make: Callable[..., Model], chosen: Recipe, rows: Rows) -> Scorer:
    """The recipe's models fitted on rows; its calibrator and interval stand as they are.

    Errors: ValueError when rows hold one class.
    """
    churn = make(chosen.churn, **chosen.params[chosen.churn]).fit(rows.X, rows.churned, rows.weight)
    kept, lost = given(make, chosen.value, chosen.params[chosen.value], rows)
    return Scorer(
        churn=(chosen.churn, churn),
        calibrator=chosen.calibrators[chosen.churn],
        kept=(chosen.value, kept),
        lost=(chosen.value, lost),
        interval=chosen.interval,
    )


def simple(banners: list[str]) -> Recipe:
    """What scores where history is too short to choose: the baselines, as they come."""
    names = {"churn": "churn_recency", "value": "value_last_window"}
    return Recipe(
        churn=names["churn"],
        value=names["value"],
        params={name: {} for name in names.values()},
        calibrators={names["churn"]: Identity()},
        interval=None,
        losses={},
        why=dict.fromkeys(names, "too little history to choose"),
        banners=banners,
    )


def learn(
    make: Callable[..., Model],
    rows: Rows,
    folds: list[Fold],
    ripening: int,
    track: Callable[[list[str]], Iterable[str]] = iter,
) -> Recipe:
    """Try every model over the folds, calibrate and choose by RULE, and fix the interval."""
    tests = rows.on(fold.test for fold in folds)
    trials = {name: trial(make, name, rows, folds) for name in track(list(models.discover()))}
    of_task = {
        task: [name for name in trials if name.startswith(task)] for task in ("churn", "value")
    }
    calibrated = {
        name: calibration(trials[name].predicted, tests, ripening) for name in of_task["churn"]
    }
    losses = {
        "churn": {name: loss for name, (_, loss) in calibrated.items()},
        "value": {name: (trials[name].predicted - tests.value) ** 2 for name in of_task["value"]},
    }
    picks = {task: choose(of_models, tests) for task, of_models in losses.items()}
    found = Recipe(
        churn=picks["churn"][0],
        value=picks["value"][0],
        params={name: one.params for name, one in trials.items()},
        calibrators={name: calibrator for name, (calibrator, _) in calibrated.items()},
        interval=None,
        losses={
            name: float(np.nanmean(loss)) for task in losses.values() for name, loss in task.items()
        },
        why={task: why for task, (_, why) in picks.items()},
        trials=trials,
    )
    interval = ValueInterval().fit(expected_values(make, found, rows, folds), tests.value)
    return replace(found, interval=interval)
