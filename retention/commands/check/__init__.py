"""`retention check`: find what is wrong or doubtful in params.yaml and the first rows of its files.

It copies the first rows of each file into a temporary folder, runs the stage `ingest` on them, and
goes on after a mistake as if it were corrected, so that one run reports all mistakes. It changes
nothing.
"""

from pathlib import Path
from tempfile import TemporaryDirectory

from retention.commands.check import (
    history,
    ingest_sample,
    mappings,
    parameters,
    samples,
    whole_history,
)
from retention.commands.check.findings import PARAMS, FindingGroup, count_of, exit_code, verdict
from retention.commands.check.ingest_sample import SampledData
from retention.core.params import CustomersFile, Params, StaffFile
from retention.sources import reader
from retention.worklist import published

__all__ = ["PARAMS", "FindingGroup", "check", "exit_code", "verdict"]


def check(path: Path = Path("params.yaml")) -> list[FindingGroup]:
    """All findings about the project in the working directory, by what they are about."""
    top = FindingGroup(str(path))
    params, broken = parameters.read_params(path, top)
    if params is None:
        return [top, *_check_lists(Path("lists"))]
    data_groups = _check_data(params, broken)
    parameters.check_params(params, top)
    return [top, *data_groups, *_check_lists(Path(params.publish.folder))]


def _check_data(params: Params, broken: set[str]) -> list[FindingGroup]:
    """Findings about each source, the customers, and what the labels need of them all."""
    from retention.commands.check import enough_data  # it imports models: nothing else here does

    sampled, groups = SampledData(), []
    with TemporaryDirectory(prefix="check-") as folder:
        for name in params.sources:
            groups.append(FindingGroup(f"sources.{name}"))
            scratch = Path(folder) / name
            sampled.is_whole &= _check_source(params, name, scratch, groups[-1], sampled)
        if params.customers:
            groups.append(FindingGroup("customers"))
            scratch = Path(folder) / "-customers"
            _check_customers(params, params.customers, scratch, groups[-1], sampled)
        if params.scorecard.staff:
            groups.append(FindingGroup("scorecard.staff"))
            _check_staff(params, params.scorecard.staff, Path(folder) / "-staff", groups[-1])
        summary = history.events_summary(params, sampled, Path(folder))
        is_labelled = summary and not broken & {"labels", "sources"}
        labels = enough_data.known_labels(params, sampled, Path(folder)) if is_labelled else None
    ids_group, labels_group = FindingGroup("customer ids"), FindingGroup("labels")
    history_group = FindingGroup("history" if sampled.is_whole else "history of the last run")
    ingest_sample.check_ids(sampled, ids_group)
    if all(group.sound for group in groups):
        whole_history.check_shared_ids(params, sampled.of_source, ids_group)
    if summary:
        history.check_history(summary, history_group)
    if not broken & {"labels", "sources"}:
        parameters.check_labels(params, labels_group)
        if all(group.sound for group in groups):
            whole_history.check_silence(params, labels_group)
        if labels_group.sound:
            labels_group.ok("which horizon_days suit your own history: retention labels shows it")
        if summary:
            parameters.check_calendar(params, summary, labels_group)
            enough_data.check_enough(params, summary, labels, labels_group)
    more_groups = (ids_group, history_group, labels_group)
    return [*groups, *(group for group in more_groups if group.findings)]


def _check_source(
    params: Params, name: str, scratch: Path, group: FindingGroup, sampled: SampledData
) -> bool:
    """Findings about one source; whether its first rows were all of it."""
    file = params.sources[name]
    copies = samples.copy_samples(params, file, scratch, group)
    if copies is None:
        return False
    with reader.connect(samples.MEMORY) as connection, copies.reporting_refusals():
        sample = samples.load_sample(connection, params, file, copies)
        mended = mappings.mend_source(params, name, sample)
        if mended:
            ingest_sample.check_source(params, name, mended, sample, sampled)
            return copies.is_whole
    return False


def _check_customers(
    params: Params, file: CustomersFile, scratch: Path, group: FindingGroup, sampled: SampledData
) -> None:
    """Findings about the customers' file."""
    copies = samples.copy_samples(params, file, scratch, group)
    if copies is None:
        return
    with reader.connect(samples.MEMORY) as connection, copies.reporting_refusals():
        sample = samples.load_sample(connection, params, file, copies)
        mended = mappings.mend_customers(file, sample)
        if mended:
            ingest_sample.check_customers(params, mended, sample, sampled)


def _check_staff(params: Params, file: StaffFile, scratch: Path, group: FindingGroup) -> None:
    """Findings about the file of the staff."""
    copies = samples.copy_samples(params, file, scratch, group)
    if copies is None:
        return
    with reader.connect(samples.MEMORY) as connection, copies.reporting_refusals():
        sample = samples.load_sample(connection, params, file, copies)
        mappings.check_staff_columns(file, sample)
        if group.sound:
            ingest_sample.check_staff(file, sample)


def _check_lists(folder: Path) -> list[FindingGroup]:
    """Findings about published lists that were changed since."""
    lists = published.published_lists(folder)
    group = FindingGroup("published lists")
    for sentence in published.verify(folder):
        group.error(f"{sentence}; restore it from a backup, or move the list away and publish anew")
    if lists and group.sound:
        group.ok(f"{count_of(len(lists), 'list')} in {folder}, unchanged since published")
    return [group] if group.findings else []
