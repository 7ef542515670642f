"""Stage `uplift`: fit an uplift model on randomised customers, and measure what it is worth.

Customers are ranked by uplift only where that ranking beats expected loss.
"""

from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass
from datetime import date

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

import models
from models.components.uplift import UpliftModel
from retention.core import artefacts, console, engine, errors, point_in_time
from retention.core.documents.modelling import (
    SaveRateOfExperiment,
    UpliftFigures,
    UpliftManifest,
    UpliftMetrics,
)
from retention.core.params import EngineParams, Params, load_params
from retention.experiments import assignment_history, save_rates
from retention.ledgers import assignments
from retention.policy.past_candidates import is_candidate
from retention.policy.play_effects import expected_cost
from retention.policy.plays import cheapest_contact_play, contact_costs
from retention.uplift import fit
from retention.uplift.dataset import (
    eligible_customers,
    experiment_table,
    join_outcomes,
    treatments_of,
    uplift_dataset,
)
from retention.uplift.fit import FittedUplift, UpliftDataset
from retention.uplift.manifest import empty_manifest, uplift_manifest


@dataclass(frozen=True)
class UpliftResult:
    """What the stage leaves."""

    manifest: UpliftManifest  # the model and its use; what a champion carries beside it
    figures: dict[str, UpliftFigures]  # of every uplift model, by name
    experiment: pa.Table  # EXPERIMENT
    conclusion: str  # in a sentence


def uplift(
    outcomes: pd.DataFrame,
    X: pd.DataFrame,
    params: Params,
    eligible: int,
    shares: pd.DataFrame | None = None,
) -> UpliftResult:
    """Fit the model that params name and evaluate all, where there are customers enough.

    outcomes, X: as `join_outcomes` returns them, the first with `is_candidate`. eligible: customers
    for whom they speak. shares: as `treatment_shares` returns them; None where treatments are not
    told apart.
    """
    name, outcome = params.uplift.model, params.uplift.outcome
    y = outcomes["value" if outcome == "money" else "churned"]
    why_not = fit.why_not_learnable(outcomes["treated"], y, outcomes["customer_id"], outcome)
    if name is None or why_not:
        reason = why_not or "params.yaml names no model of the effect"
        return UpliftResult(
            manifest=empty_manifest(len(outcomes), name is not None),
            figures={},
            experiment=artefacts.EXPERIMENT.schema.empty_table(),
            conclusion=f"ranks by expected loss: {reason}",
        )
    contact_share, cost = contact_share_and_cost(params, eligible)
    treatments = treatments_of(outcomes, shares, contact_costs(params.policy), outcome)
    windows = params.policy.retained_windows
    dataset = uplift_dataset(outcomes, X, windows, outcome, cost, treatments)
    fitted, figures = fit_and_compare(dataset, name, params, contact_share)
    comparison = fitted.evaluation.comparison
    interval = f"({comparison.interval.low:+.4f} to {comparison.interval.high:+.4f})"
    ranking = "what a contact changes" if comparison.uplift_ranks else "expected loss"
    return UpliftResult(
        manifest=uplift_manifest(fitted, name, dataset).updated(eligible=eligible),
        figures=figures,
        experiment=experiment_table(outcomes, dataset, fitted),
        conclusion=f"ranks by {ranking}: better by {comparison.difference:+.4f} a customer "
        f"{interval}",
    )


def fit_and_compare(
    dataset: UpliftDataset, name: str, params: Params, contact_share: float
) -> tuple[FittedUplift, dict[str, UpliftFigures]]:
    """The model `name` fitted, and the figures of every model of the same outcome."""
    fitted = fit.fit_uplift(model_factory(params, name), dataset, contact_share)
    figures = {
        other: fit.evaluation_figures(
            fit.evaluate_uplift(model_factory(params, other), dataset, contact_share)
        )
        for other, kind in models.discover_uplift().items()
        if other != name and dataset.outcome in kind.outcomes
    }
    return fitted, {**figures, name: fit.evaluation_figures(fitted.evaluation)}


def model_factory(params: Params, name: str) -> Callable[[], UpliftModel]:
    """make_model() -> an unfitted uplift model with the parameters of params.train.

    Errors: BadParams for a model that does not learn the outcome that params name.
    """
    train, outcome = params.train, params.uplift.outcome
    overrides = dict(train.models.get(name) or {})
    if outcome not in models.discover_uplift()[name].outcomes:
        raise errors.BadParams(f"uplift.outcome: {name} does not learn {outcome}; use uplift_dr")
    if outcome != "churn":
        overrides["outcome"] = outcome
    return lambda: models.build_uplift(name, train.seed, train.threads, overrides)


def contact_share_and_cost(params: Params, eligible: int) -> tuple[float, float]:
    """The share of eligible customers whom a list contacts; the cost of the cheapest contact."""
    play = cheapest_contact_play(params.policy)
    contact_share = min(params.at_risk.capacity / max(eligible, 1), 1.0)
    return contact_share, expected_cost(play) if play else 0.0


def read_assignments(
    params: Params, as_of: int, snapshots: Sequence[date]
) -> tuple[pd.DataFrame, bool, pd.DataFrame]:
    """Assignments at snapshots, whether our own lists made any, and the events' treatments.

    Columns customer_id, snapshot_on, treated, propensity, treatment, occurred_day; the treatments
    as `treatment_shares` returns them.
    """
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
    shares = assignment_history.treatment_shares(from_events.to_pandas())
    return aligned.assign(snapshot_on=snapshot_on), len(from_lists) > 0, shares


def main() -> None:
    params = load_params()
    with console.stage("uplift") as log:
        calendar = artefacts.SNAPSHOTS_SUMMARY.read()
        cross_predictions, labels = artefacts.CROSS_PREDICTIONS.read(), artefacts.LABELS.read()
        snapshots = sorted(labels["snapshot_on"].unique().to_pylist())
        assigned, from_lists, shares = read_assignments(
            params, point_in_time.day_number(calendar.as_of), snapshots
        )
        is_predicted = pc.field("snapshot_on").isin(cross_predictions["snapshot_on"].unique())
        features = artefacts.FEATURES.read(filters=is_predicted)
        outcomes, X = join_outcomes(assigned, cross_predictions, labels, features)
        log.read(artefacts.CROSS_PREDICTIONS, len(outcomes))
        outcomes["candidate"] = is_candidate(outcomes, X, params.policy)
        eligible = eligible_customers(assigned, calendar.watched[calendar.as_of], from_lists)
        result = uplift(outcomes, X, params, eligible, shares)
        rates = save_rates.measured_by_treatment(outcomes, shares)
        save_rate_rows = tuple(SaveRateOfExperiment(**asdict(rate)) for rate in rates)
        manifest = result.manifest.updated(save_rates=save_rate_rows)
        artefacts.UPLIFT.write(manifest if rates else result.manifest)
        artefacts.EXPERIMENT.write(result.experiment)
        artefacts.UPLIFT_METRICS.write(UpliftMetrics(result.figures))
        log.info(result.conclusion)


if __name__ == "__main__":
    errors.run(main)
