"""The MLflow client: logs runs, and registers models as a mirror of champion/.

No stage needs MLflow: where it is down, TrackingDown says so in one line and the list is still
published. Parameters, figures, plots, the model card and the model are logged; never a row.
"""

import hashlib
import json
import math
import os
import sys
import time
import warnings
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from importlib import metadata
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from urllib.parse import unquote, urlsplit

import pandas as pd

import models
from models.components.scorer import COLUMNS
from retention.core import artefacts
from retention.core.errors import BadInput, Guarded, Refusal
from retention.core.storage import atomic
from retention.tracking.run_record import (
    PipelineRun,
    RunRecord,
    candidate_sha256,
    collect_record,
    input_example,
    model_name,
    run_tree,
)

__all__ = [
    "RunRecord",
    "TrackingDown",
    "collect_record",
    "input_example",
    "load",
    "log_figures",
    "log_run",
    "mirror",
]

STORE = "sqlite:///mlflow.db"
_URI = "MLFLOW_TRACKING_URI"
SERVED = Path(__file__).with_name("served_model.py")
REQUIREMENTS = ("lightgbm", "numpy", "pandas", "scikit-learn", "scipy")

_ALWAYS = {"MLFLOW_DISABLE_TELEMETRY": "true", "MLFLOW_ALLOW_PICKLE_DESERIALIZATION": "false"}
_UNLESS_SET = {
    "MLFLOW_LOGGING_LEVEL": "ERROR",
    "MLFLOW_ENABLE_ARTIFACTS_PROGRESS_BAR": "false",
    "MLFLOW_RECORD_ENV_VARS_IN_MODEL_LOGGING": "false",
    "MLFLOW_UV_AUTO_DETECT": "false",
    "MLFLOW_LOG_UV_FILES": "false",
    "MLFLOW_HTTP_REQUEST_TIMEOUT": "10",  # seconds, of 120
    "MLFLOW_HTTP_REQUEST_MAX_RETRIES": "1",  # of 7
    "PGCONNECT_TIMEOUT": "10",  # of a store in PostgreSQL; it would wait for ever
}
_DIGEST_LENGTH = 36  # MLflow's longest
TIME_LIMIT_SECONDS = 300
"""For all calls of one operation together: a slow server may answer each within its timeout."""

_GUIDE = {
    "mlflow.experimentKind": "custom_model_development",  # the pages for trained models
    "mlflow.note.content": (
        'Models beside each other: search `tags.level = "model" and tags.task = "churn"` (or '
        "`value`) and choose columns such as roc_auc, log_loss, brier, chosen, baseline.\n\n"
        'What contacts achieved: `tags.level = "outcomes"` with saved_customers, net, effect.\n\n'
        'Runs over time: `tags.level = "run"` with churn_roc_auc, value_mae, list_lift.\n\n'
        "One run a pipeline run; in it one run a model, in that one run a fold. Figures of runs "
        "and models are of a snapshot that nothing was fitted or chosen on; _low and _high are "
        "their 95 % intervals. fold_... and out_of_fold_loss are of the folds."
    ),
}
_DATABASE_TRIES = 3  # of 10, which take 100 s


class TrackingDown(Refusal):
    """MLflow cannot be reached, or refuses; the pipeline can go on without it."""


class _LostError(Exception):
    """Something that MLflow had is gone from it: what, and how it comes back."""

    def __init__(self, what: str, advice: str) -> None:
        super().__init__(what)
        self.what, self.advice = what, advice


class _TimeLimitedClient:
    """MLflow's client; TIME_LIMIT_SECONDS after it is made every call raises TimeoutError."""

    def __init__(self, client: Any) -> None:
        self._client, self._until = client, time.monotonic() + TIME_LIMIT_SECONDS

    def __getattr__(self, name: str) -> Any:
        if time.monotonic() > self._until:
            raise TimeoutError(f"slow: not done after {TIME_LIMIT_SECONDS} s")
        return getattr(self._client, name)


@dataclass(frozen=True)
class _Store:
    mlflow: Any
    client: Any


@contextmanager
def _store() -> Iterator[_Store]:
    """MLflow, silent and without telemetry, at MLFLOW_TRACKING_URI or in STORE.

    Errors: TrackingDown, one line without rows, parameters or passwords, whatever MLflow, a driver
    or the disk raises: their exceptions have no class in common.
    """
    uri = os.environ.get(_URI) or STORE
    with warnings.catch_warnings(), _tracking_uri(uri):
        warnings.simplefilter("ignore")  # third parties on each other's deprecations
        try:
            mlflow = _import_mlflow()
            yield _Store(mlflow, _TimeLimitedClient(mlflow.MlflowClient(tracking_uri=uri)))
        except Refusal:
            raise
        except _LostError as lost:
            raise _tracking_down(uri, lost.what, lost.advice) from None
        except Exception as error:
            advice = _MEND_FILES if uri.startswith("sqlite:") else _MEND_ADDRESS
            raise _tracking_down(uri, _reason(error, uri), advice) from None


