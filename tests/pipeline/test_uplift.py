"""Stage `uplift`: the model fitted on randomised customers, and the data it may see."""

import datetime as dt
import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
import yaml

import models
from models.components.uplift import RISK
from pipeline import uplift
from pipeline.uplift import UpliftResult
from retention.core import artefacts, errors, point_in_time
from retention.core.documents.modelling import UpliftMetrics
from retention.core.params import Params
from retention.core.storage import atomic
from retention.experiments import assignment_history
from retention.ledgers import assignments
from retention.uplift import fit
from retention.uplift.dataset import eligible_customers, join_outcomes, uplift_dataset
from retention.uplift.manifest import empty_manifest
from tests.support import campaigns, documents, experiments, histories
from tests.support.campaigns import FIRST, assignment, enter
from tests.support.experiments import PlantedExperiment, experiment
from tests.support.tables import complete

QUICK: dict[str, Any] = {
    name: value
    for name, value in experiments.learner().get_params().items()
    if name
    in (
        "rounds_expected",
        "rounds",
        "learning_rate",
        "seeds",
        "min_data_in_leaf",
        "feature_fraction",
    )
}
WATCHED = 1000


def params_of(capacity: int = 200, **sections: Any) -> Params:
    train = {"threads": 1, "models": {"uplift_dr": QUICK, "uplift_t": {"rounds": 10}}}
    return campaigns.params_with(at_risk={"capacity": capacity}, train=train, **sections)


def outcomes_of(planted: PlantedExperiment) -> pd.DataFrame:
    """An experiment as `join_outcomes` returns it: two snapshots a customer, all worth 100."""
    days = np.array([dt.date(2026, 3, 2), dt.date(2026, 3, 30)], dtype=object)
    return pd.DataFrame(
        {
            "customer_id": planted.data.customer,
            "snapshot_on": days[np.arange(len(planted.X)) % 2],
            "treated": planted.data.treated,
            "propensity": planted.data.propensity,
            "churned": planted.data.y == 1,
            RISK: planted.risk,
            "value": 60.0,
            "value_if_kept": 110.0,
            "value_if_lost": 10.0,
            "candidate": True,
        }
    )


def result_of(planted: PlantedExperiment, params: Params | None = None) -> UpliftResult:
    return uplift.uplift(outcomes_of(planted), planted.X, params or params_of(), WATCHED)


# The result


@pytest.fixture(scope="module")
def planted() -> PlantedExperiment:
    return experiment(6000)


@pytest.fixture(scope="module")
def result(planted: PlantedExperiment) -> UpliftResult:
    return result_of(planted)


def test_uplift_that_beats_loss_ranks(result: UpliftResult) -> None:
    manifest = result.manifest
    assert manifest.ranks is True
    assert None not in (manifest.low, manifest.better, manifest.high)
    assert 0 < (manifest.low or 0) < (manifest.better or 0) < (manifest.high or 0)
    assert (manifest.name, manifest.lots) == ("uplift_dr", 6000)
    assert result.conclusion.startswith("ranks by what a contact changes: better by +")


def test_the_manifest_says_where_sleeping_dogs_begin(
    result: UpliftResult, planted: PlantedExperiment
) -> None:
    edge = result.manifest.disturbed_from
    assert edge is not None
    harmed = result.experiment["effect"].to_numpy() >= edge
    assert (planted.X["visits_90d"].to_numpy()[harmed] == 0).mean() > 0.9


def test_the_stored_model_predicts_the_same(
    result: UpliftResult, planted: PlantedExperiment
) -> None:
    assert result.manifest.name is not None
    state = json.loads(json.dumps(result.manifest.model, allow_nan=False))
    again = models.discover_uplift()[result.manifest.name].from_state(state)
    params = params_of()
    usual = uplift.model_factory(params, "uplift_dr")().fit(planted.X, *planted.fit_arguments)
    assert (again.effect(planted.X) == usual.effect(planted.X)).all()


def test_figures_are_of_every_model_and_the_manifest_is_of_the_named_one(
    result: UpliftResult,
) -> None:
    assert set(result.figures) == set(models.discover_uplift())
    figures = result.figures["uplift_dr"]
    assert figures.better_by.value == result.manifest.better
    assert figures.share_contacted == 0.2
    assert figures.gain_by_uplift > figures.gain_by_loss
    assert result.figures["uplift_none"].better_by.value == 0.0
    json.dumps(UpliftMetrics(result.figures).as_json(), allow_nan=False)


