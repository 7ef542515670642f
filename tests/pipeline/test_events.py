"""Stage `events`: copies count once, changes are versions, the order of rows has no effect."""

import datetime as dt
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import events
from retention.core import artefacts
from retention.core import events as schema
from retention.core.params import Params
from retention.core.storage import atomic
from retention.ledgers import outcomes
from retention.sources.coverage import coverage_table
from tests.support import documents
from tests.support.event_rows import CONTRACTS, DAY, MISPLACED, VISITS, event, visit


def merged(folder: Path, *sources: list[dict[str, Any]]) -> tuple[pa.Table, dict[str, Any]]:
    paths = []
    for i, rows in enumerate(sources):
        paths.append(folder / f"{i}.parquet")
        atomic.write_table(paths[-1], pa.Table.from_pylist(rows, schema=schema.EVENTS))
    table, summary = events.events(paths, "1GB")
    return table, summary.as_json()


def test_equal_copies_count_once_with_the_smallest_known_at(tmp_path: Path) -> None:
    table, summary = merged(tmp_path, [event("s:1", 5), event("s:1", 2), event("s:2")])
    assert table.schema == schema.EVENTS
    assert table.select(["event_id", "known_day"]).to_pylist() == [
        {"event_id": "s:1", "known_day": 20456},
        {"event_id": "s:2", "known_day": 20454},
    ]
    assert (summary["duplicates_removed"], summary["versioned"]) == (1, False)


def test_a_changed_copy_is_another_version(tmp_path: Path) -> None:
    table, summary = merged(tmp_path, [event("s:1", 3, topic="new"), event("s:1", 1, topic="old")])
    assert table["topic"].to_pylist() == ["old", "new"]
    assert (summary["rows"], summary["versions"], summary["versioned"]) == (2, 1, True)


def test_the_summary_has_days_of_kinds_and_sources(tmp_path: Path) -> None:
    start = event("t:1", 4, kind="start", occurred_day=20450)
    _, summary = merged(tmp_path, [event("s:1"), event("s:2", 1)], [start])
    assert summary["kinds"]["start"] == {
        "rows": 1,
        "first_day": 20450,
        "last_day": 20450,
        "last_known_day": 20458,
    }
    days = {"s": (20454, 20455, 20454), "t": (20450, 20458, 20450)}
    assert {
        source: (stats["first_day"], stats["last_known_day"], stats["last_day"])
        for source, stats in summary["sources"].items()
    } == days
    assert [stats["kinds"] for stats in summary["sources"].values()] == [["visit"], ["start"]]


def test_the_summary_has_the_last_known_day_of_each_kind_of_a_source(tmp_path: Path) -> None:
    _, summary = merged(tmp_path, [event("s:1"), event("s:2", 70, kind="delivery")])
    assert summary["sources"]["s"]["last_known_days"] == {"delivery": 20524, "visit": 20454}


