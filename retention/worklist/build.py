"""The list from the decisions of the policy: its head, its id, and what changed since the last."""

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from retention.core import artefacts
from retention.core.documents.scoring import ScoreSummary
from retention.core.params import Params
from retention.i18n.language import language
from retention.policy.decide import Decision
from retention.policy.lanes import NOBODY_SUPPRESSED, SuppressionList
from retention.serving import target
from retention.worklist import changes, published, to_csv, wording
from retention.worklist.model import Listing, Previous
from retention.worklist.rows import CustomerTables


@dataclass(frozen=True)
class WorklistInputs:
    """What the list is made from, as the stages before left it."""

    tables: CustomerTables
    timeline: pa.Table  # TIMELINE
    history: pa.Table  # HISTORY
    summary: ScoreSummary  # of stage `score`, with the banners of stage `guard`
    events: pd.DataFrame  # outreach and value events: customer_id, kind, day, treatment, amount
    suppressed: SuppressionList = NOBODY_SUPPRESSED


@dataclass(frozen=True)
class AtRiskResult:
    """What stage `at_risk` writes."""

    listing: Listing
    held_out: pa.Table  # HELD_OUT
    lanes: pa.Table  # LANES


def new_listing(
    inputs: WorklistInputs, params: Params, decision: Decision, play_evidence: pd.DataFrame
) -> Listing:
    """The list without rows and without an id."""
    list_language = language(params.at_risk.language)
    return Listing(
        list_id="",
        rows=artefacts.AT_RISK.schema.empty_table(),
        company=params.company,
        currency=params.currency,
        as_of=inputs.summary.as_of,
        lanes=decision.counts(),
        model=inputs.summary.model,
        target_description=target.target_description(params.labels, list_language),
        churn_description=target.churn_description(params.labels.churn, list_language),
        value_days=params.labels.value.horizon_days,
        plays={play.name: play.action for play in params.policy.playbook},
        notes=inputs.summary.banners,
        evidence=(
            wording.ranking_sentence(inputs.summary.uplift, params, list_language),
            *wording.evidence_sentences(play_evidence, params, list_language),
        ),
        limits=decision.shadow_prices,
        greedy_loss=decision.greedy_loss,
        language=list_language,
        timeline=inputs.timeline,
        history=inputs.history,
    )


def compare_with_previous(
    listing: Listing, ranked: pd.DataFrame, decision: Decision, folder: Path | None, params: Params
) -> tuple[Listing, pd.DataFrame]:
    """Add to the list and to its rows what changed since the last list.

    folder: that of the last published list, None if this is the first.
    """
    if folder is None:
        return listing, ranked.assign(change="")
    manifest = published.read_manifest(folder)
    last = to_csv.read(folder / "at_risk.csv").to_pandas()
    reason = "left" if params.labels.churn.rule == "cancel" else "unwatched"
    difference = changes.compare_lists(ranked, last, decision.rows, reason)
    dropped = difference.dropped.merge(last[["customer_id", "name", "owner"]], on="customer_id")
    # the owner may have changed; whoever has left the cohort has only the owner of then
    owner = dropped["customer_id"].map(decision.rows.set_index("customer_id")["owner"])
    dropped = dropped.assign(owner=owner.fillna(dropped["owner"]))
    previous = Previous(
        list_id=manifest.list_id or folder.name,
        as_of=manifest.as_of,
        stability=difference.stability,
    )
    return (
        replace(listing, previous=previous, dropped=to_table(dropped, artefacts.DROPPED.schema)),
        ranked.assign(change=ranked["customer_id"].map(difference.change)),
    )


def with_list_id(listing: Listing) -> Listing:
    """The list with its id, which is its day and a hash of its rows and company.

    Timeline and history are cut to the listed customers.
    """
    content = hashlib.sha256(to_csv.content(listing) + listing.company.encode()).hexdigest()
    name = f"{listing.as_of.isoformat()}-{content[:12]}"
    position = listing.rows.schema.get_field_index("list_id")
    ids = pa.array([name] * listing.rows.num_rows, pa.string())
    listed_ids = listing.rows["customer_id"].combine_chunks()
    return replace(
        listing,
        list_id=name,
        rows=listing.rows.set_column(position, "list_id", ids),
        timeline=listing.timeline.filter(pc.is_in(listing.timeline["customer_id"], listed_ids)),
        history=listing.history.filter(pc.is_in(listing.history["customer_id"], listed_ids)),
    )


def to_table(frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    """The columns of a schema as an Arrow table."""
    return pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False)


def lane_table(decision: Decision, scores: pd.DataFrame) -> pa.Table:
    """LANES of the whole cohort, by customer."""
    joined = decision.rows.merge(scores, on="customer_id").sort_values("customer_id")
    passed = joined["customer_id"].isin(list(decision.over_capacity))
    return to_table(joined.assign(passed=passed), artefacts.LANES.schema)