def test_the_experiment_has_out_of_fold_effects_of_every_row(
    result: UpliftResult, planted: PlantedExperiment
) -> None:
    assert result.experiment.schema == artefacts.EXPERIMENT.schema
    assert result.experiment.num_rows == 6000
    keys = list(
        zip(
            *(result.experiment[name].to_pylist() for name in artefacts.EXPERIMENT.key), strict=True
        )
    )
    assert len(set(keys)) == 6000
    frame = result.experiment.to_pandas()
    assert frame["left"].tolist() == planted.data.y.tolist()
    assert set(frame["worth"]) == {100.0}
    assert frame.groupby("customer_id")["fold"].nunique().max() == 1
    assert np.corrcoef(frame["effect"], planted.effect)[0, 1] > 0.8


def test_retained_value_counts_the_windows_of_the_policy(planted: PlantedExperiment) -> None:
    data = uplift_dataset(outcomes_of(planted), planted.X, retained_windows=2.5)
    assert set(data.retained_value) == {250.0}
    assert data.expected_loss == pytest.approx(planted.risk * 250)


def test_without_an_effect_expected_loss_ranks_and_the_conclusion_says_so() -> None:
    refused = result_of(experiment(3000, effect=0.0))
    assert refused.manifest.ranks is False
    assert refused.manifest.disturbed_from is None
    better, low, high = refused.manifest.better, refused.manifest.low, refused.manifest.high
    assert low is not None
    assert low <= 0
    between = f"({low:+.4f} to {high:+.4f})"
    assert refused.conclusion == (
        f"ranks by expected loss: better by {better:+.4f} a customer {between}"
    )


def is_ranked_by_chance(seed: int) -> bool:
    """A/A: arms drawn after the fact change nobody."""
    planted = experiment(2000, seed, propensity=0.5)
    arms = np.random.default_rng(seed + 500).permutation(planted.data.treated)
    aa = replace(planted, data=replace(planted.data, treated=arms))
    dataset = uplift_dataset(outcomes_of(aa), aa.X)
    make_model = uplift.model_factory(params_of(), "uplift_dr")
    return fit.evaluate_uplift(make_model, dataset, 0.2).comparison.uplift_ranks


def test_shuffled_arms_do_not_rank() -> None:
    """One in 40 should by chance; of 4, two or more once in 280 times."""
    assert sum(is_ranked_by_chance(seed) for seed in range(4)) <= 1


def test_with_too_few_churners_nothing_is_fitted() -> None:
    few = result_of(experiment(400))
    assert few.manifest == empty_manifest(400)
    assert (few.figures, few.experiment.num_rows, few.experiment.schema) == (
        {},
        0,
        artefacts.EXPERIMENT.schema,
    )
    assert few.conclusion.startswith(
        "ranks by expected loss: of the customers assigned to contact "
    )
    assert few.conclusion.endswith("; 100 of each are needed")


def test_several_treatments_are_learnt_apart_and_money_is_an_outcome() -> None:
    """A call keeps the customers of one plan, a letter those of the other; all are worth 100."""
    planted = experiment(2400, propensity=0.6)
    generator, X = np.random.default_rng(1), planted.X[["plan", "noise_1", RISK]]
    is_called = generator.random(len(X)) < 0.5
    is_treated = planted.data.treated == 1
    is_helped = is_treated & ((X["plan"] == "mobile").to_numpy() == is_called)
    left = generator.random(len(X)) < np.where(is_helped, 0.2, 0.6)
    outcomes = outcomes_of(planted).assign(
        churned=left,
        value=np.where(left, 10.0, 110.0),
        treatment=np.where(is_treated, np.where(is_called, "call", "letter"), "holdout"),
        occurred_day=1,
    )
    book = [{"name": name, "action": name, "cost": 1.0} for name in ("call", "letter")]
    shares = pd.DataFrame({"holdout": 0.4, "call": 0.3, "letter": 0.3}, index=[1])
    params = params_of(uplift={"outcome": "money"}, policy={"playbook": book})
    result = uplift.uplift(outcomes, X, params, WATCHED, shares)
    assert list(result.manifest.treatments) == ["call", "letter"]
    assert (result.manifest.outcome, result.manifest.model) == ("money", {})
    assert set(result.figures) == {"uplift_dr"}  # the others learn leaving only
    frame = result.experiment.to_pandas()
    wanted = np.where(X["plan"] == "mobile", "call", "letter")
    assert (frame["treatment"] == wanted).mean() > 0.9
    assert frame["saving"].mean() == pytest.approx(40.0, abs=10.0)
    assert frame["saving_score"].mean() == pytest.approx(40.0, abs=15.0)
    assert frame["saved_score"].mean() == pytest.approx(0.4, abs=0.15)
    assert frame["effect"].isna().all()
    with pytest.raises(errors.BadParams, match="uplift_t does not learn money"):
        result_of(planted, params_of(uplift={"outcome": "money", "model": "uplift_t"}))


