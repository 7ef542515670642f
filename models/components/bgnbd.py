"""BG/NBD: purchase rate and dropout of customers without a contract.

Fader, Hardie & Lee (2005), "Counting Your Customers" the Easy Way, Marketing Science 24(2).
A customer is x (repeat purchases), t_x (time of the last since the first) and T (time since the
first), in one unit of time; all functions take arrays (n,).
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, expit, gammaln, hyp2f1, psi

from models.components.base import Floats, validate_weights
from models.components.likelihood import maximise

# (r, alpha / mean T, a, b)
_LOWER_BOUNDS = (1e-4, 1e-4, 1e-4, 1e-4)
_STARTS = ((1.0, 1.0, 1.0, 1.0), (0.3, 0.2, 0.8, 2.5), (3.0, 0.5, 0.1, 1.0))


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
        counts, last, age = _validate(x, t_x, T)
        some = np.where(counts > 0, counts, 1.0)
        dead = np.log(self.a) - np.log(self.b + some - 1)
        dead = dead + (self.r + some) * np.log((self.alpha + age) / (self.alpha + last))
        return np.where(counts > 0, expit(-dead), 1.0)

    def p_silent(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, t: float) -> Floats:
        """Probability of no purchase in (T, T + t].

        1 - P(alive) (1 - ((alpha + T) / (alpha + T + t))^(r + x)): while alive
        lambda ~ Gamma(r + x, alpha + T), so the power is P(no purchase | alive). It ranks
        one-time buyers too, unlike P(alive).

        Parameters
        ----------
        x, t_x, T : array-like of shape (n,)
        t : float
            Length of the period, in the unit of T.

        Returns
        -------
        ndarray of shape (n,)
            P(no purchase in (T, T + t]).
        """
        counts, _, age = _validate(x, t_x, T)
        stops = (self.r + counts) * np.log1p(t / (self.alpha + age))
        return 1 + self.p_alive(x, t_x, T) * np.expm1(-stops)

    def expected_purchases(self, x: ArrayLike, t_x: ArrayLike, T: ArrayLike, t: float) -> Floats:
        """Expected purchases in (T, T + t] (equation 10).

        With Euler's transformation of 2F1, which has no power of x that could overflow:
        P(alive) (a + b + x - 1) / (a - 1) (1 - (1 - z)^(a - 1) 2F1(a + b - 1 - r, a - 1;
        a + b + x - 1; z)), z = t / (alpha + T + t). The limits at a = 1 and a + b + x = 1 are
        approximated by moving a by 1e-6.

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
        counts, _, age = _validate(x, t_x, T)
        a = self.a + (1e-6 if min(abs(self.a - 1), abs(self.a + self.b - 1)) < 1e-6 else 0.0)
        top = a + self.b + counts - 1
        z = t / (self.alpha + age + t)
        series = hyp2f1(a + self.b - 1 - self.r, a - 1, top, z)
        while_alive = top / (a - 1) * (1 - (1 - z) ** (a - 1) * series)
        return np.asarray(np.maximum(self.p_alive(x, t_x, T) * while_alive, 0.0))


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
    leaves = np.log(a) - np.log(b + some - 1) - (r + x) * np.log(alpha + t_x)
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
            both + psi(b + x) - psi(b) - left / (b + some - 1),
        ]
    )
    return value, gradient
