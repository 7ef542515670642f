"""Stage `uplift`: fit an uplift model on randomised customers, and measure what it is worth.

Customers are ranked by uplift only where that ranking beats expected loss.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

import models
from models.components.uplift import UpliftModel
from retention.core import artefacts, console, engine, errors, point_in_time
from retention.core.documents.modelling import UpliftFigures, UpliftManifest, UpliftMetrics
from retention.core.params import EngineParams, Params, load_params
from retention.experiments import assignment_history
from retention.ledgers import assignments
from retention.policy.play_effects import expected_cost
from retention.policy.plays import cheapest_contact_play
from retention.uplift import fit
from retention.uplift.dataset import (
    eligible_customers,
    experiment_table,
    join_outcomes,
    uplift_dataset,
)
from retention.uplift.fit import FittedUplift, UpliftDataset


@dataclass(frozen=True)
class UpliftResult:
    """What the stage leaves."""

    manifest: UpliftManifest  # the model and its use; what a champion carries beside it
    figures: dict[str, UpliftFigures]  # of every uplift model, by name
    experiment: pa.Table  # EXPERIMENT
    conclusion: str  # in a sentence


def uplift(outcomes: pd.DataFrame, X: pd.DataFrame, params: Params, eligible: int) -> UpliftResult:
    """Fit the model that params name and evaluate all, where there are churners enough.

    outcomes, X: as `join_outcomes` returns them. eligible: customers for whom they speak.
    """
    name = params.uplift.model
    why_not = fit.why_not_learnable(
        outcomes["treated"], outcomes["churned"], outcomes["customer_id"]
    )
    if name is None or why_not:
        reason = why_not or "params.yaml names no model of the effect"
        return UpliftResult(
            manifest=empty_manifest(len(outcomes), name is not None),
            figures={},
            experiment=artefacts.EXPERIMENT.schema.empty_table(),
            conclusion=f"ranks by expected loss: {reason}",
        )
    dataset = uplift_dataset(outcomes, X, params.policy.retained_windows)
    fitted, figures = fit_and_compare(dataset, name, params, eligible)
    comparison = fitted.evaluation.comparison
    interval = f"({comparison.interval.low:+.4f} to {comparison.interval.high:+.4f})"
    ranking = "what a contact changes" if comparison.uplift_ranks else "expected loss"
    return UpliftResult(
        manifest=uplift_manifest(fitted, name, len(outcomes)).updated(eligible=eligible),
        figures=figures,
        experiment=experiment_table(outcomes, dataset, fitted),
        conclusion=f"ranks by {ranking}: better by {comparison.difference:+.4f} a customer "
        f"{interval}",
    )


def fit_and_compare(
    dataset: UpliftDataset, name: str, params: Params, eligible: int
) -> tuple[FittedUplift, dict[str, UpliftFigures]]:
    """The model `name` fitted, and the figures of every model that is discovered."""
    contact_share, cost = contact_share_and_cost(params, eligible)
    fitted = fit.fit_uplift(model_factory(params, name), dataset, contact_share, cost)
    figures = {
        other: fit.evaluation_figures(
            fit.evaluate_uplift(model_factory(params, other), dataset, contact_share, cost)
        )
        for other in models.discover_uplift()
        if other != name
    }
    return fitted, {**figures, name: fit.evaluation_figures(fitted.evaluation)}


def model_factory(params: Params, name: str) -> Callable[[], UpliftModel]:
    """make_model() -> an unfitted uplift model with the parameters of params.train."""
    train = params.train
    return lambda: models.build_uplift(name, train.seed, train.threads, train.models.get(name))


def contact_share_and_cost(params: Params, eligible: int) -> tuple[float, float]:
    """The share of eligible customers whom a list contacts; the cost of the cheapest contact."""
    play = cheapest_contact_play(params.policy)
    contact_share = min(params.at_risk.capacity / max(eligible, 1), 1.0)
    return contact_share, expected_cost(play) if play else 0.0


def uplift_manifest(fitted: FittedUplift, name: str, n_rows: int) -> UpliftManifest:
    """The model, whether it ranks, by how much it is better, and where sleeping dogs begin."""
    comparison = fitted.evaluation.comparison
    return UpliftManifest(
        name=name,
        model=fitted.model.state(),
        ranks=comparison.uplift_ranks,
        disturbed_from=fitted.sleeping_dog_threshold,
        lots=n_rows,
        better=comparison.difference,
        low=comparison.interval.low,
        high=comparison.interval.high,
    )


def empty_manifest(n_rows: int, is_asked_for: bool = True) -> UpliftManifest:
    """The manifest where no model is fitted: customers are ranked by expected loss."""
    return UpliftManifest(
        name=None,
        asked=is_asked_for,
        ranks=False,
        disturbed_from=None,
        lots=n_rows,
    )


def read_assignments(
    params: Params, as_of: int, snapshots: Sequence[date]
) -> tuple[pd.DataFrame, bool]:
    """customer_id, snapshot_on, treated, propensity; and whether our own lists made any of them."""
    summary = artefacts.EVENTS_SUMMARY.read()
    with engine.open_engine(EngineParams(memory=params.engine.memory)) as open_engine:
        events = open_engine.scan(artefacts.EVENTS)
        history = point_in_time.as_known_at(events, as_of, summary.versioned)
        from_events = assignment_history.assignments_from_events(history, open_engine)
    from_lists = assignment_history.assignments_from_lists(
        assignments.FOLDER, params.company, as_of, first_only=True
    )
    aligned = assignment_history.align_to_snapshots(
        pa.concat_tables([from_lists, from_events]).to_pandas(),
        np.array([point_in_time.day_number(day) for day in snapshots]),
        params.snapshots.every_days,
        params.labels.churn.gap_days + params.labels.churn.horizon_days,
    )
    snapshot_on = aligned.pop("day").map(point_in_time.date_of).astype(object)
    return aligned.assign(snapshot_on=snapshot_on), len(from_lists) > 0


def main() -> None:
    params = load_params()
    with console.stage("uplift") as log:
        calendar = artefacts.SNAPSHOTS_SUMMARY.read()
        cross_predictions, labels = artefacts.CROSS_PREDICTIONS.read(), artefacts.LABELS.read()
        snapshots = sorted(labels["snapshot_on"].unique().to_pylist())
        assigned, from_lists = read_assignments(
            params, point_in_time.day_number(calendar.as_of), snapshots
        )
        is_predicted = pc.field("snapshot_on").isin(cross_predictions["snapshot_on"].unique())
        features = artefacts.FEATURES.read(filters=is_predicted)
        outcomes, X = join_outcomes(assigned, cross_predictions, labels, features)
        log.read(artefacts.CROSS_PREDICTIONS, len(outcomes))
        eligible = eligible_customers(assigned, calendar.watched[calendar.as_of], from_lists)
        result = uplift(outcomes, X, params, eligible)
        artefacts.UPLIFT.write(result.manifest)
        artefacts.EXPERIMENT.write(result.experiment)
        artefacts.UPLIFT_METRICS.write(UpliftMetrics(result.figures))
        log.info(result.conclusion)


if __name__ == "__main__":
    errors.run(main)
