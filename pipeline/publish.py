"""Stage `publish`: publish the list to lists/ in one step; do nothing if it is there already.

The stage enters both arms of a list into ledgers/assignments/ and the run into ledgers/runs/; in
an experiment it does neither. How a list is stored, and how readers see one version only:
retention/worklist/published.py.
"""

from pathlib import Path
from typing import Final

from retention.core import artefacts, console, errors, experiment, point_in_time
from retention.core.errors import Guarded, mask
from retention.core.params import Params, load_params
from retention.core.storage.locks import Say
from retention.worklist.published import RetentionRule, publish_list, read_manifest

SOURCE: Final = artefacts.AT_RISK.path.parent


def publish(source: Path, params: Params, say: Say) -> Path:
    """Publish the list that lies in `source` and record its assignments; returns its folder."""
    # pandas comes with these; `retention check`, which imports this module, does without
    from retention.ledgers import assignments, runs
    from retention.worklist import enrolment

    refuse_erased(source)
    target = publish_list(
        source,
        Path(params.publish.folder),
        allow_older=params.publish.allow_older,
        say=say,
        retention=RetentionRule(params.publish.keep, point_in_time.label_delay_days(params.labels)),
    )
    manifest = read_manifest(target)
    n_new = enrolment.enrol(source, manifest, params, assignments.FOLDER)
    runs.record(artefacts.GUARD_SUMMARY.read_last(), runs.FOLDER, target, manifest)
    say(f"{n_new:,} customers assigned for the first time in this campaign")
    return target


def refuse_erased(source: Path) -> None:
    """Raise Guarded if the list of `source` holds a customer who was erased after it was made."""
    from retention.ledgers import erasures

    erased = erasures.read()
    for artefact in (artefacts.AT_RISK, artefacts.DROPPED):
        path = source / artefact.path.name
        on_list = erased.erased_among(_customer_ids(path)) if erased.hashes else frozenset()
        if on_list:
            raise Guarded(
                f"{path}: customer_id {mask(min(on_list))} was erased since the list was made;"
                " nothing was published: run make repro to make it anew"
            )


def _customer_ids(path: Path) -> list[str]:
    """The customer ids of a CSV file of the list; none where there is no such file."""
    from pyarrow import csv

    from retention.core.csv_injection import unescape_formula

    if not path.is_file():
        return []
    several_lines = csv.ParseOptions(newlines_in_values=True)
    ids = csv.ConvertOptions(
        include_columns=["customer_id"], column_types={"customer_id": "string"}
    )
    table = csv.read_csv(path, parse_options=several_lines, convert_options=ids)
    return [unescape_formula(customer_id) for customer_id in table["customer_id"].to_pylist()]


def main() -> None:
    params = load_params()
    with console.stage("publish") as report:
        if experiment.is_experiment():
            report.info(
                f"an experiment: {params.publish.folder}/ and ledgers/ stay as they are; "
                f"dvc repro would have published the list of {SOURCE} and enrolled its customers"
            )
            return
        target = publish(SOURCE, params, report.info)
        report.info(f"open next: {target / 'at_risk.html'}")


if __name__ == "__main__":
    errors.run(main)
