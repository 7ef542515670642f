"""A file appears whole, or not at all, and nothing writes past the one writer."""

import ast
import json
import os
import re
import shutil
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pyarrow as pa
import pytest

from retention.core.storage import atomic


def test_a_file_is_replaced_in_one_step_and_leaves_nothing_beside_it(tmp_path: Path) -> None:
    path = tmp_path / "deep" / "a.txt"
    atomic.write_text(path, "old")
    atomic.write_text(path, "new ü")
    assert path.read_text(encoding="utf-8") == "new ü"
    assert list(path.parent.iterdir()) == [path]


def test_a_failed_write_leaves_the_old_file_and_no_temporary_one(tmp_path: Path) -> None:
    path = tmp_path / "a.txt"
    atomic.write_text(path, "old")

    def broken() -> None:
        with atomic.atomic_file(path) as temporary:
            temporary.write_text("half")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    assert path.read_text() == "old"
    assert list(tmp_path.iterdir()) == [path]


def test_what_the_disk_refuses_names_the_file_and_not_the_temporary_one(tmp_path: Path) -> None:
    (tmp_path / "is a folder").mkdir()
    with pytest.raises(IsADirectoryError) as caught:
        atomic.write_text(tmp_path / "is a folder", "x")
    assert caught.value.filename == str(tmp_path / "is a folder")
    assert list(tmp_path.iterdir()) == [tmp_path / "is a folder"]


def test_a_folder_appears_whole_or_not_at_all(tmp_path: Path) -> None:
    with atomic.atomic_folder(tmp_path / "a") as staging:
        atomic.write_text(staging / "x.txt", "x")
        assert not (tmp_path / "a").exists()

    def broken() -> None:
        with atomic.atomic_folder(tmp_path / "b") as staging:
            atomic.write_text(staging / "x.txt", "x")
            raise RuntimeError

    with pytest.raises(RuntimeError):
        broken()
    assert [path.name for path in tmp_path.iterdir()] == ["a"]


def test_what_is_to_be_removed_may_be_gone_already(tmp_path: Path) -> None:
    atomic.write_text(tmp_path / "a" / "x.txt", "x")
    for _ in range(2):
        atomic.remove(tmp_path / "a" / "x.txt")
        atomic.remove_folder(tmp_path / "a")
    assert list(tmp_path.iterdir()) == []


