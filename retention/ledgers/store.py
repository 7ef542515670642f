"""Content-addressed JSON: written once, read-only, its hash in its name, verified when read.

Ledgers are folders of these files. An erasure replaces a file by another one whose `supersedes`
names it: from then on the superseded file is not read. It is removed afterwards, and would not be
read if it came back from a backup.

`version` is the format of a file. A file without it has version 1.
"""

import re
from pathlib import Path
from typing import Any, Final

from retention.core.errors import BadInput, mask
from retention.core.storage import atomic

VERSION: Final = 1
"""The newest version that this program reads. A change that old readers would misread raises it;
an additional field does not."""

_STEM: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.-]*")
_DIGITS: Final = 12
_SUPERSEDES: Final = "supersedes"


def write(folder: Path, stem: str, content: dict[str, Any]) -> Path:
    """Add FOLDER/STEM-HASH.json; the same content again changes nothing.

    Errors: BadInput, `stem` is no plain file name.
    """
    if not _STEM.fullmatch(stem):
        raise BadInput(f"{folder}: {mask(stem)} cannot be the name of a file; correct the id")
    path = folder / f"{stem}-{_content_digest(content)}.json"
    if not path.exists():
        atomic.write_json(path, content, mode=atomic.READ_ONLY)
    return path


def read(path: Path) -> dict[str, Any]:
    """The content of a file; BadInput when it was changed, or has an unknown version."""
    try:
        content = atomic.read_json(path)
        version = content.get("version", VERSION)
    except (ValueError, AttributeError):
        raise BadInput(f"{path}: no JSON as it was written; restore it from a backup") from None
    if version != VERSION:
        raise BadInput(
            f"{path}: of version {mask(version)}, and this program reads {VERSION}; update it"
        )
    if not path.stem.endswith(f"-{_content_digest(content)}"):
        raise BadInput(f"{path}: changed since it was written; restore it from a backup")
    return dict(content)


def read_all(folder: Path) -> dict[Path, dict[str, Any]]:
    """The files of a folder in order, by path, without the superseded ones."""
    contents = {path: read(path) for path in sorted(folder.glob("*.json"))}
    stems = superseded_stems(contents)
    return {path: content for path, content in contents.items() if path.stem not in stems}


def superseded_stems(contents: dict[Path, dict[str, Any]]) -> set[str]:
    """The stems of superseded files."""
    return {stem for content in contents.values() for stem in content.get(_SUPERSEDES, [])}


def supersede(path: Path, content: dict[str, Any]) -> Path:
    """Replace a file by one with other content; a reader meanwhile sees one of the two."""
    before = [*content.get(_SUPERSEDES, []), path.stem]
    stem = path.stem[: -_DIGITS - 1]
    fresh = write(path.parent, stem, content | {_SUPERSEDES: before})
    atomic.remove(path)
    return fresh


def remove_superseded(folder: Path) -> None:
    """Remove superseded files that a killed `supersede` or a restore left."""
    every = sorted(folder.glob("*.json"))
    stems = superseded_stems({path: read(path) for path in every})
    for path in every:
        if path.stem in stems:
            atomic.remove(path)


def erase(folder: Path, rows: str, customer_id: str) -> int:
    """Remove a customer from the list `rows` of every file, under a lock; the number of files."""
    remove_superseded(folder)
    n_files = 0
    for path, content in read_all(folder).items():
        remaining = [row for row in content[rows] if row["customer_id"] != customer_id]
        if len(remaining) < len(content[rows]):
            supersede(path, content | {rows: remaining})
            n_files += 1
    return n_files


def _content_digest(content: dict[str, Any]) -> str:
    return atomic.content_hash(content)[:_DIGITS]
