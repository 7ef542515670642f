"""Tenure and presence by both rules of churn, and the value of leavers."""

import pandas as pd
import pytest

from retention.core.params import ChurnLabel
from retention.scorecard import tenure_spells

SILENCE = ChurnLabel(rule="silence", active_days=60, horizon_days=30)
AS_OF = 400
NOBODY = pd.Series(dtype="int64")


def as_tuples(frame: pd.DataFrame, names: str) -> list[tuple[object, ...]]:
    """The columns named, a tuple a row, with None for null."""
    shown = frame[names.split()].astype(object)
    return [tuple(row) for row in shown.where(shown.notna(), None).to_numpy()]


def activity(**days: list[int]) -> pd.DataFrame:
    rows = [(who, day) for who, customer_days in days.items() for day in reversed(customer_days)]
    return pd.DataFrame(rows, columns=["customer_id", "day"])


DAYS = activity(
    old=[0, 30, 350],  # came before the data, was away for most of a year, and is back
    gone=[70, 100, 339],
    once=[200],
    quiet=[100, 340],  # silent for as long as the rule lets one be
    joined=[20, 390],
)


def test_a_return_is_a_gap_and_who_is_not_back_left_with_the_last_purchase() -> None:
    joined = pd.Series({"joined": -500, "quiet": 120})
    tenure = tenure_spells.silent_tenure(DAYS, joined, SILENCE, AS_OF)
    assert as_tuples(tenure, "customer_id begins since ends until") == [
        ("gone", 70, 70, 339, 340),
        ("joined", -500, 20, None, 391),
        ("old", None, 0, None, 351),
        ("once", 200, 200, 200, 201),
        ("quiet", 100, 100, None, 341),  # a day of joining after the first purchase is none
    ]
    assert tenure_spells.first_day_by_customer(tenure).to_dict() == {
        "gone": 70,
        "joined": -500,
        "once": 200,
        "quiet": 100,
    }


def test_nobody_is_a_customer_in_a_silence_longer_than_the_rule() -> None:
    presence = tenure_spells.silent_presence(DAYS, SILENCE, AS_OF)
    assert as_tuples(presence, "customer_id begins ends until recorded") == [
        ("gone", 70, 100, 101, True),
        ("gone", 339, 339, 340, True),
        ("joined", 20, 20, 21, False),  # in the first days of the data
        ("joined", 390, None, 400, False),
        ("old", 0, 30, 31, False),
        ("old", 350, None, 400, False),
        ("once", 200, 200, 201, True),
        ("quiet", 100, 100, 101, True),
        ("quiet", 340, None, 400, False),
    ]
    days = tenure_spells.days_present(presence, 90, 101)
    assert days.to_dict() == {0: 11, 7: 1}


def test_whom_the_list_still_asks_for_is_not_lost() -> None:
    assert tenure_spells.silence_days(SILENCE) == 60
    late = ChurnLabel(rule="silence", active_days=60, horizon_days=70, gap_days=7, settle_days=5)
    assert tenure_spells.silence_days(late) == 82


def test_contracts_end_when_their_chain_does_and_are_followed_from_the_first_end() -> None:
    chains = pd.DataFrame(
        [("b", 150, 2_000_000), ("a", 10, 90), ("c", 20, 400), ("d", 20, 399), ("e", 400, 500)],
        columns=["customer_id", "begins", "ends_on"],
    )
    tenure = tenure_spells.contract_tenure(chains, AS_OF)
    assert as_tuples(tenure, "customer_id begins since ends until") == [
        ("a", 10, 90, 90, 91),
        ("b", 150, 150, None, 400),
        ("c", 20, 90, None, 400),
        ("d", 20, 90, 399, 400),
    ]
    assert tenure_spells.observed_from(tenure) == 90
    presence = tenure_spells.contract_presence(tenure)
    assert as_tuples(presence, "begins until recorded") == [
        (10, 91, True),
        (150, 400, False),
        (20, 400, False),
        (20, 400, True),
    ]


def test_a_years_value_is_what_half_a_year_before_leaving_brought() -> None:
    money = pd.DataFrame(
        [("a", 99, 5.0), ("a", 100, 7.0), ("a", 281, 3.0), ("a", 282, 11.0), ("b", 200, 50.0)],
        columns=["customer_id", "day", "net"],
    )
    leavers = pd.DataFrame({"customer_id": ["c", "a"], "ends": [281, 281]}, index=[4, 9])
    yearly = tenure_spells.yearly_value(leavers, money)
    assert yearly.to_dict() == {4: 0.0, 9: pytest.approx(10 * 365 / 182)}
