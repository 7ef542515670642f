"""Calibrators: raw probability to a probability that can be read as a share of customers."""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression

from models.components.base import Floats, State, log_odds, weights


def logistic_line(
    x: Floats, y: Floats, weight: Floats, steps: int = 50
) -> tuple[float, float] | None:
    """(intercept, slope) of ln(p / (1 - p)) = intercept + slope * x by maximum likelihood.

    Newton's method on (n,) rows; y may be a share in [0, 1]. None when there is no maximum (one
    class, x constant, or classes that x separates), seen by steps that do not come to rest.
    """
    intercept, slope = 0.0, 0.0
    for _ in range(steps):
        step = _newton(x, y, weight, expit(intercept + slope * x))
        if step is None:
            return None
        intercept, slope = intercept + step[0], slope + step[1]
        if max(abs(step[0]), abs(step[1])) < 1e-9:
            return intercept, slope
    return None


def _newton(x: Floats, y: Floats, weight: Floats, p: Floats) -> tuple[float, float] | None:
    """The step, each part at most 5; None where the likelihood is flat. Plain sums: no BLAS."""
    curve, miss = weight * p * (1 - p), weight * (y - p)
    a, b, c = float(curve.sum()), float((curve * x).sum()), float((curve * x * x).sum())
    u, v = float(miss.sum()), float((miss * x).sum())
    determinant = a * c - b * b
    if not determinant > 1e-12 * a * c or a < 1e-9 * float(weight.sum()):
        return None
    return _at_most_5((c * u - b * v) / determinant), _at_most_5((a * v - b * u) / determinant)


def _at_most_5(step: float) -> float:
    return min(max(step, -5.0), 5.0)


class Calibrator:
    """`fit(p, y)` on rows no model was fitted on; `predict(p)`; `state` as of the models."""

    name: ClassVar[str]

    def fit(self, p: ArrayLike, y: ArrayLike, weight: ArrayLike | None = None) -> Self:
        """Learn from raw probabilities (n,), outcomes 0/1 (n,) and row weights (n,)."""
        raw, churned = np.asarray(p, dtype=float), np.asarray(y, dtype=float)
        if raw.shape != churned.shape or raw.ndim != 1 or len(raw) == 0:
            raise ValueError("p and y must be one number a row, and rows there must be")
        if not ((raw >= 0) & (raw <= 1)).all() or not np.isin(churned, (0.0, 1.0)).all():
            raise ValueError("p must lie in [0, 1] and y be 0 or 1")
        self._fit(raw, churned, weights(weight, len(raw)))
        return self

    def _fit(self, p: Floats, y: Floats, weight: Floats) -> None:
        """Learn from checked rows."""

    def predict(self, p: ArrayLike) -> Floats:
        """(n,) calibrated probabilities in [0, 1], in the order of p or tied."""
        return np.asarray(p, dtype=float).copy()

    def state(self) -> State:
        """JSON-able; `restore` is the inverse."""
        return {"name": self.name, **vars(self)}

    @classmethod
    def from_state(cls, state: State) -> Self:
        calibrator = cls()
        vars(calibrator).update({key: value for key, value in state.items() if key != "name"})
        return calibrator


class Identity(Calibrator):
    """p as it is."""

    name = "identity"


class Platt(Calibrator):
    """p' = 1 / (1 + exp(-(intercept + slope ln(p / (1 - p))))) (Platt 1999).

    Fitted to Platt's targets (n1 + 1) / (n1 + 2) and 1 / (n0 + 2), so that separable classes
    have a maximum too; the logit is clipped at |12|. A slope that is not positive would turn the
    order round: then only the intercept is kept, the slope stays 1.
    """

    name = "platt"

    def __init__(self) -> None:
        self.intercept, self.slope = 0.0, 1.0

    def _fit(self, p: Floats, y: Floats, weight: Floats) -> None:
        churned, kept = float((weight * y).sum()), float((weight * (1 - y)).sum())
        targets = np.where(y == 1, (churned + 1) / (churned + 2), 1 / (kept + 2))
        line = logistic_line(_logit(p), targets, weight)
        if line is None or line[1] <= 0:
            self.intercept, self.slope = _shift(_logit(p), targets, weight), 1.0
        else:
            self.intercept, self.slope = line

    def predict(self, p: ArrayLike) -> Floats:
        return np.asarray(expit(self.intercept + self.slope * _logit(np.asarray(p, dtype=float))))


class Isotonic(Calibrator):
    """The closest non-decreasing steps, joined by lines (Zadrozny & Elkan 2002).

    Kept inside [1 / (n + 2), 1 - 1 / (n + 2)]: no customer is certain after n rows.
    """

    name = "isotonic"

    def __init__(self) -> None:
        self.raw: list[float] = [0.0, 1.0]
        self.calibrated: list[float] = [0.0, 1.0]

    def _fit(self, p: Floats, y: Floats, weight: Floats) -> None:
        margin = 1 / (len(p) + 2)
        steps = IsotonicRegression(y_min=margin, y_max=1 - margin).fit(p, y, sample_weight=weight)
        self.raw = steps.X_thresholds_.tolist()
        self.calibrated = steps.y_thresholds_.tolist()

    def predict(self, p: ArrayLike) -> Floats:
        return np.asarray(np.interp(np.asarray(p, dtype=float), self.raw, self.calibrated))


CALIBRATORS: dict[str, type[Calibrator]] = {one.name: one for one in (Identity, Platt, Isotonic)}


def restore(state: State) -> Calibrator:
    """The calibrator whose `state` this was."""
    return CALIBRATORS[state["name"]].from_state(state)


def _logit(p: Floats) -> Floats:
    return np.clip(log_odds(p), -12, 12)


def _shift(logit: Floats, targets: Floats, weight: Floats) -> float:
    """The intercept that makes the mean right while the slope is 1."""
    low, high = -40.0, 40.0
    for _ in range(100):
        middle = (low + high) / 2
        if (weight * (expit(logit + middle) - targets)).sum() < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
