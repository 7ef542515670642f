"""Stage `outcomes`: customers count once, in their arm, and only when the label is mature."""

import csv
import datetime as dt
import json
from decimal import Decimal
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
import yaml

from pipeline import outcomes
from retention.core import artefacts, point_in_time
from retention.core.errors import BadParams
from retention.core.events import EVENT_COLUMNS, EVENTS
from retention.core.params import Params
from retention.core.storage import atomic
from retention.experiments import analysis, follow_up
from retention.experiments.report_data import OutcomesReport
from retention.experiments.report_metrics import report_metrics
from retention.ledgers import assignments
from retention.ledgers import outcomes as outcome_ledger
from retention.ledgers.outcomes import OutcomeRecord, StaffAnswer
from retention.reporting.outcomes import page, wording
from retention.tracking import client, outcome_record
from tests.support import campaigns, documents, histories
from tests.support.campaigns import (
    AS_OF,
    CAMPAIGN,
    COMPANY,
    FIRST,
    assignment,
    enter,
    mature_follow_up,
    pending_follow_up,
)
from tests.support.engines import duck

LIST, OTHER = "2026-03-02-0123456789ab", "2026-03-30-ba9876543210"
START = point_in_time.day_number(FIRST)
NOW = point_in_time.day_number(AS_OF)

EVENT_TABLE = """
    customer | kind     | day | amount | source | topic   | treatment
    a        | purchase |  -5 |     50 | till   |         |
    a        | purchase |   3 |     20 | till   |         |
    a        | purchase |  27 |     10 | till   |         |
    a        | purchase |  28 |     99 | till   |         |
    b        | purchase | -10 |     70 | till   |         |
    b        | outreach |   2 |        | ledger | reached | call
    b        | purchase |  40 |     15 | till   |         |
    h        | purchase |  12 |     30 | till   |         |
    h        | outreach |   5 |        | mails  |         | gesture
    i        | outreach |   1 |        | mails  |         | holdout
    i        | outreach |  28 |        | mails  |         | call
    i        | outreach |  -1 |        | mails  |         | call
"""
"""Of a list of FIRST, from which days count; the windows are 28 days long."""


def events(text: str) -> pa.Table:
    rows = []
    for number, row in enumerate(histories.rows(text)):
        day = START + int(row["day"] or 0)
        moment = dt.datetime.combine(point_in_time.date_of(day), dt.time(12, number), dt.UTC)
        event = dict.fromkeys(EVENT_COLUMNS) | {
            "event_id": f"e{number}",
            "customer_id": row["customer"],
            "kind": row["kind"],
            "source": row["source"],
            "occurred_at": moment,
            "known_at": moment,
            "occurred_day": day,
            "known_day": day,
            "topic": row["topic"],
            "treatment": row["treatment"],
            "amount": Decimal(row["amount"]) if row["amount"] else None,
        }
        rows.append(event)
    return pa.Table.from_pylist(rows, schema=EVENTS)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "assignments"


@pytest.fixture
def followed(folder: Path) -> pd.DataFrame:
    """What became of two to contact and two held out, by customer."""
    arms = {"a": "contact", "b": "contact", "h": "holdout", "i": "holdout"}
    enter(folder, LIST, [assignment(who, arm) for who, arm in arms.items()])
    enter(
        folder,
        OTHER,
        [assignment("a", "contact"), assignment("w", "contact")],
        AS_OF - dt.timedelta(27),
    )
    return follow(folder, NOW).set_index("customer_id")


def follow(folder: Path, day: int, facts: tuple[OutcomeRecord, ...] = ()) -> pd.DataFrame:
    assigned = follow_up.campaign_assignments(assignments.read_all(folder), COMPANY, CAMPAIGN, day)
    history = point_in_time.as_known_at(duck().load(events(EVENT_TABLE)), day)
    return follow_up.follow_up(
        assigned, history, facts, day, campaigns.params_with().labels, duck()
    )


def outcome_record_of(customer: str, answer: StaffAnswer) -> OutcomeRecord:
    return OutcomeRecord(LIST, customer, dt.datetime(2026, 3, 20, tzinfo=dt.UTC), answer)


