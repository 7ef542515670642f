"""Nobody but their owner gets into the folders of data; lists are staff's."""

import subprocess
import sys
from pathlib import Path

from retention.core.storage import permissions
from tests.support import company


def mode(path: Path) -> int:
    return path.stat().st_mode & 0o777


def test_folders_of_data_are_their_owners_alone(tmp_path: Path) -> None:
    for name in (".dvc", *permissions.FOLDERS[1:], "runs", "lists", "docs"):
        (tmp_path / name).mkdir(mode=0o755)
    (tmp_path / permissions.STORE).touch(0o644)
    permissions.restrict_to_owner(tmp_path, ["runs"])
    closed = [tmp_path / name for name in (*permissions.FOLDERS, "runs")]
    assert {mode(path) for path in closed} == {0o700}
    assert mode(tmp_path / permissions.STORE) == 0o600
    assert {mode(tmp_path / name) for name in ("lists", "docs")} == {0o755}


def test_what_is_closer_already_is_not_opened(tmp_path: Path) -> None:
    (tmp_path / "data").mkdir(mode=0o500)
    permissions.restrict_to_owner(tmp_path)
    assert mode(tmp_path / "data") == 0o500


def test_nothing_is_made_where_dvc_is_not(tmp_path: Path) -> None:
    permissions.restrict_to_owner(tmp_path, ["runs"])
    assert list(tmp_path.iterdir()) == []


def test_the_first_stage_closes_them_before_anything_is_cached(tmp_path: Path) -> None:
    shop = company.make(tmp_path / "shop")
    done = subprocess.run(
        [sys.executable, "-m", "pipeline.params"], cwd=shop.folder, capture_output=True, text=True
    )
    assert done.returncode == 0, done.stderr
    assert {mode(shop / name) for name in (".dvc/cache", "data", "ledgers")} == {0o700}
