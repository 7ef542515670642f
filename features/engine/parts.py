"""A part of the customers: the rows of their whole history, sorted once for all snapshots."""

from dataclasses import dataclass
from pathlib import Path

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from features.engine.base import Grain, Grouped, Past
from features.engine.grains import purchase_days
from features.engine.plans import Plan
from features.engine.running import Array, Ints, Rows
from retention.core import point_in_time
from retention.core.engine import InProcess
from retention.core.point_in_time import Frame


@dataclass(frozen=True)
class Reading:
    """What all parts are read from, and for."""

    engine: InProcess
    events: Frame
    cohorts: Frame
    days: list[int]  # of the snapshots
    plans: list[Plan]
    lags: dict[str, int]  # of `usual_lags`
    exact_ids: pa.Array  # customers who are left out, as they are not in order

    @property
    def last(self) -> int:
        """The last snapshot."""
        return max(self.days)

    @property
    def grains(self) -> list[Grain]:
        """The appended grains that are measured."""
        return list(dict.fromkeys(plan.rows for plan in self.plans))


class Part:
    """Some customers: the rows of their whole history, sorted."""

    def __init__(
        self,
        reading: Reading,
        ids: pa.Array,
        limits: tuple[str | None, str | None],
        folder: Path | None,
    ) -> None:
        self.reading, self.folder = reading, folder
        self.low, self.high = limits
        in_order = pc.invert(pc.is_in(ids, value_set=reading.exact_ids))
        self.ids = ids.filter(in_order)
        numbers = pa.array(np.arange(len(self.ids)))
        who = pa.table({"customer_id": self.ids, "number": numbers})
        with reading.engine.lend(who) as numbered:
            self.cohorts = self._cohorts(numbered)
            self.rows = self._sorted_rows(numbered)
        reading.engine.release()

    def _of_part(self, frame: Frame) -> Frame:
        """The rows of the part's customers."""
        if self.low is not None:
            frame = frame.filter(nw.col("customer_id") >= self.low)
        if self.high is not None:
            frame = frame.filter(nw.col("customer_id") < self.high)
        return frame

    def members(self, cohort: pa.Table) -> pa.Table:
        """Those of a cohort, which is sorted, that are of this part."""
        ids = cohort["customer_id"]
        first = 0 if self.low is None else pc.sum(pc.less(ids, self.low)).as_py() or 0
        last = len(ids) if self.high is None else pc.sum(pc.less(ids, self.high)).as_py() or 0
        return cohort.slice(first, last - first)

    def _cohorts(self, numbered: Frame) -> dict[int, Ints]:
        """The customers, by number, of each snapshot."""
        members = self._of_part(self.reading.cohorts)
        members = members.join(numbered, on="customer_id", how="inner")
        table = self.reading.engine.collect(
            members.select("snapshot_on", "number"), sort=["snapshot_on", "number"]
        )
        on = table["snapshot_on"].to_numpy().astype("datetime64[D]").astype(np.int64)
        numbers = table["number"].to_numpy()
        starts = np.searchsorted(on, self.reading.days)
        ends = np.searchsorted(on, self.reading.days, "right")
        return {
            day: numbers[start:end]
            for day, start, end in zip(self.reading.days, starts, ends, strict=True)
        }

    def _sorted_rows(self, numbered: Frame) -> dict[Grain, Rows]:
        """The rows of each grain that is measured."""
        reading = self.reading
        events = (
            self._of_part(reading.events)
            .join(numbered, on="customer_id", how="inner")
            .with_columns(customer_id=nw.col("number"))
            .drop("number")
        )
        past_events = point_in_time.as_known_at(events, reading.last, restated=False)
        past = Past(past_events, past_events, reading.last, reading.engine.materialize)
        return {grain: self._rows(past, grain) for grain in reading.grains}

    def _rows(self, past: Past, grain: Grain) -> Rows:
        of_grain = [plan for plan in self.reading.plans if plan.rows is grain]
        measures = [measure for plan in of_grain for measure in plan.measures]
        values = {measure.text: measure.value for measure in measures}
        names = {text: f"value {i}" for i, text in enumerate(values)}
        frame = past[grain]
        for plan in of_grain:
            if isinstance(plan.grain.form, Grouped):
                frame = _with_places_in_group(frame, plan.grain.form.key)
                values |= {"before": nw.col("before_day")}
                names |= {"before": "before"}
        table = self.reading.engine.collect(
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
            {
                text: column.is_valid().to_numpy(zero_copy_only=False)
                for text, column in columns.items()
            },
            len(self.ids),
            next(self.reading.lags[kind] for kind in grain.kinds if kind in self.reading.lags),
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
            view = rows.view(numbers, day)
            for plan in self.reading.plans:
                if plan.rows is grain:
                    columns[plan.is_there] = pa.array(view.some)
                    for measure, name in plan.measures.items():
                        value, none = view.measure(measure)
                        columns[name] = pa.array(value, mask=none)
        return pa.table(columns)

    def histories(self, day: int) -> pa.Table:
        """Of the customers in order: how many have which history of purchases."""
        view = self.rows[purchase_days].view(np.arange(len(self.ids)), day)
        columns = {
            "repeats": (view.end - view.start - 1)[view.some],
            "last": (view.age(view.start) - view.age(view.end - 1))[view.some],
            "age": view.age(view.start)[view.some],
        }
        counted = pd.DataFrame(columns).value_counts(sort=False).reset_index(name="customers")
        table = pa.Table.from_pandas(counted.astype("int64"), preserve_index=False)
        return table.append_column("ended", pa.nulls(len(table), pa.bool_()))


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


def _numbers(column: pa.Array) -> Array:
    """Whole numbers as int64, others as float64; null as 0."""
    whole = pa.types.is_integer(column.type) or pa.types.is_decimal(column.type)
    kind = pa.int64() if whole or pa.types.is_boolean(column.type) else pa.float64()
    numbers: Array = pc.fill_null(column.cast(kind), 0).to_numpy(zero_copy_only=False)
    return numbers
