"""Does ranking by what a contact changes beat ranking by expected loss? An experiment tells.

Everything is measured by doubly robust (AIPW) scores of rows whose effect was predicted by a model
that had not seen their customer; intervals resample customers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from models.components.base import Floats
from models.components.uplift import FOLDS, Trial, UpliftModel, fold_of
from retention.stats.bootstrap import Interval, bootstrap
from retention.training.selection import standard_error

GROUPS = 5  # fifths of the predicted effect
REPLICATES = 500
WIDE = 1.96  # standard errors to each side of a 95 % interval


@dataclass(frozen=True)
class Crossed:
    """The effect predicted for each row by a model of other customers, and which model: (n,)."""

    effect: Floats
    fold: NDArray[np.int64]


def cross_fitted(
    make: Callable[[], UpliftModel], X: pd.DataFrame, trial: Trial, folds: int = FOLDS
) -> Crossed:
    """Every row's effect by the model of the folds that its customer is not in.

    ValueError where the customers are so few that the other folds lack an arm.
    """
    fold, effect = fold_of(trial.customer, folds, "evaluation"), np.empty(len(X))
    for one in np.unique(fold):
        rest, held = trial.take(fold != one), fold == one
        model = make().fit(X.loc[~held], rest.treated, rest.left, rest.propensity, rest.customer)
        effect[held] = model.effect(X.loc[held])
    return Crossed(effect, fold)


def placed(priority: Floats, fold: ArrayLike) -> Floats:
    """(n,) each row's place among its own fold, 0 to 1, ties in the middle; the greatest is 1.

    Rows are never compared across folds: a fold that was lucky leaves the others' models with less
    than the truth, so that pooled predictions would run against the outcomes.
    """
    found, of = np.empty(len(priority)), np.asarray(fold)
    for one in np.unique(of):
        rows = of == one
        found[rows] = (rankdata(priority[rows]) - 0.5) / rows.sum()
    return found


# A policy and its value


def within(priority: Floats, share: float) -> Floats:
    """(n,) the chance of being among the `share` of rows with the greatest priority.

    0 or 1 but for rows that tie at the edge, who share the places left: nobody's name decides.
    """
    places = share * len(priority)
    _, group, size = np.unique(-priority, return_inverse=True, return_counts=True)
    before = np.cumsum(size) - size
    return np.asarray(np.clip((places - before) / size, 0.0, 1.0)[group])


def value(chosen: Floats, gain: Floats) -> float:
    """Mean over all rows of what the chosen gain: the value of a policy, less that of no contact.

    `chosen` (n,) is the chance that the policy contacts a row, `gain` (n,) a doubly robust score
    of what contact gains there, cost deducted (Dudik, Langford & Li 2011).
    """
    return float((chosen * gain).mean())


# Qini


@dataclass(frozen=True)
class Qini:
    """Shares contacted, 0 to 1, and what is kept a row of all if the first were contacted."""

    share: Floats
    kept: Floats
    coefficient: float
    interval: Interval


def _curve(priority: Floats, kept: Floats) -> Floats:
    """(n + 1,) cumulative mean of `kept`, by falling priority; equal priorities share alike."""
    _, group = np.unique(-priority, return_inverse=True)
    size = np.bincount(group)
    mean = np.bincount(group, weights=kept) / size
    return np.concatenate([[0.0], np.cumsum(np.repeat(mean, size))]) / len(kept)


def qini_coefficient(priority: Floats, kept: Floats) -> float:
    """Area between the Qini curve and the straight line of contacting at random (Radcliffe 2007).

    In the unit of `kept`; 0 by chance, and exactly where every priority is equal.
    """
    curve = _curve(priority, kept)
    steps = (curve[1:] + curve[:-1]) / 2
    return float(steps.mean() - curve[-1] / 2)


def qini(
    crossed: Crossed, scores: Floats, customer: ArrayLike, n: int = REPLICATES, seed: int = 0
) -> Qini:
    """Of customers kept, the most helped first: the curve at every hundredth, and the coefficient
    with its bootstrap interval. `scores` (n,) are the doubly robust scores of the effect."""
    priority, kept = placed(-crossed.effect, crossed.fold), -scores

    def coefficient(first: Floats, gained: Floats) -> dict[str, float]:
        return {"qini": qini_coefficient(first, gained)}

    interval = bootstrap(coefficient, customer, [priority, kept], n, seed)["qini"]
    share = np.linspace(0, 1, 101)
    curve = _curve(priority, kept)
    shown = np.interp(share, np.linspace(0, 1, len(curve)), curve)
    return Qini(share, shown, qini_coefficient(priority, kept), interval)


# Calibration of the effect


@dataclass(frozen=True)
class Group:
    """Rows of a like predicted effect: the least of it, its mean, and the effect measured there.

    Changes of the chance of leaving; a 95 % interval by errors clustered by customer.
    """

    rows: int
    least: float
    predicted: float
    measured: float
    low: float
    high: float


def calibration(crossed: Crossed, scores: Floats, customer: ArrayLike) -> list[Group]:
    """Per fifth of the predicted effect, the most helped first: what was predicted, what came.

    Fifths of each fold. Equal predictions stay together, so there may be fewer than five.
    """
    who, effect = np.asarray(customer), crossed.effect
    fifth = np.ceil(placed(effect, crossed.fold) * GROUPS)
    masks = [fifth == one for one in np.unique(fifth)]
    return [_group(effect[rows], scores[rows], who[rows]) for rows in masks]


def _group(effect: Floats, scores: Floats, customer: NDArray[Any]) -> Group:
    measured, margin = float(scores.mean()), WIDE * standard_error(scores, customer)
    return Group(
        rows=len(effect),
        least=float(effect.min()),
        predicted=float(effect.mean()),
        measured=measured,
        low=measured - margin,
        high=measured + margin,
    )


def disturbed_from(groups: Sequence[Group]) -> float | None:
    """The predicted effect from which on contact credibly drives customers away; None without one.

    The lower edge of the groups, from the most harmed down, that are predicted to leave more and
    measured to, their interval above 0.
    """
    edge = None
    for group in reversed(groups):
        if group.low <= 0 or group.predicted <= 0:
            break
        edge = max(group.least, 0.0)
    return edge


# The choice


@dataclass(frozen=True)
class Choice:
    """Whether customers are ranked by uplift, and what it rests on; money a customer eligible.

    `by_uplift`, `by_loss`, `at_random` are what contacting the first `share` gains; `better` is
    by_uplift - by_loss on the same resamples.
    """

    uplift: bool
    share: float
    by_uplift: float
    by_loss: float
    at_random: float
    better: float
    interval: Interval


def chosen(
    crossed: Crossed,
    loss: Floats,
    worth: Floats,
    scores: Floats,
    customer: ArrayLike,
    share: float,
    cost: float = 0.0,
    n: int = REPLICATES,
    seed: int = 0,
) -> Choice:
    """Uplift ranks only when the lower bound of what it gains over ranking by loss is above 0.

    All (n,): the effect predicted by models of other customers, the expected loss, what keeping
    the customer is worth, the doubly robust scores of the effect. `share` of the customers can be
    contacted, and a contact costs `cost`. Both rankings contact that share of each fold.
    """

    def values(by_effect: Floats, by_loss: Floats, gain: Floats) -> dict[str, float]:
        mine, theirs = (value(within(by, share), gain) for by in (by_effect, by_loss))
        return {"better": mine - theirs, "by_uplift": mine, "by_loss": theirs}

    first, second = (placed(by, crossed.fold) for by in (-crossed.effect * worth, loss))
    arrays = [first, second, -scores * worth - cost]
    found = values(*arrays)
    interval = bootstrap(values, customer, arrays, n, seed)["better"]
    return Choice(
        uplift=bool(interval.low > 0),
        share=share,
        by_uplift=found["by_uplift"],
        by_loss=found["by_loss"],
        at_random=share * float(arrays[2].mean()),
        better=found["better"],
        interval=interval,
    )
