"""Stage `score`: the whole cohort, once, by a champion for this target or not at all."""

import datetime as dt
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import pytest

import models
from features import discover
from models.components.scorer import Scorer
from models.components.uplift import RISK
from pipeline import promote, score
from retention.core import artefacts, feature_table, point_in_time
from retention.core.documents.modelling import UpliftManifest
from retention.core.errors import Guarded
from retention.core.params import AtRiskParams, Policy, load_params
from retention.core.storage import atomic
from retention.serving import champion, promotion, scoring, target
from retention.serving.themes import ACTIONABLE, family_of
from retention.tracking import client
from retention.uplift.manifest import empty_manifest
from tests.support import experiments, training_company
from tests.support.tables import complete

AS_OF = point_in_time.date_of(training_company.AS_OF)


def customer_state(ids: list[str], **columns: list[Any]) -> pa.Table:
    """How customers stand, as far as `score` reads it; nothing known unless given."""
    types = {"notice_on": pa.date32()} | dict.fromkeys(ISSUE_COLUMNS, pa.float64())
    return pa.table(
        {"customer_id": ids}
        | {
            name: pa.array(columns.get(name, [None] * len(ids)), kind)
            for name, kind in types.items()
        }
    )


WINDOWS, COSTS = 1.0, {"call": 3.0, "letter": 1.0}  # of the plays that contact
ISSUE_COLUMNS = (
    "open_cases",
    "unsolved_days",
    "faulty_order_days",
    "billing_error_days",
    "broken_promise_days",
    "call_back_days",
    "fixed_days",
    "last_outreach_days",
)


