"""champion/: the pinned models that score, with their hashes. Only `promote` writes here."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from models.components.scorer import Scorer
from retention.core import errors
from retention.core.documents.modelling import UpliftManifest
from retention.core.storage import atomic

FOLDER = Path("champion")
MANIFEST = "champion.json"
PREVIOUS = "previous"
PARTS = ("churn", "value")
"""The files that every champion has. Others may lie beside them: the uplift model, the profile of
the training data."""

_MODELS = re.compile(r"[0-9a-f]{24}")


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


def parts(folder: Path, *more: Path) -> dict[str, Path]:
    """The files of a candidate or champion by their stems: all of a folder, and `more`."""
    paths = [*folder.glob("*.json"), *(path for path in more if path.is_file())]
    return {path.stem: path for path in sorted(paths)}


def hashes(candidate: dict[str, Path]) -> dict[str, str]:
    """sha256 of each of `parts`."""
    return {name: atomic.sha256(path) for name, path in candidate.items()}


def current(folder: Path = FOLDER) -> Champion | None:
    """The champion as its manifest states it; None where there is none yet."""
    path = folder / MANIFEST
    if not path.is_file():
        return None
    manifest = atomic.read_json(path)
    if not _MODELS.fullmatch(str(manifest["models"])):
        named = errors.mask(manifest["models"])
        raise errors.Guarded(f"{path}: {named} is no folder of models; restore it from a backup")
    return Champion(folder / manifest["models"], manifest)


def load(champion: Champion) -> Scorer:
    """The champion's models, read only when their hashes are those of the manifest.

    Errors: Guarded names the file that is missing or changed.
    """
    for name in sorted({*PARTS, *champion.sha256}):
        path = champion.folder / f"{name}.json"
        if not path.is_file() or atomic.sha256(path) != champion.sha256.get(name):
            raise errors.Guarded(
                f"{path}: missing or changed since it was promoted; restore it, or remove "
                f"{FOLDER / MANIFEST} and run make repro to promote anew"
            )
    return Scorer.from_states(
        {name: atomic.read_json(champion.folder / f"{name}.json") for name in PARTS}
    )


def load_part(champion: Champion, name: str) -> Any:
    """The content of a file that a champion may lack (after `load`); None where it is lacking."""
    path = champion.folder / f"{name}.json"
    return atomic.read_json(path) if name in champion.sha256 else None


def uplift_manifest(champion: Champion) -> UpliftManifest | None:
    """The uplift model that lies beside the champion's (after `load`); None where there is none."""
    content = load_part(champion, "uplift")
    return None if content is None else UpliftManifest.model_validate(content)


def install(
    candidate: dict[str, Path], manifest: dict[str, Any], folder: Path = FOLDER
) -> Champion:
    """Make a candidate (its `parts`) the champion: files in a folder of their own, then manifest.

    The manifest is replaced in one step and is the authority; the one before is kept beside it
    for `rollback`.
    """
    sha256 = hashes(candidate)
    name = atomic.content_hash(sha256)[:24]
    for part, path in candidate.items():
        atomic.write_bytes(folder / name / f"{part}.json", path.read_bytes())
    before = current(folder)
    if before and before.manifest["models"] != name:
        atomic.write_json(folder / f"{PREVIOUS}.json", before.manifest)
    pinned = {**manifest, "models": name, "sha256": sha256}
    atomic.write_json(folder / MANIFEST, pinned)
    _remove_unused(folder)
    return Champion(folder / name, pinned)


def rollback(folder: Path = FOLDER) -> Champion:
    """Exchange the champion and the previous one.

    The manifest is written first: if the process is stopped after it, the rollback is done.
    Errors: Guarded where there is no previous champion.
    """
    now, path = current(folder), folder / f"{PREVIOUS}.json"
    if now is None or not path.is_file():
        raise errors.Guarded(f"{path}: there is no champion before this one to go back to")
    before = atomic.read_json(path)
    atomic.write_json(folder / MANIFEST, before)
    atomic.write_json(path, now.manifest)
    return Champion(folder / before["models"], before)


def _remove_unused(folder: Path) -> None:
    """Remove model folders that neither the champion nor the one before names."""
    named = [folder / MANIFEST, folder / f"{PREVIOUS}.json"]
    in_use = {atomic.read_json(path)["models"] for path in named if path.is_file()}
    for path in folder.iterdir():
        if path.is_dir() and path.name not in in_use:
            atomic.remove_folder(path)
