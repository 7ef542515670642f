"""Charts of the monitoring page, each with a description in words."""

from collections.abc import Sequence
from typing import Final

from markupsafe import Markup

from retention.i18n.language import ENGLISH
from retention.ledgers.runs import Run
from retention.monitoring.report_data import Bins, GuardReport
from retention.monitoring.volume import reject_share
from retention.reporting import svg
from retention.reporting.svg import Format, Scale, bar, dot, figure, line, segment, text
from retention.training.profile import Drift

_WIDE, _TALL = 560, 180
_ROW_HEIGHT: Final = 24
_NAME_WIDTH: Final = 210  # of the names to the left of bars
MAX_BARS: Final = 12
MAX_RUNS: Final = 52
_MAX_DRIFT: Final = 1.0  # drift beyond which a bar is cut


def distribution(bins: Bins, small: bool = False) -> Markup:
    """Shares by bins: a bar now, a dash then."""
    wide, tall = (270, 110) if small else (_WIDE, _TALL)
    shares = [*bins.then, *bins.now]
    heights = svg.ticks(0.0, max(shares), 3, 0.1)
    y = Scale(0.0, heights[-1], tall, 10)
    x = Scale(0.0, len(bins.now), 40, wide - 8)
    parts = [svg.grid(x, y, heights, ENGLISH.percent)]
    for i, (then, now) in enumerate(zip(bins.then, bins.now, strict=True)):
        parts.append(bar((x(i + 0.15), y(now)), (x(i + 0.85), y(0.0)), "now"))
        parts.append(segment((x(i + 0.05), y(then)), (x(i + 0.95), y(then)), "then"))
    parts += _x_labels(bins, x, tall, small)
    description = "; ".join(
        f"{name}: {ENGLISH.percent(then)} then, {ENGLISH.percent(now)} now"
        for name, then, now in zip(labels(bins), bins.then, bins.now, strict=True)
    )
    return figure(
        wide, tall + 24, "chart small" if small else "chart", bins.name, description, parts
    )


def labels(bins: Bins) -> list[str]:
    """What each bin holds: up to its upper end, above the last, none."""
    ends = [number(edge, bins) for edge in bins.edges]
    return [*(f"to {end}" for end in ends), f"above {ends[-1]}" if ends else "any", "none"]


def number(value: float, bins: Bins) -> str:
    """A probability in percent, any other number with four digits."""
    if bins.name == "churn_probability":
        return ENGLISH.percent(value, 0 if value >= 0.1 else 1)
    return f"{value:.4g}"


def _x_labels(bins: Bins, x: Scale, tall: int, small: bool) -> list[Markup]:
    """The upper ends of the bins; a small chart has only the first and the last."""
    y = tall + 17
    ends = [(x(i + 1.0), number(edge, bins)) for i, edge in enumerate(bins.edges)]
    labels = [text((x_end, y), words, "middle quiet") for x_end, words in ends]
    if small:
        last = [text((x_end, y), words, "end quiet") for x_end, words in ends[1:][-1:]]
        labels = [*labels[:1], *last]
    return [*labels, text((x(len(bins.now)), y), "none", "end quiet")]


def most_drifted(drifts: Sequence[Drift], limits: dict[str, float | None]) -> Markup:
    """The features that moved furthest, and the limit of each."""
    shown = [drift for drift in drifts if drift.figure > 0][:MAX_BARS]
    if not shown:
        return svg.NOTHING
    x = Scale(0.0, _MAX_DRIFT, _NAME_WIDTH, _WIDE - 60)
    parts: list[Markup] = []
    for i, drift in enumerate(shown):
        parts += _drift_bar(drift, limits[drift.measure], x, 8 + _ROW_HEIGHT * i)
    description = "; ".join(f"{drift.name} {_drift_text(drift)}" for drift in shown)
    return figure(
        _WIDE, 12 + _ROW_HEIGHT * len(shown), "chart", "Most moved features", description, parts
    )


def _drift_bar(drift: Drift, limit: float | None, x: Scale, y: float) -> list[Markup]:
    over = drift.over(limit)
    end = x(min(drift.figure, _MAX_DRIFT))
    name = drift.name if len(drift.name) <= 28 else f"{drift.name[:27]}…"
    targets = [] if limit is None or limit > _MAX_DRIFT else [x(limit)]
    return [
        text((_NAME_WIDTH - 8, y + 13), name, "end"),
        bar((x(0.0), y), (end, y + 16), "now over" if over else "now"),
        *(segment((x_limit, y - 4), (x_limit, y + 20), "target") for x_limit in targets),
        text((end + 6, y + 13), _drift_text(drift), "start quiet behind"),
    ]


def _drift_text(drift: Drift) -> str:
    return f"{drift.figure:.2f}" + (" JS" if drift.measure == "distance" else "")


def run_history(report: GuardReport) -> list[tuple[str, str, Markup, str]]:
    """Each figure of the runs: its name, its value now, its line, and its range."""
    runs = [*report.earlier, report.run][-MAX_RUNS:]
    rows = [
        (f"rows of {name}", [run["sources"].get(name, {}).get("read") for run in runs], _count)
        for name in report.run["sources"]
    ]
    series: list[tuple[str, list[float | None], Format]] = [
        *rows,
        ("rejected", [_worst_reject_share(run) for run in runs], _percent),
        ("active customers", [run["watched"] for run in runs], _count),
        ("mean chance of leaving", [run["mean_risk"] for run in runs], _percent),
        ("PSI of the chances", [run.get("score_psi") for run in runs], _psi),
        ("features drifted", [run.get("drifted") for run in runs], _count),
        ("listed", [run.get("listed") for run in runs], _count),
    ]
    return [
        _history_row(name, values, format_value)
        for name, values, format_value in series
        if any(value is not None for value in values)
    ]


def _worst_reject_share(run: Run) -> float | None:
    """The share of rejects of the source that has most."""
    return max((reject_share(source) for source in run["sources"].values()), default=None)


def _history_row(
    name: str, values: Sequence[float | None], format_value: Format
) -> tuple[str, str, Markup, str]:
    measured = [value for value in values if value is not None]
    low, high = min(measured), max(measured)
    now = "" if values[-1] is None else format_value(values[-1])
    ends = format_value(low) if low == high else f"{format_value(low)} to {format_value(high)}"
    return name, now, sparkline(values), ends


def sparkline(values: Sequence[float | None]) -> Markup:
    """A line without axes; a gap where nothing was measured, a dot at the last value."""
    measured = [value for value in values if value is not None]
    low, high = min(measured), max(measured)
    x = Scale(0.0, max(1, len(values) - 1), 4, 176)
    y = Scale(low, high, 26, 6) if low < high else Scale(low - 1, low + 1, 26, 6)
    points = [None if value is None else (x(i), y(value)) for i, value in enumerate(values)]
    last = next(point for point in reversed(points) if point is not None)
    return svg.decoration(180, 32, "spark", [line(points, "value"), dot(last, 3, "dot")])


def _percent(value: float) -> str:
    return ENGLISH.percent(value, 1 if value >= 0.001 or not value else 3)


def _count(value: float) -> str:
    return ENGLISH.number(value)


def _psi(value: float) -> str:
    return ENGLISH.number(value, 2)


WORDS: Final = {
    "ok": "within its limits",
    "warned": "a warning",
    "set_aside": "set aside",
    "refused": "refuses",
}
