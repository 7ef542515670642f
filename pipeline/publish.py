"""Stage `publish`: the list, put where staff read it, whole or not at all.

LISTS/RUN_ID/ is written once and never again; LISTS/current.json names the one to read. A list is
made ready in a hidden folder, flushed, and renamed in one step; only then does current.json move,
in one step too. Whoever reads current.json first, and then only the folder that it names, sees one
version, old or new. The stage always runs and does nothing when the list is published already.
"""

import datetime as dt
import fcntl
import hashlib
import json
import os
import re
import shutil
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final

from pipeline import artefacts, errors, files, params, progress
from pipeline.errors import BadInput, Busy, Guarded, Refusal, masked
from pipeline.files import sync

SOURCE: Final = artefacts.AT_RISK.path.parent
MANIFEST, CURRENT, LINK, LOCK = "manifest.json", "current.json", "current", ".lock"

_RUN_ID: Final = re.compile(r"\d{4}-\d{2}-\d{2}-[0-9a-f]{12}")
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_NAME: Final = re.compile(r"[a-z0-9_]+(-[a-z0-9-]+)?\.(csv|html|xlsx)")
_STAGING: Final = ".staging-"
_READ_ONLY: Final = 0o444

Say = Callable[[str], None]


def run_id(manifest: dict[str, Any]) -> str:
    """The list's date and the first 12 hex digits of the hash of all that the manifest says."""
    text = json.dumps(manifest, sort_keys=True, ensure_ascii=False, allow_nan=False)
    day = dt.date.fromisoformat(manifest["as_of"])
    return f"{day.isoformat()}-{hashlib.sha256(text.encode('utf-8')).hexdigest()[:12]}"


def manifest_of(folder: Path, summary: dict[str, Any]) -> dict[str, Any]:
    """What a folder's list is: all of `summary`, and of every file sha256, bytes and rows.

    `summary["files"]` names the files that are published, with their rows.
    """
    described = {
        name: {
            "sha256": files.sha256(folder / name),
            "bytes": (folder / name).stat().st_size,
            "rows": rows,
        }
        for name, rows in summary["files"].items()
    }
    about = {key: value for key, value in summary.items() if key != "columns"}
    rows = summary["counts"]["listed"]
    return about | {"files": described, "rows": rows, "schema": summary["columns"]}


