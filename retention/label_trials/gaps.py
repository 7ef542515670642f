"""The usual gap between a customer's days: what is left where history is too short for trials."""

from dataclasses import dataclass
from typing import Final

import narwhals as nw
import numpy as np

from retention.core import point_in_time
from retention.core.engine import Engine
from retention.core.point_in_time import Frame
from retention.label_trials.setting import HORIZONS, LabelWindows, Setting

USUAL: Final = 0.9
"""The share of gaps that a horizon covers."""

_PERIODS: Final = 4
"""Horizons that a history must hold: one to be active in, and two labels, one after the other."""

_CANCEL_DAYS: Final = 90
"""A quarter of a year, where nothing says how long contracts take to end."""


@dataclass(frozen=True)
class Gaps:
    """Gaps in days between a customer's days of the label's kinds; None without any."""

    n: int
    usual: int | None
    middle: int | None


def gaps(events: Frame, setting: Setting, open_engine: Engine, restated: bool) -> Gaps:
    """The usual and the middle gap, of events known at as_of."""
    newest = point_in_time.as_known_at(events, setting.as_of, restated)
    label = newest.filter(nw.col("kind").is_in(setting.labels.churn.kinds))
    days = label.select("customer_id", "occurred_day").unique()
    before = nw.col("occurred_day").shift(1).over("customer_id", order_by="occurred_day")
    counts = open_engine.collect(
        days.with_columns(gap=nw.col("occurred_day") - before)
        .filter(~nw.col("gap").is_null())
        .group_by("gap")
        .agg(n=nw.len()),
        ["gap"],
    )
    total = np.cumsum(counts["n"].to_numpy())
    if not len(total):
        return Gaps(0, None, None)
    lengths = counts["gap"].to_numpy()
    usual, middle = (int(lengths[np.searchsorted(total, q * total[-1])]) for q in (USUAL, 0.5))
    return Gaps(int(total[-1]), usual, middle)


def from_gaps(setting: Setting, usual_gaps: Gaps) -> LabelWindows:
    """The horizon that covers the usual gap, shortened to what the history holds."""
    wanted = _CANCEL_DAYS if setting.is_cancel or usual_gaps.usual is None else usual_gaps.usual
    longest = next((days for days in HORIZONS if days >= wanted), HORIZONS[-1])
    fits = [h for h in HORIZONS if h <= longest and _PERIODS * h <= setting.history_days]
    horizon = fits[-1] if fits else HORIZONS[0]
    return LabelWindows(horizon, 2 * horizon)
