"""The made pages say what the code says."""

from pathlib import Path

import pytest

import features
from retention.core.feature_table import is_own
from retention.core.params import FeatureParams
from tools import docs

DECLARED = features.discover(FeatureParams().windows)


def test_the_made_pages_are_fresh() -> None:
    assert docs.stale() == [], "run make docs"


def test_a_page_that_says_something_else_is_stale(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    assert docs.stale() == ["docs/features.md", "data/README.md"]
    docs.main()
    assert docs.stale() == []
    docs.FEATURES.write_text(docs.FEATURES.read_text() + "more\n")
    assert docs.stale() == ["docs/features.md"]


def test_the_page_has_a_whole_row_for_every_feature() -> None:
    lines = docs.features_page(DECLARED).splitlines()
    rows = {line.split("`")[1]: line for line in lines if line.startswith("| `")}
    names = [feature.name for feature in DECLARED]
    assert list(rows)[: len(names)] == names
    assert all(is_own(name) for name in list(rows)[len(names) :])
    for name, row in rows.items():
        assert row.count(" | ") == 4, name
