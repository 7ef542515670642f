"""Past randomised assignments: from our lists, from events, and aligned to snapshots."""

import datetime as dt
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from retention.core import point_in_time
from retention.experiments import assignment_history
from retention.ledgers import outcomes
from tests.support import campaigns, engines, histories
from tests.support.campaigns import COMPANY, FIRST, assignment, enter

LIST, OTHER = "2026-03-02-0123456789ab", "2026-03-30-ba9876543210"
LATER = FIRST + dt.timedelta(days=28)
DAY = histories.SNAPSHOT


def rows(assigned: pa.Table) -> list[tuple[Any, ...]]:
    """customer_id, occurred_day, treatment, propensity."""
    return sorted(tuple(row.values())[:4] for row in assigned.to_pylist())


# What events tell


def from_events(table: str, as_of: int = 100) -> list[tuple[str, int, str | None, float]]:
    """customer_id, days from the snapshot, treatment, propensity."""
    history = point_in_time.as_known_at(engines.frame(histories.events(table)), DAY + as_of)
    assigned = assignment_history.assignments_from_events(history, engines.duck())
    assert assigned.schema == assignment_history.ASSIGNED
    return sorted(
        (row["customer_id"], row["occurred_day"] - DAY, row["treatment"], row["propensity"])
        for row in assigned.to_pylist()
    )


def test_a_day_on_which_some_are_held_out_and_some_are_not_is_a_lot() -> None:
    table = """
        customer | kind     | day | treatment
        anna     | outreach |   3 | holdout
        bert     | outreach |   3 | call
        cleo     | outreach |   3 | letter
        dora     | outreach |   3 | call
        emil     | outreach |   9 | holdout
        finn     | outreach |   9 | call
        gwen     | purchase |   3 |
        """
    assert from_events(table) == [
        ("anna", 3, "holdout", 0.75),
        ("bert", 3, "call", 0.75),
        ("cleo", 3, "letter", 0.75),
        ("dora", 3, "call", 0.75),
        ("emil", 9, "holdout", 0.5),
        ("finn", 9, "call", 0.5),
    ]


def test_the_chance_of_each_treatment_is_its_share_of_the_day() -> None:
    table = pd.DataFrame(
        [(3, "holdout"), (3, "call"), (3, "letter"), (3, "call"), (9, "holdout"), (9, "call")],
        columns=["occurred_day", "treatment"],
    )
    shares = assignment_history.treatment_shares(table)
    assert shares.loc[3].to_dict() == {"call": 0.5, "holdout": 0.25, "letter": 0.25}
    assert shares.loc[9].to_dict() == {"call": 0.5, "holdout": 0.5, "letter": 0.0}


def test_an_outreach_that_says_nothing_of_its_treatment_is_a_contact() -> None:
    table = """
        customer | kind     | day | treatment
        anna     | outreach |   3 | holdout
        bert     | outreach |   3 |
        """
    assert from_events(table) == [("anna", 3, "holdout", 0.5), ("bert", 3, "contact", 0.5)]


@pytest.mark.parametrize("both", ["call", "holdout"])
def test_a_day_of_one_arm_is_no_lot(both: str) -> None:
    table = f"""
        customer | kind     | day | treatment
        anna     | outreach |   3 | {both}
        bert     | outreach |   3 | {both}
        """
    assert from_events(table) == []


def test_what_staff_entered_from_our_lists_is_no_lot() -> None:
    table = f"""
        customer | kind     | day | treatment | source
        anna     | outreach |   3 | holdout   | shop
        bert     | outreach |   3 | call      | {outcomes.SOURCE}
        """
    assert from_events(table) == []


def test_a_lot_that_was_taken_back_never_was() -> None:
    table = f"""
        event | customer | kind              | day | known | treatment
        a     | anna     | outreach          |   3 |     3 | holdout
        b     | bert     | outreach          |   3 |     3 | call
        c     | cleo     | outreach          |   3 |     3 | call
        c     | cleo     | {point_in_time.WITHDRAWN} |   3 |    20 |
        """
    assert [who for who, *_ in from_events(table, as_of=20)] == ["anna", "bert", "cleo"]
    assert from_events(table, as_of=21) == [("anna", 3, "holdout", 0.5), ("bert", 3, "call", 0.5)]


