"""BG/NBD's chance of silence over the horizon: a model of buying that learns from no label."""

import numpy as np
import pandas as pd

from models.components.base import BIAS, ChurnModel, Floats, State, base_rate, log_odds
from models.components.bgnbd import BGNBD
from models.components.rfm import FREQUENCY, RECENCY, TENURE, history


class BGNBDChurn(ChurnModel):
    """P(no purchase in the next horizon_days), from x, t_x and T alone.

    Labels serve only those who never bought: they get the churn rate of such training rows,
    drawn to the rate of all. P(silence), not 1 - P(alive), which is 0 for every one-time buyer.
    Watched customers bought lately, which the likelihood does not know: calibrate before use.
    """

    baseline = True
    simplicity = 3
    title = "BG/NBD, chance of silence"

    def __init__(self, horizon_days: int = 90) -> None:
        self.horizon_days = horizon_days

    def columns(self, X: pd.DataFrame) -> list[str]:  # noqa: ARG002
        return [RECENCY, TENURE, FREQUENCY]

    def _fit(self, X: pd.DataFrame, y: Floats, weight: Floats) -> None:
        bought, x, t_x, T = history(X)
        self.overall_ = base_rate(y, weight, prior=0.5, strength=1.0)
        self.never_bought_ = base_rate(y[~bought], weight[~bought], self.overall_)
        learnable = weight[bought].sum() > 0 and T.max() > 0
        self.model_ = BGNBD.fit(x, t_x, T, weight[bought]) if learnable else None

    def _predict(self, X: pd.DataFrame) -> Floats:
        bought, x, t_x, T = history(X)
        p = np.full(len(X), self.never_bought_)
        if self.model_:
            p[bought] = self.model_.p_silent(x, t_x, T, self.horizon_days)
        return p

    def _contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        bias = float(log_odds(np.array(self.overall_)))
        return pd.DataFrame({RECENCY: log_odds(self._predict(X)) - bias, BIAS: bias}, index=X.index)

    def _learnt(self) -> State:
        model = vars(self.model_) if self.model_ else None
        return {"overall": self.overall_, "never_bought": self.never_bought_, "model": model}

    def _restore(self, learnt: State) -> None:
        self.overall_, self.never_bought_ = learnt["overall"], learnt["never_bought"]
        self.model_ = BGNBD(**learnt["model"]) if learnt["model"] else None
