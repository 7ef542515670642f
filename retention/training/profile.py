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
UNSEEN: Final = "of a model that had not seen the snapshot of {day}"
SEEN_IN_TRAINING: Final = "of the model itself on the snapshot of {day}, which it learnt from"

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


def reference_profile(
    features: pa.Table, test_scores: pa.Table, scorer: Scorer, day: dt.date
) -> dict[str, Any]:
    """`build_profile` of the whole cohort at the newest snapshot that the scorer was fitted on.

    One snapshot and not all of them: windows fill up and seasons turn, so a year's mixture is
    like none of its days. The whole cohort and not the fitted rows: customers whom a list had
    contacted are left out of those, and they are the likeliest to churn. Where the test
    predictions lack a customer, the final scorer's probability is used.

    Parameters
    ----------
    features : Table
        One row per customer and snapshot.
    test_scores : Table
        customer_id, snapshot_on and churn_probability on the test snapshot.
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
    X, ids = feature_table.matrix(table), table["customer_id"].to_pandas()
    on_day = test_scores.filter(pc.equal(test_scores["snapshot_on"], pa.scalar(day))).to_pandas()
    unseen = ids.map(on_day.set_index("customer_id")["churn_probability"]).to_numpy(dtype=float)
    p = np.where(np.isnan(unseen), scorer.probability(X), unseen)
    origin = (UNSEEN if len(on_day) else SEEN_IN_TRAINING).format(day=day)
    profile = build_profile(X, pd.Series(p))
    return {**profile, "on": str(day), "score": {**profile["score"], "of": origin}}


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
        `rows`, `features` (by name) and `score`, each as `profile_column` describes it.
    """
    return {
        "rows": len(X),
        "features": {str(name): profile_column(X[name]) for name in X},
        "score": {"rows": len(p), **profile_column(p)},
    }


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
    edges = _edges(present.to_numpy(dtype=float))
    counts = _count_in_bins(present.to_numpy(dtype=float), edges)
    shares_of = [round(float(fraction), _DIGITS) for fraction in counts / max(1, len(values))]
    return {"kind": NUMBER, "null": null, "edges": edges.tolist(), "shares": shares_of}


def _edges(present: Shares) -> Shares:
    """Deciles that are values of the data: rounding an interpolated one could move a row."""
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
    figure = _psi(_smoothed(then, rows), _smoothed(bins, len(now)))
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
    then = pd.Series(column_profile["shares"] | {None: column_profile["null"]}, dtype=float)
    shares_now = now.value_counts(normalize=True, dropna=False)
    shares_now.index = [None if pd.isna(category) else category for category in shares_now.index]
    both = pd.concat([then, shares_now], axis=1).fillna(0.0).to_numpy()
    unseen = int((now.notna() & ~now.isin(list(column_profile["shares"]))).sum())
    chance = float(np.sqrt(_chance_limit(then.to_numpy(), rows, len(now)) / _PSI_PER_JSD))
    distance = float(np.nan_to_num(jensenshannon(both[:, 0], both[:, 1], base=2)))
    return Drift(name, "distance", distance, chance, unseen, dead)


def _smoothed(shares: Shares, rows: int) -> Shares:
    """Shares with half a row added to every bin: an empty one has no logarithm."""
    counts = shares * rows + 0.5
    return np.asarray(counts / counts.sum())


def _psi(then: Shares, now: Shares) -> float:
    return float(((now - then) * np.log(now / then)).sum())


def _chance_limit(then: Shares, before: int, now: int) -> float:
    """Limit below which the PSI of two samples of one distribution stays, at CONFIDENCE.

    PSI / (1 / before + 1 / now) is asymptotically chi-squared with bins - 1 degrees of freedom.

    Returns
    -------
    float
    """
    degrees = max(1, int((then > 0).sum()) - 1)
    return float(chi2.ppf(CONFIDENCE, degrees)) * (1 / max(1, before) + 1 / max(1, now))
