"""What a history allows: every step of the ladder, and where it begins."""

from dataclasses import replace

import numpy as np
import pytest

from models import discover
from retention.core.errors import Guarded
from retention.training.folds import PARTS
from retention.training.ladder import BANNERS, find_evidence
from retention.training.rows import LabelledRows
from tests.support.training_company import DAYS, rows_with_churners, small_params

NEEDED = small_params().train.min_churners
LEAST_STAYERS = 40


def rows_of(snapshots: int, left: int = NEEDED, stayed: int = LEAST_STAYERS) -> LabelledRows:
    return rows_with_churners(left + stayed, snapshots, left=left)


@pytest.mark.parametrize(
    ("snapshots", "left", "rung", "folds"),
    [
        (10, NEEDED, "time", 5),
        (5, NEEDED, "time", 3),  # the label of the third was known on the day of the fifth
        (4, NEEDED, "newest", 2),
        (3, NEEDED, "newest", 1),
        (2, NEEDED, "customers", PARTS),
        (1, NEEDED, "customers", PARTS),
        (1, NEEDED - 1, "history", 0),
        (2, NEEDED - 1, "history", 0),
        (10, NEEDED - 1, "history", 0),
        (10, 1, "history", 0),
    ],
)
def test_each_step_begins_where_its_evidence_is_there(
    snapshots: int, left: int, rung: str, folds: int
) -> None:
    evidence = find_evidence(rows_of(snapshots, left), small_params())
    assert (evidence.rung, len(evidence.split.folds)) == (rung, folds)
    assert (evidence.split.test_fold is not None) == (rung in ("time", "newest"))
    assert evidence.banners == ([BANNERS[evidence.rung]] if rung != "time" else [])
    if rung != "history":
        suited = [name for name, each in discover().items() if "silence" in each.label_rules]
        assert list(evidence.models) == suited


def test_customers_who_stayed_are_needed_like_those_who_left() -> None:
    rungs = [
        find_evidence(rows_of(1, NEEDED, stayed), small_params()).rung
        for stayed in (NEEDED, NEEDED - 1)
    ]
    assert rungs == ["customers", "history"]


def test_without_outcomes_to_learn_from_only_models_that_need_none_are_used() -> None:
    evidence = find_evidence(rows_of(10, 1), small_params())
    assert evidence.models
    assert not any(discover()[name].needs_labels for name in evidence.models)
    assert {name.partition("_")[0] for name in evidence.models} == {"churn", "value"}


def with_one_outcome(rows: LabelledRows, day: int, outcome: float) -> LabelledRows:
    return replace(rows, churned=np.where(rows.day == day, outcome, rows.churned))


@pytest.mark.parametrize("outcome", [0.0, 1.0])
def test_a_snapshot_with_one_outcome_is_no_fold_and_the_newest_other_is_the_test(
    outcome: float,
) -> None:
    rows = with_one_outcome(rows_of(10), DAYS[-1], outcome)
    evidence = find_evidence(rows, small_params())
    tests = [fold.test for fold in evidence.split.folds]
    assert DAYS[-1] not in tests
    assert evidence.split.test_fold == evidence.split.folds[-1]
    assert evidence.rung == "time"


def test_a_fold_needs_its_churners_in_its_own_past() -> None:
    rows = rows_of(10)
    early = np.isin(rows.day, DAYS[:4]) & (rows.customer == rows.customer[0])
    evidence = find_evidence(
        replace(rows, churned=np.where(early, 0.0, rows.churned)), small_params()
    )
    for fold in evidence.split.folds:
        assert rows.training(fold).n_churners >= NEEDED
        assert max(fold.train) >= DAYS[4]
    assert evidence.split.folds


def test_the_refusal_is_for_no_row_and_one_outcome_teaches_nothing() -> None:
    rows = rows_of(10)
    with pytest.raises(Guarded, match="no snapshot has a mature label yet"):
        find_evidence(rows.take(np.zeros(len(rows.day), bool)), small_params())
    for outcome in (0.0, 1.0):
        evidence = find_evidence(replace(rows, churned=np.full(700, outcome)), small_params())
        assert (evidence.rung, evidence.split.folds) == ("history", [])


def test_fewer_churners_may_be_asked_for() -> None:
    params = small_params("min_churners: 30", "min_churners: 5")
    assert find_evidence(rows_of(10, 5), params).rung == "time"
    assert find_evidence(rows_of(10, 4), params).rung == "history"
