"""`retention check`: what is wrong or doubtful in params.yaml and in the first rows of its files.

It reads the first rows of each file into a folder that goes when it ends, runs the true ingest on
them, and goes on after a mistake as if it were mended, so that one look tells of all mistakes.
It changes nothing.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from retention.commands.check import history, ingest_sample, mappings, parameters, samples
from retention.commands.check.findings import PARAMS, Group, exit_code, many, verdict
from retention.commands.check.ingest_sample import Seen
from retention.core.params import Customers, Params, Staff
from retention.sources import reader
from retention.worklist import published

__all__ = ["PARAMS", "Group", "check", "exit_code", "verdict"]


def check(path: Path = Path("params.yaml")) -> list[Group]:
    """Everything that is wrong or doubtful about the project one stands in, by what it is about."""
    top = Group(str(path))
    rules, broken = parameters.read(path, top)
    if rules is None:
        return [top, *_lists(Path("lists"))]
    found = _data(rules, broken)
    parameters.describe(rules, top)
    return [top, *found, *_lists(Path(rules.publish.folder))]


def _data(rules: Params, broken: set[str]) -> list[Group]:
    """Findings about each source, the customers, and what the labels ask of them all."""
    seen, groups = Seen(), []
    with TemporaryDirectory(prefix="check-") as folder:
        for name in rules.sources:
            groups.append(Group(f"sources.{name}"))
            seen.whole &= _source(rules, name, Path(folder) / name, groups[-1], seen)
        if rules.customers:
            groups.append(Group("customers"))
            _customers(rules, rules.customers, Path(folder) / "-customers", groups[-1], seen)
        if rules.scorecard.staff:
            groups.append(Group("scorecard.staff"))
            _staff(rules, rules.scorecard.staff, Path(folder) / "-staff", groups[-1])
        told = history.history(rules, seen, Path(folder))
    ids, past, labels = (
        Group("customer ids"),
        Group("history" if seen.whole else "history of the last run"),
        Group("labels"),
    )
    ingest_sample.look_at_ids(seen, ids)
    if told:
        history.look_at_history(told, past)
    if not broken & {"labels", "sources"}:
        parameters.look_at_labels(rules, labels)
        if told:
            parameters.look_at_calendar(rules, told, labels)
    return [*groups, *(one for one in (ids, past, labels) if one.findings)]


def _source(rules: Params, name: str, scratch: Path, group: Group, seen: Seen) -> bool:
    """Findings about one source; whether its first rows were all of it."""
    file = rules.sources[name]
    copies = samples.copied(rules, file, scratch, group)
    if copies is None:
        return False
    with reader.opened(samples.MEMORY) as connection, copies.telling():
        head = samples.loaded(connection, file, copies)
        mended = mappings.source(rules, name, head)
        if mended:
            ingest_sample.look_at_source(rules, name, mended, head, seen)
            return copies.whole
    return False


def _customers(rules: Params, file: Customers, scratch: Path, group: Group, seen: Seen) -> None:
    """Findings about the customers' file."""
    copies = samples.copied(rules, file, scratch, group)
    if copies is None:
        return
    with reader.opened(samples.MEMORY) as connection, copies.telling():
        head = samples.loaded(connection, file, copies)
        mended = mappings.customers(file, head)
        if mended:
            ingest_sample.look_at_customers(rules, mended, head, seen)


def _staff(rules: Params, file: Staff, scratch: Path, group: Group) -> None:
    """Findings about the file of who serves."""
    copies = samples.copied(rules, file, scratch, group)
    if copies is None:
        return
    with reader.opened(samples.MEMORY) as connection, copies.telling():
        head = samples.loaded(connection, file, copies)
        mappings.staff(file, head)
        if group.sound:
            ingest_sample.look_at_staff(file, head)


def _lists(folder: Path) -> list[Group]:
    """Whether the published lists are as they were published."""
    found = published.published(folder)
    group = Group("published lists")
    for sentence in published.verify(folder):
        group.error(f"{sentence}; restore it from a backup, or move the list away and publish anew")
    if found and group.sound:
        group.ok(f"{many(len(found), 'list')} in {folder}, unchanged since published")
    return [group] if group.findings else []
