"""Expected value in one boosted part with a log link."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike

from models.components.base import Floats, State, ValueModel, scale_to
from models.components.boosting import BoostedModel, BoosterConfig, Encoder
from retention.stats.weighted import Weights


@dataclass(eq=False, repr=False, kw_only=True)
class Tweedie(BoostedModel, ValueModel):
    """E[y] = offset + ratio * mean * exp(raw score), by Tweedie loss on max(y, 0).

    The loss takes zeros and a heavy tail at once. One ratio, actual over predicted money on the
    training rows, restores what boosting shrinks away, and what returns and costs take away.

    References
    ----------
    Zhou, Qian & Yang (2022), Tweedie gradient boosting for extremely unbalanced zero-inflated
    data, Communications in Statistics 51.
    """

    baseline = False
    grows_with_rows = ("rounds",)
    title = "compound spend (LightGBM, Tweedie)"

    rounds: int = 120
    power: float = 1.5  # of the variance: 1 is Poisson, 2 gamma

    def _tweedie(self) -> BoosterConfig:
        objective = {"objective": "tweedie", "tweedie_variance_power": self.power}
        return self._booster_config(self.rounds, **objective)

    def _fit(self, X: pd.DataFrame, y: Floats, weight: Floats) -> None:
        money = np.maximum(y, 0.0)
        self.mean_ = float(np.average(money, weights=weight))
        self.encoder_, self.ensemble_ = Encoder.fit(X), None
        if self.mean_ > 0 and len(y) >= 2 * self.min_data_in_leaf:
            relative = money / self.mean_
            self.ensemble_ = self._tweedie().train(self.encoder_, X, relative, weight)
        self.ratio_, self.offset_ = scale_to(self._money(X), y, weight)

    def tune(
        self,
        X: pd.DataFrame,
        y: ArrayLike,
        X_valid: pd.DataFrame,
        y_valid: ArrayLike,
        weight: Weights = None,
        weight_valid: Weights = None,
    ) -> dict[str, int | float]:
        """Rounds at which the Tweedie loss on the later fold is lowest: {"rounds": n}."""
        money, valid = (np.maximum(np.asarray(z, dtype=float), 0.0) for z in (y, y_valid))
        mean = money.mean()
        if mean <= 0 or len(money) < 2 * self.min_data_in_leaf:
            return {}
        rounds = self._tweedie().best_rounds(
            X, money / mean, X_valid, valid / mean, weight, weight_valid
        )
        return {"rounds": rounds}

    def _money(self, X: pd.DataFrame) -> Floats:
        if self.ensemble_ is None:
            return np.full(len(X), self.mean_)
        return np.asarray(self.mean_ * np.exp(self.ensemble_.raw(self.encoder_.transform(X))))

    def _predict(self, X: pd.DataFrame) -> Floats:
        return np.asarray(self.ratio_ * self._money(X) + self.offset_)

    def _get_state(self) -> State:
        return {
            "levels": self.encoder_.levels,
            "mean": self.mean_,
            "ratio": self.ratio_,
            "offset": self.offset_,
            "boosters": self.ensemble_.texts() if self.ensemble_ else None,
        }

    def _set_state(self, state: State) -> None:
        self.encoder_ = self._own_encoder(state["levels"])
        self.mean_, self.ratio_, self.offset_ = state["mean"], state["ratio"], state["offset"]
        self.ensemble_ = self._load_ensemble(state["boosters"]) if state["boosters"] else None
