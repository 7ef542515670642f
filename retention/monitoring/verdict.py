"""What follows from the findings: overrides, the refusal, and the banners of the list."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import replace

from retention.core import artefacts
from retention.core.errors import BadInput, Guarded
from retention.core.params import GuardParams
from retention.i18n.language import Language
from retention.monitoring.finding import LEVELS, REFUSED, SET_ASIDE, Finding


def apply_overrides(
    findings: Sequence[Finding], guard_params: GuardParams, as_of: dt.date
) -> list[Finding]:
    """The findings; a refusal is set aside if there is an override of its guard for this as_of."""
    reasons = guard_params.override if guard_params.override_on == as_of else {}
    return [
        replace(finding, level=SET_ASIDE, reason=reasons[finding.guard])
        if finding.level == REFUSED and finding.guard in reasons
        else finding
        for finding in findings
    ]


def worst_levels(findings: Sequence[Finding]) -> dict[str, str]:
    """The worst level of each guard."""
    names = dict.fromkeys(finding.guard for finding in findings)
    return {
        name: max(
            (finding.level for finding in findings if finding.guard == name), key=LEVELS.index
        )
        for name in names
    }


def level_counts(findings: Sequence[Finding]) -> dict[str, int]:
    """The number of findings of each level."""
    return {level: sum(finding.level == level for finding in findings) for level in LEVELS}


def refusals(findings: Sequence[Finding]) -> list[Finding]:
    """The findings that block the list."""
    return [finding for finding in findings if finding.level == REFUSED]


def refusal_message(findings: Sequence[Finding], as_of: dt.date) -> str:
    """The first refusal in one line, and how many more there are."""
    first, *more = refusals(findings)
    others = f"; {len(more)} more on {artefacts.GUARD_PAGE}" if more else ""
    return (
        f"guard {first.guard}, {first.about}: {first.figure} ({first.limit}). {first.meaning} "
        f"Nothing is published: {first.do}; to go on all the same set guard.override: "
        f'{{{first.guard}: "why, by whom"}} and guard.override_on: "{as_of}"{others}'
    )


def overridden(findings: Sequence[Finding]) -> dict[str, str]:
    """The reasons of the overrides that took effect, by guard."""
    return {finding.guard: finding.reason for finding in findings if finding.level == SET_ASIDE}


def banners(findings: Sequence[Finding], language: Language) -> list[str]:
    """The banners of the findings and of overrides, each once."""
    sentences = [finding.banner for finding in findings if finding.banner]
    sentences += [
        language.gettext("A check was set aside for this list: {reason}", reason=reason)
        for reason in overridden(findings).values()
    ]
    return list(dict.fromkeys(sentences))


def expired_overrides(guard_params: GuardParams, as_of: dt.date) -> Iterator[str]:
    """A note if the overrides are for another day: they do not count."""
    if guard_params.override and guard_params.override_on != as_of:
        names = ", ".join(guard_params.override)
        yield (
            f"guard.override of {names} is for {guard_params.override_on}, "
            f"not for {as_of}: it does not count"
        )


def describe(finding: Finding) -> str:
    """A finding in one line."""
    aside = f" Set aside: {finding.reason}" if finding.reason else ""
    return (
        f"{finding.level.replace('_', ' ')}: {finding.guard}, {finding.about}: "
        f"{finding.figure} ({finding.limit}). {finding.meaning}{aside}"
    )


def list_banners(as_of: dt.date) -> list[str]:
    """The banners that stage `guard` adds to the list of a day.

    Raises BadInput if it has not run for that day, Guarded if it refused.
    """
    path = artefacts.GUARD_SUMMARY
    guard_summary = path.read_last()
    if guard_summary is None or guard_summary.as_of != as_of:
        raise BadInput(f"{path}: not there for {as_of}; run python -m pipeline.guard first")
    if guard_summary.refused:
        raise Guarded(
            f"{path}: guard {guard_summary.refused[0]} refused; see {artefacts.GUARD_PAGE}"
        )
    return list(guard_summary.banners)
