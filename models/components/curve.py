"""When customers leave: the chance of having left by any day, anchored to the churn probability.

Time is cut into periods. A model gives every customer a hazard for each: the chance of leaving in
it of those who are still there when it begins. The churn probability of the list is the value of
the curve at the label's horizon; hazards say how the chance is spread before it and how it grows
afterwards. Beyond the last period that a history shows, the hazard of that period continues.
"""

from dataclasses import dataclass, field
from typing import Any, Final, Literal, Self

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import expit

from models.components.base import ChurnModel, Floats, State, log_odds
from models.components.bgnbd import BGNBD
from models.components.blend import ChurnBlend, clipped_log_odds, part_log_odds
from models.components.rfm import FREQUENCY, RECENCY, TENURE, history

PERIOD: Final = "period_start"
"""The regressor that models of person-period rows have beside the features: days."""
DAYS_TO_END: Final = "days_to_end"
"""The feature that holds the days to an end that was announced."""
LIST, BTYD = "list", "bgnbd"
"""Names of the parts of a blend that are no models of person-period rows."""
_CERTAIN: Final = 1e-12
_LONGEST_DAYS: Final = 1095
"""Of `expected_days`: who stays longer counts as this."""
_STEPS: Final = (1 / 3, 2 / 3, 1, 1.5, 2, 3, 4, 6, 8, 12, 16, 24, 32, 48, 64, 96)
"""Ends of the periods in label horizons: finer where more is known, and where more leave."""


def period_ends(horizon_days: int, rule: str, most_days: int) -> list[int]:
    """Ends of the periods, in days from the opening of the churn window.

    Parameters
    ----------
    horizon_days : int
        Of the churn label: one of the ends.
    rule : {"silence", "cancel"}
        A silence as long as the horizon cannot be complete before it.
    most_days : int
        How far anybody is followed.

    Returns
    -------
    list of int
        Ascending; the last one within `most_days` at most, the horizon at least.
    """
    ends = sorted({max(1, round(step * horizon_days)) for step in _STEPS})
    first = horizon_days if rule == "silence" else 0
    return [end for end in ends if first <= end and end <= max(most_days, horizon_days)]


@dataclass(frozen=True)
class Curve:
    """Curves of n customers: P(left by day t) = 1 - exp(-cumulative hazard at t).

    Up to the horizon the cumulative hazard is -ln(1 - p) times the share of it that has passed; so
    the curve at the horizon is p, whatever the hazards say.
    """

    horizon: int  # days, of the label
    p: Floats  # (n,), churn probability
    before: Floats  # (n, k), share of the first hazard passed at the ends up to the horizon
    ends_before: list[int]  # (k,), the last is the horizon
    after: Floats  # (n, m), hazard of each later period, cumulative within it
    ends_after: list[int]  # (m,), of the later periods
    announced: Floats = field(default_factory=lambda: np.empty(0))  # (n,) day, NaN: none
    kept_word: float = 1.0  # share of announced ends that came

    def left_by(self, days: float) -> Floats:
        """P(left within so many days of the opening of the churn window), ndarray of shape (n,)."""
        return np.asarray(-np.expm1(-self._cumulative(float(days))))

    def expected_days(self) -> Floats:
        """Mean days until they have left, at most _LONGEST_DAYS; ndarray of shape (n,)."""
        grid = np.unique(np.concatenate([np.arange(0, 366, 7), np.arange(366, _LONGEST_DAYS, 30)]))
        edges = np.append(grid, _LONGEST_DAYS)
        stays = np.column_stack(
            [1 - self.left_by(middle) for middle in edges[:-1] + np.diff(edges) / 2]
        )
        # No BLAS: a row's bits must not depend on the other rows.
        return np.asarray((stays * np.diff(edges)).sum(axis=1))

    def _cumulative(self, days: float) -> Floats:
        first = -np.log1p(-np.clip(self.p, 0.0, 1 - _CERTAIN))
        if days < self.horizon:
            return np.asarray(first * self._passed(days))
        later = np.zeros_like(first)
        start = float(self.horizon)
        rate = np.zeros_like(first)
        for number, end in enumerate(self.ends_after):
            rate = self.after[:, number] / (end - start)
            later = later + rate * (min(days, end) - start)
            start = float(end)
            if days <= end:
                break
        if not self.ends_after:
            rate = first / self.horizon
        if days > start:
            later = later + rate * (days - start)
        if len(self.announced):
            is_due = (self.announced > self.horizon) & (self.announced <= days)
            later = later + np.where(is_due, -np.log1p(-min(self.kept_word, 1 - 1e-6)), 0.0)
        return np.asarray(first + later)

    def _passed(self, days: float) -> Floats:
        """Share of the hazard up to the horizon that has passed by a day before it."""
        n = len(self.p)
        if len(self.ends_before) == 1:  # a silence is complete at the horizon, not before
            passed_share = np.zeros(n)
        else:
            place = int(np.searchsorted(self.ends_before, days))
            start = self.ends_before[place - 1] if place else 0
            passed = self.before[:, place - 1] if place else np.zeros(n)
            part = (days - start) / (self.ends_before[place] - start)
            passed_share = passed + part * (self.before[:, place] - passed)
        if len(self.announced):
            soon = self.announced <= self.horizon
            passed_share = np.where(soon, (self.announced <= days).astype(float), passed_share)
        return np.asarray(passed_share)


