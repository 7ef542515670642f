"""Try label windows on a company's own past, before anything is trained."""

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise

import pandas as pd

from models.components.rfm import RECENCY
from retention.cohort.episodes import contract_chains
from retention.core import point_in_time
from retention.core.engine import Engine
from retention.core.point_in_time import Frame
from retention.label_trials import figures
from retention.label_trials.figures import Days, Estimate95
from retention.label_trials.past_days import customers_on, label_events
from retention.label_trials.setting import LabelWindows, Setting

MAX_BACK = 0.2
"""Lost means lost where at most this share of those counted as lost come back.

It is a convention and no estimate: four of five who are counted as lost stay away. The same share
decides whom a cohort still holds: of customers silent for `active_days` more than it still come.
"""


@dataclass(frozen=True)
class Outcomes:
    """What happened to the cohorts of a pair of windows."""

    windows: LabelWindows
    churn_rate: Estimate95
    back_rate: Estimate95
    noticed_rate: Estimate95 | None  # of contracts
    n_lost: float  # on average on a day
    n_customers: float
    needed_days: int | None  # of history, until a later period can test models
    n_days: int  # past days that it was tried on


@dataclass(frozen=True)
class Trial:
    """All figures of a pair of windows."""

    outcomes: Outcomes
    auc: Estimate95
    list_now: frozenset[str]  # who would be on today's list


@dataclass(frozen=True)
class PastDays:
    """The customers on all days that the trials need."""

    setting: Setting
    days: Days

    def active_days(self, horizon: int) -> int:
        """The longest silence after which customers still come often enough within the horizon.

        Twice the horizon where too few were silent for long to say; so too by rule `cancel`.
        """
        lengths = self.setting.active_lengths(horizon)
        for shorter, longer in pairwise(lengths):
            rate = figures.still_coming_rate(self.setting, self.days, horizon, shorter, longer)
            if rate.n < self.setting.min_churners:
                return max(shorter, 2 * horizon)
            if rate.value <= MAX_BACK:
                return shorter
        return lengths[-1]

    def outcomes(self, windows: LabelWindows) -> Outcomes:
        """Who was lost by a pair of windows, and who came back."""
        days = figures.labelled_days(self.setting, self.days, windows)
        followed = figures.labelled_days(self.setting, self.days, windows, is_followed=True)
        n_days = max(len(days), 1)
        return Outcomes(
            windows=windows,
            churn_rate=figures.churn_rate(days),
            back_rate=figures.back_rate(followed),
            noticed_rate=figures.noticed_rate(days) if self.setting.is_cancel else None,
            n_lost=sum(day.churned.sum() for day in days) / n_days,
            n_customers=sum(len(day.churned) for day in days) / n_days,
            needed_days=self.setting.needed_days(windows),
            n_days=len(days),
        )

    def trial(self, windows: LabelWindows, capacity: int) -> Trial:
        """All figures of a pair of windows, with today's list by the newest known label."""
        days = figures.labelled_days(self.setting, self.days, windows)
        model = figures.fitted(days[0], self.setting.min_churners) if days else None
        list_now = frozenset[str]()
        if model is not None:
            rows = self.days[self.setting.as_of]
            if not self.setting.is_cancel:
                rows = rows[rows[RECENCY] <= windows.active_days]
            list_now = figures.top_customers(model, rows, capacity)
        auc = figures.auc(days, self.setting.min_churners)
        return Trial(self.outcomes(windows), auc, list_now)


def past_days(
    setting: Setting, horizons: Sequence[int], events: Frame, open_engine: Engine, restated: bool
) -> PastDays:
    """Look at the customers of each day that the horizons need, and of as_of.

    events: all versions of all events; restated: whether any has several.
    """
    versions = open_engine.materialize(label_events(events, setting))
    newest = open_engine.materialize(
        point_in_time.as_known_at(versions, setting.as_of, restated).drop("age")
    )
    chains = open_engine.materialize(contract_chains(newest)) if setting.is_cancel else newest
    wanted = {
        day
        for horizon in horizons
        for choose in (figures.period_days, figures.followed_days)
        for day in choose(setting, horizon)
        if day >= setting.first_day + min(setting.active_days(horizon))
    }
    days: dict[int, pd.DataFrame] = {
        day: customers_on(day, versions, chains, setting, open_engine, restated)
        for day in sorted({*wanted, setting.as_of})
    }
    return PastDays(setting, days)


def all_windows(setting: Setting) -> list[LabelWindows]:
    """Every pair of windows to try."""
    return [
        LabelWindows(horizon, active)
        for horizon in setting.horizons
        for active in setting.active_days(horizon)
    ]
