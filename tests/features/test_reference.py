"""The features of an engine against those of the reference, on histories made by Hypothesis."""

import re

import pytest
from hypothesis import strategies as st

from tests.reference import purchases as reference
from tests.support import engines, histories
from tests.support.feature_tables import agree, differences, rows_by_customer

IDS = [f"c{i}" for i in range(14)]
TOGETHER = 3
"""Generated histories in one query, which costs its planning and not its rows."""
CUSTOMERS = [f"{i} {name}" for i in range(TOGETHER) for name in (*IDS, "(nobody)", "never seen")]


@pytest.mark.parametrize(("first", "moved"), [(0, 0), (1, 0), (2, -45)])
def test_every_feature_is_that_of_the_reference(first: int, moved: int) -> None:
    customers = len(IDS)
    strategy = st.tuples(histories.histories(customers), histories.people_of(customers))
    generated = histories.examples(strategy, 3 * TOGETHER)[first::3]
    history, people = (histories.together(parts) for parts in zip(*generated, strict=True))
    snapshot = histories.SNAPSHOT + moved
    names = [feature.name for feature in engines.declared()]
    computed = rows_by_customer(engines.features_of(history, people, CUSTOMERS, snapshot))
    expected = reference.features(history, people, CUSTOMERS, snapshot, names)
    assert sorted(computed) == sorted(CUSTOMERS)
    assert differences(computed, expected) == []


def test_every_feature_has_its_reference_and_no_reference_is_left_over() -> None:
    base = {re.sub(r"_\d+d$", "", feature.name) for feature in engines.declared()}
    assert base == reference.rule_names()


@pytest.mark.parametrize(
    ("computed", "expected", "same"),
    [
        (1.0, 1.0000004, True),
        (1.0, 1.000001, False),
        (None, 0.0, False),
        (0.0, None, False),
        (1e12, 1e12 + 1, True),
        (3.0, 4.0, False),
    ],
)
def test_the_comparison_tells_numbers_apart(
    computed: float | None, expected: float | None, same: bool
) -> None:
    assert agree(computed, expected) is same
