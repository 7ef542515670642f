"""Training end to end on a small company: rows that are used, and rows that must not matter."""

import datetime as dt
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest
from scipy.special import expit

import models
from models.churn_bgnbd import BGNBDChurn
from models.churn_tenure import TenureChurn
from models.components.bgnbd import BGNBD
from models.components.blend import clipped_log_odds
from models.components.scorer import COLUMNS
from models.components.uplift import fold_of
from models.value_bgnbd import BGNBDValue
from models.value_last_window import LastWindow
from pipeline import evaluate, train
from pipeline.train import Trained
from retention.core import artefacts, console, point_in_time
from retention.core.documents.modelling import SelectionReport
from retention.core.errors import Guarded, Refusal
from retention.core.events import HELD_OUT
from retention.core.params import Params
from retention.core.storage import atomic
from retention.tracking import client
from retention.training.candidates import model_factory
from retention.training.cross_prediction import HALVES, SALT
from retention.training.fitting import fit_scorer
from retention.training.folds import Fold
from retention.training.ladder import BANNERS
from retention.training.rows import LabelledRows, labelled_rows, unlabelled_rows
from retention.training.selection import ModelSpec
from retention.training.selection_report import selection_report
from retention.training.unseen_days import measured_folds
from tests.support.purchase_histories import simulated
from tests.support.training_company import (
    AS_OF,
    DAYS,
    LABEL_DELAY_DAYS,
    OPEN_ON_TEST_DAY,
    QUICK_MODELS,
    SNAPSHOTS,
    feature_table,
    label_table,
    rows_with_churners,
    small_params,
    some_rows,
    use_quick_models,
    write_company,
)


@pytest.fixture(autouse=True)
def _quick_models(monkeypatch: pytest.MonkeyPatch) -> None:
    use_quick_models(monkeypatch)


def trained(rows: LabelledRows, plan: Params | None = None) -> Trained:
    return train.train(rows, plan or small_params(), console.StageLog("train"))


def decisions(spec: ModelSpec | None) -> dict[str, Any]:
    """All that the folds decided, as JSON."""
    assert spec is not None
    return {
        "weights": spec.weights,
        "intercept": spec.intercept,
        "losses": spec.losses,
        "interval": spec.interval.state() if spec.interval else None,
        "tuned": {
            name: [fold.tuned for fold in candidate.folds]
            for name, candidate in spec.candidates.items()
        },
        "predicted": {
            name: candidate.predicted.tolist() for name, candidate in spec.candidates.items()
        },
    }


def report_of(result: Trained) -> SelectionReport:
    params = small_params()
    return selection_report(
        result.spec, result.evidence, result.rows, model_factory(params), params.labels
    )


def relabelled(rows: LabelledRows, days: list[int], seed: int = 9) -> LabelledRows:
    """Other labels on some days."""
    draw, on = np.random.default_rng(seed), np.isin(rows.day, days)
    churned = np.where(on, 1 - rows.churned, rows.churned)
    value = np.where(on, draw.gamma(1, 500, len(rows.day)), rows.value)
    return LabelledRows(rows.X, rows.customer, rows.day, churned, value, rows.weight)


@pytest.fixture(scope="module")
def usual() -> Trained:
    with pytest.MonkeyPatch.context() as monkeypatch:
        use_quick_models(monkeypatch)
        return trained(some_rows())


# Rows


def test_only_rows_with_a_label_are_fitted_on(usual: Trained) -> None:
    assert AS_OF not in set(usual.rows.day.tolist())
    assert sorted(set(usual.rows.day.tolist())) == DAYS
    assert len(usual.rows.day) == 120 * SNAPSHOTS


def test_keys_and_labels_are_no_features(usual: Trained) -> None:
    assert not {"customer_id", "snapshot_on", "churned", "value"} & set(usual.rows.X.columns)


# Leaks


@pytest.mark.parametrize(
    "days", [[DAYS[-1]], OPEN_ON_TEST_DAY], ids=["measuring day", "open on it"]
)
def test_no_label_open_on_the_test_day_touches_what_is_measured(
    usual: Trained, days: list[int]
) -> None:
    other = trained(relabelled(usual.rows, days))
    assert decisions(other.measured) == decisions(usual.measured)
    assert other.test_predictions == usual.test_predictions
    assert other.test_scores == usual.test_scores


def test_the_newest_label_known_on_the_test_day_does_touch_what_is_measured(
    usual: Trained,
) -> None:
    day = max(set(DAYS) - set(OPEN_ON_TEST_DAY))
    other = trained(relabelled(usual.rows, [day]))
    assert decisions(other.measured) != decisions(usual.measured)
    assert other.test_scores != usual.test_scores


