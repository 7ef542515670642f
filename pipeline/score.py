"""Stage `score`: the champion's word on every customer watched at as_of."""

import datetime as dt
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.components.scorer import Scorer
from retention.core import artefacts, console, errors, feature_table, point_in_time
from retention.core.params import AtRiskParams, Params, Policy, load_params
from retention.core.storage import atomic
from retention.policy import ISSUE_LANES
from retention.policy.lanes import LANE_RULES
from retention.serving import champion, target
from retention.serving.champion import Champion
from retention.serving.scoring import explain_scores, predict_uplift, require_champion, score_cohort

EXPLAINED_PER_PLACE = (
    5  # explain so many times what the list may hold: some will be excluded or held out
)
RISK_HISTORY_DAYS = 6  # of the course of the risk


def purchase_rhythm(table: pa.Table, as_of: dt.date) -> pa.Table:
    """PURCHASE_RHYTHM of the customers: the last purchase, and the usual rhythm."""
    silent = table["days_since_purchase"]
    today = pa.scalar(point_in_time.day_number(as_of), pa.int32())
    last = pc.subtract(today, silent.cast(pa.int32())).cast(pa.date32())
    return pa.Table.from_arrays(
        [table["customer_id"], last, silent, table["median_gap"]],
        schema=artefacts.PURCHASE_RHYTHM.schema,
    )


def has_issue(table: pa.Table, standing: pa.Table, policy: Policy) -> NDArray[np.bool_]:
    """Which rows of a table are of customers whom a trouble, not the risk, may put on the list.

    standing: one row a watched customer; its days are null where nothing happened.
    """
    seen = standing.to_pandas()
    holds = [rule.holds(seen, policy) for rule in LANE_RULES if rule.lane in ISSUE_LANES]
    found = seen["customer_id"][pd.concat(holds, axis=1).any(axis=1)]
    return np.asarray(pc.is_in(table["customer_id"], pa.array(found, pa.string())))


def rows_to_explain(
    scored: pa.Table,
    trouble: NDArray[np.bool_],
    rules: AtRiskParams,
    effect: NDArray[np.float64] | None = None,
) -> NDArray[np.intp]:
    """Rows of those who may be contacted and of those with a trouble who may be listed.

    Of the first SPARE times the capacity, with most to lose, or, where a contact's effect is known,
    to win by it; of the others as many as three lanes
    may hold. trouble: one a row of `scored`. In the order of rows.
    """
    stake = scored["expected_loss"].to_numpy()
    if effect is not None:
        worth = scored["value_if_kept"].to_numpy() - scored["value_if_lost"].to_numpy()
        stake = np.where(np.isnan(effect), stake, -effect * worth)
    order = np.argsort(-stake, kind="stable")
    listed = None if rules.others is None else len(ISSUE_LANES) * rules.others
    return np.union1d(order[: EXPLAINED_PER_PLACE * rules.capacity], order[trouble[order]][:listed])


def risk_history(scorer: Scorer, table: pa.Table) -> pa.Table:
    """RISK_HISTORY of features of several days, oldest first.

    The present model's word on what was known on each day. It may have learnt from those days and
    from what came of them: a picture of a customer's course, and no measurement of the model.
    """
    p = pa.array(scorer.probability(feature_table.matrix(table)))
    made = pa.Table.from_arrays(
        [table["customer_id"], table["snapshot_on"], p], schema=artefacts.RISK_HISTORY.schema
    )
    return made.sort_by([("customer_id", "ascending"), ("snapshot_on", "ascending")])


def recent_features(as_of: dt.date, ids: pa.Array) -> pa.Table:
    """The features of some customers on the last DAYS snapshots up to as_of."""
    every = artefacts.FEATURES.read(columns=["snapshot_on"])["snapshot_on"].unique()
    days = sorted(day for day in every.to_pylist() if day <= as_of)[-RISK_HISTORY_DAYS:]
    mine = pc.field("customer_id").isin(ids) & pc.field("snapshot_on").isin(days)
    return artefacts.FEATURES.read(filters=mine)


def summary(now: Champion, scored: pa.Table, chosen: Params, as_of: dt.date) -> dict[str, Any]:
    """What the list says of where its numbers come from."""
    manifest = now.manifest
    return {
        "as_of": str(as_of),
        "champion": manifest["models"],
        "watched": len(scored),
        "model": f"{manifest['titles']['churn']}, learnt up to {manifest['trained_to']}",
        "banners": manifest["banners"],
        "definition": target.target_description(chosen.labels),
        "horizon_days": chosen.labels.churn.horizon_days,
        "uplift": _told(champion.load_part(now, "uplift")),
        "mean_churn_probability": float(np.mean(scored["churn_probability"].to_numpy())),
    }


def _told(persuaded: dict[str, Any] | None) -> dict[str, Any]:
    """What stage `uplift` found, without the model."""
    return {name: value for name, value in (persuaded or {}).items() if name != "model"}


def main() -> None:
    chosen = load_params()
    as_of = artefacts.SNAPSHOTS_SUMMARY.read().as_of
    with console.stage("score") as report:
        today = pc.field("snapshot_on") == as_of
        table = artefacts.FEATURES.read(filters=today).sort_by("customer_id")
        report.read(artefacts.FEATURES, len(table))
        now = require_champion(chosen, table)
        scorer = champion.load(now)
        scored = score_cohort(scorer, table, as_of)
        artefacts.SCORES.write(scored)
        persuaded = champion.load_part(now, "uplift")
        changed = predict_uplift(persuaded, table, scored)
        artefacts.UPLIFT_SCORES.write(changed)
        artefacts.PURCHASE_RHYTHM.write(purchase_rhythm(table, as_of))
        standing = artefacts.CUSTOMER_STATE.read()
        report.read(artefacts.CUSTOMER_STATE, len(standing))
        trouble = has_issue(scored, standing, chosen.policy)
        rows = rows_to_explain(
            scored, trouble, chosen.at_risk, changed["effect"].to_numpy(zero_copy_only=False)
        )
        artefacts.REASONS.write(explain_scores(scorer, table, rows, chosen))
        past = recent_features(as_of, table["customer_id"].take(pa.array(rows)).combine_chunks())
        artefacts.RISK_HISTORY.write(risk_history(scorer, past))
        atomic.write_json(artefacts.SCORE_SUMMARY, summary(now, scored, chosen, as_of))
        report.wrote(artefacts.SCORES, len(scored))


if __name__ == "__main__":
    errors.run(main)
