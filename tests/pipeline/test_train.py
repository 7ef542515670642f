"""Training end to end on a small company: rows that are used, and rows that must not matter."""

import itertools
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import models
from models.churn_bgnbd import BGNBDChurn
from models.components.bgnbd import BGNBD
from models.components.calibration import Calibrator, Identity, Platt
from models.components.scorer import COLUMNS
from models.components.uplift import fold_of
from models.value_bgnbd import BGNBDValue
from pipeline import evaluate, train
from pipeline.train import Trained
from retention.core import artefacts, console, point_in_time
from retention.core.errors import Guarded, Refusal
from retention.core.events import HELD_OUT
from retention.core.params import Params
from retention.core.storage import atomic
from retention.tracking import client
from retention.training import selection
from retention.training.cross_prediction import HALVES, SALT
from retention.training.folds import Fold
from retention.training.rows import LabelledRows, labelled_rows
from retention.training.selection_report import selection_report
from tests.support.purchase_histories import simulated
from tests.support.training_company import (
    AS_OF,
    DAYS,
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


def decisions(result: Trained) -> dict[str, Any]:
    """All that the folds decided, as JSON."""
    spec = result.spec
    return {
        "chosen": [spec.churn, spec.value],
        "why": spec.why,
        "losses": spec.losses,
        "params": spec.params,
        "calibrators": {name: calibrator.state() for name, calibrator in spec.calibrators.items()},
        "interval": spec.interval.state() if spec.interval else None,
        "predicted": {name: trial.predicted.tolist() for name, trial in spec.candidates.items()},
        "banners": spec.banners,
    }


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
def test_no_label_open_on_the_test_day_touches_the_selection(
    usual: Trained, days: list[int]
) -> None:
    other = trained(relabelled(usual.rows, days))
    assert decisions(other) == decisions(usual)
    assert other.test_predictions == usual.test_predictions
    assert other.test_scores == usual.test_scores


def test_the_newest_label_of_the_folds_does_touch_the_selection(usual: Trained) -> None:
    day = max(set(DAYS) - set(OPEN_ON_TEST_DAY))
    assert decisions(trained(relabelled(usual.rows, [day]))) != decisions(usual)


def test_the_features_of_the_test_day_do_not_touch_the_selection(usual: Trained) -> None:
    rows = usual.rows
    X = rows.X.copy()
    X.loc[rows.day == DAYS[-1], ["days_since_purchase", "spend_30d"]] = 77.0
    other = trained(LabelledRows(X, rows.customer, rows.day, rows.churned, rows.value, rows.weight))
    assert decisions(other) == decisions(usual)


def test_the_test_fold_trains_on_labels_mature_on_its_day(
    usual: Trained,
) -> None:
    assert usual.split.test_fold == Fold(
        [day for day in DAYS if day not in OPEN_ON_TEST_DAY], DAYS[-1]
    )


# The refit


def test_the_refit_uses_the_specification_unchanged(usual: Trained) -> None:
    spec, scorer = usual.spec, usual.scorer
    assert (scorer.churn[0], scorer.value_if_kept[0], scorer.value_if_lost[0]) == (
        spec.churn,
        spec.value,
        spec.value,
    )
    assert scorer.calibrator.state() == spec.calibrators[spec.churn].state()
    assert spec.interval is not None
    assert scorer.interval is not None
    assert scorer.interval.state() == spec.interval.state()


def test_the_refit_uses_all_mature_rows(usual: Trained) -> None:
    every = selection.fit_scorer(
        selection.model_factory(small_params()), usual.spec, usual.rows
    ).states()
    assert usual.scorer.states() == every
    other = trained(relabelled(usual.rows, [DAYS[-1]])).scorer.states()
    assert other["churn"]["model"] != every["churn"]["model"]
    assert other["churn"]["calibrator"] == every["churn"]["calibrator"]


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
    assert len(predictions) == 120 * len(QUICK_MODELS)
    assert set(predictions["snapshot_on"]) == {point_in_time.date_of(DAYS[-1])}


def test_test_scores_are_one_row_per_customer(usual: Trained) -> None:
    table = usual.test_scores
    assert table.schema.equals(artefacts.TEST_SCORES.schema)
    assert table.column_names == ["customer_id", "snapshot_on", *COLUMNS]
    frame = table.to_pandas()
    assert len(frame) == 120
    assert not frame.duplicated(list(artefacts.TEST_SCORES.key)).any()


def test_the_test_scores_are_those_of_the_selected_model(usual: Trained) -> None:
    predictions = usual.test_predictions.filter(pc.field("model") == usual.spec.churn)["prediction"]
    assert predictions.to_pylist() == usual.test_scores["churn_probability"].to_pylist()


def test_each_models_test_predictions_are_calibrated_by_its_own_calibrator(usual: Trained) -> None:
    doubtful = Platt().fit([0.1, 0.2, 0.8, 0.9], [0, 1, 0, 1])
    certain = Identity()
    calibrators: dict[str, Calibrator] = {"churn_recency": doubtful, "churn_rfm_logistic": certain}
    spec = replace(usual.spec, churn="churn_recency", calibrators=calibrators)
    assert usual.split.test_fold is not None
    predictions, scored = train.predict_test_snapshot(
        usual.rows, usual.split.test_fold, spec, small_params()
    )
    train_rows = usual.rows.on(usual.split.test_fold.train)
    test_rows = usual.rows.on([usual.split.test_fold.test])
    for name, calibrator in calibrators.items():
        model = selection.model_factory(small_params())(name).fit(train_rows.X, train_rows.churned)
        raw = selection.predict(model, test_rows.X)
        of_model = predictions.filter(pc.field("model") == name)["prediction"].to_pylist()
        assert of_model == calibrator.predict(raw).tolist()
        if name == spec.churn:
            assert scored["churn_probability"].to_pylist() == of_model != raw.tolist()


# Too little


def test_with_too_few_churners_a_baseline_scores_under_a_banner() -> None:
    result = trained(rows_with_churners(120, SNAPSHOTS, left=7))
    assert (result.spec.churn, result.spec.value) == ("churn_recency", "value_last_window")
    assert result.split.folds == []
    (banner,) = result.spec.banners
    assert "7 customers lost so far, 30 needed" in banner
    assert np.isfinite(result.scorer.score(result.rows.X).to_numpy()).all()
    assert len(result.test_scores) == 120  # measured all the same


def test_with_too_few_snapshots_a_baseline_scores_and_nothing_is_measured() -> None:
    result = trained(rows_with_churners(120, 2, left=60))
    assert result.spec.churn == "churn_recency"
    assert "no earlier period to try models on" in result.spec.banners[0]
    assert result.split.test_fold is None
    assert result.test_predictions.equals(artefacts.TEST_PREDICTIONS.schema.empty_table())
    assert result.test_scores.equals(artefacts.TEST_SCORES.schema.empty_table())


def test_one_outcome_only_is_refused_and_says_what_is_needed() -> None:
    with pytest.raises(
        Guarded, match=r"^not enough churners: 0 .*, need 30; see that labels"
    ) as caught:
        trained(rows_with_churners(40, SNAPSHOTS, left=0))
    assert caught.value.code == 4


def test_where_everybody_left_the_refusal_does_not_speak_of_churners() -> None:
    with pytest.raises(Guarded, match="not enough customers who stayed: 0 of 400 rows"):
        trained(rows_with_churners(40, SNAPSHOTS, left=40))


def test_no_mature_label_is_refused_and_says_what_to_do() -> None:
    features = feature_table()
    rows = labelled_rows(features, label_table(features).slice(0, 0))
    with pytest.raises(Guarded, match="no snapshot has a mature label yet; shorten labels"):
        trained(rows)


def test_a_fold_needs_churners_to_learn_from_and_both_outcomes_on_each_side() -> None:
    rows = rows_with_churners(40, SNAPSHOTS, left=10)
    folds = [Fold(DAYS[:3], DAYS[4]), Fold(DAYS[:4], DAYS[5])]
    assert train.usable_folds(rows, folds, min_churners=10) == folds
    assert train.usable_folds(rows, folds, min_churners=11) == []
    on_test, on_train = rows.day == DAYS[4], np.isin(rows.day, DAYS[:3])
    for on, outcome in itertools.product((on_test, on_train), (0.0, 1.0)):
        churned = np.where(on, outcome, rows.churned)
        other = LabelledRows(rows.X, rows.customer, rows.day, churned, rows.value, rows.weight)
        assert folds[0] not in train.usable_folds(other, folds, min_churners=1)


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

        def fit(self, X: pd.DataFrame, y: Any, weight: Any = None) -> Any:
            self.broken_ = fails(len(X))
            if self.broken_ and figure is None:
                raise ValueError("no fit to '0042' with 12.5 of spend_30d")
            return fit(self, X, y, weight)

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
    breaking("churn_recency", monkeypatch, always, figure)
    result = trained(some_rows())
    assert result.spec.churn == "churn_rfm_logistic"
    assert result.spec.value == usual.spec.value
    assert "churn_recency" not in result.spec.losses
    assert "churn_recency" not in result.test_predictions["model"].to_pylist()
    reason = result.spec.failed["churn_recency"]
    assert reason.startswith("failed on the fold of 2026-")
    assert f"train: churn_recency drops out: {reason}" in capsys.readouterr().err
    report = selection_report(result.spec, result.split, result.rows)
    assert report.as_json()["failed"] == {"churn_recency": reason}
    assert result.spec.banners == []  # it had not been selected


def test_the_reason_holds_no_figure_of_a_customer(monkeypatch: pytest.MonkeyPatch) -> None:
    breaking("churn_recency", monkeypatch, always, None)
    reason = trained(some_rows()).spec.failed["churn_recency"]
    assert reason.endswith(": ValueError: no fit to … with … of spend_30d")


@pytest.mark.parametrize("figure", [None, np.nan])
def test_where_the_selected_model_fails_at_the_refit_the_next_best_takes_its_place(
    monkeypatch: pytest.MonkeyPatch, usual: Trained, figure: float | None
) -> None:
    breaking(usual.spec.churn, monkeypatch, at_refit, figure)
    result = trained(some_rows())
    (other,) = {"churn_recency", "churn_rfm_logistic"} - {usual.spec.churn}
    assert result.spec.churn == result.scorer.churn[0] == other
    assert result.spec.failed[usual.spec.churn].startswith("failed at the refit: ValueError")
    (banner,) = result.spec.banners
    assert banner.startswith(f"{models.discover()[usual.spec.churn].title} was selected but failed")
    assert set(result.test_predictions["model"].to_pylist()) == {other, usual.spec.value}
    predictions = result.test_predictions.filter(pc.field("model") == other)["prediction"]
    assert predictions.to_pylist() == result.test_scores["churn_probability"].to_pylist()


def test_a_model_that_fails_at_the_test_fit_drops_out(
    monkeypatch: pytest.MonkeyPatch, usual: Trained
) -> None:
    (other,) = {"churn_recency", "churn_rfm_logistic"} - {usual.spec.churn}
    assert usual.split.test_fold is not None
    tested_on = 120 * len(usual.split.test_fold.train)
    breaking(other, monkeypatch, lambda rows: rows == tested_on, None)
    result = trained(some_rows())
    assert result.spec.failed[other].startswith("failed at the test fit: ValueError")
    assert result.spec.churn == usual.spec.churn
    assert result.spec.banners == []
    assert result.scorer.churn[1].state() == usual.scorer.churn[1].state()


def test_a_value_model_that_cannot_be_fitted_given_the_outcome_drops_out(
    monkeypatch: pytest.MonkeyPatch, usual: Trained
) -> None:
    folds = {120 * len(fold.train) for fold in usual.split.folds}
    kinds = models.discover() | {"value_bgnbd": BGNBDValue}
    monkeypatch.setattr(models, "discover", lambda: kinds)
    selected_before = trained(some_rows()).spec.value
    breaking(selected_before, monkeypatch, lambda rows: rows not in folds, None)
    result = trained(some_rows())
    (other,) = {"value_last_window", "value_bgnbd"} - {selected_before}
    assert result.spec.value == other
    assert result.spec.failed[selected_before].startswith("failed on the fold of")
    assert len(result.spec.banners) == 1


def test_with_too_little_history_the_next_simplest_model_takes_over(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    breaking("churn_recency", monkeypatch, always, None)
    result = trained(rows_with_churners(120, SNAPSHOTS, left=7))
    assert result.spec.churn == "churn_rfm_logistic"
    assert len(result.spec.banners) == 2


@pytest.mark.parametrize("fails", [always, at_refit])
def test_where_every_model_fails_the_refusal_names_each_with_its_reason(
    monkeypatch: pytest.MonkeyPatch, fails: Callable[[int], bool]
) -> None:
    for name in ("churn_recency", "churn_rfm_logistic"):
        breaking(name, monkeypatch, fails, None)
    with pytest.raises(Refusal, match=r"^no churn model is left: ") as caught:
        trained(some_rows())
    for name in ("churn_recency", "churn_rfm_logistic"):
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


@pytest.mark.parametrize("name", ["churn_recency", "churn_rfm_logistic"])
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
    breaking(usual.spec.churn, monkeypatch, lambda rows: rows in half_rows, None)
    rows = labelled_rows(features, labels, "keep")
    result = train.train(rows, small_params(), console.StageLog("train"), (features, labels))
    assert result.spec.churn != usual.spec.churn
    assert result.spec.failed[usual.spec.churn].startswith("failed in cross-prediction: ValueError")
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
    assert artefacts.SELECTION.read() == selection_report(usual.spec, usual.split, usual.rows)
