"""Stage `score`: score the current cohort with the champion, with explanations.

In an experiment its own candidate scores in the champion's place.
"""

import datetime as dt
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.components.lifetime import Lifetime
from models.components.scorer import Scorer
from retention.core import artefacts, console, errors, feature_table, point_in_time
from retention.core.documents.modelling import UpliftManifest
from retention.core.documents.scoring import ScoreSummary
from retention.core.params import AtRiskParams, Params, Policy, load_params
from retention.policy.lanes import ISSUE_LANES, LANE_RULES
from retention.policy.plays import contact_costs
from retention.serving import champion, target
from retention.serving.champion import Champion
from retention.serving.scoring import (
    NO_CURVE,
    explain_scores,
    predict_uplift,
    require_champion,
    score_cohort,
)

EXPLAINED_PER_PLACE: Final = 5
"""Customers explained for each place on the list, as some will be excluded or held out."""
RISK_HISTORY_DAYS: Final = 6  # snapshots in a customer's risk history


@dataclass(frozen=True)
class ScoreResult:
    """What the stage says of the current cohort."""

    scores: pa.Table  # SCORES
    uplift_scores: pa.Table  # UPLIFT_SCORES
    purchase_rhythm: pa.Table  # PURCHASE_RHYTHM
    reasons: pa.Table  # REASONS
    explained: pa.Array  # ids of the customers with reasons, in the order of the cohort


def score(
    now: Champion,
    scorer: Scorer,
    cohort: pa.Table,
    customer_state: pa.Table,
    params: Params,
    as_of: dt.date,
    lifetime: Lifetime | None = None,
) -> ScoreResult:
    """Score a cohort: FEATURES of one day, by customer_id. scorer, lifetime: of the champion."""
    scores = score_cohort(scorer, cohort, as_of, lifetime)
    uplift_scores = predict_uplift(
        champion.uplift_manifest(now),
        cohort,
        scores,
        params.policy.retained_windows,
        contact_costs(params.policy),
    )
    rows = rows_to_explain(
        scores,
        has_issue(scores, customer_state, params.policy),
        params.at_risk,
        uplift_scores["saving"].to_numpy(zero_copy_only=False),
    )
    return ScoreResult(
        scores=scores,
        uplift_scores=uplift_scores,
        purchase_rhythm=purchase_rhythm(cohort, as_of),
        reasons=explain_scores(scorer, cohort, rows, params, as_of),
        explained=cohort["customer_id"].take(pa.array(rows)).combine_chunks(),
    )


def purchase_rhythm(cohort: pa.Table, as_of: dt.date) -> pa.Table:
    """PURCHASE_RHYTHM: the last purchase, and the usual gap."""
    silence = cohort["days_since_purchase"]
    today = pa.scalar(point_in_time.day_number(as_of), pa.int32())
    last_purchase_on = pc.subtract(today, silence.cast(pa.int32())).cast(pa.date32())
    return pa.Table.from_arrays(
        [cohort["customer_id"], last_purchase_on, silence, cohort["median_gap"]],
        schema=artefacts.PURCHASE_RHYTHM.schema,
    )


def has_issue(scores: pa.Table, customer_state: pa.Table, policy: Policy) -> NDArray[np.bool_]:
    """(n,) which customers an issue, and not their risk, may put on the list."""
    # Who may not be approached is known when the list is made; until then everybody may be.
    state = customer_state.to_pandas().assign(do_not_contact=False, held_out=False)
    holds = [rule.holds(state, policy) for rule in LANE_RULES if rule.lane in ISSUE_LANES]
    with_issue = state["customer_id"][pd.concat(holds, axis=1).any(axis=1)]
    return np.asarray(pc.is_in(scores["customer_id"], pa.array(with_issue, pa.string())))


