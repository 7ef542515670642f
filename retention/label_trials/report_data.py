"""What the page and the table on label windows say."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from math import isnan

from retention.core import point_in_time
from retention.i18n.language import Language
from retention.label_trials import trials
from retention.label_trials.recommendation import Recommendation, supported_active_days
from retention.label_trials.setting import LabelWindows, Setting
from retention.label_trials.trials import PastDays, Trial


@dataclass(frozen=True)
class LabelsReport:
    """The trials of one company."""

    company: str
    language: Language
    as_of: dt.date
    setting: Setting
    recommendation: Recommendation
    trials: tuple[Trial, ...]  # of every pair of windows, in order
    of_horizon: tuple[LabelWindows, ...]  # one for each horizon: with the active_days for it
    shared: dict[int, float]  # of the recommended list, by the horizon of the other
    sampled: int  # one of so many customers was looked at

    def trial(self, windows: LabelWindows) -> Trial | None:
        """The figures of a pair of windows."""
        return next((each for each in self.trials if each.outcomes.windows == windows), None)


def labels_report(
    company: str, language: Language, past: PastDays, recommendation: Recommendation, sampled: int
) -> LabelsReport:
    """Try every pair of windows, and compare today's lists of the horizons.

    sampled: one of so many customers is looked at, so lists have so many fewer places.
    """
    setting = past.setting
    places = max(1, setting.capacity // sampled)
    of_horizon = [
        LabelWindows(h, supported_active_days(past, h) or past.active_days(h))
        for h in setting.horizons
    ]
    pairs = sorted({*trials.all_windows(setting), *of_horizon, recommendation.windows})
    every = [past.trial(windows, places) for windows in pairs]
    return LabelsReport(
        company=company,
        language=language,
        as_of=point_in_time.date_of(setting.as_of),
        setting=setting,
        recommendation=recommendation,
        trials=tuple(every),
        of_horizon=tuple(of_horizon),
        shared=_shared(every, of_horizon, recommendation.windows),
        sampled=sampled,
    )


def _shared(
    every: Sequence[Trial], of_horizon: Sequence[LabelWindows], recommended: LabelWindows
) -> dict[int, float]:
    """The share of the recommended list that the list of each other horizon has too."""
    by_windows = {trial.outcomes.windows: trial.list_now for trial in every}
    own = by_windows[recommended]
    return {
        windows.horizon_days: len(own & by_windows[windows]) / len(own)
        for windows in of_horizon
        if own and by_windows[windows] and windows != recommended
    }


def is_known(trial: Trial | None) -> bool:
    """Whether a past period tells anything of a pair of windows."""
    return trial is not None and not isnan(trial.outcomes.churn_rate.value)
