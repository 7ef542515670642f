"""Every model that is found keeps the contract, and each earns its place on data built for it."""

import inspect
import json
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit
from sklearn.base import clone
from sklearn.exceptions import NotFittedError

import models
from models import churn_recency
from models.components.base import BIAS, Floats, base_rate, scale_to, validate_weights
from models.components.bgnbd import BGNBD
from models.components.boosting import Encoder
from models.components.interval import ValueInterval
from retention.training import metrics
from tests.support.purchase_histories import simulated

WINDOWS = (7, 14, 30, 60, 90, 180, 365)
NAMES = list(models.discover())
CHURN = [name for name in NAMES if name.startswith("churn_")]
VALUE = [name for name in NAMES if name.startswith("value_")]
BOOSTED = ["churn_lightgbm", "value_hurdle", "value_tweedie"]
SMALL = {
    "churn_lightgbm": {"rounds": 20},
    "value_hurdle": {"rounds_buy": 20, "rounds_spend": 20},
    "value_tweedie": {"rounds": 20},
}


def customers(n: int = 600, seed: int = 0) -> pd.DataFrame:
    """Features as the pipeline makes them; one in ten never bought, one in ten is new."""
    generator = np.random.default_rng(seed)
    recency = generator.integers(1, 90, n).astype(float)
    tenure = recency + generator.integers(0, 600, n)
    days = np.where(tenure > recency, 1 + generator.poisson(6, n), 1).astype(float)
    spend = days * generator.gamma(4, 10, n)
    X = pd.DataFrame(
        {
            "days_since_purchase": recency,
            "days_since_first_purchase": tenure,
            "purchase_days": days,
            "spend_total": spend,
            "contract_age": tenure + 1,
            "acquisition_channel": generator.choice(["web", "shop", "friend"], n),
            "opted_in": generator.random(n) < 0.5,
            "all_unknown": np.nan,
            "noise": generator.normal(size=n),
        }
    )
    for window in WINDOWS:
        X[f"spend_{window}d"] = spend * np.minimum(window / tenure, 1) * (recency < window)
        X[f"orders_{window}d"] = np.floor(days * np.minimum(window / tenure, 1))
    X.loc[generator.random(n) < 0.1, ["spend_180d", "spend_365d", "noise"]] = np.nan
    bought = ["days_since_purchase", "days_since_first_purchase", "purchase_days", "spend_total"]
    X.loc[generator.random(n) < 0.1, bought] = np.nan
    X.index = pd.Index(np.arange(n) + 1000)
    return X


def target(X: pd.DataFrame, name: str, seed: int = 0) -> Floats:
    """0/1 by recency, or money that half of them spend and a few send back."""
    generator = np.random.default_rng(seed + 100)
    silence = X["days_since_purchase"].fillna(60).to_numpy()
    if name.startswith("churn_"):
        return np.where(generator.random(len(X)) < expit(silence / 30 - 2), 1.0, 0.0)
    bought = generator.random(len(X)) < expit(1 - silence / 40)
    money = X["spend_total"].fillna(30).to_numpy() / 5
    return np.where(bought, money, np.where(generator.random(len(X)) < 0.05, -5.0, 0.0))


def small(name: str, **overrides: Any) -> Any:
    """A quick model of this name, unfitted."""
    return models.build(name, 90, 7, 1, {**SMALL.get(name, {}), **overrides})


def scores(model: Any, X: pd.DataFrame) -> Floats:
    predicted = model.predict_proba(X)[:, 1] if model.task == "churn" else model.predict(X)
    return np.asarray(predicted, dtype=np.float64)


@pytest.fixture(scope="module")
def fitted() -> dict[str, Any]:
    X = customers()
    return {name: small(name).fit(X, target(X, name)) for name in NAMES}


# Discovery


def test_the_models_of_the_design_are_found() -> None:
    assert set(NAMES) >= {
        "churn_bgnbd",
        "churn_lightgbm",
        "churn_logistic",
        "churn_recency",
        "churn_rfm_logistic",
        "churn_tenure",
        "value_bgnbd",
        "value_hurdle",
        "value_last_window",
        "value_tweedie",
    }
    assert not {"bgnbd", "gamma_gamma", "base"} & set(NAMES)


