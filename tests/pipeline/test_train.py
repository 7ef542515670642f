"""Training end to end on a small company: what is learnt from, and what must not matter."""

import datetime as dt
import itertools
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import models
from models.churn_lightgbm import LightGBMChurn
from models.components.base import TREATED
from models.components.calibration import Calibrator, Identity, Platt
from models.components.scorer import COLUMNS
from pipeline import train
from pipeline.train import Trained
from retention.core import artefacts, console, point_in_time
from retention.core.errors import Guarded
from retention.core.params import Params, parse_params
from retention.core.storage import atomic
from retention.training import selection
from retention.training.folds import Fold
from retention.training.selection import CandidateResult, LabelledRows

CHEAP = ("churn_recency", "churn_rfm_logistic", "value_last_window")
FIRST, EVERY, RIPENING, SNAPSHOTS = point_in_time.day_number(dt.date(2026, 1, 5)), 14, 28, 10
DAYS = [FIRST + EVERY * place for place in range(SNAPSHOTS)]
AS_OF = DAYS[-1] + RIPENING
OPEN = [day for day in DAYS if day + RIPENING > DAYS[-1]]  # on the day that measures
PARAMS = """
company: Mill Lane Bakery
time_zone: Europe/London
currency: GBP
sources:
  till: {path: till.csv, key: row_number,
         events: [{kind: purchase, customer_id: who, occurred_at: at}]}
labels:
  churn: {rule: silence, active_days: 90, horizon_days: 28}
  value: {horizon_days: 28}
train: {min_churners: 30}
evaluate: {bootstrap: 20}
at_risk: {capacity: 15}
"""


def chosen(old: str = "", new: str = "") -> Params:
    return parse_params(PARAMS.replace(old, new))


def feature_table(customers: int = 120, seed: int = 3) -> pa.Table:
    """A few real features of customers watched at every snapshot and at as_of."""
    draw = np.random.default_rng(seed)
    days = [*DAYS, AS_OF]
    n = customers * len(days)
    silence = np.round(draw.gamma(1.5, 14, n) + 1).clip(1, 90)
    visits = 1.0 + draw.poisson(5, n)
    gap = np.round(draw.gamma(3, 3, n) + 1)
    return pa.table(
        {
            "customer_id": [f"{who:04d}" for who in range(customers)] * len(days),
            "snapshot_on": pa.array(np.repeat(days, customers).astype(np.int32)).cast(pa.date32()),
            "days_since_purchase": silence,
            "days_since_first_purchase": silence + (visits - 1) * gap,
            "purchase_days": visits,
            "spend_total": np.round(visits * draw.gamma(4, 6, n), 2),
            "spend_30d": np.round(draw.gamma(2, 20, n) * (silence < 30), 2),
            "orders_30d": np.where(silence < 30, visits, 0.0),
            "median_gap": pa.array(gap, mask=visits < 2),
            "region": draw.choice(["north", "south"], n),
        }
    )


def label_table(features: pa.Table, seed: int = 4) -> pa.Table:
    """What became of them, where it is known: the longer silent, the likelier lost."""
    draw = np.random.default_rng(seed)
    mature = features.filter(pc.field("snapshot_on") < point_in_time.date_of(AS_OF))
    silence = mature["days_since_purchase"].to_numpy()
    churned = draw.random(len(mature)) < 1 / (1 + np.exp(2.2 - silence / 16))
    value = np.where(churned, 0.0, np.round(draw.gamma(2, 15, len(mature)), 2))
    keys = mature.select(["customer_id", "snapshot_on"])
    told = {"churned": churned, "value": value, "arm": pa.nulls(len(mature), pa.string())}
    for name, column in told.items():
        keys = keys.append_column(name, pa.array(column))
    return keys


