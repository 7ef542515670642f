"""What scores: the weights of the models, the shift of the base rate, and the value interval.

Everything is learnt out of fold, from folds whose labels were known on the day it is made for.
"""

from dataclasses import dataclass, field
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray
from scipy.special import expit, logit

import models
from models.components.base import Floats
from models.components.blend import clipped_log_odds
from models.components.interval import ValueInterval
from retention.stats import weighted
from retention.stats.weighted import Weights
from retention.training import season, stacking
from retention.training.candidates import (
    CandidateResult,
    ModelFactory,
    names_of,
    refuse_without_models,
    scaled_params,
)
from retention.training.folds import Fold
from retention.training.metrics import log_losses, roc_auc
from retention.training.rows import LabelledRows

RULE = (
    "the log-odds of all churn models and the values of all value models are added by weights "
    "that are learnt out of fold, by log-loss and Tweedie deviance, not negative and shrunk to "
    "equal ones; the base rate of the coming window is forecast from past ones"
)
ONE_SIDED: Final = 1.645  # standard errors of a one-sided 95 % bound
NOT_COMPARED = "nothing could be compared: equal weights"


@dataclass(frozen=True)
class ModelSpec:
    """How the models are put together, which a refit repeats unchanged."""

    weights: dict[str, dict[str, float]]  # by task, of the models that count
    intercept: float = 0.0  # shift of the log-odds of churn
    interval: ValueInterval | None = None  # None where there are no folds to fit it on
    tells_apart: bool = True  # whether out of fold it ranks better than chance
    losses: dict[str, float] = field(default_factory=dict)  # mean out-of-fold loss, by model
    candidates: dict[str, CandidateResult] = field(default_factory=dict)
    banners: list[str] = field(default_factory=list)  # warnings for people who read the list
    failed: dict[str, str] = field(default_factory=dict)  # reason, of every model that dropped out

    @property
    def main(self) -> dict[str, str]:
        """The model with the greatest weight, by task."""
        return {
            task: max(sorted(parts), key=lambda name: parts[name])
            for task, parts in self.weights.items()
        }

    def params(self, make: ModelFactory, name: str, effective: float) -> dict[str, Any]:
        """Parameters of a model for a fit on so many effective rows.

        Parameters
        ----------
        make : callable
            From `model_factory`.
        name : str
            Name of the model's file.
        effective : float
            See `LabelledRows.effective`.

        Returns
        -------
        dict
        """
        results = self.candidates[name].folds if name in self.candidates else []
        return scaled_params(make, name, [result for result in results if result.tuned], effective)


def equal_spec(
    names: list[str], banners: list[str], failed: dict[str, str], has_labels: bool = True
) -> ModelSpec:
    """The specification where there are no folds: equal weights, no shift, no interval.

    Parameters
    ----------
    names : list of str
        The models that may be used.
    banners : list of str
        Warnings for people who read the list.
    failed : dict
        Reason, by name of every model that dropped out.
    has_labels : bool
        Whether models could learn from outcomes.

    Returns
    -------
    ModelSpec

    Raises
    ------
    Refusal
        If a task has no model; Guarded where no outcomes are known.
    """
    refuse_without_models(names, failed, has_labels)
    weights = {task: _equal(names_of(task, names)) for task in ("churn", "value")}
    return ModelSpec(weights, banners=banners, failed=failed)


def _equal(names: list[str]) -> dict[str, float]:
    return dict.fromkeys(names, round(1 / len(names), 4))


