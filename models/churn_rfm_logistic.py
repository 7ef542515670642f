"""Logistic regression on recency, frequency and money: the usual first model."""

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from models.components.base import BIAS, ChurnModel, Floats, State
from models.components.rfm import FREQUENCY, MONEY, RECENCY, TENURE


class RFMLogistic(ChurnModel):
    """ln(p / (1 - p)) = intercept + sum of coefficient * (z - mean) / deviation.

    z = ln(1 + recency), ln(1 + purchase days), ln(1 + spend a purchase day), ln(1 + tenure);
    negative spend counts as 0, a missing z is the training median. L2 penalty, C = 1.
    """

    baseline = True
    blended = False
    title = "RFM logistic regression"

    def columns(self, X: pd.DataFrame) -> list[str]:  # noqa: ARG002
        """Recency, frequency, money and tenure."""
        return [RECENCY, FREQUENCY, MONEY, TENURE]

    def _fit(self, X: pd.DataFrame, y: Floats, weight: Floats) -> None:
        z = _logs(X)
        observed = np.isfinite(z).any(axis=0)
        self.median_ = np.zeros(z.shape[1])
        self.median_[observed] = np.nanmedian(z[:, observed], axis=0)
        z = self._imputed(z)
        self.mean_ = np.average(z, axis=0, weights=weight)
        spread = np.sqrt(np.average((z - self.mean_) ** 2, axis=0, weights=weight))
        self.deviation_ = np.where(spread > 1e-12, spread, 1.0)
        line = LogisticRegression(C=1.0, max_iter=1000)
        line.fit((z - self.mean_) / self.deviation_, y, sample_weight=weight)
        self.intercept_, self.coef_ = float(line.intercept_[0]), line.coef_[0]

    def _imputed(self, z: Floats) -> Floats:
        return np.where(np.isnan(z), self.median_, z)

    def _parts(self, X: pd.DataFrame) -> Floats:
        return np.asarray(self.coef_ * (self._imputed(_logs(X)) - self.mean_) / self.deviation_)

    def _predict(self, X: pd.DataFrame) -> Floats:
        return np.asarray(expit(self.intercept_ + self._parts(X).sum(axis=1)))

    def _contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        parts = pd.DataFrame(self._parts(X), columns=self.feature_names_in_, index=X.index)
        return parts.assign(**{BIAS: self.intercept_})

    def _get_state(self) -> State:
        arrays = {name: getattr(self, name).tolist() for name in _ARRAYS}
        return {"intercept": self.intercept_, **arrays}

    def _set_state(self, state: State) -> None:
        self.intercept_ = state["intercept"]
        for name in _ARRAYS:
            setattr(self, name, np.array(state[name]))


_ARRAYS = ("median_", "mean_", "deviation_", "coef_")


def _logs(X: pd.DataFrame) -> Floats:
    """(n, 4): logarithms of recency, purchase days, spend a purchase day and tenure."""
    recency, days, money, tenure = X.to_numpy(dtype=float).T
    spend = np.clip(money / np.where(days > 0, days, np.nan), 0, None)
    return np.asarray(np.log1p(np.column_stack([recency, days, spend, tenure])))
