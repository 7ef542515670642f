"""Labels as they stood on earlier days, where facts that became known later have changed them.

A label of today is computed from all that is known today. A model that predicts a past snapshot in
a test had less: a purchase that was made in the label window and posted after the day of the test
was none to it. Only customers with such late facts are labelled again, for the days before they
were known.
"""

from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from retention.cohort.calendar import label_kinds
from retention.cohort.labels import label_cohort
from retention.core import artefacts, point_in_time
from retention.core.engine import Engine
from retention.core.params import LabelParams
from retention.core.point_in_time import Frame

_FACTS = ("churned", "value", "arm")
_DAYS = ("first_day", "last_day", "known_day")
_ANY_DAY = -point_in_time.LAST_DAY


@dataclass(frozen=True)
class Span:
    """The days of the facts that decide the label of a snapshot, and a day before it was known."""

    snapshot: int
    known_before: int
    first: int | None  # None: all that ever happened, as with contracts
    end: int  # the day after the last

    def missed(self, late: Frame) -> Frame:
        """The late facts that the label missed on that day."""
        known_day, first_day, last_day = (
            nw.col(name) for name in ("known_day", "first_day", "last_day")
        )
        return late.filter(
            known_day >= self.known_before,
            first_day < self.end,
            last_day >= (self.first or _ANY_DAY),
        )

    def misses_any(self, days: pd.DataFrame) -> bool:
        """Whether there are any; days: first_day, last_day, known_day of all late facts."""
        missed = (days["known_day"] >= self.known_before) & (days["first_day"] < self.end)
        return bool((missed & (days["last_day"] >= (self.first or _ANY_DAY))).any())


def earlier_labels(
    open_engine: Engine,
    cohorts: Frame,
    events: Frame,
    learning: list[int],
    label_params: LabelParams,
    final: pa.Table,
    assignments: Frame | None = None,
    restated: bool = True,
    track: Callable[[list[Span]], Iterable[Span]] = iter,
) -> pa.Table:
    """EARLIER_LABELS: what the labels of a snapshot were on the later snapshots, where they differ.

    cohorts: of artefacts.SNAPSHOTS. events: all versions known before as_of. learning: the
    snapshots with mature labels, ascending. final: the labels of today, as SCHEMA of labels.py.
    assignments: as `arms` takes them. restated: whether some event has several versions.
    """
    late = open_engine.materialize(late_facts(events, label_params, restated))
    days = open_engine.collect(late.select(*_DAYS).unique(), sort=list(_DAYS)).to_pandas()
    spans = [span for span in _spans(learning, label_params) if span.misses_any(days)]
    if not spans:
        return artefacts.EARLIER_LABELS.schema.empty_table()
    concerned = events.join(late.select("customer_id").unique(), on="customer_id", how="semi")
    history = open_engine.materialize(concerned)
    tables = []
    for span in track(spans):
        customers = span.missed(late).select("customer_id").unique()
        date = point_in_time.date_of(span.snapshot)
        cohort = cohorts.filter(nw.col("snapshot_on") == date).select("customer_id")
        cohort = cohort.join(customers, on="customer_id", how="semi")
        known_events = point_in_time.as_known_at(history, span.known_before, restated)
        known_events = known_events.join(customers, on="customer_id", how="semi")
        frame = label_cohort(cohort, known_events, span.snapshot, label_params, assignments)
        then = open_engine.collect(frame, sort=["customer_id"])
        tables.append(_different(then, final, span))
    return pa.concat_tables(tables)


def late_facts(events: Frame, label_params: LabelParams, restated: bool) -> Frame:
    """customer_id, first_day, last_day, known_day of what may have become known after the label.

    The days differ where versions of an event disagree on when it happened.
    """
    day = nw.col("occurred_day")
    kinds = {*label_kinds(label_params.churn), *label_params.value.kinds, "outreach"}
    kinds |= {*label_params.value.cost_kinds, point_in_time.WITHDRAWN}
    first, last = (day.min(), day.max()) if restated else (day, day)
    if restated:
        first, last = first.over("event_id"), last.over("event_id")
    after = nw.col("known_day") - nw.col("first_day") > label_params.churn.settle_days
    deciding = events.filter(nw.col("kind").is_in(sorted(kinds)))
    dated = deciding.with_columns(first_day=first).with_columns(last_day=last)
    return dated.filter(after).select("customer_id", *_DAYS).unique()


def _spans(learning: list[int], label_params: LabelParams) -> Iterator[Span]:
    delay = point_in_time.label_delay_days(label_params)
    churn = label_params.churn
    for snapshot in learning:
        ends = (
            point_in_time.churn_window(snapshot, churn).end,
            point_in_time.value_window(snapshot, churn, label_params.value).end,
        )
        first = snapshot if churn.rule == "silence" else None
        for day in learning:
            if snapshot + delay <= day:
                yield Span(snapshot, day, first, max(ends))


def _different(then: pa.Table, final: pa.Table, span: Span) -> pa.Table:
    """The rows of EARLIER_LABELS: labels of one snapshot that are not those of today."""
    today = final.filter(pc.equal(final["snapshot_on"], point_in_time.date_of(span.snapshot)))
    tables = (_without_dropped(table).select(["customer_id", *_FACTS]) for table in (then, today))
    before, now = (table.to_pandas().set_index("customer_id") for table in tables)
    now = now.reindex(before.index)
    same = [
        (before[name] == now[name]) | (before[name].isna() & now[name].isna()) for name in _FACTS
    ]
    changed = then.filter(pa.array(~np.logical_and.reduce(same)))
    day = pa.array([point_in_time.date_of(span.known_before)] * len(changed), pa.date32())
    columns = _without_dropped(changed).append_column("known_before", day)
    schema = artefacts.EARLIER_LABELS.schema
    return columns.select(schema.names).cast(schema)


def _without_dropped(table: pa.Table) -> pa.Table:
    """`churned` is null where there is no label."""
    place = table.schema.get_field_index("churned")
    has_label = pc.is_null(table["dropped"])
    churned = pc.if_else(has_label, table["churned"], pa.scalar(None, pa.bool_()))
    return table.set_column(place, "churned", churned)
