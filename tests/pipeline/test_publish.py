"""The stage: it says what to open, and starts quickly."""

import subprocess
import sys
from pathlib import Path

from retention.core import artefacts
from retention.core.storage import atomic
from retention.worklist.write import write_list
from tests.support.worklists import listing


def test_publishing_needs_no_pandas_so_that_it_is_quick() -> None:
    code = "import sys; import pipeline.publish; sys.exit('pandas' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_the_stage_says_what_to_open(tmp_path: Path) -> None:
    root = tmp_path / "root"
    write_list(listing([{"name": "Ada"}]), root / "data" / "at_risk")
    atomic.write_table(
        root / "data/at_risk/held_out.parquet", artefacts.HELD_OUT.schema.empty_table()
    )
    atomic.write_table(root / "data/at_risk/lanes.parquet", artefacts.LANES.schema.empty_table())
    atomic.write_table(root / "data/score/reasons.parquet", artefacts.REASONS.schema.empty_table())
    grocer = Path(__file__).parents[2] / "examples" / "grocer" / "params.yaml"
    (root / "params.yaml").write_text(grocer.read_text())
    ran = subprocess.run(
        [sys.executable, "-m", "pipeline.publish"], cwd=root, capture_output=True, text=True
    )
    assert ran.returncode == 0, ran.stderr
    assert "open next: lists/2026-11-22-" in ran.stderr
    assert "/at_risk.html" in ran.stderr