# What became of them


def test_an_outcome_is_the_label_of_the_day_on_which_one_was_assigned(
    followed: pd.DataFrame,
) -> None:
    mature = followed[followed["state"] == "mature"]
    assert mature["churned"].to_dict() == {"a": False, "b": True, "h": False, "i": True}
    assert mature["value"].to_dict() == {"a": 30.0, "b": 0.0, "h": 30.0, "i": 0.0}


def test_what_is_not_known_yet_waits(followed: pd.DataFrame, folder: Path) -> None:
    assert followed.loc["w", "state"] == "pending"
    assert followed.loc["w", "outcome_known_on"] == pd.Timestamp(AS_OF) + pd.Timedelta(days=1)
    assert followed.loc[["w"], ["churned", "value"]].isna().to_numpy().all()
    assert "w" not in set(analysis.analysis_set(followed.reset_index())["customer_id"])
    eve = follow(folder, START + 27)
    assert set(eve["state"]) == {"pending"}
    assert set(follow(folder, START + 28)["state"]) == {"mature"}


def test_a_customer_who_is_assigned_twice_counts_once_and_by_the_first(folder: Path) -> None:
    enter(folder, LIST, [assignment("a", "holdout")])
    enter(folder, OTHER, [assignment("a", "contact")], FIRST + dt.timedelta(days=28), days=10)
    assert len(assignments.read_all(folder)) == 2
    assert follow(folder, NOW)[["customer_id", "arm"]].to_numpy().tolist() == [["a", "holdout"]]


def test_another_draw_is_another_arm_with_an_outcome_of_its_own(folder: Path) -> None:
    enter(folder, LIST, [assignment("a", "holdout")])
    later = FIRST + dt.timedelta(days=28)
    enter(folder, OTHER, [assignment("a", "contact")], later, days=10, drawn_on=later)
    columns = ["customer_id", "arm", "churned", "value"]
    rows = follow(folder, NOW)[columns].to_numpy().tolist()
    assert rows == [["a", "holdout", False, 30.0], ["a", "contact", False, 99.0]]


def test_another_campaign_and_another_company_do_not_count(folder: Path) -> None:
    enter(folder, LIST, [assignment("a", "contact")])
    everything = assignments.read_all(folder)
    assert follow_up.campaign_assignments(everything, COMPANY, "spring", NOW).empty
    assert follow_up.campaign_assignments(everything, "another", CAMPAIGN, NOW).empty
    assert follow_up.campaign_assignments(everything, COMPANY, CAMPAIGN, START - 1).empty


def test_contacts_count_from_the_list_until_its_window_ends(followed: pd.DataFrame) -> None:
    mature = followed[followed["state"] == "mature"]
    assert mature["contacted"].to_dict() == {"a": False, "b": True, "h": True, "i": False}
    assert mature["reached"].to_dict() == {"a": False, "b": True, "h": False, "i": False}
    done = {
        arm.arm: arm for arm in analysis.compliance(analysis.analysis_set(followed.reset_index()))
    }
    assert (done["contact"].contacted, done["holdout"].contacted) == (1, 1)


COSTS = {
    "what was given": (StaffAnswer(result="reached", offer_cost=Decimal("7.5")), 1.0 + 7.5),
    "nothing said of an offer": (StaffAnswer(result="reached"), 1.0 + 5.0),
    "nobody tried": (StaffAnswer(result="not tried"), 0.0),
    "no answer": (None, 1.0 + 5.0),
}


@pytest.mark.parametrize("case", COSTS)
def test_a_contact_costs_what_staff_wrote_else_what_the_play_expects(
    folder: Path, case: str
) -> None:
    answer, cost = COSTS[case]
    gesture = {"play": "gesture", "cost": 1.0, "offer": 5.0}
    enter(
        folder, LIST, [assignment("a", "contact", **gesture), assignment("h", "holdout", **gesture)]
    )
    followed = follow(folder, NOW, (outcome_record_of("a", answer),) if answer else ()).set_index(
        "customer_id"
    )
    assert followed["spent"].to_dict() == {"a": cost, "h": 0.0}
    assert followed["answered"].to_dict() == {"a": answer is not None, "h": False}


