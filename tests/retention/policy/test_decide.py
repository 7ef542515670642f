"""All rules together: everybody in one lane, nobody too many, no offer where none may be."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.core.params import AtRiskParams, Params, Policy
from retention.experiments import randomisation
from retention.policy import lanes, play_effects
from retention.policy.decide import COLUMNS, Decision, decide
from retention.policy.lanes import SuppressionList
from tests.support import policies
from tests.support.policies import AS_OF, frames, people, play, themes

NOTHING_SOLD = pd.DataFrame(columns=list(play_effects.COLUMNS))
BOOK = [
    play("call", save_rate=0.2, cost=5.0, channels=["phone", "email"]),
    play("voucher", type="gesture", save_rate=0.4, cost=5.0, offer_value=20.0, approval=10.0),
    play("mend", when=["late"], lane="fix_first"),
    play("any", lane="fix_first"),
    play("confirm", lane="cooling_off"),
    play("win_back", lane="gave_notice", save_rate=0.5, offer_value=30.0, when=[]),
    play("goodbye", lane="gave_notice", save_rate=0.0),
]


def config(capacity: int = 5, share: float = 0.0, **policy: Any) -> Params:
    rules = Policy.model_validate({"playbook": BOOK, **policy})
    listed = AtRiskParams(capacity=capacity, holdout_share=share)
    return policies.config(listed, rules)


def decided(rows: list[dict[str, Any]], rules: Params, erased: Sequence[str] = ()) -> Decision:
    return decide(
        *frames(rows), themes(), NOTHING_SOLD, rules, AS_OF, SuppressionList(erased=frozenset(erased))
    )


def told(made: Decision, *names: str) -> dict[str, tuple[Any, ...]]:
    """The columns named, by customer; null is None."""
    rows = made.rows.set_index("customer_id")[list(names)].astype(object)
    return {who: tuple(None if pd.isna(v) else v for v in row) for who, *row in rows.itertuples()}


def test_each_lane_is_given_its_plays() -> None:
    rows = people("""
        customer | expected_loss | open_cases | fixed_days | notice_on  | causes | churn_probability
        a        |           900 |            |            |            |        | 0.5
        b        |           100 |            |            |            |        | 0.5
        c        |           100 |          1 |            |            | late   | 0.5
        d        |           100 |          1 |            |            | rude   | 0.5
        e        |           100 |            |          2 |            |        | 0.5
        f        |           100 |            |            | 2026-11-20 |        | 0.5
        g        |           100 |          1 |            | 2026-11-20 |        | 0.5
        h        |            20 |            |            |            |        | 0.5
        i        |           100 |            |            |            |        | 0.01
        """)
    made = decided(rows, config(1, min_churn_probability=0.1))
    assert tuple(made.rows.columns) == COLUMNS
    assert told(made, "lane", "why", "play", "net_gain", "otherwise", "approval") == {
        "a": ("contact", "chosen", "voucher", 335.0, "call", True),
        "b": ("leave_alone", "below_capacity", None, None, None, False),
        "c": ("fix_first", "open_case", "mend", None, "any", False),
        "d": ("fix_first", "open_case", "any", None, None, False),
        "e": ("cooling_off", "just_fixed", "confirm", None, None, False),
        "f": ("gave_notice", "notice", "win_back", 20.0, "goodbye", False),
        "g": ("gave_notice", "notice", "goodbye", 0.0, None, False),
        "h": ("leave_alone", "not_worth_saving", None, None, None, False),
        "i": ("leave_alone", "would_stay", None, None, None, False),
    }
    assert [(one.kind, one.more, one.worth) for one in made.shadow_prices] == [("total", 1.0, 15.0)]
    assert made.counts()["leave_alone"] == {
        "below_capacity": 1, "not_worth_saving": 1, "would_stay": 1,
    }  # fmt: skip


def test_who_gave_notice_is_offered_first_and_the_rest_of_the_budget_is_for_contacts() -> None:
    rows = people("""
        customer | expected_loss | notice_on
        leaving  |           100 | 2026-11-20
        richest  |           900 |
        rich     |           800 |
        """)
    made = decided(rows, config(budget=50.0))
    assert told(made, "play", "offer") == {
        "leaving": ("win_back", 30.0), "richest": ("voucher", 20.0), "rich": ("call", 0.0),
    }  # fmt: skip
    assert told(made, "otherwise")["rich"] == (None,)


def test_greedy_would_have_lost_the_difference() -> None:
    rows = people("""
        customer | expected_loss | causes
        a        |          1000 | late
        b        |           980 |
        """)
    book = [
        play("call", save_rate=0.1, channels=["phone"]),
        play("letter", save_rate=0.099, channels=["post"], when=["late"]),
    ]
    rules = config(2, playbook=book, channels={"phone": 1, "post": 1}, other_channel_factor=1.0)
    made = decided(rows, rules)
    # one by one a is called (100) and nothing is left for b, whom only a call (98) would reach
    assert told(made, "play", "net_gain") == {"a": ("letter", 99.0), "b": ("call", 98.0)}
    assert made.greedy_loss == 97.0


def test_who_is_held_out_is_within_reach_and_the_rest_fills_the_list() -> None:
    rows = [{"customer_id": f"c{n:03d}", "expected_loss": 1000.0 - n} for n in range(100)]
    rules = config(20, 0.2)
    made = decided(rows, rules)
    reach = [f"c{n:03d}" for n in range(25)]
    drawn = [one for one in reach if randomisation.assignment_hash(one, "always-on", "retention") < 0.2]
    assert drawn
    assert list(made.held_out["customer_id"]) == drawn
    assert set(made.held_out["propensity"]) == {0.8}
    lanes = told(made, "lane", "why")
    assert {one for one in lanes if lanes[one][1] == "held_out"} == set(drawn)
    chosen = [one for one in reach if one not in drawn][:20]
    assert [one for one in lanes if lanes[one] == ("contact", "chosen")] == chosen


def test_whom_a_contact_keeps_comes_before_who_would_lose_more() -> None:
    rows = people("""
        customer | expected_loss | effect | disturbed
        lost     |           900 |  -0.05 | no
        moved    |           300 |   -0.4 | no
        harmed   |           800 |    0.1 | no
        driven   |           800 |    0.3 | yes
        """)
    made = decided(rows, config(1))
    assert told(made, "lane", "why", "net_gain") == {
        "lost": ("leave_alone", "below_capacity", None),
        "moved": ("contact", "chosen", 135.0),  # by the voucher, believed to save twice as much
        "harmed": ("leave_alone", "not_worth_saving", None),
        "driven": ("leave_alone", "may_be_disturbed", None),
    }


def test_covered_customers_count_for_who_covers() -> None:
    rows = people("""
        customer | expected_loss | owner
        a        |           900 | Anna
        b        |           800 | Bert
        c        |           700 | Bert
        """)
    away = [{"first": "2026-11-01", "last": "2026-11-30", "cover": "Bert"}]
    made = decided(rows, config(owners={"Anna": {"away": away}, "Bert": {"capacity": 2}}))
    assert told(made, "owner", "covered_for", "lane") == {
        "a": ("Bert", "Anna", "contact"),
        "b": ("Bert", None, "contact"),
        "c": ("Bert", None, "leave_alone"),
    }


def test_nobody_watched_is_nobody_listed() -> None:
    made = decided([], config(share=0.1))
    assert made.rows.empty
    assert made.held_out.empty
    assert made.shadow_prices == ()


MONEY = st.integers(-50, 400).map(float)
DAYS = st.none() | st.integers(0, 100).map(float)
CUSTOMER = st.fixed_dictionaries(
    {
        "expected_loss": MONEY,
        "churn_probability": st.sampled_from([0.02, 0.3, 0.9]),
        "effect": st.sampled_from([np.nan, np.nan, -0.8, -0.1, 0.0, 0.3]),
        "disturbed": st.sampled_from([False, False, True]),
        "value_if_kept": MONEY,
        "do_not_contact": st.sampled_from([None, False, False, True]),
        "last_outreach_days": DAYS,
        "notice_on": st.sampled_from([None, None, AS_OF]),
        "open_cases": st.sampled_from([0.0, 0.0, 1.0]),
        "billing_error_days": DAYS,
        "fixed_days": DAYS,
        "failures_90d": st.sampled_from([0.0, 1.0]),
        "causes": st.sampled_from([None, ["late"]]),
        "preferred_channel": st.sampled_from([None, "phone", "email", "chat"]),
        "owner": st.sampled_from([None, "Anna", "Bert"]),
    }
)


@given(
    st.lists(CUSTOMER, max_size=25),
    st.integers(1, 8),
    st.sampled_from([0.0, 0.3]),
    st.none() | st.integers(0, 120).map(float),
    st.sampled_from([{}, {"phone": 2, "email": 3}]),
)
@settings(max_examples=20, deadline=None, derandomize=True)
def test_everybody_is_in_one_lane_and_no_limit_is_exceeded(
    drawn: list[dict[str, Any]],
    capacity: int,
    share: float,
    budget: float | None,
    channels: dict[str, int],
) -> None:
    rows = [{"customer_id": f"c{n}", **one} for n, one in enumerate(drawn)]
    rules = config(capacity, share, budget=budget, channels=channels, min_churn_probability=0.1,
                   owners={"Anna": {"capacity": 2}})  # fmt: skip
    made = decided(rows, rules, erased=["c1"])
    assert sorted(made.rows["customer_id"]) == sorted(one["customer_id"] for one in rows)
    counts = made.counts()
    assert sum(many for whys in counts.values() for many in whys.values()) == len(rows)
    assert all(set(whys) <= set(lanes.LANE_REASONS[lane]) for lane, whys in counts.items())
    listed = made.rows[made.rows["lane"].isin(lanes.LISTED_LANES)]
    assert made.rows[~made.rows["lane"].isin(lanes.LISTED_LANES)]["play"].isna().all()
    barred = {one["customer_id"] for one in rows if one["do_not_contact"]} | {"c1"}
    assert not barred & set(listed["customer_id"])
    assert not set(made.held_out["customer_id"]) & set(listed["customer_id"])
    contact = listed[listed["lane"] == "contact"]
    harmed = {one["customer_id"] for one in rows if one["disturbed"] or one["effect"] >= 0}
    assert not harmed & {*contact["customer_id"], *made.held_out["customer_id"]}
    assert len(contact) <= capacity
    assert (contact["owner"] == "Anna").sum() <= 2
    assert (contact["net_gain"] > 0).all()
    for channel, most in channels.items():
        assert (contact["channel"] == channel).sum() <= most
    if budget is not None:
        assert listed["offer"].sum() <= budget
    opened = {one["customer_id"] for one in rows if one["open_cases"]}
    assert not listed[listed["customer_id"].isin(opened)]["offer"].sum()
    assert made.greedy_loss >= 0
    again = decided(rows[::-1], rules, erased=["c1"])
    pd.testing.assert_frame_equal(made.rows, again.rows)