@pytest.fixture
def folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose files count as if they stood in models/."""
    monkeypatch.setattr(models, "__path__", [*models.__path__, str(tmp_path)])
    before = set(sys.modules)
    yield tmp_path
    for name in set(sys.modules) - before:
        del sys.modules[name]


def test_a_file_dropped_into_the_folder_is_a_model(folder: Path) -> None:
    recency = inspect.getsource(churn_recency)
    (folder / "churn_new.py").write_text(recency.replace("RecencyRule", "New"), encoding="utf-8")
    assert repr(models.build("churn_new", 90, 1, 1)) == "New()"


@pytest.mark.parametrize(
    ("file", "text", "message"),
    [
        ("churn_none.py", "from models.churn_recency import RecencyRule", "exactly one model"),
        (
            "churn_odd.py",
            "from models.components.base import ValueModel\nclass Odd(ValueModel):\n    pass",
            "defines a value model",
        ),
    ],
)
def test_a_file_without_its_model_is_refused(
    folder: Path, file: str, text: str, message: str
) -> None:
    (folder / file).write_text(text, encoding="utf-8")
    with pytest.raises(TypeError, match=message):
        models.discover()


def test_build_passes_what_a_model_takes() -> None:
    boosted = models.build("churn_lightgbm", 28, 5, 1, {"num_leaves": 7}).get_params()
    assert (boosted["seed"], boosted["threads"], boosted["num_leaves"]) == (5, 1, 7)
    assert models.build("churn_bgnbd", 28, 5, 1, gap_days=7).get_params() == {
        "horizon_days": 28,
        "gap_days": 7,
    }
    with pytest.raises(ValueError, match="no parameter leaves"):
        models.build("churn_lightgbm", 28, 5, 1, {"leaves": 7})


# The contract


@pytest.mark.parametrize("name", NAMES)
def test_states_what_it_is(name: str) -> None:
    model = models.discover()[name]
    assert model.task == name.split("_")[0]
    assert isinstance(model.baseline, bool)
    assert model.title


@pytest.mark.parametrize("name", NAMES)
def test_parameters_go_round(name: str) -> None:
    model = models.discover()[name]()
    assert vars(model) == model.get_params()
    assert clone(model).get_params() == model.get_params()
    assert model.set_params(**model.get_params()) is model
    assert json.loads(json.dumps(model.get_params())) == model.get_params()


@pytest.mark.parametrize("name", NAMES)
def test_fit_returns_the_model_and_changes_nothing_given(name: str) -> None:
    X = customers(300)
    y, before = target(X, name), X.copy(deep=True)
    y_before = y.copy()
    model = small(name)
    params = model.get_params()
    assert model.fit(X, y) is model
    scores(model, X)
    assert model.get_params() == params
    pd.testing.assert_frame_equal(X, before)
    assert (y == y_before).all()
    assert model.n_features_in_ == len(model.feature_names_in_)
    added = set(vars(model)) - set(params)
    assert all(attribute.endswith("_") for attribute in added)


@pytest.mark.parametrize("name", NAMES)
def test_unfitted_is_refused(name: str) -> None:
    with pytest.raises(NotFittedError):
        scores(small(name), customers(5))
    with pytest.raises(NotFittedError):
        small(name).state()


@pytest.mark.parametrize("name", CHURN)
def test_probabilities_are_probabilities(name: str, fitted: dict[str, Any]) -> None:
    p = fitted[name].predict_proba(customers(200, seed=1))
    assert p.shape == (200, 2)
    assert ((p >= 0) & (p <= 1)).all()
    assert p.sum(axis=1) == pytest.approx(1.0)
    assert fitted[name].classes_.tolist() == [0, 1]
    assert set(fitted[name].predict(customers(200))) <= {0, 1}


@pytest.mark.parametrize("name", NAMES)
def test_json_round_trip_is_the_same_to_the_bit(name: str, fitted: dict[str, Any]) -> None:
    X = customers(200, seed=1)
    text = json.dumps(fitted[name].state(), allow_nan=False)
    restored = models.discover()[name].from_state(json.loads(text))
    assert (scores(restored, X) == scores(fitted[name], X)).all()
    assert json.dumps(restored.state(), allow_nan=False) == text
    if name in CHURN:
        contributions = fitted[name].contributions(X)
        pd.testing.assert_frame_equal(restored.contributions(X), contributions, check_exact=True)


@pytest.mark.parametrize("name", NAMES)
def test_order_of_columns_does_not_matter(name: str, fitted: dict[str, Any]) -> None:
    X = customers(200, seed=1)
    mixed = X[X.columns[::-1]].assign(stranger=1.0)
    assert (scores(fitted[name], mixed) == scores(fitted[name], X)).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_missing_column_is_refused_by_name(name: str, fitted: dict[str, Any]) -> None:
    column = fitted[name].feature_names_in_[0]
    with pytest.raises(ValueError, match=column):
        scores(fitted[name], customers(5).drop(columns=column))


@pytest.mark.parametrize("name", NAMES)
def test_infinite_features_are_refused_by_name(name: str, fitted: dict[str, Any]) -> None:
    X = customers(5)
    column = next(name for name in fitted[name].feature_names_in_ if X[name].dtype == float)
    with pytest.raises(ValueError, match=column):
        scores(fitted[name], X.assign(**{column: np.inf}))


@pytest.mark.parametrize("name", NAMES)
def test_unknown_everything_still_scores(name: str, fitted: dict[str, Any]) -> None:
    X = customers(5)
    numbers = X.select_dtypes("number").columns
    X[numbers] = np.nan
    X["acquisition_channel"] = "never seen"
    assert np.isfinite(scores(fitted[name], X)).all()


@pytest.mark.parametrize("name", NAMES)
def test_a_model_fits_where_columns_are_all_null(name: str) -> None:
    X = customers(200)
    X[X.select_dtypes("number").columns] = np.nan
    model = small(name).fit(X, target(X, name))
    assert np.isfinite(scores(model, customers(50))).all()


@pytest.mark.parametrize("name", NAMES)
def test_no_rows_give_no_scores(name: str, fitted: dict[str, Any]) -> None:
    assert len(scores(fitted[name], customers(5).iloc[:0])) == 0
    if name in CHURN:
        assert fitted[name].contributions(customers(5).iloc[:0]).empty


@pytest.mark.parametrize("name", NAMES)
def test_a_score_does_not_depend_on_its_neighbours(name: str, fitted: dict[str, Any]) -> None:
    X = customers(200, seed=1)
    assert (scores(fitted[name], X.iloc[50:60]) == scores(fitted[name], X)[50:60]).all()


@pytest.mark.parametrize("name", NAMES)
def test_two_fits_are_one(name: str, fitted: dict[str, Any]) -> None:
    X = customers()
    again = clone(fitted[name]).fit(X, target(X, name))
    assert json.dumps(again.state()) == json.dumps(fitted[name].state())


@pytest.mark.parametrize("name", BOOSTED)
def test_threads_change_nothing(name: str) -> None:
    X, later = customers(2000), customers(500, seed=1)
    rounds = dict.fromkeys(SMALL[name], 8)
    single, two = (
        small(name, **rounds, seeds=1, threads=n).fit(X, target(X, name)) for n in (1, 2)
    )
    assert (scores(single, later) == scores(two, later)).all()


@pytest.mark.parametrize("name", NAMES)
def test_weights_count_as_copies_and_zero_as_absence(name: str) -> None:
    X = customers(300)
    y = target(X, name)
    weight = np.where(np.arange(300) < 200, 1.0, 0.0)
    ones = small(name).fit(X, y)
    assert (scores(small(name).fit(X, y, np.ones(300)), X) == scores(ones, X)).all()
    if name not in BOOSTED and name != "churn_rfm_logistic":  # whose medians have no weight
        fewer = small(name).fit(X.iloc[:200], y[:200])
        weighted = small(name).fit(X, y, weight)
        assert scores(weighted, X) == pytest.approx(scores(fewer, X), rel=1e-2)


@pytest.mark.parametrize("name", CHURN)
@pytest.mark.parametrize("churned", [0.0, 1.0])
def test_one_class_is_refused(name: str, churned: float) -> None:
    with pytest.raises(ValueError, match="one class"):
        small(name).fit(customers(50), np.full(50, churned))


@pytest.mark.parametrize("name", NAMES)
def test_bad_targets_and_weights_are_refused(name: str) -> None:
    X = customers(50)
    y = target(X, name)
    with pytest.raises(ValueError, match="finite"):
        small(name).fit(X, np.full(50, np.nan))
    with pytest.raises(ValueError, match="one number a row"):
        small(name).fit(X, y[:-1])
    with pytest.raises(ValueError, match="weight"):
        small(name).fit(X, y, -np.ones(50))
    with pytest.raises(ValueError, match="all zero"):
        small(name).fit(X, y, np.zeros(50))


@pytest.mark.parametrize("name", CHURN)
def test_contributions_add_up_to_the_score(name: str, fitted: dict[str, Any]) -> None:
    X = customers(200, seed=1)
    parts = fitted[name].contributions(X)
    assert parts.columns[-1] == BIAS
    assert set(parts.columns[:-1]) <= set(fitted[name].feature_names_in_)
    assert parts.index.equals(X.index)
    assert expit(parts.sum(axis=1).to_numpy()) == pytest.approx(scores(fitted[name], X), abs=1e-9)


@pytest.mark.parametrize("name", BOOSTED)
def test_tune_fixes_the_rounds(name: str) -> None:
    X, later = customers(2000), customers(1000, seed=1)
    tuned = small(name).tune(X, target(X, name), later, target(later, name, seed=1))
    assert set(tuned) == set(SMALL[name])
    assert all(1 <= rounds <= 600 for rounds in tuned.values())
    small(name).set_params(**tuned)


@pytest.mark.parametrize("name", sorted(set(NAMES) - set(BOOSTED)))
def test_nothing_to_tune(name: str) -> None:
    X = customers(50)
    assert small(name).tune(X, target(X, name), X, target(X, name)) == {}


# Value models at the edges


@pytest.mark.parametrize("name", VALUE)
def test_no_money_predicts_none(name: str) -> None:
    X = customers(300)
    model = small(name).fit(X, np.zeros(300))
    assert (model.predict(X) == 0).all()


@pytest.mark.parametrize("name", VALUE)
def test_losses_only_predict_losses(name: str) -> None:
    X = customers(300)
    predicted = small(name).fit(X, np.full(300, -4.0)).predict(X)
    assert predicted.mean() == pytest.approx(-4.0, rel=0.1)


@pytest.mark.parametrize("name", VALUE)
@pytest.mark.parametrize("buyers", [1, 30])
def test_a_few_buyers_among_the_churned(name: str, buyers: int) -> None:
    X = customers(300)
    y = np.zeros(300)
    y[:buyers] = 50.0
    predicted = small(name).fit(X, y).predict(X)
    assert predicted.sum() == pytest.approx(y.sum(), rel=0.25)


@pytest.mark.parametrize("name", VALUE)
def test_money_of_the_training_rows_is_kept(name: str, fitted: dict[str, Any]) -> None:
    X = customers()
    assert metrics.bias(target(X, name), fitted[name].predict(X)) == pytest.approx(1.0, abs=0.1)


def test_last_window_is_the_nearest_scaled() -> None:
    X = pd.DataFrame({"spend_30d": [10.0, 20.0, np.nan], "spend_90d": [1.0, 2.0, 3.0]})
    model = models.build("value_last_window", 28, 1, 1).fit(X, [28.0, 56.0, 6.0])
    assert model.feature_names_in_.tolist() == ["spend_30d"]
    assert scores(model, X) == pytest.approx([28.0, 56.0, 30.0])
    with pytest.raises(ValueError, match="spend_"):
        models.build("value_last_window", 28, 1, 1).fit(X[[]], [1.0, 2.0, 3.0])


# Each model's reason to exist


def interaction(n: int, seed: int) -> tuple[pd.DataFrame, Floats]:
    """Complaints lose new customers and new customers only: no single column tells."""
    generator = np.random.default_rng(seed)
    X = customers(n, seed)
    X["complaints_30d"] = generator.integers(0, 2, n).astype(float)
    X["months"] = generator.integers(0, 2, n).astype(float)
    odd = X["complaints_30d"] != X["months"]
    y = generator.random(n) < np.where(odd, 0.4, 0.05)
    return X, y.astype(float)


def test_lightgbm_beats_the_recency_rule_on_an_interaction() -> None:
    (X, y), (later, later_y) = interaction(2000, 1), interaction(2000, 2)
    auc = {
        name: metrics.roc_auc(later_y, scores(small(name).fit(X, y), later))
        for name in ("churn_lightgbm", "churn_recency", "churn_rfm_logistic")
    }
    assert auc["churn_lightgbm"] > max(auc["churn_recency"], auc["churn_rfm_logistic"]) + 0.1


def buyers(seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Features and futures of customers who buy by BG/NBD and Gamma-Gamma, days."""
    data = simulated(BGNBD(r=0.8, alpha=40.0, a=0.6, b=2.5), T=360.0, later=90.0, n=4000, seed=seed)
    generator = np.random.default_rng(seed)
    mean = 40 / generator.gamma(4.0, 1.0, len(data))
    spend = generator.gamma(3 * (data["x"] + 1)) / 3 * mean
    X = pd.DataFrame(
        {
            "days_since_purchase": data["T"] - data["t_x"] + 1,
            "days_since_first_purchase": data["T"] + 1,
            "purchase_days": data["x"] + 1,
            "spend_total": spend,
            "spend_90d": np.where(data["T"] - data["t_x"] < 90, spend / 4, 0.0),
        }
    )
    money = generator.gamma(3 * data["future"] + 1e-12) / 3 * mean
    return X, data.assign(money=money)


