"""Which label windows to take: the one rule, for `retention labels` and `retention init`."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final, Literal

from retention.core.engine import Engine
from retention.core.point_in_time import Frame
from retention.label_trials.gaps import Gaps, from_gaps, gaps
from retention.label_trials.setting import LabelWindows, Setting
from retention.label_trials.trials import MAX_BACK, Outcomes, PastDays

Reason = Literal["few come back", "many come back", "enough leave", "most leave", "short history"]

MAX_NOTICED: Final = 0.5
"""Of those whose contract ends: where more had given notice already, most are past keeping."""


@dataclass(frozen=True)
class Recommendation:
    """The windows, why, and what they were compared with."""

    windows: LabelWindows
    reason: Reason
    outcomes: Outcomes | None  # None for a short history
    compared: tuple[Outcomes, ...]  # of each horizon that the history supports, shortest first
    gaps: Gaps


def recommend(past: PastDays, events: Frame, open_engine: Engine, restated: bool) -> Recommendation:
    """Choose the windows that a company's own history speaks for.

    Only windows that the history supports are chosen from: a model can be tested on a later period
    than it learnt from. Of silence, the shortest horizon after which hardly anybody comes back
    (MAX_BACK); where there is none, the longest. Of contracts, the shortest in which as many leave
    as the list has places, most of them without notice at the snapshot. Where nothing is
    supported, the usual gap.

    Parameters
    ----------
    past : PastDays
    events : Frame
        All versions of all events.
    open_engine : Engine
    restated : bool
        Whether any event has several versions.

    Returns
    -------
    Recommendation
    """
    setting = past.setting
    compared = [
        each
        for h in setting.testable_horizons
        if (each := _supported(past, h)) and _is_known(each, setting)
    ]
    usual_gaps = (
        Gaps(0, None, None) if setting.is_cancel else gaps(events, setting, open_engine, restated)
    )
    if not compared:
        return Recommendation(from_gaps(setting, usual_gaps), "short history", None, (), usual_gaps)
    best, reason = _of_contracts(compared, setting) if setting.is_cancel else _of_silence(compared)
    return Recommendation(best.windows, reason, best, tuple(compared), usual_gaps)


def supported_active_days(past: PastDays, horizon: int) -> int | None:
    """The longest `active_days` that customers speak for and the history allows; None for none."""
    setting, longest = past.setting, past.active_days(horizon)
    allowed = [
        days
        for days in setting.active_lengths(horizon)
        if days <= longest
        and (needed := setting.needed_days(LabelWindows(horizon, days))) is not None
        and needed <= setting.history_days
    ]
    return max(allowed, default=None)


def _supported(past: PastDays, horizon: int) -> Outcomes | None:
    active = supported_active_days(past, horizon)
    return None if active is None else past.outcomes(LabelWindows(horizon, active))


def _is_known(outcomes: Outcomes, setting: Setting) -> bool:
    """Whether enough were lost, and followed, to judge; or nobody was, of many customers."""
    if setting.is_cancel:
        return outcomes.n_lost >= setting.min_churners
    is_none_lost = outcomes.n_lost == 0 and outcomes.n_customers >= setting.min_churners
    return is_none_lost or outcomes.back_rate.n >= setting.min_churners


def _back(outcomes: Outcomes) -> float:
    """The share who came back; 0 where nobody was lost."""
    return outcomes.back_rate.value if outcomes.back_rate.n else 0.0


def _of_silence(compared: Sequence[Outcomes]) -> tuple[Outcomes, Reason]:
    few = [each for each in compared if _back(each) <= MAX_BACK]
    return (few[0], "few come back") if few else (compared[-1], "many come back")


def _of_contracts(compared: Sequence[Outcomes], setting: Setting) -> tuple[Outcomes, Reason]:
    enough = [
        each
        for each in compared
        if each.n_lost >= setting.capacity
        and (each.noticed_rate is None or not each.noticed_rate.value > MAX_NOTICED)
        and _back(each) <= MAX_BACK
    ]
    if enough:
        return enough[0], "enough leave"
    return max(compared, key=lambda each: each.n_lost), "most leave"
