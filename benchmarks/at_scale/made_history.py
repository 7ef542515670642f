"""The events of an invented shop, as the stage events leaves them, and its cohorts."""

from pathlib import Path
from typing import Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from retention.core import artefacts, point_in_time
from retention.core.events import EVENTS

DAYS: Final = 3 * 365
FIRST_DAY: Final = 18_993  # 2022-01-01
LAST_SNAPSHOT: Final = FIRST_DAY + DAYS
ACTIVE_DAYS: Final = 180
ITEMS: Final = 20_000
_LINES, _RETURNED = 2.9, 0.04
_MINUTES_OF_DAY: Final = 24 * 60


def write(root: Path, events: int, seed: int = 7) -> None:
    """Write the artefacts EVENTS, CUSTOMERS and SNAPSHOTS of a shop below a folder."""
    table = _events(events, np.random.default_rng(seed))
    for artefact, content in (
        (artefacts.EVENTS, table),
        (artefacts.CUSTOMERS, artefacts.CUSTOMERS.schema.empty_table()),
        (artefacts.SNAPSHOTS, _cohorts(table)),
    ):
        path = artefact.under(root).path
        path.parent.mkdir(parents=True, exist_ok=True)
        pq.write_table(content, path)


def snapshot_days(number: int) -> list[int]:
    """So many snapshots, 30 days apart, the oldest first."""
    return [LAST_SNAPSHOT - 30 * back for back in range(number)][::-1]


def _events(number: int, rng: np.random.Generator) -> pa.Table:
    """Lines of orders and returns: some customers buy often, and each stays for a while."""
    n_customers, n_orders = max(number // 20, 1), int(number / _LINES / (1 + _RETURNED))
    rate = rng.gamma(0.6, 1.0, n_customers) + 0.02
    buyer = np.searchsorted(np.cumsum(rate), rng.random(n_orders) * rate.sum())
    joined = np.maximum(rng.integers(-DAYS, DAYS - 30, n_customers), 0)
    stay = np.minimum(rng.exponential(500, n_customers).astype(int) + 30, DAYS - joined)
    day = FIRST_DAY + joined[buyer] + (rng.random(n_orders) * stay[buyer]).astype(int)
    lines = rng.geometric(1 / _LINES, n_orders)
    order = np.repeat(np.arange(n_orders), lines)
    item = (ITEMS * rng.random(len(order)) ** 2.5).astype(int)
    quoted = rng.lognormal(1.6, 0.9, ITEMS)[item] * 100 // 1 + 1
    paid = quoted * rng.choice([1.0, 0.9, 0.8], len(order), p=[0.7, 0.2, 0.1]) // 1
    back = np.flatnonzero(rng.random(len(order)) < _RETURNED)
    columns = {
        "customer": np.append(buyer[order], buyer[order][back]),
        "day": np.append(day[order], day[order][back] + rng.integers(1, 21, len(back))),
        "order": np.append(order, order[back]),
        "item": np.append(item, item[back]),
        "cents": np.append(paid, -paid[back]),
        "quoted": np.append(quoted, np.full(len(back), -1)),
        "is_back": np.append(np.zeros(len(order), int), np.ones(len(back), int)),
    }
    sequence = np.lexsort((columns["order"], columns["day"], columns["customer"]))
    return _table({name: column[sequence] for name, column in columns.items()})


def _table(columns: dict[str, np.ndarray]) -> pa.Table:
    number, day = len(columns["day"]), pa.array(columns["day"], pa.int32())
    minutes = columns["day"].astype(np.int64) * _MINUTES_OF_DAY + 12 * 60
    time = pa.array((minutes * 60).astype("datetime64[s]"))
    is_back = columns["is_back"] == 1
    filled: dict[str, pa.Array] = {
        "event_id": _ids("e", np.arange(number)),
        "customer_id": _ids("c", columns["customer"]),
        "kind": pa.array(np.where(is_back, "return", "purchase")),
        "source": pa.repeat("shop", number),
        "order_id": _ids("o", columns["order"]),
        "item_id": _ids("i", columns["item"]),
        "amount": _money(columns["cents"], None),
        "quoted_amount": _money(columns["quoted"], is_back),
        **dict.fromkeys(("occurred_day", "known_day"), day),
        **dict.fromkeys(("occurred_at", "known_at"), time),
        "occurred_minute": pa.array(minutes),
    }
    arrays = [
        filled[field.name].cast(field.type)
        if field.name in filled
        else pa.nulls(number, field.type)
        for field in EVENTS
    ]
    return pa.table(arrays, schema=EVENTS)


def _ids(prefix: str, numbers: np.ndarray) -> pa.Array:
    digits = pc.utf8_lpad(pa.array(numbers).cast(pa.string()), 9, "0")
    return pc.binary_join_element_wise(prefix, digits, "")


def _money(cents: np.ndarray, missing: np.ndarray | None) -> pa.Array:
    return pa.array(cents / 100, mask=missing).cast(EVENTS.field("amount").type)


def _cohorts(events: pa.Table) -> pa.Table:
    """Who bought in the days before each of the 24 snapshots."""
    bought = events.filter(pc.equal(events["kind"], "purchase"))
    parts = []
    for day in snapshot_days(24):
        recent = pc.and_(
            pc.less(bought["occurred_day"], day),
            pc.greater_equal(bought["occurred_day"], day - ACTIVE_DAYS),
        )
        ids = pc.unique(bought.filter(recent)["customer_id"])
        on = pa.repeat(pa.scalar(point_in_time.date_of(day), pa.date32()), len(ids))
        parts.append(pa.table([ids, on], schema=artefacts.SNAPSHOTS.schema))
    return pa.concat_tables(parts)
