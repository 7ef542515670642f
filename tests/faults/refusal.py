"""What every refusal owes: its exit code, one line, the list that staff read untouched."""

import subprocess
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from retention.core.storage import atomic

Done = subprocess.CompletedProcess[str]


def refused(done: Done, code: int, *words: str, told: bool = False) -> str:
    """The one line of stderr with which a command refused, which holds all of `words`.

    `told`: the command had said something of its progress before; the refusal is the last line.
    """
    assert done.returncode == code, f"exit code {done.returncode}, not {code}: {done.stderr}"
    lines = done.stderr.splitlines()
    said = [line for line in lines if line.startswith("refused: ")]
    assert len(said) == 1, done.stderr
    assert lines[-1:] == said, done.stderr
    assert told or len(lines) == 1, done.stderr
    assert "Traceback" not in done.stderr + done.stdout
    missing = [word for word in words if word not in said[0]]
    assert not missing, f"{missing} not in: {said[0]}"
    return said[0]


def published(lists: Path) -> dict[str, bytes]:
    """current.json and every file of the list that it names, by path; nothing without a list."""
    pointer = lists / "current.json"
    if not pointer.is_file():
        return {}
    named = lists / atomic.read_json(pointer)["folder"]
    held = [path for path in sorted(named.rglob("*")) if path.is_file()]
    return {str(path.relative_to(lists)): path.read_bytes() for path in (pointer, *held)}


@contextmanager
def unchanged(lists: Path) -> Iterator[None]:
    """What staff read, before the block, stands there after it byte for byte."""
    before = published(lists)
    yield
    after = published(lists)
    changed = {path for path in before | after if before.get(path) != after.get(path)}
    assert not changed, f"{sorted(changed)} changed in {lists}"


def accounted(summary: Mapping[str, Any], rows: int | None = None) -> None:
    """Every row that was read is accepted, rejected or unmapped, and every reject has its rule."""
    parts = [summary[key] for key in ("accepted", "rejected", "unmapped")]
    assert sum(parts) == summary["read"], dict(summary)
    assert sum(summary["rules"].values()) == summary["rejected"], dict(summary)
    assert rows is None or summary["read"] == rows, f"{summary['read']} rows read, not {rows}"