def test_the_summary_has_the_coverage_and_delay_of_each_source(tmp_path: Path) -> None:
    visits = [event(f"s:{i}", i % 20 // 19 * 2, customer_id=f"c{i % 4}") for i in range(40)]
    changed = [event("t:1", 1, customer_id="c1"), event("t:1", 9, customer_id="c1", topic="new")]
    _, summary = merged(tmp_path, visits, changed)
    coverage = {
        source: (stats["customers"], stats["share_of_customers"], stats["lag_hours"])
        for source, stats in summary["sources"].items()
    }
    assert coverage == {
        "s": (4, 1.0, {"median": 0.0, "p95": 0.0, "max": 48.0}),
        "t": (1, 0.25, {"median": 24.0, "p95": 24.0, "max": 24.0}),  # the first time it was known
    }
    assert [
        row[:4] for row in coverage_table(documents.source_summaries(summary["sources"]))[1:]
    ] == [
        ("s", "40", "4", "100%"),
        ("t", "2", "1", "25%"),
    ]


def test_events_out_of_order_are_counted_and_kept(tmp_path: Path) -> None:
    table, summary = merged(tmp_path, CONTRACTS, VISITS + MISPLACED)
    assert table.num_rows == len(CONTRACTS + VISITS + MISPLACED)
    assert summary["order_of_life"]["before_start"].keys() == {"contracts", "web"}
    _, without_contracts = merged(tmp_path, VISITS)
    assert without_contracts["order_of_life"] == {}


def test_a_corrected_day_is_judged_by_its_newest_version(tmp_path: Path) -> None:
    wrong, right = visit("early", 5), visit("early", 15)
    right |= {"event_id": wrong["event_id"], "known_at": DAY + dt.timedelta(days=3)}
    _, summary = merged(tmp_path, CONTRACTS[:1], [wrong, right])
    assert (summary["versions"], summary["order_of_life"]["before_start"]) == (1, {})


def test_ids_that_look_alike_are_reported_and_kept_apart(tmp_path: Path) -> None:
    names = ["Zoë", "zoe\u0308", " ZOË ", "other"]
    rows = [event(f"s:{i}", customer_id=name) for i, name in enumerate(names)]
    table, summary = merged(tmp_path, rows)
    assert sorted(table["customer_id"].to_pylist()) == sorted(names)
    assert summary["id_collisions"]["groups"] == 1
    assert "Zoë" not in str(summary)


def test_answers_of_staff_stand_beside_the_sources(tmp_path: Path) -> None:
    sources = [event("s:1", 1), event("s:2", customer_id="b")]
    plain, before = merged(tmp_path, sources)
    entered = [
        event("ledger:1", 2, kind="outreach", treatment="call"),
        event("ledger:1", 4, kind="outreach", treatment="visit"),
    ]
    for rows in (entered, entered[::-1]):
        beside = pa.Table.from_pylist(rows, schema=schema.EVENTS)
        table, summary = events.events([tmp_path / "0.parquet"], "1GB", beside)
        assert table["treatment"].to_pylist() == ["call", "visit", None, None]
        assert summary.sources["ledger"].rows == summary.kinds["outreach"].rows == 2
        assert summary.versions == 1
    same, after = events.events([tmp_path / "0.parquet"], "1GB", schema.EVENTS.empty_table())
    assert (same, after.as_json()) == (plain, before)


def test_no_events_at_all_is_a_table_too(tmp_path: Path) -> None:
    table, summary = merged(tmp_path, [])
    assert (table.schema, summary["rows"], summary["kinds"]) == (schema.EVENTS, 0, {})


ROWS = [event(f"s:{i}", i % 2, customer_id=f"c{i % 3}") for i in range(5)] + [
    event("s:0", 0, topic="changed"),
    event("s:0", 0, topic="changed again"),
]


@settings(max_examples=10, deadline=None)
@given(st.lists(st.sampled_from(ROWS), max_size=4), st.randoms(use_true_random=False))
def test_shuffled_and_repeated_input_makes_the_same_bytes(
    repeated: list[dict[str, Any]], random: Any
) -> None:
    shuffled = ROWS + repeated
    random.shuffle(shuffled)
    with TemporaryDirectory() as folder:
        written = []
        for rows in (ROWS, shuffled):
            atomic.write_table(Path(folder) / "out.parquet", merged(Path(folder), rows)[0])
            written.append(atomic.sha256(Path(folder) / "out.parquet"))
    assert written[0] == written[1]


def test_the_retention_period_counts_from_the_labels_kinds_of_all_sources(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    """A call dated 50 years ahead, or a source that is ahead, moves no day out of the period."""
    monkeypatch.chdir(tmp_path)
    mapping = {"customer_id": "c", "occurred_at": "t"}
    kinds = {"shop": "purchase", "web": "purchase", "desk": "contact"}
    sources = {
        name: {"path": "x.csv", "key": ["k"], "events": [mapping | {"kind": kind}]}
        for name, kind in kinds.items()
    }
    last_days = {"shop": (20454, 20390), "web": (20464, 20390), "desk": (38000, 20354, 20355)}
    for name, days in last_days.items():
        rows = [
            event(f"{name}:{i}", kind=kinds[name], occurred_day=day, known_day=day)
            for i, day in enumerate(days)
        ]
        artefacts.ingested(name).write(pa.Table.from_pylist(rows, schema=schema.EVENTS))
    params = Params.model_validate(
        {
            "time_zone": "UTC",
            "currency": "GBP",
            "labels": {"churn": {"rule": "silence"}},
            "privacy": {"keep_days": 100},
            "sources": sources,
        }
    )
    monkeypatch.setattr(events, "load_params", lambda: params)
    events.main()
    left = artefacts.EVENTS.read()
    assert sorted(left["occurred_day"].to_pylist()) == [20355, 20390, 20390, 20454, 20464, 38000]
    assert artefacts.EVENTS_SUMMARY.read().expired == 1
    assert "1 events left out: longer ago than is kept" in capsys.readouterr().err
    dated = params.model_copy(update={"as_of": dt.date(2026, 1, 2)})
    assert events.first_kept_day(dated, artefacts.EVENTS_SUMMARY.read()) is None


def test_the_stage_reports_coverage_and_what_is_out_of_order(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)
    source = {
        "path": "x.csv",
        "key": ["k"],
        "events": [{"kind": "visit", "customer_id": "c", "occurred_at": "t"}],
    }
    params = Params.model_validate(
        {
            "time_zone": "UTC",
            "currency": "GBP",
            "labels": {"churn": {"rule": "cancel"}},
            "sources": {"contracts": source, "web": source},
        }
    )
    monkeypatch.setattr(events, "load_params", lambda: params)
    for name, rows in {"contracts": CONTRACTS, "web": VISITS + MISPLACED}.items():
        table = pa.Table.from_pylist(rows, schema=schema.EVENTS)
        artefacts.ingested(name).write(table)
    answer = outcomes.StaffAnswer(result="reached", action_taken="visit")
    fact = outcomes.OutcomeRecord("l", "early", DAY, answer)
    outcomes.write(outcomes.FOLDER, outcomes.ImportBatch("l", "your company", DAY, "", {}, (fact,)))
    events.main()
    coverage = capsys.readouterr().err.splitlines()
    assert "events: source     events  customers  of all" in coverage[1]
    assert coverage[3].startswith("events: ledger          1          1")
    assert coverage[4].startswith("events: web            16          5     62%")
    assert any("contracts cancelled that never began: 1" in line for line in coverage)
    assert (
        atomic.read_json(artefacts.EVENTS_SUMMARY)["order_of_life"]["cancelled_before_start"] == 1
    )
