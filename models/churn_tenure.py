"""The chance that a contract ends within the horizon, by its age alone."""

import numpy as np
import pandas as pd

from models.components.base import BIAS, ChurnModel, Floats, State, base_rate, log_odds
from models.components.tenure import TenureHazard

AGE = "contract_age"


class TenureChurn(ChurnModel):
    """P(end in the label window | runs when it opens), from all contracts that ever began.

    The window opens gap_days from now: the age is that of the contract by then, as customers whose
    contract ends in the gap have no label.

    Labels serve only where there are no histories, or the age is not known: all then get the churn
    rate of the training rows. Without labels an unknown age gets the mean of the others.
    """

    baseline = True
    needs_labels = False
    reads_histories = True
    label_rules = ("cancel",)
    title = "hazard by age of contract"

    def __init__(self, horizon_days: int = 90, gap_days: int = 0) -> None:
        self.horizon_days = horizon_days
        self.gap_days = gap_days  # from the snapshot to the label window

    def columns(self, X: pd.DataFrame) -> list[str]:  # noqa: ARG002
        """The age of the contract alone."""
        return [AGE]

    def _learn_histories(self, histories: pd.DataFrame | None) -> None:
        self.hazard_ = TenureHazard.fit(histories, self.horizon_days)

    def _fit(self, X: pd.DataFrame, y: Floats, weight: Floats) -> None:  # noqa: ARG002
        self.overall_ = base_rate(y, weight, prior=0.5, strength=1.0)

    def _fit_without_labels(self, X: pd.DataFrame, weight: Floats) -> None:
        if self.hazard_ is None:
            raise ValueError("no contract has ended yet")
        self.overall_ = 0.5
        aged = X[AGE].notna().to_numpy()
        if weight[aged].sum() > 0:
            self.overall_ = float(np.average(self._predict(X)[aged], weights=weight[aged]))

    def _predict(self, X: pd.DataFrame) -> Floats:
        age = X[AGE].to_numpy(dtype=float)
        p = np.full(len(X), self.overall_)
        if self.hazard_:
            aged = np.isfinite(age)
            p[aged] = self.hazard_.p_ends(age[aged] + self.gap_days, self.horizon_days)
        return p

    def _contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        bias = float(log_odds(np.array(self.overall_)))
        return pd.DataFrame({AGE: log_odds(self._predict(X)) - bias, BIAS: bias}, index=X.index)

    def _get_state(self) -> State:
        hazard = vars(self.hazard_) if self.hazard_ else None
        return {"overall": self.overall_, "hazard": hazard}

    def _set_state(self, state: State) -> None:
        self.overall_ = state["overall"]
        self.hazard_ = TenureHazard(**state["hazard"]) if state["hazard"] else None
