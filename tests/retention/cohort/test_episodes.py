"""Episodes of contracts and chains of episodes: when somebody was a customer by contract."""

import pytest

from retention.cohort.episodes import contract_chains, contract_episodes
from retention.core import point_in_time
from retention.core.point_in_time import Frame
from tests.support import engines, histories

TODAY = histories.SNAPSHOT
Days = tuple[int, int | None]


def past_of(table: str, snapshot: int = TODAY + 1000) -> Frame:
    return point_in_time.as_known_at(engines.frame(histories.events(table)), snapshot)


def episodes(table: str) -> dict[str, list[Days]]:
    """The episodes of each customer, first and end day from the snapshot; all its contracts."""
    days: dict[str, list[Days]] = {}
    for row in engines.collected(contract_episodes(past_of(table))):
        end = None if row["end_day"] is None else row["end_day"] - TODAY
        days.setdefault(row["customer_id"], []).append((row["start_day"] - TODAY, end))
    return {customer: sorted(rows, key=lambda row: row[0]) for customer, rows in days.items()}


def of_contract(*changes: tuple[str, int, int]) -> list[Days]:
    """The episodes of a contract by its starts (S) and cancels (C): kind, day, minute."""
    names = {"S": "start", "C": "cancel"}
    lines = [f"anna | {names[kind]} | A | {day} | {minute}" for kind, day, minute in changes]
    table = "\n".join(["customer | kind | contract | day | minute", *lines])
    return episodes(table).get("anna", [])


def test_a_contract_that_ends_and_starts_again_has_left_in_between() -> None:
    changes = [("S", -90, 0), ("C", 10, 0), ("S", 200, 0)]
    assert of_contract(*changes) == [(-90, 10), (200, None)]
    assert of_contract(*changes, ("C", 300, 0)) == [(-90, 10), (200, 300)]
    assert of_contract(*reversed(changes)) == [(-90, 10), (200, None)]


@pytest.mark.parametrize(
    ("changes", "expected"),
    [
        ([("C", 10, 0), ("S", 10, 0)], [(-90, None)]),
        ([("S", 10, 0), ("C", 10, 0)], [(-90, None)]),
        ([("C", 10, 0), ("S", 10, 300)], [(-90, None)]),
        ([("S", 10, 0), ("C", 10, 300)], [(-90, 10)]),
        ([("C", 10, 0), ("S", 10, 5), ("C", 10, 9)], [(-90, 10)]),
        ([("C", 10, 0), ("S", 11, 0)], [(-90, 10), (11, None)]),
    ],
    ids=["moment", "moment, listed backwards", "day", "ends that day", "twice", "next day"],
)
def test_an_end_and_a_start_on_one_day_are_no_departure(
    changes: list[tuple[str, int, int]], expected: list[Days]
) -> None:
    assert of_contract(("S", -90, 0), *changes) == expected


def test_a_renewal_and_a_second_cancel_change_nothing() -> None:
    assert of_contract(("S", -90, 0), ("S", -30, 0)) == [(-90, None)]
    assert of_contract(("S", -90, 0), ("S", -30, 0), ("C", 10, 0)) == [(-90, 10)]
    assert of_contract(("S", -90, 0), ("C", 10, 0), ("C", 15, 0)) == [(-90, 10)]
    twice = [("S", -90, 0), ("C", 10, 0), ("C", 15, 0), ("S", 20, 0)]
    assert of_contract(*twice) == [(-90, 10), (20, None)]


def test_what_was_withdrawn_or_never_began_was_never_live() -> None:
    assert of_contract(("C", -30, 0)) == []
    assert of_contract(("C", -50, 0), ("S", -40, 0)) == []
    assert of_contract(("S", -40, 0), ("C", -40, 0)) == []
    assert of_contract(("S", -40, 0), ("C", -40, 300)) == []
    assert of_contract(("C", -40, 0), ("S", -40, 300)) == []
    signed_anew = [("C", -50, 0), ("S", -40, 0), ("C", -30, 0), ("S", -20, 0)]
    assert of_contract(*signed_anew) == [(-20, None)]


def test_contracts_are_kept_apart_and_the_customer_is_the_contract_without_an_id() -> None:
    table = """
        customer | kind   | contract | day
        anna     | start  | A        | -90
        anna     | start  | B        | -80
        anna     | cancel | A        | -50
        bert     | start  | A        | -70
        carl     | start  |          | -60
        carl     | cancel |          | -40
        carl     | start  |          | -20
        dora     | pause  | A        | -15
    """
    assert episodes(table) == {
        "anna": [(-90, -50), (-80, None)],
        "bert": [(-70, None)],
        "carl": [(-60, -40), (-20, None)],
    }


def test_episodes_are_those_known_at_the_cut() -> None:
    table = """
        customer | kind   | contract | day | known
        anna     | start  | A        | -90 |
        anna     | cancel | A        | -50 |   -10
        anna     | start  | A        |  30 |
    """

    def known_at(day: int) -> list[Days]:
        rows = engines.collected(contract_episodes(past_of(table, TODAY + day)))
        ends = [row["end_day"] and row["end_day"] - TODAY for row in rows]
        return sorted(zip([row["start_day"] - TODAY for row in rows], ends, strict=True))

    assert known_at(-10) == [(-90, None)]
    assert known_at(30) == [(-90, -50)]
    assert known_at(31) == [(-90, -50), (30, None)]


def test_a_chain_is_broken_by_a_day_without_any_live_contract() -> None:
    table = """
        customer | kind   | contract | day
        restarts | start  | A        | -90
        restarts | cancel | A        |  10
        restarts | start  | A        | 200
        switches | start  | A        | -90
        switches | cancel | A        |  10
        switches | start  | B        |  10
        switches | cancel | B        |  20
        covered  | start  | A        | -90
        covered  | start  | B        | -80
        covered  | cancel | A        |  10
        covered  | start  | A        |  30
        covered  | cancel | B        |  40
        covered  | cancel | A        |  50
    """
    chains: dict[str, list[Days]] = {}
    for row in engines.collected(contract_chains(past_of(table))):
        ends_on = row["ends_on"] - TODAY
        days = (row["begins"] - TODAY, ends_on if ends_on < 1000 else None)
        chains.setdefault(row["customer_id"], []).append(days)
    assert {who: sorted(days, key=lambda day: day[0]) for who, days in chains.items()} == {
        "restarts": [(-90, 10), (200, None)],
        "switches": [(-90, 20)],
        "covered": [(-90, 50)],
    }
