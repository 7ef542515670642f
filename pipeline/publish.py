"""Stage `publish`: the list, put where staff read it, whole or not at all.

LISTS/RUN_ID/ is written once and never again; LISTS/current.json names the one to read. A list is
made ready in a hidden folder, flushed, and renamed in one step; only then does current.json move,
in one step too. Whoever reads current.json first, and then only the folder that it names, sees one
version, old or new. LISTS may lie on a shared drive: it takes renames within it and no links. The
stage always runs and does nothing when the list is published already.
"""

from pathlib import Path
from typing import Final

from retention.core import artefacts, console, errors, point_in_time
from retention.core.errors import Guarded, masked
from retention.core.params import load_params
from retention.core.storage import atomic
from retention.worklist.published import MANIFEST, Keep, publish

SOURCE: Final = artefacts.AT_RISK.path.parent


def refuse_erased(source: Path) -> None:
    """Guarded when the list of `source` holds a customer who has been erased since it was made."""
    from retention.ledgers import erasures

    known = erasures.read()
    for artefact in (artefacts.AT_RISK, artefacts.DROPPED):
        path = source / artefact.path.name
        if known.hashes and path.is_file() and (found := known.among(_customers(path))):
            raise Guarded(
                f"{path}: customer_id {masked(min(found))} was erased since the list was made;"
                " nothing was published: run make repro to make it anew"
            )


def _customers(path: Path) -> list[str]:
    """The customer ids of a CSV file of the list."""
    from pyarrow import csv

    from retention.core.csv_injection import unguarded

    several_lines = csv.ParseOptions(newlines_in_values=True)
    ids = csv.ConvertOptions(
        include_columns=["customer_id"], column_types={"customer_id": "string"}
    )
    table = csv.read_csv(path, parse_options=several_lines, convert_options=ids)
    return [unguarded(one) for one in table["customer_id"].to_pylist()]


def main() -> None:
    from retention.ledgers import (
        assignments,  # pandas comes with these; `retention check` can spare it
        runs,
    )
    from retention.worklist import enrolment

    config = load_params()
    with console.stage("publish") as report:
        refuse_erased(SOURCE)
        target = publish(
            SOURCE,
            Path(config.publish.folder),
            allow_older=config.publish.allow_older,
            say=report.say,
            keep=Keep(config.publish.keep, point_in_time.ripening(config.labels)),
        )
        manifest = atomic.read_json(target / MANIFEST)
        added = enrolment.record(SOURCE, manifest, config, assignments.FOLDER)
        runs.record(artefacts.GUARD_SUMMARY.path, runs.FOLDER, target, manifest)
        report.say(f"{added:,} customers assigned for the first time in this campaign")
        report.open_next(target / "at_risk.html")


if __name__ == "__main__":
    errors.run(main)
