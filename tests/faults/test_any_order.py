"""Rows drawn at random, in any order, any number of times: what must hold for all of them."""

import csv
import datetime as dt
import io
from collections.abc import Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

import pyarrow as pa
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline import events
from retention.core import point_in_time
from retention.core.errors import BadInput
from retention.core.storage import atomic
from tests.faults.exports import HEADER, export, ingest_file, row, with_event
from tests.support import engines, histories

SNAPSHOT = histories.SNAPSHOT
CUSTOMERS = [f"c{number}" for number in range(4)]
_MOMENTS = st.datetimes(
    dt.datetime.combine(point_in_time.date_of(SNAPSHOT - 60), dt.time()),
    dt.datetime.combine(point_in_time.date_of(SNAPSHOT + 20), dt.time()),
)


@st.composite
def lines(draw: st.DrawFn) -> list[str]:
    """Sales around the snapshot, each with a receipt of its own."""
    return [
        row(
            receipt=f"R{i}",
            cust=draw(st.sampled_from(CUSTOMERS)),
            sold_at=f"{draw(_MOMENTS):%Y-%m-%d %H:%M:%S}",
            price=f"{draw(st.integers(0, 9999)) / 100}",
        )
        for i in range(draw(st.integers(5, 30)))
    ]


def ingest_and_unite(rows: list[str]) -> pa.Table:
    """The events of an export, as stage `events` leaves them."""
    with TemporaryDirectory() as folder:
        path = Path(folder) / "events.parquet"
        atomic.write_table(path, ingest_file(export(*rows), time_zone="UTC").events)
        return events.events([path], "1GB")[0]


def parse(rows: list[str]) -> list[dict[str, Any]]:
    """All features at the snapshot."""
    return list(engines.features_of(ingest_and_unite(rows), [], CUSTOMERS).to_pylist())


@settings(histories.FEW, max_examples=4)
@given(lines(), st.randoms(use_true_random=False))
def test_any_order_of_rows_and_any_copies_make_the_same_events(
    rows: list[str], random: Any
) -> None:
    copied = [*rows, *random.choices(rows, k=len(rows) // 2)]
    random.shuffle(copied)
    assert ingest_and_unite(copied).equals(ingest_and_unite(rows))


@settings(histories.FEW, max_examples=3)
@given(lines(), lines(), st.randoms(use_true_random=False))
def test_any_rows_from_the_snapshot_on_leave_features_as_they_were(
    rows: list[str], others: list[str], random: Any
) -> None:
    """Raw rows of one export in the place of those of another, in any order."""
    day = str(point_in_time.date_of(SNAPSHOT))
    past = [line for line in rows if line.split(",")[2] < day]
    future = [f"X{line}" for line in others if line.split(",")[2] >= day]
    mixed = [*past, *future]
    random.shuffle(mixed)
    assert parse(mixed) == parse(rows)


_ANY = st.text(st.characters(codec="utf-8"), max_size=12) | st.sampled_from(
    ['"', "=1+1", "a,b", "a\nb", "\r", "\0", "'; drop table raw; --", "{}", "NA", "../..", "\u202e"]
)


def as_csv(rows: Sequence[tuple[str, ...]]) -> bytes:
    buffer = io.StringIO()
    writer = csv.writer(buffer, quoting=csv.QUOTE_ALL, lineterminator="\n")
    writer.writerows([(*HEADER.split(","), "note"), *rows])
    return buffer.getvalue().encode()


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(*[_ANY] * 6), min_size=1, max_size=5))
def test_any_text_in_any_cell_leaves_every_row_accounted_for(rows: list[tuple[str, ...]]) -> None:
    """`ingested` sees to it; or the file is refused as a whole."""
    try:
        done = ingest_file(as_csv(rows), key="row_number", **with_event(topic="note"))
    except BadInput:
        return
    assert done.summary.read == len(rows)


@settings(max_examples=25, deadline=None)
@given(st.lists(st.tuples(*[_ANY] * 3), min_size=1, max_size=5))
def test_any_text_that_is_kept_is_kept_as_it_came(texts: list[tuple[str, ...]]) -> None:
    sound = ("2026-01-05 12:00:00", "1", "1")
    rows = [(receipt, who, *sound, note) for receipt, who, note in texts]
    try:
        done = ingest_file(as_csv(rows), key="row_number", **with_event(topic="note"))
    except BadInput:
        return
    accepted = {
        (event["order_id"] or "", event["customer_id"], event["topic"] or "")
        for event in done.events.to_pylist()
    }
    assert accepted <= set(texts)
    assert done.events.num_rows + done.rejects.num_rows == len(rows)
