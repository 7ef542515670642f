"""An erasure beside a running DVC ends without a receipt; an unknown customer is reported."""

import copy
import datetime as dt
import json
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
import yaml
from dvc.repo import Repo
from ruamel.yaml import YAML

from retention.commands.erase import derived, erase
from retention.core.errors import Busy
from retention.core.params import load_params
from retention.core.storage import atomic
from retention.ledgers import erasures, runs
from tests.faults.refusal import assert_refused
from tests.support import company, documents

NOW = dt.datetime(2026, 11, 23, 12, tzinfo=dt.UTC)
HEAD = "receipt,line,cust,sku,qty,price,sold_at\n"
SALES = f"{HEAD}R1,1,7,S1,1,2.50,2025-01-01 10:00:00\nR2,1,8,S1,1,2.50,2025-01-02 10:00:00\n"


@pytest.fixture
def home(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A project of one raw file, with DVC and no stages."""
    monkeypatch.chdir(tmp_path)
    params = copy.deepcopy(company.PARAMS)
    params["sources"] = {"sales": params["sources"]["sales"]}
    del params["customers"]
    atomic.write_text("params.yaml", yaml.safe_dump(params))
    atomic.write_text("data/raw/sales.csv", SALES)
    Repo.init(no_scm=True).close()
    return tmp_path


def erase_7() -> erase.ErasureReport:
    assert not Path.cwd().is_relative_to(company.REPOSITORY), "an erasure in earnest"
    return erase.erase(load_params(), "7", None, NOW, lambda _: None)


def dvc_at_work(pid: int, how: str, checkout: Path = Path()) -> None:
    """Write what DVC writes while process `pid` runs a stage."""
    process = {"pid": pid, "cmd": "dvc repro"}
    lock = (
        {"write": {"data/ingest": process}} if how == "write" else {"read": {"data/raw": [process]}}
    )
    atomic.write_text(checkout / derived.RWLOCK, json.dumps(lock))


def ended_process() -> int:
    done = subprocess.Popen([sys.executable, "-c", ""])
    done.wait()
    return done.pid


def receipts() -> list[Path]:
    return list(erasures.FOLDER.glob("receipt-*"))


@pytest.mark.parametrize("how", ["write", "read"])
@pytest.mark.usefixtures("home")
def test_nothing_goes_while_dvc_runs_a_stage(how: str) -> None:
    dvc_at_work(os.getpid(), how)
    with pytest.raises(Busy, match=f"process {os.getpid()} is running a stage of DVC"):
        erase_7()
    assert Path("data/raw/sales.csv").read_text(encoding="utf-8") == SALES
    assert not list(erasures.FOLDER.glob("*"))


@pytest.mark.usefixtures("home")
def test_a_stage_of_dvc_that_died_hinders_nobody() -> None:
    dvc_at_work(ended_process(), "write")
    assert erase_7().was_found
    assert len(receipts()) == 1


@pytest.mark.usefixtures("home")
def test_a_stage_that_began_midway_keeps_the_receipt_back(monkeypatch: pytest.MonkeyPatch) -> None:
    remove = derived.remove

    def meanwhile(root: Path, *, with_example: bool) -> int:
        dvc_at_work(os.getpid(), "write")
        return remove(root, with_example=with_example)

    with monkeypatch.context() as patch:  # no undo(): it would leave the folder one stands in
        patch.setattr(derived, "remove", meanwhile)
        with pytest.raises(Busy, match="erase again when it has ended"):
            erase_7()
    assert receipts() == []
    derived.RWLOCK.unlink()
    assert erase_7().was_found, "it was, when the call that was cut short began"
    assert len(receipts()) == 1


@pytest.mark.usefixtures("home")
def test_a_file_that_dvc_is_writing_is_a_dvc_at_work() -> None:
    dvc_at_work(os.getpid(), "write")
    derived.RWLOCK.write_text("", encoding="utf-8")
    with pytest.raises(Busy, match="rwlock: cannot be read"):
        erase_7()


def retention(*words: str) -> "subprocess.CompletedProcess[str]":
    assert not Path.cwd().is_relative_to(company.REPOSITORY), "an erasure in earnest"
    return subprocess.run(
        [sys.executable, "-m", "retention", *words], capture_output=True, text=True, check=False
    )


@pytest.mark.usefixtures("home")
def test_the_command_says_when_nothing_was_found_and_keeps_the_id_out() -> None:
    done = retention("erase", "0007")
    assert done.returncode == 0, done.stderr
    assert "nothing was found of this id; it is kept out from now on; check that" in done.stdout
    assert erasures.read().erased_among(["0007", "7"]) == {"0007"}
    assert "nothing was found" not in retention("erase", "7").stdout
    dvc_at_work(os.getpid(), "write")
    assert_refused(retention("erase", "8"), 5, f"process {os.getpid()}")


@pytest.mark.usefixtures("home")
def test_a_folder_of_lists_that_is_gone_stands_in_the_receipt() -> None:
    record = documents.published_run(folders=["/nowhere/lists"])
    atomic.write_json(runs.FOLDER / "a.json", record.as_json())
    run = atomic.read_json(erase_7().receipt)
    assert any(
        remaining.startswith("/nowhere/lists: lists were published") for remaining in run["remains"]
    )


@pytest.mark.usefixtures("home")
def test_the_receipt_names_every_place_that_was_looked_into(tmp_path: Path) -> None:
    elsewhere = tmp_path / "share"
    record = documents.published_run(folders=[str(elsewhere)])
    atomic.write_json(runs.FOLDER / "a.json", record.as_json())
    ledgers = ("ledgers/outcomes", "ledgers/assignments")
    for name in (*ledgers, "lists", elsewhere, "data/events", ".dvc/cache", "mlruns", "champion"):
        atomic.make_folder(Path(name))
    atomic.write_text("runs/newest/.retention", "")  # of the list that was scored last
    with sqlite3.connect("mlflow.db") as database:
        database.execute("create table tags (value text, step integer)")
    report = erase_7()
    assert not Path("runs/newest").exists()
    looked_into = atomic.read_json(report.receipt)["looked_into"]
    assert looked_into == [
        "data/raw/sales.csv",
        "data/events",
        ".dvc/cache",
        "runs/newest",
        *ledgers,
        "lists",
        str(elsewhere),
        "mlruns",
        "mlflow.db",
        "champion",
    ]
    assert list(report.places) == looked_into


@pytest.mark.parametrize(
    ("value", "column", "is_told"),
    [("7", "value", True), (7, "step", False), ("77", "value", False)],
)
@pytest.mark.usefixtures("home")
def test_the_store_of_mlflow_is_searched(value: object, column: str, is_told: bool) -> None:
    with sqlite3.connect("mlflow.db") as database:
        database.execute('create table "model tags" (value text, step integer)')
        database.execute(f'insert into "model tags" ({column}) values (?)', [value])
    remark = "mlflow.db: holds a value equal to the id: look"
    assert (remark in erase_7().remains) is is_told


COPY = derived.EXPERIMENTS / "standalone" / "tmpabc"


@pytest.mark.usefixtures("home")
def test_the_copy_of_a_killed_experiment_goes_with_its_customer() -> None:
    other = derived.EXPERIMENTS / "tmpxyz"
    atomic.write_text(COPY / "data/ingest/rows.csv", "customer_id\n7\n")
    atomic.write_text(other / "data/ingest/rows.csv", "customer_id\n8\n")
    assert erase_7().counts["copies_of_experiments"] == 1
    assert (COPY.exists(), other.exists()) == (False, True)


@pytest.mark.usefixtures("home")
def test_nothing_goes_while_an_experiment_runs_in_a_copy() -> None:
    dvc_at_work(os.getpid(), "write", COPY)
    with pytest.raises(Busy, match=f"tmpabc/.dvc/tmp/rwlock: process {os.getpid()} is running"):
        erase_7()
    assert "R1,1,7" in Path("data/raw/sales.csv").read_text(encoding="utf-8")


def test_dvc_lock_is_written_once_for_all_stages(
    home: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    names = derived.stages()
    stages: dict[str, dict[str, object]] = {}
    for name in (*names, "guard"):
        atomic.write_text(f"data/{name}/rows.csv", "customer_id\n7\n")
        stages[name] = {"cmd": "true", "outs": [f"data/{name}/rows.csv"]}
    atomic.write_text("dvc.yaml", yaml.safe_dump({"stages": stages}))
    with Repo() as repo:
        repo.commit(force=True)
    before = yaml.safe_load((home / "dvc.lock").read_text(encoding="utf-8"))
    dumps: list[object] = []
    dump = YAML.dump

    def counted(self: YAML, data: object, stream: object = None, **options: object) -> object:
        dumps.append(data)
        return dump(self, data, stream, **options)

    with monkeypatch.context() as patch:
        patch.setattr(YAML, "dump", counted)
        assert derived.remove(home, with_example=False) == len(names) > 5
    assert len(dumps) == 1
    after = yaml.safe_load((home / "dvc.lock").read_text(encoding="utf-8"))
    assert after == before | {"stages": {"guard": before["stages"]["guard"]}}


# --- the files of an example


def files_that_hold(text: str, place: Path) -> list[Path]:
    paths = [place] if place.is_file() else place.rglob("*")
    return [path for path in paths if path.is_file() and text.encode() in path.read_bytes()]


@pytest.mark.parametrize("of_example", [True, False])
def test_an_example_leaves_with_its_cached_copies(home: Path, of_example: bool) -> None:
    atomic.write_text("data/example/shop/sales.csv", SALES)
    stage = {"cmd": "true", "outs": ["data/example"]}
    atomic.write_text("dvc.yaml", yaml.safe_dump({"stages": {"example": stage}}))
    if of_example:
        params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
        params["sources"]["sales"]["path"] = "data/example/shop/sales.csv"
        atomic.write_text("params.yaml", yaml.safe_dump(params))
    with Repo() as repo:
        repo.commit(force=True)
    cache = home / ".dvc" / "cache"
    assert len(files_that_hold("R1,1,7", cache)) == 1
    report = erase_7()
    assert report.was_found
    assert bool(files_that_hold("R1,1,7", cache)) is not of_example
    assert Path("data/example").is_dir() is not of_example
    assert bool(files_that_hold("data/example", home / "dvc.lock")) is not of_example
    again = "data/example: the example writes its customers again at the next run"
    assert (again in report.remains) is of_example