def test_once_it_is_measured_the_newest_label_is_learnt_from(usual: Trained) -> None:
    other = trained(relabelled(usual.rows, [DAYS[-1]]))
    assert other.spec.weights != usual.spec.weights
    assert other.scorer.states() != usual.scorer.states()


def test_the_features_of_the_test_day_do_not_touch_what_was_put_together(usual: Trained) -> None:
    rows = usual.rows
    X = rows.X.copy()
    X.loc[rows.day == DAYS[-1], ["days_since_purchase", "spend_30d"]] = 77.0
    other = trained(LabelledRows(X, rows.customer, rows.day, rows.churned, rows.value, rows.weight))
    assert decisions(other.measured) == decisions(usual.measured)


def test_the_test_fold_trains_on_labels_mature_on_its_day(
    usual: Trained,
) -> None:
    assert usual.evidence.split.test_fold == Fold(
        [day for day in DAYS if day not in OPEN_ON_TEST_DAY], DAYS[-1]
    )
    assert usual.measured is not None
    tested_days = {
        result.fold.test
        for candidate in usual.measured.candidates.values()
        for result in candidate.folds
    }
    assert tested_days
    assert not tested_days & set(OPEN_ON_TEST_DAY)


# The refit


def test_the_refit_uses_the_specification_unchanged(usual: Trained) -> None:
    spec, scorer = usual.spec, usual.scorer
    assert {name: weight for name, _, weight in scorer.churn.parts} == spec.weights["churn"]
    for values in (scorer.value_if_kept, scorer.value_if_lost):
        assert {name: weight for name, _, weight in values.parts} == spec.weights["value"]
    assert scorer.churn.intercept == spec.intercept
    assert spec.interval is not None
    assert scorer.interval is not None
    assert scorer.interval.state() == spec.interval.state()


def test_the_refit_uses_all_mature_rows(usual: Trained) -> None:
    make = model_factory(small_params())
    every = fit_scorer(make, usual.spec, usual.rows, LABEL_DELAY_DAYS).states()
    assert usual.scorer.states() == every
    fewer = usual.rows.on(DAYS[:-1])
    assert fit_scorer(make, usual.spec, fewer, LABEL_DELAY_DAYS).states() != every


def test_the_same_rows_are_the_same_models(usual: Trained) -> None:
    again = trained(some_rows())
    assert json.dumps(again.scorer.states()) == json.dumps(usual.scorer.states())
    assert again.test_predictions.equals(usual.test_predictions)
    assert again.test_scores.equals(usual.test_scores)


def test_the_order_of_input_rows_does_not_matter(usual: Trained) -> None:
    features = feature_table()
    shuffle = np.random.default_rng(1).permutation(len(features))
    rows = labelled_rows(features.take(shuffle), label_table(features))
    assert trained(rows).scorer.states() == usual.scorer.states()


# Test predictions


def test_every_model_predicts_every_customer_of_the_test_snapshot(usual: Trained) -> None:
    table = usual.test_predictions
    assert table.schema.equals(artefacts.TEST_PREDICTIONS.schema)
    predictions = table.to_pandas()
    assert set(predictions["model"]) == set(QUICK_MODELS)
    assert (predictions["task"] == predictions["model"].str.partition("_")[0]).all()
    assert not predictions.duplicated(list(artefacts.TEST_PREDICTIONS.key)).any()
    days = measured_days(usual)
    assert len(predictions) == 120 * len(QUICK_MODELS) * len(days)
    assert set(predictions["snapshot_on"]) == set(days)


def measured_days(result: Trained) -> list[dt.date]:
    folds = measured_folds(result.evidence.split, LABEL_DELAY_DAYS)
    return [point_in_time.date_of(fold.test) for fold in folds]


def test_every_measured_day_is_predicted_by_labels_that_were_known_on_it(usual: Trained) -> None:
    folds = measured_folds(usual.evidence.split, LABEL_DELAY_DAYS)
    assert len(folds) > 1
    assert folds[-1] == usual.evidence.split.test_fold
    for fold in folds:
        assert all(day + LABEL_DELAY_DAYS <= fold.test for day in fold.train)
        assert usual.evidence.split.folds[0].test + LABEL_DELAY_DAYS <= fold.test
    earlier = folds[-2].test
    other = trained(
        relabelled(usual.rows, [day for day in DAYS if day + LABEL_DELAY_DAYS > earlier])
    )
    before = pc.field("snapshot_on") <= point_in_time.date_of(earlier)
    assert other.test_scores != usual.test_scores
    assert other.test_scores.filter(before).equals(usual.test_scores.filter(before))


