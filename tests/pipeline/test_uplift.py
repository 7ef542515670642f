"""The stage: what is pinned of those drawn by lot, and what of them may be known."""

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
from pipeline.uplift import UpliftResult, found_in
from retention.core import artefacts, point_in_time
from retention.core.params import Params
from retention.core.storage import atomic
from retention.experiments import assignment_history
from retention.ledgers import assignments
from tests.support import documents, experiments, histories, trials
from tests.support.experiments import Known, experiment
from tests.support.tables import complete
from tests.support.trials import FIRST, enter, one

QUICK: dict[str, Any] = {
    name: value
    for name, value in experiments.learner().get_params().items()
    if name in ("rounds_expected", "rounds", "learning_rate", "seeds", "min_data_in_leaf",
                "feature_fraction")
}  # fmt: skip
WATCHED = 1000


def chosen(capacity: int = 200, **sections: Any) -> Params:
    train = {"threads": 1, "models": {"uplift_dr": QUICK, "uplift_t": {"rounds": 10}}}
    return trials.chosen(at_risk={"capacity": capacity}, train=train, **sections)


def told(known: Known) -> pd.DataFrame:
    """An experiment as `joined` tells of it: two snapshots a customer, all worth 100."""
    days = np.array([dt.date(2026, 3, 2), dt.date(2026, 3, 30)], dtype=object)
    return pd.DataFrame(
        {
            "customer_id": known.trial.customer,
            "snapshot_on": days[np.arange(len(known.X)) % 2],
            "treated": known.trial.treated,
            "propensity": known.trial.propensity,
            "churned": known.trial.churned == 1,
            RISK: known.risk,
            "value_if_kept": 110.0,
            "value_if_lost": 10.0,
        }
    )


def found_of(known: Known, rules: Params | None = None) -> UpliftResult:
    return found_in(told(known), known.X, rules or chosen(), WATCHED)


# What is found


@pytest.fixture(scope="module")
def known() -> Known:
    return experiment(6000)


@pytest.fixture(scope="module")
def found(known: Known) -> UpliftResult:
    return found_of(known)


def test_uplift_that_beats_loss_ranks(found: UpliftResult) -> None:
    pinned = found.pinned
    assert pinned["ranks"] is True
    assert 0 < pinned["low"] < pinned["better"] < pinned["high"]
    assert (pinned["name"], pinned["lots"]) == ("uplift_dr", 6000)
    assert found.conclusion.startswith("ranks by what a contact changes: better by +")


def test_it_pins_who_is_disturbed(found: UpliftResult, known: Known) -> None:
    edge = found.pinned["disturbed_from"]
    assert edge is not None
    harmed = found.experiment["effect"].to_numpy() >= edge
    assert (known.X["visits_90d"].to_numpy()[harmed] == 0).mean() > 0.9


def test_the_pinned_model_read_back_says_the_same(found: UpliftResult, known: Known) -> None:
    state = json.loads(json.dumps(found.pinned["model"], allow_nan=False))
    again = models.discover_uplift()[found.pinned["name"]].from_state(state)
    rules = chosen()
    usual = uplift.model_factory(rules, "uplift_dr")().fit(known.X, *known.told)
    assert (again.effect(known.X) == usual.effect(known.X)).all()


def test_the_figures_are_of_every_model_and_the_choice_is_of_the_pinned_one(
    found: UpliftResult,
) -> None:
    assert set(found.figures) == set(models.discover_uplift())
    mine = found.figures["uplift_dr"]
    assert mine["better_by"]["value"] == found.pinned["better"]
    assert mine["share_contacted"] == 0.2
    assert mine["gain_by_uplift"] > mine["gain_by_loss"]
    assert found.figures["uplift_none"]["better_by"]["value"] == 0.0
    json.dumps(found.figures, allow_nan=False)


def test_every_lot_is_told_with_what_others_models_foretell(
    found: UpliftResult, known: Known
) -> None:
    assert found.experiment.schema == artefacts.EXPERIMENT.schema
    assert found.experiment.num_rows == 6000
    keys = list(
        zip(*(found.experiment[name].to_pylist() for name in artefacts.EXPERIMENT.key), strict=True)
    )
    assert len(set(keys)) == 6000
    frame = found.experiment.to_pandas()
    assert frame["left"].tolist() == known.trial.churned.tolist()
    assert set(frame["worth"]) == {100.0}
    assert frame.groupby("customer_id")["fold"].nunique().max() == 1
    assert np.corrcoef(frame["effect"], known.effect)[0, 1] > 0.8


