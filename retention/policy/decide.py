"""The decision for each customer of the cohort: every rule of the policy, in its order."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import Final

import numpy as np
import pandas as pd

from retention.core.params import AtRiskParams, Params, Play, Policy
from retention.experiments import randomisation
from retention.policy import lanes, owners, play_effects, plays, queue, save_rates, selection
from retention.policy.lanes import ISSUE_LANES
from retention.policy.save_rates import SaveRates
from retention.policy.selection import Limit, ShadowPrice

COLUMNS: Final = (
    "customer_id",
    "lane",  # of lanes.LANES
    "why",  # of lanes.LANE_REASONS[lane]
    "owner",  # who works the customer today; may be null
    "covered_for",  # the owner who is away; null where none is
    "play",  # null where the customer is not listed, or no play fits
    "channel",  # null likewise
    "net_gain",  # expected, currency; null without money, or where an issue is put right anyway
    "offer",  # the most that may be offered, currency
    "approval",  # whether somebody has to approve the offer
    "otherwise",  # the next play; null where there is none
    *queue.COLUMNS,  # null where the customer is not listed
)
"""Columns of a decision's rows."""


@dataclass(frozen=True)
class Decision:
    """The decision for every customer of the cohort."""

    rows: pd.DataFrame  # COLUMNS, one row per customer, in the order of `lanes.RANKING`
    held_out: pd.DataFrame  # as `randomisation.holdout_sample` returns it
    over_capacity: frozenset[str]  # customers within reach who were randomised to contact and not
    # selected, because fewer than expected were held out; they count as assigned to contact
    shadow_prices: tuple[ShadowPrice, ...]  # over all who may be contacted; none without money
    greedy_loss: float  # by selecting one by one, currency; 0 without money

    def counts(self) -> dict[str, dict[str, int]]:
        """Customers by lane and why, in no order; they add up to the cohort."""
        return {
            str(lane): {str(why): int(n) for why, n in rows["why"].value_counts().items()}
            for lane, rows in self.rows.groupby("lane")
        }


@dataclass(frozen=True)
class _ContactSelection:
    """What is decided for the candidates for contact."""

    selected: pd.DataFrame  # options, one per customer
    held_out: pd.DataFrame
    over_capacity: frozenset[str]
    shadow_prices: tuple[ShadowPrice, ...]
    greedy_loss: float


def decide(
    scores: pd.DataFrame,
    customer_state: pd.DataFrame,
    contacts: pd.DataFrame,
    themes: pd.DataFrame,
    effects: pd.DataFrame,
    params: Params,
    as_of: dt.date,
    suppression: lanes.SuppressionList = lanes.NOBODY_SUPPRESSED,
    keep_contact: frozenset[str] = frozenset(),
    rates: SaveRates | None = None,
) -> Decision:
    """Put each customer into a lane, and decide what is done for those who are listed.

    Parameters
    ----------
    scores, customer_state, contacts : DataFrame
        As `lanes.join_inputs` takes them.
    themes : DataFrame
        customer_id, theme of the customers' reasons.
    effects : DataFrame
        As `play_effects.play_effects` returns it.
    params : Params
        policy and at_risk.
    as_of : date
    suppression : SuppressionList
    keep_contact : frozenset of str
        As `randomisation.is_held_out` takes it.
    rates : SaveRates, optional
        What plays save; None goes by the beliefs of the playbook.

    Returns
    -------
    Decision

    Raises
    ------
    BadInput
        As `lanes.join_inputs`.
    BadParams
        As `owners.substitutes`.
    RuntimeError
        If the solver fails.
    """
    policy, at_risk_params = params.policy, params.at_risk
    cautious = None
    if rates is not None:
        cautious = save_rates.with_rates(policy, rates, "low")
        policy = save_rates.with_rates(policy, rates, "rate")
    customers = lanes.join_inputs(scores, customer_state, contacts, suppression)
    customers[["owner", "covered_for"]] = owners.assign_owners(customers, policy, as_of)
    customers["rank"] = np.arange(len(customers))
    has_money = lanes.has_money(customers)
    if not has_money:
        customers = lanes.weigh_by_risk(customers, policy)
    lane = lanes.assign_lanes(customers, policy)
    words = plays.trigger_words(customers, themes)
    # Lanes of issues come first: what they spend is missing from the budget of contacts.
    with_issue = [
        _issue_lane(name, customers[lane["lane"] == name], words, policy) for name in ISSUE_LANES
    ]
    spent = sum(int(rows["spend"].sum()) for rows in with_issue)
    ranked = _contact_options(customers[lane["lane"] == ""], words, effects, policy, cautious)
    limits = selection.policy_limits(policy, at_risk_params.capacity, spent)
    contact = _select_contacts(ranked, limits, at_risk_params, as_of, keep_contact)
    lane = lane.mask(lane == "", _candidate_lanes(lane.index, ranked, contact))
    selected = pd.concat([*with_issue, _with_fallback(ranked, contact.selected)])
    rows = _rows(customers, lane, selected, policy)
    in_queue = queue.queue(customers, rows, params, as_of, has_money=has_money)
    decision = Decision(
        rows=rows.join(in_queue).reset_index()[list(COLUMNS)],
        held_out=contact.held_out,
        over_capacity=contact.over_capacity,
        shadow_prices=contact.shadow_prices,
        greedy_loss=contact.greedy_loss,
    )
    return decision if has_money else _without_amounts(decision)


