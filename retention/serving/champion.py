"""champion/: the pinned models that score, with their hashes. Only `promote` writes here."""

import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from models.components.lifetime import NAME, Lifetime
from models.components.scorer import Scorer
from retention.core import artefacts, errors
from retention.core.documents.modelling import (
    CandidateManifest,
    ChampionManifest,
    Promotion,
    UpliftManifest,
)
from retention.core.storage import atomic

FOLDER = Path("champion")
MANIFEST = "champion.json"
PREVIOUS = "previous"
SET_ASIDE = "set-aside"
"""The folder of the manifests of champions of other definitions, by the hash of the definition."""
PARTS = ("churn", "value")
"""The files that every champion has. Others may lie beside them: the uplift model, the curve and
lifetime value, the profile of the training data."""

_MODELS = re.compile(r"[0-9a-f]{24}")


@dataclass(frozen=True)
class Champion:
    """The folder of the models, and their manifest."""

    folder: Path
    manifest: ChampionManifest

    @property
    def sha256(self) -> dict[str, str]:
        return dict(self.manifest.sha256)

    @property
    def definition(self) -> dict[str, Any]:
        return dict(self.manifest.definition)


def parts(folder: Path, *more: Path) -> dict[str, Path]:
    """The files of a candidate or champion by their stems: all of a folder, and `more`."""
    paths = [*folder.glob("*.json"), *(path for path in more if path.is_file())]
    return {path.stem: path for path in sorted(paths)}


def hashes(candidate: dict[str, Path]) -> dict[str, str]:
    """sha256 of each of `parts`."""
    return {name: atomic.sha256(path) for name, path in candidate.items()}


def current(folder: Path = FOLDER) -> Champion | None:
    """The champion as its manifest states it; None where there is none yet."""
    return _read_if_there(folder / MANIFEST, folder)


def previous(folder: Path = FOLDER) -> Champion | None:
    """The champion before, to which `rollback` goes back; None where there is none."""
    return _read_if_there(folder / f"{PREVIOUS}.json", folder)


def _read_if_there(path: Path, folder: Path) -> Champion | None:
    """The champion of a manifest; Guarded where it is none, or names no folder of models."""
    if not path.is_file():
        return None
    try:
        manifest = ChampionManifest.model_validate_json(path.read_bytes(), strict=True)
    except ValidationError as error:
        where = ".".join(map(str, error.errors()[0]["loc"])) or "the file"
        raise errors.Guarded(
            f"{path}: {where}: {error.errors()[0]['msg']}; restore it from a backup"
        ) from None
    if not _MODELS.fullmatch(manifest.models):
        named = errors.mask(manifest.models)
        raise errors.Guarded(f"{path}: {named} is no folder of models; restore it from a backup")
    return Champion(folder / manifest.models, manifest)


def scoring_folder() -> Path:
    """Where the champion lies that scores: in an experiment its own candidate does."""
    is_experiment = artefacts.DECISION.path.is_file() and artefacts.DECISION.read().experiment
    return artefacts.PINNED_CANDIDATE.path if is_experiment else FOLDER


def load(champion: Champion) -> Scorer:
    """The champion's models, read only when their hashes are those of the manifest.

    Errors: Guarded names the file that is missing or changed.
    """
    return load_models(champion.folder, champion.sha256)


def load_models(folder: Path, sha256: dict[str, str]) -> Scorer:
    """The models of a folder, read only when their hashes are those given. Errors: as `load`."""
    for name in sorted({*PARTS, *sha256}):
        path = folder / f"{name}.json"
        if not path.is_file() or atomic.sha256(path) != sha256.get(name):
            raise errors.Guarded(
                f"{path}: missing or changed since it was promoted; restore it, or remove "
                f"{FOLDER / MANIFEST} and run make repro to promote anew"
            )
    return Scorer.from_states({name: atomic.read_json(folder / f"{name}.json") for name in PARTS})


def load_part(champion: Champion, name: str) -> Any:
    """The content of a file that a champion may lack (after `load`); None where it is lacking."""
    path = champion.folder / f"{name}.json"
    return atomic.read_json(path) if name in champion.sha256 else None


