"""MLflow as a server with PostgreSQL behind it: written, read, slow, silent and gone."""

import os
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from retention.core.errors import BadInput, Guarded
from retention.tracking import client as tracking
from retention.tracking.client import RunRecord, TrackingDown
from tests.support import services, tracked_run
from tests.support.services import MlflowServer, Postgres
from tests.support.tracked_run import CANARY, COMPANY, NAME


@pytest.fixture(scope="module")
def record(tmp_path_factory: pytest.TempPathFactory) -> RunRecord:
    """A run to tell of."""
    return tracked_run.example_record(tmp_path_factory.mktemp("record"))


@pytest.fixture
def address(mlflow_server: MlflowServer, monkeypatch: pytest.MonkeyPatch) -> str:
    """The server's address, named in the environment as a user names it."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", mlflow_server.uri)
    return mlflow_server.uri


@pytest.fixture(scope="module")
def run_id(mlflow_server: MlflowServer, record: RunRecord) -> Iterator[str]:
    """A run logged on the server, with its champion."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("MLFLOW_TRACKING_URI", mlflow_server.uri)
        patch.setenv("RETENTION_SECRET", CANARY)
        logged = tracking.log_run(record)
        tracking.mirror(COMPANY, record.example, {"champion": record.candidate, "challenger": None})
        yield logged


def client(address: str) -> Any:
    import mlflow

    return mlflow.MlflowClient(address)


# Written and read


def test_a_run_is_on_the_server_with_its_models_folds_and_files(
    run_id: str, address: str, record: RunRecord
) -> None:
    asked = client(address)
    run = asked.get_run(run_id)
    assert run.info.status == "FINISHED"
    assert run.data.tags["model_version"] == f"{NAME} 1"
    children = asked.search_runs(
        [run.info.experiment_id], f"tags.`mlflow.parentRunId` = '{run_id}'", max_results=1000
    )
    assert {run.data.tags["level"] for run in children} == {"model"}
    assert len(children) == len(record.selection_report.titles)
    paths = {file.path for file in asked.list_artifacts(run_id)}
    assert paths == {"model_card.md", "plots", "recipe.json", "metrics.json"}


def test_the_model_of_the_registry_scores_the_same_to_the_bit(run_id: str, address: str) -> None:
    X = tracked_run.features(200, seed=9)
    expected = tracked_run.fitted_scorer(seed=1).score(X)
    pd.testing.assert_frame_equal(tracking.load(COMPANY)(X), expected, check_exact=True)
    with pytest.raises(BadInput, match="missing columns spend_28d"):
        tracking.load(COMPANY)(X.drop(columns=["spend_28d"]))


def test_aliases_follow_promotion_and_rollback(
    run_id: str, address: str, record: RunRecord, tmp_path: Path
) -> None:
    first, second = record.candidate, tracked_run.write_candidate(tmp_path / "second", seed=2)

    def aliases() -> dict[str, str]:
        return dict(client(address).get_registered_model(NAME).aliases)

    waiting = tracking.mirror(COMPANY, record.example, {"champion": first, "challenger": second})
    assert waiting["champion"] != waiting["challenger"]
    tracking.mirror(COMPANY, record.example, {"champion": second, "challenger": None})
    assert {alias: int(version) for alias, version in aliases().items()} == {
        "champion": waiting["challenger"]
    }
    tracking.mirror(COMPANY, record.example, {"champion": first, "challenger": None})
    assert {alias: int(version) for alias, version in aliases().items()} == {
        "champion": waiting["champion"]
    }


def test_another_file_in_the_models_place_is_refused_and_not_run(
    run_id: str, address: str, mlflow_server: MlflowServer, tmp_path: Path
) -> None:
    ran = tmp_path / "ran"
    scripts = list(mlflow_server.artefacts.rglob("served_model.py"))
    assert scripts
    codes = [path.read_text(encoding="utf-8") for path in scripts]
    try:
        for path, code in zip(scripts, codes, strict=True):
            path.write_text(f"open({str(ran)!r}, 'w').close()\n{code}", encoding="utf-8")
        with pytest.raises(Guarded, match="not those that were registered"):
            tracking.load(COMPANY)
    finally:
        for path, code in zip(scripts, codes, strict=True):
            path.write_text(code, encoding="utf-8")
    assert not ran.exists()
    tracking.load(COMPANY)


