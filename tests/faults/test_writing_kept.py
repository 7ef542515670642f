"""Backups: whole or refused, nothing outside the root, and a restore that may die at any step."""

import datetime as dt
import gzip
import io
import json
import os
import shutil
import subprocess
import sys
import tarfile
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from retention.commands import backup
from retention.commands.backup import RestoreReport
from retention.core.errors import BadInput, BadParams, Guarded
from retention.core.storage import atomic
from retention.ledgers import outcomes
from retention.ledgers.outcomes import ImportBatch, OutcomeRecord, StaffAnswer
from retention.serving import champion
from tests.faults.ending import hidden, killed_at_each_step, tree
from tests.faults.refusal import Done, assert_refused
from tests.support import documents

LIST, OTHER = "2026-11-22-0123456789ab", "2026-12-22-ba9876543210"
NOW = dt.datetime(2026, 11, 23, 12, 0, 5, tzinfo=dt.UTC)


def quiet(_: str) -> None:
    """Say nothing."""


def write_answers(list_id: str, *customers: str) -> Path:
    facts = tuple(
        OutcomeRecord(list_id, customer, NOW, StaffAnswer(result="reached"))
        for customer in customers
    )
    with outcomes.lock(outcomes.FOLDER, quiet):
        return outcomes.write(
            outcomes.FOLDER, ImportBatch(list_id, "Mill Lane Bakery", NOW, "f", {}, facts)
        )


