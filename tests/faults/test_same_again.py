"""The same facts, twice, in another order or run again: cases 32, 33 and 41."""

from pathlib import Path

import numpy as np

from tests.faults.stage_outputs import StageOutputs, checkout_with_posting_times, run_stages


def test_32_dup_event(plain: StageOutputs, tmp_path: Path) -> None:
    twice = run_stages(
        checkout_with_posting_times(tmp_path / "shop"), lambda lines: [*lines, *lines[::7]]
    )
    assert twice.hashes == plain.hashes


def test_33_shuffled_events(plain: StageOutputs, tmp_path: Path) -> None:
    draw = np.random.default_rng(20260333)
    shuffled = run_stages(
        checkout_with_posting_times(tmp_path / "shop"), lambda lines: list(draw.permutation(lines))
    )
    assert shuffled.hashes == plain.hashes


def test_41_rerun_same(plain: StageOutputs, tmp_path: Path) -> None:
    again = run_stages(checkout_with_posting_times(tmp_path / "shop"), PYTHONHASHSEED="41")
    assert again.hashes == plain.hashes
    assert (
        run_stages(again.checkout, PYTHONHASHSEED="14").hashes == plain.hashes
    )  # over its own outputs
    assert "restated" not in again.log
