"""MLflow gets what is needed to compare runs, and nothing of any customer."""

import dataclasses
import datetime as dt
import json
import math
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest

import models
from models.components.scorer import COLUMNS
from retention.core import artefacts
from retention.core.errors import BadInput, Guarded, Refusal
from retention.core.params import parse_params
from retention.core.storage import atomic
from retention.tracking import client as tracking
from retention.tracking import run_record
from retention.tracking.client import RunRecord, TrackingDown
from retention.tracking.run_record import MetricPoint, PipelineRun
from tests.support import documents
from tests.support.tracked_run import (
    CANARY,
    COMPANY,
    FOLDS,
    NAME,
    PARAMS,
    example_record,
    features,
    fitted_scorer,
    write_candidate,
)


class Logged(NamedTuple):
    """A store in which one run was logged."""

    folder: Path
    uri: str
    record: RunRecord
    run_id: str
    client: Any

    def runs(self, level: str) -> list[Any]:
        """The runs of a level that belong to the logged run."""
        every = self.client.search_runs(["1"], f"tags.level = '{level}'", max_results=1000)
        return [run for run in every if self._is_mine(run)]

    def _is_mine(self, run: Any) -> bool:
        parent = run.data.tags.get("mlflow.parentRunId")
        if parent is None:
            return bool(run.info.run_id == self.run_id)
        return self._is_mine(self.client.get_run(parent))


@pytest.fixture(scope="module")
def logged(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Logged]:
    """The one store of this module: MLflow takes long to make one."""
    folder, work = tmp_path_factory.mktemp("store"), tmp_path_factory.mktemp("work")
    uri = f"sqlite:///{folder}/runs.db"
    with pytest.MonkeyPatch.context() as patch:
        patch.chdir(folder)
        patch.setenv("MLFLOW_TRACKING_URI", uri)
        patch.setenv("RETENTION_SECRET", CANARY)
        record = example_record(work)
        run_id = tracking.log_run(record)
        import mlflow

        yield Logged(folder, uri, record, run_id, mlflow.MlflowClient(uri))


def test_one_run_holds_a_run_a_model_which_holds_a_run_a_fold(logged: Logged) -> None:
    kinds = models.discover()
    (outer,), inner, folds = (logged.runs(level) for level in ("run", "model", "fold"))
    assert outer.info.run_name == f"2026-06-08 {COMPANY}"
    assert {run.info.status for run in [outer, *inner, *folds]} == {"FINISHED"}
    assert {run.data.tags["mlflow.parentRunId"] for run in inner} == {logged.run_id}
    assert {run.info.run_name for run in inner} == {kind.title for kind in kinds.values()}
    ids = {run.info.run_id: run.data.tags["model"] for run in inner}
    of_folds = [(run.data.tags["mlflow.parentRunId"], run.data.tags["fold"]) for run in folds]
    assert (
        len(folds)
        == len(set(of_folds))
        == FOLDS * sum(n.startswith("churn") for n in kinds)
        + (FOLDS * sum(n.startswith("value") for n in kinds))
    )
    assert {ids[parent] for parent, _ in of_folds} == set(kinds)


def test_models_of_a_task_are_compared_by_the_same_names(logged: Logged) -> None:
    churn = [run for run in logged.runs("model") if run.data.tags["task"] == "churn"]
    (names,) = {frozenset(run.data.metrics) for run in churn}
    assert {"roc_auc", "roc_auc_low", "roc_auc_high", "log_loss", "brier"} <= names
    assert {"out_of_fold_loss", "fold_log_loss"} <= names
    marks = {run.data.tags["model"]: run.data.tags for run in logged.runs("model")}
    assert marks["churn_recency"]["baseline"] == marks["churn_recency"]["chosen"] == "yes"
    assert marks["churn_lightgbm"]["baseline"] == marks["churn_lightgbm"]["chosen"] == "no"


