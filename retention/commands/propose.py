"""`retention propose`: the expected effect of a targeting policy, from randomised customers."""

import datetime as dt
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import pandas as pd

from models.components.base import Floats
from models.components.uplift import RISK
from retention.core import artefacts, engine
from retention.core.documents.reports import ListGain
from retention.core.errors import BadParams, Guarded
from retention.core.params import EngineParams, Params, Play, editing, load_params
from retention.core.storage import atomic
from retention.experiments import conclusions, holdout_design
from retention.experiments.follow_up import read_follow_up
from retention.experiments.report_data import HoldoutDesign
from retention.i18n.language import ENGLISH
from retention.policy.play_effects import expected_cost
from retention.policy.plays import cheapest_contact_play
from retention.uplift import policy_value
from retention.uplift.policy_value import PolicyEstimate, PolicyValue, TargetingPolicy

PARAMS_PATH: Final = Path("params.yaml")
RANKINGS: Final = ("by expected loss", "by what a contact changes")
_TABLE_ROWS: Final = {
    "contacts": "customers contacted",
    "customers_saved": "customers saved",
    "money_saved": "money saved",
    "cost": "cost",
    "net": "net",
}


def contact_play(params: Params, name: str | None) -> Play:
    """The contact play of that name, or the cheapest; BadParams where there is none."""
    contacts = {play.name: play for play in params.policy.playbook if play.lane == "contact"}
    cheapest = cheapest_contact_play(params.policy)
    if cheapest is None:
        raise BadParams("policy.playbook: no play has lane contact; add one, or nobody is called")
    if name is not None and name not in contacts:
        names = ", ".join(contacts)
        raise BadParams(f"--play: no play {name!r} that contacts; there are: {names}")
    return cheapest if name is None else contacts[name]


def list_size(params: Params) -> tuple[int, int]:
    """How many the newest list contacts, and from how many it chose; the most where there is none.

    Those from whom it chose are whom no rule of the policy keeps from being contacted: the ones
    for whom the experiment's candidates stand.
    """
    if not artefacts.LANES.path.is_file():
        return params.at_risk.capacity, artefacts.UPLIFT.read().eligible
    lanes = artefacts.LANES.read(columns=["lane", "why"]).to_pandas()
    is_contact = lanes["lane"] == "contact"
    was_weighed = lanes["why"].isin(["held_out", "below_capacity", "not_worth_saving"])
    return int(is_contact.sum()), max(int((is_contact | was_weighed).sum()), 1)


def estimate_policies(
    experiment: pd.DataFrame, policy: TargetingPolicy, save_rate: float
) -> dict[str, PolicyValue]:
    """The policy's estimated effect under each of RANKINGS.

    experiment: rows of artefacts.EXPERIMENT; save_rate: the share of churners that the play
    retains, as in params.yaml.
    """
    savings = save_rate * experiment[RISK] * experiment["worth"], experiment["saving"]
    gains: dict[str, Floats] = {
        name: saving.to_numpy(dtype=float) - policy.cost
        for name, saving in zip(RANKINGS, savings, strict=True)
    }
    return {
        name: policy_value.evaluate_policy(
            policy,
            gain,
            experiment["saved_score"],
            experiment["saving_score"],
            experiment["customer_id"],
            experiment["fold"],
        )
        for name, gain in gains.items()
    }


def answer_by(day: dt.date, is_written: bool) -> Iterator[str]:
    """The lines of `--answer-by`: the share to hold out, its price, and what was written.

    Errors: Guarded without a list, and with `--write` where no share answers in time; BadParams
    where params.yaml cannot be changed in place.
    """
    params = load_params()
    design, expected = _design(params, day)
    yield from filter(None, [conclusions.expected_gain(expected, params.currency, ENGLISH)])
    target = params.outcomes.target_effect
    yield conclusions.holdout_proposal(design, target, params.currency, ENGLISH)
    if not is_written:
        return
    if not design.is_in_time:
        raise Guarded(f"no holdout share answers by {day}; params.yaml stays as it is")
    text = PARAMS_PATH.read_text(encoding="utf-8")
    atomic.write_text(
        PARAMS_PATH, editing.with_value(text, "at_risk", "holdout_share", design.holdout_share)
    )
    yield (
        f"wrote at_risk.holdout_share: {design.holdout_share} "
        f"(before {params.at_risk.holdout_share:g}); it holds for customers randomised from now on"
    )


