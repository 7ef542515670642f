"""An experiment is recognised by what DVC sets, and its copy of the checkout gets its inputs."""

from pathlib import Path

import pytest

from retention.core import experiment


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
