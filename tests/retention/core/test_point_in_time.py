"""The two rules of time: what a snapshot sees; when a label window opens, ends and is mature."""

import datetime as dt

import narwhals as nw
import pytest

from retention.core import point_in_time
from retention.core.params import ChurnLabel, LabelParams, ValueLabel
from tests.support import engines, histories

TODAY = histories.SNAPSHOT


def known_on(
    history: list[histories.Event], snapshot: int = TODAY, restated: bool = True
) -> list[str]:
    """What a snapshot sees: `event amount age` of every row."""
    past = point_in_time.as_known_at(engines.frame(history), snapshot, restated)
    rows = engines.collected(past.select("event_id", "amount", "age"))
    return [f"{row['event_id']} {row['amount']:.0f} {row['age']}" for row in rows]


HISTORY = histories.events("""
    event | customer | kind     | day | known | amount
    a     | anna     | purchase |  -9 |       |      1
    b     | anna     | purchase |  -1 |       |      2
    c     | anna     | purchase |  -5 |     0 |      3
    d     | anna     | purchase |   0 |       |      4
""")


def test_a_snapshot_sees_what_was_known_before_it_and_nothing_of_its_own_day() -> None:
    assert known_on(HISTORY) == ["a 1 9", "b 2 1"]


def test_what_is_learned_late_appears_on_the_day_after_it_was_known() -> None:
    assert known_on(HISTORY, TODAY + 1) == ["a 1 10", "b 2 2", "c 3 6", "d 4 1"]


VERSIONS = histories.events("""
    event | customer | kind     | day | known | amount
    a     | anna     | purchase |  -9 |    -9 |      1
    a     | anna     | purchase |  -9 |    -4 |      2
    a     | anna     | purchase |  -9 |    -4 |      3
    a     | anna     | purchase |  -2 |     0 |      4
    b     | anna     | purchase |  -9 |    -9 |      5
""")


@pytest.mark.parametrize(
    ("day", "expected"),
    [
        (-8, ["a 1 1", "b 5 1"]),
        (-4, ["a 1 5", "b 5 5"]),
        (-3, ["a 3 6", "b 5 6"]),
        (0, ["a 3 9", "b 5 9"]),
        (1, ["a 4 3", "b 5 10"]),
    ],
)
def test_a_snapshot_sees_one_row_an_event_the_newest_version_known_by_then(
    day: int, expected: list[str]
) -> None:
    assert known_on(VERSIONS, TODAY + day) == expected


def test_without_versions_restated_false_changes_nothing() -> None:
    assert known_on(HISTORY, restated=False) == known_on(HISTORY)


CHURN = ChurnLabel(rule="silence", horizon_days=10, gap_days=3, settle_days=2)


def test_the_label_window_opens_after_the_gap_and_ends_before_its_last_day() -> None:
    window = point_in_time.churn_window(100, CHURN)
    assert (window.start, window.end) == (103, 113)


def test_a_label_is_mature_when_the_window_has_ended_and_settled() -> None:
    assert point_in_time.churn_window(100, CHURN).mature_on == 115


def test_the_value_window_starts_with_the_churn_window_and_has_its_own_length() -> None:
    window = point_in_time.value_window(100, CHURN, ValueLabel(horizon_days=40))
    assert (window.start, window.end, window.mature_on) == (103, 143, 145)


@pytest.mark.parametrize(("horizon", "mature_in"), [(5, 15), (10, 15), (40, 45)])
def test_both_labels_are_mature_when_the_later_window_is(horizon: int, mature_in: int) -> None:
    labels = LabelParams(churn=CHURN, value=ValueLabel(horizon_days=horizon))
    assert point_in_time.label_delay_days(labels) == mature_in


def test_a_window_holds_its_first_day_and_not_its_end() -> None:
    history = histories.events("""
        event  | customer | kind     | day | amount
        before | anna     | purchase |  -1 |      0
        first  | anna     | purchase |   0 |      0
        last   | anna     | purchase |   6 |      0
        after  | anna     | purchase |   7 |      0
    """)
    window = point_in_time.Window(TODAY, TODAY + 7, settle=0)
    frame = engines.frame(history)
    held = frame.filter(window.contains(nw.col("occurred_day")))
    assert [row["event_id"] for row in engines.collected(held.select("event_id"))] == [
        "first",
        "last",
    ]


@pytest.mark.parametrize(
    ("date", "day"), [("1970-01-01", 0), ("2024-01-01", TODAY), ("1969-12-31", -1)]
)
def test_days_are_counted_from_1970_and_back(date: str, day: int) -> None:
    assert point_in_time.day_number(dt.date.fromisoformat(date)) == day
    assert str(point_in_time.date_of(day)) == date
