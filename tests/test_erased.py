"""The ledger of the erased knows who went by a salted hash, and nobody by an id."""

import datetime as dt
from pathlib import Path

import duckdb
import pyarrow as pa
import pytest

from pipeline import erased, files
from pipeline.errors import BadInput

NOW = dt.datetime(2026, 11, 22, 12, tzinfo=dt.UTC)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "ledgers/erased"


def ask(folder: Path, *ids: str) -> erased.Erased:
    known = erased.salted(folder)
    for one in ids:
        erased.ask(folder, known.hash_of(one), NOW)
    return erased.read(folder)


def test_who_was_erased_is_recognised_and_nobody_else(folder: Path) -> None:
    known = ask(folder, "00123", "Zoës")
    assert known.among(["123", "00123", "00123 ", "Zoës", "zoës", ""]) == {"00123", "Zoës"}


def test_no_file_of_the_ledger_holds_an_id(folder: Path) -> None:
    ask(folder, "quibbleworth-7")
    told = [path.read_bytes() + path.name.encode() for path in folder.rglob("*") if path.is_file()]
    assert len(told) == 2
    assert not any(b"quibbleworth" in one for one in told)


def test_the_salt_is_its_owners_alone_and_made_once(folder: Path) -> None:
    first = erased.salted(folder).salt
    assert (folder / "salt").stat().st_mode & 0o777 == 0o600
    assert len(bytes.fromhex(first)) == 32
    assert erased.salted(folder).salt == first


def test_two_companies_hash_the_same_id_in_two_ways(tmp_path: Path) -> None:
    one, other = (erased.salted(tmp_path / name).hash_of("00123") for name in "ab")
    assert one != other


def test_a_ledger_without_its_salt_is_refused_rather_than_letting_everybody_back(
    folder: Path,
) -> None:
    ask(folder, "1")
    (folder / "salt").unlink()
    for read in (erased.read, erased.salted):
        with pytest.raises(BadInput, match="salt: missing or cut"):
            read(folder)


def test_an_entry_that_was_changed_is_refused(folder: Path) -> None:
    ask(folder, "1")
    (path,) = folder.glob("asked-*.json")
    path.chmod(0o644)
    files.write_json(path, files.read_json(path) | {"sha256": "0" * 64})
    with pytest.raises(BadInput, match="changed since it was written"):
        erased.read(folder)


def test_asking_twice_is_asking_once(folder: Path) -> None:
    known = ask(folder, "1", "1")
    assert len(list(folder.glob("asked-*"))) == 1
    assert erased.asked_at(folder, known.hash_of("1")) == NOW.isoformat()
    assert erased.asked_at(folder, known.hash_of("2")) is None


def test_rows_of_the_erased_leave_a_table_and_are_counted(folder: Path) -> None:
    known = ask(folder, "b")
    table = pa.table({"customer_id": ["a", "b", "b", None], "x": [1, 2, 3, 4]})
    with duckdb.connect() as connection:
        connection.register("given", table)
        connection.execute("create table events as from given")
        assert known.remove_from(connection, "events") == 2
        assert connection.execute("select x from events order by x").fetchall() == [(1,), (4,)]
    assert known.left_of(table)["x"].to_pylist() == [1, 4]


def test_without_an_erasure_a_table_is_left_alone() -> None:
    table = pa.table({"customer_id": ["a"]})
    assert erased.NOBODY.left_of(table) is table
    assert erased.NOBODY.among(["a", ""]) == frozenset()