def test_a_folder_is_hidden_before_anything_of_it_goes(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    atomic.write_text(tmp_path / "a" / "x.txt", "x")

    def taken_apart(path: Path) -> None:
        assert path.name.startswith(".")
        assert not (tmp_path / "a").exists()

    monkeypatch.setattr(shutil, "rmtree", taken_apart)
    atomic.remove_folder(tmp_path / "a")


@pytest.fixture
def dead() -> int:
    """The number of a process that ended."""
    child = os.fork()
    if not child:
        os._exit(0)
    os.waitpid(child, 0)
    return child


def test_the_next_write_removes_what_a_dead_process_left_of_the_same_file(
    tmp_path: Path, dead: int
) -> None:
    parent = os.getppid()
    expected = {f".a.txt.{parent}.tmp", f".b.txt.{dead}.tmp", ".a.txt.tmp", ".a.txt.x.tmp"}
    for name in (*expected, f".a.txt.{dead}.tmp"):
        (tmp_path / name).write_text("half")
    atomic.write_text(tmp_path / "a.txt", "whole")
    assert {path.name for path in tmp_path.iterdir()} == {"a.txt", *expected}


def test_who_holds_a_folders_lock_removes_all_that_is_half_made(tmp_path: Path, dead: int) -> None:
    parent = os.getppid()
    left = [tmp_path / f".a.txt.{parent}.tmp", tmp_path / f".b.{dead}.tmp"]
    left[0].write_text("half")
    atomic.write_text(left[1] / "x.txt", "x")
    (tmp_path / ".lock").write_text("1")
    assert atomic.remove_leftovers(tmp_path) == left
    assert [path.name for path in tmp_path.iterdir()] == [".lock"]


def test_json_has_one_form_and_no_nan(tmp_path: Path) -> None:
    pair, other = tmp_path / "one.json", tmp_path / "other.json"
    atomic.write_json(pair, {"b": 1, "a": [2.5, "ü"]})
    atomic.write_json(other, {"a": [2.5, "ü"], "b": 1})
    assert pair.read_bytes() == other.read_bytes()
    assert atomic.read_json(pair) == {"a": [2.5, "ü"], "b": 1}
    assert json.loads(pair.read_text(encoding="utf-8"))["b"] == 1
    with pytest.raises(ValueError, match="not JSON compliant"):
        atomic.write_json(pair, float("nan"))


def test_the_same_table_is_the_same_bytes(tmp_path: Path) -> None:
    table = pa.table({"a": [1, 2, None], "b": ["x", None, "z"]})
    atomic.write_table(tmp_path / "one.parquet", table)
    atomic.write_table(tmp_path / "two.parquet", table)
    assert atomic.sha256(tmp_path / "one.parquet") == atomic.sha256(tmp_path / "two.parquet")


# Nothing writes past the writer


WRITES: Final = frozenset(
    "write_text write_bytes write_table write_csv write_parquet to_parquet to_excel to_pickle "  # noqa: SIM905
    "to_hdf to_feather ParquetWriter copyfile copy2 copytree copyfileobj copymode copystat rmtree "
    "removedirs unlink rmdir mkdir makedirs touch chmod symlink symlink_to hardlink_to truncate "
    "pwrite savefig save_model imsave extractall dump".split()
)
"""Names of calls that change the disk, whatever they are called on."""

OF_MODULES: Final = {
    "os": {"rename", "replace", "remove", "link", "open", "write"},
    "shutil": {"move", "copy"},
}
"""Names that mean a write when they are a module's."""

ALLOWED: Final = {
    "a lock is no data, and has to be there before anything is": {
        "retention/core/storage/locks.py": {"os.open", "truncate", "pwrite"},
    },
    "into the temporary path of atomic.atomic_file or atomic_folder, or into memory": {
        "retention/sources/database/copies.py": {"ParquetWriter", "copyfile"},
        "retention/ledgers/erasures.py": {"touch", "write_text"},
        "retention/commands/erase/raw.py": {
            "ParquetWriter",
            "copymode",
            "open for w",
            "write_table",
        },
        "pipeline/example.py": {"write_csv"},
        "retention/worklist/to_csv.py": {"write_csv"},
        "retention/commands/score/workspace.py": {"mkdir", "rename"},
        "retention/core/artefacts/table.py": {"ParquetWriter", "write_table"},
        "retention/reporting/model_card/plots.py": {"savefig"},
        "retention/commands/backup.py": {"open for w"},
    },
    "who may look into a folder, and nothing of what it holds": {
        "retention/core/storage/permissions.py": {"chmod"},
        "retention/commands/score/workspace.py": {"chmod"},
    },
    "into a temporary folder of its own": {
        "features/engine/one_pass.py": {"mkdir"},
        "retention/commands/labels.py": {"write_table"},
        "features/engine/parts.py": {"mkdir"},
        "retention/commands/check/samples.py": {
            "ZipFile for w",
            "mkdir",
            "unlink",
            "write_bytes",
            "write_table",
        },
        "retention/commands/check/history.py": {"write_table"},
        "retention/sources/archives.py": {"copyfileobj", "open for w"},
        "retention/sources/made_tables.py": {"ParquetWriter", "write_table"},
        "retention/sources/reader.py": {"copyfileobj", "open for w"},
        "retention/tracking/client.py": {"save_model"},
    },
}
"""What may be, and why."""


def changes(tree: ast.Module) -> Iterator[str]:
    """What of a file's code changes the disk, by name."""
    for node in ast.walk(tree):
        if isinstance(node, ast.Call):
            yield from _change(node)
        elif isinstance(node, ast.Constant) and SQL.search(str(node.value)):
            yield "SQL that writes a file"


SQL: Final = re.compile(r"\bcopy\b[^;]*\bto\s+'|\battach\s+'", re.IGNORECASE)
TEXTS: Final = {"to_csv", "to_json", "to_html"}
"""What makes a text, or writes a file when it is told a path."""


def _change(call: ast.Call) -> Iterator[str]:
    name, owner = _named(call.func)
    mode = _mode(call, owner) if name in ("open", "ZipFile") else ""
    to_a_path = name in TEXTS and (call.args or _has(call, "path_or_buf"))
    if owner == "atomic":
        return
    if mode:
        yield f"{name} for {mode}"
    elif name in OF_MODULES.get(owner, set()):
        yield f"{owner}.{name}"
    elif name in WRITES or to_a_path or _moves_a_file(name, call):
        yield name


def _named(func: ast.expr) -> tuple[str, str]:
    """The last name of what is called, and the name it is called on."""
    if isinstance(func, ast.Attribute):
        return func.attr, func.value.id if isinstance(func.value, ast.Name) else ""
    return (func.id, "") if isinstance(func, ast.Name) else ("", "")


def _mode(call: ast.Call, owner: str) -> str:
    """The letter with which a file is opened to be changed."""
    of_a_path = isinstance(call.func, ast.Attribute) and owner not in OPENERS
    after = 0 if of_a_path else 1
    by_name = (keyword.value for keyword in call.keywords if keyword.arg == "mode")
    modes = [*call.args[after : after + 1], *by_name]
    texts = [mode.value for mode in modes if isinstance(mode, ast.Constant)]
    return next((letter for text in texts for letter in "wax+" if letter in str(text)), "")


OPENERS: Final = {"gzip", "bz2", "lzma", "io", "tarfile", "zipfile"}
"""Modules whose function takes the path before the mode."""


def _has(call: ast.Call, keyword: str) -> bool:
    return any(argument.arg == keyword for argument in call.keywords)


def _moves_a_file(name: str, call: ast.Call) -> bool:
    """A path takes one argument, no literal; a text takes two, a frame takes keywords or a name."""
    argument = call.args[0] if len(call.args) == 1 and not call.keywords else None
    is_of_series = isinstance(argument, ast.Name) and argument.id in SERIES
    if name not in ("rename", "replace") or is_of_series:
        return False
    return argument is not None and not isinstance(argument, ast.Constant | ast.Dict)


SERIES: Final = {"substitute"}
"""What a column's values are replaced by, in a call that looks like one of a path."""


CODE: Final = sorted(
    str(path)
    for package in ("pipeline", "retention", "features", "models")
    for path in Path(package).rglob("*.py")
    if path != Path("retention/core/storage/atomic.py")
)


def test_nothing_writes_past_the_writer() -> None:
    writer = "use retention/core/storage/atomic.py, or say in ALLOWED why not"
    allowed: dict[str, set[str]] = {}
    for places in ALLOWED.values():
        for path, calls in places.items():
            allowed.setdefault(path, set()).update(calls)
    for path in CODE:
        calls = set(changes(ast.parse(Path(path).read_text(encoding="utf-8"))))
        expected = allowed.get(path, set())
        assert calls <= expected, f"{path}: {calls - expected}: {writer}"
        assert expected <= calls, f"{path}: {expected - calls}: allowed, and not done any more"


def test_only_the_writer_is_called_atomic() -> None:
    """Else a call on another `atomic` would pass for one of the writer."""
    for path in CODE:
        for node in ast.walk(ast.parse(Path(path).read_text(encoding="utf-8"))):
            if isinstance(node, ast.Import | ast.ImportFrom):
                bound = {alias.asname or alias.name for alias in node.names}
                home = getattr(node, "module", None)
                assert "atomic" not in bound or home == "retention.core.storage", path
            elif isinstance(node, ast.Name) and node.id == "atomic":
                assert isinstance(node.ctx, ast.Load), path


@pytest.mark.parametrize(
    "line",
    [
        "open(path, 'w')",
        "path.open('xb')",
        "path.open(mode='a')",
        "gzip.open(path, 'wb')",
        "tarfile.open(path, 'w:gz')",
        "zipfile.ZipFile(path, mode='w')",
        "os.open(path, flags)",
        "path.write_text(x)",
        "Path(a).write_bytes(x)",
        "pq.write_table(t, path)",
        "frame.to_csv(path)",
        "frame.to_parquet(path)",
        "shutil.move(a, b)",
        "shutil.copy(a, b)",
        "shutil.rmtree(a)",
        "rmtree(a)",
        "os.rename(a, b)",
        "os.replace(a, b)",
        "a.rename(b)",
        "a.replace(folder / b)",
        "a.unlink()",
        "a.mkdir()",
        "a.symlink_to(b)",
        "con.execute(f\"copy t to '{path}'\")",
    ],
)
def test_what_writes_is_recognised(line: str) -> None:
    assert list(changes(ast.parse(line)))


@pytest.mark.parametrize(
    "line",
    [
        "open(path)",
        "path.open('rb')",
        "gzip.open(path)",
        "path.open(encoding='utf-8')",
        "atomic.write_text(path, x)",
        "text.replace('a', b)",
        "frame.rename(columns=names)",
        "column.rename('x')",
        "frame.to_csv(index=False)",
        "path.read_text()",
    ],
)
def test_what_only_reads_is_not_taken_for_writing(line: str) -> None:
    assert not list(changes(ast.parse(line)))
