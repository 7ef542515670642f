"""The base rate of a coming window, forecast from how it turned at past snapshots.

A model fitted on the past predicts the mean of the past; seasons and trends move it. How far the
log-odds of a past snapshot had to be shifted is known once its labels are. What these shifts have
in common over a year stays. Beyond it two of them speak for the day that is scored: that of the
newest snapshot, and that of the same season of last year. How much each says is learnt from the
company's own past turns, and shrunk to what holds where nothing is known: nothing of the newest
(in a business with seasons it points the wrong way half a year later), half of last year's.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
from numpy.typing import NDArray

from models.components.base import Floats
from models.components.calibration import intercept_for_mean
from retention.training.folds import YEAR_DAYS

PRIOR_NEWEST: Final = 0.0
PRIOR_LAST_YEAR: Final = 0.5
PRIOR_TURNS: Final = 3.0
"""Past turns that the prior counts as."""
LARGEST: Final = 3.0
"""Log-odds that a forecast does not exceed."""


@dataclass(frozen=True)
class Turn:
    """A past snapshot: by how much the log-odds of its customers had to be shifted."""

    day: int  # of the snapshot, day number
    shift: float  # log-odds
    variance: float  # of the shift, by its number of customers alone
    window_share: float = 1.0  # of a turn of its own; label windows that overlap share one


def measure_turns(
    log_odds: Floats, y: Floats, day: NDArray[np.int64], weight: Floats, label_delay_days: int
) -> list[Turn]:
    """The shift that every snapshot needed.

    Parameters
    ----------
    log_odds : ndarray of shape (n,)
        Out-of-fold log-odds of churn.
    y : ndarray of shape (n,)
        1 churned, 0 stayed.
    day : ndarray of shape (n,)
        Day number of each row's snapshot.
    weight : ndarray of shape (n,)
        Row weights.
    label_delay_days : int
        Days from a snapshot until its labels are mature.

    Returns
    -------
    list of Turn
        Oldest first; without snapshots on which all customers have one outcome.
    """

    def shift_of(rows: NDArray[np.bool_]) -> tuple[float, float] | None:
        outcome, z, w = y[rows], log_odds[rows], weight[rows]
        if not 0 < float((w * outcome).sum()) < float(w.sum()):
            return None
        shift = intercept_for_mean(z, outcome, w)
        p = 1 / (1 + np.exp(-(z + shift)))
        variance = 1 / max(float((w * p * (1 - p)).sum()), 1e-9)
        if (w != 1).any():  # a row that stands for ten customers says no more than one
            variance *= float((w * w * p * (1 - p)).sum()) * variance
        return shift, variance

    return _turns(day, label_delay_days, shift_of)


def measure_levels(
    expected: Floats, y: Floats, day: NDArray[np.int64], weight: Floats, label_delay_days: int
) -> list[Turn]:
    """The logarithm of actual over expected money at every snapshot.

    Parameters
    ----------
    expected, y : ndarray of shape (n,)
        Out-of-fold and realised values, account currency.
    day : ndarray of shape (n,)
        Day number of each row's snapshot.
    weight : ndarray of shape (n,)
        Row weights.
    label_delay_days : int
        Days from a snapshot until its labels are mature.

    Returns
    -------
    list of Turn
        Oldest first; without snapshots that brought, or promised, no money.
    """

    def level_of(rows: NDArray[np.bool_]) -> tuple[float, float] | None:
        actual = float((weight[rows] * y[rows]).sum())
        promised = float((weight[rows] * expected[rows]).sum())
        if actual <= 0 or promised <= 0:
            return None
        off = weight[rows] * (y[rows] - expected[rows] * actual / promised)
        variance = float((off**2).sum()) / actual**2  # delta method
        return float(np.log(actual / promised)), variance

    return _turns(day, label_delay_days, level_of)


def _turns(
    day: NDArray[np.int64],
    label_delay_days: int,
    measure: Callable[[NDArray[np.bool_]], tuple[float, float] | None],
) -> list[Turn]:
    """The shift and its variance that `measure` gives of each snapshot's rows, oldest first."""
    turns: list[Turn] = []
    for number in np.unique(day).tolist():
        measured = measure(day == number)
        if measured is not None:
            days = number - turns[-1].day if turns else label_delay_days
            turns.append(Turn(number, *measured, window_share=min(1.0, days / label_delay_days)))
    return turns


