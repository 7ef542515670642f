"""`retention backup` and `retention restore`: champion/ and ledgers/ in one file.

They hold what no run can make again. The first member of the tar.gz is a manifest with the sha256
and the length of each file. The same files give the same bytes. A backup is read as untrusted
input: nothing is changed before every member is checked against the manifest and its path against
the two folders.
"""

import datetime as dt
import gzip
import hashlib
import io
import json
import tarfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any, Final

from retention.core.errors import BadInput, BadParams, Guarded, mask
from retention.core.storage import atomic
from retention.core.storage.locks import Say
from retention.ledgers import assignments, erasures, outcomes, store
from retention.serving import champion

LEDGERS: Final = outcomes.FOLDER.parent
FOLDERS: Final = (champion.FOLDER, LEDGERS)
SET_ASIDE: Final = LEDGERS / "set-aside"
"""Where `restore` moves the files that it replaces, in a folder of its time; not backed up."""

SUFFIX, MANIFEST, VERSION = ".tar.gz", "manifest.json", 1
LEDGER_FOLDERS: Final = (outcomes.FOLDER, assignments.FOLDER, erasures.FOLDER)
_BROKEN: Final = (tarfile.TarError, EOFError, OSError, zlib.error, ValueError, KeyError, TypeError)
_MAX_NAMED: Final = 3  # files named in a refusal


@dataclass(frozen=True)
class StoredFile:
    """A file's content and its permissions."""

    content: bytes
    mode: int

    @property
    def digest(self) -> dict[str, Any]:
        return {"sha256": hashlib.sha256(self.content).hexdigest(), "bytes": len(self.content)}


@dataclass(frozen=True)
class RestoreReport:
    """What a restore changed."""

    added: tuple[str, ...]
    replaced: tuple[str, ...]
    n_same: int  # files that were there with the same content
    set_aside: Path | None  # the folder of the earlier content of the replaced files


def run_backup(file: Path, say: Say) -> None:
    """The command `backup`."""
    n_files = backup(file, say)
    say(f"{n_files:,} files of champion/ and ledgers/ are in {file}; keep it elsewhere.")


def run_restore(file: Path, *, replace: bool, say: Say) -> None:
    """The command `restore`."""
    report = restore(file, replace=replace, now=dt.datetime.now(dt.UTC), say=say)
    say(f"{len(report.added):,} files added, {report.n_same:,} were there as they are in {file}.")
    if report.set_aside:
        n_replaced = len(report.replaced)
        say(f"{n_replaced:,} took the place of others, which are in {report.set_aside} now.")
    say("Erase again who was erased since this backup was made; then run make repro.")


# Backing up


def backup(target: Path, say: Say) -> int:
    """Write champion/ and ledgers/ of the current folder to one file; the number of files.

    Errors: BadParams for a name that is no backup's; BadInput where a ledger or the champion was
    changed, which would replace a good backup; Guarded where there is nothing to back up; Busy as
    in `outcomes.lock`.
    """
    if not target.name.endswith(SUFFIX):
        raise BadParams(f"{target}: a backup's name ends with {SUFFIX}")
    if any(target.resolve().is_relative_to(folder.resolve()) for folder in FOLDERS):
        raise BadParams(f"{target}: keep a backup out of what it is a backup of")
    with outcomes.lock(outcomes.FOLDER, say):
        stored = {
            path.as_posix(): _read_file(path) for folder in FOLDERS for path in _files(folder)
        }
        _refuse_damaged(stored)
    if not stored:
        raise Guarded("neither champion/ nor ledgers/ holds anything yet; nothing was written")
    atomic.write_bytes(target, pack(stored), mode=atomic.PRIVATE)
    return len(stored)


def _files(folder: Path) -> Iterator[Path]:
    """The files of a folder to back up; hidden ones are locks or half written."""
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        is_readme = path.name == "README.md"  # part of the program
        if hidden or is_readme or path.is_relative_to(SET_ASIDE):
            continue
        if path.is_symlink():
            raise BadInput(f"{path}: a link; only files are kept, so put the file there")
        if path.is_file():
            yield path


def _read_file(path: Path) -> StoredFile:
    return StoredFile(path.read_bytes(), path.stat().st_mode & 0o777)


def _refuse_damaged(stored: dict[str, StoredFile]) -> None:
    for folder in LEDGER_FOLDERS:
        for path in sorted(folder.glob("*.json")):
            store.read(path)
    current = champion.current()
    for name, sha256 in current.sha256.items() if current else ():
        part = f"{current.folder.as_posix()}/{name}.json" if current else ""
        if part not in stored or stored[part].digest["sha256"] != sha256:
            raise BadInput(f"{part}: missing or changed since it was promoted; mend it first")


def pack(stored: dict[str, StoredFile]) -> bytes:
    """A tar.gz of files by path; the same files give the same bytes."""
    manifest = {"version": VERSION, "files": {name: file.digest for name, file in stored.items()}}
    raw = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        _add(tar, MANIFEST, StoredFile(atomic.json_text(manifest).encode(), 0o644))
        for name in sorted(stored):
            _add(tar, name, stored[name])
    return raw.getvalue()


