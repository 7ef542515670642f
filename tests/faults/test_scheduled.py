"""The scheduled job: two at once, a lock left behind, no MLflow, another model in its registry."""

import os
from pathlib import Path
from typing import Any

import pytest

from retention.core.storage import atomic, locks
from tests.faults.refusal import assert_refused, assert_unchanged
from tests.support import company
from tests.support.company import Checkout

NOWHERE = {
    "MLFLOW_TRACKING_URI": "http://127.0.0.1:9",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "2",
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "0",
}


@pytest.fixture
def fresh(tmp_path: Path) -> Checkout:
    """A company in which nothing has run, so that a run ends soon, for want of a champion."""
    return company.make(tmp_path / "shop")


@pytest.fixture
def copied(shop: Checkout, tmp_path: Path) -> Checkout:
    return shop.copy(tmp_path / "shop")


def score_with(shop: Checkout, **score_values: Any) -> None:
    shop.set_params(shop.params() | {"score": score_values})


def test_44_concurrent_run_of_the_scheduled_job(fresh: Checkout) -> None:
    (fresh / "runs").mkdir()
    with (
        locks.hold(fresh / "runs/.lock", "scoring", lambda _: None),
        assert_unchanged(fresh / "lists"),
    ):
        assert_refused(fresh.retention("score"), 5, f"process {os.getpid()} is scoring")


def test_45_stale_lock_of_the_scheduled_job(fresh: Checkout) -> None:
    (fresh / "runs/work").mkdir(parents=True)
    atomic.write_text(fresh / "runs/.lock", "999999")
    done = fresh.retention("score")
    assert_refused(done, 4, "no champion", after_progress=True)
    assert "took over the lock of process 999999" in done.stderr
    assert "work, left by a run that did not end" in done.stderr
    assert not (fresh / "runs/work").exists()


def test_47_mlflow_down_and_the_registry_required(copied: Checkout) -> None:
    score_with(copied, champion="registry", without_registry="refuse")
    with assert_unchanged(copied / "lists"):
        done = copied.retention("score", **NOWHERE)
    assert_refused(done, 4, "127.0.0.1:9", "score.without_registry: pinned", after_progress=True)


def test_47_mlflow_down_and_the_pinned_champion_scores(copied: Checkout) -> None:
    score_with(copied, champion="registry")
    done = copied.retention("score", "--publish", "elsewhere", **NOWHERE)
    assert done.returncode == 0, done.stderr
    assert "registry: not reached, so champion/ scores unchecked" in done.stderr
    assert (copied / "elsewhere/current.json").is_file()


@pytest.mark.parametrize("part", ["churn.json", "served_model.py"])
def test_50_model_swap_in_the_registry(copied: Checkout, part: str) -> None:
    """Nothing of it runs: the swapped code would leave a file behind."""
    score_with(copied, champion="registry")
    (path,) = (copied / "mlruns").rglob(part)
    trace = copied / "ran"
    path.write_text(f"open({str(trace)!r}, 'w')\n" if part.endswith("py") else "{}")
    with assert_unchanged(copied / "lists"):
        done = copied.retention("score")
    assert_refused(done, 4, "nothing of it was run", after_progress=True)
    assert not trace.exists()


def test_50_model_swap_of_the_alias(copied: Checkout) -> None:
    """The registry's own champion is sound, but it is not the one that is pinned."""
    score_with(copied, champion="registry")
    manifest = atomic.read_json(copied / "champion/champion.json")
    named = copied / "champion" / manifest["models"] / "value.json"
    named.write_bytes(named.read_bytes() + b"\n")
    manifest["sha256"]["value"] = atomic.sha256(named)
    atomic.write_json(copied / "champion/champion.json", manifest)
    assert_refused(
        copied.retention("score"), 4, "value", "not the one of champion/", after_progress=True
    )


def test_50_model_swap_under_the_scheduled_job(copied: Checkout) -> None:
    manifest = atomic.read_json(copied / "champion/champion.json")
    path = copied / "champion" / manifest["models"] / "churn.json"
    path.write_text("{}", encoding="utf-8")
    with assert_unchanged(copied / "lists"):
        done = copied.retention("score")
    assert_refused(
        done, 4, "churn.json", "missing or changed since it was promoted", after_progress=True
    )
    assert not (copied / "runs/work").exists()
