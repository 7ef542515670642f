"""The list from what the stages left: who stands on it in which order, and all that a row says."""

import datetime as dt
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from retention.core import artefacts
from retention.core import params as sections
from retention.core.storage import atomic
from retention.i18n.language import ENGLISH
from retention.serving import target
from retention.worklist import build as stage
from retention.worklist import to_csv
from retention.worklist import write as stage_write
from retention.worklist.build import AtRiskResult, WorklistInputs
from retention.worklist.model import risk_level
from retention.worklist.rows import CustomerTables, silence_text
from tests.support.policies import AS_OF, frames, people, play

PARAMS = """
company: Mill Lane Bakery
time_zone: Europe/London
currency: GBP
sources:
  sales:
    path: data/raw/sales.csv
    key: [receipt]
    events: [{kind: purchase, customer_id: cust, occurred_at: sold_at}]
labels:
  churn: {rule: silence, active_days: 90, horizon_days: 28}
  value: {horizon_days: 28}
"""
BOOK = [
    play("call", save_rate=0.2, cost=1.0, wording="Good morning", avoid="No pressure"),
    play(
        "voucher",
        type="gesture",
        save_rate=0.15,
        offer_value=12.0,
        acceptance_rate=0.5,
        approval=10.0,
    ),
    play("mend", lane="fix_first"),
]
SUMMARY = {
    "as_of": AS_OF.isoformat(),
    "model": "a rule",
    "banners": ["Too little history: a simple rule ranks this list."],
}


def config(policy: dict[str, Any] | None = None, **at_risk: Any) -> sections.Params:
    rules = {"capacity": 5, "holdout_share": 0.0} | at_risk
    return sections.parse_params(PARAMS).model_copy(
        update={
            "at_risk": sections.AtRiskParams(**rules),
            "policy": sections.Policy.model_validate({"playbook": BOOK} | (policy or {})),
        }
    )


def reasons(*rows: tuple[str, int, str, str, bool]) -> pd.DataFrame:
    columns = ["customer_id", "rank", "theme", "text", "actionable"]
    return pd.DataFrame(list(rows), columns=columns)


def happenings(*rows: tuple[str, str, str]) -> pd.DataFrame:
    made = pd.DataFrame(list(rows), columns=["customer_id", "theme", "text"])
    return made.assign(day=dt.date(2026, 11, 1), cause=None)


def given(text: str, contacts: Sequence[dict[str, Any]] = (), **changes: Any) -> WorklistInputs:
    """Inputs from a table of customers as tests/policies.py reads it."""
    scores, standing, known = frames(people(text))
    people_told = known.assign(name=None, language=None, email=None, phone=None).astype(object)
    for one in contacts:
        mine = people_told["customer_id"] == one["customer_id"]
        for name, value in one.items():
            people_told.loc[mine, name] = value
    habits = pd.DataFrame(
        {
            "customer_id": scores["customer_id"],
            "last_purchase_on": dt.date(2026, 10, 27),
            "days_since_purchase": 25.96,
            "usual_gap_days": 4.04,
        }
    )
    told = CustomerTables(
        scores=scores,
        purchase_rhythm=habits,
        customer_state=standing.assign(last_said_on=None, last_said=None),
        reasons=changes.get("reasons", reasons()),
        recent_issues=changes.get("happenings", happenings()),
        contacts=people_told,
    )
    timeline = changes.get("timeline", artefacts.TIMELINE.schema.empty_table())
    events = pd.DataFrame(columns=["customer_id", "kind", "day", "treatment", "amount"])
    return WorklistInputs(
        told, timeline, artefacts.RISK_HISTORY.schema.empty_table(), SUMMARY, events
    )


def made(
    inputs: WorklistInputs, rules: sections.Params, before: Path | None = None
) -> AtRiskResult:
    return stage.at_risk(inputs, rules, before)


def column(of: AtRiskResult, name: str) -> list[Any]:
    found: list[Any] = of.listing.rows[name].to_pylist()
    return found


FOUR = """
    customer | expected_loss | open_cases | churn_probability
    a        |            10 |            |               0.5
    b        |            90 |            |               0.5
    c        |            50 |          1 |               0.9
    d        |            90 |            |               0.6
"""


def test_contacts_first_by_net_gain_then_what_is_to_be_put_right() -> None:
    found = made(given(FOUR), config())
    assert column(found, "customer_id") == ["d", "b", "a", "c"]
    assert column(found, "rank") == [1, 2, 3, 4]
    assert column(found, "lane") == ["contact", "contact", "contact", "fix_first"]
    assert column(found, "net_gain")[:3] == [17.0, 17.0, 1.0]


