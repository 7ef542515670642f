"""Assertions on refusals: the exit code, one line on stderr, the published list untouched."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from retention.core.storage import atomic

Done = subprocess.CompletedProcess[str]


def assert_refused(done: Done, code: int, *words: str, after_progress: bool = False) -> str:
    """Assert that a command refused in one line of stderr with all of `words`; returns the line.

    after_progress: lines of progress may stand before it.
    """
    assert done.returncode == code, f"exit code {done.returncode}, not {code}: {done.stderr}"
    lines = done.stderr.splitlines()
    refusals = [line for line in lines if line.startswith("refused: ")]
    assert len(refusals) == 1, done.stderr
    assert lines[-1:] == refusals, done.stderr
    assert after_progress or len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    missing = [word for word in words if word not in refusals[0]]
    assert not missing, f"{missing} not in: {refusals[0]}"
    return refusals[0]


def published_files(lists: Path) -> dict[str, bytes]:
    """Bytes of current.json and of the files of the list that it names, by path."""
    pointer = lists / "current.json"
    if not pointer.is_file():
        return {}
    folder = lists / atomic.read_json(pointer)["folder"]
    files = [path for path in sorted(folder.rglob("*")) if path.is_file()]
    return {str(path.relative_to(lists)): path.read_bytes() for path in (pointer, *files)}


@contextmanager
def assert_unchanged(lists: Path) -> Iterator[None]:
    """Assert that the block leaves the published list unchanged byte for byte."""
    before = published_files(lists)
    yield
    after = published_files(lists)
    changed = {path for path in before | after if before.get(path) != after.get(path)}
    assert not changed, f"{sorted(changed)} changed in {lists}"


def assert_accounted(summary: Mapping[str, Any], rows: int | None = None) -> None:
    """Assert that every row is accepted, rejected or unmapped, and every reject has a rule."""
    parts = [summary[key] for key in ("accepted", "rejected", "unmapped")]
    assert sum(parts) == summary["read"], dict(summary)
    assert sum(summary["rules"].values()) == summary["rejected"], dict(summary)
    assert rows is None or summary["read"] == rows, f"{summary['read']} rows read, not {rows}"
