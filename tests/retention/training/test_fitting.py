"""Fitting the parts of a specification: with its weights, its shift and grown parameters."""

import numpy as np
import pandas as pd
import pytest

from models.components.interval import ValueInterval
from retention.training.candidates import GROWTH, CandidateResult, FoldResult
from retention.training.failures import ModelFailed
from retention.training.fitting import fit_scorer, score
from retention.training.folds import Fold
from retention.training.selection import ModelSpec
from tests.support.stub_models import StubMaker, rows_on

TUNED = FoldResult(Fold([0], 10), 2.0, {"rounds": 100}, np.empty(0))
WEIGHTS = {"churn": {"churn_a": 0.7, "churn_b": 0.2}, "value": {"value_a": 0.75, "value_b": 0.25}}


def example_spec() -> ModelSpec:
    interval = ValueInterval().fit([1.0, 2.0], [1.0, 2.0])
    on_folds = {"churn_a": CandidateResult("churn_a", [TUNED])}
    return ModelSpec(WEIGHTS, intercept=-0.5, interval=interval, candidates=on_folds)


def test_the_parts_are_fitted_on_all_rows_and_put_together_as_specified() -> None:
    make, spec = StubMaker(), example_spec()
    scorer = fit_scorer(make, spec, rows_on(0, 10), 10)
    assert [model.fitted[0][0] for model in make.models] == [
        *([[0, 1, 2, 3]] * 2),  # churn
        *([[0, 2], [1, 3]] * 2),  # value of those who stayed, and of those who left
    ]
    assert [(name, weight) for name, _, weight in scorer.churn.parts] == [
        ("churn_a", 0.7),
        ("churn_b", 0.2),
    ]
    for values in (scorer.value_if_kept, scorer.value_if_lost):
        assert {name: weight for name, _, weight in values.parts} == WEIGHTS["value"]
    assert scorer.churn.intercept == -0.5
    assert scorer.interval is spec.interval


def test_rounds_grow_with_the_rows_of_the_refit() -> None:
    make = StubMaker()
    fit_scorer(make, example_spec(), rows_on(0, 10, 20, 30), 10)  # 8 rows; the fold had 2
    assert make.models[0].overrides == {"rounds": round(100 * 4**GROWTH)}


def test_the_failure_of_a_part_is_that_of_its_model() -> None:
    scorer = fit_scorer(
        StubMaker(predictions=[0.5, 0.5, 1.0, 1.0, np.inf, 1.0]), example_spec(), rows_on(0), 10
    )
    with pytest.raises(ModelFailed) as caught:
        score(scorer, pd.DataFrame({"place": [1.0]}), "at the refit")
    assert caught.value.model == "value_b"
    assert caught.value.reason.startswith("failed at the refit: ValueError")
