"""The folder in which the stages of a run work, so that they change no DVC output.

RUNS/work is created for each run, readable by its owner alone, and removed when the run ends; a
run that is killed leaves it to the next one, which removes it. The stages find there params.yaml
and links to champion/, ledgers/ and the raw files, as in the project. A run leaves its log,
RUNS/DATE.jsonl, its summary, RUNS/DATE.json, and the summary of its events, RUNS/events.json, with
which the next run compares its own.
"""

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

from retention.core import artefacts
from retention.core.errors import BadParams
from retention.core.params import Params, with_changes
from retention.core.storage import atomic, locks

EARLIER_DAYS: Final = 5
"""Snapshots before as_of that scoring needs: those in the risk history of a list."""

LAST_EVENTS_SUMMARY: Final = "events.json"
"""In RUNS: the summary of stage `events` of the last run that ended well."""

WORK: Final = "work"
NEWEST: Final = "newest"
"""In RUNS: the data behind the list that was published last."""

# Without the list itself, which alone has names and addresses.
_BEHIND_A_LIST: Final = (
    artefacts.EVENTS,
    artefacts.EVENTS_SUMMARY,
    artefacts.CUSTOMERS,
    artefacts.FEATURES,
    artefacts.LANES,
    artefacts.LIST_SUMMARY,
)
_MARK: Final = ".retention"
"""A file in RUNS/work and RUNS/newest: a run made it, so a run or an erasure may remove it."""

_OWNER_ONLY: Final = 0o700
_LEDGERS: Final = ("ledgers/outcomes", "ledgers/assignments")
_LINKED: Final = ("champion", "ledgers", "data/raw", "data/example")


@dataclass(frozen=True)
class Workspace:
    """The folders of a scheduled run, both absolute."""

    root: Path  # the project, with params.yaml
    runs: Path  # score.folder

    @property
    def work(self) -> Path:
        return self.runs / WORK

    @property
    def champion(self) -> Path:
        """The champion's manifest, which exists once there is a champion."""
        return self.root / "champion" / "champion.json"

    def log_of(self, day: str) -> Path:
        return self.runs / f"{day}.jsonl"

    def summary_of(self, day: str) -> Path:
        return self.runs / f"{day}.json"

    @contextmanager
    def held(self, say: locks.Say) -> Iterator[None]:
        """Hold the lock of the folder; Busy when another run works in it.

        BadParams where score.folder holds the project or files of another purpose.
        """
        if self.root.is_relative_to(self.runs):
            raise BadParams(f"score.folder: {self.runs} holds the project; name one of its own")
        atomic.make_folder(self.runs)
        self.runs.chmod(_OWNER_ONLY)
        with locks.hold(self.runs / ".lock", "scoring", say):
            atomic.remove_leftovers(self.runs)
            check_removable(self.work)
            if self.work.exists():
                say(f"removed {self.work}, left by a run that did not end")
                self.clear()
            yield

    def prepare(self, params: Params) -> None:
        """Create the work folder, with links to all that is read from outside."""
        with atomic.atomic_folder(self.work) as temporary:
            atomic.write_text(temporary / _MARK, "")
        for folder in (self.work, self.work / "tmp"):
            atomic.make_folder(folder)
            folder.chmod(_OWNER_ONLY)
        self._copy_last_summary(params)
        for ledger in _LEDGERS:
            atomic.make_folder(self.root / ledger)
        if reads_tables(params):
            atomic.make_folder(self.root / artefacts.TABLES)
        for path in sorted({*map(Path, _LINKED), *_linked_paths(params)}):
            if (self.root / path).exists():
                atomic.make_folder((self.work / path).parent)
                atomic.link(self.work / path, str(self.root / path))

    def _copy_last_summary(self, params: Params) -> None:
        """Copy the last run's summary of events to where stage `events` looks for it.

        Not with privacy.keep_days: events then disappear every day, and each run would report a
        restated past.
        """
        last_summary = self.runs / LAST_EVENTS_SUMMARY
        if last_summary.is_file() and params.privacy.keep_days is None:
            atomic.write_bytes(self.work / artefacts.EVENTS_SUMMARY, last_summary.read_bytes())

    def configure(self, changes: Mapping[str, Any]) -> None:
        """Write the params.yaml that the stages read: the project's with some changes."""
        text = (self.root / "params.yaml").read_text(encoding="utf-8")
        atomic.write_text(self.work / "params.yaml", with_changes(text, changes))

    def keep(self, artefact: artefacts.Artefact, name: str | None = None) -> None:
        """Copy an artefact to the folder of runs, over the last run's."""
        path = self.work / artefact
        if path.is_file():
            atomic.write_bytes(self.runs / (name or path.name), path.read_bytes())

    def keep_newest(self) -> None:
        """Move the data behind the list out of the work folder, over that of the list before."""
        newest = self.runs / NEWEST
        if newest.exists():
            check_removable(newest)
            atomic.remove_folder(newest)
        with atomic.atomic_folder(newest) as temporary:
            temporary.chmod(_OWNER_ONLY)
            atomic.write_text(temporary / _MARK, "")
            for artefact in _BEHIND_A_LIST:
                if (self.work / artefact).exists():
                    (temporary / artefact).parent.mkdir(parents=True, exist_ok=True)
                    (self.work / artefact).rename(temporary / artefact)

    def clear(self) -> None:
        """Remove the work folder."""
        atomic.remove_folder(self.work)

    def remove_old_days(self, n_days: int) -> None:
        """Remove the logs and summaries of all but the newest days."""
        days = sorted({path.stem for path in self.runs.glob("????-??-??.json*")})
        for day in days[:-n_days]:
            for path in (self.log_of(day), self.summary_of(day)):
                atomic.remove(path)


