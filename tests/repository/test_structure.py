"""The way of the data can be read from the file list: dvc.yaml, params and code agree."""

import ast
import re
import subprocess
from functools import cache
from pathlib import Path
from typing import Any

import grimp
import pytest
import yaml

from retention.core import artefacts
from retention.core.artefacts import Artefact
from retention.core.params import Params

STAGES: dict[str, dict[str, Any]] = {
    name: stage | stage.get("do", {})
    for name, stage in yaml.safe_load(Path("dvc.yaml").read_text(encoding="utf-8"))[
        "stages"
    ].items()
}
ORDER = list(STAGES)
TRACKERS = ("retention.tracking",)  # what they record is no output of a stage
OF_THE_COMPANY = {
    "company", "as_of", "time_zone", "currency", "engine", "policy", "privacy", "sources",
    "service", "simulation", "version",
}  # fmt: skip

each_stage = pytest.mark.parametrize("stage", ORDER)


def paths(stage: str, *kinds: str) -> list[str]:
    """The deps, outs, ... of a stage; a source's with `*` for its name."""
    entries = [entry for kind in kinds for entry in STAGES[stage].get(kind, [])]
    names = [next(iter(entry)) if isinstance(entry, dict) else entry for entry in entries]
    sources = {"${key}": "*", "${item.path}": "data/example/*"}
    for name, replacement in sources.items():
        names = [path.replace(name, replacement) for path in names]
    return names


def deps(stage: str) -> list[str]:
    return paths(stage, "deps")


def outs(stage: str) -> list[str]:
    return paths(stage, "outs", "metrics", "plots")


@cache
def tracked() -> list[Path]:
    """The files of the repository, those not yet committed too."""
    command = ["git", "ls-files", "--cached", "--others", "--exclude-standard"]
    listing = subprocess.run(command, check=True, capture_output=True, text=True)
    return [path for line in listing.stdout.splitlines() if (path := Path(line)).is_file()]


# The code


@cache
def tree(path: str) -> ast.Module:
    return ast.parse(Path(path).read_text(encoding="utf-8"))


@cache
def graph() -> grimp.ImportGraph:
    """The imports of all packages, those inside functions and for type checkers too."""
    return grimp.build_graph("retention", "pipeline", "features", "models")


@cache
def file_of(module: str) -> str:
    """The file of a module, as the repository names it."""
    path = Path(*module.split("."))
    return str(path / "__init__.py" if path.is_dir() else path.with_suffix(".py"))


@cache
def code(stage: str) -> frozenset[str]:
    """All first-party modules that run when a stage runs."""
    stage_module = f"pipeline.{stage}"
    return frozenset({stage_module, *graph().find_upstream_modules(stage_module)})


def covered(path: str, places: list[str]) -> bool:
    """Whether a path lies at or under one of others, of which `*` is any name."""
    parents = [Path(path), *Path(path).parents]
    return any(Path(place) in parents or Path(path).match(place) for place in places)