@pytest.fixture
def home(trained_company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder in which a champion stands, made without MLflow."""
    training_company.copy_trained(trained_company, tmp_path, monkeypatch)
    monkeypatch.setattr(client, "mirror", lambda *_: None)
    artefacts.METRICS.write(training_company.FIGURES)
    promote.main()
    ids = sorted(today()["customer_id"].to_pylist())
    artefacts.CUSTOMER_STATE.write(
        complete(artefacts.CUSTOMER_STATE, customer_state(ids, open_cases=[0.0] * len(ids)))
    )
    return tmp_path


def today() -> pa.Table:
    """The features of the cohort at as_of."""
    return pq.read_table(artefacts.FEATURES, filters=pc.field("snapshot_on") == AS_OF)


def scorer() -> Scorer:
    now = champion.current()
    assert now is not None
    return champion.load(now)


def test_every_customer_of_the_cohort_is_scored_exactly_once(home: Path) -> None:
    score.main()
    scored = pq.read_table(artefacts.SCORES)
    assert scored.schema.equals(artefacts.SCORES.schema)
    assert scored["customer_id"].to_pylist() == sorted(today()["customer_id"].to_pylist())
    assert set(scored["as_of"].to_pylist()) == {AS_OF}
    habits = pq.read_table(artefacts.PURCHASE_RHYTHM)
    assert habits["customer_id"].equals(scored["customer_id"])


def test_scores_are_finite_and_add_up(home: Path) -> None:
    score.main()
    scores = pq.read_table(artefacts.SCORES).to_pandas()
    no_interval = ["lifetime_low", "lifetime_high"]  # no window after the first had closed
    numbers = scores.drop(columns=["customer_id", "as_of", *no_interval])
    assert np.isfinite(numbers.to_numpy()).all()
    p, if_kept, lost = (
        scores[name] for name in ("churn_probability", "value_if_kept", "value_if_lost")
    )
    assert p.between(0, 1).all()
    assert 0 < p.min() < p.max() < 1
    assert scores["expected_value"].tolist() == pytest.approx(
        (1 - p) * if_kept + p * lost, abs=1e-9
    )
    assert scores["expected_loss"].tolist() == pytest.approx(p * (if_kept - lost), abs=1e-9)
    assert (scores["value_low"] <= scores["value_high"]).all()


def test_without_an_interval_its_ends_are_null(home: Path) -> None:
    scored = scoring.score_cohort(replace(scorer(), interval=None), today(), AS_OF)
    assert scored["value_low"].null_count == scored["value_high"].null_count == len(scored)
    assert scored["expected_value"].null_count == 0


def test_the_curve_starts_at_the_lists_probability_and_never_falls(home: Path) -> None:
    score.main()
    scores = pq.read_table(artefacts.SCORES).to_pandas()
    now = champion.current()
    assert now is not None
    lifetime = champion.lifetime(now)
    assert lifetime is not None
    curve = lifetime.hazards.curve(
        feature_table.matrix(today().sort_by("customer_id")), scores["churn_probability"].to_numpy()
    )
    horizon = lifetime.hazards.horizon
    at_horizon = np.abs(curve.left_by(horizon) - scores["churn_probability"])
    assert at_horizon.max() < 1e-9
    within = scores[["churn_probability", *(f"leave_within_{d}" for d in (30, 90, 180, 365))]]
    assert (np.diff(within.to_numpy(), axis=1) >= 0).all()
    assert lifetime.hazards.known_days > horizon
    summary = artefacts.SCORE_SUMMARY.read()
    assert summary.lifetime_days == 365
    assert summary.curve_known_days == lifetime.hazards.known_days
    # A fifth of those who stay leaves in every 14 days.
    later = 1 - (1 - within["leave_within_90"]) / (1 - within["churn_probability"])
    assert later.mean() == pytest.approx(1 - 0.8 ** ((90 - horizon) / 14), abs=0.1)


def test_a_champion_without_a_curve_scores_with_null_and_says_so(
    home: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setattr(champion, "lifetime", lambda _: None)
    score.main()
    scores = pq.read_table(artefacts.SCORES)
    assert scores["churn_probability"].null_count == 0
    for name in ("leave_within_90", "expected_days", "lifetime_value", "lifetime_loss"):
        assert scores[name].null_count == len(scores)
    assert "the champion was made without a curve" in "".join(capsys.readouterr())
    assert artefacts.SCORE_SUMMARY.read().lifetime_days is None


def test_permuted_columns_and_rows_give_the_same_scores(home: Path) -> None:
    table = today()
    usual = scoring.score_cohort(scorer(), table, AS_OF)
    assert scoring.score_cohort(scorer(), table.select(table.column_names[::-1]), AS_OF).equals(
        usual
    )
    backwards = table.take(np.arange(len(table))[::-1])
    assert scoring.score_cohort(scorer(), backwards, AS_OF).sort_by("customer_id").equals(usual)


def test_a_customers_scores_do_not_depend_on_the_rest_of_the_cohort(home: Path) -> None:
    table = today()
    now = champion.current()
    assert now is not None
    lifetime = champion.lifetime(now)
    usual, few = (
        scoring.score_cohort(scorer(), part, AS_OF, lifetime)
        for part in (table, table.slice(10, 5))
    )
    assert few.equals(usual.slice(10, 5))


def test_a_missing_feature_is_refused_by_name(home: Path) -> None:
    table = today().drop_columns(["days_since_purchase"])
    with pytest.raises(Guarded, match=r"cannot score these features: .*days_since_purchase"):
        scoring.score_cohort(scorer(), table, AS_OF)


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("Mill Lane", "Hill Lane", "company"),
        ("GBP", "EUR", "currency"),
        ("horizon_days: 28}\n  value", "horizon_days: 21}\n  value", "labels"),
    ],
)
def test_a_champion_made_for_another_question_does_not_score(
    home: Path, old: str, new: str, key: str
) -> None:
    assert old in training_company.PARAMS
    atomic.write_text("params.yaml", training_company.PARAMS.replace(old, new))
    with pytest.raises(Guarded, match=rf"made under another definition \({key}\)") as caught:
        score.main()
    assert caught.value.code == 4
    assert not artefacts.SCORES.path.exists()


def test_a_champion_that_an_earlier_version_wrote_does_not_score(home: Path) -> None:
    path = champion.FOLDER / champion.MANIFEST
    manifest = atomic.read_json(path)
    del manifest["definition"]["format"]
    atomic.write_json(path, manifest)
    with pytest.raises(Guarded, match=r"\(format: another version of .* run make repro"):
        score.main()


@pytest.mark.parametrize("change", ["renamed", "missing", "one more"])
def test_another_set_of_features_does_not_score(home: Path, change: str) -> None:
    table = pq.read_table(artefacts.FEATURES)
    if change == "renamed":
        names = [name.replace("region", "area") for name in table.column_names]
        table = table.rename_columns(names)
    elif change == "missing":
        table = table.drop_columns(["region"])
    else:
        table = table.append_column("orders_60d", table["orders_30d"])
    artefacts.FEATURES.write(table)
    with pytest.raises(Guarded, match=r"another definition \(features\); run make repro"):
        score.main()


def test_after_the_question_changed_promoting_lets_it_score_again(home: Path) -> None:
    atomic.write_text("params.yaml", training_company.PARAMS.replace("Mill Lane", "Hill Lane"))
    promote.main()
    score.main()
    assert len(pq.read_table(artefacts.SCORES)) == len(today())


def test_without_a_champion_nothing_scores(home: Path) -> None:
    (home / "champion" / champion.MANIFEST).unlink()
    with pytest.raises(Guarded, match="champion/ holds no champion"):
        score.main()


def test_a_tampered_champion_does_not_score(home: Path) -> None:
    now = champion.current()
    assert now is not None
    (now.folder / "churn.json").write_text("{}", encoding="utf-8")
    with pytest.raises(Guarded, match=r"churn\.json: missing or changed"):
        score.main()
    assert not artefacts.SCORES.path.exists()


def test_the_last_purchase_is_so_many_days_before_as_of(home: Path) -> None:
    table = pa.table(
        {
            "customer_id": ["a", "b"],
            "days_since_purchase": pa.array([26.0, None]),
            "median_gap": pa.array([4.0, None]),
        }
    )
    rhythm = score.purchase_rhythm(table, dt.date(2026, 11, 22))
    assert rhythm.schema.equals(artefacts.PURCHASE_RHYTHM.schema)
    assert rhythm["last_purchase_on"].to_pylist() == [dt.date(2026, 10, 27), None]
    assert rhythm["usual_gap_days"].to_pylist() == [4.0, None]


NOTICE = dt.date(2026, 5, 1)


@pytest.mark.parametrize(
    ("state", "trouble"),
    [
        ({}, False),
        ({"open_cases": 0.0}, False),
        ({"open_cases": 1.0}, True),
        ({"notice_on": NOTICE}, True),
        ({"billing_error_days": 60.0}, True),
        ({"billing_error_days": 61.0}, False),
        ({"broken_promise_days": 0.0}, True),
        ({"broken_promise_days": 61.0}, False),
        ({"fixed_days": 7.0}, True),
        ({"fixed_days": 15.0}, False),
        ({"fixed_days": 15.0, "unsolved_days": 400.0}, True),
        ({"faulty_order_days": 400.0}, True),
        ({"call_back_days": 0.0}, True),
    ],
)
def test_who_is_in_trouble(state: dict[str, Any], trouble: bool) -> None:
    there = customer_state(["a", "b"], **{name: [None, value] for name, value in state.items()})
    table = pa.table({"customer_id": ["b", "a", "not there"]})
    with_issue = score.has_issue(table, there, Policy())
    assert with_issue.tolist() == [trouble, False, False]


@pytest.mark.parametrize(
    ("trouble", "others", "rows"),
    [
        ("-" * 9, None, [0, 1, 3, 4, 5]),
        ("--x------", None, [0, 1, 2, 3, 4, 5]),
        ("--x---xxx", None, [0, 1, 2, 3, 4, 5, 6, 7, 8]),
        ("--xx--xxx", 1, [0, 1, 3, 4, 5, 6, 7, 8]),  # four lanes of one each
        ("x-xx--xxx", 1, [0, 1, 3, 4, 5, 6, 7]),  # of equal loss the first by id
        ("--x---xxx", 0, [0, 1, 3, 4, 5]),
    ],
)
def test_who_is_explained(trouble: str, others: int | None, rows: list[int]) -> None:
    scored = pa.table({"expected_loss": [2.0, 9.0, -1.0, 5.0, 3.0, 2.0, 2.0, 1.0, 0.0]})
    in_trouble = np.array([flag == "x" for flag in trouble])
    at_risk_params = AtRiskParams(capacity=1, others=others)
    assert score.rows_to_explain(scored, in_trouble, at_risk_params).tolist() == rows


def test_those_with_most_to_lose_or_a_trouble_are_explained_each_reason_once(home: Path) -> None:
    few = training_company.PARAMS.replace("capacity: 15", "capacity: 3, others: 4")
    atomic.write_text("params.yaml", few)
    score.main()
    scored = pq.read_table(artefacts.SCORES).sort_by(
        [("expected_loss", "descending"), ("customer_id", "ascending")]
    )
    ids = scored["customer_id"].to_pylist()
    troubles = sorted([ids[0], *ids[90:]])
    there = customer_state(troubles, open_cases=[1.0] * len(troubles))
    artefacts.CUSTOMER_STATE.write(complete(artefacts.CUSTOMER_STATE, there))
    score.main()
    history = pq.read_table(artefacts.RISK_HISTORY).to_pandas()
    assert set(history["customer_id"]) == {*ids[:15], *ids[90:105]}  # 5 times 3, and 4 lanes of 4
    why = pq.read_table(artefacts.REASONS)
    assert why.schema.equals(artefacts.REASONS.schema)
    frame = why.to_pandas()
    assert set(frame["customer_id"]) <= set(history["customer_id"])
    assert set(frame["customer_id"]) & set(ids[:20])
    assert not frame.duplicated(list(artefacts.REASONS.key)).any()
    assert not frame.dropna(subset="text").duplicated(["customer_id", "text"]).any()
    assert (
        not frame.assign(family=frame["theme"].map(family_of))[["customer_id", "family"]]
        .duplicated()
        .any()
    )
    ranks = frame.groupby("customer_id")["rank"].apply(list)
    assert all(of_customer == list(range(1, len(of_customer) + 1)) for of_customer in ranks)
    assert not frame["text"].dropna().str.contains("_").any()
    assert frame["feature"].isin(today().column_names).all()


def test_every_reason_raises_the_risk_of_that_customer(home: Path) -> None:
    score.main()
    frame = pq.read_table(artefacts.REASONS).to_pandas()
    table = today()
    parts = scorer().contributions(table.to_pandas().set_index("customer_id"))
    theme = {feature.name: feature.theme for feature in discover(load_params().features.windows)}
    columns = [name for name in parts if name in theme]
    sums = parts[columns].T.groupby([theme[name] for name in columns]).sum()
    pairs = zip(frame["theme"], frame["customer_id"], strict=True)
    wanted = [sums.loc[theme, who] for theme, who in pairs]
    assert len(frame) > 20
    assert frame["raises"].tolist() == pytest.approx(wanted)
    assert frame["raises"].gt(0).all()
    assert frame["actionable"].tolist() == frame["theme"].isin(ACTIONABLE).tolist()


def test_where_nobody_has_a_reason_the_table_is_empty_and_typed(home: Path) -> None:
    table = today()
    calm: Any = SimpleNamespace(contributions=lambda X: pd.DataFrame(-1.0, X.index, [*X, "bias"]))
    for rows in (np.arange(len(table)), np.arange(0)):
        reasons = scoring.explain_scores(calm, table, rows, load_params(), AS_OF)
        assert reasons.equals(artefacts.REASONS.schema.empty_table())


# The course of the risk


def test_the_course_of_the_risk_ends_with_the_score(home: Path) -> None:
    score.main()
    history = pq.read_table(artefacts.RISK_HISTORY)
    assert history.schema.equals(artefacts.RISK_HISTORY.schema)
    assert history.equals(
        history.sort_by([(key, "ascending") for key in artefacts.RISK_HISTORY.key])
    )
    frame = history.to_pandas()
    days = [
        point_in_time.date_of(day) for day in [*training_company.DAYS[-5:], training_company.AS_OF]
    ]
    assert all(
        list(of_customer) == days for _, of_customer in frame.groupby("customer_id")["snapshot_on"]
    )
    now = frame[frame["snapshot_on"] == AS_OF].set_index("customer_id")["churn_probability"]
    scored = pq.read_table(artefacts.SCORES).to_pandas().set_index("customer_id")
    assert now.to_dict() == scored["churn_probability"][now.index].to_dict()


def test_each_day_is_scored_by_what_was_known_on_it(home: Path) -> None:
    score.main()
    day = point_in_time.date_of(training_company.DAYS[-2])
    then = pq.read_table(artefacts.FEATURES, filters=pc.field("snapshot_on") == day)
    wanted = scoring.score_cohort(scorer(), then, day).to_pandas().set_index("customer_id")
    frame = pq.read_table(artefacts.RISK_HISTORY).to_pandas()
    of_day = frame[frame["snapshot_on"] == day].set_index("customer_id")["churn_probability"]
    assert of_day.to_dict() == wanted["churn_probability"][of_day.index].to_dict()


def test_a_customer_outside_a_cohort_has_no_risk_on_its_day(home: Path) -> None:
    table = pq.read_table(artefacts.FEATURES)
    day = point_in_time.date_of(training_company.DAYS[-1])
    away = pc.and_(pc.equal(table["customer_id"], "0003"), pc.equal(table["snapshot_on"], day))
    artefacts.FEATURES.write(table.filter(pc.invert(away)))
    recent = score.recent_features(AS_OF, pa.array(["0003", "0004"]))
    lengths = {
        count["values"]: count["counts"]
        for count in recent["customer_id"].value_counts().to_pylist()
    }
    assert lengths == {"0003": score.RISK_HISTORY_DAYS - 1, "0004": score.RISK_HISTORY_DAYS}


def test_no_later_day_is_read(home: Path) -> None:
    recent = score.recent_features(
        point_in_time.date_of(training_company.DAYS[2]), pa.array(["0003"])
    )
    days = [point_in_time.date_of(day) for day in training_company.DAYS[:3]]
    assert sorted(recent["snapshot_on"].to_pylist()) == days


# What a contact changes


def uplift_manifest(**changes: Any) -> UpliftManifest:
    """What stage `uplift` pins of a model that takes the same share of everybody's risk."""
    planted = experiments.experiment(400)
    model = models.build_uplift("uplift_none", 1, 1).fit(planted.X[[RISK]], *planted.fit_arguments)
    manifest = {
        "name": "uplift_none",
        "model": model.state(),
        "ranks": True,
        "disturbed_from": None,
    }
    figures = {"lots": 400, "better": 2.0, "low": 1.0, "high": 3.0}
    return UpliftManifest.model_validate(manifest | figures | changes)


def uplift_scores_of(pinned: UpliftManifest | None) -> pd.DataFrame:
    uplift_scores = scoring.predict_uplift(
        pinned, today(), scoring.score_cohort(scorer(), today(), AS_OF), WINDOWS, COSTS
    )
    assert uplift_scores.schema.equals(artefacts.UPLIFT_SCORES.schema)
    assert uplift_scores["customer_id"].to_pylist() == today()["customer_id"].to_pylist()
    frame: pd.DataFrame = uplift_scores.to_pandas()
    return frame


def test_without_a_model_of_the_effect_nothing_is_known_of_it(home: Path) -> None:
    for pinned in (None, UpliftManifest(), empty_manifest(12)):
        uplift_scores = uplift_scores_of(pinned)
        assert uplift_scores["effect"].isna().all()
        assert not uplift_scores["disturbed"].any()


def test_an_effect_is_told_where_it_ranks(home: Path) -> None:
    uplift_scores, risk = (
        uplift_scores_of(uplift_manifest()),
        scoring.score_cohort(scorer(), today(), AS_OF)[RISK].to_numpy(),
    )
    ratio = uplift_scores["effect"] / risk
    assert ratio.nunique() > 0
    assert ratio.max() - ratio.min() < 1e-9
    assert not uplift_scores["disturbed"].any()


def test_where_loss_ranks_no_effect_is_told_but_who_is_disturbed(home: Path) -> None:
    ranked = uplift_scores_of(uplift_manifest())["effect"]
    edge = float(ranked.median())
    uplift_scores = uplift_scores_of(uplift_manifest(ranks=False, disturbed_from=edge))
    assert uplift_scores["effect"].isna().all()
    assert uplift_scores["disturbed"].tolist() == (ranked >= edge).tolist()
    assert 0 < uplift_scores["disturbed"].sum() < len(uplift_scores)


def test_what_a_contact_saves_is_told_over_the_windows_that_are_retained(home: Path) -> None:
    scored = scoring.score_cohort(scorer(), today(), AS_OF)
    once, twice = (
        scoring.predict_uplift(uplift_manifest(), today(), scored, windows, COSTS).to_pandas()
        for windows in (1.0, 2.0)
    )
    retained = scored["value_if_kept"].to_numpy() - scored["value_if_lost"].to_numpy()
    assert once["saving"].to_numpy() == pytest.approx(-once["effect"].to_numpy() * retained)
    assert twice["saving"].to_numpy() == pytest.approx(2 * once["saving"].to_numpy())
    assert once["treatment"].isna().all()


def relative_effect(value: float) -> dict[str, Any]:
    """The state of a model that takes this share of everybody's risk."""
    state = dict(uplift_manifest().model)
    return state | {"learnt": {**state["learnt"], "share": value}}


def test_of_several_treatments_that_is_told_which_gains_most(home: Path) -> None:
    states = {"call": relative_effect(-0.5), "letter": relative_effect(-0.4)}
    uplift_scores = uplift_scores_of(uplift_manifest(model={}, treatments=states))
    alone = {
        name: uplift_scores_of(uplift_manifest(model=state))["saving"]
        for name, state in states.items()
    }
    is_called = alone["call"] - COSTS["call"] > alone["letter"] - COSTS["letter"]
    assert 0 < is_called.sum() < len(uplift_scores)
    assert (uplift_scores["treatment"] == np.where(is_called, "call", "letter")).all()
    assert (uplift_scores["saving"] == alone["call"].where(is_called, alone["letter"])).all()
    silent = uplift_scores_of(uplift_manifest(model={}, treatments=states, ranks=False))
    assert silent[["effect", "saving", "treatment"]].isna().all(axis=None)
    with pytest.raises(Guarded, match="no contact play visit"):
        uplift_scores_of(uplift_manifest(treatments=states | {"visit": states["call"]}))


def test_an_effect_on_money_is_what_a_contact_saves(home: Path) -> None:
    manifest = uplift_manifest(outcome="money", model=relative_effect(-2.0))
    uplift_scores = uplift_scores_of(manifest)
    risk = scoring.score_cohort(scorer(), today(), AS_OF)[RISK].to_numpy()
    assert uplift_scores["saving"].to_numpy() == pytest.approx(-2.0 * risk)
    assert uplift_scores["effect"].isna().all()
    harmed = uplift_scores_of(manifest.updated(disturbed_from=float(np.median(2.0 * risk))))
    assert harmed["disturbed"].tolist() == (2.0 * risk >= np.median(2.0 * risk)).tolist()


def test_a_model_of_an_earlier_version_is_refused_in_a_line(home: Path) -> None:
    planted = experiments.experiment(400)
    state = experiments.learner().fit(planted.X[[RISK]], *planted.fit_arguments).state()
    earlier = state | {"learnt": {"share": -0.1, "effect": {}, "risk": None}}
    with pytest.raises(Guarded, match=r"an earlier version.*make repro, then retention") as refusal:
        uplift_scores_of(uplift_manifest(name="uplift_dr", model=earlier))
    assert "\n" not in str(refusal.value)


def test_of_nobody_no_effect_is_told(home: Path) -> None:
    nobody = today().slice(0, 0)
    scored = artefacts.SCORES.schema.empty_table()
    for pinned in (None, uplift_manifest(disturbed_from=0.0)):
        assert scoring.predict_uplift(pinned, nobody, scored, WINDOWS, COSTS).equals(
            artefacts.UPLIFT_SCORES.schema.empty_table()
        )


def test_the_champions_own_model_of_the_effect_scores(home: Path) -> None:
    score.main()
    assert pq.read_table(artefacts.UPLIFT_SCORES)["effect"].null_count == len(today())
    assert atomic.read_json(artefacts.SCORE_SUMMARY)["uplift"] == {}
    pinned = uplift_manifest()
    artefacts.UPLIFT.write(pinned)
    now = champion.current()
    assert now is not None
    champion.install(promotion.candidate_parts(), now.manifest)
    artefacts.UPLIFT.write(empty_manifest(0))  # trained since, not promoted
    score.main()
    assert pq.read_table(artefacts.UPLIFT_SCORES).to_pandas().equals(uplift_scores_of(pinned))
    manifest = atomic.read_json(artefacts.SCORE_SUMMARY)["uplift"]
    assert manifest == {name: value for name, value in pinned.as_json().items() if name != "model"}


def test_the_summary_says_where_the_numbers_come_from(home: Path) -> None:
    score.main()
    summary = atomic.read_json(artefacts.SCORE_SUMMARY)
    story = atomic.read_json(artefacts.SELECTION)
    assert summary["as_of"] == str(AS_OF)
    assert summary["watched"] == len(today())
    parts = story["weights"]["churn"]
    titles = " + ".join(story["titles"][name] for name in sorted(parts, key=lambda n: -parts[n]))
    assert summary["model"] == f"{titles}, learnt up to {story['trained_to']}"
    assert summary["definition"] == target.target_description(load_params().labels)
    mean = pc.mean(pq.read_table(artefacts.SCORES)["churn_probability"]).as_py()
    assert summary["mean_churn_probability"] == pytest.approx(mean)


def test_the_same_inputs_are_the_same_bytes(
    home: Path, snapshot_of: Callable[[Path], dict[str, tuple[int, bytes]]]
) -> None:
    contents = []
    for _ in range(2):
        score.main()
        contents.append({name: held for name, (_, held) in snapshot_of(Path("data/score")).items()})
    assert contents[0] == contents[1]
    assert set(contents[0]) == {
        "scores.parquet",
        "uplift.parquet",
        "purchase_rhythm.parquet",
        "reasons.parquet",
        "risk_history.parquet",
        "summary.json",
    }
