"""Unpack a compressed raw file, and name the form of what is inside."""

import gzip
import shutil
import zipfile
import zlib
from pathlib import Path
from typing import Final

from retention.core.errors import BadInput

TEXTS: Final = (".csv", ".tsv")
JSON: Final = (".jsonl", ".ndjson", ".json")
PARQUET: Final = ".parquet"
WORKBOOK: Final = ".xlsx"
_PACKED: Final = tuple(f"{form}.gz" for form in (*TEXTS, *JSON))
ENDINGS: Final = (*TEXTS, *JSON, *_PACKED, ".zip", PARQUET, WORKBOOK)
"""How the names of raw files end."""

_CHUNK: Final = 1 << 24
_DAMAGED: Final = (EOFError, OSError, zlib.error, zipfile.BadZipFile, NotImplementedError)


def form(path: Path) -> str:
    """The ending that says what a file is, without that of its compression: .csv of x.csv.gz.

    BadInput: a zip archive that does not hold one file of a readable form.
    """
    if path.name.endswith(".zip"):
        return Path(member(path)).suffix.lower()
    return Path(path.name.removesuffix(".gz")).suffix


def member(path: Path) -> str:
    """The name of the one file in a zip archive; BadInput when there is not exactly one."""
    try:
        with zipfile.ZipFile(path) as archive:
            names = [
                info.filename
                for info in archive.infolist()
                if not info.is_dir() and not info.filename.startswith("__MACOSX/")
            ]
    except _DAMAGED:
        raise BadInput(f"{path}: no whole zip archive; it may be cut, export it again") from None
    readable = [name for name in names if name.lower().endswith((*TEXTS, *JSON, WORKBOOK, PARQUET))]
    if len(readable) != 1:
        held = ", ".join(names[:3]) or "nothing"
        raise BadInput(
            f"{path}: holds {held}; one file of {', '.join((*TEXTS, *JSON))} is read from a zip"
            " archive; unpack it into a folder and write that as path"
        )
    return readable[0]


def unpack(path: Path, scratch: Path) -> Path:
    """The file itself, or a copy that is not compressed, whose name begins as `scratch`.

    BadInput: a cut archive, or one with a password.
    """
    if path.name.endswith(".gz"):
        target = scratch.with_suffix(form(path))
        try:
            with gzip.open(path) as packed, target.open("wb") as plain:
                shutil.copyfileobj(packed, plain, _CHUNK)
        except _DAMAGED:
            raise BadInput(
                f"{path}: no whole gzip archive; it may be cut, export it again"
            ) from None
        return target
    if not path.name.endswith(".zip"):
        return path
    name = member(path)
    target = scratch.with_suffix(form(path))
    try:
        with (
            zipfile.ZipFile(path) as archive,
            archive.open(name) as packed_file,
            target.open("wb") as plain,
        ):
            shutil.copyfileobj(packed_file, plain, _CHUNK)
    except RuntimeError:
        raise BadInput(f"{path}: has a password; unpack it and write the file's path") from None
    except _DAMAGED:
        raise BadInput(f"{path}: no whole zip archive; it may be cut, export it again") from None
    return target
