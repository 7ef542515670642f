"""`retention propose`: what contacting so many would bring, by those drawn by lot so far."""

from collections.abc import Iterator
from typing import Final

import pandas as pd

from models.components.base import Floats
from models.components.uplift import RISK, ExperimentData
from retention.core import artefacts
from retention.core.errors import BadParams, Guarded
from retention.core.params import Params, Play, load_params
from retention.core.storage import atomic
from retention.policy.play_effects import expected_cost
from retention.policy.plays import cheapest_contact_play
from retention.uplift import policy_value
from retention.uplift.policy_value import PolicyEstimate, PolicyValue, TargetingPolicy

RANKINGS: Final = ("by expected loss", "by what a contact changes")
_ROWS: Final = {
    "contacts": "customers contacted",
    "customers_saved": "customers saved",
    "money_saved": "money saved",
    "cost": "cost",
    "net": "net",
}


def play(chosen: Params, name: str | None) -> Play:
    """The play of that name, or the cheapest that contacts; BadParams where there is none."""
    contacts = {one.name: one for one in chosen.policy.playbook if one.lane == "contact"}
    usual = cheapest_contact_play(chosen.policy)
    if usual is None:
        raise BadParams("policy.playbook: no play has lane contact; add one, or nobody is called")
    if name is not None and name not in contacts:
        known = ", ".join(contacts)
        raise BadParams(f"--play: no play {name!r} that contacts; there are: {known}")
    return usual if name is None else contacts[name]


def expected(lots: pd.DataFrame, proposal: TargetingPolicy, saves: float) -> dict[str, PolicyValue]:
    """What a proposal is expected to bring, by RANKINGS. lots: artefacts.EXPERIMENT."""
    trial = ExperimentData.from_arrays(
        lots["treated"], lots["left"], lots["propensity"], lots["customer_id"]
    )
    risk, worth = (lots[name].to_numpy(dtype=float) for name in (RISK, "worth"))
    scores = trial.doubly_robust_scores(risk)
    saved = saves * risk, -lots["effect"].to_numpy(dtype=float)
    gains: dict[str, Floats] = {
        name: share * worth - proposal.cost for name, share in zip(RANKINGS, saved, strict=True)
    }
    return {
        name: policy_value.evaluate_policy(
            proposal, gain, scores, worth, trial.customer, lots["fold"]
        )
        for name, gain in gains.items()
    }


def propose(
    capacity: int | None, threshold: float, cost: float | None, name: str | None
) -> Iterator[str]:
    """The lines that the command says. What is not given is as params.yaml has it.

    Guarded: no experiment to learn from. BadParams: no such play.
    """
    chosen = load_params()
    if not artefacts.EXPERIMENT.path.is_file():
        raise Guarded(f"{artefacts.EXPERIMENT}: not there; run make repro first")
    lots = artefacts.EXPERIMENT.read().to_pandas()
    if lots.empty:
        raise Guarded(
            "too few customers were drawn by lot so far, and left, to tell; keep a holdout "
            "(at_risk.holdout_share) and ask again when its lists have ripened"
        )
    given = play(chosen, name)
    proposal = TargetingPolicy(
        capacity=chosen.at_risk.capacity if capacity is None else capacity,
        eligible=atomic.read_json(artefacts.UPLIFT)["eligible"],
        threshold=threshold,
        cost=expected_cost(given) if cost is None else cost,
    )
    yield (
        f"Contacting up to {proposal.capacity:,} of {proposal.eligible:,} customers once, where "
        f"the gain expected is above {threshold:,.2f} {chosen.currency}, at {proposal.cost:,.2f} "
        f"each, against contacting nobody; from {len(lots):,} customers drawn by lot, with 95 % "
        "intervals:"
    )
    yield from _table(expected(lots, proposal, given.save_rate))


def _table(found: dict[str, PolicyValue]) -> Iterator[str]:
    yield f"{'':<20}" + "".join(f"  {name:>34}" for name in found)
    for attribute, words in _ROWS.items():
        cells = [_cell(getattr(one, attribute)) for one in found.values()]
        yield f"{words:<20}" + "".join(f"  {cell:>34}" for cell in cells)


def _cell(found: PolicyEstimate) -> str:
    return f"{found.value:,.1f} ({found.interval.low:,.1f} to {found.interval.high:,.1f})"
