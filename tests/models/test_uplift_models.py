"""Every uplift model keeps the contract, and the doubly robust one earns its place."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import models
from models.components.base import Floats
from models.components.uplift import RISK, Trial, common_share, fold_of, precision
from models.uplift_dr import MODIFIERS, DoublyRobust
from tests.support.experiments import Known, experiment, learner

NAMES = list(models.discover_uplift())
QUICK: dict[str, dict[str, Any]] = {
    "uplift_dr": {"rounds_expected": 10, "rounds": 20, "min_data_in_leaf": 50},
    "uplift_t": {"rounds": 20},
}


def small(name: str, **overrides: Any) -> Any:
    return models.build_uplift(name, 7, 1, {**QUICK.get(name, {}), **overrides})


@pytest.fixture(scope="module")
def known() -> Known:
    return experiment(1200)


@pytest.fixture(scope="module")
def fitted(known: Known) -> dict[str, Any]:
    return {name: small(name).fit(known.X, *known.told) for name in NAMES}


# Discovery


def test_uplift_models_are_a_kind_of_their_own() -> None:
    assert set(NAMES) >= {"uplift_dr", "uplift_none", "uplift_t"}
    assert not set(NAMES) & set(models.discover())
    assert {kind.task for kind in models.discover_uplift().values()} == {"uplift"}


def test_parameters_are_checked_by_name() -> None:
    assert models.build_uplift("uplift_t", 3, 1, {"rounds": 9}).get_params()["rounds"] == 9
    with pytest.raises(ValueError, match="no parameter leaves"):
        models.build_uplift("uplift_dr", 3, 1, {"leaves": 2})


# Contract


@pytest.mark.parametrize("name", NAMES)
def test_effects_are_finite_changes_of_a_probability(
    name: str, known: Known, fitted: dict[str, Any]
) -> None:
    effect = fitted[name].effect(known.X)
    assert effect.shape == (len(known.X),)
    assert (np.abs(effect) <= 1).all()
    assert fitted[name].effect(known.X.iloc[:0]).shape == (0,)


@pytest.mark.parametrize("name", NAMES)
def test_columns_are_read_by_name(name: str, known: Known, fitted: dict[str, Any]) -> None:
    turned = known.X[known.X.columns[::-1]].assign(stranger=1.0)
    assert (fitted[name].effect(turned) == fitted[name].effect(known.X)).all()
    with pytest.raises(ValueError, match=RISK):
        fitted[name].effect(known.X.drop(columns=RISK))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("with_risk", [True, False])
def test_state_goes_round(name: str, known: Known, with_risk: bool) -> None:
    X = known.X if with_risk else known.X.drop(columns=RISK)
    model = small(name).fit(X, *known.told)
    text = json.dumps(model.state(), allow_nan=False)
    again = models.discover_uplift()[name].from_state(json.loads(text))
    assert (again.effect(X) == model.effect(X)).all()
    assert json.dumps(again.state()) == text


@pytest.mark.parametrize("name", NAMES)
def test_two_fits_are_one(name: str, known: Known, fitted: dict[str, Any]) -> None:
    again = clone(fitted[name]).fit(known.X, *known.told)
    assert json.dumps(again.state()) == json.dumps(fitted[name].state())


@pytest.mark.parametrize("name", NAMES)
def test_unfitted_models_say_so(name: str, known: Known) -> None:
    with pytest.raises(NotFittedError):
        small(name).effect(known.X)


@pytest.mark.parametrize("name", NAMES)
def test_experiments_that_show_nothing_are_refused(name: str, known: Known) -> None:
    treated, left, propensity, customer = known.told
    model = small(name)
    with pytest.raises(ValueError, match="one arm"):
        model.fit(known.X, np.ones_like(treated), left, propensity, customer)
    with pytest.raises(ValueError, match="propensity"):
        model.fit(known.X, treated, left, np.ones_like(treated), customer)
    with pytest.raises(ValueError, match="0 or 1"):
        model.fit(known.X, treated, left + 0.5, propensity, customer)
    with pytest.raises(ValueError, match="one number a row"):
        model.fit(known.X, treated, left[:-1], propensity, customer)
    with pytest.raises(ValueError, match="one number a row of X"):
        model.fit(known.X.iloc[:-1], treated, left, propensity, customer)
    with pytest.raises(NotFittedError):
        model.effect(known.X)


@pytest.mark.parametrize("name", NAMES)
def test_where_nobody_leaves_contact_changes_nothing(name: str, known: Known) -> None:
    treated, left, propensity, customer = known.told
    X = known.X.drop(columns=RISK)
    model = small(name).fit(X, treated, np.zeros_like(left), propensity, customer)
    assert model.effect(X) == pytest.approx(0.0, abs=0.01)


# Doubly robust scores


def test_the_short_score_is_the_doubly_robust_one(known: Known) -> None:
    trial, mu0 = known.trial, known.risk
    mu1, e = mu0 + known.effect, known.trial.propensity
    t, y = trial.treated, trial.left
    textbook = mu1 - mu0 + t * (y - mu1) / e - (1 - t) * (y - mu0) / (1 - e)
    assert trial.scores((1 - e) * mu1 + e * mu0) == pytest.approx(textbook)


@pytest.mark.parametrize("wrong", [0.0, 0.4, 1.0])
def test_a_wrong_nuisance_costs_no_truth(wrong: float) -> None:
    known = experiment(40_000)
    scores = known.trial.scores(np.full(len(known.X), wrong))
    error = scores.std() / np.sqrt(len(scores))
    assert abs(scores.mean() - known.effect.mean()) < 3 * error


def test_balance_weighs_the_arms_for_the_nuisance() -> None:
    known = experiment(40_000)
    e, weight = known.trial.propensity, known.trial.balance
    expected = (1 - e) * (known.risk + known.effect) + e * known.risk
    mean = np.average(known.trial.left, weights=weight * known.trial.information)
    assert mean == pytest.approx(np.average(expected, weights=known.trial.information), abs=0.01)


def test_the_precision_is_that_of_the_scores() -> None:
    known = experiment(40_000, effect=0.0)
    trial, risk = known.trial, known.risk
    standardised = trial.scores(risk) / risk * np.sqrt(precision(trial, risk))
    assert standardised.var() == pytest.approx(1.0, abs=0.05)


def test_the_common_share_is_found() -> None:
    known = experiment(40_000, effect=0.0)
    trial, scores = known.trial, known.trial.scores(known.risk)
    assert common_share(trial, scores, known.risk) == pytest.approx(0.0, abs=0.05)
    assert common_share(trial, scores - 0.3 * known.risk, known.risk) == pytest.approx(
        common_share(trial, scores, known.risk) - 0.3
    )


def test_a_customer_lies_in_one_fold_whoever_is_there() -> None:
    ids = [f"c{i}" for i in range(1000)]
    fold = fold_of(ids, 5, "a")
    assert (fold_of(ids[::-1], 5, "a")[::-1] == fold).all()
    assert (np.bincount(fold, minlength=5) > 150).all()
    assert (fold_of(ids, 5, "b") != fold).any()


# Each model's reason to exist


def reached(effect: Floats, known: Known) -> float:
    """Correlation of the predicted effect with the true one."""
    return float(np.corrcoef(effect, known.effect)[0, 1])


def test_without_uplift_the_order_is_that_of_risk(known: Known, fitted: dict[str, Any]) -> None:
    effect = fitted["uplift_none"].effect(known.X)
    assert (np.argsort(effect, kind="stable") == np.argsort(-known.X[RISK], kind="stable")).all()
    bare = known.X.drop(columns=RISK)
    assert len(set(small("uplift_none").fit(bare, *known.told).effect(bare))) == 1


def test_the_doubly_robust_learner_beats_the_others_where_effects_differ() -> None:
    known, later = experiment(6000, 1), experiment(4000, 2)
    found = {
        name: reached(model.fit(known.X, *known.told).effect(later.X), later)
        for name, model in {
            "dr": learner(),
            "none": small("uplift_none"),
            "t": small("uplift_t", rounds=60),
        }.items()
    }
    assert found["dr"] > 0.85
    assert found["dr"] > max(found["none"], found["t"]) + 0.05


def test_it_is_calibrated_and_knows_whom_it_disturbs() -> None:
    known, later = experiment(12_000, 1), experiment(4000, 2)
    effect = learner().fit(known.X, *known.told).effect(later.X)
    silent = later.X["visits_90d"] == 0
    assert effect[silent].mean() == pytest.approx(later.effect[silent].mean(), abs=0.05)
    assert effect[~silent].mean() == pytest.approx(later.effect[~silent].mean(), abs=0.05)
    assert (effect[silent] > 0).all()


def test_it_learns_its_own_risk_where_x_does_not_tell() -> None:
    known, later = experiment(6000, 1), experiment(4000, 2)
    bare = known.X.drop(columns=RISK)
    model = learner(rounds_expected=40).fit(bare, *known.told)
    assert reached(model.effect(later.X), later) > 0.75


def test_only_modifiers_move_the_share(known: Known, fitted: dict[str, Any]) -> None:
    model, moved = fitted["uplift_dr"], known.X.assign(noise_1=9.0)
    assert (model.effect(moved) == model.effect(known.X)).all()
    strangers = DoublyRobust(modifiers=["nowhere"], rounds=1, rounds_expected=1, threads=1)
    strangers.fit(known.X, *known.told)
    assert strangers.encoder_.columns == list(known.X.columns)
    assert RISK in MODIFIERS


def test_rows_of_a_customer_are_not_each_others_nuisance() -> None:
    """Two equal rows a customer: a nuisance that saw the twin would expect its outcome."""
    known = experiment(600)
    X = pd.concat([known.X, known.X], ignore_index=True).assign(name=np.tile(np.arange(600.0), 2))
    treated, left, propensity, _ = (np.tile(one, 2) for one in known.told)
    model = learner(rounds_expected=10)
    apart = Trial.of(treated, left, propensity, np.tile(np.arange(600), 2))
    expected = model._crossed(X, apart)
    assert (expected[:600] == expected[600:]).all()
