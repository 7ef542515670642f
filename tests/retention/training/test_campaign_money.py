"""The money of a campaign is the company's own."""

import numpy as np
import pytest

from retention.core.params import Play, Policy
from retention.training import metrics
from retention.training.campaign_money import campaign_money

CHURNED = np.array([1.0, 0, 0, 1, 0, 0])
VALUE = np.array([10.0, 100, 50, 0, 90, 80])


def playbook(*plays: Play) -> Policy:
    return Policy(playbook=list(plays), retained_windows=3)


def test_it_is_what_is_lost_with_a_customer_and_what_plays_cost() -> None:
    policy = playbook(
        Play(name="call", action="Call", cost=2, save_rate=0.1),
        Play(name="gift", action="Send", cost=1, offer_value=8, acceptance_rate=0.5, save_rate=0.3),
        Play(name="mend", action="Mend", lane="fix_first", cost=99, save_rate=0.9),
    )
    money = campaign_money(policy, CHURNED, VALUE)
    assert money is not None
    assert (money.value, money.offer, money.contact) == (3 * (80 - 5), 2.0, 1.5)
    assert money.accepts == pytest.approx((4.0, 16.0))
    weighed = campaign_money(policy, CHURNED, VALUE, np.array([1.0, 1, 1, 3, 1, 1]))
    assert weighed is not None
    assert weighed.value == pytest.approx(3 * (80 - 2.5))


def test_profit_is_in_the_same_currency() -> None:
    draw = np.random.default_rng(1)
    p = draw.beta(1, 5, 500)
    y = (draw.random(500) < p).astype(float)
    plain = metrics.LITERATURE
    tenfold = metrics.CampaignMoney(10 * plain.value, 10 * plain.offer, 10 * plain.contact)
    assert metrics.empc(y, p, money=tenfold).money == pytest.approx(10 * metrics.empc(y, p).money)
    dear = metrics.CampaignMoney(plain.value, plain.offer, 100.0)
    assert metrics.empc(y, p, money=dear).money < metrics.empc(y, p).money
    unknown = metrics.churn_metrics(y, p, 10, np.arange(500), money=None)
    assert np.isnan(unknown["empc"])


def test_it_is_unknown_where_staying_brings_no_more() -> None:
    policy = playbook(Play(name="call", action="Call"))
    assert campaign_money(policy, CHURNED, np.zeros(6)) is None
    assert campaign_money(policy, np.zeros(6), VALUE) is None
    only_fixes = playbook(Play(name="mend", action="Mend", lane="fix_first"))
    assert campaign_money(only_fixes, CHURNED, VALUE) is None