def check_removable(folder: Path) -> None:
    """BadParams where a work folder was not made by a run: removing it might lose files."""
    if folder.is_dir() and any(folder.iterdir()) and not (folder / _MARK).is_file():
        raise BadParams(
            f"{folder} was not made by a run, which would remove it; set score.folder to a folder "
            "of its own, or move this one away"
        )


def _linked_paths(params: Params) -> Iterator[Path]:
    """The paths to link, so that the sources' relative paths exist in the work folder.

    The sources' paths stay as they are in params.yaml, because ids of events may contain them.
    """
    for file in params.raw_files().values():
        path = Path(file.path)
        if _is_linkable(path):
            in_data = path.parts[0] == artefacts.DATA.name
            yield Path(*path.parts[: 2 if in_data else 1])


def reads_tables(params: Params) -> bool:
    """Whether a source is a table of a database, which is copied to files first."""
    return any(file.table for file in params.raw_files().values())


def _is_linkable(path: Path) -> bool:
    """Whether the work folder may have a link of this path."""
    return not path.is_absolute() and path.parts[0] != ".." and not _is_of_a_stage(path)


def _is_of_a_stage(path: Path) -> bool:
    """Whether a stage writes to this path: a link would lead its output out of the folder."""
    return path.parts[0] == artefacts.DATA.name and path.parts[1] in artefacts.STAGES


def absolute_paths(params: Params, root: Path) -> dict[str, Any]:
    """The changes to params.yaml that make the other relative paths absolute."""
    changes: dict[str, Any] = {}
    for key, file in params.raw_files().items():
        path, section = Path(file.path), changes
        if not path.is_absolute() and not _is_linkable(path):
            for name in key.split("."):
                section = section.setdefault(name, {})
            section["path"] = str(root / path)
    return changes


def size(folder: Path) -> int:
    """Bytes of a file, or of all files under a folder; links are not followed."""
    if folder.is_file():
        return folder.stat().st_size
    files = (path for path in folder.rglob("*") if path.is_file() and not path.is_symlink())
    return sum(path.stat().st_size for path in files)
