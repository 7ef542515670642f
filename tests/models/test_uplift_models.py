"""Every uplift model keeps the contract, and the doubly robust one earns its place."""

import json
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import models
from models.components.base import Floats
from models.components.uplift import (
    RISK,
    ExperimentData,
    common_relative_effect,
    fold_of,
    inverse_variance,
)
from models.uplift_dr import DoublyRobust
from tests.support.experiments import PlantedExperiment, experiment, learner

NAMES = list(models.discover_uplift())
QUICK: dict[str, dict[str, Any]] = {
    "uplift_dr": {"rounds_expected": 10, "rounds": 20, "min_data_in_leaf": 50},
    "uplift_t": {"rounds": 20},
}


def small(name: str, **overrides: Any) -> Any:
    return models.build_uplift(name, 7, 1, {**QUICK.get(name, {}), **overrides})


@pytest.fixture(scope="module")
def planted() -> PlantedExperiment:
    return experiment(1200)


@pytest.fixture(scope="module")
def fitted(planted: PlantedExperiment) -> dict[str, Any]:
    return {name: small(name).fit(planted.X, *planted.fit_arguments) for name in NAMES}


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
    name: str, planted: PlantedExperiment, fitted: dict[str, Any]
) -> None:
    effect = fitted[name].effect(planted.X)
    assert effect.shape == (len(planted.X),)
    assert (np.abs(effect) <= 1).all()
    assert fitted[name].effect(planted.X.iloc[:0]).shape == (0,)


@pytest.mark.parametrize("name", NAMES)
def test_columns_are_read_by_name(
    name: str, planted: PlantedExperiment, fitted: dict[str, Any]
) -> None:
    turned = planted.X[planted.X.columns[::-1]].assign(stranger=1.0)
    assert (fitted[name].effect(turned) == fitted[name].effect(planted.X)).all()
    with pytest.raises(ValueError, match=RISK):
        fitted[name].effect(planted.X.drop(columns=RISK))


@pytest.mark.parametrize("name", NAMES)
@pytest.mark.parametrize("with_risk", [True, False])
def test_state_goes_round(name: str, planted: PlantedExperiment, with_risk: bool) -> None:
    X = planted.X if with_risk else planted.X.drop(columns=RISK)
    model = small(name).fit(X, *planted.fit_arguments)
    text = json.dumps(model.state(), allow_nan=False)
    again = models.discover_uplift()[name].from_state(json.loads(text))
    assert (again.effect(X) == model.effect(X)).all()
    assert json.dumps(again.state()) == text


@pytest.mark.parametrize("name", NAMES)
def test_two_fits_are_one(name: str, planted: PlantedExperiment, fitted: dict[str, Any]) -> None:
    again = clone(fitted[name]).fit(planted.X, *planted.fit_arguments)
    assert json.dumps(again.state()) == json.dumps(fitted[name].state())


@pytest.mark.parametrize("name", NAMES)
def test_unfitted_models_say_so(name: str, planted: PlantedExperiment) -> None:
    with pytest.raises(NotFittedError):
        small(name).effect(planted.X)


@pytest.mark.parametrize("name", NAMES)
def test_experiments_that_show_nothing_are_refused(name: str, planted: PlantedExperiment) -> None:
    treated, left, propensity, customer = planted.fit_arguments
    model = small(name)
    with pytest.raises(ValueError, match="one arm"):
        model.fit(planted.X, np.ones_like(treated), left, propensity, customer)
    with pytest.raises(ValueError, match="propensity"):
        model.fit(planted.X, treated, left, np.ones_like(treated), customer)
    with pytest.raises(ValueError, match="0 or 1"):
        model.fit(planted.X, treated, left + 0.5, propensity, customer)
    with pytest.raises(ValueError, match="one number a row"):
        model.fit(planted.X, treated, left[:-1], propensity, customer)
    with pytest.raises(ValueError, match="one number a row of X"):
        model.fit(planted.X.iloc[:-1], treated, left, propensity, customer)
    with pytest.raises(NotFittedError):
        model.effect(planted.X)


@pytest.mark.parametrize("name", NAMES)
def test_where_nobody_leaves_contact_changes_nothing(name: str, planted: PlantedExperiment) -> None:
    treated, left, propensity, customer = planted.fit_arguments
    X = planted.X.drop(columns=RISK)
    model = small(name).fit(X, treated, np.zeros_like(left), propensity, customer)
    assert model.effect(X) == pytest.approx(0.0, abs=0.01)


# Doubly robust scores


