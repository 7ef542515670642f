"""The same facts, twice, in another order or run again: cases 32, 33 and 41."""

from pathlib import Path

import numpy as np

from tests.faults.histories_told import Told, made, told


def test_32_dup_event(plain: Told, tmp_path: Path) -> None:
    twice = told(made(tmp_path / "shop"), lambda lines: [*lines, *lines[::7]])
    assert twice.hashes == plain.hashes


def test_33_shuffled_events(plain: Told, tmp_path: Path) -> None:
    draw = np.random.default_rng(20260333)
    shuffled = told(made(tmp_path / "shop"), lambda lines: list(draw.permutation(lines)))
    assert shuffled.hashes == plain.hashes


def test_41_rerun_same(plain: Told, tmp_path: Path) -> None:
    again = told(made(tmp_path / "shop"), PYTHONHASHSEED="41")
    assert again.hashes == plain.hashes
    assert told(again.checkout, PYTHONHASHSEED="14").hashes == plain.hashes  # over its own outputs
    assert "restated" not in again.said
