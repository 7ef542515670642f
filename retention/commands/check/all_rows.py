"""Check all rows of a source's files for what shows only below the first ones, by their text alone.

A look at the text of a few columns is quick where ingest is not: values that do not fit the
declared type, and a last day that breaks off.
"""

import datetime as dt
import re
from typing import Final

import duckdb

from retention.cohort.calendar import label_kinds
from retention.commands.check import samples
from retention.commands.check.findings import count_of
from retention.commands.check.samples import Sample, SampleColumn
from retention.core.params import ColumnType, Params, Source
from retention.sources import joins, parsing, reader
from retention.sources.rule_messages import RULE_MESSAGES

_DAYS: Final = 28
"""Before the last one, by which its end is judged: four of each day of the week."""


def check_all_rows(params: Params, source: Source, sample: Sample) -> None:
    """Findings about the text columns of all files that have a type; tables are not read whole."""
    typed = _typed_columns(source, sample)
    if source.table or not typed:
        return
    columns = ", ".join(f"{reader.identifier(name)} as v{c.position}" for name, c in typed.items())
    with reader.scan(source, list(typed), samples.MEMORY) as (connection, scan_sql):
        rows = f"select {columns} from ({scan_sql})"
        try:
            if not sample.copies.is_whole:
                _check_types(connection, rows, params, source, sample)
            if params.as_of is None:
                _check_last_day(connection, rows, params, source, sample)
        except (duckdb.DataError, duckdb.InvalidInputException, duckdb.IOException):
            return  # rows that cannot be read so are found by ingest


def _typed_columns(source: Source, sample: Sample) -> dict[str, SampleColumn]:
    """The columns of text that mappings read and that have another type."""
    read = " ".join(
        text
        for mapping in source.events
        for text in [mapping.where or "", mapping.currency or "", *mapping.columns().values()]
    )
    return {
        name: column
        for name, column in sample.columns.items()
        if column.is_text
        and name not in joins.joined_columns(source)
        and source.types.get(name, "text") != "text"
        and re.search(rf"(?<!\w){re.escape(name)}(?!\w)", read)
    }


def _parsed_sql(source: Source, column: SampleColumn) -> str:
    kind: ColumnType = source.types[column.name]
    return parsing.parsed_sql(column.text_sql, kind, source.format, column.name)


def _check_types(
    connection: duckdb.DuckDBPyConnection,
    rows: str,
    params: Params,
    source: Source,
    sample: Sample,
) -> None:
    """A finding for each column whose first values fit its type while later ones do not."""
    columns = list(_typed_columns(source, sample).values())
    misfits = [
        f"{column.filled_sql} and {_parsed_sql(source, column)} is null" for column in columns
    ]
    in_head = sample.count(*misfits)
    counts = ", ".join(f"count(*) filter ({misfit})" for misfit in misfits)
    ((n_rows, *everywhere),) = reader.run(connection, f"select count(*), {counts} from ({rows})")
    for column, n_head, n_all in zip(columns, in_head, everywhere, strict=True):
        if n_head or not n_all:
            continue
        what, fix = RULE_MESSAGES[f"not_{source.types[column.name]}"]
        text = (
            f"column {column.name!r} {what} in {n_all:,} of all {count_of(n_rows, 'row')},"
            f" though it is in all of the first; {fix}"
        )
        too_many = n_all > params.ingest.max_reject_share * n_rows
        (sample.group.error if too_many else sample.group.doubt)(text)


def _check_last_day(
    connection: duckdb.DuckDBPyConnection,
    rows: str,
    params: Params,
    source: Source,
    sample: Sample,
) -> None:
    """A doubt when the last day of a label's kind ends earlier than each of the four weeks before.

    Without an as_of it counts as complete.
    """
    kinds = label_kinds(params.labels.churn)
    for mapping in source.events:
        column = _typed_columns(source, sample).get(mapping.occurred_at)
        if mapping.kind not in kinds or column is None:
            continue
        if source.types[column.name] != "timestamp" or source.format.states_instants:
            continue
        moments = f"select {_parsed_sql(source, column)} as moment from ({rows})"
        days = reader.run(
            connection,
            f"""select moment::date, max(moment::time) from ({moments})
            where moment is not null group by 1 order by 1 desc limit {_DAYS + 1}""",
        )
        if len(days) <= _DAYS:
            continue
        (last_day, end), *before = days
        earliest: dt.time = min(time for _, time in before)
        if end < earliest:
            sample.group.doubt(
                f"the last {mapping.kind} of {last_day} is of {end:%H:%M}, while on each of"
                f" the {_DAYS} days before the last one was at {earliest:%H:%M} or later, so that"
                f' day may be cut; as_of: null counts it as complete; write as_of: "{last_day}"'
            )
