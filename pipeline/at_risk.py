"""Stage `at_risk`: assign every customer a lane and an action, and write the list for staff.

Every customer of the cohort ends in one lane, by the policy of params.yaml (docs/policy.md). The
list shows the customers to contact, by expected net gain, then those whose open issue comes first.
"""

import datetime as dt
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Final

import narwhals as nw
import pandas as pd
import pyarrow as pa

from retention.core import artefacts, console, engine, errors, point_in_time
from retention.core.params import EngineParams, Params, load_params
from retention.i18n.language import language
from retention.ledgers import assignments, erasures, outcomes
from retention.monitoring import verdict
from retention.policy import play_effects
from retention.policy.decide import decide
from retention.policy.lanes import SuppressionList
from retention.worklist import build, published
from retention.worklist.build import AtRiskResult, WorklistInputs
from retention.worklist.model import Listing
from retention.worklist.reasons import model_reasons
from retention.worklist.rows import CustomerTables, list_rows, rank_listed
from retention.worklist.what_to_say import in_language
from retention.worklist.write import write_result

FOLDER: Final = artefacts.AT_RISK.path.parent
STRONGEST_REASONS: Final = 3  # told reasons whose themes the choice of a play looks at


def at_risk(inputs: WorklistInputs, params: Params, previous: Path | None) -> AtRiskResult:
    """Decide for every customer of the cohort and build the list.

    previous: the folder of the last list published before this one, None for the first.
    """
    tables, as_of = inputs.tables, inputs.summary.as_of
    params = in_language(params, language(params.at_risk.language))
    kinds = params.labels.value.kinds
    play_evidence = play_effects.play_effects(inputs.events, params.policy.playbook, kinds, as_of)
    tellable = model_reasons(tables.reasons, tables.recent_issues)
    decision = decide(
        tables.scores,
        tables.customer_state,
        tables.contacts,
        tellable[tellable["place"] < STRONGEST_REASONS],
        play_evidence,
        params,
        as_of,
        inputs.suppressed,
    )
    ranked = rank_listed(decision.rows, tables.scores, params.at_risk.others)
    listing = build.new_listing(inputs, params, decision, play_evidence)
    listing, ranked = build.compare_with_previous(listing, ranked, decision, previous, params)
    listing = replace(listing, rows=list_rows(ranked, tables, params, listing.language))
    return AtRiskResult(
        build.with_list_id(listing),
        build.to_table(decision.held_out, artefacts.HELD_OUT.schema),
        build.lane_table(decision, tables.scores),
    )


def read(params: Params, contacts: pa.Table) -> WorklistInputs:
    """Read what the stages before wrote."""
    summary = artefacts.SCORE_SUMMARY.read()
    as_of = summary.as_of
    guard_banners = verdict.list_banners(as_of)
    tables = CustomerTables(
        scores=artefacts.SCORES.read()
        .join(artefacts.UPLIFT_SCORES.read(), keys="customer_id")
        .sort_by("customer_id")
        .to_pandas(),
        purchase_rhythm=artefacts.PURCHASE_RHYTHM.read().to_pandas(),
        customer_state=artefacts.CUSTOMER_STATE.read().to_pandas(),
        reasons=artefacts.REASONS.read().to_pandas(),
        recent_issues=artefacts.RECENT_ISSUES.read().to_pandas(),
        contacts=contacts.to_pandas(),
    )
    campaign, days = params.at_risk.campaign, params.at_risk.campaign_days
    held_out = assignments.held_out_customers(
        assignments.FOLDER, params.company, campaign, as_of, days
    )
    return WorklistInputs(
        tables,
        artefacts.TIMELINE.read(),
        artefacts.RISK_HISTORY.read(),
        summary.updated(banners=(*summary.banners, *guard_banners)),
        _play_events(params, as_of),
        SuppressionList(
            opted_out=frozenset(outcomes.opted_out(outcomes.FOLDER)),
            deceased_or_merged=frozenset(outcomes.deceased_or_merged(outcomes.FOLDER)),
            held_out=held_out,
            erased=erasures.read().erased_among(tables.scores["customer_id"]),
        ),
    )


_PLAY_EVENT_COLUMNS: Final = ("customer_id", "kind", "day", "treatment", "amount")


def _play_events(params: Params, as_of: dt.date) -> pd.DataFrame:
    """Outreach and value events by which the effect of selling plays is measured.

    Columns _PLAY_EVENT_COLUMNS. Empty where the playbook has no such play.
    """
    if not any(play.type in play_effects.SELLING_TYPES for play in params.policy.playbook):
        return pd.DataFrame(columns=list(_PLAY_EVENT_COLUMNS))
    kinds = ["outreach", *params.labels.value.kinds]
    with engine.open_engine(EngineParams(memory=params.engine.memory)) as opened:
        events = opened.scan(artefacts.EVENTS)
        past = point_in_time.as_known_at(events, point_in_time.day_number(as_of))
        columns = past.filter(nw.col("kind").is_in(kinds)).select(
            "customer_id", "kind", "treatment", "amount", "event_id", day=nw.col("occurred_day")
        )
        frame: pd.DataFrame = opened.collect(columns, sort=["event_id"]).to_pandas()
    return frame[list(_PLAY_EVENT_COLUMNS)]


def main() -> None:
    from retention.sources.customers import read_contacts

    params = load_params()
    with console.stage("at_risk") as report:
        inputs = read(params, read_contacts(params))
        report.read(artefacts.SCORES, len(inputs.tables.scores))
        previous = published.newest(
            Path(params.publish.folder),
            company=params.company,
            before=inputs.summary.as_of,
        )
        result = at_risk(inputs, params, previous)
        write_result(result, FOLDER)
        report.wrote(FOLDER / "at_risk.{csv,xlsx,html}", result.listing.rows.num_rows)
        for sentence in summary_lines(result.listing):
            report.info(sentence)
        report.info(f"open next: {FOLDER / 'at_risk.html'}")


def summary_lines(listing: Listing) -> Iterable[str]:
    """The size of the cohort, then a line for each lane: its customers by reason."""
    yield f"{listing.cohort_size:,} active customers"
    for lane, whys in listing.lanes.items():
        counts = ", ".join(f"{count:,} {why}" for why, count in whys.items() if count)
        if counts:
            yield f"{lane}: {counts}"


if __name__ == "__main__":
    errors.run(main)
