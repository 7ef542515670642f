"""Candidate models over the folds: parameters known on each fold's day, grown with the rows."""

from typing import Any

import numpy as np
import pytest

import models
from retention.core.errors import Refusal
from retention.core.params import parse_params
from retention.training import candidates
from retention.training.candidates import GROWTH, REFERENCE_ROWS, FoldResult
from retention.training.failures import ModelFailed
from retention.training.folds import Fold
from tests.support.stub_models import StubMaker, StubModel, rows_on

PARAMS = """
time_zone: Europe/London
currency: GBP
sources:
  till: {path: till.csv, key: row_number,
         events: [{kind: purchase, customer_id: who, occurred_at: at}]}
labels: {churn: {rule: silence, horizon_days: 28}, value: {horizon_days: 60}}
train: {seed: 5, models: {churn_lightgbm: {rounds: 7}}}
"""


def on_fold(tuned: dict[str, Any], effective: float = 100.0) -> FoldResult:
    return FoldResult(Fold([0], 10), effective, tuned, np.empty(0))


# Parameters


@pytest.mark.parametrize(
    ("tuned", "params"),
    [
        ([{"rounds": 10}, {"rounds": 90}, {"rounds": 20}], {"rounds": 20}),
        ([{"rounds": 10}, {"rounds": 13}], {"rounds": 12}),  # 11.5: whole, to the even one
        ([{"rate": 0.1}, {"rate": 0.4}], {"rate": 0.25}),
        ([{"rounds": 10, "rate": 1.0}, {"rounds": 30}, {}], {"rounds": 20, "rate": 1.0}),
        ([{}, {}], {}),
    ],
)
def test_on_as_many_rows_parameters_are_the_folds_medians(
    tuned: list[dict[str, Any]], params: dict[str, Any]
) -> None:
    past = [on_fold(each) for each in tuned]
    scaled = candidates.scaled_params(StubMaker(), "churn_stub", past, 100.0)
    assert scaled == pytest.approx(params)
    assert [type(number) for number in scaled.values()] == [type(params[name]) for name in scaled]


def test_what_grows_with_rows_is_carried_to_their_number_and_the_rest_stays() -> None:
    past = [on_fold({"rounds": 100, "rate": 0.2}, 100.0), on_fold({"rounds": 50}, 25.0)]
    scaled = candidates.scaled_params(StubMaker(), "churn_stub", past, 400.0)
    grown = [100 * 4**GROWTH, 50 * 16**GROWTH]
    assert scaled == {"rate": 0.2, "rounds": round(float(np.median(grown)))}


@pytest.mark.parametrize("rows", [REFERENCE_ROWS, 2_000, 200_000, 1])
def test_where_no_fold_is_known_the_models_own_parameters_grow(rows: float) -> None:
    scaled = candidates.scaled_params(StubMaker(), "churn_stub", [], rows)
    expected = round(100 * (rows / REFERENCE_ROWS) ** GROWTH)
    assert scaled == {"rounds": max(1, expected)}  # and the rate stays


def test_models_get_the_seed_of_params_and_the_labels_horizon() -> None:
    make = candidates.model_factory(parse_params(PARAMS))
    assert make("value_last_window").get_params()["horizon_days"] == 60
    params = make("churn_lightgbm").get_params()
    assert (params["seed"], params["rounds"]) == (5, 7)
    assert make("churn_lightgbm", rounds=9).get_params()["rounds"] == 9  # the folds win


# Over the folds


def test_a_folds_parameters_come_only_from_folds_known_on_its_day() -> None:
    history = rows_on(0, 10, 20, 30, 40)
    folds = [Fold([0], 10), Fold([0, 10], 20), Fold([0, 10], 30), Fold([0, 10, 20], 40)]
    tuned = [{"rate": 0.1}, {"rate": 0.2}, {"rate": 0.4}, {"rate": 9.0}]
    make = StubMaker(tuned)
    result = candidates.evaluate_candidate(make, "churn_stub", history, folds, 20)
    assert [fold.tuned for fold in result.folds] == tuned
    rates = [model.overrides.get("rate") for model in make.models]
    # On day 30 the label of 10 is known, on 40 those of 10 and 20; on 10 and 20 none.
    assert rates == [None, None, pytest.approx(0.1), pytest.approx(0.15)]


