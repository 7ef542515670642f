"""What stages made of customers' rows, and what DVC remembers of it.

A stage's output with a row taken out would be one that no run can make: so those that hold
customers' rows go as a whole, and the next `dvc repro` makes them anew from what is left.
"""

import logging
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from retention.commands.erase import search
from retention.core import artefacts
from retention.core.artefacts import TableArtefact
from retention.core.errors import Busy
from retention.core.storage import atomic

DVC: Final = Path(".dvc")
AT_WORK: Final = DVC / "tmp" / "rwlock"
"""Where DVC says which processes run stages; its own lock is free while a stage's command runs."""


def stages() -> list[str]:
    """The stages whose files have rows of customers, by the columns of what they leave."""
    mine = {
        artefact.stage
        for artefact in artefacts.registry()
        if isinstance(artefact, TableArtefact) and "customer_id" in artefact.names
    }
    return [stage for stage in artefacts.STAGES if stage in mine]


def folders(root: Path) -> list[Path]:
    """Their folders, as far as they are there."""
    return [folder for stage in stages() if (folder := root / artefacts.DATA / stage).is_dir()]


def hold(root: Path, customer_id: str) -> bool:
    """Whether any of them holds the id."""
    return any(search.holding(folder, customer_id) for folder in folders(root))


def remove(root: Path) -> int:
    """Remove all of them, and what DVC says in dvc.lock of the stages; how many folders went."""
    found = folders(root)
    _forget(root)
    for folder in found:
        atomic.remove_folder(folder)
    return len(found)


def collect(root: Path) -> int:
    """Remove from DVC's cache all that dvc.lock no longer names, run caches too; how many files.

    Busy when another DVC works here.
    """
    if not (root / DVC).is_dir():
        return 0
    from dvc.lock import LockError
    from dvc.repo import Repo

    with Repo(str(root)) as repo:
        cache = Path(repo.cache.local.path)
        top = cache.parents[1] if cache.name == "md5" else cache
        before = _files(top)
        # It warns of outputs that dvc.lock does not name, though these are what it collects.
        logging.getLogger("dvc").setLevel(logging.ERROR)
        try:
            repo.gc(workspace=True, force=True)
        except LockError:
            raise _busy(root) from None
    atomic.remove_folder(top / "runs")
    return before - _files(top)


def _forget(root: Path) -> None:
    if not (root / DVC).is_dir():
        return
    from dvc.dvcfile import LOCK_FILE, Lockfile

    gone = {artefacts.DATA / stage for stage in stages()}
    with _locked(root) as repo:
        lock = Lockfile(repo, str(root / LOCK_FILE))
        for stage in _leaving(repo, root, gone):
            lock.remove_stage(stage)


def refuse_at_work(root: Path) -> None:
    """Busy while another DVC works here: what its stages write would bring a customer back."""
    if not (root / DVC).is_dir():
        return
    with _locked(root):
        running = [pid for pid in _at_work(root / AT_WORK) if _lives(pid)]
    if running:
        raise Busy(
            f"{root / AT_WORK}: process {running[0]} is running a stage of DVC; erase"
            " again when it has ended"
        )


def _at_work(path: Path) -> list[int]:
    """The processes that run stages or did when they died; Busy when DVC is writing the file."""
    if not path.is_file():
        return []
    try:
        told = atomic.read_json(path)
        readers = [one for many in told.get("read", {}).values() for one in many]
        every = [*readers, *told.get("write", {}).values()]
        return sorted({int(one["pid"]) for one in every})
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Busy(
            f"{path}: cannot be read, so another DVC may work here; erase again, and if this stays"
            " though no DVC runs, remove the file"
        ) from None


def _lives(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # somebody else's
        return True
    return True


@contextmanager
def _locked(root: Path) -> Iterator[Any]:
    """DVC's repository under its lock; Busy when another DVC has it."""
    from dvc.lock import LockError
    from dvc.repo import Repo

    with Repo(str(root)) as repo:
        try:
            with repo.lock:
                yield repo
        except LockError:
            raise _busy(root) from None


def _leaving(repo: Any, root: Path, gone: set[Path]) -> Iterator[Any]:
    """DVC's stages that leave something in one of these folders."""
    for stage in repo.index.stages:
        outs = [Path(os.path.relpath(one.fs_path, root)) for one in stage.outs]
        if any(out.is_relative_to(folder) for out in outs for folder in gone):
            yield stage


def _busy(root: Path) -> Busy:
    return Busy(f"{root / DVC}: another DVC works here; try again when it has ended")


def remotes(root: Path) -> list[str]:
    """The names of DVC's remotes, to which copies may have been pushed."""
    if not (root / DVC).is_dir():
        return []
    from dvc.repo import Repo

    with Repo(str(root)) as repo:
        return sorted(repo.config.get("remote", {}))


def _files(folder: Path) -> int:
    return sum(1 for path in folder.rglob("*") if path.is_file())
