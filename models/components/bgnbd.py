"""BG/NBD: purchase rate and dropout of customers without a contract.

Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24(2).
A customer is x (repeat purchases), t_x (time of the last since the first) and T (time since the
first), in one unit of time; all functions take arrays (n,).
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import betaincinv, betaln, expit, gammaln, log_expit, psi, roots_legendre

from models.components.base import Floats, validate_weights
from models.components.likelihood import maximise

# (r, alpha / mean T, a, b)
_LOWER_BOUNDS = (1e-4, 1e-4, 1e-4, 1e-4)
_STARTS = ((1.0, 1.0, 1.0, 1.0), (0.3, 0.2, 0.8, 2.5), (3.0, 0.5, 0.1, 1.0))

# Of the quadrature over the dropout probability
_STEP = 0.3  # in log-odds; in standard deviations where the density is narrower than 1
_CUTOFF = 36.0  # the integrand is cut off where it is below exp(-_CUTOFF) of its largest value
_NEWTON_STEPS = 12
_BLOCK = 2**20  # numbers held at a time
_QUANTILES = 64  # of the dropout probability, at which a gap is averaged


def _validate(x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> tuple[Floats, Floats, Floats]:
    counts, last, age = (np.asarray(array, dtype=float) for array in (x, t_x, T))
    if not counts.shape == last.shape == age.shape or counts.ndim != 1:
        raise ValueError("x, t_x and T must be one number a customer")
    if not ((counts >= 0) & (last >= 0) & (last <= age) & np.isfinite(age)).all():
        raise ValueError("a customer needs x >= 0 and 0 <= t_x <= T")
    return counts, last, age


@dataclass(frozen=True)
class BGNBD:
    """The fitted model.

    Purchases while alive are Poisson(lambda), lambda ~ Gamma(r, rate alpha); after each the
    customer drops out with probability p ~ Beta(a, b).
    """

    r: float
    alpha: float  # in units of time
    a: float
    b: float

    @classmethod
    def fit(
        cls, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, weight: ArrayLike | None = None
    ) -> Self:
        """Fit by maximum likelihood; deterministic.

        Time is divided by the mean T, so that alpha is of the size of the other parameters.

        Parameters
        ----------
        x, t_x, T : array-like of shape (n,)
            Repeat purchases, and times since the first purchase in one unit.
        weight : array-like of shape (n,), optional
            Row weights.

        Returns
        -------
        BGNBD

        Raises
        ------
        ValueError
            If no customer has T > 0, or 0 <= t_x <= T does not hold.
        """
        counts, last, age = _validate(x, t_x, T)
        if len(counts) == 0 or age.max() <= 0:
            raise ValueError("BG/NBD needs customers with time since their first purchase")
        unit, row_weight = float(age.mean()), validate_weights(weight, len(counts))
        r, alpha, a, b = maximise(
            lambda parameters: _log_likelihood_terms(parameters, counts, last / unit, age / unit),
            row_weight,
            _STARTS,
            _LOWER_BOUNDS,
        )
        return cls(r, alpha * unit, a, b)

    @classmethod
    def fit_histories(cls, histories: pd.DataFrame | None) -> Self | None:
        """Fit to counts of customers by their history; None where there are none.

        Parameters
        ----------
        histories : DataFrame of shape (m, any number of columns), optional
            `repeats`, `last` and `age` (x, t_x and T in days), and `customers` with this history.

        Returns
        -------
        BGNBD or None
        """
        if histories is None or not len(histories) or histories["age"].max() <= 0:
            return None
        x, t_x, T = histories[["repeats", "last", "age"]].to_numpy(dtype=float).T
        return cls.fit(x, t_x, T, histories["customers"].to_numpy(dtype=float))

    def log_likelihood(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:
        """Terms of the log-likelihood, ndarray of shape (n,) (equation 6)."""
        parameters = np.array([self.r, self.alpha, self.a, self.b])
        return _log_likelihood_terms(parameters, *_validate(x, t_x, T))[0]

    def p_alive(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike) -> Floats:
        """Probability of being alive at T.

        1 / (1 + a / (b + x - 1) ((alpha + T) / (alpha + t_x))^(r + x)) for x > 0; 1 for x = 0 by
        construction, so do not rank one-time buyers by it.

        Parameters
        ----------
        x, t_x, T : array-like of shape (n,)

        Returns
        -------
        ndarray of shape (n,)
            P(alive at T).

        References
        ----------
        Fader, Hardie & Lee (2008), Computing P(alive) Using the BG/NBD Model.
        """
        return np.asarray(expit(-self._log_odds_dead(*_validate(x, t_x, T))))

    def _log_odds_dead(self, x: Floats, t_x: Floats, T: Floats) -> Floats:
        """ln(P(dead at T) / P(alive at T)); -inf for x = 0."""
        some = np.where(x > 0, x, 1.0)
        dead = np.log(self.a) - np.log(self.b + (some - 1))
        dead = dead + (self.r + some) * np.log1p((T - t_x) / (self.alpha + t_x))
        return np.where(x > 0, dead, -np.inf)

    def p_silent(
        self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, t: float, gap: float = 0.0
    ) -> Floats:
        """Probability of no purchase in (T + gap, T + gap + t].

        P(dead) + P(alive) ((alpha + T) / (alpha + T + t))^(r + x) without a gap: while alive
        lambda ~ Gamma(r + x, alpha + T), so the power is P(no purchase | alive). It ranks
        one-time buyers too, unlike P(alive). Purchases in a gap are no answer, and after each of
        them the customer may drop out: see `_p_returns_after`.

        Parameters
        ----------
        x, t_x, T : array-like of shape (n,)
        t, gap : float
            Length of the period, and of the time before it begins, in the unit of T.

        Returns
        -------
        ndarray of shape (n,)
            P(no purchase in (T + gap, T + gap + t]).
        """
        counts, last, age = _validate(x, t_x, T)
        dead = self._log_odds_dead(counts, last, age)
        if gap:
            returns = self._p_returns_after(counts, age, t, gap)
            return np.asarray(expit(dead) + expit(-dead) * (1 - returns))
        stops = (self.r + counts) * np.log1p(t / (self.alpha + age))
        return np.asarray(np.minimum(expit(dead) + np.exp(log_expit(-dead) - stops), 1.0))

    def _p_returns_after(self, x: Floats, T: Floats, t: float, gap: float) -> Floats:
        """P(a purchase in (T + gap, T + gap + t]) of a customer who is alive at T.

        Of rate lambda and dropout p it is exp(-lambda p gap) (1 - exp(-lambda t)): alive after
        the gap, and a purchase thereafter. lambda ~ Gamma(r + x, alpha + T) is integrated out in
        closed form, p ~ Beta(a, b + x) by Gauss-Legendre on its quantiles, bounded and monotone.

        Returns
        -------
        ndarray of shape (n,)
        """
        nodes, node_weights = roots_legendre(_QUANTILES)
        repeats, row = np.unique(x, return_inverse=True)
        dropout = betaincinv(self.a, self.b + repeats[:, None], (nodes + 1) / 2)
        returns = np.empty(len(x))
        for block in np.array_split(np.arange(len(x)), len(x) * _QUANTILES // _BLOCK + 1):
            rate, shape = self.alpha + T[block, None], self.r + x[block, None]
            alive_for = dropout[row[block]] * gap
            stays = shape * np.log1p(alive_for / rate)
            buys = -np.expm1(-shape * np.log1p(t / (rate + alive_for)))
            returns[block] = (np.exp(-stays) * buys) @ node_weights / 2
        return returns

    def expected_purchases(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, t: float) -> Floats:
        """Expected purchases in (T, T + t] (equation 10).

        P(alive) times `_purchases_while_alive`, a sum of positive terms. The closed form is a
        difference of powers and 2F1 that under- and overflow where a or r + x is large, and has
        holes at a = 1 and a + b + x = 1.

        Parameters
        ----------
        x, t_x, T : array-like of shape (n,)
        t : float
            Length of the period, in the unit of T.

        Returns
        -------
        ndarray of shape (n,)
            E[purchases in (T, T + t]].
        """
        counts, last, age = _validate(x, t_x, T)
        pairs, row = np.unique(np.column_stack([counts, age]), axis=0, return_inverse=True)
        while_alive = _purchases_while_alive(
            self.r + pairs[:, 0], t / (self.alpha + pairs[:, 1]), self.a, self.b + pairs[:, 0]
        )
        # In two halves: P(alive) alone may underflow where the product does not.
        half = np.exp(log_expit(-self._log_odds_dead(counts, last, age)) / 2)
        return np.asarray(half * while_alive[row.ravel()] * half)


def _purchases_while_alive(r: Floats, s: Floats, a: float, b: Floats) -> Floats:
    """Expected purchases of a customer who is alive now.

    E[g(p)] over p ~ Beta(a, b) with g(p) = (1 - (1 + s p)^-r) / p, the expectation given p. As
    g falls in p, integration by parts turns this into positive terms without a singularity at
    either end, whatever a and b:
    g(1) + b / (a + b + 1) E[(g(p) - g(1)) / (1 - p) - g'(p) / (a + b)] over
    p ~ Beta(a + 1, b + 1).
    The trapezoidal rule in the log-odds of p converges geometrically, as the integrand is
    analytic in a strip around the real line and falls exponentially at both ends.

    Parameters
    ----------
    r, s, b : ndarray of shape (n,)
        Shape of the purchase rate, length of the period times the mean rate over r, and the
        second parameter of p, all given the history.
    a : float
        The first parameter of p.

    Returns
    -------
    ndarray of shape (n,)

    References
    ----------
    Trefethen & Weideman (2014), The Exponentially Convergent Trapezoidal Rule, SIAM Review 56.
    """
    mode = np.log(a + 1) - np.log(b + 1)
    flat_below = np.log1p((r + 1) * s)  # the integrand's factor is constant for p << exp(-this)
    left = _reach(np.full(len(b), a + 1), b + 1, np.maximum(mode + flat_below, 0.0))
    right = _reach(b + 1, np.full(len(b), a + 1), np.zeros(len(b)))
    deviation = np.sqrt(1 / (a + 1) + 1 / (b + 1))
    nodes = (left + right) / (_STEP * np.minimum(deviation, 1.0))
    nodes = 2.0 ** np.ceil(np.log2(nodes))  # of each row by its own numbers alone
    expected = np.empty(len(b))
    for count in np.unique(nodes):
        rows = np.flatnonzero(nodes == count)
        place = (np.arange(count) + 0.5) / count
        for block in np.array_split(rows, int(len(rows) * count // _BLOCK) + 1):
            column = block[:, None]
            distance = (left[column] + right[column]) * place - left[column]
            fall = _log_density(distance, a + 1, b[column] + 1)
            expected[block] = _mean_over_dropout(
                mode[column] + distance, np.exp(fall), r[column], s[column], a, b[column]
            )
    return expected


def _mean_over_dropout(
    log_odds: Floats, density: Floats, r: Floats, s: Floats, a: float, b: Floats
) -> Floats:
    """The sum of `_purchases_while_alive` over nodes (n, nodes); r, s and b are (n, 1)."""
    p, stays = expit(log_odds), expit(-log_odds)
    growth = np.log1p(s * p)
    given_p = -np.expm1(-r * growth) / p
    at_1 = -np.expm1(-r * np.log1p(s))
    minus_slope = (given_p - r * s * np.exp(-(r + 1) * growth)) / p
    parts = np.maximum((given_p - at_1) / stays, 0.0) + np.maximum(minus_slope, 0.0) / (a + b)
    mean = (density * parts).sum(axis=1) / density.sum(axis=1)
    return np.asarray(at_1[:, 0] + (b / (a + b + 1))[:, 0] * mean)


def _log_density(distance: Floats, a: float | Floats, b: Floats) -> Floats:
    """Log density of the log-odds of Beta(a, b) at a distance from its mode, less that there."""
    mean = a / (a + b)
    up, down = np.exp(np.minimum(distance, 0.0)), np.exp(-np.maximum(distance, 0.0))
    # With y the log-odds at the mode: a distance - (a + b) ln(1 + mean (exp(distance) - 1)).
    above = a * distance - (a + b) * (distance + np.log1p((1 - mean) * (down - 1)))
    below = a * distance - (a + b) * np.log1p(mean * (up - 1))
    return np.asarray(np.where(distance > 0, above, below))


def _reach(a: Floats, b: Floats, rise: Floats) -> Floats:
    """Distance below the mode of Beta(a, b) in log-odds at which the integrand can be cut off.

    Its factor beside the density rises downwards by at most exp(2 distance), and only over the
    distance `rise`. The logarithm of that bound is concave: Newton's method from beyond the root
    comes down to it without passing it.

    Returns
    -------
    ndarray of shape (n,)
    """
    level = np.maximum(_log_density(-rise, a, b) + 2 * rise, 0.0) - _CUTOFF
    distance = (_CUTOFF + 2 * rise + (a + b) * np.log1p(a / b)) / a
    for _ in range(_NEWTON_STEPS):
        p = expit(np.log(a) - np.log(b) - distance)
        slope = (a + b) * p - a + np.where(distance < rise, 2.0, 0.0)
        value = _log_density(-distance, a, b) + 2 * np.minimum(distance, rise)
        distance = distance - np.maximum((value - level) / slope, 0.0)
    return distance


def _log_likelihood_terms(
    parameters: Floats, x: Floats, t_x: Floats, T: Floats
) -> tuple[Floats, Floats]:
    """Compute the terms of the log-likelihood and their gradient in (r, alpha, a, b).

    ln L = ln Gamma(r + x) / Gamma(r) + r ln alpha + ln B(a, b + x) / B(a, b)
           + ln(((alpha + T)^-(r + x)) + [x > 0] a / (b + x - 1) (alpha + t_x)^-(r + x)),
    which is equation 6 with B(a + 1, b + x - 1) = B(a, b + x) a / (b + x - 1).

    Returns
    -------
    tuple of ndarray
        Terms of shape (n,), gradient of shape (4, n).
    """
    r, alpha, a, b = parameters
    repeat = x > 0
    some = np.where(repeat, x, 1.0)
    stays = -(r + x) * np.log(alpha + T)
    leaves = np.log(a) - np.log(b + (some - 1)) - (r + x) * np.log(alpha + t_x)
    leaves = np.where(repeat, leaves, -np.inf)
    either = np.logaddexp(stays, leaves)
    counted = gammaln(r + x) - gammaln(r) + r * np.log(alpha)
    value = counted + betaln(a, b + x) - betaln(a, b) + either

    left = np.exp(leaves - either)
    log_time = (1 - left) * np.log(alpha + T) + left * np.log(alpha + t_x)
    rate = (1 - left) / (alpha + T) + left / (alpha + t_x)
    both = psi(a + b) - psi(a + b + x)
    gradient = np.stack(
        [
            psi(r + x) - psi(r) + np.log(alpha) - log_time,
            r / alpha - (r + x) * rate,
            both + left / a,
            both + psi(b + x) - psi(b) - left / (b + (some - 1)),
        ]
    )
    return value, gradient
