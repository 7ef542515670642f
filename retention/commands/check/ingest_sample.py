"""Ingest the first rows, and report in words what stage `ingest` makes of them."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import duckdb
import pyarrow as pa
import pyarrow.compute as pc

from pipeline.customers import customers
from pipeline.ingest import ingest
from retention.commands.check import all_rows, repeat_customers, samples, times
from retention.commands.check.findings import FindingGroup, as_yaml, count_of, date_text
from retention.commands.check.samples import File, Sample
from retention.core import artefacts
from retention.core.documents.sources import IngestSummary
from retention.core.params import CustomersFile, EngineParams, Params, RawFile, Source, StaffFile
from retention.sources import joins, key_collisions, reader
from retention.sources.customer_ids import id_collisions
from retention.sources.rule_messages import RULE_MESSAGES


@dataclass
class SampledData:
    """The events and customers in the first rows of all files."""

    tables: list[pa.Table] = field(default_factory=list)  # events, one table a source
    ids: list[pa.ChunkedArray] = field(default_factory=list)  # customer ids, one array a file
    of_source: dict[str, pa.ChunkedArray] = field(default_factory=dict)  # the ids of each source
    is_whole: bool = True  # whether the first rows are all that the sources have

    def customer_ids(self) -> pa.ChunkedArray:
        """The customer ids of all files, with repetitions."""
        return pa.chunked_array([part for ids in self.ids for part in ids.chunks], pa.string())


# One source, and the customers


def check_source(
    params: Params, name: str, source: Source, sample: Sample, sampled: SampledData
) -> None:
    """Findings about the rows of a source whose mapping can be read."""
    ingested = ingest(_sample_params(params, sources={name: _at_sample(source, sample)}), name)
    sampled.tables.append(ingested.events)
    sampled.ids.append(ingested.events["customer_id"])
    sampled.of_source[name] = ingested.events["customer_id"]
    group, summary = sample.group, ingested.summary
    _check_rejects(ingested.rejects, summary.read, params, source, sample)
    _check_row_count(source, summary.read, sample)
    if not _check_repeated_keys(source, sample):
        _check_all_keys(params, name, source, sample, summary)
    repeat_customers.check_repeat_customers(params, source, sample)
    all_rows.check_all_rows(params, source, sample)
    _check_expectations(source, name, summary, sample)
    _check_partners(summary, sample)
    _check_addresses(ingested.events, sample)
    times.check_year(sample, ingested.events)
    times.check_hours(params, source, sample, ingested.events)
    for kind in dict.fromkeys(mapping.kind for mapping in source.events):
        if kind not in summary.kinds and not summary.rejected:
            group.doubt(
                f"none of the {sample.rows(summary.read)} became a {kind}; look at its where:"
            )
    if group.sound:
        group.ok(f"{sample.rows(summary.read)}: {_events_text(summary)}")
    if params.sources[name].key == "row_number":
        group.ok("key: row_number, so a row that is exported twice counts twice")


def check_customers(
    params: Params, file: CustomersFile, sample: Sample, sampled: SampledData
) -> None:
    """Findings about the rows of the customers' file, and whether its ids are the sources' ids."""
    table, rejects = customers(_sample_params(params, customers=_at_sample(file, sample)))
    read = table.num_rows + rejects.num_rows
    _check_rejects(rejects, read, params, file, sample)
    _check_row_count(file, read, sample)
    if sampled.is_whole and sample.copies.is_whole:
        _check_shared_customers(table["customer_id"], sampled.customer_ids(), sample.group)
    sampled.ids.append(table["customer_id"])
    if sample.group.sound:
        n_customers = pc.count_distinct(table["customer_id"]).as_py()
        sample.group.ok(f"{sample.rows(read)}: {count_of(n_customers, 'customer')}")


def check_staff(file: StaffFile, sample: Sample) -> None:
    """Findings about the rows of the staff's file, as the scorecard reads them."""
    from retention.scorecard import staff

    agents = staff.teams(samples.at_path(file, sample.copies.folder), samples.MEMORY)
    sample.group.ok(count_of(len(agents), "agent"))


def _at_sample(file: File, sample: Sample) -> File:
    """The file of params.yaml, but with its first rows, and no refusal for an undeclared dst."""
    update = {"dst": file.dst or "reject"}
    return samples.at_path(file, sample.copies.folder).model_copy(update=update)


def _sample_params(params: Params, **changes: Any) -> Params:
    """Params for the first rows: other files, little memory, any number of rejects."""
    ingest_params = params.ingest.model_copy(update={"max_reject_share": 1.0})
    engine_params = EngineParams(memory=samples.MEMORY)
    return params.model_copy(update={"ingest": ingest_params, "engine": engine_params, **changes})