_MEND_ADDRESS = "mend or unset MLFLOW_TRACKING_URI and run again to have this run recorded"
_MEND_FILES = (
    "make this file and the mlruns/ that belongs to it writable, or move both away, and run again "
    "to have this run recorded"
)
_REGISTER_AGAIN = "retention promote registers the champion again"


def _tracking_down(uri: str, reason: str, advice: str) -> TrackingDown:
    return TrackingDown(
        f"MLflow at {_address(uri)}: {reason}; nothing else depends on it: {advice}"
    )


@contextmanager
def _tracking_uri(uri: str) -> Iterator[None]:
    """Let MLflow's own clients use our store too.

    Registering a model makes one: its default is the same store by an address in which a space or
    an accent of the folder's path is encoded, and it makes a folder of that name.
    """
    before = os.environ.get(_URI)
    os.environ[_URI] = uri
    try:
        yield
    finally:
        if before is None:
            del os.environ[_URI]
        else:
            os.environ[_URI] = before


def _import_mlflow() -> Any:
    """The module, imported late (it takes seconds) with our settings."""
    os.environ.update(_ALWAYS)
    for name, value in _UNLESS_SET.items():
        os.environ.setdefault(name, value)
    import mlflow.pyfunc
    from mlflow.store.db import utils

    utils.MAX_RETRY_COUNT = _DATABASE_TRIES
    return mlflow


def _address(uri: str) -> str:
    """A store's address without user, password and options."""
    scheme, mark, rest = uri.partition("://")
    where = rest.split("?")[0]
    return f"{scheme}{mark}{where.rpartition('@')[2]}"


def _reason(error: Exception, uri: str) -> str:
    """The first line of what went wrong, without the secrets of the address."""
    lines = str(getattr(error, "orig", None) or error).strip().splitlines() or [""]
    with suppress(ValueError):
        parts = urlsplit(uri)
        password = parts.password or ""
        for secret in filter(None, (uri, password, unquote(password), parts.query)):
            lines[0] = lines[0].replace(secret, "...")
    return f"{type(error).__name__}: {lines[0][:200]}"


def log_run(record: RunRecord) -> str:
    """Log a run with its nested runs, artefacts and model; the id of the outermost run.

    The same record again is another run; the same candidate is registered once. A run that could
    not be finished is marked failed. Errors: TrackingDown; FileNotFoundError: no candidate.
    """
    tree = run_tree(record)
    with _store() as store:
        experiment = _experiment(store, record.params.company)
        return _write_run(store, experiment, tree, lambda run: _attach(store, record, run))


def log_figures(company: str, run: PipelineRun) -> str:
    """Log a run that has no model and no artefacts; its id. Errors: TrackingDown."""
    with _store() as store:
        return _write_run(store, _experiment(store, company), run)


def _experiment(store: _Store, company: str) -> str:
    """The id of the company's experiment, made where it is missing.

    Errors: _LostError where it was deleted: its name stays taken until it is restored or purged.
    """
    name = model_name(company)
    existing = store.client.get_experiment_by_name(name)
    if existing is None:
        return str(store.client.create_experiment(name, tags=_GUIDE))
    if existing.lifecycle_stage == "deleted":
        raise _LostError(
            f"experiment {name} was deleted",
            f"{_URI}={_address(store.client.tracking_uri)} mlflow experiments restore "
            f"--experiment-id {existing.experiment_id}, and run again to have this run recorded",
        )
    return str(existing.experiment_id)


def _write_run(
    store: _Store,
    experiment: str,
    run: PipelineRun,
    attach: Callable[[str], None] | None = None,
    parent: str | None = None,
) -> str:
    """Write a run in three calls: create with tags, one batch, end. Returns its id."""
    client, entities = store.client, store.mlflow.entities
    nested = {"mlflow.parentRunId": parent} if parent else {}
    created = client.create_run(experiment, tags=run.tags | nested, run_name=run.name)
    run_id = str(created.info.run_id)
    try:
        now = int(time.time() * 1000)
        points = [
            entities.Metric(name, value, now, step)
            for name, value, step in run.points
            if math.isfinite(value)  # a figure that could not be computed is left out
        ]
        params = [entities.Param(name, value) for name, value in run.params.items()]
        if points or params:
            client.log_batch(run_id, metrics=points, params=params, synchronous=True)
        for child in reversed(run.children):  # MLflow's pages show the newest first
            _write_run(store, experiment, child, parent=run_id)
        if attach:
            attach(run_id)
    except BaseException:
        with suppress(Exception):
            client.set_terminated(run_id, "FAILED")
        raise
    client.set_terminated(run_id)
    return run_id


