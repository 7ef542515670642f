"""Cases 48 and 56: what was published or kept and then changed; names that would lead elsewhere."""

import datetime as dt
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml

from retention.core.errors import BadInput, Guarded, Refusal
from retention.core.storage import atomic
from retention.ledgers import outcomes, store
from retention.ledgers.outcomes import ImportBatch, OutcomeRecord, StaffAnswer
from retention.serving import champion
from retention.worklist import published
from tests.faults.ending import tree
from tests.faults.lists import publish_quietly, read_current, write_list
from tests.faults.refusal import Done, assert_refused, assert_unchanged
from tests.support import documents

PARAMS: dict[str, Any] = {
    "company": "Mill Lane Bakery",
    "as_of": "2026-07-20",
    "time_zone": "Europe/London",
    "currency": "GBP",
    "sources": {
        "sales": {
            "path": "data/raw/sales.csv",
            "key": ["receipt"],
            "types": {"sold_on": "date"},
            "format": {"date": "%Y-%m-%d"},
            "events": [{"kind": "purchase", "customer_id": "who", "occurred_at": "sold_on"}],
        }
    },
    "labels": {"churn": {"rule": "silence", "active_days": 60, "horizon_days": 28}},
}
ELSEWHERE = ("../../x", "/tmp/retention-elsewhere", "..", ".x", "a/../../x", "a\\..\\x", "")
NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """A company's folder with one published list."""
    folder = tmp_path / "outside" / "home"
    days = "".join(f"R{i},c{i % 20},2026-0{1 + i % 6}-{1 + i % 28:02d}\n" for i in range(200))
    atomic.write_text(folder / "data/raw/sales.csv", "receipt,who,sold_on\n" + days)
    atomic.write_text(folder / "params.yaml", yaml.safe_dump(PARAMS))
    publish_quietly(write_list(tmp_path / "source", "Ada"), folder / "lists")
    return folder


def retention(home: Path, *words: str) -> Done:
    code = "from retention.cli import app; app()"
    root = str(Path(atomic.__file__).parents[3])
    return subprocess.run(
        [sys.executable, "-c", f"import sys; sys.path.insert(0, {root!r}); {code}", *words],
        cwd=home,
        capture_output=True,
        text=True,
        check=False,
    )


# 48


def change_file(path: Path) -> None:
    path.chmod(0o644)
    path.write_bytes(path.read_bytes() + b" ")


@pytest.mark.parametrize("name", ["at_risk.csv", "manifest.json"])
def test_48_tampered_output(home: Path, name: str) -> None:
    [target] = published.published_lists(home / "lists")
    sound = retention(home, "check")
    assert (sound.returncode, "unchanged since published" in sound.stdout) == (0, True)
    change_file(target / name)
    done = retention(home, "check")
    assert done.returncode == 3
    assert f"lists/{target.name}/{name}: changed since it was published" in done.stdout


def test_48_tampered_output_is_not_published_over(home: Path, tmp_path: Path) -> None:
    [target] = published.published_lists(home / "lists")
    change_file(target / "at_risk.csv")
    with (
        assert_unchanged(home / "lists"),
        pytest.raises(BadInput, match=r"at_risk\.csv: changed since it was published"),
    ):
        publish_quietly(tmp_path / "source", home / "lists")


def test_48_tampered_output_a_pointer_with_another_hash(home: Path) -> None:
    pointer = home / "lists/current.json"
    atomic.write_json(pointer, atomic.read_json(pointer) | {"manifest_sha256": "0" * 64})
    done = retention(home, "check")
    assert done.returncode == 3
    assert "lists/current.json: its hash is not that of" in done.stdout


# 56


@pytest.fixture
def nothing_outside(home: Path) -> Callable[[], None]:
    """Asserts that around the company's folder nothing came or went."""
    before = {name for name in tree(home.parents[1]) if not name.startswith("outside/home")}

    def check() -> None:
        after = {name for name in tree(home.parents[1]) if not name.startswith("outside/home")}
        assert after <= before | {"hostile"} | {
            path for path in after if path.startswith("hostile/")
        }
        assert not Path("/tmp/retention-elsewhere").exists()

    return check


@pytest.mark.parametrize("name", ELSEWHERE)
def test_56_path_traversal_run_id_in_the_pointer(
    home: Path, tmp_path: Path, name: str, nothing_outside: Callable[[], None]
) -> None:
    pointer = home / "lists/current.json"
    atomic.write_json(pointer, atomic.read_json(pointer) | {"folder": name})
    with pytest.raises(BadInput, match="not a pointer to a published list"):
        publish_quietly(write_list(tmp_path / "hostile", "Bo"), home / "lists")
    nothing_outside()


