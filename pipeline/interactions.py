"""Stage `interactions`: the state of each customer of the cohort, recent issues and a timeline.

Lanes and plays read the state; staff read the issues and the timeline on the list.
"""

from typing import NamedTuple

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa

from features.engine.base import Past
from features.engine.table import customer_attributes
from retention.core import artefacts, console, engine, errors, point_in_time
from retention.core.engine import Engine
from retention.core.params import Params, load_params
from retention.core.point_in_time import Frame
from retention.i18n.language import language
from retention.interactions import order_issues, put_right, service_issues, timeline
from retention.interactions.customer_state import customer_states
from retention.interactions.frames import CohortRows
from retention.interactions.recent_issues import recent_issues
from retention.interactions.timeline_entries import timeline_entries
from retention.interactions.wording import Wording

_TEXT, _DAY = pa.string(), pa.date32()


class Interactions(NamedTuple):
    """What the stage writes: CUSTOMER_STATE, RECENT_ISSUES and TIMELINE of retention.core."""

    customer_state: pa.Table
    recent_issues: pa.Table
    timeline: pa.Table


def interactions(params: Params, past: Past, cohort: Frame, open_engine: Engine) -> Interactions:
    """The three tables of a cohort (customer_id), from its past alone."""
    wording = Wording(language(params.at_risk.language), params.currency, past.snapshot)
    rows = CohortRows(past, open_engine, cohort, params.policy.fix.owed_since)
    entries = past.materialize(timeline_entries(past).join(cohort, on="customer_id", how="semi"))
    statements = timeline.latest(timeline.customer_statements(entries), limit=1)
    themes = {
        **order_issues.THEMES,
        **service_issues.THEMES,
        **put_right.themes(params.policy.asked_within),
    }
    issues = recent_issues(rows, wording, themes)
    return Interactions(
        _customer_state_table(
            _with_unsettled(customer_states(rows, params.labels.value), issues),
            _timeline_table(open_engine, statements, wording),
            past.snapshot,
        ),
        _recent_issues_table(issues, past.snapshot),
        _timeline_table(open_engine, timeline.latest(entries), wording),
    )


def _with_unsettled(states: pd.DataFrame, issues: pd.DataFrame) -> pd.DataFrame:
    """States with `unsettled`: the causes (without one: the kinds) of what is to be put right.

    Of what the company calls settled without a record the kind: it is not to be put right, and
    nobody is told that it was.
    """
    is_left = issues["settled"].eq(False)
    kinds = (service_issues.UNSOLVED_THEN.kind, order_issues.WRONG_THEN.kind)
    unrecorded = issues["settled"].isna() & issues["kind"].isin(kinds)
    words = issues["cause"].fillna(issues["kind"]).where(is_left, issues["kind"])
    words = words[is_left | unrecorded].groupby(issues["customer_id"]).agg(list)
    return states.assign(unsettled=words.reindex(states.index))


def _timeline_table(open_engine: Engine, entries: Frame, wording: Wording) -> pa.Table:
    """Entries with a place, as TIMELINE."""
    table = open_engine.collect(entries, sort=["customer_id", "place"])
    texts, tones = timeline.texts_and_tones(table, wording)
    columns = [
        table["customer_id"],
        table["place"].cast(pa.int32()),
        _dates(table["age"].to_numpy(), wording.snapshot),
        table["kind"],
        pa.array(texts, _TEXT),
        pa.array(tones, _TEXT),
    ]
    return pa.Table.from_arrays(columns, schema=artefacts.TIMELINE.schema)


def _dates(ages: "np.ndarray[tuple[int], np.dtype[np.float64]]", snapshot: int) -> pa.Array:
    """The dates so many days before a snapshot, null for nan."""
    ages = np.asarray(ages, dtype=float)
    days = np.where(np.isnan(ages), 0, snapshot - ages).astype(np.int32)
    return pa.array(days, mask=np.isnan(ages)).cast(_DAY)


def _customer_state_table(states: pd.DataFrame, statements: pa.Table, snapshot: int) -> pa.Table:
    """States with dates in place of days, and what the customer said last, as CUSTOMER_STATE."""
    statement = statements.to_pandas().set_index("customer_id").reindex(states.index)
    lists = {
        name: [value if isinstance(value, list) else [] for value in states[name]]
        for name in ("causes", "unsettled")
    }
    columns = {
        "notice_on": _dates(states["notice_age"].to_numpy(), snapshot),
        "ends_on": _dates(-states["ends_in"].to_numpy(dtype=float), snapshot),
        "last_said_on": pa.array(statement["day"], _DAY, from_pandas=True),
        "last_said": pa.array(statement["text"], _TEXT, from_pandas=True),
        "as_of": pa.array([point_in_time.date_of(snapshot)] * len(states), _DAY),
        "customer_id": pa.array(states.index, _TEXT),
        **{name: pa.array(values, pa.list_(_TEXT)) for name, values in lists.items()},
    }
    return _table(artefacts.CUSTOMER_STATE.schema, states, columns)


def _recent_issues_table(issues: pd.DataFrame, snapshot: int) -> pa.Table:
    columns = {
        "day": _dates(issues["age"].to_numpy(), snapshot),
        "dates": pa.array(issues["dates"].to_list(), pa.list_(_DAY)),
    }
    return _table(artefacts.RECENT_ISSUES.schema, issues, columns)


def _table(schema: pa.Schema, frame: pd.DataFrame, columns: dict[str, pa.Array]) -> pa.Table:
    """The columns of a schema: some as given, the others from a frame."""
    arrays = [
        columns[field.name]
        if field.name in columns
        else pa.array(frame[field.name], field.type, from_pandas=True)
        for field in schema
    ]
    return pa.Table.from_arrays(arrays, schema=schema)


def main() -> None:
    params, summary = load_params(), artefacts.EVENTS_SUMMARY.read()
    today = artefacts.SNAPSHOTS_SUMMARY.read().as_of
    with console.stage("interactions") as report, engine.open_engine(params.engine) as open_engine:
        report.read(artefacts.EVENTS, summary.rows)
        as_of = point_in_time.day_number(today)
        events = point_in_time.as_known_at(
            open_engine.scan(artefacts.EVENTS), as_of, summary.versioned
        )
        attributes = customer_attributes(open_engine.scan(artefacts.CUSTOMERS), as_of)
        past = Past(
            open_engine.materialize(events),
            attributes,
            as_of,
            open_engine.materialize,
            params.service,
        )
        snapshots = open_engine.scan(artefacts.SNAPSHOTS).filter(nw.col("snapshot_on") == today)
        cohort = open_engine.materialize(snapshots.select("customer_id"))
        tables = interactions(params, past, cohort, open_engine)
        artefacts_written = (artefacts.CUSTOMER_STATE, artefacts.RECENT_ISSUES, artefacts.TIMELINE)
        for artefact, table in zip(artefacts_written, tables, strict=True):
            artefact.write(table)
            report.wrote(artefact, len(table))


if __name__ == "__main__":
    errors.run(main)
