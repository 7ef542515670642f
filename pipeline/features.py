"""Stage `features`: every feature of each cohort's customers, and the histories of all."""

from collections.abc import Iterable, Iterator

import narwhals as nw
import pyarrow as pa
import pyarrow.compute as pc

from features import of_company
from features.engine.base import Feature
from features.engine.histories import histories
from features.engine.table import feature_schema, features_at
from retention.cohort import calendar
from retention.core import artefacts, console, engine, errors, feature_table, point_in_time
from retention.core.documents.cohort import FeaturesSummary
from retention.core.engine import Engine
from retention.core.params import ServiceParams, load_params
from retention.core.point_in_time import Frame


def features(
    open_engine: Engine,
    events: Frame,
    customers: Frame,
    cohorts: Frame,
    days: Iterable[int],
    declared: list[Feature],
    service_params: ServiceParams,
    restated: bool = True,
) -> Iterator[pa.Table]:
    """The feature table of each snapshot, one at a time: all of them need not fit into memory.

    cohorts: customer_id, snapshot_on. days: the snapshots, as day numbers. restated: whether some
    event has more than one version.
    """
    schema = feature_schema(declared)
    for day in days:
        cohort = cohorts.filter(nw.col("snapshot_on") == point_in_time.date_of(day))
        table = features_at(
            open_engine, events, customers, cohort, day, declared, restated, service_params
        )
        yield table.cast(schema)


def dead_features(table: pa.Table) -> list[str]:
    """The features that carry no information: all null, or one value throughout."""
    names = [name for name in table.column_names if name not in feature_table.KEYS]
    return [name for name in names if pc.count_distinct(table[name], mode="all").as_py() <= 1]


def main() -> None:
    params, summary = load_params(), artefacts.EVENTS_SUMMARY.read()
    declared = of_company(params)
    with console.stage("features") as report:
        snapshots = calendar.plan_calendar(params, summary).all
        report.read(artefacts.EVENTS, summary.rows)
        with (
            artefacts.FEATURES.writer(feature_schema(declared)) as writer,
            engine.open_engine(params.engine) as open_engine,
        ):
            for table in features(
                open_engine,
                open_engine.scan(artefacts.EVENTS),
                open_engine.scan(artefacts.CUSTOMERS),
                open_engine.scan(artefacts.SNAPSHOTS),
                report.track(snapshots, "computing snapshots"),
                declared,
                params.service,
                summary.versioned,
            ):
                writer.write(table)
            days = report.track(snapshots, "counting histories")
            events = open_engine.scan(artefacts.EVENTS)
            label = params.labels.churn
            counted = histories(open_engine, events, days, label, summary.versioned)
        artefacts.HISTORIES.write(counted)
        whole = artefacts.FEATURES.read()
        report.wrote(artefacts.FEATURES, len(whole))
        dead = dead_features(whole)
        artefacts.FEATURES_SUMMARY.write(FeaturesSummary(rows=len(whole), dead=tuple(dead)))
        if dead:
            report.info(f"{len(dead)} features say nothing here: {', '.join(dead)}")


if __name__ == "__main__":
    errors.run(main)
