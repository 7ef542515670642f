"""The history that all sources tell together: its order of life, and what each source covers."""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import events
from retention.cohort import lifecycle
from retention.commands.check import samples
from retention.commands.check.findings import FindingGroup, date_text
from retention.commands.check.ingest_sample import SampledData
from retention.core import artefacts
from retention.core.params import Params
from retention.core.storage import atomic


def events_summary(params: Params, sampled: SampledData, folder: Path) -> dict[str, Any] | None:
    """The summary of all events: those read, if these are all; else what the last run found."""
    if sampled.whole:
        return _summary(sampled.tables, folder) if sampled.tables else None
    path = artefacts.EVENTS_SUMMARY.path
    last_summary: dict[str, Any] = atomic.read_json(path) if path.is_file() else {"sources": {}}
    return last_summary if set(last_summary["sources"]) == set(params.sources) else None


def _summary(tables: Sequence[pa.Table], folder: Path) -> dict[str, Any]:
    """The summary that the stage `events` would write."""
    paths = [folder / f"{i}.parquet" for i in range(len(tables))]
    for path, table in zip(paths, tables, strict=True):
        pq.write_table(table, path)
    return events.events(paths, samples.MEMORY)[1]


def check_history(summary: dict[str, Any], group: FindingGroup) -> None:
    """Doubts about the order of life; and whom, until when and how late each source tells of."""
    for sentence in lifecycle.sentences(summary.get("order_of_life", {})):
        group.doubt(sentence)
    for source, coverage in summary["sources"].items():
        lag = coverage.get("lag_hours")
        if lag:
            group.ok(
                f"{source}: {coverage['customers']:,} customers"
                f" ({coverage['share_of_customers']:.0%} of all), last day {date_text(coverage['last_day'])},"
                f" known {_lag_text(lag)}"
            )


def _lag_text(lag: dict[str, float]) -> str:
    if not lag["max"]:
        return "at once"
    return (
        f"{lag['median']:,.1f} h after it happened (95% within {lag['p95']:,.1f} h, all within"
        f" {lag['max']:,.1f} h)"
    )
