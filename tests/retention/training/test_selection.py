"""Model selection: medians over folds, forward calibration, the one-standard-error rule."""

from collections.abc import Sequence
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pytest

import models
from models.components.base import Floats
from models.components.calibration import CALIBRATORS, Calibrator, Identity
from retention.core.params import parse_params
from retention.training import metrics, selection
from retention.training.folds import Fold
from retention.training.rows import LabelledRows
from retention.training.selection import CandidateResult, ModelSpec

PARAMS = """
time_zone: Europe/London
currency: GBP
sources:
  till: {path: till.csv, key: row_number,
         events: [{kind: purchase, customer_id: who, occurred_at: at}]}
labels: {churn: {rule: silence, horizon_days: 28}, value: {horizon_days: 60}}
train: {seed: 5, models: {churn_lightgbm: {rounds: 7}}}
"""


def rows(records: Sequence[tuple[str, int, float, float]]) -> LabelledRows:
    """(customer, day, churned, value) a row; the one feature `place` numbers the rows."""
    customer, day, churned, value = zip(*records, strict=True)
    return LabelledRows(
        X=pd.DataFrame({"place": np.arange(len(records), dtype=float)}),
        customer=np.array(customer, dtype=object),
        day=np.array(day, dtype=np.int64),
        churned=np.array(churned, dtype=float),
        value=np.array(value, dtype=float),
        weight=np.ones(len(records)),
    )


def on_days(*days: int) -> LabelledRows:
    """Two customers on each day: `a` stays, with a value of 10, and `b` churns."""
    return rows([record for day in days for record in (("a", day, 0, 10), ("b", day, 1, 0))])


class Stub:
    """A model that predicts one number and remembers the rows it got."""

    def __init__(self, task: str, tuned: Any, prediction: float = 0.5, **params: Any) -> None:
        self.task, self.tuned, self.prediction, self.params = task, tuned, prediction, params
        self.fitted: list[tuple[list[float], list[float]]] = []
        self.tested: list[list[float]] = []

    def tune(self, X: Any, y: Floats, X_valid: Any, y_valid: Floats) -> dict[str, Any]:
        return dict(next(self.tuned, {}))

    def fit(self, X: pd.DataFrame, y: Floats, weight: Floats) -> "Stub":
        self.fitted.append((X["place"].tolist(), y.tolist()))
        return self

    def predict(self, X: pd.DataFrame) -> Floats:
        self.tested.append(X["place"].tolist())
        return np.full(len(X), self.prediction)

    def predict_proba(self, X: pd.DataFrame) -> Floats:
        p = self.predict(X)
        return np.column_stack([1 - p, p])


class Maker:
    """make(name, **tuned): a stub that predicts the next of `predictions`, or .5; see `models`."""

    def __init__(
        self, tuned: Sequence[dict[str, Any]] = (), predictions: Sequence[float] = ()
    ) -> None:
        self.tuned, self.predictions = iter(tuned), iter(predictions)
        self.models: list[Stub] = []

    def __call__(self, name: str, **params: Any) -> Any:
        prediction = next(self.predictions, 0.5)
        self.models.append(Stub(name.partition("_")[0], self.tuned, prediction, **params))
        return self.models[-1]


@pytest.mark.parametrize(
    ("tuned", "params"),
    [
        ([{"rounds": 10}, {"rounds": 90}, {"rounds": 20}], {"rounds": 20}),
        ([{"rounds": 10}, {"rounds": 20}], {"rounds": 15}),
        ([{"rounds": 10}, {"rounds": 13}], {"rounds": 12}),  # 11.5: whole, to the even one
        ([{"rate": 0.1}, {"rate": 0.4}], {"rate": 0.25}),
        ([{"rounds": 10, "rate": 1.0}, {"rounds": 30}, {}], {"rounds": 20, "rate": 1.0}),
        ([{}, {}], {}),
    ],
)
def test_parameters_are_the_folds_medians(
    tuned: list[dict[str, Any]], params: dict[str, Any]
) -> None:
    medians = selection._median(tuned)
    assert medians == pytest.approx(params)
    assert [type(number) for number in medians.values()] == [type(params[name]) for name in medians]


