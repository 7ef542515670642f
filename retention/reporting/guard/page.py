"""The monitoring page: may this run's list be published, and how the runs go. For operators.

It opens from disk, without network and script, and is read from the top: the verdict, what is
not well, every guard, then the pictures.
"""

from functools import partial
from pathlib import Path
from typing import Final

from retention.i18n.language import ENGLISH
from retention.monitoring.finding import REFUSED, SET_ASIDE, WARNED
from retention.monitoring.report_data import GuardReport
from retention.reporting import page
from retention.reporting.guard import charts

_HERE: Final = Path(__file__).parent
STYLES: Final = (_HERE.parent / "outcomes" / "outcomes.css", _HERE / "guard.css")
"""That of pages with figures, and what only this one has."""


def html(report: GuardReport) -> str:
    """The whole page; the same content is the same text."""
    style = page.style(*STYLES)
    environment = page.environment(_HERE)
    environment.filters |= {"cut": page.cut}
    environment.globals |= {"distribution": charts.distribution}
    return environment.get_template("guard.html.j2").render(
        told=report,
        says=ENGLISH,
        style=style,
        policy=page.policy(style),
        headline=headline(report),
        words=charts.WORDS,
        drifted=charts.most_drifted(report.drift_report.features, report.limits),
        small=partial(charts.distribution, small=True),
        courses=charts.run_history(report),
    )


def headline(report: GuardReport) -> str:
    """The page in one sentence."""
    counts = {
        level: charts.level_counts(report.findings)[level] for level in (REFUSED, SET_ASIDE, WARNED)
    }
    if counts[REFUSED]:
        names = dict.fromkeys(
            finding.guard for finding in report.findings if finding.level == REFUSED
        )
        return f"Nothing is published: refused by {ENGLISH.join(list(names))}."
    parts = [f"{counts[SET_ASIDE]} set aside"] if counts[SET_ASIDE] else []
    if counts[WARNED]:
        parts.append(f"{counts[WARNED]} warning{'s' * (counts[WARNED] > 1)}")
    if parts:
        return f"The list may be published, with {ENGLISH.join(parts)}."
    return "The list may be published: everything is within its limits."