def test_who_is_kept_is_worth_as_many_windows_as_the_policy_says(known: Known) -> None:
    given = uplift.uplift_dataset(told(known), known.X, lasts=2.5)
    assert set(given.retained_value) == {250.0}
    assert given.expected_loss == pytest.approx(known.risk * 250)


def test_where_contact_does_nothing_loss_ranks_and_the_sentence_says_so() -> None:
    refused = found_of(experiment(3000, effect=0.0))
    assert refused.pinned["ranks"] is False
    assert refused.pinned["disturbed_from"] is None
    assert refused.pinned["low"] <= 0
    between = f"({refused.pinned['low']:+.4f} to {refused.pinned['high']:+.4f})"
    assert refused.conclusion == (
        f"ranks by expected loss: better by {refused.pinned['better']:+.4f} a customer {between}"
    )


def shuffled(seed: int) -> UpliftResult:
    """A/A: arms drawn after the fact change nobody."""
    known = experiment(2000, seed, propensity=0.5)
    arms = np.random.default_rng(seed + 500).permutation(known.trial.treated)
    return found_of(replace(known, trial=replace(known.trial, treated=arms)))


def test_shuffled_arms_do_not_rank() -> None:
    """One in 40 should by chance; of 4, two or more once in 280 times."""
    assert sum(shuffled(seed).pinned["ranks"] for seed in range(4)) <= 1


def test_too_few_who_left_teach_nothing() -> None:
    few = found_of(experiment(400))
    assert few.pinned == uplift.empty_manifest(400)
    assert (few.figures, few.experiment.num_rows, few.experiment.schema) == (
        {},
        0,
        artefacts.EXPERIMENT.schema,
    )
    assert few.conclusion.startswith("ranks by expected loss: of those drawn to be contacted ")
    assert few.conclusion.endswith("100 of either are needed")


@pytest.mark.parametrize(("fewer", "found"), [(0, 800), (1, 0)])
def test_a_hundred_of_either_arm_who_left_are_enough(known: Known, fewer: int, found: int) -> None:
    left, treated = known.trial.churned == 1, known.trial.treated == 1
    arms = (left & treated, left & ~treated, ~left)
    rows = np.concatenate([np.flatnonzero(one)[:100] for one in arms[:2]])[fewer:]
    rows = np.sort(np.concatenate([rows, np.flatnonzero(arms[2])[:600]]))
    X, lots_told = (one.loc[rows].reset_index(drop=True) for one in (known.X, told(known)))
    lots_told["customer_id"] = [f"c{at}" for at in range(len(rows))]  # a customer counts once
    assert found_in(lots_told, X, chosen(), WATCHED).experiment.num_rows == found


def test_without_a_model_named_nothing_is_asked(known: Known) -> None:
    none = found_of(known, chosen(uplift={"model": None}))
    assert none.pinned == uplift.empty_manifest(6000, asked=False)
    assert none.experiment.num_rows == 0
    assert none.conclusion == "ranks by expected loss: params.yaml names no model of the effect"


def test_a_list_contacts_a_share_of_those_watched_at_the_cheapest_contact() -> None:
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
    rules = chosen(policy={"playbook": book})
    assert uplift.contact_share_and_cost(rules, 1000) == (0.2, 5.0)
    assert uplift.contact_share_and_cost(rules, 100) == (1.0, 5.0)
    assert uplift.contact_share_and_cost(chosen(policy={"playbook": book[2:]}), 0) == (1.0, 0.0)


# What is joined


BEFORE, AFTER = dt.date(2026, 3, 2), dt.date(2026, 3, 30)


def keyed(rows: list[tuple[str, dt.date]], **columns: Any) -> pa.Table:
    who, day = zip(*rows, strict=True) if rows else ((), ())
    keys = {"customer_id": pa.array(who, pa.string()), "snapshot_on": pa.array(day, pa.date32())}
    return pa.table(keys | columns)


def drawn(*rows: tuple[str, int, str]) -> pd.DataFrame:
    """Lots by customer, days since BEFORE and treatment, at snapshots BEFORE and AFTER."""
    first = point_in_time.day_number(BEFORE)
    table = [
        {"customer_id": who, "occurred_day": first + day, "treatment": done, "propensity": 0.9}
        for who, day, done in rows
    ]
    frame = pa.Table.from_pylist(table, schema=assignment_history.ASSIGNED).to_pandas()
    found = assignment_history.align_to_snapshots(
        frame, np.array([first, point_in_time.day_number(AFTER)]), 28, 90
    )
    return found.assign(snapshot_on=[point_in_time.date_of(day) for day in found.pop("day")])


