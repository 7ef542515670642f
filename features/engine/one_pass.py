"""The feature tables of many snapshots from one pass over the events.

Each customer's events are sorted once (running.py), and every feature that reads an appended grain
is looked up in them, at every snapshot (expressions.py). The other features are computed anew at
each snapshot, as `table.py` does; so are all features of customers with an event that became known
out of order or in several versions. The values are the same either way.

Customers are taken in parts, ranges of their ids: memory holds the events of one part, and parts
follow each other in the order of the table. The company's events may be any number.
"""

from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import narwhals as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.engine.base import CUSTOMER, DERIVED, Appended, Feature, Past
from features.engine.grains import purchase_days
from features.engine.histories import HISTORY, dated, purchase_histories
from features.engine.parts import Part, Reading
from features.engine.plans import plans, usual_lags
from features.engine.snapshots import CompanyHistory
from features.engine.table import (
    aggregates,
    filled,
    finished,
    history_lengths,
    is_out_of_reach,
    join_all,
)
from retention.core import point_in_time
from retention.core.engine import InProcess
from retention.core.point_in_time import Frame

PART_EVENTS: Final = 2_000_000
"""Events whose customers are one part: a few hundred megabytes."""


@contextmanager
def opened(
    open_engine: InProcess,
    history: CompanyHistory,
    days: Sequence[int],
    part_events: int = PART_EVENTS,
) -> Iterator["OnePass"]:
    """A history, read once for the snapshots of some days."""
    with TemporaryDirectory(prefix="features-") as folder:
        one_pass = OnePass(open_engine, history, days)
        one_pass.read(Path(folder), part_events)
        yield one_pass