@pytest.mark.parametrize(
    "about",
    [
        *({"as_of": name} for name in ELSEWHERE),
        *({"files": {name: 1}} for name in ELSEWHERE),
        {"as_of": "2026-11-22/../../../x"},
        {"files": {"at_risk-../../x.csv": 1}},
    ],
    ids=str,
)
def test_56_path_traversal_run_id_and_files_of_a_list(
    home: Path, tmp_path: Path, about: dict[str, Any], nothing_outside: Callable[[], None]
) -> None:
    source = write_list(tmp_path / "hostile", "Bo")
    summary = source / "summary.json"
    atomic.write_json(summary, atomic.read_json(summary) | about)
    with assert_unchanged(home / "lists"), pytest.raises(BadInput):
        publish_quietly(source, home / "lists")
    assert read_current(home / "lists") == "Ada"
    nothing_outside()


@pytest.mark.parametrize("name", ELSEWHERE)
def test_56_path_traversal_list_id_in_a_ledger(
    home: Path, name: str, nothing_outside: Callable[[], None]
) -> None:
    fact = OutcomeRecord(name, "../../x", NOW, StaffAnswer(result="reached"))
    folder = home / "ledgers/outcomes"
    with (
        outcomes.lock(folder, lambda _: None),
        pytest.raises(BadInput, match="cannot be the name of a file"),
    ):
        outcomes.write(folder, ImportBatch(name, "Mill Lane Bakery", NOW, "f", {}, (fact,)))
    nothing_outside()


def test_56_path_traversal_customer_id_is_only_text(
    home: Path, nothing_outside: Callable[[], None]
) -> None:
    folder, list_id = home / "ledgers/outcomes", "2026-11-22-0123456789ab"
    fact = OutcomeRecord(list_id, "../../x", NOW, StaffAnswer(result="reached"))
    with outcomes.lock(folder, lambda _: None):
        outcomes.write(folder, ImportBatch(list_id, "Mill Lane Bakery", NOW, "f", {}, (fact,)))
    assert [record.customer_id for record in outcomes.read_records(folder)] == ["../../x"]
    assert outcomes.erase(folder, "../../x") == 1
    nothing_outside()


@pytest.mark.parametrize("name", ["../../x", "/tmp/retention-elsewhere", "", "0123"])
def test_56_path_traversal_folder_of_a_champion(home: Path, name: str) -> None:
    folder = home / "champion"
    atomic.write_json(
        folder / champion.MANIFEST, documents.champion_manifest(models=name).as_json()
    )
    with pytest.raises(Guarded, match="is no folder of models"):
        champion.current(folder)


def test_56_path_traversal_list_given_by_hand(home: Path) -> None:
    atomic.write_text(home / "worked.csv", "customer_id,result\n1,reached\n")
    before = tree(home)
    with assert_unchanged(home / "lists"):
        done = retention(home, "outcomes", "worked.csv", "--list", "../../x")
    assert_refused(done, 3, "worked.csv", "is not among those published")
    assert tree(home) == before


# A ledger of tomorrow


def test_a_file_of_a_newer_version_is_refused_and_one_without_is_of_the_first(
    tmp_path: Path,
) -> None:
    first = store.write(tmp_path, "a", {"x": 1})
    same = store.write(tmp_path, "b", {"x": 1, "version": 1})
    newer = store.write(tmp_path, "c", {"x": 1, "version": 2})
    assert store.read(first)["x"] == store.read(same)["x"] == 1
    with pytest.raises(Refusal, match=rf"{newer}: of version '2', .* reads 1; update it"):
        store.read_all(tmp_path)


def test_a_file_that_is_no_json_object_is_refused(tmp_path: Path) -> None:
    for name, text in (("a", "[1]"), ("b", "{"), ("c", "")):
        atomic.write_text(tmp_path / f"{name}.json", text)
        with pytest.raises(BadInput, match="restore it from a backup"):
            store.read(tmp_path / f"{name}.json")


def test_the_names_and_bytes_of_a_ledger_are_what_they_always_were(tmp_path: Path) -> None:
    path = store.write(tmp_path, "2026-11-22-0123456789ab", {"rows": [], "ü": 1.5})
    assert path.name == "2026-11-22-0123456789ab-365857226169.json"
    assert path.read_text(encoding="utf-8") == '{\n  "rows": [],\n  "ü": 1.5\n}\n'
