"""How many customers a row stands for, where some were contacted before their outcome.

What is learnt and measured is what happens without a contact. Rows of contacted customers are left
out, and the others stand for them: each counts 1 / P(it is left in). That chance follows from the
draw where customers were randomised, and is estimated where they were not: only those who are
still there can be contacted, so a row whose outcome was certain early had less chance of being left
out than one that had to wait for it (immortal time).
"""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from models.components.base import Floats
from models.components.boosting import BoosterConfig, Encoder
from models.components.uplift import fold_of
from retention.core.events import (
    CONTACT,
    CONTACTED,
    CONTACTED_NOT_RANDOMISED,
    HELD_OUT,
    HOLDOUT,
)

FLOOR: Final = 0.05
"""The least chance of being left in that is divided by: no row stands for more than 20."""
FIFTHS: Final = 5
MIN_CONTACTED: Final = 50
"""Contacted rows below which the chance of a contact is taken to be the same for all."""
_SALT: Final = "contacts"
_TREES: Final = {
    "objective": "binary",
    "learning_rate": 0.1,
    "num_leaves": 7,
    "min_data_in_leaf": 20,
    "lambda_l2": 5.0,
}
_ROUNDS: Final = 40
_SEED: Final = 20260401
_DIGITS: Final = 6
_HALF_DAY: Final = 0.5


@dataclass(frozen=True)
class Outreach:
    """What is known of contacts until the outcome; every array is (n,), of all labelled rows."""

    day: NDArray[np.int64]  # of the snapshot
    customer: NDArray[np.object_]
    arm: NDArray[np.object_]  # of LABELS, None without one
    campaign_arm: NDArray[np.object_]  # arm of a campaign that was on at the snapshot, or None
    after: Floats  # days from the snapshot to the outreach of `arm`; nan where not known
    decided: Floats  # days until the outcome was certain; nan where not known

    @property
    def is_drawn(self) -> NDArray[np.bool_]:
        """Randomised after the snapshot: the draw ends the wait for another contact.

        Where nobody was held out there was no draw.
        """
        in_no_campaign = pd.isna(self.campaign_arm)
        held_out = (self.arm == HELD_OUT) & in_no_campaign
        randomised = np.isin(self.arm, (CONTACTED, HELD_OUT)) & in_no_campaign
        return np.asarray(randomised & np.isin(self.day, np.unique(self.day[held_out])))

    @property
    def is_censored(self) -> NDArray[np.bool_]:
        """Contacted before the outcome was certain: what would have happened is not known."""
        contacted = np.isin(self.arm, (CONTACTED, CONTACTED_NOT_RANDOMISED))
        # Not known when: left out. On one day the contact comes before the end.
        too_late = self.after > self.decided
        return np.asarray(contacted & ~self.is_drawn & ~too_late)

    @property
    def is_left_in(self) -> NDArray[np.bool_]:
        """Whose outcome is the one without a contact."""
        return np.asarray(~self.is_censored & ~(self.is_drawn & (self.arm == CONTACTED)))

    @property
    def waited(self) -> Floats:
        """Days until the first of contact, draw and certain outcome; inf where none is known."""
        decided = np.where(np.isnan(self.decided), np.inf, self.decided + _HALF_DAY)
        drawn = np.where(self.is_drawn & ~np.isnan(self.after), self.after - _HALF_DAY, np.inf)
        contact = np.where(self.is_censored, np.nan_to_num(self.after, nan=0.0), np.inf)
        return np.minimum(np.minimum(decided, drawn), contact)


