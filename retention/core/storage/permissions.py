"""Folders of data that only their owner may enter.

Lists are for staff and are left out: their readers depend on where publish.folder lies.
"""

from collections.abc import Iterable
from contextlib import suppress
from pathlib import Path
from typing import Final

from retention.core.storage import atomic

FOLDERS: Final = (".dvc/cache", "data", "ledgers", "mlartifacts", "mlruns")
STORE: Final = "mlflow.db"
_FOLDER, _FILE = 0o700, 0o600


def restrict_to_owner(root: Path, others: Iterable[str] = ()) -> None:
    """Let only the owner into the folders of data under `root`, and into `others`.

    DVC's cache is created when it is missing, so that it is closed before it holds anything. What
    other users own, or a drive without modes, stays as it is.
    """
    if (root / ".dvc").is_dir():
        atomic.make_folder(root / FOLDERS[0])
    for name in (*FOLDERS, *others):
        _restrict(root / name, _FOLDER)
    _restrict(root / STORE, _FILE)


def _restrict(path: Path, mode: int) -> None:
    if path.exists() and path.stat().st_mode & 0o777 & ~mode:
        with suppress(PermissionError):
            path.chmod(mode)
