"""The list from what the stages left: who stands on it in which order, and all that a row says."""

import datetime as dt
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline.at_risk import at_risk, without_wrong
from retention.core import artefacts
from retention.core.storage import atomic
from retention.ledgers.outcomes import contact_fingerprint
from retention.worklist import to_csv, write
from tests.support.policies import AS_OF
from tests.support.worklists import (
    FOUR,
    SUMMARY,
    column,
    issues,
    params_with,
    reasons,
    worklist_inputs,
)


def test_one_queue_of_all_lanes_by_what_a_week_of_waiting_costs() -> None:
    rows = "\n".join(
        [
            "customer | expected_loss | open_cases | notice_on  | ends_on    | churn_probability",
            "a        |            10 |            |            |            |               0.5",
            "b        |            90 |            |            |            |               0.5",
            "c        |            50 |          1 |            |            |               0.9",
            "d        |            90 |            |            |            |               0.6",
            "e        |            80 |            | 2026-11-20 | 2026-11-24 |               0.9",
            "f        |            80 |            | 2026-11-20 | 2027-11-24 |               0.9",
        ]
    )
    result = at_risk(worklist_inputs(rows), params_with({"per_day": 2}), None)
    assert column(result, "customer_id") == ["e", "c", "d", "b", "f", "a"]
    assert column(result, "rank") == [1, 2, 3, 4, 5, 6]
    assert column(result, "planned") == ["today"] * 2 + ["this_week"] * 4
    # e ends in the week, f in 367 days, the contacts (their gain) in 28; c is late 7 of 28 days
    assert column(result, "cost_of_delay") == [80.0, 12.5, 4.25, 4.25, 1.53, 0.25]
    assert column(result, "due_on")[:2] == [dt.date(2026, 11, 24), AS_OF]


def test_of_other_lanes_only_those_with_most_to_lose_are_shown_and_all_are_counted() -> None:
    rows = "\n".join(
        ["customer | expected_loss | open_cases", *(f"c{n} | {n} | 1" for n in range(5))]
    )
    result = at_risk(worklist_inputs(rows), params_with(others=2), None)
    assert column(result, "customer_id") == ["c4", "c3"]
    assert result.listing.lanes == {"fix_first": {"open_case": 5}}


def test_everybody_watched_has_a_lane_and_the_counts_add_up() -> None:
    result = at_risk(worklist_inputs(FOUR), params_with(capacity=1), None)
    assert result.lanes["customer_id"].to_pylist() == ["a", "b", "c", "d"]
    assert result.listing.cohort_size == 4
    assert result.listing.lanes["leave_alone"] == {"below_capacity": 2}


def test_the_held_out_are_told_with_what_they_would_have_been_given() -> None:
    rows = "\n".join(["customer | expected_loss", *(f"c{n:03d} | {1000 - n}" for n in range(300))])
    result = at_risk(
        worklist_inputs(rows), params_with(capacity=90, holdout_share=0.1, campaign="autumn"), None
    )
    held = result.held_out.to_pylist()
    listed_ids = set(column(result, "customer_id"))
    assert held
    assert {row["customer_id"] for row in held}.isdisjoint(listed_ids)
    assert {(row["campaign"], row["propensity"], row["play"]) for row in held} == {
        ("autumn", 0.9, "call")
    }


def test_a_row_says_all_that_staff_read() -> None:
    inputs = worklist_inputs(
        """
        customer | expected_loss | churn_probability | owner
        00123    |        73.999 |           0.61234 | Ada
        """,
        contacts=[{"customer_id": "00123", "name": "Zoë", "email": " ", "phone": "+44 7"}],
        reasons=reasons(
            ("00123", 1, "recency", "last visit 26 days ago", False),
            ("00123", 2, "billing", "bills above the agreed price: 1", True),
        ),
        issues=issues(
            ("00123", "billing", "billed 12% above the agreed price on 14 Oct"),
            ("00123", "portal", "2 tasks failed in the portal"),
        ),
    )
    result = at_risk(inputs, params_with(), None)
    assert result.listing.rows.schema.equals(artefacts.AT_RISK.schema)
    row = result.listing.rows.to_pylist()[0]
    assert row["list_id"] == result.listing.list_id
    cells = {name: value for name, value in row.items() if value is not None and name != "list_id"}
    assert cells == {
        "rank": 1,
        "planned": "today",
        "due_on": dt.date(2026, 12, 20),
        "cost_of_delay": 3.45,
        "lane": "contact",
        "why": "chosen",
        "change": "",
        "customer_id": "00123",
        "name": "Zoë",
        "owner": "Ada",
        "preferred_channel": "phone",
        "channel": "phone",
        "phone": "+44 7",
        "risk": "very_high",
        "churn_probability": 0.6123,
        "value_at_stake": 74.0,
        "net_gain": 13.8,
        "expected_value": 150.0,
        "value_low": 20.0,
        "value_high": 300.0,
        "last_purchase_on": dt.date(2026, 10, 27),
        "days_since_purchase": 25.96,
        "days_since_dealing": 3.0,
        "usual_gap_days": 4.04,
        "silent_since": "26 days, usually comes every 4 days",
        "reason_1": "billed 12% above the agreed price on 14 Oct",
        "reason_2": "last visit 26 days ago",
        "themes": "billing recency",
        "action": "do call",
        "action_name": "call",
        "approval": False,
        "wording": "Good morning",
        "avoid": "No pressure",
        "otherwise": "do voucher",
    }