@pytest.mark.parametrize(("fewer", "expected_rows"), [(0, 800), (1, 0)])
def test_a_hundred_churners_of_each_arm_are_enough(
    planted: PlantedExperiment, fewer: int, expected_rows: int
) -> None:
    left, treated = planted.data.y == 1, planted.data.treated == 1
    arms = (left & treated, left & ~treated, ~left)
    rows = np.concatenate([np.flatnonzero(mask)[:100] for mask in arms[:2]])[fewer:]
    rows = np.sort(np.concatenate([rows, np.flatnonzero(arms[2])[:600]]))
    X, outcomes = (
        frame.loc[rows].reset_index(drop=True) for frame in (planted.X, outcomes_of(planted))
    )
    outcomes["customer_id"] = [f"c{i}" for i in range(len(rows))]  # a customer counts once
    assert uplift.uplift(outcomes, X, params_of(), WATCHED).experiment.num_rows == expected_rows


def test_without_a_named_model_nothing_is_fitted(planted: PlantedExperiment) -> None:
    none = result_of(planted, params_of(uplift={"model": None}))
    assert none.manifest == empty_manifest(6000, is_asked_for=False)
    assert none.experiment.num_rows == 0
    assert none.conclusion == "ranks by expected loss: params.yaml names no model of the effect"


def test_a_list_contacts_a_share_of_the_cohort_at_the_cheapest_contact() -> None:
    book = [
        {
            "name": "gift",
            "action": "send a gift",
            "cost": 1.0,
            "offer_value": 8.0,
            "acceptance_rate": 0.5,
        },
        {"name": "call", "action": "call", "cost": 6.0},
        {"name": "mend", "action": "mend", "cost": 2.0, "lane": "fix_first"},
    ]
    params = params_of(policy={"playbook": book})
    assert uplift.contact_share_and_cost(params, 1000) == (0.2, 5.0)
    assert uplift.contact_share_and_cost(params, 100) == (1.0, 5.0)
    assert uplift.contact_share_and_cost(params_of(policy={"playbook": book[2:]}), 0) == (1.0, 0.0)


# The data set


BEFORE, AFTER = dt.date(2026, 3, 2), dt.date(2026, 3, 30)


def keyed(rows: list[tuple[str, dt.date]], **columns: Any) -> pa.Table:
    who, day = zip(*rows, strict=True) if rows else ((), ())
    keys = {"customer_id": pa.array(who, pa.string()), "snapshot_on": pa.array(day, pa.date32())}
    return pa.table(keys | columns)


def assigned(*rows: tuple[str, int, str]) -> pd.DataFrame:
    """Assignments by customer, days since BEFORE and treatment, at snapshots BEFORE and AFTER."""
    first = point_in_time.day_number(BEFORE)
    table = [
        {"customer_id": who, "occurred_day": first + day, "treatment": done, "propensity": 0.9}
        for who, day, done in rows
    ]
    frame = pa.Table.from_pylist(table, schema=assignment_history.ASSIGNED).to_pandas()
    aligned = assignment_history.align_to_snapshots(
        frame, np.array([first, point_in_time.day_number(AFTER)]), 28, 90
    )
    return aligned.assign(snapshot_on=[point_in_time.date_of(day) for day in aligned.pop("day")])


def company() -> tuple[pa.Table, pa.Table, pa.Table]:
    """Cross-predictions, labels and features of anna, bert and cleo at both snapshots.

    cleo has no cross-prediction, and the outcome of bert after the second is unknown.
    """
    every = [(who, day) for who in ("anna", "bert", "cleo") for day in (BEFORE, AFTER)]
    six = np.arange(6.0)
    features = keyed(every, visits_90d=[10.0 + number for number in six], plan=list("xyxyxy"))
    labels = keyed(
        every[:3] + every[4:],
        churned=[True, False, False, True, False],
        value=[1.0] * 5,
        arm=["contacted"] * 5,
    )
    values = {"value_if_kept": six, "value_if_lost": six}
    cross_predictions = keyed(
        every[:4],
        churn_probability=[0.1, 0.2, 0.3, 0.4],
        **{name: column[:4] for name, column in values.items()},
    )
    assert cross_predictions.schema == artefacts.CROSS_PREDICTIONS.schema
    return cross_predictions, labels, features


