"""Splits by time, never by row: the labels that are known when a snapshot is predicted."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fold:
    """A snapshot to predict, and those whose labels were mature on its day; day numbers."""

    train: list[int]  # snapshots to fit on
    test: int  # the snapshot predicted


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


def rolling_folds(snapshots: list[int], label_delay_days: int, max_folds: int) -> list[Fold]:
    """The newest folds that history allows.

    Parameters
    ----------
    snapshots : list of int
        Day numbers, ascending.
    label_delay_days : int
        Days from a snapshot until its labels are mature.
    max_folds : int

    Returns
    -------
    list of Fold
        Oldest first, at most `max_folds`; empty where history is too short.
    """
    folds = [Fold(mature_snapshots(snapshots, day, label_delay_days), day) for day in snapshots]
    return [fold for fold in folds if fold.train][-max_folds:]


@dataclass(frozen=True)
class TimeSplit:
    """Folds for model selection, and the test fold, which is out of time for all of them."""

    folds: list[Fold]  # for model selection, oldest first
    test_fold: Fold | None  # no label open on its test day is used before it; None: short history


def split_by_time(snapshots: list[int], label_delay_days: int, max_folds: int) -> TimeSplit:
    """The newest snapshot is the test; the folds lie among those mature on its day.

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
    """
    if not snapshots:
        return TimeSplit([], None)
    newest = snapshots[-1]
    development = mature_snapshots(snapshots, newest, label_delay_days)
    test_fold = Fold(development, newest) if development else None
    return TimeSplit(rolling_folds(development, label_delay_days, max_folds), test_fold)
