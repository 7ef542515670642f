"""What is expected to be lost: HTML that opens from disk, without network or script."""

import datetime as dt
from functools import partial
from pathlib import Path
from typing import Final

from retention.core.documents.scoring import Forecast, ForecastFigures
from retention.core.params import ChurnLabel
from retention.i18n.language import Language, gettext_noop
from retention.reporting import page
from retention.scorecard.forecast import ALL, OTHER, UNKNOWN
from retention.training import slices

_HERE: Final = Path(__file__).parent
STYLES: Final = (_HERE.parent / "outcomes" / "outcomes.css",)
"""The style of pages with figures."""
SEGMENTS: Final = {
    "region": gettext_noop("Region"),
    "preferred_channel": gettext_noop("Preferred channel"),
    "acquisition_channel": gettext_noop("Acquisition channel"),
    slices.VALUE: gettext_noop("Expected value"),
}
GROUPS: Final = {
    OTHER: gettext_noop("other"),
    UNKNOWN: gettext_noop("unknown"),
    "low": gettext_noop("lowest third"),
    "middle": gettext_noop("middle third"),
    "high": gettext_noop("highest third"),
}


def html(
    report: Forecast, company: str, currency: str, churn: ChurnLabel, language: Language
) -> str:
    """The whole page; the same report gives the same text."""
    style = page.style(*STYLES)
    environment = page.environment(_HERE, language)
    environment.filters |= {"cut": page.cut, "percent": language.percent}
    environment.globals |= {
        "count_range": partial(_count_range, language),
        "money_range": partial(_money_range, language, currency),
        "money": lambda amount: language.money(amount, currency, 0),
    }
    shown = [figure for figure in report.figures if figure.lost is not None]
    attributes = list(dict.fromkeys(figure.by for figure in shown if figure.by != ALL))
    return environment.get_template("forecast.html.j2").render(
        report=report,
        company=company,
        language=language,
        style=style,
        policy=page.policy(style),
        headline=headline(report, language),
        lost=_lost(churn, language),
        whole=[figure for figure in shown if figure.by == ALL],
        until={figure.days: _until(report, figure, language) for figure in shown},
        segments={SEGMENTS[name]: _by_group(shown, name, language) for name in attributes},
    )


def headline(report: Forecast, language: Language) -> str:
    """The page in one sentence: of three months, or of the first horizon there is."""
    whole = [figure for figure in report.figures if figure.by == ALL and figure.lost is not None]
    if not whole:
        return language.gettext("There is no forecast: the champion has no curve of leaving.")
    in_headline = next((figure for figure in whole if figure.days >= 90), whole[-1])
    return language.gettext(
        "Expected to be lost by {until}: {lost} of {customers} active customers.",
        customers=language.number(in_headline.customers),
        lost=language.number(in_headline.lost or 0.0),
        until=_until(report, in_headline, language),
    )


def _lost(churn: ChurnLabel, language: Language) -> str:
    """Who counts as lost by a day."""
    if churn.rule == "cancel":
        return language.gettext("Customers whose last running contract has ended by then.")
    return language.gettext(
        "Customers with a silence of {days} days that is complete by then. Whoever comes back"
        " afterwards is counted as lost too.",
        days=churn.horizon_days,
    )


def _until(report: Forecast, figure: ForecastFigures, language: Language) -> str:
    return language.date(report.opens_on + dt.timedelta(days=figure.days), short=True)


def _by_group(
    shown: list[ForecastFigures], name: str, language: Language
) -> dict[str, list[ForecastFigures]]:
    """The figures of each group, by horizon."""
    rows: dict[str, list[ForecastFigures]] = {}
    for figure in shown:
        if figure.by == name:
            words = GROUPS.get(figure.group) if name == slices.VALUE else _reserved(figure.group)
            rows.setdefault(language.gettext(words) if words else figure.group, []).append(figure)
    return rows


def _reserved(group: str) -> str | None:
    return GROUPS[group] if group in (OTHER, UNKNOWN) else None


def _count_range(language: Language, figure: ForecastFigures) -> str:
    if figure.low is None or figure.high is None:
        return ""
    low, high = language.number(figure.low), language.number(figure.high)
    return language.gettext("{low} to {high}", low=low, high=high)


def _money_range(language: Language, currency: str, figure: ForecastFigures) -> str:
    if figure.money_low is None or figure.money_high is None:
        return ""
    low, high = (language.money(end, currency, 0) for end in (figure.money_low, figure.money_high))
    return language.gettext("{low} to {high}", low=low, high=high)
