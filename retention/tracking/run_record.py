"""The record of a pipeline run, and its layout as nested MLflow runs; MLflow is not imported."""

import datetime as dt
import hashlib
import math
import re
import shutil
import subprocess
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, NamedTuple

import pandas as pd
import pyarrow.compute as pc

import models
from retention.core import artefacts
from retention.core.documents.base import Number
from retention.core.documents.modelling import Figures, SelectionReport, TestMetrics
from retention.core.params import Params
from retention.core.storage import atomic
from retention.serving import headlines, target

_MIN_CUSTOMERS = 10  # who share a value, for it to stand in the example

# An allowlist, so that a new key of params.yaml is not logged by default: sources name machines'
# paths, an engine's address may hold a token, and the salt decides who is held out.
_LOGGED_PARAMS: Any = {
    **dict.fromkeys(("time_zone", "currency", "ingest", "labels", "snapshots"), True),
    **dict.fromkeys(("features", "train", "evaluate"), True),
    "engine": {"name"},
    "at_risk": {"capacity", "holdout_share"},
}
# MLflow compares runs by parameter name: a key of params.yaml that is renamed keeps its first one.
_MLFLOW_NAMES = {
    "train.treated_rows": "train.treated",
    "evaluate.min_group_size": "evaluate.least",
}


@dataclass(frozen=True)
class RunRecord:
    """A pipeline run as it is logged."""

    params: Params
    as_of: dt.date
    selection_report: SelectionReport  # selection.json; logged as recipe.json
    metrics: TestMetrics  # metrics.json
    candidate: Path  # the folder of churn.json and value.json
    example: pd.DataFrame  # one row: see `medians`
    card: Path
    plots: Path  # a folder; its PNGs are logged
    data_sha256: str
    rows: int  # of the feature table
    git_commit: str


def collect_record(params: Params) -> RunRecord:
    """The record of the stages' output under data/. Errors: FileNotFoundError."""
    return RunRecord(
        params=params,
        as_of=artefacts.SNAPSHOTS_SUMMARY.read().as_of,
        selection_report=artefacts.SELECTION.read(),
        metrics=artefacts.METRICS.read(),
        candidate=artefacts.CANDIDATE.path,
        example=input_example(),
        card=artefacts.MODEL_CARD.path,
        plots=artefacts.PLOTS.path,
        data_sha256=sha256_of(
            artefact.path for artefact in (artefacts.EVENTS, artefacts.FEATURES, artefacts.LABELS)
        ),
        rows=artefacts.FEATURES.rows(),
        git_commit=git_commit(),
    )


def input_example() -> pd.DataFrame:
    """`medians` of the features of the last snapshot, which has one row a customer."""
    days = artefacts.FEATURES.read(columns=["snapshot_on"])["snapshot_on"]
    table = artefacts.FEATURES.read(filters=pc.field("snapshot_on") == pc.max(days))
    return medians(table.drop_columns(["customer_id", "snapshot_on"]).to_pandas())


def medians(X: pd.DataFrame) -> pd.DataFrame:
    """A row of medians and commonest texts, shape (1, columns): no customer's own.

    Missing where fewer than ten rows have a number, or share the text.
    """
    return pd.DataFrame({name: [_middle(X[name])] for name in X.columns})


def _middle(values: "pd.Series[Any]") -> float | str | None:
    if pd.api.types.is_numeric_dtype(values):
        return float(values.median()) if values.count() >= _MIN_CUSTOMERS else math.nan
    counts = values.value_counts()
    return str(counts.index[0]) if len(counts) and counts.iloc[0] >= _MIN_CUSTOMERS else None


def sha256_of(paths: Iterable[Path]) -> str:
    """One sha256 over files: of the lines `sha256  name`, in the order given."""
    lines = "".join(f"{atomic.sha256(path)}  {path.name}\n" for path in paths)
    return hashlib.sha256(lines.encode("utf-8")).hexdigest()


def candidate_sha256(folder: Path) -> str:
    """The identity of a candidate or champion: `sha256_of` its churn.json and value.json."""
    return sha256_of(folder / f"{name}.json" for name in ("churn", "value"))


