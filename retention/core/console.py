"""What people see on stderr while a stage works: its log and its progress bars.

The logger of a stage has the stage's name. No handler is installed when modules are imported.
"""

import logging
import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import Any, Final, TypeVar

from rich.console import Console
from rich.highlighter import NullHighlighter
from rich.logging import RichHandler
from rich.progress import track

_T = TypeVar("_T")
_CONSOLE: Final = Console(stderr=True, highlight=False, soft_wrap=True)


class LineHandler(RichHandler):
    """Writes a message as one line: rich's columns would wrap at the width of the terminal."""

    HIGHLIGHTER_CLASS, KEYWORDS = NullHighlighter, []

    def render(self, *, message_renderable: Any, **_: Any) -> Any:
        return message_renderable


def logger(name: str, form: str = "%(name)s: %(message)s") -> logging.Logger:
    """A logger that writes to stderr for people."""
    log = logging.getLogger(name)
    log.setLevel(logging.INFO)
    log.handlers = [LineHandler(console=_CONSOLE)]
    log.handlers[0].setFormatter(logging.Formatter(form))
    return log


class StageLog(logging.LoggerAdapter[logging.Logger]):
    """The log of a stage, with the lines and the progress bar that stages have in common."""

    def __init__(self, stage: str) -> None:
        super().__init__(logger(stage))
        self.start = time.perf_counter()

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """Log rows below each other: the first column flush left, the others flush right."""
        first, *others = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for name, *cells in rows:
            self.info("  ".join([name.ljust(first), *map(str.rjust, cells, others)]))

    def read(self, source: object, rows: int) -> None:
        self.info(f"read {rows:,} rows from {source}")

    def wrote(self, target: object, rows: int) -> None:
        seconds = time.perf_counter() - self.start
        self.info(f"wrote {rows:,} rows to {target} ({seconds:.1f} s)")

    def track(self, items: Iterable[_T], doing: str) -> Iterable[_T]:
        """The items, with a progress bar where stderr is a terminal."""
        title, is_hidden = f"{self.logger.name}: {doing}", not _CONSOLE.is_terminal
        return track(items, title, console=_CONSOLE, disable=is_hidden, transient=True)


@contextmanager
def stage(name: str) -> Iterator[StageLog]:
    """A log that ends with how long the stage took."""
    log = StageLog(name)
    yield log
    log.info(f"done in {time.perf_counter() - log.start:.1f} s")
