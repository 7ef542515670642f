"""Stage `labels`: label each customer of each snapshot whose label windows have closed."""

from typing import Any

import narwhals as nw
import pyarrow as pa
import pyarrow.compute as pc

from retention.cohort.calendar import Calendar, plan_calendar
from retention.cohort.durations import durations, later_values
from retention.cohort.earlier_labels import earlier_labels
from retention.cohort.labels import ARMS, SCHEMA, label_cohort
from retention.core import artefacts, console, engine, errors, point_in_time
from retention.core.documents.cohort import LabelsSummary
from retention.core.params import LabelParams, Params, load_params
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


def follow_ups(
    cohorts: Frame, history: Frame, calendar: Calendar, params: Params
) -> list[tuple[Frame, Frame]]:
    """DURATIONS and LATER_VALUES of each snapshot to learn from, as lazy frames.

    cohorts, history: as `labels` takes them.
    """
    frames, max_days = [], point_in_time.days_to_follow(params.train.lifetime_days)
    for day in calendar.learning:
        cohort = cohorts.filter(nw.col("snapshot_on") == point_in_time.date_of(day))
        followed = min(
            max_days, point_in_time.followed_days(day, calendar.as_of, params.labels.churn)
        )
        left = durations(cohort, history, day, params.labels.churn, followed)
        frames.append((left, later_values(cohort, history, day, params.labels, followed)))
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


def united(table: artefacts.Table, parts: list[pa.Table]) -> pa.Table:
    """The parts of a table one after the other."""
    return pa.concat_tables([table.schema.empty_table(), *(p.cast(table.schema) for p in parts)])


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
        durations_by_day, values_by_day = [], []
        pairs = follow_ups(cohorts, history, calendar, params)
        for left, money in report.track(pairs, "following customers"):
            durations_by_day.append(open_engine.collect(left, sort=["customer_id"]))
            values_by_day.append(open_engine.collect(money, sort=["customer_id", "window"]))
        artefacts.DURATIONS.write(united(artefacts.DURATIONS, durations_by_day))
        artefacts.LATER_VALUES.write(united(artefacts.LATER_VALUES, values_by_day))
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
