"""The history that all sources tell together: its order of life, and what each source covers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import events
from retention.cohort import lifecycle
from retention.commands.check import samples
from retention.commands.check.findings import Group, date
from retention.commands.check.ingest_sample import Seen
from retention.core import artefacts
from retention.core.params import Params
from retention.core.storage import atomic


def history(rules: Params, seen: Seen, folder: Path) -> dict[str, Any] | None:
    """The summary of all events: those read, if these are all; else what the last run found."""
    if seen.whole:
        return _summary(seen.tables, folder) if seen.tables else None
    path = artefacts.EVENTS_SUMMARY.path
    found: dict[str, Any] = atomic.read_json(path) if path.is_file() else {"sources": {}}
    return found if set(found["sources"]) == set(rules.sources) else None


def _summary(tables: Sequence[pa.Table], folder: Path) -> dict[str, Any]:
    """The summary that the stage `events` would write."""
    paths = [folder / f"{at}.parquet" for at in range(len(tables))]
    for path, table in zip(paths, tables, strict=True):
        pq.write_table(table, path)
    return events.events(paths, samples.MEMORY)[1]


def look_at_history(summary: dict[str, Any], group: Group) -> None:
    """Doubts about the order of life; and whom, until when and how late each source tells of."""
    for sentence in lifecycle.sentences(summary.get("order_of_life", {})):
        group.doubt(sentence)
    for source, one in summary["sources"].items():
        lag = one.get("lag_hours")
        if lag:
            group.ok(
                f"{source}: {one['customers']:,} customers"
                f" ({one['share_of_customers']:.0%} of all), last day {date(one['last_day'])},"
                f" known {_late(lag)}"
            )


def _late(lag: dict[str, float]) -> str:
    if not lag["max"]:
        return "at once"
    return (f"{lag['median']:,.1f} h after it happened (95% within {lag['p95']:,.1f} h, all within"
            f" {lag['max']:,.1f} h)")  # fmt: skip