def _events_text(summary: IngestSummary) -> str:
    kinds = ", ".join(
        f"{counts.rows:,} {kind} ({date_text(counts.first_day)} to {date_text(counts.last_day)})"
        for kind, counts in summary.kinds.items()
    )
    unmapped = f"; {summary.unmapped:,} rows match no event" if summary.unmapped else ""
    held_back = f"; {summary.held_back:,} held back, on or after as_of" if summary.held_back else ""
    return f"{kinds or 'no events'}{unmapped}{held_back}"


# Rejects


def _check_rejects(
    rejects: pa.Table, read: int, params: Params, file: RawFile, sample: Sample
) -> None:
    """A finding for each rule and column; an error when `ingest` would refuse the whole source."""
    broken: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for reject in rejects.to_pylist():
        already_reported = (
            reject["rule"] in ("not_timestamp", "not_date")
            and reject["column"] in sample.reported_formats
        )
        if not already_reported:
            broken.setdefault((reject["rule"], reject["column"]), []).append(reject)
    too_many = rejects.num_rows > params.ingest.max_reject_share * read
    for (rule, _), rejects_of_rule in broken.items():
        text = _reject_text(rejects_of_rule, read, sample)
        if too_many or (rule == "dst" and not file.dst):
            sample.group.error(text)
        else:
            sample.group.doubt(f"{text}, or lose the row")


def _check_row_count(file: RawFile, read: int, sample: Sample) -> None:
    if sample.copies.is_whole and file.rows_at_least and read < file.rows_at_least:
        sample.group.error(
            f"{file.path}: {count_of(read, 'row')}, fewer than rows_at_least says;"
            " export it again, or mend rows_at_least"
        )


def _reject_text(rejects: list[dict[str, Any]], read: int, sample: Sample) -> str:
    """The place of the first reject, what is wrong, how many more there are, what to do."""
    first = rejects[0]
    what, fix = RULE_MESSAGES.get(first["rule"], (first["rule"], "mend it"))
    where = f", column {first['column']!r}" if first["column"] else ""
    value = f", {first['raw']}" if first["raw"] not in ("", "''") else ""
    lines = ", ".join(str(reject["line"]) for reject in rejects[1:4])
    more = ", ..." if len(rejects) > 4 else ""
    others = f", also on line {lines}{more}" if lines else ""
    file = sample.copies.with_original_names(first["file"])
    return (
        f"{file}: line {first['line']}{where}{value} {what};"
        f" {len(rejects):,} of the {sample.rows(read)}{others}; {fix}"
    )


# Rows that are not as expected


def _check_expectations(source: Source, name: str, summary: IngestSummary, sample: Sample) -> None:
    """A doubt for each expectation that rows miss: here or, if it missed more, in the last run."""
    last = None if sample.copies.is_whole else artefacts.ingest_summary(name).read_last()
    for rule, text in source.expect.items():
        here, then = summary.doubtful[rule], last.doubtful.get(rule) if last else None
        counts, rows = here, sample.rows(summary.read)
        if last and then and then.rows > here.rows:
            counts, rows = then, f"{count_of(last.read, 'row')} of the last run"
        if counts.rows:
            first = sample.copies.with_original_names(counts.first)
            sample.group.doubt(
                f"expect.{rule}: {counts.rows:,} of the {rows} ({counts.share:.1%} of those"
                f" accepted) are not as {text!r} says, first {first}; they count all the same"
            )


def _check_partners(summary: IngestSummary, sample: Sample) -> None:
    """A doubt for each join in which rows have no partner."""
    for name, missing in summary.unjoined.items():
        if missing.rows:
            first = sample.copies.with_original_names(missing.first)
            sample.group.doubt(
                f"join.{name}: {missing.rows:,} of the {sample.rows(summary.read)} have no partner,"
                f" first {first}; export {name} anew, or look whether on: names the right columns"
            )


# Keys that repeat


def _check_repeated_keys(source: Source, sample: Sample) -> bool:
    """Findings about keys that repeat: an error when rows differ and no known_at orders them.

    Whether there is such an error.
    """
    if source.key == "row_number":
        return False
    keys = ", ".join(f"v{sample.columns[name].position}" for name in source.key)
    every = ", ".join(f"v{column.position}" for column in sample.columns.values())
    repeats = sample.run(
        f"""select file, list(line order by line), count(distinct ({every})) > 1 from raw
        group by file, {keys} having count(*) > 1 order by min(line)"""
    )
    different = [(file, lines) for file, lines, differ in repeats if differ]
    equal = [(file, lines) for file, lines, differ in repeats if not differ]
    if different:
        _report_repeats(source, sample, different, differ=True)
    if equal:
        _report_repeats(source, sample, equal, differ=False)
    return bool(different) and not any(mapping.known_at for mapping in source.events)