def test_a_number_at_which_staff_met_somebody_else_is_left_out_until_it_is_corrected() -> None:
    contacts = pd.DataFrame(
        {"customer_id": ["a", "b", "c"], "phone": ["+44 7", "+44 7", None], "email": ["x@y"] * 3}
    )
    wrong = {"a": {contact_fingerprint("a", "+447")}, "c": {contact_fingerprint("c", "x@y")}}
    left = without_wrong(contacts, wrong)
    assert left["phone"].isna().tolist() == [True, False, True]
    assert left["email"].isna().tolist() == [False, False, True]


def test_who_is_to_be_put_right_is_told_all_that_went_wrong() -> None:
    inputs = worklist_inputs(
        "customer | open_cases\n a | 1",
        reasons=reasons(("a", 1, "recency", "last visit 26 days ago", False)),
        issues=issues(("a", "resolution", "1 complaint still open, 9 days old")),
    )
    row = at_risk(inputs, params_with(), None).listing.rows.to_pylist()[0]
    assert row["reason_1"] == "1 complaint still open, 9 days old"
    assert row["reason_2"] == "last visit 26 days ago"
    assert (row["action_name"], row["budget"]) == ("mend", None)


def test_a_customer_of_whom_nothing_is_known_is_listed_all_the_same() -> None:
    inputs = worklist_inputs("customer | expected_loss\n a | 100")
    tables = replace(inputs.tables, purchase_rhythm=inputs.tables.purchase_rhythm.iloc[:0])
    row = at_risk(replace(inputs, tables=tables), params_with(), None).listing.rows.to_pylist()[0]
    assert (row["silent_since"], row["reason_1"], row["name"]) == (None, None, None)


def test_where_no_interval_is_known_the_list_goes_out_without_its_ends() -> None:
    inputs = worklist_inputs("customer | expected_loss\n a | 100\n b | 90")
    scores = inputs.tables.scores.assign(value_low=np.nan, value_high=np.nan)
    tables = replace(inputs.tables, scores=scores)
    listing = at_risk(replace(inputs, tables=tables), params_with(), None).listing
    for row in listing.rows.to_pylist():
        assert (row["value_low"], row["value_high"]) == (None, None)
        assert row["expected_value"] is not None


def test_the_same_rows_have_the_same_id_and_others_another() -> None:
    first, again = (
        at_risk(worklist_inputs(FOUR), params_with(), None),
        at_risk(worklist_inputs(FOUR), params_with(), None),
    )
    other = at_risk(worklist_inputs(FOUR), params_with(capacity=2), None)
    assert first.listing.list_id == again.listing.list_id != other.listing.list_id
    assert first.listing.list_id.startswith("2026-11-22-")


def test_the_list_before_says_who_is_new_and_who_dropped_off(tmp_path: Path) -> None:
    then = at_risk(worklist_inputs(FOUR.replace("0.6", "0.9")), params_with(), None).listing
    write.write_list(then, tmp_path)
    atomic.write_json(
        tmp_path / "manifest.json", then.summary() | {"as_of": "2026-11-21", "files": {}}
    )
    later = worklist_inputs(
        """
        customer | expected_loss | open_cases | churn_probability | do_not_contact
        a        |            10 |            |               0.5 |
        b        |            90 |            |               0.5 | yes
        d        |            90 |            |               0.6 |
        e        |            80 |            |               0.6 |
        """
    )
    result = at_risk(later, params_with(), tmp_path)
    change = dict(zip(column(result, "customer_id"), column(result, "change"), strict=True))
    assert change == {"a": "same", "d": "better", "e": "new"}
    assert [
        (row["customer_id"], row["lane"], row["why"]) for row in result.listing.dropped.to_pylist()
    ] == [
        ("b", "excluded", "opted_out"),
        ("c", "", "unwatched"),
    ]
    assert result.listing.previous is not None
    assert result.listing.previous.stability == 0.5


def test_the_timeline_holds_listed_customers_only() -> None:
    rows = [
        {"customer_id": who, "place": 1, "day": AS_OF, "kind": "visit", "text": "", "tone": "plain"}
        for who in ("a", "b")
    ]
    inputs = worklist_inputs(
        "customer | expected_loss\n a | 90\n b | 0",
        timeline=pa.Table.from_pylist(rows, schema=artefacts.TIMELINE.schema),
    )
    assert at_risk(inputs, params_with(), None).listing.timeline["customer_id"].to_pylist() == ["a"]


def test_the_stage_writes_the_same_bytes_twice(tmp_path: Path) -> None:
    for name in ("one", "two"):
        write.write_result(at_risk(worklist_inputs(FOUR), params_with(), None), tmp_path / name)
    first, two = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("one", "two")
    )
    assert first == two
    summary = atomic.read_json(tmp_path / "one" / "summary.json")
    assert summary["counts"] == {"watched": 4, "listed": 4}
    assert tuple(summary["notes"]) == SUMMARY.banners


def test_a_list_reads_back_as_it_was_written(tmp_path: Path) -> None:
    result = at_risk(worklist_inputs(FOUR), params_with(), None).listing
    (tmp_path / "list.csv").write_bytes(to_csv.content(result))
    read = to_csv.read(tmp_path / "list.csv")
    assert read["customer_id"].equals(result.rows["customer_id"])
    assert read["net_gain"].equals(result.rows["net_gain"])