def test_an_assignment_is_joined_to_the_snapshot_before_it_and_to_none_after() -> None:
    outcomes, X = join_outcomes(assigned(("anna", 27, "holdout"), ("bert", 0, "call")), *company())
    assert outcomes["customer_id"].tolist() == ["anna", "bert"]
    assert outcomes["snapshot_on"].tolist() == [BEFORE, BEFORE]
    assert outcomes["churned"].tolist() == [True, False]
    assert outcomes["treated"].tolist() == [0.0, 1.0]
    assert X["visits_90d"].tolist() == [10.0, 12.0]  # never 11, which AFTER knows
    assert X[RISK].tolist() == [0.1, 0.3]
    assert list(X) == ["visits_90d", "plan", RISK]


def test_only_assignments_with_an_outcome_and_a_predicted_risk_are_joined() -> None:
    rows = [("anna", 28, "call"), ("bert", 28, "call"), ("cleo", 1, "call"), ("dora", 1, "call")]
    outcomes, X = join_outcomes(assigned(*rows), *company())
    assert outcomes["customer_id"].tolist() == ["anna"]
    assert X["visits_90d"].tolist() == [11.0]


def test_rows_and_features_are_in_one_order() -> None:
    rows = [("bert", 3, "call"), ("anna", 30, "call"), ("anna", 3, "holdout")]
    cross_predictions, labels, features = company()
    turned = features.take(pa.array([5, 3, 1, 4, 2, 0]))
    outcomes, X = join_outcomes(assigned(*rows), cross_predictions, labels, turned)
    assert outcomes["customer_id"].tolist() == ["anna", "bert", "anna"]
    assert X["visits_90d"].tolist() == [10.0, 12.0, 11.0]
    assert X[RISK].tolist() == outcomes[RISK].tolist() == [0.1, 0.3, 0.2]


def test_without_assignments_nobody_is_joined() -> None:
    cross_predictions, labels, features = company()
    for rows in (assigned(), assigned(("anna", -1, "call"))):
        outcomes, X = join_outcomes(rows, cross_predictions, labels, features)
        assert (len(outcomes), len(X)) == (0, 0)
        assert uplift.uplift(outcomes, X, params_of(), WATCHED).manifest == empty_manifest(0)
    empty = artefacts.CROSS_PREDICTIONS.schema.empty_table()
    outcomes, X = join_outcomes(assigned(("anna", 1, "call")), empty, labels, features)
    assert (len(outcomes), len(X)) == (0, 0)


# The stage


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the stages before leave of `company`, and a list of FIRST's."""
    monkeypatch.chdir(tmp_path)
    assert FIRST == BEFORE
    cross_predictions, labels, features = company()
    atomic.write_text("params.yaml", yaml.safe_dump(campaigns.PARAMS))
    for artefact, table in {
        artefacts.CROSS_PREDICTIONS: cross_predictions,
        artefacts.LABELS: labels,
        artefacts.FEATURES: features,
        artefacts.EVENTS: histories.table(outreach()),
    }.items():
        artefact.write(complete(artefact, table))
    artefacts.EVENTS_SUMMARY.write(documents.events_summary(versioned=True, rows=3))
    artefacts.SNAPSHOTS_SUMMARY.write(documents.snapshots_summary(dt.date(2026, 9, 1), 100))
    enter(assignments.FOLDER, "2026-03-02-0123456789ab", [assignment("anna", "holdout")])
    return tmp_path


def outreach() -> list[dict[str, Any]]:
    """An assignment on AFTER's day: bert was called and anna held out."""
    day = point_in_time.day_number(AFTER) - histories.SNAPSHOT
    return [
        histories.event(day=day, event_id=who, customer_id=who, kind="outreach", treatment=done)
        for who, done in (("anna", "holdout"), ("bert", "call"))
    ]


