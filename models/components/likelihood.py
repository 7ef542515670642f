"""Maximum likelihood over positive parameters, found the same way every time."""

from collections.abc import Callable, Sequence
from functools import partial

import numpy as np
from scipy.optimize import minimize

from models.components.base import Floats

# Parameters (k,) to customers' terms of the log-likelihood (n,) and their gradient (k, n).
Terms = Callable[[Floats], tuple[Floats, Floats]]

_LOOK = {"maxiter": 15}
_FINISH = {"maxiter": 300, "ftol": 1e-12, "gtol": 1e-8}


def maximise(
    terms: Terms,
    weight: Floats,
    starts: Sequence[tuple[float, ...]],
    least: Sequence[float],
    most: float = 1e4,
) -> list[float]:
    """The parameters, all in [least, most], of the greatest weighted log-likelihood.

    L-BFGS-B with the exact gradient on the logarithms of the parameters: a few steps from every
    start, then the best (the first of equals) to its end. Bounds and the count of steps stop a
    likelihood that rises for ever.
    """
    share = weight / weight.sum()

    def loss(logs: Floats) -> tuple[float, Floats]:
        value, gradient = terms(np.exp(logs))
        return -float((share * value).sum()), -(gradient * share).sum(axis=1) * np.exp(logs)

    bounds = [(np.log(low), np.log(most)) for low in least]
    run = partial(minimize, loss, jac=True, method="L-BFGS-B", bounds=bounds)
    looks = [run(np.log(start), options=_LOOK) for start in starts]
    best = min(looks, key=lambda look: float(look.fun))
    found: list[float] = np.exp(run(best.x, options=_FINISH).x).tolist()
    return found