def test_the_short_score_is_the_doubly_robust_one(planted: PlantedExperiment) -> None:
    trial, mu0 = planted.data, planted.risk
    mu1, e = mu0 + planted.effect, planted.data.propensity
    t, y = trial.treated, trial.y
    textbook = mu1 - mu0 + t * (y - mu1) / e - (1 - t) * (y - mu0) / (1 - e)
    assert trial.doubly_robust_scores((1 - e) * mu1 + e * mu0) == pytest.approx(textbook)


@pytest.mark.parametrize("wrong", [0.0, 0.4, 1.0])
def test_a_wrong_nuisance_adds_no_bias(wrong: float) -> None:
    planted = experiment(40_000)
    scores = planted.data.doubly_robust_scores(np.full(len(planted.X), wrong))
    error = scores.std() / np.sqrt(len(scores))
    assert abs(scores.mean() - planted.effect.mean()) < 3 * error


def test_balancing_weights_give_the_nuisance_its_mean() -> None:
    planted = experiment(40_000)
    e, weight = planted.data.propensity, planted.data.balancing_weights
    expected = (1 - e) * (planted.risk + planted.effect) + e * planted.risk
    mean = np.average(planted.data.y, weights=weight * planted.data.information)
    assert mean == pytest.approx(np.average(expected, weights=planted.data.information), abs=0.01)


def test_the_precision_is_that_of_the_scores() -> None:
    planted = experiment(40_000, effect=0.0)
    trial, risk = planted.data, planted.risk
    standardised = trial.doubly_robust_scores(risk) / risk * np.sqrt(inverse_variance(trial, risk))
    assert standardised.var() == pytest.approx(1.0, abs=0.05)


def test_the_common_relative_effect_is_estimated() -> None:
    planted = experiment(40_000, effect=0.0)
    trial, scores = planted.data, planted.data.doubly_robust_scores(planted.risk)
    assert common_relative_effect(trial, scores, planted.risk) == pytest.approx(0.0, abs=0.05)
    assert common_relative_effect(
        trial, scores - 0.3 * planted.risk, planted.risk
    ) == pytest.approx(common_relative_effect(trial, scores, planted.risk) - 0.3)


def test_a_customer_lies_in_one_fold_whoever_is_there() -> None:
    ids = [f"c{i}" for i in range(1000)]
    fold = fold_of(ids, 5, "a")
    assert (fold_of(ids[::-1], 5, "a")[::-1] == fold).all()
    assert (np.bincount(fold, minlength=5) > 150).all()
    assert (fold_of(ids, 5, "b") != fold).any()


# Each model's reason to exist


def reached(effect: Floats, planted: PlantedExperiment) -> float:
    """Correlation of the predicted effect with the true one."""
    return float(np.corrcoef(effect, planted.effect)[0, 1])


def test_without_uplift_the_order_is_that_of_risk(
    planted: PlantedExperiment, fitted: dict[str, Any]
) -> None:
    effect = fitted["uplift_none"].effect(planted.X)
    assert (np.argsort(effect, kind="stable") == np.argsort(-planted.X[RISK], kind="stable")).all()
    bare = planted.X.drop(columns=RISK)
    assert len(set(small("uplift_none").fit(bare, *planted.fit_arguments).effect(bare))) == 1


def test_the_doubly_robust_learner_beats_the_others_where_effects_differ() -> None:
    planted, later = experiment(6000, 1), experiment(4000, 2)
    gains = {
        name: reached(model.fit(planted.X, *planted.fit_arguments).effect(later.X), later)
        for name, model in {
            "dr": learner(),
            "none": small("uplift_none"),
            "t": small("uplift_t", rounds=60),
        }.items()
    }
    assert gains["dr"] > 0.85
    assert gains["dr"] > max(gains["none"], gains["t"]) + 0.05


def test_it_is_calibrated_and_finds_negative_effects() -> None:
    planted, later = experiment(12_000, 1), experiment(4000, 2)
    effect = learner().fit(planted.X, *planted.fit_arguments).effect(later.X)
    silent = later.X["visits_90d"] == 0
    assert effect[silent].mean() == pytest.approx(later.effect[silent].mean(), abs=0.05)
    assert effect[~silent].mean() == pytest.approx(later.effect[~silent].mean(), abs=0.05)
    assert (effect[silent] > 0).all()


def test_it_fits_its_own_risk_where_x_has_none() -> None:
    planted, later = experiment(6000, 1), experiment(4000, 2)
    bare = planted.X.drop(columns=RISK)
    model = learner(rounds_expected=40).fit(bare, *planted.fit_arguments)
    assert reached(model.effect(later.X), later) > 0.75


def test_columns_are_chosen_by_what_they_do_and_not_by_name() -> None:
    planted = experiment(6000, 1)
    strange = planted.X.rename(columns={"visits_90d": "kWh", "noise_1": "visits_90d"})
    columns, renamed = (
        learner().fit(X, *planted.fit_arguments).modifiers_.columns for X in (planted.X, strange)
    )
    assert "visits_90d" in columns
    assert len(columns) <= 3
    assert renamed == [{"visits_90d": "kWh", "noise_1": "visits_90d"}.get(n, n) for n in columns]