def test_test_scores_are_one_row_per_customer(usual: Trained) -> None:
    table = usual.test_scores
    assert table.schema.equals(artefacts.TEST_SCORES.schema)
    own = ["customer_id", "snapshot_on", *COLUMNS, "weight", "contactable"]
    assert table.column_names == own
    frame = table.to_pandas()
    assert len(frame) == 120 * len(measured_days(usual))
    assert not frame.duplicated(list(artefacts.TEST_SCORES.key)).any()


def test_the_test_scores_are_the_weighted_predictions_of_the_models(usual: Trained) -> None:
    assert usual.measured is not None
    newest = pc.field("snapshot_on") == point_in_time.date_of(DAYS[-1])
    predictions = (
        usual.test_predictions.filter(newest)
        .to_pandas()
        .pivot_table(index="customer_id", columns="model", values="prediction")
    )
    log_odds = usual.measured.intercept + sum(
        weight * clipped_log_odds(predictions[name].to_numpy())
        for name, weight in usual.measured.weights["churn"].items()
    )
    scores = usual.test_scores.filter(newest).to_pandas().set_index("customer_id")
    scores = scores.loc[predictions.index]
    assert scores["churn_probability"].to_numpy() == pytest.approx(expit(log_odds))
    p, if_kept, if_lost = (
        scores[name] for name in ("churn_probability", "value_if_kept", "value_if_lost")
    )
    assert scores["expected_value"].to_numpy() == pytest.approx((1 - p) * if_kept + p * if_lost)
    assert scores["expected_loss"].to_numpy() == pytest.approx(p * (if_kept - if_lost))


# Little history


def test_where_one_snapshot_can_be_predicted_it_is_measured_with_equal_weights() -> None:
    result = trained(rows_with_churners(120, 3, left=60))
    assert result.evidence.rung == "newest"
    assert result.measured is not None
    assert set(result.measured.weights["churn"].values()) == {0.5}
    assert result.spec.losses  # and then learnt from
    assert result.spec.banners[0] == BANNERS["newest"]
    scores = result.test_scores.to_pandas()
    assert len(scores) == 120
    assert scores[["value_low", "value_high"]].isna().all(axis=None)
    assert result.scorer.interval is not None


@pytest.mark.parametrize("snapshots", [1, 2])
def test_where_no_label_was_known_before_another_customers_predict_each_other(
    snapshots: int,
) -> None:
    result = trained(rows_with_churners(120, snapshots, left=60))
    assert result.evidence.rung == "customers"
    assert result.spec.banners[0] == BANNERS["customers"]
    assert result.measured is None
    assert result.test_predictions.equals(artefacts.TEST_PREDICTIONS.schema.empty_table())
    assert result.test_scores.equals(artefacts.TEST_SCORES.schema.empty_table())
    scores = result.scorer.score(result.rows.X)
    assert np.isfinite(scores.to_numpy()).all()  # with an interval
    assert report_of(result).measured_on is None


@pytest.mark.parametrize("left", [0, 7, 60])
def test_where_few_have_left_or_stayed_only_models_that_need_no_labels_score(
    monkeypatch: pytest.MonkeyPatch, left: int
) -> None:
    kinds = models.discover() | {"churn_bgnbd": BGNBDChurn, "value_bgnbd": BGNBDValue}
    monkeypatch.setattr(models, "discover", lambda: kinds)
    result = trained(rows_with_churners(60, SNAPSHOTS, left))
    assert result.evidence.rung == "history"
    assert result.spec.weights["churn"] == {"churn_bgnbd": 1.0}
    assert not any(kinds[name].needs_labels for name in result.spec.weights["value"])
    assert result.spec.banners == [BANNERS["history"]]
    assert result.spec.interval is None
    scores = result.scorer.score(result.rows.X)
    assert scores[["value_low", "value_high"]].isna().all(axis=None)
    assert np.isfinite(scores.drop(columns=["value_low", "value_high"]).to_numpy()).all()