def test_assignments_come_from_our_lists_and_from_events(home: Path) -> None:
    aligned, from_lists, shares = uplift.read_assignments(
        params_of(), point_in_time.day_number(dt.date(2026, 9, 1)), [BEFORE, AFTER]
    )
    assert from_lists
    [(day, of_day)] = shares.to_dict("index").items()
    assert (day, of_day) == (point_in_time.day_number(AFTER), {"call": 0.5, "holdout": 0.5})
    rows = aligned[["customer_id", "snapshot_on", "treated"]].to_numpy().tolist()
    assert rows == [["anna", BEFORE, 0.0], ["anna", AFTER, 0.0], ["bert", AFTER, 1.0]]
    early, _, _ = uplift.read_assignments(
        params_of(), point_in_time.day_number(AFTER), [BEFORE, AFTER]
    )
    assert early["customer_id"].tolist() == ["anna"]


def test_our_lists_speak_only_for_customers_within_reach() -> None:
    rows = pd.DataFrame({"snapshot_on": [BEFORE] * 30 + [AFTER] * 50})
    assert eligible_customers(rows, 1000, from_lists=True) == 40
    assert eligible_customers(rows, 20, from_lists=True) == 20
    assert eligible_customers(rows, 1000, from_lists=False) == 1000
    assert eligible_customers(rows.iloc[:0], 1000, from_lists=True) == 1000


def test_the_stage_leaves_its_files_even_where_nothing_is_fitted(home: Path) -> None:
    uplift.main()
    assert artefacts.UPLIFT.read() == empty_manifest(2)
    assert pq.read_table(artefacts.EXPERIMENT).schema == artefacts.EXPERIMENT.schema
    assert atomic.read_json(artefacts.UPLIFT_METRICS) == {}


def test_the_stage_fits_on_assignments_from_events(home: Path) -> None:
    planted = experiment(1600, propensity=0.5)
    frame = outcomes_of(planted)
    keys = pa.Table.from_pandas(frame[["customer_id", "snapshot_on"]], preserve_index=False)
    rows = keys.cast(keyed([]).schema)
    columns = {RISK: planted.risk, "value_if_kept": 110.0 + 0 * planted.risk}
    columns["value_if_lost"] = columns["value_if_kept"] - 100
    artefacts.CROSS_PREDICTIONS.write(with_columns(rows, columns))
    labels = {"churned": frame["churned"].to_numpy(), "value": columns["value_if_kept"]}
    artefacts.LABELS.write(complete(artefacts.LABELS, with_columns(rows, labels)))
    X = planted.X.drop(columns=RISK)
    artefacts.FEATURES.write(with_columns(rows, {str(column): X[column] for column in X}))
    artefacts.EVENTS.write(histories.table(called(frame)))
    train = {"threads": 1, "models": {"uplift_dr": QUICK, "uplift_t": {"rounds": 10}}}
    atomic.write_text("params.yaml", yaml.safe_dump(campaigns.PARAMS | {"train": train}))
    uplift.main()
    assert artefacts.UPLIFT.read().name == "uplift_dr"
    assert set(atomic.read_json(artefacts.UPLIFT_METRICS)) == set(models.discover_uplift())
    table = pq.read_table(artefacts.EXPERIMENT).to_pandas()
    both = table.merge(frame, on=["customer_id", "snapshot_on"], suffixes=("", "_told"))
    assert len(table) == len(both) == 1600
    assert (both["treated"] == both["treated_told"]).all()
    assert (both["left"] == both["churned"]).all()
    assert both[RISK].tolist() == both[f"{RISK}_told"].tolist()
    shares = frame.groupby("snapshot_on")["treated"].mean()
    assert both["propensity"].tolist() == pytest.approx(both["snapshot_on"].map(shares).tolist())
    truth = frame.assign(true=planted.effect).merge(table, on=["customer_id", "snapshot_on"])
    assert truth["effect"].corr(truth["true"]) > 0.5


def with_columns(rows: pa.Table, columns: dict[str, Any]) -> pa.Table:
    for name, column in columns.items():
        rows = rows.append_column(name, pa.array(column, from_pandas=True))
    return rows


def called(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """An outreach a row, three days after its snapshot."""
    return [
        histories.event(
            day=point_in_time.day_number(day) + 3 - histories.SNAPSHOT,
            event_id=f"{who} {day}",
            customer_id=who,
            kind="outreach",
            treatment="call" if treated else "holdout",
        )
        for who, day, treated in zip(
            frame["customer_id"], frame["snapshot_on"], frame["treated"], strict=True
        )
    ]
