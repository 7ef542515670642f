"""Metrics of uplift: whether ranking by the effect of contact beats ranking by expected loss.

Everything is measured with doubly robust (AIPW) scores, for rows whose effect was predicted by a
model that had not seen their customer. Intervals resample customers.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike, NDArray
from scipy.stats import rankdata

from models.components.base import Floats
from models.components.treatments import Treatments, cross_fit_each
from models.components.uplift import FOLDS, ExperimentData, UpliftModel
from retention.stats import sequential
from retention.stats.bootstrap import Interval, bootstrap
from retention.stats.clusters import standard_error

N_QUINTILES: Final = 5
REPLICATES: Final = 500
PLANNED_CUSTOMERS: Final = 10_000
"""At which the interval of the choice is narrowest: as many are needed where 2 or 98 % leave."""
Z: Final = 1.96  # standard errors to each side of a 95 % interval


@dataclass(frozen=True)
class CrossFitted:
    """Out-of-fold predictions of the effect."""

    effect: Floats  # (n,) change of the churn probability by contact; or of what is lost, currency
    fold: NDArray[np.int64]  # (n,) the fold whose customers the predicting model had not seen


def cross_fit(
    make_model: Callable[[], UpliftModel],
    X: pd.DataFrame,
    experiment: ExperimentData,
    folds: int = FOLDS,
) -> CrossFitted:
    """Predict every row's effect with a model fitted on the other folds' customers.

    Parameters
    ----------
    make_model : callable
        Makes an unfitted model.
    X : DataFrame of shape (n, features)
    experiment : ExperimentData
        n rows.
    folds : int

    Returns
    -------
    CrossFitted

    Raises
    ------
    ValueError
        Where there are so few customers that the other folds lack an arm.
    """
    treatments = Treatments.single("contact", experiment, cost=0.0)
    effects, fold = cross_fit_each(make_model, X, experiment, treatments, folds)
    return CrossFitted(effects[:, 0], fold)


def rank_share(priority: Floats, fold: ArrayLike) -> Floats:
    """Rank rows within their fold.

    Rows are never compared across folds: a fold that was lucky leaves the other folds' models
    with less than the truth, so pooled predictions would run against the outcomes.

    Parameters
    ----------
    priority : ndarray of shape (n,)
    fold : array-like of shape (n,)

    Returns
    -------
    ndarray of shape (n,)
        Mid-ranks scaled to (0, 1); the highest priority is nearest to 1.
    """
    shares, fold_of_row = np.empty(len(priority)), np.asarray(fold)
    for number in np.unique(fold_of_row):
        rows = fold_of_row == number
        shares[rows] = (rankdata(priority[rows]) - 0.5) / rows.sum()
    return shares


# A policy and its value


def treatment_probability(priority: Floats, contact_share: float) -> Floats:
    """Treat the rows with the highest priority.

    Parameters
    ----------
    priority : ndarray of shape (n,)
    contact_share : float in [0, 1]
        Of the rows, those who are treated.

    Returns
    -------
    ndarray of shape (n,)
        1 or 0, but for rows that tie at the edge: they share the places that are left, so that
        no order of names decides.
    """
    places = contact_share * len(priority)
    _, group, size = np.unique(-priority, return_inverse=True, return_counts=True)
    before = np.cumsum(size) - size
    return np.asarray(np.clip((places - before) / size, 0.0, 1.0)[group])


def policy_value(treated: Floats, gain: Floats) -> float:
    """Value of a policy, less that of contacting nobody.

    Parameters
    ----------
    treated : ndarray of shape (n,)
        Probability that the policy contacts the row.
    gain : ndarray of shape (n,)
        Doubly robust score of what a contact gains there, less its cost, currency.

    Returns
    -------
    float
        Mean over all rows, in the unit of `gain`.

    References
    ----------
    Dudik, Langford & Li (2011), Doubly robust policy evaluation and learning.
    """
    return float((treated * gain).mean())


# Qini


@dataclass(frozen=True)
class Qini:
    """The Qini curve of an uplift ranking."""

    contact_share: Floats  # (101,) shares contacted, 0 to 1
    saved: Floats  # (101,) customers saved per customer of all, if that share is contacted
    coefficient: float  # area between the curve and contacting at random
    interval: Interval


def _curve(priority: Floats, saved: Floats) -> Floats:
    """(n + 1,) cumulative mean of `saved`, by falling priority; equal priorities share alike."""
    _, group = np.unique(-priority, return_inverse=True)
    size = np.bincount(group)
    mean = np.bincount(group, weights=saved) / size
    return np.concatenate([[0.0], np.cumsum(np.repeat(mean, size))]) / len(saved)


def qini_coefficient(priority: Floats, saved: Floats) -> float:
    """Area between the Qini curve and the straight line of contacting at random.

    Parameters
    ----------
    priority : ndarray of shape (n,)
    saved : ndarray of shape (n,)
        What a contact saves.

    Returns
    -------
    float
        In the unit of `saved`; 0 by chance, and exactly 0 where all priorities are equal.

    References
    ----------
    Radcliffe (2007), Using control groups to target on predicted lift.
    """
    curve = _curve(priority, saved)
    trapezoids = (curve[1:] + curve[:-1]) / 2
    return float(trapezoids.mean() - curve[-1] / 2)


def qini(
    cross_fitted: CrossFitted,
    scores: Floats,
    customer: ArrayLike,
    n: int = REPLICATES,
    seed: int = 0,
) -> Qini:
    """Qini curve of customers saved, those with the most negative effect first.

    Parameters
    ----------
    cross_fitted : CrossFitted
    scores : ndarray of shape (n,)
        Doubly robust scores of the effect.
    customer : array-like of shape (n,)
    n : int
        Bootstrap replicates.
    seed : int

    Returns
    -------
    Qini
    """
    priority, saved = rank_share(-cross_fitted.effect, cross_fitted.fold), -scores

    def coefficient(priority: Floats, saved: Floats) -> dict[str, float]:
        return {"qini": qini_coefficient(priority, saved)}

    interval = bootstrap(coefficient, customer, [priority, saved], n, seed)["qini"]
    contact_share = np.linspace(0, 1, 101)
    curve = _curve(priority, saved)
    at_share = np.interp(contact_share, np.linspace(0, 1, len(curve)), curve)
    return Qini(contact_share, at_share, qini_coefficient(priority, saved), interval)


# Calibration of the effect


@dataclass(frozen=True)
class EffectQuintile:
    """A fifth of the rows by predicted effect; effects are changes of the churn probability."""

    rows: int
    lowest: float  # lowest predicted effect
    predicted: float  # mean predicted effect
    measured: float  # mean doubly robust score
    low: float  # 95 % interval of `measured`, from errors clustered by customer
    high: float


def effect_calibration(
    cross_fitted: CrossFitted, scores: Floats, customer: ArrayLike
) -> list[EffectQuintile]:
    """Compare predicted with measured effects by quintile.

    Parameters
    ----------
    cross_fitted : CrossFitted
    scores : ndarray of shape (n,)
        Doubly robust scores of the effect.
    customer : array-like of shape (n,)

    Returns
    -------
    list of EffectQuintile
        Most negative effect first. Quintiles are formed within each fold; equal predictions stay
        together, so there may be fewer than five.
    """
    customers, effect = np.asarray(customer), cross_fitted.effect
    quintile = np.ceil(rank_share(effect, cross_fitted.fold) * N_QUINTILES)
    masks = [quintile == number for number in np.unique(quintile)]
    return [_effect_quintile(effect[rows], scores[rows], customers[rows]) for rows in masks]


def _effect_quintile(effect: Floats, scores: Floats, customer: NDArray[Any]) -> EffectQuintile:
    measured, margin = float(scores.mean()), Z * standard_error(scores, customer)
    return EffectQuintile(
        rows=len(effect),
        lowest=float(effect.min()),
        predicted=float(effect.mean()),
        measured=measured,
        low=measured - margin,
        high=measured + margin,
    )


def sleeping_dog_threshold(quintiles: Sequence[EffectQuintile]) -> float | None:
    """Find the predicted effect above which contact credibly makes customers leave.

    Parameters
    ----------
    quintiles : sequence of EffectQuintile
        Most negative effect first.

    Returns
    -------
    float or None
        Lower edge of the quintiles, from the most harmful down, whose effect is predicted to be
        above 0 and measured above 0 with its whole interval; None where there is none.
    """
    threshold = None
    for quintile in reversed(quintiles):
        if quintile.low <= 0 or quintile.predicted <= 0:
            break
        threshold = max(quintile.lowest, 0.0)
    return threshold


# The ranking


@dataclass(frozen=True)
class RankingComparison:
    """Ranking by uplift against ranking by expected loss; gains in currency per customer."""

    uplift_ranks: bool  # whether customers are ranked by uplift
    contact_share: float  # of the customers, 0 to 1
    by_uplift: float  # gain of contacting that share, ranked by uplift
    by_loss: float  # ranked by expected loss
    at_random: float
    difference: float  # by_uplift - by_loss
    interval: Interval  # of the difference, valid at every run


@dataclass(frozen=True)
class Ranking:
    """A way to select customers; every array is (n,)."""

    priority: Floats  # who comes first has the highest
    gain: Floats  # doubly robust score of what a contact gains there, less its cost, currency


def compare_rankings(
    uplift: Ranking,
    loss: Ranking,
    fold: ArrayLike,
    customer: ArrayLike,
    contact_share: float,
    n: int = REPLICATES,
    seed: int = 0,
) -> RankingComparison:
    """Decide which ranking selects the customers.

    Uplift ranks only if the lower end of the interval of its gain over expected loss is above 0:
    of the 95 % confidence sequence, which holds at all runs together, planned for
    PLANNED_CUSTOMERS.

    Parameters
    ----------
    uplift : Ranking
        By the predicted gain of each customer's best treatment.
    loss : Ranking
        By what is lost in expectation without contact; the cheapest treatment.
    fold : array-like of shape (n,)
        Whose model predicted; rows are ranked within their fold.
    customer : array-like of shape (n,)
    contact_share : float in [0, 1]
        Of each fold, those whom either ranking contacts.
    n : int
        Bootstrap replicates.
    seed : int

    Returns
    -------
    RankingComparison
    """

    def values(
        uplift_rank: Floats, loss_rank: Floats, uplift_gain: Floats, loss_gain: Floats
    ) -> dict[str, float]:
        by_uplift = policy_value(treatment_probability(uplift_rank, contact_share), uplift_gain)
        by_loss = policy_value(treatment_probability(loss_rank, contact_share), loss_gain)
        return {"better": by_uplift - by_loss, "by_uplift": by_uplift, "by_loss": by_loss}

    ranks = [rank_share(ranking.priority, fold) for ranking in (uplift, loss)]
    arrays = [*ranks, uplift.gain, loss.gain]
    estimates = values(*arrays)
    once = bootstrap(values, customer, arrays, n, seed)["better"]
    # The decision is taken anew at every run, so its interval has to hold at all of them.
    n_customers = len(np.unique(np.asarray(customer).astype(str)))
    half = sequential.width_factor(n_customers / PLANNED_CUSTOMERS) * once.standard_error
    better = estimates["better"]
    interval = replace(once, low=better - half, high=better + half)
    return RankingComparison(
        uplift_ranks=bool(interval.low > 0),
        contact_share=contact_share,
        by_uplift=estimates["by_uplift"],
        by_loss=estimates["by_loss"],
        at_random=contact_share * float(loss.gain.mean()),
        difference=estimates["better"],
        interval=interval,
    )
