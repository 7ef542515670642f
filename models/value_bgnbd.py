"""BG/NBD times Gamma-Gamma: expected purchase days in the horizon times spend on each."""

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.components.base import Floats, State, ValueModel, base_rate, scale_to
from models.components.bgnbd import BGNBD
from models.components.gamma_gamma import GammaGamma
from models.components.rfm import FREQUENCY, MONEY, RECENCY, TENURE, fit_rows, history


class BGNBDValue(ValueModel):
    """ratio * E[purchase days in horizon_days after gap_days] * E[spend a purchase day].

    ratio = sum(y) / sum(predicted) on the training rows: the two models have no margin, costs or
    seasons, and fitted on churned customers alone the ratio lowers the level to theirs. A customer
    who never bought gets the mean y of such training rows, shrunk to 0 by the weight of ten rows.
    Purchases are fitted on the history of everybody who ever bought (see `BGNBDChurn`), spend on
    the rows. Without labels it is the value of those who stay, E[value] / P(any purchase in
    silence_days), with a ratio of 1.
    """

    baseline = True
    needs_labels = False
    reads_histories = True
    label_rules = ("silence",)
    title = "BG/NBD and Gamma-Gamma"

    def __init__(
        self, horizon_days: int = 90, silence_days: int | None = None, gap_days: int = 0
    ) -> None:
        self.horizon_days = horizon_days
        self.silence_days = silence_days  # after which a customer counts as lost; None: horizon
        self.gap_days = gap_days  # from the snapshot to both windows

    def columns(self, X: pd.DataFrame) -> list[str]:  # noqa: ARG002
        """Recency, tenure, purchase days and spend."""
        return [RECENCY, TENURE, FREQUENCY, MONEY]

    def _learn_histories(self, histories: pd.DataFrame | None) -> None:
        self.purchases_ = BGNBD.fit_histories(histories)

    def _fit(self, X: pd.DataFrame, y: Floats, weight: Floats) -> None:
        bought = self._fit_models(X, weight)
        self.never_bought_ = base_rate(y[~bought], weight[~bought], prior=0.0)
        self.if_kept_, self.ratio_ = False, 0.0
        self.offset_ = base_rate(y[bought], weight[bought], prior=0.0)
        if self.purchases_ and self.spend_:
            self.ratio_, self.offset_ = scale_to(self._money(X), y[bought], weight[bought])

    def _fit_without_labels(self, X: pd.DataFrame, weight: Floats) -> None:
        self._fit_models(X, weight)
        self.if_kept_, self.never_bought_, self.ratio_, self.offset_ = True, 0.0, 1.0, 0.0

    def _fit_models(self, X: pd.DataFrame, weight: Floats) -> NDArray[np.bool_]:
        """Fit purchases, unless histories gave them, and spend, if there is money; who bought."""
        bought, x, _, _ = history(X)
        spend = _spend_a_day(X, bought)
        if self.purchases_ is None:
            self.purchases_ = fit_rows(X, weight)
        has_money = weight[bought][spend > 0].sum() > 0
        self.spend_ = GammaGamma.fit(x + 1, spend, weight[bought]) if has_money else None
        return bought

    def _money(self, X: pd.DataFrame) -> Floats:
        bought, x, t_x, T = history(X)
        if self.purchases_ is None or self.spend_ is None:
            return np.zeros(bought.sum())
        spend = self.spend_.expected_spend(x + 1, _spend_a_day(X, bought))
        end = self.gap_days + self.horizon_days
        purchases = self.purchases_.expected_purchases(x, t_x, T, end)
        if self.gap_days:
            in_gap = self.purchases_.expected_purchases(x, t_x, T, self.gap_days)
            purchases = np.maximum(purchases - in_gap, 0.0)
        if self.if_kept_:
            silence_days = self.silence_days or self.horizon_days
            stays = 1 - self.purchases_.p_silent(x, t_x, T, silence_days, self.gap_days)
            purchases = purchases / np.maximum(stays, _LEAST_STAYS)
        return np.asarray(purchases * spend)

    def _predict(self, X: pd.DataFrame) -> Floats:
        expected = np.full(len(X), self.never_bought_)
        expected[history(X).bought] = self.ratio_ * self._money(X) + self.offset_
        return expected

    def _get_state(self) -> State:
        numbers = {name: getattr(self, name) for name in _NUMBERS}
        models = (self.purchases_, self.spend_)
        return {**numbers, "models": [vars(model) if model else None for model in models]}

    def _set_state(self, state: State) -> None:
        for name in _NUMBERS:
            setattr(self, name, state[name])
        purchases, spend = state["models"]
        self.purchases_ = BGNBD(**purchases) if purchases else None
        self.spend_ = GammaGamma(**spend) if spend else None


_NUMBERS = ("never_bought_", "ratio_", "offset_", "if_kept_")
_LEAST_STAYS = 1e-6
"""P(any purchase) that is divided by at least: 1 - P(silence) has no digits below this."""


def _spend_a_day(X: pd.DataFrame, bought: NDArray[np.bool_]) -> Floats:
    """Mean spend a purchase day of those who bought; unknown spend counts as none."""
    money, days = X.loc[bought, [MONEY, FREQUENCY]].to_numpy(dtype=float).T
    return np.asarray(np.nan_to_num(money) / days)