def install_model(folder: Path, word: str) -> None:
    for part in champion.PARTS:
        atomic.write_json(folder / word / f"{part}.json", {"model": f"{word} {part}"})
    champion.install(champion.parts(folder / word), documents.candidate_manifest(banners=[word]))


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder with two champions and three ledgers; one stands in it."""
    folder = tmp_path / "home"
    folder.mkdir()
    monkeypatch.chdir(folder)
    for word in ("first", "second"):
        install_model(tmp_path / "candidates", word)
    write_answers(LIST, "a", "b")
    atomic.write_text("ledgers/another/kept.txt", "whatever folders it has")
    atomic.write_bytes("ledgers/erased/salt", b"0" * 64, mode=atomic.PRIVATE)
    atomic.write_text("champion/README.md", "# champion/\n")
    return folder


@pytest.fixture
def archive(home: Path, tmp_path: Path) -> Path:
    """A backup of it."""
    backup.backup(tmp_path / "kept.tar.gz", quiet)
    return tmp_path / "kept.tar.gz"


def restore(source: Path, replace: bool = False) -> RestoreReport:
    return backup.restore(source, replace=replace, now=NOW, say=quiet)


def remove_all() -> None:
    for folder in ("champion", "ledgers"):
        shutil.rmtree(folder)


# There and back


def test_a_backup_brings_everything_back_as_it_was(home: Path, archive: Path) -> None:
    before = tree(home)
    modes = {str(path): path.stat().st_mode for path in sorted(home.rglob("*.json"))}
    assert archive.stat().st_mode & 0o777 == atomic.PRIVATE
    remove_all()
    done = restore(archive)
    atomic.write_text("champion/README.md", "# champion/\n")
    assert tree(home) == before
    assert {str(path): path.stat().st_mode for path in sorted(home.rglob("*.json"))} == modes
    assert Path("ledgers/erased/salt").stat().st_mode & 0o777 == atomic.PRIVATE
    assert (len(done.added), done.replaced, done.n_same, done.set_aside) == (9, (), 0, None)
    now = champion.current()
    assert now is not None
    assert now.manifest.banners == ("second",)


def test_the_same_files_are_the_same_bytes(home: Path, archive: Path, tmp_path: Path) -> None:
    for path in home.rglob("*"):
        os.utime(path, (1, 1))
    backup.backup(tmp_path / "again.tar.gz", quiet)
    assert (tmp_path / "again.tar.gz").read_bytes() == archive.read_bytes()


def test_what_is_there_already_stays_untouched(home: Path, archive: Path) -> None:
    write_answers(OTHER, "c")
    before = tree(home)
    assert (restore(archive).added, restore(archive).n_same) == ((), 9)
    assert tree(home) == before


def test_a_file_that_differs_is_named_and_stops_it_before_anything(
    home: Path, archive: Path
) -> None:
    [path] = Path("ledgers/outcomes").glob("*.json")
    path.unlink()
    atomic.write_text("ledgers/another/kept.txt", "newer")
    before = tree(home)
    with pytest.raises(Guarded, match=r"^ledgers/another/kept\.txt: not as in .*--replace"):
        restore(archive)
    assert tree(home) == before


def test_what_gives_way_is_set_aside_in_a_folder_of_the_time(home: Path, archive: Path) -> None:
    atomic.write_text("ledgers/another/kept.txt", "newer")
    done = restore(archive, replace=True)
    aside = Path("ledgers/set-aside/2026-11-23T12-00-05Z")
    assert (done.replaced, done.set_aside) == (("ledgers/another/kept.txt",), aside)
    assert (aside / "ledgers/another/kept.txt").read_text() == "newer"
    assert Path("ledgers/another/kept.txt").read_text() == "whatever folders it has"
    again = archive.with_name("again.tar.gz")
    backup.backup(again, quiet)
    assert again.read_bytes() == archive.read_bytes(), "what was set aside is in no backup"


def test_who_was_erased_does_not_come_back_with_an_old_ledger(home: Path, archive: Path) -> None:
    outcomes.erase(outcomes.FOLDER, "a")
    assert restore(archive).added == ()
    assert [record.customer_id for record in outcomes.read_records(outcomes.FOLDER)] == ["b"]
    assert not any(b'"a"' in path.read_bytes() for path in outcomes.FOLDER.iterdir())


@pytest.mark.parametrize("replace", [False, True])
def test_another_salt_never_takes_the_place_of_the_one_that_knows_the_erased(
    home: Path, archive: Path, replace: bool
) -> None:
    atomic.write_bytes("ledgers/erased/salt", b"1" * 64, mode=atomic.PRIVATE)
    atomic.write_text("ledgers/another/kept.txt", "newer")
    before = tree(home)
    with pytest.raises(Guarded, match=r"^ledgers/erased/salt: not as in .* never replaced"):
        restore(archive, replace)
    assert tree(home) == before


# What is no backup


def test_a_damaged_ledger_does_not_take_the_place_of_a_good_backup(
    home: Path, archive: Path
) -> None:
    before = archive.read_bytes()
    [path] = Path("ledgers/outcomes").glob("*.json")
    atomic.write_text(path, path.read_text(encoding="utf-8").replace('"a"', '"z"'))
    with pytest.raises(BadInput, match="changed since it was written"):
        backup.backup(archive, quiet)
    assert archive.read_bytes() == before


def test_a_damaged_champion_does_not_either(home: Path, archive: Path) -> None:
    now = champion.current()
    assert now is not None
    atomic.write_text(now.folder / "churn.json", "{}")
    with pytest.raises(BadInput, match=r"churn\.json: missing or changed"):
        backup.backup(archive, quiet)


@pytest.mark.parametrize("name", ["kept.zip", "ledgers/kept.tar.gz", "champion/x/kept.tar.gz"])
def test_a_backup_has_its_name_and_lies_elsewhere(home: Path, name: str) -> None:
    with pytest.raises(BadParams):
        backup.backup(Path(name), quiet)
    assert not Path(name).exists()


def test_where_there_is_nothing_no_backup_is_made(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    with pytest.raises(Guarded, match="nothing was written"):
        backup.backup(Path("kept.tar.gz"), quiet)
    assert not Path("kept.tar.gz").exists()


def rewrite_archive(source: Path, change: Callable[[tarfile.TarFile], None]) -> Path:
    """A backup with something more at its end."""
    raw = io.BytesIO(gzip.decompress(source.read_bytes()))
    with tarfile.open(fileobj=raw, mode="a") as tar:
        change(tar)
    target = source.with_name("changed.tar.gz")
    target.write_bytes(gzip.compress(raw.getvalue()))
    return target


def member(name: str, content: bytes = b"x", **how: Any) -> Callable[[tarfile.TarFile], None]:
    def add(tar: tarfile.TarFile) -> None:
        info = tarfile.TarInfo(name)
        info.size = 0 if how else len(content)
        for key, value in how.items():
            setattr(info, key, value)
        tar.addfile(info, None if how else io.BytesIO(content))

    return add


ELSEWHERE = (
    "../../x",
    "/etc/x",
    "champion/../../x",
    "ledgers/./x",
    "ledgers//x",
    "champion\\..\\x",
    "ledgers/a\\..\\..\\x",
    "data/x",
    "championx/x",
    "champion",
    "ledgers/.lock",
    "params.yaml",
)


@pytest.mark.parametrize("name", ELSEWHERE)
def test_56_path_traversal_in_a_backup(home: Path, archive: Path, name: str) -> None:
    changed, outside = rewrite_archive(archive, member(name)), tree(home.parent)
    with pytest.raises(BadInput, match=r"is no file of champion/ or ledgers/; do not use it"):
        restore(changed)
    assert tree(home.parent) == outside


@pytest.mark.parametrize("kind", [tarfile.SYMTYPE, tarfile.LNKTYPE, tarfile.FIFOTYPE])
def test_56_path_traversal_by_a_link_in_a_backup(home: Path, archive: Path, kind: bytes) -> None:
    link = member("ledgers/link", type=kind, linkname="../../x")
    with pytest.raises(BadInput, match="do not use it"):
        restore(rewrite_archive(archive, link))
    assert not Path("ledgers/link").is_symlink()


@pytest.mark.parametrize("name", ["ledgers/more.json", "ledgers/another/kept.txt"])
def test_what_the_manifest_does_not_say_is_refused(home: Path, archive: Path, name: str) -> None:
    changed = rewrite_archive(archive, member(name))
    remove_all()
    with pytest.raises(BadInput, match="not what its manifest says"):
        restore(changed)
    assert not Path("ledgers").exists() or not any(outcomes.FOLDER.iterdir())


@pytest.mark.parametrize("length", [0, 10, 200, -1])
def test_a_cut_backup_is_refused(home: Path, archive: Path, length: int) -> None:
    archive.write_bytes(archive.read_bytes()[:length])
    with pytest.raises(BadInput, match="no whole backup"):
        restore(archive)


def test_a_backup_of_a_version_to_come_is_refused(home: Path, archive: Path) -> None:
    manifest = json.dumps({"version": 2, "files": {}}).encode()
    raw = io.BytesIO()
    with tarfile.open(fileobj=raw, mode="w") as tar:
        member("manifest.json", manifest)(tar)
    archive.write_bytes(gzip.compress(raw.getvalue()))
    with pytest.raises(BadInput, match="of version '2', and this program reads 1"):
        restore(archive)


def test_a_link_among_the_ledgers_is_told(home: Path, tmp_path: Path) -> None:
    Path("ledgers/another/link").symlink_to(tmp_path)
    with pytest.raises(BadInput, match="link: a link"):
        backup.backup(tmp_path / "kept.tar.gz", quiet)


# Killed


@pytest.mark.parametrize("replace", [False, True])
def test_42_kill9_restore(home: Path, archive: Path, tmp_path: Path, replace: bool) -> None:
    """At each step the champion is whole and the ledger sound; done again, all of it is there."""
    whole = tree(home)
    if replace:
        install_model(tmp_path / "candidates", "third")
        atomic.write_text("ledgers/another/kept.txt", "newer")
    else:
        remove_all()

    def action(folder: Path) -> None:
        os.chdir(folder)
        restore(archive, replace)

    steps = 0
    for name, folder in killed_at_each_step(home, action, tmp_path / "work"):
        os.chdir(folder)
        now = champion.current()
        for part, sha256 in now.sha256.items() if now else ():
            assert now
            assert atomic.sha256(now.folder / f"{part}.json") == sha256, name
        assert now or not replace, name
        outcomes.read_records(outcomes.FOLDER)
        action(folder)
        files = tree(folder)
        assert {path: files.get(path) for path in whole if "README" not in path} == {
            path: content for path, content in whole.items() if "README" not in path
        }, name
        assert hidden(folder) == [], name
        steps += 1
    assert steps > 15


def test_42_kill9_backup(home: Path, archive: Path, tmp_path: Path) -> None:
    old = archive.read_bytes()
    write_answers(OTHER, "c")
    backup.backup(tmp_path / "whole.tar.gz", quiet)
    new = (tmp_path / "whole.tar.gz").read_bytes()
    atomic.write_bytes(tmp_path / "place" / "kept.tar.gz", old)

    def action(folder: Path) -> None:
        backup.backup(folder / "kept.tar.gz", quiet)

    for name, folder in killed_at_each_step(tmp_path / "place", action, tmp_path / "work"):
        assert (folder / "kept.tar.gz").read_bytes() in (old, new), name
        action(folder)
        assert [path.name for path in folder.iterdir()] == ["kept.tar.gz"], name
        assert (folder / "kept.tar.gz").read_bytes() == new, name


# The commands


def command(home: Path, *words: str) -> Done:
    code = "from retention.cli import app; app()"
    return subprocess.run(
        [sys.executable, "-c", code, *words],
        cwd=home,
        env=os.environ | {"PYTHONPATH": str(Path(backup.__file__).parents[2])},
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_commands_say_what_they_did(home: Path, tmp_path: Path) -> None:
    archive_path = str(tmp_path / "kept.tar.gz")
    done = command(home, "backup", archive_path)
    assert (done.returncode, done.stderr) == (0, "")
    assert (
        done.stdout
        == f"9 files of champion/ and ledgers/ are in {archive_path}; keep it elsewhere.\n"
    )
    atomic.write_text("ledgers/another/kept.txt", "newer")
    assert_refused(
        command(home, "restore", archive_path), 4, "ledgers/another/kept.txt", "--replace"
    )
    done = command(home, "restore", archive_path, "--replace")
    assert done.returncode == 0, done.stderr
    assert "0 files added, 8 were there" in done.stdout
    assert "1 took the place of others, which are in ledgers/set-aside/" in done.stdout
    assert_refused(command(home, "restore", "nowhere.tar.gz"), 3, "nowhere.tar.gz: no such file")
    assert_refused(command(home, "backup", "kept.zip"), 2, "ends with .tar.gz")
