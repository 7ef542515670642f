"""Model selection on rolling folds: parameters, calibrator, models and interval.

Nothing here reads the test snapshot, nor a label that was open on its day.
"""

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

import models
from models.components.base import Floats, Model
from models.components.calibration import CALIBRATORS, Calibrator, Identity
from models.components.interval import ValueInterval
from models.components.scorer import Scorer
from retention.core import errors, point_in_time
from retention.core.params import Params
from retention.training.failures import AT_REFIT, ModelFailed, attributed_to
from retention.training.folds import Fold
from retention.training.metrics import log_losses
from retention.training.rows import LabelledRows

ModelFactory = Callable[..., Model]
"""make(name, **params): the unfitted model of a name."""

RULE = (
    "among the models of a task, the one with the lowest out-of-fold loss (log-loss of the "
    "calibrated churn probability, squared error of the value); but the simplest whose loss is "
    "within one standard error of it, clustered by customer"
)


@dataclass(frozen=True)
class CandidateResult:
    """One model over the folds."""

    name: str
    tuned: list[dict[str, int | float]]  # parameters that each fold prefers
    params: dict[str, Any]  # their median over the folds
    predicted: Floats  # (rows of the folds' tests,), raw; oldest fold first


@dataclass(frozen=True)
class ModelSpec:
    """The result of model selection, which a refit repeats unchanged."""

    churn: str  # name of the selected churn model
    value: str  # name of the selected value model
    params: dict[str, dict[str, Any]]  # of every candidate
    calibrators: dict[str, Calibrator]  # of every churn candidate
    interval: ValueInterval | None  # None where history is too short
    losses: dict[str, float]  # mean out-of-fold loss of every candidate
    why: dict[str, str]  # reason of the choice, by task
    candidates: dict[str, CandidateResult] = field(default_factory=dict)
    banners: list[str] = field(default_factory=list)  # warnings for people who read the list
    failed: dict[str, str] = field(default_factory=dict)  # reason, of every model that dropped out


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
    horizon = {"churn": labels.churn.horizon_days, "value": labels.value.horizon_days}

    def make(name: str, **tuned: Any) -> Model:
        overrides = {**train.models.get(name, {}), **tuned}
        task = name.partition("_")[0]
        return models.build(name, horizon[task], train.seed, train.threads, overrides)

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


def _median(tuned: list[dict[str, int | float]]) -> dict[str, Any]:
    """The folds' median of every parameter; whole numbers stay whole."""
    names = sorted({name for parameters in tuned for name in parameters})
    medians = {}
    for name in names:
        values = [parameters[name] for parameters in tuned if name in parameters]
        median = float(np.median(values))
        is_whole = all(isinstance(number, int) for number in values)
        medians[name] = round(median) if is_whole else median
    return medians


def evaluate_candidate(
    make: ModelFactory, name: str, rows: LabelledRows, folds: list[Fold]
) -> CandidateResult:
    """Tune a model on every fold, fit each fold again with the median and predict its test.

    Parameters
    ----------
    make : callable
        From `model_factory`.
    name : str
        Name of the model's file.
    rows : LabelledRows
    folds : list of Fold
        Oldest first.

    Returns
    -------
    CandidateResult

    Raises
    ------
    ModelFailed
        If the model raises, or predicts what no model may.
    """
    tuned = []
    for fold in folds:
        train, test = rows.on(fold.train), rows.on([fold.test]).as_untreated()
        task, model = make(name).task, make(name)
        with attributed_to(name, _on_fold(fold)):
            tuned.append(model.tune(train.X, train.target(task), test.X, test.target(task)))
    params, parts = _median(tuned), []
    for fold in folds:
        train, test = rows.on(fold.train), rows.on([fold.test]).as_untreated()
        model = make(name, **params)
        with attributed_to(name, _on_fold(fold)):
            parts.append(_fit_predict(model, train, test))
    return CandidateResult(name, tuned, params, np.concatenate(parts))