def test_every_fold_is_fitted_again_with_the_median_on_its_own_past() -> None:
    history = on_days(0, 10, 20, 30)
    folds = [Fold([0], 20), Fold([0, 10], 30)]
    make = Maker(tuned=[{"rounds": 4}, {"rounds": 8}])
    tried = selection.evaluate_candidate(make, "churn_stub", history, folds)
    assert tried.tuned == [{"rounds": 4}, {"rounds": 8}]
    assert tried.params == {"rounds": 6}
    shown = [
        (model.params, model.fitted[0][0], model.tested[0]) for model in make.models if model.fitted
    ]
    assert shown == [
        ({"rounds": 6}, [0, 1], [4, 5]),
        ({"rounds": 6}, [0, 1, 2, 3], [6, 7]),
    ]


def test_predictions_stand_in_the_order_of_the_folds_tests() -> None:
    history, folds = on_days(0, 10, 20, 30), [Fold([0], 20), Fold([0, 10], 30)]
    make = Maker(predictions=[0, 0, 0, 0, 0.2, 0.3])  # two a fold to ask the task and tune
    tried = selection.evaluate_candidate(make, "churn_stub", history, folds)
    tests = history.on(fold.test for fold in folds)
    assert tests.day.tolist() == [20, 20, 30, 30]
    assert tried.predicted.tolist() == [0.2, 0.2, 0.3, 0.3]


def test_a_churn_model_is_fitted_to_churn_and_a_value_model_to_value() -> None:
    history, folds = on_days(0, 10), [Fold([0], 10)]
    for name, target in (("churn_stub", [0, 1]), ("value_stub", [10, 0])):
        make = Maker()
        selection.evaluate_candidate(make, name, history, folds)
        assert [model.fitted[0][1] for model in make.models if model.fitted] == [target]


class Remembers(Calibrator):
    """Predicts how many rows it was fitted on, and remembers them."""

    name = "remembers"
    fits: list[list[float]] = []  # noqa: RUF012  (emptied by each test that uses it)

    def _fit(self, p: Floats, y: Floats, weight: Floats) -> None:
        self.fits.append(p.tolist())
        self.rows = len(p)

    def predict(self, p: Any) -> Floats:
        return np.full(len(p), self.rows / 100)


@pytest.mark.parametrize(
    ("label_delay_days", "fitted_on"),
    [
        (10, {10: 2, 20: 4, 30: 6}),  # a window that ends on the day itself is over
        (11, {20: 2, 30: 4}),
        (30, {30: 2}),
        (31, {}),
    ],
)
def test_calibration_looks_forward_from_folds_mature_by_then(
    label_delay_days: int, fitted_on: dict[int, int]
) -> None:
    tests = on_days(0, 10, 20, 30)
    Remembers.fits.clear()
    calibrated = selection.calibrate_forward(Remembers, np.arange(8) / 10, tests, label_delay_days)
    by_day = {day: calibrated[tests.day == day].tolist() for day in (0, 10, 20, 30)}
    assert by_day == {
        day: pytest.approx([fitted_on.get(day, np.nan) / 100] * 2, nan_ok=True) for day in by_day
    }
    assert Remembers.fits == [[place / 10 for place in range(n)] for n in fitted_on.values()]


def test_a_fold_whose_past_holds_one_outcome_is_not_calibrated() -> None:
    tests = rows([("a", 0, 0, 1), ("b", 0, 0, 1), ("a", 10, 1, 1), ("b", 10, 0, 1)])
    assert np.isnan(selection.calibrate_forward(Identity, np.full(4, 0.5), tests, 10)).all()


def test_without_a_fold_to_look_forward_from_the_raw_probability_stands() -> None:
    tests, raw = on_days(0), np.array([0.2, 0.9])
    calibrator, losses = selection.select_calibrator(raw, tests, label_delay_days=10)
    assert calibrator.name == "identity"
    assert losses.tolist() == pytest.approx([-np.log(0.8), -np.log(0.9)])


