"""`retention check`: what is wrong or doubtful in params.yaml and in the first rows of its files.

It reads the first rows of each file into a folder that goes when it ends, runs the true ingest on
them, and goes on after a mistake as if it were mended, so that one look tells of all mistakes.
It changes nothing.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from retention.commands.check import history, ingest_sample, mappings, parameters, samples
from retention.commands.check.findings import PARAMS, FindingGroup, count_of, exit_code, verdict
from retention.commands.check.ingest_sample import SampledData
from retention.core.params import CustomersFile, Params, StaffFile
from retention.sources import reader
from retention.worklist import published

__all__ = ["PARAMS", "FindingGroup", "check", "exit_code", "verdict"]


def check(path: Path = Path("params.yaml")) -> list[FindingGroup]:
    """Everything that is wrong or doubtful about the project one stands in, by what it is about."""
    top = FindingGroup(str(path))
    params, broken = parameters.read_params(path, top)
    if params is None:
        return [top, *_lists(Path("lists"))]
    data_groups = _data(params, broken)
    parameters.check_params(params, top)
    return [top, *data_groups, *_lists(Path(params.publish.folder))]


def _data(params: Params, broken: set[str]) -> list[FindingGroup]:
    """Findings about each source, the customers, and what the labels ask of them all."""
    sampled, groups = SampledData(), []
    with TemporaryDirectory(prefix="check-") as folder:
        for name in params.sources:
            groups.append(FindingGroup(f"sources.{name}"))
            sampled.whole &= _source(params, name, Path(folder) / name, groups[-1], sampled)
        if params.customers:
            groups.append(FindingGroup("customers"))
            _customers(params, params.customers, Path(folder) / "-customers", groups[-1], sampled)
        if params.scorecard.staff:
            groups.append(FindingGroup("scorecard.staff"))
            _staff(params, params.scorecard.staff, Path(folder) / "-staff", groups[-1])
        summary = history.events_summary(params, sampled, Path(folder))
    ids_group, history_group, labels_group = (
        FindingGroup("customer ids"),
        FindingGroup("history" if sampled.whole else "history of the last run"),
        FindingGroup("labels"),
    )
    ingest_sample.check_ids(sampled, ids_group)
    if summary:
        history.check_history(summary, history_group)
    if not broken & {"labels", "sources"}:
        parameters.check_labels(params, labels_group)
        if summary:
            parameters.check_calendar(params, summary, labels_group)
    return [
        *groups,
        *(group for group in (ids_group, history_group, labels_group) if group.findings),
    ]


def _source(
    params: Params, name: str, scratch: Path, group: FindingGroup, sampled: SampledData
) -> bool:
    """Findings about one source; whether its first rows were all of it."""
    file = params.sources[name]
    copies = samples.copy_first_rows(params, file, scratch, group)
    if copies is None:
        return False
    with reader.connect(samples.MEMORY) as connection, copies.reporting_refusals():
        sample = samples.load_sample(connection, file, copies)
        mended_source = mappings.mend_source(params, name, sample)
        if mended_source:
            ingest_sample.check_source(params, name, mended_source, sample, sampled)
            return copies.is_whole
    return False


def _customers(
    params: Params, file: CustomersFile, scratch: Path, group: FindingGroup, sampled: SampledData
) -> None:
    """Findings about the customers' file."""
    copies = samples.copy_first_rows(params, file, scratch, group)
    if copies is None:
        return
    with reader.connect(samples.MEMORY) as connection, copies.reporting_refusals():
        sample = samples.load_sample(connection, file, copies)
        mended = mappings.mend_customers(file, sample)
        if mended:
            ingest_sample.check_customers(params, mended, sample, sampled)


def _staff(params: Params, file: StaffFile, scratch: Path, group: FindingGroup) -> None:
    """Findings about the file of who serves."""
    copies = samples.copy_first_rows(params, file, scratch, group)
    if copies is None:
        return
    with reader.connect(samples.MEMORY) as connection, copies.reporting_refusals():
        sample = samples.load_sample(connection, file, copies)
        mappings.check_staff_columns(file, sample)
        if group.sound:
            ingest_sample.check_staff(file, sample)


def _lists(folder: Path) -> list[FindingGroup]:
    """Whether the published lists are as they were published."""
    groups = published.published_lists(folder)
    group = FindingGroup("published lists")
    for sentence in published.verify(folder):
        group.error(f"{sentence}; restore it from a backup, or move the list away and publish anew")
    if groups and group.sound:
        group.ok(f"{count_of(len(groups), 'list')} in {folder}, unchanged since published")
    return [group] if group.findings else []
