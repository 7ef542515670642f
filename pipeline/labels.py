"""Stage `labels`: what became of every watched customer, once the time for it has passed."""

from typing import Any

import narwhals as nw
import pyarrow as pa
import pyarrow.compute as pc

from retention.cohort import calendar
from retention.cohort.labels import ARMS, SCHEMA, label_cohort
from retention.core import artefacts, console, engine, errors, point_in_time
from retention.core.params import load_params
from retention.core.storage import atomic
from retention.experiments import assignment_history
from retention.ledgers import assignments


def label_counts(table: pa.Table) -> dict[str, Any]:
    """What stands in a table of labels, and what was left out and why."""
    dropped = pc.drop_null(table["dropped"])
    labelled = table.filter(pc.is_null(table["dropped"]))
    return {
        "rows": len(labelled),
        "churned": int(pc.sum(labelled["churned"]).as_py() or 0),
        "arms": {name: int(pc.sum(pc.equal(labelled["arm"], name)).as_py() or 0) for name in ARMS},
        "dropped": {
            entry["values"]: entry["counts"] for entry in pc.value_counts(dropped).to_pylist()
        },
    }


def main() -> None:
    params = load_params()
    summary = atomic.read_json(artefacts.EVENTS_SUMMARY)
    when = calendar.plan_calendar(params, summary)
    with console.stage("labels") as report, engine.open_engine(params.engine) as open_engine:
        report.read(artefacts.EVENTS, summary["rows"])
        cohorts = open_engine.scan(artefacts.SNAPSHOTS)
        known_events = point_in_time.as_known_at(
            open_engine.scan(artefacts.EVENTS), when.as_of, summary["versioned"]
        )
        history = open_engine.materialize(known_events)
        assigned = assignment_history.assignments_from_lists(
            assignments.FOLDER, params.company, when.as_of
        )
        assignments_ = open_engine.load(assigned) if len(assigned) else None
        tables = []
        for day in report.track(when.learning, "labelling snapshots"):
            cohort = cohorts.filter(nw.col("snapshot_on") == point_in_time.date_of(day))
            frame = label_cohort(
                cohort.select("customer_id"), history, day, params.labels, assignments_
            )
            tables.append(open_engine.collect(frame, sort=["customer_id"]).cast(SCHEMA))
        table = pa.concat_tables([SCHEMA.empty_table(), *tables])
        labelled = table.filter(pc.is_null(table["dropped"])).drop_columns(["dropped"])
        artefacts.LABELS.write(labelled)
        summary_ = label_counts(table) | {"immature_snapshots": when.immature}
        atomic.write_json(artefacts.LABELS_SUMMARY, summary_)
        report.wrote(artefacts.LABELS, len(labelled))
        report.info(
            f"{summary_['churned']:,} of {summary_['rows']:,} churned; left out: "
            f"{sum(summary_['dropped'].values()):,} dropped, {when.immature} snapshots not yet mature"
        )


if __name__ == "__main__":
    errors.run(main)
