"""Pictures of the comparison, each also in words."""

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from retention.experiments.report_data import ArmSummary, HoldoutCalibration
from retention.i18n.language import Language
from retention.reporting import svg
from retention.reporting.outcomes.wording import ARMS
from retention.reporting.svg import Scale, dot, line, segment, figure, text

_WIDE: Final = 560
_ROW: Final = 46
_WORDS: Final = 150  # wide, of the words at the right of an interval


def arms_chart(both: Sequence[ArmSummary], says: Language) -> Markup:
    """How many left of each arm: a dot, and a line for its interval."""
    drawn = [one for one in both if one.churn_rate.low == one.churn_rate.low]
    if not drawn:
        return svg.NOTHING
    ends = svg.ticks(0.0, max(one.churn_rate.high for one in drawn), 5, 0.01)
    x, foot = Scale(0.0, ends[-1], 14, _WIDE - _WORDS), _ROW * len(drawn) + 10
    parts = [segment((x(at), 6), (x(at), foot), "grid") for at in ends]
    parts += [text((x(at), foot + 17), says.percent(at), "middle quiet") for at in ends]
    for at, one in enumerate(drawn):
        parts += _arm(one, x, 34 + _ROW * at, says)
    told = "; ".join(_arm_text(one, says) for one in drawn)
    return figure(_WIDE, foot + 26, "chart", says.gettext("Left, of each arm"), told, parts)


def _arm(one: ArmSummary, x: Scale, y: float, says: Language) -> list[Markup]:
    low, high = x(one.churn_rate.low), x(one.churn_rate.high)
    words = says.gettext(
        "{arm} {share}",
        arm=says.gettext(ARMS[one.name]),
        share=says.percent(one.churn_rate.value, 1),
    )
    return [
        segment((low, y), (high, y), f"range {one.name}"),
        segment((low, y - 5), (low, y + 5), f"range {one.name}"),
        segment((high, y - 5), (high, y + 5), f"range {one.name}"),
        dot((x(one.churn_rate.value), y), 6, f"dot {one.name}", _arm_text(one, says)),
        text((high + 10, y + 4), words, "start behind strong"),
    ]


def _arm_text(one: ArmSummary, says: Language) -> str:
    return says.gettext(
        "{arm}: {share} left, between {low} and {high}",
        arm=says.gettext(ARMS[one.name]),
        share=says.percent(one.churn_rate.value, 1),
        low=says.percent(one.churn_rate.low, 1),
        high=says.percent(one.churn_rate.high, 1),
    )


def calibration_chart(found: HoldoutCalibration, says: Language) -> Markup:
    """Predicted against happened by fifths, beside the line on which both are alike."""
    if not found.quintiles:
        return svg.NOTHING
    ends = svg.ticks(
        0.0, max(max(one.predicted, one.observed) for one in found.quintiles), 4, 0.05
    )
    x, y = Scale(0.0, ends[-1], 52, 330), Scale(0.0, ends[-1], 200, 12)
    parts = [svg.grid(x, y, ends, says.percent)]
    parts.append(svg.x_axis(x, 202, [(at, says.percent(at)) for at in ends]))
    parts.append(segment((x(0.0), y(0.0)), (x(ends[-1]), y(ends[-1])), "target"))
    spots = [(x(one.predicted), y(one.observed)) for one in found.quintiles]
    parts.append(line(spots, "value"))
    parts += [dot(spot, 4, "dot") for spot in spots]
    parts.append(text((191, 240), says.gettext("predicted"), "middle quiet"))
    title = says.gettext("Left, of those held out, against what was predicted")
    told = "; ".join(
        says.gettext(
            "{share} predicted, {left} left",
            share=says.percent(one.predicted),
            left=says.percent(one.observed),
        )
        for one in found.quintiles
    )
    return figure(340, 248, "chart small", title, told, parts)
