"""Last window's spend, carried forward to the horizon."""

import re

import numpy as np
import pandas as pd

from models.components.base import Floats, State, ValueModel, scale_to

_SPEND = re.compile(r"spend_(\d+)d")


def _windows(X: pd.DataFrame) -> dict[int, str]:
    matches = (_SPEND.fullmatch(str(name)) for name in X.columns)
    return {int(match[1]): match[0] for match in matches if match}


class LastWindow(ValueModel):
    """spend in the window nearest to the horizon * horizon / window * ratio.

    ratio = sum(y) / sum(predicted) on the training rows accounts for margin, costs and regression
    to the mean in total; ranks are those of the spend. Of two windows equally near the shorter
    is taken. A window that begins before the data does (NaN) gives the training mean of y.
    Without labels the ratio is 1, and the mean that of the spend.
    """

    baseline = True
    blended = False
    needs_labels = False
    title = "last window's spend"

    def __init__(self, horizon_days: int = 90) -> None:
        self.horizon_days = horizon_days

    def columns(self, X: pd.DataFrame) -> list[str]:
        """Spend in the window nearest to the horizon; ValueError where X has none."""
        windows = _windows(X)
        if not windows:
            raise ValueError("X misses columns: spend_{w}d of any window w")
        return [windows[min(windows, key=lambda days: (abs(days - self.horizon_days), days))]]

    def _spend_config(self, X: pd.DataFrame) -> Floats:
        ((days, name),) = _windows(X).items()
        return X[name].to_numpy(dtype=float) * (self.horizon_days / days)

    def _fit(self, X: pd.DataFrame, y: Floats, weight: Floats) -> None:
        spend = self._spend_config(X)
        has_window = np.isfinite(spend)
        self.mean_ = float(np.average(y, weights=weight))
        self.ratio_, self.offset_ = 0.0, self.mean_
        if weight[has_window].sum() > 0:
            self.ratio_, self.offset_ = scale_to(
                spend[has_window], y[has_window], weight[has_window]
            )

    def _fit_without_labels(self, X: pd.DataFrame, weight: Floats) -> None:
        spend = self._spend_config(X)
        has_window = np.isfinite(spend) & (weight > 0)
        spend, weight = spend[has_window], weight[has_window]
        self.mean_ = float(np.average(spend, weights=weight)) if len(spend) else 0.0
        self.ratio_, self.offset_ = 1.0, 0.0

    def _predict(self, X: pd.DataFrame) -> Floats:
        spend = self._spend_config(X)
        return np.where(np.isnan(spend), self.mean_, self.ratio_ * spend + self.offset_)

    def _get_state(self) -> State:
        return {"mean": self.mean_, "ratio": self.ratio_, "offset": self.offset_}

    def _set_state(self, state: State) -> None:
        self.mean_, self.ratio_, self.offset_ = (state[k] for k in ("mean", "ratio", "offset"))
