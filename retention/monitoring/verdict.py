"""What follows from all findings: overrides, the refusal, and what staff read on the list."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from retention.core import artefacts
from retention.core.errors import BadInput, Guarded
from retention.core.params import Guards
from retention.core.storage import atomic
from retention.i18n.language import Language
from retention.monitoring.finding import LEVELS, REFUSED, SET_ASIDE, Finding


def settled(found: Sequence[Finding], rules: Guards, as_of: dt.date) -> list[Finding]:
    """The findings, those that refuse set aside where an override of this as_of says so."""
    reasons = rules.override if rules.override_on == as_of else {}
    return [
        replace(one, level=SET_ASIDE, reason=reasons[one.guard])
        if one.level == REFUSED and one.guard in reasons
        else one
        for one in found
    ]


def worst(found: Sequence[Finding]) -> dict[str, str]:
    """The worst level of each guard."""
    names = dict.fromkeys(one.guard for one in found)
    return {
        name: max((one.level for one in found if one.guard == name), key=LEVELS.index)
        for name in names
    }


def refused(found: Sequence[Finding]) -> list[Finding]:
    return [one for one in found if one.level == REFUSED]


def refusal(found: Sequence[Finding], as_of: dt.date) -> str:
    """The first that refuses, in one line; how many more there are."""
    first, *more = refused(found)
    others = f"; {len(more)} more on {artefacts.GUARD_PAGE}" if more else ""
    return (
        f"guard {first.guard}, {first.about}: {first.figure} ({first.limit}). {first.says} "
        f"Nothing is published: {first.do}; to go on all the same set guard.override: "
        f'{{{first.guard}: "why, by whom"}} and guard.override_on: "{as_of}"{others}'
    )


def aside(found: Sequence[Finding]) -> dict[str, str]:
    """The guards that would refuse and were set aside, with the reasons."""
    return {one.guard: one.reason for one in found if one.level == SET_ASIDE}


def banners(found: Sequence[Finding], says: Language) -> list[str]:
    """What staff read on the list, each once; that a check was set aside too."""
    told = [one.banner for one in found if one.banner]
    told += [
        says.gettext("A check was set aside for this list: {reason}", reason=reason)
        for reason in aside(found).values()
    ]
    return list(dict.fromkeys(told))


def forgotten(rules: Guards, as_of: dt.date) -> Iterator[str]:
    """An override of another day: it does not count."""
    if rules.override and rules.override_on != as_of:
        yield (
            f"guard.override of {', '.join(rules.override)} is for {rules.override_on}, "
            f"not for {as_of}: it does not count"
        )


def of_list(as_of: dt.date) -> list[str]:
    """The banners that the list of a day must bear, as stage `guard` left them.

    BadInput where that has not run, or for another day; Guarded where it refused.
    """
    path = artefacts.GUARD_SUMMARY
    told: dict[str, Any] = atomic.read_json(path) if path.path.is_file() else {}
    if told.get("as_of") != as_of.isoformat():
        raise BadInput(f"{path}: not there for {as_of}; run python -m pipeline.guard first")
    if told["refused"]:
        raise Guarded(f"{path}: guard {told['refused'][0]} refused; see {artefacts.GUARD_PAGE}")
    return list(told["banners"])