def select(
    candidates: dict[str, CandidateResult],
    rows: LabelledRows,
    folds: list[Fold],
    day: int,
    label_delay_days: int,
) -> ModelSpec:
    """The specification that folds give for a day on which their labels are known.

    It is chosen for customers whom a list can still contact; models are fitted on all.

    Parameters
    ----------
    candidates : dict
        Results by name, on these folds and perhaps others; at least one blended of each task.
    rows : LabelledRows
    folds : list of Fold
        Oldest first; where empty the weights are equal and there is no interval.
    day : int
        Day number of the snapshot that is to be scored.
    label_delay_days : int
        Days from a snapshot until its labels are mature.

    Returns
    -------
    ModelSpec
        Without banners.
    """
    if not folds:
        return equal_spec(list(candidates), [], {})
    results = {name: candidate.on(folds) for name, candidate in candidates.items()}
    every = rows.tests(folds, day)
    judged = _judged(every)
    tests = every.take(judged)
    weight = weighted.unless_equal(tests.weight)
    churn, value = (names_of(task, results) for task in ("churn", "value"))
    log_odds = np.column_stack(
        [clipped_log_odds(results[name].predicted[judged]) for name in churn]
    )
    row_weight = _independent_share(tests, label_delay_days) * tests.weight
    if weight is not None:
        row_weight *= weighted.effective_size(weight) / weight.sum()
    parts = stacking.churn_weights(log_odds, tests.churned, tests.day, row_weight)
    # Stretched around the mean probability, not around one half: the mean stays where it is.
    chances = expit(log_odds)
    mean_chance = chances.mean() if weight is None else weight @ chances.mean(axis=1) / weight.sum()
    centre = float(logit(mean_chance)) * (1 - float(parts.sum()))
    z = centre + log_odds @ parts
    turns = season.measure_turns(z, tests.churned, tests.day, tests.weight, label_delay_days)
    is_past = folds[0].part is None
    shifts, shift = _shifts(turns, tests, day, label_delay_days, is_past)
    p = expit(z + shifts)
    values = np.column_stack(
        [
            (1 - p) * results[name].predicted[judged] + p * results[name].if_lost[judged]
            for name in value
        ]
    )
    value_parts = stacking.value_weights(values, tests.value, tests.day, row_weight)
    levels = season.measure_levels(
        values @ value_parts, tests.value, tests.day, tests.weight, label_delay_days
    )
    level_shifts, level_shift = _shifts(levels, tests, day, label_delay_days, is_past)
    value_now = value_parts * np.exp(level_shift)
    return ModelSpec(
        weights={"churn": _counting(churn, parts), "value": _counting(value, value_now)},
        intercept=centre + shift,
        interval=ValueInterval().fit(
            np.exp(level_shifts) * (values @ value_parts), tests.value, weight
        ),
        tells_apart=ranks_better_than_chance(p, tests.churned, tests.day, weight),
        losses=_losses(results, tests, p, judged),
        candidates=results,
    )


def _judged(tests: LabelledRows) -> NDArray[np.bool_]:
    """Whom the choice is made for: those whom a list can still contact."""
    # Those who gave notice leave, whichever model says so: they would decide the weights and the
    # base rate of the others. All count where the rest has one outcome only.
    contactable = tests.contactable
    is_enough = len(np.unique(tests.churned[contactable])) == 2
    return contactable if is_enough else np.ones(len(contactable), dtype=bool)


def ranks_better_than_chance(
    p: Floats, y: Floats, turn: NDArray[np.int64], weight: Weights = None
) -> bool:
    """Whether the mean AUC over the turns is above 1/2 by more than 1.645 standard errors.

    The turns are taken as one experiment that is repeated: their customers are the same.

    Parameters
    ----------
    p : ndarray of shape (n,)
        Out-of-fold probabilities.
    y : ndarray of shape (n,)
        1 churned, 0 stayed.
    turn : ndarray of shape (n,)
        Which snapshot a row is of.
    weight : ndarray of shape (n,), optional
        Row weights; the errors are those of the effective number of rows of each outcome.

    Returns
    -------
    bool

    References
    ----------
    Hanley & McNeil (1982), The meaning and use of the area under a receiver operating
    characteristic (ROC) curve, Radiology 143.
    """
    areas, errors = [], []
    for number in np.unique(turn):
        rows = turn == number
        held = None if weight is None else weight[rows]
        n_lost, n_stayed = (_informative(y[rows] == outcome, held) for outcome in (1, 0))
        if n_lost and n_stayed:
            a = roc_auc(y[rows], p[rows], held)
            spread = (n_lost - 1) * (a / (2 - a) - a**2) + (n_stayed - 1) * (
                2 * a**2 / (1 + a) - a**2
            )
            areas.append(a)
            errors.append(np.sqrt((a * (1 - a) + spread) / (n_lost * n_stayed)))
    return bool(areas) and float(np.mean(areas) - ONE_SIDED * np.mean(errors)) > 0.5


