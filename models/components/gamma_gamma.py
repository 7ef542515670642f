"""Gamma-Gamma: mean spend per purchase, shrunk to the mean of all customers.

Fader, Hardie & Lee (2005), RFM and CLV, Journal of Marketing Research 42; Fader & Hardie (2013),
The Gamma-Gamma Model of Monetary Value. Spend is assumed independent of how often one buys.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln, psi

from models.components.base import Floats, validate_weights
from models.components.likelihood import maximise

# (p, q, gamma / mean spend); for q <= 1 the mean spend of all customers would be infinite
_LOWER_BOUNDS = (1e-4, 1.05, 1e-4)
_STARTS = ((1.0, 2.0, 1.0), (5.0, 4.0, 0.5), (0.5, 1.5, 2.0))


@dataclass(frozen=True)
class GammaGamma:
    """Spend at a purchase is Gamma(p, rate nu), nu ~ Gamma(q, rate gamma)."""

    p: float
    q: float
    gamma: float  # currency

    @classmethod
    def fit(cls, x: ArrayLike, mean_spend: ArrayLike, weight: ArrayLike | None = None) -> Self:
        """Fit by maximum likelihood; deterministic.

        Customers without a purchase or without positive spend are left out.

        Parameters
        ----------
        x : array-like of shape (n,)
            Purchases.
        mean_spend : array-like of shape (n,)
            Currency per purchase.
        weight : array-like of shape (n,), optional
            Row weights.

        Returns
        -------
        GammaGamma

        Raises
        ------
        ValueError
            If no customer has positive spend.
        """
        counts, spend = np.asarray(x, dtype=float), np.asarray(mean_spend, dtype=float)
        used = (counts > 0) & (spend > 0)
        row_weight = validate_weights(weight, len(counts))[used]
        if row_weight.sum() <= 0:
            raise ValueError("Gamma-Gamma needs customers with positive spend")
        unit = float(np.average(spend[used], weights=row_weight))
        p, q, gamma = maximise(
            lambda parameters: _log_likelihood_terms(parameters, counts[used], spend[used] / unit),
            row_weight,
            _STARTS,
            _LOWER_BOUNDS,
        )
        return cls(p, q, gamma * unit)

    def log_likelihood(self, x: ArrayLike, mean_spend: ArrayLike) -> Floats:
        """Terms of the log-likelihood, ndarray of shape (n,), for x > 0 and mean_spend > 0."""
        counts, spend = np.asarray(x, dtype=float), np.asarray(mean_spend, dtype=float)
        return _log_likelihood_terms(np.array([self.p, self.q, self.gamma]), counts, spend)[0]

    def expected_spend(self, x: ArrayLike, mean_spend: ArrayLike) -> Floats:
        """Expected spend E[M] = p (gamma + x m) / (p x + q - 1).

        Without a purchase, or where returns reduce the spend to 0 or less, the mean of all
        customers, p gamma / (q - 1).

        Parameters
        ----------
        x : array-like of shape (n,)
            Purchases.
        mean_spend : array-like of shape (n,)
            Currency per purchase.

        Returns
        -------
        ndarray of shape (n,)
            Currency per purchase.
        """
        counts, spend = np.asarray(x, dtype=float), np.asarray(mean_spend, dtype=float)
        purchases = np.where((counts > 0) & (spend > 0), counts, 0.0)
        money = np.where(purchases > 0, purchases * spend, 0.0)
        return np.asarray(self.p * (self.gamma + money) / (self.p * purchases + self.q - 1))


def _log_likelihood_terms(parameters: Floats, x: Floats, m: Floats) -> tuple[Floats, Floats]:
    """Compute the log-likelihood terms and their gradient in (p, q, gamma).

    ln L = ln Gamma(p x + q) / (Gamma(p x) Gamma(q)) + q ln gamma + (p x - 1) ln m + p x ln x
           - (p x + q) ln(gamma + x m)

    Returns
    -------
    tuple of ndarray
        Terms of shape (n,), gradient of shape (3, n).

    References
    ----------
    Fader & Hardie (2013), The Gamma-Gamma Model of Monetary Value, equation 1a.
    """
    p, q, gamma = parameters
    shape, money = p * x, gamma + x * m
    value = gammaln(shape + q) - gammaln(shape) - gammaln(q) + q * np.log(gamma)
    value = value + (shape - 1) * np.log(m) + shape * np.log(x) - (shape + q) * np.log(money)
    gradient = np.stack(
        [
            x * (psi(shape + q) - psi(shape) + np.log(m) + np.log(x) - np.log(money)),
            psi(shape + q) - psi(q) + np.log(gamma) - np.log(money),
            q / gamma - (shape + q) / money,
        ]
    )
    return value, gradient