def silent(data: pd.DataFrame) -> Floats:
    return np.where(data["future"] == 0, 1.0, 0.0)


def test_bgnbd_beats_the_recency_rule_on_its_own_customers() -> None:
    (X, past), (later, future) = buyers(1), buyers(2)
    y, later_y = silent(past), silent(future)
    auc, rule = (
        metrics.roc_auc(later_y, scores(small(name).fit(X, y), later))
        for name in ("churn_bgnbd", "churn_recency")
    )
    assert auc > rule + 0.01


def test_bgnbd_is_calibrated_on_its_own_customers() -> None:
    X, data = buyers(1)
    y = silent(data)
    p = scores(small("churn_bgnbd").fit(X, y), X)
    assert metrics.ece(y, p) < 0.03


def test_rfm_beats_the_recency_rule_where_habit_counts() -> None:
    X, later = customers(2000, 1), customers(2000, 2)
    y, later_y = (
        np.random.default_rng(3).binomial(1, expit(2 - features["purchase_days"].fillna(1) / 2))
        * 1.0
        for features in (X, later)
    )
    auc, rule = (
        metrics.roc_auc(later_y, scores(small(name).fit(X, y), later))
        for name in ("churn_rfm_logistic", "churn_recency")
    )
    assert auc > rule + 0.04


