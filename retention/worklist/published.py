"""The store of published lists: immutable folders, and current.json, which names the one to read.

LISTS/RUN_ID/ is written once and never changed. A list is prepared in a hidden folder, flushed and
renamed in one step; only then is current.json replaced, in one step too. A reader who opens
current.json first, and then only the folder that it names, sees one version, old or new. LISTS may
lie on a shared drive: it needs renames within the folder and no links.
"""

import datetime as dt
import re
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Final, NamedTuple

from pydantic import ValidationError

from retention.core import artefacts
from retention.core.documents.reports import ListFile, ListManifest, ListPointer, ListSummary
from retention.core.errors import BadInput, Guarded, mask
from retention.core.storage import atomic, locks
from retention.core.storage.locks import Say

MANIFEST, CURRENT, LINK, LOCK = "manifest.json", "current.json", "current", ".lock"

_RUN_ID: Final = re.compile(r"\d{4}-\d{2}-\d{2}-[0-9a-f]{12}")
_NAME: Final = re.compile(r"[a-z0-9_]+(-[a-z0-9-]+)?\.(csv|html|xlsx)")
_OFFICE_FILES: Final = re.compile(
    r"~\$.*|\.~lock\..*#|thumbs\.db|desktop\.ini|\.ds_store|\._.*", re.IGNORECASE
)
"""What Excel, LibreOffice, Windows and macOS put beside a file while it is open: no damage."""


def run_id(manifest: ListManifest) -> str:
    """The list's date and the first 12 hex digits of the hash of its manifest."""
    return f"{manifest.as_of.isoformat()}-{atomic.content_hash(manifest.as_json())[:12]}"


def build_manifest(folder: Path, summary: ListSummary, **more: str) -> ListManifest:
    """The manifest of the list in a folder: its summary, its files, and further fields."""
    described = summary.as_json()
    files = {name: _describe_file(folder / name, rows) for name, rows in summary.files.items()}
    of_files = {"files": files, "rows": summary.counts.listed, "schema": described.pop("columns")}
    return ListManifest.model_validate(described | of_files | more)


def _describe_file(path: Path, rows: int) -> ListFile:
    return ListFile(bytes=path.stat().st_size, rows=rows, sha256=atomic.sha256(path))


class RetentionRule(NamedTuple):
    """Which published lists are kept."""

    max_lists: int | None  # lists of the company; None keeps all
    outcome_days: int = 0  # days after its as_of at which the outcomes of a list are known


KEEP_ALL: Final = RetentionRule(None)


def publish_list(
    source: Path,
    folder: Path,
    *,
    allow_older: bool,
    say: Say,
    place_only: bool = False,
    retention: RetentionRule = KEEP_ALL,
) -> Path:
    """Publish the list that lies in `source` and make it current; returns its folder.

    allow_older: current may move back to a list that is older than the company's newest.
    place_only: such a list is written beside the others, and current stays.

    Raises Guarded if the list is older and neither is allowed, BadInput if a published folder was
    changed, Busy if another run is publishing.
    """
    with _locked(folder, say):
        return _publish_locked(source, folder, allow_older, place_only, retention, say)


def _publish_locked(
    source: Path,
    folder: Path,
    allow_older: bool,
    place_only: bool,
    retention: RetentionRule,
    say: Say,
) -> Path:
    summary = _summary(source)
    manifest = build_manifest(source, summary)
    target, pointer = folder / run_id(manifest), _pointer(folder)
    if target.is_dir():
        _refuse_damaged(target)
        if pointer == _pointer_to(target):
            _link(folder, target.name)
            say(f"unchanged: {target} is the current list")
            return target
    newer = _newer_day(folder, pointer, summary)
    beside_newer = place_only and newer is not None
    if not beside_newer:
        _check_order(pointer, summary, newer, allow_older, say)
    if not target.is_dir():
        _remove_expired(folder, retention, say)
        _write_list(source, target, manifest)
    if not beside_newer:
        _set_current(target)
    beside = f", beside the newer list of {newer}" if beside_newer else ""
    say(f"published {manifest.rows:,} rows as {target}{beside}")
    return target


def _remove_expired(folder: Path, retention: RetentionRule, say: Say) -> None:
    """Remove the lists that expire when one more is published.

    This happens before that one is written: the list that it replaces as current stays until the
    next one, for somebody may be reading it.
    """
    for path in expired_lists(folder, retention, n_coming=1):
        atomic.remove_folder(path)
        say(f"removed {path}: publish.keep is {retention.max_lists}")


