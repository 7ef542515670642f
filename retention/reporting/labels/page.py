"""The page on label windows: HTML that opens from disk, without network or script."""

from functools import partial
from math import isnan
from pathlib import Path
from typing import Any, Final

from markupsafe import Markup

from retention.i18n.language import Language
from retention.label_trials import wording
from retention.label_trials.figures import Estimate95
from retention.label_trials.report_data import LabelsReport, is_known
from retention.label_trials.trials import MAX_BACK, Trial
from retention.reporting import page, svg
from retention.reporting.svg import Scale, dot, figure, segment, text

_HERE: Final = Path(__file__).parent
_CSS: Final = (_HERE.parent / "outcomes" / "outcomes.css", _HERE / "labels.css")
_MONTH: Final = 365 / 12
_WIDTH: Final = 560
_ROW: Final = 30


def html(report: LabelsReport) -> str:
    """The whole page; the same report gives the same text."""
    language = report.language
    environment = page.environment(_HERE, language)
    environment.filters |= {
        "cut": page.cut,
        "share": partial(_percent, language=language),
        "ends": partial(_ends, language=language),
        "months": partial(_months, language=language),
    }
    return environment.get_template("labels.html.j2").render(_context(report))


def _context(report: LabelsReport) -> dict[str, Any]:
    style, best = page.style(*_CSS), report.recommendation
    of_horizon = [trial for w in report.of_horizon if (trial := report.trial(w)) is not None]
    same_horizon = [
        trial
        for trial in report.trials
        if trial.outcomes.windows.horizon_days == best.windows.horizon_days
    ]
    return {
        "report": report,
        "setting": report.setting,
        "language": report.language,
        "style": style,
        "policy": page.policy(style),
        "verdict": wording.verdict(best, report.setting, report.language),
        "reason": wording.reason(best, report.setting, report.language),
        "remarks": list(wording.remarks(best, report.setting, report.language)),
        "recommended": best.windows,
        "of_horizon": of_horizon,
        "same_horizon": [] if report.setting.is_cancel else same_horizon,
        "chart": chart(report, of_horizon),
        "is_known": is_known,
        "mark": MAX_BACK,
    }


def _percent(value: float | None, language: Language) -> str:
    return "" if value is None or isnan(value) else language.percent(value)


def _ends(estimate: Estimate95, times: int = 0, *, language: Language) -> str:
    """The likely range as shares, or as numbers of so many; '' where there is none."""
    if isnan(estimate.value):
        return ""
    low, high = (
        language.number(times * end) if times else language.percent(end)
        for end in (estimate.low, estimate.high)
    )
    return language.gettext("{low} to {high}", low=low, high=high)


def _months(days: int | None, language: Language) -> str:
    if days is None:
        return language.gettext("never, with these snapshots")
    n = max(1, -(-days // _MONTH))
    return language.ngettext("{n} month", "{n} months", int(n))


def chart(report: LabelsReport, of_horizon: list[Trial]) -> Markup:
    """The share that came back by horizon: a dot and its range, beside the mark."""
    language = report.language
    shown = [trial for trial in of_horizon if trial.outcomes.back_rate.n]
    if not shown:
        return svg.NOTHING
    ticks = svg.ticks(0.0, max(MAX_BACK, *(t.outcomes.back_rate.high for t in shown)), 5, 0.05)
    x, bottom = Scale(0.0, ticks[-1], 110, _WIDTH - 30), _ROW * len(shown) + 8
    parts = [segment((x(tick), 6), (x(tick), bottom), "grid") for tick in ticks]
    parts += [
        text((x(tick), bottom + 17), language.percent(tick), "middle quiet") for tick in ticks
    ]
    parts.append(segment((x(MAX_BACK), 2), (x(MAX_BACK), bottom), "target"))
    words = []
    for n, trial in enumerate(shown):
        y, rate = 22 + _ROW * n, trial.outcomes.back_rate
        days = language.ngettext("{n} day", "{n} days", trial.outcomes.windows.horizon_days)
        words.append(
            language.gettext(
                "{days}: {share} came back", days=days, share=_percent(rate.value, language)
            )
        )
        parts += [
            text((102, y + 4), days, "end"),
            segment((x(rate.low), y), (x(rate.high), y), "range"),
            dot((x(rate.value), y), 5, "dot", words[-1]),
        ]
    title = language.gettext("Came back after being counted as lost, by horizon")
    return figure(_WIDTH, bottom + 26, "chart", title, "; ".join(words), parts)