def _attach(store: _Store, record: RunRecord, run_id: str) -> None:
    """Log the run's artefacts and its model."""
    client = store.client
    client.log_inputs(run_id, datasets=[_dataset(store, record)])
    client.log_dict(run_id, record.selection_report.as_json(), "recipe.json")
    client.log_dict(run_id, record.metrics.as_json(), "metrics.json")
    client.log_artifact(run_id, str(record.card))
    for plot in sorted(record.plots.glob("*.png")):
        client.log_artifact(run_id, str(plot), "plots")
    version = _register(store, record.params.company, record.candidate, record.example, run_id)
    output = store.mlflow.entities.LoggedModelOutput(version.source.removeprefix("models:/"), 0)
    client.log_outputs(run_id, [output])
    client.set_tag(run_id, "model_version", f"{version.name} {version.version}")


def _dataset(store: _Store, record: RunRecord) -> Any:
    """What the models learnt from: where it lies in the checkout, its hash, its day and its rows.

    It is described and not read: a row never leaves the machine.
    """
    entities = store.mlflow.entities
    path = artefacts.FEATURES.path.as_posix()
    dataset = entities.Dataset(
        name=f"features {record.as_of}",
        digest=record.data_sha256[:_DIGEST_LENGTH],
        source_type="local",
        source=json.dumps({"uri": path, "sha256": record.data_sha256}),
        profile=json.dumps({"as_of": str(record.as_of), "num_rows": record.rows}),
    )
    tags = [entities.InputTag("mlflow.data.context", "training")]
    return entities.DatasetInput(dataset, tags)


def _register(
    store: _Store,
    company: str,
    folder: Path,
    example: pd.DataFrame,
    run_id: str | None = None,
) -> Any:
    """The registered version of a folder's models, logged where it or its files are missing."""
    client, name, sha256 = store.client, model_name(company), candidate_sha256(folder)
    if not client.search_registered_models(f"name='{name}'"):
        client.create_registered_model(name)
    existing = client.search_model_versions(f"name='{name}' and tags.candidate_sha256='{sha256}'")
    intact = next((version for version in existing if _has_files(store, version)), None)
    if intact:
        return intact
    experiment = _experiment(store, company)
    logged = client.create_logged_model(experiment, name="scorer", source_run_id=run_id)
    with TemporaryDirectory() as temporary:
        saved = Path(temporary) / "model"
        _save(store.mlflow, logged.model_id, run_id, folder, example, saved)
        tags = {"candidate_sha256": sha256, "model_sha256": model_sha256(saved)}
        client.log_model_artifacts(logged.model_id, str(saved))
    client.finalize_logged_model(logged.model_id, "READY")
    return client.create_model_version(
        name, logged.model_uri, run_id=run_id, tags=tags, model_id=logged.model_id
    )


def _has_files(store: _Store, version: Any) -> bool:
    """Whether the files of a registered version are still there."""
    model_id = version.source.removeprefix("models:/")
    return bool(_unless_missing(lambda: store.client.list_logged_model_artifacts(model_id)))


def _unless_missing(ask: Callable[[], Any]) -> Any:
    """The answer of MLflow; None where it says that there is no such thing."""
    from mlflow.exceptions import MlflowException

    try:
        return ask()
    except MlflowException as error:
        if error.error_code not in _MISSING:
            raise
        return None


_MISSING = ("RESOURCE_DOES_NOT_EXIST", "INVALID_PARAMETER_VALUE", "NOT_FOUND")
"""MLflow's codes for what is not there; the second is that of an alias."""


def _save(
    mlflow: Any,
    model_id: str,
    run_id: str | None,
    folder: Path,
    example: pd.DataFrame,
    saved: Path,
) -> None:
    """Write MLflow's folder of a model, without any path of this machine."""
    model = mlflow.models.Model(model_id=model_id, run_id=run_id)
    parts = {name: folder / f"{name}.json" for name in ("churn", "value")}
    mlflow.pyfunc.save_model(
        path=str(saved),
        python_model=str(SERVED),
        artifacts={name: str(path) for name, path in parts.items()},
        code_paths=[str(Path(models.__file__).parent)],
        signature=_signature(mlflow, example),
        input_example=example,
        pip_requirements=[f"{name}=={metadata.version(name)}" for name in REQUIREMENTS],
        mlflow_model=model,
    )
    flavour = model.flavors["python_function"]
    flavour["model_code_path"] = SERVED.name
    for name, path in parts.items():
        flavour["artifacts"][name]["uri"] = path.name
    model.save(str(saved / "MLmodel"))


