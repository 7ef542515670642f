"""A lock file that names the process that holds it, and ends with that process."""

import fcntl
import os
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from retention.core.errors import Busy

Say = Callable[[str], None]
_TICK = 0.05  # seconds


@contextmanager
def hold(path: Path, doing: str, say: Say, patience: float = 0.0) -> Iterator[None]:
    """Hold the lock file `path` while the block runs.

    Busy, with the process that is `doing` it, when the lock is not free within `patience` seconds.
    The system frees the lock of a process that dies; its number stays in the file and is logged
    by the next holder. The folder must exist.
    """
    handle = os.open(path, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _acquire(handle, path, doing, patience)
        if left := _holder(handle):
            say(f"took over the lock of process {left}, which ended before its time")
        _write_holder(handle, str(os.getpid()))
        try:
            yield
        finally:
            _write_holder(handle, "")
    finally:
        os.close(handle)


def _acquire(handle: int, path: Path, doing: str, patience: float) -> None:
    until = time.monotonic() + patience
    while True:
        try:
            return fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            if time.monotonic() >= until:
                holder = _holder(handle) or "unknown"
                raise Busy(f"{path.parent}: process {holder} is {doing}; try again later") from None
            time.sleep(_TICK)


def _holder(handle: int) -> str:
    """The process number in the lock file; empty where a share does not let others read it."""
    with suppress(OSError):
        return os.pread(handle, 32, 0).decode("ascii", "replace").strip()
    return ""


def _write_holder(handle: int, text: str) -> None:
    os.truncate(handle, 0)
    os.pwrite(handle, text.encode(), 0)
