"""The ledger of assignments: an arm is for the campaign's length, and nothing is changed."""

import datetime as dt
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd
import pyarrow as pa
import pytest

from retention.core import artefacts
from retention.core.errors import BadInput
from retention.core.storage import atomic
from retention.ledgers import assignments
from retention.ledgers.assignments import read_all
from retention.worklist import enrolment, to_csv
from retention.worklist.model import Listing
from tests.support import campaigns, documents
from tests.support.campaigns import CAMPAIGN, COMPANY, FIRST, assignment, enter

LIST, OTHER = "2026-03-02-0123456789ab", "2026-03-30-ba9876543210"
LATER = FIRST + dt.timedelta(days=28)
BOTH = [
    assignment("a", "contact"),
    assignment("b", "holdout"),
    assignment("c", "contact", theme=None),
]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "ledgers" / "assignments"


def arms_on(folder: Path, day: dt.date, days: int = 180) -> dict[str, str]:
    in_force = assignments.active_assignments(folder, COMPANY, CAMPAIGN, day, days)
    return dict(zip(in_force["customer_id"], in_force["arm"], strict=True))


def held_on(folder: Path, day: dt.date, **other: str) -> frozenset[str]:
    return in_arm_on(folder, "holdout", day, **other)


def in_arm_on(folder: Path, arm: str, day: dt.date, **other: str) -> frozenset[str]:
    campaign_keys = {"company": COMPANY, "campaign": CAMPAIGN} | other
    return assignments.customers_in_arm(folder, arm, as_of=day, campaign_days=180, **campaign_keys)


def test_what_is_entered_is_read_again_with_both_clocks(folder: Path) -> None:
    before = pd.Timestamp.now(dt.UTC)
    assert enter(folder, LIST, BOTH) == 3
    written = read_all(folder)
    assert list(written["customer_id"]) == ["a", "b", "c"]
    first = written.iloc[0]
    assert (first["as_of"], first["list_id"]) == (pd.Timestamp(FIRST), LIST)
    assert before <= first["entered_at"] <= pd.Timestamp.now(dt.UTC)
    assert first[list(BOTH[0])].to_dict() == BOTH[0]
    assert written["theme"].isna().tolist() == [False, False, True]


def test_a_draw_has_its_day_and_files_from_before_are_read_without_one(folder: Path) -> None:
    enter(folder, LIST, BOTH)
    [path] = folder.iterdir()
    content = atomic.read_json(path)
    assert content.pop("drawn_on") == FIRST.isoformat()
    assert set(read_all(folder)["drawn_on"]) == {pd.Timestamp(FIRST)}
    atomic.remove(path)
    assignments.write(folder, content)
    assert read_all(folder)["drawn_on"].isna().all()
    assert in_arm_on(folder, "contact", LATER) == {"a", "c"}


def test_each_draw_counts_a_customer_once(folder: Path) -> None:
    for list_id, as_of, drawn_on in (
        ("l1", FIRST, FIRST),
        ("l2", LATER, FIRST),
        ("l3", LATER + dt.timedelta(days=28), LATER),
    ):
        enter(folder, list_id, [assignment("a", "contact")], as_of, 10, drawn_on)
    assert assignments.first_of_each_draw(read_all(folder))["list_id"].to_list() == ["l1", "l3"]


def test_without_a_ledger_nobody_is_assigned(folder: Path) -> None:
    assert read_all(folder).empty
    assert arms_on(folder, FIRST) == {}
    assert held_on(folder, FIRST) == frozenset()


def test_the_same_list_again_does_nothing(folder: Path) -> None:
    enter(folder, LIST, BOTH)
    [path] = folder.iterdir()
    content = path.read_bytes()
    assert enter(folder, LIST, [*BOTH, assignment("d", "contact")]) == 0
    assert [*folder.iterdir()] == [path]
    assert (path.read_bytes(), path.stat().st_mode & 0o777) == (content, 0o444)


def test_only_the_first_list_of_a_campaign_assigns(folder: Path) -> None:
    enter(folder, LIST, BOTH)
    assert (
        enter(folder, OTHER, [assignment("a", "holdout"), assignment("d", "contact")], LATER) == 1
    )
    assert arms_on(folder, LATER) == {
        "a": "contact",
        "b": "holdout",
        "c": "contact",
        "d": "contact",
    }


def test_a_list_that_brings_nobody_new_leaves_no_file(folder: Path) -> None:
    enter(folder, LIST, BOTH)
    assert enter(folder, OTHER, BOTH, LATER) == 0
    assert len([*folder.iterdir()]) == 1


def test_when_its_time_is_over_a_customer_may_be_assigned_again(folder: Path) -> None:
    enter(folder, LIST, BOTH)
    over = FIRST + dt.timedelta(days=180)
    assert set(arms_on(folder, over - dt.timedelta(days=1))) == {"a", "b", "c"}
    assert arms_on(folder, over) == {}
    assert enter(folder, "2026-08-29-000000000000", BOTH[:1], over) == 1
    assert len(read_all(folder)) == 4


