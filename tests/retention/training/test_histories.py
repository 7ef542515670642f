"""The histories of all customers: each fit sees those of its own day; models without labels."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import models
from models.churn_bgnbd import BGNBDChurn
from retention.core import artefacts, point_in_time
from retention.training import candidates, fitting, ladder, rows, selection
from retention.training.folds import Fold
from retention.training.histories import NO_HISTORIES, Histories, read_histories
from tests.support import training_company as small

PARAMS = small.small_params()
MAKE = candidates.model_factory(PARAMS)


def histories_of(*days: int) -> Histories:
    """Each day has a customer with so many repeat purchases as the day's number."""
    table = pa.Table.from_pylist(
        [
            {
                "snapshot_on": point_in_time.date_of(day),
                "repeats": day,
                "last": 5,
                "age": 9,
                "ended": None,
                "customers": 3,
            }
            for day in days
        ],
        schema=artefacts.HISTORIES.schema,
    )
    return read_histories(table)


def test_a_day_has_its_own_histories_or_none() -> None:
    histories = histories_of(7, 8)
    of_day = histories.on(7)
    assert of_day is not None
    assert of_day["repeats"].tolist() == [7]
    assert list(of_day) == ["repeats", "last", "age", "ended", "customers"]
    assert histories.on(9) is None
    assert NO_HISTORIES.on(7) is None


def test_a_fold_is_fitted_on_what_was_seen_by_its_own_day(monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[list[int] | None] = []

    def learn(self: BGNBDChurn, histories: pd.DataFrame | None) -> None:
        read.append(None if histories is None else histories["repeats"].tolist())
        self.model_ = None

    monkeypatch.setattr(BGNBDChurn, "_learn_histories", learn)
    labelled = small.some_rows()
    first, *_, newest = sorted(set(labelled.day.tolist()))
    folds = [Fold([first], day) for day in (newest - 1, newest)]
    labelled = replace(labelled, day=np.where(labelled.day == first, first, newest))
    histories = histories_of(first, newest)
    candidates.evaluate_candidate(MAKE, "churn_bgnbd", labelled, folds[1:], 30, histories)
    assert read == [[newest]]


@pytest.mark.parametrize(
    ("rule", "names"),
    [
        ("silence", {"churn": ["churn_bgnbd"], "value": ["value_bgnbd"]}),
        ("cancel", {"churn": ["churn_tenure"], "value": ["value_last_window"]}),
    ],
)
def test_without_labels_models_that_need_none_suit_the_rule(
    rule: str, names: dict[str, list[str]]
) -> None:
    unlabelled = rows.unlabelled_rows(small.feature_table())
    assert set(unlabelled.day.tolist()) == {small.AS_OF}
    churn = PARAMS.labels.churn.model_copy(update={"rule": rule})
    labels = PARAMS.labels.model_copy(update={"churn": churn})
    evidence = ladder.find_evidence(unlabelled, PARAMS.model_copy(update={"labels": labels}))
    assert evidence.rung == "history"
    assert evidence.banners == [ladder.BANNERS["history"]]
    spec = selection.equal_spec(list(evidence.models), [], {})
    assert {task: list(parts) for task, parts in spec.weights.items()} == names


def test_every_rule_has_models_and_only_those_that_suit_it_compete() -> None:
    labelled = small.some_rows()
    names = ladder.find_evidence(labelled, PARAMS).models
    assert "churn_tenure" not in names
    assert {"churn_bgnbd", "value_bgnbd"} <= set(names) <= set(models.discover())


def test_without_labels_value_is_what_those_who_stay_bring_times_the_margin() -> None:
    unlabelled = rows.unlabelled_rows(small.feature_table())
    spec = selection.equal_spec(["churn_bgnbd", "value_bgnbd"], [], {})
    whole = fitting.fit_scorer(MAKE, spec, unlabelled, 30).score(unlabelled.X)
    scorer = fitting.fit_scorer(MAKE, fitting.with_margin(spec, 0.25), unlabelled, 30)
    scores = scorer.score(unlabelled.X)
    assert (scores["value_if_lost"] == 0).all()
    assert (scores["value_if_kept"] > 0).all()
    assert scores["value_if_kept"].to_numpy() == pytest.approx(0.25 * whole["value_if_kept"])
    assert scores[["value_low", "value_high"]].isna().all(axis=None)


def test_few_outcomes_leave_the_models_that_need_none_and_scale_their_value() -> None:
    few = small.rows_with_churners(customers=60, days=1, left=PARAMS.train.min_churners - 1)
    evidence = ladder.find_evidence(few, PARAMS)
    assert evidence.rung == "history"
    spec = selection.equal_spec(list(evidence.models), [], {})
    scores = fitting.fit_scorer(MAKE, spec, few, 30).score(few.X)
    stayed = few.churned == 0
    assert scores["value_if_kept"][stayed].mean() == pytest.approx(few.value[stayed].mean())
    assert (scores["value_if_lost"] == 0).all()
