"""The feature tables of many snapshots from one pass over the events.

Each customer's events are sorted once (running.py), and every feature that reads an appended grain
is looked up in them, at every snapshot (expressions.py). The other features are computed anew at
each snapshot, as `table.py` does; so are all features of customers with an event that became known
out of order or in several versions. The values are the same either way.

Customers are taken in parts, ranges of their ids: memory holds the events of one part, and parts
follow each other in the order of the table. The company's events may be any number.
"""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import narwhals as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.engine.base import CUSTOMER, DERIVED, Appended, Feature, Grain, Grouped, Past, Weekly
from features.engine.expressions import IS_FIRST, IS_SECOND, Measure, Reader, Unreadable
from features.engine.running import Ints, Rows
from features.engine.table import (
    aggregates,
    customer_attributes,
    finished,
    history_lengths,
    join_all,
)
from retention.core import point_in_time
from retention.core.engine import Engine
from retention.core.params import ServiceParams
from retention.core.point_in_time import Frame

PART_EVENTS: Final = 2_000_000
"""Events whose customers are one part: a few hundred megabytes."""


@dataclass(frozen=True)
class Plan:
    """How the features of one grain follow from measures of its rows."""

    grain: Grain
    measures: dict[Measure, str]  # with the columns that hold them
    exprs: dict[str, nw.Expr]  # of those columns, by feature

    @property
    def rows(self) -> Grain:
        """The appended grain that is measured."""
        form = self.grain.form
        return form.rows if isinstance(form, (Grouped, Weekly)) else self.grain

    @property
    def is_there(self) -> str:
        """The column that says whether the customer has a row."""
        return f"{self.grain.name} rows"


def plans(features: Sequence[Feature], lags: dict[str, int]) -> list[Plan]:
    """What can be computed in one pass, by grain. lags: of `usual_lags`.

    The kinds of a grain become known by the same lag, or its rows do not stay in order.
    """
    planned = []
    for grain in dict.fromkeys(feature.grain for feature in features):
        if grain.form is None or len({lags[kind] for kind in grain.kinds if kind in lags}) != 1:
            continue
        reader, exprs = Reader(grain), {}
        for feature in features:
            if feature.grain is grain and feature.unit != "category":
                try:
                    exprs[feature.name] = reader.read(feature.expr)
                except Unreadable:
                    continue
        if exprs:
            planned.append(Plan(grain, reader.measures, exprs))
    return planned


def usual_lags(open_engine: Engine, events: Frame) -> dict[str, int]:
    """Days after which an event of a kind becomes known, as most of them do."""
    lag = nw.col("known_day") - nw.col("occurred_day")
    counted = events.with_columns(lag=lag).group_by("kind", "lag").agg(events=nw.len())
    rows = open_engine.collect(counted, sort=["kind", "events", "lag"]).to_pylist()
    return {row["kind"]: int(row["lag"]) for row in rows}  # the last is the most frequent


def features_at_all(
    open_engine: Engine,
    events: Frame,
    customers: Frame,
    cohorts: Frame,
    days: Iterable[int],
    features: Sequence[Feature],
    restated: bool,
    service_params: ServiceParams,
    part_events: int = PART_EVENTS,
) -> Iterator[pa.Table]:
    """The feature table of each snapshot in turn, in one piece a part of the customers."""
    with TemporaryDirectory(prefix="features-") as folder:
        whole = _History(open_engine, events, cohorts, list(days), features, restated)
        parts = whole.parts(Path(folder), part_events)
        for day in whole.days:
            yield from whole.tables_at(day, parts, customers, service_params)
            open_engine.release()


