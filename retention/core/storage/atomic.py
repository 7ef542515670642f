"""Atomic writes: a file or a folder appears whole, or not at all.

A temporary file lies hidden beside its target as `.NAME.PID.tmp`, so that a later process can tell
whose it was and remove what a killed process left. Nothing else in this project changes the disk,
except within temporary folders; a test checks the code for that.
"""

import hashlib
import itertools
import json
import os
import re
import shutil
import signal
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from errno import EINVAL, ENOTSUP
from pathlib import Path
from typing import Any, Final

import pyarrow as pa
import pyarrow.parquet as pq

PathLike = str | os.PathLike[str]

READ_ONLY, PRIVATE = 0o444, 0o600
_TEMPORARY: Final = re.compile(r"\.(?P<name>.+)\.(?P<pid>\d+)\.tmp")


# Failpoints

KILL_AT, POINTS = "RETENTION_KILL_AT", "RETENTION_COUNT_POINTS"
_numbers = itertools.count(1)


def failpoint(name: str) -> None:
    """A step between two changes of the disk, at which a process may end.

    Does nothing unless the environment asks for it: with RETENTION_KILL_AT=N the process kills
    itself at the N-th failpoint, RETENTION_COUNT_POINTS names a file that gets a line for each. So
    tests kill at every step in turn. A signal sent from outside after a sleep would hit some steps
    by luck and never the same ones; an exception would run the `finally` blocks, which a kill does
    not.
    """
    count_file, kill_at = os.environ.get(POINTS), os.environ.get(KILL_AT)
    if count_file or kill_at:
        number = next(_numbers)
        if count_file:
            with Path(count_file).open("a", encoding="utf-8") as lines:
                lines.write(f"{name}\n")
        if kill_at == str(number):
            os.kill(os.getpid(), signal.SIGKILL)


# Creating and replacing


@contextmanager
def atomic_file(path: PathLike, *, mode: int | None = None) -> Iterator[Path]:
    """A temporary path beside `path`, which replaces `path` in one step if the block succeeds.

    The folder is created; the file gets `mode` before it is visible. The file is flushed to the
    disk before it is renamed, the folder after. When the block fails, the temporary file is removed
    and `path` stays as it was; an OSError names `path`.
    """
    path = Path(path)
    temporary = _temporary_path(path)
    try:
        make_folder(path.parent)
        _remove_paths(_leftovers(path.parent, path.name, include_running=False))
        failpoint(f"about to write {path.name}")
        yield temporary
        failpoint(f"wrote {path.name} beside its place")
        if mode is not None:
            with suppress(PermissionError):  # shares may have no modes; hashes show changes
                temporary.chmod(mode)
        sync(temporary)
        failpoint(f"flushed {path.name}")
        temporary.replace(path)
        failpoint(f"put {path.name} into its place")
        sync(path.parent)
    except OSError as error:
        if str(error.filename) in ("None", str(temporary)):
            error.filename = str(path)
        raise
    finally:
        with suppress(OSError):  # the first error says more
            temporary.unlink(missing_ok=True)


@contextmanager
def atomic_folder(folder: Path) -> Iterator[Path]:
    """A hidden folder, which becomes `folder` in one step if the block succeeds."""
    staging = _temporary_path(folder)
    try:
        failpoint(f"about to stage {folder.name}")
        staging.mkdir()
        yield staging
        sync(staging)
        failpoint(f"staged {folder.name}")
        staging.rename(folder)
        failpoint(f"put {folder.name} into its place")
        sync(folder.parent)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def make_folder(folder: Path) -> None:
    """Create a folder and those above it, each flushed where it is new."""
    if not folder.is_dir():
        make_folder(folder.parent)
        folder.mkdir(exist_ok=True)
        sync(folder.parent)