def _informative(of_outcome: NDArray[np.bool_], weight: Weights) -> float:
    """Rows of an outcome, as many as their weights leave."""
    if weight is None:
        return float(of_outcome.sum())
    return weighted.effective_size(weight[of_outcome])


def _independent_share(tests: LabelledRows, label_delay_days: int) -> float:
    """Share of the rows that counts where label windows of the tests overlap."""
    return tests.effective(label_delay_days) / max(1, len(tests.day))


def _shifts(
    turns: list[season.Turn], tests: LabelledRows, day: int, label_delay_days: int, is_past: bool
) -> tuple[Floats, float]:
    """Of every row the shift that was expected on its day, and the one expected now."""
    # Where customers of one period predict each other, both are what this period needed: it says
    # nothing of a later one, but nothing else is known.
    if not is_past:
        needed = turns[-1].shift if turns else 0.0
        return np.full(len(tests.day), needed), needed
    days, code = np.unique(tests.day, return_inverse=True)
    shifts = [season.forecast_shift(turns, then, label_delay_days) for then in days.tolist()]
    return np.array(shifts)[code], season.forecast_shift(turns, day, label_delay_days)


def _counting(names: list[str], weights: Floats) -> dict[str, float]:
    pairs = zip(names, weights.tolist(), strict=True)
    return {name: weight for name, weight in pairs if weight > 0}


def _losses(
    results: dict[str, CandidateResult],
    tests: LabelledRows,
    p: Floats,
    judged: NDArray[np.bool_],
) -> dict[str, float]:
    """Mean log-loss of churn models and Tweedie deviance of value models, out of fold."""
    losses, weight = {}, weighted.unless_equal(tests.weight)
    for name, candidate in results.items():
        if models.discover()[name].task == "churn":
            loss = log_losses(tests.churned, candidate.predicted[judged])
        else:
            expected = (1 - p) * candidate.predicted[judged] + p * candidate.if_lost[judged]
            loss = stacking.tweedie_deviance(tests.value, expected, weight)
        losses[name] = weighted.mean(loss, weight)
    return losses


def blended_log_odds(spec: ModelSpec, candidates: dict[str, CandidateResult]) -> Floats:
    """Log-odds of churn that a specification gives to the tests of candidates' folds.

    Parameters
    ----------
    spec : ModelSpec
    candidates : dict
        Results by name, all on the same folds.

    Returns
    -------
    ndarray of shape (rows of the folds' tests,)
    """
    parts = [
        weight * clipped_log_odds(candidates[name].predicted)
        for name, weight in spec.weights["churn"].items()
    ]
    return np.asarray(spec.intercept + np.sum(parts, axis=0))


def blended_values(
    spec: ModelSpec, candidates: dict[str, CandidateResult]
) -> tuple[Floats, Floats]:
    """Values if kept and if lost that a specification gives to the tests of candidates' folds.

    Parameters
    ----------
    spec : ModelSpec
    candidates : dict
        Results by name, all on the same folds.

    Returns
    -------
    if_kept, if_lost : ndarray of shape (rows of the folds' tests,)
        Account currency.
    """
    weights = spec.weights["value"]
    if_kept = [weight * candidates[name].predicted for name, weight in weights.items()]
    if_lost = [weight * candidates[name].if_lost for name, weight in weights.items()]
    return np.sum(if_kept, axis=0), np.sum(if_lost, axis=0)
