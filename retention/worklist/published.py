"""Stage `publish`: the list, put where staff read it, whole or not at all.

LISTS/RUN_ID/ is written once and never again; LISTS/current.json names the one to read. A list is
made ready in a hidden folder, flushed, and renamed in one step; only then does current.json move,
in one step too. Whoever reads current.json first, and then only the folder that it names, sees one
version, old or new. LISTS may lie on a shared drive: it takes renames within it and no links. The
stage always runs and does nothing when the list is published already.
"""

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any, Final, NamedTuple

from retention.core.errors import BadInput, Guarded, masked
from retention.core.storage import atomic, locks
from retention.core.storage.locks import Say

MANIFEST, CURRENT, LINK, LOCK = "manifest.json", "current.json", "current", ".lock"

_RUN_ID: Final = re.compile(r"\d{4}-\d{2}-\d{2}-[0-9a-f]{12}")
_DAY: Final = re.compile(r"\d{4}-\d{2}-\d{2}")
_NAME: Final = re.compile(r"[a-z0-9_]+(-[a-z0-9-]+)?\.(csv|html|xlsx)")
_OF_READERS: Final = re.compile(
    r"~\$.*|\.~lock\..*#|thumbs\.db|desktop\.ini|\.ds_store|\._.*", re.IGNORECASE
)
"""What Excel, LibreOffice, Windows and macOS lay beside a file that somebody opens: no damage."""


def run_id(manifest: dict[str, Any]) -> str:
    """The list's date and the first 12 hex digits of the hash of all that the manifest says."""
    day = dt.date.fromisoformat(manifest["as_of"])
    return f"{day.isoformat()}-{atomic.content_hash(manifest)[:12]}"


def manifest_of(folder: Path, summary: dict[str, Any]) -> dict[str, Any]:
    """What a folder's list is: all of `summary`, and of every file sha256, bytes and rows.

    `summary["files"]` names the files that are published, with their rows.
    """
    described = {
        name: {
            "sha256": atomic.sha256(folder / name),
            "bytes": (folder / name).stat().st_size,
            "rows": rows,
        }
        for name, rows in summary["files"].items()
    }
    about = {key: value for key, value in summary.items() if key != "columns"}
    rows = summary["counts"]["listed"]
    return about | {"files": described, "rows": rows, "schema": summary["columns"]}


class Keep(NamedTuple):
    """How many lists stay, and for how many days a list's outcomes are still to come."""

    lists: int | None
    ripening: int = 0


EVERYTHING: Final = Keep(None)


def publish(
    source: Path, folder: Path, *, allow_older: bool, say: Say, place_only: bool = False,
    keep: Keep = EVERYTHING,
) -> Path:  # fmt: skip
    """Publish the list that lies in `source`; returns its folder, which now is current.

    place_only: a list older than the company's newest is put beside the others, and current stays.
    Guarded when a list of the same company is newer and neither is allowed, BadInput
    when a published folder was changed, Busy when another run is publishing.
    """
    with _locked(folder, say):
        return _publish(source, folder, allow_older, place_only, keep, say)


def _publish(
    source: Path, folder: Path, allow_older: bool, place_only: bool, keep: Keep, say: Say
) -> Path:
    summary = _summary(source)
    manifest = manifest_of(source, summary)
    target, pointer = folder / run_id(manifest), _pointer(folder)
    if target.is_dir():
        _refuse_damaged(target)
        if pointer == _pointer_to(target):
            _link(folder, target.name)
            say(f"unchanged: {target} is the current list")
            return target
    newer = _newer_day(folder, pointer, summary)
    stays = place_only and newer is not None
    if not stays:
        _check_order(pointer, summary, newer, allow_older, say)
    if not target.is_dir():
        _make_room(folder, keep, say)
        _place(source, target, manifest)
    if not stays:
        _point_to(target)
    beside = f", beside the newer list of {newer}" if stays else ""
    say(f"published {manifest['rows']:,} rows as {target}{beside}")
    return target


