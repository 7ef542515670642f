"""Doubts about the label and the ids that need all rows: a look at customers and days alone."""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from retention.cohort.calendar import label_kinds
from retention.commands.check import samples
from retention.commands.check.findings import FindingGroup
from retention.core.errors import Refusal
from retention.core.params import Params, RawFile, Source
from retention.sources import joins, parsing, reader
from retention.sources.expressions import Compiler

MIN_CUSTOMERS: Final = 100
_MIN_GAPS: Final = 100
_LOOKED_AT: Final = 50_000
"""Customers: of more than twice as many a part is looked at."""

ALMOST_ALL: Final = 0.98
ALMOST_NONE: Final = 0.002
_MIN_IDS: Final = 20
_HARDLY: Final = 0.05


# The label


def check_silence(params: Params, group: FindingGroup) -> None:
    """Doubts about a silence label by which all or almost none are lost, or below the usual gap."""
    churn = params.labels.churn
    if churn.rule != "silence":
        return
    days = _days(params)
    if days is None or not len(days):
        return
    with duckdb.connect() as connection:
        connection.register("days", days)
        _check_gap(connection, churn.horizon_days, group)
        _check_share(connection, churn.active_days, churn.horizon_days, group)


def _check_gap(connection: duckdb.DuckDBPyConnection, horizon: int, group: FindingGroup) -> None:
    """A doubt when half of all customers' gaps are longer than the horizon."""
    ((n_gaps, middle),) = connection.execute(
        """select count(*), quantile_disc(gap, 0.5) from (select day - lag(day) over
            (partition by customer order by day) as gap from days) where gap is not null"""
    ).fetchall()
    if n_gaps >= _MIN_GAPS and middle > horizon:
        group.doubt(
            f"churn.horizon_days: {horizon} is below the usual gap: half of {n_gaps:,} gaps"
            f" between two days of a customer are of {middle} days or more, so those who are only"
            " waiting count as lost; retention labels shows which one suits"
        )


def _check_share(
    connection: duckdb.DuckDBPyConnection, active: int, horizon: int, group: FindingGroup
) -> None:
    """A doubt when all or almost none of the newest cohort with a known outcome were lost."""
    ((n_customers, n_lost),) = connection.execute(
        """with ends as (select max(day) + 1 - $horizon as snapshot, min(day) as first from days),
            cohort as (select customer, bool_or(day >= snapshot) as stayed from days, ends
                where day >= snapshot - $active and snapshot > first group by customer
                having bool_or(day < snapshot))
        select count(*), count(*) filter (not stayed) from cohort""",
        {"horizon": horizon, "active": active},
    ).fetchall()
    lost_share = n_lost / n_customers if n_customers else 0.5
    if n_customers >= MIN_CUSTOMERS and not ALMOST_NONE < lost_share < ALMOST_ALL:
        longer = "longer" if lost_share >= ALMOST_ALL else "shorter"
        group.doubt(
            f"churn: {n_lost:,} of {n_customers:,} customers of the newest cohort with a known"
            f" outcome were lost, so there is nothing to tell apart; try a {longer} horizon_days,"
            " and look whether customer_id and occurred_at map what they should"
        )