def forecast_shift(turns: list[Turn], day: int, label_delay_days: int) -> float:
    """The shift of log-odds expected on a day, from turns whose labels were known on it.

    Parameters
    ----------
    turns : list of Turn
        Oldest first.
    day : int
        Day number of the snapshot that is scored.
    label_delay_days : int
        Days from a snapshot until its labels are mature.

    Returns
    -------
    float
        Log-odds; 0 where no turn is known.
    """
    mature = _known_on(turns, day, label_delay_days)
    if not mature:
        return 0.0
    weights = _weights(mature, label_delay_days)
    steady, signs = _signals(mature, day, label_delay_days)
    forecast = steady + float(weights @ signs)
    return float(np.clip(round(forecast, 6), -LARGEST, LARGEST))


def _steady(earlier: list[Turn]) -> float:
    """What all seasons had in common: the mean shift of turns.

    It counts by the share of a year that they span: turns of one season are no mean of a year.

    Returns
    -------
    float
        Log-odds, shrunk by its own error; 0 for fewer than two turns.
    """
    if len(earlier) < 2:
        return 0.0
    share_of_year = min(1.0, (earlier[-1].day - earlier[0].day) / YEAR_DAYS)
    shifts = np.array([turn.shift for turn in earlier])
    independent = sum(turn.window_share for turn in earlier)
    variance = float(shifts.var(ddof=1)) / independent
    mean = float(shifts.mean())
    return share_of_year * mean * mean**2 / (mean**2 + variance) if mean else 0.0


def _weights(mature: list[Turn], label_delay_days: int) -> Floats:
    """Of the newest shift and of last year's: ridge regression of past turns on their signs."""
    rows = [
        (turn, *_signals(mature, turn.day, label_delay_days))
        for turn in mature
        if _known_on(mature, turn.day, label_delay_days)
    ]
    prior = np.array([PRIOR_NEWEST, PRIOR_LAST_YEAR])
    if not rows:
        return prior
    signs = np.array([sign for _, _, sign in rows])
    shifts = np.array([turn.shift - steady for turn, steady, _ in rows])
    window_share = np.array([turn.window_share for turn, _, _ in rows])
    scale = float(np.mean([turn.shift**2 for turn in mature])) + 1e-12
    moment = (signs * window_share[:, None]).T @ signs + PRIOR_TURNS * scale * np.eye(2)
    target = (signs * window_share[:, None]).T @ shifts + PRIOR_TURNS * scale * prior
    return np.clip(np.linalg.solve(moment, target), 0.0, 1.0)


def _known_on(turns: list[Turn], day: int, label_delay_days: int) -> list[Turn]:
    return [turn for turn in turns if turn.day + label_delay_days <= day]


def _signals(mature: list[Turn], day: int, label_delay_days: int) -> tuple[float, Floats]:
    """The steady shift known on a day, and what the newest and last year's turn add to it.

    Returns
    -------
    steady : float
        Log-odds.
    signs : ndarray of shape (2,)
        Log-odds beyond the steady shift of the newest turn, and of the same season of the year
        before, each shrunk by its own sampling error; 0 where there is none.
    """
    earlier = _known_on(mature, day, label_delay_days)
    steady = _steady(earlier)
    newest = earlier[-1:]
    season = [
        turn for turn in earlier if abs(turn.day - (day - YEAR_DAYS)) <= _reach(label_delay_days)
    ]
    season = sorted(season, key=lambda turn: abs(turn.day - (day - YEAR_DAYS)))[:2]
    return steady, np.array([_shrunk_mean(newest, steady), _shrunk_mean(season, steady)])


def _reach(label_delay_days: int) -> float:
    """Days by which a snapshot of the same season may lie off: a third of a window."""
    return max(15.0, label_delay_days / 3)


def _shrunk_mean(turns: list[Turn], steady: float) -> float:
    if not turns:
        return 0.0
    shift = float(np.mean([turn.shift for turn in turns])) - steady
    variance = float(np.mean([turn.variance for turn in turns]))
    return shift * shift**2 / (shift**2 + variance) if shift else 0.0
