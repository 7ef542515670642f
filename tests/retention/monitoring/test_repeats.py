"""Days that a file holds twice."""

import datetime as dt

import pyarrow as pa
import pytest

from pipeline.guard import guard
from retention.core import engine
from retention.core.params import EngineParams
from retention.monitoring import rhythm
from retention.monitoring.finding import OK, REFUSED
from retention.monitoring.rhythm import RepeatedDay
from tests.support.guards import YESTERDAY, finding_of, guard_inputs, params_with


def day(repeated: int, rows: int = 100, ago: int = 3, source: str = "till") -> RepeatedDay:
    return RepeatedDay(source, YESTERDAY - ago, rows, repeated)


@pytest.mark.parametrize(
    ("days", "level"),
    [
        ([day(50)], REFUSED),
        ([day(20)], OK),
        ([day(1, rows=2)], OK),
        ([day(50), day(45, ago=400)], OK),
        ([day(50), *(day(3, rows=4, ago=ago) for ago in range(400, 500))], REFUSED),
    ],
    ids=[
        "every row twice",
        "some rows twice",
        "one customer who bought twice",
        "an earlier day was like it",
        "small days are no measure of a large one",
    ],
)
def test_a_day_is_judged_by_the_other_days(days: list[RepeatedDay], level: str) -> None:
    finding = finding_of(guard_inputs(repeated_days=days), guard="repeated_rows")
    assert finding.level == level


def test_a_day_too_long_ago_to_count_for_the_cohort_is_not_judged() -> None:
    report = guard(guard_inputs(repeated_days=[day(50, ago=190)]), params_with())
    assert "repeated_rows" not in {finding.guard for finding in report.findings}


def test_a_limit_that_is_null_is_off() -> None:
    inputs = guard_inputs(repeated_days=[day(50)])
    params = params_with(repeated_refuse=None)
    assert finding_of(inputs, params, guard="repeated_rows").level == OK


def test_rows_repeat_another_that_is_no_other_version_of_themselves() -> None:
    texts = ("channel", "topic", "order_id", "item_id", "case_id", "contract_id")
    events = pa.table(
        {
            "event_id": ["1", "2", "3", "4", "4", "5"],
            "customer_id": ["a", "a", "b", "c", "c", "a"],
            "known_day": pa.array([10, 10, 10, 10, 11, 30], pa.int32()),
            "source": ["till"] * 6,
            "kind": ["purchase"] * 6,
            "occurred_at": pa.array(
                [dt.datetime(1970, 1, 11, tzinfo=dt.UTC)] * 6, pa.timestamp("us", "UTC")
            ),
            "occurred_day": pa.array([10] * 6, pa.int32()),
            "amount": [2.0] * 6,
            "quantity": [1.0] * 6,
            **{name: pa.nulls(6, pa.string()) for name in texts},
        }
    )
    with engine.open_engine(EngineParams()) as open_engine:
        days = rhythm.repeated_days(open_engine, open_engine.load(events), as_of=20)
    assert days == [RepeatedDay("till", 10, rows=4, repeated=1)]