def company() -> tuple[pa.Table, pa.Table, pa.Table]:
    """foretold, labels and features of anna, bert and cleo at both snapshots.

    Nothing is foretold of cleo, and what becomes of bert after the second is not known.
    """
    every = [(who, day) for who in ("anna", "bert", "cleo") for day in (BEFORE, AFTER)]
    six = np.arange(6.0)
    features = keyed(every, visits_90d=[10.0 + one for one in six], plan=list("xyxyxy"))
    labels = keyed(
        every[:3] + every[4:], churned=[True, False, False, True, False],
        value=[1.0] * 5, arm=["contacted"] * 5,
    )  # fmt: skip
    values = {"value_if_kept": six, "value_if_lost": six}
    told = keyed(every[:4], churn_probability=[0.1, 0.2, 0.3, 0.4],
                 **{name: one[:4] for name, one in values.items()})  # fmt: skip
    assert told.schema == artefacts.CROSS_PREDICTIONS.schema
    return told, labels, features


def test_a_lot_is_joined_to_the_snapshot_before_it_and_to_none_after() -> None:
    known, X = uplift.join_outcomes(drawn(("anna", 27, "holdout"), ("bert", 0, "call")), *company())
    assert known["customer_id"].tolist() == ["anna", "bert"]
    assert known["snapshot_on"].tolist() == [BEFORE, BEFORE]
    assert known["churned"].tolist() == [True, False]
    assert known["treated"].tolist() == [0.0, 1.0]
    assert X["visits_90d"].tolist() == [10.0, 12.0]  # never 11, which AFTER knows
    assert X[RISK].tolist() == [0.1, 0.3]
    assert list(X) == ["visits_90d", "plan", RISK]


def test_only_lots_with_a_known_outcome_and_a_foretold_risk_are_joined() -> None:
    rows = [("anna", 28, "call"), ("bert", 28, "call"), ("cleo", 1, "call"), ("dora", 1, "call")]
    known, X = uplift.join_outcomes(drawn(*rows), *company())
    assert known["customer_id"].tolist() == ["anna"]
    assert X["visits_90d"].tolist() == [11.0]


def test_rows_and_features_are_in_one_order() -> None:
    rows = [("bert", 3, "call"), ("anna", 30, "call"), ("anna", 3, "holdout")]
    told, labels, features = company()
    turned = features.take(pa.array([5, 3, 1, 4, 2, 0]))
    known, X = uplift.join_outcomes(drawn(*rows), told, labels, turned)
    assert known["customer_id"].tolist() == ["anna", "bert", "anna"]
    assert X["visits_90d"].tolist() == [10.0, 12.0, 11.0]
    assert X[RISK].tolist() == known[RISK].tolist() == [0.1, 0.3, 0.2]


def test_nobody_drawn_is_nobody_joined() -> None:
    told, labels, features = company()
    for given in (drawn(), drawn(("anna", -1, "call"))):
        known, X = uplift.join_outcomes(given, told, labels, features)
        assert (len(known), len(X)) == (0, 0)
        assert found_in(known, X, chosen(), WATCHED).pinned == uplift.empty_manifest(0)
    empty = artefacts.CROSS_PREDICTIONS.schema.empty_table()
    known, X = uplift.join_outcomes(drawn(("anna", 1, "call")), empty, labels, features)
    assert (len(known), len(X)) == (0, 0)


# The stage


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with what the stages before leave of `company`, and a list of FIRST's."""
    monkeypatch.chdir(tmp_path)
    assert FIRST == BEFORE
    told, labels, features = company()
    atomic.write_text("params.yaml", yaml.safe_dump(trials.PARAMS))
    for artefact, table in {
        artefacts.CROSS_PREDICTIONS: told, artefacts.LABELS: labels, artefacts.FEATURES: features,
        artefacts.EVENTS: histories.table(outreach()),
    }.items():  # fmt: skip
        artefact.write(complete(artefact, table))
    artefacts.EVENTS_SUMMARY.write(documents.events_summary(versioned=True, rows=3))
    artefacts.SNAPSHOTS_SUMMARY.write(documents.snapshots_summary(dt.date(2026, 9, 1), 100))
    enter(assignments.FOLDER, "2026-03-02-0123456789ab", [one("anna", "holdout")])
    return tmp_path


def outreach() -> list[dict[str, Any]]:
    """A lot of AFTER's day, in which bert was called and anna was not."""
    day = point_in_time.day_number(AFTER) - histories.SNAPSHOT
    return [
        histories.event(day=day, event_id=who, customer_id=who, kind="outreach", treatment=done)
        for who, done in (("anna", "holdout"), ("bert", "call"))
    ]


