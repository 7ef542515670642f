"""Names say the thing: no word that means too much, no class name twice."""

import ast
from collections import defaultdict
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pytest

CODE: Final = ("retention", "pipeline", "features", "models", "tools")
BESIDE: Final = ("tests", "benchmarks", "examples")

BANNED: Final = frozenset(
    "told said says found one at made given seen kept mine listed known many least most share way"  # noqa: SIM905
    " of by as_ chosen rules config ours theirs everybody somebody foretold foretell fate ripe"
    " ripening lot lots drawn dealings happenings worked handback".split()
)
"""Words that stood for a dozen things each, or for which the field has a term."""

ON_DISK: Final = (
    "retention/core/documents",
    "retention/core/params",
    "retention/commands/score/report.py",
)
"""Where the fields of a class are keys of a file, which keep their names."""

OF_LIBRARIES: Final = {"config"}
"""Parameters whose name a library decides (hooks of pytest)."""


def files(*folders: str) -> list[Path]:
    return sorted(path for folder in folders for path in Path(folder).rglob("*.py"))


def bound(tree: ast.Module, keys_on_disk: bool) -> Iterator[tuple[str, int]]:
    """Every name that a module binds, with its line: variables, parameters, attributes, ..."""
    keys = set[str]()
    if keys_on_disk:
        classes = [node for node in ast.walk(tree) if isinstance(node, ast.ClassDef)]
        fields = [node for each in classes for node in each.body if isinstance(node, ast.AnnAssign)]
        keys = {field.target.id for field in fields if isinstance(field.target, ast.Name)}
    for node in ast.walk(tree):
        match node:
            case ast.Name(id=name, ctx=ast.Store()) if name not in keys:
                yield name, node.lineno
            case ast.arg(arg=name) | ast.ClassDef(name=name) | ast.alias(asname=str(name)):
                yield name, node.lineno
            case ast.FunctionDef(name=name) | ast.AsyncFunctionDef(name=name):
                yield name, node.lineno
            case ast.ExceptHandler(name=str(name)):
                yield name, node.lineno
            case ast.Attribute(attr=name, ctx=ast.Store()) if name not in keys:
                yield name, node.lineno


@pytest.mark.parametrize("folder", [*CODE, *BESIDE])
def test_no_name_means_too_much(folder: str) -> None:
    strays = [
        f"{path}:{line}: {name}"
        for path in files(folder)
        for name, line in bound(ast.parse(path.read_text("utf-8")), str(path).startswith(ON_DISK))
        if name.strip("_").lower() in BANNED and name not in OF_LIBRARIES
    ]
    assert not strays


def test_no_class_name_stands_for_two_things() -> None:
    places: dict[str, list[str]] = defaultdict(list)
    for path in files(*CODE):
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
            if isinstance(node, ast.ClassDef):
                places[node.name].append(str(path))
    assert not {name: paths for name, paths in places.items() if len(paths) > 1}
