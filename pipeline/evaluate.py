"""Stage `evaluate`: metrics of the selected models and of every baseline on the test snapshot."""

from collections.abc import Callable
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa

from models.components.base import Floats
from retention.core import artefacts, console, errors
from retention.core.documents.modelling import SelectionReport, TestMetrics
from retention.core.params import Params, load_params
from retention.core.storage import atomic
from retention.reporting.model_card import card, plots
from retention.serving import headlines, target
from retention.stats import bootstrap
from retention.tracking import client
from retention.training import metrics, slices
from retention.training.metric_intervals import (
    MetricIntervals,
    gains_over_others,
    metrics_with_intervals,
)

RECIPE = "recipe"  # the selected models, in metrics.json
VALUE_METRICS = ("mae", "bias", "spearman", "normalised_gini")
NO_FIGURES: dict[str, Any] = {
    "churn": {},
    "value": {},
    "list": {},
    "gain": {},
    "value_by_decile": [],
    "slices": [],
}


def evaluate(predictions: pd.DataFrame, scores: pd.DataFrame, params: Params) -> dict[str, Any]:
    """Every figure of metrics.json but its header and slices.

    predictions: task, model, prediction of every model; scores: of the selected models; both with
    their labels.
    """
    churn = frames_by_model(predictions, scores, "churn")
    value = frames_by_model(predictions, scores, "value")
    capacity, plan = params.at_risk.capacity, params.evaluate
    # The list is ranked by expected loss; beside it stand lists by each model's probability.
    ranked = {name: frame.assign(rank_by=frame["prediction"]) for name, frame in churn.items()}
    ranked[RECIPE]["rank_by"] = scores["expected_loss"]

    def churn_metrics(y: Floats, p: Floats, order: Floats) -> dict[str, float]:
        return metrics.churn_metrics(y, p, capacity, order)

    def value_metrics(y: Floats, predicted: Floats) -> dict[str, float]:
        without_interval = metrics.value_metrics(y, predicted, predicted, predicted)
        return {name: without_interval[name] for name in VALUE_METRICS}

    def list_metrics(y: Floats, rank_by: Floats, order: Floats) -> dict[str, float]:
        return metrics.list_metrics(y, rank_by, order, capacity)

    def per_model(
        frames: dict[str, pd.DataFrame], measure: Callable[..., dict[str, float]], columns: str
    ) -> dict[str, MetricIntervals]:
        return {
            name: metrics_with_intervals(
                measure,
                frame["customer_id"],
                [frame[column].to_numpy() for column in columns.split()],
                plan.bootstrap,
                plan.seed,
            )
            for name, frame in frames.items()
        }

    selected_value = {RECIPE: value[RECIPE]}  # the only one with an interval
    with_interval = "value prediction value_low value_high"
    paired = {"roc_auc": metrics.roc_auc, "log_loss": metrics.log_loss}
    return {
        "churn": per_model(churn, churn_metrics, "churned prediction order"),
        "value": per_model(value, value_metrics, "value prediction")
        | per_model(selected_value, metrics.value_metrics, with_interval),
        "list": per_model(ranked, list_metrics, "churned rank_by order"),
        "gain": gains_over_others(churn, RECIPE, paired, plan.bootstrap, plan.seed),
        "value_by_decile": slices.value_by_decile(scores),
    }


def frames_by_model(
    predictions: pd.DataFrame, scores: pd.DataFrame, task: str
) -> dict[str, pd.DataFrame]:
    """Per model of a task, and for RECIPE, one row a customer with `prediction` and labels.

    `order` breaks ties by customer_id.
    """
    of_task = predictions[predictions["task"] == task]
    frames = {str(name): frame.reset_index(drop=True) for name, frame in of_task.groupby("model")}
    column = "churn_probability" if task == "churn" else "expected_value"
    frames[RECIPE] = scores.assign(prediction=scores[column])
    return {
        name: frame.assign(
            churned=frame["churned"].astype(float),
            order=bootstrap.tie_ranks(frame["customer_id"]),
        )
        for name, frame in frames.items()
    }