def test_the_calibrator_with_the_lowest_forward_loss_is_fitted_on_all_folds() -> None:
    draw = np.random.default_rng(1)
    chance = draw.uniform(0.02, 0.4, 900)
    history = rows(
        [
            (str(place), day, float(left), 0.0)
            for place, (day, left) in enumerate(
                zip(np.repeat([0, 10, 20], 300), draw.random(900) < chance, strict=True)
            )
        ]
    )
    overconfident = np.clip(2.4 * chance, 0, 1)
    calibrator, losses = selection.select_calibrator(overconfident, history, label_delay_days=10)
    assert calibrator.name != "identity"
    forward_losses = {
        name: np.nanmean(
            metrics.log_losses(
                history.churned, selection.calibrate_forward(kind, overconfident, history, 10)
            )
        )
        for name, kind in CALIBRATORS.items()
    }
    assert calibrator.name == min(forward_losses, key=lambda name: forward_losses[name])
    assert np.nanmean(losses) == forward_losses[calibrator.name]
    assert np.isnan(losses[:300]).all()
    again = CALIBRATORS[calibrator.name]().fit(overconfident, history.churned)
    assert calibrator.state() == again.state()


def test_log_loss_is_that_of_what_happened() -> None:
    losses = metrics.log_losses(np.array([1.0, 0.0, 1.0]), np.array([0.25, 0.25, 0.0]))
    assert losses.tolist() == pytest.approx([-np.log(0.25), -np.log(0.75), -np.log(1e-12)])


@pytest.mark.parametrize(
    ("difference", "customers", "error"),
    [
        ([1, 2, 3], ["a", "b", "c"], np.sqrt(1 + 0 + 1) / 3),
        ([1, 2, 3], ["a", "a", "b"], np.sqrt((-1 + 0) ** 2 + 1**2) / 3),
        ([1, 2, 3], ["a", "b", "a"], 0.0),  # -1 and +1 of one customer
        ([1, 1, 4, 4], ["a", "a", "b", "b"], np.sqrt(3**2 + 3**2) / 4),
        ([5, 5], ["a", "b"], 0.0),
    ],
)
def test_the_standard_error_adds_up_a_customers_rows_first(
    difference: list[float], customers: list[str], error: float
) -> None:
    computed = selection.standard_error(
        np.array(difference, dtype=float), np.array(customers, object)
    )
    assert computed == pytest.approx(error)


@pytest.fixture
def kinds(monkeypatch: pytest.MonkeyPatch) -> None:
    """Models plain (1), middling (2), other (2) and grand (3), by simplicity."""
    simplicity = {"plain": 1, "middling": 2, "other": 2, "grand": 3}
    classes = {name: SimpleNamespace(complexity_rank=rank) for name, rank in simplicity.items()}
    monkeypatch.setattr(models, "discover", lambda: classes)


# Losses of four customers.
GRAND = [1.0, 1.0, 1.0, 1.0]
LITTLE_WORSE = [0.0, 2.0, 0.0, 3.0]  # .25 behind, one standard error .65
MUCH_WORSE = [2.0, 2.1, 1.9, 2.0]


@pytest.mark.parametrize(
    ("losses", "expected", "why"),
    [
        ({"grand": GRAND, "plain": MUCH_WORSE}, "grand", "the lowest loss"),
        ({"grand": GRAND, "plain": LITTLE_WORSE}, "plain", "simpler, and within one standard"),
        ({"grand": GRAND, "plain": GRAND}, "plain", "simpler|lowest"),
        ({"plain": GRAND, "grand": LITTLE_WORSE}, "plain", "the lowest loss"),
        ({"grand": GRAND, "middling": LITTLE_WORSE, "plain": MUCH_WORSE}, "middling", "simpler"),
        ({"grand": GRAND, "plain": LITTLE_WORSE, "middling": LITTLE_WORSE}, "plain", "simpler"),
        ({"other": LITTLE_WORSE, "middling": GRAND}, "middling", "lowest"),  # none is simpler
        ({"grand": MUCH_WORSE}, "grand", "lowest"),
    ],
)
@pytest.mark.usefixtures("kinds")
def test_the_simplest_model_within_one_standard_error_of_the_best_is_chosen(
    losses: dict[str, list[float]], expected: str, why: str
) -> None:
    tests = rows([(who, 0, 0, 0) for who in "abcd"])
    arrays = {name: np.array(loss) for name, loss in losses.items()}
    name, reason = selection.select_model(arrays, tests)
    assert name == expected
    assert any(word in reason for word in why.split("|"))


