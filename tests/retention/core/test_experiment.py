"""An experiment is recognised by what DVC sets, and its copy of the checkout gets its inputs."""

from pathlib import Path

import pytest

from retention.core import experiment
from retention.core.errors import BadInput


@pytest.fixture(autouse=True)
def _outside(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """A checkout with its files, and the working folder in it; no experiment runs."""
    for name in ("DVC_EXP_BASELINE_REV", "DVC_EXP_NAME", "DVC_ROOT"):
        monkeypatch.delenv(name, raising=False)
    for path in ("data/raw/sales.csv", "ledgers/erased/salt.txt", "champion/champion.json"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path, encoding="ascii")
    monkeypatch.chdir(tmp_path)


@pytest.mark.parametrize("name", ["DVC_EXP_BASELINE_REV", "DVC_EXP_NAME"])
def test_what_dvc_sets_tells_an_experiment(name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("DVC_ROOT", str(Path.cwd()))  # `dvc repro` sets it too
    assert not experiment.is_experiment()
    monkeypatch.setenv(name, "")
    assert not experiment.is_experiment()
    monkeypatch.setenv(name, "longer")
    assert experiment.is_experiment()
    assert experiment.checkout() is None, "it runs in the checkout itself"
    assert experiment.link_inputs() == []


def test_a_copy_gets_the_files_that_git_does_not_hold(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    copy = tmp_path / ".dvc/tmp/exps/tmp1"
    (copy / "data/raw").mkdir(parents=True)
    monkeypatch.chdir(copy)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    assert experiment.link_inputs() == [], "no experiment runs"
    monkeypatch.setenv("DVC_EXP_NAME", "longer")
    assert experiment.checkout() == tmp_path
    links = ["champion/champion.json", "data/raw/sales.csv", "ledgers/erased/salt.txt"]
    assert [path.as_posix() for path in experiment.link_inputs()] == links
    assert [Path(path).read_text(encoding="ascii") for path in links] == links
    assert experiment.link_inputs() == [], "once is enough"


def test_a_copy_gets_the_sources_wherever_they_lie_and_the_parts_of_tables(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = "data/tables/sources.calls"
    files = ("exports/calls.csv", "parts/a.csv", "parts/b.csv", f"{table}/part-000001.parquet")
    for path in (*files, f"{table}/.lock", "data/example/shop/sales.csv"):
        (tmp_path / path).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / path).write_text(path, encoding="ascii")
    copy = tmp_path / ".dvc/tmp/exps/tmp1"
    (copy / "parts").mkdir(parents=True)
    (copy / "parts/a.csv").write_text("of git", encoding="ascii")
    monkeypatch.chdir(copy)
    monkeypatch.setenv("DVC_ROOT", str(tmp_path))
    monkeypatch.setenv("DVC_EXP_NAME", "longer")
    paths = [
        "exports/calls.csv",
        "parts",
        "gone.csv",
        str(tmp_path / "far.csv"),
        "data/example/shop",
    ]
    links = {path.as_posix() for path in experiment.link_inputs(paths)}
    assert links >= {"exports/calls.csv", "parts/b.csv", f"{table}/part-000001.parquet"}
    assert not {path for path in links if "example" in path or "lock" in path or "far" in path}
    assert Path("parts/a.csv").read_text(encoding="ascii") == "of git"
    assert not Path(table).is_symlink(), "a new part must not reach the checkout"


def test_a_source_outside_of_the_checkout_needs_an_absolute_path(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    root, copy = tmp_path / "shop", tmp_path / "shop/.dvc/tmp/exps/tmp1"
    copy.mkdir(parents=True)
    (tmp_path / "sales.csv").touch()
    monkeypatch.chdir(copy)
    monkeypatch.setenv("DVC_ROOT", str(root))
    monkeypatch.setenv("DVC_EXP_NAME", "longer")
    with pytest.raises(BadInput, match=r"\.\./sales\.csv: .* write an absolute path"):
        experiment.link_inputs(["../sales.csv"])
