"""Choosing the columns that modify the effect of a contact, by data alone.

A column's values are cut into groups; the effect is tested for a trend over the groups and for any
difference between them. A column is kept where its p-value is small with most folds of customers
left out in turn, so that no few customers decide.
"""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.stats import chi2

from models.components.base import Floats

GROUPS = 10  # of the values of a column, besides that of missing ones
MAX_LEVELS = 12  # of a text column; rarer ones are together


@dataclass(frozen=True)
class ColumnGroups:
    """The cuts of one column; group 0 is of missing values (of text: of rare levels too)."""

    edges: list[float]  # upper edges of all groups but the last
    levels: list[str] | None  # of text, in the order of groups 1, 2, ...

    @classmethod
    def fit(cls, values: pd.Series) -> Self:
        """Cut at quantiles; of text, the most frequent levels."""
        if not pd.api.types.is_numeric_dtype(values):
            counts = values.astype(object).map(str, na_action="ignore").value_counts()
            frequent = sorted(counts.index, key=lambda level: (-counts[level], level))
            return cls([], sorted(frequent[:MAX_LEVELS]))
        numbers = values.to_numpy(dtype=float, na_value=np.nan)
        finite = numbers[np.isfinite(numbers)]
        if not len(finite):
            return cls([], None)
        quantiles = np.quantile(finite, np.arange(1, GROUPS) / GROUPS, method="lower")
        edges = np.unique(quantiles)
        return cls([float(edge) for edge in edges if edge < finite.max()], None)

    def codes(self, values: pd.Series) -> NDArray[np.int64]:
        """(n,) group of each value."""
        if self.levels is not None:
            place = {level: i + 1 for i, level in enumerate(self.levels)}
            text = values.astype(object).map(str, na_action="ignore")
            return np.asarray(text.map(place).fillna(0), dtype=np.int64)
        numbers = values.to_numpy(dtype=float, na_value=np.nan)
        code = 1 + np.searchsorted(np.asarray(self.edges), numbers, side="left")
        return np.asarray(np.where(np.isnan(numbers), 0, code), dtype=np.int64)

    @property
    def n(self) -> int:
        """Number of groups."""
        return 1 + (len(self.levels) if self.levels is not None else len(self.edges) + 1)


@dataclass(frozen=True)
class GroupSums:
    """Sums of score and information by column, fold and group."""

    slope: Floats  # (columns, folds, groups)
    curvature: Floats  # likewise
    is_ordered: NDArray[np.bool_]  # (columns,)

    @classmethod
    def from_rows(
        cls,
        groups: list[ColumnGroups],
        codes: NDArray[np.int64],
        fold: NDArray[np.int64],
        slope: Floats,
        curvature: Floats,
    ) -> Self:
        """Sum over n rows; codes are (n, columns)."""
        width, n_folds = max(group.n for group in groups), int(fold.max()) + 1
        shape = (len(groups), n_folds, width)
        sums = np.zeros((2, *shape))
        for j in range(len(groups)):
            cell = fold * width + codes[:, j]
            for part, values in enumerate((slope, curvature)):
                counts = np.bincount(cell, weights=values, minlength=n_folds * width)
                sums[part, j] = counts.reshape(n_folds, width)
        return cls(sums[0], sums[1], np.array([group.levels is None for group in groups]))

    def p_values(self, folds: list[int]) -> Floats:
        """(columns,) p-value of a trend or any difference of the effect, on these folds."""
        g, h = self.slope[:, folds].sum(axis=1), self.curvature[:, folds].sum(axis=1)
        total = h.sum(axis=1, keepdims=True)
        common = g.sum(axis=1, keepdims=True) / np.maximum(total, 1e-300)
        g = g - common * h  # scores at the common effect
        with np.errstate(divide="ignore", invalid="ignore"):
            between = np.where(h > 0, g**2 / np.where(h > 0, h, 1), 0.0).sum(axis=1)
        freedom = np.maximum((h > 0).sum(axis=1) - 1, 0)
        any_difference = np.where(freedom > 0, chi2.sf(between, np.maximum(freedom, 1)), 1.0)
        rank = np.arange(g.shape[1], dtype=float)[None, :] * np.ones_like(g)
        information = np.where(rank > 0, h, 0.0)
        weight = information.sum(axis=1, keepdims=True)
        centred = rank - (information * rank).sum(axis=1, keepdims=True) / np.maximum(
            weight, 1e-300
        )
        centred[:, 0] = 0.0
        variance = (centred**2 * h).sum(axis=1)
        trend = (centred * g).sum(axis=1) ** 2 / np.maximum(variance, 1e-300)
        has_trend = self.is_ordered & (variance > 0)
        one_trend = np.where(has_trend, chi2.sf(trend, 1), 1.0)
        return np.asarray(np.minimum(2 * np.minimum(any_difference, one_trend), 1.0))


def stable_columns(sums: GroupSums, folds: list[int], level: float, maximum: int) -> list[int]:
    """Columns over whose groups the effect differs, with most of the folds left out in turn.

    Parameters
    ----------
    sums : GroupSums
    folds : list of int
        Those that may be read.
    level : float
        Greatest p-value; the median over the folds left out counts.
    maximum : int
        Of the columns that pass, those with the lowest p-values are kept.

    Returns
    -------
    list of int
        Positions of columns, ascending.
    """
    subsets = [[other for other in folds if other != fold] for fold in folds]
    p = np.median([sums.p_values(subset) for subset in subsets], axis=0)
    order = [int(j) for j in np.argsort(p, kind="stable")[:maximum] if p[j] <= level]
    return sorted(order)


def design_matrix(groups: list[ColumnGroups], codes: NDArray[np.int64]) -> Floats:
    """Columns of unit order: the group's rank in -1..1 and missing; of text, one per level.

    Parameters
    ----------
    groups : list of ColumnGroups
    codes : ndarray of int, shape (n, columns)

    Returns
    -------
    ndarray of shape (n, k)
    """
    parts: list[Any] = []
    for j, group in enumerate(groups):
        code = codes[:, j]
        if group.levels is not None:
            parts += [(code == i).astype(float) for i in range(group.n)]
            continue
        middle, half = group.n / 2, max((group.n - 2) / 2, 0.5)  # of groups 1 to n - 1
        parts.append(np.where(code == 0, 0.0, (code - middle) / half))
        parts.append((code == 0).astype(float))
    return np.column_stack(parts) if parts else np.empty((len(codes), 0))
