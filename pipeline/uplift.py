"""Stage `uplift`: learn from those drawn by lot whom a contact keeps, and judge what it is worth.

Customers are ranked by it only where it proves better than ranking by expected loss.
"""

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

import models
from models.components.uplift import RISK, ExperimentData, UpliftModel
from retention.core import artefacts, console, engine, errors, feature_table, point_in_time
from retention.core.params import EngineParams, Params, load_params
from retention.core.storage import atomic
from retention.experiments import assignment_history as lots
from retention.ledgers import assignments
from retention.policy.play_effects import expected_cost
from retention.policy.plays import cheapest_contact_play
from retention.uplift import fit
from retention.uplift.fit import FittedUplift, UpliftDataset


def join_outcomes(
    drawn: pd.DataFrame, foretold: pa.Table, labels: pa.Table, features: pa.Table
) -> tuple[pd.DataFrame, pd.DataFrame]:
    """The lots whose outcome is known, and their features with RISK, by snapshot and customer.

    drawn: customer_id, snapshot_on, treated, propensity. The outcome is the label of the snapshot
    before the lot: the same question for both arms.
    """
    outcome = labels.select([*feature_table.KEYS, "churned"]).to_pandas()
    known = drawn.merge(outcome, on=feature_table.KEYS).merge(
        foretold.to_pandas(), on=feature_table.KEYS
    )
    known = known.sort_values(["snapshot_on", "customer_id"], ignore_index=True)
    keys = known[feature_table.KEYS].astype(object)  # of no rows pandas knows no type
    rows = pa.Table.from_pandas(
        keys, features.select(feature_table.KEYS).schema, preserve_index=False
    )
    described = features.join(rows, keys=feature_table.KEYS, join_type="inner").sort_by(
        [("snapshot_on", "ascending"), ("customer_id", "ascending")]
    )
    X = feature_table.matrix(described)
    return known, X.assign(**{RISK: known[RISK].to_numpy()})


def uplift_dataset(known: pd.DataFrame, X: pd.DataFrame, lasts: float = 1.0) -> UpliftDataset:
    """What a model of the effect learns from; ValueError where there is one arm only.

    lasts: for how many value windows a customer who is kept stays on.
    """
    trial = ExperimentData.from_arrays(
        known["treated"], known["churned"], known["propensity"], known["customer_id"]
    )
    return UpliftDataset(
        X, trial, lasts * (known["value_if_kept"] - known["value_if_lost"]).to_numpy()
    )


def model_factory(chosen: Params, name: str) -> Callable[[], UpliftModel]:
    """make() -> the unfitted model of the effect, under params.train."""
    train = chosen.train
    return lambda: models.build_uplift(name, train.seed, train.threads, train.models.get(name))


def contact_share_and_cost(chosen: Params, many: int) -> tuple[float, float]:
    """The share of customers that a list contacts, and what a contact costs at least, in money."""
    usual = cheapest_contact_play(chosen.policy)
    share = min(chosen.at_risk.capacity / max(many, 1), 1.0)
    return share, expected_cost(usual) if usual else 0.0


def eligible_customers(drawn: pd.DataFrame, watched: int, listed: bool) -> int:
    """For how many customers lots speak: for all watched, or, where our own lists drew them, for
    those alone who come within reach between two snapshots."""
    if drawn.empty or not listed:
        return watched
    return min(watched, max(round(drawn.groupby("snapshot_on").size().mean()), 1))


def learn(
    given: UpliftDataset, name: str, chosen: Params, many: int
) -> tuple[FittedUplift, dict[str, Any]]:
    """The model `name`, and the figures of every one that is discovered."""
    share, cost = contact_share_and_cost(chosen, many)
    learnt = fit.fit_uplift(model_factory(chosen, name), given, share, cost)
    figures = {
        other: fit.evaluation_figures(
            fit.evaluate_uplift(model_factory(chosen, other), given, share, cost)
        )
        for other in models.discover_uplift()
        if other != name
    }
    return learnt, {**figures, name: fit.evaluation_figures(learnt.evaluation)}


def uplift_manifest(learnt: FittedUplift, name: str, lots_drawn: int) -> dict[str, Any]:
    """The model, whether it ranks and by how much it was better, and whom it says not to call."""
    choice = learnt.evaluation.comparison
    return {
        "name": name,
        "model": learnt.model.state(),
        "ranks": choice.uplift_ranks,
        "disturbed_from": learnt.sleeping_dog_threshold,
        "lots": lots_drawn,
        "better": choice.difference,
        "low": choice.interval.low,
        "high": choice.interval.high,
    }


