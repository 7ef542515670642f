"""Whether there is enough data: what the history allows, and what more of it would bring."""

from collections.abc import Sequence
from pathlib import Path
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa

from pipeline import events as events_stage
from pipeline import labels as labels_stage
from pipeline import snapshots as snapshots_stage
from retention.cohort.calendar import build_calendar, label_kinds, plan_calendar
from retention.cohort.labels import SCHEMA
from retention.commands.check import samples
from retention.commands.check.findings import FindingGroup, count_of
from retention.commands.check.ingest_sample import SampledData
from retention.commands.check.whole_history import ALMOST_ALL, ALMOST_NONE, MIN_CUSTOMERS
from retention.core import artefacts, engine, point_in_time
from retention.core.documents.sources import EventsSummary
from retention.core.errors import BadInput
from retention.core.params import Params
from retention.training.folds import YEAR_DAYS
from retention.training.ladder import Rung, find_evidence, rung_of_days
from retention.training.rows import LabelledRows

MONTH: Final = YEAR_DAYS / 12
_LOOK_AHEAD: Final = 5 * YEAR_DAYS
_DONE: Final[dict[Rung, str]] = {
    "time": "models are weighted on past periods, and tested on one that none of them has seen",
    "newest": "one past period tests the models",
    "customers": "the models are tested on other customers of the same period, on no later one",
    "history": "the chances follow from each customer's own rhythm, or time under contract, alone",
}


def known_labels(params: Params, sampled: SampledData, folder: Path) -> pa.Table | None:
    """The labels of the rows that were read, if these are all, else of the last run; or None."""
    try:
        if sampled.is_whole:
            return _labels(params, [folder / f"{i}.parquet" for i in range(len(sampled.tables))])
        return artefacts.LABELS.read() if artefacts.LABELS.path.is_file() else None
    except BadInput:  # which another finding tells
        return None


def _labels(params: Params, paths: Sequence[Path]) -> pa.Table:
    """LABELS of the events in some files, by the stages themselves."""
    table, summary = events_stage.events(paths, samples.MEMORY)
    calendar = plan_calendar(params, summary)
    duck = engine.DuckDB(samples.MEMORY)
    history = duck.load(table)
    churn = params.labels.churn
    frames = snapshots_stage.snapshots(history, calendar, churn, summary.versioned)
    schema = artefacts.SNAPSHOTS.schema
    cohorts = pa.concat_tables(duck.collect(f, ["customer_id"]).cast(schema) for f in frames)
    known_events = point_in_time.as_known_at(history, calendar.as_of, summary.versioned)
    labelled = labels_stage.labels(duck.load(cohorts), known_events, calendar, params.labels)
    tables = [duck.collect(frame, ["customer_id"]).cast(SCHEMA) for frame in labelled]
    duck.close()
    whole = pa.concat_tables([SCHEMA.empty_table(), *tables])
    return whole.filter(whole["dropped"].is_null()).drop_columns(["dropped"])


def check_enough(
    params: Params, summary: EventsSummary, labels: pa.Table | None, group: FindingGroup
) -> None:
    """How much history there is, which step of the ladder follows, and what more would bring."""
    try:
        calendar = plan_calendar(params, summary)
    except BadInput:
        return
    kinds = label_kinds(params.labels.churn)
    first = min(summary.kinds[kind].first_day for kind in kinds if kind in summary.kinds)
    if calendar.as_of <= first:
        return
    months = f"{count_of(round((calendar.as_of - first) / MONTH), 'month')} of history"
    if labels is None:
        rung = rung_of_days(calendar.learning, params.labels, params.train.folds)
        customers = max(source.customers for source in summary.sources.values())
        people, min_churners = count_of(customers, "customer"), params.train.min_churners
        text = f"{people}: if {min_churners} or more of them left, {_DONE[rung]} (evidence: {rung})"
        if customers < min_churners:
            text = f"{people}, of whom {min_churners} would have to leave: {_DONE['history']}"
        group.ok(f"{months}, {text}; a run counts who left")
        return
    rows = _rows(labels)
    if params.labels.churn.rule == "cancel":
        check_contracts(rows, calendar.learning, group)
    rung = find_evidence(rows, params).rung if len(rows.day) else "history"
    outcomes = "of no customer is it known yet whether they left"
    if len(rows.day):
        outcomes = (
            f"{count_of(len(set(rows.customer)), 'customer')} active at"
            f" {count_of(len(set(rows.day.tolist())), 'past snapshot')}, of whom"
            f" {rows.n_churners:,} left after one of them"
        )
    group.ok(f"{months}, {outcomes}: {_DONE[rung]} (evidence: {rung})")
    more = _more_precision(rows, params, first, calendar.as_of) if rung == "time" else None
    more = more or _next_step(rows, params, first, calendar.as_of)
    if more:
        group.ok(more)


