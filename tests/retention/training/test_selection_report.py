"""selection.json: the evidence, the weights of the models and the rows."""

from dataclasses import replace
from pathlib import Path
from typing import NamedTuple

import numpy as np
import pytest

from retention.core import artefacts, point_in_time
from retention.core.documents.modelling import SelectionReport
from retention.training import selection
from retention.training.candidates import CandidateResult, FoldResult, model_factory
from retention.training.competition import Competition
from retention.training.folds import Fold
from retention.training.ladder import Evidence, find_evidence
from retention.training.rows import LabelledRows
from retention.training.selection import ModelSpec
from retention.training.selection_report import fold_metrics, selection_report
from tests.support.training_company import (
    AS_OF,
    DAYS,
    LABEL_DELAY_DAYS,
    QUICK_MODELS,
    SNAPSHOTS,
    rows_with_churners,
    small_params,
    some_rows,
    use_quick_models,
)

PARAMS = small_params()


class Selected(NamedTuple):
    """What a selection report is made of."""

    spec: ModelSpec
    evidence: Evidence
    rows: LabelledRows

    def report(self) -> SelectionReport:
        return selection_report(*self, model_factory(PARAMS), PARAMS.labels)


def select(rows: LabelledRows) -> Selected:
    evidence = find_evidence(rows, PARAMS)
    competition = Competition(model_factory(PARAMS), rows, evidence, LABEL_DELAY_DAYS, print)
    competition.evaluate()
    return Selected(competition.select(AS_OF), evidence, rows)


@pytest.fixture(autouse=True)
def _quick_models(monkeypatch: pytest.MonkeyPatch) -> None:
    use_quick_models(monkeypatch)


@pytest.fixture(scope="module")
def selected() -> Selected:
    with pytest.MonkeyPatch.context() as monkeypatch:
        use_quick_models(monkeypatch)
        return select(some_rows())


def test_fold_metrics_are_those_of_each_folds_own_rows() -> None:
    rows = rows_with_churners(4, SNAPSHOTS, left=2)
    right, wrong = np.array([0.9, 0.8, 0.1, 0.2]), np.array([0.1, 0.2, 0.9, 0.8])
    results = [
        FoldResult(Fold(DAYS[:1], DAYS[2]), 4.0, {}, right),
        FoldResult(Fold(DAYS[:2], DAYS[3]), 4.0, {}, wrong),
    ]
    first, second = fold_metrics(CandidateResult("churn_x", results), rows)
    assert (first["roc_auc"], second["roc_auc"]) == (1.0, 0.0)
    assert first["log_loss"] == pytest.approx(-np.log([0.9, 0.8, 0.9, 0.8]).mean())


def test_fold_metrics_of_a_value_model_are_on_those_who_stayed() -> None:
    rows = replace(rows_with_churners(4, 3, left=2), value=np.tile([0.0, 0.0, 10.0, 20.0], 3))
    predicted = np.array([999.0, 999.0, 11.0, 23.0])
    result = FoldResult(Fold(DAYS[:1], DAYS[2]), 4.0, {}, predicted, np.zeros(4))
    (figures,) = fold_metrics(CandidateResult("value_x", [result]), rows)
    assert figures["mae"] == pytest.approx(2.0)


def test_a_figure_that_a_fold_cannot_give_is_null_and_can_be_written(tmp_path: Path) -> None:
    rows = some_rows()
    report = select(replace(rows, value=np.zeros(len(rows.day)))).report()
    assert report.fold_metrics["value_last_window"][0]["spearman"] is None
    artefacts.SELECTION.within(tmp_path).write(report)


def test_the_report_names_the_folds_the_weights_and_its_rows(selected: Selected) -> None:
    report = selected.report()
    assert (report.rule, report.evidence) == (selection.RULE, "time")
    assert report.weights == selected.spec.weights
    assert report.intercept == selected.spec.intercept
    assert report.chosen == selected.spec.main
    for task, parts in report.weights.items():
        assert parts[report.chosen[task]] == max(parts.values())
        for name, weight in parts.items():
            assert f"{name} {weight:.2f}" in report.why[task]
    folds = selected.evidence.split.folds
    assert [fold.test for fold in report.folds] == [
        point_in_time.date_of(fold.test) for fold in folds
    ]
    newest = point_in_time.date_of(DAYS[-1])
    assert report.measured_on is not None
    assert report.measured_on.test == newest == report.trained_to == report.folds[-1].test
    assert report.fold_rows == (120,) * len(folds)
    assert report.churners == selected.rows.n_churners
    assert set(report.losses) == set(report.params) == set(QUICK_MODELS)
    assert all(len(tuned) == len(folds) for tuned in report.tuned_per_fold.values())
    assert report.failed == {}


def test_without_folds_the_report_says_that_nothing_was_compared(tmp_path: Path) -> None:
    spec = selection.equal_spec(list(QUICK_MODELS), ["too little"], {"churn_x": "failed"})
    rows = rows_with_churners(40, 1, left=5)
    evidence = find_evidence(rows, PARAMS)
    report = Selected(spec, evidence, rows).report()
    assert report.evidence == "history"
    assert set(report.why.values()) == {selection.NOT_COMPARED}
    assert (report.folds, report.measured_on, report.losses) == ((), None, {})
    assert report.banners == ("too little",)
    assert report.failed == {"churn_x": "failed"}
    artefacts.SELECTION.within(tmp_path).write(report)
