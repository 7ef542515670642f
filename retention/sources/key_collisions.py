"""Rows of a source that share their key and say different things, of which only one would count.

A row that is sent again with other content is a new version of its events where something says
which is newer: another `known_at`, or, in another file, another time of its own. What says so or
not, a version is of the same fact: it keeps its customer or its time. Rows that differ in both, as
receipts that are numbered anew in each file, and rows of which nothing says which is newer,
collide: the key is too coarse.
"""

from typing import Any

import duckdb

from retention.core.documents.sources import KeyCollisions
from retention.core.errors import BadInput
from retention.sources.reader import run
from retention.sources.row_sql import CompiledMapping, IngestPlan

NONE = KeyCollisions(keys=0, lost=0, first=None)


def key_collisions(connection: duckdb.DuckDBPyConnection, plan: IngestPlan) -> KeyCollisions:
    """The keys in `judged` that collide, and how many facts would be lost by them."""
    if not plan.keys:
        return NONE
    keys = lost = 0
    first: str | None = None
    for mapping in plan.mappings:
        ((n_keys, n_lost, rows),) = run(connection, _collisions_sql(plan, mapping))
        keys, lost = keys + n_keys, lost + int(n_lost or 0)
        if n_keys and first is None:
            first = _places(*rows[:2])
    return KeyCollisions(keys=keys, lost=lost, first=first)


def _places(first: dict[str, Any], other: dict[str, Any]) -> str:
    """Where two rows stand."""
    if first["file"] == other["file"]:
        return f"{first['file']}: lines {first['line']} and {other['line']}"
    return f"{first['file']}: line {first['line']} and {other['file']}: line {other['line']}"


def _collisions_sql(plan: IngestPlan, mapping: CompiledMapping) -> str:
    """SQL of the keys that collide, the facts lost by them, and the rows of the first of them."""
    known_at, when = mapping.value_column("known"), mapping.value_column("occurred_at")
    customer = mapping.value_column("customer_id")
    keys = ", ".join(f"c{i}" for i in plan.keys)
    content = f"hash({', '.join([known_at, *map(mapping.value_column, mapping.columns)])})"
    # Rows that are known at one time, and those of one file where no row says when it was known,
    # must be equal.
    unordered = ["known"] if "known_at" in mapping.columns else ["known", "file"]
    contents = " union all ".join(
        f"""select {keys}, sum(n - 1) as lost from (select {keys}, count(distinct content) as n
            from differing group by {keys}, {group}) group by {keys}"""
        for group in unordered
    )
    # Most keys stand once, and most others are copies: only the rest is compared.
    return f"""with mapped as (select {keys}, file, line, {content} as content, {known_at} as known,
                {when} as moment, {customer} as customer
            from judged where bad is null and {mapping.matches}),
        differing as (from mapped semi join (select {keys} from mapped group by {keys}
            having min(content) <> max(content)) using ({keys})),
        losses as (select {keys}, max(lost) as lost from (
                select {keys}, least(count(distinct customer), count(distinct moment)) - 1 as lost
                from differing group by {keys}
                union all {contents}) group by {keys} having max(lost) > 0),
        firsts as (select {keys}, content, min({{file: file, line: line}}) as place
            from differing semi join losses using ({keys}) group by {keys}, content),
        groups as (select {keys}, list_sort(list(place)) as places from firsts group by {keys})
        select count(*), sum(lost), min(places) from groups join losses using ({keys})"""


def refuse_collisions(
    collisions: KeyCollisions, plan: IngestPlan, accepted: int, max_share: float
) -> None:
    """BadInput when more than a share of the accepted rows would be lost."""
    if collisions.lost > max_share * accepted:
        raise BadInput(f"{describe(collisions, plan.file.key)} (sources.{plan.source})")


def describe(collisions: KeyCollisions, key: object) -> str:
    """Where keys collide, how often, what is lost and what to write."""
    columns = ", ".join(key) if isinstance(key, list) else str(key)
    return (
        f"{collisions.first} have one key ({columns}) and different content, the first of"
        f" {collisions.keys:,} such keys; {collisions.lost:,} of their rows would not count;"
        " add to key the column that tells them apart, map known_at if they are versions, or write"
        " key: row_number"
    )
