"""Stage `features`: every feature of each cohort's customers, and the histories of all."""

from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Protocol

import pyarrow as pa
import pyarrow.compute as pc

from features import of_company
from features.engine import one_pass
from features.engine.base import Feature
from features.engine.snapshots import CompanyHistory, Each
from features.engine.table import feature_schema
from retention.cohort import calendar
from retention.core import artefacts, console, engine, errors
from retention.core.documents.cohort import FeaturesSummary
from retention.core.engine import Engine, InProcess
from retention.core.params import load_params


class Snapshots(Protocol):
    """What computes the snapshots of a history."""

    def tables_at(self, day: int) -> Iterator[pa.Table]:
        """The feature table of a snapshot, in one piece or more."""

    def histories_at(self, day: int) -> pa.Table:
        """HISTORIES of a snapshot."""


def features(
    snapshots: Snapshots, days: Iterable[int], declared: list[Feature]
) -> Iterator[pa.Table]:
    """The feature table of each snapshot, piece by piece: all need not fit into memory."""
    schema = feature_schema(declared)
    for day in days:
        for table in snapshots.tables_at(day):
            yield table.cast(schema)


@contextmanager
def opened(
    open_engine: Engine, history: CompanyHistory, days: Sequence[int]
) -> Iterator[Snapshots]:
    """Many snapshots in one pass, where the engine can; else each anew."""
    if isinstance(open_engine, InProcess) and len(days) > 1:
        with one_pass.opened(open_engine, history, days) as snapshots:
            yield snapshots
    else:
        yield Each(open_engine, history)


class Constants:
    """The features that carry no information so far: all null, or one value throughout."""

    def __init__(self, declared: list[Feature]) -> None:
        self._values: dict[str, pa.ChunkedArray | None] = {f.name: None for f in declared}

    def see(self, table: pa.Table) -> None:
        """Leave out those with another value in this part of the table."""
        for name, values in list(self._values.items()):
            column = (
                table[name]
                if values is None
                else pa.chunked_array([*values.chunks, *table[name].chunks])
            )
            distinct = pc.unique(column)
            if len(distinct) > 1:
                del self._values[name]
            else:
                self._values[name] = pa.chunked_array([distinct], column.type)

    @property
    def names(self) -> tuple[str, ...]:
        """In the order in which they are declared."""
        return tuple(self._values)


def main() -> None:
    params, summary = load_params(), artefacts.EVENTS_SUMMARY.read()
    declared = of_company(params)
    with console.stage("features") as report:
        days = calendar.plan_calendar(params, summary).all
        report.read(artefacts.EVENTS, summary.rows)
        counted = [artefacts.HISTORIES.schema.empty_table()]
        constant, rows = Constants(declared), 0
        with (
            artefacts.FEATURES.writer(feature_schema(declared)) as writer,
            engine.open_engine(params.engine) as open_engine,
        ):
            history = CompanyHistory(
                open_engine.scan(artefacts.EVENTS),
                open_engine.scan(artefacts.CUSTOMERS),
                open_engine.scan(artefacts.SNAPSHOTS),
                declared,
                params.labels.churn,
                params.service,
                summary.versioned,
            )
            with opened(open_engine, history, days) as snapshots:
                for day in report.track(days, "computing snapshots"):
                    for table in features(snapshots, [day], declared):
                        writer.write(table)
                        constant.see(table)
                        rows += len(table)
                    counted.append(snapshots.histories_at(day))
        artefacts.HISTORIES.write(pa.concat_tables(counted))
        report.wrote(artefacts.FEATURES, rows)
        dead = constant.names
        artefacts.FEATURES_SUMMARY.write(FeaturesSummary(rows=rows, dead=dead))
        if dead:
            report.info(f"{len(dead)} features say nothing here: {', '.join(dead)}")


if __name__ == "__main__":
    errors.run(main)
