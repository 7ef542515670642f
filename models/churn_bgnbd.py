"""BG/NBD's probability of no purchase over the horizon: a purchase model, not fitted to labels."""

import numpy as np
import pandas as pd

from models.components.base import BIAS, ChurnModel, Floats, State, base_rate, log_odds
from models.components.bgnbd import BGNBD
from models.components.rfm import FREQUENCY, RECENCY, TENURE, fit_rows, history


class BGNBDChurn(ChurnModel):
    """P(no purchase in the next horizon_days), from x, t_x and T alone.

    Fitted on the history of everybody who ever bought, each counted once. Of a cohort, which is
    selected on a recent purchase, the likelihood learns that hardly anybody drops out; rows of
    several snapshots repeat the same customers. Only without histories it is fitted on rows.
    Labels serve only customers who never bought: they get the churn rate of such training rows,
    shrunk to the rate of all. P(silence), not 1 - P(alive), which is 0 for every one-time buyer.
    """

    baseline = True
    needs_labels = False
    reads_histories = True
    label_rules = ("silence",)
    title = "BG/NBD, chance of silence"

    def __init__(self, horizon_days: int = 90) -> None:
        self.horizon_days = horizon_days

    def columns(self, X: pd.DataFrame) -> list[str]:  # noqa: ARG002
        """Recency, tenure and purchase days."""
        return [RECENCY, TENURE, FREQUENCY]

    def _learn_histories(self, histories: pd.DataFrame | None) -> None:
        self.model_ = BGNBD.fit_histories(histories)

    def _fit(self, X: pd.DataFrame, y: Floats, weight: Floats) -> None:
        bought = history(X).bought
        self.overall_ = base_rate(y, weight, prior=0.5, strength=1.0)
        self.never_bought_ = base_rate(y[~bought], weight[~bought], self.overall_)
        if self.model_ is None:
            self.model_ = fit_rows(X, weight)

    def _fit_without_labels(self, X: pd.DataFrame, weight: Floats) -> None:
        if self.model_ is None:
            self.model_ = fit_rows(X, weight)
        if self.model_ is None:
            raise ValueError("nobody has bought anything yet")
        self.overall_ = self.never_bought_ = 0.5
        bought = history(X).bought
        if weight[bought].sum() > 0:
            self.overall_ = float(np.average(self._predict(X)[bought], weights=weight[bought]))
            self.never_bought_ = self.overall_

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