def test_recency_rule_beats_the_base_rate() -> None:
    X, later = customers(2000, 1), customers(2000, 2)
    rule = small("churn_recency").fit(X, target(X, "churn_"))
    y = target(later, "churn_", seed=2)
    assert metrics.brier_skill(y, scores(rule, later)) > 0.05


def test_bgnbd_value_beats_the_last_window_on_its_own_customers() -> None:
    (X, past), (later, future) = buyers(1), buyers(2)
    money = future["money"].to_numpy()
    gini, last = (
        metrics.normalised_gini(money, scores(small(name).fit(X, past["money"]), later))
        for name in ("value_bgnbd", "value_last_window")
    )
    assert gini > last + 0.02


def test_hurdle_beats_the_last_window_where_two_causes_meet() -> None:
    def spenders(seed: int) -> tuple[pd.DataFrame, Floats]:
        generator = np.random.default_rng(seed)
        X = customers(3000, seed)
        X["taste"] = generator.normal(size=len(X))
        buys = generator.random(len(X)) < expit(1 - X["days_since_purchase"].fillna(60) / 30)
        money = np.exp(3 + 0.8 * X["taste"] + generator.normal(0, 0.8, len(X)))
        return X, np.where(buys, money, 0.0)

    (X, y), (later, later_y) = spenders(1), spenders(2)
    hurdle = small("value_hurdle", rounds_buy=100, rounds_spend=100).fit(X, y).predict(later)
    last = small("value_last_window").fit(X, y).predict(later)
    assert metrics.normalised_gini(later_y, hurdle) > metrics.normalised_gini(later_y, last) + 0.1
    assert metrics.mae(later_y, hurdle) < metrics.mae(later_y, last)
    growth = later_y.sum() / y.sum()  # luck of the draw, 8 % in this one
    assert metrics.bias(later_y, hurdle) * growth == pytest.approx(1.0, abs=0.05)


