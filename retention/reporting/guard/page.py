"""The monitoring page, for operators: may the list of this run be published, and why not.

It opens from disk, without network and script. In its order: the verdict, the notes, every guard,
the charts.
"""

from functools import partial
from pathlib import Path
from typing import Final

from retention.i18n.language import ENGLISH
from retention.monitoring.finding import REFUSED, SET_ASIDE, WARNED
from retention.monitoring.report_data import GuardReport
from retention.monitoring.verdict import level_counts, refusals
from retention.reporting import page
from retention.reporting.guard import charts

_HERE: Final = Path(__file__).parent
STYLES: Final = (_HERE.parent / "outcomes" / "outcomes.css", _HERE / "guard.css")
"""The style of pages with figures, and what only this page has."""


def html(report: GuardReport) -> str:
    """The whole page; the same report gives the same text."""
    style = page.style(*STYLES)
    environment = page.environment(_HERE)
    environment.filters |= {"cut": page.cut}
    environment.globals |= {"distribution": charts.distribution}
    return environment.get_template("guard.html.j2").render(
        report=report,
        language=ENGLISH,
        style=style,
        policy=page.policy(style),
        headline=headline(report),
        words=charts.WORDS,
        drifted=charts.most_drifted(report.drift_report.features, report.limits),
        small=partial(charts.distribution, small=True),
        run_history=charts.run_history(report),
    )


def headline(report: GuardReport) -> str:
    """The page in one sentence."""
    counts = level_counts(report.findings)
    if counts[REFUSED]:
        names = dict.fromkeys(finding.guard for finding in refusals(report.findings))
        return f"Nothing is published: refused by {ENGLISH.join(list(names))}."
    parts = [f"{counts[SET_ASIDE]} set aside"] if counts[SET_ASIDE] else []
    if counts[WARNED]:
        parts.append(f"{counts[WARNED]} warning{'s' * (counts[WARNED] > 1)}")
    if parts:
        return f"The list may be published, with {ENGLISH.join(parts)}."
    return "The list may be published: everything is within its limits."
