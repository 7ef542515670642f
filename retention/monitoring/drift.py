"""Drift of scores and features against the data that the champion was trained on."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any, Final

import pandas as pd

from retention.core.params import GuardParams
from retention.i18n.language import Language
from retention.monitoring.finding import (
    LEVELS,
    OK,
    REFUSED,
    WARNED,
    Finding,
    format_limits,
    level_of,
)
from retention.monitoring.own_past import PastDrift
from retention.training import profile
from retention.training.profile import Drift

Limits = Mapping[str, float | None]  # by feature

MAX_NAMED: Final = 5  # features that a sentence names; the page shows more
NO_PROFILE: Final = "no profile beside the champion; the next that is promoted has one"


@dataclass(frozen=True)
class ScoreDrift:
    """How far the churn probabilities moved from those of the reference."""

    drift: Drift
    points: float | None  # mean shift, 0 to 1; None where an older profile does not have it
    rarer_share: float  # mean probability of the reference, of churn or of staying, the smaller

    def over(self, psi: float | None, points: float) -> bool:
        """Whether both figures exceed their limits; a shift that is not known may matter."""
        is_material = self.points is None or self.points > points
        return is_material and self.drift.over(psi)


def feature_types(reference: dict[str, Any], X: pd.DataFrame) -> Finding:
    """Whether every feature still has its type: number or text."""
    then = {name: feature["kind"] for name, feature in reference["features"].items()}
    now = {str(name): profile.kind_of(X[name]) for name in X}
    wrong = [
        f"{name} is {now.get(name, 'missing')}, was {kind}"
        for name, kind in then.items()
        if now.get(name) != kind
    ]
    return Finding(
        guard="schema",
        about="features",
        figure=f"{len(wrong)} of {len(then)} changed",
        limit="refuses any",
        meaning=f"{first_few(wrong)}."
        if wrong
        else "Every feature has the type the champion learnt.",
        level=REFUSED if wrong else OK,
        do="undo the change, or run make repro and let what it trains score: retention promote",
    )


def score_drift(
    score: ScoreDrift,
    past: PastDrift | None,
    guard_params: GuardParams,
    language: Language,
    is_first_list: bool,
) -> Finding:
    """Drift of the churn probabilities from those of the same model on the reference snapshot.

    It counts where both the PSI and the mean shift are beyond their limit and the own past.
    """
    warn, refuse = (
        _score_limits(score, past, *limits)
        for limits in (
            (guard_params.psi_warn, guard_params.points_warn),
            (guard_params.psi_refuse, guard_params.points_refuse),
        )
    )
    level = REFUSED if score.over(*refuse) else WARNED if score.over(*warn) else OK
    shift = "" if score.points is None else f", {_points(score.points)}"
    chance = f"With so many customers chance alone gives up to {score.drift.chance:.2f}."
    finding = Finding(
        guard="drift",
        about="chances of leaving",
        figure=f"PSI {score.drift.figure:.2f}{shift}",
        limit=format_limits(_score_limit(*warn), _score_limit(*refuse)),
        past=_score_past(past),
        meaning=chance,
        level=level,
        do="see which features moved and why; if it is real, run make repro and promote",
        banner="" if level == OK else _banner(language),
    )
    return _first_list_is_published(finding) if is_first_list else finding


def _score_limits(
    score: ScoreDrift, past: PastDrift | None, psi: float | None, points: float | None
) -> tuple[float | None, float]:
    """The limits of PSI (None: off) and of the mean shift, after the own past."""
    own_psi = past.limit(past.psi) if past else None
    own_points = past.limit(past.points) if past else None
    # Where churn or staying is rare, few points are much: its doubling matters.
    material = 0.0 if points is None else min(points, score.rarer_share)
    return (
        None if psi is None else max(psi, own_psi or 0.0),
        max(material, own_points or 0.0),
    )


def _score_limit(psi: float | None, points: float) -> str | None:
    return None if psi is None else f"{psi:.2g} and {_points(points)}"


def _points(shift: float) -> str:
    return f"{100 * shift:.1f} points"


def _score_past(past: PastDrift | None) -> str:
    if past is None or past.psi is None or past.points is None:
        return ""
    return f"up to {past.psi:.2f} and {_points(past.points)} in {past.describe()}"


def _first_list_is_published(finding: Finding) -> Finding:
    """A first list is no later than the data that its champion was trained on: it only warns."""
    if finding.level != REFUSED:
        return finding
    words = f"{finding.meaning} It is the model's first list, of the day it was trained on."
    return replace(finding, level=WARNED, meaning=words)


def _banner(language: Language) -> str:
    return language.gettext(
        "Customers differ from those the model learnt from: take its chances with care."
    )


def feature_limits(
    drifts: Sequence[Drift], past: PastDrift | None, guard_params: GuardParams
) -> dict[str, float | None]:
    """The figure above which each feature has drifted: that of params, or of the own past."""
    limits = {"psi": guard_params.psi_warn, "distance": guard_params.distance_warn}
    return {drift.name: _widened(limits[drift.measure], drift, past) for drift in drifts}


def _widened(limit: float | None, drift: Drift, past: PastDrift | None) -> float | None:
    own = past.limit(past.features.get(drift.name)) if past else None
    return None if limit is None else max(limit, own or 0.0)


def drifted_features(drifts: Sequence[Drift], limits: Limits) -> list[Drift]:
    """The features whose drift exceeds its limit and what chance alone gives."""
    return [drift for drift in drifts if drift.over(limits[drift.name])]


def broken_features(
    drifts: Sequence[Drift], past: PastDrift | None, guard_params: GuardParams
) -> list[Drift]:
    """The features that hardly overlap with their past; none without a past to know that by."""
    psi = guard_params.break_psi
    if past is None or psi is None:
        return []
    limits = {"psi": psi, "distance": profile.distance_of_psi(psi)}
    return [drift for drift in drifts if drift.over(_widened(limits[drift.measure], drift, past))]


def feature_drift(
    drifts: Sequence[Drift],
    past: PastDrift | None,
    guard_params: GuardParams,
    language: Language,
    is_first_list: bool,
) -> Finding:
    """The share of features that drifted, and of those that broke; either refuses."""
    n = max(1, len(drifts))
    drifted = drifted_features(drifts, feature_limits(drifts, past, guard_params))
    broken = broken_features(drifts, past, guard_params)
    level = max(
        level_of(len(drifted) / n, guard_params.drifted_warn, guard_params.drifted_refuse),
        level_of(len(broken) / n, None, guard_params.break_refuse),
        key=LEVELS.index,
    )
    more = f", {len(broken)} broken" if broken else ""
    named = broken or drifted
    names = first_few([f"{drift.name} {drift.figure:.2f}" for drift in named])
    finding = Finding(
        guard="drift",
        about="features",
        figure=f"{len(drifted)} of {len(drifts)} ({len(drifted) / n:.0%}){more}",
        limit=_feature_limit(past, guard_params),
        past="" if past is None else f"a move as far as in {past.describe()} is no drift",
        meaning=f"Most moved: {names}." if named else "None moved further than its limit.",
        level=level,
        do="see what changed in the data; if it is real, run make repro and promote",
        banner="" if level == OK else _banner(language),
    )
    return _first_list_is_published(finding) if is_first_list else finding


def _feature_limit(past: PastDrift | None, guard_params: GuardParams) -> str:
    limits = format_limits(
        _percent(guard_params.drifted_warn), _percent(guard_params.drifted_refuse)
    )
    if past is None or guard_params.break_psi is None or guard_params.break_refuse is None:
        return limits
    return f"{limits}, refuses {guard_params.break_refuse:.0%} broken"


def dead_features(
    drifts: Sequence[Drift],
    past: PastDrift | None,
    guard_params: GuardParams,
    is_first_list: bool,
) -> Finding:
    """Features that varied when the champion was trained, and are null or constant now.

    One that never came near to that in the company's past refuses.
    """
    dead = [drift.name for drift in drifts if drift.dead]
    shares = past.largest_share if past else {}
    limit = guard_params.dead_refuse
    sudden = [name for name in dead if limit is not None and shares.get(name, 1.0) <= limit]
    past_words = [f"{name} at most {shares[name]:.0%} alike" for name in dead if name in shares]
    finding = Finding(
        guard="dead_features",
        about="features",
        figure=f"{len(dead)} of {len(drifts)}",
        limit="warns of any"
        if past is None or limit is None
        else f"warns of any, refuses one that never was above {limit:.0%} alike",
        past=first_few(past_words),
        meaning=f"Null or the same for everybody now: {first_few(sudden or dead)}."
        if dead
        else "Every feature still differs between customers.",
        level=REFUSED if sudden else WARNED if dead else OK,
        do="see whether the source that they come from still delivers",
    )
    return _first_list_is_published(finding) if is_first_list else finding


def new_categories(drifts: Sequence[Drift]) -> Finding:
    """Values of categories that the champion was not trained on: scored, and counted."""
    unseen = [drift for drift in drifts if drift.unseen]
    counts = [f"{drift.name} {drift.unseen:,}" for drift in unseen]
    return Finding(
        guard="new_categories",
        about="features",
        figure=f"{sum(drift.unseen for drift in unseen):,} values",
        limit="noted",
        meaning=f"Scored as the model does with what it does not know: {first_few(counts)}."
        if counts
        else "Every category was known when the champion learnt.",
    )


def not_measured() -> Finding:
    """What stands in place of drift if the champion has no profile: nothing is refused for it."""
    return Finding(
        guard="drift",
        about="champion",
        figure="not measured",
        limit="off",
        meaning=f"There is {NO_PROFILE}.",
    )


def first_few(names: Sequence[str], max_names: int = MAX_NAMED) -> str:
    """The first names: `a, b, c and 4 more`."""
    more = len(names) - max_names
    return ", ".join(names[:max_names]) + (f" and {more} more" if more > 0 else "")


def _percent(limit: float | None) -> str | None:
    return None if limit is None else f"{limit:.0%}"
