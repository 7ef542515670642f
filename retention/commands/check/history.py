"""The history of all sources together: lifecycle violations, and the coverage of each source."""

from collections.abc import Iterable
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from pipeline import events
from retention.cohort import lifecycle
from retention.commands.check import samples
from retention.commands.check.findings import FindingGroup, date_text
from retention.commands.check.ingest_sample import SampledData
from retention.core import artefacts
from retention.core.documents.sources import EventsSummary, Lag
from retention.core.params import Params


def events_summary(params: Params, sampled: SampledData, folder: Path) -> EventsSummary | None:
    """The summary of all events: of those read here if these are all, else of the last run."""
    if sampled.is_whole:
        if not sampled.tables:
            return None
        return whole_events(sampled.tables, folder, samples.MEMORY)[1]
    last = artefacts.EVENTS_SUMMARY.read_last()
    return last if last and set(last.sources) == set(params.sources) else None


def whole_events(
    tables: Iterable[pa.Table], folder: Path, memory: str
) -> tuple[pa.Table, EventsSummary]:
    """What stage `events` would write of the events of sources; `folder` keeps those meanwhile."""
    paths = []
    for i, table in enumerate(tables):
        paths.append(folder / f"{i}.parquet")
        pq.write_table(table, paths[-1])
    return events.events(paths, memory)


def check_history(summary: EventsSummary, group: FindingGroup) -> None:
    """Doubts about lifecycle violations; and customers, last day and delay of each source."""
    for sentence in lifecycle.sentences(summary.order_of_life):
        group.doubt(sentence)
    for source, coverage in summary.sources.items():
        group.ok(
            f"{source}: {coverage.customers:,} customers"
            f" ({coverage.share_of_customers:.0%} of all), last day {date_text(coverage.last_day)},"
            f" known {_lag_text(coverage.lag_hours)}"
        )


def _lag_text(lag: Lag) -> str:
    if not lag.max:
        return "at once"
    return (
        f"{lag.median:,.1f} h after it happened (95% within {lag.p95:,.1f} h, all within"
        f" {lag.max:,.1f} h)"
    )