def _days(params: Params) -> pa.Table | None:
    """Customers' days of the label's kinds; None where rows cannot be read.

    Of very many customers a part is looked at, the same in every source.
    """
    kinds = label_kinds(params.labels.churn)
    mapped = [
        (source, mapping.customer_id, mapping.occurred_at)
        for source in params.sources.values()
        for mapping in source.events
        if mapping.kind in kinds
    ]
    if any(source.types.get(when) not in ("timestamp", "date") for source, _, when in mapped):
        return None
    most_customers = 0
    for source, customer, _ in mapped:
        with _rows(params, source, [customer]) as rows:
            if rows is None:
                return None
            ((n_customers,),) = rows.run("select approx_count_distinct(x0)")
            most_customers = max(most_customers, n_customers)
    every = max(1, most_customers // _LOOKED_AT)
    tables = [_mapped_days(params, *each, every) for each in mapped]
    read = [table for table in tables if table is not None]
    return pa.concat_tables(read) if read else None


def _mapped_days(
    params: Params, source: Source, customer: str, when: str, every: int
) -> pa.Table | None:
    """Each day of each customer in one mapping; of every so many customers one."""
    value = parsing.parsed_sql("x1", source.types[when], source.format, when)
    with _rows(params, source, [customer, when]) as rows:
        if rows is None:
            return None
        reader.use_zone(rows.connection, params.zone_of(source))
        native = str(rows.connection.sql(f"select x1 from {rows.table} limit 0").types[0])
        day = value if native == "VARCHAR" else "x1"
        days = rows.connection.sql(
            f"""select distinct x0 as customer, ({day})::date - date '1970-01-01' as day
            from {rows.table} where x0 is not null and day is not null and hash(x0) % {every} = 0"""
        )
        return days.to_arrow_table()


# All rows


@dataclass(frozen=True)
class _Rows:
    """All rows of a file with some of the mapping's values: x0 as text, x1 as it is read."""

    connection: duckdb.DuckDBPyConnection
    table: str  # SQL

    def run(self, select: str) -> list[tuple[Any, ...]]:
        return reader.run(self.connection, f"{select} from {self.table}")


@contextmanager
def _rows(params: Params, file: RawFile, texts: Sequence[str]) -> Iterator[_Rows | None]:
    """The values of columns or SQL in all rows; None where they cannot be read or are of a table.

    What is wrong with a file is reported by the look at its first rows, or by `ingest`.
    """
    with ExitStack() as stack:
        try:
            rows = None if file.table else _open_rows(params, file, texts, stack)
            if rows:
                rows.run("select count(x0)")
        except (Refusal, duckdb.Error):
            rows = None
        yield rows


def _open_rows(
    params: Params, file: RawFile, texts: Sequence[str], stack: ExitStack
) -> _Rows | None:
    paths = reader.paths(file.path)
    scratch = Path(stack.enter_context(TemporaryDirectory(prefix="rows-")))
    if all(reader.is_plain(file, path) for path in paths):
        columns = list(dict.fromkeys(texts))
        names = set(_header(file, paths[0]))
        if set(columns) <= names:
            connection, sql = stack.enter_context(reader.scan(file, columns, samples.MEMORY))
            return _Rows(connection, f"({_cells_sql(map(reader.identifier, texts), f'({sql})')})")
    connection = stack.enter_context(reader.connect(samples.MEMORY))
    files = reader.open_files(file, scratch)
    compiler = Compiler(connection, joins.names(file, files, "source"), files[0].label)
    cells = [compiler.compile(text, "source").sql for text in texts]
    joins.load(connection, file, files, compiler.wanted, params.zone_of, "source")
    return _Rows(connection, f"({_cells_sql(cells, 'raw')})")


def _cells_sql(cells: Iterable[str], table: str) -> str:
    columns = [f"{cell}{'::varchar' if i == 0 else ''} as x{i}" for i, cell in enumerate(cells)]
    return f"select {', '.join(columns)} from {table}"


def _header(file: RawFile, path: Path) -> list[str]:
    with reader.connect(samples.MEMORY) as connection:
        return connection.sql(f"from {reader.plain_scan_sql(file, path)} limit 0").columns


# Ids


def check_shared_ids(
    params: Params, first_ids: Mapping[str, pa.ChunkedArray], group: FindingGroup
) -> None:
    """A doubt for a source whose first ids hardly occur in any other file.

    first_ids: of each source. Nothing is said where the rows of another file cannot be read.
    """
    everywhere = {name: _all_ids(params, source) for name, source in params.sources.items()}
    if params.customers:
        file = params.customers
        everywhere["customers"] = _ids(params, file, file.columns["customer_id"])
    for name, first in first_ids.items():
        ids = pc.unique(first)
        others = {other: there for other, there in everywhere.items() if other != name}
        if not others or any(there is None for there in others.values()) or len(ids) < _MIN_IDS:
            continue
        union = pa.chunked_array([there for there in others.values() if there is not None])
        n_shared = pc.sum(pc.is_in(ids, union)).as_py() or 0
        if n_shared < _HARDLY * len(ids):
            group.doubt(
                f"{name}: {n_shared:,} of its first {len(ids):,} ids stand in"
                f" {' or '.join(others)}, so its rows belong to nobody else; map the same id as"
                " there, or take it from another file by join:"
            )


def _all_ids(params: Params, source: Source) -> pa.Array | None:
    """All customer ids of a source; None where its rows cannot be read."""
    texts = sorted({mapping.customer_id for mapping in source.events})
    parts = [_ids(params, source, text) for text in texts]
    present = [part for part in parts if part is not None]
    return pa.concat_arrays(present) if len(present) == len(parts) else None


def _ids(params: Params, file: RawFile, text: str) -> pa.Array | None:
    with _rows(params, file, [text]) as rows:
        if rows is None:
            return None
        ids = rows.connection.sql(f"select distinct x0 from {rows.table} where x0 is not null")
        return ids.to_arrow_table()["x0"].combine_chunks()