def rows_to_explain(
    scores: pa.Table,
    has_issue: NDArray[np.bool_],
    at_risk_params: AtRiskParams,
    saving: NDArray[np.float64] | None = None,
) -> NDArray[np.intp]:
    """Rows of customers who may be listed, ascending.

    EXPLAINED_PER_PLACE times the capacity of those with most to lose, or, where it is known what
    a contact saves, of whom it saves most; and of those with an issue as many as their lanes hold.
    has_issue, saving: (n,), one per row of the scores.
    """
    stake = scores["expected_loss"].to_numpy()
    if saving is not None:
        stake = np.where(np.isnan(saving), stake, saving)
    order = np.argsort(-stake, kind="stable")
    others = at_risk_params.others
    max_with_issue = None if others is None else len(ISSUE_LANES) * others
    contactable = order[: EXPLAINED_PER_PLACE * at_risk_params.capacity]
    return np.union1d(contactable, order[has_issue[order]][:max_with_issue])


def risk_history(scorer: Scorer, features: pa.Table) -> pa.Table:
    """RISK_HISTORY of features of several days, oldest first.

    The present model may have been trained on those days and on their outcomes, so this shows a
    customer's course and does not measure the model.
    """
    p = pa.array(scorer.probability(feature_table.matrix(features)))
    history = pa.Table.from_arrays(
        [features["customer_id"], features["snapshot_on"], p], schema=artefacts.RISK_HISTORY.schema
    )
    return history.sort_by([("customer_id", "ascending"), ("snapshot_on", "ascending")])


def recent_features(as_of: dt.date, ids: pa.Array) -> pa.Table:
    """FEATURES of some customers on the last RISK_HISTORY_DAYS snapshots up to as_of."""
    snapshots = artefacts.FEATURES.read(columns=["snapshot_on"])["snapshot_on"].unique()
    days = sorted(day for day in snapshots.to_pylist() if day <= as_of)[-RISK_HISTORY_DAYS:]
    return artefacts.FEATURES.read(
        filters=pc.field("customer_id").isin(ids) & pc.field("snapshot_on").isin(days)
    )


def summary(
    now: Champion,
    scores: pa.Table,
    params: Params,
    as_of: dt.date,
    lifetime: Lifetime | None = None,
) -> ScoreSummary:
    """What the list says of where its numbers come from."""
    manifest = now.manifest
    uplift_manifest = champion.uplift_manifest(now) or UpliftManifest()
    without_model = uplift_manifest.model_dump(exclude={"model", "treatments"}, exclude_unset=True)
    return ScoreSummary(
        as_of=as_of,
        champion=manifest.models,
        watched=len(scores),
        model=manifest.description,
        banners=manifest.banners,
        definition=target.target_description(params.labels),
        horizon_days=params.labels.churn.horizon_days,
        uplift=UpliftManifest(**without_model),
        mean_churn_probability=float(np.mean(scores["churn_probability"].to_numpy())),
        lifetime_days=lifetime.horizon_days if lifetime else None,
        curve_known_days=lifetime.hazards.known_days if lifetime else None,
    )


def main() -> None:
    params = load_params()
    as_of = artefacts.SNAPSHOTS_SUMMARY.read().as_of
    with console.stage("score") as log:
        today = pc.field("snapshot_on") == as_of
        cohort = artefacts.FEATURES.read(filters=today).sort_by("customer_id")
        log.read(artefacts.FEATURES, len(cohort))
        now = require_champion(params, cohort, champion.scoring_folder())
        scorer = champion.load(now)
        customer_state = artefacts.CUSTOMER_STATE.read()
        log.read(artefacts.CUSTOMER_STATE, len(customer_state))
        lifetime = champion.lifetime(now)
        result = score(now, scorer, cohort, customer_state, params, as_of, lifetime)
        artefacts.SCORES.write(result.scores)
        artefacts.UPLIFT_SCORES.write(result.uplift_scores)
        artefacts.PURCHASE_RHYTHM.write(result.purchase_rhythm)
        artefacts.REASONS.write(result.reasons)
        history = risk_history(scorer, recent_features(as_of, result.explained))
        artefacts.RISK_HISTORY.write(history)
        artefacts.SCORE_SUMMARY.write(summary(now, result.scores, params, as_of, lifetime))
        log.wrote(artefacts.SCORES, len(result.scores))
        if lifetime is None:
            log.info(NO_CURVE)


if __name__ == "__main__":
    errors.run(main)
