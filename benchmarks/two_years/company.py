"""A simulated company: who leaves, and why, with the true chance of each customer in each month."""

import datetime as dt
from typing import Any, Final

import numpy as np
import pandas as pd

from models.components.base import Floats
from retention.core import point_in_time

STEP: Final = 30  # days from a list to the next, and of the label window
HISTORY: Final = 14  # months before the first list
LISTS: Final = 24
FIRST_DAY: Final = point_in_time.day_number(dt.date(2020, 1, 1))

LASTS: Final = 6  # months that a trouble drives away
TROUBLES: Final = {
    "late": (0.05, 0.035, True),
    "unprofessional": (0.012, 0.06, True),
    "unseen": (0.018, 0.06, False),
}
"""Chance a month, what it adds to the hazard of a month, and whether it is recorded. Unseen are
unprofessional services that nobody complained of."""
NOTICE: Final = 0.2  # of those who leave say so a month before
JOIN: Final = 0.06  # of the first customers, a month
FIXED: Final = 0.8  # of recorded troubles, within CALL_DAYS of a list
TRIED: Final = 0.85  # of the contact arm, likewise
OTHERS_CALLED: Final = 0.04  # of all others, by staff of themselves
CALL_DAYS: Final = 12
IF_LOST: Final = 0.475  # of the fee of a month that is left in it, on average
NOISE: Final = 0.3  # of what a customer pays, in logarithms
NEVER: Final = -99

Ints = np.ndarray[Any, np.dtype[np.int64]]


