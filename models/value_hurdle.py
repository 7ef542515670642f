"""A hurdle in two boosted parts: will the customer bring money at all, and how much if so."""

import numpy as np
import pandas as pd
from numpy.typing import ArrayLike
from scipy.special import expit

from models.components.base import Floats, State, ValueModel, scale_to
from models.components.boosting import Encoder, Ensemble, Recipe


class Hurdle(ValueModel):
    """E[y] = P(y > 0) E[y | y > 0] + (1 - P(y > 0)) E[y | y <= 0].

    The first part is a binary booster, the second a booster with a log link and Tweedie loss:
    no lognormal sigma to cap. Boosting shrinks both towards their means and so loses the money
    that lies in their going together (up to 20 % in simulated heavy tails): one ratio, the money
    brought over the money predicted on the training rows, puts it back. The last term is one
    number, the training mean of returns and costs among customers who brought no money (0 when
    nothing is ever lost). A part with too few rows for two leaves is its training mean.
    """

    baseline = False
    simplicity = 4
    title = "buy-or-not times how much (LightGBM)"

    def __init__(
        self,
        rounds_buy: int = 120,
        rounds_spend: int = 120,
        learning_rate: float = 0.05,
        num_leaves: int = 15,
        min_data_in_leaf: int = 40,
        feature_fraction: float = 0.5,
        bagging_fraction: float = 0.8,
        lambda_l2: float = 5.0,
        seeds: int = 1,
        seed: int = 20260401,
        threads: int = 2,
    ) -> None:
        self.rounds_buy = rounds_buy
        self.rounds_spend = rounds_spend
        self.learning_rate = learning_rate
        self.num_leaves = num_leaves
        self.min_data_in_leaf = min_data_in_leaf
        self.feature_fraction = feature_fraction
        self.bagging_fraction = bagging_fraction
        self.lambda_l2 = lambda_l2
        self.seeds = seeds
        self.seed = seed
        self.threads = threads

    def _buy(self) -> Recipe:
        return Recipe.of(self, self.rounds_buy, objective="binary")

    def _spend(self) -> Recipe:
        loss = {"objective": "tweedie", "tweedie_variance_power": 1.5}
        return Recipe.of(self, self.rounds_spend, **loss)

    def _enough(self, rows: float) -> bool:
        return rows >= 2 * self.min_data_in_leaf

    def _fit(self, X: pd.DataFrame, y: Floats, weight: Floats) -> None:
        positive = y > 0
        self.encoder_ = Encoder.fit(X)
        self.share_ = float(np.average(positive, weights=weight))
        self.brought_ = _mean(y[positive], weight[positive])
        self.lost_ = _mean(y[~positive], weight[~positive])
        self.buy_, self.spend_, self.ratio_ = None, None, 1.0
        if self._enough(min(positive.sum(), (~positive).sum())):
            self.buy_ = self._buy().train(self.encoder_, X, positive.astype(float), weight)
        if self.brought_ > 0 and self._enough(positive.sum()):
            rows = X.loc[positive]
            self.spend_ = self._spend().train(
                self.encoder_, rows, y[positive] / self.brought_, weight[positive]
            )
        share, money = self._parts(X)
        self.ratio_ = scale_to(share * money, np.where(positive, y, 0.0), weight)[0]

    def tune(
        self, X: pd.DataFrame, y: ArrayLike, X_valid: pd.DataFrame, y_valid: ArrayLike
    ) -> dict[str, int | float]:
        """{"rounds_buy": n, "rounds_spend": m}; a part with too few rows is left out."""
        target, valid = np.asarray(y, dtype=float), np.asarray(y_valid, dtype=float)
        bought, valid_bought = target > 0, valid > 0
        found: dict[str, int | float] = {}
        if self._enough(min(bought.sum(), (~bought).sum())):
            found["rounds_buy"] = self._buy().best_rounds(
                X, bought.astype(float), X_valid, valid_bought.astype(float)
            )
        if self._enough(bought.sum()) and valid_bought.any():
            money = target[bought].mean()
            found["rounds_spend"] = self._spend().best_rounds(
                X.loc[bought],
                target[bought] / money,
                X_valid.loc[valid_bought],
                valid[valid_bought] / money,
            )
        return found

    def _parts(self, X: pd.DataFrame) -> tuple[Floats, Floats]:
        """P(y > 0) and E[y | y > 0] before the ratio, each (n,)."""
        matrix = self.encoder_.transform(X)
        share = expit(self.buy_.raw(matrix)) if self.buy_ else np.full(len(X), self.share_)
        relative = np.exp(self.spend_.raw(matrix)) if self.spend_ else np.ones(len(X))
        return np.asarray(share), np.asarray(relative * self.brought_)

    def _predict(self, X: pd.DataFrame) -> Floats:
        share, money = self._parts(X)
        return self.ratio_ * share * money + (1 - share) * self.lost_

    def _learnt(self) -> State:
        return {
            "levels": self.encoder_.levels,
            "share": self.share_,
            "brought": self.brought_,
            "lost": self.lost_,
            "ratio": self.ratio_,
            "buy": self.buy_.texts() if self.buy_ else None,
            "spend": self.spend_.texts() if self.spend_ else None,
        }

    def _restore(self, learnt: State) -> None:
        self.encoder_ = Encoder(self.feature_names_in_.tolist(), learnt["levels"])
        self.share_, self.brought_ = learnt["share"], learnt["brought"]
        self.lost_, self.ratio_ = learnt["lost"], learnt["ratio"]
        self.buy_ = self._ensemble(learnt["buy"])
        self.spend_ = self._ensemble(learnt["spend"])

    def _ensemble(self, texts: list[str] | None) -> Ensemble | None:
        return Ensemble.from_texts(texts, self.threads) if texts else None


def _mean(y: Floats, weight: Floats) -> float:
    return float(np.average(y, weights=weight)) if weight.sum() > 0 else 0.0
