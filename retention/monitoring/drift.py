"""Drift of scores and features against the data that the champion was trained on."""

from collections.abc import Sequence
from typing import Any, Final

import pandas as pd

from retention.core.params import GuardParams
from retention.i18n.language import Language
from retention.monitoring.finding import OK, REFUSED, WARNED, Finding, format_limits, level_of
from retention.training import profile
from retention.training.profile import Drift

MAX_NAMED: Final = 5  # features that a sentence names; the page shows more
NO_PROFILE: Final = "no profile beside the champion; the next that is promoted has one"


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


def score_drift(drift: Drift, guard_params: GuardParams, language: Language) -> Finding:
    """Drift of the churn probabilities against those of the test snapshot."""
    level = _drift_level(drift, guard_params.psi_warn, guard_params.psi_refuse)
    return Finding(
        guard="drift",
        about="chances of leaving",
        figure=f"PSI {drift.figure:.2f}",
        limit=format_limits(_number(guard_params.psi_warn), _number(guard_params.psi_refuse)),
        meaning=f"With so many customers chance alone gives up to {drift.chance:.2f}.",
        level=level,
        do="see which features moved and why; if it is real, run make repro and promote",
        banner="" if level == OK else _banner(language),
    )


def _drift_level(drift: Drift, warn: float | None, refuse: float | None) -> str:
    if drift.over(refuse):
        return REFUSED
    return WARNED if drift.over(warn) else OK


def _banner(language: Language) -> str:
    return language.gettext(
        "Customers differ from those the model learnt from: take its chances with care."
    )


def drifted_features(drifts: Sequence[Drift], guard_params: GuardParams) -> list[Drift]:
    """The features whose drift exceeds its limit and what chance alone gives."""
    limit = drift_limits(guard_params)
    return [drift for drift in drifts if drift.over(limit[drift.measure])]


def drift_limits(guard_params: GuardParams) -> dict[str, float | None]:
    """The limit of each measure of drift."""
    return {"psi": guard_params.psi_warn, "distance": guard_params.distance_warn}


def feature_drift(
    drifts: Sequence[Drift], guard_params: GuardParams, language: Language
) -> Finding:
    """The share of features that drifted; with the season some drift in every run."""
    drifted = drifted_features(drifts, guard_params)
    drifted_share = len(drifted) / len(drifts) if drifts else 0.0
    names = first_few([f"{drift.name} {drift.figure:.2f}" for drift in drifted])
    level = level_of(drifted_share, guard_params.drifted_warn, guard_params.drifted_refuse)
    return Finding(
        guard="drift",
        about="features",
        figure=f"{len(drifted)} of {len(drifts)} ({drifted_share:.0%})",
        limit=format_limits(
            _percent(guard_params.drifted_warn), _percent(guard_params.drifted_refuse)
        ),
        meaning=f"Most moved: {names}." if drifted else "None moved further than its limit.",
        level=level,
        do="see what changed in the data; if it is real, run make repro and promote",
        banner="" if level == OK else _banner(language),
    )


def dead_features(drifts: Sequence[Drift]) -> Finding:
    """Features that varied when the champion was trained, and are null or constant now."""
    names = [drift.name for drift in drifts if drift.dead]
    return Finding(
        guard="dead_features",
        about="features",
        figure=f"{len(names)} of {len(drifts)}",
        limit="warns of any",
        meaning=f"Null or the same for everybody now: {first_few(names)}."
        if names
        else "All say more.",
        level=WARNED if names else OK,
        do="see whether the source that they come from still delivers",
    )


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


def _number(limit: float | None) -> str | None:
    return None if limit is None else f"{limit:g}"


def _percent(limit: float | None) -> str | None:
    return None if limit is None else f"{limit:.0%}"