# What the models share


def test_text_is_encoded_by_known_levels() -> None:
    X = pd.DataFrame({"a": ["x", None, "y"], "b": pd.Categorical(["p", "q", "p"]), "c": [1, 2, 3]})
    encoder = Encoder.fit(X)
    assert encoder.levels == {"a": ["x", "y"], "b": ["p", "q"]}
    new = pd.DataFrame({"c": [4.0], "b": ["stranger"], "a": ["y"]})
    assert encoder.transform(new)[0] == pytest.approx([1.0, np.nan, 4.0], nan_ok=True)


def test_nullable_and_boolean_columns_are_numbers() -> None:
    X = pd.DataFrame({"a": pd.array([1, None], "Int64"), "b": pd.array([True, None], "boolean")})
    matrix = Encoder.fit(X).transform(X)
    assert matrix.tolist()[0] == [1.0, 1.0]
    assert np.isnan(matrix[1]).all()


def test_dates_are_no_features() -> None:
    with pytest.raises(ValueError, match="joined_at"):
        Encoder.fit(pd.DataFrame({"joined_at": pd.to_datetime(["2026-01-01"])}))


def test_scale_keeps_the_money_and_the_ranks() -> None:
    ones = np.ones(2)
    assert scale_to(np.array([1.0, 3.0]), np.array([0.0, 8.0]), ones) == (2.0, 0.0)
    assert scale_to(np.array([1.0, 3.0]), np.array([0.0, -8.0]), ones) == (0.0, -4.0)
    assert scale_to(np.zeros(2), np.array([0.0, 8.0]), ones) == (0.0, 4.0)