@pytest.mark.usefixtures("kinds")
def test_a_loss_behind_by_more_than_one_standard_error_is_not_close() -> None:
    tests = rows([(who, 0, 0, 0) for who in "ab"])
    for further, expected in ((0.0, "plain"), (0.1, "grand")):  # behind 1 and 1.1, error 1
        behind = np.array([1 + further - np.sqrt(2), 1 + further + np.sqrt(2)])
        name, _ = selection.select_model({"grand": np.zeros(2), "plain": behind - 1e-9}, tests)
        assert name == expected


@pytest.mark.usefixtures("kinds")
def test_models_are_compared_only_where_all_could_be_calibrated() -> None:
    tests = rows([(who, 0, 0, 0) for who in "abc"])
    losses = {"grand": np.array([np.nan, 1, 1]), "plain": np.array([0.0, 9, 9])}
    assert selection.select_model(losses, tests)[0] == "grand"


def test_value_if_kept_is_fitted_on_stayers_and_if_lost_on_churners() -> None:
    make = Maker()
    if_kept, lost = selection.fit_value_given_outcome(
        make, "value_stub", {"rounds": 3}, on_days(0, 10)
    )
    assert if_kept.fitted == [([0, 2], [10, 10])]
    assert lost.fitted == [([1, 3], [0, 0])]
    assert if_kept.params == lost.params == {"rounds": 3}


def example_spec(predicted: Floats) -> ModelSpec:
    return ModelSpec(
        churn="churn_stub",
        value="value_stub",
        params={"churn_stub": {"depth": 2}, "value_stub": {"rounds": 3}},
        calibrators={"churn_stub": Identity()},
        interval=None,
        losses={},
        why={},
        candidates={"churn_stub": CandidateResult("churn_stub", [], {}, predicted)},
    )


def test_out_of_fold_values_mix_both_by_the_calibrated_probability() -> None:
    history, folds = on_days(0, 10, 20), [Fold([0], 10), Fold([0, 10], 20)]
    p = np.array([0.0, 1.0, 0.5, 0.25])
    make = Maker(predictions=[100, 20, 200, 40])  # kept and lost, fold by fold
    values = selection.out_of_fold_values(make, example_spec(p), history, folds)
    assert values.tolist() == [100, 20, 0.5 * 200 + 0.5 * 40, 0.75 * 200 + 0.25 * 40]
    assert [model.fitted[0][0] for model in make.models] == [[0], [1], [0, 2], [1, 3]]


def test_fit_scorer_repeats_the_specification_on_the_rows() -> None:
    make, spec = Maker(), example_spec(np.empty(0))
    scorer = selection.fit_scorer(make, spec, on_days(0, 10))
    assert [model.params for model in make.models] == [{"depth": 2}, {"rounds": 3}, {"rounds": 3}]
    assert [model.fitted[0][0] for model in make.models] == [[0, 1, 2, 3], [0, 2], [1, 3]]
    assert scorer.calibrator is spec.calibrators["churn_stub"]
    assert scorer.interval is spec.interval
    assert (scorer.churn[0], scorer.value_if_kept[0], scorer.value_if_lost[0]) == (
        "churn_stub",
        "value_stub",
        "value_stub",
    )


def test_with_too_little_history_the_baselines_are_untuned() -> None:
    spec = selection.baseline_spec(["too little"])
    discovered = models.discover()
    assert (spec.churn, spec.value) == ("churn_recency", "value_last_window")
    assert discovered[spec.churn].baseline
    assert discovered[spec.value].baseline
    assert spec.params == {"churn_recency": {}, "value_last_window": {}}
    assert spec.calibrators[spec.churn].name == "identity"
    assert spec.interval is None
    assert spec.banners == ["too little"]


def test_models_get_the_seed_of_params_and_the_labels_horizon() -> None:
    make = selection.model_factory(parse_params(PARAMS))
    assert make("value_last_window").get_params()["horizon_days"] == 60
    params = make("churn_lightgbm").get_params()
    assert (params["seed"], params["rounds"]) == (5, 7)
    assert make("churn_lightgbm", rounds=9).get_params()["rounds"] == 9  # the folds win
