"""The reference profile of a champion's training data, and drift from it.

A number is binned by tenths of the reference, with a bin of its own for null, and compared by the
population stability index (PSI): the sum of (now - then) ln(now / then) over the bins. A category
is compared by the Jensen-Shannon distance (base 2, from 0 to 1), null being one of them.

References
----------
Yurdakul (2018), Statistical properties of the population stability index.
Lin (1991), Divergence measures based on the Shannon entropy, IEEE Trans. Information Theory 37.
"""

import datetime as dt
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2

from models.components.scorer import Scorer
from retention.core import feature_table

NAME: Final = "profile"
"""Stem of the file beside the champion's models, profile.json."""

NUMBER, TEXT = "number", "text"
CONFIDENCE: Final = 0.999
"""Of the limit that a PSI without any drift stays below."""
SCORES_OF: Final = "of the same model on the snapshot of {day}, the newest that it was fitted on"

_QUANTILES: Final = (np.arange(100) + 0.5) / 100
_TENTHS: Final = np.arange(1, 10) / 10
_DIGITS: Final = 6
_PSI_PER_JSD: Final = 8 * np.log(2)
"""For small changes the PSI is this times the squared Jensen-Shannon distance."""

Shares = NDArray[np.float64]


@dataclass(frozen=True)
class Drift:
    """How far the distribution of a column has moved."""

    name: str
    measure: str  # `psi` of a number, `distance` of a category
    figure: float
    chance: float  # what the figure stays below without drift, at CONFIDENCE
    unseen: int = 0  # rows whose category the reference does not have
    dead: bool = False  # one value only, though the reference has more

    def over(self, limit: float | None) -> bool:
        """Whether the figure exceeds the limit and what chance explains; None is no limit."""
        return limit is not None and self.figure > max(limit, self.chance)


def reference_profile(features: pa.Table, scorer: Scorer, day: dt.date) -> dict[str, Any]:
    """`build_profile` of the whole cohort at the newest snapshot that the scorer was fitted on.

    One snapshot and not all of them: windows fill up and seasons turn, so a year's mixture is
    like none of its days. The whole cohort and not the fitted rows: customers whom a list had
    contacted are left out of those, and they are the likeliest to churn. The scores are those of
    the scorer that will score the lists, so that a shift is one of customers and not of models.
    It was fitted on this snapshot and not on the later ones, which alone moves its scores; the
    pairs of `own_past` that end at the day of training show by how much.

    Parameters
    ----------
    features : Table
        One row per customer and snapshot, up to the day of training.
    scorer : Scorer
        Fitted on all rows.
    day : date
        The newest snapshot with mature labels.

    Returns
    -------
    dict
        The content of profile.json.
    """
    table = features.filter(pc.equal(features["snapshot_on"], pa.scalar(day)))
    X = feature_table.matrix(table)
    profile = build_profile(X, pd.Series(scorer.probability(X)))
    return {
        **profile,
        "on": str(day),
        "as_of": str(pc.max(features["snapshot_on"]).as_py()),
        "score": {**profile["score"], "of": SCORES_OF.format(day=day)},
    }


def build_profile(X: pd.DataFrame, p: pd.Series) -> dict[str, Any]:
    """Distributions of all features and of the churn probability, JSON-able.

    Parameters
    ----------
    X : DataFrame of shape (n, features)
    p : Series of shape (n,)
        Churn probabilities.

    Returns
    -------
    dict
        `rows`, `features` (by name) and `score`, each as `profile_column` describes it; `score`
        also has `quantiles`, those of `score_quantiles`.
    """
    return {
        "rows": len(X),
        "features": {str(name): profile_column(X[name]) for name in X},
        "score": {
            "rows": len(p),
            **profile_column(p),
            "quantiles": score_quantiles(p.to_numpy()).tolist(),
        },
    }


def score_quantiles(p: Shares) -> Shares:
    """A hundred quantiles of churn probabilities.

    Parameters
    ----------
    p : ndarray of shape (n,)

    Returns
    -------
    ndarray of shape (100,)
        Empty where there is no row.
    """
    if not len(p):
        return np.array([])
    quantiles = np.quantile(p, _QUANTILES, method="inverted_cdf")
    return np.asarray(np.round(quantiles, _DIGITS))


