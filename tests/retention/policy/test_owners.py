"""The owner of a customer, and who substitutes for owners who are away."""

import datetime as dt
from typing import Any

import pandas as pd
import pytest

from retention.core.errors import BadParams
from retention.policy.owners import assign_owners, owner_capacities
from tests.support.policies import AS_OF, policy


def away(first: int, last: int, cover: str) -> dict[str, Any]:
    """From and to days from as_of."""
    days = [(AS_OF + dt.timedelta(days=offset)).isoformat() for offset in (first, last)]
    return {"away": [{"first": days[0], "last": days[1], "cover": cover}]}


def owned(owners: dict[str, Any], *named: str | None, nobody: str | None = None) -> list[Any]:
    """(owner, covered_for) of customers whose owners are named."""
    customers = pd.DataFrame({"owner": pd.Series(named, dtype="str")})
    owned_by = assign_owners(customers, policy(owners=owners, nobody=nobody), AS_OF)
    return [tuple(row) for row in owned_by.astype(object).where(owned_by.notna(), None).to_numpy()]


def test_a_customer_is_the_owners_or_nobodys() -> None:
    assert owned({}, "Anna", None, " ", " Bert ") == [
        ("Anna", None),
        (None, None),
        (None, None),
        ("Bert", None),
    ]
    assert owned({}, "Anna", None, "", nobody="desk") == [
        ("Anna", None),
        ("desk", None),
        ("desk", None),
    ]


@pytest.mark.parametrize(
    ("first", "last", "gone"), [(0, 0, True), (-3, 0, True), (1, 5, False), (-5, -1, False)]
)
def test_who_is_away_on_the_day_both_ends_included_is_covered(
    first: int, last: int, gone: bool
) -> None:
    owned_by = owned({"Anna": away(first, last, "Bert")}, "Anna", "Bert")
    assert owned_by == [("Bert", "Anna") if gone else ("Anna", None), ("Bert", None)]


def test_a_cover_who_is_away_is_covered_in_turn() -> None:
    owners = {"Anna": away(0, 0, "Bert"), "Bert": away(0, 0, "Cleo")}
    assert owned(owners, "Anna", "Bert", "Cleo") == [
        ("Cleo", "Anna"),
        ("Cleo", "Bert"),
        ("Cleo", None),
    ]


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
    policy_params = policy(owners={"Anna": {"capacity": 0}, "Bert": {}, "Cleo": {"capacity": 9}})
    assert owner_capacities(policy_params) == {"Anna": 0, "Cleo": 9}