def git_commit(folder: Path = Path()) -> str:
    """The commit of a checkout, with `-dirty` when files differ; `unknown` outside of git.

    dvc.lock does not count: DVC writes it between the stages of the same run.
    """
    try:
        commit = _git(folder, "rev-parse", "HEAD")
        changed = _git(folder, "status", "--porcelain", "--", ".", ":(exclude)dvc.lock")
    except (OSError, subprocess.SubprocessError):
        return "unknown"
    return commit + ("-dirty" if changed else "")


def _git(folder: Path, *words: str) -> str:
    command = [shutil.which("git") or "git", "-C", str(folder), *words]
    completed = subprocess.run(  # noqa: S603  (fixed words, no shell)
        command, check=True, capture_output=True, text=True, timeout=10
    )
    return completed.stdout.strip()


# Layout


class MetricPoint(NamedTuple):
    """A value of a metric."""

    name: str
    value: float
    step: int = 0  # numbers the folds from 1; 0 elsewhere


@dataclass(frozen=True)
class PipelineRun:
    """A run and the runs nested in it."""

    name: str
    tags: dict[str, str]
    params: dict[str, str] = field(default_factory=dict)
    points: list[MetricPoint] = field(default_factory=list)
    children: list["PipelineRun"] = field(default_factory=list)


def slug(company: str) -> str:
    """A company's name as part of a name in MLflow: letters and digits, joined by `-`."""
    return re.sub(r"[\W_]+", "-", company.casefold()).strip("-") or "company"


def model_name(company: str) -> str:
    """The experiment and the registered model of a company."""
    return f"retention-{slug(company)}"


def run_tree(record: RunRecord) -> PipelineRun:
    """The pipeline run, in it one run per model, in those one run per fold."""
    report, params = record.selection_report, record.params
    names = sorted(report.params, key=lambda name: _sort_key(report, name))
    return PipelineRun(
        name=f"{record.as_of} {params.company}",  # the pages cut names short
        tags=_tags(record),
        params={
            **_logged_params(params),
            **{f"chosen.{task}": name for task, name in report.chosen.items()},
            "evidence": report.evidence,
            **{f"weight.{name}": f"{weight:.4g}" for name, weight in _weights(report).items()},
        },
        points=[
            *_selected_model_points(record.metrics),
            *_points(
                {
                    "train_rows": report.rows,
                    "train_customers": report.customers,
                    "train_churners": report.churners,
                }
            ),
            *_points({"train_churn_rate": report.churn_rate}),
        ],
        children=[_model_run(record, name) for name in names],
    )


def _weights(report: SelectionReport) -> dict[str, float]:
    return {name: weight for parts in report.weights.values() for name, weight in parts.items()}


def _logged_params(params: Params) -> dict[str, str]:
    flat = _flat(params.model_dump(mode="json", include=_LOGGED_PARAMS))
    return {_MLFLOW_NAMES.get(name, name): value for name, value in flat.items()}


def _sort_key(report: SelectionReport, name: str) -> tuple[str, float, str]:
    """Churn before value, and the lowest loss first."""
    return name.partition("_")[0], report.losses.get(name, math.inf), name


def _tags(record: RunRecord) -> dict[str, str]:
    report, definition = record.selection_report, target.target_description(record.params.labels)
    why = [
        f"- {task}: **{report.titles[name]}**, {report.why[task]}"
        for task, name in report.chosen.items()
    ]
    measured = record.metrics.measured_on
    note = [
        f"Definition: {definition}.",
        f"Figures are of {measured}, which no model had seen." if measured else "Nothing measured.",
        _figure_table(record.metrics),
        "\n".join(why),
        f"Learnt from {report.rows:,} rows of {report.customers:,} customers, "
        f"{report.churners:,} of whom left; data up to {record.as_of}.",
        *report.banners,
        "All figures: metrics.json. How far to trust them: model_card.md.",
    ]
    return {
        "level": "run",
        "company": record.params.company,
        "as_of": str(record.as_of),
        "measured_on": str(measured or "nothing"),
        "churn_definition": definition,
        "data_sha256": record.data_sha256,
        "candidate_sha256": candidate_sha256(record.candidate),
        "git_commit": record.git_commit,
        "mlflow.note.content": "\n\n".join(note),
        "mlflow.source.name": "retention",
        "mlflow.source.type": "LOCAL",
        "mlflow.source.git.commit": record.git_commit,
    }


