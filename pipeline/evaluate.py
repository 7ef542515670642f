"""Stage `evaluate`: what the recipe and every baseline are worth on time that nothing has seen."""

import math
from collections.abc import Callable
from typing import Any

import pandas as pd
import pyarrow as pa

from models.components.base import Floats
from retention.core import artefacts, console, errors
from retention.core.params import Params, load_params
from retention.core.storage import atomic
from retention.reporting.model_card import card as model_card
from retention.reporting.model_card import plots
from retention.serving import target
from retention.stats import bootstrap
from retention.tracking import client
from retention.training import metrics, slices

RECIPE = "recipe"
VALUE_METRICS = ("mae", "bias", "spearman", "normalised_gini")

Figure = dict[str, float | None]
Figures = dict[str, Figure]


def join_labels(predicted: pa.Table, label_table: pa.Table) -> pd.DataFrame:
    """Predictions and what happened: adds churned and value; ordered by customer."""
    keys = ["customer_id", "snapshot_on"]
    both = predicted.join(label_table, keys=keys, join_type="inner").sort_by("customer_id")
    frame: pd.DataFrame = both.to_pandas()
    return frame


def by_model(predictions: pd.DataFrame, scores: pd.DataFrame, task: str) -> dict[str, pd.DataFrame]:
    """Per model of a task, and for the recipe, one row a customer with its `prediction`."""
    of_task = predictions[predictions["task"] == task]
    frames = {str(name): frame.reset_index(drop=True) for name, frame in of_task.groupby("model")}
    column = "churn_probability" if task == "churn" else "expected_value"
    frames[RECIPE] = scores.assign(prediction=scores[column])
    return {name: _with_tie_order(frame) for name, frame in frames.items()}


def _with_tie_order(frame: pd.DataFrame) -> pd.DataFrame:
    """Floats for the labels, and the written tie order: customer_id ascending."""
    return frame.assign(
        churned=frame["churned"].astype(float), order=bootstrap.tie_ranks(frame["customer_id"])
    )


def figures_with_intervals(
    measure: Callable[..., dict[str, float]],
    frame: pd.DataFrame,
    columns: list[str],
    params: Params,
) -> Figures:
    """Each number of `measure` over columns of the frame, with its 95 % interval."""
    arrays = [frame[name].to_numpy() for name in columns]
    plan = params.evaluate
    around = bootstrap.bootstrap(measure, frame["customer_id"], arrays, plan.bootstrap, plan.seed)
    return {name: _figure(value, around[name]) for name, value in measure(*arrays).items()}


def _figure(value: float, around: bootstrap.Interval | bootstrap.PairedDifference) -> Figure:
    numbers = {"value": value, "low": around.low, "high": around.high}
    return {
        name: float(number) if math.isfinite(number) else None for name, number in numbers.items()
    }


def list_metrics(
    churned: Floats, rank_by: Floats, order: Floats, capacity: int
) -> dict[str, float]:
    """What a list of the `capacity` highest in `rank_by` holds; ties go to the first in order."""
    rows = metrics.top_rows(rank_by, min(capacity, len(rank_by)), order)
    churners_on_list, base = churned[rows], float(churned.mean())
    churned_share = float(churners_on_list.mean())
    return {
        "listed": float(len(rows)),
        "churned_share": churned_share,
        "found_share": float(churners_on_list.sum() / churned.sum()) if churned.any() else math.nan,
        "lift": churned_share / base if base else math.nan,
    }


def gains_over_others(models: dict[str, pd.DataFrame], params: Params) -> dict[str, Figures]:
    """The recipe less each other churn model, in pairs on the same resampled customers."""
    selected, plan = models[RECIPE], params.evaluate
    by_model: dict[str, Figures] = {}
    for name, other in models.items():
        if name == RECIPE:
            continue
        by_model[name] = {}
        for metric in (metrics.roc_auc, metrics.log_loss):
            difference = bootstrap.paired_difference(
                metric,
                selected["churned"],
                selected["prediction"],
                other["prediction"],
                selected["customer_id"],
                plan.bootstrap,
                plan.seed,
            )
            by_model[name][metric.__name__] = _figure(difference.difference, difference)
    return by_model