def test_both_our_lots_and_those_of_events_are_drawn(home: Path) -> None:
    found, listed = uplift.read_assignments(
        chosen(), point_in_time.day_number(dt.date(2026, 9, 1)), [BEFORE, AFTER]
    )
    assert listed
    rows = found[["customer_id", "snapshot_on", "treated"]].to_numpy().tolist()
    assert rows == [["anna", BEFORE, 0.0], ["anna", AFTER, 0.0], ["bert", AFTER, 1.0]]
    early, _ = uplift.read_assignments(chosen(), point_in_time.day_number(AFTER), [BEFORE, AFTER])
    assert early["customer_id"].tolist() == ["anna"]


def test_lots_of_our_lists_speak_for_those_within_reach_alone() -> None:
    drawn = pd.DataFrame({"snapshot_on": [BEFORE] * 30 + [AFTER] * 50})
    assert uplift.eligible_customers(drawn, 1000, listed=True) == 40
    assert uplift.eligible_customers(drawn, 20, listed=True) == 20
    assert uplift.eligible_customers(drawn, 1000, listed=False) == 1000
    assert uplift.eligible_customers(drawn.iloc[:0], 1000, listed=True) == 1000


def test_the_stage_leaves_what_it_found_even_where_that_is_nothing(home: Path) -> None:
    uplift.main()
    assert atomic.read_json(artefacts.UPLIFT) == uplift.empty_manifest(2)
    assert pq.read_table(artefacts.EXPERIMENT).schema == artefacts.EXPERIMENT.schema
    assert atomic.read_json(artefacts.UPLIFT_METRICS) == {}


def test_the_stage_learns_from_the_lots_that_events_tell(home: Path) -> None:
    known = experiment(1600, propensity=0.5)
    frame = told(known)
    keys = pa.Table.from_pandas(frame[["customer_id", "snapshot_on"]], preserve_index=False)
    rows = keys.cast(keyed([]).schema)
    columns = {RISK: known.risk, "value_if_kept": 110.0 + 0 * known.risk}
    columns["value_if_lost"] = columns["value_if_kept"] - 100
    artefacts.CROSS_PREDICTIONS.write(with_columns(rows, columns))
    labels = {"churned": frame["churned"].to_numpy(), "value": columns["value_if_kept"]}
    artefacts.LABELS.write(complete(artefacts.LABELS, with_columns(rows, labels)))
    X = known.X.drop(columns=RISK)
    artefacts.FEATURES.write(with_columns(rows, {str(one): X[one] for one in X}))
    artefacts.EVENTS.write(histories.table(called(frame)))
    train = {"threads": 1, "models": {"uplift_dr": QUICK, "uplift_t": {"rounds": 10}}}
    atomic.write_text("params.yaml", yaml.safe_dump(trials.PARAMS | {"train": train}))
    uplift.main()
    assert atomic.read_json(artefacts.UPLIFT)["name"] == "uplift_dr"
    assert set(atomic.read_json(artefacts.UPLIFT_METRICS)) == set(models.discover_uplift())
    found = pq.read_table(artefacts.EXPERIMENT).to_pandas()
    both = found.merge(frame, on=["customer_id", "snapshot_on"], suffixes=("", "_told"))
    assert len(found) == len(both) == 1600
    assert (both["treated"] == both["treated_told"]).all()
    assert (both["left"] == both["churned"]).all()
    assert both[RISK].tolist() == both[f"{RISK}_told"].tolist()
    shares = frame.groupby("snapshot_on")["treated"].mean()
    assert both["propensity"].tolist() == pytest.approx(both["snapshot_on"].map(shares).tolist())
    truth = frame.assign(true=known.effect).merge(found, on=["customer_id", "snapshot_on"])
    assert truth["effect"].corr(truth["true"]) > 0.5


def with_columns(rows: pa.Table, columns: dict[str, Any]) -> pa.Table:
    for name, column in columns.items():
        rows = rows.append_column(name, pa.array(column, from_pandas=True))
    return rows


def called(frame: pd.DataFrame) -> list[dict[str, Any]]:
    """An outreach a row, three days after its snapshot."""
    return [
        histories.event(
            day=point_in_time.day_number(day) + 3 - histories.SNAPSHOT, event_id=f"{who} {day}",
            customer_id=who, kind="outreach", treatment="call" if treated else "holdout",
        )
        for who, day, treated in zip(
            frame["customer_id"], frame["snapshot_on"], frame["treated"], strict=True
        )
    ]  # fmt: skip
