"""Stage `snapshots`: lay out the calendar of snapshots and take the cohort of each."""

import narwhals as nw
import pyarrow as pa

from retention.cohort.calendar import Calendar, plan_calendar
from retention.cohort.eligibility import cohort
from retention.core import artefacts, console, engine, errors, point_in_time
from retention.core.documents.cohort import SnapshotsSummary
from retention.core.params import ChurnLabel, load_params
from retention.core.point_in_time import Frame


def snapshots(history: Frame, calendar: Calendar, label: ChurnLabel, restated: bool) -> list[Frame]:
    """The cohort of each snapshot of the calendar, as lazy frames of artefacts.SNAPSHOTS.

    restated: whether any event of `history` has several versions.
    """
    return [
        cohort(point_in_time.as_known_at(history, day, restated), day, label).with_columns(
            snapshot_on=nw.lit(point_in_time.date_of(day), nw.Date())
        )
        for day in calendar.all
    ]


def main() -> None:
    params = load_params()
    summary = artefacts.EVENTS_SUMMARY.read()
    with console.stage("snapshots") as report, engine.open_engine(params.engine) as open_engine:
        calendar = plan_calendar(params, summary)
        report.read(artefacts.EVENTS, summary.rows)
        history = open_engine.scan(artefacts.EVENTS)
        frames = snapshots(history, calendar, params.labels.churn, summary.versioned)
        tables = [
            open_engine.collect(frame, sort=["customer_id"]).cast(artefacts.SNAPSHOTS.schema)
            for frame in report.track(frames, "finding the active customers")
        ]
        table = pa.concat_tables(tables)
        artefacts.SNAPSHOTS.write(table)
        days = [point_in_time.date_of(day) for day in calendar.all]
        counts = SnapshotsSummary(
            as_of=days[-1],
            learning=tuple(days[:-1]),
            immature_snapshots=calendar.immature,
            watched={day: len(cohort) for day, cohort in zip(days, tables, strict=True)},
        )
        artefacts.SNAPSHOTS_SUMMARY.write(counts)
        report.wrote(artefacts.SNAPSHOTS, len(table))
        report.info(
            f"{len(calendar.learning)} snapshots to learn from, {calendar.immature} not yet mature,"
            f" {len(tables[-1]):,} active customers at {counts.as_of}"
        )
        if not len(tables[-1]):
            raise errors.BadInput(
                f"data/events: no customer is active at {counts.as_of}; "
                "check as_of and labels.churn in params.yaml"
            )


if __name__ == "__main__":
    errors.run(main)