def test_of_other_lanes_only_those_with_most_to_lose_are_shown_and_all_are_counted() -> None:
    rows = "\n".join(
        ["customer | expected_loss | open_cases", *(f"c{n} | {n} | 1" for n in range(5))]
    )
    found = made(given(rows), config(others=2))
    assert column(found, "customer_id") == ["c4", "c3"]
    assert found.listing.lanes == {"fix_first": {"open_case": 5}}


def test_everybody_watched_has_a_lane_and_the_counts_add_up() -> None:
    found = made(given(FOUR), config(capacity=1))
    assert found.lanes["customer_id"].to_pylist() == ["a", "b", "c", "d"]
    assert found.listing.watched == 4
    assert found.listing.lanes["leave_alone"] == {"below_capacity": 2}


def test_the_held_out_are_told_with_what_they_would_have_been_given() -> None:
    rows = "\n".join(["customer | expected_loss", *(f"c{n:03d} | {1000 - n}" for n in range(300))])
    found = made(given(rows), config(capacity=90, holdout_share=0.1, campaign="autumn"))
    held = found.held_out.to_pylist()
    listed = set(column(found, "customer_id"))
    assert held
    assert {one["customer_id"] for one in held}.isdisjoint(listed)
    assert {(one["campaign"], one["propensity"], one["play"]) for one in held} == {
        ("autumn", 0.9, "call")
    }


