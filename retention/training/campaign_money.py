"""The money of a retention campaign, as the company's own outcomes and playbook have it."""

from typing import Final

import numpy as np

from models.components.base import Floats
from retention.core.params import Policy
from retention.stats import weighted
from retention.stats.weighted import Weights
from retention.training.metrics import ACCEPTS, CampaignMoney

CERTAINTY: Final = sum(ACCEPTS)
"""Of the Beta distribution of the share who take the offer, as in the literature."""


def campaign_money(
    policy: Policy, churned: Floats, value: Floats, weight: Weights = None
) -> CampaignMoney | None:
    """What is lost with a customer, and what a contact and its offer cost.

    Parameters
    ----------
    policy : Policy
        Its plays of the lane contact count alike: the means of cost, of expected offer and of the
        share of churners whom it saves.
    churned : ndarray of shape (n,)
        1 churned, 0 stayed.
    value : ndarray of shape (n,)
        Realised in the value window, account currency.
    weight : ndarray of shape (n,), optional

    Returns
    -------
    CampaignMoney or None
        The value is the mean of those who stayed less that of those who left, over the windows
        that a kept customer stays. None where staying brings no more, or there is no such play.
    """
    plays = [play for play in policy.playbook if play.lane == "contact"]
    left = churned == 1
    if not plays or not left.any() or left.all():
        return None
    means = [
        weighted.mean(value[rows], None if weight is None else weight[rows])
        for rows in (~left, left)
    ]
    at_stake = policy.retained_windows * (means[0] - means[1])
    if at_stake <= 0:
        return None
    saved = float(np.clip(np.mean([play.save_rate for play in plays]), 0.01, 0.99))
    return CampaignMoney(
        value=at_stake,
        offer=float(np.mean([play.offer_value * play.acceptance_rate for play in plays])),
        contact=float(np.mean([play.cost for play in plays])),
        accepts=(CERTAINTY * saved, CERTAINTY * (1 - saved)),
    )
