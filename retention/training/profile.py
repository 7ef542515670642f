"""What the data looked like when the champion learnt, and how far it has moved since.

A number is put into tenths of the reference, with a bin of its own for null, and compared by the
population stability index: the sum of (now - then) ln(now / then) over the bins. A category is
compared by the Jensen-Shannon distance (base 2, from 0 to 1; Lin 1991), null being one of them.
"""

from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.spatial.distance import jensenshannon
from scipy.stats import chi2

NAME: Final = "profile"
"""The file beside the champion's models, profile.json."""

NUMBER, TEXT = "number", "text"
SURE: Final = 0.999
"""How rarely chance alone may move a distribution as far as is called drift."""

_TENTHS: Final = np.arange(1, 10) / 10
_DIGITS: Final = 6
_OF_PSI: Final = 8 * np.log(2)
"""For small moves the PSI is this times the squared Jensen-Shannon distance."""

Shares = NDArray[np.float64]


@dataclass(frozen=True)
class Drift:
    """How far one column moved. measure: `psi` or `distance`. chance: what chance alone may do.

    unseen: rows whose category the reference does not know. dead: nothing but one value, though
    the reference has more.
    """

    name: str
    measure: str
    figure: float
    chance: float
    unseen: int = 0
    dead: bool = False

    def over(self, limit: float | None) -> bool:
        """Whether it moved further than the limit, and than chance can explain."""
        return limit is not None and self.figure > max(limit, self.chance)


def profile(X: pd.DataFrame, p: pd.Series) -> dict[str, Any]:
    """The distribution of every feature, and of the chances of leaving, as JSON holds it."""
    return {
        "rows": len(X),
        "features": {str(name): column(X[name]) for name in X},
        "score": {"rows": len(p), **column(p)},
    }


def column(values: pd.Series) -> dict[str, Any]:
    """kind, the share of nulls, and the shares of all rows: by tenths of its numbers, or by word.

    edges: the upper ends of the bins but the last; fewer than nine where values repeat.
    """
    null = round(float(values.isna().mean()), _DIGITS) if len(values) else 1.0
    known = values.dropna()
    if kind_of(values) == TEXT:
        counted = known.value_counts().sort_index() / max(1, len(values))
        shares = {str(name): round(float(one), _DIGITS) for name, one in counted.items()}
        return {"kind": TEXT, "null": null, "shares": shares}
    edges = _edges(known.to_numpy(dtype=float))
    counts = _binned(known.to_numpy(dtype=float), edges)
    shares_of = [round(float(one), _DIGITS) for one in counts / max(1, len(values))]
    return {"kind": NUMBER, "null": null, "edges": edges.tolist(), "shares": shares_of}


def _edges(known: Shares) -> Shares:
    """Values of the data itself: between two of them rounding could put a row elsewhere."""
    if not len(known):
        return np.array([])
    return np.unique(np.quantile(known, _TENTHS, method="inverted_cdf"))


def _binned(known: Shares, edges: Shares) -> Shares:
    """Rows a bin; an edge belongs to the bin below it."""
    places = np.searchsorted(edges, known, side="left")
    return np.bincount(places, minlength=len(edges) + 1).astype(float)


def alive(told: dict[str, Any]) -> bool:
    """Whether a profiled column had more than one value."""
    shares = told["shares"].values() if told["kind"] == TEXT else told["shares"]
    return int(sum(one > 0 for one in [*shares, told["null"]])) > 1


def kind_of(values: pd.Series) -> str:
    """number or text; of a column of nulls it is what its type says."""
    return NUMBER if pd.api.types.is_numeric_dtype(values) else TEXT


def psi(reference: dict[str, Any], X: pd.DataFrame) -> list[Drift]:
    """How far each profiled feature of X moved, the furthest first.

    Features that say nothing in the reference are left out: no model can have learnt from them.
    """
    features, rows = reference["features"], reference["rows"]
    named = [name for name in X if name in features and _alike(features[name], X[name])]
    found = [drift(str(name), features[name], rows, X[name]) for name in named]
    return sorted(found, key=lambda one: (-one.figure, one.name))


def _alike(told: dict[str, Any], now: pd.Series) -> bool:
    return alive(told) and told["kind"] == kind_of(now)


def drift(name: str, told: dict[str, Any], rows: int, now: pd.Series) -> Drift:
    """How far one column moved from its profile, which was made of `rows` rows."""
    dead = len(now) > 1 and now.nunique(dropna=False) < 2
    if told["kind"] == TEXT:
        return _of_words(name, told, rows, now.astype("str").where(now.notna()), dead)
    then = reference_shares(told)
    bins = shares(told, now)
    figure = _psi(_positive(then, rows), _positive(bins, len(now)))
    return Drift(name, "psi", figure, _chance(then, rows, len(now)), dead=dead)


def reference_shares(told: dict[str, Any]) -> Shares:
    """The shares of a profiled column of numbers, null last."""
    return np.array([*told["shares"], told["null"]])


def shares(told: dict[str, Any], now: pd.Series) -> Shares:
    """The shares of a column of numbers in the bins of its profile, null last."""
    known = now.dropna().to_numpy(dtype=float)
    counts = np.append(_binned(known, np.array(told["edges"])), len(now) - len(known))
    return np.asarray(counts / max(1, len(now)))


def _of_words(name: str, told: dict[str, Any], rows: int, now: pd.Series, dead: bool) -> Drift:
    then = pd.Series(told["shares"] | {None: told["null"]}, dtype=float)
    seen = now.value_counts(normalize=True, dropna=False)
    seen.index = [None if pd.isna(one) else one for one in seen.index]
    both = pd.concat([then, seen], axis=1).fillna(0.0).to_numpy()
    unseen = int((now.notna() & ~now.isin(list(told["shares"]))).sum())
    chance = float(np.sqrt(_chance(then.to_numpy(), rows, len(now)) / _OF_PSI))
    distance = float(np.nan_to_num(jensenshannon(both[:, 0], both[:, 1], base=2)))
    return Drift(name, "distance", distance, chance, unseen, dead)


def _positive(given: Shares, rows: int) -> Shares:
    """Shares as if half a row more lay in every bin: an empty one has no logarithm."""
    counts = given * rows + 0.5
    return np.asarray(counts / counts.sum())


def _psi(then: Shares, now: Shares) -> float:
    return float(((now - then) * np.log(now / then)).sum())


def _chance(then: Shares, before: int, now: int) -> float:
    """What the PSI stays below in 999 of 1,000 samples of the reference itself (Yurdakul 2018)."""
    free = max(1, int((then > 0).sum()) - 1)
    return float(chi2.ppf(SURE, free)) * (1 / max(1, before) + 1 / max(1, now))
