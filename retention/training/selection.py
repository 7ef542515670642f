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
class LabelledRows:
    """Labelled rows: features X, and per row the customer, the snapshot's day, labels, weight."""

    X: pd.DataFrame
    customer: NDArray[np.object_]
    day: NDArray[np.int64]
    churned: Floats
    value: Floats
    weight: Floats

    def take(self, rows: NDArray[Any]) -> "LabelledRows":
        """The rows of a mask or of positions, in their order."""
        return LabelledRows(
            self.X.loc[rows] if rows.dtype == bool else self.X.iloc[rows],
            self.customer[rows],
            self.day[rows],
            self.churned[rows],
            self.value[rows],
            self.weight[rows],
        )

    def on(self, days: Iterable[int]) -> "LabelledRows":
        """The rows of some snapshots."""
        return self.take(np.isin(self.day, list(days)))

    def as_untreated(self) -> "LabelledRows":
        """The rows as if nobody had been contacted: whom it will be, no snapshot knows."""
        untreated = {TREATED: 0.0} if TREATED in self.X.columns else {}
        return replace(self, X=self.X.assign(**untreated))

    def target(self, task: str) -> Floats:
        return self.churned if task == "churn" else self.value


@dataclass(frozen=True)
class CandidateResult:
    """One model over the folds: the parameters they fixed and its predictions on them.

    `predicted` has one raw prediction a row of the folds' tests, oldest fold first.
    """

    name: str
    tuned: list[dict[str, int | float]]
    params: dict[str, Any]
    predicted: Floats


@dataclass(frozen=True)
class ModelSpec:
    """What a refit repeats unchanged: models, parameters, calibrator and interval."""

    churn: str
    value: str
    params: dict[str, dict[str, Any]]
    calibrators: dict[str, Calibrator]
    interval: ValueInterval | None
    losses: dict[str, float]
    why: dict[str, str]
    candidates: dict[str, CandidateResult] = field(default_factory=dict)
    banners: list[str] = field(default_factory=list)


def model_factory(params: Params) -> Callable[..., Model]:
    """make(name, **tuned) -> the unfitted model, under params.train and the label's horizon."""
    labels, train = params.labels, params.train
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
    names = sorted({name for parameters in tuned for name in parameters})
    medians = {}
    for name in names:
        values = [parameters[name] for parameters in tuned if name in parameters]
        middle = float(np.median(values))
        medians[name] = round(middle) if all(isinstance(number, int) for number in values) else middle
    return medians


def evaluate_candidate(make: Callable[..., Model], name: str, rows: LabelledRows, folds: list[Fold]) -> CandidateResult:
    """Tune on every fold, take the median, fit each fold again with it and predict its test."""
    tuned = []
    for fold in folds:
        train, test = rows.on(fold.train), rows.on([fold.test]).as_untreated()
        task = make(name).task
        tuned.append(make(name).tune(train.X, train.target(task), test.X, test.target(task)))
    params = _median(tuned)
    parts = [
        _fit_predict(make(name, **params), rows.on(fold.train), rows.on([fold.test]).as_untreated())
        for fold in folds
    ]
    return CandidateResult(name, tuned, params, np.concatenate(parts))


def _fit_predict(model: Model, train: LabelledRows, test: LabelledRows) -> Floats:
    return predict(model.fit(train.X, train.target(model.task), train.weight), test.X)


def calibrate_forward(kind: type[Calibrator], raw: Floats, tests: LabelledRows, label_delay_days: int) -> Floats:
    """(n,) calibrated as it could have been on each fold's day: from folds mature by then.

    NaN on the first folds, which have none before them.
    """
    calibrated = np.full(len(raw), np.nan)
    for day in np.unique(tests.day):
        earlier, now = tests.day + label_delay_days <= day, tests.day == day
        if len(np.unique(tests.churned[earlier])) == 2:
            fitted = kind().fit(raw[earlier], tests.churned[earlier])
            calibrated[now] = fitted.predict(raw[now])
    return calibrated


def select_calibrator(raw: Floats, tests: LabelledRows, label_delay_days: int) -> tuple[Calibrator, NDArray[np.float64]]:
    """The calibrator with the lowest forward log-loss, fitted on all folds; its row losses.

    Without a fold to look forward from, the raw probability stands.
    """
    losses = {
        name: log_losses(tests.churned, calibrate_forward(kind, raw, tests, label_delay_days))
        for name, kind in CALIBRATORS.items()
    }
    has_loss = np.isfinite(losses["identity"])
    if not has_loss.any():
        return Identity().fit(raw, tests.churned), log_losses(tests.churned, raw)
    best = min(losses, key=lambda name: float(losses[name][has_loss].mean()))
    return CALIBRATORS[best]().fit(raw, tests.churned), losses[best]


def standard_error(difference: Floats, customers: NDArray[np.object_]) -> float:
    """Of the mean of paired row differences, clustered by customer (Liang & Zeger 1986)."""
    _, code = np.unique(customers.astype(str), return_inverse=True)
    clusters = np.bincount(code, weights=difference - difference.mean())
    return float(np.sqrt((clusters**2).sum()) / len(difference))


