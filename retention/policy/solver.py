"""The greatest gain within limits, proven to the cent, by integer programming (HiGHS).

Prices on the limits, the duals of the linear relaxation, bound what any choice can gain:
prices . limits + the sum over customers of their best (gain - prices . use), or 0. A choice that
contains an option which lies `below` its customer's best gains at least that much less than the
bound. So those near their best are solved, and more of them until none that is left out could be
in a better choice: a Lagrangian bound and a core problem, as for knapsacks (Kellerer, Pferschy &
Pisinger 2004).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy import sparse
from scipy.optimize import Bounds, LinearConstraint, linprog, milp

Ints = NDArray[np.int64]
Floats = NDArray[np.float64]
Bools = NDArray[np.bool_]
_SLACK: Final = 1e-3  # cents: far above the noise of floats, far below what could count


@dataclass(frozen=True)
class Problem:
    """gain (n,) cents, above 0; use (limits, n); most (limits,); customer (n,) codes from 0."""

    gain: Ints
    use: Ints
    most: Ints
    customer: Ints

    def of(self, core: Bools) -> "Problem":
        codes = np.unique(self.customer[core], return_inverse=True)[1]
        return Problem(self.gain[core], self.use[:, core], self.most, codes.astype(np.int64))

    def limits(self) -> tuple[sparse.csr_array, Floats]:
        """(a, b) of a x <= b: the limits, then at most one option a customer."""
        at = np.arange(len(self.gain))
        many = int(self.customer.max()) + 1
        once = sparse.csr_array((np.ones(len(at)), (self.customer, at)), shape=(many, len(at)))
        every = sparse.vstack([sparse.csr_array(self.use.astype(float)), once], format="csr")
        return every, np.concatenate([self.most, np.ones(many)]).astype(float)

    def kept(self, chosen: Bools) -> bool:
        """Whether a choice keeps to the limits, counted in whole numbers."""
        within = (self.use[:, chosen].sum(axis=1) <= self.most).all()
        return bool(within and (np.bincount(self.customer[chosen]) <= 1).all())


def solved(problem: Problem, core: Bools) -> tuple[Bools, Bools]:
    """(n,) which options are chosen, and the core from which the limits were priced.

    core: (n,) the options to begin with, at least one. RuntimeError: the solver failed.
    """
    price, core = _priced(problem, core)
    apart = problem.gain - price @ problem.use
    top = _best(problem, apart)
    bound = price @ problem.most + _once_a_customer(problem, top)
    below = top - apart
    near = below <= _SLACK
    while True:
        chosen = _integral(problem, near)
        spare = bound + _SLACK - problem.gain[chosen].sum() - 1
        better = ~near & (below <= spare)
        if not better.any():
            return chosen, core
        near = near | better


def _priced(problem: Problem, core: Bools) -> tuple[Floats, Bools]:
    """(limits,) prices that are those of all options, and the core that was enough for them."""
    while True:
        price = _prices(problem.of(core))
        apart = problem.gain - price @ problem.use
        missing = ~core & (apart > _best(problem, apart, core) + _SLACK)
        if not missing.any():
            return price, core
        core = core | missing


def _best(problem: Problem, apart: Floats, core: Bools | None = None) -> Floats:
    """(n,) of each option's customer the best that an option (of the core) brings, at least 0."""
    best = np.zeros(int(problem.customer.max()) + 1)
    rows = slice(None) if core is None else core
    np.maximum.at(best, problem.customer[rows], apart[rows])
    return np.asarray(best[problem.customer])


def _once_a_customer(problem: Problem, of_customers: Floats) -> float:
    first = np.unique(problem.customer, return_index=True)[1]
    return float(of_customers[first].sum())


def _prices(problem: Problem) -> Floats:
    """(limits,) what one more of each limit would gain were customers divisible."""
    a, b = problem.limits()
    told = linprog(-problem.gain.astype(float), A_ub=a, b_ub=b, bounds=(0, None), method="highs-ds")
    if not told.success:
        raise RuntimeError(f"the choice could not be priced: {told.message}")
    duals: Floats = -told.ineqlin.marginals[: len(problem.most)]
    return np.maximum(duals, 0.0)


def _integral(problem: Problem, core: Bools) -> Bools:
    """(n,) the best choice from the core."""
    if not core.any():
        return core
    inner = problem.of(core)
    a, b = inner.limits()
    told = milp(
        -inner.gain.astype(float),
        integrality=np.ones(len(inner.gain)),
        bounds=Bounds(0, 1),
        constraints=LinearConstraint(a, -np.inf, b),
        options={"mip_rel_gap": 0.0},
    )
    if told.x is None:
        raise RuntimeError(f"the choice could not be solved: {told.message}")
    chosen = np.zeros(len(core), dtype=bool)
    chosen[np.flatnonzero(core)[told.x > 0.5]] = True
    if not problem.kept(chosen):
        raise RuntimeError("the choice does not keep to its limits")
    return chosen