def _design(params: Params, day: dt.date) -> tuple[HoldoutDesign, ListGain | None]:
    """The design that answers by a day, and the expected gain of the newest list."""
    for artefact in (artefacts.LANES, artefacts.LIST_SUMMARY, artefacts.EVENTS):
        if not artefact.path.is_file():
            raise Guarded(f"{artefact}: not there; run make repro first")
    lanes = artefacts.LANES.read(columns=["lane", "why", "churn_probability"]).to_pandas()
    summary = artefacts.LIST_SUMMARY.read()
    with engine.open_engine(EngineParams(memory=params.engine.memory)) as open_engine:
        follow_up = read_follow_up(params, open_engine, artefacts.EVENTS_SUMMARY.read())
    state = holdout_design.enrolment(follow_up, lanes, params, summary.as_of)
    if state is None:
        raise Guarded("the newest list chose nobody, so there is nothing to plan with")
    return holdout_design.holdout_design(state, day, summary.expected), summary.expected


def list_in_short(params: Params) -> Iterator[str]:
    """What the newest list is expected to gain, in the words of the list; none without one."""
    if artefacts.LIST_SUMMARY.path.is_file():
        expected = artefacts.LIST_SUMMARY.read().expected
        yield from filter(None, [conclusions.expected_gain(expected, params.currency, ENGLISH)])


def propose(
    capacity: int | None, threshold: float, cost: float | None, name: str | None
) -> Iterator[str]:
    """The lines that the command prints; an option that is None is as in params.yaml.

    Errors: Guarded without an experiment to estimate from; BadParams for an unknown play.
    """
    params = load_params()
    if not artefacts.EXPERIMENT.path.is_file():
        raise Guarded(f"{artefacts.EXPERIMENT}: not there; run make repro first")
    experiment = artefacts.EXPERIMENT.read().to_pandas()
    experiment = experiment[experiment["candidate"]]
    if experiment.empty:
        raise Guarded(
            "too few randomised customers so far, or too few of them left, for an estimate; keep a "
            "holdout (at_risk.holdout_share) and ask again when the labels of its lists are mature"
        )
    chosen_play = contact_play(params, name)
    contacts, eligible = list_size(params)
    policy = TargetingPolicy(
        capacity=contacts if capacity is None else capacity,
        eligible=eligible,
        threshold=threshold,
        cost=expected_cost(chosen_play) if cost is None else cost,
    )
    yield from list_in_short(params)
    yield (
        f"Contacting up to {policy.capacity:,} of {policy.eligible:,} customers once, where "
        f"the gain expected is above {threshold:,.2f} {params.currency}, at {policy.cost:,.2f} "
        f"each, against contacting nobody; from {len(experiment):,} randomised customers, with "
        "95 % intervals:"
    )
    yield from _table(estimate_policies(experiment, policy, chosen_play.save_rate))


def _table(estimates: dict[str, PolicyValue]) -> Iterator[str]:
    yield f"{'':<20}" + "".join(f"  {name:>34}" for name in estimates)
    for attribute, words in _TABLE_ROWS.items():
        cells = [_cell(getattr(estimate, attribute)) for estimate in estimates.values()]
        yield f"{words:<20}" + "".join(f"  {cell:>34}" for cell in cells)


def _cell(estimate: PolicyEstimate) -> str:
    return f"{estimate.value:,.1f} ({estimate.interval.low:,.1f} to {estimate.interval.high:,.1f})"