def test_folds_are_steps_and_what_is_no_number_is_left_out(logged: Logged) -> None:
    runs = {run.data.tags["model"]: run for run in logged.runs("model")}
    boosted = runs["churn_lightgbm"]
    assert boosted.data.params == {"rounds": "12"}
    history = logged.client.get_metric_history(boosted.info.run_id, "fold_log_loss")
    assert [(point.step, point.value) for point in history] == [(1, 0.4), (2, 0.3)]
    history = logged.client.get_metric_history(boosted.info.run_id, "fold_roc_auc")
    assert [point.step for point in history] == [1]
    assert "coverage" not in runs["value_hurdle"].data.metrics
    fold = next(run for run in logged.runs("fold") if run.data.tags["model"] == "churn_lightgbm")
    assert fold.data.params["rounds"] in ("11", "13")
    assert fold.data.params["test"] in fold.info.run_name


def test_the_outer_run_tells_where_it_came_from_and_what_it_is_worth(logged: Logged) -> None:
    data = logged.client.get_run(logged.run_id).data
    assert data.tags["data_sha256"] == "d" * 64
    assert data.tags["git_commit"] == "c" * 40
    assert data.tags["candidate_sha256"] == run_record.candidate_sha256(logged.record.candidate)
    assert (data.tags["company"], data.tags["as_of"]) == (COMPANY, "2026-06-08")
    assert "28 days" in data.tags["churn_definition"]
    assert data.params["labels.churn.horizon_days"] == "28"
    assert data.params["features.windows"] == "7, 14, 30, 60, 90, 180, 365"
    assert data.params["train.treated"] == "weight"  # the first name of train.treated_rows
    assert {"evaluate.least", "snapshots.most"} <= set(data.params)
    assert data.params["chosen.churn"] == "churn_recency"
    assert not [key for key in data.params if "sources" in key or "salt" in key or "remote" in key]
    figures = ("churn_roc_auc", "value_mae", "list_lift", "train_customers")
    assert set(figures) <= set(data.metrics)
    assert len(data.metrics) <= 16  # the rest is in metrics.json
    assert "| churn_roc_auc | " in data.tags["mlflow.note.content"]
    (described,) = logged.client.get_run(logged.run_id).inputs.dataset_inputs
    assert described.dataset.digest == "d" * 36
    assert json.loads(described.dataset.profile) == {"as_of": "2026-06-08", "num_rows": 240}
    assert json.loads(described.dataset.source)["uri"] == "data/features/features.parquet"
    paths = {file.path for file in logged.client.list_artifacts(logged.run_id)}
    assert paths == {"model_card.md", "plots", "recipe.json", "metrics.json"}
    assert [file.path for file in logged.client.list_artifacts(logged.run_id, "plots")]


def _model_folder(logged: Logged) -> Path:
    (version,) = logged.client.search_model_versions(
        f"name='{NAME}' and tags.candidate_sha256="
        f"'{run_record.candidate_sha256(logged.record.candidate)}'"
    )
    model = logged.client.get_logged_model(version.source.removeprefix("models:/"))
    return Path(model.artifact_location.removeprefix("file://"))


def test_the_model_states_its_columns_and_shows_no_customer(logged: Logged) -> None:
    import mlflow

    folder = _model_folder(logged)
    signature = mlflow.models.Model.load(str(folder)).signature
    kinds = {column.name: column.type.name for column in signature.inputs}
    assert kinds == {
        "days_since_purchase": "double",
        "spend_28d": "double",
        "region": "string",
        "nickname": "string",
    }
    assert tuple(signature.outputs.input_names()) == COLUMNS
    shown = json.loads((folder / "input_example.json").read_text(encoding="utf-8"))
    (row,) = shown["data"]
    assert row[2:] == ["north", None]
    described = (folder / "MLmodel").read_text(encoding="utf-8")
    assert str(logged.record.candidate.parent) not in described
    assert str(Path(models.__file__).parents[1]) not in described
    wanted = (folder / "requirements.txt").read_text(encoding="utf-8").split()
    assert {requirement.split("==")[0] for requirement in wanted} == {
        "mlflow",
        *tracking.REQUIREMENTS,
    }