def _signature(mlflow: Any, example: pd.DataFrame) -> Any:
    """Every feature is required; numbers are doubles, whole or not, and all else is text."""
    kinds = {
        str(name): "double" if pd.api.types.is_numeric_dtype(example[name]) else "string"
        for name in example.columns
    }
    types = mlflow.types
    return mlflow.models.ModelSignature(
        inputs=types.Schema([types.ColSpec(kind, name) for name, kind in kinds.items()]),
        outputs=types.Schema([types.ColSpec("double", name) for name in COLUMNS]),
    )


def model_sha256(folder: Path) -> str:
    """One sha256 over all files of a model but the one that MLflow adds when it loads it."""
    inside = (path for path in folder.rglob("*") if path.is_file())
    names = sorted(path.relative_to(folder).as_posix() for path in inside)
    lines = [
        f"{atomic.sha256(folder / name)}  {name}\n"
        for name in names
        if name != "registered_model_meta"
    ]
    return hashlib.sha256("".join(lines).encode("utf-8")).hexdigest()


def mirror(
    company: str, example: pd.DataFrame, folders: Mapping[str, Path | None]
) -> dict[str, int]:
    """Set the registry's aliases: {alias: folder of churn.json and value.json, or None}.

    Models that are not registered are registered; None removes the alias. Idempotent. Returns the
    version of each alias. Errors: TrackingDown.
    """
    name, versions = model_name(company), {}
    with _store() as store:
        for alias, folder in folders.items():
            if folder is not None:
                version = _register(store, company, folder, example)
                versions[alias] = int(version.version)
        now = store.client.get_registered_model(name).aliases if versions else {}
        for alias, number in versions.items():
            if str(now.get(alias)) != str(number):
                store.client.set_registered_model_alias(name, alias, str(number))
        for alias in set(now) & {alias for alias, folder in folders.items() if folder is None}:
            store.client.delete_registered_model_alias(name, alias)
    return versions


Score = Callable[[pd.DataFrame], pd.DataFrame]


def load(company: str, alias: str = "champion") -> Score:
    """The registered model that an alias names, as a function from features to scores.

    Its code runs only if its files have the hash they were registered with. Errors: TrackingDown;
    Guarded where they differ. The function raises BadInput for other columns.
    """
    with _store() as store, TemporaryDirectory() as temporary:
        folder = _fetch(store, company, alias, temporary)
        path = list(sys.path)
        try:
            model = store.mlflow.pyfunc.load_model(str(folder))
        finally:
            sys.path[:] = path  # MLflow adds the temporary folder
    return lambda X: _score(model, X)


def registered_sha256(company: str) -> dict[str, str]:
    """sha256 of the registry's champion, by part; none of its code runs.

    Errors: as `load`.
    """
    with _store() as store, TemporaryDirectory() as temporary:
        folder = _fetch(store, company, "champion", temporary) / "artifacts"
        return {path.stem: atomic.sha256(path) for path in sorted(folder.glob("*.json"))}


def _fetch(store: _Store, company: str, alias: str, into: str) -> Path:
    """A copy of the registered model's folder; Guarded where it is not what was registered.

    Errors: _LostError where there is no such alias, or its files are gone.
    """
    name = model_name(company)
    version = _unless_missing(lambda: store.client.get_model_version_by_alias(name, alias))
    if version is None:
        raise _LostError(f"no model {name} has the alias {alias}", _REGISTER_AGAIN)
    if not _has_files(store, version):
        raise _LostError(f"the files of {name} version {version.version} are gone", _REGISTER_AGAIN)
    folder = _download(store, version, into)
    if model_sha256(folder) != version.tags.get("model_sha256"):
        raise Guarded(
            f"{name} version {version.version}: its files are not those that were registered; "
            "nothing of it was run; restore them, or point the alias elsewhere"
        )
    return folder


def _download(store: _Store, version: Any, into: str) -> Path:
    where = store.client.get_logged_model(version.source.removeprefix("models:/"))
    download = store.mlflow.artifacts.download_artifacts
    uri = store.client.tracking_uri
    copied = Path(into) / "model"
    got = download(artifact_uri=where.artifact_location, dst_path=str(copied), tracking_uri=uri)
    return Path(got)


def _score(model: Any, X: pd.DataFrame) -> pd.DataFrame:
    """Scores of X; MLflow's own error prints rows, so BadInput takes its place."""
    from mlflow.exceptions import MlflowException

    try:
        scores: pd.DataFrame = model.predict(X)
    except MlflowException:
        wanted = model.metadata.get_input_schema().input_names()
        missing = [name for name in wanted if name not in X.columns]
        wrong = f"missing columns {', '.join(missing[:5])}" if missing else "columns of other types"
        raise BadInput(
            f"the registered model cannot score this: {wrong}; give the features it was made with"
        ) from None
    return scores
