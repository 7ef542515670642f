"""BG/NBD's probability of no purchase over the horizon: a purchase model, not fitted to labels."""

from itertools import combinations
from math import comb

import numpy as np
import pandas as pd

from models.components.base import BIAS, ChurnModel, Floats, State, base_rate, log_odds
from models.components.bgnbd import BGNBD
from models.components.rfm import FREQUENCY, RECENCY, TENURE, fit_rows, history


class BGNBDChurn(ChurnModel):
    """P(no purchase in horizon_days that begin after gap_days), from x, t_x and T alone.

    Fitted on the history of everybody who ever bought, each counted once. Of a cohort, which is
    selected on a recent purchase, the likelihood learns that hardly anybody drops out; rows of
    several snapshots repeat the same customers. Only without histories it is fitted on rows.
    Labels serve only customers who never bought: they get the churn rate of such training rows,
    shrunk to the rate of all. P(silence), not 1 - P(alive), which is 0 for every one-time buyer.

    Contributions are Shapley values of recency, tenure and purchase days against the median
    customer of the training rows: what each adds to the log-odds, averaged over all orders in which
    the three can be put from the median to the customer's own. Exact, by all 8 combinations.

    References
    ----------
    Shapley (1953), A value for n-person games, Contributions to the Theory of Games II.
    """

    baseline = True
    needs_labels = False
    reads_histories = True
    label_rules = ("silence",)
    title = "BG/NBD, chance of silence"

    def __init__(self, horizon_days: int = 90, gap_days: int = 0) -> None:
        self.horizon_days = horizon_days
        self.gap_days = gap_days  # from the snapshot to the label window

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
        self._learn_median(X)

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
        self._learn_median(X)

    def _learn_median(self, X: pd.DataFrame) -> None:
        bought = X[history(X).bought]
        self.median_ = bought.median().to_dict() if len(bought) else {}

    def _predict(self, X: pd.DataFrame) -> Floats:
        bought, x, t_x, T = history(X)
        p = np.full(len(X), self.never_bought_)
        if self.model_:
            p[bought] = self.model_.p_silent(x, t_x, T, self.horizon_days, self.gap_days)
        return p

    def _contributions(self, X: pd.DataFrame) -> pd.DataFrame:
        if not self.model_ or not self.median_:
            mean = float(log_odds(np.array(self.overall_)))
            rest = log_odds(self._predict(X)) - mean
            return pd.DataFrame({FREQUENCY: rest, BIAS: mean}, index=X.index)
        bought = history(X).bought
        median = pd.DataFrame(self.median_, index=X.index)
        bias = log_odds(self._predict(median))
        parts = pd.DataFrame(0.0, X.index, [RECENCY, TENURE, FREQUENCY])
        parts[bought] = self._shapley(X[bought], median[bought])
        # Who never bought has neither recency nor tenure: that is the whole reason.
        parts.loc[~bought, FREQUENCY] = (log_odds(self._predict(X)) - bias)[~bought]
        return parts.assign(**{BIAS: bias})

    def _shapley(self, X: pd.DataFrame, median: pd.DataFrame) -> Floats:
        """Shapley values (n, 3) of the columns of X, in their order."""
        names = X.columns.tolist()
        own_sets = [set(own) for size in range(4) for own in combinations(names, size)]
        z = {
            frozenset(own): log_odds(self._predict(median.assign(**{k: X[k] for k in own})))
            for own in own_sets
        }
        parts = np.zeros((len(X), len(names)))
        for column, name in enumerate(names):
            for own in own_sets:
                if name not in own:
                    weight = 1 / (len(names) * comb(len(names) - 1, len(own)))
                    parts[:, column] += weight * (z[frozenset(own | {name})] - z[frozenset(own)])
        return parts

    def _get_state(self) -> State:
        model = vars(self.model_) if self.model_ else None
        return {
            "overall": self.overall_,
            "never_bought": self.never_bought_,
            "median": self.median_,
            "model": model,
        }

    def _set_state(self, state: State) -> None:
        self.overall_, self.never_bought_ = state["overall"], state["never_bought"]
        self.median_ = state["median"]
        self.model_ = BGNBD(**state["model"]) if state["model"] else None
