"""Many snapshots from one pass: the values of each snapshot computed by itself, to the last bit."""

import narwhals as nw
import pyarrow as pa
import pytest

from features.engine import one_pass
from features.engine.base import Appended, Feature, Grain, count, total, within
from features.engine.expressions import Reader, UnreadableError
from features.engine.snapshots import CompanyHistory, Each
from retention.core import point_in_time
from retention.core.params import ChurnLabel, ServiceParams
from tests.support import engines, histories

SNAPSHOT = histories.SNAPSHOT
EARLIER = SNAPSHOT - 45
DAYS = [EARLIER, SNAPSHOT]
CUSTOMERS = 14


LAGS = {"purchase": 2, "invoice": 2}  # days; of other kinds none


def in_order(events: list[histories.Event]) -> list[histories.Event]:
    """Every second customer's events as known after the usual lag, in one version, an order on one
    day; those of the others as they are: late, restated and out of order."""
    history: dict[str, histories.Event] = {}
    for i, event in enumerate(events):
        if event["customer_id"][-1] not in "02468":
            history[f"{i}"] = event
        elif event["event_id"] not in history:
            day, order = event["occurred_day"], event["order_id"]
            dated = histories.known_on(event, day + LAGS.get(event["kind"], 0))
            history[event["event_id"]] = dated | {"order_id": order and f"{order} {day}"}
    return list(history.values())


def history_of(events: list[histories.Event], features: list[Feature]) -> CompanyHistory:
    duck = engines.duck()
    customers = sorted({event["customer_id"] for event in events} | {"", "never seen", "~"})
    cohorts = {
        "customer_id": customers * len(DAYS),
        "snapshot_on": [point_in_time.date_of(day) for day in DAYS for _ in customers],
    }
    return CompanyHistory(
        engines.frame(events),
        duck.load(histories.people_table([])),
        duck.load(pa.table(cohorts)),
        features,
        ChurnLabel(rule="silence"),
        ServiceParams(),
    )


def one_of_each(features: list[Feature]) -> list[Feature]:
    """Every feature in one of its windows, a middle one."""
    by_name: dict[str, list[Feature]] = {}
    for feature in features:
        by_name.setdefault(feature.name.removesuffix(f"_{feature.window}d"), []).append(feature)
    return [windows[len(windows) // 2] for windows in by_name.values()]


def readable(read: bool = True) -> list[Feature]:
    """The features of appended grains that one pass computes, or does not."""
    tried = []
    for feature in engines.declared():
        if feature.grain.form is not None:
            try:
                Reader(feature.grain).read(feature.expr)
                tried.append((feature, True))
            except UnreadableError:
                tried.append((feature, False))
    return [feature for feature, is_read in tried if is_read is read]


def test_one_pass_computes_what_every_snapshot_by_itself_does() -> None:
    parts = histories.examples(histories.histories(CUSTOMERS), 3)
    events = in_order(histories.together(parts))
    history = history_of(events, one_of_each(readable()))
    each = Each(engines.duck(), history)
    with one_pass.opened(engines.duck(), history, DAYS, len(events) // 2) as snapshots:
        assert {kind: snapshots.lags[kind] for kind in LAGS} == LAGS
        n_exact = len(snapshots.exact_ids)
        assert 5 < n_exact < 2 * CUSTOMERS
        table = pa.concat_tables(snapshots.tables_at(EARLIER))
        assert table.equals(next(each.tables_at(EARLIER)).cast(table.schema))
        assert snapshots.histories_at(EARLIER).equals(each.histories_at(EARLIER))


def test_what_one_pass_cannot_read_is_computed_at_each_snapshot() -> None:
    """A change of Narwhals that hides expressions would show here, and not only in the time."""
    names = {feature.name for feature in readable(read=False)}
    assert names == {
        *("last_overcharge", "last_rise", "bill_change"),  # of the newest day
        *("last_rating", "rating_trend", "last_said_solved", "last_dissatisfaction"),
        *("rating_lowest_365d", "person_lowest_365d"),  # the lowest of a window
        *("unanswered_180d", "unanswered_365d"),  # until an answer comes
    }
    assert len(readable()) > 150


AGE, NEWEST = nw.col("age"), nw.col("silence")
ROWS = Grain("rows", (), lambda past: past.all_events, Appended(silence="silence", changing=("x",)))


@pytest.mark.parametrize(
    "expr",
    [
        nw.col("age").sum(),  # it grows with every snapshot
        total("x", within(30)),  # a later row changes it
        total("age", within(30)),
        nw.when(within(30)).then(nw.col("y")).max(),
        nw.when(within(30)).then(1).otherwise(2).sum(),
        nw.when(within(30)).then(1).sum(),
        nw.when(AGE == NEWEST).then(nw.col("y")).sum(),
        nw.when(AGE == NEWEST).then(nw.col("y")).otherwise(7).max(),
        nw.when(nw.col("y") > AGE).then(1).otherwise(0).sum(),
        nw.when(nw.col("y") > 0).then(AGE).otherwise(0).min(),
        nw.col("y").n_unique(),
        nw.col("y").cum_sum().max(),
        nw.col("y") + nw.col("y").sum(),
        count(within(30)) - nw.col("y").max().over("customer_id"),
    ],
)
def test_an_expression_of_another_form_is_never_taken_for_a_measure(expr: nw.Expr) -> None:
    with pytest.raises(UnreadableError):
        Reader(ROWS).read(expr)


def test_a_text_and_a_number_are_two_measures() -> None:
    reader = Reader(ROWS)
    for value in (1, "1"):
        reader.read(count(within(30) & (nw.col("y") == value)))
    assert len(reader.measures) == 2