def join_labels(predicted: pa.Table, labels: pa.Table) -> pd.DataFrame:
    """Predictions with churned and value; ordered by customer."""
    keys = ["customer_id", "snapshot_on"]
    joined = predicted.join(labels, keys=keys, join_type="inner").sort_by("customer_id")
    frame: pd.DataFrame = joined.to_pandas()
    return frame


def header(
    selection_report: SelectionReport, scores: pd.DataFrame, params: Params
) -> dict[str, Any]:
    """The rows and the target that the figures are of."""
    test_fold = selection_report.measured_on
    return {
        "measured_on": test_fold.test if test_fold and len(scores) else None,
        "customers": len(scores),
        "churners": int(scores["churned"].sum()),
        "churn_rate": float(scores["churned"].mean()) if len(scores) else None,
        "capacity": params.at_risk.capacity,
        "definition": target.target_description(params.labels),
        "banners": selection_report.banners,
    }


def current_attributes() -> pd.DataFrame:
    """customer_id and `slices.ATTRIBUTES` as known today; empty without a customers table."""
    if not artefacts.CUSTOMERS.path.is_file():
        return pd.DataFrame({"customer_id": pd.Series(dtype="str")})
    names = ["customer_id", "known_day", *slices.ATTRIBUTES]
    customers: pd.DataFrame = artefacts.CUSTOMERS.read(columns=names).to_pandas()
    newest = customers.sort_values("known_day", na_position="first").drop_duplicates(
        "customer_id", keep="last"
    )
    return newest.drop(columns="known_day")


def log_to_mlflow(params: Params, log: console.StageLog) -> None:
    """Log the run; where MLflow cannot be reached, report it and go on."""
    try:
        log.info(f"MLflow run {client.log_run(client.collect_record(params))}")
    except client.TrackingDown as down:
        log.info(str(down))


def main() -> None:
    params = load_params()
    with console.stage("evaluate") as log:
        selection_report, labels = artefacts.SELECTION.read(), artefacts.LABELS.read()
        model_predictions = join_labels(artefacts.TEST_PREDICTIONS.read(), labels)
        scores = join_labels(artefacts.TEST_SCORES.read(), labels)
        log.read(artefacts.TEST_PREDICTIONS, len(model_predictions))
        content = header(selection_report, scores, params)
        content |= evaluate(model_predictions, scores, params) if len(scores) else NO_FIGURES
        if len(scores):
            capacity, min_size = params.at_risk.capacity, params.evaluate.min_group_size
            groups = slices.slice_metrics(scores, current_attributes(), capacity, min_size)
            content |= {"slices": groups}
        test_metrics = TestMetrics.model_validate(content)
        artefacts.METRICS.write(test_metrics)
        artefacts.HEADLINE_METRICS.write(headlines.headline_metrics(test_metrics))
        schema = artefacts.PREDICTIONS.schema
        predictions = scores[schema.names]
        artefacts.PREDICTIONS.write(
            pa.Table.from_pandas(predictions, schema=schema, preserve_index=False)
        )
        of_rule = model_predictions["model"] == "churn_recency"
        rule = model_predictions.loc[of_rule, "prediction"].to_numpy()
        baseline = predictions.assign(churn_probability=rule if len(rule) else np.nan)
        plots.draw(predictions, baseline, artefacts.PLOTS.path, params.currency)
        text = card.render(
            selection_report.as_json() | {"dead": list(artefacts.FEATURES_SUMMARY.read().dead)},
            test_metrics.as_json(),
            test_metrics.definition,
            params.currency,
        )
        atomic.write_text(artefacts.MODEL_CARD, text)
        log.wrote(artefacts.PREDICTIONS, len(scores))
        log_to_mlflow(params, log)
        log.info(f"open next: {artefacts.MODEL_CARD}")


if __name__ == "__main__":
    errors.run(main)
