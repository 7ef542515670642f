"""Stage `evaluate`: metrics of the selected models and of every baseline on unseen snapshots.

The figures are of customers whom a list could still contact; beside them stand those of all.
"""

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
from retention.stats.weighted import Weights
from retention.tracking import client
from retention.training import metrics, populations, slices
from retention.training.churn_figures import churn_figures
from retention.training.metric_intervals import (
    Measure,
    MeasuredRows,
    MetricIntervals,
    gains_over_others,
    metrics_with_intervals,
)
from retention.training.populations import RECIPE

OBJECTS = "do_not_contact"
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
    their labels, and where they differ from 1 with weights.
    """
    churn = populations.frames_by_model(predictions, scores, "churn")
    value = populations.frames_by_model(predictions, scores, "value")
    capacity, plan = params.at_risk.capacity, params.evaluate
    # Beside the list stand lists by each model's probability.
    ranked = {name: frame.assign(rank_by=frame["prediction"]) for name, frame in churn.items()}
    recipe = ranked[RECIPE]
    recipe["rank_by"] = metrics.list_order(recipe["expected_loss"], recipe["prediction"])

    def value_metrics(y: Floats, predicted: Floats, weight: Weights) -> dict[str, float]:
        without_interval = metrics.value_metrics(y, predicted, predicted, predicted, weight)
        return {name: without_interval[name] for name in VALUE_METRICS}

    def list_metrics(
        y: Floats, rank_by: Floats, order: Floats, weight: Weights
    ) -> dict[str, float]:
        return metrics.list_metrics(y, rank_by, order, capacity, weight)

    def per_model(
        frames: dict[str, pd.DataFrame], measure: Measure, columns: str
    ) -> dict[str, MetricIntervals]:
        return {
            name: metrics_with_intervals(
                measure,
                MeasuredRows.from_frame(frame),
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
        "churn": {
            name: churn_figures(frame, capacity, params.policy, plan.bootstrap, plan.seed)
            for name, frame in churn.items()
        },
        "value": per_model(value, value_metrics, "value prediction")
        | per_model(selected_value, metrics.value_metrics, with_interval),
        "list": per_model(ranked, list_metrics, "churned rank_by order"),
        "gain": gains_over_others(churn, RECIPE, paired, plan.bootstrap, plan.seed),
        "value_by_decile": slices.value_by_decile(populations.newest(scores)),
    }


def join_labels(predicted: pa.Table, labels: pa.Table) -> pd.DataFrame:
    """Predictions with churned and value; ordered by customer and day."""
    keys = ["customer_id", "snapshot_on"]
    outcomes = labels.select([*keys, "churned", "value"])
    joined = predicted.join(outcomes, keys=keys, join_type="inner")
    frame: pd.DataFrame = joined.sort_by([(key, "ascending") for key in keys]).to_pandas()
    return frame


def header(
    selection_report: SelectionReport, scores: pd.DataFrame, params: Params
) -> dict[str, Any]:
    """The rows and the target that the figures are of."""
    test_fold = selection_report.measured_on
    return {
        "measured_on": test_fold.test if test_fold and len(scores) else None,
        **populations.counts(scores),
        "days": populations.by_day(scores),
        "capacity": params.at_risk.capacity,
        "definition": target.target_description(params.labels),
        "banners": selection_report.banners,
    }


def of_all_customers(scores: pd.DataFrame, params: Params) -> dict[str, Any]:
    """The figures of the selected models with the customers whom no list could contact."""
    no_others = pd.DataFrame({"task": [], "model": []})
    figures = evaluate(no_others, scores, params)
    return populations.counts(scores) | {name: figures[name] for name in ("churn", "value", "list")}


def current_attributes() -> pd.DataFrame:
    """customer_id and `slices.ATTRIBUTES` as known today; empty without a customers table."""
    if not artefacts.CUSTOMERS.path.is_file():
        return pd.DataFrame({"customer_id": pd.Series(dtype="str"), OBJECTS: []})
    names = ["customer_id", "known_day", OBJECTS, *slices.ATTRIBUTES]
    return slices.newest_attributes(artefacts.CUSTOMERS.read(columns=names).to_pandas())


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
        attributes = current_attributes()
        scores = join_labels(artefacts.TEST_SCORES.read(), labels)
        objects = attributes.loc[attributes[OBJECTS].astype(bool), "customer_id"]
        scores["contactable"] &= ~scores["customer_id"].isin(objects)
        who = scores[["customer_id", "snapshot_on", "weight", "contactable"]]
        model_predictions = join_labels(artefacts.TEST_PREDICTIONS.read(), labels).merge(who)
        log.read(artefacts.TEST_PREDICTIONS, len(model_predictions))
        measured = populations.contactable(scores)
        others = populations.contactable(model_predictions)
        content = header(selection_report, measured, params)
        content |= evaluate(others, measured, params) if len(scores) else NO_FIGURES
        if len(scores):
            capacity, min_size = params.at_risk.capacity, params.evaluate.min_group_size
            today = populations.newest(measured)
            groups = slices.slice_metrics(today, attributes, capacity, min_size)
            content |= {"slices": groups, "all_customers": of_all_customers(scores, params)}
        if artefacts.LIFETIME.path.is_file():
            content["lifetime"] = artefacts.LIFETIME.read()
        test_metrics = TestMetrics.model_validate(content)
        artefacts.METRICS.write(test_metrics)
        artefacts.HEADLINE_METRICS.write(headlines.headline_metrics(test_metrics))
        schema = artefacts.PREDICTIONS.schema
        artefacts.PREDICTIONS.write(
            pa.Table.from_pandas(scores[schema.names], schema=schema, preserve_index=False)
        )
        rule = others.loc[others["model"] == "churn_recency"]
        chances = rule["prediction"].to_numpy() if len(rule) else np.nan
        baseline = measured.assign(churn_probability=chances)
        plots.draw(measured, baseline, artefacts.PLOTS.path, params.currency)
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