# The comparison


def report_of(followed: pd.DataFrame, **changes: dict[str, Any]) -> OutcomesReport:
    return outcomes.outcomes(followed, campaigns.LANES, campaigns.params_with(**changes), AS_OF)


def test_the_difference_is_that_of_the_arms_with_walds_interval() -> None:
    """8,502 of 44,700 and 8,279 of 45,489: 0.820 points, 0.312 to 1.328, z 3.164."""
    result = report_of(mature_follow_up((8502, 44700), (8279, 45489))).result
    assert result is not None
    once = result.single_look
    assert [round(100 * x, 3) for x in (once.difference, once.low, once.high)] == [
        0.820,
        0.312,
        1.328,
    ]
    assert round(once.z, 3) == 3.164
    assert result.churn_effect.low < once.low < once.high < result.churn_effect.high


def test_saved_is_everybody_to_contact_times_the_difference() -> None:
    shown = report_of(mature_follow_up((520, 3600), (112, 400)))
    result = shown.result
    assert result is not None
    assert [(arm.name, arm.customers, arm.churned) for arm in result.arms] == [
        ("contact", 3600, 520),
        ("holdout", 400, 112),
    ]
    assert result.incremental.customers.value == pytest.approx(3600 * (112 / 400 - 520 / 3600))
    assert result.incremental.cost == 3600 * 4.0
    assert result.incremental.net.value == pytest.approx(
        result.incremental.value.value - 3600 * 4.0
    )
    assert result.is_conclusive
    assert result.conclusion == "saved 488 customers, between 223 and 753"


def test_who_was_saved_is_worth_what_the_list_counts_on() -> None:
    """A contact that pays over six windows and not in the one that is measured."""
    alike: dict[str, Any] = {
        "churn_probability": 0.25,
        "expected_loss": 5.0,
    }  # worth 20 a window
    followed = mature_follow_up((360, 3600), (112, 400), **alike)
    followed["value"] = 5.0 * followed["churned"].astype(float)
    result = report_of(followed, policy={"retained_windows": 6.0}).result
    assert result is not None
    saved, value = result.incremental.customers, result.incremental.value
    assert (value.value, value.low) == pytest.approx((saved.value * 120, saved.low * 120), rel=0.01)
    assert result.incremental.net.value == pytest.approx(value.value - 3600 * 4.0)
    assert result.incremental.net.low > 0
    assert result.window_effect.high < 0


def test_without_money_nothing_is_said_of_it() -> None:
    followed = mature_follow_up((520, 3600), (112, 400), expected_loss=0.0, value=0.0)
    shown = report_of(followed)
    assert shown.result is not None
    assert np.isnan(shown.result.incremental.net.value)
    assert not list(wording.supporting_sentences(shown))
    assert [words for _, _, words in page._figures(shown)] == [
        "customers saved",
        "cost of contacts",
    ]


def test_who_was_contacted_and_stayed_is_never_counted() -> None:
    """Nothing changes when all who stayed had been reached, and none of those who left."""
    followed = mature_follow_up((520, 3600), (112, 400))
    stayed = ~followed["churned"].astype(bool)
    reached = (followed["arm"] == "contact") & stayed
    other = followed.assign(contacted=reached, reached=reached, worked=reached)
    assert report_of(other).result == report_of(followed).result


def test_arms_of_unequal_draws_are_weighted() -> None:
    """Two lists in which contact does nothing, of unlike risk and unlike shares held out."""
    high, low = mature_follow_up((450, 900), (50, 100)), mature_follow_up((50, 500), (50, 500))
    low["customer_id"] = "l" + low["customer_id"]
    followed = pd.concat([high, low], ignore_index=True)
    result = report_of(followed).result
    assert result is not None
    assert result.single_look.difference == pytest.approx(0.0, abs=1e-12)
    assert result.incremental.customers.value == pytest.approx(0.0, abs=1e-9)


