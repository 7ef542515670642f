"""Whether today's customers are like those the champion learnt from."""

from collections.abc import Sequence
from typing import Any, Final

import pandas as pd

from retention.core.params import Guards
from retention.i18n.language import Language
from retention.monitoring.finding import OK, REFUSED, WARNED, Finding, judged, limits
from retention.training import profile
from retention.training.profile import Drift

NAMED: Final = 5  # features that a sentence names; the page shows more
NO_PROFILE: Final = "no profile beside the champion; the next that is promoted has one"


def schema(reference: dict[str, Any], X: pd.DataFrame) -> Finding:
    """Every feature is still a number where it was one, and words where it was words."""
    then = {name: one["kind"] for name, one in reference["features"].items()}
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
        says=f"{named(wrong)}." if wrong else "Every feature has the type the champion learnt.",
        level=REFUSED if wrong else OK,
        do="undo the change, or run make repro and let what it trains score: retention promote",
    )


def score(found: Drift, rules: Guards, says: Language) -> Finding:
    """The chances of leaving against those on the snapshot that only measured."""
    level = _judged(found, rules.psi_warn, rules.psi_refuse)
    return Finding(
        guard="drift",
        about="chances of leaving",
        figure=f"PSI {found.figure:.2f}",
        limit=limits(_number(rules.psi_warn), _number(rules.psi_refuse)),
        says=_by_chance(found),
        level=level,
        do="see which features moved and why; if it is real, run make repro and promote",
        banner="" if level == OK else _banner(says),
    )


def _judged(found: Drift, warn: float | None, refuse: float | None) -> str:
    if found.over(refuse):
        return REFUSED
    return WARNED if found.over(warn) else OK


def _by_chance(found: Drift) -> str:
    return f"With so many customers chance alone gives up to {found.chance:.2f}."


def _banner(says: Language) -> str:
    return says.gettext(
        "Customers differ from those the model learnt from: take its chances with care."
    )


def drifted(found: Sequence[Drift], rules: Guards) -> list[Drift]:
    """The features that moved further than their limit and than chance."""
    limit = limits_of(rules)
    return [one for one in found if one.over(limit[one.measure])]


def limits_of(rules: Guards) -> dict[str, float | None]:
    """The limit of each measure of drift."""
    return {"psi": rules.psi_warn, "distance": rules.distance_warn}


def features(found: Sequence[Drift], rules: Guards, says: Language) -> Finding:
    """How many features moved; seasons and clocks move some in every run."""
    moved = drifted(found, rules)
    share = len(moved) / len(found) if found else 0.0
    level = judged(share, rules.drifted_warn, rules.drifted_refuse)
    return Finding(
        guard="drift",
        about="features",
        figure=f"{len(moved)} of {len(found)} ({share:.0%})",
        limit=limits(_percent(rules.drifted_warn), _percent(rules.drifted_refuse)),
        says=_most([f"{one.name} {one.figure:.2f}" for one in moved]),
        level=level,
        do="see what changed in the data; if it is real, run make repro and promote",
        banner="" if level == OK else _banner(says),
    )


def _most(moved: Sequence[str]) -> str:
    return f"Most moved: {named(moved)}." if moved else "None moved further than its limit."


def dead(found: Sequence[Drift]) -> Finding:
    """Features that had something to say when the champion learnt, and say nothing now."""
    names = [one.name for one in found if one.dead]
    return Finding(
        guard="dead_features",
        about="features",
        figure=f"{len(names)} of {len(found)}",
        limit="warns of any",
        says=f"Null or the same for everybody now: {named(names)}." if names else "All say more.",
        level=WARNED if names else OK,
        do="see whether the source that they come from still delivers",
    )


def categories(found: Sequence[Drift]) -> Finding:
    """Customers with a category that the champion has never seen: scored, and counted."""
    unseen = [one for one in found if one.unseen]
    told = [f"{one.name} {one.unseen:,}" for one in unseen]
    return Finding(
        guard="new_categories",
        about="features",
        figure=f"{sum(one.unseen for one in unseen):,} values",
        limit="noted",
        says=f"Scored as the model does with what it does not know: {named(told)}."
        if told
        else "Every category was known when the champion learnt.",
    )


def unknown() -> list[Finding]:
    """Where the champion has no profile: said, and nothing is refused for it."""
    return [Finding("drift", "champion", "not measured", "off", f"There is {NO_PROFILE}.")]


def named(names: Sequence[str], most: int = NAMED) -> str:
    """a, b, c and 4 more."""
    more = len(names) - most
    return ", ".join(names[:most]) + (f" and {more} more" if more > 0 else "")


def _number(limit: float | None) -> str | None:
    return None if limit is None else f"{limit:g}"


def _percent(limit: float | None) -> str | None:
    return None if limit is None else f"{limit:.0%}"
