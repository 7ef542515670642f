"""Gamma-Gamma: what a customer spends at a purchase, drawn to what all spend.

Fader, Hardie & Lee (2005), RFM and CLV, Journal of Marketing Research 42; Fader & Hardie (2013),
The Gamma-Gamma Model of Monetary Value. Spend is assumed independent of how often one buys.
"""

from dataclasses import dataclass
from typing import Self

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln, psi

from models.components.base import Floats, weights
from models.components.likelihood import maximise

# (p, q, gamma / mean spend); q > 1, or the mean spend of all would be infinite
_LEAST = (1e-4, 1.05, 1e-4)
_STARTS = ((1.0, 2.0, 1.0), (5.0, 4.0, 0.5), (0.5, 1.5, 2.0))


@dataclass(frozen=True)
class GammaGamma:
    """A purchase is Gamma(p, rate nu), nu ~ Gamma(q, rate gamma); gamma is in currency."""

    p: float
    q: float
    gamma: float

    @classmethod
    def fit(cls, x: ArrayLike, mean_spend: ArrayLike, weight: ArrayLike | None = None) -> Self:
        """Maximum likelihood from purchases x (n,) and mean spend a purchase (n,), currency.

        Customers without a purchase or without positive spend say nothing and are left out;
        ValueError when none remains.
        """
        counts, spend = np.asarray(x, dtype=float), np.asarray(mean_spend, dtype=float)
        used = (counts > 0) & (spend > 0)
        row_weight = weights(weight, len(counts))[used]
        if row_weight.sum() <= 0:
            raise ValueError("Gamma-Gamma needs customers with positive spend")
        unit = float(np.average(spend[used], weights=row_weight))
        p, q, gamma = maximise(
            lambda parameters: _terms(parameters, counts[used], spend[used] / unit),
            row_weight,
            _STARTS,
            _LEAST,
        )
        return cls(p, q, gamma * unit)

    def log_likelihood(self, x: ArrayLike, mean_spend: ArrayLike) -> Floats:
        """Each customer's term of the log-likelihood, (n,); x > 0 and mean_spend > 0."""
        counts, spend = np.asarray(x, dtype=float), np.asarray(mean_spend, dtype=float)
        return _terms(np.array([self.p, self.q, self.gamma]), counts, spend)[0]

    def expected_spend(self, x: ArrayLike, mean_spend: ArrayLike) -> Floats:
        """E[M] = p (gamma + x m) / (p x + q - 1), (n,), currency a purchase.

        Without a purchase, or where returns took the spend to 0 or below, the mean of all,
        p gamma / (q - 1).
        """
        counts, spend = np.asarray(x, dtype=float), np.asarray(mean_spend, dtype=float)
        seen = np.where((counts > 0) & (spend > 0), counts, 0.0)
        money = np.where(seen > 0, seen * spend, 0.0)
        return np.asarray(self.p * (self.gamma + money) / (self.p * seen + self.q - 1))


def _terms(parameters: Floats, x: Floats, m: Floats) -> tuple[Floats, Floats]:
    """Terms (n,) and their gradient (3, n) in (p, q, gamma); Fader & Hardie (2013), equation 1a.

    ln L = ln Gamma(p x + q) / (Gamma(p x) Gamma(q)) + q ln gamma + (p x - 1) ln m + p x ln x
           - (p x + q) ln(gamma + x m)
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
