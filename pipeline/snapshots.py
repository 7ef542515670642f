"""Stage `snapshots`: on which days we look, and which customers we watch on each."""

import narwhals as nw
import pyarrow as pa

from retention.cohort.calendar import Calendar, plan_calendar
from retention.cohort.eligibility import cohort
from retention.core import artefacts, console, engine, errors, point_in_time
from retention.core.params import ChurnLabel, load_params
from retention.core.point_in_time import Frame
from retention.core.storage import atomic


def snapshots(history: Frame, calendar: Calendar, label: ChurnLabel, restated: bool) -> list[Frame]:
    """The watched customers of every snapshot, one lazy frame a snapshot, as SCHEMA."""
    frames = []
    for day in calendar.all:
        customers = cohort(point_in_time.as_known_at(history, day, restated), day, label)
        frames.append(
            customers.with_columns(snapshot_on=nw.lit(point_in_time.date_of(day), nw.Date()))
        )
    return frames


def main() -> None:
    params = load_params()
    summary = atomic.read_json(artefacts.EVENTS_SUMMARY)
    with console.stage("snapshots") as report, engine.open_engine(params.engine) as open_engine:
        calendar = plan_calendar(params, summary)
        report.read(artefacts.EVENTS, summary["rows"])
        history = open_engine.scan(artefacts.EVENTS)
        frames = snapshots(history, calendar, params.labels.churn, summary["versioned"])
        tables = [
            open_engine.collect(frame, sort=["customer_id"]).cast(artefacts.SNAPSHOTS.schema)
            for frame in report.track(frames, "finding the customers watched")
        ]
        table = pa.concat_tables(tables)
        artefacts.SNAPSHOTS.write(table)
        days = [point_in_time.date_of(day) for day in calendar.all]
        counts = {
            "as_of": str(days[-1]),
            "learning": [str(day) for day in days[:-1]],
            "immature_snapshots": calendar.immature,
            "watched": {
                str(point_in_time.date_of(day)): len(table_)
                for day, table_ in zip(calendar.all, tables, strict=True)
            },
        }
        atomic.write_json(artefacts.SNAPSHOTS_SUMMARY, counts)
        report.wrote(artefacts.SNAPSHOTS, len(table))
        report.info(
            f"{len(calendar.learning)} snapshots to learn from, {calendar.immature} not yet mature, "
            f"{len(tables[-1]):,} customers watched at {counts['as_of']}"
        )
        if not len(tables[-1]):
            raise errors.BadInput(
                f"data/events: no customer is watched at {counts['as_of']}; "
                "check as_of and labels.churn in params.yaml"
            )


if __name__ == "__main__":
    errors.run(main)
