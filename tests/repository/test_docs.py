"""The made pages say what the code says."""

from pathlib import Path

import pytest

import features
from features.engine.base import Feature
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


@pytest.mark.parametrize("feature", DECLARED, ids=lambda feature: feature.name)
def test_a_feature_says_what_it_means_in_which_unit_and_when_it_is_null(
    feature: Feature,
) -> None:
    assert feature.meaning.endswith(".")
    assert "{" not in feature.meaning
    assert feature.unit
    assert feature.nulls
    row = next(
        line for line in docs.features_page([feature]).splitlines() if f"`{feature.name}`" in line
    )
    assert row.count(" | ") == 4
