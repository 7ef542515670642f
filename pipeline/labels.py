"""Stage `labels`: label each customer of each snapshot whose label windows have closed."""

from typing import Any

import narwhals as nw
import pyarrow as pa
import pyarrow.compute as pc

from retention.cohort.calendar import Calendar, plan_calendar
from retention.cohort.earlier_labels import earlier_labels
from retention.cohort.labels import ARMS, SCHEMA, label_cohort
from retention.core import artefacts, console, engine, errors, point_in_time
from retention.core.documents.cohort import LabelsSummary
from retention.core.params import LabelParams, load_params
from retention.core.point_in_time import Frame
from retention.experiments.assignment_history import assignments_from_lists
from retention.ledgers import assignments


def labels(
    cohorts: Frame,
    history: Frame,
    calendar: Calendar,
    label_params: LabelParams,
    assignments: Frame | None = None,
    campaign_days: int = 0,
) -> list[Frame]:
    """The labels of each snapshot to learn from, as lazy frames of SCHEMA.

    cohorts: of artefacts.SNAPSHOTS. history: everything known before as_of. assignments: those of
    the published lists, which last for campaign_days.
    """
    frames = []
    for day in calendar.learning:
        cohort = cohorts.filter(nw.col("snapshot_on") == point_in_time.date_of(day))
        customers = cohort.select("customer_id")
        frames.append(
            label_cohort(customers, history, day, label_params, assignments, campaign_days)
        )
    return frames


def label_counts(table: pa.Table) -> dict[str, Any]:
    """How many labels there are, churned and by arm, and how many were dropped and why."""
    dropped = pc.drop_null(table["dropped"])
    labelled = table.filter(pc.is_null(table["dropped"]))
    return {
        "rows": len(labelled),
        "churned": int(pc.sum(labelled["churned"]).as_py() or 0),
        "arms": {name: int(pc.sum(pc.equal(labelled["arm"], name)).as_py() or 0) for name in ARMS},
        "dropped": {
            reason["values"]: reason["counts"] for reason in pc.value_counts(dropped).to_pylist()
        },
    }


def main() -> None:
    params = load_params()
    summary = artefacts.EVENTS_SUMMARY.read()
    calendar = plan_calendar(params, summary)
    with console.stage("labels") as report, engine.open_engine(params.engine) as open_engine:
        report.read(artefacts.EVENTS, summary.rows)
        cohorts = open_engine.scan(artefacts.SNAPSHOTS)
        events = open_engine.scan(artefacts.EVENTS)
        versions = events.filter(nw.col("known_day") < calendar.as_of)
        known_events = point_in_time.as_known_at(events, calendar.as_of, summary.versioned)
        history = open_engine.materialize(known_events)
        assigned = assignments_from_lists(assignments.FOLDER, params.company, calendar.as_of)
        arms = open_engine.load(assigned) if len(assigned) else None
        campaign_days = params.at_risk.campaign_days
        frames = labels(cohorts, history, calendar, params.labels, arms, campaign_days)
        tables = [
            open_engine.collect(frame, sort=["customer_id"]).cast(SCHEMA)
            for frame in report.track(frames, "labelling snapshots")
        ]
        table = pa.concat_tables([SCHEMA.empty_table(), *tables])
        labelled = table.filter(pc.is_null(table["dropped"])).drop_columns(["dropped"])
        artefacts.LABELS.write(labelled)
        earlier = earlier_labels(
            open_engine,
            cohorts,
            versions,
            calendar.learning,
            params.labels,
            table,
            arms,
            summary.versioned,
            lambda spans: report.track(spans, "labelling by what was known earlier"),
        )
        artefacts.EARLIER_LABELS.write(earlier)
        counts = LabelsSummary(**label_counts(table), immature_snapshots=calendar.immature)
        artefacts.LABELS_SUMMARY.write(counts)
        report.wrote(artefacts.LABELS, len(labelled))
        if len(earlier):
            report.info(f"{len(earlier):,} labels were others on days when less was known")
        report.info(
            f"{counts.churned:,} of {counts.rows:,} churned; left out:"
            f" {sum(counts.dropped.values()):,} dropped, {calendar.immature} snapshots not yet"
            " mature"
        )


if __name__ == "__main__":
    errors.run(main)