def _model_run(record: RunRecord, name: str) -> PipelineRun:
    report, task = record.selection_report, name.partition("_")[0]
    tags = {
        "task": task,
        "model": name,
        "baseline": "yes" if models.discover()[name].baseline else "no",
        "chosen": "yes" if name in report.weights[task] else "no",
    }
    figures, list_figures = (
        _figures(_parts(record.metrics)[part], name) for part in (task, "list")
    )
    folds = _folds(report, name)
    return PipelineRun(
        name=report.titles[name],
        tags={"level": "model", **tags},
        params=_flat(report.params[name]),
        points=[
            *_points(figures),
            *_points({f"list_{key}": value for key, value in list_figures.items()}),
            *_points({"out_of_fold_loss": report.losses.get(name)}),
            *(
                MetricPoint(f"fold_{key}", value, step)
                for step, fold_run in enumerate(folds, 1)
                for key, value, _ in fold_run.points
            ),
        ],
        children=[
            PipelineRun(fold_run.name, {**tags, **fold_run.tags}, fold_run.params, fold_run.points)
            for fold_run in folds
        ],
    )


def _folds(report: SelectionReport, name: str) -> list[PipelineRun]:
    """One run per fold that the model was evaluated on."""
    tuned = report.tuned_per_fold.get(name, ())
    per_fold = report.fold_metrics.get(name, ({},) * len(tuned))
    return [
        PipelineRun(
            name=f"fold {number}, tested on {fold.test}",
            tags={"level": "fold", "fold": str(number)},
            params=_flat({**fold.as_json(), **parameters}),
            points=_points(metrics),
        )
        for number, (fold, parameters, metrics) in enumerate(
            zip(report.folds, tuned, per_fold, strict=False), 1
        )
    ]


def _selected_model_points(metrics: TestMetrics) -> list[MetricPoint]:
    """The headline figures, as `dvc metrics` shows them; metrics.json has all, with intervals."""
    return _points(headlines.headline_metrics(metrics).root)


def _figure_table(metrics: TestMetrics) -> str:
    """The headline figures with their 95 % intervals, as a table in Markdown."""
    parts = _parts(metrics)
    lines = ["| figure | value | 95 % interval |", "| --- | --- | --- |"]
    for name, value in headlines.headline_metrics(metrics).root.items():
        if value is None:
            continue
        part, _, metric = name.partition("_")
        figure = parts[part]["recipe"][metric]
        has_interval = figure.low is not None and figure.high is not None
        interval = f"{figure.low:.4g} to {figure.high:.4g}" if has_interval else ""
        lines.append(f"| {name} | {value:.4g} | {interval} |")
    return "\n".join(lines)


def _parts(metrics: TestMetrics) -> dict[str, Figures]:
    return {"churn": metrics.churn, "value": metrics.value, "list": metrics.list_metrics}


def _figures(by_model: Figures, name: str) -> dict[str, Number | None]:
    """metric, metric_low and metric_high of one model."""
    return {
        f"{metric}{end}": value
        for metric, figure in by_model.get(name, {}).items()
        for end, value in (("", figure.value), ("_low", figure.low), ("_high", figure.high))
    }


def _points(figures: Mapping[str, Number | None]) -> list[MetricPoint]:
    """The figures that there are."""
    return [MetricPoint(name, float(value)) for name, value in figures.items() if value is not None]


def _flat(tree: Mapping[str, Any], above: str = "") -> dict[str, str]:
    """{"a": {"b": [1, 2]}} as {"a.b": "1, 2"}."""
    flat: dict[str, str] = {}
    for key, value in tree.items():
        if isinstance(value, dict):
            flat |= _flat(value, f"{above}{key}.")
        else:
            joined = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            flat[f"{above}{key}"] = joined or "none"
    return flat
