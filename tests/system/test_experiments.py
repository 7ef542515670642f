"""`dvc exp run` and back: an experiment shows its figures and leaves all that is live alone."""

import json
import os
import shutil
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.support import company
from tests.support.company import Checkout

LIVE = ("champion", "lists", "ledgers")
ENVIRONMENT = {
    "GIT_AUTHOR_NAME": "x",
    "GIT_AUTHOR_EMAIL": "x@example.org",
    "GIT_COMMITTER_NAME": "x",
    "GIT_COMMITTER_EMAIL": "x@example.org",
    "MLFLOW_TRACKING_URI": "none://",  # a run goes on without it, and sooner
}
"""DVC commits each experiment."""
Snapshot = Callable[[Path], dict[str, tuple[int, bytes]]]


@pytest.fixture
def in_git(shop: Checkout, tmp_path: Path) -> Checkout:
    """The company's checkout, committed after its run; data and champion are not in git."""
    checkout = shop.copy(tmp_path / "shop")
    (checkout / ".dvc/config.local").unlink()
    shutil.copy(company.REPOSITORY / ".gitignore", checkout / ".gitignore")
    (checkout / ".dvc/.gitignore").write_text("/config.local\n/tmp\n/cache\n", encoding="ascii")
    checkout.stages("publish")  # the record of the run names the copy's own folder from now on
    git(checkout, "init", "-q", "-b", "main")
    git(checkout, "add", "-A")
    git(checkout, "commit", "-q", "-m", "the company")
    return checkout


def git(checkout: Checkout, *words: str) -> str:
    return subprocess.run(
        ["git", *words],
        cwd=checkout.folder,
        env=dict(os.environ) | ENVIRONMENT,
        check=True,
        capture_output=True,
        text=True,
    ).stdout


def dvc(checkout: Checkout, *words: str) -> str:
    done = checkout.run("dvc", *words, **ENVIRONMENT)
    assert not done.returncode, done.stdout[-2000:] + done.stderr[-3000:]
    return done.stdout + done.stderr


def live(checkout: Checkout, snapshot_of: Snapshot) -> dict[str, tuple[int, bytes]]:
    """Every file that is live, without locks: a run that publishes nothing takes them too."""
    files = {
        f"{name}/{path}": content
        for name in LIVE
        for path, content in snapshot_of(checkout / name).items()
    }
    return {path: content for path, content in files.items() if not path.endswith(".lock")}


def test_an_experiment_shows_its_figures_and_changes_nothing_that_is_live(
    in_git: Checkout, snapshot_of: Snapshot
) -> None:
    """Another company's name is another definition, and trains nothing: the test stays short."""
    before = live(in_git, snapshot_of)
    log = dvc(in_git, "exp", "run", "-n", "other", "-S", "company=Other Row", "publish")
    assert live(in_git, snapshot_of) == before
    assert "champion/ stays as it is; dvc repro would have decided: the champion was made" in log
    assert "lists/ and ledgers/ stay as they are" in log
    assert json.loads((in_git / "data/at_risk/summary.json").read_text())["company"] == "Other Row"

    shown = json.loads(dvc(in_git, "metrics", "diff", "HEAD", "other", "--all", "--json"))
    (figures,) = shown.values()
    assert len(figures) == 12
    assert all(None not in (figure["old"], figure["new"]) for figure in figures.values())

    git(in_git, "checkout", "--", ".")
    assert "publish: unchanged: lists/" in dvc(in_git, "repro", "publish")
    assert live(in_git, snapshot_of) == before, "the same champion and the same list as before"
