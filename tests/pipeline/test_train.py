"""Training end to end on a small company: rows that are used, and rows that must not matter."""

import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

from models.components.calibration import Calibrator, Identity, Platt
from models.components.scorer import COLUMNS
from pipeline import train
from pipeline.train import Trained
from retention.core import artefacts, console, point_in_time
from retention.core.errors import Guarded
from retention.core.params import Params
from retention.core.storage import atomic
from retention.training import selection
from retention.training.folds import Fold
from retention.training.rows import LabelledRows, labelled_rows
from retention.training.selection_report import selection_report
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


# The stage


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
