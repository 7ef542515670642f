"""What a customer is worth to a horizon, and what it costs when they leave."""

from dataclasses import dataclass
from typing import Any, Self

import numpy as np
import pandas as pd

from models.components.base import Floats, State
from models.components.curve import Curve, HazardBlend
from models.components.interval import ValueInterval
from retention.core.artefacts.modelling import LEAVE_WITHIN, LIFETIME_COLUMNS

NAME = "lifetime"
"""The stem of the file beside the churn and value models."""
COLUMNS = tuple(column.name for column in LIFETIME_COLUMNS)


@dataclass(frozen=True)
class WindowFactors:
    """What the value windows after the label's bring, in shares of the first window's if kept."""

    there: list[float]  # of those still there at the window's end, from the second window on
    leaving: list[float]  # of those who leave in it
    gone: list[float]  # of those who had left before: returns, and who comes back
    windows_known: (
        int  # windows that a history shows, the first included; later ones are as the last
    )

    def shares_of(self, window: int) -> tuple[float, float, float]:
        """The three shares of a window, counted from 1; later ones are as the last known."""
        place = min(window - 2, len(self.there) - 1)
        return self.there[place], self.leaving[place], self.gone[place]


@dataclass(frozen=True)
class LifetimeValue:
    """Value windows added up to a horizon.

    The first window is that of the list: `value_if_kept` for who stays in the label window,
    `value_if_lost` for who leaves. In a later window j, of shares a, b, c (`WindowFactors`) and
    with S_j the chance of being still there at its end, a customer brings
    (S_j a + (S_j-1 - S_j) b + (1 - S_j-1) c) value_if_kept.
    """

    window_days: int  # of the value label
    factors: WindowFactors

    def values(
        self, curve: Curve, if_kept: Floats, if_lost: Floats, days: float
    ) -> tuple[Floats, Floats]:
        """Value to a horizon if kept through the label window, and if lost in it.

        Parameters
        ----------
        curve : Curve
            Of n customers.
        if_kept, if_lost : ndarray of shape (n,)
            Of the value window, account currency.
        days : float
            The horizon, from the opening of the window.

        Returns
        -------
        kept, lost : ndarray of shape (n,)
            Account currency.
        """
        first = min(1.0, days / self.window_days)
        if_stays, if_leaves = first * if_kept, first * if_lost
        # Who is there at the end of the label window cannot have left in a value window before it.
        stays = np.maximum(1 - curve.p, 1e-12)
        before = self._there(curve, self.window_days, stays)
        for window in range(2, int(np.ceil(days / self.window_days - 1e-9)) + 1):
            part = min(1.0, days / self.window_days - (window - 1))
            there = np.minimum(self._there(curve, window * self.window_days, stays), before)
            a, b, c = self.factors.shares_of(window)
            if_stays = (
                if_stays + part * (there * a + (before - there) * b + (1 - before) * c) * if_kept
            )
            if_leaves = if_leaves + part * c * if_kept
            before = there
        return if_stays, if_leaves

    @staticmethod
    def _there(curve: Curve, days: int, stays: Floats) -> Floats:
        """P(there after some days | there at the label's horizon)."""
        left = curve.left_by(max(days, curve.horizon))
        return np.clip((1 - left) / stays, 0.0, 1.0)

    def expected(self, curve: Curve, if_kept: Floats, if_lost: Floats, days: float) -> Floats:
        """(1 - p) kept + p lost to a horizon, ndarray of shape (n,), account currency."""
        if_stays, if_leaves = self.values(curve, if_kept, if_lost, days)
        return np.asarray((1 - curve.p) * if_stays + curve.p * if_leaves)


@dataclass(frozen=True)
class Lifetime:
    """Curve, value and interval to one horizon."""

    hazards: HazardBlend
    value: LifetimeValue
    horizon_days: int
    interval: ValueInterval | None  # of the value to `interval_days`; None: no ends
    interval_days: int = 0  # the longest horizon for which realised values are known

    def predict(self, X: pd.DataFrame, p: Floats, if_kept: Floats, if_lost: Floats) -> pd.DataFrame:
        """The columns that a list has of the time beyond its label.

        Parameters
        ----------
        X : DataFrame of shape (n, features)
        p, if_kept, if_lost : ndarray of shape (n,)
            The list's churn probability, and values of its window in account currency.

        Returns
        -------
        DataFrame of shape (n, 9)
            COLUMNS, indexed as X. A chance of leaving is null for fewer days than the silence that
            counts as leaving; the ends are null where there is no interval.

        Raises
        ------
        ValueError
            If a column is missing, or a result is not finite.
        """
        return self.of_curve(self.hazards.curve(X, p), if_kept, if_lost, X.index)

    def of_curve(
        self, curve: Curve, if_kept: Floats, if_lost: Floats, index: pd.Index
    ) -> pd.DataFrame:
        """`predict` where the curves are known already."""
        unknown = np.full(len(index), np.nan)
        is_silence = self.hazards.rule == "silence"
        columns: dict[str, Floats] = {
            f"leave_within_{days}": unknown
            if is_silence and days < self.hazards.horizon
            else curve.left_by(days)
            for days in LEAVE_WITHIN
        }
        if_stays, if_leaves = self.value.values(curve, if_kept, if_lost, self.horizon_days)
        value = (1 - curve.p) * if_stays + curve.p * if_leaves
        low, high = self._ends(curve, if_kept, if_lost, value)
        columns |= {
            "expected_days": curve.expected_days(),
            "lifetime_value": value,
            "lifetime_low": low,
            "lifetime_high": high,
            "lifetime_loss": if_stays - if_leaves,
        }
        result = pd.DataFrame(columns, index=index)
        finite = ["expected_days", "lifetime_value", "lifetime_loss"]
        if not np.isfinite(result[finite].to_numpy()).all():
            raise ValueError("a lifetime value is not finite")
        return result

    def _ends(
        self, curve: Curve, if_kept: Floats, if_lost: Floats, value: Floats
    ) -> tuple[Floats, Floats]:
        """The interval of the known horizon, in proportion to the value of the whole."""
        if self.interval is None:
            return np.full(len(value), np.nan), np.full(len(value), np.nan)
        windows_known = self.value.expected(curve, if_kept, if_lost, self.interval_days)
        low, high = self.interval.predict(windows_known)
        ratio = np.where(
            windows_known > 0, value / np.where(windows_known > 0, windows_known, 1.0), 1.0
        )
        ratio = np.maximum(ratio, 0.0)
        return low * ratio, high * ratio

    def state(self) -> State:
        """JSON-able; `from_state` is the inverse."""
        return {
            "hazards": self.hazards.state(),
            "window_days": self.value.window_days,
            "factors": vars(self.value.factors),
            "horizon_days": self.horizon_days,
            "interval": self.interval.state() if self.interval else None,
            "interval_days": self.interval_days,
        }

    @classmethod
    def from_state(cls, state: dict[str, Any]) -> Self:
        """The lifetime whose `state` this was; KeyError if a model's file is no longer there."""
        interval = state["interval"]
        return cls(
            HazardBlend.from_state(state["hazards"]),
            LifetimeValue(state["window_days"], WindowFactors(**state["factors"])),
            state["horizon_days"],
            ValueInterval.from_state(interval) if interval else None,
            state["interval_days"],
        )
