"""Stage `snapshots`: on which days we look, and which customers we watch on each."""

import narwhals as nw
import pyarrow as pa

from retention.cohort.calendar import Calendar, plan
from retention.cohort.eligibility import watched
from retention.core import artefacts, console, engine, errors, point_in_time
from retention.core.params import ChurnLabel, load_params
from retention.core.point_in_time import Frame
from retention.core.storage import atomic

SCHEMA = pa.schema([("customer_id", pa.string()), ("snapshot_on", pa.date32())])


def snapshots(history: Frame, when: Calendar, label: ChurnLabel, restated: bool) -> list[Frame]:
    """The watched customers of every snapshot, one lazy frame a snapshot, as SCHEMA."""
    frames = []
    for day in when.all:
        seen = watched(point_in_time.past(history, day, restated), day, label)
        frames.append(seen.with_columns(snapshot_on=nw.lit(point_in_time.date_of(day), nw.Date())))
    return frames


def main() -> None:
    chosen = load_params()
    summary = atomic.read_json(artefacts.EVENTS_SUMMARY)
    with console.stage("snapshots") as report, engine.opened(chosen.engine) as open_engine:
        when = plan(chosen, summary)
        report.read(artefacts.EVENTS, summary["rows"])
        history = open_engine.scan(artefacts.EVENTS)
        frames = snapshots(history, when, chosen.labels.churn, summary["versioned"])
        tables = [
            open_engine.collect(frame, sort=["customer_id"]).cast(SCHEMA)
            for frame in report.track(frames, "finding the customers watched")
        ]
        table = pa.concat_tables(tables)
        atomic.write_table(artefacts.SNAPSHOTS, table)
        days = [point_in_time.date_of(day) for day in when.all]
        counts = {
            "as_of": str(days[-1]),
            "learning": [str(day) for day in days[:-1]],
            "immature_snapshots": when.immature,
            "watched": {
                str(point_in_time.date_of(day)): len(one)
                for day, one in zip(when.all, tables, strict=True)
            },
        }
        atomic.write_json(artefacts.SNAPSHOTS_SUMMARY, counts)
        report.wrote(artefacts.SNAPSHOTS, len(table))
        report.say(
            f"{len(when.learning)} snapshots to learn from, {when.immature} not yet mature, "
            f"{len(tables[-1]):,} customers watched at {counts['as_of']}"
        )
        if not len(tables[-1]):
            raise errors.BadInput(
                f"data/events: no customer is watched at {counts['as_of']}; "
                "check as_of and labels.churn in params.yaml"
            )


if __name__ == "__main__":
    errors.run(main)
