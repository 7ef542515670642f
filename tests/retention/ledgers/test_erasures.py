"""The ledger of the erased knows who went by a salted hash, and nobody by an id."""

import datetime as dt
import subprocess
import sys
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest
import yaml

from pipeline import publish
from retention.core import artefacts
from retention.core.errors import BadInput, Guarded
from retention.core.storage import atomic
from retention.ledgers import erasures, store
from retention.worklist import published, write
from retention.worklist.model import Listing
from tests.faults.refusal import assert_refused
from tests.support import company

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "ledgers/erased"


def ask(folder: Path, *ids: str) -> erasures.Erased:
    ledger = erasures.with_salt(folder)
    for customer_id in ids:
        erasures.request(folder, ledger.hash_of(customer_id), NOW)
    return erasures.read(folder)


def test_who_was_erased_is_recognised_and_nobody_else(folder: Path) -> None:
    ledger = ask(folder, "00123", "Zoës")
    assert ledger.erased_among(["123", "00123", "00123 ", "Zoës", "zoës", ""]) == {"00123", "Zoës"}


def test_no_file_of_the_ledger_holds_an_id(folder: Path) -> None:
    ask(folder, "quibbleworth-7")
    contents = [
        path.read_bytes() + path.name.encode() for path in folder.rglob("*") if path.is_file()
    ]
    assert len(contents) == 2
    assert not any(b"quibbleworth" in content for content in contents)


def test_the_salt_is_its_owners_alone_and_made_once(folder: Path) -> None:
    first = erasures.with_salt(folder).salt
    assert (folder / "salt").stat().st_mode & 0o777 == 0o600
    assert len(bytes.fromhex(first)) == 32
    assert erasures.with_salt(folder).salt == first


def test_two_companies_hash_the_same_id_in_two_ways(tmp_path: Path) -> None:
    first, other = (erasures.with_salt(tmp_path / name).hash_of("00123") for name in "ab")
    assert first != other


def test_a_ledger_without_its_salt_is_refused_rather_than_letting_everybody_back(
    folder: Path,
) -> None:
    ask(folder, "1")
    (folder / "salt").unlink()
    for read in (erasures.read, erasures.with_salt):
        with pytest.raises(BadInput, match="salt: missing or cut"):
            read(folder)


def test_an_entry_that_was_changed_is_refused(folder: Path) -> None:
    ask(folder, "1")
    (path,) = folder.glob("asked-*.json")
    path.chmod(0o644)
    atomic.write_json(path, atomic.read_json(path) | {"sha256": "0" * 64})
    with pytest.raises(BadInput, match="changed since it was written"):
        erasures.read(folder)


def test_asking_twice_is_asking_once(folder: Path) -> None:
    ledger = ask(folder, "1", "1")
    assert len(list(folder.glob("asked-*"))) == 1
    assert erasures.requested_at(folder, ledger.hash_of("1")) == NOW.isoformat()
    assert erasures.requested_at(folder, ledger.hash_of("2")) is None


def test_rows_of_the_erased_leave_a_table_and_are_counted(folder: Path) -> None:
    ledger = ask(folder, "b")
    table = pa.table({"customer_id": ["a", "b", "b", None], "x": [1, 2, 3, 4]})
    with duckdb.connect() as connection:
        connection.register("given", table)
        connection.execute("create table events as from given")
        assert ledger.delete_erased(connection, "events") == 2
        assert connection.execute("select x from events order by x").fetchall() == [(1,), (4,)]
    assert ledger.without_erased(table)["x"].to_pylist() == [1, 4]


def test_without_an_erasure_a_table_is_left_alone() -> None:
    table = pa.table({"customer_id": ["a"]})
    assert erasures.NOBODY.without_erased(table) is table
    assert erasures.NOBODY.erased_among(["a", ""]) == frozenset()


def test_with_another_salt_the_ledger_is_refused_rather_than_letting_everybody_back(
    folder: Path,
) -> None:
    ask(folder, "1")
    (folder / "salt").chmod(0o600)
    (folder / "salt").write_text("0" * 64, encoding="ascii")
    for read in (erasures.read, erasures.with_salt):
        with pytest.raises(BadInput, match="salt: not the salt of those who were erased"):
            read(folder)


def test_an_entry_from_before_salts_were_noted_is_read_as_it_was(folder: Path) -> None:
    ledger = erasures.with_salt(folder)
    store.write(folder, "asked-0", {"sha256": ledger.hash_of("1"), "asked_at": NOW.isoformat()})
    assert erasures.read(folder).erased_among(["1", "2"]) == {"1"}


# The second net: what is published


@pytest.fixture
def source_folder(
    make_listing: Callable[..., Listing], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Path:
    """A list of =Ada, who is written guarded, and Bo; Di dropped off. One stands above it."""
    monkeypatch.chdir(tmp_path)
    gone = [{"customer_id": "d", "name": "Di", "owner": "", "lane": "", "why": "left"}]
    rows = [{"customer_id": "=ada", "last_said": "two\nlines"}, {"customer_id": "bo"}]
    listing = replace(
        make_listing(rows), dropped=pa.Table.from_pylist(gone, schema=artefacts.DROPPED.schema)
    )
    write.write_list(listing, Path("data/at_risk"))
    return Path("data/at_risk")


@pytest.mark.parametrize(
    ("who", "message"), [("=ada", r"at_risk\.csv: .*'=a'… \(4 char"), ("d", r"dropped\.csv")]
)
def test_a_list_that_names_somebody_erased_is_not_published(
    source_folder: Path, who: str, message: str
) -> None:
    ask(erasures.FOLDER, "x")
    publish.refuse_erased(source_folder)
    ask(erasures.FOLDER, who)
    with pytest.raises(Guarded, match=f"{message}.* was erased since the list was made"):
        publish.refuse_erased(source_folder)


@pytest.mark.parametrize(
    "main",
    [
        "pipeline.publish import main",
        "retention.commands.score.job_stages import publish_backfill",
    ],
)
def test_every_stage_that_publishes_looks_first(source_folder: Path, main: str) -> None:
    Path("params.yaml").write_text(yaml.safe_dump(company.PARAMS), encoding="utf-8")
    ask(erasures.FOLDER, "bo")
    code = f"from retention.core import errors; from {main} as stage; errors.run(stage)"
    done = subprocess.run(
        [sys.executable, "-c", code],
        capture_output=True,
        text=True,
        check=False,
    )
    assert_refused(done, 4, "at_risk.csv", "was erased", "run make repro")
    assert not published.published_lists(Path("lists"))
