"""Candidate models over the folds: tuned forwards in time, fitted and predicting out of fold."""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import pandas as pd

import models
from models.components.base import Floats, Model
from retention.core import errors, point_in_time
from retention.core.params import Params
from retention.stats import weighted
from retention.training.failures import ModelFailed, attributed_to
from retention.training.folds import Fold
from retention.training.histories import NO_HISTORIES, Histories
from retention.training.rows import LabelledRows

ModelFactory = Callable[..., Model]
"""make(name, **params): the unfitted model of a name."""

GROWTH: Final = 0.4
"""Exponent of the rows with which `Estimator.grows_with_rows` grow: docs/experiments.md."""
REFERENCE_ROWS: Final = 10_000
"""Effective rows for which the models' own defaults are right."""


@dataclass(frozen=True)
class FoldResult:
    """One model on one fold; arrays are (rows of the fold's test,)."""

    fold: Fold
    effective: float  # rows that it was fitted on, see `LabelledRows.effective`
    tuned: dict[str, int | float]  # parameters that suit this fold, for later ones
    predicted: Floats  # P(churn), or the value if kept
    if_lost: Floats | None = None  # the value if lost; None for a churn model
    params: dict[str, Any] = field(default_factory=dict)  # of the fit, known on the fold's day


@dataclass(frozen=True)
class CandidateResult:
    """One model over the folds."""

    name: str
    folds: list[FoldResult]  # oldest first

    def on(self, folds: Iterable[Fold]) -> "CandidateResult":
        """The result on some of the folds."""
        wanted = list(folds)
        return replace(self, folds=[result for result in self.folds if result.fold in wanted])

    @property
    def predicted(self) -> Floats:
        """P(churn), or the value if kept, of all tests; shape (rows of the folds' tests,)."""
        return np.concatenate([result.predicted for result in self.folds])

    @property
    def if_lost(self) -> Floats:
        """The value if lost of all tests; shape (rows of the folds' tests,)."""
        return np.concatenate(
            [result.if_lost for result in self.folds if result.if_lost is not None]
        )


def task_of(name: str) -> str:
    """Task of a model, churn or value, by the name of its file."""
    return name.partition("_")[0]


def names_of(task: str, names: Iterable[str]) -> list[str]:
    """The models of a task that are blended, in alphabetical order.

    Where none is left that is blended, those that need no labels stand in for them.

    Parameters
    ----------
    task : str
        "churn" or "value".
    names : iterable of str
        Names of models' files.

    Returns
    -------
    list of str
    """
    classes = models.discover()
    of_task = sorted(name for name in names if task_of(name) == task)
    parts = [name for name in of_task if classes[name].blended]
    return parts or [name for name in of_task if not classes[name].needs_labels]


def model_factory(params: Params) -> ModelFactory:
    """A factory of unfitted models under `params.train` and the label's horizon.

    Parameters
    ----------
    params : Params

    Returns
    -------
    callable
        make(name, **tuned); what is tuned wins over `train.models`.
    """
    labels, train = params.labels, params.train
    silence_days = labels.churn.horizon_days
    horizon = {"churn": labels.churn.horizon_days, "value": labels.value.horizon_days}

    def make(name: str, **tuned: Any) -> Model:
        overrides = {**train.models.get(name, {}), **tuned}
        horizon_days = horizon[task_of(name)]
        return models.build(
            name,
            horizon_days,
            train.seed,
            train.threads,
            overrides,
            silence_days=silence_days,
            gap_days=labels.churn.gap_days,
        )

    return make


def predict(model: Model, X: pd.DataFrame) -> Floats:
    """P(churn) or expected value.

    Parameters
    ----------
    model : Model
        Fitted.
    X : DataFrame of shape (n, features)

    Returns
    -------
    ndarray of shape (n,)
        A probability, or account currency.

    Raises
    ------
    ValueError
        If a prediction or its square is not finite, or a probability lies outside 0 to 1.
    """
    is_churn = model.task == "churn"
    predicted = np.asarray(model.predict_proba(X)[:, 1] if is_churn else model.predict(X))
    with np.errstate(over="ignore"):
        if not np.isfinite(predicted * predicted).all():
            raise ValueError("a prediction is not finite")
    if is_churn and not ((predicted >= 0) & (predicted <= 1)).all():
        raise ValueError("a probability lies outside its range")
    return predicted


