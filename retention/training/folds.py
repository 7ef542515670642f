"""Splits by time, never by row: what may be learnt from when a snapshot is predicted."""

from dataclasses import dataclass


@dataclass(frozen=True)
class Fold:
    """Day numbers: snapshots whose labels were mature at `test`, and the one predicted."""

    train: list[int]
    test: int


def mature_at(snapshots: list[int], day: int, ripening: int) -> list[int]:
    """The snapshots whose labels were known on `day`: the purge is gap + horizon + settle."""
    return [snapshot for snapshot in snapshots if snapshot + ripening <= day]


def rolling(snapshots: list[int], ripening: int, most: int) -> list[Fold]:
    """The newest `most` folds that history allows, oldest first; none when it is too short."""
    found = [Fold(mature_at(snapshots, day, ripening), day) for day in snapshots]
    return [fold for fold in found if fold.train][-most:]


@dataclass(frozen=True)
class Split:
    """What is learnt on, and what only measures.

    `folds` fix the recipe; `measure` is the fold whose test snapshot nothing else has seen: no
    label that was open on its day is used before it. None where history allows none.
    """

    folds: list[Fold]
    measure: Fold | None


def split(snapshots: list[int], ripening: int, most: int) -> Split:
    """The newest mature snapshot measures; the folds lie among those mature on its day."""
    if not snapshots:
        return Split([], None)
    newest = snapshots[-1]
    development = mature_at(snapshots, newest, ripening)
    measure = Fold(development, newest) if development else None
    return Split(rolling(development, ripening, most), measure)
