"""The scorecard as one page that opens from disk: no network, no script, its charts inside.

From the top: headlines, the metrics against their targets, why customers leave. What is for looking
up is folded away on screen and printed in full.
"""

from functools import partial
from pathlib import Path
from typing import Any, Final

from retention.i18n.language import ENGLISH
from retention.reporting import page, svg
from retention.reporting.scorecard import charts, messages, time_series, wording
from retention.scorecard.report_data import (
    UNITS,
    Breakdown,
    Hazard,
    MetricReport,
    ScorecardReport,
    SurvivalCurve,
)

_HERE: Final = Path(__file__).parent
TARGET_WORDS: Final = {True: "kept", False: "missed", None: "not known"}
TREND_WORDS: Final = {"better": "better", "worse": "worse", "same": "no clear change"}


def html(report: ScorecardReport) -> str:
    """The whole page; the same report gives the same text."""
    environment = page.environment(_HERE)
    environment.filters |= _filters(report.currency)
    environment.globals |= _charts(report)
    return environment.get_template("scorecard.html.j2").render(_page(report))


def _page(report: ScorecardReport) -> dict[str, Any]:
    style = page.style(_HERE / "scorecard.css")
    unusual = [metric for metric in report.metrics if metric.alarm]
    curves_and_hazards: list[SurvivalCurve | Hazard] = [
        *report.timing.curves,
        *report.timing.hazards,
    ]
    return {
        "report": report,
        "style": style,
        "policy": page.policy(style),
        "date": ENGLISH.date(report.as_of, weekday=True),
        "units": UNITS,
        "target_words": TARGET_WORDS,
        "trend_words": TREND_WORDS,
        "figures": _figures(report),
        "unusual": unusual,
        "usual": [metric for metric in report.metrics if metric.points and not metric.alarm],
        "groups": list(dict.fromkeys(curve.group for curve in curves_and_hazards)),
        "max_groups": charts.MAX_GROUPS,
        "max_causes": charts.MAX_CAUSES,
        "touches_by": _touches_by(report),
        "causes_shown": charts.by_excess(report.drivers.causes),
        "breakdowns": _by_dimension(report.breakdowns),
        "customer_groups": _by_dimension(report.customer_groups),
        "served_worse": [
            line for breakdown in report.customer_groups if (line := _served_worse(breakdown))
        ],
    }


def _figures(report: ScorecardReport) -> list[tuple[str, str]]:
    """The page in a few numbers, as (number, words)."""
    with_target = [metric for metric in report.metrics if metric.target_met is not None]
    n_met = sum(metric.target_met is True for metric in with_target)
    worse = sum(metric.trend == "worse" for metric in report.metrics)
    alarms = sum(metric.alarm is not None and not metric.alarm_good for metric in report.metrics)
    targets = [(f"{n_met} of {len(with_target)}", "targets kept")] if with_target else []
    rest = [
        (str(worse), "worse than before"),
        (str(alarms), "unusually bad now"),
        _lost(report),
    ]
    shown = [bool(report.metrics), bool(report.metrics), report.drivers.lost > 0]
    return targets + [figure for figure, show in zip(rest, shown, strict=True) if show]


def _lost(report: ScorecardReport) -> tuple[str, str]:
    """Customers lost, with the period: that of the page, where departures are dated at once."""
    for metric in report.metrics:
        if metric.name == "customers_lost" and metric.period is not None:
            return wording.plain(
                metric.now.n, 0
            ), f"customers lost, {wording.period(metric.period)}"
    since = report.drivers.since
    words = "" if since is None else f" since {ENGLISH.date(since, short=True)}"
    return wording.plain(report.drivers.lost, 0), f"customers lost{words}"


def _touches_by(report: ScorecardReport) -> list[tuple[str, list[MetricReport]]]:
    """(topic, cause or step, its reports), in order."""
    by_dimension: dict[str, list[MetricReport]] = {}
    for part in report.touches.parts:
        by_dimension.setdefault(part.dimension, []).append(part.metric)
    return list(by_dimension.items())


def _by_dimension(breakdowns: tuple[Breakdown, ...]) -> list[tuple[str, list[Breakdown], int]]:
    """(by what, its breakdowns, how many groups stand out for worse), in order."""
    by_dimension: dict[str, list[Breakdown]] = {}
    for breakdown in breakdowns:
        by_dimension.setdefault(breakdown.dimension, []).append(breakdown)
    return [
        (dimension, group, sum(row.worse for breakdown in group for row in breakdown.groups))
        for dimension, group in by_dimension.items()
    ]


def _served_worse(breakdown: Breakdown) -> str:
    """Which groups a measure serves worse; empty where none."""
    names = ", ".join(row.name for row in breakdown.groups if row.worse)
    return f"{breakdown.metric}, by {breakdown.dimension}: {names}" if names else ""


def _filters(currency: str) -> dict[str, Any]:
    """The template's filters."""
    return {
        "number": partial(wording.number, currency=currency),
        "money": partial(wording.number, unit="money", currency=currency),
        "interval": partial(wording.interval, currency=currency),
        "plain": wording.plain,
        "signed": wording.signed,
        "period": wording.period,
        "day": partial(ENGLISH.date, short=True),
        "cut": wording.cut,
        "end_of": _end_of,
    }


def _end_of(curve: SurvivalCurve) -> str:
    last = curve.points[-1]
    return f"{wording.number(last.survival, 'share', '')} after {last.day:,} days"


def _charts(report: ScorecardReport) -> dict[str, Any]:
    """The template's charts."""
    currency = report.currency
    return {
        "spark": partial(time_series.spark, currency=currency),
        "over_time": partial(time_series.over_time, currency=currency),
        "work": time_series.work,
        "in_time": time_series.in_time,
        "survival": charts.survival,
        "hazard": charts.hazard,
        "causes": charts.causes,
        "payback": partial(charts.payback, channels=report.channel_ltv, currency=currency),
        "interval_bar": charts.interval_bar,
        "message": {
            "over_time": partial(messages.over_time, currency=currency),
            "survival": messages.survival,
            "hazard": messages.hazard,
            "causes": messages.causes,
            "payback": messages.payback,
            "work": messages.work,
            "in_time": messages.in_time,
        },
        "key": svg.legend_line,
        "stretch": wording.stretch,
        "months": wording.months,
    }
