"""Stage `at_risk`: what to do about every watched customer, and the list that staff read.

Everybody watched ends in one lane, by the policy of params.yaml (docs/policy.md). The list shows
whom to contact, by expected net gain, then those with something to be put right first.
"""

import datetime as dt
import hashlib
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any, Final

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from retention.core.params import Params
from retention.core.storage import atomic
from retention.i18n.language import language
from retention.policy import play_effects
from retention.policy.decide import Decision, decide
from retention.policy.lanes import NOBODY, Barred
from retention.serving import target
from retention.worklist import changes, published, rows, to_csv, wording
from retention.worklist.model import DROPPED, ROWS, Listing, Previous
from retention.worklist.rows import Told

HELD_OUT: Final = pa.schema(
    [
        ("customer_id", pa.string()),
        ("campaign", pa.string()),
        ("propensity", pa.float64()),
        ("as_of", pa.date32()),
        ("play", pa.string()),
    ]
)
"""One row a customer held out; play is what they would have been given."""

LANES: Final = pa.schema(
    [
        ("customer_id", pa.string()),
        ("lane", pa.string()),
        ("why", pa.string()),
        ("churn_probability", pa.float64()),
        ("expected_loss", pa.float64()),
        ("net_gain", pa.float64()),
        ("passed", pa.bool_()),
    ]
)
"""One row a watched customer; net_gain of the best action, null where none was weighed. passed: as
Decision has it."""


STRONGEST: Final = 3  # reasons by whose themes a play is chosen


@dataclass(frozen=True)
class Inputs:
    """All that the list is made from, as the stages before left it."""

    told: Told
    timeline: pa.Table
    history: pa.Table
    summary: dict[str, Any]
    events: pd.DataFrame
    barred: Barred = NOBODY


@dataclass(frozen=True)
class AtRisk:
    """The list; HELD_OUT; LANES."""

    listing: Listing
    held_out: pa.Table
    lanes: pa.Table


def at_risk(given: Inputs, config: Params, before: Path | None) -> AtRisk:
    """What becomes of every watched customer; `before`: the folder of the last published list."""
    told, as_of = given.told, dt.date.fromisoformat(given.summary["as_of"])
    kinds = config.labels.value.kinds
    found = play_effects.evidence(given.events, config.policy.playbook, kinds, as_of)
    strongest = told.reasons[told.reasons["rank"] <= STRONGEST]
    decided = decide(
        told.scores, told.standing, told.contacts, strongest, found, config, as_of, given.barred
    )
    listed = rows.ranked(decided.rows, told.scores, config.at_risk.others)
    made = _listing(given, config, decided, found)
    made, listed = _beside_the_last(made, listed, decided, before, config)
    says = made.language
    return AtRisk(
        _identified(replace(made, rows=rows.rows(listed, told, config, says))),
        _table(decided.held_out, HELD_OUT),
        _lanes(decided, told.scores),
    )


def _listing(given: Inputs, config: Params, decided: Decision, found: pd.DataFrame) -> Listing:
    """The list without its rows."""
    says = language(config.at_risk.language)
    return Listing(
        list_id="",
        rows=ROWS.empty_table(),
        company=config.company,
        currency=config.currency,
        as_of=dt.date.fromisoformat(given.summary["as_of"]),
        lanes=decided.counts(),
        model=str(given.summary["model"]),
        definition=target.sentence(config.labels, says),
        leaving=target.leaving(config.labels.churn, says),
        value_days=config.labels.value.horizon_days,
        plays={play.name: play.does for play in config.policy.playbook},
        notes=tuple(given.summary["banners"]),
        evidence=(
            wording.ranked_by(given.summary.get("uplift", {}), config, says),
            *wording.evidence_sentences(found, config, says),
        ),
        limits=decided.limits,
        greedy_loss=decided.greedy_loss,
        language=says,
        timeline=given.timeline,
        history=given.history,
    )


def _beside_the_last(
    made: Listing, listed: pd.DataFrame, decided: Decision, before: Path | None, config: Params
) -> tuple[Listing, pd.DataFrame]:
    """The list and its rows with what changed since the last one."""
    if before is None:
        return made, listed.assign(change="")
    manifest = atomic.read_json(before / published.MANIFEST)
    last = to_csv.read(before / "at_risk.csv").to_pandas()
    left = "left" if config.labels.churn.rule == "cancel" else "unwatched"
    found = changes.changes(listed, last, decided.rows, left)
    dropped = found.dropped.merge(last[["customer_id", "name", "owner"]], on="customer_id")
    now = dropped["customer_id"].map(decided.rows.set_index("customer_id")["owner"])
    dropped = dropped.assign(owner=now.fillna(dropped["owner"]))
    previous = Previous(
        list_id=manifest.get("list_id", before.name),
        as_of=dt.date.fromisoformat(manifest["as_of"]),
        stability=found.stability,
    )
    return (
        replace(made, previous=previous, dropped=_table(dropped, DROPPED)),
        listed.assign(change=listed["customer_id"].map(found.change)),
    )


def _identified(made: Listing) -> Listing:
    """The list under its id: its day and a hash of all that its rows say."""
    content = hashlib.sha256(to_csv.content(made) + made.company.encode()).hexdigest()
    name = f"{made.as_of.isoformat()}-{content[:12]}"
    place = made.rows.schema.get_field_index("list_id")
    ids = pa.array([name] * made.rows.num_rows, pa.string())
    listed = made.rows["customer_id"].combine_chunks()
    return replace(
        made,
        list_id=name,
        rows=made.rows.set_column(place, "list_id", ids),
        timeline=made.timeline.filter(pc.is_in(made.timeline["customer_id"], listed)),
        history=made.history.filter(pc.is_in(made.history["customer_id"], listed)),
    )


def _table(frame: pd.DataFrame, schema: pa.Schema) -> pa.Table:
    return pa.Table.from_pandas(frame[schema.names], schema=schema, preserve_index=False)


def _lanes(decided: Decision, scores: pd.DataFrame) -> pa.Table:
    joined = decided.rows.merge(scores, on="customer_id").sort_values("customer_id")
    passed = joined["customer_id"].isin(list(decided.passed))
    return _table(joined.assign(passed=passed), LANES)