def test_no_customer_and_no_secret_is_in_the_database_or_among_the_files(
    run_id: str, mlflow_server: MlflowServer, postgres: Postgres
) -> None:
    dump = services.needs_postgres() / "pg_dump"
    held = subprocess.run([str(dump), postgres.url("mlflow")], check=True, capture_output=True)
    assert b"model_version" in held.stdout
    assert CANARY.encode() not in held.stdout
    paths = [path for path in mlflow_server.artefacts.rglob("*") if path.is_file()]
    assert any(path.name == "churn.json" for path in paths)
    assert not [path for path in paths if CANARY.encode() in path.read_bytes()]


# Slow, silent and gone


@pytest.fixture
def impatient(monkeypatch: pytest.MonkeyPatch) -> None:
    """A shorter patience with each call than users have, for a shorter test."""
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_TIMEOUT", "2")
    monkeypatch.setenv("MLFLOW_HTTP_REQUEST_MAX_RETRIES", "0")
    monkeypatch.setattr(tracking, "TIME_LIMIT_SECONDS", 3)


def test_by_default_a_call_waits_ten_seconds_and_twice_at_most(
    address: str,
) -> None:
    tracking._import_mlflow()
    assert os.environ["MLFLOW_HTTP_REQUEST_TIMEOUT"] == "10"
    assert os.environ["MLFLOW_HTTP_REQUEST_MAX_RETRIES"] == "1"


@pytest.mark.usefixtures("impatient")
def test_a_server_that_never_answers_is_given_up(
    record: RunRecord, mlflow_server: MlflowServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with services.line(mlflow_server.port) as line:
        line.dead.set()
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://staff:{CANARY}@127.0.0.1:{line.port}")
        for ask in (
            lambda: tracking.log_run(record),
            lambda: tracking.mirror(COMPANY, record.example, {"champion": record.candidate}),
            lambda: tracking.load(COMPANY),
        ):
            start = time.monotonic()
            with pytest.raises(TrackingDown) as refused:
                ask()
            assert time.monotonic() - start < 15
            assert CANARY not in str(refused.value)
            assert "\n" not in str(refused.value)


@pytest.mark.usefixtures("impatient")
def test_a_server_that_falls_silent_in_the_middle_is_given_up(
    record: RunRecord, mlflow_server: MlflowServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with services.line(mlflow_server.port) as line:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{line.port}")
        attach = tracking._attach

        def cut(*words: Any) -> None:
            line.dead.set()
            attach(*words)

        monkeypatch.setattr(tracking, "_attach", cut)
        start = time.monotonic()
        with pytest.raises(TrackingDown):
            tracking.log_run(record)
        assert time.monotonic() - start < 30


@pytest.mark.usefixtures("impatient")
def test_a_server_that_answers_each_call_slowly_is_given_up_too(
    record: RunRecord, mlflow_server: MlflowServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with services.line(mlflow_server.port, delay=0.5) as line:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{line.port}")
        start = time.monotonic()
        with pytest.raises(TrackingDown, match="slow: not done after 3 s"):
            tracking.log_run(record)
        assert time.monotonic() - start < 30


def test_a_server_slow_but_in_time_gets_everything(
    run_id: str, record: RunRecord, mlflow_server: MlflowServer, monkeypatch: pytest.MonkeyPatch
) -> None:
    with services.line(mlflow_server.port, delay=0.1) as line:
        monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://127.0.0.1:{line.port}")
        versions = tracking.mirror(COMPANY, record.example, {"champion": record.candidate})
        assert versions == {"champion": 1}


def test_a_store_in_a_database_that_never_answers_is_given_up(
    record: RunRecord, postgres: Postgres, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PGCONNECT_TIMEOUT", "2")
    with services.line(postgres.port) as line:
        line.dead.set()
        url = postgres.url("mlflow", port=line.port).replace("postgresql:", "postgresql+psycopg:")
        monkeypatch.setenv("MLFLOW_TRACKING_URI", url)
        start = time.monotonic()
        with pytest.raises(TrackingDown) as refused:
            tracking.mirror(COMPANY, record.example, {"champion": record.candidate})
        assert time.monotonic() - start < 30
        assert services.PASSWORD not in str(refused.value)