def _make_room(folder: Path, keep: Keep, say: Say) -> None:
    """Remove what is one too many once another list comes.

    Before that one comes, so that a list whose place it takes stays until the one after: somebody
    may be reading it.
    """
    for path in surplus(folder, keep, coming=1):
        atomic.remove_folder(path)
        say(f"removed {path}: publish.keep is {keep.lists}")


def supersede(old: Path, source: Path, say: Say) -> Path:
    """Put the list of `source` in the place of a published one, which is removed: an erasure.

    The new manifest says in `supersedes` whose place it took; current.json follows when it named
    the old one. Returns the new folder. Called again after it was cut short, it completes.
    """
    folder = old.parent
    with _locked(folder, say):
        summary = _summary(source) | {"supersedes": old.name}
        manifest = manifest_of(source, summary)
        target = folder / run_id(manifest)
        if not target.is_dir():
            _place(source, target, manifest)
        if current(folder) in (old, target):
            _point_to(target)
        atomic.remove_folder(old)
        return target


def _point_to(target: Path) -> None:
    """Let current.json name a list, in one step; the link follows."""
    atomic.write_json(target.parent / CURRENT, _pointer_to(target))
    _link(target.parent, target.name)


def _summary(source: Path) -> dict[str, Any]:
    path = source / "summary.json"
    if not path.is_file():
        raise BadInput(f"{path}: no such file; run at_risk first")
    summary: dict[str, Any] = atomic.read_json(path)
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


def _newer_day(folder: Path, pointer: dict[str, Any] | None, summary: dict[str, Any]) -> str | None:
    """The day of the newest list of the same company, where it is later than this one's.

    current may name another company's list by now; what was published before counts all the same.
    """
    mine = summary["company"]
    days = [one.day.isoformat() for one in _dated(folder) if one.company == mine]
    if pointer and pointer["company"] == mine:
        days.append(pointer["as_of"])
    last = max(days, default="")
    return last if last > summary["as_of"] else None


def _check_order(
    pointer: dict[str, Any] | None,
    summary: dict[str, Any],
    newer: str | None,
    allow_older: bool,
    say: Say,
) -> None:
    """current never moves to an older list of the same company unless told."""
    if newer and not allow_older:
        raise Guarded(
            f"the newest list is of {newer}, this one of {summary['as_of']}; "
            "to go back set publish.allow_older: true"
        )
    if pointer and pointer["company"] != summary["company"]:
        say(f"the list of {pointer['company']} gives way to that of {summary['company']}")


def _place(source: Path, target: Path, manifest: dict[str, Any]) -> None:
    """The files and their manifest, made ready beside, flushed, and renamed in one step."""
    with atomic.placing(target) as staging:
        for name in manifest["files"]:
            atomic.write_bytes(staging / name, (source / name).read_bytes(), mode=atomic.READ_ONLY)
        atomic.write_json(staging / MANIFEST, manifest, mode=atomic.READ_ONLY)
        if run_id(manifest_of(staging, _about(manifest))) != target.name:
            raise BadInput(f"{source}: the list changed while it was read; publish again")


def _about(manifest: dict[str, Any]) -> dict[str, Any]:
    """The summary that a manifest was made from."""
    own = {"files", "rows", "schema"}
    about = {key: value for key, value in manifest.items() if key not in own}
    named = {name: one["rows"] for name, one in manifest["files"].items()}
    return about | {"columns": manifest["schema"], "files": named}


def _pointer_to(target: Path) -> dict[str, Any]:
    manifest = atomic.read_json(target / MANIFEST)
    return {
        "as_of": manifest["as_of"],
        "company": manifest["company"],
        "folder": target.name,
        "manifest_sha256": atomic.sha256(target / MANIFEST),
    }


def _pointer(folder: Path) -> dict[str, Any] | None:
    """What current.json says; None without one, BadInput when it names no list of this folder."""
    path = folder / CURRENT
    if not path.is_file():
        return None
    try:
        pointer = atomic.read_json(path)
        if _RUN_ID.fullmatch(pointer["folder"]) and pointer.keys() == _POINTER_KEYS:
            return dict(pointer)
    except (ValueError, KeyError, TypeError, AttributeError):
        pass
    raise BadInput(f"{path}: not a pointer to a published list; move it away and publish again")