def test_nothing_is_pickled(logged: Logged) -> None:
    for path in logged.folder.rglob("*"):
        if path.is_file():
            assert path.suffix not in (".pkl", ".pickle", ".pyc", ".joblib", ".skops"), path
            assert not path.read_bytes().startswith(b"\x80"), path


def test_the_loaded_model_scores_the_same_to_the_bit(logged: Logged) -> None:
    tracking.mirror(COMPANY, logged.record.example, {"champion": logged.record.candidate})
    score, X = tracking.load(COMPANY), features(500, seed=9)
    expected = fitted_scorer(seed=1).score(X)
    pd.testing.assert_frame_equal(score(X), expected, check_exact=True)
    mixed = X[X.columns[::-1]]
    pd.testing.assert_frame_equal(score(mixed), expected, check_exact=True)


def test_a_wrong_frame_is_refused_without_showing_its_rows(logged: Logged) -> None:
    tracking.mirror(COMPANY, logged.record.example, {"champion": logged.record.candidate})
    score, X = tracking.load(COMPANY), features(5, seed=9)
    with pytest.raises(BadInput, match="missing columns spend_28d") as refused:
        score(X.drop(columns=["spend_28d"]))
    assert CANARY not in str(refused.value)
    with pytest.raises(BadInput, match="columns of other types") as refused:
        score(X.assign(spend_28d=X["nickname"]))
    assert CANARY not in str(refused.value)
    assert refused.value.__suppress_context__


def test_aliases_follow_the_champion(logged: Logged, tmp_path: Path) -> None:
    first, second = logged.record.candidate, write_candidate(tmp_path / "second", seed=2)
    folders = {"champion": first, "challenger": second}
    versions = tracking.mirror(COMPANY, logged.record.example, folders)
    assert versions["champion"] != versions["challenger"]
    assert tracking.mirror(COMPANY, logged.record.example, folders) == versions
    aliases = logged.client.get_registered_model(NAME).aliases
    assert {alias: int(number) for alias, number in aliases.items()} == versions
    promoted = {"champion": second, "challenger": None}
    assert tracking.mirror(COMPANY, logged.record.example, promoted) == {
        "champion": versions["challenger"]
    }
    aliases = logged.client.get_registered_model(NAME).aliases
    assert {alias: int(number) for alias, number in aliases.items()} == {
        "champion": versions["challenger"]
    }


def test_the_same_candidate_again_is_a_run_but_no_version(
    logged: Logged, capfd: pytest.CaptureFixture[str]
) -> None:
    def versions() -> int:
        return len(logged.client.search_model_versions(f"name='{NAME}'"))

    before = versions()
    again = tracking.log_run(logged.record)
    assert again != logged.run_id
    assert versions() == before
    captured = capfd.readouterr()
    assert (captured.out, captured.err) == ("", "")


def test_a_run_that_could_not_be_finished_is_marked_failed(logged: Logged, tmp_path: Path) -> None:
    broken = dataclasses.replace(logged.record, card=tmp_path / "nowhere.md")
    with pytest.raises(TrackingDown, match=r"nowhere\.md"):
        tracking.log_run(broken)
    (latest,) = logged.client.search_runs(
        ["1"], "tags.level = 'run'", order_by=["attributes.start_time DESC"], max_results=1
    )
    assert latest.info.status == "FAILED"


def test_a_swapped_model_is_refused_before_its_code_runs(logged: Logged, tmp_path: Path) -> None:
    tracking.mirror(COMPANY, logged.record.example, {"champion": logged.record.candidate})
    script, ran = _model_folder(logged) / "served_model.py", tmp_path / "ran"
    code = script.read_text(encoding="utf-8")
    try:
        script.write_text(f"open({str(ran)!r}, 'w').close()\n{code}", encoding="utf-8")
        with pytest.raises(Guarded, match="not those that were registered"):
            tracking.load(COMPANY)
    finally:
        script.write_text(code, encoding="utf-8")
    assert not ran.exists()
    tracking.load(COMPANY)


