"""Tenure spells by both rules of churn, customers at risk by period, and the value of leavers."""

import pandas as pd
import pytest

from retention.core.params import ChurnLabel
from retention.scorecard import tenure_spells

SILENCE = ChurnLabel(rule="silence", horizon_days=30)
AS_OF = 200


def as_tuples(frame: pd.DataFrame) -> list[tuple[object, ...]]:
    """The rows, with None for null."""
    return [tuple(row) for row in frame.astype(object).where(frame.notna(), None).to_numpy()]


def spells_frame(*rows: tuple[str, int, int | None]) -> pd.DataFrame:
    frame = pd.DataFrame(rows, columns=["customer_id", "begins", "ends"])
    return frame.astype({"ends": "Int64"})


def test_silence_ends_a_spell_and_a_return_begins_another() -> None:
    days = {"a": [10, 10, 40, 71], "b": [100, 130, 160], "c": [170], "d": [169]}
    rows = [(who, day) for who, customer_days in days.items() for day in reversed(customer_days)]
    signs = pd.DataFrame(rows, columns=["customer_id", "day"])
    assert as_tuples(tenure_spells.activity_spells(signs, SILENCE, AS_OF)) == [
        ("a", 10, 70, 41),
        ("a", 71, 101, 72),
        ("b", 100, 190, 161),
        ("c", 170, None, 171),
        ("d", 169, 199, 170),
    ]


def test_contracts_end_when_their_chain_does() -> None:
    chains = pd.DataFrame(
        [("b", 150, 2_000_000), ("a", 10, 90), ("c", 20, 200), ("d", 20, 199), ("e", 200, 300)],
        columns=["customer_id", "begins", "ends_on"],
    )
    assert as_tuples(tenure_spells.contract_spells(chains, AS_OF)) == [
        ("a", 10, 90, 90),
        ("b", 150, None, None),
        ("c", 20, None, None),
        ("d", 20, 199, 199),
    ]


def test_departures_are_on_record_from_the_first_one() -> None:
    spells_of_two = spells_frame(("a", 10, 90), ("b", 5, None), ("a", 95, 120))
    assert tenure_spells.departures_observed_from(spells_of_two) == 90
    assert (
        tenure_spells.departures_observed_from(spells_frame(("a", 10, None), ("b", 5, None))) == 5
    )
    assert tenure_spells.first_day_by_customer(spells_of_two).to_dict() == {"a": 10, "b": 5}


def test_at_risk_is_who_was_there_when_the_period_began() -> None:
    at_risk = tenure_spells.customers_at_risk(
        spells_frame(
            ("stays", 50, None),
            ("leaves", 50, 128),
            ("last", 50, 129),
            ("gone", 50, 100),
            ("came", 100, None),
            ("back", 10, 60),
            ("back", 90, 156),
        ),
        [100, 128],
        28,
    )
    rows = at_risk[["customer_id", "period", "tenure", "left"]].itertuples(index=False)
    assert sorted(tuple(row) for row in rows) == [
        ("back", 100, 10, False),
        ("back", 128, 38, True),
        ("came", 128, 28, False),
        ("last", 100, 50, False),
        ("last", 128, 78, True),
        ("leaves", 100, 50, True),
        ("stays", 100, 50, False),
        ("stays", 128, 78, False),
    ]
    assert tenure_spells.customers_at_risk(spells_frame(("a", 1, None)), [], 28).empty


def test_a_years_value_is_what_half_a_year_before_leaving_brought() -> None:
    money = pd.DataFrame(
        [("a", 99, 5.0), ("a", 100, 7.0), ("a", 281, 3.0), ("a", 282, 11.0), ("b", 200, 50.0)],
        columns=["customer_id", "day", "net"],
    )
    leavers = pd.DataFrame({"customer_id": ["c", "a"], "until": [282, 282]}, index=[4, 9])
    yearly = tenure_spells.yearly_value(leavers, money)
    assert yearly.to_dict() == {4: 0.0, 9: pytest.approx(10 * 365 / 182)}
