"""champion/: pinned by hash, replaced in one step, and never executed once tampered with."""

from pathlib import Path
from typing import Any

import pytest

from models.components.scorer import Scorer
from retention.core.errors import Guarded
from retention.core.storage import atomic
from retention.serving import champion
from tests.support import documents, tracked_run


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """champion/ as it comes: a README and nothing else."""
    atomic.write_text(tmp_path / "champion" / "README.md", "# champion/\n")
    return tmp_path / "champion"


@pytest.fixture(scope="module")
def candidates(tmp_path_factory: pytest.TempPathFactory) -> list[Path]:
    """Four candidates that differ."""
    home = tmp_path_factory.mktemp("candidates")
    return [tracked_run.write_candidate(home / str(seed), seed) for seed in range(4)]


def install(candidate: Path, folder: Path, **manifest: Any) -> champion.Champion:
    defaults = {"definition": {"company": "Mill Lane Bakery"}, "banners": [candidate.name]}
    of_candidate = documents.candidate_manifest(**defaults | manifest)
    return champion.install(champion.parts(candidate), of_candidate, folder)


def models_of(folder: Path) -> set[str]:
    return {path.name for path in folder.iterdir() if path.is_dir()}


def test_there_is_no_champion_before_the_first(folder: Path) -> None:
    assert champion.current(folder) is None
    assert champion.current(folder / "nowhere") is None


def test_what_is_installed_is_what_loads(candidates: list[Path], folder: Path) -> None:
    installed_champion = install(candidates[0], folder)
    now = champion.current(folder)
    assert now == installed_champion
    assert now.sha256 == champion.hashes(champion.parts(candidates[0]))
    assert now.definition == {"company": "Mill Lane Bakery"}
    wanted = {name: atomic.read_json(candidates[0] / f"{name}.json") for name in champion.PARTS}
    assert champion.load(now).states() == wanted


