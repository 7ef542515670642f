"""selection.json: the outcome of model selection and its rows, for model card and tracker."""

from math import isfinite
from typing import Final

import numpy as np

import models
from models.components.base import TREATED
from retention.core import point_in_time
from retention.core.documents.modelling import FoldSpan, SelectionReport
from retention.core.params import LabelParams
from retention.stats import weighted
from retention.training import metrics, selection
from retention.training.candidates import CandidateResult, ModelFactory, task_of
from retention.training.folds import Fold
from retention.training.ladder import Evidence
from retention.training.rows import LabelledRows
from retention.training.selection import ModelSpec

_FOLD_METRICS: Final = {
    "churn": (metrics.log_loss, metrics.roc_auc),
    "value": (metrics.mae, metrics.spearman),
}


def fold_metrics(candidate: CandidateResult, rows: LabelledRows) -> list[dict[str, float | None]]:
    """Metrics of a candidate's own predictions on each fold.

    Parameters
    ----------
    candidate : CandidateResult
    rows : LabelledRows

    Returns
    -------
    list of dict
        Per fold the metrics by name; None where a fold cannot give a number. Those of a value
        model are of its value if kept, on the customers who stayed.
    """
    task, per_fold = task_of(candidate.name), []
    for result in candidate.folds:
        tests = rows.tests([result.fold])
        measured = np.ones(len(tests.day), bool) if task == "churn" else tests.churned == 0
        y, predicted = tests.target(task)[measured], result.predicted[measured]
        weight = weighted.unless_equal(tests.weight[measured])
        figures = {metric.__name__: metric(y, predicted, weight) for metric in _FOLD_METRICS[task]}
        per_fold.append(
            {name: figure if isfinite(figure) else None for name, figure in figures.items()}
        )
    return per_fold


def selection_report(
    spec: ModelSpec,
    evidence: Evidence,
    rows: LabelledRows,
    make: ModelFactory,
    labels: LabelParams,
) -> SelectionReport:
    """The content of selection.json.

    Parameters
    ----------
    spec : ModelSpec
        The models put together.
    evidence : Evidence
        The folds that were used.
    rows : LabelledRows
        All rows, on which the refit is made.
    make : callable
        From `model_factory`.
    labels : LabelParams

    Returns
    -------
    SelectionReport
    """
    split = evidence.split
    effective = rows.effective(point_in_time.label_delay_days(labels))
    names = sorted({*spec.candidates, *(name for parts in spec.weights.values() for name in parts)})
    report = SelectionReport(
        rule=selection.RULE,
        evidence=evidence.rung,
        chosen=spec.main,
        weights=spec.weights,
        intercept=spec.intercept,
        why={task: _why(parts, bool(split.folds)) for task, parts in spec.weights.items()},
        losses=spec.losses,
        params={name: spec.params(make, name, effective) for name in names},
        tuned_per_fold={
            name: tuple(result.tuned for result in candidate.folds)
            for name, candidate in spec.candidates.items()
        },
        fold_metrics={
            name: tuple(fold_metrics(candidate, rows))
            for name, candidate in spec.candidates.items()
        },
        folds=tuple(_fold_span(fold) for fold in split.folds),
        measured_on=_fold_span(split.test_fold) if split.test_fold else None,
        fold_rows=tuple(len(rows.tests([fold]).day) for fold in split.folds),
        rows=len(rows.day),
        customers=len(set(rows.customer)),
        churners=rows.n_churners,
        churn_rate=None
        if np.isnan(rows.churned).any()
        else weighted.mean(rows.churned, weighted.unless_equal(rows.weight)),
        trained_to=point_in_time.date_of(int(rows.day.max())),
        features=tuple(name for name in rows.X.columns if name != TREATED),
        banners=tuple(spec.banners),
        titles={name: model.title for name, model in models.discover().items()},
    )
    return report.updated(failed=spec.failed) if spec.failed else report


def _why(parts: dict[str, float], compared: bool) -> str:
    if not compared:
        return selection.NOT_COMPARED
    weights = ", ".join(f"{name} {weight:.2f}" for name, weight in parts.items())
    return f"weights learnt out of fold: {weights}"


def _fold_span(fold: Fold) -> FoldSpan:
    return FoldSpan(
        train_from=point_in_time.date_of(fold.train[0]),
        train_to=point_in_time.date_of(fold.train[-1]),
        train_snapshots=len(fold.train),
        test=point_in_time.date_of(fold.test),
    )
