"""The hazard of a contract's end by its age, from contracts that ended and contracts that run.

A contract of age t has not ended on its days 1 .. t - 1; one that ended at age D did so on day D.
The law beneath is that of customers who leave at a constant rate each, which differs between them
by a gamma law: the hazard falls, as the faithful remain. It is the shifted beta-geometric model of
Fader & Hardie (2007), How to Project Customer Retention, Journal of Interactive Marketing 21, in
continuous time. What else the hazard does, as at terms and renewals, shows in ratios to it.
"""

from dataclasses import dataclass, replace
from typing import Any, Final, Self

import numpy as np
import pandas as pd

from models.components.base import Floats
from models.components.likelihood import maximise

# (r, scale / mean age)
_LOWER_BOUNDS: Final = (1e-3, 1e-3)
_STARTS: Final = ((1.0, 1.0), (3.0, 5.0), (0.3, 0.2))
_BANDS: Final = 12
"""At least, of a horizon; more where a shorter band holds an end, on average. Within one the hazard
is the law's times one ratio: terms and renewals show."""
_PRIOR_ENDS: Final = 0.25
"""Ends in a band by which its ratio is drawn to 1."""
_LAST: Final = 4
"""Beyond the oldest contract the ratio is that of the oldest quarter of the bands together."""


@dataclass(frozen=True)
class TenureHazard:
    """The fitted model: P(D > d) = (1 + d / scale)^-r, the hazard times a ratio by band of age."""

    r: float
    scale: float  # days
    width: int  # days of a band
    ratios: list[float]  # of the hazard to the law's, by band; the last holds for all later ones

    @classmethod
    def fit(cls, histories: pd.DataFrame | None, horizon_days: int) -> Self | None:
        """Fit the law by maximum likelihood, then the ratios, each with a gamma prior.

        Parameters
        ----------
        histories : DataFrame of shape (m, any number of columns), optional
            `age` in days, `ended`, and `customers` with this history.
        horizon_days : int

        Returns
        -------
        TenureHazard or None
            None where no contract has ended yet.
        """
        if histories is None or not histories["ended"].eq(True).any():
            return None
        age, count = histories[["age", "customers"]].to_numpy(dtype=float).T
        ended = histories["ended"].to_numpy(dtype=bool)
        unit = float(np.average(age, weights=count))
        r, scale = maximise(
            lambda parameters: _log_likelihood_terms(parameters, age / unit, 1 / unit, ended),
            count,
            _STARTS,
            _LOWER_BOUNDS,
        )
        days_an_end = age.max() / count[ended].sum()
        width = int(np.clip(np.ceil(days_an_end), 1, max(1, horizon_days // _BANDS)))
        law = cls(r, scale * unit, width, [1.0])
        return replace(law, ratios=law._ratios(age, ended, count))

    def _ratios(self, age: Floats, ended: Any, count: Floats) -> list[float]:
        days = np.arange(1, int(age.max()) + 1)
        ends = np.bincount(age[ended].astype(int), count[ended], len(days) + 1)[1:]
        last_at_risk = np.where(ended, age, age - 1).astype(int)
        at_risk = np.cumsum(np.bincount(last_at_risk, count, len(days) + 1)[::-1])[::-1][1:]
        # Many may end on one day, of a term: then the hazard exceeds their share of those at risk.
        ends = -at_risk * np.log1p(-ends / (at_risk + 0.5))
        expected = at_risk * np.diff(self._law(np.arange(len(days) + 1.0)))
        band = (days - 1) // self.width
        in_band, expected_in_band = np.bincount(band, ends), np.bincount(band, expected)
        oldest = slice(-max(1, len(in_band) // _LAST), None)
        ends_by_band = np.append(in_band, in_band[oldest].sum())
        expected_by_band = np.append(expected_in_band, expected_in_band[oldest].sum())
        ratios = (ends_by_band + _PRIOR_ENDS) / (expected_by_band + _PRIOR_ENDS)
        return [round(float(ratio), 6) for ratio in ratios]

    def _law(self, age: Floats) -> Floats:
        """Cumulative hazard of the law alone."""
        return np.asarray(self.r * np.log1p(age / self.scale))

    def cumulative_hazard(self, age: Floats) -> Floats:
        """-ln P(D > age), ndarray of shape (n,); age in days, >= 0."""
        ratios = np.array(self.ratios)
        starts = np.arange(0.0, self.width * len(ratios), self.width)
        steps = np.append(0.0, np.cumsum(np.diff(self._law(starts)) * ratios[:-1]))
        band = np.minimum((age // self.width).astype(int), len(ratios) - 1)
        return np.asarray(steps[band] + ratios[band] * (self._law(age) - self._law(starts[band])))

    def p_ends(self, age: Floats, horizon_days: int) -> Floats:
        """Probability that a contract which runs ends within the next days.

        Parameters
        ----------
        age : ndarray of shape (n,)
            Days, >= 1.
        horizon_days : int

        Returns
        -------
        ndarray of shape (n,)
            P(D < age + horizon_days | D >= age).
        """
        before = np.maximum(age - 1, 0.0)
        rise = self.cumulative_hazard(before + horizon_days) - self.cumulative_hazard(before)
        return np.asarray(-np.expm1(-rise))


def _log_likelihood_terms(
    parameters: Floats, age: Floats, day: float, ended: Any
) -> tuple[Floats, Floats]:
    """Terms of the log-likelihood and their gradient in (r, scale); a day in the unit of age.

    ln P(D > age - day) for a contract that runs, ln(P(D > age - day) - P(D > age)) for one that
    ended.

    Returns
    -------
    tuple of ndarray
        Terms of shape (n,), gradient of shape (2, n).
    """
    before, slope_before = _log_survival(parameters, np.maximum(age - day, 0.0))
    after, slope_after = _log_survival(parameters, age)
    fall = np.maximum(before - after, 1e-300)
    value = before + np.where(ended, np.log(-np.expm1(-fall)), 0.0)
    gradient = slope_before + np.where(ended, (slope_before - slope_after) / np.expm1(fall), 0.0)
    return value, gradient


def _log_survival(parameters: Floats, age: Floats) -> tuple[Floats, Floats]:
    """Logarithm of P(D > age) of shape (n,), and its gradient in (r, scale) of shape (2, n)."""
    r, scale = parameters
    logs = np.log1p(age / scale)
    return -r * logs, np.stack([-logs, r * age / (scale * (scale + age))])