class OnePass:
    """The feature tables, and the histories of purchases, of many snapshots."""

    def __init__(
        self, open_engine: InProcess, history: CompanyHistory, days: Sequence[int]
    ) -> None:
        self.engine, self.history, self.days = open_engine, history, list(days)
        self.events, self.cohorts, self.features = history.events, history.cohorts, history.features
        self.restated = history.restated
        self.lags = usual_lags(open_engine, self.events)
        self.plans = plans(self.features, self.lags)
        self.in_one_pass = {name for plan in self.plans for name in plan.exprs}
        out_of_order = self._collect(self._out_of_order(), "customer_id")
        self.exact_ids = out_of_order["customer_id"].combine_chunks()
        self._reading = Reading(
            open_engine,
            self.events,
            self.cohorts,
            self.days,
            self.plans,
            self.lags,
            self.exact_ids,
        )
        self._parts: list[Part] = []
        self._query: Callable[[], pa.Table] | None = None

    def _collect(self, frame: Frame, *sort: str) -> pa.Table:
        return self.engine.collect(frame, sort=sort)

    @property
    def kinds(self) -> set[str]:
        """Of the events that are read in one pass."""
        return {kind for plan in self.plans for kind in plan.grain.kinds}

    def _out_of_order(self) -> Frame:
        """customer_id of those with an event that is not known after its kind's usual lag, in
        several versions, or part of a row with events of another day."""
        read = self.events.filter(nw.col("kind").is_in(sorted(self.kinds)))
        lag = nw.col("known_day") - nw.col("occurred_day")
        unusual = nw.any_horizontal(
            *((nw.col("kind") == kind) & (lag != usual) for kind, usual in self.lags.items()),
            ignore_nulls=True,
        )
        customers = [read.filter(unusual).select("customer_id")]
        if self.restated:
            customers.append(self._versions.select("customer_id"))
        for form, kinds in self._rows_of_events():
            customers.append(
                read.filter(nw.col("kind").is_in(kinds), ~nw.col(form).is_null())
                .group_by("customer_id", form)
                .agg(first=nw.col("occurred_day").min(), last=nw.col("occurred_day").max())
                .filter(nw.col("first") != nw.col("last"))
                .select("customer_id")
            )
        return nw.concat(customers, how="vertical").unique()

    def _rows_of_events(self) -> list[tuple[str, tuple[str, ...]]]:
        """The columns by which events of some kinds are one row."""
        forms = [(plan.rows.form, plan.grain.kinds) for plan in self.plans]
        return [
            (form.one_row, kinds)
            for form, kinds in forms
            if isinstance(form, Appended) and form.one_row
        ]

    @cached_property
    def _versions(self) -> Frame:
        """The events that stand in more than one version."""
        counted = self.events.group_by("event_id").agg(versions=nw.len())
        several = counted.filter(nw.col("versions") > 1).select("event_id")
        versions = self.events.join(several, on="event_id", how="inner")
        return self.engine.load(self._collect(versions, "event_id", "known_at"))

    @cached_property
    def _exact_events(self) -> Frame:
        """The events of the customers who are not in order."""
        ids = self.engine.load(pa.table({"customer_id": self.exact_ids}))
        read = self.events.filter(
            nw.col("kind").is_in([*sorted(self.kinds), point_in_time.WITHDRAWN])
        )
        exact = read.join(ids, on="customer_id", how="inner")
        return self.engine.load(self._collect(exact, "customer_id", "event_id", "known_at"))

    def _exact_past(self, day: int) -> Past:
        """What is known of them at a snapshot."""
        events = point_in_time.as_known_at(self._exact_events, day, self.restated)
        return Past(events, events, day, self.engine.materialize)

    @cached_property
    def _first_days(self) -> pa.Table:
        """kind, source, known_day, first_day of the events that stand in one version."""
        single = self.events
        if self.restated:
            single = single.join(self._versions.select("event_id"), on="event_id", how="anti")
        grouped = single.group_by("kind", "source", "known_day")
        return self._collect(
            grouped.agg(first_day=nw.col("occurred_day").min()), "kind", "source", "known_day"
        )

    def _lengths(self, day: int) -> dict[str, int]:
        """Days of history per kind at a snapshot."""
        table = self._first_days
        rows = table.filter(pc.less(table["known_day"], day)).to_pylist()
        if self.restated:
            past = point_in_time.as_known_at(self._versions, day)
            first = past.group_by("kind", "source").agg(first_day=nw.col("occurred_day").min())
            rows += self._collect(first, "kind", "source").to_pylist()
        return history_lengths(rows, day)

    def read(self, folder: Path, part_events: int) -> None:
        """Sort the events of all customers, in the order of their ids, part by part."""
        events = self._collect(self.events.select(events=nw.len()), "events")["events"][0].as_py()
        all_ids = self._collect(self.events.select("customer_id").unique(), "customer_id")
        ids = all_ids["customer_id"].combine_chunks()
        number = max(1, min(len(ids), -(-events // part_events)))
        bounds = np.linspace(0, len(ids), number + 1).astype(int)
        # the first part reaches down, and the last up, to customers without any event
        limits = [None, *(ids[bound].as_py() for bound in bounds[1:-1]), None]
        for i in range(number):
            place = folder / str(i)
            place.mkdir()
            part_ids = ids[bounds[i] : bounds[i + 1]]
            part_place = place if number > 1 else None
            self._parts.append(
                Part(self._reading, part_ids, (limits[i], limits[i + 1]), part_place)
            )

    def tables_at(self, day: int) -> Iterator[pa.Table]:
        """The feature table of a snapshot, a part of the customers after the other."""
        lengths = self._lengths(day)
        cohort = self.history.cohort(day)
        others = self._others(day, cohort, lengths)
        exact = self._exact_at(day, cohort, lengths)
        members = self._collect(cohort, "customer_id")
        for part in self._parts:
            tables = {
                "members": _with_reach(part.members(members), self.features, lengths),
                "measured": part.measured(day),
                "exact": exact,
                "others": others,
            }
            yield self._finished(tables)
        self.engine.release()

    def _finished(self, tables: dict[str, pa.Table]) -> pa.Table:
        """The feature table of some members from what was measured and computed of them."""
        with ExitStack() as stack:
            frames = {
                name: stack.enter_context(self.engine.lend(table, f"one_pass_{name}"))
                for name, table in tables.items()
            }
            if self._query is None:
                in_order = self._features(frames["measured"])
                both = nw.concat([in_order, frames["exact"]], how="vertical")
                frame = frames["members"]
                for part in (both, frames["others"]):
                    frame = frame.join(part, on="customer_id", how="left")
                frame = finished(frame, self.features, self._null_rule)
                self._query = self.engine.query(frame, ["customer_id"])
            return self._query()

    def _null_rule(self, feature: Feature) -> nw.Expr:
        """The column under its rule for nulls, whose reach stands beside the members."""
        if feature.grain is CUSTOMER:
            return filled(feature)
        if not any(kind in self.lags for kind in feature.grain.kinds):
            return nw.lit(None, nw.Float64())
        return nw.when(nw.col(_reach(feature))).then(filled(feature))

    def histories_at(self, day: int) -> pa.Table:
        """HISTORIES of a snapshot."""
        if self.history.label.rule != "silence" or purchase_days not in self._reading.grains:
            return self.history.histories_at(self.engine, day)
        counted = [part.histories(day) for part in self._parts]
        if len(self.exact_ids):
            exact = self._collect(purchase_histories(self._exact_past(day)), *HISTORY)
            self.engine.release()
            counted.append(exact.select(counted[0].column_names).cast(counted[0].schema))
        sums = pa.concat_tables(counted).group_by(list(HISTORY)).aggregate([("customers", "sum")])
        table = sums.rename_columns([*HISTORY, "customers"])
        return dated(table.sort_by([(name, "ascending") for name in HISTORY]), day)

    def _features(self, measured: Frame) -> Frame:
        """customer_id and the features of one pass, from the measures."""
        columns = {
            name: nw.when(nw.col(plan.is_there)).then(expr).cast(nw.Float64())
            for plan in self.plans
            for name, expr in plan.exprs.items()
        }
        ordered = {f.name: columns[f.name] for f in self.features if f.name in columns}
        return measured.select("customer_id", **ordered)

    def _others(self, day: int, cohort: Frame, lengths: dict[str, int]) -> pa.Table:
        """customer_id and the aggregates of the features that are computed anew."""
        past = self.history.past(self.engine, day)
        others = [
            feature
            for feature in self.features
            if feature.name not in self.in_one_pass and feature.grain is not DERIVED
        ]
        computed = join_all(past, cohort.select("customer_id"), aggregates(past, others, lengths))
        return _completed(self._collect(computed, "customer_id"), others)

    def _exact_at(self, day: int, cohort: Frame, lengths: dict[str, int]) -> pa.Table:
        """The features of one pass, computed anew for customers who are not in order."""
        features = [feature for feature in self.features if feature.name in self.in_one_pass]
        if not len(self.exact_ids):
            nobody = pa.table({"customer_id": pa.array([], pa.string())})
            return _completed(nobody, features)
        past = self._exact_past(day)
        ids = self.engine.load(pa.table({"customer_id": self.exact_ids}))
        members = cohort.select("customer_id").join(ids, on="customer_id", how="inner")
        computed = join_all(past, members, aggregates(past, features, lengths))
        return _completed(self._collect(computed, "customer_id"), features)


def _completed(table: pa.Table, features: Sequence[Feature]) -> pa.Table:
    """customer_id and every one of the features in a type of its own, null where it is missing."""
    columns = {"customer_id": table["customer_id"]}
    for feature in features:
        kind = pa.string() if feature.unit == "category" else pa.float64()
        there = feature.name in table.column_names
        columns[feature.name] = (
            table[feature.name].cast(kind) if there else pa.nulls(len(table), kind)
        )
    return pa.table(columns)


def _reach(feature: Feature) -> str:
    """The column that says whether the history is long enough for a feature."""
    return f"reach {feature.reach} of {' '.join(feature.grain.kinds)}"


def _with_reach(
    members: pa.Table, features: Sequence[Feature], lengths: dict[str, int]
) -> pa.Table:
    flags = {_reach(feature): not is_out_of_reach(feature, lengths) for feature in features}
    columns = {name: pa.repeat(flag, len(members)) for name, flag in flags.items()}
    return pa.table(
        {"customer_id": members["customer_id"], "snapshot_on": members["snapshot_on"], **columns}
    )
