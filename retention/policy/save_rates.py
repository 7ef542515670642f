"""What plays save: beliefs of the playbook, shrunk to what randomised customers show."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Final, Literal

import numpy as np
import pandas as pd

from models.components.base import Floats
from models.components.retention_value import worth_from_loss
from retention.core.documents.modelling import UpliftManifest
from retention.core.documents.reports import ListGain
from retention.core.params import Play, Policy
from retention.experiments.save_rates import MeasuredSaveRate
from retention.policy.play_effects import expected_cost
from retention.stats.intervals import Z95
from retention.stats.shrinkage import shrink

CAUTION: Final = 1.2815515655446004
"""Standard errors below a rate at which a contact must still pay: it does in 9 cases of 10."""

Column = Literal["rate", "low"]


@dataclass(frozen=True)
class SaveRates:
    """Of the plays that contact, in the order of the playbook."""

    table: pd.DataFrame  # by play: belief, rate, low, interval_low, interval_high, contact,
    # held_out, basis (measured; pooled: moved by what was measured of others; belief)
    covariance: Floats  # (plays, plays) of the rates


def save_rates(policy: Policy, measured: Iterable[MeasuredSaveRate]) -> SaveRates:
    """Shrink the believed save rates to the measured ones.

    Parameters
    ----------
    policy : Policy
        playbook and belief_error.
    measured : iterable of MeasuredSaveRate
        Of plays that contact; several of one play count by their precision. What is no play
        of the playbook (a contact in general) counts as the cheapest.

    Returns
    -------
    SaveRates
        low is the rate less CAUTION times the standard error that the measurements lend it: a
        belief that nothing was measured of is taken as it stands. The interval holds both
        uncertainties, at 95 %.
    """
    plays = [play for play in policy.playbook if play.lane == "contact"]
    names = [play.name for play in plays]
    belief = np.array([play.save_rate for play in plays], dtype=float)
    by_play = _by_play(measured, plays)
    measurements = [by_play.get(name) for name in names]
    rate = np.array([each.rate if each else np.nan for each in measurements], dtype=float)
    error = np.array([each.error if each else np.nan for each in measurements], dtype=float)
    shrunk = shrink(belief, policy.belief_error, rate, error)
    half = Z95 * np.sqrt(np.diag(shrunk.covariance).clip(min=0.0))
    otherwise = "pooled" if by_play else "belief"
    table = pd.DataFrame(
        {
            "belief": belief,
            "rate": shrunk.mean,
            "low": shrunk.mean - CAUTION * shrunk.sampling_error,
            "interval_low": shrunk.mean - half,
            "interval_high": shrunk.mean + half,
            "contact": [each.contact if each else 0 for each in measurements],
            "held_out": [each.held_out if each else 0 for each in measurements],
            "basis": ["measured" if each else otherwise for each in measurements],
        },
        index=pd.Index(names, name="play"),
    )
    return SaveRates(table, shrunk.covariance)


def _by_play(
    measured: Iterable[MeasuredSaveRate], plays: Sequence[Play]
) -> Mapping[str, MeasuredSaveRate]:
    names = {play.name for play in plays}
    cheapest = min(plays, key=expected_cost).name if plays else ""
    parts: dict[str, list[MeasuredSaveRate]] = {}
    for each in measured:
        parts.setdefault(each.play if each.play in names else cheapest, []).append(each)
    return {name: _together(name, rates) for name, rates in parts.items() if name}


def _together(name: str, rates: Sequence[MeasuredSaveRate]) -> MeasuredSaveRate:
    weights = np.array([rate.error**-2 for rate in rates])
    return MeasuredSaveRate(
        play=name,
        rate=float(np.average([rate.rate for rate in rates], weights=weights)),
        error=float(weights.sum() ** -0.5),
        contact=sum(rate.contact for rate in rates),
        held_out=sum(rate.held_out for rate in rates),
    )


def with_rates(policy: Policy, rates: SaveRates, column: Column) -> Policy:
    """Put what plays save in the place of what was believed.

    Parameters
    ----------
    policy : Policy
    rates : SaveRates
    column : {"rate", "low"}

    Returns
    -------
    Policy
        The same with the save rates of the plays that contact; they may be below 0.
    """
    by_play: Mapping[Any, float] = rates.table[column].to_dict()
    playbook = [
        play.model_copy(update={"save_rate": by_play[play.name]}) if play.name in by_play else play
        for play in policy.playbook
    ]
    return policy.model_copy(update={"playbook": playbook})


def list_gain(
    contacts: pd.DataFrame, policy: Policy, rates: SaveRates, uplift: UpliftManifest
) -> ListGain:
    """Sum what the contacts of a list are expected to gain, with what is not known of it.

    Parameters
    ----------
    contacts : DataFrame
        play, net_gain (currency; null without money), churn_probability and expected_loss
        (currency, of one window) of the customers to contact.
    policy : Policy
    rates : SaveRates
    uplift : UpliftManifest
        Where customers are ranked by the effect of a contact, their gains are measured one by
        one and not by save rates, so that there is no interval of these.

    Returns
    -------
    ListGain
        Its interval is that of the save rates: the gains are linear in them.
    """
    costs = {play.name: expected_cost(play) for play in policy.playbook}
    cost = contacts["play"].map(costs).astype(float)
    total = float(contacts["net_gain"].sum()) if contacts["net_gain"].notna().any() else None
    saving = (contacts["net_gain"] + cost).groupby(contacts["play"]).sum()
    rate = rates.table["rate"]
    slope = (saving.reindex(rate.index) / rate.where(rate != 0)).fillna(0.0).to_numpy(dtype=float)
    worth = worth_from_loss(
        contacts["expected_loss"], contacts["churn_probability"], policy.retained_windows
    )
    rate_of_play = contacts["play"].map(rates.table["rate"]).astype(float)
    believed = rate_of_play * contacts["churn_probability"]
    saved = float(((contacts["net_gain"] + cost) / worth).fillna(believed).sum())
    if uplift.ranks:
        return ListGain(
            value=total,
            low=None,
            high=None,
            cost=float(cost.sum()),
            contacts=len(contacts),
            saved=saved,
            basis="measured",
            randomised=uplift.lots,
        )
    half = Z95 * float(np.sqrt(max(slope @ rates.covariance @ slope, 0.0)))
    used = rates.table[rates.table.index.isin(contacts["play"])]
    bases = set(used["basis"])
    return ListGain(
        value=total,
        low=None if total is None else total - half,
        high=None if total is None else total + half,
        cost=float(cost.sum()),
        contacts=len(contacts),
        saved=saved,
        basis="belief" if bases <= {"belief"} else "measured" if bases == {"measured"} else "mixed",
        randomised=int((used["contact"] + used["held_out"]).sum()),
    )
