"""Faults of what lies on the network: MLflow's server, its registry, a company's database."""

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest

from retention.core import artefacts
from retention.core.errors import Guarded
from retention.core.storage import atomic
from retention.tracking import client
from tests.faults.refusal import assert_accounted, assert_refused, assert_unchanged
from tests.support import company, services, tracked_run
from tests.support.company import Checkout
from tests.support.services import PASSWORD, MlflowServer, Postgres

HURRY = {"MLFLOW_HTTP_REQUEST_TIMEOUT": "1", "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0"}
"""Less patience than users have, for a shorter test."""

HOSTILE = 'a"; DROP TABLE t--'


# MLflow


@pytest.fixture(scope="module")
def silent(mlflow_server: MlflowServer) -> Iterator[dict[str, str]]:
    """The environment of a tracking server that accepts a connection and never answers."""
    with services.line(mlflow_server.port) as line:
        line.dead.set()
        yield HURRY | {"MLFLOW_TRACKING_URI": f"http://staff:{PASSWORD}@127.0.0.1:{line.port}"}


@pytest.fixture(scope="module")
def gone() -> dict[str, str]:
    """The environment of a tracking server that is not there."""
    uri = f"http://staff:{PASSWORD}@127.0.0.1:{services.free_port()}"
    return HURRY | {"MLFLOW_TRACKING_URI": uri}


@pytest.fixture
def copied(shop: Checkout, tmp_path: Path) -> Checkout:
    """The shop, in which `dvc repro` has run, to be changed."""
    return shop.copy(tmp_path / "shop")


def score_with_mlflow(shop: Checkout, env: dict[str, str], **score: str) -> Any:
    """`retention score` with these params of it."""
    shop.set_params(shop.params() | {"score": score})
    return shop.retention("score", "--publish", "shared", **env)


def test_47_mlflow_down(copied: Checkout, silent: dict[str, str]) -> None:
    """The list is published from the pinned champion all the same, and it is the same list."""
    done = score_with_mlflow(copied, silent, champion="registry")
    assert done.returncode == 0, done.stderr
    assert "MLflow" in done.stderr
    assert PASSWORD not in done.stderr + done.stdout
    (shared_list,), (local_list,) = ((copied / folder).glob("2*") for folder in ("shared", "lists"))
    assert shared_list.name == local_list.name


def test_47_mlflow_down_refuses_where_params_say_so(
    copied: Checkout, silent: dict[str, str]
) -> None:
    with assert_unchanged(copied / "lists"), assert_unchanged(copied / "shared"):
        done = score_with_mlflow(copied, silent, champion="registry", without_registry="refuse")
        refusal = assert_refused(done, 4, "MLflow", "without_registry", after_progress=True)
    assert PASSWORD not in refusal


@pytest.mark.parametrize("server", ["gone", "silent"])
def test_47_mlflow_down_stops_no_stage(
    copied: Checkout, server: str, request: pytest.FixtureRequest
) -> None:
    log = copied.stages("evaluate", "promote", **request.getfixturevalue(server))
    assert log.count("nothing else depends on it") == 2
    assert PASSWORD not in log


@pytest.fixture(scope="module")
def registered(
    mlflow_server: MlflowServer, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[str]:
    """A company whose champion the server's registry holds."""
    record = tracked_run.example_record(tmp_path_factory.mktemp("record"))
    name = "Swap Street Shop"
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", mlflow_server.uri)
        client.mirror(name, record.example, {"champion": record.candidate})
        yield name


@pytest.mark.parametrize("part", ["served_model.py", "churn.json", "models/components/scorer.py"])
def test_50_model_swap_in_the_registry(
    registered: str, mlflow_server: MlflowServer, part: str, tmp_path: Path
) -> None:
    """Whatever file of the registered model is another one: nothing of it runs."""
    trap = tmp_path / "sprung"
    paths = [path for path in mlflow_server.artefacts.rglob("*") if path.as_posix().endswith(part)]
    before = [path.read_bytes() for path in paths]
    assert paths
    spring = f"open({str(trap)!r}, 'w').close()\n".encode()
    try:
        for path, content in zip(paths, before, strict=True):
            path.write_bytes(content + b" " if part.endswith(".json") else spring + content)
        for ask in (client.load, client.registered_sha256):
            with pytest.raises(Guarded, match="not those that were registered"):
                ask(registered)
    finally:
        for path, content in zip(paths, before, strict=True):
            path.write_bytes(content)
    assert not trap.exists()
    client.load(registered)


# A database


def test_57_sql_mapping_of_a_table(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A table and its columns may be called whatever SQL there is: they are names."""
    quoted = '"' + HOSTILE.replace('"', '""') + '"'
    address = postgres.create(
        "hostile",
        "create table t (a int)",
        f"create table {quoted} ({quoted} text, k int, at date)",
        f"insert into {quoted} values ('{HOSTILE}', 1, '2025-03-03'), ('b', 2, '2025-03-04')",
    )
    monkeypatch.setenv("DATABASE_URL", address)
    shop = company.make(tmp_path / "shop")
    event = {"kind": "purchase", "customer_id": HOSTILE, "occurred_at": "at"}
    source = {"table": HOSTILE, "key": [HOSTILE, "k"], "types": {"at": "date"}, "events": [event]}
    params = shop.params()
    del params["customers"]
    shop.set_params(params | {"sources": {"odd": source}})
    shop.stages("extract", "ingest odd")
    events = pq.read_table(shop / artefacts.ingested("odd"))
    assert sorted(events["customer_id"].to_pylist()) == [HOSTILE, "b"]
    assert_accounted(atomic.read_json(shop / artefacts.ingest_summary("odd")), rows=2)
    postgres.run("hostile", "select a from t")


def test_57_sql_mapping_of_a_table_that_is_not_there(
    postgres: Postgres, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("DATABASE_URL", postgres.create("nothing", "create table t (a int)"))
    shop = company.make(tmp_path / "shop")
    params = shop.params()
    params["sources"] = {"odd": params["sources"]["sales"] | {"table": HOSTILE}}
    del params["sources"]["odd"]["path"]
    shop.set_params(params)
    with assert_unchanged(shop / "lists"):
        assert_refused(
            shop.run("pipeline.extract"), 3, "sources.odd.table", "DROP TABLE", "no table"
        )
    postgres.run("nothing", "select a from t")
