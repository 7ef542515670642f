"""Refusals: every way the pipeline says no, with its exit code."""

import sys
from collections.abc import Callable, Iterable
from difflib import get_close_matches


class Refusal(Exception):  # noqa: N818  (a refusal is an outcome, not a mishap)
    """A one-line reason to stop. `code` is the process's exit code."""

    code = 1


class BadParams(Refusal):
    """params.yaml or the command line is wrong."""

    code = 2


class BadInput(Refusal):
    """The data cannot be trusted as it is."""

    code = 3


class Guarded(Refusal):
    """A guard refused to go on: stale data, drift, a worse model, too little to learn from."""

    code = 4


class Busy(Refusal):
    """Another run holds the lock."""

    code = 5


def nearest(name: str, known: Iterable[str]) -> str:
    """' (nearest: a, b)', or nothing when no known name comes close."""
    by_lower = {item.lower(): item for item in known}
    close = get_close_matches(name.lower(), by_lower, n=3, cutoff=0.5)
    return f" (nearest: {', '.join(by_lower[item] for item in close)})" if close else ""


def masked(value: object, shown: int = 2) -> str:
    """A value as a refusal may show it: its first characters and its length, never the whole."""
    text = str(value)
    return repr(text) if len(text) <= shown else f"{text[:shown]!r}… ({len(text)} characters)"


def run(main: Callable[[], None]) -> None:
    """Run a stage's main(); a refusal becomes one line on stderr and its exit code."""
    try:
        main()
    except Refusal as refusal:
        sys.stderr.write(f"refused: {' '.join(str(refusal).split())}\n")
        raise SystemExit(refusal.code) from None