def test_only_named_columns_are_chosen_where_some_are_named() -> None:
    planted = experiment(6000, 1)
    named = learner(modifiers=["noise_0", "plan", "nowhere"]).fit(planted.X, *planted.fit_arguments)
    assert set(named.modifiers_.columns) <= {"noise_0", "plan"}
    nowhere = learner(modifiers=["nowhere"]).fit(planted.X, *planted.fit_arguments)
    assert "visits_90d" in nowhere.modifiers_.columns


def campaign(base_rate: float, n: int, seed: int) -> tuple[pd.DataFrame, Floats, Floats]:
    """X, risk and effect: a third is helped, a third harmed; log-odds differ from the base rate."""
    generator = np.random.default_rng(seed)
    X = pd.DataFrame({"kind": generator.choice(list("abc"), n), "other": generator.normal(size=n)})
    risk = expit(np.log(base_rate / (1 - base_rate)) + 0.5 * X["other"].to_numpy())
    shift = X["kind"].map({"a": -1.0, "b": 0.0, "c": 0.7}).to_numpy(dtype=float)
    X[RISK] = risk / 2  # a churn model that takes the risk for half of what it is
    return X, risk, expit(np.log(risk / (1 - risk)) + shift) - risk


@pytest.mark.parametrize("base_rate", [0.05, 0.5, 0.95])
def test_effects_have_their_level_at_every_base_rate(base_rate: float) -> None:
    (X, risk, effect), (later, _, true) = (
        campaign(base_rate, 12_000, 1),
        campaign(base_rate, 3000, 2),
    )
    generator = np.random.default_rng(3)
    treated = (generator.random(len(X)) < 0.5).astype(float)
    left = (generator.random(len(X)) < risk + treated * effect).astype(float)
    predicted = learner().fit(X, treated, left, 0.5).effect(later)
    spread = np.ptp([true[later["kind"] == kind].mean() for kind in "abc"])
    for kind in "abc":
        of_kind = (later["kind"] == kind).to_numpy()
        assert predicted[of_kind].mean() == pytest.approx(true[of_kind].mean(), abs=0.25 * spread)
    assert np.polyfit(predicted, true, 1)[0] == pytest.approx(1.0, abs=0.25)


def test_an_effect_on_money_is_learnt_in_currency() -> None:
    generator, n = np.random.default_rng(5), 8000
    X = pd.DataFrame({"size": generator.lognormal(size=n), "kind": generator.choice(["a", "b"], n)})
    gain = np.where(X["kind"] == "a", 0.4, -0.2) * X["size"].to_numpy() * 10
    treated = (generator.random(n) < 0.7).astype(float)
    bought = (10 * X["size"].to_numpy() + treated * gain) * generator.gamma(2, 0.5, n)
    model = learner(outcome="money").fit(X, treated, bought, 0.7)
    predicted = model.effect(X)
    for kind in "ab":
        mean = gain[X["kind"] == kind].mean()
        assert predicted[X["kind"] == kind].mean() == pytest.approx(mean, abs=0.3 * abs(mean))
    again = DoublyRobust.from_state(json.loads(json.dumps(model.state())))
    assert (again.effect(X) == predicted).all()
    with pytest.raises(ValueError, match="0 or 1"):
        learner().fit(X, treated, bought, 0.7)
    with pytest.raises(ValueError, match="finite"):
        learner(outcome="money").fit(X, treated, np.where(treated == 1, np.nan, bought), 0.7)


def test_a_state_of_the_earlier_learner_is_refused_in_words(
    planted: PlantedExperiment, fitted: dict[str, Any]
) -> None:
    state = fitted["uplift_dr"].state()
    earlier = state | {"learnt": {"share": -0.1, "effect": {}, "risk": None}}
    with pytest.raises(ValueError, match="an earlier version"):
        DoublyRobust.from_state(earlier)


def test_rows_of_a_customer_are_not_each_others_nuisance() -> None:
    """Two equal rows a customer: a nuisance that saw the twin would expect its outcome."""
    planted = experiment(600)
    X = pd.concat([planted.X, planted.X], ignore_index=True).assign(
        name=np.tile(np.arange(600.0), 2)
    )
    treated, left, propensity, _ = (np.tile(column, 2) for column in planted.fit_arguments)
    model = learner(rounds_expected=10)
    apart = ExperimentData.from_arrays(treated, left, propensity, np.tile(np.arange(600), 2))
    base = model._out_of_fold_base(X, apart)
    assert (base[:600] == base[600:]).all()