def _add(tar: tarfile.TarFile, name: str, file: StoredFile) -> None:
    """Add a member without traces of this machine: no owner, no time."""
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(file.content), file.mode
    tar.addfile(member, io.BytesIO(file.content))


# Restoring


def restore(source: Path, *, replace: bool, now: dt.datetime, say: Say) -> RestoreReport:
    """Write the files of a backup that are missing in the current folder.

    replace: also files that differ, with a copy of the earlier ones set aside. The champion's
    manifest is written last, so that it never names a file that does not exist yet. Errors:
    BadInput for a damaged backup; Guarded, before anything is changed, where a file differs and
    may not be replaced; the salt of erased customers never may.
    """
    stored = unpack(source)
    with outcomes.lock(outcomes.FOLDER, say):
        erased = _superseded_files(stored)
        existing = {name: _read_file(Path(name)) for name in stored if Path(name).is_file()}
        different = [name for name in existing if existing[name].content != stored[name].content]
        _refuse_other_salt(source, different)
        if different and not replace:
            raise Guarded(_differ_message(source, different))
        set_aside = SET_ASIDE / now.astimezone(dt.UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
        for name in different:
            earlier = existing[name]
            atomic.write_bytes(set_aside / name, earlier.content, mode=earlier.mode)
        added = [name for name in stored if name not in existing and name not in erased]
        for name in sorted({*added, *different}, key=_restore_order):
            atomic.write_bytes(name, stored[name].content, mode=stored[name].mode)
    return RestoreReport(
        added=tuple(sorted(added)),
        replaced=tuple(different),
        n_same=len(existing) - len(different),
        set_aside=set_aside if different else None,
    )


def _refuse_other_salt(source: Path, different: list[str]) -> None:
    """With another salt, customers erased since the backup would not be recognised."""
    salt = (erasures.FOLDER / erasures.SALT).as_posix()
    if salt in different:
        raise Guarded(
            f"{salt}: not as in {source}, and never replaced, since who was erased is recognised by"
            " it alone; nothing was changed: restore a backup of this company, or move the salt"
            " away if it is known to be the wrong one"
        )


def _restore_order(name: str) -> tuple[bool, bool, str]:
    path = Path(name)
    manifest = path == champion.FOLDER / champion.MANIFEST
    return manifest, path.parent == champion.FOLDER, name


def _differ_message(source: Path, different: list[str]) -> str:
    more_text = f" and {len(different) - _MAX_NAMED} more" if len(different) > _MAX_NAMED else ""
    return (
        f"{', '.join(different[:_MAX_NAMED])}{more_text}: not as in {source}; nothing was changed:"
        " move them away, or give --replace, which sets them aside"
    )


def _superseded_files(stored: dict[str, StoredFile]) -> set[str]:
    """The backup's ledger files that an erasure has replaced since."""
    superseded: set[str] = set()
    for folder in LEDGER_FOLDERS:
        contents = {path: store.read(path) for path in sorted(folder.glob("*.json"))}
        stems = store.superseded_stems(contents)
        superseded |= {f"{(folder / stem).as_posix()}.json" for stem in stems}
    return superseded & stored.keys()


def unpack(source: Path) -> dict[str, StoredFile]:
    """The files of a backup by path; BadInput unless every member is as its manifest says."""
    if not source.is_file():
        raise BadInput(f"{source}: no such file")
    try:
        whole = io.BytesIO(gzip.decompress(source.read_bytes()))
        with tarfile.open(fileobj=whole, mode="r:") as tar:
            members = [(member, _content(source, tar, member)) for member in tar]
        (manifest_member, manifest_bytes), *rest = members
        manifest = _manifest(source, manifest_member, manifest_bytes)
    except _BROKEN:
        raise BadInput(f"{source}: no whole backup, or none; take another one") from None
    stored = {member.name: StoredFile(content, member.mode & 0o777) for member, content in rest}
    for name in sorted({*manifest, *stored}):
        if name not in stored or stored[name].digest != manifest.get(name):
            raise BadInput(f"{source}: {name} is not what its manifest says; take another backup")
    if len(stored) < len(rest):
        raise BadInput(f"{source}: holds a file twice; take another backup")
    return stored


def _manifest(source: Path, member: tarfile.TarInfo, manifest_bytes: bytes) -> dict[str, Any]:
    manifest = json.loads(manifest_bytes)
    if member.name != MANIFEST:
        raise KeyError(member.name)
    if manifest["version"] != VERSION:
        version = mask(manifest["version"])
        raise BadInput(f"{source}: of version {version}, and this program reads {VERSION}")
    return dict(manifest["files"])


def _content(source: Path, tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    """A member's bytes; BadInput where it is no plain file, or its path is not of a backup."""
    path = PurePosixPath(member.name)
    is_below = any(PurePosixPath(folder) in path.parents for folder in FOLDERS)
    is_hidden = any(part.startswith(".") for part in path.parts)
    is_plain = path.as_posix() == member.name and not is_hidden
    belongs = member.name == MANIFEST or (is_below and is_plain and "\\" not in member.name)
    handle = tar.extractfile(member) if member.isreg() and belongs else None
    if handle is None:
        name = mask(member.name, 20)
        raise BadInput(f"{source}: {name} is no file of champion/ or ledgers/; do not use it")
    return handle.read()
