"""Experiments of DVC (`dvc exp run`): whether a stage runs in one, and where the checkout lies.

An experiment leaves champion/, lists/ and ledgers/ as they are: whatever changes them asks
`is_experiment` first. DVC sets the variables for every stage of an experiment, in the checkout
itself as well as in the copy that `--temp` and `--queue` work in; `dvc repro` sets the last alone.
"""

import os
from pathlib import Path
from typing import Final

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


def link_inputs() -> list[Path]:
    """Link what stages read and git ignores into the copy of an experiment; the links.

    What is there already stays. Nothing writes through the links: an experiment changes none of it.
    """
    root = checkout()
    if root is None:
        return []
    links = []
    for folder in map(Path, NOT_IN_GIT):
        for entry in sorted((root / folder).glob("*")):
            link = folder / entry.name
            if not link.exists():
                atomic.make_folder(folder)
                atomic.link(link, str(entry.resolve()))
                links.append(link)
    return links