def test_contracts_of_which_none_has_ended_yet_are_too_little_history(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(
        models, "discover", lambda: {"churn_tenure": TenureChurn, "value_last_window": LastWindow}
    )
    features = feature_table()
    rows = unlabelled_rows(features.append_column("contract_age", features["purchase_days"]))
    with pytest.raises(
        Guarded, match=r"^not enough history: churn_tenure .*no contract has ended yet; see that"
    ) as caught:
        trained(rows, small_params("silence", "cancel"))
    assert caught.value.code == 4


def test_no_mature_label_is_refused_and_says_what_to_do() -> None:
    features = feature_table()
    rows = labelled_rows(features, label_table(features).slice(0, 0))
    with pytest.raises(Guarded, match="no snapshot has a mature label yet; shorten labels"):
        trained(rows)


# Models that fail


AT_REFIT = 120 * SNAPSHOTS  # rows of the churn model's last fit


def breaking(
    name: str, monkeypatch: pytest.MonkeyPatch, fails: Callable[[int], bool], figure: float | None
) -> None:
    """Let a model raise, or predict a figure, where its fit to so many rows `fails`."""
    kind: Any = models.discover()[name]
    fit = kind.fit

    class Breaking(kind):  # type: ignore[misc]
        """Like the model until it fails."""

        def fit(self, X: pd.DataFrame, y: Any, weight: Any = None, histories: Any = None) -> Any:
            self.broken_ = fails(len(X))
            if self.broken_ and figure is None:
                raise ValueError("no fit to '0042' with 12.5 of spend_30d")
            return fit(self, X, y, weight, histories)

        def _broken(self, predicted: Any) -> Any:
            return np.full_like(predicted, figure) if self.broken_ else predicted

        def predict(self, X: pd.DataFrame) -> Any:
            return self._broken(super().predict(X))

        def predict_proba(self, X: pd.DataFrame) -> Any:
            return self._broken(super().predict_proba(X)) if self.task == "churn" else None

    kinds = models.discover() | {name: Breaking}
    monkeypatch.setattr(models, "discover", lambda: kinds)


def always(_: int) -> bool:
    return True


def at_refit(rows: int) -> bool:
    return rows == AT_REFIT


@pytest.mark.parametrize("figure", [None, np.nan, np.inf, 1.5])
def test_a_model_that_fails_on_a_fold_drops_out_and_the_others_go_on(
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    usual: Trained,
    figure: float | None,
) -> None:
    breaking("churn_rfm_logistic", monkeypatch, always, figure)
    result = trained(some_rows())
    assert set(result.spec.weights["churn"]) == {"churn_logistic"}
    assert result.spec.weights["value"].keys() == usual.spec.weights["value"].keys()
    assert "churn_rfm_logistic" not in result.spec.losses
    assert "churn_rfm_logistic" not in result.test_predictions["model"].to_pylist()
    reason = result.spec.failed["churn_rfm_logistic"]
    assert reason.startswith("failed on the fold of 2026-")
    assert f"train: churn_rfm_logistic drops out: {reason}" in capsys.readouterr().err
    assert report_of(result).as_json()["failed"] == {"churn_rfm_logistic": reason}
    assert result.spec.banners == []  # it had never been a part


def test_the_reason_holds_no_figure_of_a_customer(monkeypatch: pytest.MonkeyPatch) -> None:
    breaking("churn_recency", monkeypatch, always, None)
    reason = trained(some_rows()).spec.failed["churn_recency"]
    assert reason.endswith(": ValueError: no fit to … with … of spend_30d")


@pytest.mark.parametrize("figure", [None, np.nan])
def test_where_a_part_fails_at_the_refit_the_others_take_its_place(
    monkeypatch: pytest.MonkeyPatch, usual: Trained, figure: float | None
) -> None:
    part = usual.spec.main["churn"]
    breaking(part, monkeypatch, at_refit, figure)
    result = trained(some_rows())
    (other,) = {"churn_logistic", "churn_rfm_logistic"} - {part}
    assert [name for name, _, _ in result.scorer.churn.parts] == [other]
    assert result.spec.failed[part].startswith("failed at the refit: ValueError")
    (banner,) = result.spec.banners
    assert banner.startswith(f"{models.discover()[part].title} was part of the model but failed")
    assert part not in result.test_predictions["model"].to_pylist()
    assert result.measured is not None
    assert set(result.measured.weights["churn"]) == {other}


def test_a_model_that_stands_beside_is_not_refitted(
    monkeypatch: pytest.MonkeyPatch, usual: Trained
) -> None:
    breaking("churn_recency", monkeypatch, at_refit, None)
    result = trained(some_rows())
    assert result.spec.failed == {}
    assert result.scorer.states() == usual.scorer.states()


def test_a_value_model_that_fails_at_the_test_fit_drops_out(
    monkeypatch: pytest.MonkeyPatch, usual: Trained
) -> None:
    kinds = models.discover() | {"value_bgnbd": BGNBDValue}
    monkeypatch.setattr(models, "discover", lambda: kinds)
    assert usual.evidence.split.test_fold is not None
    tested_on = 120 * len(usual.evidence.split.test_fold.train)  # all rows, those of both outcomes
    breaking("value_bgnbd", monkeypatch, lambda rows: rows == tested_on, None)
    result = trained(some_rows())
    assert result.spec.failed["value_bgnbd"].startswith("failed at the test fit: ValueError")
    assert set(result.spec.weights["value"]) == {"value_last_window"}
    assert result.test_predictions.equals(usual.test_predictions)


@pytest.mark.parametrize("fails", [always, at_refit])
def test_where_every_model_fails_the_refusal_names_each_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, fails: Callable[[int], bool]
) -> None:
    for name in ("churn_logistic", "churn_rfm_logistic"):
        breaking(name, monkeypatch, fails, None)
    with pytest.raises(Refusal, match=r"^no churn model is left: ") as caught:
        trained(some_rows())
    for name in ("churn_logistic", "churn_rfm_logistic"):
        assert f"{name} failed " in str(caught.value)


