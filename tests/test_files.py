"""A file appears whole, or not at all."""

import json
from pathlib import Path

import pyarrow as pa
import pytest

from pipeline import files


def test_a_file_is_replaced_in_one_step_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.txt"
    files.write_text(path, "old")
    files.write_text(path, "new ü")
    assert path.read_text(encoding="utf-8") == "new ü"
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file_and_no_temporary_one(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    files.write_text(path, "old")

    def broken() -> None:
        with files.replacing(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_json_has_one_form_and_no_nan(tmp_path: Path) -> None:
    one, other = tmp_path / "one.json", tmp_path / "other.json"
    files.write_json(one, {"b": 1, "a": [2.5, "ü"]})
    files.write_json(other, {"a": [2.5, "ü"], "b": 1})
    assert one.read_bytes() == other.read_bytes()
    assert files.read_json(one) == {"a": [2.5, "ü"], "b": 1}
    assert json.loads(one.read_text(encoding="utf-8"))["b"] == 1
    with pytest.raises(ValueError, match="not JSON compliant"):
        files.write_json(one, float("nan"))


def test_the_same_table_is_the_same_bytes(tmp_path: Path) -> None:
    table = pa.table({"a": [1, 2, None], "b": ["x", None, "z"]})
    files.write_table(tmp_path / "one.parquet", table)
    files.write_table(tmp_path / "two.parquet", table)
    assert files.sha256(tmp_path / "one.parquet") == files.sha256(tmp_path / "two.parquet")