@dataclass(frozen=True)
class HazardBlend:
    """Log-odds of a period's hazard = intercept of the period + sum of weight x log-odds of a part.

    Parts are models of person-period rows, BG/NBD for the rule `silence`, and the list's own churn
    probability. Before the horizon the models alone say how the chance is spread.
    """

    rule: Literal["silence", "cancel"]
    horizon: int  # days
    gap: int  # days from the snapshot to the opening
    models: tuple[tuple[str, ChurnModel], ...]  # name of the file, fitted to person-period rows
    weights: dict[str, float]  # by name; of models, LIST and BTYD
    ends: list[int]  # of all periods that are known
    intercepts: list[float]  # of the periods after the horizon
    bgnbd: BGNBD | None = None
    kept_word: float = 1.0  # share of announced ends that came

    @property
    def known_days(self) -> int:
        """Where the tail begins."""
        return self.ends[-1]

    @property
    def names(self) -> list[str]:
        """Of the parts whose log-odds `log_odds` gives, in order."""
        return part_names([name for name, _ in self.models], self.rule)

    def log_odds(self, X: pd.DataFrame) -> Floats:
        """Log-odds of the hazards by every part but the list; (n, periods, parts)."""
        return part_hazards(
            self.models, self.bgnbd, X, self.rule, self.horizon, self.gap, self.ends
        )

    def curve(self, X: pd.DataFrame, p: Floats) -> Curve:
        """The curves of customers.

        Parameters
        ----------
        X : DataFrame of shape (n, features)
        p : ndarray of shape (n,)
            Churn probabilities of the list.

        Returns
        -------
        Curve
        """
        return self.combine(self.log_odds(X), p, announced_days(X, self.gap))

    def combine(self, log_odds_of_parts: Floats, p: Floats, announced: Floats) -> Curve:
        """The curves from what `log_odds` gave; announced: see `announced_days`."""
        ends = np.array(self.ends)
        is_before = ends <= self.horizon
        k, n = int(is_before.sum()), len(p)
        before = np.ones((n, 1))
        if k > 1:
            passed_share = expit(_mean_of_models(log_odds_of_parts[:, :k], len(self.models)))
            steps = np.cumsum(-np.log1p(-np.clip(passed_share, 1e-9, 1 - 1e-9)), axis=1)
            before = steps / steps[:, -1:]
        later = log_odds_of_parts[:, k : len(ends)]
        eta = np.tile(np.array(self.intercepts, dtype=float), (n, 1))
        for number, name in enumerate(self.names):
            eta = eta + self.weights.get(name, 0.0) * later[:, :, number]
        eta = eta + self.weights.get(LIST, 0.0) * clipped_log_odds(p)[:, None]
        after = np.logaddexp(0.0, np.clip(eta, -30, 30))  # -ln(1 - hazard)
        return Curve(
            self.horizon,
            p,
            before,
            ends[is_before].tolist(),
            after,
            ends[~is_before].tolist(),
            announced,
            self.kept_word,
        )

    def state(self) -> State:
        """JSON-able; `from_state` is the inverse."""
        parts = ChurnBlend(tuple((name, model, 1.0) for name, model in self.models))
        return {
            "rule": self.rule,
            "horizon": self.horizon,
            "gap": self.gap,
            "parts": parts.state()["parts"],
            "weights": self.weights,
            "ends": self.ends,
            "intercepts": self.intercepts,
            "bgnbd": vars(self.bgnbd) if self.bgnbd else None,
            "kept_word": self.kept_word,
        }

    @classmethod
    def from_state(cls, state: State) -> Self:
        """The blend whose `state` this was; KeyError if a model's file is no longer there."""
        parts = ChurnBlend.from_state({"parts": state["parts"], "intercept": 0.0}).parts
        own: dict[str, Any] = {
            name: value for name, value in state.items() if name not in ("parts", "bgnbd")
        }
        bgnbd = BGNBD(**state["bgnbd"]) if state["bgnbd"] else None
        return cls(models=tuple((name, model) for name, model, _ in parts), bgnbd=bgnbd, **own)