def test_a_refusal_of_params_is_no_failure_of_a_model() -> None:
    plan = small_params("train: {", "train: {models: {churn_recency: {depth: 3}}, ")
    with pytest.raises(ValueError, match="churn_recency has no parameter depth"):
        trained(some_rows(), plan)


def test_a_shop_whose_customers_all_leave_with_the_same_chance_can_be_trained_on(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    kinds = {"churn_bgnbd": BGNBDChurn, "value_bgnbd": BGNBDValue}
    monkeypatch.setattr(models, "discover", lambda: kinds)
    features = feature_table(customers=300)
    data = simulated(BGNBD(1.5, 40.0, 2000.0, 2000.0), T=240.0, later=28.0, n=len(features), seed=2)
    columns = {
        "days_since_purchase": data["T"] - data["t_x"] + 1,
        "days_since_first_purchase": data["T"] + 1,
        "purchase_days": data["x"] + 1,
    }
    for name, column in columns.items():
        place = features.schema.get_field_index(name)
        features = features.set_column(place, name, pa.array(column.to_numpy()))
    mature = labelled_rows(features, label_table(features))
    plan = small_params("train: {", "train: {models: {value_bgnbd: {horizon_days: 90}}, ")
    result = trained(mature, plan)
    assert result.spec.failed == {}
    assert np.isfinite(result.test_scores["expected_value"].to_numpy()).all()


# The stage


@pytest.mark.parametrize("name", ["churn_recency", "churn_logistic"])
def test_the_stages_go_on_to_a_card_that_names_the_model_that_failed(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    write_company(tmp_path)
    monkeypatch.chdir(tmp_path)
    breaking(name, monkeypatch, always, np.nan)
    train.main()
    monkeypatch.setattr(client, "log_run", lambda _: "run-1")
    evaluate.main()
    card = artefacts.MODEL_CARD.path.read_text(encoding="utf-8")
    assert f"- {models.discover()[name].title}: failed on the fold of 2026-" in card
    assert name not in artefacts.METRICS.read().churn
    lift = (artefacts.PLOTS.path / "lift.csv").read_text(encoding="utf-8").splitlines()
    assert (",," in lift[1]) == (name == "churn_recency")


def test_a_model_that_fails_in_cross_prediction_is_replaced(
    monkeypatch: pytest.MonkeyPatch, usual: Trained
) -> None:
    features = feature_table()
    labels = label_table(features)
    arms = [None if row % 10 else HELD_OUT for row in range(len(labels))]
    labels = labels.set_column(
        labels.schema.get_field_index("arm"), "arm", pa.array(arms, pa.string())
    )
    halves = fold_of(usual.rows.customer, HALVES, SALT)
    half_rows = {int((halves != i).sum()) for i in range(HALVES)}
    part = usual.spec.main["churn"]
    breaking(part, monkeypatch, lambda rows: rows in half_rows, None)
    rows = labelled_rows(features, labels, "keep")
    result = train.train(rows, small_params(), console.StageLog("train"), (features, labels))
    assert part not in result.spec.weights["churn"]
    assert result.spec.failed[part].startswith("failed in cross-prediction: ValueError")
    assert len(result.cross_predictions) > 0


def test_the_stage_writes_models_test_predictions_and_report(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, usual: Trained
) -> None:
    write_company(tmp_path)
    monkeypatch.chdir(tmp_path)
    train.main()
    states = {
        name: atomic.read_json(artefacts.CANDIDATE.path / f"{name}.json")
        for name in ("churn", "value")
    }
    assert states == json.loads(json.dumps(usual.scorer.states()))
    assert pq.read_table(artefacts.TEST_PREDICTIONS).equals(usual.test_predictions)
    assert pq.read_table(artefacts.TEST_SCORES).equals(usual.test_scores)
    assert artefacts.SELECTION.read() == report_of(usual)