def _check_all_keys(
    params: Params, name: str, source: Source, sample: Sample, summary: IngestSummary
) -> None:
    """A finding about keys that collide anywhere in the files; an error when `ingest` refuses them.

    The files are ingested whole only when some key stands for two rows, which a look at the text
    shows.
    """
    if not sample.copies.is_whole and not source.table and _has_differing_rows(source, sample):
        whole = _sample_params(params, sources={name: source})
        summary = ingest(whole, name).summary
    collisions = summary.collisions
    if collisions.keys:
        text = sample.copies.with_original_names(key_collisions.describe(collisions, source.key))
        too_many = collisions.lost > params.ingest.max_reject_share * summary.accepted
        (sample.group.error if too_many else sample.group.doubt)(text)


def _has_differing_rows(source: Source, sample: Sample) -> bool:
    """Whether a key stands for two different rows; False where the files cannot be read so."""
    if source.key == "row_number":
        return False
    own = [name for name in sample.names if name not in joins.joined_columns(source)]
    if not set(source.key) <= set(own):
        return True
    keys = ", ".join(map(reader.identifier, source.key))
    every = ", ".join(map(reader.identifier, own))
    with reader.scan(source, own, samples.MEMORY) as (connection, rows):
        try:
            ((differ,),) = reader.run(
                connection,
                f"select count(distinct ({every})) > count(distinct ({keys})) from ({rows})",
            )
        except duckdb.Error:
            return False
    return bool(differ)


def _report_repeats(
    source: Source, sample: Sample, repeats: Sequence[tuple[str, list[int]]], differ: bool
) -> None:
    file, lines = repeats[0]
    sentence = (
        f"{sample.copies.with_original_names(file)}: key {as_yaml(source.key)} stands more than"
        f" once {len(repeats):,} times, first on lines {lines[0]} and {lines[1]}, the rows"
    )
    better = _key_advice(source.key, sample) if differ else ""
    if not differ:
        sample.group.doubt(
            f"{sentence} being equal; they count once; if each is a fact of its own,"
            " write key: row_number"
        )
    elif any(mapping.known_at for mapping in source.events):
        newest = "the one known last will count as its newest version"
        sample.group.doubt(f"{sentence} differing; {newest}{better}")
    else:
        better = better or "; write key: row_number"
        sample.group.error(f"{sentence} differing; only one of them would count{better}")


def _key_advice(key: Sequence[str], sample: Sample) -> str:
    """Advice to add a column that makes the key unique, when there is one."""
    texts = ", ".join(sample.columns[name].text_sql for name in key)
    others = [column for column in sample.columns.values() if column.name not in key]
    counts = "".join(f", count(distinct ({texts}, {column.text_sql}))" for column in others)
    ((n_rows, *n_distinct),) = sample.run(f"select count(*){counts} from raw")
    for column, n_keys in zip(others, n_distinct, strict=True):
        if n_keys == n_rows:
            return f"; write key: {as_yaml([*key, column.name])} if a row is a fact of its own"
    return ""


# Customer ids


def _check_addresses(events: pa.Table, sample: Sample) -> None:
    """A doubt when customers are identified by their e-mail addresses."""
    ids = pc.unique(events["customer_id"])
    n_addresses = pc.sum(pc.match_substring_regex(ids, r"^[^@\s]+@[^@\s]+\.[^@\s]+$")).as_py()
    if n_addresses and n_addresses > len(ids) / 2:
        sample.group.doubt(
            f"customer_id: {n_addresses:,} of the first {len(ids):,} ids are e-mail addresses,"
            " which then stand in the feature table, the lists and the ledgers; map a number of the"
            " customer, or write customer_id: md5(lower(trim(...))) in every mapping and in"
            " customers"
        )


def _check_shared_customers(
    ids: pa.ChunkedArray, source_ids: pa.ChunkedArray, group: FindingGroup
) -> None:
    """A doubt when the customers' file and the sources have no customer in common."""
    if len(ids) and len(source_ids) and not pc.any(pc.is_in(ids, source_ids)).as_py():
        group.doubt("none of its ids stands in the sources; does customer_id map the same id?")


def check_ids(sampled: SampledData, group: FindingGroup) -> None:
    """A doubt when ids that look alike stand for different customers."""
    collisions = id_collisions(pa.table({"customer_id": sampled.customer_ids()}))
    if collisions.groups:
        group.doubt(
            f"{count_of(collisions.groups, 'group')} of ids differ only in how they are written"
            f" (case, space, Unicode form, zeros), as {' and '.join(collisions.examples[0])};"
            " they count as different customers; if they are one, write customer_id:"
            " lower(trim(...)), or ltrim(..., '0'), in every mapping"
        )
