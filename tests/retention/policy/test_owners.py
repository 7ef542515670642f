"""Whose a customer is, and who does the work of those who are away."""

import datetime as dt
from typing import Any

import pandas as pd
import pytest

from retention.core.errors import BadParams
from retention.policy import owners as people
from tests.support.policies import AS_OF, policy


def away(first: int, last: int, cover: str) -> dict[str, Any]:
    """From and to days from as_of."""
    days = [(AS_OF + dt.timedelta(days=one)).isoformat() for one in (first, last)]
    return {"away": [{"first": days[0], "last": days[1], "cover": cover}]}


def owned(owners: dict[str, Any], *named: str | None, nobody: str | None = None) -> list[Any]:
    """(owner, covered_for) of customers whose owners are named."""
    seen = pd.DataFrame({"owner": pd.Series(named, dtype="str")})
    found = people.assign_owners(seen, policy(owners=owners, nobody=nobody), AS_OF)
    return [tuple(row) for row in found.astype(object).where(found.notna(), None).to_numpy()]


def test_a_customer_is_the_owners_or_nobodys() -> None:
    assert owned({}, "Anna", None, " ", " Bert ") == [
        ("Anna", None), (None, None), (None, None), ("Bert", None),
    ]  # fmt: skip
    assert owned({}, "Anna", None, "", nobody="desk") == [
        ("Anna", None), ("desk", None), ("desk", None),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("first", "last", "gone"), [(0, 0, True), (-3, 0, True), (1, 5, False), (-5, -1, False)]
)
def test_who_is_away_on_the_day_both_ends_included_is_covered(
    first: int, last: int, gone: bool
) -> None:
    found = owned({"Anna": away(first, last, "Bert")}, "Anna", "Bert")
    assert found == [("Bert", "Anna") if gone else ("Anna", None), ("Bert", None)]


def test_a_cover_who_is_away_is_covered_in_turn() -> None:
    owners = {"Anna": away(0, 0, "Bert"), "Bert": away(0, 0, "Cleo")}
    assert owned(owners, "Anna", "Bert", "Cleo") == [
        ("Cleo", "Anna"), ("Cleo", "Bert"), ("Cleo", None),
    ]  # fmt: skip


def test_nobodys_desk_may_be_away_too() -> None:
    assert owned({"desk": away(0, 0, "Anna")}, None, nobody="desk") == [("Anna", "desk")]


def test_covers_that_lead_in_a_circle_are_refused_by_name_on_that_day_only() -> None:
    owners = {"Dora": away(0, 0, "Anna"), "Anna": away(0, 0, "Bert"), "Bert": away(0, 0, "Anna")}
    with pytest.raises(BadParams, match=r"policy.owners: .*2026-11-22.*: Anna -> Bert -> Anna"):
        owned(owners, "Cleo")
    with pytest.raises(BadParams, match="Anna -> Anna"):
        owned({"Anna": away(0, 0, "Anna")})
    assert owned({"Anna": away(1, 2, "Anna")}, "Anna") == [("Anna", None)]


def test_capacity_is_of_who_has_one() -> None:
    rules = policy(owners={"Anna": {"capacity": 0}, "Bert": {}, "Cleo": {"capacity": 9}})
    assert people.owner_capacities(rules) == {"Anna": 0, "Cleo": 9}
