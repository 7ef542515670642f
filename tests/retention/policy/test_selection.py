"""Selection under limits: the optimum, with ties broken by the written rule."""

import itertools
from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.policy import selection
from retention.policy.selection import Limit, ShadowPrice
from tests.support import histories
from tests.support.policies import policy

CAPACITY = 3


def options(text: str) -> pd.DataFrame:
    """Options from a table: customer, play, channel, gain, price, spend, owner; ranked as met."""
    rows = histories.rows(text)
    ids = list(dict.fromkeys(row["customer"] for row in rows))
    parsed = [
        {
            "customer_id": row["customer"],
            "play": row.get("play") or "call",
            "channel": row.get("channel") or "phone",
            "owner": row.get("owner"),
            "rank": ids.index(row["customer"]),
            **{name: int(row.get(name) or 0) for name in ("gain", "price", "spend")},
        }
        for row in rows
    ]
    return pd.DataFrame(parsed).astype({"owner": "str"})


def bounds(total: int = CAPACITY, budget: int | None = None, **named: int) -> tuple[Limit, ...]:
    """Limits in all, of the budget (cents), of owners (Capitalised) and of channels."""
    limits = [Limit("total", "", total)]
    limits += [Limit("owner" if n[0].isupper() else "channel", n, m) for n, m in named.items()]
    return (*limits, *([] if budget is None else [Limit("budget", "", budget)]))


def select(rivals: pd.DataFrame, limits: Sequence[Limit]) -> list[str]:
    selected = selection.select_options(rivals, limits)
    return [f"{row.customer_id} {row.play} {row.channel}" for row in selected.itertuples()]


def brute(rivals: pd.DataFrame, limits: Sequence[Limit]) -> int:
    """The greatest gain of all choices there are, tried one by one."""
    choices = [[None, *rows.index] for _, rows in rivals.groupby("customer_id")]
    use, maxima = (
        selection.usage_matrix(rivals, limits),
        np.array([limit.maximum for limit in limits]),
    )
    gains = [0]
    for picks in itertools.product(*choices):
        rows = [pick for pick in picks if pick is not None]  # the index counts from 0
        if (use[:, rows].sum(axis=1) <= maxima).all():
            gains.append(int(rivals["gain"].to_numpy()[rows].sum()))
    return max(gains)


# What is best


def test_the_most_to_gain_within_capacity() -> None:
    rivals = options("""
        customer | gain
        a        | 10
        b        | 30
        c        | 20
        d        | 5
        e        | -9
        """)
    assert select(rivals, bounds(2)) == ["b call phone", "c call phone"]
    assert len(select(rivals, bounds(9))) == 4
    assert select(rivals, bounds(0)) == []
    assert select(rivals.iloc[:0], bounds(2)) == []


def test_one_by_one_loses_where_one_large_offer_eats_the_budget_of_two() -> None:
    rivals = options("""
        customer | play     | gain | spend
        a        | discount | 6000 | 1000
        b        | discount | 5000 |  500
        c        | discount | 5000 |  500
        """)
    limits = bounds(3, budget=1000)
    assert select(rivals, limits) == ["b discount phone", "c discount phone"]
    assert selection.total_gain(selection.greedy_selection(rivals, limits)) == 6000
    assert selection.total_gain(selection.select_options(rivals, limits)) == 10000


def test_who_can_be_reached_otherwise_leaves_the_scarce_channel_to_others() -> None:
    rivals = options("""
        customer | channel | gain
        a        | phone   | 100
        a        | email   |  95
        b        | phone   |  90
        """)
    assert select(rivals, bounds(3, phone=1)) == ["a call email", "b call phone"]
    assert selection.total_gain(selection.greedy_selection(rivals, bounds(3, phone=1))) == 100


def test_an_owner_is_given_no_more_than_they_can_handle() -> None:
    rivals = options("""
        customer | owner | gain
        a        | Anna  | 50
        b        | Anna  | 40
        c        | Bert  | 10
        d        |       |  5
        """)
    assert select(rivals, bounds(9, Anna=1)) == ["a call phone", "c call phone", "d call phone"]
    assert select(rivals, bounds(9, Anna=0, Bert=0)) == ["d call phone"]


LIMITS = st.fixed_dictionaries(
    {
        "total": st.integers(0, 5),
        "budget": st.none() | st.integers(0, 40),
        "Anna": st.integers(0, 3),
        "phone": st.integers(0, 3),
    }
)
OPTION = st.fixed_dictionaries(
    {
        "customer_id": st.sampled_from("abcdef"),
        "channel": st.sampled_from(["phone", "email"]),
        "gain": st.integers(-5, 30),
        "price": st.integers(0, 3),
        "spend": st.sampled_from([0, 0, 7, 13, 20]),
    }
)