def row_weights(outreach: Outreach, X: pd.DataFrame) -> Floats:
    """The weight of every row; 0 where it is left out.

    A customer drawn after the snapshot: held out counts 1 / (holdout share of the snapshot). A
    customer of a campaign that was on at the snapshot: whoever was not contacted again counts
    1 / (h + (1 - h) S), with h the share held out among them and S the chance of the contact arm
    to wait so long without another contact; so the held out, who could not be contacted again,
    stand for those who were. All others count 1 / S of their own. S is the product-limit estimate
    by snapshot, and by fifths of the chance of a contact (`contact_fifths`).

    Parameters
    ----------
    outreach : Outreach
        Of n rows.
    X : DataFrame of shape (n, features)
        As known at the snapshot.

    Returns
    -------
    ndarray of shape (n,)
        All 1 where nobody was contacted or held out.

    References
    ----------
    Horvitz & Thompson (1952), A generalization of sampling without replacement from a finite
    universe, JASA 47; Robins & Finkelstein (2000), Correcting for noncompliance and dependent
    censoring in an AIDS clinical trial with inverse probability of censoring weighted log-rank
    tests, Biometrics 56; Suissa (2008), Immortal time bias in pharmacoepidemiology, AJE 167.
    """
    weight = outreach.is_left_in.astype(float)
    if pd.isna(outreach.arm).all() and pd.isna(outreach.campaign_arm).all():
        return weight
    censored, waited = outreach.is_censored, outreach.waited
    running = np.where(pd.isna(outreach.campaign_arm), "", outreach.campaign_arm)
    fifth = contact_fifths(X, outreach.customer, outreach.day, censored)
    for day in np.unique(outreach.day):
        on = outreach.day == day
        drawn = on & outreach.is_drawn
        held_out = drawn & (outreach.arm == HELD_OUT)
        if held_out.any():
            weight[held_out] *= drawn.sum() / held_out.sum()
        in_contact, in_holdout = on & (running == CONTACT), on & (running == HOLDOUT)
        n_running = in_contact.sum() + in_holdout.sum()
        share = in_holdout.sum() / n_running if n_running else 0.0
        for number in range(FIFTHS):
            alike = fifth == number
            free = on & (running == "") & alike
            weight[free] /= _waiting_chance(waited, censored, free, free)
            others = (in_contact | in_holdout) & alike
            chance = _waiting_chance(waited, censored, in_contact & alike, others)
            weight[others] /= np.maximum(share + (1 - share) * chance, FLOOR)
    return np.round(weight, _DIGITS)


def _waiting_chance(
    waited: Floats,
    censored: NDArray[np.bool_],
    at_risk: NDArray[np.bool_],
    asked: NDArray[np.bool_],
) -> Floats:
    """The chance of those at risk to wait for as long as each row asked without a contact."""
    contacts = waited[at_risk & censored]
    if not len(contacts):
        return np.ones(int(asked.sum()))
    days, count = np.unique(contacts, return_counts=True)
    waits = np.sort(waited[at_risk])
    still_there = len(waits) - np.searchsorted(waits, days, side="left")
    surviving = np.concatenate([[1.0], np.cumprod(1 - count / still_there)])
    # A row's own contact is no part of its chance: such rows are left out, whatever stands here.
    return np.maximum(surviving[np.searchsorted(days, waited[asked], side="right")], FLOOR)


def contact_fifths(
    X: pd.DataFrame,
    customer: NDArray[np.object_],
    day: NDArray[np.int64],
    contacted: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Fifths of each snapshot's rows by the chance of a contact, as known at the snapshot.

    Staff contact whom the lists name, and they name whom something happened to: among customers
    who look alike the contact says nothing of the outcome. The chance is by boosted trees of
    the other half of the customers.

    Parameters
    ----------
    X : DataFrame of shape (n, features)
    customer : ndarray of shape (n,)
        Ids.
    day : ndarray of shape (n,)
        Of the snapshot.
    contacted : ndarray of shape (n,)
        Whether a contact came before the outcome was certain.

    Returns
    -------
    ndarray of shape (n,)
        0 (least likely) to 4; all 0 for fewer than 50 contacted rows.
    """
    fifth = np.zeros(len(contacted), dtype=np.int64)
    if contacted.sum() < MIN_CONTACTED or X.shape[1] == 0:
        return fifth
    with_contacts = np.isin(day, np.unique(day[contacted]))
    half = fold_of(customer, 2, _SALT)
    chance = np.zeros(len(contacted))
    for number in (0, 1):
        learnt, asked = with_contacts & (half != number), with_contacts & (half == number)
        if not contacted[learnt].any() or not asked.any():
            continue
        encoder = Encoder.fit(X)
        trees = BoosterConfig(dict(_TREES), _ROUNDS, seeds=1, seed=_SEED, threads=1)
        ones = np.ones(int(learnt.sum()))
        ensemble = trees.train(encoder, X[learnt], contacted[learnt].astype(float), ones)
        chance[asked] = ensemble.raw(encoder.transform(X[asked]))
    for snapshot in np.unique(day[with_contacts]):
        on = day == snapshot
        rank = pd.Series(chance[on]).rank(method="first").to_numpy()
        fifth[on] = ((rank - 1) * FIFTHS // on.sum()).astype(np.int64)
    return fifth
