"""All sources in one table: copies count once, changes are versions, order means nothing."""

import datetime as dt
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import events
from retention.cohort import lifecycle
from retention.core import artefacts
from retention.core import events as schema
from retention.core.documents.sources import LifecycleViolations
from retention.core.params import Params
from retention.core.storage import atomic
from retention.ledgers import outcomes
from retention.sources.coverage import coverage_table
from tests.support import documents

DAY = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def event(name: str, known_after: int = 0, **values: Any) -> dict[str, Any]:
    empty = dict.fromkeys(schema.EVENT_COLUMNS)
    values_ = {
        "event_id": name,
        "customer_id": "a",
        "kind": "visit",
        "source": name.split(":")[0],
        "occurred_at": DAY,
        "known_at": DAY + dt.timedelta(days=known_after),
        "occurred_day": 20454,
        "known_day": 20454 + known_after,
    }
    return empty | values_ | values


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


def test_the_summary_says_what_there_is(tmp_path: Path) -> None:
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


def test_the_summary_says_whom_a_source_covers_and_how_late_it_tells(tmp_path: Path) -> None:
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


# The order of life


def contract(customer: str, kind: str, day: int, contract: str | None = "k") -> dict[str, Any]:
    name = f"contracts:{kind}:{customer}:{contract}:{day}"
    return event(name, customer_id=customer, kind=kind, occurred_day=day, contract_id=contract)


def visit(customer: str, day: int) -> dict[str, Any]:
    return event(f"web:{customer}:{day}", customer_id=customer, occurred_day=day)


LIVES = [
    contract("early", "start", 10),
    contract("left", "start", 10),
    contract("left", "cancel", 20),
    contract("again", "start", 10),
    contract("again", "cancel", 20),
    contract("again", "start", 30),
    contract("two", "start", 10),
    contract("two", "cancel", 20),
    contract("two", "start", 10, "l"),
    contract("mad", "start", 20),
    contract("mad", "cancel", 10),
    contract("unborn", "cancel", 20),
    contract("vague", "start", 10),
    contract("vague", "cancel", 20, None),
]
VISITS = [
    visit(stats, day) for stats in ("early", "left", "again", "two", "never") for day in (10, 20)
]
ODD = [
    visit("early", 8),
    visit("early", 9),
    visit("left", 21),
    visit("again", 21),
    visit("two", 21),
    visit("never", 40),
]


def test_lives_out_of_order_are_counted_and_kept(tmp_path: Path) -> None:
    table, summary = merged(tmp_path, LIVES, VISITS + ODD)
    share_ = {"customers": 1, "share_of_customers": 0.2}
    assert table.num_rows == len(LIVES + VISITS + ODD)
    assert summary["order_of_life"] == {
        "before_start": {
            "contracts": {"rows": 1, "events": 14, "customers": 1, "share_of_customers": 0.1429},
            "web": {"rows": 2, "events": 16} | share_,
        },
        "after_end": {"web": {"rows": 1, "events": 16} | share_},
        "without_start": {"customers": 2, "share_of_customers": 0.25},
        "cancelled_before_start": 1,
        "cancelled_without_start": 1,
        "cancels_of_no_contract": 1,
    }
    coverage = lifecycle.sentences(LifecycleViolations.model_validate(summary["order_of_life"]))
    assert coverage[1:4] == [
        "web: 2 of 16 events (1 customer, 20.0% of the source's) happened before the customer's"
        " first contract began; kept as they are",
        "web: 1 of 16 events (1 customer, 20.0% of the source's) happened after the customer's"
        " last contract ended; kept as they are",
        "2 customers, 25.0% of all, with events but no start of a contract; kept as they are",
    ]
    assert coverage[4] == "contracts cancelled before they began: 1; kept as they are"
    assert len(coverage) == 7


def test_a_corrected_day_is_judged_by_its_newest_version(tmp_path: Path) -> None:
    wrong, right = visit("early", 5), visit("early", 15)
    right |= {"event_id": wrong["event_id"], "known_at": DAY + dt.timedelta(days=3)}
    _, summary = merged(tmp_path, LIVES[:1], [wrong, right])
    assert (summary["versions"], summary["order_of_life"]["before_start"]) == (1, {})


def test_lives_in_order_and_companies_without_contracts_are_not_told_of(tmp_path: Path) -> None:
    _, sound = merged(tmp_path, LIVES[:3], VISITS[:4])
    assert lifecycle.sentences(LifecycleViolations.model_validate(sound["order_of_life"])) == []
    _, none = merged(tmp_path, VISITS)
    assert none["order_of_life"] == {}
    assert lifecycle.sentences(LifecycleViolations()) == []


def test_ids_that_look_alike_are_reported_and_kept_apart(tmp_path: Path) -> None:
    names = ["Zoë", "zoe\u0308", " ZOË ", "other"]
    rows = [event(f"s:{i}", customer_id=name) for i, name in enumerate(names)]
    table, summary = merged(tmp_path, rows)
    assert sorted(table["customer_id"].to_pylist()) == sorted(names)
    assert summary["id_collisions"]["groups"] == 1
    assert "Zoë" not in str(summary)


def test_what_staff_entered_stands_beside_the_sources(tmp_path: Path) -> None:
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


GIVEN = [event(f"s:{i}", i % 2, customer_id=f"c{i % 3}") for i in range(5)] + [
    event("s:0", 0, topic="changed"),
    event("s:0", 0, topic="changed again"),
]


@settings(max_examples=10, deadline=None)
@given(st.lists(st.sampled_from(GIVEN), max_size=4), st.randoms(use_true_random=False))
def test_shuffled_and_repeated_input_makes_the_same_bytes(
    repeated: list[dict[str, Any]], random: Any
) -> None:
    shuffled = GIVEN + repeated
    random.shuffle(shuffled)
    with TemporaryDirectory() as folder:
        written = []
        for rows in (GIVEN, shuffled):
            atomic.write_table(Path(folder) / "out.parquet", merged(Path(folder), rows)[0])
            written.append(atomic.sha256(Path(folder) / "out.parquet"))
    assert written[0] == written[1]


def test_the_stage_tells_of_its_sources_and_of_what_is_out_of_order(
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
    for name, rows in {"contracts": LIVES, "web": VISITS + ODD}.items():
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