def score_shift(then: Shares, now: Shares) -> float:
    """Mean absolute difference of the quantiles of churn probabilities, from 0 to 1.

    It is the Wasserstein distance: how many points a customer's chance moves, rank by rank. Unlike
    the PSI it says whether a shift matters: chances of .094 to .132 that move within that range
    give a large PSI and a shift of a point.

    Parameters
    ----------
    then, now : ndarray of shape (100,)
        From `score_quantiles`.

    Returns
    -------
    float
    """
    return float(np.abs(np.asarray(then) - np.asarray(now)).mean())


def profile_column(values: pd.Series) -> dict[str, Any]:
    """Distribution of one column.

    Parameters
    ----------
    values : Series of shape (n,)

    Returns
    -------
    dict
        `kind`; `null`, the share of nulls; `shares` of all rows, by category or by bin; for
        numbers `edges`, the upper ends of all bins but the last (nine, or fewer where values
        repeat).
    """
    null = round(float(values.isna().mean()), _DIGITS) if len(values) else 1.0
    present = values.dropna()
    if kind_of(values) == TEXT:
        counted = present.value_counts().sort_index() / max(1, len(values))
        shares = {str(name): round(float(fraction), _DIGITS) for name, fraction in counted.items()}
        return {"kind": TEXT, "null": null, "shares": shares}
    edges = bin_edges(present.to_numpy(dtype=float))
    counts = _count_in_bins(present.to_numpy(dtype=float), edges)
    shares_of = [round(float(fraction), _DIGITS) for fraction in counts / max(1, len(values))]
    return {"kind": NUMBER, "null": null, "edges": edges.tolist(), "shares": shares_of}


def bin_edges(present: Shares) -> Shares:
    """Deciles that are values of the data: rounding an interpolated one could move a row.

    Parameters
    ----------
    present : ndarray of shape (n,)
        Without nulls.

    Returns
    -------
    ndarray of at most 9, ascending
        The upper ends of all bins but the last.
    """
    if not len(present):
        return np.array([])
    return np.unique(np.quantile(present, _TENTHS, method="inverted_cdf"))


def _count_in_bins(present: Shares, edges: Shares) -> Shares:
    """Rows per bin; an edge belongs to the bin below it."""
    places = np.searchsorted(edges, present, side="left")
    return np.bincount(places, minlength=len(edges) + 1).astype(float)


def varies(column_profile: dict[str, Any]) -> bool:
    """Whether a profiled column had more than one value, null being one."""
    shares = column_profile["shares"]
    all_shares = shares.values() if column_profile["kind"] == TEXT else shares
    n_values = sum(value_share > 0 for value_share in [*all_shares, column_profile["null"]])
    return int(n_values) > 1


def kind_of(values: pd.Series) -> str:
    """NUMBER or TEXT, by the column's type: a column of nulls has one too."""
    return NUMBER if pd.api.types.is_numeric_dtype(values) else TEXT


def feature_drifts(reference: dict[str, Any], X: pd.DataFrame) -> list[Drift]:
    """Drift of each profiled feature of X, the largest first.

    Features that are constant in the reference are left out: no model can have used them.

    Parameters
    ----------
    reference : dict
        From `build_profile`.
    X : DataFrame of shape (n, features)

    Returns
    -------
    list of Drift
    """
    features, rows = reference["features"], reference["rows"]
    named = [name for name in X if name in features and _comparable(features[name], X[name])]
    drifts = [column_drift(str(name), features[name], rows, X[name]) for name in named]
    return sorted(drifts, key=lambda drift: (-drift.figure, drift.name))


def _comparable(column_profile: dict[str, Any], now: pd.Series) -> bool:
    return varies(column_profile) and column_profile["kind"] == kind_of(now)


