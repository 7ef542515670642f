"""One order for all lanes, by what waiting costs; and whose day it fills."""

import datetime as dt

import pandas as pd

from retention.core.params import AtRiskParams
from retention.policy import lanes, queue
from retention.policy.lanes import NOBODY_SUPPRESSED
from tests.support import policies
from tests.support.policies import AS_OF, customer_rows, input_frames, policy

PARAMS = policies.params_of(
    AtRiskParams(campaign_days=180), policy(fix={"promise_days": 60}, cooling_days=7)
)
assert PARAMS.labels.value.horizon_days == 90


def queued(text: str, *, has_money: bool = True) -> pd.DataFrame:
    customers = lanes.join_inputs(*input_frames(customer_rows(text)), NOBODY_SUPPRESSED)
    lane = lanes.assign_lanes(customers, PARAMS.policy)["lane"].replace("", "contact")
    rows = pd.DataFrame({"lane": lane, "net_gain": customers["saving"]})
    table = queue.queue(customers, rows, PARAMS, AS_OF, has_money=has_money)
    return table.assign(lane=lane)


def test_due_is_the_first_day_and_a_week_costs_what_ends_or_stays_late_in_it() -> None:
    # the service level is 5 days; at stake are 100 over 90 days, of a contact the net gain
    table = queued("""
        customer | notice_on  | ends_on    | open_cases | case_due_days | unsolved_days | faulty_order_days | billing_error_days | broken_promise_days | fixed_days | call_back_days | saving
        leaves   | 2026-11-01 | 2026-11-25 |            |               |               |                   |                    |                     |            |                |
        later    | 2026-11-01 | 2027-01-17 |            |               |               |                   |                    |                     |            |                |
        both     | 2026-11-01 | 2027-01-17 |          1 |            -2 |               |                   |                    |                     |            |                |
        unknown  | 2026-11-01 |            |            |               |               |                   |                    |                     |            |                |
        open     |            |            |          1 |             3 |               |                   |                    |                     |            |                |
        unsolved |            |            |            |            43 |            40 |                   |                    |                     |            |                |
        faulty   |            |            |            |               |               |                 2 |                    |                     |            |                |
        billed   |            |            |            |               |               |                   |                 20 |                  61 |            |                |
        promised |            |            |            |               |               |                   |                 61 |                   4 |            |                |
        fixed    |            |            |            |               |               |                   |                    |                     |          1 |                |
        called   |            |            |            |               |               |                   |                    |                     |            |             -3 |
        contact  |            |            |            |               |               |                   |                    |                     |            |                |     50
        """)  # noqa: E501
    day = {who: (on - AS_OF).days for who, on in table["due_on"].items()}
    assert day == {
        "leaves": 3,
        "later": 56,
        "both": 2,
        "unknown": 0,
        "open": -3,
        "unsolved": -43,
        "faulty": 3,
        "billed": -15,
        "promised": -4,
        "fixed": 6,
        "called": 3,
        "contact": 90,  # the window is over before the campaign is
    }
    cost = table["cost_of_delay"].round(2).to_dict()
    late_all_week = 7.78  # 7 of 90 days
    assert cost == dict.fromkeys(day, late_all_week) | {
        "leaves": 100.0,
        "unknown": 100.0,
        "later": 12.5,  # a week of eight
        "both": 12.5,  # more than five days of 90
        "faulty": 4.44,  # four days of 90
        "called": 4.44,
        "fixed": 1.11,  # a day of 90: before it there is nothing to ask
        "contact": 3.89,  # a week of 90 days, of 50
    }


def test_without_money_the_order_is_by_chance_and_no_amount_is_stated() -> None:
    table = queued("customer | expected_loss | saving\na | 90 | 1\nb | 10 | 5", has_money=False)
    assert table["cost_of_delay"].isna().all()
    assert list(table.sort_values("urgency", ascending=False).index) == ["a", "b"]


def test_a_day_holds_what_its_owner_can_do_whatever_the_lane() -> None:
    soon, on = AS_OF + dt.timedelta(days=3), AS_OF
    rows = [
        ("fix_first", "Ada", on),
        ("call_back", "Ada", soon),
        ("contact", "Ada", on + dt.timedelta(days=180)),
        ("gave_notice", "Ada", on),
        ("contact", None, on),
        ("cooling_off", "Ada", on + dt.timedelta(days=7)),
        ("contact", "Ada", on),
        ("contact", "Ada", on),
        ("contact", "Bert", on),
    ]
    queue_rows = pd.DataFrame(rows, columns=["lane", "owner", "due_on"])
    limits = policy(per_day=2, workdays=2, owners={"Bert": {"capacity": 9, "per_day": 1}})
    assert list(queue.plan(queue_rows, limits, AtRiskParams(), AS_OF)) == [
        "today",
        "this_week",  # no call before its day
        "today",
        "this_week",
        "today",
        "later",
        "later",
        "later",
        "today",
    ]
    # without `per_day` a list's own capacity is one day's
    fallback = policy(owners={"Bert": {"capacity": 9}})
    assert queue.day_capacity("Bert", fallback, AtRiskParams(capacity=50)) == 9
    assert queue.day_capacity("", fallback, AtRiskParams(capacity=50)) == 50
