"""What a company's own past allows."""

import datetime as dt
from typing import Any

import pytest

from retention.monitoring import own_past
from retention.monitoring.own_past import past_drift, widened
from tests.support.guards import own_past_of

AS_OF = dt.date(2026, 9, 1)


def test_few_occasions_allow_more_than_many() -> None:
    assert widened(0.4, 1) == pytest.approx(0.4 * 3.25)
    assert widened(0.4, 8) == pytest.approx(0.4 * 1.5)
    assert widened(0.4, 1000) == pytest.approx(0.4 * 1.25, rel=0.01)


def reference(*rows: dict[str, Any]) -> dict[str, Any]:
    """A profile of 1 July with such rows of its past, of snapshots every 30 days."""
    plain = {"psi": 0.1, "points": 0.01, "features": [0.1], "ends": ["2025-09-10"]}
    return {"on": "2026-07-01", "past": own_past_of(*({**plain, **row} for row in rows))}


def test_the_pairs_as_far_apart_as_the_list_and_its_reference_count() -> None:
    """62 days: those 60 and 66 days apart, and not the ones a month further."""
    past = past_drift(
        reference({"days": 60, "psi": 0.2}, {"days": 66, "psi": 0.3}, {"days": 90, "psi": 9.0}),
        AS_OF,
    )
    assert past is not None
    assert (past.days, past.n_pairs, past.psi) == (60, 2, 0.3)
    assert past.limit(past.psi) == pytest.approx(widened(0.3, 2))
    assert past.limit(None) is None


def test_a_past_without_this_season_counts_as_one_pair() -> None:
    ends = ["2025-02-01", "2025-03-01", "2025-04-01", "2025-05-01"]
    past = past_drift(reference({"days": 60, "ends": ends}), AS_OF)
    assert past is not None
    assert (past.n_pairs, past.has_season) == (4, False)
    assert past.limit(0.2) == pytest.approx(widened(0.2, 1))
    assert "none of this season" in past.describe()


@pytest.mark.parametrize(
    ("day", "is_same"),
    [("2025-09-01", True), ("2024-07-20", True), ("2025-07-01", False), ("2025-12-31", False)],
)
def test_a_season_is_three_months_of_any_year(day: str, is_same: bool) -> None:
    assert own_past.is_same_season(dt.date.fromisoformat(day), AS_OF) == is_same


def test_a_profile_without_pairs_has_no_past() -> None:
    assert past_drift({"on": "2026-07-01"}, AS_OF) is None
    assert past_drift(reference(), AS_OF) is None


def test_the_largest_fall_is_of_snapshots_as_far_apart_as_two_runs() -> None:
    watched = {"2026-01-01": 100, "2026-01-31": 80, "2026-03-02": 90, "2026-04-01": 60}
    for days, fall, n_pairs in ((7, 1 / 3, 3), (31, 0.25, 2)):
        assert own_past.largest_fall(watched, days) == pytest.approx((fall, n_pairs))
    assert own_past.largest_fall({"2026-01-01": 100}, 7) is None
