"""BG/NBD's probability of no purchase over the horizon: a purchase model, not fitted to labels."""

import numpy as np
import pandas as pd

from models.components.base import BIAS, ChurnModel, Floats, State, base_rate, log_odds
from models.components.bgnbd import BGNBD
from models.components.rfm import FREQUENCY, RECENCY, TENURE, history


class BGNBDChurn(ChurnModel):
    """P(no purchase in the next horizon_days), from x, t_x and T alone.

    Labels serve only customers who never bought: they get the churn rate of such training rows,
    shrunk to the rate of all. P(silence), not 1 - P(alive), which is 0 for every one-time buyer.
    The cohort is selected on a recent purchase, which the likelihood does not account for:
    calibrate before use.
    """

    baseline = True
    needs_labels = False
    complexity_rank = 3
    title = "BG/NBD, chance of silence"

    def __init__(self, horizon_days: int = 90) -> None:
        self.horizon_days = horizon_days

    def columns(self, X: pd.DataFrame) -> list[str]:  # noqa: ARG002
        """Recency, tenure and purchase days."""
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

    def _get_state(self) -> State:
        model = vars(self.model_) if self.model_ else None
        return {"overall": self.overall_, "never_bought": self.never_bought_, "model": model}

    def _set_state(self, state: State) -> None:
        self.overall_, self.never_bought_ = state["overall"], state["never_bought"]
        self.model_ = BGNBD(**state["model"]) if state["model"] else None