def value_by_decile(scores: pd.DataFrame) -> list[dict[str, Any]]:
    """Value given kept and given lost, predicted against realised, by decile of value if kept."""
    rank = scores["value_if_kept"].rank(method="first")
    decile = ((rank - 1) * 10 // len(scores)).astype(int) + 1
    rows = []
    for number, group in scores.groupby(decile):
        stayed, lost = group[~group["churned"]], group[group["churned"]]
        rows.append(
            {
                "decile": int(str(number)),
                "customers": len(group),
                "expected_if_kept": _mean(stayed["value_if_kept"]),
                "actual_if_kept": _mean(stayed["value"]),
                "expected_if_lost": _mean(lost["value_if_lost"]),
                "actual_if_lost": _mean(lost["value"]),
            }
        )
    return rows


def _mean(values: "pd.Series[float]") -> float | None:
    return float(values.mean()) if len(values) else None


def evaluate(predictions: pd.DataFrame, scores: pd.DataFrame, params: Params) -> dict[str, Any]:
    """Every figure of metrics.json but its head: churn, value, list, gain, value_by_decile.

    `said` is what each model says (task, model, prediction), `scores` what the recipe says, both
    beside what happened.
    """
    churn, value = by_model(predictions, scores, "churn"), by_model(predictions, scores, "value")
    capacity = params.at_risk.capacity
    ranked = {name: frame.assign(rank_by=frame["prediction"]) for name, frame in churn.items()}
    ranked[RECIPE]["rank_by"] = scores["expected_loss"]

    def of_churn(y: Floats, p: Floats, order: Floats) -> dict[str, float]:
        return metrics.churn_metrics(y, p, capacity, order)

    def of_value(y: Floats, predicted: Floats) -> dict[str, float]:
        without_interval = metrics.value_metrics(y, predicted, predicted, predicted)
        return {name: without_interval[name] for name in VALUE_METRICS}

    def of_list(y: Floats, rank_by: Floats, order: Floats) -> dict[str, float]:
        return list_metrics(y, rank_by, order, capacity)

    def all_of(
        frames: dict[str, pd.DataFrame], measure: Callable[..., dict[str, float]], columns: str
    ) -> dict[str, Figures]:
        return {
            name: figures_with_intervals(measure, frame, columns.split(), params)
            for name, frame in frames.items()
        }

    return {
        "churn": all_of(churn, of_churn, "churned prediction order"),
        "value": all_of(value, of_value, "value prediction")
        | all_of(
            {RECIPE: value[RECIPE]}, metrics.value_metrics, "value prediction value_low value_high"
        ),
        "list": all_of(ranked, of_list, "churned rank_by order"),
        "gain": gains_over_others(churn, params),
        "value_by_decile": value_by_decile(scores),
    }


def header(story: dict[str, Any], scores: pd.DataFrame, params: Params) -> dict[str, Any]:
    """What the figures were measured on."""
    measured = story["measured_on"]
    return {
        "measured_on": measured["test"] if measured and len(scores) else None,
        "customers": len(scores),
        "churners": int(scores["churned"].sum()),
        "churn_rate": float(scores["churned"].mean()) if len(scores) else None,
        "capacity": params.at_risk.capacity,
        "definition": target.target_description(params.labels),
        "banners": story["banners"],
    }


def current_attributes() -> pd.DataFrame:
    """customer_id and `slices.ATTRIBUTES` as they are known today; none where nothing is."""
    if not artefacts.CUSTOMERS.path.is_file():
        return pd.DataFrame({"customer_id": pd.Series(dtype="str")})
    names = ["customer_id", "known_day", *slices.ATTRIBUTES]
    customers: pd.DataFrame = artefacts.CUSTOMERS.read(columns=names).to_pandas()
    newest = customers.sort_values("known_day", na_position="first").drop_duplicates(
        "customer_id", keep="last"
    )
    return newest.drop(columns="known_day")


NO_FIGURES: dict[str, Any] = {
    "churn": {}, "value": {}, "list": {}, "gain": {}, "value_by_decile": [], "slices": [],
}  # fmt: skip


def log_to_mlflow(params: Params, report: console.StageLog) -> None:
    """Tell MLflow of the run; where it cannot be reached, say so and go on."""
    try:
        report.info(f"MLflow run {client.log_run(client.collect_record(params))}")
    except client.TrackingDown as down:
        report.info(str(down))


def main() -> None:
    params = load_params()
    with console.stage("evaluate") as report:
        story, label_table = atomic.read_json(artefacts.SELECTION), artefacts.LABELS.read()
        model_predictions = join_labels(artefacts.TEST_PREDICTIONS.read(), label_table)
        scores = join_labels(artefacts.TEST_SCORES.read(), label_table)
        report.read(artefacts.TEST_PREDICTIONS, len(model_predictions))
        report_data = header(story, scores, params)
        report_data |= evaluate(model_predictions, scores, params) if len(scores) else NO_FIGURES
        if len(scores):
            limits = (params.at_risk.capacity, params.evaluate.min_group_size)
            report_data |= {"slices": slices.slice_metrics(scores, current_attributes(), *limits)}
        atomic.write_json(artefacts.METRICS, report_data)
        predictions = scores[artefacts.PREDICTIONS.schema.names]
        table = pa.Table.from_pandas(
            predictions, schema=artefacts.PREDICTIONS.schema, preserve_index=False
        )
        artefacts.PREDICTIONS.write(table)
        rule = model_predictions.loc[
            model_predictions["model"] == "churn_recency", "prediction"
        ].to_numpy()
        baseline = predictions.assign(churn_probability=rule)
        plots.draw(predictions, baseline, artefacts.PLOTS.path, params.currency)
        story |= {"dead": atomic.read_json(artefacts.FEATURES_SUMMARY)["dead"]}
        card = model_card.render(story, report_data, report_data["definition"], params.currency)
        atomic.write_text(artefacts.MODEL_CARD, card)
        report.wrote(artefacts.PREDICTIONS, len(scores))
        log_to_mlflow(params, report)
        report.info(f"open next: {artefacts.MODEL_CARD}")


if __name__ == "__main__":
    errors.run(main)