def link(path: Path, to: str) -> None:
    """Replace a symbolic link to a folder beside it in one step; OSError where links fail."""
    temporary = _temporary_path(path)
    try:
        temporary.symlink_to(to, target_is_directory=True)
        failpoint(f"linked {to} beside its place")
        temporary.replace(path)
        failpoint(f"put the link {path.name} into its place")
    finally:
        with suppress(OSError):
            temporary.unlink(missing_ok=True)


def sync(path: Path) -> None:
    """Wait until a file, or the names in a folder, are on the disk; some shares skip folders."""
    handle = os.open(path, os.O_RDONLY)
    try:
        os.fsync(handle)
    except OSError as error:
        if error.errno not in (EINVAL, ENOTSUP):
            raise
    finally:
        os.close(handle)


def _temporary_path(path: Path) -> Path:
    return path.with_name(f".{path.name}.{os.getpid()}.tmp")


# Removing


def remove(path: Path) -> None:
    """Remove a file, if it is there."""
    if not os.path.lexists(path):
        return
    failpoint(f"about to remove {path.name}")
    path.unlink(missing_ok=True)
    failpoint(f"removed {path.name}")
    sync(path.parent)


def remove_folder(folder: Path) -> None:
    """Remove a folder, if it is there; it is hidden first, so that no part of it is ever seen."""
    if not folder.is_dir():
        return
    hidden = _temporary_path(folder)
    failpoint(f"about to remove {folder.name}")
    folder.rename(hidden)
    try:
        failpoint(f"hid {folder.name}")
        sync(folder.parent)
    finally:
        _remove_paths([hidden])
    failpoint(f"removed {folder.name}")


def remove_leftovers(folder: Path) -> list[Path]:
    """Remove and return what killed processes left in a folder, whose lock the caller holds."""
    return _remove_paths(_leftovers(folder, include_running=True))


def _remove_paths(paths: list[Path]) -> list[Path]:
    for path in paths:
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink(missing_ok=True)
    return paths


def _leftovers(folder: Path, name: str | None = None, *, include_running: bool) -> list[Path]:
    """Temporary files in a folder, of one target if given, and of running processes if asked."""
    matches = [(path, _TEMPORARY.fullmatch(path.name)) for path in sorted(folder.iterdir())]
    return [
        path
        for path, match in matches
        if match
        and name in (None, match["name"])
        and (include_running or not _is_running(int(match["pid"])))
    ]


def _is_running(pid: int) -> bool:
    try:
        os.kill(pid, 0)
    except (ProcessLookupError, OverflowError):
        return False
    except PermissionError:
        return True
    return True


# Contents


def write_bytes(path: PathLike, content: bytes, *, mode: int | None = None) -> None:
    with atomic_file(path, mode=mode) as temporary:
        temporary.write_bytes(content)


def write_text(path: PathLike, text: str) -> None:
    write_bytes(path, text.encode("utf-8"))


def write_json(path: PathLike, value: Any, *, mode: int | None = None) -> None:
    write_bytes(path, json_text(value).encode(), mode=mode)


def json_text(value: Any) -> str:
    """Sorted keys, two spaces, final newline: equal values give equal text. NaN is refused."""
    text = json.dumps(value, indent=2, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return f"{text}\n"


def read_json(path: PathLike) -> Any:
    return json.loads(Path(path).read_text(encoding="utf-8"))


def write_table(path: PathLike, table: pa.Table) -> None:
    """Write Parquet; equal tables give equal bytes."""
    with atomic_file(path) as temporary:
        pq.write_table(table, temporary, compression="zstd")


def sha256(path: PathLike) -> str:
    with Path(path).open("rb") as handle:
        return hashlib.file_digest(handle, "sha256").hexdigest()


def content_hash(value: Any) -> str:
    """sha256 of a value as JSON with sorted keys. NaN is refused."""
    text = json.dumps(value, sort_keys=True, ensure_ascii=False, allow_nan=False)
    return hashlib.sha256(text.encode("utf-8")).hexdigest()
