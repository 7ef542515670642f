"""The monitoring page: may this run's list be published, and how the runs go. For operators.

It opens from disk, without network and script, and is read from the top: the verdict, what is
not well, every guard, then the pictures.
"""

from functools import partial
from pathlib import Path
from typing import Final

from retention.i18n.language import ENGLISH
from retention.monitoring.finding import REFUSED, SET_ASIDE, WARNED
from retention.monitoring.report_data import Content
from retention.reporting import page
from retention.reporting.guard import charts

_HERE: Final = Path(__file__).parent
STYLES: Final = (_HERE.parent / "outcomes" / "outcomes.css", _HERE / "guard.css")
"""That of pages with figures, and what only this one has."""


def html(told: Content) -> str:
    """The whole page; the same content is the same text."""
    style = page.style(*STYLES)
    environment = page.environment(_HERE)
    environment.filters |= {"cut": page.cut}
    environment.globals |= {"distribution": charts.distribution}
    return environment.get_template("guard.html.j2").render(
        told=told,
        says=ENGLISH,
        style=style,
        policy=page.policy(style),
        headline=headline(told),
        words=charts.WORDS,
        drifted=charts.most_drifted(told.course.features, told.limits),
        small=partial(charts.distribution, small=True),
        courses=charts.courses(told),
    )


def headline(told: Content) -> str:
    """The page in one sentence."""
    many = {level: charts.levels(told.findings)[level] for level in (REFUSED, SET_ASIDE, WARNED)}
    if many[REFUSED]:
        names = dict.fromkeys(one.guard for one in told.findings if one.level == REFUSED)
        return f"Nothing is published: refused by {ENGLISH.listed(list(names))}."
    parts = [f"{many[SET_ASIDE]} set aside"] if many[SET_ASIDE] else []
    if many[WARNED]:
        parts.append(f"{many[WARNED]} warning{'s' * (many[WARNED] > 1)}")
    if parts:
        return f"The list may be published, with {ENGLISH.listed(parts)}."
    return "The list may be published: everything is within its limits."
