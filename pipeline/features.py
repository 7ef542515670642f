"""Stage `features`: every declared feature of every watched customer at every snapshot."""

from collections.abc import Iterator

import narwhals as nw
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import features as themes
from features.engine.base import Feature
from features.engine.table import features_at, schema
from retention.cohort import calendar
from retention.core import artefacts, console, engine, errors, feature_table, point_in_time
from retention.core.params import load_params
from retention.core.storage import atomic


def dead_features(table: pa.Table) -> list[str]:
    """The features that say nothing: all null, or one value throughout."""
    names = [name for name in table.column_names if name not in feature_table.KEYS]
    return [name for name in names if pc.count_distinct(table[name], mode="all").as_py() <= 1]


def _tables(report: console.Report, declared: list[Feature]) -> Iterator[pa.Table]:
    params, summary = load_params(), atomic.read_json(artefacts.EVENTS_SUMMARY)
    when = calendar.plan_calendar(params, summary)
    report.read(artefacts.EVENTS, summary["rows"])
    with engine.open_engine(params.engine) as opened:
        history_frame = opened.scan(artefacts.EVENTS)
        watched = opened.scan(artefacts.SNAPSHOTS)
        people = opened.scan(artefacts.CUSTOMERS)
        for day in report.track(when.all, "computing snapshots"):
            cohort = watched.filter(nw.col("snapshot_on") == point_in_time.date_of(day))
            versioned, levels = summary["versioned"], params.service
            yield features_at(
                opened, history_frame, people, cohort, day, declared, versioned, levels
            )


def main() -> None:
    declared = themes.discover(load_params().features.windows)
    wanted = schema(declared)
    with console.stage("features") as report:
        with (
            atomic.atomic_file(artefacts.FEATURES.path) as path,
            pq.ParquetWriter(path, wanted) as writer,
        ):
            for table in _tables(report, declared):
                writer.write_table(table.cast(wanted))
        whole = pq.read_table(artefacts.FEATURES)
        report.wrote(artefacts.FEATURES, len(whole))
        silent = dead_features(whole)
        atomic.write_json(artefacts.FEATURES_SUMMARY, {"rows": len(whole), "dead": silent})
        if silent:
            report.say(f"{len(silent)} features say nothing here: {', '.join(silent)}")


if __name__ == "__main__":
    errors.run(main)
