"""What each feature is, by the tables of `tables/`; how the files of a theme are found."""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

import features
from tests.support import engines, feature_tables
from tests.support.feature_tables import FeatureTable, Rows, SharedHistory

TABLES = feature_tables.load_tables()

each_table = pytest.mark.parametrize("table", TABLES, ids=str)


@cache
def on_duckdb() -> dict[FeatureTable, Rows]:
    shared = SharedHistory.from_tables(TABLES)
    return shared.split(engines.features_of(shared.events, shared.persons, shared.cohort))


@each_table
def test_duckdb_computes_the_features_of_a_table(table: FeatureTable) -> None:
    computed = on_duckdb().get(table) or feature_tables.on_engine(table)
    assert feature_tables.differences(computed, table.rows, same=lambda a, b: a == b) == []


@each_table
def test_the_reference_computes_the_features_of_a_table(table: FeatureTable) -> None:
    assert feature_tables.differences(feature_tables.by_reference(table), table.rows) == []


def without_window(name: str) -> str:
    return re.sub(r"_\d+d$", "", name)


def test_every_feature_is_in_a_table() -> None:
    in_tables = {without_window(name) for table in TABLES for name in table.names}
    declared = {without_window(feature.name) for feature in engines.declared()}
    assert in_tables == declared


def test_every_theme_has_its_file_of_tables() -> None:
    assert {table.theme for table in TABLES} == {
        *(feature.theme for feature in engines.declared()),
        "history",  # the rules of history, which are of no theme
    }


def test_the_themes_are_the_files_of_the_folder() -> None:
    files = {path.stem for path in Path(features.__file__).parent.glob("*.py")}
    assert {feature.theme for feature in engines.declared()} == files - {"__init__"}


@pytest.fixture
def theme_folder(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """A folder whose files are themes too."""
    monkeypatch.setattr(features, "__path__", [*features.__path__, str(tmp_path)])
    yield tmp_path
    for path in tmp_path.glob("*.py"):
        monkeypatch.delitem(__import__("sys").modules, f"features.{path.stem}", raising=False)
        monkeypatch.delattr(features, path.stem, raising=False)


_NEW = '''
import narwhals as nw
from features.engine.base import feature
from features.engine.grains import orders

@feature(orders, unit="orders", none=0)
def {name}(days: int) -> nw.Expr:
    """New in the last {{days}} days."""
    return nw.len()
'''


def test_a_new_file_is_a_theme_and_takes_the_windows_of_params(theme_folder: Path) -> None:
    (theme_folder / "zz_new.py").write_text(_NEW.format(name="zz_new_count"))
    new = [feature for feature in features.discover([5, 9]) if feature.theme == "zz_new"]
    assert [(feature.name, feature.reach, feature.meaning) for feature in new] == [
        ("zz_new_count_5d", 5, "New in the last 5 days."),
        ("zz_new_count_9d", 9, "New in the last 9 days."),
    ]


def test_two_features_of_one_name_are_refused(theme_folder: Path) -> None:
    (theme_folder / "zz_again.py").write_text(_NEW.format(name="spend"))
    with pytest.raises(ValueError, match="two features have one name: spend_7d"):
        features.discover([7])
