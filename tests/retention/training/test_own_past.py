"""How far a company's own snapshots moved from each other."""

import datetime as dt

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

from retention.core import feature_table
from retention.training import own_past, profile

FIRST, STEP, N = dt.date(2026, 1, 5), 30, 300
LEARNING = [FIRST + i * dt.timedelta(STEP) for i in range(4)]
AS_OF = LEARNING[-1] + dt.timedelta(60)  # the delay of the labels is two steps
DAYS = [*LEARNING, AS_OF]


class SpendScorer:
    """The chance falls with the spend."""

    def probability(self, X: pd.DataFrame) -> "np.typing.NDArray[np.float64]":
        return np.asarray(1 / (1 + X["spend"].fillna(0.0)))


def history() -> pa.Table:
    """A spend that grows by a quarter each snapshot, a plan that changes in the last, and no news.

    The third snapshot has half of the customers.
    """
    draw, parts = np.random.default_rng(2), []
    for i, day in enumerate(DAYS):
        n = N // 2 if i == 2 else N
        spend = draw.gamma(2.0, 1.25**i, n)
        parts.append(
            pa.table(
                {
                    "customer_id": [f"c{number:03d}" for number in range(n)],
                    "snapshot_on": pa.array([day] * n, pa.date32()),
                    "spend": pa.array(
                        np.where(draw.random(n) < 0.1, np.nan, spend), from_pandas=True
                    ),
                    "plan": draw.choice(["a", "b"], n, p=[0.5, 0.5] if i < 4 else [0.1, 0.9]),
                    "flat": np.ones(n),
                }
            )
        )
    return pa.concat_tables(parts)


@pytest.fixture(scope="module")
def past() -> dict[str, object]:
    return own_past.own_past(history(), SpendScorer(), LEARNING[-1])  # type: ignore[arg-type]


def drift_by_guard(i: int, j: int) -> dict[str, float]:
    """What a guard measures of snapshot j against a profile of snapshot i."""
    X = [
        feature_table.matrix(history().filter(np.array(history()["snapshot_on"]) == DAYS[k]))
        for k in (i, j)
    ]
    p = [pd.Series(SpendScorer().probability(x)) for x in X]
    reference = profile.build_profile(X[0], p[0])
    figures = {drift.name: drift.figure for drift in profile.feature_drifts(reference, X[1])}
    score = reference["score"]
    psi = profile.column_drift("p", score, len(p[0]), p[1]).figure
    points = profile.score_shift(
        score["quantiles"], profile.score_quantiles(np.asarray(p[1], dtype=np.float64))
    )
    return figures | {"psi": psi, "points": points}


def test_pairs_are_those_at_least_as_far_apart_as_a_list_and_its_reference(
    past: dict[str, list[dict[str, object]]],
) -> None:
    """60 days: 0-2, 1-3 and the one that ends on the day of training, which is no multiple."""
    assert {row["days"]: row["ends"] for row in past["distances"]} == {
        60: [str(DAYS[2]), str(DAYS[3]), str(AS_OF)],
        90: [str(DAYS[3]), str(AS_OF)],
        120: [str(AS_OF)],
        150: [str(AS_OF)],
    }


def test_each_figure_is_the_largest_that_a_guard_would_have_measured(
    past: dict[str, list[dict[str, object]]],
) -> None:
    row = past["distances"][0]
    by_guard = [drift_by_guard(i, j) for i, j in ((0, 2), (1, 3), (3, 4))]
    for name in ("psi", "points"):
        assert row[name] == pytest.approx(max(figures[name] for figures in by_guard), abs=1e-4)
    by_name = dict(zip(past["names"], row["features"], strict=True))  # type: ignore[call-overload]
    for name in ("spend", "plan"):
        assert by_name[name] == pytest.approx(max(each[name] for each in by_guard), abs=1e-4)
    assert by_name["flat"] is None


def test_cohorts_and_the_share_of_one_value(past: dict[str, dict[str, float]]) -> None:
    assert [*past["watched"].values()] == [300, 300, 150, 300, 300]
    assert past["same"]["flat"] == 1.0
    assert past["same"]["plan"] == pytest.approx(0.9, abs=0.05)
    assert past["same"]["spend"] == pytest.approx(0.1, abs=0.05), "null is a value"


def test_a_large_cohort_is_measured_by_a_part_of_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(own_past, "MAX_ROWS", 100)
    measured = own_past.own_past(history(), SpendScorer(), LEARNING[-1])  # type: ignore[arg-type]
    assert [*measured["watched"].values()] == [300, 300, 150, 300, 300]
    assert measured["distances"][0]["psi"] > 0
