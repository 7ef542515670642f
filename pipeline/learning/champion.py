"""champion/: the pinned models that score, with their hashes. Only `promote` writes here."""

import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.scorer import Scorer
from pipeline import errors, files

FOLDER = Path("champion")
MANIFEST = "champion.json"
PREVIOUS = "previous"
PARTS = ("churn", "value")


@dataclass(frozen=True)
class Champion:
    """The manifest of a champion folder, as written."""

    folder: Path
    manifest: dict[str, Any]

    @property
    def sha256(self) -> dict[str, str]:
        return dict(self.manifest["sha256"])

    @property
    def definition(self) -> dict[str, Any]:
        return dict(self.manifest["definition"])


def hashes(folder: Path) -> dict[str, str]:
    """sha256 of each model file of a candidate or champion."""
    return {name: files.sha256(folder / f"{name}.json") for name in PARTS}


def current(folder: Path = FOLDER) -> Champion | None:
    """The champion as its manifest states it; None where there is none yet."""
    path = folder / MANIFEST
    if not path.is_file():
        return None
    manifest = files.read_json(path)
    return Champion(folder / manifest["models"], manifest)


def load(champion: Champion) -> Scorer:
    """The champion's models, read only when their hashes are those of the manifest.

    Errors: Guarded names the file that is missing or changed.
    """
    for name in PARTS:
        path = champion.folder / f"{name}.json"
        if not path.is_file() or files.sha256(path) != champion.sha256.get(name):
            raise errors.Guarded(
                f"{path}: missing or changed since it was promoted; restore it, or remove "
                f"{FOLDER / MANIFEST} and run make repro to promote anew"
            )
    return Scorer.from_states(
        {name: files.read_json(champion.folder / f"{name}.json") for name in PARTS}
    )


def install(candidate: Path, manifest: dict[str, Any], folder: Path = FOLDER) -> Champion:
    """Make a candidate the champion: its files under a folder of their own, then the manifest.

    The manifest is replaced in one step and is the authority; the one before is kept beside it
    for `rollback`.
    """
    of = hashes(candidate)
    name = of["churn"][:12] + of["value"][:12]
    for part in PARTS:
        files.write_bytes(folder / name / f"{part}.json", (candidate / f"{part}.json").read_bytes())
    before = current(folder)
    if before and before.manifest["models"] != name:
        files.write_json(folder / f"{PREVIOUS}.json", before.manifest)
    pinned = {**manifest, "models": name, "sha256": of}
    files.write_json(folder / MANIFEST, pinned)
    _forget(folder)
    return Champion(folder / name, pinned)


def rollback(folder: Path = FOLDER) -> Champion:
    """The champion before this one takes its place again, and this one becomes the one before.

    The manifest first: cut short after it, the way back is done. Errors: Guarded where there is
    none before.
    """
    now, path = current(folder), folder / f"{PREVIOUS}.json"
    if now is None or not path.is_file():
        raise errors.Guarded(f"{path}: there is no champion before this one to go back to")
    before = files.read_json(path)
    files.write_json(folder / MANIFEST, before)
    files.write_json(path, now.manifest)
    return Champion(folder / before["models"], before)


def _forget(folder: Path) -> None:
    """Remove model folders that neither the champion nor the one before names."""
    named = [folder / MANIFEST, folder / f"{PREVIOUS}.json"]
    kept = {files.read_json(path)["models"] for path in named if path.is_file()}
    for path in folder.iterdir():
        if path.is_dir() and path.name not in kept:
            shutil.rmtree(path)