def part_names(models: list[str], rule: str) -> list[str]:
    """Names of the parts in the order of `part_hazards`: of the models, then BTYD for silence."""
    return [*models, *([BTYD] if rule == "silence" else [])]


def part_hazards(
    models: tuple[tuple[str, ChurnModel], ...],
    bgnbd: BGNBD | None,
    X: pd.DataFrame,
    rule: str,
    horizon: int,
    gap: int,
    ends: list[int],
) -> Floats:
    """Log-odds of the hazard of every period by every part.

    Parameters
    ----------
    models : tuple of (str, ChurnModel)
        Fitted to person-period rows.
    bgnbd : BGNBD or None
    X : DataFrame of shape (n, features)
    rule : {"silence", "cancel"}
    horizon, gap : int
        Days, of the churn label.
    ends : list of int
        Of the periods, days.

    Returns
    -------
    ndarray of shape (n, periods, parts)
        0 for every customer where BG/NBD is none.
    """
    parts = len(models) + (rule == "silence")
    hazards = np.zeros((len(X), len(ends), parts))
    for number, start in enumerate([0, *ends[:-1]]):
        rows = X.assign(**{PERIOD: float(start)})
        for place, (_, model) in enumerate(models):
            hazards[:, number, place] = part_log_odds(model, rows)
    if rule == "silence" and bgnbd is not None:
        hazards[:, :, -1] = _bgnbd_hazards(bgnbd, X, horizon, gap, ends)
    return hazards


def _bgnbd_hazards(
    bgnbd: BGNBD, X: pd.DataFrame, horizon: int, gap: int, ends: list[int]
) -> Floats:
    """Log-odds of the hazards by BG/NBD: of the chance to be silent in the window that ends then.

    Returns
    -------
    ndarray of shape (n, periods)
        0 for who never bought, of whom it knows nothing.
    """
    if not {RECENCY, TENURE, FREQUENCY} <= set(X.columns):
        return np.zeros((len(X), len(ends)))
    bought, x, t_x, T = history(X)
    hazards = np.zeros((len(X), len(ends)))
    stays = np.ones(len(x))
    for number, end in enumerate(ends):
        silent = bgnbd.p_silent(x, t_x, T, horizon, gap + max(0, end - horizon))
        still = np.minimum(1 - silent, stays)
        with np.errstate(divide="ignore", invalid="ignore"):
            hazard = np.where(stays > 0, 1 - still / stays, 1.0)
        hazards[bought, number] = log_odds(np.clip(hazard, 1e-5, 1 - 1e-5))
        stays = still
    return hazards


def announced_days(X: pd.DataFrame, gap: int) -> Floats:
    """The day of an announced end in days from the opening of the churn window, NaN without one.

    Parameters
    ----------
    X : DataFrame of shape (n, features)
    gap : int
        Days from the snapshot to the opening.

    Returns
    -------
    ndarray of shape (n,)
        Who ends on the first day of the window has left within 1 day.
    """
    if DAYS_TO_END not in X.columns:
        return np.full(len(X), np.nan)
    days = X[DAYS_TO_END].to_numpy(dtype=float, na_value=np.nan) - gap + 1
    return np.where(days >= 1, days, np.nan)


def _mean_of_models(log_odds_of_parts: Floats, count: int) -> Floats:
    """The mean log-odds of the models of person-period rows; zeros without any."""
    shape = log_odds_of_parts.shape[:2]
    return log_odds_of_parts[:, :, :count].mean(axis=2) if count else np.zeros(shape)


def person_periods(
    left: Floats, followed: NDArray[np.int64], ends: list[int]
) -> tuple[NDArray[np.intp], NDArray[np.intp], Floats]:
    """Rows of customers by periods, of which each is known from its beginning to its end.

    A period counts where the customer was there when it began and it had ended, as far as it is
    followed; later ones are not known, and contribute nothing (right-censoring).

    Parameters
    ----------
    left : ndarray of shape (n,)
        Days after which a customer left, NaN: not within the follow-up.
    followed : ndarray of shape (n,)
        Days of follow-up.
    ends : list of int
        Of the periods, days.

    Returns
    -------
    row, period : ndarray of shape (m,)
        Positions.
    event : ndarray of shape (m,)
        1 where the customer left in the period.
    """
    upto = np.array(ends)
    start = np.array([0, *ends[:-1]])
    gone = np.where(np.isnan(left) | (left > followed), np.inf, left)
    at_risk = (gone[:, None] > start) & (upto <= followed[:, None])
    row, period = np.nonzero(at_risk)
    return row, period, (gone[row] <= upto[period]).astype(float)
