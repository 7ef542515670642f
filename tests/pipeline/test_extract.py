"""Stage `extract`: ingest makes the same of a table as of the same rows in a file."""

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import psycopg
import pyarrow.parquet as pq
import pytest
import yaml

from retention.core import artefacts
from retention.core.storage import atomic
from tests.faults.refusal import assert_accounted, assert_refused
from tests.support import company
from tests.support.company import Checkout
from tests.support.services import PASSWORD, Postgres

TABLE = """create table sales (receipt text, line int, cust text, sku text, qty int,
    price numeric(12, 2), sold_at timestamp, primary key (receipt, line))"""
PEOPLE = """create table people (id text primary key, full_name text, mail text, mobile text,
    likes text, area text, joined date, objects boolean)"""

Change = Callable[[dict[str, Any]], None]


def _of_tables(params: dict[str, Any]) -> None:
    """The company's sales and customers as tables."""
    sales = params["sources"]["sales"]
    params["sources"] = {"sales": {"table": "sales", **sales, "format": {}}}
    del params["sources"]["sales"]["path"], params["sources"]["sales"]["format"]
    params["customers"] = {"table": "people", **params["customers"]}
    del params["customers"]["path"], params["customers"]["format"]


def changed(checkout: Checkout, change: Change) -> None:
    params = copy.deepcopy(checkout.params())
    change(params)
    checkout.set_params(params)


@pytest.fixture(scope="module")
def files_only(tmp_path_factory: pytest.TempPathFactory) -> Checkout:
    """The company with CSV files, of which one source was ingested."""
    checkout = company.make(tmp_path_factory.mktemp("files") / "shop")
    checkout.stages("params", "extract", "ingest sales", "customers")
    return checkout


@pytest.fixture(scope="module")
def url(postgres: Postgres, files_only: Checkout) -> str:
    """The same rows in a database, without the two that no table could hold."""
    address = postgres.create("canary row", TABLE, PEOPLE)
    raw = files_only / "data/raw"
    with psycopg.connect(address) as connection:
        for table, name in (("sales", "sales"), ("people", "customers")):
            lines = (raw / f"{name}.csv").read_text(encoding="utf-8").splitlines(keepends=True)
            sound = [line for line in lines if "n/a?" not in line and "2025-02-30" not in line]
            with connection.cursor().copy(f"copy {table} from stdin (format csv, header)") as into:
                into.write("".join(sound))
    return address


