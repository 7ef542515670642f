"""Processes that are killed or fail at each step of the writer in turn."""

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


def run_in_child(action: Callable[[], object], errors_to: Path = Path(os.devnull)) -> int:
    """The exit code of an action in a child process, negative if a signal ended it."""
    child = os.fork()
    if not child:
        code = 70
        try:
            with errors_to.open("a", encoding="utf-8") as stderr:
                os.dup2(stderr.fileno(), 2)
                sys.stderr = stderr
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


def steps(action: Action, folder: Path) -> list[str]:
    """The failpoints that an action in a folder passes."""
    path = folder.with_name(f"{folder.name}-points")

    def counted_action() -> None:
        os.environ[atomic.POINTS] = str(path)
        action(folder)

    assert run_in_child(counted_action, folder.with_name("errors")) == 0, _errors(folder)
    return path.read_text(encoding="utf-8").splitlines()


def _errors(folder: Path) -> str:
    return folder.with_name("errors").read_text(encoding="utf-8")


def copies(
    before: Path, action: Action, work: Path, every: int = 1
) -> Iterator[tuple[int, str, Path]]:
    """For each step of an action its number and name, and a fresh copy of `before`.

    every: of so many steps only the first, where a copy costs much.
    """
    whole = work / "whole"
    shutil.copytree(before, whole, symlinks=True)
    for number, name in [*enumerate(steps(action, whole), start=1)][::every]:
        folder = work / f"at-{number}" / before.name
        shutil.copytree(before, folder, symlinks=True)
        yield number, name, folder


def killed_at_each_step(
    before: Path, action: Action, work: Path, every: int = 1
) -> Iterator[tuple[str, Path]]:
    """Copies of `before` in each of which a process that did the action was killed at one step.

    every: as for `copies`.
    """
    for number, name, folder in copies(before, action, work, every):

        def killed_action(number: int = number, folder: Path = folder) -> None:
            os.environ[atomic.KILL_AT] = str(number)
            action(folder)

        assert run_in_child(killed_action) == KILLED, name
        yield name, folder


def at_step(number: int, action: Callable[[], object]) -> None:
    """Run an action at the N-th failpoint that this process passes from now on."""
    passed = iter(range(1, sys.maxsize))

    def point(name: str) -> None:
        if next(passed) == number:
            action()

    atomic.failpoint = point


def tree(folder: Path) -> dict[str, bytes | str]:
    """The content of a folder: bytes of files, targets of links; without locks."""
    return {
        str(path.relative_to(folder)): str(path.readlink()) if path.is_symlink() else _bytes(path)
        for path in sorted(folder.rglob("*"))
        if path.name != ".lock"
    }


def _bytes(path: Path) -> bytes:
    return path.read_bytes() if path.is_file() else b""


def hidden(folder: Path) -> list[str]:
    """The names of hidden files in a folder, without locks."""
    return [path.name for path in folder.rglob(".*") if path.name != ".lock"]