def cheaply(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let only the models of CHEAP exist."""
    found = {name: kind for name, kind in models.discover().items() if name in CHEAP}
    monkeypatch.setattr(models, "discover", lambda: found)


def write_company(folder: Path) -> None:
    """What the stages before `train` leave behind, under a folder."""
    features = feature_table()
    atomic.write_text(folder / "params.yaml", PARAMS)
    atomic.write_text(folder / artefacts.EVENTS.path, "no stage from here on reads a row of it")
    atomic.write_table(folder / artefacts.FEATURES.path, features)
    atomic.write_table(folder / artefacts.LABELS.path, label_table(features))
    atomic.write_json(folder / artefacts.FEATURES_SUMMARY.path, {"dead": ["tenure"]})
    atomic.write_json(
        folder / artefacts.SNAPSHOTS_SUMMARY.path, {"as_of": str(point_in_time.date_of(AS_OF))}
    )


@pytest.fixture(autouse=True)
def _cheap(monkeypatch: pytest.MonkeyPatch) -> None:
    cheaply(monkeypatch)


def some_rows(features: pa.Table | None = None) -> LabelledRows:
    table = feature_table() if features is None else features
    return train.labelled_rows(table, label_table(table))


def trained(rows: LabelledRows, plan: Params | None = None) -> Trained:
    return train.train(rows, plan or chosen(), console.StageLog("train"))


def told(found: Trained) -> dict[str, Any]:
    """All that the folds decided, as JSON."""
    one = found.spec
    return {
        "chosen": [one.churn, one.value],
        "why": one.why,
        "losses": one.losses,
        "params": one.params,
        "calibrators": {name: calibrator.state() for name, calibrator in one.calibrators.items()},
        "interval": one.interval.state() if one.interval else None,
        "predicted": {name: trial.predicted.tolist() for name, trial in one.candidates.items()},
        "banners": one.banners,
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
        cheaply(monkeypatch)
        return trained(some_rows())


# What is learnt from


def test_only_rows_with_a_label_are_learnt_from(usual: Trained) -> None:
    assert AS_OF not in set(usual.rows.day.tolist())
    assert sorted(set(usual.rows.day.tolist())) == DAYS
    assert len(usual.rows.day) == 120 * SNAPSHOTS


def test_labels_without_features_and_features_without_a_label_are_no_rows() -> None:
    features = feature_table()
    labels = label_table(features)
    rows = train.labelled_rows(features.slice(5), labels.slice(0, 300))
    assert len(rows.day) == 295


def test_keys_and_labels_are_no_features(usual: Trained) -> None:
    assert not {"customer_id", "snapshot_on", "churned", "value"} & set(usual.rows.X.columns)


def test_those_held_out_stand_for_those_contacted() -> None:
    features = feature_table(customers=10)
    arms = (["contacted"] * 3 + ["held_out"] + [None] * 6) * (len(label_table(features)) // 10)
    ordered = label_table(features).sort_by(
        [("snapshot_on", "ascending"), ("customer_id", "ascending")]
    )
    place = ordered.schema.get_field_index("arm")
    told = ordered.set_column(place, "arm", pa.array(arms))
    weight = train.labelled_rows(features, told, "weight")
    drop, keep = (train.labelled_rows(features, told, one) for one in ("drop", "keep"))
    days = len(set(keep.day))
    assert [len(rows.day) // days for rows in (weight, drop, keep)] == [7, 7, 10]
    assert sorted(weight.weight)[-days:] == [4.0] * days  # one of four was held out
    assert weight.weight.sum() == 10 * days
    assert set(drop.weight) == set(keep.weight) == {1.0}
    assert not {"arm", "weight"} & set(keep.X.columns)


def test_who_was_contacted_is_told_and_everybody_foretold_as_left_alone() -> None:
    features = feature_table(customers=60)
    labels = label_table(features).sort_by(
        [("snapshot_on", "ascending"), ("customer_id", "ascending")]
    )
    arms = pa.array((["contacted", None, None] * len(labels))[: len(labels)])
    told = labels.set_column(labels.schema.get_field_index("arm"), "arm", arms)
    rows = train.labelled_rows(features, told, "adjust")
    assert len(rows.day) == len(labels)
    assert (rows.X[TREATED] == 1).to_numpy().tolist() == [
        one is not None for one in arms.to_pylist()
    ]
    churned = np.where(rows.X[TREATED] == 1, 0.0, rows.churned)  # who is contacted always stays
    model = LightGBMChurn(learning_rate=0.2, seeds=1, threads=1)
    fitted = model.fit(rows.X, churned)
    asked = rows.X.drop(columns=[TREATED])
    assert fitted.predict_proba(asked)[:, 1].mean() > 1.2 * churned.mean()
    alone = fitted.predict_proba(asked.assign(**{TREATED: 0.0}))[:, 1]
    assert fitted.predict_proba(asked)[:, 1] == pytest.approx(alone)
    parts = fitted.contributions(asked)
    assert TREATED not in parts.columns
    assert parts.sum(axis=1).to_numpy() == pytest.approx(np.log(alone / (1 - alone)))


def test_each_row_keeps_its_own_label() -> None:
    features = feature_table(customers=20)
    labels = label_table(features)
    rows = train.labelled_rows(features, labels)
    wanted = {
        (one["customer_id"], point_in_time.day_number(one["snapshot_on"])): (
            one["churned"],
            one["value"],
        )
        for one in labels.to_pylist()
    }
    found = zip(rows.customer, rows.day.tolist(), rows.churned, rows.value, strict=True)
    assert {(who, day): (bool(left), worth) for who, day, left, worth in found} == wanted
    silence = {
        (one["customer_id"], one["snapshot_on"]): one["days_since_purchase"]
        for one in features.to_pylist()
    }
    assert rows.X["days_since_purchase"].tolist() == [
        silence[who, point_in_time.date_of(day)]
        for who, day in zip(rows.customer, rows.day.tolist(), strict=True)
    ]


def test_a_customer_who_churns_twice_counts_once() -> None:
    rows = some_rows()
    assert (
        train.count_churners(rows)
        == len(set(rows.customer[rows.churned == 1]))
        < rows.churned.sum()
    )


# Leaks


@pytest.mark.parametrize("days", [[DAYS[-1]], OPEN], ids=["measuring day", "open on it"])
def test_no_label_that_was_open_on_the_measuring_day_touches_the_recipe(
    usual: Trained, days: list[int]
) -> None:
    other = trained(relabelled(usual.rows, days))
    assert told(other) == told(usual)
    assert other.test_predictions == usual.test_predictions
    assert other.test_scores == usual.test_scores


def test_the_newest_label_of_the_folds_does_touch_the_recipe(usual: Trained) -> None:
    day = max(set(DAYS) - set(OPEN))
    assert told(trained(relabelled(usual.rows, [day]))) != told(usual)


def test_the_features_of_the_measuring_day_do_not_touch_the_recipe(usual: Trained) -> None:
    rows = usual.rows
    X = rows.X.copy()
    X.loc[rows.day == DAYS[-1], ["days_since_purchase", "spend_30d"]] = 77.0
    other = trained(LabelledRows(X, rows.customer, rows.day, rows.churned, rows.value, rows.weight))
    assert told(other) == told(usual)


def test_what_is_measured_learns_nothing_from_the_labels_it_is_measured_by(
    usual: Trained,
) -> None:
    assert usual.split.test_fold == Fold([day for day in DAYS if day not in OPEN], DAYS[-1])


# The refit


def test_the_refit_uses_the_recipe_unchanged(usual: Trained) -> None:
    found, scorer = usual.spec, usual.scorer
    assert (scorer.churn[0], scorer.value_if_kept[0], scorer.value_if_lost[0]) == (
        found.churn,
        found.value,
        found.value,
    )
    assert scorer.calibrator.state() == found.calibrators[found.churn].state()
    assert found.interval is not None
    assert scorer.interval is not None
    assert scorer.interval.state() == found.interval.state()


def test_the_refit_learns_from_all_that_matured(usual: Trained) -> None:
    every = selection.fit_scorer(selection.model_factory(chosen()), usual.spec, usual.rows).states()
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
    rows = train.labelled_rows(features.take(shuffle), label_table(features))
    assert trained(rows).scorer.states() == usual.scorer.states()


# What is measured


def test_every_model_says_something_of_every_customer_measured(usual: Trained) -> None:
    table = usual.test_predictions
    assert table.schema.equals(artefacts.TEST_PREDICTIONS.schema)
    said = table.to_pandas()
    assert set(said["model"]) == set(CHEAP)
    assert (said["task"] == said["model"].str.partition("_")[0]).all()
    assert not said.duplicated(list(artefacts.TEST_PREDICTIONS.key)).any()
    assert len(said) == 120 * len(CHEAP)
    assert set(said["snapshot_on"]) == {point_in_time.date_of(DAYS[-1])}


def test_the_recipes_scores_are_one_row_a_customer_measured(usual: Trained) -> None:
    table = usual.test_scores
    assert table.schema.equals(artefacts.TEST_SCORES.schema)
    assert table.column_names == ["customer_id", "snapshot_on", *COLUMNS]
    frame = table.to_pandas()
    assert len(frame) == 120
    assert not frame.duplicated(list(artefacts.TEST_SCORES.key)).any()


def test_the_recipes_chance_is_that_of_the_model_it_chose(usual: Trained) -> None:
    said = usual.test_predictions.filter(pc.field("model") == usual.spec.churn)["prediction"]
    assert said.to_pylist() == usual.test_scores["churn_probability"].to_pylist()


def test_every_models_chance_is_measured_as_its_own_calibrator_gives_it(usual: Trained) -> None:
    doubtful = Platt().fit([0.1, 0.2, 0.8, 0.9], [0, 1, 0, 1])
    certain = Identity()
    calibrators: dict[str, Calibrator] = {"churn_recency": doubtful, "churn_rfm_logistic": certain}
    found = replace(usual.spec, churn="churn_recency", calibrators=calibrators)
    assert usual.split.test_fold is not None
    said, scored = train.predict_test_snapshot(usual.rows, usual.split.test_fold, found, chosen())
    train_rows = usual.rows.on(usual.split.test_fold.train)
    test_rows = usual.rows.on([usual.split.test_fold.test])
    for name, calibrator in calibrators.items():
        model = selection.model_factory(chosen())(name).fit(train_rows.X, train_rows.churned)
        raw = selection.predict(model, test_rows.X)
        told = said.filter(pc.field("model") == name)["prediction"].to_pylist()
        assert told == calibrator.predict(raw).tolist()
        if name == found.churn:
            assert scored["churn_probability"].to_pylist() == told != raw.tolist()


# Too little


def few(customers: int, days: int, left: int) -> LabelledRows:
    """The first customers and snapshots; on each day the first `left` of them churn."""
    features = feature_table(customers)
    rows = train.labelled_rows(features.slice(0, customers * days), label_table(features))
    churned = np.array([1.0 if int(who) < left else 0.0 for who in rows.customer])
    value = np.where(churned == 1, 0.0, rows.value)
    return LabelledRows(rows.X, rows.customer, rows.day, churned, value, rows.weight)


def test_with_too_few_churners_a_baseline_scores_and_the_banner_says_so() -> None:
    found = trained(few(120, SNAPSHOTS, left=7))
    assert (found.spec.churn, found.spec.value) == ("churn_recency", "value_last_window")
    assert found.split.folds == []
    (banner,) = found.spec.banners
    assert "7 customers lost so far, 30 needed" in banner
    assert np.isfinite(found.scorer.score(found.rows.X).to_numpy()).all()
    assert len(found.test_scores) == 120  # measured all the same


def test_with_too_few_snapshots_a_baseline_scores_and_nothing_is_measured() -> None:
    found = trained(few(120, 2, left=60))
    assert found.spec.churn == "churn_recency"
    assert "no earlier period to try models on" in found.spec.banners[0]
    assert found.split.test_fold is None
    assert found.test_predictions.equals(artefacts.TEST_PREDICTIONS.schema.empty_table())
    assert found.test_scores.equals(artefacts.TEST_SCORES.schema.empty_table())


def test_one_outcome_only_is_refused_and_says_what_is_needed() -> None:
    with pytest.raises(
        Guarded, match=r"^not enough churners: 0 .*, need 30; see that labels"
    ) as caught:
        trained(few(40, SNAPSHOTS, left=0))
    assert caught.value.code == 4


def test_where_everybody_left_the_refusal_does_not_speak_of_churners() -> None:
    with pytest.raises(Guarded, match="not enough customers who stayed: 0 of 400 rows"):
        trained(few(40, SNAPSHOTS, left=40))


def test_no_mature_label_is_refused_and_says_what_to_do() -> None:
    features = feature_table()
    rows = train.labelled_rows(features, label_table(features).slice(0, 0))
    with pytest.raises(Guarded, match="no snapshot has a mature label yet; shorten labels"):
        trained(rows)


def test_a_fold_needs_churners_to_learn_from_and_both_outcomes_on_each_side() -> None:
    rows = few(40, SNAPSHOTS, left=10)
    folds = [Fold(DAYS[:3], DAYS[4]), Fold(DAYS[:4], DAYS[5])]
    assert train.usable_folds(rows, folds, min_churners=10) == folds
    assert train.usable_folds(rows, folds, min_churners=11) == []
    on_test, on_train = rows.day == DAYS[4], np.isin(rows.day, DAYS[:3])
    for on, everybody in itertools.product((on_test, on_train), (0.0, 1.0)):
        churned = np.where(on, everybody, rows.churned)
        other = LabelledRows(rows.X, rows.customer, rows.day, churned, rows.value, rows.weight)
        assert folds[0] not in train.usable_folds(other, folds, min_churners=1)


# What is told


def test_fold_metrics_are_those_of_each_folds_own_rows() -> None:
    rows = few(4, SNAPSHOTS, left=2)
    folds = [Fold(DAYS[:1], DAYS[2]), Fold(DAYS[:2], DAYS[3])]
    tests = rows.on(fold.test for fold in folds)
    p = np.array([0.9, 0.8, 0.1, 0.2, 0.1, 0.2, 0.9, 0.8])  # right, then wrong
    first, second = train.fold_metrics(CandidateResult("churn_x", [], {}, p), tests, folds)
    assert (first["roc_auc"], second["roc_auc"]) == (1.0, 0.0)
    assert first["log_loss"] == pytest.approx(-np.log([0.9, 0.8, 0.9, 0.8]).mean())


def test_a_figure_that_a_fold_cannot_give_is_null_and_can_be_written(tmp_path: Path) -> None:
    rows = some_rows()
    worthless = LabelledRows(
        rows.X, rows.customer, rows.day, rows.churned, np.zeros(len(rows.day)), rows.weight
    )
    story = train.selection_report(trained(worthless))
    assert story["fold_metrics"]["value_last_window"][0]["spearman"] is None
    atomic.write_json(tmp_path / "recipe.json", story)


def test_the_story_names_the_folds_the_choice_and_what_was_learnt_from(usual: Trained) -> None:
    story = train.selection_report(usual)
    assert story["rule"] == selection.RULE
    assert story["chosen"] == {"churn": usual.spec.churn, "value": usual.spec.value}
    assert [one["test"] for one in story["folds"]] == [
        str(point_in_time.date_of(fold.test)) for fold in usual.split.folds
    ]
    assert (
        story["measured_on"]["test"] == str(point_in_time.date_of(DAYS[-1])) == story["trained_to"]
    )
    assert story["fold_rows"] == [120] * len(usual.split.folds)
    assert story["churners"] == train.count_churners(usual.rows)
    assert set(story["losses"]) == set(CHEAP)
    assert all(len(one) == len(story["folds"]) for one in story["tuned_per_fold"].values())


def test_the_stage_writes_models_measurement_and_story(
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
    assert atomic.read_json(artefacts.SELECTION) == json.loads(
        json.dumps(train.selection_report(usual))
    )
