"""Rows of one file that share their key and say different things, of which only one would count.

A row that is sent again with other content is a new version of its events where something says
which is newer: another `known_at`, or another file. Two rows of one file that were known at the
same time, or of which nothing says when they were known, collide: the key is too coarse.
"""

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
        ((n_keys, n_lost, file, lines),) = run(connection, _collisions_sql(plan, mapping))
        keys, lost = keys + n_keys, lost + int(n_lost or 0)
        if n_keys and first is None:
            first = f"{file}: lines {lines[0]} and {lines[1]}"
    return KeyCollisions(keys=keys, lost=lost, first=first)


def _collisions_sql(plan: IngestPlan, mapping: CompiledMapping) -> str:
    """SQL of the keys that collide, the facts lost by them, and file and lines of the first."""
    known_column = mapping.value_column("known")
    same = ["file", *(f"c{i}" for i in plan.keys)]
    if "known_at" in mapping.columns:
        same.append(known_column)
    columns = ", ".join(same)
    content = ", ".join([known_column, *map(mapping.value_column, mapping.columns)])
    rows = f"from judged where bad is null and {mapping.matches}"
    # Most keys stand once: only the others are compared.
    repeated = f"select {columns} {rows} group by all having count(*) > 1"
    groups = f"""select file, list_sort(list(line)) as lines,
            count(distinct row({content})) - 1 as lost
        from (select * {rows}) semi join ({repeated}) using ({columns})
        group by {columns} having lost > 0"""
    return f"""select count(*), sum(lost), arg_min(file, (file, lines)),
        arg_min(lines, (file, lines)) from ({groups})"""


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
