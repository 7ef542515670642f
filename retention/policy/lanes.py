"""Lanes: who is excluded, has an issue to be put right first, is left alone, or may be contacted.

Rules are tried in the order of LANE_RULES; a customer is in the lane of the first one that holds.
Columns named `..._days` count back from as_of, so that 1 is the day before it. A comparison with a
null is false: what is unknown decides nothing, except where a rule says so.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from retention.core.artefacts import modelling
from retention.core.errors import BadInput, mask
from retention.core.params import Policy
from retention.i18n.language import gettext_noop
from retention.policy.play_effects import expected_cost

LANES: Final = {
    "contact": gettext_noop("to contact"),
    "fix_first": gettext_noop("fix first"),
    "gave_notice": gettext_noop("gave notice"),
    "call_back": gettext_noop("call back"),
    "cooling_off": gettext_noop("cooling off"),
    "leave_alone": gettext_noop("leave alone"),
    "excluded": gettext_noop("excluded"),
}
"""Every lane, in the order in which they are counted, in the words that staff read."""

ISSUE_LANES: Final = ("fix_first", "gave_notice", "call_back", "cooling_off")
"""Lanes of customers who are listed for what is owed or agreed, whatever their risk."""
LISTED_LANES: Final = ("contact", *ISSUE_LANES)
"""Lanes that appear on a list."""

LANE_REASONS: Final = {
    "contact": {"chosen": gettext_noop("most to gain within what staff can handle")},
    "fix_first": {
        "open_case": gettext_noop("a case is still open"),
        "unsolved_case": gettext_noop("a case was closed without being solved"),
        "faulty_order": gettext_noop("a faulty order, neither exchanged nor refunded"),
        "billing_error": gettext_noop("billed above the agreed price, not yet corrected"),
        "broken_promise": gettext_noop("still waiting for what was promised"),
    },
    "gave_notice": {"notice": gettext_noop("gave notice")},
    "call_back": {"agreed": gettext_noop("a call was agreed for a day")},
    "cooling_off": {"just_fixed": gettext_noop("put right a few days ago")},
    "leave_alone": {
        "staff_know_better": gettext_noop("left alone by staff, who know better"),
        "would_stay": gettext_noop("would stay anyway"),
        "may_be_disturbed": gettext_noop("a call might be what makes them leave"),
        "no_value": gettext_noop("brings nothing even if kept"),
        "cannot_be_pleased": gettext_noop("takes more service than they bring in"),
        "not_worth_saving": gettext_noop("no action would bring more than it costs"),
        "below_capacity": gettext_noop("below what staff can handle"),
    },
    "excluded": {
        "erased": gettext_noop("erased"),
        "gone": gettext_noop("died, or merged with another customer"),
        "opted_out": gettext_noop("asked not to be contacted"),
        "held_out": gettext_noop("held out at random, for comparison"),
        "call_agreed": gettext_noop("a call is agreed for a later day"),
        "contacted_recently": gettext_noop("contacted a short while ago"),
        "too_new": gettext_noop("not with us long enough"),
    },
}
"""Reasons to be in each lane, in the order they are tried, in the words that staff read."""

SCORE_COLUMNS: Final = tuple(column.name for column in modelling.SCORE_COLUMNS)
"""Columns of the scores that must be finite, but for those that may be null."""
RANKING: Final = ("expected_loss", "churn_probability", "trouble_days", "last_dealing_days")
"""Order of customers who are otherwise equal, the greatest first; then ids by their bytes."""
ALIKE: Final = ("trouble_days", "expected_loss", "churn_probability", "last_dealing_days")
"""The order where customers cannot be told apart by their chances."""
SAME_CHANCE: Final = 0.01
"""Chances that differ by no more tell nobody apart."""
WORTH_WITHOUT_MONEY: Final = 1e4
"""Of every customer, in multiples of what the dearest play must bring: plays are weighed by it
alone, and it is never shown."""
_TROUBLES: Final = (
    "oldest_open_days",
    "unsolved_days",
    "faulty_order_days",
    "billing_error_days",
    "broken_promise_days",
)
WEEK: Final = 7
"""Days that a list looks ahead: what is due within them is on it."""
MAX_ISSUE_DAYS: Final = 182
"""Age in days above which a bill or a promise counts as settled in a way that was not recorded."""


@dataclass(frozen=True)
class SuppressionList:
    """Ids of customers who may not be listed, whatever else is known of them."""

    opted_out: frozenset[str] = frozenset()  # asked not to be contacted
    deceased_or_merged: frozenset[str] = frozenset()
    held_out: frozenset[str] = frozenset()  # of the present campaign
    erased: frozenset[str] = frozenset()


NOBODY_SUPPRESSED: Final = SuppressionList()


@dataclass(frozen=True)
class LaneRule:
    """A condition that puts a customer into a lane."""

    lane: str  # of LANES
    why: str  # of LANE_REASONS[lane]
    holds: Callable[[pd.DataFrame, Policy], "pd.Series[bool]"]  # for each row of `join_inputs`


def costs_too_much(customers: pd.DataFrame, policy: Policy) -> "pd.Series[bool]":
    """Say who makes many contacts that cost too large a share of what the customer brings.

    Parameters
    ----------
    customers : DataFrame of n rows
        contacts_365d, serving_cost_365d and revenue_365d (currency).
    policy : Policy
        effort; nobody where it is not set.

    Returns
    -------
    Series of bool, shape (n,)
    """
    if policy.effort is None:
        return pd.Series(False, index=customers.index)
    many_contacts = customers["contacts_365d"] >= policy.effort.contacts
    max_cost = policy.effort.cost_share * customers["revenue_365d"]
    return many_contacts & (customers["serving_cost_365d"] > max_cost)


def is_inactive(customers: pd.DataFrame, policy: Policy) -> "pd.Series[bool]":
    """Say who has had no interaction for long, or never any, and no failure to be put right.

    Parameters
    ----------
    customers : DataFrame of n rows
        last_dealing_days, failures_90d.
    policy : Policy
        sleeping_days; nobody where it is not set.

    Returns
    -------
    Series of bool, shape (n,)
    """
    if policy.sleeping_days is None:
        return pd.Series(False, index=customers.index)
    silence = customers["last_dealing_days"]
    is_silent = silence.isna() | (silence >= policy.sleeping_days)
    return is_silent & (customers["failures_90d"] == 0)


def may_be_approached(customers: pd.DataFrame, policy: Policy) -> "pd.Series[bool]":
    """Say whom nothing forbids to contact for our own sake, as opposed to putting something right.

    Parameters
    ----------
    customers : DataFrame of n rows
        do_not_contact, held_out, last_outreach_days.
    policy : Policy
        recent_days.

    Returns
    -------
    Series of bool, shape (n,)
    """
    is_recent = customers["last_outreach_days"] < policy.recent_days
    return ~(customers["do_not_contact"] | customers["held_out"] | is_recent)


def is_cooling_off(customers: pd.DataFrame, policy: Policy) -> "pd.Series[bool]":
    """Say to whom something was put right lately, and who was not asked since whether it is right.

    They are to be asked `cooling_days` after it, and for as long again if nobody did.

    Parameters
    ----------
    customers : DataFrame of n rows
        fixed_days, last_outreach_days.
    policy : Policy
        cooling_days.

    Returns
    -------
    Series of bool, shape (n,)
    """
    days_since_due = customers["fixed_days"] - policy.cooling_days
    was_asked = (days_since_due > 0) & (customers["last_outreach_days"] <= days_since_due)
    return (customers["fixed_days"] <= policy.asked_within) & ~was_asked


LANE_RULES: Final = (
    LaneRule("excluded", "erased", lambda c, _: c.erased),
    LaneRule("excluded", "gone", lambda c, _: c.deceased_or_merged),
    LaneRule("gave_notice", "notice", lambda c, p: c.notice_on.notna() & may_be_approached(c, p)),
    # To put right what went wrong is service: it needs no permission to sell, and no quiet time.
    LaneRule("fix_first", "open_case", lambda c, _: c.open_cases > 0),
    LaneRule("fix_first", "unsolved_case", lambda c, _: c.unsolved_days.notna()),
    LaneRule("fix_first", "faulty_order", lambda c, _: c.faulty_order_days.notna()),
    LaneRule("fix_first", "billing_error", lambda c, p: c.billing_error_days <= p.fix.billing_days),
    LaneRule(
        "fix_first", "broken_promise", lambda c, p: c.broken_promise_days <= p.fix.promise_days
    ),
    LaneRule("excluded", "opted_out", lambda c, _: c.do_not_contact),
    # What was agreed or put right is followed up in both arms of the experiment alike.
    LaneRule("call_back", "agreed", lambda c, _: c.call_back_days > -WEEK),
    LaneRule("cooling_off", "just_fixed", is_cooling_off),
    LaneRule("excluded", "held_out", lambda c, _: c.held_out),
    LaneRule("excluded", "call_agreed", lambda c, _: c.call_back_days <= -WEEK),
    LaneRule("excluded", "contacted_recently", lambda c, p: c.last_outreach_days < p.recent_days),
    LaneRule("excluded", "too_new", lambda c, p: c.tenure_days < p.min_tenure_days),
    LaneRule("leave_alone", "staff_know_better", lambda c, p: c.override_days <= p.override_days),
    LaneRule(
        "leave_alone", "would_stay", lambda c, p: c.churn_probability < p.min_churn_probability
    ),
    LaneRule("leave_alone", "would_stay", lambda c, _: c.expected_loss <= 0),
    LaneRule("leave_alone", "may_be_disturbed", lambda c, _: c.disturbed),
    LaneRule("leave_alone", "may_be_disturbed", is_inactive),
    LaneRule("leave_alone", "no_value", lambda c, _: c.value_if_kept <= 0),
    LaneRule("leave_alone", "cannot_be_pleased", costs_too_much),
)
"""Tried in this order. A customer for whom none holds is a candidate for contact."""


def assign_lanes(customers: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """Put each customer into the lane of the first rule that holds.

    Parameters
    ----------
    customers : DataFrame of n rows
        As `join_inputs` returns it.
    policy : Policy

    Returns
    -------
    DataFrame of n rows
        lane and why; both are "" for a candidate for contact.
    """
    holds = [rule.holds(customers, policy).to_numpy(dtype=bool) for rule in LANE_RULES]
    columns = {
        name: np.select(holds, [getattr(rule, name) for rule in LANE_RULES], default="")
        for name in ("lane", "why")
    }
    return pd.DataFrame(columns, index=customers.index, dtype="str")


def has_open_issue(customers: pd.DataFrame) -> "pd.Series[bool]":
    """Say for whom something is still to be put right, whichever lane they are in.

    Parameters
    ----------
    customers : DataFrame of n rows
        open_cases, unsolved_days, faulty_order_days, billing_error_days, broken_promise_days.

    Returns
    -------
    Series of bool, shape (n,)
    """
    recent = customers[["billing_error_days", "broken_promise_days"]] <= MAX_ISSUE_DAYS
    is_owed = customers[["unsolved_days", "faulty_order_days"]].notna().any(axis=1)
    return (customers["open_cases"] > 0) | is_owed | recent.any(axis=1)


def join_inputs(
    scores: pd.DataFrame,
    customer_state: pd.DataFrame,
    contacts: pd.DataFrame,
    suppression: SuppressionList,
) -> pd.DataFrame:
    """Join what is known of each customer of the cohort.

    Parameters
    ----------
    scores : DataFrame of n rows
        customer_id, SCORE_COLUMNS; saving, treatment and disturbed of UPLIFT_SCORES where an
        uplift model is in use.
    customer_state : DataFrame
        CUSTOMER_STATE; at least one row for each customer of the scores.
    contacts : DataFrame
        customer_id, do_not_contact, preferred_channel, owner; may lack customers.
    suppression : SuppressionList

    Returns
    -------
    DataFrame of n rows
        All columns, and one per field of the suppression list; the index is customer_id, in the
        order of RANKING, or of ALIKE where all chances are the same.

    Raises
    ------
    BadInput
        If a customer has two scores or no state, or a score is not finite.
    """
    cohort = _checked(scores)
    state = customer_state.set_index("customer_id").drop(columns="as_of", errors="ignore")
    missing = cohort.index.difference(state.index)
    if len(missing):
        raise BadInput(
            f"customer_state: customer {mask(missing[0])} is missing; run interactions again"
        )
    wanted = ["do_not_contact", "preferred_channel", "owner"]
    customers = cohort.join(state).join(contacts.set_index("customer_id")[wanted])
    # To whom staff handed a customer is newer than the file of customers.
    customers["owner"] = customers["handed_to"].fillna(customers["owner"])
    customers["saving"] = customers.get("saving", np.nan)
    customers["treatment"] = customers.get("treatment", pd.Series(None, customers.index, "object"))
    customers["disturbed"] = customers.get("disturbed", False)
    customers["unsettled"] = customers.get("unsettled", pd.Series(None, customers.index, "object"))
    customers["do_not_contact"] = customers["do_not_contact"].eq(True)  # null is no objection
    customers["do_not_contact"] |= customers.index.isin(list(suppression.opted_out))
    for name in ("deceased_or_merged", "held_out", "erased"):
        customers[name] = customers.index.isin(list(getattr(suppression, name)))
    return _ranked(customers)


def has_money(customers: pd.DataFrame) -> bool:
    """Whether the history knows what any customer brings.

    Parameters
    ----------
    customers : DataFrame
        value_if_kept and value_if_lost.

    Returns
    -------
    bool
        True where there is no customer.
    """
    values = customers[["value_if_kept", "value_if_lost"]].to_numpy(dtype=float)
    return len(values) == 0 or bool((values != 0).any())


def weigh_by_risk(customers: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """Let every customer be worth the same, and more than any play costs.

    For companies without money in their history: plays are then weighed by whom they keep.

    Parameters
    ----------
    customers : DataFrame
        As `join_inputs` returns them.
    policy : Policy
        playbook and min_net_gain, which are money in the units of any currency.

    Returns
    -------
    DataFrame
        The same rows; what an experiment says of money is left out.
    """
    dearest = max(map(expected_cost, policy.playbook), default=0.0)
    worth = WORTH_WITHOUT_MONEY * (1 + dearest + policy.min_net_gain)
    loss = customers["churn_probability"] * worth
    # What is not known of money is null, so that no rule about money holds.
    unknown = dict.fromkeys(("saving", "revenue_365d"), np.nan)
    return customers.assign(expected_loss=loss, value_if_kept=worth, value_if_lost=0.0, **unknown)


def _ranked(customers: pd.DataFrame) -> pd.DataFrame:
    """The customers in the order of RANKING, or of ALIKE."""
    troubles = customers.reindex(columns=list(_TROUBLES)).astype(float)
    chances = customers["churn_probability"]
    is_flat = len(customers) == 0 or chances.max() - chances.min() <= SAME_CHANCE
    order = list(ALIKE if is_flat else RANKING)
    keys = customers.assign(trouble_days=troubles.max(axis=1)).reindex(columns=order)
    ranked = keys.sort_index().sort_values(order, ascending=False, kind="stable")
    return customers.loc[ranked.index]


def _checked(scores: pd.DataFrame) -> pd.DataFrame:
    for name in SCORE_COLUMNS:
        column = scores[name].dropna() if name in modelling.NULLABLE_SCORES else scores[name]
        if not np.isfinite(column.to_numpy(dtype=float, na_value=np.nan)).all():
            raise BadInput(f"scores: {name} is not a finite number everywhere; run score again")
    repeated = scores["customer_id"][scores["customer_id"].duplicated()]
    if len(repeated):
        raise BadInput(f"scores: customer {mask(repeated.iloc[0])} stands there more than once")
    return scores.set_index("customer_id")
