"""What the trials of label windows are about: the company, its history and the windows to try."""

from dataclasses import dataclass
from typing import Final

from retention.cohort.calendar import build_calendar
from retention.core import point_in_time
from retention.core.params import ChurnLabel, LabelParams, SnapshotParams
from retention.training.ladder import rung_of_days

HORIZONS: Final = (14, 30, 60, 90, 180, 365)
"""Days that a horizon may have: all of them are windows of features."""

ACTIVE_HORIZONS: Final = (1, 2, 4)
"""How many horizons long `active_days` may be."""

_YEAR: Final = 365
_LONGEST: Final = 10 * 365  # days of history that are searched


@dataclass(frozen=True, order=True)
class LabelWindows:
    """A churn label to try."""

    horizon_days: int
    active_days: int


@dataclass(frozen=True)
class Setting:
    """A company's label and history; days are numbers."""

    labels: LabelParams
    snapshots: SnapshotParams
    as_of: int
    first_day: int  # of the label's events
    min_churners: int
    folds: int
    capacity: int

    @property
    def history_days(self) -> int:
        return self.as_of - self.first_day

    @property
    def follow_up_days(self) -> int:
        """How long after being counted as lost somebody may come back; one for all horizons.

        A year, or a quarter of a shorter history. As long again as the horizon would not do: of a
        longer horizon it would be a longer time in which to come back.
        """
        return min(_YEAR, self.history_days // 4)

    @property
    def is_cancel(self) -> bool:
        return self.labels.churn.rule == "cancel"

    @property
    def configured(self) -> LabelWindows:
        churn = self.labels.churn
        return LabelWindows(churn.horizon_days, churn.active_days)

    @property
    def horizons(self) -> list[int]:
        """The horizons to try, with that of params.yaml."""
        return sorted({*HORIZONS, self.labels.churn.horizon_days})

    @property
    def testable_horizons(self) -> list[int]:
        """The horizons of which the history can test at least the shortest windows."""
        windows = {h: LabelWindows(h, self.active_lengths(h)[0]) for h in self.horizons}
        needed = {h: self.needed_days(each) for h, each in windows.items()}
        return [h for h, days in needed.items() if days is not None and days <= self.history_days]

    def active_lengths(self, horizon: int) -> list[int]:
        """The `active_days` that may be recommended with a horizon.

        By rule `cancel` it only says how much history comes before the first snapshot: one.
        """
        return [n * horizon for n in ((2,) if self.is_cancel else ACTIVE_HORIZONS)]

    def active_days(self, horizon: int) -> list[int]:
        """The `active_days` to try with a horizon, with those of params.yaml."""
        own = {self.configured.active_days} if horizon == self.configured.horizon_days else set()
        return sorted({*self.active_lengths(horizon), *own})

    def churn(self, windows: LabelWindows) -> ChurnLabel:
        """The company's churn label with other windows."""
        changes = {"horizon_days": windows.horizon_days, "active_days": windows.active_days}
        return self.labels.churn.model_copy(update=changes)

    def delay_days(self, horizon: int) -> int:
        """Days from a snapshot until the label of a horizon is mature."""
        return point_in_time.churn_window(0, self.churn(LabelWindows(horizon, 1))).mature_on

    def needed_days(self, windows: LabelWindows) -> int | None:
        """Days of history with which models can be tested on a later period; None for never."""
        value = self.labels.value.model_copy(update={"horizon_days": windows.horizon_days})
        labels = LabelParams(churn=self.churn(windows), value=value)
        step = max(1, self.snapshots.every_days // 2)
        for days in range(windows.active_days, _LONGEST, step):
            learning = build_calendar(days, 0, labels, self.snapshots).learning
            if rung_of_days(learning, labels, self.folds) == "time":
                return days
        return None