def test_without_a_draw_nothing_is_compared() -> None:
    followed = mature_follow_up((30, 100), (0, 0))
    assert set(followed["propensity"]) == {1.0}
    shown = report_of(followed, at_risk={"holdout_share": 0.0})
    assert (shown.result, shown.plan, shown.assigned.total) == (None, None, 0)


def test_too_few_say_how_many_it_takes_and_when() -> None:
    followed = pd.concat(
        [mature_follow_up((60, 300), (9, 35)), pending_follow_up(150, AS_OF)], ignore_index=True
    )
    shown = report_of(followed)
    assert shown.result is not None
    assert not shown.result.is_conclusive
    assert shown.result.conclusion.startswith("cannot be measured yet: needs ")
    assert shown.plan is not None
    assert (shown.plan.observed.treated, shown.plan.observed.control) == (300, 35)
    assert shown.first_result_on == AS_OF + dt.timedelta(days=28)


def test_the_size_that_is_planned_does_not_move_with_the_outcomes() -> None:
    one_way, other = (
        report_of(mature_follow_up((60, 300), (9, 35))),
        report_of(mature_follow_up((3, 300), (20, 35))),
    )
    assert one_way.plan is not None
    assert other.plan is not None
    assert one_way.plan.required == other.plan.required


def test_the_calculator_is_that_of_the_rate_believed_where_nobody_is_assigned() -> None:
    shown = report_of(mature_follow_up((0, 0), (0, 0)))
    assert shown.plan is not None
    assert (shown.plan.baseline_rate, round(shown.plan.holdout_share, 9)) == (0.2, 0.1)
    assert shown.first_result_on == AS_OF + dt.timedelta(days=28)
    assert shown.result is None


def test_a_part_is_judged_after_correction_and_only_with_enough_customers() -> None:
    followed = mature_follow_up((100, 3600), (112, 400))
    rare = followed["customer_id"].isin(followed["customer_id"].iloc[[0, 1, 3700]])
    followed.loc[rare, "theme"] = "season"
    groups = {
        (subgroup.column, subgroup.name): subgroup for subgroup in report_of(followed).subgroups
    }
    assert set(groups) == {
        ("play", "call"),
        ("play", "gesture"),
        ("theme", "billing"),
        ("theme", "resolution"),
        ("theme", "rhythm"),
    }
    assert all(subgroup.is_significant for subgroup in groups.values())
    called = followed[followed["play"] == "call"]
    left = called.groupby("arm")["churned"].mean()
    n_contact = int((called["arm"] == "contact").sum())
    expected = n_contact * (left["holdout"] - left["contact"])
    assert groups["play", "call"].saved_customers.value == pytest.approx(expected)


def test_arms_that_differed_before_are_told() -> None:
    followed = mature_follow_up((520, 3600), (112, 400))
    sound = report_of(followed).balance
    assert sound is not None
    assert sound.holds
    sick = np.where(followed["arm"] == "contact", followed["churn_probability"] * 0.8, 0.5)
    unlike = report_of(followed.assign(churn_probability=sick)).balance
    assert unlike is not None
    assert not unlike.holds


def test_past_lists_are_measured_on_those_left_alone() -> None:
    followed = mature_follow_up((10, 3600), (112, 400)).assign(churn_probability=0.28)
    right = report_of(followed).calibration
    assert right is not None
    assert (right.customers, right.observed, round(right.expected, 6)) == (400, 112, 112.0)
    assert right.holds
    assert len(right.quintiles) == 5
    assert sum(quintile.customers for quintile in right.quintiles) == 400
    wrong = report_of(followed.assign(churn_probability=0.5)).calibration
    assert wrong is not None
    assert not wrong.holds


def test_figures_are_numbers_or_null() -> None:
    for followed in (
        mature_follow_up((0, 0), (0, 0)),
        mature_follow_up((0, 3), (1, 2)),
        mature_follow_up((520, 3600), (112, 400)),
    ):
        json.dumps(report_metrics(report_of(followed)), allow_nan=False)


