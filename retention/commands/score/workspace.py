"""The folder in which the stages of a run work, so that they touch nothing of DVC's.

RUNS/work is made anew for each run, readable by its owner alone, and removed when the run ends:
one that is killed leaves it to the next one, which clears it. The stages find there what
they find at home: params.yaml, and links to champion/, ledgers/ and the raw files. What stays of a
run is its log, RUNS/DATE.jsonl, its summary, RUNS/DATE.json, and what it knew of each day, which
the next one compares, RUNS/events.json.
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

EARLIER: Final = 5
"""Days before as_of that a list shows of the course of a risk: all that scoring needs of them."""

KNOWN: Final = "events.json"
"""In RUNS: the summary of stage `events` of the last run that ended well."""

WORK: Final = "work"
_MARK: Final = ".retention"
"""In RUNS/work: a run made it, so a run or an erasure may remove it."""

_OWNER_ALONE: Final = 0o700
_LEDGERS: Final = ("ledgers/outcomes", "ledgers/assignments")
_LINKED: Final = ("champion", "ledgers", "data/raw", "data/example")


@dataclass(frozen=True)
class Workplace:
    """root: where params.yaml lies; runs: the folder of `score.folder`. Both absolute."""

    root: Path
    runs: Path

    @property
    def work(self) -> Path:
        return self.runs / WORK

    @property
    def champion(self) -> Path:
        """The manifest of the champion; no file before the first one."""
        return self.root / "champion" / "champion.json"

    def log_of(self, day: str) -> Path:
        return self.runs / f"{day}.jsonl"

    def summary_of(self, day: str) -> Path:
        return self.runs / f"{day}.json"

    @contextmanager
    def held(self, say: locks.Say) -> Iterator[None]:
        """The folder as one's own for the block; Busy when another run works in it.

        BadParams where it is for something else.
        """
        if self.root.is_relative_to(self.runs):
            raise BadParams(f"score.folder: {self.runs} holds the project; name one of its own")
        atomic.make_folder(self.runs)
        self.runs.chmod(_OWNER_ALONE)
        with locks.hold(self.runs / ".lock", "scoring", say):
            atomic.remove_leftovers(self.runs)
            removable(self.work)
            if self.work.exists():
                say(f"removed {self.work}, left by a run that did not end")
                self.clear()
            yield

    def prepare(self, chosen: Params) -> None:
        """Make the work folder, with links to all that is read from outside."""
        with atomic.atomic_folder(self.work) as made:
            atomic.write_text(made / _MARK, "")
        for folder in (self.work, self.work / "tmp"):
            atomic.make_folder(folder)
            folder.chmod(_OWNER_ALONE)
        self._remember(chosen)
        for ledger in _LEDGERS:
            atomic.make_folder(self.root / ledger)
        if tables(chosen):
            atomic.make_folder(self.root / artefacts.TABLES)
        for path in sorted({*map(Path, _LINKED), *_named(chosen)}):
            if (self.root / path).exists():
                atomic.make_folder((self.work / path).parent)
                atomic.link(self.work / path, str(self.root / path))

    def _remember(self, chosen: Params) -> None:
        """Put what the last run knew where stage `events` looks for it.

        With privacy.keep_days each day forgets some, and no past would be as the last run knew it.
        """
        known = self.runs / KNOWN
        if known.is_file() and chosen.privacy.keep_days is None:
            atomic.write_bytes(self.work / artefacts.EVENTS_SUMMARY, known.read_bytes())

    def configure(self, changes: Mapping[str, Any]) -> None:
        """Write the params.yaml that the stages read: that of the root with some changes."""
        text = (self.root / "params.yaml").read_text(encoding="utf-8")
        atomic.write_text(self.work / "params.yaml", with_changes(text, changes))

    def keep(self, artefact: artefacts.Artefact, name: str | None = None) -> None:
        """Keep a file that a stage left, in the place of that of the run before."""
        path = self.work / artefact
        if path.is_file():
            atomic.write_bytes(self.runs / (name or path.name), path.read_bytes())

    def clear(self) -> None:
        """Remove the work folder."""
        atomic.remove_folder(self.work)

    def forget(self, keep: int) -> None:
        """Remove the logs and summaries of all but the newest days."""
        days = sorted({path.stem for path in self.runs.glob("????-??-??.json*")})
        for day in days[:-keep]:
            for path in (self.log_of(day), self.summary_of(day)):
                atomic.remove(path)


def removable(folder: Path) -> None:
    """BadParams where a work folder holds what no run put there: removing it might lose it."""
    if folder.is_dir() and any(folder.iterdir()) and not (folder / _MARK).is_file():
        raise BadParams(
            f"{folder} was not made by a run, which would remove it; set score.folder to a folder "
            "of its own, or move this one away"
        )


def _named(chosen: Params) -> Iterator[Path]:
    """What must stand in the work folder for the relative paths of the sources to be found there.

    The paths themselves stay as they are written: the ids of events may hold them.
    """
    for path in _paths(chosen):
        if _ours(path):
            of_data = path.parts[0] == artefacts.DATA.name
            yield Path(*path.parts[: 2 if of_data else 1])


def _paths(chosen: Params) -> Iterator[Path]:
    return (Path(one.path) for one in chosen.raw_files().values())


def tables(chosen: Params) -> bool:
    """Whether anything is read from a database, and so copied first."""
    return any(one.table for one in chosen.raw_files().values())


def _ours(path: Path) -> bool:
    """Whether a link in the work folder can stand for a path."""
    return not path.is_absolute() and path.parts[0] != ".." and not _of_a_stage(path)


def _of_a_stage(path: Path) -> bool:
    """Never linked: the stages of the run would write into it."""
    return path.parts[0] == artefacts.DATA.name and path.parts[1] in artefacts.STAGES


def moved(chosen: Params, root: Path) -> dict[str, Any]:
    """The changes to params that make every other relative path absolute."""
    changes: dict[str, Any] = {}
    for key, one in chosen.raw_files().items():
        path, section = Path(one.path), changes
        if not path.is_absolute() and not _ours(path):
            for name in key.split("."):
                section = section.setdefault(name, {})
            section["path"] = str(root / path)
    return changes


def size(folder: Path) -> int:
    """Bytes of all files under a folder, or of a file; what links lead to is not counted."""
    if folder.is_file():
        return folder.stat().st_size
    found = (one for one in folder.rglob("*") if one.is_file() and not one.is_symlink())
    return sum(one.stat().st_size for one in found)
