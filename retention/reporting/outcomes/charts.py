"""Charts of the outcomes page, each with the same in words."""

from collections.abc import Sequence
from math import isnan
from typing import Final

from markupsafe import Markup

from retention.experiments.report_data import ArmSummary, HoldoutCalibration
from retention.i18n.language import Language
from retention.reporting import svg
from retention.reporting.outcomes.wording import ARMS
from retention.reporting.svg import Scale, dot, figure, line, segment, text

_WIDTH: Final = 560
_ROW_HEIGHT: Final = 46
_WORDS_WIDTH: Final = 150  # of the words at the right of an interval


def arms_chart(arms: Sequence[ArmSummary], language: Language) -> Markup:
    """The churn rate of each arm: a dot, and a line for its interval."""
    shown = [arm for arm in arms if not isnan(arm.churn_rate.low)]
    if not shown:
        return svg.NOTHING
    ticks = svg.ticks(0.0, max(arm.churn_rate.high for arm in shown), 5, 0.01)
    x, bottom = Scale(0.0, ticks[-1], 14, _WIDTH - _WORDS_WIDTH), _ROW_HEIGHT * len(shown) + 10
    parts = [segment((x(tick), 6), (x(tick), bottom), "grid") for tick in ticks]
    parts += [
        text((x(tick), bottom + 17), language.percent(tick), "middle quiet") for tick in ticks
    ]
    for i, arm in enumerate(shown):
        parts += _arm(arm, x, 34 + _ROW_HEIGHT * i, language)
    words = "; ".join(_arm_text(arm, language) for arm in shown)
    title = language.gettext("Left, of each arm")
    return figure(_WIDTH, bottom + 26, "chart", title, words, parts)


def _arm(arm: ArmSummary, x: Scale, y: float, language: Language) -> list[Markup]:
    low, high = x(arm.churn_rate.low), x(arm.churn_rate.high)
    words = language.gettext(
        "{arm} {share}",
        arm=language.gettext(ARMS[arm.name]),
        share=language.percent(arm.churn_rate.value, 1),
    )
    return [
        segment((low, y), (high, y), f"range {arm.name}"),
        segment((low, y - 5), (low, y + 5), f"range {arm.name}"),
        segment((high, y - 5), (high, y + 5), f"range {arm.name}"),
        dot((x(arm.churn_rate.value), y), 6, f"dot {arm.name}", _arm_text(arm, language)),
        text((high + 10, y + 4), words, "start behind strong"),
    ]


def _arm_text(arm: ArmSummary, language: Language) -> str:
    return language.gettext(
        "{arm}: {share} left, between {low} and {high}",
        arm=language.gettext(ARMS[arm.name]),
        share=language.percent(arm.churn_rate.value, 1),
        low=language.percent(arm.churn_rate.low, 1),
        high=language.percent(arm.churn_rate.high, 1),
    )


def calibration_chart(calibration: HoldoutCalibration, language: Language) -> Markup:
    """Predicted against observed churn by quintile, beside the line on which both are alike."""
    quintiles = calibration.quintiles
    if not quintiles:
        return svg.NOTHING
    largest = max(max(quintile.predicted, quintile.observed) for quintile in quintiles)
    ticks = svg.ticks(0.0, largest, 4, 0.05)
    x, y = Scale(0.0, ticks[-1], 52, 330), Scale(0.0, ticks[-1], 200, 12)
    parts = [svg.grid(x, y, ticks, language.percent)]
    parts.append(svg.x_axis(x, 202, [(tick, language.percent(tick)) for tick in ticks]))
    parts.append(segment((x(0.0), y(0.0)), (x(ticks[-1]), y(ticks[-1])), "target"))
    points = [(x(quintile.predicted), y(quintile.observed)) for quintile in quintiles]
    parts.append(line(points, "value"))
    parts += [dot(point, 4, "dot") for point in points]
    parts.append(text((191, 240), language.gettext("predicted"), "middle quiet"))
    title = language.gettext("Left, of those held out, against what was predicted")
    words = "; ".join(
        language.gettext(
            "{share} predicted, {left} left",
            share=language.percent(quintile.predicted),
            left=language.percent(quintile.observed),
        )
        for quintile in quintiles
    )
    return figure(340, 248, "chart small", title, words, parts)
