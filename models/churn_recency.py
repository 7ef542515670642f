"""The recency rule: the longer since the last purchase, the higher the churn probability."""

import numpy as np
import pandas as pd
from scipy.special import expit
from sklearn.linear_model import LogisticRegression

from models.components.base import BIAS, ChurnModel, Floats, State, base_rate, log_odds
from models.components.rfm import RECENCY


class RecencyRule(ChurnModel):
    """ln(p / (1 - p)) = intercept + slope * ln(1 + days since the last purchase).

    With one variable the ranking is that of recency. A customer who never bought gets the churn
    rate of such customers in the training rows, shrunk to the rate of all.
    """

    baseline = True
    blended = False
    title = "recency rule"

    def columns(self, X: pd.DataFrame) -> list[str]:  # noqa: ARG002
        """Recency alone."""
        return [RECENCY]

    def _fit(self, X: pd.DataFrame, y: Floats, weight: Floats) -> None:
        silence = np.log1p(X[RECENCY].to_numpy(dtype=float))
        has_purchase = np.isfinite(silence)
        self.overall_ = base_rate(y, weight, prior=0.5, strength=1.0)
        self.never_bought_ = base_rate(y[~has_purchase], weight[~has_purchase], self.overall_)
        self.intercept_, self.slope_ = float(log_odds(np.array(self.overall_))), 0.0
        if len(set(y[has_purchase])) == 2:
            line = LogisticRegression(C=1e3, max_iter=1000)
            line.fit(
                silence[has_purchase, None], y[has_purchase], sample_weight=weight[has_purchase]
            )
            self.intercept_, self.slope_ = float(line.intercept_[0]), float(line.coef_[0, 0])

    def _scores(self, X: pd.DataFrame) -> Floats:
        silence = np.log1p(X[RECENCY].to_numpy(dtype=float))
        never = float(log_odds(np.array(self.never_bought_)))
        return np.where(np.isnan(silence), never, self.intercept_ + self.slope_ * silence)

    def _predict(self, X: pd.DataFrame) -> Floats:
        return np.asarray(expit(self._scores(X)))

    def _contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        bias = float(log_odds(np.array(self.overall_)))
        return pd.DataFrame({RECENCY: self._scores(X) - bias, BIAS: bias}, index=X.index)

    def _get_state(self) -> State:
        names = ("overall_", "never_bought_", "intercept_", "slope_")
        return {name: getattr(self, name) for name in names}

    def _set_state(self, state: State) -> None:
        for name, value in state.items():
            setattr(self, name, value)