def check_contracts(rows: LabelledRows, learning: list[int], group: FindingGroup) -> None:
    """Doubts about a contract label that finds nobody, or all or almost none of them lost."""
    if learning and not len(rows.day):
        group.doubt(
            f"churn: at none of {count_of(len(learning), 'past snapshot')} had anybody a running"
            " contract, so there is nobody to score; look whether start and cancel map one"
            " contract's beginning and end, and with the same contract_id"
        )
    if not len(rows.day):
        return
    newest = rows.churned[rows.day == rows.day.max()]
    lost_share = newest.mean()
    if len(newest) >= MIN_CUSTOMERS and not ALMOST_NONE < lost_share < ALMOST_ALL:
        group.doubt(
            f"churn: {int(newest.sum()):,} of {len(newest):,} customers with a running contract"
            " were lost on the newest snapshot with a known outcome, so there is nothing to tell"
            " apart; look whether cancel maps the ends of contracts, and all of them"
        )


def _rows(labels: pa.Table) -> LabelledRows:
    """Labels as rows without features: enough to see what they allow."""
    return LabelledRows(
        X=pd.DataFrame(index=range(len(labels))),
        customer=labels["customer_id"].to_numpy(zero_copy_only=False),
        day=labels["snapshot_on"].cast(pa.int32()).to_numpy().astype(np.int64),
        churned=labels["churned"].cast(pa.float64()).to_numpy(),
        value=labels["value"].to_numpy(),
        weight=np.ones(len(labels)),
    )


def _next_step(rows: LabelledRows, params: Params, first: int, as_of: int) -> str:
    """What is missing until models can be tested on later periods, at this company's own pace."""
    parts = []
    days = next(
        (
            more
            for more in range(0, _LOOK_AHEAD, params.snapshots.every_days)
            if _rung(first, as_of + more, params) == "time"
        ),
        None,
    )
    if days is None:
        parts.append("snapshots.most times every_days must span more than three label delays")
    elif days:
        parts.append(f"{_months(days)} more")
    missing = params.train.min_churners - min(rows.n_churners, rows.n_stayers)
    if len(rows.day) and missing > 0:
        word = "left" if rows.n_churners <= rows.n_stayers else "stayed"
        n_rarer = min(rows.n_churners, rows.n_stayers)
        span = rows.day.max() - rows.day.min() + point_in_time.label_delay_days(params.labels)
        pace = f" (at the pace so far in {_months(missing * span / n_rarer)})" if n_rarer else ""
        parts.append(f"{count_of(missing, 'customer')} more who {word}{pace}")
    if not parts:
        parts.append("more customers who leave on the earlier snapshots")
    return f"to test the models on past periods it needs {' and '.join(parts)}"


def _rung(first: int, as_of: int, params: Params) -> Rung:
    learning = build_calendar(as_of, first, params.labels, params.snapshots).learning
    return rung_of_days(learning, params.labels, params.train.folds)


def _more_precision(rows: LabelledRows, params: Params, first: int, as_of: int) -> str:
    """How well one past period tells the share who leave, and when seasons can be compared."""
    churned = rows.churned[rows.day == rows.day.max()]
    churn_rate = float(churned.mean())
    points = 196 * np.sqrt(churn_rate * (1 - churn_rate) / len(churned))
    text = (
        f"one past period tells the share who leave, {churn_rate:.0%}, to within {points:.1f}"
        " points; four times the customers would halve that"
    )
    # The first snapshot that another one can predict, a label delay after the first of all:
    delay = point_in_time.label_delay_days(params.labels)
    first_test = first + params.labels.churn.active_days + delay
    wait = first_test + YEAR_DAYS - delay - as_of
    if wait > 0:
        text += f"; in {_months(wait)} the same season of last year can be compared with"
    return text


def _months(days: float) -> str:
    return count_of(max(1, round(days / MONTH)), "month")
