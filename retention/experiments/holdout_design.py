"""The share to hold out so that a question is answered by a day, at the least loss."""

import bisect
import datetime as dt
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from retention.core import point_in_time
from retention.core.documents.reports import ListGain
from retention.core.params import Params
from retention.experiments import analysis, planning
from retention.experiments.follow_up import PENDING
from retention.experiments.report_data import HoldoutDesign
from retention.stats import power, sequential
from retention.stats.power import ArmSizes

SHARES: Final = tuple(round(each, 2) for each in np.arange(0.05, 0.46, 0.01))
"""That may be chosen, the least loss first; below 5 % a holdout measures hardly anything."""
_DAYS_PER_MONTH: Final = planning.DAYS_PER_MONTH
_MAX_MONTHS: Final = 600


@dataclass(frozen=True)
class Enrolment:
    """What an experiment has and will get."""

    baseline_rate: float  # P(churn) without a contact, of the customers within reach
    target_effect: float  # share of those who would leave whom contacts are to keep
    power: float
    measured: ArmSizes  # customers whose outcome is known
    pending: "pd.Series[int]"  # customers by arm (contact, holdout) and day of their outcome
    per_month: float  # customers randomised for the first time in a draw
    per_draw: float  # customers who can be at most, as no more may be contacted
    draw_days: int
    today: dt.date
    label_delay_days: int  # from an assignment to its outcome

    def sizes(self, day: dt.date, holdout_share: float) -> ArmSizes:
        """The customers of each arm whose outcome is known by a day."""
        by_then = self.pending[self.pending.index.get_level_values("day") <= pd.Timestamp(day)]
        waiting = by_then.groupby(level="arm").sum()
        treated, control = (int(waiting.get(arm, 0)) for arm in analysis.ARMS)
        new = self.new_customers(day)
        return ArmSizes(
            self.measured.treated + treated + (1 - holdout_share) * new,
            self.measured.control + control + holdout_share * new,
        )

    def new_customers(self, day: dt.date) -> float:
        """The customers still to be randomised, early enough for an outcome by a day."""
        days = max((day - self.today).days - self.label_delay_days, 0)
        max_customers = self.per_draw * (1 + days // self.draw_days) if days else 0.0
        return min(self.per_month * days / _DAYS_PER_MONTH, max_customers)

    def smallest_effect(self, day: dt.date, holdout_share: float) -> float:
        """The smallest share of those who would leave that shows if kept; nan where none does."""
        sizes = self.sizes(day, holdout_share)
        critical_value = sequential.width_factor(1.0)
        effect = power.minimum_detectable_effect(
            self.baseline_rate, sizes, critical_value, self.power
        )
        return effect / self.baseline_rate

    def answer_day(self, holdout_share: float) -> dt.date | None:
        """The first day, in steps of a month, on which the target effect shows.

        The arms only grow, so the smallest effect only shrinks with time: the month is bisected.

        Returns
        -------
        date or None
            None where it does not show within 50 years.
        """

        def day(month: int) -> dt.date:
            return self.today + dt.timedelta(days=round(month * _DAYS_PER_MONTH))

        def shows(month: int) -> bool:
            return self.smallest_effect(day(month), holdout_share) <= self.target_effect

        month = bisect.bisect_left(range(_MAX_MONTHS), True, key=shows)
        return day(month) if month < _MAX_MONTHS else None


def enrolment(
    follow_up: pd.DataFrame, lanes: pd.DataFrame, params: Params, today: dt.date
) -> Enrolment | None:
    """Take stock of an experiment.

    Parameters
    ----------
    follow_up : DataFrame
        FOLLOW_UP.
    lanes : DataFrame
        LANES of the newest list: lane, why, churn_probability.
    params : Params
        outcomes (target_effect and power), labels, and at_risk.campaign_days, after which a
        customer may be randomised again.
    today : date

    Returns
    -------
    Enrolment or None
        None where the list has nobody within reach, or nobody is expected to churn. Before any
        list is published, one such list a month is counted on.
    """
    is_within_reach = (lanes["lane"] == "contact") | (lanes["why"] == "held_out")
    may_be_chosen = is_within_reach | (lanes["why"] == "below_capacity")
    baseline_rate = float(lanes.loc[is_within_reach, "churn_probability"].mean())
    if not 0 < baseline_rate < 1:
        return None
    assigned = analysis.randomised(follow_up)
    rate = planning.enrolment_rate(assigned, pd.Timestamp(today)).total
    pending = assigned[assigned["state"] == PENDING]
    return Enrolment(
        baseline_rate=baseline_rate,
        target_effect=params.outcomes.target_effect,
        power=params.outcomes.power,
        measured=analysis.arm_sizes(analysis.analysis_set(follow_up)),
        pending=pending.rename(columns={"outcome_known_on": "day"}).groupby(["arm", "day"]).size(),
        per_month=rate or float(is_within_reach.sum()),
        per_draw=float(may_be_chosen.sum()),
        draw_days=params.at_risk.campaign_days,
        today=today,
        label_delay_days=point_in_time.label_delay_days(params.labels),
    )


def holdout_design(
    state: Enrolment, answer_by: dt.date, expected: ListGain | None
) -> HoldoutDesign:
    """Choose the share that answers by a day at the least loss.

    Each customer held out costs what a contact gains, so that the least share that answers costs
    least. This is the most it can cost: the contacts saved go to the next best customers.

    Parameters
    ----------
    state : Enrolment
    answer_by : date
    expected : ListGain or None
        Of the newest list; without it no loss is stated.

    Returns
    -------
    HoldoutDesign
        Where no share answers in time, that of SHARES which answers first.
    """
    in_time = [
        holdout_share
        for holdout_share in SHARES
        if state.smallest_effect(answer_by, holdout_share) <= state.target_effect
    ]
    if in_time:
        holdout_share, answer_day = in_time[0], state.answer_day(in_time[0])
    else:
        days = {holdout_share: state.answer_day(holdout_share) for holdout_share in SHARES}
        holdout_share = min(SHARES, key=lambda each: (days[each] or dt.date.max, each))
        answer_day = days[holdout_share]
    held_out = holdout_share * state.new_customers(answer_by)
    contacts = expected.contacts if expected else 0
    held_per_contact = held_out / contacts if contacts else np.nan
    return HoldoutDesign(
        holdout_share=holdout_share,
        answer_by=answer_by,
        is_in_time=bool(in_time),
        answer_day=answer_day,
        smallest_effect=state.smallest_effect(answer_by, holdout_share),
        held_out=held_out,
        lost_customers=held_per_contact * expected.saved if expected else np.nan,
        lost_money=held_per_contact * (expected.value or 0.0) if expected else np.nan,
    )


def design_for_a_year(
    follow_up: pd.DataFrame,
    lanes: pd.DataFrame,
    params: Params,
    today: dt.date,
    expected: ListGain | None,
) -> HoldoutDesign | None:
    """Choose the share that answers within a year: `holdout_design` of an `enrolment`."""
    state = enrolment(follow_up, lanes, params, today)
    if state is None:
        return None
    return holdout_design(state, today + dt.timedelta(days=365), expected)
