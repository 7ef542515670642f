"""Maximum likelihood over positive parameters, deterministic."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from scipy.optimize import minimize

from models.components.base import Floats

# Parameters (k,) to customers' terms of the log-likelihood (n,) and their gradient (k, n).
Terms = Callable[[Floats], tuple[Floats, Floats]]

_FIRST_PASS = {"maxiter": 15}
_FINAL_PASS = {"maxiter": 300, "ftol": 1e-12, "gtol": 1e-8}


def maximise(
    terms: Terms,
    weight: Floats,
    starts: Sequence[tuple[float, ...]],
    lower: Sequence[float],
    upper: float = 1e4,
) -> list[float]:
    """Parameters with the greatest weighted log-likelihood.

    L-BFGS-B with the exact gradient on the logarithms of the parameters: a few steps from every
    start, then from the best (of equals the first) until convergence. Bounds and the number of
    steps stop a likelihood that has no maximum.

    Parameters
    ----------
    terms : callable
        Parameters of shape (k,) to the customers' terms (n,) and their gradient (k, n).
    weight : ndarray of shape (n,)
        Row weights; their sum is positive.
    starts : sequence of tuples of length k
        Starting points.
    lower : sequence of length k
        Lower bounds, positive.
    upper : float
        Upper bound of every parameter.

    Returns
    -------
    list of float
        The k parameters, within their bounds.
    """
    row_share = weight / weight.sum()

    def loss(logs: Floats) -> tuple[float, Floats]:
        value, gradient = terms(np.exp(logs))
        # d/d(ln parameter) = parameter * d/d(parameter)
        return (
            -float((row_share * value).sum()),
            -(gradient * row_share).sum(axis=1) * np.exp(logs),
        )

    bounds = [(np.log(bound), np.log(upper)) for bound in lower]
    run = partial(minimize, loss, jac=True, method="L-BFGS-B", bounds=bounds)
    first_passes = [run(np.log(start), options=_FIRST_PASS) for start in starts]
    best = min(first_passes, key=lambda fit: float(fit.fun))
    solution: list[float] = np.exp(run(best.x, options=_FINAL_PASS).x).tolist()
    return solution
