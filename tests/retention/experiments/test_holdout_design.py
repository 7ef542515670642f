"""The least share that answers in time is proposed, with its price."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from retention.core.documents.reports import ListGain
from retention.experiments import conclusions, holdout_design
from retention.experiments.holdout_design import Enrolment
from retention.i18n.language import ENGLISH
from retention.stats import power, sequential
from tests.support.campaigns import AS_OF, mature_follow_up, params_with, pending_follow_up

NEXT_YEAR = AS_OF + dt.timedelta(days=365)
GAIN = ListGain(
    value=2000, low=900, high=3100, cost=800, contacts=400, saved=20.0, basis="belief", randomised=0
)


def lanes(contacts: int, waiting: int = 5000, risk: float = 0.4) -> pd.DataFrame:
    why = np.repeat(["chosen", "below_capacity"], [contacts, waiting])
    lane = np.repeat(["contact", "leave_alone"], [contacts, waiting])
    return pd.DataFrame({"lane": lane, "why": why, "churn_probability": risk})


def state(contacts: int, follow_up: pd.DataFrame | None = None, **more: int) -> Enrolment:
    nobody = pending_follow_up(10, AS_OF).iloc[:0]
    enrolled = holdout_design.enrolment(
        nobody if follow_up is None else follow_up, lanes(contacts, **more), params_with(), AS_OF
    )
    assert enrolled is not None
    return enrolled


def test_the_least_share_that_answers_is_chosen_with_its_price() -> None:
    design = holdout_design.holdout_design(state(400), NEXT_YEAR, GAIN)
    assert design.is_in_time
    months = (365 - 28) / (365.25 / 12)
    new = 400 * months
    for holdout_share, is_enough in (
        (design.holdout_share, True),
        (design.holdout_share - 0.01, False),
    ):
        required = power.required_sample_size(
            0.4, 0.32, holdout_share, sequential.width_factor(1.0), 0.8
        )
        assert (required.total <= new) == is_enough
    assert design.held_out == pytest.approx(design.holdout_share * new)
    assert design.lost_customers == pytest.approx(design.held_out * 20 / 400)
    assert design.lost_money == pytest.approx(design.held_out * 2000 / 400)
    assert design.answer_day is not None
    assert design.answer_day <= NEXT_YEAR
    text = conclusions.holdout_proposal(design, 0.2, "GBP", ENGLISH)
    assert f"hold out {design.holdout_share:.0%}." in text
    assert "costs at most" in text


def test_what_is_known_or_pending_already_lowers_the_share() -> None:
    bare = holdout_design.holdout_design(state(250), NEXT_YEAR, GAIN)
    mature = mature_follow_up((360, 900), (40, 100))
    more = pd.concat([mature, pending_follow_up(600, AS_OF - dt.timedelta(days=5))])
    begun = state(250, more)
    assert (begun.measured.treated, begun.measured.control) == (900, 100)
    sizes = begun.sizes(AS_OF + dt.timedelta(days=25), 0.1)
    assert (sizes.treated, sizes.control) == (900 + 540, 100 + 60)
    slower = Enrolment(**(vars(begun) | {"per_month": 250.0}))
    assert holdout_design.holdout_design(slower, NEXT_YEAR, GAIN).holdout_share < bare.holdout_share


def test_where_no_share_answers_in_time_it_says_when_and_what_shows_by_then() -> None:
    design = holdout_design.holdout_design(state(40), NEXT_YEAR, GAIN)
    assert not design.is_in_time
    assert design.answer_day is not None
    assert design.answer_day > NEXT_YEAR
    assert design.smallest_effect > 0.2
    text = conclusions.holdout_proposal(design, 0.2, "GBP", ENGLISH)
    assert text.startswith("No share shows by")
    assert "it shows if contacts keep" in text


def test_no_more_are_counted_on_than_there_are_to_choose() -> None:
    """After half a year the same customers are drawn again, not before."""
    assert state(400, waiting=100).new_customers(AS_OF + dt.timedelta(days=28 + 150)) == 500
    assert state(400, waiting=100).new_customers(AS_OF + dt.timedelta(days=28 + 185)) == 1000
    assert state(400).new_customers(AS_OF + dt.timedelta(days=27)) == 0
