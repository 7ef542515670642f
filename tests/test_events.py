"""All sources in one table: copies count once, changes are versions, order means nothing."""

import datetime as dt
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import events, files, schema

DAY = dt.datetime(2026, 1, 1, tzinfo=dt.UTC)


def event(name: str, known: int = 0, **values: Any) -> dict[str, Any]:
    empty = dict.fromkeys(schema.EVENT_COLUMNS)
    made = {
        "event_id": name,
        "customer_id": "a",
        "kind": "visit",
        "source": name.split(":")[0],
        "occurred_at": DAY,
        "known_at": DAY + dt.timedelta(days=known),
        "occurred_day": 20454,
        "known_day": 20454 + known,
    }
    return empty | made | values


def merged(folder: Path, *sources: list[dict[str, Any]]) -> tuple[pa.Table, dict[str, Any]]:
    paths = []
    for at, rows in enumerate(sources):
        paths.append(folder / f"{at}.parquet")
        files.write_table(paths[-1], pa.Table.from_pylist(rows, schema=schema.EVENTS))
    return events.events(paths, "1GB")


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
        "rows": 1, "first_day": 20450, "last_day": 20450, "last_known_day": 20458}  # fmt: skip
    assert summary["sources"] == {
        "s": {"rows": 2, "first_day": 20454, "last_known_day": 20455, "kinds": ["visit"]},
        "t": {"rows": 1, "first_day": 20450, "last_known_day": 20458, "kinds": ["start"]},
    }


def test_ids_that_look_alike_are_reported_and_kept_apart(tmp_path: Path) -> None:
    names = ["Zoë", "zoe\u0308", " ZOË ", "other"]
    rows = [event(f"s:{at}", customer_id=name) for at, name in enumerate(names)]
    table, summary = merged(tmp_path, rows)
    assert sorted(table["customer_id"].to_pylist()) == sorted(names)
    assert summary["id_collisions"]["groups"] == 1
    assert "Zoë" not in str(summary)


def test_no_events_at_all_is_a_table_too(tmp_path: Path) -> None:
    table, summary = merged(tmp_path, [])
    assert (table.schema, summary["rows"], summary["kinds"]) == (schema.EVENTS, 0, {})


GIVEN = [event(f"s:{at}", at % 2, customer_id=f"c{at % 3}") for at in range(5)] + [
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
            files.write_table(Path(folder) / "out.parquet", merged(Path(folder), rows)[0])
            written.append(files.sha256(Path(folder) / "out.parquet"))
    assert written[0] == written[1]
