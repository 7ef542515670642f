"""Pictures of the monitoring page, each also in words."""

from collections.abc import Sequence
from typing import Any, Final

from markupsafe import Markup

from retention.i18n.language import ENGLISH
from retention.ledgers.runs import Run
from retention.monitoring.finding import Finding
from retention.monitoring.report_data import Bins, Content
from retention.monitoring.volume import share_rejected
from retention.reporting import svg as drawing
from retention.reporting.svg import Scale, bar, dot, line, rule, svg, text
from retention.training.profile import Drift

_WIDE, _TALL = 560, 180
_ROW: Final = 24
_NAMES: Final = 210  # wide, of the names at the left of bars
MOST_BARS: Final = 12
MOST_RUNS: Final = 52
_FAR: Final = 1.0  # drift beyond which a bar is cut


def distribution(found: Bins, small: bool = False) -> Markup:
    """Shares by bins: a bar now, a dash then."""
    wide, tall = (270, 110) if small else (_WIDE, _TALL)
    shares = [*found.then, *found.now]
    heights = drawing.ticks(0.0, max(shares), 3, 0.1)
    y = Scale(0.0, heights[-1], tall, 10)
    x = Scale(0.0, len(found.now), 40, wide - 8)
    parts = [drawing.grid(x, y, heights, ENGLISH.percent)]
    for at, (then, now) in enumerate(zip(found.then, found.now, strict=True)):
        parts.append(bar((x(at + 0.15), y(now)), (x(at + 0.85), y(0.0)), "now"))
        parts.append(rule((x(at + 0.05), y(then)), (x(at + 0.95), y(then)), "then"))
    parts += _feet(found, x, tall, small)
    told = "; ".join(
        f"{name}: {ENGLISH.percent(then)} then, {ENGLISH.percent(now)} now"
        for name, then, now in zip(labels(found), found.then, found.now, strict=True)
    )
    return svg(wide, tall + 24, "chart small" if small else "chart", found.name, told, parts)


def labels(found: Bins) -> list[str]:
    """What each bin holds: up to its upper end, above the last, none."""
    ends = [number(edge, found) for edge in found.edges]
    return [*(f"to {end}" for end in ends), f"above {ends[-1]}" if ends else "any", "none"]


def number(value: float, found: Bins) -> str:
    """A chance in percent, any other number as short as it can be told."""
    if found.name == "churn_probability":
        return ENGLISH.percent(value, 0 if value >= 0.1 else 1)
    return f"{value:.4g}"


def _feet(found: Bins, x: Scale, tall: int, small: bool) -> list[Markup]:
    """Under a small picture stand only the ends."""
    ends = [(at + 1.0, number(edge, found)) for at, edge in enumerate(found.edges)]
    named = [text((x(at), tall + 17), words, "middle quiet") for at, words in ends]
    if small:
        named = [
            *named[:1],
            *(text((x(at), tall + 17), words, "end quiet") for at, words in ends[1:][-1:]),
        ]
    return [*named, text((x(len(found.now)), tall + 17), "none", "end quiet")]


def most_drifted(found: Sequence[Drift], limits: dict[str, float | None]) -> Markup:
    """The features that moved furthest, and the limit of each."""
    shown = [one for one in found if one.figure > 0][:MOST_BARS]
    if not shown:
        return drawing.NOTHING
    x = Scale(0.0, _FAR, _NAMES, _WIDE - 60)
    parts: list[Markup] = []
    for at, one in enumerate(shown):
        parts += _bar(one, limits[one.measure], x, 8 + _ROW * at)
    told = "; ".join(f"{one.name} {_told(one)}" for one in shown)
    return svg(_WIDE, 12 + _ROW * len(shown), "chart", "Most moved features", told, parts)


def _bar(one: Drift, limit: float | None, x: Scale, y: float) -> list[Markup]:
    over = one.over(limit)
    end = x(min(one.figure, _FAR))
    name = one.name if len(one.name) <= 28 else f"{one.name[:27]}…"
    aim = [] if limit is None or limit > _FAR else [x(limit)]
    return [
        text((_NAMES - 8, y + 13), name, "end"),
        bar((x(0.0), y), (end, y + 16), "now over" if over else "now"),
        *(rule((at, y - 4), (at, y + 20), "target") for at in aim),
        text((end + 6, y + 13), _told(one), "start quiet behind"),
    ]


def _told(one: Drift) -> str:
    return f"{one.figure:.2f}" + (" JS" if one.measure == "distance" else "")


def courses(told: Content) -> list[tuple[str, str, Markup, str]]:
    """Each figure of the runs: its name, now, its line, and its range."""
    every = [*told.earlier, told.run][-MOST_RUNS:]
    drawn = [
        *((f"rows of {name}", *_course(every, "sources", name)) for name in told.run["sources"]),
        ("rejected", [_rejected(run) for run in every], _share),
        ("watched", [run["watched"] for run in every], _many),
        ("mean chance of leaving", [run["mean_risk"] for run in every], _share),
        ("PSI of the chances", [run.get("score_psi") for run in every], _psi),
        ("features drifted", [run.get("drifted") for run in every], _many),
        ("listed", [run.get("listed") for run in every], _many),
    ]
    return [_row(name, values, say) for name, values, say in drawn if any_known(values)]


def any_known(values: Sequence[float | None]) -> bool:
    return any(one is not None for one in values)


def _course(every: Sequence[Run], *keys: str) -> tuple[list[float | None], Any]:
    where, name = keys
    return [run[where].get(name, {}).get("read") for run in every], _many


def _rejected(run: Run) -> float | None:
    """The worst source's share."""
    return max((share_rejected(one) for one in run["sources"].values()), default=None)


def _row(name: str, values: Sequence[float | None], say: Any) -> tuple[str, str, Markup, str]:
    known = [one for one in values if one is not None]
    low, high = min(known), max(known)
    now = "" if values[-1] is None else say(values[-1])
    reach = say(low) if low == high else f"{say(low)} to {say(high)}"
    return name, now, spark(values), reach


def spark(values: Sequence[float | None]) -> Markup:
    """A line without axes; a gap where nothing was measured, a dot on the last."""
    known = [one for one in values if one is not None]
    low, high = min(known), max(known)
    x = Scale(0.0, max(1, len(values) - 1), 4, 176)
    y = Scale(low, high, 26, 6) if low < high else Scale(low - 1, low + 1, 26, 6)
    spots = [None if one is None else (x(at), y(one)) for at, one in enumerate(values)]
    last = next(spot for spot in reversed(spots) if spot is not None)
    return drawing.decoration(180, 32, "spark", [line(spots, "value"), dot(last, 3, "dot")])


def _share(value: float) -> str:
    return ENGLISH.percent(value, 1 if value >= 0.001 or not value else 3)


def _many(value: float) -> str:
    return ENGLISH.number(value)


def _psi(value: float) -> str:
    return ENGLISH.number(value, 2)


def levels(found: Sequence[Finding]) -> dict[str, int]:
    """How many findings of each level."""
    return {level: sum(one.level == level for one in found) for level in WORDS}


WORDS: Final = {
    "ok": "within its limits",
    "warned": "a warning",
    "set_aside": "set aside",
    "refused": "refuses",
}