def supersede(old: Path, source: Path, say: Say) -> Path:
    """Replace a published list by that of `source` after an erasure; returns the new folder.

    The new manifest names the old folder in `supersedes`; current.json follows if it named the old
    one. Called again after an interruption, it completes.
    """
    folder = old.parent
    with _locked(folder, say):
        manifest = build_manifest(source, _summary(source), supersedes=old.name)
        target = folder / run_id(manifest)
        if not target.is_dir():
            _write_list(source, target, manifest)
        if current(folder) in (old, target):
            _set_current(target)
        # last, so that no moment is without a list, and a second call finds what is left to do
        atomic.remove_folder(old)
        return target


def _set_current(target: Path) -> None:
    """Replace current.json in one step, then the link."""
    atomic.write_json(target.parent / CURRENT, _pointer_to(target).as_json())
    _link(target.parent, target.name)


def _summary(source: Path) -> ListSummary:
    document = artefacts.LIST_SUMMARY.within(source)
    if not document.path.is_file():
        raise BadInput(f"{document}: no such file; run at_risk first")
    summary = document.read()
    strange = [name for name in summary.files if not _NAME.fullmatch(name)]
    if strange:
        raise BadInput(f"{document}: {mask(strange[0])} is no name of a list's file")
    missing = [name for name in summary.files if not (source / name).is_file()]
    if missing:
        raise BadInput(f"{source / missing[0]}: no such file; run at_risk first")
    return summary


def _refuse_damaged(target: Path) -> None:
    problems = _problems_of_list(target)
    if problems:
        raise BadInput(f"{problems[0]}; published lists are never mended: move {target} away")


def _newer_day(folder: Path, pointer: ListPointer | None, summary: ListSummary) -> dt.date | None:
    """The day of the company's newest list if it is later than this list's, else None.

    All published lists count, for current may name another company's list by now.
    """
    company = summary.company
    days = [dated.day for dated in _lists_by_age(folder) if dated.company == company]
    if pointer and pointer.company == company:
        days.append(pointer.as_of)
    last = max(days, default=summary.as_of)
    return last if last > summary.as_of else None


def _check_order(
    pointer: ListPointer | None,
    summary: ListSummary,
    newer: dt.date | None,
    allow_older: bool,
    say: Say,
) -> None:
    """Raise Guarded if current would move back; say so if another company's list is replaced."""
    if newer and not allow_older:
        raise Guarded(
            f"the newest list is of {newer}, this one of {summary.as_of}; "
            "to go back set publish.allow_older: true"
        )
    if pointer and pointer.company != summary.company:
        say(f"the list of {pointer.company} gives way to that of {summary.company}")


def _write_list(source: Path, target: Path, manifest: ListManifest) -> None:
    """Write the files and their manifest to a staging folder and rename it in one step."""
    with atomic.atomic_folder(target) as staging:
        for name in manifest.files:
            atomic.write_bytes(staging / name, (source / name).read_bytes(), mode=atomic.READ_ONLY)
        atomic.write_json(staging / MANIFEST, manifest.as_json(), mode=atomic.READ_ONLY)
        for name, described in manifest.files.items():
            if _describe_file(staging / name, described.rows) != described:
                raise BadInput(f"{source}: the list changed while it was read; publish again")


def _pointer_to(target: Path) -> ListPointer:
    manifest = read_manifest(target)
    return ListPointer(
        as_of=manifest.as_of,
        company=manifest.company,
        folder=target.name,
        manifest_sha256=atomic.sha256(target / MANIFEST),
    )


def _pointer(folder: Path) -> ListPointer | None:
    """The content of current.json, or None; BadInput if it names no list of this folder."""
    path = folder / CURRENT
    if not path.is_file():
        return None
    try:
        pointer = ListPointer.model_validate_json(path.read_bytes(), strict=True)
        if _RUN_ID.fullmatch(pointer.folder):
            return pointer
    except ValueError:
        pass
    raise BadInput(f"{path}: not a pointer to a published list; move it away and publish again")


def _link(folder: Path, name: str) -> None:
    """Set the link `current`, a convenience; skipped where links are not supported."""
    with suppress(OSError):
        link = folder / LINK
        if not link.is_symlink() or link.readlink() != Path(name):
            atomic.link(link, name)


@contextmanager
def _locked(folder: Path, say: Say) -> Iterator[None]:
    """Hold the lock of the folder; leftovers of a killed run are removed first."""
    atomic.make_folder(folder)
    with locks.hold(folder / LOCK, "publishing", say):
        for path in atomic.remove_leftovers(folder):
            say(f"removed {path}, left by a run that did not end")
        yield


def published_lists(folder: Path) -> list[Path]:
    """The folders of all published lists, the oldest first."""
    if not folder.is_dir():
        return []
    folders = [path for path in folder.iterdir() if _RUN_ID.fullmatch(path.name)]
    return sorted(path for path in folders if path.is_dir() and not path.is_symlink())


