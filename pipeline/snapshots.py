"""Stage `snapshots`: on which days we look, and which customers we watch on each."""

from dataclasses import dataclass
from typing import Any

import narwhals as nw
import pyarrow as pa

from pipeline import artefacts, clocks, engine, errors, files, params, progress
from pipeline.clocks import Frame
from pipeline.params import ChurnLabel, Labels, Params

SCHEMA = pa.schema([("customer_id", pa.string()), ("snapshot_on", pa.date32())])


@dataclass(frozen=True)
class Calendar:
    """Day numbers: the snapshots to learn from, oldest first, and the one that is scored."""

    learning: list[int]
    as_of: int
    immature: int

    @property
    def all(self) -> list[int]:
        return [*self.learning, self.as_of]


def calendar(as_of: int, first_day: int, labels: Labels, plan: params.Snapshots) -> Calendar:
    """The newest snapshot with mature labels, then backwards every `every_days`.

    None lies before `active_days` of history exist. `immature` counts the grid's later days.
    """
    reach = clocks.ripening(labels)
    newest, oldest = as_of - reach, first_day + labels.churn.active_days
    learning = list(range(newest, oldest - 1, -plan.every_days))[: plan.most][::-1]
    return Calendar(learning, as_of, immature=(reach - 1) // plan.every_days)


def buyers(past: Frame, label: ChurnLabel) -> Frame:
    """Rule `silence`: customers with one of the label's kinds within `active_days`."""
    active = nw.col("kind").is_in(label.kinds) & (nw.col("age") <= label.active_days)
    return past.filter(active).select("customer_id").unique()


def contracts(past: Frame) -> Frame:
    """One row a contract: customer_id, contract_id, start_day, end_day (null while it lives).

    One that starts again after its end lives on.
    """
    kind, day = nw.col("kind"), nw.col("occurred_day")
    return (
        past.filter(kind.is_in(["start", "cancel"]), ~nw.col("contract_id").is_null())
        .group_by("customer_id", "contract_id")
        .agg(
            start_day=nw.when(kind == "start").then(day).min(),
            again_on=nw.when(kind == "start").then(day).max(),
            end_day=nw.when(kind == "cancel").then(day).max(),
        )
        .filter(~nw.col("start_day").is_null())
        .with_columns(
            end_day=nw.when(nw.col("end_day") >= nw.col("again_on")).then(nw.col("end_day"))
        )
        .drop("again_on")
    )


def subscribers(past: Frame, snapshot: int) -> Frame:
    """Rule `cancel`: customers with a contract that has started and, as known, not ended."""
    live = (nw.col("start_day") < snapshot) & nw.col("end_day").is_null()
    return contracts(past).filter(live).select("customer_id").unique()


def watched(past: Frame, snapshot: int, label: ChurnLabel) -> Frame:
    """The customers watched at a snapshot, by the label's rule, from its past alone."""
    return buyers(past, label) if label.rule == "silence" else subscribers(past, snapshot)


def label_kinds(label: ChurnLabel) -> list[str]:
    """The kinds of event that the churn label reads."""
    return label.kinds if label.rule == "silence" else ["start", "cancel"]


def _label_days(summary: dict[str, Any], label: ChurnLabel) -> tuple[int, int]:
    """First day on which the label's events happened; last day known in all their sources."""
    kinds = set(label_kinds(label))
    found = [stats for kind, stats in summary["kinds"].items() if kind in kinds]
    if not found:
        raise errors.BadInput(
            f"data/events: no event of kind {', '.join(sorted(kinds))}, which labels.churn reads; "
            "map one in params.yaml under sources"
        )
    reaching = [one for one in summary["sources"].values() if kinds & set(one["kinds"])]
    return min(one["first_day"] for one in found), min(one["last_known_day"] for one in reaching)


def plan(chosen: Params, summary: dict[str, Any]) -> Calendar:
    """The calendar from params and the summary of stage `events`."""
    first_day, last_day = _label_days(summary, chosen.labels.churn)
    as_of = clocks.day_number(chosen.as_of) if chosen.as_of else last_day + 1
    return calendar(as_of, first_day, chosen.labels, chosen.snapshots)


def snapshots(history: Frame, when: Calendar, label: ChurnLabel, restated: bool) -> list[Frame]:
    """The watched customers of every snapshot, one lazy frame a snapshot, as SCHEMA."""
    frames = []
    for day in when.all:
        seen = watched(clocks.past(history, day, restated), day, label)
        frames.append(seen.with_columns(snapshot_on=nw.lit(clocks.date_of(day), nw.Date())))
    return frames


def main() -> None:
    chosen = params.load()
    summary = files.read_json(artefacts.EVENTS_SUMMARY)
    with progress.stage("snapshots") as report, engine.opened(chosen.engine) as open_engine:
        when = plan(chosen, summary)
        report.read(artefacts.EVENTS, summary["rows"])
        history = open_engine.scan(artefacts.EVENTS)
        frames = snapshots(history, when, chosen.labels.churn, summary["versioned"])
        tables = [
            open_engine.collect(frame, sort=["customer_id"]).cast(SCHEMA)
            for frame in report.track(frames, "finding the customers watched")
        ]
        table = pa.concat_tables(tables)
        files.write_table(artefacts.SNAPSHOTS, table)
        days = [clocks.date_of(day) for day in when.all]
        counts = {
            "as_of": str(days[-1]),
            "learning": [str(day) for day in days[:-1]],
            "immature_snapshots": when.immature,
            "watched": {
                str(clocks.date_of(day)): len(one)
                for day, one in zip(when.all, tables, strict=True)
            },
        }
        files.write_json(artefacts.SNAPSHOTS_SUMMARY, counts)
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
