"""Weights of models: learnt out of fold, not negative, and shrunk to equal ones."""

from typing import Final

import numpy as np
from numpy.typing import NDArray
from scipy.optimize import minimize
from scipy.special import expit

from models.components.base import Floats
from retention.stats import weighted
from retention.stats.weighted import Weights

PRIOR_DEVIATION: Final = 0.25
"""Standard deviation of a weight around the equal one, before anything is seen."""
TWEEDIE_POWER: Final = 1.5
NEGLIGIBLE: Final = 0.02
"""A smaller weight is 0: a model that hardly counts need not be fitted."""


def churn_weights(log_odds: Floats, y: Floats, turn: NDArray[np.int64], weight: Floats) -> Floats:
    """Weights w of models in ln(p / (1 - p)) = intercept of the turn + sum of w_k log_odds_k.

    They maximise the likelihood times a normal prior around 1 / K for each; w >= 0. Every turn
    has an intercept of its own, so that a season is not taken for a model's fault. The weights
    need not sum to 1: predictions that are too timid together are stretched, too bold ones drawn
    in.

    Parameters
    ----------
    log_odds : ndarray of shape (n, K)
        Out-of-fold log-odds of the models.
    y : ndarray of shape (n,)
        1 churned, 0 stayed.
    turn : ndarray of shape (n,)
        Which snapshot a row is of.
    weight : ndarray of shape (n,)
        Row weights; rows whose label windows overlap share theirs.

    Returns
    -------
    ndarray of shape (K,)

    References
    ----------
    Breiman (1996), Stacked regressions, Machine Learning 24: weights that are not negative.
    """
    n_models = log_odds.shape[1]
    turns, code = np.unique(turn, return_inverse=True)
    precision = 1 / PRIOR_DEVIATION**2

    def loss(parameters: Floats) -> tuple[float, Floats]:
        weights, intercepts = parameters[:n_models], parameters[n_models:]
        eta = log_odds @ weights + intercepts[code]
        off = weights - 1 / n_models
        likelihood = float((weight * (np.logaddexp(0.0, eta) - y * eta)).sum())
        miss = weight * (expit(eta) - y)
        gradient = np.concatenate(
            [log_odds.T @ miss + precision * off, np.bincount(code, miss, len(turns))]
        )
        return likelihood + precision / 2 * float(off @ off), gradient

    start = np.concatenate([np.full(n_models, 1 / n_models), np.zeros(len(turns))])
    bounds = [(0.0, None)] * n_models + [(-20.0, 20.0)] * len(turns)
    return _rounded(minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x[:n_models])


def value_weights(expected: Floats, y: Floats, turn: NDArray[np.int64], weight: Floats) -> Floats:
    """Weights w of models in E[y] = level of the turn * sum of w_k expected_k; w >= 0, sum 1.

    By Tweedie deviance, which is free of the scale of money; one customer's purse does not decide
    it as it does a squared error. Every turn has a level of its own, so that a season is not taken
    for a model's fault. The prior is that of `churn_weights`.

    Parameters
    ----------
    expected : ndarray of shape (n, K)
        Out-of-fold values, account currency.
    y : ndarray of shape (n,)
        Realised values, account currency; negative ones count as 0.
    turn : ndarray of shape (n,)
        Which snapshot a row is of.
    weight : ndarray of shape (n,)
        Row weights; rows whose label windows overlap share theirs.

    Returns
    -------
    ndarray of shape (K,)
        Equal weights where nobody brought money.

    References
    ----------
    Jorgensen (1987), Exponential dispersion models, JRSS B 49.
    """
    n_models = expected.shape[1]
    money, parts = np.maximum(y, 0.0), np.maximum(expected, 0.0)
    _, code = np.unique(turn, return_inverse=True)
    brought = np.bincount(code, weight * money)
    promised = np.bincount(code, weight * parts.mean(axis=1))
    if brought.sum() <= 0 or promised.sum() <= 0:
        return np.full(n_models, 1 / n_models)
    has_money = (brought > 0) & (promised > 0)
    level = np.where(has_money, promised / np.where(has_money, brought, 1.0), 0.0)
    mean = promised.sum() / weight.sum()
    relative, parts, row_weight = money * level[code] / mean, parts / mean, weight * has_money[code]
    precision, rest = 1 / PRIOR_DEVIATION**2, 2 - TWEEDIE_POWER

    def loss(weights: Floats) -> tuple[float, Floats]:
        mu = np.maximum(parts @ weights, 1e-3)
        off = weights - 1 / n_models
        deviance = mu**rest / rest + relative * mu ** (rest - 1) / (1 - rest)
        slope = mu ** (rest - 1) - relative * mu ** (rest - 2)
        total = float((row_weight * deviance).sum()) + precision / 2 * float(off @ off)
        return total, parts.T @ (row_weight * slope) + precision * off

    start = np.full(n_models, 1 / n_models)
    bounds = [(0.0, None)] * n_models
    fitted = minimize(loss, start, jac=True, bounds=bounds, method="L-BFGS-B").x
    return _rounded(fitted / fitted.sum() if fitted.sum() > 0 else start)


def _rounded(weights: Floats) -> Floats:
    """Weights to four digits: what an optimiser leaves in further ones differs by machine."""
    rounded = np.where(weights < NEGLIGIBLE, 0.0, np.round(weights, 4))
    return np.asarray(rounded if rounded.sum() > 0 else np.full(len(weights), 1 / len(weights)))


def tweedie_deviance(y: Floats, mu: Floats, weight: Weights = None) -> Floats:
    """Unit deviances of order 1.5, up to the scale of y; negative y count as 0.

    Parameters
    ----------
    y, mu : ndarray of shape (n,)
        Realised and expected values, account currency.
    weight : ndarray of shape (n,), optional
        Row weights, of the mean of y that is the scale.

    Returns
    -------
    ndarray of shape (n,)
        No unit; all 0 where nobody brought money.
    """
    money = np.maximum(y, 0.0)
    mean = weighted.mean(money, weight) if len(money) else 0.0
    if mean <= 0:
        return np.zeros(len(money))
    relative, expected = money / mean, np.maximum(mu / mean, 1e-3)
    rest = 2 - TWEEDIE_POWER
    own = relative**rest * (1 / (TWEEDIE_POWER - 1) + 1 / rest)
    parts = relative * expected ** (rest - 1) / (TWEEDIE_POWER - 1) + expected**rest / rest - own
    return np.asarray(2 * np.maximum(parts, 0.0))
