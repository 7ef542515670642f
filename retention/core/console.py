"""What a person sees while a stage works: progress, rows read and written, what to open next."""

import time
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from typing import TypeVar

from rich.console import Console
from rich.progress import track

_T = TypeVar("_T")


class Report:
    """One stage's talk with the person at the terminal; all on stderr."""

    def __init__(self, stage: str) -> None:
        self.stage = stage
        self._console = Console(stderr=True, highlight=False, soft_wrap=True)
        self._start = time.perf_counter()

    def say(self, text: str) -> None:
        self._console.print(f"{self.stage}: {text}", markup=False)

    def table(self, rows: Sequence[Sequence[str]]) -> None:
        """Rows below each other: the first column flush left, the others flush right."""
        first, *others = [max(map(len, column)) for column in zip(*rows, strict=True)]
        for name, *cells in rows:
            aligned = [cell.rjust(width) for cell, width in zip(cells, others, strict=True)]
            self.say("  ".join([name.ljust(first), *aligned]))

    def read(self, what: object, rows: int) -> None:
        self.say(f"read {rows:,} rows from {what}")

    def wrote(self, what: object, rows: int) -> None:
        seconds = time.perf_counter() - self._start
        self.say(f"wrote {rows:,} rows to {what} ({seconds:.1f} s)")

    def open_next(self, what: object) -> None:
        self.say(f"open next: {what}")

    def track(self, items: Iterable[_T], doing: str, total: int | None = None) -> Iterable[_T]:
        return track(
            items,
            f"{self.stage}: {doing}",
            total=total,
            console=self._console,
            disable=not self._console.is_terminal,
            transient=True,
        )


@contextmanager
def stage(name: str) -> Iterator[Report]:
    """A report that ends by saying how long the stage took."""
    report = Report(name)
    yield report
    report.say(f"done in {time.perf_counter() - report._start:.1f} s")
