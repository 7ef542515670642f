"""Refusals: the ways to stop with a reason, each with its exit code."""

import signal
import sys
import threading
import traceback
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from difflib import get_close_matches
from errno import EDQUOT, EFBIG, EIO, ENOSPC, EROFS
from pathlib import Path
from typing import Any, Final

_DISK: Final = {EDQUOT, EFBIG, EIO, ENOSPC, EROFS}


_ENGINES: Final = {"duckdb", "_duckdb", "pyarrow", "pyspark", "py4j"}
"""Packages whose errors may quote a value of the data."""


class Refusal(Exception):  # noqa: N818  (a refusal is an outcome, not an error)
    """A one-line reason to stop. `code` is the process's exit code."""

    code = 1


class BadParams(Refusal):
    """params.yaml or the command line is wrong."""

    code = 2


class BadOutput(Refusal):
    """A stage made what its own declaration forbids: a fault of this program."""


class BadInput(Refusal):
    """The data cannot be trusted as it is."""

    code = 3


class Guarded(Refusal):
    """A guard refused: stale data, drift, a worse model, too little to learn from."""

    code = 4


class Busy(Refusal):
    """Another run holds the lock."""

    code = 5


class Stopped(BaseException):
    """SIGTERM. Not an Exception, so that no handler of errors continues after it."""


def close_matches(name: str, candidates: Iterable[str], cutoff: float = 0.5) -> list[str]:
    """The candidates closest to a name, the closest first, at most three."""
    by_lower = {item.lower(): item for item in candidates}
    close = get_close_matches(name.lower(), by_lower, n=3, cutoff=cutoff)
    return [by_lower[item] for item in close]


def suggestion(name: str, candidates: Iterable[str]) -> str:
    """' (nearest: a, b)', or nothing when no candidate comes close."""
    close = close_matches(name, candidates)
    return f" (nearest: {', '.join(close)})" if close else ""


def mask(value: object, visible: int = 2) -> str:
    """The first characters of a value and its length, as a refusal may show it."""
    text = str(value)
    return repr(text) if len(text) <= visible else f"{text[:visible]!r}… ({len(text)} characters)"


def run(main: Callable[[], None]) -> None:
    """Run a stage's main(); a refusal becomes one line on stderr and its exit code.

    So do SIGTERM, after every `finally`, errors of the disk, and errors of an engine, whose own
    text may quote values of customers and is left out.
    """
    try:
        with _stoppable():
            main()
    except (Refusal, Stopped) as refusal:
        _refuse(str(refusal), getattr(refusal, "code", Refusal.code))
    except OSError as error:
        if error.errno not in _DISK and (error.errno is None or error.filename is None):
            raise
        where, why = error.filename or "the disk", error.strerror or "refused"
        _refuse(f"{where}: {why}; nothing was changed half-way; mend that and run again", 1)
    except Exception as error:
        if not _may_quote_values(error):
            raise
        _refuse(_engine_failure(error), Refusal.code)


def _may_quote_values(error: Exception) -> bool:
    """Whether an error is an engine's, and not of its memory, files or network."""
    names = {base.__name__ for base in type(error).__mro__}
    return type(error).__module__.partition(".")[0] in _ENGINES and "OperationalError" not in names


def _engine_failure(error: Exception) -> str:
    """The kind of an engine's error and the line of this program that ran into it."""
    frames = traceback.extract_tb(error.__traceback__)
    own = [
        frame
        for frame in frames
        if Path(frame.filename).is_absolute() and "site-packages" not in frame.filename
    ] or frames
    place = Path(own[-1].filename)
    return (
        f"{type(error).__name__} at {place.parent.name}/{place.name}, line {own[-1].lineno}; the"
        " engine's text may quote data and is not shown; report this line"
    )


def _refuse(text: str, code: int) -> None:
    sys.stderr.write(f"refused: {' '.join(text.split())}\n")
    raise SystemExit(code) from None


@contextmanager
def _stoppable() -> Iterator[None]:
    """While the block runs SIGTERM is an exception in it. Only the main thread gets signals."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGTERM, _stop)
    try:
        yield
    finally:
        signal.signal(signal.SIGTERM, before or signal.SIG_DFL)


def _stop(*_: Any) -> None:
    signal.signal(
        signal.SIGTERM, signal.SIG_IGN
    )  # a second one must not interrupt the `finally` blocks
    raise Stopped("stopped by SIGTERM; nothing was changed half-way; run again")