def select_model(losses: dict[str, Floats], tests: LabelledRows) -> tuple[str, str]:
    """The model by RULE from losses a row of the folds' tests, and why in a sentence."""
    has_loss = np.all([np.isfinite(loss) for loss in losses.values()], axis=0)
    means = {name: float(loss[has_loss].mean()) for name, loss in losses.items()}
    best = min(means, key=lambda name: means[name])
    classes = models.discover()
    for name in sorted(means, key=lambda name: (classes[name].complexity_rank, means[name])):
        behind = losses[name][has_loss] - losses[best][has_loss]
        error = standard_error(behind, tests.customer[has_loss])
        if name == best:
            return name, f"the lowest loss, {means[best]:.4f}"
        if behind.mean() <= error:
            return name, f"simpler, and within one standard error ({error:.4f}) of {best}"
    return best, "the only one"


def fit_value_given_outcome(
    make: Callable[..., Model], name: str, params: dict[str, Any], rows: LabelledRows
) -> tuple[Any, Any]:
    """The value model fitted on those who stayed, and on those who left."""
    sides = (rows.take(rows.churned == churned) for churned in (0.0, 1.0))
    if_kept, lost = (make(name, **params).fit(side.X, side.value, side.weight) for side in sides)
    return if_kept, lost


def out_of_fold_values(
    make: Callable[..., Model], spec: "ModelSpec", rows: LabelledRows, folds: list[Fold]
) -> Floats:
    """Out-of-fold expected value under the whole recipe, one a row of the folds' tests."""
    sides = []
    for fold in folds:
        X = rows.on([fold.test]).as_untreated().X
        pair = fit_value_given_outcome(make, spec.value, spec.params[spec.value], rows.on(fold.train))
        sides.append([model.predict(X) for model in pair])
    if_kept, lost = (np.concatenate(side) for side in zip(*sides, strict=True))
    p = spec.calibrators[spec.churn].predict(spec.candidates[spec.churn].predicted)
    return np.asarray((1 - p) * if_kept + p * lost)


def fit_scorer(make: Callable[..., Model], spec: ModelSpec, rows: LabelledRows) -> Scorer:
    """The recipe's models fitted on rows; its calibrator and interval stand as they are.

    Errors: ValueError when rows hold one class.
    """
    churn = make(spec.churn, **spec.params[spec.churn]).fit(rows.X, rows.churned, rows.weight)
    if_kept, lost = fit_value_given_outcome(make, spec.value, spec.params[spec.value], rows)
    return Scorer(
        churn=(spec.churn, churn),
        calibrator=spec.calibrators[spec.churn],
        value_if_kept=(spec.value, if_kept),
        value_if_lost=(spec.value, lost),
        interval=spec.interval,
    )


def baseline_spec(banners: list[str]) -> ModelSpec:
    """What scores where history is too short to choose: the baselines, as they come."""
    names = {"churn": "churn_recency", "value": "value_last_window"}
    return ModelSpec(
        churn=names["churn"],
        value=names["value"],
        params={name: {} for name in names.values()},
        calibrators={names["churn"]: Identity()},
        interval=None,
        losses={},
        why=dict.fromkeys(names, "too little history to choose"),
        banners=banners,
    )


def select_models(
    make: Callable[..., Model],
    rows: LabelledRows,
    folds: list[Fold],
    label_delay_days: int,
    track: Callable[[list[str]], Iterable[str]] = iter,
) -> ModelSpec:
    """Try every model over the folds, calibrate and choose by RULE, and fix the interval."""
    tests = rows.on(fold.test for fold in folds)
    trials = {name: evaluate_candidate(make, name, rows, folds) for name in track(list(models.discover()))}
    of_task = {
        task: [name for name in trials if name.startswith(task)] for task in ("churn", "value")
    }
    calibrated = {
        name: select_calibrator(trials[name].predicted, tests, label_delay_days) for name in of_task["churn"]
    }
    losses = {
        "churn": {name: loss for name, (_, loss) in calibrated.items()},
        "value": {name: (trials[name].predicted - tests.value) ** 2 for name in of_task["value"]},
    }
    picks = {task: select_model(of_models, tests) for task, of_models in losses.items()}
    spec = ModelSpec(
        churn=picks["churn"][0],
        value=picks["value"][0],
        params={name: candidate.params for name, candidate in trials.items()},
        calibrators={name: calibrator for name, (calibrator, _) in calibrated.items()},
        interval=None,
        losses={
            name: float(np.nanmean(loss)) for task in losses.values() for name, loss in task.items()
        },
        why={task: why for task, (_, why) in picks.items()},
        candidates=trials,
    )
    interval = ValueInterval().fit(out_of_fold_values(make, spec, rows, folds), tests.value)
    return replace(spec, interval=interval)
