"""Experiments of DVC (`dvc exp run`): whether a stage runs in one, and where the checkout lies.

An experiment leaves champion/, lists/ and ledgers/ as they are: whatever changes them asks
`is_experiment` first. DVC sets the variables for every stage of an experiment, in the checkout
itself as well as in the copy that `--temp` and `--queue` work in; `dvc repro` sets the last alone.
"""

import os
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Final

from retention.core import artefacts
from retention.core.errors import BadInput
from retention.core.storage import atomic

NOT_IN_GIT: Final = (
    "champion",
    "data/raw",
    "ledgers/assignments",
    "ledgers/erased",
    "ledgers/outcomes",
    "ledgers/runs",
)
"""Folders whose content git ignores and stages read."""
_OF_EXPERIMENTS: Final = ("DVC_EXP_BASELINE_REV", "DVC_EXP_NAME")
_CHECKOUT: Final = "DVC_ROOT"


def is_experiment() -> bool:
    """Whether this process is a stage of an experiment."""
    return any(os.environ.get(name) for name in _OF_EXPERIMENTS)


def checkout() -> Path | None:
    """The checkout that an experiment was started in, where it works in a copy; else None."""
    root = os.environ.get(_CHECKOUT)
    is_elsewhere = root and Path(root).resolve() != Path().resolve()
    return Path(root) if root and is_experiment() and is_elsewhere else None


def link_inputs(raw_paths: Iterable[str] = ()) -> list[Path]:
    """Link what stages read and git ignores into the copy of an experiment; the links.

    raw_paths: of the sources, as params.yaml has them. What is there already stays. Nothing writes
    through the links: an experiment changes none of it, and a table of a database that is read on
    is a part more beside the links. Errors: BadInput for a path that leads out of the checkout.
    """
    root = checkout()
    if root is None:
        return []
    links = []
    for path in _inputs(root, map(Path, raw_paths)):
        if not path.exists():
            atomic.make_folder(path.parent)
            atomic.link(path, str((root / path).resolve()))
            links.append(path)
    return links


def _inputs(root: Path, raw_paths: Iterable[Path]) -> Iterator[Path]:
    """The files and folders to link, relative to the checkout."""
    folders = [*map(Path, NOT_IN_GIT), *_relative_folders(root, artefacts.TABLES)]
    for path in raw_paths:
        if path.is_absolute() or _is_output(path) or not (root / path).exists():
            continue  # `extract` says what is missing
        if not Path(os.path.normpath(root / path)).is_relative_to(root):
            raise BadInput(
                f"{path}: an experiment works in a copy of the checkout and does not find what "
                "lies outside of it; write an absolute path in params.yaml"
            )
        if (root / path).is_dir() and path.is_dir():
            folders.append(path)  # git holds a part of it
        else:
            yield path
    for folder in folders:
        entries = sorted(entry.name for entry in (root / folder).glob("*"))
        yield from (folder / name for name in entries if not name.startswith("."))


def _relative_folders(root: Path, folder: Path) -> list[Path]:
    """The folders in a folder of the checkout, relative to it."""
    entries = sorted((root / folder).glob("*"))
    return [entry.relative_to(root) for entry in entries if entry.is_dir()]


def _is_output(path: Path) -> bool:
    """Whether a path is of a stage, which writes it in the copy too."""
    stages = {"example", *artefacts.STAGES}
    return path.parts[:1] == artefacts.DATA.parts and set(path.parts[1:2]) <= stages
