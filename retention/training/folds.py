"""Splits by time, never by row: the labels that are known when a snapshot is predicted."""

from dataclasses import dataclass
from typing import Final

import numpy as np

PARTS: Final = 5
"""Of the customers, where there is no later period to predict."""
YEAR_DAYS: Final = 365


@dataclass(frozen=True)
class Fold:
    """A snapshot to predict, and those whose labels were mature on its day; day numbers."""

    train: list[int]  # snapshots to fit on
    test: int  # the snapshot predicted
    part: int | None = None  # of the customers, whom the others predict; None: all, by the past


def mature_snapshots(snapshots: list[int], day: int, label_delay_days: int) -> list[int]:
    """Snapshots whose labels were mature on a day.

    Parameters
    ----------
    snapshots : list of int
        Day numbers.
    day : int
        Day number.
    label_delay_days : int
        Days from a snapshot until its labels are mature: gap, horizon and settling.

    Returns
    -------
    list of int
        In the order of `snapshots`. Those between are purged: their labels overlap the day.
    """
    return [snapshot for snapshot in snapshots if snapshot + label_delay_days <= day]


@dataclass(frozen=True)
class TimeSplit:
    """The folds that models are compared and calibrated on."""

    folds: list[Fold]  # oldest first
    test_fold: Fold | None  # the newest, measured by what was known on its day before it is used

    def development(self, label_delay_days: int) -> list[Fold]:
        """The folds whose labels were known on the day of the test fold, oldest first."""
        if self.test_fold is None:
            return []
        day = self.test_fold.test
        return [fold for fold in self.folds if fold.test + label_delay_days <= day]


def split_by_time(snapshots: list[int], label_delay_days: int, max_folds: int) -> TimeSplit:
    """Folds that span the newest year and two label delays, the newest snapshot being one.

    Folds next to each other share most of their label windows: spread out, they show how the
    chances turn with the seasons. The same season of last year is one of them where it exists.

    Parameters
    ----------
    snapshots : list of int
        Day numbers of snapshots with mature labels, ascending.
    label_delay_days : int
        Days from a snapshot until its labels are mature.
    max_folds : int

    Returns
    -------
    TimeSplit
        Without folds where history is too short.
    """
    possible = [Fold(mature_snapshots(snapshots, day, label_delay_days), day) for day in snapshots]
    folds = [fold for fold in possible if fold.train]
    if not folds:
        return TimeSplit([], None)
    newest = folds[-1]
    oldest_day = newest.test - max(YEAR_DAYS, 2 * label_delay_days)
    recent = [fold for fold in folds if fold.test >= oldest_day]
    places = np.linspace(len(recent) - 1, 0, min(max_folds, len(recent)))
    tested = {recent[round(place)].test for place in places.tolist()}
    day_last_year = newest.test + label_delay_days - YEAR_DAYS
    if folds[0].test <= day_last_year + label_delay_days:
        tested.add(min(folds, key=lambda fold: abs(fold.test - day_last_year)).test)
    return TimeSplit([fold for fold in folds if fold.test in tested], newest)


def split_by_customer(snapshots: list[int]) -> TimeSplit:
    """Folds over customers on the newest snapshot; the models see all snapshots of the others.

    Parameters
    ----------
    snapshots : list of int
        Day numbers of snapshots with mature labels, ascending; at least one.

    Returns
    -------
    TimeSplit
        Nothing in it is out of time.
    """
    newest = snapshots[-1]
    return TimeSplit([Fold(snapshots, newest, part) for part in range(PARTS)], None)
