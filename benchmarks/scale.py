"""What the features of many snapshots cost, beside the same columns by hand in SQL and Polars.

    python -m benchmarks.scale FOLDER --events 1000000 --snapshots 1 24

makes the history of an invented shop in FOLDER, once, and writes FOLDER/scale.json and, to the
console, a table. Every run is a process of its own; the contestants take turns. CPU seconds count
all threads, and can be compared on a machine that has other work. The columns are those of the
themes of purchases; --check compares their values. Polars takes part where it is installed.
"""

import argparse
import importlib.util
import json
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from statistics import median
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from benchmarks.at_scale import by_hand, in_polars, made_history
from features import discover
from features.engine import one_pass
from features.engine.base import Feature
from features.engine.snapshots import CompanyHistory, Each
from features.engine.table import feature_schema
from retention.core import artefacts, engine, point_in_time
from retention.core.params import ChurnLabel, ServiceParams

MEMORY = "4GB"
ONE_PASS, ANEW, SQL, POLARS = "one pass", "each snapshot by itself", "DuckDB SQL", "Polars"
CONTESTANTS = (ONE_PASS, ANEW, SQL, POLARS)


def declared() -> list[Feature]:
    features = discover(by_hand.WINDOWS)
    return [feature for feature in features if feature.theme in by_hand.THEMES]


def tables(name: str, root: Path, days: list[int]) -> Iterator[pa.Table]:
    """The columns of each snapshot, by a contestant."""
    if name == SQL:
        with duckdb.connect(config={"memory_limit": MEMORY, "threads": 2}) as connection:
            for day in days:
                yield connection.sql(by_hand.sql(root, day)).to_arrow_table()
    elif name == POLARS:
        for day in days:
            yield in_polars.features(root, day)
    else:
        yield from _by_project(name, root, days)


def _by_project(name: str, root: Path, days: list[int]) -> Iterator[pa.Table]:
    duck = engine.DuckDB(MEMORY)
    history = CompanyHistory(
        duck.scan(artefacts.EVENTS.under(root)),
        duck.scan(artefacts.CUSTOMERS.under(root)),
        duck.scan(artefacts.SNAPSHOTS.under(root)),
        declared(),
        ChurnLabel(rule="silence", active_days=made_history.ACTIVE_DAYS),
        ServiceParams(),
        restated=False,
    )
    if name == ANEW:
        each = Each(duck, history)
        yield from (table for day in days for table in each.tables_at(day))
    else:
        with one_pass.opened(duck, history, days) as in_pass:
            yield from (table for day in days for table in in_pass.tables_at(day))


def run(name: str, root: Path, days: list[int], out: Path) -> None:
    """Write the columns of a contestant, as float64 and rounded, in the order declared."""
    schema = feature_schema(declared())
    with pq.ParquetWriter(out, schema) as writer:
        for day, table in zip(days, tables(name, root, days), strict=False):
            writer.write_table(as_declared(table, day, schema))


def as_declared(table: pa.Table, day: int, schema: pa.Schema) -> pa.Table:
    if "snapshot_on" not in table.column_names:
        on = pa.scalar(point_in_time.date_of(day), pa.date32())
        table = table.append_column("snapshot_on", pa.repeat(on, len(table)))
    return table.select(schema.names).cast(schema)


def measured(name: str, root: Path, snapshots: int) -> dict[str, Any]:
    """Wall and CPU seconds and peak memory of a process that computes so many snapshots."""
    command = [sys.executable, "-m", "benchmarks.scale", str(root), "--run", name]
    began = time.perf_counter()
    process = subprocess.Popen([*command, "--snapshots", str(snapshots)])
    _, status, usage = os.wait4(process.pid, 0)
    if status:
        raise SystemExit(f"{name}: failed")
    return {
        "contestant": name,
        "snapshots": snapshots,
        "cpu_seconds": round(usage.ru_utime + usage.ru_stime, 2),
        "wall_seconds": round(time.perf_counter() - began, 2),
        "peak_gb": round(usage.ru_maxrss / 2**20, 2),
    }


def compare(root: Path, snapshots: int) -> list[str]:
    """The columns whose values differ from project by more than the last decimal, by contestant."""
    project, differing = pq.read_table(output(root, ONE_PASS, snapshots)), []
    for name in CONTESTANTS[1:]:
        path = output(root, name, snapshots)
        if path.is_file():
            other = pq.read_table(path)
            differing += [f"{name}: {column}" for column in project.column_names[2:]
                      if not _same(project[column], other[column])]  # fmt: skip
    return differing


def _same(first: pa.ChunkedArray, other: pa.ChunkedArray) -> bool:
    if pc.any(pc.xor(first.is_null(), other.is_null())).as_py():
        return False
    apart = pc.max(pc.abs(pc.subtract(first, other))).as_py()
    return apart is None or apart < 1.5e-6


def output(root: Path, name: str, snapshots: int) -> Path:
    return root / f"{name.replace(' ', '_')}_{snapshots}.parquet"


def report(results: list[dict[str, Any]]) -> str:
    """The medians as a table."""
    lines = ["| snapshots | by | CPU s | wall s | peak GB |", "| --- | --- | --- | --- | --- |"]
    keys = dict.fromkeys((result["snapshots"], result["contestant"]) for result in results)
    for snapshots, name in keys:
        runs = [r for r in results if (r["snapshots"], r["contestant"]) == (snapshots, name)]
        figures = [
            median(r[key] for r in runs) for key in ("cpu_seconds", "wall_seconds", "peak_gb")
        ]
        lines.append(f"| {snapshots} | {name} | " + " | ".join(f"{f:.1f}" for f in figures) + " |")
    return "\n".join(lines)


def main() -> None:
    parser = argparse.ArgumentParser(description=(__doc__ or "").splitlines()[0])
    parser.add_argument("folder", type=Path)
    parser.add_argument("--events", type=int, default=1_000_000)
    parser.add_argument("--snapshots", type=int, nargs="+", default=[1, 24])
    parser.add_argument("--runs", type=int, default=1)
    parser.add_argument("--run", choices=CONTESTANTS)
    parser.add_argument("--check", action="store_true")
    given_args = parser.parse_args()
    root = given_args.folder
    if given_args.run:
        (snapshots,) = given_args.snapshots
        days = made_history.snapshot_days(snapshots)
        run(given_args.run, root, days, output(root, given_args.run, snapshots))
        return
    if not artefacts.EVENTS.under(root).path.is_file():
        made_history.write(root, given_args.events)
    names = [name for name in CONTESTANTS if name != POLARS or importlib.util.find_spec("polars")]
    results = [
        measured(name, root, snapshots)
        for _ in range(given_args.runs)
        for snapshots in given_args.snapshots
        for name in names
    ]
    if given_args.check:
        for snapshots in given_args.snapshots:
            print("\n".join(compare(root, snapshots)) or f"{snapshots} snapshots: all agree")
    events = pq.read_metadata(artefacts.EVENTS.under(root).path).num_rows
    content = {"events": events, "runs": results}
    (root / "scale.json").write_text(json.dumps(content, indent=2), encoding="utf-8")
    print(f"{events:,} events\n{report(results)}")


if __name__ == "__main__":
    main()
