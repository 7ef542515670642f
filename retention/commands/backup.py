"""`retention backup` and `retention restore`: what no run can make again, in one file.

champion/ and all of ledgers/ go into a tar.gz whose first member says of each file its sha256 and
length. The same files make the same bytes. A backup is read as something a stranger may have
sent: nothing is touched before every member is known to be what the first one says, and to belong
where it says.
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
ASIDE: Final = LEDGERS / "set-aside"
"""Where `restore` puts what it takes the place of, in a folder of its time. In no backup."""

ENDING, MANIFEST, VERSION = ".tar.gz", "manifest.json", 1
_SEALED: Final = (outcomes.FOLDER, assignments.FOLDER, erasures.FOLDER)
_BROKEN: Final = (tarfile.TarError, EOFError, OSError, zlib.error, ValueError, KeyError, TypeError)
_NAMED: Final = 3  # so many files stand in a refusal


@dataclass(frozen=True)
class Held:
    """What a file holds, and its permissions."""

    content: bytes
    mode: int

    @property
    def described(self) -> dict[str, Any]:
        return {"sha256": hashlib.sha256(self.content).hexdigest(), "bytes": len(self.content)}


@dataclass(frozen=True)
class Restored:
    """The files that were added, that took the place of others (now in `aside`), and were there."""

    added: tuple[str, ...]
    replaced: tuple[str, ...]
    same: int
    aside: Path | None


# Backing up


def backup(target: Path, say: Say) -> int:
    """Write champion/ and ledgers/ of the folder one stands in to one file; how many files.

    BadParams: a name that is no backup's. BadInput: a ledger or a champion that was changed, which
    would take the place of a good backup. Guarded: nothing to keep. Busy: as ledger.locked.
    """
    if not target.name.endswith(ENDING):
        raise BadParams(f"{target}: a backup's name ends with {ENDING}")
    if any(target.resolve().is_relative_to(folder.resolve()) for folder in FOLDERS):
        raise BadParams(f"{target}: keep a backup out of what it is a backup of")
    with outcomes.lock(outcomes.FOLDER, say):
        held = {path.as_posix(): _held(path) for folder in FOLDERS for path in _files(folder)}
        _refuse_damaged(held)
    if not held:
        raise Guarded("neither champion/ nor ledgers/ holds anything yet; nothing was written")
    atomic.write_bytes(target, packed(held), mode=atomic.PRIVATE)
    return len(held)


def _files(folder: Path) -> Iterator[Path]:
    """The files of a folder that are to be kept; what is hidden is a lock or half made."""
    for path in sorted(folder.rglob("*")):
        hidden = any(part.startswith(".") for part in path.relative_to(folder).parts)
        ours = path.name == "README.md"  # comes with the program
        if hidden or ours or path.is_relative_to(ASIDE):
            continue
        if path.is_symlink():
            raise BadInput(f"{path}: a link; only files are kept, so put the file there")
        if path.is_file():
            yield path


def _held(path: Path) -> Held:
    return Held(path.read_bytes(), path.stat().st_mode & 0o777)


def _refuse_damaged(held: dict[str, Held]) -> None:
    for folder in _SEALED:
        for path in sorted(folder.glob("*.json")):
            store.read(path)
    now = champion.current()
    for name, sha256 in now.sha256.items() if now else ():
        part = f"{now.folder.as_posix()}/{name}.json" if now else ""
        if part not in held or held[part].described["sha256"] != sha256:
            raise BadInput(f"{part}: missing or changed since it was promoted; mend it first")


def packed(held: dict[str, Held]) -> bytes:
    """A tar.gz of files by their paths; the same files are the same bytes."""
    said = {"version": VERSION, "files": {name: one.described for name, one in held.items()}}
    raw = io.BytesIO()
    with (
        gzip.GzipFile(filename="", mode="wb", fileobj=raw, mtime=0) as zipped,
        tarfile.open(fileobj=zipped, mode="w", format=tarfile.PAX_FORMAT) as tar,
    ):
        _add(tar, MANIFEST, Held(atomic.json_text(said).encode(), 0o644))
        for name in sorted(held):
            _add(tar, name, held[name])
    return raw.getvalue()


def _add(tar: tarfile.TarFile, name: str, held: Held) -> None:
    """A member without anything of this machine: no owner, no time."""
    member = tarfile.TarInfo(name)
    member.size, member.mode = len(held.content), held.mode
    tar.addfile(member, io.BytesIO(held.content))


# Restoring


def restore(source: Path, *, replace: bool, now: dt.datetime, say: Say) -> Restored:
    """Bring back what a backup holds and is missing in the folder one stands in.

    replace: a file that differs gives way, and a copy of it is set aside. The champion's own
    manifest comes last, so that it never names what is not there yet. BadInput: no whole backup.
    Guarded: a file differs and may not give way, as the salt of the erased never may; then nothing
    was changed.
    """
    held = unpacked(source)
    with outcomes.lock(outcomes.FOLDER, say):
        gone = _erased(held)
        there = {name: _held(Path(name)) for name in held if Path(name).is_file()}
        differ = [name for name in there if there[name].content != held[name].content]
        _refuse_other_salt(source, differ)
        if differ and not replace:
            raise Guarded(_told(source, differ))
        aside = ASIDE / now.astimezone(dt.UTC).strftime("%Y-%m-%dT%H-%M-%SZ")
        for name in differ:
            atomic.write_bytes(aside / name, there[name].content, mode=there[name].mode)
        added = [name for name in held if name not in there and name not in gone]
        for name in sorted({*added, *differ}, key=_champion_last):
            atomic.write_bytes(name, held[name].content, mode=held[name].mode)
    same = len(there) - len(differ)
    return Restored(tuple(sorted(added)), tuple(differ), same, aside if differ else None)


def _refuse_other_salt(source: Path, differ: list[str]) -> None:
    """Another salt would let everybody back who was erased since."""
    salt = (erasures.FOLDER / erasures.SALT).as_posix()
    if salt in differ:
        raise Guarded(
            f"{salt}: not as in {source}, and never replaced, since who was erased is recognised by"
            " it alone; nothing was changed: restore a backup of this company, or move the salt"
            " away if it is known to be the wrong one"
        )


def _champion_last(name: str) -> tuple[bool, bool, str]:
    path = Path(name)
    manifest = path == champion.FOLDER / champion.MANIFEST
    return manifest, path.parent == champion.FOLDER, name


def _told(source: Path, differ: list[str]) -> str:
    more = f" and {len(differ) - _NAMED} more" if len(differ) > _NAMED else ""
    return (
        f"{', '.join(differ[:_NAMED])}{more}: not as in {source}; nothing was changed: move them "
        "away, or give --replace, which sets them aside"
    )


def _erased(held: dict[str, Held]) -> set[str]:
    """The files of ledgers whose place an erasure has taken since."""
    found: set[str] = set()
    for folder in _SEALED:
        written = {path: store.read(path) for path in sorted(folder.glob("*.json"))}
        found |= {f"{(folder / stem).as_posix()}.json" for stem in store.superseded_stems(written)}
    return found & held.keys()


def unpacked(source: Path) -> dict[str, Held]:
    """What a backup holds, by path; BadInput unless every member is what its manifest says."""
    if not source.is_file():
        raise BadInput(f"{source}: no such file")
    try:
        whole = io.BytesIO(gzip.decompress(source.read_bytes()))
        with tarfile.open(fileobj=whole, mode="r:") as tar:
            members = [(one, _content(source, tar, one)) for one in tar]
        (first, told), *rest = members
        said = _manifest(source, first, told)
    except _BROKEN:
        raise BadInput(f"{source}: no whole backup, or none; take another one") from None
    held = {one.name: Held(content, one.mode & 0o777) for one, content in rest}
    for name in sorted({*said, *held}):
        if name not in held or held[name].described != said.get(name):
            raise BadInput(f"{source}: {name} is not what its manifest says; take another backup")
    if len(held) < len(rest):
        raise BadInput(f"{source}: holds a file twice; take another backup")
    return held


def _manifest(source: Path, member: tarfile.TarInfo, told: bytes) -> dict[str, Any]:
    said = json.loads(told)
    if member.name != MANIFEST:
        raise KeyError(member.name)
    if said["version"] != VERSION:
        version = mask(said["version"])
        raise BadInput(f"{source}: of version {version}, and this program reads {VERSION}")
    return dict(said["files"])


def _content(source: Path, tar: tarfile.TarFile, member: tarfile.TarInfo) -> bytes:
    """A member's bytes; BadInput where it is no plain file, or would lie elsewhere."""
    path = PurePosixPath(member.name)
    below = any(PurePosixPath(folder) in path.parents for folder in FOLDERS)
    plain = path.as_posix() == member.name and not any(part.startswith(".") for part in path.parts)
    known = member.name == MANIFEST or (below and plain and "\\" not in member.name)
    handle = tar.extractfile(member) if member.isreg() and known else None
    if handle is None:
        name = mask(member.name, 20)
        raise BadInput(f"{source}: {name} is no file of champion/ or ledgers/; do not use it")
    return handle.read()
