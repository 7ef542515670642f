"""The calendar of snapshots: which have mature labels, and how far back they go."""

import itertools

import pytest

from retention.cohort.calendar import Calendar, build_calendar, plan_calendar
from retention.core import errors, point_in_time
from retention.core.params import ChurnLabel, LabelParams, Params, SnapshotParams, ValueLabel
from tests.support import documents


def label_params(value_days: int = 10, **churn: int) -> LabelParams:
    label = ChurnLabel(rule="silence", kinds=["purchase"], active_days=30, horizon_days=10)
    value_label = ValueLabel(horizon_days=value_days)
    return LabelParams(churn=label.model_copy(update=churn), value=value_label)


def make_calendar(
    as_of: int, first_day: int = 0, every: int = 10, max_snapshots: int = 99, **label_options: int
) -> Calendar:
    snapshot_params = SnapshotParams(every_days=every, most=max_snapshots)
    return build_calendar(as_of, first_day, label_params(**label_options), snapshot_params)


def test_the_newest_snapshot_is_the_last_whose_labels_are_mature() -> None:
    assert make_calendar(100).learning[-1] == 90
    assert make_calendar(100, gap_days=3, settle_days=2).learning[-1] == 85
    assert make_calendar(100, value_days=25).learning[-1] == 75


def test_snapshots_go_backwards_from_the_newest_every_so_many_days() -> None:
    assert make_calendar(100, every=25).learning == [40, 65, 90]


def test_no_snapshot_lies_before_active_days_of_history() -> None:
    assert make_calendar(100, first_day=0).learning[0] == 30
    assert make_calendar(100, first_day=1).learning[0] == 40
    assert make_calendar(100, first_day=61).learning == []


def test_the_newest_snapshots_are_taken_and_as_of_comes_last() -> None:
    assert make_calendar(100, max_snapshots=4).learning == [60, 70, 80, 90]
    assert make_calendar(100, max_snapshots=1).all == [90, 100]


def test_snapshots_are_thinned_until_they_reach_back_over_three_label_delays() -> None:
    """With 24 of them a week apart, nothing would be known of one on the day of another."""
    calendar = make_calendar(1200, every=7, max_snapshots=24, value_days=90)
    gaps = {later - day for day, later in itertools.pairwise(calendar.learning)}
    assert gaps == {14}
    assert calendar.learning[-1] - calendar.learning[0] >= 3 * 90
    short = make_calendar(200, every=7, max_snapshots=24, value_days=90)
    assert {b - a for a, b in itertools.pairwise(short.learning)} == {7}


def test_immature_counts_the_grid_between_the_newest_snapshot_and_as_of() -> None:
    expected = {10: 0, 9: 1, 5: 1, 4: 2, 3: 3, 1: 9, 11: 0}
    for every, immature in expected.items():
        calendar = make_calendar(100, every=every)
        grid = range(calendar.learning[-1] + every, calendar.as_of, every)
        assert calendar.immature == immature == len(grid), every


def test_all_labels_of_the_calendar_are_mature_and_no_window_reaches_as_of() -> None:
    for settle, gap in ((0, 0), (2, 3), (30, 1)):
        calendar = make_calendar(200, settle_days=settle, gap_days=gap)
        labels = label_params(settle_days=settle, gap_days=gap)
        assert calendar.learning
        for day in calendar.learning:
            churn_window = point_in_time.churn_window(day, labels.churn)
            value_window = point_in_time.value_window(day, labels.churn, labels.value)
            assert max(churn_window.mature_on, value_window.mature_on) <= calendar.as_of, (
                settle,
                gap,
                day,
            )


SUMMARY = documents.events_summary(
    {
        "purchase": {"first_day": 50, "last_day": 190},
        "campaign": {"first_day": 10, "last_day": 250},
    },
    {
        "shop": {"kinds": ["purchase"], "last_known_day": 199},
        "web": {"kinds": ["purchase", "return"], "last_known_day": 195},
        "mail": {"kinds": ["campaign"], "last_known_day": 150},
    },
)


def make_params(as_of: str | None) -> Params:
    source = {
        "path": "x.csv",
        "key": "row_number",
        "events": [{"kind": "purchase", "customer_id": "c", "occurred_at": "t"}],
    }
    return Params.model_validate(
        {
            "as_of": as_of,
            "time_zone": "UTC",
            "currency": "GBP",
            "sources": {"shop": source},
            "labels": {
                "churn": {"rule": "silence", "active_days": 30, "horizon_days": 10},
                "value": {"horizon_days": 10},
            },
        }
    )


def test_without_as_of_it_is_the_day_after_the_last_complete_day_of_the_labels_sources() -> None:
    assert plan_calendar(make_params(None), SUMMARY).as_of == 196


def test_another_kind_of_the_labels_source_does_not_move_as_of() -> None:
    late = {"kinds": ["delivery", "purchase"], "last_known_day": 260}
    shop = late | {"last_known_days": {"delivery": 260, "purchase": 199}}
    summary = documents.events_summary({"purchase": {"first_day": 50}}, {"shop": shop})
    assert plan_calendar(make_params(None), summary).as_of == 200


def test_an_event_dated_for_never_sets_no_as_of() -> None:
    """Contracts without an end are exported with one in 9999."""
    last_day = point_in_time.LAST_DAY
    shop = {"kinds": ["purchase"], "last_known_day": last_day}
    summary = documents.events_summary({"purchase": {"first_day": 50}}, {"shop": shop})
    with pytest.raises(errors.BadInput, match="dated 9999-12-31, which means never"):
        plan_calendar(make_params(None), summary)
    assert plan_calendar(make_params("1970-04-11"), summary).as_of == 100


def test_history_begins_with_the_labels_own_events() -> None:
    assert plan_calendar(make_params("1970-04-11"), SUMMARY).learning == [90]


def test_a_label_of_events_that_no_source_tells_is_refused() -> None:
    nothing = SUMMARY.updated(kinds={"campaign": SUMMARY.kinds["campaign"]})
    with pytest.raises(errors.BadInput, match="no event of kind purchase"):
        plan_calendar(make_params(None), nothing)
