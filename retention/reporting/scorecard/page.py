"""The scorecard as one page that opens from disk: no network, no script, its charts inside.

It is read from the top: what happened in sentences, then the measures against their targets, then
why customers leave. What is for looking up is folded away; paper, which nobody can unfold, shows
all of it.
"""

from functools import partial
from pathlib import Path
from typing import Any, Final

from retention.i18n.language import ENGLISH
from retention.reporting import page, svg
from retention.reporting.scorecard import charts, time_series, wording
from retention.reporting.scorecard.table import as_csv as csv
from retention.reporting.scorecard.table import table
from retention.scorecard.report_data import UNITS, Breakdown, Content, Curve, Hazard

__all__ = ["csv", "html", "table"]

_HERE: Final = Path(__file__).parent
KEPT: Final = {True: "kept", False: "missed", None: "not known"}
TRENDS: Final = {"better": "better", "worse": "worse", "same": "no clear change"}


def html(content: Content) -> str:
    """The whole page; the same content is the same text."""
    environment = page.environment(_HERE)
    environment.filters |= _words(content.currency)
    environment.globals |= _pictures(content)
    return environment.get_template("scorecard.html.j2").render(_page(content))


def _page(content: Content) -> dict[str, Any]:
    style = page.style(_HERE / "scorecard.css")
    unusual = [measure for measure in content.measures if measure.alarm]
    told: list[Curve | Hazard] = [*content.when.curves, *content.when.hazards]
    return {
        "content": content,
        "style": style,
        "policy": page.policy(style),
        "date": ENGLISH.date(content.as_of, weekday=True),
        "units": UNITS,
        "kept_words": KEPT,
        "trend_words": TRENDS,
        "figures": _figures(content),
        "unusual": unusual,
        "usual": [m for m in content.measures if m.points and not m.alarm],
        "groups": list(dict.fromkeys(one.group for one in told)),
        "most_groups": charts.MOST_GROUPS,
        "most_causes": charts.MOST_CAUSES,
        "breakdowns": _by(content.breakdowns),
        "spread": _by(content.spread),
        "unlike": [line for one in content.spread if (line := _unlike(one))],
    }


def _figures(content: Content) -> list[tuple[str, str]]:
    """The page in a few numbers, as (number, words)."""
    judged = [measure for measure in content.measures if measure.kept is not None]
    kept = sum(measure.kept is True for measure in judged)
    worse = sum(measure.trend == "worse" for measure in content.measures)
    alarms = sum(measure.alarm is not None for measure in content.measures)
    targets = [(f"{kept} of {len(judged)}", "targets kept")] if judged else []
    rest = [
        (str(worse), "worse than before"),
        (str(alarms), "unusual now"),
        (wording.plain(content.why.lost, 0), "customers lost"),
    ]
    shown = [bool(content.measures), bool(content.measures), bool(content.why.rows)]
    return targets + [figure for figure, show in zip(rest, shown, strict=True) if show]


def _by(breakdowns: tuple[Breakdown, ...]) -> list[tuple[str, list[Breakdown], int]]:
    """(by what, its breakdowns, how many groups stand out for worse), in order."""
    found: dict[str, list[Breakdown]] = {}
    for one in breakdowns:
        found.setdefault(one.by, []).append(one)
    return [
        (by, ones, sum(row.worse for one in ones for row in one.rows)) for by, ones in found.items()
    ]


def _unlike(one: Breakdown) -> str:
    """Which groups a measure serves worse; empty where none."""
    names = ", ".join(row.name for row in one.rows if row.worse)
    return f"{one.measure}, by {one.by}: {names}" if names else ""


def _words(currency: str) -> dict[str, Any]:
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


def _end_of(curve: Curve) -> str:
    last = curve.points[-1]
    return f"{wording.number(last.share, 'share', '')} after {last.day:,} days"


def _pictures(content: Content) -> dict[str, Any]:
    """The template's charts."""
    currency = content.currency
    return {
        "spark": partial(time_series.spark, currency=currency),
        "over_time": partial(time_series.over_time, currency=currency),
        "work": time_series.work,
        "in_time": time_series.in_time,
        "survival": charts.survival,
        "hazard": charts.hazard,
        "causes": charts.causes,
        "payback": partial(charts.payback, all_of_them=content.worth, currency=currency),
        "interval_bar": charts.interval_bar,
        "key": svg.key,
        "stretch": wording.stretch,
        "months": wording.months,
    }