def current(folder: Path) -> Path | None:
    """The folder of the list that current.json names, or None before the first one."""
    pointer = _pointer(folder)
    return folder / pointer.folder if pointer else None


class _DatedList(NamedTuple):
    """A published list, ordered by age; of one day the current one counts as the newest."""

    day: dt.date
    is_current: bool
    path: Path
    company: str


def _lists_by_age(folder: Path) -> list[_DatedList]:
    """The published lists, the oldest first."""
    current_folder, dated_lists = current(folder), []
    for path in published_lists(folder):
        manifest = read_manifest(path)
        is_current = path == current_folder
        dated_lists.append(_DatedList(manifest.as_of, is_current, path, manifest.company))
    return sorted(dated_lists)


def read_manifest(target: Path) -> ListManifest:
    """The manifest of a published list; BadInput if it cannot be read."""
    path = target / MANIFEST
    try:
        return ListManifest.model_validate_json(path.read_bytes(), strict=True)
    except (ValidationError, FileNotFoundError):
        raise BadInput(
            f"{path}: not a manifest any more; restore it from a backup, or move {target} away"
        ) from None


def newest(
    folder: Path, *, company: str | None = None, before: dt.date | None = None
) -> Path | None:
    """The published list with the newest as_of, of `company` and older than `before` if given.

    Of several lists of one day it is the one that current.json names, else the last by name.
    """
    paths = [
        dated.path
        for dated in _lists_by_age(folder)
        if company in (None, dated.company) and (before is None or dated.day < before)
    ]
    return paths[-1] if paths else None


def expired_lists(folder: Path, retention: RetentionRule, n_coming: int = 0) -> list[Path]:
    """The lists that may be removed: the oldest of the current list's company beyond max_lists.

    n_coming: so many lists are about to be published and count already. Never among them are the
    current list and, as long as its outcomes are not known on the day of the current list, the
    newest list of a day.
    """
    if retention.max_lists is None:
        return []
    if len(published_lists(folder)) + n_coming <= retention.max_lists:
        return []  # without reading a manifest
    dated_lists = _lists_by_age(folder)
    current_list = next((dated for dated in dated_lists if dated.is_current), None)
    if current_list is None:
        return []
    same_company = [dated for dated in dated_lists if dated.company == current_list.company]
    newest_of_day = {dated.day: dated for dated in same_company}  # the last of a day wins
    outcomes_known = current_list.day - dt.timedelta(days=retention.outcome_days)
    n_expired = max(0, len(same_company) + n_coming - retention.max_lists)
    return [
        dated.path
        for dated in same_company[:n_expired]
        if dated != current_list
        and (dated.day <= outcomes_known or dated != newest_of_day[dated.day])
    ]


def verify(folder: Path) -> list[str]:
    """Check all published lists; returns one sentence for each problem.

    Every file of every list is read and compared with its manifest, the manifest with the
    folder's name, and current.json with the manifest that it names.
    """
    lists = published_lists(folder)
    problems = [sentence for path in lists for sentence in _problems_of_list(path)]
    return problems + _problems_of_pointer(folder, lists)


def _problems_of_list(target: Path) -> list[str]:
    path = target / MANIFEST
    if not path.is_file():
        return [f"{path}: missing"]
    try:
        manifest = read_manifest(target)
    except BadInput:
        return [f"{path}: not a manifest any more"]
    expected = {name: described.sha256 for name, described in manifest.files.items()}
    as_written = path.read_bytes() == atomic.json_text(manifest.as_json()).encode()
    changed = run_id(manifest) != target.name or not as_written
    problems = [f"{path}: changed since it was published"] if changed else []
    for name, sha256 in expected.items():
        if not (target / name).is_file():
            problems.append(f"{target / name}: missing")
        elif atomic.sha256(target / name) != sha256:
            problems.append(f"{target / name}: changed since it was published")
    names = {path.name for path in target.iterdir() if not _OFFICE_FILES.fullmatch(path.name)}
    strangers = names - {*expected, MANIFEST}
    return problems + [
        f"{target / name}: not part of the published list" for name in sorted(strangers)
    ]


def _problems_of_pointer(folder: Path, lists: list[Path]) -> list[str]:
    path = folder / CURRENT
    try:
        pointer = _pointer(folder)
    except BadInput as refusal:
        return [str(refusal)]
    if pointer is None:
        return [f"{path}: missing, though lists are published"] if lists else []
    target = folder / pointer.folder
    if not (target / MANIFEST).is_file():
        return [f"{path}: names {target.name}, which is missing"]
    if atomic.sha256(target / MANIFEST) != pointer.manifest_sha256:
        return [f"{path}: its hash is not that of {target / MANIFEST}"]
    return []