@given(st.lists(OPTION, max_size=12), LIMITS)
@settings(max_examples=60, deadline=None, derandomize=True)
def test_it_is_the_best_of_all_choices_and_keeps_every_limit(
    option_rows: list[dict[str, Any]], limited: dict[str, Any]
) -> None:
    columns = ["customer_id", "channel", "gain", "price", "spend"]
    rivals = pd.DataFrame(option_rows, columns=columns).sort_values(
        "customer_id", ignore_index=True
    )
    rivals["rank"] = rivals["customer_id"].map("abcdef".index)
    rivals["owner"] = rivals["customer_id"].map(
        {"a": "Anna", "b": "Anna", "c": "Anna", "d": "Bert"}
    )
    rivals["play"] = "call"
    limits = bounds(**limited)
    selected = selection.select_options(rivals, limits)
    greedy = selection.greedy_selection(rivals, limits)
    for rows in (selected, greedy):
        assert not rows["customer_id"].duplicated().any()
        assert (
            selection.usage_matrix(rows, limits).sum(axis=1) <= [each.maximum for each in limits]
        ).all()
    assert selection.total_gain(selected) == brute(rivals, limits) >= selection.total_gain(greedy)
    for price, limit in (
        (price, each) for price in selection.shadow_prices(rivals, limits) for each in limits
    ):
        if (price.kind, price.name) == (limit.kind, limit.name):
            more = [each.raised() if each == limit else each for each in limits]
            assert round(price.worth * 100) == brute(rivals, more) - brute(rivals, limits)


# Equals


def test_of_equal_gain_the_cheaper_then_the_first() -> None:
    rivals = options("""
        customer | play  | gain | price | spend
        a        | dear  |  100 |    50 |    50
        a        | cheap |  100 |    20 |    20
        a        | last  |  100 |    20 |    20
        """)
    assert select(rivals, bounds(3)) == ["a cheap phone"]
    assert select(rivals, bounds(3, budget=90, phone=3)) == ["a cheap phone"]


@pytest.mark.parametrize("order", list(itertools.permutations(range(4))))
def test_of_equals_those_who_rank_higher_in_whatever_order_they_come(
    order: tuple[int, ...],
) -> None:
    rivals = options("""
        customer | gain
        a        | 10
        b        | 10
        c        | 10
        d        | 10
        """)
    assert select(rivals.iloc[list(order)], bounds(2)) == ["a call phone", "b call phone"]


def test_of_equals_the_higher_only_where_the_limits_allow_it() -> None:
    rivals = options("""
        customer | owner | gain
        a        | Anna  | 10
        b        | Anna  | 10
        c        | Bert  | 10
        d        | Bert  | 10
        e        | Bert  | 11
        """)
    expected = ["a call phone", "c call phone", "e call phone"]
    assert select(rivals, bounds(3, Anna=1, Bert=2)) == expected


def test_equals_among_many_are_settled_by_rank() -> None:
    ids = [f"c{n:04d}" for n in range(3000)]
    rivals = pd.DataFrame({"customer_id": ids, "gain": 500, "price": 0, "spend": 0})
    rivals = rivals.assign(channel="phone", owner="Anna", play="call", rank=range(3000))
    assert list(selection.select_options(rivals, bounds(700))["customer_id"]) == ids[:700]


# Limits and what they cost


def test_a_limit_is_worth_what_a_fifth_more_of_it_would_bring() -> None:
    anna = [f"c{n:02d} | {1000 - n} | Anna" for n in range(10)]
    bert = [f"d{n} | 90 | Bert" for n in range(9)]
    rivals = options("\n".join(["customer | gain | owner", *anna, *bert]))
    limits = bounds(10, Anna=5, Bert=9)
    assert selection.shadow_prices(rivals, limits) == (
        ShadowPrice("", "total", 10, 2, 1.80),
        ShadowPrice("Anna", "owner", 5, 1, 9.05),
    )


def test_a_limit_that_leaves_room_or_holds_nothing_back_is_not_told() -> None:
    rivals = options("customer | gain | spend\na | 100 | 50\nb | 100 | 50")
    assert selection.shadow_prices(rivals, bounds(9, budget=100, phone=2)) == ()
    assert selection.shadow_prices(rivals, bounds(9, budget=60)) == (
        ShadowPrice("", "budget", 0.6, 1.0, 1.0),
    )
    assert selection.shadow_prices(rivals.iloc[:0], bounds(1)) == ()


def test_the_limits_are_those_of_the_policy() -> None:
    policy_params = policy(owners={"Anna": {"capacity": 5}}, channels={"phone": 7}, budget=10.5)
    limits = selection.policy_limits(policy_params, 200, spent=250)
    assert limits == bounds(200, budget=800, Anna=5, phone=7)
    assert [limit.maximum for limit in selection.relax_for_holdout(limits, 0.2)] == [
        250,
        6,
        9,
        1000,
    ]
    assert selection.relax_for_holdout(limits, 0.0) == limits
    assert selection.policy_limits(policy_params, 1, spent=2000)[-1].maximum == 0
    assert selection.policy_limits(policy(), 3) == bounds(3)
