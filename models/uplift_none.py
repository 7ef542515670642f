"""No uplift: a contact does to everybody what it does on average."""

import numpy as np
import pandas as pd

from models.components.base import Floats, State
from models.components.uplift import RISK, Trial, UpliftModel, common_share, kept_inside


class NoUplift(UpliftModel):
    """effect = share * risk, one share for all.

    Its order of customers, by effect times value, is that by expected loss. Where X does not tell
    the risk, everybody has that of all rows, and one effect.
    """

    baseline = True
    simplicity = 1
    title = "the same share of everybody's risk"

    def columns(self, X: pd.DataFrame) -> list[str]:
        return [RISK] if RISK in X.columns else []

    def _risk(self, X: pd.DataFrame) -> Floats:
        return kept_inside(X[RISK]) if RISK in X.columns else np.full(len(X), self.rate_)

    def _learn(self, X: pd.DataFrame, trial: Trial) -> None:
        self.rate_ = float(kept_inside(np.average(trial.left, weights=trial.balance)))
        risk = self._risk(X)
        self.share_ = max(common_share(trial, trial.scores(risk), risk), -1.0)

    def _predict(self, X: pd.DataFrame) -> Floats:
        return self.share_ * self._risk(X)

    def _learnt(self) -> State:
        return {"rate": self.rate_, "share": self.share_}

    def _restore(self, learnt: State) -> None:
        self.rate_, self.share_ = learnt["rate"], learnt["share"]