@pytest.fixture
def shop(
    files_only: Checkout, url: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> Checkout:
    """The company with tables, in which nothing has run."""
    checkout = company.make(tmp_path / "shop")
    changed(checkout, _of_tables)
    for path in (checkout / "data/raw").glob("*.csv"):
        path.unlink()
    monkeypatch.setenv("DATABASE_URL", url)
    return checkout


def test_the_same_rows_are_the_same_events_and_customers(
    shop: Checkout, files_only: Checkout
) -> None:
    shop.stages("params", "extract", "ingest sales", "customers")
    for artefact in (artefacts.ingested("sales"), artefacts.CUSTOMERS):
        assert pq.read_table(shop / artefact).equals(pq.read_table(files_only / artefact)), artefact
    summary = atomic.read_json(shop / artefacts.ingest_summary("sales"))
    assert_accounted(summary, rows=summary["accepted"] + summary["unmapped"])
    assert atomic.read_json(files_only / artefacts.ingest_summary("sales"))["rejected"] == 2


def test_the_fingerprint_has_the_hash_of_every_file(shop: Checkout, files_only: Checkout) -> None:
    shop.stages("extract")
    fingerprint = atomic.read_json(shop / artefacts.fingerprint("sources.sales"))
    (path,) = fingerprint["files"]
    assert path == "data/tables/sources.sales/whole.parquet"
    assert fingerprint["files"][path] == atomic.sha256(shop / path)
    again = atomic.read_json(files_only / artefacts.fingerprint("sources.sales"))
    raw = "data/raw/sales.csv"
    assert again == {"files": {raw: atomic.sha256(files_only / raw)}}
    nobody = atomic.read_json(shop / artefacts.fingerprint("scorecard.staff"))
    assert nobody == {"files": {}}


def test_the_driver_is_left_alone_where_all_is_files(files_only: Checkout) -> None:
    code = (
        "import sys; from pipeline import extract; from retention.commands import check;"
        " sys.argv = ['extract']; extract.main(); check.check();"
        " assert 'psycopg' not in sys.modules"
    )
    done = files_only.new_interpreter("-c", code)
    assert not done.returncode, done.stderr


def test_what_a_database_holds_of_people_is_in_no_file_that_dvc_keeps(shop: Checkout) -> None:
    shop.stages("params", "extract", "ingest sales", "customers")
    paths = [
        path
        for folder in ("params", "extract", "ingest", "customers")
        for path in (shop / "data" / folder).rglob("*")
        if path.is_file()
    ]
    assert paths
    assert not [path for path in paths if company.canaries(path)]
    assert not [path for path in paths if PASSWORD.encode() in path.read_bytes()]


def test_an_infinite_time_is_a_reject_and_no_blank(
    shop: Checkout, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv(
        "DATABASE_URL",
        postgres.create(
            "forever",
            TABLE,
            "insert into sales select n::text, 1, 'c', 's', 1, 2.5, '2025-05-05'"
            " from generate_series(1, 200) n",
            "update sales set sold_at = 'infinity' where line = 1 and receipt = '7'",
        ),
    )
    changed(shop, lambda params: params.pop("customers") and None)
    shop.stages("extract", "ingest sales")
    summary = atomic.read_json(shop / artefacts.ingest_summary("sales"))
    assert summary["rules"] == {"not_timestamp": 1}
    assert summary["accepted"] == 199


def test_without_an_address_and_without_a_server_a_stage_refuses(
    shop: Checkout, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("DATABASE_URL")
    assert_refused(
        shop.run("pipeline.extract"), 2, "sources.sales.table", "DATABASE_URL", "is not set"
    )
    nowhere = f"postgresql://staff:{PASSWORD}@127.0.0.1:9/x"
    done = shop.run("pipeline.extract", DATABASE_URL=nowhere)
    message = assert_refused(done, 3, "sources.sales", "DATABASE_URL", "cannot be reached")
    assert PASSWORD not in message
    done = shop.run("pipeline.ingest", "sales")
    assert_refused(done, 3, "data/tables/sources.sales", "no such file")


# retention check


def test_check_looks_at_the_first_rows_of_a_table(shop: Checkout) -> None:
    done = shop.retention("check")
    assert done.returncode == 0, done.stdout
    assert "sources.sales" in done.stdout
    changed(
        shop, lambda params: params["sources"]["sales"]["events"][0].update(amount="qty * prise")
    )
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
def test_check_reports_what_is_wrong_with_a_table(
    shop: Checkout, change: dict[str, str], code: int, words: str
) -> None:
    changed(shop, lambda params: params["sources"]["sales"].update(change))
    done = shop.retention("check")
    assert done.returncode == code, done.stdout
    assert words in " ".join(done.stdout.split())


# dvc


def test_dvc_reads_a_table_again_and_goes_on_only_where_it_changed(
    shop: Checkout, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    name = "as it grows"
    address = postgres.create(
        name, TABLE, "insert into sales values ('1', 1, 'c', 's', 1, 2.5, '2025-05-05')"
    )
    monkeypatch.setenv("DATABASE_URL", address)
    changed(shop, lambda params: params.pop("customers") and None)

    def rows() -> int:
        shop.repro("ingest")
        return int(atomic.read_json(shop / artefacts.ingest_summary("sales"))["read"])

    assert rows() == 1
    modified = (shop / artefacts.ingested("sales")).stat().st_mtime_ns
    assert rows() == 1
    assert (shop / artefacts.ingested("sales")).stat().st_mtime_ns == modified
    postgres.run(name, "insert into sales values ('2', 1, 'c', 's', 1, 2.5, '2025-05-06')")
    assert rows() == 2
    lock = (shop / "dvc.lock").read_text(encoding="utf-8")
    assert PASSWORD not in lock
    assert "ingest@sales" in yaml.safe_load(lock)["stages"]
