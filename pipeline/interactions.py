"""Stage `interactions`: how each customer watched at as_of stands with the company, by the events.

It says what lanes and plays read, what staff should know, and what passed lately.
"""

import datetime as dt

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa

from features.engine import table as features
from features.engine.base import Past
from retention.core import artefacts, console, engine, errors, point_in_time
from retention.core.engine import Engine
from retention.core.params import Params, load_params
from retention.core.point_in_time import Frame
from retention.core.storage import atomic
from retention.i18n.language import language
from retention.interactions import customer_state, timeline, timeline_entries
from retention.interactions.frames import CohortRows
from retention.interactions.recent_issues import recent_issues
from retention.interactions.wording import Wording

_TEXT, _NUMBER, _DAY = pa.string(), pa.float64(), pa.date32()
CUSTOMER_STATE = pa.schema(
    [
        ("customer_id", _TEXT),
        ("as_of", _DAY),
        ("tenure_days", _NUMBER),
        ("notice_on", _DAY),
        ("ends_on", _DAY),
        ("open_cases", _NUMBER),
        ("oldest_open_days", _NUMBER),
        ("billing_error_days", _NUMBER),
        ("broken_promise_days", _NUMBER),
        ("fixed_days", _NUMBER),
        ("last_outreach_days", _NUMBER),
        ("last_outreach", _TEXT),
        ("contacts_365d", _NUMBER),
        ("serving_cost_365d", _NUMBER),
        ("revenue_365d", _NUMBER),
        ("last_dealing_days", _NUMBER),
        ("failures_90d", _NUMBER),
        ("causes", pa.list_(_TEXT)),
        ("last_said_on", _DAY),
        ("last_said", _TEXT),
        ("usual_channel", _TEXT),
    ]
)
RECENT_ISSUES = pa.schema(
    [
        ("customer_id", _TEXT),
        ("theme", _TEXT),
        ("cause", _TEXT),
        ("day", _DAY),
        ("text", _TEXT),
    ]
)
TIMELINE = pa.schema(
    [
        ("customer_id", _TEXT),
        ("place", pa.int32()),
        ("day", _DAY),
        ("kind", _TEXT),
        ("text", _TEXT),
        ("tone", _TEXT),
    ]
)


def tables(
    params: Params, past: Past, cohort: Frame, open_engine: Engine
) -> tuple[pa.Table, pa.Table, pa.Table]:
    """STANDING, HAPPENINGS and TIMELINE of a cohort (customer_id), from its past alone."""
    told = Wording(language(params.at_risk.language), params.currency, past.snapshot)
    rows = CohortRows(past, open_engine, cohort)
    mine = timeline_entries.entries(past).join(cohort, on="customer_id", how="semi")
    every = past.keep(mine)
    last = _dated(open_engine, timeline.latest(timeline.customer_statements(every), limit=1), told)
    found = customer_state.customer_states(rows, params.labels.value)
    return (
        _standing(found, last, past.snapshot),
        _happenings(recent_issues(rows, told), past.snapshot),
        _dated(open_engine, timeline.latest(every), told).cast(TIMELINE),
    )


def _dated(open_engine: Engine, entries_: Frame, told: Wording) -> pa.Table:
    """Entries with a place, as TIMELINE."""
    table = open_engine.collect(entries_, sort=["customer_id", "place"])
    texts, tones = timeline.texts(table, told)
    columns = [
        table["customer_id"],
        table["place"].cast(pa.int32()),
        _dates(table["age"].to_numpy(), told.snapshot),
        table["kind"],
        pa.array(texts, _TEXT),
        pa.array(tones, _TEXT),
    ]
    return pa.Table.from_arrays(columns, schema=TIMELINE)


def _dates(ages: "np.ndarray[tuple[int], np.dtype[np.float64]]", snapshot: int) -> pa.Array:
    """The dates so many days before a snapshot, null for nan."""
    ages = np.asarray(ages, dtype=float)
    days = np.where(np.isnan(ages), 0, snapshot - ages).astype(np.int32)
    return pa.array(days, mask=np.isnan(ages)).cast(_DAY)


def _standing(found: pd.DataFrame, last: pa.Table, snapshot: int) -> pa.Table:
    said = last.to_pandas().set_index("customer_id").reindex(found.index)
    dated = {
        "notice_on": _dates(found["notice_age"].to_numpy(), snapshot),
        "ends_on": _dates(-found["ends_in"].to_numpy(dtype=float), snapshot),
        "last_said_on": pa.array(said["day"], _DAY, from_pandas=True),
        "last_said": pa.array(said["text"], _TEXT, from_pandas=True),
        "as_of": pa.array([point_in_time.date_of(snapshot)] * len(found), _DAY),
        "customer_id": pa.array(found.index, _TEXT),
        "causes": pa.array([_listed(one) for one in found["causes"]], pa.list_(_TEXT)),
    }
    columns = [
        dated[field.name]
        if field.name in dated
        else pa.array(found[field.name], field.type, from_pandas=True)
        for field in CUSTOMER_STATE
    ]
    return pa.Table.from_arrays(columns, schema=CUSTOMER_STATE)


def _listed(causes: object) -> list[str]:
    return causes if isinstance(causes, list) else []


def _happenings(found: pd.DataFrame, snapshot: int) -> pa.Table:
    columns = [
        _dates(found["age"].to_numpy(), snapshot)
        if field.name == "day"
        else pa.array(found[field.name], field.type, from_pandas=True)
        for field in RECENT_ISSUES
    ]
    return pa.Table.from_arrays(columns, schema=RECENT_ISSUES)


def main() -> None:
    params, summary = load_params(), atomic.read_json(artefacts.EVENTS_SUMMARY)
    today = dt.date.fromisoformat(atomic.read_json(artefacts.SNAPSHOTS_SUMMARY)["as_of"])
    with console.stage("interactions") as report, engine.open_engine(params.engine) as opened:
        report.read(artefacts.EVENTS, summary["rows"])
        as_of = point_in_time.day_number(today)
        known = point_in_time.as_known_at(
            opened.scan(artefacts.EVENTS), as_of, summary["versioned"]
        )
        people = features.customer_attributes(opened.scan(artefacts.CUSTOMERS), as_of)
        past = Past(opened.materialize(known), people, as_of, opened.materialize, params.service)
        watched = opened.scan(artefacts.SNAPSHOTS).filter(nw.col("snapshot_on") == today)
        cohort = opened.materialize(watched.select("customer_id"))
        paths = (artefacts.CUSTOMER_STATE, artefacts.RECENT_ISSUES, artefacts.TIMELINE)
        for path, table in zip(paths, tables(params, past, cohort, opened), strict=True):
            atomic.write_table(path, table)
            report.wrote(path, len(table))


if __name__ == "__main__":
    errors.run(main)
