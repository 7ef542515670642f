"""All rules together: one lane per customer, no limit exceeded, no offer where none may be."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from retention.core.params import AtRiskParams, Params, Policy
from retention.experiments import randomisation
from retention.policy import lanes, play_effects
from retention.policy.decide import COLUMNS, Decision, decide
from retention.policy.lanes import SuppressionList
from tests.support import policies
from tests.support.policies import AS_OF, customer_rows, input_frames, play, themes

NO_EFFECTS = pd.DataFrame(columns=list(play_effects.COLUMNS))
BOOK = [
    play("call", save_rate=0.2, cost=5.0, channels=["phone", "email"]),
    play("voucher", type="gesture", save_rate=0.4, cost=5.0, offer_value=20.0, approval=10.0),
    play("mend", when=["late"], lane="fix_first"),
    play("any", lane="fix_first"),
    play("confirm", lane="cooling_off"),
    play("win_back", lane="gave_notice", save_rate=0.5, offer_value=30.0, when=[]),
    play("goodbye", lane="gave_notice", save_rate=0.0),
]


def params_with(capacity: int = 5, holdout_share: float = 0.0, **policy: Any) -> Params:
    policy_params = Policy.model_validate({"playbook": BOOK, **policy})
    at_risk_params = AtRiskParams(capacity=capacity, holdout_share=holdout_share)
    return policies.params_of(at_risk_params, policy_params)


def decide_for(
    rows: list[dict[str, Any]],
    params: Params,
    erased: Sequence[str] = (),
    keep_contact: frozenset[str] = frozenset(),
) -> Decision:
    return decide(
        *input_frames(rows),
        themes(),
        NO_EFFECTS,
        params,
        AS_OF,
        SuppressionList(erased=frozenset(erased)),
        keep_contact,
    )


def columns_of(decision: Decision, *names: str) -> dict[str, tuple[Any, ...]]:
    """The columns named, by customer; null is None."""
    rows = decision.rows.set_index("customer_id")[list(names)].astype(object)
    return {who: tuple(None if pd.isna(v) else v for v in row) for who, *row in rows.itertuples()}


def test_each_lane_is_given_its_plays() -> None:
    rows = customer_rows("""
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
    decision = decide_for(rows, params_with(1, min_churn_probability=0.1))
    assert tuple(decision.rows.columns) == COLUMNS
    assert columns_of(decision, "lane", "why", "play", "net_gain", "otherwise", "approval") == {
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
    assert [(price.kind, price.more, price.worth) for price in decision.shadow_prices] == [
        ("total", 1.0, 15.0)
    ]
    assert decision.counts()["leave_alone"] == {
        "below_capacity": 1,
        "not_worth_saving": 1,
        "would_stay": 1,
    }


def test_a_remedy_costs_money_and_is_no_offer_and_a_hand_over_stands() -> None:
    rows = customer_rows("""
        customer | expected_loss | open_cases | owner | handed_to
        stranded |             1 |          1 | Ada   | Bert
        """)
    taxi = play("refund_taxi", lane="fix_first", type="remedy", offer_value=30.0, approval=20.0)
    decision = decide_for(rows, params_with(budget=0.0, playbook=[taxi]))
    assert columns_of(decision, "play", "offer", "approval", "owner") == {
        "stranded": ("refund_taxi", 30.0, True, "Bert")
    }
    with pytest.raises(ValueError, match="its lane is fix_first"):
        Policy.model_validate({"playbook": [taxi | {"lane": "contact"}]})


def test_who_gave_notice_is_offered_first_and_the_rest_of_the_budget_is_for_contacts() -> None:
    rows = customer_rows("""
        customer | expected_loss | notice_on
        leaving  |           100 | 2026-11-20
        richest  |           900 |
        rich     |           800 |
        """)
    decision = decide_for(rows, params_with(budget=50.0))
    assert columns_of(decision, "play", "offer") == {
        "leaving": ("win_back", 30.0),
        "richest": ("voucher", 20.0),
        "rich": ("call", 0.0),
    }
    assert columns_of(decision, "otherwise")["rich"] == (None,)


def test_greedy_would_have_lost_the_difference() -> None:
    rows = customer_rows("""
        customer | expected_loss | causes
        a        |          1000 | late
        b        |           980 |
        """)
    book = [
        play("call", save_rate=0.1, channels=["phone"]),
        play("letter", save_rate=0.099, channels=["post"], when=["late"]),
    ]
    params = params_with(
        2, playbook=book, channels={"phone": 1, "post": 1}, other_channel_factor=1.0
    )
    decision = decide_for(rows, params)
    # one by one a is called (100) and nothing is left for b, whom only a call (98) would reach
    assert columns_of(decision, "play", "net_gain") == {"a": ("letter", 99.0), "b": ("call", 98.0)}
    assert decision.greedy_loss == 97.0


def test_who_is_held_out_is_within_reach_and_the_rest_fills_the_list() -> None:
    rows = [{"customer_id": f"c{n:03d}", "expected_loss": 1000.0 - n} for n in range(100)]
    params = params_with(20, 0.2)
    decision = decide_for(rows, params)
    reach = [f"c{n:03d}" for n in range(25)]
    held_out = [
        customer
        for customer in reach
        if randomisation.assignment_hash(
            customer, "always-on", "retention", randomisation.draw_day(params.at_risk, AS_OF)
        )
        < 0.2
    ]
    assert held_out
    keeping = decide_for(rows, params, keep_contact=frozenset(held_out[:1]))
    assert list(keeping.held_out["customer_id"]) == held_out[1:]
    assert columns_of(keeping, "lane", "why")[held_out[0]] == ("contact", "chosen")
    assert list(decision.held_out["customer_id"]) == held_out
    assert set(decision.held_out["propensity"]) == {0.8}
    lanes = columns_of(decision, "lane", "why")
    assert {customer for customer in lanes if lanes[customer][1] == "held_out"} == set(held_out)
    selected = [customer for customer in reach if customer not in held_out][:20]
    assert [customer for customer in lanes if lanes[customer] == ("contact", "chosen")] == selected


def test_whom_a_contact_keeps_comes_before_who_would_lose_more() -> None:
    rows = customer_rows("""
        customer | expected_loss | saving | disturbed
        lost     |           900 |     10 | no
        moved    |           300 |     80 | no
        harmed   |           800 |    -20 | no
        driven   |           800 |    -60 | yes
        """)
    decision = decide_for(rows, params_with(1))
    assert columns_of(decision, "lane", "why", "net_gain") == {
        "lost": ("leave_alone", "below_capacity", None),
        "moved": ("contact", "chosen", 135.0),  # by the voucher, believed to save twice as much
        "harmed": ("leave_alone", "not_worth_saving", None),
        "driven": ("leave_alone", "may_be_disturbed", None),
    }


def test_covered_customers_count_for_who_covers() -> None:
    rows = customer_rows("""
        customer | expected_loss | owner
        a        |           900 | Anna
        b        |           800 | Bert
        c        |           700 | Bert
        """)
    away = [{"first": "2026-11-01", "last": "2026-11-30", "cover": "Bert"}]
    decision = decide_for(
        rows, params_with(owners={"Anna": {"away": away}, "Bert": {"capacity": 2}})
    )
    assert columns_of(decision, "owner", "covered_for", "lane") == {
        "a": ("Bert", "Anna", "contact"),
        "b": ("Bert", None, "contact"),
        "c": ("Bert", None, "leave_alone"),
    }


def test_without_money_the_riskiest_are_listed_and_no_gain_is_stated() -> None:
    rows = [
        {
            "customer_id": f"c{n}",
            "churn_probability": (n + 1) / 20,
            **dict.fromkeys(("expected_loss", "value_if_kept", "value_if_lost"), 0.0),
            "contacts_365d": 9.0,
            "serving_cost_365d": 50.0,
            "revenue_365d": 0.0,
        }
        for n in range(10)
    ]
    # The costs of a contact are those of a currency of small units.
    cheap = play("mail", save_rate=0.01, cost=0.0, channels=["email"])
    book = [cheap, play("call", save_rate=0.1, cost=4e6, channels=["phone"])]
    params = params_with(
        3,
        playbook=book,
        min_net_gain=1e6,
        channels={"phone": 2},
        effort={"contacts": 5, "cost_share": 0.5},
    )
    decision = decide_for(rows, params)
    assert columns_of(decision, "why", "play", "net_gain") == {
        "c9": ("chosen", "call", None),
        "c8": ("chosen", "call", None),
        "c7": ("chosen", "mail", None),
        **{f"c{n}": ("below_capacity", None, None) for n in range(7)},
    }
    assert (decision.shadow_prices, decision.greedy_loss) == ((), 0)
    # One customer with money is enough to go by money.
    rows[0] |= {"value_if_kept": 1e9, "expected_loss": 1e9, "revenue_365d": 1e9}
    with_money = columns_of(decide_for(rows, params), "why", "net_gain")
    assert {who for who, (why, _) in with_money.items() if why == "chosen"} == {"c0"}


def test_an_empty_cohort_gives_an_empty_decision() -> None:
    decision = decide_for([], params_with(holdout_share=0.1))
    assert decision.rows.empty
    assert decision.held_out.empty
    assert decision.shadow_prices == ()


MONEY = st.integers(-50, 400).map(float)
DAYS = st.none() | st.integers(0, 100).map(float)
CUSTOMER = st.fixed_dictionaries(
    {
        "expected_loss": MONEY,
        "churn_probability": st.sampled_from([0.02, 0.3, 0.9]),
        "saving": st.sampled_from([np.nan, np.nan, 160.0, 20.0, 0.0, -60.0]),
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
    customers: list[dict[str, Any]],
    capacity: int,
    holdout_share: float,
    budget: float | None,
    channels: dict[str, int],
) -> None:
    rows = [{"customer_id": f"c{n}", **row} for n, row in enumerate(customers)]
    params = params_with(
        capacity,
        holdout_share,
        budget=budget,
        channels=channels,
        min_churn_probability=0.1,
        owners={"Anna": {"capacity": 2}},
    )
    decision = decide_for(rows, params, erased=["c1"])
    assert sorted(decision.rows["customer_id"]) == sorted(row["customer_id"] for row in rows)
    counts = decision.counts()
    assert sum(n for whys in counts.values() for n in whys.values()) == len(rows)
    assert all(set(whys) <= set(lanes.LANE_REASONS[lane]) for lane, whys in counts.items())
    with_play = decision.rows[decision.rows["lane"].isin(lanes.LISTED_LANES)]
    assert decision.rows[~decision.rows["lane"].isin(lanes.LISTED_LANES)]["play"].isna().all()
    assert "c1" not in set(with_play["customer_id"])
    objecting = {row["customer_id"] for row in rows if row["do_not_contact"]}
    # what is owed is put right for them too
    assert not objecting & set(with_play["customer_id"][with_play["lane"] != "fix_first"])
    assert not set(decision.held_out["customer_id"]) & set(with_play["customer_id"])
    contact = with_play[with_play["lane"] == "contact"]
    harmed = {row["customer_id"] for row in rows if row["disturbed"] or row["saving"] <= 0}
    assert not harmed & {*contact["customer_id"], *decision.held_out["customer_id"]}
    assert len(contact) <= capacity
    assert (contact["owner"] == "Anna").sum() <= 2
    assert (contact["net_gain"] > 0).all()
    for channel, maximum in channels.items():
        assert (contact["channel"] == channel).sum() <= maximum
    if budget is not None:
        assert with_play["offer"].sum() <= budget
    opened = {row["customer_id"] for row in rows if row["open_cases"]}
    assert not with_play[with_play["customer_id"].isin(opened)]["offer"].sum()
    assert decision.greedy_loss >= 0
    again = decide_for(rows[::-1], params, erased=["c1"])
    pd.testing.assert_frame_equal(decision.rows, again.rows)