def test_the_held_out_stay_so_from_the_day_after_until_the_end(folder: Path) -> None:
    enter(folder, LIST, BOTH)
    assert held_on(folder, FIRST) == frozenset(), "its own list draws them itself"
    assert held_on(folder, FIRST + dt.timedelta(days=1)) == {"b"}
    assert held_on(folder, FIRST + dt.timedelta(days=179)) == {"b"}
    assert held_on(folder, FIRST + dt.timedelta(days=180)) == frozenset()
    assert held_on(folder, LATER, campaign="spring") == frozenset()
    assert held_on(folder, LATER, company="another") == frozenset()


@pytest.mark.parametrize(
    "damage", [('"contact"', '"holdout"'), ("{", ""), ('"assignments"', '"rows"')]
)
def test_a_changed_file_is_refused(folder: Path, damage: tuple[str, str]) -> None:
    enter(folder, LIST, BOTH)
    [path] = folder.iterdir()
    atomic.write_text(path, path.read_text(encoding="utf-8").replace(*damage, 1))
    with pytest.raises(BadInput, match="restore it from a backup"):
        read_all(folder)


def test_a_customer_can_be_erased_and_the_rest_stays(folder: Path) -> None:
    enter(folder, LIST, BOTH)
    enter(folder, OTHER, [assignment("d", "contact")], LATER)
    before = read_all(folder)
    assert assignments.erase(folder, "b") == 1
    assert assignments.erase(folder, "b") == 0
    remaining = before[before["customer_id"] != "b"].reset_index(drop=True)
    pd.testing.assert_frame_equal(read_all(folder), remaining)
    assert b'"b"' not in b"".join(path.read_bytes() for path in folder.iterdir())
    assert assignments.erase(folder, "d") == 1
    assert enter(folder, OTHER, [assignment("e", "contact")], LATER) == 0, "it is entered already"


# Who enters by a published list


@pytest.fixture
def source(
    tmp_path: Path, make_listing: Callable[..., Listing], monkeypatch: pytest.MonkeyPatch
) -> Path:
    """What stage at_risk leaves: `a` to contact, `f` to fix first, `h` held out."""
    monkeypatch.chdir(tmp_path)
    folder = artefacts.AT_RISK.path.parent
    rows: list[dict[str, Any]] = [
        {
            "customer_id": "a",
            "lane": "contact",
            "why": "chosen",
            "action_name": "gesture",
            "channel": "sms",
        },
        {"customer_id": "f", "lane": "fix_first", "why": "open_case", "action_name": "call"},
    ]
    atomic.write_bytes(folder / "at_risk.csv", to_csv.content(make_listing(rows)))
    held = {
        "customer_id": "h",
        "campaign": CAMPAIGN,
        "propensity": 0.9,
        "as_of": FIRST,
        "play": "call",
    }
    artefacts.HELD_OUT.write(pa.Table.from_pylist([held], artefacts.HELD_OUT.schema))
    lanes = [
        {
            "customer_id": who,
            "lane": lane,
            "why": "",
            "churn_probability": 0.4,
            "expected_loss": 30.0,
            "net_gain": None,
            "passed": False,
        }
        for who, lane in (("a", "contact"), ("f", "fix_first"), ("h", "excluded"))
    ]
    artefacts.LANES.write(pa.Table.from_pylist(lanes, artefacts.LANES.schema))
    reasons = [
        {"customer_id": who, "rank": rank, "theme": theme}
        for who, rank, theme in (("a", 1, "billing"), ("a", 2, "rhythm"), ("h", 1, "trend"))
    ]
    artefacts.REASONS.write(pa.Table.from_pylist(reasons, artefacts.REASONS.schema))
    return folder


def test_both_arms_of_a_published_list_enter_and_nobody_else(source: Path, folder: Path) -> None:
    manifest = documents.list_manifest(list_id=LIST, company=COMPANY, as_of=FIRST)
    params = campaigns.params_with(at_risk={"holdout_share": 0.1})
    assert enrolment.enrol(source, manifest, params, folder) == 2
    assert enrolment.enrol(source, manifest, params, folder) == 0
    written = read_all(folder).set_index("customer_id")
    assert list(written.index) == ["a", "h"]
    assert written["arm"].to_dict() == {"a": "contact", "h": "holdout"}
    assert written["propensity"].to_dict() == {"a": 0.9, "h": 0.9}
    assert written["theme"].to_dict() == {"a": "billing", "h": "trend"}
    assert written[["cost", "offer"]].to_numpy().tolist() == [[1.0, 5.0], [4.0, 0.0]]
    assert written["channel"].fillna("nobody").to_dict() == {"a": "sms", "h": "nobody"}
