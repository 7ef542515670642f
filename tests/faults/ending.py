"""Processes that end before their time, at each step of the writer in turn."""

import os
import shutil
import signal
import sys
import traceback
from collections.abc import Callable, Iterator
from pathlib import Path

from retention.core.storage import atomic

Action = Callable[[Path], object]
KILLED = -signal.SIGKILL


def forked(action: Callable[[], object], errors_to: Path = Path(os.devnull)) -> int:
    """The exit code of an action in a child of this process, negative when a signal ended it."""
    child = os.fork()
    if not child:
        code = 70
        try:
            with errors_to.open("a", encoding="utf-8") as told:
                os.dup2(told.fileno(), 2)
                sys.stderr = told
                code = _exit_code(action)
        finally:
            os._exit(code)
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def _exit_code(action: Callable[[], object]) -> int:
    try:
        action()
    except SystemExit as left:
        return int(left.code or 0)
    except BaseException:
        traceback.print_exc()
        return 70
    return 0


def points(action: Action, folder: Path) -> list[str]:
    """The steps of the writer that an action in a folder passes."""
    told = folder.with_name(f"{folder.name}-points")

    def counted() -> None:
        os.environ[atomic.POINTS] = str(told)
        action(folder)

    assert forked(counted, folder.with_name("errors")) == 0, _said(folder)
    return told.read_text(encoding="utf-8").splitlines()


def _said(folder: Path) -> str:
    return folder.with_name("errors").read_text(encoding="utf-8")


def copies(before: Path, action: Action, work: Path) -> Iterator[tuple[int, str, Path]]:
    """For each step of an action its number and name, and a fresh copy of `before`."""
    whole = work / "whole"
    shutil.copytree(before, whole, symlinks=True)
    for number, name in enumerate(points(action, whole), start=1):
        folder = work / f"at-{number}" / before.name
        shutil.copytree(before, folder, symlinks=True)
        yield number, name, folder


def killed(before: Path, action: Action, work: Path) -> Iterator[tuple[str, Path]]:
    """Copies of `before` in each of which a process that did the action was killed at one step."""
    for number, name, folder in copies(before, action, work):

        def armed(number: int = number, folder: Path = folder) -> None:
            os.environ[atomic.KILL_AT] = str(number)
            action(folder)

        assert forked(armed) == KILLED, name
        yield name, folder


def at_step(number: int, does: Callable[[], object]) -> None:
    """From now on, in this process, something happens at the writer's N-th step."""
    passed = iter(range(1, sys.maxsize))

    def point(name: str) -> None:
        if next(passed) == number:
            does()

    atomic.failpoint = point


def tree(folder: Path) -> dict[str, bytes | str]:
    """What a folder holds: the bytes of files and where links lead, but for locks."""
    return {
        str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else _bytes(path)
        for path in sorted(folder.rglob("*"))
        if path.name != ".lock"
    }


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def hidden(folder: Path) -> list[str]:
    """What is hidden in a folder, but for locks."""
    return [one.name for one in folder.rglob(".*") if one.name != ".lock"]
