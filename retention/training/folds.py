"""Splits by time, never by row: what may be learnt from when a snapshot is predicted."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fold:
    """Day numbers: snapshots whose labels were mature at `test`, and the one predicted."""

    train: list[int]
    test: int


def mature_snapshots(snapshots: list[int], day: int, label_delay_days: int) -> list[int]:
    """The snapshots whose labels were known on `day`: the purge is gap + horizon + settle."""
    return [snapshot for snapshot in snapshots if snapshot + label_delay_days <= day]


def rolling_folds(snapshots: list[int], label_delay_days: int, max_folds: int) -> list[Fold]:
    """The newest `most` folds that history allows, oldest first; none when it is too short."""
    folds = [Fold(mature_snapshots(snapshots, day, label_delay_days), day) for day in snapshots]
    return [fold for fold in folds if fold.train][-max_folds:]


@dataclass(frozen=True)
class TimeSplit:
    """What is learnt on, and what only measures.

    `folds` fix the recipe; `measure` is the fold whose test snapshot nothing else has seen: no
    label that was open on its day is used before it. None where history allows none.
    """

    folds: list[Fold]
    test_fold: Fold | None


def split_by_time(snapshots: list[int], label_delay_days: int, max_folds: int) -> TimeSplit:
    """The newest mature snapshot measures; the folds lie among those mature on its day."""
    if not snapshots:
        return TimeSplit([], None)
    newest = snapshots[-1]
    development = mature_snapshots(snapshots, newest, label_delay_days)
    measure = Fold(development, newest) if development else None
    return TimeSplit(rolling_folds(development, label_delay_days, max_folds), measure)