_POINTER_KEYS: Final = {"as_of", "company", "folder", "manifest_sha256"}


def _link(folder: Path, name: str) -> None:
    """The convenience link; where links are not supported there is none."""
    with suppress(OSError):
        link = folder / LINK
        if not link.is_symlink() or link.readlink() != Path(name):
            atomic.link(link, name)


@contextmanager
def _locked(folder: Path, say: Say) -> Iterator[None]:
    """One publisher at a time; what a killed one left goes first."""
    atomic.make_folder(folder)
    with locks.held(folder / LOCK, "publishing", say):
        for path in atomic.sweep(folder):
            say(f"removed {path}, left by a run that did not end")
        yield


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


class _Dated(NamedTuple):
    """A published list in the order of age; of one day the current one is the newest."""

    day: dt.date
    is_current: bool
    path: Path
    company: str


def _dated(folder: Path) -> list[_Dated]:
    """The published lists, the oldest first."""
    named, found = current(folder), []
    for path in published(folder):
        manifest = _manifest(path)
        day = dt.date.fromisoformat(manifest["as_of"])
        found.append(_Dated(day, path == named, path, manifest["company"]))
    return sorted(found)


def _manifest(target: Path) -> dict[str, Any]:
    """BadInput when it is none any more."""
    path = target / MANIFEST
    try:
        manifest = atomic.read_json(path)
        return {"as_of": manifest["as_of"], "company": manifest["company"], **manifest}
    except (ValueError, KeyError, TypeError, FileNotFoundError):
        raise BadInput(
            f"{path}: not a manifest any more; restore it from a backup, or move {target} away"
        ) from None


def newest(
    folder: Path, *, company: str | None = None, before: dt.date | None = None
) -> Path | None:
    """The published list with the newest as_of, of one company and older than `before` if given.

    Among lists of one day it is that which current.json names, else the last by name.
    """
    found = [
        one.path
        for one in _dated(folder)
        if company in (None, one.company) and (before is None or one.day < before)
    ]
    return found[-1] if found else None


def surplus(folder: Path, keep: Keep, coming: int = 0) -> list[Path]:
    """The lists that may go: the oldest of the current one's company, beyond those to keep.

    `coming`: so many more are about to be published.

    Never the current one, nor the newest of a day whose outcomes are still to come, seen from the
    day of the current one.
    """
    if keep.lists is None or len(published(folder)) + coming <= keep.lists:
        return []
    lists = _dated(folder)
    now = next((one for one in lists if one.is_current), None)
    mine = [one for one in lists if now and one.company == now.company]
    last_of = {one.day: one for one in mine}
    return [
        one.path
        for one in mine[: coming - keep.lists]
        if now and one != now and not (one == last_of[one.day] and _unripe(one, now, keep))
    ]


def _unripe(one: _Dated, now: _Dated, keep: Keep) -> bool:
    return one.day + dt.timedelta(days=keep.ripening) > now.day


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
        manifest = atomic.read_json(path)
        expected: dict[str, str] = {k: v["sha256"] for k, v in manifest["files"].items()}
        as_written = path.read_bytes() == atomic.json_text(manifest).encode()
        changed = run_id(manifest) != target.name or not as_written
    except (ValueError, KeyError, TypeError, AttributeError):
        return [f"{path}: not a manifest any more"]
    wrong = [f"{path}: changed since it was published"] if changed else []
    for name, sha256 in expected.items():
        if not (target / name).is_file():
            wrong.append(f"{target / name}: missing")
        elif atomic.sha256(target / name) != sha256:
            wrong.append(f"{target / name}: changed since it was published")
    found = {one.name for one in target.iterdir() if not _OF_READERS.fullmatch(one.name)}
    strangers = found - {*expected, MANIFEST}
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
    if atomic.sha256(target / MANIFEST) != pointer["manifest_sha256"]:
        return [f"{path}: its hash is not that of {target / MANIFEST}"]
    return []
