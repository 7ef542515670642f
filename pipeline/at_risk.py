"""Stage `at_risk`: assign every customer a lane and an action, and write the list for staff.

Every customer of the cohort ends in one lane, by the policy of params.yaml (docs/policy.md). The
list is one queue of all lanes, ordered by what waiting costs.
"""

from collections.abc import Iterable, Mapping, Set
from dataclasses import replace
from pathlib import Path
from typing import Final

import narwhals as nw
import pandas as pd
import pyarrow as pa

from retention.core import artefacts, console, engine, errors, point_in_time
from retention.core.documents.scoring import ScoreSummary
from retention.core.params import EngineParams, Params, load_params
from retention.experiments import assignment_history
from retention.experiments.save_rates import MeasuredSaveRate, read_measured_save_rates
from retention.i18n.language import language
from retention.ledgers import assignments, erasures, outcomes
from retention.monitoring import verdict
from retention.policy import play_effects, save_rates
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
    play_evidence = play_effects.play_effects(
        inputs.assigned, inputs.sales, params.policy.playbook, as_of
    )
    rates = save_rates.save_rates(params.policy, inputs.measured)
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
        inputs.keep_contact,
        rates,
    )
    ranked = rank_listed(decision.rows, tables.scores, params, as_of)
    listing = build.new_listing(inputs, params, decision, play_evidence, rates)
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
        contacts=without_wrong(contacts.to_pandas(), outcomes.wrong_contacts(outcomes.FOLDER)),
    )
    campaign, days = params.at_risk.campaign, params.at_risk.campaign_days
    held_out, keep_contact = (
        assignments.customers_in_arm(assignments.FOLDER, arm, params.company, campaign, as_of, days)
        for arm in (assignments.HOLDOUT, assignments.CONTACT)
    )
    assigned, sales, measured = _read_evidence(params, summary)
    return WorklistInputs(
        tables,
        artefacts.TIMELINE.read(),
        artefacts.RISK_HISTORY.read(),
        summary.updated(banners=(*summary.banners, *guard_banners)),
        assigned,
        sales,
        SuppressionList(
            opted_out=frozenset(outcomes.opted_out(outcomes.FOLDER)),
            deceased_or_merged=frozenset(outcomes.deceased_or_merged(outcomes.FOLDER)),
            held_out=held_out,
            erased=erasures.read().erased_among(tables.scores["customer_id"]),
        ),
        keep_contact,
        measured,
    )


def without_wrong(contacts: pd.DataFrame, wrong: Mapping[str, Set[str]]) -> pd.DataFrame:
    """Contacts without the numbers and addresses at which staff met somebody else.

    wrong: fingerprints by customer. A number that was corrected since is another one.
    """
    contacts = contacts.copy()
    suspects = contacts[contacts["customer_id"].isin(list(wrong))]
    for name in ("phone", "email"):
        is_wrong = [
            isinstance(contact, str)
            and outcomes.contact_fingerprint(customer, contact) in wrong[customer]
            for customer, contact in zip(suspects["customer_id"], suspects[name], strict=True)
        ]
        contacts.loc[suspects.index[is_wrong], name] = None
    return contacts


def _read_evidence(
    params: Params, summary: ScoreSummary
) -> tuple[pd.DataFrame, pd.DataFrame, tuple[MeasuredSaveRate, ...]]:
    """Assignments to selling plays, all sales (where there are such plays), and save rates.

    The save rates of a company's own experiments come with the champion.
    """
    playbook, as_of = params.policy.playbook, point_in_time.day_number(summary.as_of)
    selling = [play.name for play in playbook if play.type in play_effects.SELLING_TYPES]
    assigned = assignment_history.plays_from_lists(
        assignments.FOLDER, params.company, as_of, selling
    )
    sales = pd.DataFrame(columns=["customer_id", "day", "amount"])
    with engine.open_engine(EngineParams(memory=params.engine.memory)) as opened:
        own = read_measured_save_rates(params, opened, artefacts.EVENTS_SUMMARY.read())
        if selling:
            past = point_in_time.as_known_at(opened.scan(artefacts.EVENTS), as_of)
            recorded = assignment_history.assignments_from_events(past, opened).to_pandas()
            from_events = assignment_history.plays_from_events(recorded, selling)
            assigned = pd.concat([assigned, from_events])
            is_sale = nw.col("kind").is_in(params.labels.value.kinds)
            sold = past.filter(is_sale).select(
                "customer_id", "amount", "event_id", day=nw.col("occurred_day")
            )
            sales = opened.collect(sold, sort=["event_id"]).to_pandas()
    elsewhere = [MeasuredSaveRate(**rate.model_dump()) for rate in summary.uplift.save_rates]
    return assigned, sales, (*own, *elsewhere)


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