def scaled_params(
    make: ModelFactory, name: str, past: list[FoldResult], effective: float
) -> dict[str, Any]:
    """Parameters for a fit on so many rows: the median of what suited folds, grown with the rows.

    Parameters
    ----------
    make : callable
        From `model_factory`.
    name : str
        Name of the model's file.
    past : list of FoldResult
        The model on folds that may be known; where empty the model's own parameters grow.
    effective : float
        Rows of the fit, see `LabelledRows.effective`.

    Returns
    -------
    dict
        Name to number; whole numbers stay whole.
    """
    model = make(name)
    if past:
        results = [(result.tuned, result.effective) for result in past]
    else:
        own = model.get_params()
        results = [({key: own[key] for key in model.grows_with_rows}, float(REFERENCE_ROWS))]
    params: dict[str, Any] = {}
    for key in sorted({key for tuned, _ in results for key in tuned}):
        growth = GROWTH if key in model.grows_with_rows else 0.0
        values = [
            tuned[key] * (effective / max(rows, 1.0)) ** growth
            for tuned, rows in results
            if key in tuned
        ]
        is_whole = all(isinstance(tuned[key], int) for tuned, _ in results if key in tuned)
        median = float(np.median(values))
        params[key] = max(1, round(median)) if is_whole else median
    return params


def fit_pair(
    model_if_kept: Model,
    model_if_lost: Model,
    rows: LabelledRows,
    histories: pd.DataFrame | None = None,
) -> tuple[Model, Model]:
    """Fit a value model on the customers who stayed, and another on those who churned.

    Without labels the first is fitted on all customers, and who is lost brings nothing.

    Parameters
    ----------
    model_if_kept, model_if_lost : Model
        Unfitted.
    rows : LabelledRows
    histories : DataFrame, optional
        Of all customers on the day of the fit, see `Model.fit`.

    Returns
    -------
    if_kept, if_lost : ValueModel
    """
    if not rows.has_labels:
        return (
            model_if_kept.fit(rows.X, None, rows.weight, histories),
            model_if_lost.fit(rows.X, np.zeros(len(rows.day)), rows.weight, histories),
        )
    stayed, left = (rows.take(rows.churned == churned) for churned in (0.0, 1.0))
    return (
        model_if_kept.fit(stayed.X, stayed.value, stayed.weight, histories),
        model_if_lost.fit(left.X, left.value, left.weight, histories),
    )


def evaluate_candidate(
    make: ModelFactory,
    name: str,
    rows: LabelledRows,
    folds: list[Fold],
    label_delay_days: int,
    histories: Histories = NO_HISTORIES,
) -> CandidateResult:
    """Fit a model on every fold, with parameters that were known on its day, and predict its test.

    Parameters
    ----------
    make : callable
        From `model_factory`.
    name : str
        Name of the model's file.
    rows : LabelledRows
    folds : list of Fold
        Oldest first.
    label_delay_days : int
        Days from a snapshot until its labels are mature.
    histories : Histories
        Of all customers; a fold sees those of the day that it predicts.

    Returns
    -------
    CandidateResult

    Raises
    ------
    ModelFailed
        If the model raises, or predicts what no model may.
    ValueError
        If params.yaml gives it a parameter that it does not have.
    """
    make(name)  # a parameter of params.yaml that it lacks is no failure of the model
    results: list[FoldResult] = []
    for fold in folds:
        train, test = rows.training(fold), rows.tests([fold])
        mature = [
            result
            for result in results
            if result.tuned and result.fold.test + label_delay_days <= fold.test
        ]
        effective = train.effective(label_delay_days)
        with attributed_to(name, _on_fold(fold)):
            params = scaled_params(make, name, mature, effective)
            histories_then = histories.on(fold.test)
            predicted, if_lost = _fit_predict(make, name, params, train, test, histories_then)
            tuned = {}
            if fold.part is None:
                then = _first_use(fold, folds, label_delay_days)
                tuned = _tune(make(name), train, rows.tests([fold], then))
        results.append(FoldResult(fold, effective, tuned, predicted, if_lost, params))
    return CandidateResult(name, results)


