"""selection.json: the folds, the models selected and the rows."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from retention.core import artefacts, point_in_time
from retention.training import selection
from retention.training.competition import Competition
from retention.training.folds import Fold, TimeSplit, split_by_time
from retention.training.rows import LabelledRows
from retention.training.selection import CandidateResult, ModelSpec
from retention.training.selection_report import fold_metrics, selection_report
from tests.support.training_company import (
    DAYS,
    LABEL_DELAY_DAYS,
    QUICK_MODELS,
    SNAPSHOTS,
    rows_with_churners,
    small_params,
    some_rows,
    use_quick_models,
)

Selected = tuple[ModelSpec, TimeSplit, LabelledRows]


def select(rows: LabelledRows) -> Selected:
    with pytest.MonkeyPatch.context() as monkeypatch:
        use_quick_models(monkeypatch)
        split = split_by_time(DAYS, LABEL_DELAY_DAYS, max_folds=5)
        make = selection.model_factory(small_params())
        competition = Competition(make, rows, split.folds, LABEL_DELAY_DAYS, [], print)
        competition.evaluate()
        return competition.complete(competition.select()), split, rows


@pytest.fixture(scope="module")
def selected() -> Selected:
    return select(some_rows())


def test_fold_metrics_are_those_of_each_folds_own_rows() -> None:
    rows = rows_with_churners(4, SNAPSHOTS, left=2)
    folds = [Fold(DAYS[:1], DAYS[2]), Fold(DAYS[:2], DAYS[3])]
    tests = rows.on(fold.test for fold in folds)
    p = np.array([0.9, 0.8, 0.1, 0.2, 0.1, 0.2, 0.9, 0.8])  # right, then wrong
    first, second = fold_metrics(CandidateResult("churn_x", [], {}, p), tests, folds)
    assert (first["roc_auc"], second["roc_auc"]) == (1.0, 0.0)
    assert first["log_loss"] == pytest.approx(-np.log([0.9, 0.8, 0.9, 0.8]).mean())


def test_a_figure_that_a_fold_cannot_give_is_null_and_can_be_written(tmp_path: Path) -> None:
    rows = some_rows()
    without_value = replace(rows, value=np.zeros(len(rows.day)))
    report = selection_report(*select(without_value))
    assert report.fold_metrics["value_last_window"][0]["spearman"] is None
    artefacts.SELECTION.within(tmp_path).write(report)


def test_the_report_names_the_folds_the_selection_and_its_rows(selected: Selected) -> None:
    spec, split, rows = selected
    report = selection_report(*selected)
    assert report.rule == selection.RULE
    assert report.chosen == {"churn": spec.churn, "value": spec.value}
    assert [fold.test for fold in report.folds] == [
        point_in_time.date_of(fold.test) for fold in split.folds
    ]
    newest = point_in_time.date_of(DAYS[-1])
    assert report.measured_on is not None
    assert report.measured_on.test == newest == report.trained_to
    assert report.fold_rows == (120,) * len(split.folds)
    assert report.churners == rows.n_churners
    assert set(report.losses) == set(QUICK_MODELS)
    assert all(len(tuned) == len(report.folds) for tuned in report.tuned_per_fold.values())
