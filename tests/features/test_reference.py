"""The fast features against the slow reference, on histories drawn by Hypothesis."""

import math
import re
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from tests.reference import purchases as reference
from tests.reference import service_care as reference_care  # noqa: F401  (registers its rules)
from tests.reference import service_failures as reference_failures  # noqa: F401
from tests.support import engines, histories

CUSTOMERS = [f"c{number}" for number in range(14)] + ["(nobody)", "never seen"]
CUSTOMERS_AND_HISTORY = st.tuples(histories.histories(14), histories.drawn_people(14))


def agree(fast: float | str | None, slow: float | str | None) -> bool:
    """Equal nulls and texts; numbers within 1e-9, after the six decimals that are kept."""
    if not isinstance(fast, float) or not isinstance(slow, float):
        return fast == slow
    return math.isclose(fast, slow, rel_tol=1e-9, abs_tol=0.500001e-6)


def differences(fast: pa.Table, slow: dict[str, dict[str, Any]]) -> list[str]:
    """Where the two differ, in words."""
    return [
        f"{row['customer_id']}: {name} is {row[name]}, the reference says {expected}"
        for row in fast.to_pylist()
        for name, expected in slow[row["customer_id"]].items()
        if not agree(row[name], expected)
    ]


@histories.FEW
@given(CUSTOMERS_AND_HISTORY, st.sampled_from([0, 0, -45]))
def test_every_feature_is_what_the_reference_says(
    drawn: tuple[list[histories.Event], list[histories.Person]], moved: int
) -> None:
    history, people = drawn
    snapshot = histories.SNAPSHOT + moved
    fast = engines.features_of(history, people, CUSTOMERS, snapshot)
    names = [one.name for one in engines.declared()]
    slow = reference.features(history, people, CUSTOMERS, snapshot, names)
    assert sorted(fast["customer_id"].to_pylist()) == sorted(CUSTOMERS)
    assert differences(fast, slow) == []


def test_every_feature_has_its_reference_and_no_reference_is_left_over() -> None:
    base = {re.sub(r"_\d+d$", "", one.name) for one in engines.declared()}
    assert base == reference.rule_names()


@pytest.mark.parametrize(
    ("fast", "slow", "same"),
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
    fast: float | None, slow: float | None, same: bool
) -> None:
    assert agree(fast, slow) is same
