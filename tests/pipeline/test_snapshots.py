"""On which days we look, and which customers we watch on each."""

import pytest

from pipeline import snapshots
from retention.cohort import calendar as calendars
from retention.cohort import eligibility
from retention.core import errors, point_in_time
from retention.core.params import ChurnLabel, LabelParams, Params, SnapshotParams, ValueLabel
from tests.support import documents, engines, histories

TODAY = histories.SNAPSHOT
SILENCE = ChurnLabel(rule="silence", kinds=["purchase"], active_days=30, horizon_days=10)
CANCEL = ChurnLabel(rule="cancel", active_days=30, horizon_days=10)


def labels(value_days: int = 10, **churn: int) -> LabelParams:
    label = SILENCE.model_copy(update=churn)
    return LabelParams(churn=label, value=ValueLabel(horizon_days=value_days))


def make_calendar(
    as_of: int, first_day: int = 0, every: int = 10, max_snapshots: int = 99, **label_options: int
) -> calendars.Calendar:
    plan = SnapshotParams(every_days=every, most=max_snapshots)
    return calendars.build_calendar(as_of, first_day, labels(**label_options), plan)


# --- the calendar


def test_the_newest_snapshot_is_the_last_whose_label_is_mature() -> None:
    assert make_calendar(100).learning[-1] == 90
    assert make_calendar(100, gap_days=3, settle_days=2).learning[-1] == 85


def test_a_longer_value_window_moves_the_newest_snapshot_back() -> None:
    assert make_calendar(100, value_days=25).learning[-1] == 75


def test_snapshots_go_backwards_from_the_newest_every_so_many_days() -> None:
    assert make_calendar(100, every=25).learning == [40, 65, 90]


def test_no_snapshot_lies_before_active_days_of_history() -> None:
    assert make_calendar(100, first_day=0).learning[0] == 30
    assert make_calendar(100, first_day=1).learning[0] == 40


def test_at_most_so_many_snapshots_and_the_newest_are_kept() -> None:
    assert make_calendar(100, max_snapshots=2).learning == [80, 90]


def test_too_short_a_history_leaves_no_snapshot_to_learn_from() -> None:
    assert make_calendar(100, first_day=61).learning == []


def test_as_of_is_the_snapshot_that_is_scored_and_comes_last() -> None:
    assert make_calendar(100, max_snapshots=1).all == [90, 100]


@pytest.mark.parametrize(
    ("every", "immature"), [(10, 0), (9, 1), (5, 1), (4, 2), (3, 3), (1, 9), (11, 0)]
)
def test_immature_counts_the_grid_between_the_newest_snapshot_and_as_of(
    every: int, immature: int
) -> None:
    when = make_calendar(100, every=every)
    grid = range(when.learning[-1] + every, when.as_of, every)
    assert when.immature == immature == len(grid)


@pytest.mark.parametrize(("settle", "gap"), [(0, 0), (2, 3), (30, 1)])
def test_no_label_of_the_calendar_is_immature_and_no_window_reaches_as_of(
    settle: int, gap: int
) -> None:
    when = make_calendar(200, settle_days=settle, gap_days=gap)
    label = labels(settle_days=settle, gap_days=gap)
    assert when.learning
    for day in when.learning:
        assert point_in_time.churn_window(day, label.churn).mature_on <= when.as_of
        assert point_in_time.value_window(day, label.churn, label.value).mature_on <= when.as_of


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
    assert calendars.plan_calendar(make_params(None), SUMMARY).as_of == 196


def test_history_begins_with_the_labels_own_events() -> None:
    assert calendars.plan_calendar(make_params("1970-04-11"), SUMMARY).learning == [90]


def test_a_label_of_events_that_no_source_tells_is_refused() -> None:
    nothing = SUMMARY.updated(kinds={"campaign": SUMMARY.kinds["campaign"]})
    with pytest.raises(errors.BadInput, match="no event of kind purchase"):
        calendars.plan_calendar(make_params(None), nothing)