def _without_amounts(decision: Decision) -> Decision:
    """The same decision; what plays were weighed by is no money, and not shown as such."""
    rows = decision.rows.assign(net_gain=np.nan)
    return replace(decision, rows=rows, shadow_prices=(), greedy_loss=0)


def _options(
    lane: str, customers: pd.DataFrame, words: pd.DataFrame, policy: Policy
) -> tuple[pd.DataFrame, list[Play]]:
    """The options of a lane's customers, and the lane's plays."""
    playbook = [play for play in policy.playbook if play.lane == lane]
    has_open_issue = lanes.has_open_issue(customers)
    return plays.options(customers, words, has_open_issue, playbook, policy), playbook


def _issue_lane(
    lane: str, customers: pd.DataFrame, words: pd.DataFrame, policy: Policy
) -> pd.DataFrame:
    """What is done for the customers of a lane that is listed whole."""
    options, playbook = _options(lane, customers, words, policy)
    ranked = plays.matching_plays(options, playbook, policy)
    budget = None if policy.budget is None else round(policy.budget * 100)
    return _with_fallback(ranked, plays.within_budget(ranked, budget))


def _contact_options(
    customers: pd.DataFrame,
    words: pd.DataFrame,
    effects: pd.DataFrame,
    policy: Policy,
    cautious: Policy | None,
) -> pd.DataFrame:
    """The ranked options of candidates for contact, as `selection.select_options` takes them."""
    options, playbook = _options("contact", customers, words, policy)
    if cautious is not None:  # an option must also pay at the lower bounds of the save rates
        at_least, _ = _options("contact", customers, words, cautious)
        options = options[at_least["gain"] > policy.min_net_gain * 100]
    proven = play_effects.proven_plays(effects, playbook)
    ranked = plays.rank_options(options, proven, playbook, policy)
    return ranked.join(customers[["owner", "rank"]], on="customer_id")


def _select_contacts(
    ranked: pd.DataFrame,
    limits: Sequence[Limit],
    at_risk_params: AtRiskParams,
    as_of: dt.date,
    keep_contact: frozenset[str],
) -> _ContactSelection:
    """Who comes within reach, who of them is held out, and who of the others is selected."""
    # Only the options of a customer's lowest tier compete.
    lowest_tier = ranked.groupby("customer_id")["tier"].transform("min")
    rivals = ranked[ranked["tier"] == lowest_tier]
    # Randomise within reach: the customers who would be selected if limits were as much higher
    # as the holdout takes away. Both arms then come from the same selection.
    relaxed = selection.relax_for_holdout(limits, at_risk_params.holdout_share)
    within_reach = selection.select_options(rivals, relaxed)
    held_out = randomisation.holdout_sample(within_reach, at_risk_params, as_of, keep_contact)
    is_contactable = ~randomisation.is_held_out(
        pd.Index(rivals["customer_id"]), at_risk_params, as_of, keep_contact
    ).to_numpy()
    is_within_reach = rivals["customer_id"].isin(within_reach["customer_id"])
    rest = rivals[is_within_reach & is_contactable]
    selected = selection.select_options(rest, limits)
    greedy = selection.greedy_selection(rest, limits)
    greedy_loss = selection.total_gain(selected) - selection.total_gain(greedy)
    return _ContactSelection(
        selected=selected,
        held_out=held_out,
        over_capacity=frozenset(rest["customer_id"]) - frozenset(selected["customer_id"]),
        shadow_prices=selection.shadow_prices(rivals[is_contactable], limits),
        greedy_loss=greedy_loss / 100,
    )


def _candidate_lanes(
    customers: pd.Index, ranked: pd.DataFrame, contact: _ContactSelection
) -> pd.DataFrame:
    """Lane and reason of candidates for contact."""
    conditions = [
        customers.isin(rows["customer_id"]) for rows in (contact.selected, contact.held_out, ranked)
    ]
    lane = np.select(conditions, ["contact", "excluded", "leave_alone"], "leave_alone")
    why = np.select(conditions, ["chosen", "held_out", "below_capacity"], "not_worth_saving")
    return pd.DataFrame({"lane": lane, "why": why}, index=customers, dtype="str")


def _with_fallback(ranked: pd.DataFrame, selected: pd.DataFrame) -> pd.DataFrame:
    fallback = plays.fallback_play(ranked, selected)
    return selected.assign(otherwise=selected["customer_id"].map(fallback))


def _rows(
    customers: pd.DataFrame, lane: pd.DataFrame, selected: pd.DataFrame, policy: Policy
) -> pd.DataFrame:
    """COLUMNS of every customer but those of the queue; the index is customer_id."""
    # An issue is put right whatever that gains, so its gain is not shown.
    is_weighed = selected["customer_id"].map(lane["lane"]).isin(["contact", "gave_notice"])
    outreach = selected.assign(
        net_gain=(selected["gain"] / 100).where(is_weighed),
        approval=selected["play"].isin(plays.plays_needing_approval(policy.playbook)),
    ).set_index("customer_id")
    wanted = ["play", "channel", "net_gain", "offer", "approval", "otherwise"]
    rows = lane.join(customers[["owner", "covered_for"]]).join(outreach[wanted])
    rows["approval"] = rows["approval"].eq(True)
    return rows
