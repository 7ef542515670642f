"""Calibrators: from a raw score in [0, 1] to a probability that matches observed frequencies."""

from typing import ClassVar, Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit
from sklearn.isotonic import IsotonicRegression

from models.components.base import Floats, State, log_odds, validate_weights


def logistic_line(
    x: Floats, y: Floats, weight: Floats, steps: int = 50
) -> tuple[float, float] | None:
    """Maximum likelihood fit of ln(p / (1 - p)) = intercept + slope * x by Newton's method.

    Plain sums, no BLAS: the same bits on any machine.

    Parameters
    ----------
    x, weight : ndarray of shape (n,)
        Regressor and row weights.
    y : ndarray of shape (n,)
        0, 1 or a share between them.
    steps : int
        Iterations after which there is taken to be no maximum.

    Returns
    -------
    tuple of float or None
        Intercept and slope; None where no maximum exists (one class, x constant, or classes that
        x separates), recognised by steps that do not converge.
    """
    intercept, slope = 0.0, 0.0
    for _ in range(steps):
        step = _newton_step(x, y, weight, expit(intercept + slope * x))
        if step is None:
            return None
        intercept, slope = intercept + step[0], slope + step[1]
        if max(abs(step[0]), abs(step[1])) < 1e-9:
            return intercept, slope
    return None


def _newton_step(x: Floats, y: Floats, weight: Floats, p: Floats) -> tuple[float, float] | None:
    """The Newton step, each part clipped to 5; None where the likelihood is flat."""
    curve, miss = weight * p * (1 - p), weight * (y - p)
    a, b, c = float(curve.sum()), float((curve * x).sum()), float((curve * x * x).sum())
    u, v = float(miss.sum()), float((miss * x).sum())
    determinant = a * c - b * b
    if not determinant > 1e-12 * a * c or a < 1e-9 * float(weight.sum()):
        return None
    return _clip_step((c * u - b * v) / determinant), _clip_step((a * v - b * u) / determinant)


def _clip_step(step: float) -> float:
    return min(max(step, -5.0), 5.0)


class Calibrator:
    """Base of the calibrators; fitted on rows that no model was fitted on."""

    name: ClassVar[str]

    def fit(self, p: ArrayLike, y: ArrayLike, weight: ArrayLike | None = None) -> Self:
        """Fit the calibrator.

        Parameters
        ----------
        p : array-like of shape (n,)
            Raw probabilities.
        y : array-like of shape (n,)
            1 churned, 0 stayed.
        weight : array-like of shape (n,), optional
            Row weights; ones by default.

        Returns
        -------
        The calibrator itself.

        Raises
        ------
        ValueError
            If lengths differ, there is no row, or a number is out of its range.
        """
        raw, churned = np.asarray(p, dtype=float), np.asarray(y, dtype=float)
        if raw.shape != churned.shape or raw.ndim != 1 or len(raw) == 0:
            raise ValueError("p and y must be one number a row, and rows there must be")
        if not ((raw >= 0) & (raw <= 1)).all() or not np.isin(churned, (0.0, 1.0)).all():
            raise ValueError("p must lie in [0, 1] and y be 0 or 1")
        self._fit(raw, churned, validate_weights(weight, len(raw)))
        return self

    def _fit(self, p: Floats, y: Floats, weight: Floats) -> None:
        """Fit to checked rows."""

    def predict(self, p: ArrayLike) -> Floats:
        """Calibrated probabilities.

        Parameters
        ----------
        p : array-like of shape (n,)
            Raw probabilities.

        Returns
        -------
        ndarray of shape (n,)
            In [0, 1], non-decreasing in p.
        """
        return np.asarray(p, dtype=float).copy()

    def state(self) -> State:
        """JSON-able values; `restore_calibrator` is the inverse."""
        return {"name": self.name, **vars(self)}

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The calibrator of this class whose `state` this was."""
        calibrator = cls()
        vars(calibrator).update({key: value for key, value in state.items() if key != "name"})
        return calibrator


class Identity(Calibrator):
    """Leaves p unchanged."""

    name = "identity"


class Platt(Calibrator):
    """p' = 1 / (1 + exp(-(intercept + slope ln(p / (1 - p))))).

    Fitted to Platt's targets (n1 + 1) / (n1 + 2) and 1 / (n0 + 2), so that separable classes
    have a maximum too; the logit is clipped to [-12, 12]. A slope that is not positive would
    reverse the ranking: then the slope stays 1 and only the intercept is fitted.

    References
    ----------
    Platt (1999), Probabilistic outputs for support vector machines and comparisons to regularized
    likelihood methods.
    """

    name = "platt"

    def __init__(self) -> None:
        self.intercept, self.slope = 0.0, 1.0

    def _fit(self, p: Floats, y: Floats, weight: Floats) -> None:
        churned, stayed = float((weight * y).sum()), float((weight * (1 - y)).sum())
        targets = np.where(y == 1, (churned + 1) / (churned + 2), 1 / (stayed + 2))
        line = logistic_line(_logit(p), targets, weight)
        if line is None or line[1] <= 0:
            self.intercept, self.slope = _intercept_for_mean(_logit(p), targets, weight), 1.0
        else:
            self.intercept, self.slope = line

    def predict(self, p: ArrayLike) -> Floats:
        """Calibrated probabilities, shape (n,)."""
        return np.asarray(expit(self.intercept + self.slope * _logit(np.asarray(p, dtype=float))))


class Isotonic(Calibrator):
    """Isotonic regression of y on p, interpolated between its steps.

    Limited to [1 / (n + 2), 1 - 1 / (n + 2)]: n rows are no evidence of certainty.

    References
    ----------
    Zadrozny & Elkan (2002), Transforming classifier scores into accurate multiclass probability
    estimates, KDD.
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
        """Calibrated probabilities, shape (n,)."""
        return np.asarray(np.interp(np.asarray(p, dtype=float), self.raw, self.calibrated))


CALIBRATORS: dict[str, type[Calibrator]] = {
    calibrator.name: calibrator for calibrator in (Identity, Platt, Isotonic)
}


def restore_calibrator(state: State) -> Calibrator:
    """The calibrator of any class whose `state` this was; KeyError where there is none."""
    return CALIBRATORS[state["name"]].from_state(state)


def _logit(p: Floats) -> Floats:
    return np.clip(log_odds(p), -12, 12)


def _intercept_for_mean(logit: Floats, targets: Floats, weight: Floats) -> float:
    """The intercept at slope 1 for which the mean of p equals that of the targets (bisection)."""
    low, high = -40.0, 40.0
    for _ in range(100):
        middle = (low + high) / 2
        if (weight * (expit(logit + middle) - targets)).sum() < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