# --- who is watched


def cohort_of(table: str, label: ChurnLabel, snapshot: int = TODAY) -> list[str]:
    history = engines.frame(histories.events(table))
    past = point_in_time.as_known_at(history, snapshot)
    return engines.customers(eligibility.cohort(past, snapshot, label))


def test_silence_watches_who_bought_within_active_days() -> None:
    table = """
        customer | kind     | day | known
        edge     | purchase | -30 |
        too old  | purchase | -31 |
        last day | purchase |  -1 |
        today    | purchase |   0 |
        twice    | purchase |  -4 |
        twice    | purchase |  -2 |
        late     | purchase |  -9 |     0
        visitor  | visit    |  -5 |
        returns  | return   |  -5 |
    """
    assert cohort_of(table, SILENCE) == ["edge", "last day", "twice"]
    assert "late" in cohort_of(table, SILENCE, TODAY + 1)


def test_silence_watches_by_the_kinds_that_the_label_names() -> None:
    table = """
        customer | kind     | day
        visitor  | visit    |  -5
        buyer    | purchase |  -5
    """
    label = SILENCE.model_copy(update={"kinds": ["visit", "purchase"]})
    assert cohort_of(table, label) == ["buyer", "visitor"]


def test_silence_forgets_a_purchase_that_was_restated_out_of_the_window() -> None:
    table = """
        event | customer | kind     | day | known
        e     | anna     | purchase |  -5 |    -5
        e     | anna     | purchase | -60 |    -1
    """
    assert cohort_of(table, SILENCE, TODAY - 1) == ["anna"]
    assert cohort_of(table, SILENCE) == []


def test_cancel_watches_who_has_a_live_contract() -> None:
    table = """
        customer    | kind   | contract | day  | known
        lives       | start  | A        | -900 |
        ended       | start  | A        | -900 |
        ended       | cancel | A        |   -1 |
        one of two  | start  | A        | -900 |
        one of two  | cancel | A        |  -50 |
        one of two  | start  | B        |  -40 |
        ends later  | start  | A        | -900 |
        ends later  | cancel | A        |    5 |
        unknown end | start  | A        | -900 |
        unknown end | cancel | A        |   -9 |     3
        not yet     | start  | A        |    0 |
        no start    | cancel | A        |  -30 |
        no contract | start  |          | -900 |
        notice only | start  | A        | -900 |
        notice only | notice | A        |   -9 |
    """
    assert cohort_of(table, CANCEL) == [
        "ends later",
        "lives",
        "notice only",
        "one of two",
        "unknown end",
    ]


def test_two_customers_with_one_contract_id_have_a_contract_each() -> None:
    table = """
        customer | kind   | contract | day
        anna     | start  | A        | -90
        anna     | cancel | A        | -10
        bert     | start  | A        | -90
    """
    assert cohort_of(table, CANCEL) == ["bert"]


def test_a_contract_that_starts_again_after_its_end_lives_on() -> None:
    table = """
        customer | kind   | contract | day
        anna     | start  | A        | -90
        anna     | cancel | A        | -50
        anna     | start  | A        | -20
        bert     | start  | A        | -90
        bert     | cancel | A        | -20
    """
    assert cohort_of(table, CANCEL) == ["anna"]


def test_every_snapshot_of_the_calendar_gets_its_own_cohort_and_as_of_too() -> None:
    history = engines.frame(
        histories.events("""
        customer | kind     | day
        anna     | purchase | -60
        bert     | purchase | -20
    """)
    )
    when = calendars.Calendar(learning=[TODAY - 40, TODAY - 10], as_of=TODAY, immature=0)
    frames = snapshots.snapshots(history, when, SILENCE, restated=True)
    rows = [
        (str(row["snapshot_on"]), row["customer_id"])
        for frame in frames
        for row in engines.collected(frame)
    ]
    assert rows == [("2023-11-22", "anna"), ("2023-12-22", "bert"), ("2024-01-01", "bert")]