def test_base_rate_shrinks_to_its_prior() -> None:
    assert base_rate(np.empty(0), np.empty(0), 0.2) == 0.2
    assert base_rate(np.ones(10), validate_weights(None, 10), 0.2) == pytest.approx(0.6)


def purses(n: int = 4000, seed: int = 0) -> tuple[Floats, Floats]:
    """Expected values and what came of them: often nothing, else a skewed sum."""
    generator = np.random.default_rng(seed)
    expected = generator.gamma(1.5, 40, n)
    bought = generator.random(n) < 0.6
    return expected, np.where(bought, expected / 0.6 * generator.gamma(2, 0.5, n), 0.0)


def test_interval_covers_four_of_five_of_the_next_sample() -> None:
    interval = ValueInterval().fit(*purses())
    expected, actual = purses(seed=1)
    low, high = interval.predict(expected)
    assert metrics.coverage(actual, low, high) == pytest.approx(
        0.8, abs=0.02
    )  # though 40 % sit on 0
    positive = np.exp(np.random.default_rng(2).normal(0, 0.5, len(expected))) * expected
    low, high = ValueInterval().fit(expected, positive).predict(expected)
    assert metrics.coverage(positive, low, high) == pytest.approx(0.8, abs=0.02)


def test_interval_grows_and_goes_round() -> None:
    interval = ValueInterval().fit(*purses())
    grid = np.linspace(0, 1000, 200)
    low, high = interval.predict(grid)
    assert (low <= high).all()
    assert (np.diff(low) >= 0).all()
    assert (np.diff(high) >= 0).all()
    text = json.dumps(interval.state(), allow_nan=False)
    again = ValueInterval.from_state(json.loads(text)).predict(grid)
    assert (again[0] == low).all()
    assert (again[1] == high).all()


def test_interval_of_little_or_one_kind_of_data() -> None:
    low, high = ValueInterval().fit([1.0, 1.0, 1.0], [0.0, 5.0, 2.0]).predict([0.0, 1.0])
    assert (low.tolist(), high.tolist()) == ([0.0, 0.0], [5.0, 5.0])
    low, high = ValueInterval().fit(np.zeros(500), np.zeros(500)).predict([0.0, 9.0])
    assert (low == 0).all()
    assert (high == 0).all()
    with pytest.raises(ValueError, match="rows there must be"):
        ValueInterval().fit([], [])
    with pytest.raises(ValueError, match="fit the interval"):
        ValueInterval().predict([1.0])