@pytest.mark.parametrize("alias", ["champion", "challenger"])
def test_an_alias_of_nobody_is_refused(logged: Logged, alias: str) -> None:
    with pytest.raises(TrackingDown):
        tracking.load("nobody", alias)


def test_no_server_is_one_short_line_without_the_password(
    logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"http://staff:{CANARY}@127.0.0.1:9")
    start = time.perf_counter()
    with pytest.raises(TrackingDown) as refused:
        tracking.log_run(logged.record)
    assert time.perf_counter() - start < 15
    message = str(refused.value)
    assert isinstance(refused.value, Refusal)
    assert "http://127.0.0.1:9" in message
    assert "\n" not in message
    assert CANARY not in message
    assert refused.value.__suppress_context__


def test_a_database_that_cannot_be_opened_is_the_same_refusal(
    logged: Logged, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    (tmp_path / "folder").mkdir()
    monkeypatch.setenv("MLFLOW_TRACKING_URI", f"sqlite:///{tmp_path}/folder")
    with pytest.raises(TrackingDown, match="unable to open"):
        tracking.mirror(COMPANY, logged.record.example, {"champion": logged.record.candidate})


def test_by_default_the_store_lies_beside_the_project(
    logged: Logged, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    assert (logged.folder / "mlruns").is_dir()
    project = tmp_path / "the shop's données"  # a space and an accent are encoded in addresses
    project.mkdir()
    shutil.copy(logged.folder / "runs.db", project / "mlflow.db")
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    monkeypatch.chdir(project)
    folders = {"champion": logged.record.candidate}
    assert tracking.mirror("Another Shop", logged.record.example, folders) == {"champion": 1}
    assert list((project / "mlruns").rglob("churn.json"))
    assert list(tmp_path.iterdir()) == [project], "nothing is written outside of the project"
    assert "MLFLOW_TRACKING_URI" not in os.environ
    assert not logged.client.search_registered_models("name='retention-another-shop'")


def test_a_deleted_experiment_is_refused_with_the_command_that_restores_it(logged: Logged) -> None:
    run = PipelineRun("a run", {})
    tracking.log_figures("Closed Shop", run)
    number = logged.client.get_experiment_by_name("retention-closed-shop").experiment_id
    logged.client.delete_experiment(number)
    with pytest.raises(TrackingDown, match="experiment retention-closed-shop was deleted") as down:
        tracking.log_figures("Closed Shop", run)
    command = f"{logged.uri} mlflow experiments restore --experiment-id {number}"
    assert f"MLFLOW_TRACKING_URI={command}, and run again" in str(down.value)
    logged.client.restore_experiment(number)
    assert tracking.log_figures("Closed Shop", run)


def test_aliases_follow_though_the_experiment_was_deleted(logged: Logged) -> None:
    tracking.mirror(COMPANY, logged.record.example, {"champion": logged.record.candidate})
    logged.client.delete_registered_model_alias(NAME, "champion")
    logged.client.delete_experiment("1")
    try:
        tracking.mirror(COMPANY, logged.record.example, {"champion": logged.record.candidate})
    finally:
        logged.client.restore_experiment("1")
    assert "champion" in logged.client.get_registered_model(NAME).aliases


def test_a_registry_that_lost_its_models_says_so_and_gets_them_again(
    logged: Logged, tmp_path: Path
) -> None:
    company, name = "Lossy Lane", "retention-lossy-lane"
    candidate = write_candidate(tmp_path / "candidate", seed=3)
    sha256 = {part: atomic.sha256(candidate / f"{part}.json") for part in ("churn", "value")}

    def mirror() -> int:
        return tracking.mirror(company, logged.record.example, {"champion": candidate})["champion"]

    first = mirror()
    model_id = logged.client.get_model_version(name, str(first)).source.removeprefix("models:/")
    shutil.rmtree(logged.client.get_logged_model(model_id).artifact_location)
    with pytest.raises(TrackingDown, match=rf"files of {name} version {first} are gone") as down:
        tracking.registered_sha256(company)
    assert "retention promote registers the champion again" in str(down.value)
    second = mirror()
    assert second != first
    assert mirror() == second
    assert tracking.registered_sha256(company) == sha256
    logged.client.delete_model_version(name, str(second))
    with pytest.raises(TrackingDown, match=f"no model {name} has the alias champion; .*promote"):
        tracking.registered_sha256(company)
    assert mirror() > second
    assert tracking.registered_sha256(company) == sha256


@pytest.mark.parametrize(
    "uri", ["mysql://staff:secr%40t@127.0.0.1/x", "http://[staff", "nonsense://secr%40t@x", "s3:"]
)
def test_whatever_an_address_raises_is_one_line(
    uri: str, logged: Logged, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A driver that is missing, an address that is none: their exceptions are not MLflow's."""
    monkeypatch.setenv("MLFLOW_TRACKING_URI", uri)
    with pytest.raises(TrackingDown, match="mend or unset MLFLOW_TRACKING_URI") as down:
        tracking.mirror(COMPANY, logged.record.example, {"champion": logged.record.candidate})
    assert "\n" not in str(down.value)
    assert "secr" not in str(down.value)


@pytest.fixture
def _no_open_stores(monkeypatch: pytest.MonkeyPatch) -> None:
    """MLflow keeps a store per address, and a relative one is the same in every folder."""
    from mlflow.store.model_registry.sqlalchemy_store import SqlAlchemyStore as Registry
    from mlflow.store.tracking.sqlalchemy_store import SqlAlchemyStore as Tracker
    from mlflow.tracking._tracking_service.registry import TrackingStoreRegistry

    for store in (Registry, Tracker):
        monkeypatch.setattr(store, "_engine_map", {})
    TrackingStoreRegistry._get_store_with_resolved_uri.cache_clear()


@pytest.mark.usefixtures("_no_open_stores")
@pytest.mark.parametrize("damaged", ["mlruns", "mlflow.db"])
def test_files_that_cannot_be_written_are_named(
    damaged: str, logged: Logged, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    shutil.copy(logged.folder / "runs.db", tmp_path / "mlflow.db")
    (tmp_path / damaged).write_text("no folder, and no database", encoding="ascii")
    monkeypatch.delenv("MLFLOW_TRACKING_URI")
    monkeypatch.chdir(tmp_path)
    with pytest.raises(TrackingDown, match=r"mlflow\.db: .*make this file and the mlruns/") as down:
        tracking.mirror("Fourth Shop", logged.record.example, {"champion": logged.record.candidate})
    assert "MLFLOW_TRACKING_URI" not in str(down.value)


def test_a_figure_that_could_not_be_computed_never_reaches_mlflow(logged: Logged) -> None:
    figures = {"effect": math.nan, "net": math.inf, "saved": 3.0}
    points = [MetricPoint(name, value) for name, value in figures.items()]
    run_id = tracking.log_figures("Third Shop", PipelineRun("a run", {}, points=points))
    assert logged.client.get_run(run_id).data.metrics == {"saved": 3.0}


def test_no_customer_and_no_secret_is_logged(logged: Logged) -> None:
    read = {path: path.read_bytes() for path in logged.folder.rglob("*") if path.is_file()}
    assert logged.folder / "runs.db" in read
    assert any(path.name == "churn.json" for path in read)
    assert any(b"Model card" in content for content in read.values())
    for path, content in read.items():
        assert CANARY.encode() not in content, path


def test_a_run_without_folds_or_test_metrics_is_logged_too(logged: Logged) -> None:
    names = {"churn": "churn_recency", "value": "value_last_window"}
    report = logged.record.selection_report.updated(
        params={name: {} for name in names.values()},
        losses={},
        tuned_per_fold={},
        fold_metrics={},
    )
    nothing = documents.metrics()
    tree = run_record.run_tree(
        dataclasses.replace(logged.record, selection_report=report, metrics=nothing)
    )
    assert tree.tags["measured_on"] == "nothing"
    assert [(child.tags["model"], child.points, child.children) for child in tree.children] == [
        (name, [], []) for name in names.values()
    ]


def test_medians_say_nothing_that_few_share() -> None:
    X = pd.DataFrame(
        {
            "many": [float(number) for number in range(11)],
            "few": [1.0] * 9 + [np.nan] * 2,
            "shared": ["a"] * 10 + ["b"],
            "own": [str(number) for number in range(11)],
        }
    )
    (row,) = run_record.medians(X).to_dict("records")
    assert (row["many"], row["shared"]) == (5.0, "a")
    assert pd.isna(row["few"])
    assert pd.isna(row["own"])


def test_the_record_is_what_the_stages_left(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.chdir(tmp_path)
    days = [dt.date(2026, 5, 11)] * 20 + [dt.date(2026, 6, 8)] * 12
    table = pa.table(
        {
            "customer_id": [f"{CANARY} {i}" for i in range(32)],
            "snapshot_on": days,
            "spend_28d": [1.0] * 20 + [7.0] * 12,
        }
    )
    for artefact in (artefacts.EVENTS, artefacts.FEATURES, artefacts.LABELS):
        atomic.write_table(artefact.path, table)
    artefacts.SNAPSHOTS_SUMMARY.write(documents.snapshots_summary(dt.date(2026, 6, 8)))
    artefacts.SELECTION.write(documents.selection_report())
    artefacts.METRICS.write(documents.metrics())
    params = parse_params(PARAMS)
    record = tracking.collect_record(params)
    assert (record.params, record.as_of) == (params, dt.date(2026, 6, 8))
    assert (record.selection_report, record.metrics) == (
        documents.selection_report(),
        documents.metrics(),
    )
    assert record.example.to_dict("records") == [{"spend_28d": 7.0}]
    atomic.write_table(artefacts.LABELS.path, table.slice(1))
    assert tracking.collect_record(params).data_sha256 != record.data_sha256


@pytest.mark.parametrize(
    ("company", "name"),
    [
        ("Mill Lane Bakery", "mill-lane-bakery"),
        ("  Åsa's / Café: №1 ", "åsa-s-café-1"),
        ("株式会社", "株式会社"),
        ("../x", "x"),
        ("!!!", "company"),
    ],
)
def test_a_slug_is_a_name_that_mlflow_takes(company: str, name: str) -> None:
    assert run_record.slug(company) == name


def test_the_commit_is_known_and_whether_files_differ_from_it(tmp_path: Path) -> None:
    assert run_record.git_commit(tmp_path) == "unknown"
    assert run_record.git_commit(tmp_path / "nowhere") == "unknown"
    git = ["git", "-C", str(tmp_path), "-c", "user.name=x", "-c", "user.email=x@example.org"]
    subprocess.run([*git, "init", "-q"], check=True)
    subprocess.run([*git, "commit", "-q", "--allow-empty", "-m", "x"], check=True)
    clean = run_record.git_commit(tmp_path)
    assert len(clean) == 40
    (tmp_path / "dvc.lock").touch()
    assert run_record.git_commit(tmp_path) == clean
    (tmp_path / "new.py").touch()
    assert run_record.git_commit(tmp_path) == f"{clean}-dirty"


def test_the_hash_of_files_follows_their_content(tmp_path: Path) -> None:
    path = tmp_path / "one"
    path.write_text("1")
    before = run_record.sha256_of([path])
    assert run_record.sha256_of([path]) == before
    path.write_text("2")
    assert run_record.sha256_of([path]) != before
