"""The way of the data can be read from the file list: dvc.yaml, params and code agree."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml

from retention.core import artefacts
from retention.core.artefacts import Artefact
from retention.core.params import Params

STAGES: dict[str, dict[str, Any]] = {
    name: told | told.get("do", {})
    for name, told in yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))["stages"].items()
}
ORDER = list(STAGES)
PACKAGES = ("pipeline", "features", "models")
FOLDERS = (
    "features",
    "models",
    "pipeline/database",
    "pipeline/dealings",
    "pipeline/listing",
    "pipeline/raw",
    "pipeline/sections",
    "pipeline/service",
    "pipeline/service_page",
)  # in deps as a whole
TALK = {"retention/core/errors.py", "retention/core/console.py"} | {
    f"pipeline/{folder}__init__.py" for folder in ("", "learning/", "reports/", "tracked/")
}
TRACKERS = {
    "retention/tracking/client.py",
    "retention/tracking/run_record.py",
}  # what they make is no output
OF_THE_COMPANY = {
    "company", "as_of", "time_zone", "currency", "engine", "policy", "privacy", "sources",
    "service", "simulation", "version",
}  # fmt: skip

each_stage = pytest.mark.parametrize("stage", ORDER)


def paths(stage: str, *kinds: str) -> list[str]:
    """The deps, outs, ... of a stage; a source's with `*` for its name."""
    listed = [one for kind in kinds for one in STAGES[stage].get(kind, [])]
    found = [next(iter(one)) if isinstance(one, dict) else one for one in listed]
    sources = {"${key}": "*", "${item.path}": "data/example/*"}
    for name, told in sources.items():
        found = [path.replace(name, told) for path in found]
    return found


def deps(stage: str) -> list[str]:
    return paths(stage, "deps")


def outs(stage: str) -> list[str]:
    return paths(stage, "outs", "metrics", "plots")


@cache
def tracked() -> list[Path]:
    """The files of the repository, those not yet committed too."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    told = subprocess.run(command, check=True, capture_output=True, text=True)
    return [path for line in told.stdout.splitlines() if (path := Path(line)).is_file()]


# The code


@cache
def tree(path: str) -> ast.Module:
    return ast.parse(Path(path).read_text(encoding="utf-8"))


@cache
def imports(path: str) -> frozenset[str]:
    """The first-party files that a file imports, anywhere in it."""
    named: set[str] = set()
    for node in ast.walk(tree(path)):
        if isinstance(node, ast.Import):
            named |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            named |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    ours = [name.replace(".", "/") for name in named if name.split(".")[0] in PACKAGES]
    files = [option for one in ours for option in (f"{one}.py", f"{one}/__init__.py")]
    return frozenset(file for file in files if Path(file).is_file())


def unit(path: str) -> set[str]:
    """The files that come with one: all of its folder, where the folder counts as a whole."""
    folder = str(Path(path).parent)
    return {str(one) for one in Path(folder).glob("*.py")} if folder in FOLDERS else {path}


@cache
def closure(path: str) -> frozenset[str]:
    """All first-party files that run when a file runs."""
    found: set[str] = set()
    waiting = [path]
    while waiting:
        one = waiting.pop()
        if one not in found:
            found.add(one)
            waiting.extend(imports(one) | unit(one))
    return frozenset(found)


def code(stage: str) -> frozenset[str]:
    return closure(f"pipeline/{stage}.py")


def covered(path: str, by: list[str]) -> bool:
    """Whether a path lies at or under one of others, of which `*` is any name."""
    parents = [Path(path), *Path(path).parents]
    return any(Path(one) in parents or Path(path).match(one) for one in by)


def read_of(one: str, name: str) -> set[str]:
    """What a file reads of a name: {"as_of"} for `chosen.as_of`."""
    return {
        node.attr
        for node in ast.walk(tree(one))
        if isinstance(node, ast.Attribute)
        and isinstance(node.value, ast.Name)
        and node.value.id == name
    }


# One word everywhere


@each_stage
def test_a_stage_is_a_file_a_folder_and_a_test_of_its_name(stage: str) -> None:
    command = f"python -m pipeline.{stage}"
    assert STAGES[stage]["cmd"] in (command, f"{command} ${{key}}")
    assert Path(f"pipeline/{stage}.py").is_file()
    assert Path(f"tests/test_{stage}.py").is_file()
    folder = Path("data") / stage
    assert all(Path(out).is_relative_to(folder) for out in outs(stage))


@each_stage
def test_a_stage_says_what_it_does(stage: str) -> None:
    assert len(STAGES[stage]["desc"].split()) >= 4


def test_every_file_that_calls_itself_a_stage_is_one() -> None:
    docs = {path.stem: ast.get_docstring(tree(str(path))) for path in Path("pipeline").glob("*.py")}
    named = {name for name, doc in docs.items() if doc and doc.startswith(f"Stage `{name}`")}
    assert named == set(ORDER)


def test_a_section_of_params_is_a_stages_or_says_what_the_company_is() -> None:
    assert set(Params.model_fields) - OF_THE_COMPANY <= set(ORDER)


def test_params_are_written_in_the_order_of_their_definition() -> None:
    written = list(yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8")))
    assert written == [name for name in Params.model_fields if name in written]


# What a stage depends on


@each_stage
def test_all_code_that_a_stage_runs_is_among_its_deps(stage: str) -> None:
    missing = {one for one in code(stage) - TALK if not covered(one, deps(stage))}
    assert not missing


@each_stage
def test_no_code_is_a_dep_that_the_stage_does_not_run(stage: str) -> None:
    files = {one for one in deps(stage) if one.endswith(".py")}
    assert files <= code(stage)
    for folder in {one for one in deps(stage) if one in FOLDERS}:
        assert any(covered(one, [folder]) for one in code(stage))


@each_stage
def test_a_template_beside_the_code_is_a_dep_as_the_code_is(stage: str) -> None:
    of_code = {Path(one).with_suffix("") for one in code(stage)}
    beside = {str(path) for path in tracked() if path.suffix == ".j2"}
    needed = {one for one in beside if Path(one.removesuffix(".j2")).with_suffix("") in of_code}
    assert all(covered(one, deps(stage)) for one in needed)


def own(stage: str) -> set[str]:
    """The code a stage runs, less other stages' files whose outcome it depends on anyway."""
    others = [other for other in ORDER if other != stage and _feeds(other, stage)]
    return set(code(stage)) - TRACKERS - {f"pipeline/{other}.py" for other in others}


