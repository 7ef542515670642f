"""A hurdle model in two boosted parts: P(value > 0), and the mean value given that it is."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit

from models.components.base import Floats, State, ValueModel, scale_to
from models.components.boosting import BoostedModel, BoosterConfig, Encoder, Ensemble
from retention.stats.weighted import Weights


@dataclass(eq=False, repr=False, kw_only=True)
class Hurdle(BoostedModel, ValueModel):
    """E[y] = P(y > 0) E[y | y > 0] + (1 - P(y > 0)) E[y | y <= 0].

    The first part is a binary booster, the second a booster with a log link and Tweedie loss,
    which needs no cap on a lognormal sigma. Boosting shrinks both towards their means and so
    loses the money that comes from their correlation (up to 20 % in simulated heavy tails): one
    ratio, actual over predicted money on the training rows, restores it. The last term is one
    number, the training mean of returns and costs among customers with y <= 0 (0 where nothing is
    ever lost). A part with too few rows for two leaves is its training mean.

    References
    ----------
    Cragg (1971), Some statistical models for limited dependent variables with application to the
    demand for durable goods, Econometrica 39.
    """

    baseline = False
    grows_with_rows = ("rounds_buy", "rounds_spend")
    title = "buy-or-not times how much (LightGBM)"

    rounds_buy: int = 120
    rounds_spend: int = 120

    def _buy_config(self) -> BoosterConfig:
        return self._booster_config(self.rounds_buy, objective="binary")

    def _spend_config(self) -> BoosterConfig:
        return self._booster_config(
            self.rounds_spend, objective="tweedie", tweedie_variance_power=1.5
        )

    def _has_enough_rows(self, rows: float) -> bool:
        return rows >= 2 * self.min_data_in_leaf

    def _fit(self, X: pd.DataFrame, y: Floats, weight: Floats) -> None:
        positive = y > 0
        self.encoder_ = Encoder.fit(X)
        self.positive_rate_ = float(np.average(positive, weights=weight))
        self.mean_positive_ = _mean(y[positive], weight[positive])
        self.mean_lost_ = _mean(y[~positive], weight[~positive])
        self.buy_, self.spend_, self.ratio_ = None, None, 1.0
        if self._has_enough_rows(min(positive.sum(), (~positive).sum())):
            self.buy_ = self._buy_config().train(self.encoder_, X, positive.astype(float), weight)
        if self.mean_positive_ > 0 and self._has_enough_rows(positive.sum()):
            # Targets relative to their mean: the loss does not depend on the currency's unit.
            self.spend_ = self._spend_config().train(
                self.encoder_,
                X.loc[positive],
                y[positive] / self.mean_positive_,
                weight[positive],
            )
        p_positive, money = self._parts(X)
        self.ratio_ = scale_to(p_positive * money, np.where(positive, y, 0.0), weight)[0]

    def tune(
        self,
        X: pd.DataFrame,
        y: ArrayLike,
        X_valid: pd.DataFrame,
        y_valid: ArrayLike,
        weight: Weights = None,
        weight_valid: Weights = None,
    ) -> dict[str, int | float]:
        """{"rounds_buy": n, "rounds_spend": m}; a part with too few rows is left out."""
        target, valid = np.asarray(y, dtype=float), np.asarray(y_valid, dtype=float)
        bought, valid_bought = target > 0, valid > 0
        tuned: dict[str, int | float] = {}
        if self._has_enough_rows(min(bought.sum(), (~bought).sum())):
            tuned["rounds_buy"] = self._buy_config().best_rounds(
                X,
                bought.astype(float),
                X_valid,
                valid_bought.astype(float),
                weight,
                weight_valid,
            )
        if self._has_enough_rows(bought.sum()) and valid_bought.any():
            money = target[bought].mean()
            tuned["rounds_spend"] = self._spend_config().best_rounds(
                X.loc[bought],
                target[bought] / money,
                X_valid.loc[valid_bought],
                valid[valid_bought] / money,
                None if weight is None else weight[bought],
                None if weight_valid is None else weight_valid[valid_bought],
            )
        return tuned

    def _parts(self, X: pd.DataFrame) -> tuple[Floats, Floats]:
        """P(y > 0) and E[y | y > 0] before the ratio, each (n,)."""
        matrix = self.encoder_.transform(X)
        constant = np.full(len(X), self.positive_rate_)
        p_positive = expit(self.buy_.raw(matrix)) if self.buy_ else constant
        relative = np.exp(self.spend_.raw(matrix)) if self.spend_ else np.ones(len(X))
        return np.asarray(p_positive), np.asarray(relative * self.mean_positive_)

    def _predict(self, X: pd.DataFrame) -> Floats:
        p_positive, money = self._parts(X)
        return self.ratio_ * p_positive * money + (1 - p_positive) * self.mean_lost_

    def _get_state(self) -> State:
        return {
            "levels": self.encoder_.levels,
            "share": self.positive_rate_,
            "brought": self.mean_positive_,
            "lost": self.mean_lost_,
            "ratio": self.ratio_,
            "buy": self.buy_.texts() if self.buy_ else None,
            "spend": self.spend_.texts() if self.spend_ else None,
        }

    def _set_state(self, state: State) -> None:
        self.encoder_ = self._own_encoder(state["levels"])
        self.positive_rate_, self.mean_positive_ = state["share"], state["brought"]
        self.mean_lost_, self.ratio_ = state["lost"], state["ratio"]
        self.buy_ = self._optional_ensemble(state["buy"])
        self.spend_ = self._optional_ensemble(state["spend"])

    def _optional_ensemble(self, texts: list[str] | None) -> Ensemble | None:
        return self._load_ensemble(texts) if texts else None


def _mean(y: Floats, weight: Floats) -> float:
    return float(np.average(y, weights=weight)) if weight.sum() > 0 else 0.0