class Company:
    """Its customers, month after month; a contact works until the end of the next month.

    Parameters
    ----------
    n : int
        Customers at first.
    seed : int
    saved : float
        Share of the hazard that a contact takes away.
    """

    def __init__(self, n: int, seed: int, saved: float) -> None:
        self.seed, self.saved = seed, saved
        months, draw = HISTORY + LISTS, np.random.default_rng(seed)
        joined = np.repeat(np.arange(1, months), round(JOIN * n))
        self.came = np.concatenate([-draw.integers(0, 36, n), joined])
        size = len(self.came)
        self.ids = np.array([f"c{seed}-{i}" for i in range(size)], dtype=object)
        self.loyal, self.fee = draw.normal(size=size), np.exp(draw.normal(5.2, 0.5, size))
        self.channel = np.where(draw.random(size) < 0.5, "web", "shop")
        self.mood = draw.normal(size=size)
        self.left_on = np.full(size, NEVER)  # day number
        self.has_noticed, self.is_charmed = np.zeros(size, bool), np.zeros(size, bool)
        self.met = {
            name: np.full(size, NEVER) for name in TROUBLES
        }  # first month that it counts in
        self.adds = {name: np.zeros(size) for name in TROUBLES}  # to the hazard of a month
        self.contacts: list[pd.DataFrame] = []  # customer_id, occurred_day
        self.failures: list[pd.DataFrame] = []  # customer_id, day, cause: what was recorded
        self.lost: list[dict[str, Any]] = []  # expected losses of a month by trouble
        self.months: list[pd.DataFrame] = []  # snapshots with labels and truth

    def snapshot(self, month: int) -> pd.DataFrame:
        """What is known of the customers on the first day of a month."""
        draw = self._draw(month, "mood")
        if month:
            self.mood = 0.8 * self.mood + 0.6 * draw.normal(size=len(self.mood))
        columns: dict[str, Any] = {
            "place": np.arange(len(self.ids)),
            "customer_id": self.ids,
            "loyal": self.loyal,
            "mood": self.mood,
            "spend_30d": self.fee,
            "tenure": (month - self.came).astype(float),
            "notice_given": self.has_noticed.astype(float),
        }
        for name in TROUBLES:
            counts = TROUBLES[name][2] & (month - self.met[name] < LASTS)
            columns[name] = counts.astype(float)
            columns[f"{name}_open"] = (counts & (self.adds[name] > 0)).astype(float)
        is_there = (self.came <= month) & (self.left_on == NEVER)
        cohort: pd.DataFrame = pd.DataFrame(columns)[is_there]
        return cohort.reset_index(drop=True)

    def live(self, month: int, cohort: pd.DataFrame, to_contact: Ints, spared: Ints) -> None:
        """A month: contacts of the assigned, for troubles, of others not spared; departures.

        Parameters
        ----------
        month : int
        cohort : DataFrame
            The month's `snapshot`.
        to_contact, spared : ndarray of int
            Places of the customers assigned to contact, and of those held out.
        """
        day, place = FIRST_DAY + month * STEP, cohort["place"].to_numpy()
        luck = self._draw(month, "luck").random((4, len(self.ids)))[:, place]
        patience = self._draw(month, "patience").exponential(size=len(self.ids))[place]
        is_noticed = self.has_noticed[place]
        own = np.exp(-2.9 + 0.5 * self.loyal[place] + 0.6 * self.mood[place])
        adds = {name: self.adds[name][place] for name in TROUBLES}
        is_listed = np.isin(place, to_contact)
        open_known = {name: cohort[f"{name}_open"].to_numpy() > 0 for name in TROUBLES}
        in_use = month >= HISTORY
        fixed = np.any(list(open_known.values()), axis=0) & (luck[0] < FIXED) & in_use
        tried = is_listed & (luck[0] < TRIED)
        called = ~is_listed & ~fixed & (luck[0] < OTHERS_CALLED) & in_use
        called &= ~np.isin(place, spared)
        acted = fixed | tried | called
        on = np.where(acted, np.floor(luck[1] * CALL_DAYS), STEP)
        rest = {name: np.where(fixed & open_known[name], 0.0, adds[name]) for name in TROUBLES}
        factor = np.where(self.is_charmed[place], 1 - self.saved, 1.0)
        factor_after = np.where(tried | called, 1 - self.saved, factor)
        full, after = own + sum(adds.values()), own + sum(rest.values())
        early, late = full * factor * on / STEP, after * factor_after * (STEP - on) / STEP
        gives_up = (patience < early + late) & ~is_noticed
        tells = luck[2] < NOTICE
        is_early = patience < early
        when = np.where(
            is_early,
            on * patience / np.maximum(early, 1e-12),
            on + (STEP - on) * (patience - early) / np.maximum(late, 1e-12),
        )
        when = np.floor(np.clip(np.where(is_noticed, luck[3] * STEP, when), 0, STEP - 1))
        leaves = np.where(is_noticed, True, gives_up & ~tells)
        happened = acted & ~(leaves & (when < on))
        self._record(month, place, on, happened)
        paid = np.exp(NOISE * self._draw(month, "paid").normal(size=len(self.ids)) - NOISE**2 / 2)
        self.months.append(
            cohort.assign(
                day=day,
                chance=np.where(is_noticed, 1.0, _leaves_at_once(full * factor)),
                chance_if_listed=TRIED * self._if_tried(full, factor)
                + (1 - TRIED) * _leaves_at_once(full * factor),
                if_kept=self.fee[place],
                if_lost=self.fee[place] * IF_LOST,
                churned=leaves,
                value=self.fee[place] * np.where(leaves, when, STEP) / STEP * paid[place],
                decided_after=np.where(leaves, when, STEP),
                reached=happened & tried,
                touched=happened,
            )
        )
        hazard = np.maximum(early + late, 1e-12)
        there = np.where(is_noticed, 0.0, -np.expm1(-hazard) / hazard)
        for name in TROUBLES:
            of_trouble = adds[name] * factor * on + rest[name] * factor_after * (STEP - on)
            losses = of_trouble / STEP * there
            self.lost.append({"month": month, "cause": name, "losses": losses.sum()})
            self.adds[name][place] = rest[name]
        self.is_charmed[:] = False
        self.is_charmed[place] = happened & (tried | called)
        self.left_on[place[leaves]] = (day + when[leaves]).astype(int)
        self.has_noticed[:] = False
        self.has_noticed[place[gives_up & tells]] = True
        self._meet_troubles(month, place[~leaves])

    def _if_tried(self, full: Floats, factor: Floats) -> Floats:
        """The chance to leave at once of who is called on one of the first CALL_DAYS."""
        days = np.arange(CALL_DAYS)[:, None]
        hazards = full * (factor * days + (1 - self.saved) * (STEP - days)) / STEP
        return np.asarray(_leaves_at_once(hazards).mean(axis=0))

    def _record(self, month: int, place: Ints, on: Floats, happened: Any) -> None:
        days = (FIRST_DAY + month * STEP + on[happened]).astype(int)
        contacts = {"customer_id": self.ids[place[happened]], "occurred_day": days}
        self.contacts.append(pd.DataFrame(contacts))

    def _meet_troubles(self, month: int, place: Ints) -> None:
        """Troubles of the last day of a month, which count from the next."""
        for name, (chance, adds, is_recorded) in TROUBLES.items():
            luck = self._draw(month, name).random(len(self.ids))
            is_over = month + 1 - self.met[name] >= LASTS
            self.adds[name][is_over] = 0.0
            hit = place[(luck[place] < chance) & is_over[place]]
            self.met[name][hit], self.adds[name][hit] = month + 1, adds
            day = FIRST_DAY + (month + 1) * STEP - 1
            recorded = self.ids[hit[: len(hit) * is_recorded]]
            rows = {"customer_id": recorded, "day": day, "cause": name}
            self.failures.append(pd.DataFrame(rows))

    def _draw(self, month: int, what: str) -> np.random.Generator:
        return np.random.default_rng([self.seed, month, *what.encode()])


def _leaves_at_once(hazard: Floats) -> Floats:
    """The chance to leave within the month, and not to give notice instead."""
    return np.asarray((1 - NOTICE) * -np.expm1(-hazard))
