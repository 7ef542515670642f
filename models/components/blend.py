"""Weighted combinations of fitted models: one probability, or one value, out of several."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.special import expit

import models
from models.components.base import BIAS, ChurnModel, Floats, State, ValueModel, log_odds

CERTAIN = 12.0  # log-odds that no single model may exceed: one part must not overrule the others


@dataclass(frozen=True)
class ChurnBlend:
    """ln(p / (1 - p)) = intercept + sum of weight * ln(p_k / (1 - p_k)) over the models k.

    Each p_k is clipped to log-odds within +-CERTAIN. Logarithmic pooling keeps the contributions
    of the parts additive.

    References
    ----------
    Satopaa et al. (2014), Combining multiple probability predictions using a simple logit model,
    International Journal of Forecasting 30.
    """

    parts: tuple[tuple[str, ChurnModel, float], ...]  # name of the file, fitted model, weight >= 0
    intercept: float = 0.0

    def predict(self, X: pd.DataFrame) -> Floats:
        """P(churned) of each row of X, ndarray of shape (n,)."""
        scores = [weight * part_log_odds(model, X) for _, model, weight in self.parts]
        return np.asarray(expit(self.intercept + np.sum(scores, axis=0)))

    def contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        """Contributions of the features to the log-odds, summed over the parts by their weights.

        Parameters
        ----------
        X : DataFrame of shape (n, features)

        Returns
        -------
        DataFrame of shape (n, features read by any part + 1)
            Log-odds, with the column "bias"; each row sums to the log-odds of `predict`.
        """
        total = pd.DataFrame({BIAS: np.full(len(X), self.intercept)}, index=X.index)
        for _, model, weight in self.parts:
            # What is cut off a part's log-odds is cut off its bias: the sum stays exact.
            parts = model.contributions(X)
            cut = part_log_odds(model, X) - parts.sum(axis=1)
            parts = parts.assign(**{BIAS: parts[BIAS] + cut})
            total = total.add(weight * parts, fill_value=0.0)
        return total

    def state(self) -> State:
        """JSON-able; `from_state` is the inverse."""
        return {"parts": _states(self.parts), "intercept": self.intercept}

    @classmethod
    def from_state(cls, state: State) -> "ChurnBlend":
        """The blend whose `state` this was; KeyError if a model's file is no longer there."""
        return cls(_parts(state["parts"]), state["intercept"])


@dataclass(frozen=True)
class ValueBlend:
    """Expected value = sum of weight * E_k over the models k."""

    parts: tuple[tuple[str, ValueModel, float], ...]  # name of the file, fitted model, weight >= 0

    def predict(self, X: pd.DataFrame) -> Floats:
        """Expected value of each row of X in account currency, ndarray of shape (n,)."""
        values = [weight * model.predict(X) for _, model, weight in self.parts]
        return np.asarray(np.sum(values, axis=0))

    def state(self) -> State:
        """JSON-able; `from_state` is the inverse."""
        return {"parts": _states(self.parts)}

    @classmethod
    def from_state(cls, state: State) -> "ValueBlend":
        """The blend whose `state` this was; KeyError if a model's file is no longer there."""
        return cls(_parts(state["parts"]))


def part_log_odds(model: ChurnModel, X: pd.DataFrame) -> Floats:
    """Log-odds of a churn model's probability, clipped to +-CERTAIN.

    Parameters
    ----------
    model : ChurnModel
        Fitted.
    X : DataFrame of shape (n, features)

    Returns
    -------
    ndarray of shape (n,)
    """
    return clipped_log_odds(model.predict_proba(X)[:, 1])


def clipped_log_odds(p: Floats) -> Floats:
    """ln(p / (1 - p)), clipped to +-CERTAIN; ndarray of shape (n,)."""
    return np.clip(log_odds(np.asarray(p, dtype=float)), -CERTAIN, CERTAIN)


def _states(parts: tuple[tuple[str, ChurnModel | ValueModel, float], ...]) -> list[State]:
    return [{"name": name, "weight": weight, **model.state()} for name, model, weight in parts]


def _parts(states: list[State]) -> tuple[tuple[str, ChurnModel | ValueModel, float], ...]:
    classes = models.discover()
    return tuple(
        (state["name"], classes[state["name"]].from_state(state), state["weight"])
        for state in states
    )