def column_drift(name: str, column_profile: dict[str, Any], rows: int, now: pd.Series) -> Drift:
    """Drift of one column from its profile.

    Parameters
    ----------
    name : str
    column_profile : dict
        From `profile_column`.
    rows : int
        Rows that the profile was made of.
    now : Series of shape (n,)

    Returns
    -------
    Drift
    """
    dead = len(now) > 1 and now.nunique(dropna=False) < 2
    if column_profile["kind"] == TEXT:
        return _category_drift(
            name, column_profile, rows, now.astype("str").where(now.notna()), dead
        )
    then = reference_shares(column_profile)
    bins = shares_in_bins(column_profile, now)
    figure = float(psi(smoothed(then, rows), smoothed(bins, len(now))))
    return Drift(name, "psi", figure, _chance_limit(then, rows, len(now)), dead=dead)


def reference_shares(column_profile: dict[str, Any]) -> Shares:
    """Shares of a profiled column of numbers, shape (bins + 1,), null last."""
    return np.array([*column_profile["shares"], column_profile["null"]])


def shares_in_bins(column_profile: dict[str, Any], now: pd.Series) -> Shares:
    """Shares of a column of numbers in the bins of its profile, shape (bins + 1,), null last."""
    present = now.dropna().to_numpy(dtype=float)
    counts = np.append(
        _count_in_bins(present, np.array(column_profile["edges"])), len(now) - len(present)
    )
    return np.asarray(counts / max(1, len(now)))


def _category_drift(
    name: str, column_profile: dict[str, Any], rows: int, now: pd.Series, dead: bool
) -> Drift:
    then = column_profile["shares"] | {None: column_profile["null"]}
    unseen = int((now.notna() & ~now.isin(list(column_profile["shares"]))).sum())
    chance_of_psi = _chance_limit(np.array(list(then.values())), rows, len(now))
    chance = distance_of_psi(chance_of_psi)
    return Drift(name, "distance", distance(then, category_shares(now)), chance, unseen, dead)


def category_shares(values: pd.Series) -> dict[str | None, float]:
    """Shares of the categories of a column, null being one, by name.

    Parameters
    ----------
    values : Series of shape (n,)

    Returns
    -------
    dict
    """
    counted = values.value_counts(normalize=True, dropna=False)
    return {name if isinstance(name, str) else None: float(part) for name, part in counted.items()}


def distance(then: Mapping[str | None, float], now: Mapping[str | None, float]) -> float:
    """Jensen-Shannon distance (base 2) of two `category_shares`, from 0 to 1.

    Parameters
    ----------
    then, now : mapping
        Share by category.

    Returns
    -------
    float
    """
    names = list(dict.fromkeys([*then, *now]))
    both = [[shares.get(name, 0.0) for name in names] for shares in (then, now)]
    return float(np.nan_to_num(jensenshannon(*both, base=2)))


def smoothed(shares: Shares, rows: int) -> Shares:
    """Shares with half a row added to every bin: an empty one has no logarithm.

    Parameters
    ----------
    shares : ndarray of shape (..., bins)
    rows : int
        Rows that the shares are of.

    Returns
    -------
    ndarray of shape (..., bins)
    """
    counts = shares * rows + 0.5
    return np.asarray(counts / counts.sum(axis=-1, keepdims=True))


def psi(then: Shares, now: Shares) -> Shares:
    """Population stability index of `smoothed` shares.

    Parameters
    ----------
    then, now : ndarray of shape (..., bins)

    Returns
    -------
    ndarray of shape (...)
    """
    return np.asarray(((now - then) * np.log(now / then)).sum(axis=-1))


def distance_of_psi(figure: float) -> float:
    """The Jensen-Shannon distance that corresponds to a PSI, exact for small changes.

    Parameters
    ----------
    figure : float
        At least 0.

    Returns
    -------
    float
        At most 1.
    """
    return float(min(1.0, np.sqrt(figure / _PSI_PER_JSD)))


def _chance_limit(then: Shares, before: int, now: int) -> float:
    """Limit below which the PSI of two samples of one distribution stays, at CONFIDENCE.

    PSI / (1 / before + 1 / now) is asymptotically chi-squared with bins - 1 degrees of freedom.

    Returns
    -------
    float
    """
    degrees = max(1, int((then > 0).sum()) - 1)
    return float(chi2.ppf(CONFIDENCE, degrees)) * (1 / max(1, before) + 1 / max(1, now))
