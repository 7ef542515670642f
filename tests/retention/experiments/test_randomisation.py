"""The randomisation depends on the customer alone, is fair, and is recorded."""

import hashlib

import pandas as pd

from retention.core.params import AtRiskParams
from retention.experiments import randomisation
from tests.support.policies import AS_OF


def test_a_draw_is_the_hash_of_customer_campaign_and_salt() -> None:
    digest = hashlib.sha256(b"00123|spring|pepper").digest()
    assert (
        randomisation.assignment_hash("00123", "spring", "pepper")
        == int.from_bytes(digest[:8], "big") / 2**64
    )
    assert randomisation.assignment_hash(
        "123", "spring", "pepper"
    ) != randomisation.assignment_hash("00123", "spring", "pepper")
    assert randomisation.assignment_hash(
        "00123", "summer", "pepper"
    ) != randomisation.assignment_hash("00123", "spring", "pepper")


def test_about_the_holdout_share_is_held_out_whoever_else_is_within_reach() -> None:
    ids = pd.Index([str(n) for n in range(4000)])
    held_out = randomisation.is_held_out(ids, AtRiskParams(holdout_share=0.1))
    assert 340 < held_out.sum() < 460
    assert randomisation.is_held_out(ids[::-1][:50], AtRiskParams(holdout_share=0.1)).equals(
        held_out[::-1][:50]
    )
    assert not randomisation.is_held_out(ids, AtRiskParams(holdout_share=0.0)).any()


def test_who_is_held_out_is_written_with_the_share_of_the_treated_and_the_play_not_given() -> None:
    at_risk_params = AtRiskParams(holdout_share=0.25, campaign="spring", salt="pepper")
    reach = pd.DataFrame({"customer_id": [str(n) for n in range(60, 0, -1)], "play": "call"})
    sample = randomisation.holdout_sample(reach, at_risk_params, AS_OF)
    ids = [
        str(n)
        for n in range(1, 61)
        if randomisation.assignment_hash(str(n), "spring", "pepper") < 0.25
    ]
    assert list(sample["customer_id"]) == sorted(ids)
    assert list(sample.columns) == ["customer_id", "campaign", "propensity", "as_of", "play"]
    row = ("spring", 0.75, AS_OF, "call")
    assert set(sample.drop(columns="customer_id").itertuples(index=False, name=None)) == {row}