# The stage


@pytest.fixture
def shop(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Params:
    """A folder in which the stages before have left what this one reads."""
    monkeypatch.chdir(tmp_path)
    Path("params.yaml").write_text(yaml.safe_dump(campaigns.PARAMS), encoding="utf-8")
    table = events(EVENT_TABLE)
    artefacts.EVENTS.write(table)
    days = {"first_day": START - 10, "last_known_day": START + 40}
    summary = documents.events_summary({"purchase": days}, {"till": days | {"kinds": ["purchase"]}})
    artefacts.EVENTS_SUMMARY.write(summary.updated(rows=table.num_rows))
    lane = {"customer_id": "c", "lane": "contact", "why": "chosen", "churn_probability": 0.2}
    artefacts.LANES.write(pa.Table.from_pylist([lane], artefacts.LANES.schema))
    artefacts.LIST_SUMMARY.write(documents.list_summary(as_of=AS_OF))
    return campaigns.params_with()


def test_the_stage_writes_a_page_a_table_and_figures(
    shop: Params, monkeypatch: pytest.MonkeyPatch
) -> None:
    runs: list[Any] = []
    monkeypatch.setattr(client, "log_figures", lambda _, run: runs.append(run))
    outcomes.main()
    assert "no published list has chosen" in artefacts.OUTCOMES_PAGE.path.read_text("utf-8")
    assert not runs, "there is no result to tell"
    enter(assignments.FOLDER, LIST, [assignment("a", "contact"), assignment("h", "holdout")])
    records = [outcome_record_of("a", StaffAnswer(result="reached"))]
    batch = outcome_ledger.ImportBatch(
        LIST, shop.company, records[0].entered_at, "f" * 64, {}, tuple(records)
    )
    with outcome_ledger.lock(outcome_ledger.FOLDER):
        outcome_ledger.write(outcome_ledger.FOLDER, batch)
    outcomes.main()
    figures = atomic.read_json(artefacts.OUTCOMES_METRICS)
    assert (figures["compared_contact"], figures["cost"]) == (1, 4.0)
    with artefacts.OUTCOMES_TABLE.path.open(newline="", encoding="utf-8") as handle:
        rows = list(csv.DictReader(handle))
    keys = [tuple(row[name] for name in artefacts.OUTCOMES_TABLE.key) for row in rows]
    assert len(keys) == len(set(keys))
    assert ("arms", "left", "arm", "contact") in keys
    assert [run.tags["level"] for run in runs] == ["outcomes"]


@pytest.mark.usefixtures("shop")
def test_doing_it_again_gives_the_same_bytes(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(client, "log_figures", lambda *_: "")
    enter(assignments.FOLDER, LIST, [assignment("a", "contact"), assignment("h", "holdout")])
    parts = (artefacts.OUTCOMES_PAGE, artefacts.OUTCOMES_TABLE, artefacts.OUTCOMES_METRICS)
    contents = []
    for _ in range(2):
        outcomes.main()
        contents.append([part.path.read_bytes() for part in parts])
    assert contents[0] == contents[1]


def test_mlflow_hears_of_figures_and_of_no_customer() -> None:
    shown = report_of(mature_follow_up((520, 3600), (112, 400)))
    run = outcome_record.outcome_run(shown, report_metrics(shown))
    points = {point.name: point.value for point in run.points}
    assert points["saved_customers"] == pytest.approx(488.0)
    steps = {point.step for point in run.points if point.name == "list_left"}
    assert steps == {point_in_time.day_number(FIRST)}
    assert "c00001" not in repr(run)
    assert run.tags["mlflow.note.content"] == "saved 488 customers, between 223 and 753"


@pytest.mark.parametrize("wrong", [{"target_effect": 0.0}, {"power": 1.0}, {"min_group_size": 1}])
def test_params_that_make_no_sense_are_refused(wrong: dict[str, Any]) -> None:
    with pytest.raises(BadParams, match=r"outcomes\."):
        campaigns.params_with(outcomes=wrong)
