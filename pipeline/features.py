"""Stage `features`: every declared feature of every watched customer at every snapshot."""

from collections.abc import Iterator

import narwhals as nw
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import features as themes
from features.base import Feature, Past, compute, history
from pipeline import artefacts, clocks, engine, errors, files, params, progress, snapshots
from pipeline.clocks import Frame
from pipeline.learning import matrix


def attributes(table: Frame, snapshot: int) -> Frame:
    """Customers' attributes as known at a snapshot, one row a customer, in their newest version.

    Without a known_day only what was settled when the customer joined may be seen.
    """
    stamped, since = ~nw.col("known_day").is_null(), nw.col("known_day").fill_null(-1)
    known = table.filter(since < snapshot).with_columns(since=since)
    newest = known.filter(nw.col("since") == nw.col("since").max().over("customer_id"))
    joined = nw.col("joined_day") < snapshot
    settled = stamped | joined | nw.col("joined_day").is_null()
    return newest.select(
        "customer_id",
        tenure=nw.when(joined).then(snapshot - nw.col("joined_day")),
        acquisition_cost=nw.when(settled).then(nw.col("acquisition_cost")),
        acquisition_channel=nw.when(settled).then(nw.col("acquisition_channel")),
        region=nw.when(stamped).then(nw.col("region")),
        preferred_channel=nw.when(stamped).then(nw.col("preferred_channel")),
    )


def features_at(
    open_engine: engine.Engine,
    events_frame: Frame,
    customers_frame: Frame,
    cohort: Frame,
    snapshot: int,
    declared: list[Feature],
    restated: bool = True,
    levels: params.Service | None = None,
) -> pa.Table:
    """The features of a cohort (customer_id) at one snapshot, from its past alone."""
    past = Past(
        clocks.past(events_frame, snapshot, restated),
        attributes(customers_frame, snapshot),
        snapshot,
        open_engine.keep,
        levels or params.Service(),
    )
    since = open_engine.collect(past.first_days(), sort=["kind", "source"]).to_pylist()
    frame = compute(past, cohort, declared, history(since, snapshot))
    table = open_engine.collect(frame, sort=["customer_id"])
    open_engine.forget()
    return table


def schema(declared: list[Feature]) -> pa.Schema:
    """customer_id, snapshot_on, then the features in their declared order."""
    types = [
        (one.name, pa.string() if one.unit == "category" else pa.float64()) for one in declared
    ]
    return pa.schema([("customer_id", pa.string()), ("snapshot_on", pa.date32()), *types])


def dead(table: pa.Table) -> list[str]:
    """The features that say nothing: all null, or one value throughout."""
    names = [name for name in table.column_names if name not in matrix.KEYS]
    return [name for name in names if pc.count_distinct(table[name], mode="all").as_py() <= 1]


def _tables(report: progress.Report, declared: list[Feature]) -> Iterator[pa.Table]:
    chosen, summary = params.load(), files.read_json(artefacts.EVENTS_SUMMARY)
    when = snapshots.plan(chosen, summary)
    report.read(artefacts.EVENTS, summary["rows"])
    with engine.opened(chosen.engine) as opened:
        history_frame = opened.scan(artefacts.EVENTS)
        watched = opened.scan(artefacts.SNAPSHOTS)
        people = opened.scan(artefacts.CUSTOMERS)
        for day in report.track(when.all, "computing snapshots"):
            cohort = watched.filter(nw.col("snapshot_on") == clocks.date_of(day))
            versioned, levels = summary["versioned"], chosen.service
            yield features_at(
                opened, history_frame, people, cohort, day, declared, versioned, levels
            )


def main() -> None:
    declared = themes.declared(params.load().features.windows)
    wanted = schema(declared)
    with progress.stage("features") as report:
        with (
            files.replacing(artefacts.FEATURES.path) as path,
            pq.ParquetWriter(path, wanted) as writer,
        ):
            for table in _tables(report, declared):
                writer.write_table(table.cast(wanted))
        whole = pq.read_table(artefacts.FEATURES)
        report.wrote(artefacts.FEATURES, len(whole))
        silent = dead(whole)
        files.write_json(artefacts.FEATURES_SUMMARY, {"rows": len(whole), "dead": silent})
        if silent:
            report.say(f"{len(silent)} features say nothing here: {', '.join(silent)}")


if __name__ == "__main__":
    errors.run(main)
