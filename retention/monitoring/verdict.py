"""What follows from all findings: overrides, the refusal, and what staff read on the list."""

import datetime as dt
from collections.abc import Iterator, Sequence
from dataclasses import replace
from typing import Any

from retention.core import artefacts
from retention.core.errors import BadInput, Guarded
from retention.core.params import GuardParams
from retention.core.storage import atomic
from retention.i18n.language import Language
from retention.monitoring.finding import LEVELS, REFUSED, SET_ASIDE, Finding


def apply_overrides(
    findings: Sequence[Finding], guard_params: GuardParams, as_of: dt.date
) -> list[Finding]:
    """The findings, those that refuse set aside where an override of this as_of says so."""
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


def refusals(findings: Sequence[Finding]) -> list[Finding]:
    return [finding for finding in findings if finding.level == REFUSED]


def refusal_message(findings: Sequence[Finding], as_of: dt.date) -> str:
    """The first that refuses, in one line; how many more there are."""
    first, *more = refusals(findings)
    others = f"; {len(more)} more on {artefacts.GUARD_PAGE}" if more else ""
    return (
        f"guard {first.guard}, {first.about}: {first.figure} ({first.limit}). {first.meaning} "
        f"Nothing is published: {first.do}; to go on all the same set guard.override: "
        f'{{{first.guard}: "why, by whom"}} and guard.override_on: "{as_of}"{others}'
    )


def overridden(findings: Sequence[Finding]) -> dict[str, str]:
    """The guards that would refuse and were set aside, with the reasons."""
    return {finding.guard: finding.reason for finding in findings if finding.level == SET_ASIDE}


def banners(findings: Sequence[Finding], language: Language) -> list[str]:
    """What staff read on the list, each once; that a check was set aside too."""
    sentences = [finding.banner for finding in findings if finding.banner]
    sentences += [
        language.gettext("A check was set aside for this list: {reason}", reason=reason)
        for reason in overridden(findings).values()
    ]
    return list(dict.fromkeys(sentences))


def expired_overrides(guard_params: GuardParams, as_of: dt.date) -> Iterator[str]:
    """An override of another day: it does not count."""
    if guard_params.override and guard_params.override_on != as_of:
        yield (
            f"guard.override of {', '.join(guard_params.override)} is for {guard_params.override_on}, "
            f"not for {as_of}: it does not count"
        )


def list_banners(as_of: dt.date) -> list[str]:
    """The banners that the list of a day must bear, as stage `guard` left them.

    BadInput where that has not run, or for another day; Guarded where it refused.
    """
    path = artefacts.GUARD_SUMMARY
    guard_summary: dict[str, Any] = atomic.read_json(path) if path.path.is_file() else {}
    if guard_summary.get("as_of") != as_of.isoformat():
        raise BadInput(f"{path}: not there for {as_of}; run python -m pipeline.guard first")
    if guard_summary["refused"]:
        raise Guarded(
            f"{path}: guard {guard_summary['refused'][0]} refused; see {artefacts.GUARD_PAGE}"
        )
    return list(guard_summary["banners"])
