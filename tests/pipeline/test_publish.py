"""The stage: it says what to open, and starts quickly."""

import os
import subprocess
import sys
from pathlib import Path

import pytest

from retention.core import artefacts
from retention.core.storage import atomic
from retention.worklist.write import write_list
from tests.support.worklists import listing


def test_publishing_needs_no_pandas_so_that_it_is_quick() -> None:
    code = "import sys; import pipeline.publish; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


@pytest.fixture
def root(tmp_path: Path) -> Path:
    """A folder in which every stage before `publish` has run."""
    root = tmp_path / "root"
    write_list(listing([{"name": "Ada"}]), root / "data" / "at_risk")
    atomic.write_table(
        root / "data/at_risk/held_out.parquet", artefacts.HELD_OUT.schema.empty_table()
    )
    atomic.write_table(root / "data/at_risk/lanes.parquet", artefacts.LANES.schema.empty_table())
    atomic.write_table(root / "data/score/reasons.parquet", artefacts.REASONS.schema.empty_table())
    grocer = Path(__file__).parents[2] / "examples" / "grocer" / "params.yaml"
    (root / "params.yaml").write_text(grocer.read_text())
    return root


def run_stage(root: Path, **env: str) -> str:
    """What the stage says; it must pass."""
    ran = subprocess.run(
        [sys.executable, "-m", "pipeline.publish"],
        cwd=root,
        env=os.environ | env,
        capture_output=True,
        text=True,
    )
    assert ran.returncode == 0, ran.stderr
    return ran.stderr


def test_the_stage_says_what_to_open(root: Path) -> None:
    stderr = run_stage(root)
    assert "open next: lists/2026-11-22-" in stderr
    assert "/at_risk.html" in stderr


def test_an_experiment_publishes_and_enrols_nothing_and_says_so(root: Path) -> None:
    stderr = run_stage(root, DVC_EXP_NAME="longer-horizon")
    assert "publish: an experiment: lists/ and ledgers/ stay as they are; dvc repro would" in stderr
    assert "open next" not in stderr
    assert not (root / "lists").exists()
    assert not (root / "ledgers").exists()
