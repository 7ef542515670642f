"""A source may be a table: what ingest makes of it is what it makes of the same rows in a file."""

import copy
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest
import yaml

from retention.core import artefacts
from retention.core.storage import atomic
from tests.faults.refusal import accounted, refused
from tests.support import company
from tests.support.company import Checkout
from tests.support.services import PASSWORD, Postgres

TABLE = """create table sales (receipt text, line int, cust text, sku text, qty int,
    price numeric(12, 2), sold_at timestamp, primary key (receipt, line))"""
PEOPLE = """create table people (id text primary key, full_name text, mail text, mobile text,
    likes text, area text, joined date, objects boolean)"""

Change = Callable[[dict[str, Any]], None]


def _of_tables(told: dict[str, Any]) -> None:
    """The company's sales and customers as tables."""
    sales = told["sources"]["sales"]
    told["sources"] = {"sales": {"table": "sales", **sales, "format": {}}}
    del told["sources"]["sales"]["path"], told["sources"]["sales"]["format"]
    told["customers"] = {"table": "people", **told["customers"]}
    del told["customers"]["path"], told["customers"]["format"]


def changed(checkout: Checkout, change: Change) -> None:
    told = copy.deepcopy(checkout.params())
    change(told)
    checkout.set_params(told)


@pytest.fixture(scope="module")
def files_only(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The company with CSV files, of which one source was ingested."""
    made = company.make(tmp_path_factory.mktemp("files") / "shop")
    made.stages("params", "extract", "ingest sales", "customers")
    return made


@pytest.fixture(scope="module")
def url(postgres: Postgres, files_only: Checkout) -> str:
    """The same rows in a database, without the two that no table could hold."""
    address = postgres.create("canary row", TABLE, PEOPLE)
    raw = files_only / "data/raw"
    with psycopg.connect(address) as connection:
        for table, name in (("sales", "sales"), ("people", "customers")):
            lines = (raw / f"{name}.csv").read_text(encoding="utf-8").splitlines(keepends=True)
            kept = [one for one in lines if "n/a?" not in one and "2025-02-30" not in one]
            with connection.cursor().copy(f"copy {table} from stdin (format csv, header)") as into:
                into.write("".join(kept))
    return address


@pytest.fixture
def shop(
    files_only: Checkout, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Checkout:
    """The company with tables, in which nothing has run."""
    made = company.make(tmp_path / "shop")
    changed(made, _of_tables)
    for path in (made / "data/raw").glob("*.csv"):
        path.unlink()
    monkeypatch.setenv("DATABASE_URL", url)
    return made


def test_the_same_rows_are_the_same_events_and_customers(
    shop: Checkout, files_only: Checkout
) -> None:
    shop.stages("params", "extract", "ingest sales", "customers")
    for one in (artefacts.ingested("sales"), artefacts.CUSTOMERS):
        assert pq.read_table(shop / one).equals(pq.read_table(files_only / one)), one
    summary = atomic.read_json(shop / artefacts.ingest_summary("sales"))
    accounted(summary, rows=summary["accepted"] + summary["unmapped"])
    assert atomic.read_json(files_only / artefacts.ingest_summary("sales"))["rejected"] == 2


def test_what_is_read_is_told_to_others_by_its_hash(shop: Checkout, files_only: Checkout) -> None:
    shop.stages("extract")
    told = atomic.read_json(shop / artefacts.fingerprint("sources.sales"))
    (path,) = told["files"]
    assert path == "data/tables/sources.sales/whole.parquet"
    assert told["files"][path] == atomic.sha256(shop / path)
    again = atomic.read_json(files_only / artefacts.fingerprint("sources.sales"))
    raw = "data/raw/sales.csv"
    assert again == {"files": {raw: atomic.sha256(files_only / raw)}}
    nobody = atomic.read_json(shop / artefacts.fingerprint("scorecard.staff"))
    assert nobody == {"files": {}}


def test_the_driver_is_left_alone_where_all_is_files(files_only: Checkout) -> None:
    code = (
        "import sys; from pipeline import check, extract; sys.argv = ['extract']; extract.main();"
        " check.check(); assert 'psycopg' not in sys.modules"
    )
    done = files_only._run([sys.executable, "-c", code], {})
    assert not done.returncode, done.stderr


def test_what_a_database_holds_of_people_is_in_no_file_that_dvc_keeps(shop: Checkout) -> None:
    shop.stages("params", "extract", "ingest sales", "customers")
    kept = [
        path
        for folder in ("params", "extract", "ingest", "customers")
        for path in (shop / "data" / folder).rglob("*")
        if path.is_file()
    ]
    assert kept
    assert not [path for path in kept if company.canaries(path)]
    assert not [path for path in kept if PASSWORD.encode() in path.read_bytes()]


def test_an_infinite_time_is_a_reject_and_no_blank(
    shop: Checkout, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres.create(
        "forever", TABLE, "insert into sales select n::text, 1, 'c', 's', 1, 2.5, '2025-05-05'"
        " from generate_series(1, 200) n", "update sales set sold_at = 'infinity' where line = 1"
        " and receipt = '7'"))  # fmt: skip
    changed(shop, lambda told: told.pop("customers") and None)
    shop.stages("extract", "ingest sales")
    summary = atomic.read_json(shop / artefacts.ingest_summary("sales"))
    assert summary["rules"] == {"not_timestamp": 1}
    assert summary["accepted"] == 199


def test_without_an_address_and_without_a_server_a_stage_refuses(
    shop: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL")
    refused(shop.run("pipeline.extract"), 2, "sources.sales.table", "DATABASE_URL", "is not set")
    nowhere = f"postgresql://staff:{PASSWORD}@127.0.0.1:9/x"
    done = shop.run("pipeline.extract", DATABASE_URL=nowhere)
    said = refused(done, 3, "sources.sales", "DATABASE_URL", "cannot be reached")
    assert PASSWORD not in said
    done = shop.run("pipeline.ingest", "sales")
    refused(done, 3, "data/tables/sources.sales", "no such file")


# retention check


def test_check_looks_at_the_first_rows_of_a_table(shop: Checkout) -> None:
    done = shop.retention("check")
    assert done.returncode == 0, done.stdout
    assert "sources.sales" in done.stdout
    changed(shop, lambda told: told["sources"]["sales"]["events"][0].update(amount="qty * prise"))
    done = shop.retention("check")
    assert done.returncode == 3, done.stdout
    assert "price" in done.stdout
    assert not (shop / "data/tables").exists()


@pytest.mark.parametrize(
    ("change", "code", "words"),
    [
        ({"table": "sale"}, 3, "no table 'sale' (nearest: sales)"),
        ({"database": "ELSEWHERE"}, 2, "ELSEWHERE is not set"),
    ],
)
def test_check_says_what_is_wrong_with_a_table(
    shop: Checkout, change: dict[str, str], code: int, words: str
) -> None:
    changed(shop, lambda told: told["sources"]["sales"].update(change))
    done = shop.retention("check")
    assert done.returncode == code, done.stdout
    assert words in " ".join(done.stdout.split())


# dvc


def test_dvc_reads_a_table_again_and_goes_on_only_where_it_changed(
    shop: Checkout, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "as it grows"
    address = postgres.create(name, TABLE, "insert into sales values"
                              " ('1', 1, 'c', 's', 1, 2.5, '2025-05-05')")  # fmt: skip
    monkeypatch.setenv("DATABASE_URL", address)
    changed(shop, lambda told: told.pop("customers") and None)

    def rows() -> int:
        shop.repro("ingest")
        return int(atomic.read_json(shop / artefacts.ingest_summary("sales"))["read"])

    assert rows() == 1
    at = (shop / artefacts.ingested("sales")).stat().st_mtime_ns
    assert rows() == 1
    assert (shop / artefacts.ingested("sales")).stat().st_mtime_ns == at
    postgres.run(name, "insert into sales values ('2', 1, 'c', 's', 1, 2.5, '2025-05-06')")
    assert rows() == 2
    lock = (shop / "dvc.lock").read_text(encoding="utf-8")
    assert PASSWORD not in lock
    assert "ingest@sales" in yaml.safe_load(lock)["stages"]
