"""What is done about each watched customer: every rule of the policy, in its order."""

import datetime as dt
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from retention.core.params import AtRiskParams, Params, Play, Policy
from retention.experiments import randomisation
from retention.policy import ISSUE_LANES, lanes, owners, play_effects, plays, selection
from retention.policy.selection import Limit, ShadowPrice

COLUMNS: Final = (
    "customer_id", "lane", "why", "owner", "covered_for", "play", "channel", "net_gain", "offer",
    "approval", "otherwise",
)  # fmt: skip


@dataclass(frozen=True)
class Decision:
    """What is decided, in money and in the ranking of `lanes.RANKING`.

    rows: ROWS, one row a watched customer. owner, covered_for, play, channel, otherwise may be
    null; what is not listed has no play. net_gain: expected, of the play, in money; null where what
    is owed is done whatever it gains. offer: the
    most that may be offered. approval: whether that needs one. otherwise: the next play.
    held_out: as `holdout.held_out`. passed: who came within reach, was not drawn, and yet is not
    chosen, as more than expected were not drawn: meant to be contacted, for a comparison. limits:
    those of the contacts that keep money back, counted over all who may be contacted. greedy_loss:
    what choosing one by one would have lost.
    """

    rows: pd.DataFrame
    held_out: pd.DataFrame
    over_capacity: frozenset[str]
    shadow_prices: tuple[ShadowPrice, ...]
    greedy_loss: float

    def counts(self) -> dict[str, dict[str, int]]:
        """Customers by lane and why, in no order; they add up to the watched."""
        return {
            str(lane): {str(why): int(many) for why, many in mine["why"].value_counts().items()}
            for lane, mine in self.rows.groupby("lane")
        }


def decide(
    scores: pd.DataFrame,
    standing: pd.DataFrame,
    contacts: pd.DataFrame,
    themes: pd.DataFrame,
    sold: pd.DataFrame,
    config: Params,
    as_of: dt.date,
    barred: lanes.SuppressionList = lanes.NOBODY_SUPPRESSED,
) -> Decision:
    """The lane of each watched customer, and what is to be done for those who are listed.

    scores, standing, contacts: as `lanes.together` wants them. themes: customer_id, theme of the
    customers' reasons. sold: as `evidence.evidence` gives it. BadInput, BadParams: as `together`
    and `people.covers`.
    """
    policy, rules = config.policy, config.at_risk
    seen = lanes.join_inputs(scores, standing, contacts, barred)
    seen[["owner", "covered_for"]] = owners.assign_owners(seen, policy, as_of)
    seen["rank"] = np.arange(len(seen))
    lane = lanes.assign_lanes(seen, policy)
    words = plays.trigger_words(seen, themes)
    others = [_of_lane(one, seen[lane["lane"] == one], words, policy) for one in ISSUE_LANES]
    spent = sum(int(one["spend"].sum()) for one in others)
    ranked = _ranked(seen[lane["lane"] == ""], words, sold, policy)
    contact = _contact(ranked, selection.policy_limits(policy, rules.capacity, spent), rules, as_of)
    lane = lane.mask(lane == "", _last_lanes(lane.index, ranked, contact))
    given = pd.concat([*others, _given(ranked, contact.chosen)])
    rows = _rows(seen, lane, given, policy)
    return Decision(rows, contact.held_out, contact.passed, contact.limits, contact.greedy_loss)


@dataclass(frozen=True)
class _Contact:
    chosen: pd.DataFrame
    held_out: pd.DataFrame
    passed: frozenset[str]
    limits: tuple[ShadowPrice, ...]
    greedy_loss: float


def _options(
    lane: str, seen: pd.DataFrame, words: pd.DataFrame, policy: Policy
) -> tuple[pd.DataFrame, list[Play]]:
    """What the playbook has for the customers of a lane, and its plays for them."""
    playbook = [play for play in policy.playbook if play.lane == lane]
    return plays.options(seen, words, lanes.has_open_issue(seen), playbook, policy), playbook


def _of_lane(lane: str, seen: pd.DataFrame, words: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """What is given to the customers of a lane that is listed whole."""
    found, playbook = _options(lane, seen, words, policy)
    best = plays.matching_plays(found, playbook, policy)
    budget = None if policy.budget is None else round(policy.budget * 100)
    return _given(best, plays.within_budget(best, budget))


def _ranked(
    seen: pd.DataFrame, words: pd.DataFrame, sold: pd.DataFrame, policy: Policy
) -> pd.DataFrame:
    """The options of the candidates for contact, as `choice.best` wants them."""
    found, playbook = _options("contact", seen, words, policy)
    best = plays.rank_options(found, play_effects.proven_plays(sold, playbook), playbook, policy)
    return best.join(seen[["owner", "rank"]], on="customer_id")


def _contact(
    ranked: pd.DataFrame, bounds: Sequence[Limit], rules: AtRiskParams, as_of: dt.date
) -> _Contact:
    """Who comes within reach, who of them is held out, who of the rest is chosen."""
    first = ranked.groupby("customer_id")["stand"].transform("min")
    rivals = ranked[ranked["stand"] == first]
    reach = selection.select_options(rivals, selection.relax_for_holdout(bounds, rules.holdout_share))
    held = randomisation.holdout_sample(reach, rules, as_of)
    free = ~randomisation.is_held_out(pd.Index(rivals["customer_id"]), rules).to_numpy()
    rest = rivals[rivals["customer_id"].isin(reach["customer_id"]) & free]
    chosen = selection.select_options(rest, bounds)
    lost = selection.total_gain(chosen) - selection.total_gain(selection.greedy_selection(rest, bounds))
    passed = frozenset(rest["customer_id"]) - frozenset(chosen["customer_id"])
    return _Contact(chosen, held, passed, selection.shadow_prices(rivals[free], bounds), lost / 100)


def _last_lanes(customers: pd.Index, ranked: pd.DataFrame, contact: _Contact) -> pd.DataFrame:
    """lane and why of candidates for contact."""
    among = [contact.chosen, contact.held_out, ranked]
    within = [customers.isin(one["customer_id"]) for one in among]
    lane = np.select(within, ["contact", "excluded", "leave_alone"], "leave_alone")
    why = np.select(within, ["chosen", "held_out", "below_capacity"], "not_worth_saving")
    return pd.DataFrame({"lane": lane, "why": why}, index=customers, dtype="str")


def _given(best: pd.DataFrame, given: pd.DataFrame) -> pd.DataFrame:
    after = plays.fallback_play(best, given)
    return given.assign(otherwise=given["customer_id"].map(after))


def _rows(
    seen: pd.DataFrame, lane: pd.DataFrame, given: pd.DataFrame, policy: Policy
) -> pd.DataFrame:
    weighed = given["customer_id"].map(lane["lane"]).isin(["contact", "gave_notice"])
    told = given.assign(
        net_gain=(given["gain"] / 100).where(weighed),
        approval=given["play"].isin(plays.plays_needing_approval(policy.playbook)),
    ).set_index("customer_id")
    wanted = ["play", "channel", "net_gain", "offer", "approval", "otherwise"]
    rows = lane.join(seen[["owner", "covered_for"]]).join(told[wanted])
    rows["approval"] = rows["approval"].eq(True)
    return rows.reset_index()[list(COLUMNS)]
