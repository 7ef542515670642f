"""Calibration of predicted effects against those measured in groups of customers.

Groups are formed by predictions of customers whom the predicting model has not seen. What a group
shows beyond its prediction is kept in proportion to how much groups truly differ from their
predictions, which their own errors tell (empirical Bayes): few or noisy groups change nothing.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import isotonic_regression

from models.components.base import Floats, State

GROUPS = 10
MIN_ROWS = 200  # of a group


@dataclass(frozen=True)
class EffectCalibration:
    """A monotone map from predicted to calibrated effects, linear between groups."""

    predicted: Floats  # (groups,) ascending; empty: effects stay as they are
    calibrated: Floats  # (groups,)

    @classmethod
    def fit(cls, effect: Floats, scores: Floats, customer: NDArray[np.object_]) -> Self:
        """Compare out-of-fold effects with doubly robust scores.

        Parameters
        ----------
        effect : ndarray of shape (n,)
            Predicted for customers whom the model has not seen.
        scores : ndarray of shape (n,)
            Doubly robust scores of the effect, in the same unit.
        customer : ndarray of shape (n,)
            The errors of one customer's rows are added before they are squared.

        Returns
        -------
        EffectCalibration

        References
        ----------
        DerSimonian & Laird (1986), Meta-analysis in clinical trials: the variance between groups.
        """
        n_groups = min(GROUPS, len(effect) // MIN_ROWS)
        edges = np.unique(np.quantile(effect, np.arange(1, n_groups) / max(n_groups, 1)))
        group = np.searchsorted(edges, effect, side="right")
        _, group, size = np.unique(group, return_inverse=True, return_counts=True)
        if len(size) < 3:
            return cls(np.empty(0), np.empty(0))
        predicted = np.bincount(group, weights=effect) / size
        residual = scores - effect
        measured = np.bincount(group, weights=residual) / size
        error = _standard_errors(residual - measured[group], group, size, customer)
        variance = _between(measured, error)
        shift = measured * variance / (variance + error**2)
        if not variance > 0:
            return cls(np.empty(0), np.empty(0))
        return cls(
            predicted, np.asarray(isotonic_regression(predicted + shift, sample_weight=size))
        )

    def apply(self, effect: Floats) -> Floats:
        """Calibrated effects, shape (n,); beyond the outer groups their shift applies."""
        if not len(self.predicted):
            return effect
        shift = np.interp(effect, self.predicted, self.calibrated - self.predicted)
        return np.asarray(effect + shift)

    def state(self) -> State:
        """The map as JSON-able values."""
        return {"predicted": self.predicted.tolist(), "calibrated": self.calibrated.tolist()}

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The map that `state` describes."""
        return cls(np.array(state["predicted"]), np.array(state["calibrated"]))


def _standard_errors(
    residual: Floats, group: NDArray[np.intp], size: NDArray[np.intp], customer: NDArray[np.object_]
) -> Floats:
    """(groups,) standard error of each group's mean, clustered by customer."""
    _, who = np.unique(customer, return_inverse=True)
    (
        _,
        cell,
    ) = np.unique(who * len(size) + group, return_inverse=True)
    sums = np.bincount(cell, weights=residual)
    group_of_cell = np.zeros(len(sums), dtype=np.int64)
    group_of_cell[cell] = group
    return np.asarray(np.sqrt(np.bincount(group_of_cell, weights=sums**2)) / size)


def _between(measured: Floats, error: Floats) -> float:
    """Variance of the groups' true residuals, by the method of moments; 0 where noise explains."""
    weight = 1 / np.maximum(error, 1e-12) ** 2
    excess = (weight * measured**2).sum() - len(measured)
    return float(max(excess / weight.sum(), 0.0))
