"""Pictures of the comparison, each also in words."""

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from retention.experiments.report_data import Arm, Calibration
from retention.i18n.language import Language
from retention.reporting import svg as drawing
from retention.reporting.outcomes.wording import ARMS
from retention.reporting.svg import Scale, dot, line, rule, svg, text

_WIDE: Final = 560
_ROW: Final = 46
_WORDS: Final = 150  # wide, of the words at the right of an interval


def arms(both: Sequence[Arm], says: Language) -> Markup:
    """How many left of each arm: a dot, and a line for its interval."""
    drawn = [one for one in both if one.leaving.low == one.leaving.low]
    if not drawn:
        return drawing.NOTHING
    ends = drawing.ticks(0.0, max(one.leaving.high for one in drawn), 5, 0.01)
    x, foot = Scale(0.0, ends[-1], 14, _WIDE - _WORDS), _ROW * len(drawn) + 10
    parts = [rule((x(at), 6), (x(at), foot), "grid") for at in ends]
    parts += [text((x(at), foot + 17), says.percent(at), "middle quiet") for at in ends]
    for at, one in enumerate(drawn):
        parts += _arm(one, x, 34 + _ROW * at, says)
    told = "; ".join(_told(one, says) for one in drawn)
    return svg(_WIDE, foot + 26, "chart", says.gettext("Left, of each arm"), told, parts)


def _arm(one: Arm, x: Scale, y: float, says: Language) -> list[Markup]:
    low, high = x(one.leaving.low), x(one.leaving.high)
    words = says.gettext(
        "{arm} {share}",
        arm=says.gettext(ARMS[one.name]),
        share=says.percent(one.leaving.value, 1),
    )
    return [
        rule((low, y), (high, y), f"range {one.name}"),
        rule((low, y - 5), (low, y + 5), f"range {one.name}"),
        rule((high, y - 5), (high, y + 5), f"range {one.name}"),
        dot((x(one.leaving.value), y), 6, f"dot {one.name}", _told(one, says)),
        text((high + 10, y + 4), words, "start behind strong"),
    ]


def _told(one: Arm, says: Language) -> str:
    return says.gettext(
        "{arm}: {share} left, between {low} and {high}",
        arm=says.gettext(ARMS[one.name]),
        share=says.percent(one.leaving.value, 1),
        low=says.percent(one.leaving.low, 1),
        high=says.percent(one.leaving.high, 1),
    )


def calibration(found: Calibration, says: Language) -> Markup:
    """Predicted against happened by fifths, beside the line on which both are alike."""
    if not found.fifths:
        return drawing.NOTHING
    ends = drawing.ticks(
        0.0, max(max(one.predicted, one.happened) for one in found.fifths), 4, 0.05
    )
    x, y = Scale(0.0, ends[-1], 52, 330), Scale(0.0, ends[-1], 200, 12)
    parts = [drawing.grid(x, y, ends, says.percent)]
    parts.append(drawing.feet(x, 202, [(at, says.percent(at)) for at in ends]))
    parts.append(rule((x(0.0), y(0.0)), (x(ends[-1]), y(ends[-1])), "target"))
    spots = [(x(one.predicted), y(one.happened)) for one in found.fifths]
    parts.append(line(spots, "value"))
    parts += [dot(spot, 4, "dot") for spot in spots]
    parts.append(text((191, 240), says.gettext("predicted"), "middle quiet"))
    title = says.gettext("Left, of those held out, against what was predicted")
    told = "; ".join(
        says.gettext(
            "{share} predicted, {left} left",
            share=says.percent(one.predicted),
            left=says.percent(one.happened),
        )
        for one in found.fifths
    )
    return svg(340, 248, "chart small", title, told, parts)