def experiment_table(known: pd.DataFrame, given: UpliftDataset, learnt: FittedUplift) -> pa.Table:
    """EXPERIMENT, from which any proposal can be evaluated."""
    crossed, trial = learnt.evaluation.cross_fitted, given.experiment
    told = known[[*feature_table.KEYS, "treated", "propensity", RISK]].assign(
        left=trial.churned, worth=given.retained_value, effect=crossed.effect, fold=crossed.fold
    )
    return pa.Table.from_pandas(
        told[artefacts.EXPERIMENT.schema.names],
        schema=artefacts.EXPERIMENT.schema,
        preserve_index=False,
    )


def empty_manifest(lots_drawn: int, asked: bool = True) -> dict[str, Any]:
    """What is pinned where nothing is learnt, asked for or not: the list ranks by expected loss."""
    return {
        "name": None,
        "asked": asked,
        "ranks": False,
        "disturbed_from": None,
        "lots": lots_drawn,
    }


@dataclass(frozen=True)
class UpliftResult:
    """What is pinned, the figures of every model, EXPERIMENT, and all in a sentence."""

    pinned: dict[str, Any]
    figures: dict[str, Any]
    experiment: pa.Table
    conclusion: str


def found_in(known: pd.DataFrame, X: pd.DataFrame, chosen: Params, many: int) -> UpliftResult:
    """What the lots teach of `many` customers; known, X: as `joined` gives them."""
    name = chosen.uplift.model
    why = fit.why_not_learnable(known["treated"], known["churned"], known["customer_id"])
    if name is None or why:
        said = f"ranks by expected loss: {why or 'params.yaml names no model of the effect'}"
        return UpliftResult(
            empty_manifest(len(known), name is not None),
            {},
            artefacts.EXPERIMENT.schema.empty_table(),
            said,
        )
    given = uplift_dataset(known, X, chosen.policy.retained_windows)
    learnt, figures = learn(given, name, chosen, many)
    choice = learnt.evaluation.comparison
    between = f"({choice.interval.low:+.4f} to {choice.interval.high:+.4f})"
    verdict = "by what a contact changes" if choice.uplift_ranks else "by expected loss"
    return UpliftResult(
        uplift_manifest(learnt, name, len(known)) | {"eligible": many},
        figures,
        experiment_table(known, given, learnt),
        f"ranks {verdict}: better by {choice.difference:+.4f} a customer {between}",
    )


def read_assignments(
    chosen: Params, as_of: int, snapshots: "list[date]"
) -> tuple[pd.DataFrame, bool]:
    """customer_id, snapshot_on, treated, propensity of all lots; whether our own lists made any."""
    summary = atomic.read_json(artefacts.EVENTS_SUMMARY)
    with engine.open_engine(EngineParams(memory=chosen.engine.memory)) as opened:
        known = point_in_time.as_known_at(
            opened.scan(artefacts.EVENTS), as_of, summary["versioned"]
        )
        told = lots.assignments_from_events(known, opened)
    ours = lots.assignments_from_lists(assignments.FOLDER, chosen.company, as_of, first=True)
    days = np.array([point_in_time.day_number(day) for day in snapshots])
    window = chosen.labels.churn.gap_days + chosen.labels.churn.horizon_days
    drawn = pa.concat_tables([ours, told]).to_pandas()
    found = lots.align_to_snapshots(drawn, days, chosen.snapshots.every_days, window)
    days_of = found.pop("day").map(point_in_time.date_of).astype(object)
    return found.assign(snapshot_on=days_of), len(ours) > 0


def main() -> None:
    chosen = load_params()
    with console.stage("uplift") as report:
        calendar = atomic.read_json(artefacts.SNAPSHOTS_SUMMARY)
        as_of = date.fromisoformat(calendar["as_of"])
        foretold, labels = artefacts.CROSS_PREDICTIONS.read(), artefacts.LABELS.read()
        days = sorted(labels["snapshot_on"].unique().to_pylist())
        drawn, listed = read_assignments(chosen, point_in_time.day_number(as_of), days)
        on = pc.field("snapshot_on").isin(foretold["snapshot_on"].unique())
        features = artefacts.FEATURES.read(filters=on)
        known, X = join_outcomes(drawn, foretold, labels, features)
        report.read(artefacts.CROSS_PREDICTIONS, len(known))
        many = eligible_customers(drawn, calendar["watched"][str(as_of)], listed)
        found = found_in(known, X, chosen, many)
        atomic.write_json(artefacts.UPLIFT, found.pinned)
        artefacts.EXPERIMENT.write(found.experiment)
        atomic.write_json(artefacts.UPLIFT_METRICS, found.figures)
        report.info(found.conclusion)


if __name__ == "__main__":
    errors.run(main)