class _History:
    """All events, and what is known of their order."""

    def __init__(
        self,
        open_engine: Engine,
        events: Frame,
        cohorts: Frame,
        days: list[int],
        features: Sequence[Feature],
        restated: bool,
    ) -> None:
        self.engine, self.events, self.cohorts = open_engine, events, cohorts
        self.days, self.features, self.restated = days, features, restated
        self.last = max(days)
        self.lags = usual_lags(open_engine, events)
        self.plans = plans(features, self.lags)
        self.in_one_pass = {name for plan in self.plans for name in plan.exprs}
        self.exact_ids = self._collect(self._out_of_order(), "customer_id")["customer_id"]

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
        found = [read.filter(unusual).select("customer_id")]
        if self.restated:
            found.append(self._versions.select("customer_id"))
        for form, kinds in self._rows_of_events():
            found.append(
                read.filter(nw.col("kind").is_in(kinds), ~nw.col(form).is_null())
                .group_by("customer_id", form)
                .agg(first=nw.col("occurred_day").min(), last=nw.col("occurred_day").max())
                .filter(nw.col("first") != nw.col("last"))
                .select("customer_id")
            )
        return nw.concat(found, how="vertical").unique()

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
        read = self.events.filter(nw.col("kind").is_in([*sorted(self.kinds), point_in_time.WITHDRAWN]))
        exact = read.join(ids, on="customer_id", how="inner")
        return self.engine.load(self._collect(exact, "customer_id", "event_id", "known_at"))

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

    def parts(self, folder: Path, part_events: int) -> list["_Part"]:
        """The customers of all cohorts, in the order of their ids, cut into parts."""
        events = self.engine.collect(self.events.select(number=nw.len()), sort=["number"])
        ids = self._collect(self.cohorts.select("customer_id").unique(), "customer_id")
        ids = ids["customer_id"].combine_chunks()
        number = max(1, -(-events["number"][0].as_py() // part_events))
        bounds = np.linspace(0, len(ids), number + 1).astype(int)
        slices = [ids[low:high] for low, high in zip(bounds[:-1], bounds[1:], strict=True)]
        built = []
        for i, part_ids in enumerate(part for part in slices if len(part)):
            place = folder / str(i)
            place.mkdir()
            built.append(_Part(self, part_ids, place if number > 1 else None))
        return built

    def tables_at(
        self, day: int, parts: list["_Part"], customers: Frame, service_params: ServiceParams
    ) -> Iterator[pa.Table]:
        """The feature table of a snapshot, a part of the customers after the other."""
        lengths = self._lengths(day)
        on = point_in_time.date_of(day)
        cohort = self.cohorts.filter(nw.col("snapshot_on") == on).select("customer_id")
        past = Past(
            point_in_time.as_known_at(self.events, day, self.restated),
            customer_attributes(customers, day),
            day,
            self.engine.materialize,
            service_params,
        )
        anew = [feature for feature in self.features if feature.name not in self.in_one_pass]
        plain = [feature for feature in anew if feature.grain is not DERIVED]
        others = aggregates(past, plain, lengths)
        exact = self._exact_at(day, cohort, lengths, service_params)
        for part in parts:
            members = self.engine.materialize(cohort.filter(part.contains()))
            with self.engine.lend(part.measured(day)) as measured:
                found = part.features(measured)
                if exact is not None:
                    found = nw.concat([found, exact], how="vertical")
                frame = join_all(past, members, [found, *others])
                yield self._collect(finished(frame, day, self.features, lengths), "customer_id")

    def _exact_at(
        self, day: int, cohort: Frame, lengths: dict[str, int], service_params: ServiceParams
    ) -> Frame | None:
        """The features of one pass, computed anew for customers who are not in order."""
        if not len(self.exact_ids):
            return None
        events = point_in_time.as_known_at(self._exact_events, day, self.restated)
        past = Past(events, events, day, self.engine.materialize, service_params)
        features = [feature for feature in self.features if feature.name in self.in_one_pass]
        ids = self.engine.load(pa.table({"customer_id": self.exact_ids}))
        members = cohort.join(ids, on="customer_id", how="inner")
        computed = join_all(past, members, aggregates(past, features, lengths))
        names = set(computed.collect_schema().names())
        none = nw.lit(None, nw.Float64())
        columns = {
            feature.name: nw.col(feature.name) if feature.name in names else none
            for feature in features
        }
        floats = {name: column.cast(nw.Float64()) for name, column in columns.items()}
        return self.engine.materialize(computed.select("customer_id", **floats))


class _Part:
    """Some customers: the rows of their whole history, sorted."""

    def __init__(self, history: _History, ids: pa.Array, folder: Path | None) -> None:
        self.history, self.folder = history, folder
        self.low, self.high = ids[0].as_py(), ids[-1].as_py()
        in_order = pc.invert(pc.is_in(ids, value_set=history.exact_ids.combine_chunks()))
        self.ids = ids.filter(in_order)
        numbers = pa.array(np.arange(len(self.ids)))
        who = pa.table({"customer_id": self.ids, "number": numbers})
        with history.engine.lend(who) as numbered, ExitStack() as opened:
            self.cohorts = self._cohorts(numbered)
            self.rows = self._sorted_rows(numbered, opened)
        history.engine.release()

    def contains(self) -> nw.Expr:
        """Whether a customer is of this part."""
        return (nw.col("customer_id") >= self.low) & (nw.col("customer_id") <= self.high)

    def _cohorts(self, numbered: Frame) -> dict[int, Ints]:
        """The customers, by number, of each snapshot."""
        members = self.history.cohorts.filter(self.contains()).join(
            numbered, on="customer_id", how="inner"
        )
        table = self.history.engine.collect(
            members.select("snapshot_on", "number"), sort=["snapshot_on", "number"]
        )
        on = table["snapshot_on"].to_numpy().astype("datetime64[D]").astype(np.int64)
        numbers = table["number"].to_numpy()
        starts = np.searchsorted(on, self.history.days)
        ends = np.searchsorted(on, self.history.days, "right")
        return {
            day: numbers[start:end]
            for day, start, end in zip(self.history.days, starts, ends, strict=True)
        }

    def _sorted_rows(self, numbered: Frame, opened: ExitStack) -> dict[Grain, Rows]:
        """The rows of each grain that is measured."""
        history = self.history
        events = (
            history.events.filter(self.contains())
            .join(numbered, on="customer_id", how="inner")
            .with_columns(customer_id=nw.col("number"))
            .drop("number")
        )
        past_events = point_in_time.as_known_at(events, history.last, restated=False)
        past = Past(past_events, past_events, history.last, history.engine.materialize)
        return {
            grain: self._rows(past, grain)
            for grain in dict.fromkeys(plan.rows for plan in history.plans)
        }

    def _rows(self, past: Past, grain: Grain) -> Rows:
        of_grain = [plan for plan in self.history.plans if plan.rows is grain]
        measures = [measure for plan in of_grain for measure in plan.measures]
        values = {measure.text: measure.value for measure in measures}
        names = {text: f"value {i}" for i, text in enumerate(values)}
        frame = past[grain]
        for plan in of_grain:
            if isinstance(plan.grain.form, Grouped):
                frame = _with_places_in_group(frame, plan.grain.form.key)
                values |= {"before": nw.col("before_day")}
                names |= {"before": "before"}
        table = self.history.engine.collect(
            frame.select(
                "customer_id",
                day=past.snapshot - nw.col("age"),
                **{names[text]: value for text, value in values.items()},
            ),
            sort=["customer_id", "day"],
        )
        columns = {text: table[name].combine_chunks() for text, name in names.items()}
        rows = Rows(
            table["customer_id"].to_numpy().astype(np.int64),
            table["day"].to_numpy().astype(np.int64),
            {text: _numbers(column) for text, column in columns.items()},
            {text: column.is_valid().to_numpy(zero_copy_only=False) for text, column in columns.items()},
            len(self.ids),
            next(self.history.lags[kind] for kind in grain.kinds if kind in self.history.lags),
            self._place(grain),
        )
        rows.prepare(measures)
        return rows

    def _place(self, grain: Grain) -> Path | None:
        if self.folder is None:
            return None
        place = self.folder / grain.name
        place.mkdir()
        return place

    def measured(self, day: int) -> pa.Table:
        """customer_id and every measure, of the customers of a snapshot who are in order."""
        numbers = self.cohorts[day]
        columns = {"customer_id": self.ids.take(pa.array(numbers))}
        for grain, rows in self.rows.items():
            view = rows.at(numbers, day)
            for plan in self.history.plans:
                if plan.rows is grain:
                    columns[plan.is_there] = pa.array(view.some)
                    for measure, name in plan.measures.items():
                        value, none = view.measure(measure)
                        columns[name] = pa.array(value, mask=none)
        return pa.table(columns)

    def features(self, measured: Frame) -> Frame:
        """customer_id and the features of one pass, from the measures."""
        columns = {
            name: nw.when(nw.col(plan.is_there)).then(expr).cast(nw.Float64())
            for plan in self.history.plans
            for name, expr in plan.exprs.items()
        }
        ordered = {f.name: columns[f.name] for f in self.history.features if f.name in columns}
        return measured.select("customer_id", **ordered)


def _with_places_in_group(frame: Frame, key: str) -> Frame:
    """The rows, with the day of the group's row before, and whether it is its first or second."""
    before, second = (
        nw.col("occurred_day").shift(n).over("customer_id", key, order_by="occurred_day")
        for n in (1, 2)
    )
    frame = frame.with_columns(before_day=before, before_that=second)
    is_first = nw.col("before_day").is_null()
    is_second = ~is_first & nw.col("before_that").is_null()
    return frame.with_columns(
        is_first=nw.when(is_first).then(1).otherwise(0),
        is_second=nw.when(is_second).then(1).otherwise(0),
    )


def _numbers(column: pa.Array) -> np.ndarray:  # type: ignore[type-arg]
    """Whole numbers as int64, others as float64; null as 0."""
    whole = pa.types.is_integer(column.type) or pa.types.is_decimal(column.type)
    kind = pa.int64() if whole or pa.types.is_boolean(column.type) else pa.float64()
    return pc.fill_null(column.cast(kind), 0).to_numpy(zero_copy_only=False)
