"""Measured save rates: of the customers who would have left, the share that a contact keeps."""

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd

from retention.cohort.calendar import plan_calendar
from retention.core import point_in_time
from retention.core.documents.sources import EventsSummary
from retention.core.engine import Engine
from retention.core.events import HOLDOUT
from retention.core.params import Params
from retention.experiments import analysis
from retention.experiments.follow_up import read_follow_up
from retention.ledgers import assignments


@dataclass(frozen=True)
class MeasuredSaveRate:
    """What the randomised customers of one play show."""

    play: str
    rate: float  # of those who would have left, the share that assignment to the play keeps
    error: float  # its standard error
    contact: int  # customers
    held_out: int


def measured_save_rate(rows: pd.DataFrame, play: str) -> MeasuredSaveRate | None:
    """Measure a save rate by intention to treat.

    It is the fall of the churn rate per predicted churn probability, because a list counts on
    save rate times predicted probability: both then speak of the same customers saved.

    Parameters
    ----------
    rows : DataFrame
        Both arms of the play: customer_id, treated (0 or 1), churned (0 or 1), propensity and
        churn_probability (of no contact, predicted before; may be null).
    play : str

    Returns
    -------
    MeasuredSaveRate or None
        None where an arm is too small for a standard error, or nothing was predicted.
    """
    expected = float(rows["churn_probability"].mean()) if len(rows) else np.nan
    if not expected > 0:
        return None
    arms = rows.assign(arm=np.where(rows["treated"] == 1, *analysis.ARMS))
    effect = analysis.effect_estimate(arms, "churned")
    if not effect.standard_error > 0:
        return None
    return MeasuredSaveRate(
        play=play,
        rate=-effect.difference / expected,
        error=effect.standard_error / expected,
        contact=effect.treated,
        held_out=effect.control,
    )


def read_measured_save_rates(
    params: Params, open_engine: Engine, events_summary: EventsSummary
) -> list[MeasuredSaveRate]:
    """Measure the plays that contact, on the customers whom all our lists randomised.

    Parameters
    ----------
    params : Params
    open_engine : Engine
    events_summary : EventsSummary
        Summary of stage `events`.

    Returns
    -------
    list of MeasuredSaveRate
        Of the plays of which enough is known, as of params.as_of. Both arms are grouped by the
        play that was chosen for them before anything was done.
    """
    as_of = pd.Timestamp(point_in_time.date_of(plan_calendar(params, events_summary).as_of))
    delay = pd.Timedelta(days=point_in_time.label_delay_days(params.labels))
    assigned = assignments.read_all(assignments.FOLDER)
    if not ((assigned["company"] == params.company) & (assigned["as_of"] + delay <= as_of)).any():
        return []  # no outcome is known, and the events need not be read
    follow_up = read_follow_up(params, open_engine, events_summary, of_every_campaign=True)
    rows = analysis.analysis_set(follow_up)
    return measured_by_play(
        rows, [play.name for play in params.policy.playbook if play.lane == "contact"]
    )


def measured_by_play(rows: pd.DataFrame, plays: Sequence[str]) -> list[MeasuredSaveRate]:
    """Measure each play of the analysis set.

    Parameters
    ----------
    rows : DataFrame
        The analysis set, with play.
    plays : sequence of str

    Returns
    -------
    list of MeasuredSaveRate
        Without those of which too little is known.
    """
    rates = [measured_save_rate(rows[rows["play"] == play], play) for play in plays]
    return [rate for rate in rates if rate is not None]


def measured_by_treatment(outcomes: pd.DataFrame, shares: pd.DataFrame) -> list[MeasuredSaveRate]:
    """Measure the treatments of a company's own experiments.

    Parameters
    ----------
    outcomes : DataFrame
        Randomised customers: customer_id, occurred_day, treatment, churned, churn_probability,
        is_of_list (our own lists count by their plays, and not here), candidate (whether a list
        could have contacted them).
    shares : DataFrame
        As `assignment_history.treatment_shares` returns it.

    Returns
    -------
    list of MeasuredSaveRate
        Without those of which too little is known.
    """
    rows = outcomes[~outcomes["is_of_list"].astype(bool) & outcomes["candidate"]]
    rows = rows.assign(churned=rows["churned"].astype(float))
    rates = []
    for treatment in shares.columns.drop(HOLDOUT, errors="ignore"):
        chances = shares[shares[treatment] > 0]
        arms = rows[
            rows["treatment"].isin([treatment, HOLDOUT]) & rows["occurred_day"].isin(chances.index)
        ]
        chance = chances[treatment] / (chances[treatment] + chances[HOLDOUT])
        arms = arms.assign(
            treated=(arms["treatment"] == treatment).astype(float),
            propensity=arms["occurred_day"].map(chance),
        )
        rates.append(measured_save_rate(arms, str(treatment)))
    return [rate for rate in rates if rate is not None]
