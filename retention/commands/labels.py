"""`retention labels`: how long a silence is a loss, tried on the company's own past."""

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import duckdb
import narwhals as nw
import pyarrow.parquet as pq

from pipeline.ingest import ingest
from retention.cohort.calendar import label_span, plan_calendar
from retention.commands.check.history import whole_events
from retention.core import artefacts, engine
from retention.core.documents.sources import EventsSummary
from retention.core.params import Params, load_params
from retention.core.storage import atomic
from retention.i18n.language import language
from retention.label_trials import recommendation, wording
from retention.label_trials.report_data import LabelsReport, labels_report
from retention.label_trials.setting import Setting
from retention.label_trials.trials import past_days
from retention.ledgers import erasures
from retention.reporting.labels import page, table

PAGE: Final = "labels.html"
TABLE: Final = "labels.csv"

_LOOKED_AT: Final = 100_000
"""Customers: of more than twice as many a part is looked at."""


def labels(folder: Path) -> Iterator[str]:
    """Write page and table into a folder, and return the lines to print.

    Errors: BadInput where the data cannot be read or has none of the label's events.
    """
    report = report_of(load_params())
    atomic.make_folder(folder)
    atomic.write_text(folder / PAGE, page.html(report))
    atomic.write_text(folder / TABLE, table.as_csv(report))
    recommended, setting, words = report.recommendation, report.setting, report.language
    windows = recommended.windows
    yield wording.verdict(recommended, setting, words)
    yield wording.reason(recommended, setting, words)
    yield from wording.remarks(recommended, setting, words)
    yield f"horizon_days: {windows.horizon_days}, active_days: {windows.active_days}"
    yield f"wrote {folder / PAGE} and {TABLE}"


def report_of(params: Params) -> LabelsReport:
    """The trials on data/events if it is of these sources, else on the raw files, ingested anew."""
    with _events(params) as (path, summary):
        setting = setting_of(params, summary)
        n_customers = max((each.customers for each in summary.sources.values()), default=0)
        sampled = max(1, n_customers // _LOOKED_AT)
        open_engine = engine.DuckDB(params.engine.memory)
        try:
            events = open_engine.connection.read_parquet(str(path))
            if sampled > 1:
                events = events.filter(duckdb.SQLExpression(f"hash(customer_id) % {sampled} = 0"))
            frame = nw.from_native(events)
            restated = summary.versioned
            past = past_days(setting, setting.horizons, frame, open_engine, restated)
            recommended = recommendation.recommend(past, frame, open_engine, restated)
            words = language(params.at_risk.language)
            return labels_report(params.company, words, past, recommended, sampled)
        finally:
            open_engine.close()


def setting_of(params: Params, summary: EventsSummary) -> Setting:
    """The label and the history of a company."""
    return Setting(
        labels=params.labels,
        snapshots=params.snapshots,
        as_of=plan_calendar(params, summary).as_of,
        first_day=label_span(summary, params.labels.churn)[0],
        min_churners=params.train.min_churners,
        folds=params.train.folds,
        capacity=params.at_risk.capacity,
    )


@contextmanager
def _events(params: Params) -> Iterator[tuple[Path, EventsSummary]]:
    """The events and their summary: of the last run, or of the raw files in a temporary folder."""
    last = artefacts.EVENTS_SUMMARY.read_last()
    if last and set(last.sources) == set(params.sources) and artefacts.EVENTS.path.is_file():
        yield artefacts.EVENTS.path, last
        return
    with TemporaryDirectory(prefix="labels-") as scratch:
        folder, erased = Path(scratch), erasures.read()
        tables = (ingest(params, source, erased).events for source in params.sources)
        events, summary = whole_events(tables, folder, params.engine.memory)
        target = folder / "events.parquet"
        pq.write_table(events, target)
        del events
        yield target, summary
