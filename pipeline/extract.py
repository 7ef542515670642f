"""Stage `extract`: copy tables from databases, and take the fingerprint of every raw file.

Copies lie in data/tables/, which no stage owns: parts that were read earlier cannot be read again.
The stage writes, and other stages depend on, one file for each key of params.yaml with the hashes
of the files that are read under it. Where an experiment works in a copy of the checkout, the files
that git does not hold are linked into the copy first.
"""

from pathlib import Path
from zoneinfo import ZoneInfo

from retention.core import artefacts, console, errors, experiment
from retention.core.documents.sources import Fingerprint, RunKind
from retention.core.params import Params, RawFile, Source, load_params
from retention.core.storage import atomic, locks
from retention.sources import reader


def extract(file: RawFile, zone: ZoneInfo, key: str, say: locks.Say) -> int:
    """Copy a table to `file.path`, and return the number of new rows.

    zone: of the table's times without a zone. BadParams: no address, or one that is none. BadInput:
    unreachable, no such table or column, no rows. Busy: another run copies it.
    """
    from retention.sources.database import copies, opening

    folder = Path(file.path)
    with opening.opened(file, key) as database:
        table = database.find_table(file, key)
        atomic.make_folder(folder)
        with locks.hold(folder / ".lock", f"reading table {file.table}", say):
            atomic.remove_leftovers(folder)
            if isinstance(file, Source) and file.incremental:
                return copies.add_part(database, table, folder, file, zone, key)
            return copies.replace_copy(database, table, folder, sort_columns(file), key)


def copy_tables(params: Params, report: console.StageLog) -> None:
    """Copy every table that params name, if any."""
    for key, file in params.raw_files().items():
        if file.table:
            rows = extract(file, params.zone_of(file), key, report.info)
            report.info(f"{key}: {rows:,} new rows of table {file.table} in {file.path}")


def sort_columns(file: RawFile) -> list[str]:
    """The columns by which a copy is sorted; all of them where there are none."""
    return list(file.key) if isinstance(file, Source) and file.key != "row_number" else []


def fingerprint(file: RawFile | None) -> Fingerprint:
    """The sha256 of every file that is read, joined ones too; none where nothing is mapped."""
    files = [file, *(file.join.values() if isinstance(file, Source) else [])] if file else []
    paths = [path for each in files for path in reader.paths(each.path)]
    return Fingerprint(files={path.as_posix(): atomic.sha256(path) for path in paths})


def main() -> None:
    params = load_params()
    unmapped: dict[str, RawFile | None] = {"customers": None, "scorecard.staff": None}
    with console.stage("extract") as report:
        files = params.raw_files()
        linked = experiment.link_inputs(file.path for file in files.values() if not file.table)
        if linked:
            report.info(f"an experiment: linked {len(linked)} files of {experiment.checkout()}")
        artefacts.RUN_KIND.write(RunKind(experiment=experiment.is_experiment()))
        copy_tables(params, report)
        for key, file in (unmapped | files).items():
            artefacts.fingerprint(key).write(fingerprint(file))


if __name__ == "__main__":
    errors.run(main)
