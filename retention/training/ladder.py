"""What a history allows: the best evidence that it holds, in steps and never off a cliff.

time       folds of past snapshots, and a newest one that none of them saw
newest     one past snapshot to predict, measured with equal weights before it is learnt from
customers  no past snapshot has labels known before another: customers predict each other
history    too few outcomes, none yet, or all alike: only models that need no labels
"""

from dataclasses import dataclass, replace
from typing import Final, Literal

import models
from retention.core import errors, point_in_time
from retention.core.params import LabelParams, Params
from retention.training.folds import Fold, TimeSplit, split_by_customer, split_by_time
from retention.training.rows import LabelledRows

Rung = Literal["time", "newest", "customers", "history"]

BANNERS: Final[dict[Rung, str]] = {
    "newest": (
        "There is only enough history to check these chances on one past period: take them with "
        "care."
    ),
    "customers": (
        "History is too short to test these chances on a later period: they were tested on other "
        "customers of the same period."
    ),
    "history": (
        "Too few outcomes are known to learn from: the chances follow from each customer's own "
        "rhythm, or time under contract, alone."
    ),
}


@dataclass(frozen=True)
class Evidence:
    """The folds that history allows, the models that may be used, and what people must know."""

    rung: Rung
    split: TimeSplit
    models: tuple[str, ...]  # names

    @property
    def banners(self) -> list[str]:
        """For people who read the list."""
        return [BANNERS[self.rung]] if self.rung in BANNERS else []


def find_evidence(rows: LabelledRows, params: Params) -> Evidence:
    """The best evidence that labelled rows hold.

    Parameters
    ----------
    rows : LabelledRows
    params : Params

    Returns
    -------
    Evidence

    Raises
    ------
    Guarded
        If there is no row.
    """
    every = tuple(
        name
        for name, model in models.discover().items()
        if params.labels.churn.rule in model.label_rules
    )
    if not len(rows.day):
        raise errors.Guarded(
            "not enough history: no snapshot has a mature label yet; shorten labels.churn "
            "(active_days, horizon_days) in params.yaml or wait"
        )
    if not rows.has_labels:
        return Evidence("history", TimeSplit([], None), _without_labels(every))
    delay, min_churners = point_in_time.label_delay_days(params.labels), params.train.min_churners
    days = sorted(set(rows.day.tolist()))
    split = split_by_time(days, delay, params.train.folds)
    split = _usable(rows, split, min_churners)
    if split.test_fold is not None:
        rung: Rung = "time" if split.development(delay) else "newest"
        return Evidence(rung, split, every)
    split = split_by_customer(days)
    if min(rows.n_churners, rows.n_stayers) >= min_churners and _all_usable(rows, split.folds, 1):
        return Evidence("customers", split, every)
    return Evidence("history", TimeSplit([], None), _without_labels(every))


def rung_of_days(learning: list[int], labels: LabelParams, max_folds: int) -> Rung:
    """The best evidence that snapshots allow where enough customers leave.

    Parameters
    ----------
    learning : list of int
        Day numbers of snapshots with mature labels, ascending.
    labels : LabelParams
    max_folds : int
        As `train.folds`.

    Returns
    -------
    Rung
    """
    delay = point_in_time.label_delay_days(labels)
    split = split_by_time(learning, delay, max_folds)
    if split.test_fold is None:
        return "customers" if learning else "history"
    return "time" if split.development(delay) else "newest"


def _usable(rows: LabelledRows, split: TimeSplit, min_churners: int) -> TimeSplit:
    folds = [fold for fold in split.folds if _all_usable(rows, [fold], min_churners)]
    return replace(split, folds=folds, test_fold=folds[-1] if folds else None)


def _all_usable(rows: LabelledRows, folds: list[Fold], min_churners: int) -> bool:
    """Whether every fold has enough churners to fit on, and both outcomes in both of its parts."""
    return all(
        (train := rows.training(fold)).n_churners >= min_churners
        and train.has_both_outcomes
        and rows.tests([fold]).has_both_outcomes
        for fold in folds
    )


def _without_labels(names: tuple[str, ...]) -> tuple[str, ...]:
    classes = models.discover()
    return tuple(name for name in names if not classes[name].needs_labels)