def _first_use(fold: Fold, folds: list[Fold], label_delay_days: int) -> int | None:
    """The day of the first fold on which what suits this one is known; None: only today."""
    days = [each.test for each in folds if fold.test + label_delay_days <= each.test]
    return min(days, default=None)


def _fit_predict(
    make: ModelFactory,
    name: str,
    params: dict[str, Any],
    train: LabelledRows,
    test: LabelledRows,
    histories: pd.DataFrame | None,
) -> tuple[Floats, Floats | None]:
    if task_of(name) == "churn":
        model = make(name, **params).fit(train.X, train.churned, train.weight, histories)
        return predict(model, test.X), None
    if_kept, if_lost = fit_pair(make(name, **params), make(name, **params), train, histories)
    return predict(if_kept, test.X), predict(if_lost, test.X)


def _tune(model: Model, train: LabelledRows, test: LabelledRows) -> dict[str, int | float]:
    return model.tune(
        train.X,
        train.target(model.task),
        test.X,
        test.target(model.task),
        weighted.unless_equal(train.weight),
        weighted.unless_equal(test.weight),
    )


def _on_fold(fold: Fold) -> str:
    return f"on the fold of {point_in_time.date_of(fold.test)}"


def evaluate_candidates(
    make: ModelFactory,
    rows: LabelledRows,
    folds: list[Fold],
    label_delay_days: int,
    drop_out: Callable[[ModelFailed], None],
    track: Callable[[list[str]], Iterable[str]] = iter,
    names: Iterable[str] | None = None,
    histories: Histories = NO_HISTORIES,
) -> dict[str, CandidateResult]:
    """Evaluate every model on the folds; those that fail drop out.

    Parameters
    ----------
    make : callable
        From `model_factory`.
    rows : LabelledRows
    folds : list of Fold
        At least one, oldest first.
    label_delay_days : int
        Days from a snapshot until its labels are mature.
    drop_out : callable
        Called with the failure of a model.
    track : callable
        Passes names through and reports progress.
    names : iterable of str, optional
        The models to evaluate; all by default.
    histories : Histories
        Of all customers.

    Returns
    -------
    dict
        By name, without the models that failed.
    """
    candidates = {}
    for name in track(list(models.discover() if names is None else names)):
        try:
            candidates[name] = evaluate_candidate(
                make, name, rows, folds, label_delay_days, histories
            )
        except ModelFailed as failure:
            drop_out(failure)
    return candidates


def refuse_without_models(
    names: Iterable[str], failed: dict[str, str], has_labels: bool = True
) -> None:
    """Check that each task has a model left that may score.

    Parameters
    ----------
    names : iterable of str
        The models left.
    failed : dict
        Reason, by name of every model that dropped out.
    has_labels : bool
        Whether models could learn from outcomes.

    Raises
    ------
    Refusal
        If a task has none; names every model that failed, with its reason.
    Guarded
        Likewise where no outcomes are known: what the models need is history.
    """
    left = list(names)
    lacking = [task for task in ("churn", "value") if not names_of(task, left)]
    if lacking:
        reasons = "; ".join(
            f"{name} {reason}" for name, reason in failed.items() if name.startswith(tuple(lacking))
        )
        if not has_labels:
            raise errors.Guarded(
                f"not enough history: {reasons}; see that labels.churn in params.yaml fits these "
                "customers, or wait"
            )
        raise errors.Refusal(
            f"no {' and no '.join(lacking)} model is left: {reasons}; mend a model in models/, or "
            "the data that it cannot be fitted to"
        )
