"""Stage `labels`: what became of every watched customer, once the time for it has passed."""

from typing import Any

import narwhals as nw
import pyarrow as pa
import pyarrow.compute as pc

from retention.cohort import calendar
from retention.cohort.labels import ARMS, SCHEMA, labels
from retention.core import artefacts, console, engine, errors, point_in_time
from retention.core.params import load_params
from retention.core.storage import atomic
from retention.experiments import assignment_history
from retention.ledgers import assignments


def counts(table: pa.Table) -> dict[str, Any]:
    """What stands in a table of labels, and what was left out and why."""
    dropped = pc.drop_null(table["dropped"])
    kept = table.filter(pc.is_null(table["dropped"]))
    return {
        "rows": len(kept),
        "churned": int(pc.sum(kept["churned"]).as_py() or 0),
        "arms": {name: int(pc.sum(pc.equal(kept["arm"], name)).as_py() or 0) for name in ARMS},
        "dropped": {one["values"]: one["counts"] for one in pc.value_counts(dropped).to_pylist()},
    }


def main() -> None:
    chosen = load_params()
    summary = atomic.read_json(artefacts.EVENTS_SUMMARY)
    when = calendar.plan(chosen, summary)
    with console.stage("labels") as report, engine.opened(chosen.engine) as open_engine:
        report.read(artefacts.EVENTS, summary["rows"])
        watched = open_engine.scan(artefacts.SNAPSHOTS)
        known = point_in_time.past(
            open_engine.scan(artefacts.EVENTS), when.as_of, summary["versioned"]
        )
        history = open_engine.keep(known)
        ours = assignment_history.ours(assignments.FOLDER, chosen.company, when.as_of)
        drawn = open_engine.load(ours) if len(ours) else None
        tables = []
        for day in report.track(when.learning, "labelling snapshots"):
            cohort = watched.filter(nw.col("snapshot_on") == point_in_time.date_of(day))
            frame = labels(cohort.select("customer_id"), history, day, chosen.labels, drawn)
            tables.append(open_engine.collect(frame, sort=["customer_id"]).cast(SCHEMA))
        table = pa.concat_tables([SCHEMA.empty_table(), *tables])
        kept = table.filter(pc.is_null(table["dropped"])).drop_columns(["dropped"])
        atomic.write_table(artefacts.LABELS, kept)
        found = counts(table) | {"immature_snapshots": when.immature}
        atomic.write_json(artefacts.LABELS_SUMMARY, found)
        report.wrote(artefacts.LABELS, len(kept))
        report.say(
            f"{found['churned']:,} of {found['rows']:,} churned; left out: "
            f"{sum(found['dropped'].values()):,} dropped, {when.immature} snapshots not yet mature"
        )


if __name__ == "__main__":
    errors.run(main)
