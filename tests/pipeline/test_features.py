"""The stage: one snapshot at a time, in one table; features that carry no information."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa
import pytest

from features import discover
from features.engine.base import Feature
from features.engine.snapshots import CompanyHistory, Each
from features.engine.table import feature_schema
from pipeline.features import Constants, features, main, opened
from retention.core import artefacts, point_in_time
from retention.core.params import ChurnLabel, ServiceParams
from tests.support import company, documents, engines, histories
from tests.support.feature_tables import needed

EVENTS = """
    customer | kind     | day
    anna     | purchase | -40
    anna     | purchase |  -9
    bert     | purchase |  -8
"""
DAYS = (histories.SNAPSHOT - 30, histories.SNAPSHOT)
EARLIER, LATER = (point_in_time.date_of(day) for day in DAYS)
COHORTS = {"customer_id": ["anna", "anna", "bert"], "snapshot_on": [EARLIER, LATER, LATER]}


def history_of(declared: list[Feature]) -> CompanyHistory:
    duck = engines.duck()
    return CompanyHistory(
        engines.frame(histories.events(EVENTS)),
        duck.load(histories.people_table([])),
        duck.load(pa.table(COHORTS)),
        declared,
        ChurnLabel(rule="silence"),
        ServiceParams(),
    )


@pytest.mark.parametrize("in_one_pass", [True, False])
def test_each_snapshot_has_its_cohort_and_its_past(in_one_pass: bool) -> None:
    declared = needed(["orders_total", "days_since_purchase"])
    history = history_of(declared)
    with opened(engines.duck(), history, DAYS) as in_pass:
        snapshots = in_pass if in_one_pass else Each(engines.duck(), history)
        table = pa.concat_tables(features(snapshots, DAYS, declared))
    assert table.schema == feature_schema(declared)
    rows = [tuple(row.values()) for row in table.to_pylist()]
    assert rows == [
        ("anna", EARLIER, 1.0, 10.0),
        ("anna", LATER, 2.0, 9.0),
        ("bert", LATER, 1.0, 8.0),
    ]


def test_one_snapshot_is_computed_at_a_time() -> None:
    started = []

    def days() -> Iterator[int]:
        for day in DAYS:
            started.append(day)
            yield day

    declared = needed(["orders_total"])
    with opened(engines.duck(), history_of(declared), DAYS) as in_pass:
        tables = features(in_pass, days(), declared)
        assert started == []
        next(tables)
        assert started == [DAYS[0]]
        assert len(list(tables)) == 1


def test_dead_features_are_those_of_one_value_or_none() -> None:
    wanted = needed(["days_since_purchase", "orders_total", "median_gap"])
    events = histories.events("customer | kind | day\nanna | purchase | -9\nbert | purchase | -8")
    table = engines.features_of(events, [], ["anna", "bert"], features=wanted)
    constant = Constants(wanted)
    constant.see(table.slice(0, 1))
    assert len(constant.names) == len(wanted)
    constant.see(table.slice(1))
    assert sorted(constant.names) == ["median_gap", "orders_total"]


def test_the_stage_writes_every_declared_feature_of_every_snapshot(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (company.REPOSITORY / "params.yaml").read_text(encoding="utf-8")
    monkeypatch.chdir(tmp_path)
    as_of = point_in_time.date_of(histories.SNAPSHOT)
    lines = [
        f'as_of: "{as_of}"' if line.startswith("as_of:") else line for line in text.split("\n")
    ]
    Path("params.yaml").write_text("\n".join(lines), encoding="utf-8")
    artefacts.EVENTS.write(histories.table(histories.events(EVENTS)))
    days = {"first_day": DAYS[0] - 10, "last_day": DAYS[1] - 8, "last_known_day": DAYS[1] - 1}
    summary = documents.events_summary({"purchase": days}, {"shop": days}, rows=3)
    artefacts.EVENTS_SUMMARY.write(summary)
    artefacts.CUSTOMERS.write(artefacts.CUSTOMERS.schema.empty_table())
    cohort = {"customer_id": ["anna", "bert"], "snapshot_on": [as_of] * 2}
    artefacts.SNAPSHOTS.write(pa.table(cohort))
    main()
    table = artefacts.FEATURES.read()
    assert table.select(["customer_id", "snapshot_on"]).to_pydict() == cohort
    assert table["orders_total"].to_pylist() == [2, 1]
    written = artefacts.FEATURES_SUMMARY.read()
    assert written.rows == 2
    constant = Constants(discover(engines.WINDOWS))
    constant.see(table)
    assert written.dead == constant.names