def uplift_manifest(champion: Champion) -> UpliftManifest | None:
    """The uplift model that lies beside the champion's (after `load`); None where there is none."""
    content = load_part(champion, "uplift")
    return None if content is None else UpliftManifest.model_validate(content)


def lifetime(champion: Champion) -> Lifetime | None:
    """The curve and lifetime value beside the champion's models (after `load`); None without."""
    state = load_part(champion, NAME)
    return None if state is None else Lifetime.from_state(state)


def install(
    candidate: dict[str, Path],
    manifest: CandidateManifest,
    folder: Path = FOLDER,
    promotion: Promotion | None = None,
) -> Champion:
    """Make a candidate (its `parts`) the champion: files in a folder of their own, then manifest.

    promotion: how it came about, which the manifest states too. The manifest is replaced in one
    step and is the authority; the one before is kept beside it for `rollback`, and set aside where
    it was made under another definition.
    """
    sha256 = hashes(candidate)
    name = atomic.content_hash(sha256)[:24]
    for part, path in candidate.items():
        atomic.write_bytes(folder / name / f"{part}.json", path.read_bytes())
    pins = {"models": name, "sha256": sha256, **({"promotion": promotion} if promotion else {})}
    pinned = ChampionManifest.model_validate({**manifest.as_json(), **pins})
    _replace(pinned, folder)
    return Champion(folder / name, pinned)


def set_aside_champion(definition: dict[str, Any], folder: Path = FOLDER) -> Champion | None:
    """The champion that was set aside under a definition; None where there is none.

    None too where the current champion has that definition.
    """
    now, path = current(folder), _set_aside_path(definition, folder)
    if now is None or now.definition == definition:
        return None
    return _read_if_there(path, folder)


def restore_set_aside(definition: dict[str, Any], folder: Path = FOLDER) -> Champion | None:
    """Let the champion that was set aside under a definition score again; None as above.

    Errors: Guarded names the file that is missing or changed.
    """
    returning = set_aside_champion(definition, folder)
    if returning:
        load(returning)
        _replace(returning.manifest, folder)
    return returning


def _replace(manifest: ChampionManifest, folder: Path) -> None:
    """Replace the champion's manifest in one step, after that of the one before is kept."""
    before = current(folder)
    definition = dict(manifest.definition)
    if before and before.definition != definition:
        _write(before.manifest, _set_aside_path(before.definition, folder))
    if before and before.manifest.models != manifest.models:
        _write(before.manifest, folder / f"{PREVIOUS}.json")
    _write(manifest, folder / MANIFEST)
    atomic.remove(_set_aside_path(definition, folder))
    _remove_unused(folder)


def _write(manifest: ChampionManifest, path: Path) -> None:
    atomic.write_json(path, manifest.as_json())


def _set_aside_path(definition: dict[str, Any], folder: Path) -> Path:
    return folder / SET_ASIDE / f"{atomic.content_hash(definition)[:24]}.json"


def rollback(folder: Path = FOLDER) -> Champion:
    """Exchange the champion and the previous one.

    The manifest is written first: if the process is stopped after it, the rollback is done.
    Errors: Guarded where there is no previous champion.
    """
    now, before, path = current(folder), previous(folder), folder / f"{PREVIOUS}.json"
    if now is None or before is None:
        raise errors.Guarded(f"{path}: there is no champion before this one to go back to")
    if before.definition != now.definition:
        _write(now.manifest, _set_aside_path(now.definition, folder))
    _write(before.manifest, folder / MANIFEST)
    _write(now.manifest, path)
    atomic.remove(_set_aside_path(before.definition, folder))
    return before


def _remove_unused(folder: Path) -> None:
    """Remove model folders that no kept manifest names."""
    set_aside = (_read_if_there(path, folder) for path in (folder / SET_ASIDE).glob("*.json"))
    champions = (current(folder), previous(folder), *set_aside)
    in_use = {SET_ASIDE, *(each.folder.name for each in champions if each)}
    for path in folder.iterdir():
        if path.is_dir() and path.name not in in_use:
            atomic.remove_folder(path)