def read_of(path: str, name: str) -> set[str]:
    """What a file reads of a name: {"as_of"} for `chosen.as_of`."""
    return {
        node.attr
        for node in ast.walk(tree(path))
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
    assert Path(f"tests/pipeline/test_{stage}.py").is_file()
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
    roots = {"pipeline/__init__.py", "retention/__init__.py"}  # they hold nothing
    files = {file_of(module) for module in code(stage)} - roots
    assert not {path for path in files if not covered(path, deps(stage))}


@each_stage
def test_no_code_is_a_dep_that_the_stage_does_not_run(stage: str) -> None:
    files = [file_of(module) for module in code(stage)]
    folders = [
        dep for dep in deps(stage) if dep.split("/")[0] in ("retention", "features", "models")
    ]
    assert [dep for dep in deps(stage) if dep.endswith(".py")] == [f"pipeline/{stage}.py"]
    assert not [dep for dep in folders if not any(covered(path, [dep]) for path in files)]


@each_stage
def test_a_stage_has_few_deps(stage: str) -> None:
    assert len(deps(stage)) <= 25


def test_no_stage_file_is_long() -> None:
    lengths = {
        path.name: len(path.read_text(encoding="utf-8").splitlines())
        for path in Path("pipeline").glob("*.py")
    }
    assert not {name: length for name, length in lengths.items() if length > 200}


def test_the_folder_of_stages_holds_nothing_else() -> None:
    held = {path.name for path in tracked() if path.parts[0] == "pipeline"}
    assert held == {"__init__.py", *(f"{stage}.py" for stage in STAGES)}
    assert not [path for path in tracked() if path.parts[0] == "pipeline" and len(path.parts) > 2]


@each_stage
def test_the_params_that_a_stage_reads_are_among_its_params(stage: str) -> None:
    if stage == "params":
        return  # it reads the whole file, which is a dep
    sections = {
        str(key).partition(".")[0]
        for group in STAGES[stage]["params"]
        for keys in group.values()
        for key in keys
    }
    files = [file_of(module) for module in code(stage) if not module.startswith(TRACKERS)]
    read = {name for path in files for name in read_of(path, "params")}
    assert read & set(Params.model_fields) <= sections


@each_stage
def test_what_a_stage_reads_of_others_is_among_its_deps(stage: str) -> None:
    named = {
        name: getattr(artefacts, name) for name in read_of(f"pipeline/{stage}.py", "artefacts")
    }
    files = {name: artefact for name, artefact in named.items() if isinstance(artefact, Artefact)}
    missing = {
        name
        for name, artefact in files.items()
        if artefact.stage != stage and not covered(str(artefact), deps(stage))
    }
    assert not missing


@each_stage
def test_a_path_is_in_the_repository_or_comes_from_an_earlier_stage(stage: str) -> None:
    earlier = [out for stage_before in ORDER[: ORDER.index(stage)] for out in outs(stage_before)]
    held = {str(path) for path in tracked()} | {
        str(parent) for p in tracked() for parent in p.parents
    }
    files = [
        name
        for entry in STAGES[stage].get("params", [])
        if isinstance(entry, dict)
        for name in entry
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
def test_metrics_are_kept_with_each_revision(stage: str) -> None:
    """Git ignores data/, so a metrics file out of the cache belongs to no revision."""
    assert all(isinstance(entry, str) for entry in STAGES[stage].get("metrics", []))


def test_promotion_is_decided_anew_after_an_experiment() -> None:
    assert str(artefacts.RUN_KIND) in deps("promote")
    assert STAGES[artefacts.RUN_KIND.stage]["always_changed"] is True


@each_stage
def test_no_stage_owns_what_only_people_can_replace(stage: str) -> None:
    protected = ("lists", "ledgers", "champion", "data/raw")
    for out in outs(stage):
        assert not any(covered(out, [folder]) or covered(folder, [out]) for folder in protected)


def test_no_two_stages_write_one_path() -> None:
    every = [out for stage in ORDER for out in outs(stage)]
    assert not [
        out for out in every for other in every if out is not other and covered(out, [other])
    ]


# The repository


def test_the_default_company_is_the_grocer() -> None:
    example = Path("examples/grocer/params.yaml").read_bytes()
    assert Path("params.yaml").read_bytes() == example


@pytest.mark.parametrize("lock", sorted(Path().glob("requirements*.lock")), ids=str)
def test_every_pin_of_a_lock_has_a_hash(lock: Path) -> None:
    entries = re.split(r"\n(?=\S)", lock.read_text(encoding="utf-8").strip())
    pins = [entry for entry in entries if not entry.startswith("#")]
    assert pins
    for pin in pins:
        assert re.match(r"[a-z0-9._-]+(\[[a-z0-9,._-]+\])?==\S+", pin, re.IGNORECASE), pin[:80]
        assert "--hash=sha256:" in pin, pin[:80]


INDEX = re.compile(rb"https?://[^\s\"']*(?:pypi|pythonhosted)" + rb"|files\.python" + rb"hosted")
HOME = re.compile(rb"(?<![\w.~*-])/(?:wor" + rb"k|roo" + rb"t)/[\w.]")


def test_no_file_holds_an_index_address_or_a_path_of_the_machine_it_was_made_on() -> None:
    strays = [
        f"{path}: {match[0]!r}"
        for path in tracked()
        for pattern in (INDEX, HOME)
        if (match := pattern.search(path.read_bytes()))
    ]
    assert not strays
