"""Derived data: outputs of stages with customers' rows, and what DVC stored of them.

No run could make a stage's output with one row taken out, so outputs with customers' rows are
removed whole, and the next `dvc repro` makes them again from the remaining rows.
"""

import logging
import os
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any, Final

from retention.commands.erase import search
from retention.core import artefacts
from retention.core.artefacts import TableArtefact
from retention.core.errors import Busy
from retention.core.storage import atomic

DVC: Final = Path(".dvc")
RWLOCK: Final = DVC / "tmp" / "rwlock"
"""The file in which DVC lists the processes that run stages; its own lock is free meanwhile."""

EXPERIMENTS: Final = DVC / "tmp" / "exps"
"""The folder in which DVC runs experiments with --temp and --queue, each in a copy `tmp...` of the
checkout; a killed one leaves its copy."""

EXAMPLE: Final = "example"
"""The stage that writes an example's raw files, which a program of this repository makes."""


def stages() -> list[str]:
    """The stages whose tables have a column customer_id."""
    with_customers = {
        artefact.stage
        for artefact in artefacts.registry()
        if isinstance(artefact, TableArtefact) and "customer_id" in artefact.names
    }
    return [stage for stage in artefacts.STAGES if stage in with_customers]


LEAVERS: Final = "leavers"
"""The folder that `retention leavers` writes."""


def folders(root: Path, *, with_example: bool = False) -> list[Path]:
    """The existing folders of these stages, and the one of the example's raw files if asked for."""
    names = [EXAMPLE, *stages(), LEAVERS] if with_example else [*stages(), LEAVERS]
    return [folder for name in names if (folder := root / artefacts.DATA / name).is_dir()]


def hold_customer(root: Path, customer_id: str) -> bool:
    """Whether a file in any of the folders holds the id."""
    return any(search.files_with(folder, customer_id) for folder in folders(root))


def remove(root: Path, *, with_example: bool) -> int:
    """Remove the folders and their stages' entries in dvc.lock; the number of folders."""
    stage_folders = folders(root, with_example=with_example)
    _remove_from_dvc_lock(root, [EXAMPLE, *stages()] if with_example else stages())
    for folder in stage_folders:
        atomic.remove_folder(folder)
    return len(stage_folders)


def experiment_copies(root: Path) -> list[Path]:
    """The copies of the checkout in which experiments run, or ran until they were killed."""
    folders_of_copies = (root / EXPERIMENTS, root / EXPERIMENTS / "standalone")
    return sorted(path for folder in folders_of_copies for path in folder.glob("tmp*/"))


def remove_experiment_copies(root: Path, customer_id: str) -> int:
    """Remove the copies that hold the customer; their number. None of them is at work."""
    copies = [copy for copy in experiment_copies(root) if search.files_with(copy, customer_id)]
    for copy in copies:
        atomic.remove_folder(copy)
    return len(copies)


def collect_garbage(root: Path) -> int:
    """Remove from DVC's cache what dvc.lock no longer names, and run caches; the number of files.

    Busy when another DVC works here.
    """
    if not (root / DVC).is_dir():
        return 0
    from dvc.lock import LockError
    from dvc.repo import Repo

    with Repo(str(root)) as repo:
        top = _cache_of(repo)
        before = _files(top)
        # DVC warns of outputs that dvc.lock does not name, and these are what is collected.
        logging.getLogger("dvc").setLevel(logging.ERROR)
        try:
            repo.gc(workspace=True, force=True)
        except LockError:
            raise _busy(root) from None
    atomic.remove_folder(top / "runs")
    return before - _files(top)


def cache_folders(root: Path) -> list[Path]:
    """The folder of DVC's cache, where there is DVC."""
    if not (root / DVC).is_dir():
        return []
    from dvc.repo import Repo

    with Repo(str(root)) as repo:
        return [_cache_of(repo)]


def _cache_of(repo: Any) -> Path:
    cache = Path(repo.cache.local.path)
    return cache.parents[1] if cache.name == "md5" else cache


def _remove_from_dvc_lock(root: Path, stage_names: Iterable[str]) -> None:
    """Remove the entries in one step: each time the file is parsed and written takes seconds."""
    if not (root / DVC).is_dir():
        return
    from dvc.dvcfile import LOCK_FILE
    from dvc.utils.serialize import dumps_yaml, parse_yaml_for_update

    removed, path = {artefacts.DATA / name for name in stage_names}, root / LOCK_FILE
    with _locked(root) as repo:
        names = {stage.name for stage in _stages_with_outs_in(repo, root, removed)}
        if not path.is_file():
            return
        content = parse_yaml_for_update(path.read_text(encoding="utf-8"), str(path))
        entries = content.get("stages", {})
        for name in names & entries.keys():
            del entries[name]
        if entries:
            atomic.write_text(path, dumps_yaml(content))
        else:
            atomic.remove(path)


def refuse_at_work(root: Path) -> None:
    """Busy while another DVC works here: its stages would write the customer's rows again."""
    if not (root / DVC).is_dir():
        return
    with _locked(root):
        rwlocks = [checkout / RWLOCK for checkout in (root, *experiment_copies(root))]
        running = [
            (path, pid) for path in rwlocks for pid in _running_processes(path) if _is_alive(pid)
        ]
    for path, pid in running[:1]:
        raise Busy(
            f"{path}: process {pid} is running a stage of DVC; erase again when it has ended"
        )


def _running_processes(path: Path) -> list[int]:
    """Processes that run stages, or ended while they did; Busy when DVC is writing the file."""
    if not path.is_file():
        return []
    try:
        locks = atomic.read_json(path)
        readers = [info for infos in locks.get("read", {}).values() for info in infos]
        holders = [*readers, *locks.get("write", {}).values()]
        return sorted({int(info["pid"]) for info in holders})
    except (ValueError, KeyError, TypeError, AttributeError):
        raise Busy(
            f"{path}: cannot be read, so another DVC may work here; erase again, and if this stays"
            " though no DVC runs, remove the file"
        ) from None


def _is_alive(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except ProcessLookupError:
        return False
    except PermissionError:  # a process of another user
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


def _stages_with_outs_in(repo: Any, root: Path, removed: set[Path]) -> Iterator[Any]:
    """DVC's stages with an output in one of these folders."""
    for stage in repo.index.stages:
        outs = [Path(os.path.relpath(out.fs_path, root)) for out in stage.outs]
        if any(out.is_relative_to(folder) for out in outs for folder in removed):
            yield stage


def _busy(root: Path) -> Busy:
    return Busy(f"{root / DVC}: another DVC works here; try again when it has ended")


def remotes(root: Path) -> list[str]:
    """The names of DVC's remotes, which may hold copies."""
    if not (root / DVC).is_dir():
        return []
    from dvc.repo import Repo

    with Repo(str(root)) as repo:
        return sorted(repo.config.get("remote", {}))


def _files(folder: Path) -> int:
    return sum(1 for path in folder.rglob("*") if path.is_file())