def test_a_fold_is_fitted_on_its_own_past_and_predicts_its_own_test() -> None:
    history, folds = rows_on(0, 10, 20, 30), [Fold([0], 20), Fold([0, 10], 30)]
    make = StubMaker(predictions=[0.2, 0.3])
    result = candidates.evaluate_candidate(make, "churn_stub", history, folds, 20)
    shown = [(model.fitted[0][0], model.tested[0]) for model in make.models]
    assert shown == [([0, 1], [4, 5]), ([0, 1, 2, 3], [6, 7])]
    assert result.predicted.tolist() == [0.2, 0.2, 0.3, 0.3]
    assert [fold.effective for fold in result.folds] == [2, 3]  # the windows of 0 and 10 overlap


def test_a_result_on_some_folds_keeps_their_predictions_in_order() -> None:
    history, folds = rows_on(0, 10, 20, 30), [Fold([0], day) for day in (10, 20, 30)]
    make = StubMaker(predictions=[0.1, 0.2, 0.3])
    result = candidates.evaluate_candidate(make, "churn_stub", history, folds, 10)
    assert result.on([folds[2], folds[0]]).predicted.tolist() == [0.1, 0.1, 0.3, 0.3]


def test_a_value_model_is_fitted_on_those_who_stayed_and_on_those_who_left() -> None:
    make = StubMaker(predictions=[100, 20])
    result = candidates.evaluate_candidate(make, "value_stub", rows_on(0, 10), [Fold([0], 10)], 10)
    assert [model.fitted for model in make.models] == [[([0], [10])], [([1], [0])]]
    assert (result.predicted.tolist(), result.if_lost.tolist()) == ([100, 100], [20, 20])


def test_customers_of_one_period_tune_nothing() -> None:
    make = StubMaker(tuned=[{"rounds": 3}] * 5)
    history = rows_on(0)
    people = [f"customer {number}" for number in range(40)]
    history_of_all = history.take(np.arange(2).repeat(20))
    history_of_all.customer[:] = people
    folds = [Fold([0], 0, part) for part in range(5)]
    result = candidates.evaluate_candidate(make, "churn_stub", history_of_all, folds, 20)
    assert [fold.tuned for fold in result.folds] == [{}] * 5
    assert len(result.predicted) == 40


@pytest.mark.parametrize("figure", [np.nan, np.inf, 1e200, -0.1, 1.1])
def test_what_no_model_may_predict_is_a_failure_on_the_fold(figure: float) -> None:
    make = StubMaker(predictions=[figure])
    with pytest.raises(ModelFailed) as caught:
        candidates.evaluate_candidate(make, "churn_stub", rows_on(0, 10), [Fold([0], 10)], 10)
    assert caught.value.reason.startswith("failed on the fold of 1970-01-11: ValueError")


def test_models_that_fail_drop_out_and_the_others_go_on(monkeypatch: pytest.MonkeyPatch) -> None:
    kinds = dict.fromkeys(["churn_bad", "churn_good"])
    monkeypatch.setattr(models, "discover", lambda: kinds)
    failures: list[ModelFailed] = []
    left = candidates.evaluate_candidates(
        StubMaker(predictions=[np.nan, 0.5]),
        rows_on(0, 10),
        [Fold([0], 10)],
        10,
        failures.append,
    )
    assert [failure.model for failure in failures] == ["churn_bad"]
    assert list(left) == ["churn_good"]


# Names


def test_models_that_stand_beside_are_no_parts() -> None:
    every = list(models.discover())
    blended = candidates.names_of("churn", every)
    assert set(blended) < {name for name in every if candidates.task_of(name) == "churn"}
    assert "churn_recency" not in blended
    assert all(models.discover()[name].blended for name in blended)


@pytest.mark.parametrize(
    ("left", "lacking"),
    [
        (["churn_logistic"], "no value model"),
        (["value_hurdle"], "no churn model"),
        (["churn_recency"], "no churn and no value model"),
    ],
)
def test_a_task_without_a_model_that_may_score_is_refused(left: list[str], lacking: str) -> None:
    with pytest.raises(Refusal, match=lacking):
        candidates.refuse_without_models(left, {})


def test_the_refusal_names_the_models_of_the_task_with_their_reasons() -> None:
    failed = {"churn_logistic": "failed at the refit: X", "value_hurdle": "failed: Y"}
    with pytest.raises(Refusal, match="churn_logistic failed at the refit: X") as caught:
        candidates.refuse_without_models(["value_tweedie"], failed)
    assert "value_hurdle" not in str(caught.value)


def test_the_parts_of_a_pair_are_kept_and_lost() -> None:
    make = StubMaker()
    if_kept, if_lost = candidates.fit_pair(make("value_a"), make("value_a"), rows_on(0, 10))
    assert isinstance(if_kept, StubModel)
    assert isinstance(if_lost, StubModel)
    assert (if_kept.fitted, if_lost.fitted) == ([([0, 2], [10, 10])], [([1, 3], [0, 0])])
