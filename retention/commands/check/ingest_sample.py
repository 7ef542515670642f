"""The first rows through the true ingest, and what it said of them in words."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

from pipeline import events, ingest
from retention.commands.check import samples, times
from retention.commands.check.findings import Group, as_yaml, date, many
from retention.commands.check.samples import Head
from retention.core import artefacts
from retention.core.params import Customers, Engine, Params, RawFile, Source, Staff
from retention.core.storage import atomic
from retention.sources import customers
from retention.sources.rule_messages import RULES


@dataclass
class Seen:
    """What the first rows of all files came to; `whole` when they are all that the sources have."""

    tables: list[pa.Table] = field(default_factory=list)
    ids: list[pa.ChunkedArray] = field(default_factory=list)
    whole: bool = True

    def customer_ids(self) -> pa.ChunkedArray:
        return pa.chunked_array([part for one in self.ids for part in one.chunks], pa.string())


# One source, and the customers


def look_at_source(rules: Params, name: str, source: Source, head: Head, seen: Seen) -> None:
    """Findings about the rows themselves, now that the mapping can be read."""
    moved = samples.moved(source, head.copies.folder)
    declared = moved.model_copy(update={"dst": source.dst or "reject"})
    done = ingest.ingest(_few(rules, sources={name: declared}), name)
    seen.tables.append(done.events)
    seen.ids.append(done.events["customer_id"])
    group, summary = head.group, done.summary
    _rejects(done.rejects, summary["read"], rules, source, head)
    _too_few(source, summary["read"], head)
    _repeats(source, head)
    _doubtful(source, name, summary, head)
    times.look_at_hours(rules, source, head, done.events)
    for kind in dict.fromkeys(one.kind for one in source.events):
        if kind not in summary["kinds"] and not summary["rejected"]:
            group.doubt(f"none of the {head.rows(summary['read'])} became a {kind};"
                        " look at its where:")  # fmt: skip
    if group.sound:
        group.ok(f"{head.rows(summary['read'])}: {_read(summary)}")
    if rules.sources[name].key == "row_number":
        group.ok("key: row_number, so a row that is exported twice counts twice")


def look_at_customers(rules: Params, file: Customers, head: Head, seen: Seen) -> None:
    moved = samples.moved(file, head.copies.folder)
    declared = moved.model_copy(update={"dst": file.dst or "reject"})
    table, rejects = customers.customers(_few(rules, customers=declared))
    read = table.num_rows + rejects.num_rows
    _rejects(rejects, read, rules, file, head)
    _too_few(file, read, head)
    if seen.whole and head.copies.whole:
        _strangers(table["customer_id"], seen.customer_ids(), head.group)
    seen.ids.append(table["customer_id"])
    if head.group.sound:
        people = pc.count_distinct(table["customer_id"]).as_py()
        head.group.ok(f"{head.rows(read)}: {many(people, 'customer')}")


def look_at_staff(file: Staff, head: Head) -> None:
    """Findings about the rows of who serves, as the scorecard will read them."""
    from retention.scorecard import staff

    agents = staff.teams(samples.moved(file, head.copies.folder), samples.MEMORY)
    head.group.ok(many(len(agents), "agent"))


def _few(rules: Params, **changes: Any) -> Params:
    """The params for the first rows: other files, little memory, any number of rejects."""
    lenient = rules.ingest.model_copy(update={"max_reject_share": 1.0})
    few = {"ingest": lenient, "engine": Engine(memory=samples.MEMORY), **changes}
    return rules.model_copy(update=few)


def _read(summary: dict[str, Any]) -> str:
    kinds = ", ".join(
        f"{one['rows']:,} {kind} ({date(one['first_day'])} to {date(one['last_day'])})"
        for kind, one in summary["kinds"].items()
    )
    unmapped = f"; {summary['unmapped']:,} matched no where:" if summary["unmapped"] else ""
    return f"{kinds or 'no events'}{unmapped}"


# Rejects


def _rejects(rejects: pa.Table, read: int, rules: Params, file: RawFile, head: Head) -> None:
    """A line for each rule and column: an error when ingest would refuse it, or so many."""
    broken: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for one in rejects.to_pylist():
        told = one["rule"] in ("not_timestamp", "not_date") and one["column"] in head.told
        if not told:
            broken.setdefault((one["rule"], one["column"]), []).append(one)
    too_many = rejects.num_rows > rules.ingest.max_reject_share * read
    for (rule, _), found in broken.items():
        text = _rejected(found, read, head)
        if too_many or (rule == "dst" and not file.dst):
            head.group.error(text)
        else:
            head.group.doubt(f"{text}, or lose the row")


def _too_few(file: RawFile, read: int, head: Head) -> None:
    if head.copies.whole and file.rows_at_least and read < file.rows_at_least:
        head.group.error(f"{file.path}: {many(read, 'row')}, fewer than rows_at_least says;"
                         " export it again, or mend rows_at_least")  # fmt: skip


def _rejected(found: list[dict[str, Any]], read: int, head: Head) -> str:
    """Where the first of them stands, what is wrong, how many more there are, what to do."""
    first = found[0]
    what, fix = RULES.get(first["rule"], (first["rule"], "mend it"))
    where = f", column {first['column']!r}" if first["column"] else ""
    value = f", {first['raw']}" if first["raw"] not in ("", "''") else ""
    lines = ", ".join(str(one["line"]) for one in found[1:4])
    more = ", ..." if len(found) > 4 else ""
    others = f", also on line {lines}{more}" if lines else ""
    return (
        f"{head.copies.named(first['file'])}: line {first['line']}{where}{value} {what};"
        f" {len(found):,} of the {head.rows(read)}{others}; {fix}"
    )


# Rows that are not as expected


def _doubtful(source: Source, name: str, summary: dict[str, Any], head: Head) -> None:
    """A doubt for each expectation that rows miss, here or, when it saw more, in the last run."""
    path = artefacts.ingest_summary(name).path
    ran = atomic.read_json(path) if path.is_file() and not head.copies.whole else {}
    for rule, text in source.expect.items():
        here, then = summary["doubtful"][rule], ran.get("doubtful", {}).get(rule)
        one, rows = here, head.rows(summary["read"])
        if then and then["rows"] > here["rows"]:
            one, rows = then, f"{many(ran['read'], 'row')} of the last run"
        if one["rows"]:
            head.group.doubt(
                f"expect.{rule}: {one['rows']:,} of the {rows} ({one['share']:.1%} of those"
                f" accepted) are not as {text!r} says, first {head.copies.named(one['first'])};"
                " they count all the same"
            )


# Keys that repeat


def _repeats(source: Source, head: Head) -> None:
    """A key that stands more than once: an error when the rows differ and nothing tells which."""
    if source.key == "row_number":
        return
    keys = ", ".join(f"v{head.columns[name].place}" for name in source.key)
    every = ", ".join(f"v{one.place}" for one in head.columns.values())
    found = head.run(
        f"""select file, list(line order by line), count(distinct ({every})) > 1 from raw
        group by file, {keys} having count(*) > 1 order by min(line)"""
    )
    for differ in (True, False):
        some = [(file, lines) for file, lines, differing in found if differing == differ]
        if some:
            _say_repeats(source, head, some, differ)


def _say_repeats(
    source: Source, head: Head, found: Sequence[tuple[str, list[int]]], differ: bool
) -> None:
    file, lines = found[0]
    listed = (
        f"{head.copies.named(file)}: key {as_yaml(source.key)} stands more than once"
        f" {len(found):,} times, first on lines {lines[0]} and {lines[1]}, the rows"
    )
    better = _better_key(source.key, head) if differ else ""
    if not differ:
        head.group.doubt(
            f"{listed} being equal; they count once; if each is a fact of its own,"
            " write key: row_number"
        )
    elif any(one.known_at for one in source.events):
        newest = "the one known last will count as its newest version"
        head.group.doubt(f"{listed} differing; {newest}{better}")
    else:
        better = better or "; write key: row_number"
        head.group.error(f"{listed} differing; only one of them would count{better}")


def _better_key(key: Sequence[str], head: Head) -> str:
    """A column that makes the key unique, when there is one."""
    texts = ", ".join(head.columns[name].text for name in key)
    others = [one for one in head.columns.values() if one.name not in key]
    counts = "".join(f", count(distinct ({texts}, {one.text}))" for one in others)
    ((every, *distinct),) = head.run(f"select count(*){counts} from raw")
    for column, number in zip(others, distinct, strict=True):
        if number == every:
            return f"; write key: {as_yaml([*key, column.name])} if a row is a fact of its own"
    return ""


# Customer ids


def _strangers(ids: pa.ChunkedArray, known: pa.ChunkedArray, group: Group) -> None:
    """A doubt when two whole histories have no customer in common."""
    if len(ids) and len(known) and not pc.any(pc.is_in(ids, known)).as_py():
        group.doubt("none of its ids stands in the sources; does customer_id map the same id?")


def look_at_ids(seen: Seen, group: Group) -> None:
    """A doubt when ids of different customers look like one."""
    found = events.collisions(pa.table({"customer_id": seen.customer_ids()}))
    if found["groups"]:
        group.doubt(
            f"{many(found['groups'], 'group')} of ids differ only in case, space or Unicode form,"
            f" as {' and '.join(found['examples'][0])}; they count as different customers; if they"
            " are one, write customer_id: lower(trim(...)) in every mapping"
        )