def publish(source: Path, folder: Path, *, allow_older: bool, say: Say) -> Path:
    """Publish the list that lies in `source`; returns the folder of the list that now is current.

    Guarded when the current list of the same company is newer and older is not allowed, BadInput
    when a published folder was changed, Busy when another run is publishing.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
        with _locked(folder, say):
            return _publish(source, folder, allow_older, say)
    except OSError as error:
        reason = error.strerror or str(error)
        raise Refusal(
            f"{error.filename or folder}: {reason}; the current list stays as it was"
        ) from error


def _publish(source: Path, folder: Path, allow_older: bool, say: Say) -> Path:
    summary = _summary(source)
    manifest = manifest_of(source, summary)
    name = run_id(manifest)
    target, pointer = folder / name, _pointer(folder)
    if target.is_dir():
        _refuse_damaged(target)
        if pointer == _pointer_to(target):
            say(f"unchanged: {target} is the current list")
            return target
    _check_order(pointer, summary, allow_older, say)
    _clean(folder, say)
    if not target.is_dir():
        _place(source, target, manifest)
    files.write_json(folder / CURRENT, _pointer_to(target))
    _link(folder, name)
    say(f"published {manifest['rows']:,} rows as {target}")
    return target


def supersede(old: Path, source: Path, say: Say) -> Path:
    """Put the list of `source` in the place of a published one, which is removed: an erasure.

    The new manifest says in `supersedes` whose place it took; current.json follows when it named
    the old one. Returns the new folder.
    """
    folder = old.parent
    with _locked(folder, say):
        was_current = current(folder) == old
        summary = _summary(source) | {"supersedes": old.name}
        manifest = manifest_of(source, summary)
        target = folder / run_id(manifest)
        _clean(folder, say)
        if not target.is_dir():
            _place(source, target, manifest)
        if was_current:
            files.write_json(folder / CURRENT, _pointer_to(target))
            _link(folder, target.name)
        shutil.rmtree(old)
        return target


def _summary(source: Path) -> dict[str, Any]:
    path = source / "summary.json"
    if not path.is_file():
        raise BadInput(f"{path}: no such file; run at_risk first")
    summary: dict[str, Any] = files.read_json(path)
    strange = [one for one in summary["files"] if not _NAME.fullmatch(one)]
    if strange:
        raise BadInput(f"{path}: {masked(strange[0])} is no name of a list's file")
    missing = [one for one in summary["files"] if not (source / one).is_file()]
    if missing:
        raise BadInput(f"{source / missing[0]}: no such file; run at_risk first")
    if not _DAY.fullmatch(str(summary["as_of"])):
        raise BadInput(f"{path}: as_of {masked(summary['as_of'])} is not a day as 2026-11-22")
    return summary


def _refuse_damaged(target: Path) -> None:
    wrong = _wrong_in(target)
    if wrong:
        raise BadInput(f"{wrong[0]}; published lists are never mended: move {target} away")


def _check_order(
    pointer: dict[str, Any] | None, summary: dict[str, Any], allow_older: bool, say: Say
) -> None:
    """current never moves to an older list of the same company unless told."""
    if pointer is None:
        return
    if pointer["company"] != summary["company"]:
        say(f"the list of {pointer['company']} gives way to that of {summary['company']}")
    elif pointer["as_of"] > summary["as_of"] and not allow_older:
        raise Guarded(
            f"the current list is of {pointer['as_of']}, this one of {summary['as_of']}; "
            "to go back set publish.allow_older: true"
        )


def _place(source: Path, target: Path, manifest: dict[str, Any]) -> None:
    """The files and their manifest, made ready beside, flushed, and renamed in one step."""
    staging = target.with_name(f"{_STAGING}{target.name}")
    try:
        for name in manifest["files"]:
            files.write_bytes(staging / name, (source / name).read_bytes())
        files.write_json(staging / MANIFEST, manifest)
        for path in staging.iterdir():
            path.chmod(_READ_ONLY)
        if run_id(manifest_of(staging, _about(manifest))) != target.name:
            raise BadInput(f"{source}: the list changed while it was read; publish again")
        staging.rename(target)
        sync(target.parent)
    finally:
        shutil.rmtree(staging, ignore_errors=True)


def _about(manifest: dict[str, Any]) -> dict[str, Any]:
    """The summary that a manifest was made from."""
    own = {"files", "rows", "schema"}
    about = {key: value for key, value in manifest.items() if key not in own}
    named = {name: one["rows"] for name, one in manifest["files"].items()}
    return about | {"columns": manifest["schema"], "files": named}


def _pointer_to(target: Path) -> dict[str, Any]:
    manifest = files.read_json(target / MANIFEST)
    return {
        "as_of": manifest["as_of"],
        "company": manifest["company"],
        "folder": target.name,
        "manifest_sha256": files.sha256(target / MANIFEST),
    }


def _pointer(folder: Path) -> dict[str, Any] | None:
    """What current.json says; None without one, BadInput when it names no list of this folder."""
    path = folder / CURRENT
    if not path.is_file():
        return None
    try:
        pointer = files.read_json(path)
        if _RUN_ID.fullmatch(pointer["folder"]) and pointer.keys() == _POINTER_KEYS:
            return dict(pointer)
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise BadInput(f"{path}: not a pointer to a published list; move it away and publish again")


_POINTER_KEYS: Final = {"as_of", "company", "folder", "manifest_sha256"}


def _link(folder: Path, name: str) -> None:
    """The convenience link; where links are not supported there is none."""
    fresh = folder / f".{LINK}.tmp"
    with suppress(OSError):
        fresh.unlink(missing_ok=True)
        fresh.symlink_to(name, target_is_directory=True)
        fresh.replace(folder / LINK)
    with suppress(OSError):
        fresh.unlink(missing_ok=True)


def _clean(folder: Path, say: Say) -> None:
    """Remove what a killed run left; under the lock nothing hidden belongs to a living one."""
    for path in sorted([*folder.glob(f"{_STAGING}*"), *folder.glob(".current*.tmp")]):
        say(f"removed {path}, left by a run that did not end")
        if path.is_dir() and not path.is_symlink():
            shutil.rmtree(path)
        else:
            path.unlink()


@contextmanager
def _locked(folder: Path, say: Say) -> Iterator[None]:
    """One publisher at a time. The lock ends with its process; while held it says which."""
    handle = os.open(folder / LOCK, os.O_RDWR | os.O_CREAT, 0o644)
    try:
        _take(handle, folder, say)
        try:
            yield
        finally:
            os.truncate(handle, 0)
    finally:
        os.close(handle)


def _take(handle: int, folder: Path, say: Say) -> None:
    try:
        fcntl.flock(handle, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        holder = os.pread(handle, 32, 0).decode() or "unknown"
        raise Busy(f"{folder}: process {holder} is publishing; try again later") from None
    if left := os.pread(handle, 32, 0).decode():
        say(f"took over the lock of process {left}, which ended before its time")
    os.truncate(handle, 0)
    os.pwrite(handle, str(os.getpid()).encode(), 0)


def published(folder: Path) -> list[Path]:
    """The folders of all published lists, the oldest first."""
    if not folder.is_dir():
        return []
    found = [path for path in folder.iterdir() if _RUN_ID.fullmatch(path.name)]
    return sorted(path for path in found if path.is_dir() and not path.is_symlink())


def current(folder: Path) -> Path | None:
    """The folder of the list that current.json names, or None before the first one."""
    pointer = _pointer(folder)
    return folder / pointer["folder"] if pointer else None


def newest(
    folder: Path, *, company: str | None = None, before: dt.date | None = None
) -> Path | None:
    """The published list with the newest as_of, of one company and older than `before` if given.

    Among lists of one day it is that which current.json names, else the last by name.
    """
    named = current(folder)
    found = []
    for path in published(folder):
        manifest = files.read_json(path / MANIFEST)
        day = dt.date.fromisoformat(manifest["as_of"])
        if company in (None, manifest["company"]) and (before is None or day < before):
            found.append((day, path == named, path.name, path))
    return max(found)[-1] if found else None


def verify(folder: Path) -> list[str]:
    """What is wrong with the published lists and the pointer, a sentence each; [] when all is well.

    Every file of every list is read and compared with its manifest, the manifest with the
    folder's name, and current.json with the manifest that it names.
    """
    lists = published(folder)
    wrong = [sentence for path in lists for sentence in _wrong_in(path)]
    return wrong + _wrong_pointer(folder, lists)


def _wrong_in(target: Path) -> list[str]:
    path = target / MANIFEST
    if not path.is_file():
        return [f"{path}: missing"]
    try:
        manifest = files.read_json(path)
        expected: dict[str, str] = {k: v["sha256"] for k, v in manifest["files"].items()}
        changed = run_id(manifest) != target.name
    except (ValueError, KeyError, TypeError, AttributeError):
        return [f"{path}: not a manifest any more"]
    wrong = [f"{path}: changed since it was published"] if changed else []
    for name, sha256 in expected.items():
        if not (target / name).is_file():
            wrong.append(f"{target / name}: missing")
        elif files.sha256(target / name) != sha256:
            wrong.append(f"{target / name}: changed since it was published")
    strangers = {one.name for one in target.iterdir()} - {*expected, MANIFEST}
    return wrong + [
        f"{target / name}: not part of the published list" for name in sorted(strangers)
    ]


def _wrong_pointer(folder: Path, lists: list[Path]) -> list[str]:
    path = folder / CURRENT
    try:
        pointer = _pointer(folder)
    except BadInput as refusal:
        return [str(refusal)]
    if pointer is None:
        return [f"{path}: missing, though lists are published"] if lists else []
    target = folder / pointer["folder"]
    if not (target / MANIFEST).is_file():
        return [f"{path}: names {target.name}, which is missing"]
    if files.sha256(target / MANIFEST) != pointer["manifest_sha256"]:
        return [f"{path}: its hash is not that of {target / MANIFEST}"]
    return []


def main() -> None:
    from pipeline import assignments  # pandas comes with these; `retention check` can spare it
    from pipeline.trial import entered

    config = params.load()
    with progress.stage("publish") as report:
        target = publish(
            SOURCE,
            Path(config.publish.folder),
            allow_older=config.publish.allow_older,
            say=report.say,
        )
        manifest = files.read_json(target / MANIFEST)
        added = entered.record(SOURCE, manifest, config, assignments.FOLDER)
        report.say(f"{added:,} customers assigned for the first time in this campaign")
        report.open_next(target / "at_risk.html")


if __name__ == "__main__":
    errors.run(main)
