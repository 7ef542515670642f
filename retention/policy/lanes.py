"""The first lanes: who is left out, has something to be put right first, or is left alone.

What the rules read are days back from as_of, so that 1 is the day before it. A comparison with
a null is false: what is not known decides nothing, except where a rule says so.
"""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from retention.core.errors import BadInput, mask
from retention.core.params import Policy

FIGURES: Final = (
    "churn_probability", "expected_value", "value_low", "value_high", "value_if_kept",
    "value_if_lost", "expected_loss",
)  # fmt: skip
RANKING: Final = {"expected_loss": False, "churn_probability": False, "customer_id": True}
"""The order of customers who are otherwise alike, and whether a column ascends: ids by bytes."""


OWED: Final = 182  # days in which what went wrong may still have to be put right


@dataclass(frozen=True)
class SuppressionList:
    """Customers who are on no list, by id: whatever else is known of them, or nothing at all.

    objecting: told staff not to contact them; gone: died or merged; held: held out in this
    campaign; erased.
    """

    opted_out: frozenset[str] = frozenset()
    deceased_or_merged: frozenset[str] = frozenset()
    held_out: frozenset[str] = frozenset()
    erased: frozenset[str] = frozenset()


NOBODY_SUPPRESSED: Final = SuppressionList()


@dataclass(frozen=True)
class LaneRule:
    """`holds` says of every row of `seen` whether the rule is met."""

    lane: str
    why: str
    holds: Callable[[pd.DataFrame, Policy], "pd.Series[bool]"]


def costs_too_much(seen: pd.DataFrame, policy: Policy) -> "pd.Series[bool]":
    """Many contacts a year that cost too large a share of what the customer brings."""
    if policy.effort is None:
        return pd.Series(False, index=seen.index)
    often = seen["contacts_365d"] >= policy.effort.contacts
    return often & (seen["serving_cost_365d"] > policy.effort.cost_share * seen["revenue_365d"])


def is_inactive(seen: pd.DataFrame, policy: Policy) -> "pd.Series[bool]":
    """Long without a dealing, or never any, and without a failure that could be put right."""
    if policy.sleeping_days is None:
        return pd.Series(False, index=seen.index)
    dealing = seen["last_dealing_days"]
    return (dealing.isna() | (dealing >= policy.sleeping_days)) & (seen["failures_90d"] == 0)


LANE_RULES: Final = (
    LaneRule("excluded", "opted_out", lambda c, _: c.do_not_contact),
    LaneRule("excluded", "erased", lambda c, _: c.erased),
    LaneRule("excluded", "gone", lambda c, _: c.gone),
    LaneRule("excluded", "held_out", lambda c, _: c.held),
    LaneRule("excluded", "contacted_recently", lambda c, p: c.last_outreach_days < p.recent_days),
    LaneRule("gave_notice", "notice", lambda c, _: c.notice_on.notna()),
    LaneRule("fix_first", "open_case", lambda c, _: c.open_cases > 0),
    LaneRule("fix_first", "billing_error", lambda c, p: c.billing_error_days <= p.fix.billing_days),
    LaneRule("fix_first", "broken_promise", lambda c, p: c.broken_promise_days <= p.fix.promise_days),
    LaneRule("cooling_off", "just_fixed", lambda c, p: c.fixed_days <= p.cooling_days),
    LaneRule("excluded", "too_new", lambda c, p: c.tenure_days < p.min_tenure_days),
    LaneRule("leave_alone", "would_stay", lambda c, p: c.churn_probability < p.min_churn_probability),
    LaneRule("leave_alone", "would_stay", lambda c, _: c.expected_loss <= 0),
    LaneRule("leave_alone", "may_be_disturbed", lambda c, _: c.disturbed),
    LaneRule("leave_alone", "may_be_disturbed", is_inactive),
    LaneRule("leave_alone", "not_worth_saving", lambda c, _: c.value_if_kept <= 0),
    LaneRule("leave_alone", "not_worth_saving", costs_too_much),
)  # fmt: skip
"""Tried in this order; the first that holds wins. Whoever meets none is a candidate for contact."""


def assign_lanes(seen: pd.DataFrame, policy: Policy) -> pd.DataFrame:
    """lane and why of every row of `together`; both are "" for a candidate for contact."""
    holds = [rule.holds(seen, policy).to_numpy(dtype=bool) for rule in LANE_RULES]
    told = {
        name: np.select(holds, [getattr(rule, name) for rule in LANE_RULES], default="")
        for name in ("lane", "why")
    }
    return pd.DataFrame(told, index=seen.index, dtype="str")


def has_open_issue(seen: pd.DataFrame) -> "pd.Series[bool]":
    """Whether something is still to be put right, whichever lane the customer is in.

    A bill or a promise counts for OWED days: what is older was settled in ways not recorded.
    """
    owed = seen[["billing_error_days", "broken_promise_days"]] <= OWED
    return (seen["open_cases"] > 0) | owed.any(axis=1)


def join_inputs(
    scores: pd.DataFrame,
    standing: pd.DataFrame,
    contacts: pd.DataFrame,
    barred: SuppressionList,
) -> pd.DataFrame:
    """What is known of each watched customer: customer_id (the index, by RANKING), all columns.

    scores may lack `effect` and `disturbed` (artefacts.UPLIFT_SCORES) where no lot has taught any; contacts
    may lack customers. BadInput: a customer twice among the scores or without a standing, a figure
    that is not finite.
    """
    watched = _ranked(scores)
    known = standing.set_index("customer_id").drop(columns="as_of", errors="ignore")
    missing = watched.index.difference(known.index)
    if len(missing):
        raise BadInput(f"standing: customer {mask(missing[0])} is missing; run standing again")
    people = contacts.set_index("customer_id")[["do_not_contact", "preferred_channel", "owner"]]
    seen = watched.join(known).join(people)
    seen["effect"] = seen.get("effect", np.nan)
    seen["disturbed"] = seen.get("disturbed", False)
    seen["do_not_contact"] = seen["do_not_contact"].eq(True)  # null is no objection
    seen["do_not_contact"] |= seen.index.isin(list(barred.opted_out))
    for name in ("gone", "held", "erased"):
        seen[name] = seen.index.isin(list(getattr(barred, name)))
    return seen


def _ranked(scores: pd.DataFrame) -> pd.DataFrame:
    for name in FIGURES:
        if not np.isfinite(scores[name].to_numpy(dtype=float, na_value=np.nan)).all():
            raise BadInput(f"scores: {name} is not a finite number everywhere; run score again")
    twice = scores["customer_id"][scores["customer_id"].duplicated()]
    if len(twice):
        raise BadInput(f"scores: customer {mask(twice.iloc[0])} stands there more than once")
    by = scores.sort_values(list(RANKING), ascending=list(RANKING.values()))
    return by.set_index("customer_id")
