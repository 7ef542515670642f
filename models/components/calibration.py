"""Logistic recalibration: a line, or a shift, of log-odds that matches observed outcomes."""

from scipy.special import expit

from models.components.base import Floats


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


def intercept_for_mean(log_odds: Floats, targets: Floats, weight: Floats) -> float:
    """The shift of log-odds for which the mean probability is that of the targets (bisection).

    Parameters
    ----------
    log_odds, targets, weight : ndarray of shape (n,)
        Targets are 0, 1 or a share between them; their mean lies inside (0, 1).

    Returns
    -------
    float
        Within +-40.
    """
    low, high = -40.0, 40.0
    for _ in range(100):
        middle = (low + high) / 2
        if (weight * (expit(log_odds + middle) - targets)).sum() < 0:
            low = middle
        else:
            high = middle
    return (low + high) / 2
