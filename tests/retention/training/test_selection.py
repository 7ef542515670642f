"""What is put together out of fold: weights, the shift of the base rate, and the interval."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
from scipy.special import expit, logit

from models.components.base import Floats
from retention.core.errors import Refusal
from retention.training import metrics, season, selection
from retention.training.candidates import (
    GROWTH,
    REFERENCE_ROWS,
    CandidateResult,
    FoldResult,
    names_of,
)
from retention.training.folds import Fold
from retention.training.rows import LabelledRows
from retention.training.selection import ModelSpec
from tests.support.stub_models import StubMaker

DELAY = 30
PER_DAY = 1500
DAYS = list(range(0, 240, DELAY))
FOLDS = [Fold([day - DELAY], day) for day in DAYS[1:]]
NOW = DAYS[-1] + DELAY


class History:
    """Customers whose chance and value are known, and what models made of them out of fold."""

    def __init__(self, shift: dict[int, float] | None = None, seed: int = 1) -> None:
        draw = np.random.default_rng(seed)
        n = PER_DAY * len(DAYS)
        day = np.repeat(DAYS, PER_DAY)
        self.z = draw.normal(-1.0, 1.0, n)
        turn = np.array([(shift or {}).get(number, 0.0) for number in day.tolist()])
        churned = (draw.random(n) < expit(self.z + turn)).astype(float)
        self.if_kept = draw.gamma(2.0, 30, n)
        value = np.where(churned == 1, 0.0, self.if_kept * draw.gamma(2, 0.5, n))
        self.rows = LabelledRows(
            X=pd.DataFrame({"place": np.arange(float(n))}),
            customer=np.array([f"c{number}" for number in range(n)], dtype=object),
            day=day,
            churned=churned,
            value=value,
            weight=np.ones(n),
        )
        noise = draw.normal(0, 1.0, (3, n))
        self.candidates = {
            "churn_lightgbm": self.result("churn_lightgbm", expit(self.z + 0.3 * noise[0])),
            "churn_logistic": self.result("churn_logistic", expit(self.z + 2.0 * noise[1])),
            "churn_recency": self.result("churn_recency", expit(self.z)),
            "value_hurdle": self.result("value_hurdle", self.if_kept, 0.02 * self.if_kept),
            "value_tweedie": self.result(
                "value_tweedie", self.if_kept * np.exp(noise[2]), 0.02 * self.if_kept
            ),
        }

    def result(
        self, name: str, predicted: Floats, if_lost: Floats | None = None
    ) -> CandidateResult:
        results = []
        for fold in FOLDS:
            on = self.rows.day == fold.test
            lost_on = None if if_lost is None else if_lost[on]
            tuned: dict[str, int | float] = {"rounds": 100}
            results.append(FoldResult(fold, float(PER_DAY), tuned, predicted[on], lost_on))
        return CandidateResult(name, results)

    def select(self, folds: list[Fold] = FOLDS, day: int = NOW) -> ModelSpec:
        return selection.select(self.candidates, self.rows, folds, day, DELAY)


@pytest.fixture(scope="module")
def history() -> History:
    return History()


@pytest.fixture(scope="module")
def spec(history: History) -> ModelSpec:
    return history.select()


def test_models_count_by_how_good_they_were(spec: ModelSpec) -> None:
    churn, value = spec.weights["churn"], spec.weights["value"]
    assert churn["churn_lightgbm"] > 2 * churn.get("churn_logistic", 0.0)
    assert value["value_hurdle"] > 2 * value.get("value_tweedie", 0.0)
    assert spec.main == {"churn": "churn_lightgbm", "value": "value_hurdle"}


def test_a_model_that_stands_beside_has_a_loss_and_no_weight(spec: ModelSpec) -> None:
    assert "churn_recency" not in spec.weights["churn"]  # though it is the best of all
    assert spec.losses["churn_recency"] < spec.losses["churn_lightgbm"]
    assert spec.losses["churn_lightgbm"] < spec.losses["churn_logistic"]
    assert spec.losses["value_hurdle"] < spec.losses["value_tweedie"]


def test_a_model_that_counts_for_nothing_is_not_fitted(history: History) -> None:
    upside_down = history.result("churn_logistic", expit(-2 * history.z))
    other = {**history.candidates, "churn_logistic": upside_down}
    spec = selection.select(other, history.rows, FOLDS, NOW, DELAY)
    assert set(spec.weights["churn"]) == {"churn_lightgbm"}


def test_the_blend_is_calibrated_on_the_folds(history: History, spec: ModelSpec) -> None:
    p = expit(selection.blended_log_odds(spec, history.candidates))
    tests = history.rows.tests(FOLDS)
    assert metrics.ece(tests.churned, p) < 0.02
    if_kept, if_lost = selection.blended_values(spec, history.candidates)
    assert metrics.bias(tests.value, (1 - p) * if_kept + p * if_lost) == pytest.approx(
        1.0, abs=0.05
    )


def test_the_interval_holds_four_of_five(history: History, spec: ModelSpec) -> None:
    later = History(seed=2)
    p = expit(selection.blended_log_odds(spec, later.candidates))
    if_kept, if_lost = selection.blended_values(spec, later.candidates)
    assert spec.interval is not None
    low, high = spec.interval.predict((1 - p) * if_kept + p * if_lost)
    tests = later.rows.tests(FOLDS)
    assert 0.78 < metrics.coverage(tests.value, low, high) < 0.92  # 30 % bring 0, a low end


def test_a_base_rate_that_stays_moved_is_forecast() -> None:
    moved = History(shift={day: 1.0 if day >= 60 else 0.0 for day in DAYS})
    shifted = replace(moved.rows, churned=moved.rows.churned)
    spec = selection.select(moved.candidates, shifted, FOLDS, NOW, DELAY)
    usual = History().select()
    assert spec.intercept > usual.intercept + 0.25


def test_a_turn_that_is_not_known_on_the_day_does_not_move_the_intercept() -> None:
    early, late = FOLDS[:4], FOLDS[-1].test
    usual, other = History(), History(shift={late: 3.0})
    assert other.rows.churned.sum() > usual.rows.churned.sum()
    specs = [history.select(early, early[-1].test + DELAY) for history in (usual, other)]
    assert specs[0].weights == specs[1].weights
    assert specs[0].intercept == specs[1].intercept
    assert specs[0].losses == specs[1].losses


def test_between_customers_of_one_period_the_level_is_theirs_and_nothing_is_forecast(
    history: History, monkeypatch: pytest.MonkeyPatch
) -> None:
    asked: list[int] = []

    def forecast(turns: object, day: int, delay: int) -> float:
        asked.append(day)
        return 0.0

    monkeypatch.setattr(season, "forecast_shift", forecast)
    day = DAYS[-1]
    rows = history.rows.on([day])
    folds = [Fold([day], day, part) for part in range(5)]
    parts = [rows.tests([fold]).X["place"].to_numpy(dtype=int) for fold in folds]
    p = {"churn_lightgbm": expit(history.z), "churn_logistic": expit(history.z / 2)}
    results = {
        name: CandidateResult(
            name,
            [
                FoldResult(fold, 1.0, {}, p[name][place])
                for fold, place in zip(folds, parts, strict=True)
            ],
        )
        for name in p
    }
    results["value_hurdle"] = CandidateResult(
        "value_hurdle",
        [
            FoldResult(fold, 1.0, {}, history.if_kept[place], np.zeros(len(place)))
            for fold, place in zip(folds, parts, strict=True)
        ],
    )
    spec = selection.select(results, rows, folds, NOW, DELAY)
    assert asked == []
    assert spec.interval is not None
    blended = expit(selection.blended_log_odds(spec, results))
    assert blended.mean() == pytest.approx(rows.churned.mean(), abs=0.02)


def test_without_folds_weights_are_equal_and_there_is_no_interval(history: History) -> None:
    spec = history.select(folds=[])
    assert spec.weights == {
        "churn": {"churn_lightgbm": 0.5, "churn_logistic": 0.5},
        "value": {"value_hurdle": 0.5, "value_tweedie": 0.5},
    }
    assert (spec.intercept, spec.interval, spec.losses) == (0.0, None, {})


def test_equal_weights_leave_out_models_that_stand_beside() -> None:
    names = ["churn_bgnbd", "churn_recency", "value_bgnbd", "value_last_window"]
    spec = selection.equal_spec(names, ["too little"], {"churn_logistic": "failed"})
    assert spec.weights == {"churn": {"churn_bgnbd": 1.0}, "value": {"value_bgnbd": 1.0}}
    assert (spec.banners, spec.failed) == (["too little"], {"churn_logistic": "failed"})
    with pytest.raises(Refusal, match="no churn model is left"):
        selection.equal_spec(["churn_recency", "value_last_window"], [], {})


def test_the_mean_stays_where_predictions_are_stretched(history: History) -> None:
    timid = {
        **history.candidates,
        "churn_lightgbm": history.result("churn_lightgbm", expit(-1 + (history.z + 1) / 3)),
    }
    timid.pop("churn_logistic")
    spec = selection.select(timid, history.rows, FOLDS, NOW, DELAY)
    assert spec.weights["churn"]["churn_lightgbm"] == pytest.approx(3.0, rel=0.1)
    p = expit(selection.blended_log_odds(spec, timid))
    assert p.mean() == pytest.approx(history.rows.tests(FOLDS).churned.mean(), abs=0.02)


def test_parameters_of_a_refit_are_those_of_the_folds_grown_with_its_rows(spec: ModelSpec) -> None:
    grown = spec.params(StubMaker(), "churn_lightgbm", 4.0 * PER_DAY)
    assert grown == {"rounds": round(100 * 4**GROWTH)}
    own = selection.equal_spec(["churn_logistic", "value_hurdle"], [], {})
    assert own.params(StubMaker(), "churn_logistic", REFERENCE_ROWS) == {"rounds": 100}


def test_the_log_odds_are_those_of_the_weighted_parts(history: History, spec: ModelSpec) -> None:
    by_hand = spec.intercept + sum(
        weight * logit(history.candidates[name].predicted)
        for name, weight in spec.weights["churn"].items()
    )
    assert selection.blended_log_odds(spec, history.candidates) == pytest.approx(by_hand)
    assert set(spec.weights["churn"]) <= set(names_of("churn", history.candidates))


def test_rows_that_stand_for_those_left_out_give_the_base_rate_of_all(
    history: History, spec: ModelSpec
) -> None:
    draw = np.random.default_rng(3)
    is_left_in = (history.rows.churned == 1) | (draw.random(len(history.rows.day)) < 0.25)
    weight = np.where(history.rows.churned == 1, 1.0, 4.0)
    thinned = replace(history.rows, weight=weight).take(is_left_in)
    candidates = {
        name: replace(
            candidate,
            folds=[
                replace(
                    fold,
                    predicted=fold.predicted[is_left_in[history.rows.day == fold.fold.test]],
                    if_lost=None
                    if fold.if_lost is None
                    else fold.if_lost[is_left_in[history.rows.day == fold.fold.test]],
                )
                for fold in candidate.folds
            ],
        )
        for name, candidate in history.candidates.items()
    }
    weighed = selection.select(candidates, thinned, FOLDS, NOW, DELAY)
    plain = selection.select(
        candidates, replace(thinned, weight=weight[is_left_in] ** 0), FOLDS, NOW, DELAY
    )
    assert weighed.intercept == pytest.approx(spec.intercept, abs=0.15)
    assert plain.intercept - spec.intercept > 0.5
    assert weighed.interval is not None
    assert spec.interval is not None
    ends = [each.predict(np.array([60.0]))[1][0] for each in (weighed.interval, spec.interval)]
    assert ends[0] == pytest.approx(ends[1], rel=0.1)
    losses = [each.losses["churn_recency"] for each in (weighed, spec, plain)]
    assert losses[0] == pytest.approx(losses[1], rel=0.05)
    assert abs(losses[2] - losses[1]) > 3 * abs(losses[0] - losses[1])


def test_the_choice_is_made_for_those_whom_a_list_can_still_contact(history: History) -> None:
    notice = np.random.default_rng(5).random(len(history.rows.day)) < 0.2
    with_notice = replace(history.rows, X=history.rows.X.assign(notice_given=notice.astype(float)))
    leaves = replace(with_notice, churned=np.where(notice, 1.0, with_notice.churned))
    both = [
        selection.select(history.candidates, rows, FOLDS, NOW, DELAY)
        for rows in (with_notice, leaves)
    ]
    assert both[0].weights == both[1].weights
    assert (both[0].intercept, both[0].losses) == (both[1].intercept, both[1].losses)
    unknown = replace(leaves, X=history.rows.X)
    assert selection.select(history.candidates, unknown, FOLDS, NOW, DELAY).losses != both[0].losses
