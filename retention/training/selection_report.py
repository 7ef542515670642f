"""selection.json: the outcome of model selection and its rows, for model card and tracker."""

from math import isfinite
from typing import Final

import models
from models.components.base import TREATED
from retention.core import point_in_time
from retention.core.documents.modelling import FoldSpan, SelectionReport
from retention.training import metrics, selection
from retention.training.folds import Fold, TimeSplit
from retention.training.rows import LabelledRows
from retention.training.selection import CandidateResult, ModelSpec

_FOLD_METRICS: Final = {
    "churn": (metrics.log_loss, metrics.roc_auc),
    "value": (metrics.mae, metrics.spearman),
}


def fold_metrics(
    candidate: CandidateResult, tests: LabelledRows, folds: list[Fold]
) -> list[dict[str, float | None]]:
    """Metrics of a candidate's raw predictions on each fold.

    Parameters
    ----------
    candidate : CandidateResult
    tests : LabelledRows
        The rows of the folds' tests.
    folds : list of Fold

    Returns
    -------
    list of dict
        Per fold the metrics by name; None where a fold cannot give a number.
    """
    task = candidate.name.partition("_")[0]
    y, per_fold = tests.target(task), []
    for fold in folds:
        in_test = tests.day == fold.test
        figures = {
            metric.__name__: metric(y[in_test], candidate.predicted[in_test])
            for metric in _FOLD_METRICS[task]
        }
        per_fold.append(
            {name: figure if isfinite(figure) else None for name, figure in figures.items()}
        )
    return per_fold


def selection_report(spec: ModelSpec, split: TimeSplit, rows: LabelledRows) -> SelectionReport:
    """The content of selection.json.

    Parameters
    ----------
    spec : ModelSpec
        The result of model selection.
    split : TimeSplit
        The folds that were used, and the test fold.
    rows : LabelledRows
        All rows, on which the refit is made.

    Returns
    -------
    SelectionReport
    """
    tests = rows.on(fold.test for fold in split.folds)
    report = SelectionReport(
        rule=selection.RULE,
        chosen={"churn": spec.churn, "value": spec.value},
        why=spec.why,
        calibrator=spec.calibrators[spec.churn].name,
        losses=spec.losses,
        params=spec.params,
        tuned_per_fold={
            name: tuple(candidate.tuned) for name, candidate in spec.candidates.items()
        },
        fold_metrics={
            name: tuple(fold_metrics(candidate, tests, split.folds))
            for name, candidate in spec.candidates.items()
        },
        folds=tuple(_fold_span(fold) for fold in split.folds),
        measured_on=_fold_span(split.test_fold) if split.test_fold else None,
        fold_rows=tuple(int((tests.day == fold.test).sum()) for fold in split.folds),
        rows=len(rows.day),
        customers=len(set(rows.customer)),
        churners=rows.n_churners,
        churn_rate=float(rows.churned.mean()),
        trained_to=point_in_time.date_of(int(rows.day.max())),
        features=tuple(name for name in rows.X.columns if name != TREATED),
        banners=tuple(spec.banners),
        titles={name: model.title for name, model in models.discover().items()},
    )
    return report.updated(failed=spec.failed) if spec.failed else report


def _fold_span(fold: Fold) -> FoldSpan:
    return FoldSpan(
        train_from=point_in_time.date_of(fold.train[0]),
        train_to=point_in_time.date_of(fold.train[-1]),
        train_snapshots=len(fold.train),
        test=point_in_time.date_of(fold.test),
    )
