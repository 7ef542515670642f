"""The outcomes page: HTML that opens from disk, without network or script.

It is read from the top: the conclusion in a sentence, both arms and the money, the subgroups, and
then what the conclusion rests on.
"""

from functools import partial
from math import isnan
from pathlib import Path
from typing import Any, Final

from retention.experiments.incremental import Estimate
from retention.experiments.report_data import OutcomesReport, SubgroupResult
from retention.reporting import page
from retention.reporting.outcomes import charts, wording
from retention.serving.themes import theme_name

_HERE: Final = Path(__file__).parent
MAX_BATCHES: Final = 12
MAX_LISTS: Final = 12

Figure = tuple[str, str, str]
"""number, interval, words"""


def html(report: OutcomesReport) -> str:
    """The whole page; the same report gives the same text."""
    language = report.language
    environment = page.environment(_HERE, language)
    environment.filters |= {
        "cut": page.cut,
        "money": partial(_money, report),
        "percent": language.percent,
        "day": partial(language.date, short=True),
        "months": partial(wording.format_months, language=language),
        "subgroup_name": partial(wording.subgroup_name, plays=report.plays, language=language),
        "theme_name": partial(theme_name, language=language),
        "share": partial(_share_text, report),
    }
    environment.globals |= {
        "arms_chart": partial(charts.arms_chart, language=language),
        "calibration_chart": partial(charts.calibration_chart, language=language),
        "format_interval": partial(wording.format_interval, language=language),
        "per_hundred": partial(wording.per_hundred, language=language),
        "percent": partial(language.percent, digits=1),
    }
    return environment.get_template("outcomes.html.j2").render(_context(report))


def _context(report: OutcomesReport) -> dict[str, Any]:
    style = page.style(_HERE / "outcomes.css")
    pending = [batch for batch in report.batches if not batch.is_known]
    past = [past_list for past_list in report.past_lists if past_list.n_known]
    return {
        "report": report,
        "language": report.language,
        "style": style,
        "policy": page.policy(style),
        "headline": wording.headline(report),
        "supporting_sentences": list(wording.supporting_sentences(report)),
        "figures": _figures(report),
        "proposal": wording.proposal(report),
        "without_place": wording.without_place(report),
        "arm_words": wording.ARMS,
        "covariate_words": wording.COVARIATES,
        "subgroup_tables": _subgroup_tables(report),
        "past_lists": past[:MAX_LISTS],
        "more_past": max(0, len(past) - MAX_LISTS),
        "verdict_words": wording.CALIBRATION_VERDICTS,
        "pending": pending[::-1][:MAX_BATCHES],
        "more_pending": max(0, len(pending) - MAX_BATCHES),
    }


def _subgroup_tables(report: OutcomesReport) -> list[tuple[str, list[SubgroupResult]]]:
    """Title and rows of each column that has subgroups."""
    tables = [
        (title, [subgroup for subgroup in report.subgroups if subgroup.column == column])
        for column, title in wording.SUBGROUP_TITLES.items()
    ]
    return [(title, rows) for title, rows in tables if rows]


def _money(report: OutcomesReport, amount: float) -> str:
    """Whole units: pennies of an estimate only distract."""
    return report.language.money(amount, report.currency, 0)


def _share_text(report: OutcomesReport, n: int, total: int) -> str:
    """'34 of 40 (85%)'."""
    language = report.language
    if not total:
        return language.number(n)
    return language.gettext(
        "{many} of {all} ({share})", many=n, all=total, share=language.percent(n / total)
    )


def _figures(report: OutcomesReport) -> list[Figure]:
    """The result in a few numbers."""
    if report.result is None or not report.result.is_conclusive:
        return []
    incremental, language = report.result.incremental, report.language
    money = partial(_money, report)
    figures = [
        _figure(
            report, incremental.customers, language.number, language.gettext("customers saved")
        ),
        (money(incremental.cost), "", language.gettext("cost of contacts")),
    ]
    if isnan(incremental.value.value):  # no customer brings money
        return figures
    kept_value = _figure(report, incremental.value, money, language.gettext("value kept"))
    figures.insert(1, kept_value)
    figures.append(_figure(report, incremental.net, money, language.gettext("net")))
    if incremental.cost:
        words = language.gettext("net for each 1 spent")
        figures.append(_figure(report, incremental.roi, partial(language.number, digits=1), words))
    return figures


def _figure(report: OutcomesReport, estimate: Estimate, write: wording.Write, words: str) -> Figure:
    interval = wording.format_interval(estimate, write, report.language)
    return write(estimate.value), interval, words