def _feeds(earlier: str, stage: str) -> bool:
    return any(
        covered(dep, [out]) or covered(out, [dep]) for out in outs(earlier) for dep in deps(stage)
    )


@each_stage
def test_the_params_that_a_stage_reads_are_among_its_params(stage: str) -> None:
    if stage == "params":
        return  # it reads the whole file, which is a dep
    told = [key for one in STAGES[stage]["params"] for keys in one.values() for key in keys]
    sections = {str(key).partition(".")[0] for key in told}
    read = {name for one in own(stage) for name in read_of(one, "chosen")}
    assert read & set(Params.model_fields) <= sections


@each_stage
def test_what_a_stage_reads_of_others_is_among_its_deps(stage: str) -> None:
    named = {
        name: getattr(artefacts, name) for name in read_of(f"pipeline/{stage}.py", "artefacts")
    }
    files = {name: one for name, one in named.items() if isinstance(one, Artefact)}
    missing = {
        name
        for name, one in files.items()
        if one.stage != stage and not covered(str(one), deps(stage))
    }
    assert not missing


@each_stage
def test_a_path_is_in_the_repository_or_comes_from_an_earlier_stage(stage: str) -> None:
    earlier = [out for one in ORDER[: ORDER.index(stage)] for out in outs(one)]
    held = {str(path) for path in tracked()} | {str(one) for p in tracked() for one in p.parents}
    files = [
        name for one in STAGES[stage].get("params", []) if isinstance(one, dict) for name in one
    ]
    for path in [*deps(stage), *files]:
        makes = any(covered(path, [out]) or covered(out, [path]) for out in earlier)
        assert path in held or makes, path


# What DVC may delete


def test_publishing_is_always_looked_at_and_has_no_output_to_lose() -> None:
    assert STAGES["publish"]["always_changed"] is True
    assert outs("publish") == []


def test_the_list_with_its_names_is_not_cached() -> None:
    assert STAGES["at_risk"]["outs"] == [{"data/at_risk": {"cache": False}}]


@each_stage
def test_no_stage_owns_what_only_people_can_replace(stage: str) -> None:
    kept = ("lists", "ledgers", "champion", "data/raw")
    for out in outs(stage):
        assert not any(covered(out, [one]) or covered(one, [out]) for one in kept)


def test_no_two_stages_write_one_path() -> None:
    every = [out for stage in ORDER for out in outs(stage)]
    assert not [
        one for one in every for other in every if one is not other and covered(one, [other])
    ]


# The repository


def test_the_default_company_is_the_grocer() -> None:
    example = Path("examples/grocer/params.yaml").read_bytes()
    assert Path("params.yaml").read_bytes() == example


@pytest.mark.parametrize("lock", sorted(Path().glob("requirements*.lock")), ids=str)
def test_every_pin_of_a_lock_has_a_hash(lock: Path) -> None:
    entries = re.split(r"\n(?=\S)", lock.read_text(encoding="utf-8").strip())
    pins = [one for one in entries if not one.startswith("#")]
    assert pins
    for pin in pins:
        assert re.match(r"[a-z0-9._-]+(\[[a-z0-9,._-]+\])?==\S+", pin, re.IGNORECASE), pin[:80]
        assert "--hash=sha256:" in pin, pin[:80]


INDEX = re.compile(rb"https?://[^\s\"']*(?:pypi|pythonhosted)" + rb"|files\.python" + rb"hosted")
HOME = re.compile(rb"(?<![\w.~*-])/(?:wor" + rb"k|roo" + rb"t)/[\w.]")


def test_no_file_holds_an_index_address_or_a_path_of_the_machine_it_was_made_on() -> None:
    found = [
        f"{path}: {match[0]!r}"
        for path in tracked()
        for pattern in (INDEX, HOME)
        if (match := pattern.search(path.read_bytes()))
    ]
    assert not found
