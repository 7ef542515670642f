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
RARELY: Final = 0.05
"""Share contacted again up to which the rest of the contact arm is taken to be like all of it."""
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
        is_drawn = np.where(self.is_drawn & ~np.isnan(self.after), self.after - _HALF_DAY, np.inf)
        contact = np.where(self.is_censored, np.nan_to_num(self.after, nan=0.0), np.inf)
        return np.minimum(np.minimum(decided, is_drawn), contact)


def row_weights(outreach: Outreach, X: pd.DataFrame) -> Floats:
    """The weight of every row; 0 where it is left out.

    A customer drawn after the snapshot: held out counts 1 / (holdout share of the snapshot).

    A customer of a campaign that was on at the snapshot: lists name the same customers again, so
    who of the contact arm was left in peace differs from who was not. Where more than a few were
    contacted again, the contact arm is left out as a whole, and the held out of the same draw
    count 1 / h, with h their share. Where hardly any were, all who were not count
    1 / (h + (1 - h) S), with S the chance of the contact arm to wait so long.

    All others count 1 / S of their own. S is the product-limit estimate by snapshot and by fifths
    of the chance of a contact (`contact_fifths`).

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
    is_free, is_held = running == "", running == HOLDOUT
    fifth = np.where(
        is_free,
        contact_fifths(X, outreach, censored, is_free),
        contact_fifths(X, outreach, censored, ~is_free),
    )
    for day in np.unique(outreach.day):
        on = outreach.day == day
        is_drawn = on & outreach.is_drawn
        held_out = is_drawn & (outreach.arm == HELD_OUT)
        if held_out.any():
            weight[held_out] *= is_drawn.sum() / held_out.sum()
        held_share = is_held[on & ~is_free].mean() if (on & ~is_free).any() else 0.0
        for number in range(FIFTHS):
            alike = on & (fifth == number)
            free = alike & is_free
            weight[free] /= _waiting_chance(waited, censored, free, free)
            weight[alike & ~is_free] *= _in_campaign(
                waited, censored, is_held, alike & ~is_free, float(held_share)
            )
    return np.round(weight, _DIGITS)


def _in_campaign(
    waited: Floats,
    censored: NDArray[np.bool_],
    is_held: NDArray[np.bool_],
    rows: NDArray[np.bool_],
    held_share: float,
) -> Floats:
    """The factor of each of the rows, all of customers of a campaign that was on."""
    contact_arm = rows & ~is_held
    again = censored[contact_arm].mean() if contact_arm.any() else 0.0
    held = is_held[rows]
    if again > RARELY and held.any():
        return np.where(held, len(held) / held.sum(), 0.0)
    chance = _waiting_chance(waited, censored, contact_arm, rows)
    return np.asarray(1 / np.maximum(held_share + (1 - held_share) * chance, FLOOR))


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
    place = np.searchsorted(days, waited[asked], side="right")
    return np.asarray(np.maximum(surviving[place], FLOOR))


def contact_fifths(
    X: pd.DataFrame,
    outreach: Outreach,
    contacted: NDArray[np.bool_],
    among: NDArray[np.bool_],
) -> NDArray[np.int64]:
    """Fifths of some customers of each snapshot by the chance of a contact, as known on its day.

    Staff contact whom the lists name, and they name whom something happened to: among customers
    who look alike the contact says nothing of the outcome. The chance is by boosted trees of
    the other half of the customers.

    Parameters
    ----------
    X : DataFrame of shape (n, features)
    outreach : Outreach
    contacted : ndarray of shape (n,)
        Whether a contact came before the outcome was certain.
    among : ndarray of shape (n,)
        The rows that are compared; nothing is learnt from the held out, who could not be contacted.

    Returns
    -------
    ndarray of shape (n,)
        0 (least likely) to 4; all 0 for fewer than 50 contacted rows.
    """
    fifth = np.zeros(len(contacted), dtype=np.int64)
    contacted = contacted & among
    if contacted.sum() < MIN_CONTACTED or X.shape[1] == 0:
        return fifth
    compared = among & np.isin(outreach.day, np.unique(outreach.day[contacted]))
    could_be = compared & (outreach.campaign_arm != HOLDOUT)
    half = fold_of(outreach.customer, 2, _SALT)
    chance = np.zeros(len(contacted))
    for number in (0, 1):
        learnt, asked = could_be & (half != number), compared & (half == number)
        if not contacted[learnt].any() or not asked.any():
            continue
        encoder = Encoder.fit(X)
        trees = BoosterConfig(dict(_TREES), _ROUNDS, seeds=1, seed=_SEED, threads=1)
        ones = np.ones(int(learnt.sum()))
        ensemble = trees.train(encoder, X[learnt], contacted[learnt].astype(float), ones)
        chance[asked] = ensemble.raw(encoder.transform(X[asked]))
    for snapshot in np.unique(outreach.day[compared]):
        on = compared & (outreach.day == snapshot)
        rank = pd.Series(chance[on]).rank(method="first").to_numpy()
        fifth[on] = ((rank - 1) * FIFTHS // on.sum()).astype(np.int64)
    return fifth