def test_the_manifest_is_written_last(
    candidates: list[Path], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written: list[str] = []
    real = atomic.write_bytes

    def spied(path: Any, content: bytes, **how: Any) -> None:
        written.append(Path(path).name)
        real(path, content, **how)

    install(candidates[0], folder)
    monkeypatch.setattr(atomic, "write_bytes", spied)
    install(candidates[1], folder)
    assert sorted(written[:2]) == ["churn.json", "value.json"]
    assert written[2:] == ["previous.json", "champion.json"]


@pytest.mark.parametrize("writes", [0, 1, 2, 3])
def test_an_install_cut_short_leaves_the_champion_and_can_be_done_again(
    candidates: list[Path], folder: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    before = install(candidates[0], folder)
    _cut_after(writes, monkeypatch)
    with pytest.raises(OSError, match="disk full"):
        install(candidates[1], folder)
    monkeypatch.undo()  # the disk has room again
    assert champion.current(folder) == before
    champion.load(before)
    after = install(candidates[1], folder)
    assert champion.current(folder) == after
    assert champion.rollback(folder).manifest == before.manifest


def _cut_after(writes: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """So many files can be written, then the disk is full."""
    real, left = atomic.write_bytes, iter(range(writes))

    def cut(path: Any, content: bytes, **how: Any) -> None:
        if next(left, None) is None:
            raise OSError("disk full")
        real(path, content, **how)

    monkeypatch.setattr(atomic, "write_bytes", cut)


@pytest.mark.parametrize("part", champion.PARTS)
@pytest.mark.parametrize("how", ["changed", "missing", "swapped"])
def test_a_tampered_file_is_refused_by_hash_and_nothing_of_it_runs(
    candidates: list[Path], folder: Path, monkeypatch: pytest.MonkeyPatch, part: str, how: str
) -> None:
    now = install(candidates[0], folder)
    path = now.folder / f"{part}.json"
    if how == "missing":
        path.unlink()
    elif how == "changed":
        path.write_bytes(path.read_bytes() + b" ")
    else:
        path.write_bytes((candidates[1] / path.name).read_bytes())

    def executed(*_: Any) -> None:
        raise AssertionError("a tampered model was restored")

    monkeypatch.setattr(Scorer, "from_states", executed)
    monkeypatch.setattr(atomic, "read_json", executed)
    with pytest.raises(Guarded, match="missing or changed since it was promoted") as caught:
        champion.load(now)
    assert str(path) in str(caught.value)
    assert caught.value.code == 4


@pytest.mark.parametrize("part", champion.PARTS)
def test_a_file_that_the_manifest_does_not_pin_is_refused(
    candidates: list[Path], folder: Path, part: str
) -> None:
    now = install(candidates[0], folder)
    pinned = {name: sha256 for name, sha256 in now.sha256.items() if name != part}
    with pytest.raises(Guarded, match=rf"{part}\.json: missing or changed"):
        champion.load_models(now.folder, pinned)


def test_rollback_exchanges_the_champion_with_the_one_before(
    candidates: list[Path], folder: Path
) -> None:
    first, second = (install(candidate, folder) for candidate in candidates[:2])
    assert champion.rollback(folder) == first == champion.current(folder)
    champion.load(first)
    assert champion.rollback(folder) == second == champion.current(folder)


@pytest.mark.parametrize("writes", [0, 1])
def test_a_rollback_cut_short_leaves_one_of_the_two_and_can_be_done_again(
    candidates: list[Path], folder: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    first, second = (install(candidate, folder) for candidate in candidates[:2])
    _cut_after(writes, monkeypatch)
    with pytest.raises(OSError, match="disk full"):
        champion.rollback(folder)
    monkeypatch.undo()
    now = champion.current(folder)
    assert now in (first, second)
    champion.load(now)
    champion.rollback(folder)
    assert champion.current(folder) == first


@pytest.mark.parametrize("installed", [0, 1])
def test_without_one_before_there_is_nothing_to_go_back_to(
    candidates: list[Path], folder: Path, installed: int
) -> None:
    for candidate in candidates[:installed]:
        install(candidate, folder)
    with pytest.raises(Guarded, match="no champion before this one"):
        champion.rollback(folder)


def test_only_the_champion_and_the_one_before_are_kept(
    candidates: list[Path], folder: Path
) -> None:
    champions = [install(candidate, folder) for candidate in candidates]
    assert models_of(folder) == {candidate.folder.name for candidate in champions[-2:]}
    assert (folder / "README.md").is_file()
    champion.rollback(folder)
    assert models_of(folder) == {candidate.folder.name for candidate in champions[-2:]}


def test_the_same_models_again_do_not_push_the_one_before_out(
    candidates: list[Path], folder: Path
) -> None:
    first = install(candidates[0], folder)
    install(candidates[1], folder)
    again = install(candidates[1], folder, definition={"company": "Hill Lane Bakery"})
    assert champion.current(folder) == again
    assert again.definition == {"company": "Hill Lane Bakery"}
    assert champion.rollback(folder) == first


# Champions of other definitions

BAKERY = {"company": "Mill Lane Bakery"}
LONGER = {"company": "Mill Lane Bakery", "horizon_days": 60}
LONGEST = {"company": "Mill Lane Bakery", "horizon_days": 90}


def test_a_champion_of_another_definition_is_set_aside_and_comes_back(
    candidates: list[Path], folder: Path
) -> None:
    first = install(candidates[0], folder)
    install(candidates[1], folder, definition=LONGER)
    last = install(candidates[2], folder, definition=LONGEST)
    assert champion.set_aside_champion(BAKERY, folder) == first
    assert champion.restore_set_aside(BAKERY, folder) == first == champion.current(folder)
    champion.load(first)
    assert champion.set_aside_champion(BAKERY, folder) is None, "it is the champion"
    assert champion.restore_set_aside(LONGEST, folder) == last == champion.current(folder)
    champion.load(last)


def test_models_are_kept_while_any_manifest_names_them(
    candidates: list[Path], folder: Path
) -> None:
    first = install(candidates[0], folder)
    second = install(candidates[1], folder, definition=LONGER)
    third = install(candidates[2], folder, definition=LONGER)
    fourth = install(candidates[3], folder, definition=LONGER)
    assert models_of(folder) == {
        *(each.folder.name for each in (first, third, fourth)),
        champion.SET_ASIDE,
    }
    assert not second.folder.exists()
    champion.restore_set_aside(BAKERY, folder)
    again = install(candidates[1], folder)  # a second champion of the first definition
    assert champion.current(folder) == again
    assert models_of(folder) == {
        *(each.folder.name for each in (first, fourth, again)),
        champion.SET_ASIDE,
    }


def test_a_rollback_to_another_definition_sets_the_present_champion_aside(
    candidates: list[Path], folder: Path
) -> None:
    first = install(candidates[0], folder)
    second = install(candidates[1], folder, definition=LONGER)
    assert champion.rollback(folder) == first
    assert champion.set_aside_champion(LONGER, folder) == second
    assert champion.set_aside_champion(BAKERY, folder) is None


@pytest.mark.parametrize("writes", [0, 1, 2])
def test_a_return_cut_short_leaves_the_champion_and_can_be_done_again(
    candidates: list[Path], folder: Path, monkeypatch: pytest.MonkeyPatch, writes: int
) -> None:
    first = install(candidates[0], folder)
    second = install(candidates[1], folder, definition=LONGER)
    _cut_after(writes, monkeypatch)
    with pytest.raises(OSError, match="disk full"):
        champion.restore_set_aside(BAKERY, folder)
    monkeypatch.undo()
    assert champion.current(folder) == second
    assert champion.restore_set_aside(BAKERY, folder) == first == champion.current(folder)
    assert champion.set_aside_champion(LONGER, folder) == second


def test_a_champion_that_was_changed_while_it_was_set_aside_does_not_come_back(
    candidates: list[Path], folder: Path
) -> None:
    first = install(candidates[0], folder)
    second = install(candidates[1], folder, definition=LONGER)
    atomic.write_text(first.folder / "churn.json", "{}")
    with pytest.raises(Guarded, match=r"churn.json: missing or changed since it was promoted"):
        champion.restore_set_aside(BAKERY, folder)
    assert champion.current(folder) == second


# What may stand beside the models

BESIDE = ("profile", "uplift")


def beside(candidate: Path, folder: Path) -> champion.Champion:
    """A champion with a profile from the candidate's folder, and uplift.json from elsewhere."""
    folder_of_candidate = folder.parent / "candidate"
    for part in champion.PARTS:
        atomic.write_bytes(
            folder_of_candidate / f"{part}.json", (candidate / f"{part}.json").read_bytes()
        )
    atomic.write_json(folder_of_candidate / "profile.json", {"features": {}})
    elsewhere = folder.parent / "uplift" / "uplift.json"
    atomic.write_json(elsewhere, {"name": None, "ranks": False})
    parts = champion.parts(folder_of_candidate, elsewhere, folder.parent / "not there.json")
    assert sorted(parts) == sorted([*champion.PARTS, *BESIDE])
    return champion.install(parts, documents.candidate_manifest(), folder)


def test_what_stands_beside_the_models_is_pinned_with_them(
    candidates: list[Path], folder: Path
) -> None:
    now = beside(candidates[0], folder)
    assert set(now.sha256) == {*champion.PARTS, *BESIDE}
    champion.load(now)
    assert champion.load_part(now, "uplift") == {"name": None, "ranks": False}
    assert champion.load_part(now, "profile") == {"features": {}}
    alone = install(candidates[0], folder)
    assert alone.folder != now.folder
    assert champion.rollback(folder) == now
    champion.load(now)


@pytest.mark.parametrize("part", BESIDE)
@pytest.mark.parametrize("missing", [False, True])
def test_what_stands_beside_is_refused_once_it_is_changed(
    candidates: list[Path], folder: Path, part: str, missing: bool
) -> None:
    now = beside(candidates[0], folder)
    path = now.folder / f"{part}.json"
    if missing:
        path.unlink()
    else:
        path.write_bytes(path.read_bytes().replace(b"{", b"{ ", 1))
    with pytest.raises(Guarded, match=rf"{part}\.json: missing or changed since it was promoted"):
        champion.load(now)


def test_champions_of_before_have_nothing_beside_them(candidates: list[Path], folder: Path) -> None:
    """Their folder was named after the hashes of both models."""
    sha256 = champion.hashes(champion.parts(candidates[0]))
    name = sha256["churn"][:12] + sha256["value"][:12]
    written = documents.champion_manifest(models=name, sha256=sha256).as_json()
    for part in champion.PARTS:
        content = (candidates[0] / f"{part}.json").read_bytes()
        atomic.write_bytes(folder / name / f"{part}.json", content)
    atomic.write_json(
        folder / champion.MANIFEST, written | {"of_another_version": [1, 0.5], "figures": {"f": 1}}
    )
    as_it_was = (folder / champion.MANIFEST).read_bytes()
    now = champion.current(folder)
    assert now is not None
    assert champion.load(now).states()
    assert [champion.load_part(now, part) for part in BESIDE] == [None, None]
    install(candidates[1], folder)
    assert champion.rollback(folder) == now
    assert (folder / champion.MANIFEST).read_bytes() == as_it_was
    champion.load(now)


def test_a_manifest_that_says_less_is_refused(candidates: list[Path], folder: Path) -> None:
    path = folder / champion.MANIFEST
    install(candidates[0], folder)
    manifest = atomic.read_json(path)
    del manifest["trained_to"]
    atomic.write_json(path, manifest)
    with pytest.raises(Guarded, match=r"champion\.json: trained_to: Field required; restore it"):
        champion.current(folder)


def test_a_file_that_nobody_pinned_is_not_read(candidates: list[Path], folder: Path) -> None:
    now = install(candidates[0], folder)
    atomic.write_json(now.folder / "uplift.json", {"name": "uplift_dr", "ranks": True})
    champion.load(now)
    assert champion.load_part(now, "uplift") is None
