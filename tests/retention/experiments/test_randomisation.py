"""The randomisation depends on the customer alone, is fair, and is recorded."""

import datetime as dt
import hashlib

import pandas as pd

from retention.core.params import AtRiskParams
from retention.experiments import randomisation
from tests.support.policies import AS_OF

DRAWN_ON = dt.date(2026, 3, 2)


def test_a_draw_is_the_hash_of_customer_campaign_salt_and_day() -> None:
    digest = hashlib.sha256(b"00123|spring|pepper|2026-03-02").digest()
    number = randomisation.assignment_hash("00123", "spring", "pepper", DRAWN_ON)
    assert number == int.from_bytes(digest[:8], "big") / 2**64
    others = [
        ("123", "spring", DRAWN_ON),
        ("00123", "summer", DRAWN_ON),
        ("00123", "spring", AS_OF),
    ]
    for customer, campaign, day in others:
        assert randomisation.assignment_hash(customer, campaign, "pepper", day) != number


def test_whose_arm_has_ended_is_drawn_anew() -> None:
    """The same tenth is not left alone for ever: of 400 held out a tenth is held out again."""
    ids = pd.Index([str(n) for n in range(4000)])
    at_risk_params = AtRiskParams(holdout_share=0.1, campaign_days=90)
    days = [AS_OF + dt.timedelta(days=days) for days in (0, 90)]
    first, later = (randomisation.is_held_out(ids, at_risk_params, day) for day in days)
    assert 340 < later.sum() < 460
    assert 15 < (first & later).sum() < 75


def test_a_draw_begins_every_campaign_and_changes_no_arm_that_lasts() -> None:
    at_risk_params = AtRiskParams(holdout_share=0.4, campaign_days=90)
    days = [AS_OF + dt.timedelta(days=days) for days in range(91)]
    draws = [randomisation.draw_day(at_risk_params, day) for day in days]
    assert len(set(draws)) == 2
    assert draws[0] != draws[-1]
    assert all(0 <= (day - draw).days < 90 for day, draw in zip(days, draws, strict=True))
    ids = pd.Index([str(n) for n in range(60)])
    held_out = randomisation.is_held_out(ids, at_risk_params, AS_OF)
    keep = frozenset(held_out.index[held_out][:5])
    still = randomisation.is_held_out(ids, at_risk_params, AS_OF, keep)
    assert held_out.sum() - still.sum() == 5
    assert not still[list(keep)].any()


def test_about_the_holdout_share_is_held_out_whoever_else_is_within_reach() -> None:
    ids = pd.Index([str(n) for n in range(4000)])
    held_out = randomisation.is_held_out(ids, AtRiskParams(holdout_share=0.1), AS_OF)
    assert 340 < held_out.sum() < 460
    assert randomisation.is_held_out(ids[::-1][:50], AtRiskParams(holdout_share=0.1), AS_OF).equals(
        held_out[::-1][:50]
    )
    assert not randomisation.is_held_out(ids, AtRiskParams(holdout_share=0.0), AS_OF).any()


def test_who_is_held_out_is_written_with_the_share_of_the_treated_and_the_play_not_given() -> None:
    at_risk_params = AtRiskParams(holdout_share=0.25, campaign="spring", salt="pepper")
    reach = pd.DataFrame({"customer_id": [str(n) for n in range(60, 0, -1)], "play": "call"})
    sample = randomisation.holdout_sample(reach, at_risk_params, AS_OF)
    drawn_on = randomisation.draw_day(at_risk_params, AS_OF)
    ids = [
        str(n)
        for n in range(1, 61)
        if randomisation.assignment_hash(str(n), "spring", "pepper", drawn_on) < 0.25
    ]
    assert list(sample["customer_id"]) == sorted(ids)
    assert list(sample.columns) == ["customer_id", "campaign", "propensity", "as_of", "play"]
    row = ("spring", 0.75, AS_OF, "call")
    assert set(sample.drop(columns="customer_id").itertuples(index=False, name=None)) == {row}