def test_without_an_outreach_there_is_no_lot() -> None:
    assert from_events("customer | kind | day\nanna | purchase | 3") == []


def test_who_is_met_twice_on_a_day_counts_once_and_as_met() -> None:
    table = """
        customer | kind     | day | treatment
        anna     | outreach |   3 | holdout
        bert     | outreach |   3 | call
        bert     | outreach |   3 | letter
        cleo     | outreach |   3 | holdout
        cleo     | outreach |   3 | welcome
        """
    treated_and_propensity = [
        (who, done != "holdout", round(propensity, 2))
        for who, _, done, propensity in from_events(table)
    ]
    assert treated_and_propensity == [
        ("anna", False, 0.67),
        ("bert", True, 0.67),
        ("cleo", True, 0.67),
    ]


# Our own lists


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "ledgers" / "assignments"


def test_both_arms_of_our_lists_are_lots_on_their_day(folder: Path) -> None:
    enter(
        folder,
        LIST,
        [assignment("a", "contact", propensity=0.9), assignment("b", "holdout", propensity=0.9)],
    )
    enter(folder, OTHER, [assignment("c", "holdout")], LATER)
    first = point_in_time.day_number(FIRST)
    assigned = assignment_history.assignments_from_lists(folder, COMPANY, first + 100)
    assert assigned.schema == assignment_history.ASSIGNED
    assert rows(assigned) == [
        ("a", first, "contact", 0.9),
        ("b", first, "holdout", 0.9),
        ("c", first + 28, "holdout", 0.5),
    ]


def test_lists_of_the_day_itself_and_of_others_do_not_count(folder: Path) -> None:
    enter(folder, LIST, [assignment("a", "contact")])
    enter(folder, OTHER, [assignment("b", "holdout")], LATER)
    later = point_in_time.day_number(LATER)
    assert [
        row[0] for row in rows(assignment_history.assignments_from_lists(folder, COMPANY, later))
    ] == ["a"]
    assert [
        row[0]
        for row in rows(assignment_history.assignments_from_lists(folder, COMPANY, later + 1))
    ] == [
        "a",
        "b",
    ]
    assert (
        rows(assignment_history.assignments_from_lists(folder, "Hill Lane Bakery", later + 1)) == []
    )


def test_without_a_ledger_there_are_no_assignments(folder: Path) -> None:
    assigned = assignment_history.assignments_from_lists(folder, campaigns.COMPANY, 30_000)
    assert (assigned.schema, len(assigned)) == (assignment_history.ASSIGNED, 0)


def test_a_play_is_compared_with_those_held_out_from_it(folder: Path) -> None:
    """Nobody who is held out has an event of that: the ledger knows of them."""
    enter(
        folder,
        LIST,
        [
            assignment("a", "contact", play="plan", propensity=0.9),
            assignment("b", "holdout", play="plan", propensity=0.9),
            assignment("c", "holdout", play="call", propensity=0.9),
            assignment("d", "contact", play="plan", propensity=1.0),
        ],
    )
    first = point_in_time.day_number(FIRST)
    plays = assignment_history.plays_from_lists(folder, COMPANY, first + 1, ["plan"])
    assert list(plays.columns) == list(assignment_history.ASSIGNED_PLAYS)
    assert plays.to_numpy().tolist() == [
        ["a", first, "plan", 1.0, 0.9],
        ["b", first, "plan", 0.0, 0.9],
    ]
    assert assignment_history.plays_from_lists(folder, COMPANY, first, ["plan"]).empty


def test_a_play_of_an_experiment_has_its_chance_among_itself_and_nothing() -> None:
    """Of day 3 one in two calls, one in four letters; on day 9 there are no letters."""
    days = [(3, "holdout"), (3, "call"), (3, "letter"), (3, "call"), (9, "holdout"), (9, "call")]
    recorded = pd.DataFrame(days, columns=["occurred_day", "treatment"])
    recorded = recorded.assign(customer_id=list("abcdae"), propensity=0.75)
    plays = assignment_history.plays_from_events(recorded, ["call", "letter", "visit"])
    rows_of = {play: rows.to_numpy().tolist() for play, rows in plays.groupby("play")}
    assert rows_of["letter"] == [
        ["a", 3, "letter", 0.0, 0.5],
        ["c", 3, "letter", 1.0, 0.5],
    ]
    calls = [
        (who, day, treated, round(chance, 3)) for who, day, _, treated, chance in rows_of["call"]
    ]
    assert calls == [("a", 3, 0, 0.667), ("b", 3, 1, 0.667), ("d", 3, 1, 0.667), ("e", 9, 1, 0.5)]
    assert assignment_history.plays_from_events(recorded.iloc[:0], ["call"]).empty