def test_a_row_says_all_that_staff_read() -> None:
    inputs = given(
        """
        customer | expected_loss | churn_probability | owner
        00123    |        73.999 |           0.61234 | Ada
        """,
        contacts=[{"customer_id": "00123", "name": "Zoë", "email": " ", "phone": "+44 7"}],
        reasons=reasons(
            ("00123", 1, "recency", "last visit 26 days ago", False),
            ("00123", 2, "billing", "bills above the agreed price: 1", True),
        ),
        happenings=happenings(
            ("00123", "billing", "billed 12% above the agreed price on 14 Oct"),
            ("00123", "portal", "2 tasks failed in the portal"),
        ),
    )
    found = made(inputs, config())
    assert found.listing.rows.schema.equals(artefacts.AT_RISK.schema)
    row = found.listing.rows.to_pylist()[0]
    assert row["list_id"] == found.listing.list_id
    told = {name: value for name, value in row.items() if value is not None and name != "list_id"}
    assert told == {
        "rank": 1,
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
        "silent_since": "26 days, usually every 4",
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


def test_who_is_to_be_put_right_is_told_all_that_went_wrong() -> None:
    inputs = given(
        "customer | open_cases\n a | 1",
        reasons=reasons(("a", 1, "recency", "last visit 26 days ago", False)),
        happenings=happenings(("a", "resolution", "1 complaint still open, 9 days old")),
    )
    row = made(inputs, config()).listing.rows.to_pylist()[0]
    assert row["reason_1"] == "1 complaint still open, 9 days old"
    assert row["reason_2"] == "last visit 26 days ago"
    assert (row["action_name"], row["budget"]) == ("mend", None)


def test_a_customer_of_whom_nothing_is_known_is_listed_all_the_same() -> None:
    inputs = given("customer | expected_loss\n a | 100")
    empty = inputs.tables.purchase_rhythm.iloc[:0]
    told = CustomerTables(**{**vars(inputs.tables), "habits": empty})
    row = made(
        WorklistInputs(told, *list(vars(inputs).values())[1:]), config()
    ).listing.rows.to_pylist()[0]
    assert (row["silent_since"], row["reason_1"], row["name"]) == (None, None, None)


def test_the_same_rows_have_the_same_id_and_others_another() -> None:
    one, again = made(given(FOUR), config()), made(given(FOUR), config())
    other = made(given(FOUR), config(capacity=2))
    assert one.listing.list_id == again.listing.list_id != other.listing.list_id
    assert one.listing.list_id.startswith("2026-11-22-")


def test_the_list_before_says_who_is_new_and_who_dropped_off(tmp_path: Path) -> None:
    then = made(given(FOUR.replace("0.6", "0.9")), config()).listing
    stage_write.write_list(then, tmp_path)
    atomic.write_json(tmp_path / "manifest.json", then.summary() | {"as_of": "2026-11-21"})
    later = given(
        """
        customer | expected_loss | open_cases | churn_probability | do_not_contact
        a        |            10 |            |               0.5 |
        b        |            90 |            |               0.5 | yes
        d        |            90 |            |               0.6 |
        e        |            80 |            |               0.6 |
        """
    )
    found = made(later, config(), before=tmp_path).listing
    assert dict(zip(*(found.rows[name].to_pylist() for name in ("customer_id", "change")),
                    strict=True)) == {"a": "same", "d": "better", "e": "new"}  # fmt: skip
    assert [(one["customer_id"], one["lane"], one["why"]) for one in found.dropped.to_pylist()] == [
        ("b", "excluded", "opted_out"),
        ("c", "", "unwatched"),
    ]
    assert found.previous is not None
    assert found.previous.stability == 0.5


@pytest.mark.parametrize(
    ("chance", "code"),
    [
        (1.0, "very_high"),
        (0.6, "very_high"),
        (0.59, "high"),
        (0.3, "high"),
        (0.15, "raised"),
        (0.1, "low"),
        (0.0, "low"),
    ],
)
def test_the_risk_word(chance: float, code: str) -> None:
    assert risk_level(chance) == code


@pytest.mark.parametrize(
    ("days", "gap", "words"),
    [
        (26.0, 4.0, "26 days, usually every 4"),
        (1.0, 1.2, "1 day, usually every day"),
        (0.2, None, "less than a day"),
        (1200.0, 2.5, "1,200 days, usually every 3"),
        (None, 3.0, None),
    ],
)
def test_silence_in_words(days: float | None, gap: float | None, words: str | None) -> None:
    assert silence_text(days, gap, ENGLISH) == words


@pytest.mark.parametrize(
    ("label", "words"),
    [
        ({"rule": "silence"}, "buy nothing in the next 90 days"),
        ({"rule": "silence", "kinds": ["visit", "purchase"]}, "show no visit or purchase in the"),
        ({"rule": "cancel", "horizon_days": 30}, "end their last contract in the next 30 days"),
        ({"rule": "silence", "gap_days": 7}, "buy nothing from day 8 on, within 90 days"),
    ],
)
def test_leaving_in_words(label: dict[str, Any], words: str) -> None:
    assert target.churn_description(sections.ChurnLabel(**label), ENGLISH).startswith(words)


def test_each_owner_has_a_workbook_and_a_digest_of_their_own(tmp_path: Path) -> None:
    rows = "customer | expected_loss | owner\n a | 90 | Ada\n b | 80 | Bo/../x\n c | 70 |"
    found = made(given(rows), config())
    (tmp_path / "digest-former.html").write_bytes(b"")
    stage_write.write_result(found, tmp_path)
    names = {one.name for one in tmp_path.iterdir()}
    named = atomic.read_json(tmp_path / "summary.json")["files"]
    assert names == {*named, "held_out.parquet", "lanes.parquet", "summary.json"}
    digests = sorted(name for name in named if name.startswith("digest-"))
    assert [name.rpartition("-")[0] for name in digests] == ["digest-ada", "digest-bo-x", "digest"]
    assert not any("/" in name or ".." in name for name in named)


def test_the_stage_writes_the_same_bytes_twice(tmp_path: Path) -> None:
    for name in ("one", "two"):
        stage_write.write_result(made(given(FOUR), config()), tmp_path / name)
    one, two = (
        {path.name: path.read_bytes() for path in (tmp_path / name).iterdir()}
        for name in ("one", "two")
    )
    assert one == two
    summary = atomic.read_json(tmp_path / "one" / "summary.json")
    assert summary["counts"] == {"watched": 4, "listed": 4}
    assert summary["notes"] == SUMMARY["banners"]


def test_contact_data_stands_in_the_list_only(tmp_path: Path) -> None:
    contacts = [{"customer_id": "a", "name": "Canary Nightingale"}]
    stage_write.write_result(made(given(FOUR, contacts), config()), tmp_path)
    assert b"Canary" in (tmp_path / "at_risk.csv").read_bytes()
    for name in ("summary.json", "held_out.parquet", "lanes.parquet"):
        assert b"Canary" not in (tmp_path / name).read_bytes()


def test_the_timeline_holds_listed_customers_only() -> None:
    rows = [
        {"customer_id": who, "place": 1, "day": AS_OF, "kind": "visit", "text": "", "tone": "plain"}
        for who in ("a", "b")
    ]
    inputs = given(
        "customer | expected_loss\n a | 90\n b | 0",
        timeline=pa.Table.from_pylist(rows, schema=artefacts.TIMELINE.schema),
    )
    assert made(inputs, config()).listing.timeline["customer_id"].to_pylist() == ["a"]


def test_a_list_reads_back_as_it_was_written(tmp_path: Path) -> None:
    found = made(given(FOUR), config()).listing
    (tmp_path / "list.csv").write_bytes(to_csv.content(found))
    read = to_csv.read(tmp_path / "list.csv")
    assert read["customer_id"].equals(found.rows["customer_id"])
    assert read["net_gain"].equals(found.rows["net_gain"])