def _fit_predict(model: Model, train: LabelledRows, test: LabelledRows) -> Floats:
    return predict(model.fit(train.X, train.target(model.task), train.weight), test.X)


def _on_fold(fold: Fold) -> str:
    return f"on the fold of {point_in_time.date_of(fold.test)}"


def calibrate_forward(
    kind: type[Calibrator], raw: Floats, tests: LabelledRows, label_delay_days: int
) -> Floats:
    """Calibrate each fold by the folds whose labels were mature on its day.

    Parameters
    ----------
    kind : type of Calibrator
    raw : ndarray of shape (n,)
        Out-of-fold probabilities of `tests`.
    tests : LabelledRows
        The n rows of the folds' tests.
    label_delay_days : int
        Days from a snapshot until its labels are mature.

    Returns
    -------
    ndarray of shape (n,)
        NaN on folds with no earlier one to fit on.
    """
    calibrated = np.full(len(raw), np.nan)
    for day in np.unique(tests.day):
        earlier, now = tests.day + label_delay_days <= day, tests.day == day
        if len(np.unique(tests.churned[earlier])) == 2:
            fitted = kind().fit(raw[earlier], tests.churned[earlier])
            calibrated[now] = fitted.predict(raw[now])
    return calibrated


def select_calibrator(
    raw: Floats, tests: LabelledRows, label_delay_days: int
) -> tuple[Calibrator, NDArray[np.float64]]:
    """The calibrator with the lowest forward log-loss, fitted on all folds.

    Where no fold has an earlier one, the raw probability is used as it is.

    Parameters
    ----------
    raw : ndarray of shape (n,)
        Out-of-fold probabilities of `tests`.
    tests : LabelledRows
        The n rows of the folds' tests.
    label_delay_days : int
        Days from a snapshot until its labels are mature.

    Returns
    -------
    calibrator : Calibrator
    losses : ndarray of shape (n,)
        Forward log-loss of each row in nats, NaN where there is none.
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
    """Standard error of the mean of paired differences, clustered by customer.

    Parameters
    ----------
    difference : ndarray of shape (n,)
        Of two models' losses on each row.
    customers : ndarray of shape (n,)
        Ids; the rows of a customer are correlated.

    Returns
    -------
    float
        In the unit of `difference`.

    References
    ----------
    Liang & Zeger (1986), Longitudinal data analysis using generalized linear models, Biometrika
    73.
    """
    _, code = np.unique(customers.astype(str), return_inverse=True)
    clusters = np.bincount(code, weights=difference - difference.mean())
    return float(np.sqrt((clusters**2).sum()) / len(difference))


def select_model(losses: dict[str, Floats], tests: LabelledRows) -> tuple[str, str]:
    """Apply RULE, the one-standard-error rule, to the losses of the models of a task.

    Parameters
    ----------
    losses : dict
        Name to out-of-fold losses, ndarray of shape (n,); rows where any is NaN do not count.
    tests : LabelledRows
        The n rows of the folds' tests.

    Returns
    -------
    name, why : str
        The model, and the reason in a sentence.

    References
    ----------
    Breiman, Friedman, Olshen & Stone (1984), Classification and Regression Trees, section 3.4.3.
    """
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
    make: ModelFactory,
    name: str,
    params: dict[str, Any],
    rows: LabelledRows,
    during: str = AT_REFIT,
) -> tuple[Any, Any]:
    """Fit a value model on the customers who stayed, and again on those who churned.

    Parameters
    ----------
    make : callable
        From `model_factory`.
    name : str
        Name of the value model.
    params : dict
        Its parameters.
    rows : LabelledRows
    during : str
        What the fit is for, in the reason of a failure.

    Returns
    -------
    if_kept, if_lost : ValueModel

    Raises
    ------
    ModelFailed
        If the model raises.
    """
    stayed, left = (rows.take(rows.churned == churned) for churned in (0.0, 1.0))
    if_kept, if_lost = make(name, **params), make(name, **params)
    with attributed_to(name, during):
        return (
            if_kept.fit(stayed.X, stayed.value, stayed.weight),
            if_lost.fit(left.X, left.value, left.weight),
        )


def out_of_fold_values(
    make: ModelFactory, spec: ModelSpec, rows: LabelledRows, folds: list[Fold]
) -> Floats:
    """Out-of-fold expected values under the whole specification.

    Parameters
    ----------
    make : callable
        From `model_factory`.
    spec : ModelSpec
        With the candidates' predictions on these folds.
    rows : LabelledRows
    folds : list of Fold

    Returns
    -------
    ndarray of shape (rows of the folds' tests,)
        Account currency.

    Raises
    ------
    ModelFailed
        If the selected value model raises, or predicts what no model may.
    """
    per_fold = []
    for fold in folds:
        X = rows.on([fold.test]).as_untreated().X
        params, train = spec.params[spec.value], rows.on(fold.train)
        pair = fit_value_given_outcome(make, spec.value, params, train, _on_fold(fold))
        with attributed_to(spec.value, _on_fold(fold)):
            per_fold.append([predict(model, X) for model in pair])
    if_kept, if_lost = (np.concatenate(part) for part in zip(*per_fold, strict=True))
    p = spec.calibrators[spec.churn].predict(spec.candidates[spec.churn].predicted)
    return np.asarray((1 - p) * if_kept + p * if_lost)


def fit_scorer(
    make: ModelFactory, spec: ModelSpec, rows: LabelledRows, during: str = AT_REFIT
) -> Scorer:
    """Fit the selected models on rows; calibrator and interval stay those of the specification.

    Parameters
    ----------
    make : callable
        From `model_factory`.
    spec : ModelSpec
    rows : LabelledRows
    during : str
        What the fit is for, in the reason of a failure.

    Returns
    -------
    Scorer

    Raises
    ------
    ModelFailed
        If a model raises, as it does where all rows churned, or all stayed.
    """
    churn = make(spec.churn, **spec.params[spec.churn])
    with attributed_to(spec.churn, during):
        churn = churn.fit(rows.X, rows.churned, rows.weight)
    params = spec.params[spec.value]
    if_kept, if_lost = fit_value_given_outcome(make, spec.value, params, rows, during)
    return Scorer(
        churn=(spec.churn, churn),
        calibrator=spec.calibrators[spec.churn],
        value_if_kept=(spec.value, if_kept),
        value_if_lost=(spec.value, if_lost),
        interval=spec.interval,
    )


def score(scorer: Scorer, X: pd.DataFrame, during: str) -> pd.DataFrame:
    """The scorer's scores; where they cannot be had, the failure of the model that is at fault.

    Parameters
    ----------
    scorer : Scorer
        Fitted.
    X : DataFrame of shape (n, features)
    during : str
        What the scores are for, in the reason of a failure.

    Returns
    -------
    DataFrame of shape (n, 7)
        See `Scorer.score`.

    Raises
    ------
    ModelFailed
        If a model raises, or predicts what no model may.
    """
    with attributed_to(scorer.value_if_kept[0], during):
        try:
            return scorer.score(X)
        except Exception:
            for name, model in (scorer.churn, scorer.value_if_kept, scorer.value_if_lost):
                with attributed_to(name, during):
                    predict(model, X)
            raise


def refuse_without_models(names: Iterable[str], failed: dict[str, str]) -> None:
    """Check that each task has a model left.

    Parameters
    ----------
    names : iterable of str
        The models left.
    failed : dict
        Reason, by name of every model that dropped out.

    Raises
    ------
    Refusal
        If a task has none; names every model that failed, with its reason.
    """
    tasks = {name.partition("_")[0] for name in names}
    lacking = [task for task in ("churn", "value") if task not in tasks]
    if lacking:
        reasons = "; ".join(
            f"{name} {reason}" for name, reason in failed.items() if name.startswith(tuple(lacking))
        )
        raise errors.Refusal(
            f"no {' and no '.join(lacking)} model is left: {reasons}; mend a model in models/, or "
            "the data that it cannot be fitted to"
        )


def baseline_spec(banners: list[str], failed: dict[str, str] | None = None) -> ModelSpec:
    """The specification where history is too short to select: the simplest models, untuned.

    Parameters
    ----------
    banners : list of str
        Warnings that say so.
    failed : dict, optional
        Reason, by name of every model that dropped out.

    Returns
    -------
    ModelSpec

    Raises
    ------
    Refusal
        If no model of a task is left.
    """
    left = {name: model for name, model in models.discover().items() if name not in (failed or {})}
    refuse_without_models(left, failed or {})
    simplest = sorted(left, key=lambda name: (left[name].complexity_rank, name))
    names = {
        task: next(name for name in simplest if name.startswith(task))
        for task in ("churn", "value")
    }
    return ModelSpec(
        churn=names["churn"],
        value=names["value"],
        params={name: {} for name in names.values()},
        calibrators={names["churn"]: Identity()},
        interval=None,
        losses={},
        why=dict.fromkeys(names, "too little history to choose"),
        banners=banners,
        failed=failed or {},
    )


def evaluate_candidates(
    make: ModelFactory,
    rows: LabelledRows,
    folds: list[Fold],
    drop_out: Callable[[ModelFailed], None],
    track: Callable[[list[str]], Iterable[str]] = iter,
) -> dict[str, CandidateResult]:
    """Evaluate every model on the folds; those that fail drop out.

    Parameters
    ----------
    make : callable
        From `model_factory`.
    rows : LabelledRows
    folds : list of Fold
        At least one, oldest first.
    drop_out : callable
        Called with the failure of a model.
    track : callable
        Passes names through and reports progress.

    Returns
    -------
    dict
        By name, without the models that failed.
    """
    candidates = {}
    for name in track(list(models.discover())):
        try:
            candidates[name] = evaluate_candidate(make, name, rows, folds)
        except ModelFailed as failure:
            drop_out(failure)
    return candidates


def select_models(
    candidates: dict[str, CandidateResult], tests: LabelledRows, label_delay_days: int
) -> ModelSpec:
    """Calibrate the candidates and select by RULE; `with_interval` adds what is left.

    Parameters
    ----------
    candidates : dict
        Results by name; at least one of each task.
    tests : LabelledRows
        The rows of the folds' tests.
    label_delay_days : int
        Days from a snapshot until its labels are mature.

    Returns
    -------
    ModelSpec
        Without an interval.
    """
    names = {
        task: [name for name in candidates if name.startswith(task)] for task in ("churn", "value")
    }
    calibrated = {
        name: select_calibrator(candidates[name].predicted, tests, label_delay_days)
        for name in names["churn"]
    }
    losses = {
        "churn": {name: loss for name, (_, loss) in calibrated.items()},
        "value": {name: (candidates[name].predicted - tests.value) ** 2 for name in names["value"]},
    }
    selected = {task: select_model(of_models, tests) for task, of_models in losses.items()}
    return ModelSpec(
        churn=selected["churn"][0],
        value=selected["value"][0],
        params={name: candidate.params for name, candidate in candidates.items()},
        calibrators={name: calibrator for name, (calibrator, _) in calibrated.items()},
        interval=None,
        losses={
            name: float(np.nanmean(loss)) for task in losses.values() for name, loss in task.items()
        },
        why={task: why for task, (_, why) in selected.items()},
        candidates=candidates,
    )


def with_interval(
    make: ModelFactory, spec: ModelSpec, rows: LabelledRows, folds: list[Fold]
) -> ModelSpec:
    """The specification with the interval of its out-of-fold values.

    Parameters
    ----------
    make : callable
        From `model_factory`.
    spec : ModelSpec
        From `select_models`.
    rows : LabelledRows
    folds : list of Fold
        Those of the candidates.

    Returns
    -------
    ModelSpec

    Raises
    ------
    ModelFailed
        If the selected value model fails.
    """
    tests = rows.on(fold.test for fold in folds)
    interval = ValueInterval().fit(out_of_fold_values(make, spec, rows, folds), tests.value)
    return replace(spec, interval=interval)
