"""A save rate is a belief until it is measured; then the list is chosen by what was measured."""

import numpy as np
import pandas as pd
import pytest

from pipeline.at_risk import at_risk
from retention.core.documents.modelling import UpliftManifest
from retention.experiments import analysis, conclusions
from retention.experiments.save_rates import (
    MeasuredSaveRate,
    measured_by_play,
    measured_by_treatment,
)
from retention.i18n.language import ENGLISH
from retention.policy import save_rates
from retention.worklist import wording
from tests.support import worklists
from tests.support.campaigns import mature_follow_up
from tests.support.policies import play, policy

POLICY = policy(
    playbook=[
        play("call", cost=4.0, save_rate=0.2),
        play("letter", cost=1.0, save_rate=0.1),
        play("mend", lane="fix_first"),
    ]
)
MUCH = MeasuredSaveRate("call", 0.02, 0.01, 9000, 1000)


def test_a_rate_is_the_fall_of_churn_per_predicted_churn() -> None:
    rows = analysis.analysis_set(
        mature_follow_up((900, 9000), (125, 1000), churn_probability=0.125, play="call")
    )
    [rates] = measured_by_play(rows, ["call", "letter"])
    assert rates.rate == pytest.approx(0.2)
    assert rates.error == pytest.approx(np.sqrt(0.09 / 9000 + 0.109375 / 1000) / 0.125)
    assert (rates.contact, rates.held_out) == (9000, 1000)


def test_an_experiment_of_events_measures_its_treatments_apart() -> None:
    """Of letters and calls of one day, half of those asked keep nobody and the others a third."""
    n = 900
    rows = pd.DataFrame({"treatment": np.repeat(["call", "letter", "holdout"], n)})
    left = np.tile(np.arange(n), 3) < np.repeat([180, 270, 270], n)
    rows = rows.assign(
        customer_id=np.arange(3 * n).astype(str),
        occurred_day=5,
        churned=left,
        churn_probability=0.3,
        is_of_list=False,
        candidate=True,
    )
    shares = pd.DataFrame({"call": 1 / 3, "letter": 1 / 3, "holdout": 1 / 3}, index=[5])
    other = rows.assign(churned=False, candidate=False, customer_id="x" + rows["customer_id"])
    rates = measured_by_treatment(pd.concat([rows, other]), shares)
    assert {rate.play: round(rate.rate, 9) for rate in rates} == {"call": 0.333333333, "letter": 0}
    assert {(rate.contact, rate.held_out) for rate in rates} == {(n, n)}
    assert measured_by_treatment(rows.assign(is_of_list=True), shares) == []


def test_measured_rates_replace_beliefs_and_say_so() -> None:
    believed = save_rates.save_rates(POLICY, [])
    assert list(believed.table["basis"]) == ["belief", "belief"]
    assert list(believed.table["low"]) == list(believed.table["rate"]) == [0.2, 0.1]
    rates = save_rates.save_rates(POLICY, [MUCH]).table
    call, letter = rates["rate"]
    assert call == pytest.approx(0.02, abs=0.003)
    assert rates["low"].iloc[0] < call - 0.01
    assert 0.04 < letter < 0.1
    assert list(rates["basis"]) == ["measured", "pooled"]
    sentences = wording.save_rate_sentences(save_rates.save_rates(POLICY, [MUCH]), ENGLISH)
    assert "measured on 10,000 customers chosen at random, 20% was believed" in sentences[0]
    assert wording.save_rate_sentences(believed, ENGLISH) == []


def test_what_is_no_play_counts_as_the_cheapest() -> None:
    general = MeasuredSaveRate("contact", 0.3, 0.01, 900, 100)
    rates = save_rates.save_rates(POLICY, [general]).table
    assert rates["basis"].iloc[1] == "measured"
    assert rates["rate"].iloc[1] == pytest.approx(0.3, abs=0.01)


def test_the_gain_of_the_list_has_the_uncertainty_of_its_rates() -> None:
    contacts = pd.DataFrame({"play": ["call", "call", "letter"], "net_gain": [16.0, 36.0, 9.0]})
    contacts = contacts.assign(churn_probability=0.5, expected_loss=[100.0, 200.0, 100.0])
    rates = save_rates.save_rates(POLICY, [])
    gain = save_rates.list_gain(contacts, POLICY, rates, UpliftManifest())
    assert (gain.value, gain.cost, gain.contacts, gain.basis) == (61.0, 9.0, 3, "belief")
    assert gain.saved == pytest.approx(0.5 * (0.2 + 0.2 + 0.1))
    # 60 is saved by calls and 10 by letters; both err by half, half of the variance in common
    half = 1.959964 * 0.5 * np.sqrt(0.5 * 70**2 + 0.5 * (60**2 + 10**2))
    assert (gain.low, gain.high) == pytest.approx((61 - half, 61 + half))
    measured = save_rates.save_rates(POLICY, [MUCH])
    assert save_rates.list_gain(contacts, POLICY, measured, UpliftManifest()).basis == "mixed"
    ranked = save_rates.list_gain(contacts, POLICY, rates, UpliftManifest(ranks=True, lots=500))
    assert (ranked.basis, ranked.low, ranked.randomised) == ("measured", None, 500)
    sentence = conclusions.expected_gain(gain, "GBP", ENGLISH)
    assert sentence.startswith("The 3 contacts of this list are expected to gain £61 after cost")
    assert sentence.endswith("a belief: no comparison has measured it yet.")


def test_a_list_contacts_nobody_whom_the_measured_rates_do_not_pay_for() -> None:
    names = [book["name"] for book in worklists.BOOK[:2]]
    for rate, lane in ((0.2, "contact"), (0.0, "leave_alone")):
        measured = [MeasuredSaveRate(name, rate, 0.001, 9000, 1000) for name in names]
        inputs = worklists.worklist_inputs(worklists.FOUR, measured=measured)
        result = at_risk(inputs, worklists.params_with(), None)
        lanes = result.lanes.to_pandas().set_index("customer_id")["lane"]
        assert lanes["b"] == lanes["d"] == lane
    assert result.listing.expected is not None
    assert result.listing.expected.contacts == 0