# At which snapshot


def placed(
    text: str, *snapshots: int, every: int = 15, window: int = 90
) -> list[tuple[str, int, float, float]]:
    """customer, snapshot, treated and propensity of assignments, in any order."""
    records = [
        {
            "customer_id": row["customer"],
            "occurred_day": int(row["day"] or 0),
            "treatment": row["treatment"],
            "propensity": float(row.get("propensity") or 0.5),
        }
        for row in histories.rows(text)
    ]
    assigned = pa.Table.from_pylist(records, schema=assignment_history.ASSIGNED).to_pandas()
    aligned, turned = (
        assignment_history.align_to_snapshots(
            history, np.array(days, dtype=np.int64), every, window
        )
        for history, days in ((assigned, snapshots), (assigned[::-1], snapshots[::-1]))
    )
    pd.testing.assert_frame_equal(aligned, turned)
    columns = ["customer_id", "day", "treated", "propensity"]
    return [tuple(row) for row in aligned[columns].itertuples(index=False)]


def test_a_lot_stands_at_the_newest_snapshot_on_or_before_it() -> None:
    text = """
        customer | day | treatment | propensity
        before   |   9 | call      | 0.5
        own day  |  10 | call      | 0.7
        between  |  19 | holdout   | 0.8
        next     |  20 | letter    | 0.5
        """
    assert placed(text, 10, 20, 30) == [
        ("between", 10, 0.0, 0.8),
        ("next", 20, 1.0, 0.5),
        ("own day", 10, 1.0, 0.7),
    ]


def test_the_first_lot_after_a_snapshot_counts_and_one_after_each() -> None:
    text = """
        customer | day | treatment
        anna     |  14 | call
        anna     |  12 | holdout
        anna     |  25 | call
        anna     |  29 | holdout
        """
    assert placed(text, 10, 20, 30) == [("anna", 10, 0.0, 0.5), ("anna", 20, 1.0, 0.5)]


def test_a_lot_after_the_labels_window_has_no_outcome() -> None:
    text = """
        customer | day | treatment
        within   |  13 | call
        beyond   |  14 | call
        """
    assert placed(text, 10, 20, window=4) == [("within", 10, 1.0, 0.5)]


def test_the_last_snapshots_lots_end_where_the_next_would_be() -> None:
    text = """
        customer | day | treatment
        last     |  44 | call
        too late |  45 | call
        """
    assert placed(text, 15, 30) == [("last", 30, 1.0, 0.5)]


def test_two_lots_of_a_day_count_once_by_their_treatment() -> None:
    text = """
        customer | day | treatment
        anna     |  12 | holdout
        anna     |  12 | call
        """
    assert placed(text, 10, 20) == [("anna", 10, 1.0, 0.5)]


def test_assignments_without_randomisation_are_left_out() -> None:
    text = """
        customer | day | treatment | propensity
        sure     |  12 | contact   | 1.0
        anna     |  12 | contact   | 1.0
        anna     |  13 | holdout   | 0.9
        """
    assert placed(text, 10, 20) == [("anna", 10, 0.0, 0.9)]


def test_a_single_snapshot_has_lots_too() -> None:
    text = """
        customer | day | treatment
        before   |   9 | call
        own day  |  10 | holdout
        after    |  24 | call
        too late |  25 | call
        """
    assert placed(text, 10) == [("after", 10, 1.0, 0.5), ("own day", 10, 0.0, 0.5)]


@pytest.mark.parametrize("snapshots", [(), (10,), (10, 20)])
def test_without_assignments_nothing_is_aligned(snapshots: tuple[int, ...]) -> None:
    assert placed("customer | day | treatment", *snapshots) == []


def test_without_a_snapshot_no_lot_has_a_place() -> None:
    assert placed("customer | day | treatment\nanna | 3 | call") == []
