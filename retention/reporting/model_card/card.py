"""The model card: intended use, selection, metrics and limits of the selected models.

After Mitchell et al. (2019), "Model Cards for Model Reporting", short and in plain words.
"""

import datetime as dt
import math
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from models.components.interval import ValueInterval
from retention.i18n.language import ENGLISH, minor_digits
from retention.training.metric_intervals import MetricInterval, MetricIntervals

RECIPE: Final = "recipe"
NONE: Final = "\N{EN DASH}"  # where there is no number

_TIGHT: Final = "\N{NO-BREAK SPACE}"
_WHOLE_UNITS_FROM: Final = 100.0  # an amount from which pennies only distract
MetricIntervalsByModel = dict[str, MetricIntervals]
NumberFormat = Callable[[float], str]


# Formats


def _minus(text: str) -> str:
    """With a true minus sign, and none before a zero."""
    text = text.removeprefix("-") if not text.strip("-+0.,") else text
    return text.replace("-", "\u2212")


def _decimals(number: float) -> str:
    return _minus(f"{number:.3f}")


def _times(number: float) -> str:
    return _minus(f"{number:.2f}")


def _percent(number: float) -> str:
    return _minus(f"{100 * number:.1f}") + f"{_TIGHT}%"


def _signed(number: float) -> str:
    text = _decimals(number)
    return f"+{text}" if number > 0 and text.strip("0.") else text


def _amount(currency: str) -> NumberFormat:
    """Money, without its minor unit from 100 on."""

    def style(number: float) -> str:
        digits = 0 if abs(number) >= _WHOLE_UNITS_FROM else minor_digits(currency)
        return ENGLISH.money(number, currency, digits)

    return style


def _format(number: float | None, style: NumberFormat) -> str:
    return NONE if number is None or not math.isfinite(number) else style(number)


def _format_interval(figure: MetricInterval | None, style: NumberFormat) -> str:
    """0.842 (0.821 to 0.863), or the number alone; a line may break before the bracket only."""
    texts = {name: _format(number, style) for name, number in (figure or {}).items()}
    value, low, high = (texts.get(name, NONE) for name in ("value", "low", "high"))
    interval = "" if NONE in (value, low, high) else f" ({low}{_TIGHT}to{_TIGHT}{high})"
    return value + interval


def _count(number: float | None) -> str:
    return _format(number, lambda count: f"{round(count):,}")


def _text(words: object) -> str:
    """Text escaped for a Markdown table and for HTML, on one line."""
    one_line = " ".join(str(words).split())
    return one_line.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")


def _day(date: str) -> str:
    return ENGLISH.date(dt.date.fromisoformat(date))


# The card's parts


def _model_order(selection_report: dict[str, Any], names: Iterable[str]) -> list[str]:
    """RECIPE first, then the models by out-of-fold loss, then by name."""
    losses = selection_report["losses"]
    return sorted(names, key=lambda name: (name != RECIPE, losses.get(name, math.inf), name))


def _titles(selection_report: dict[str, Any], recipe: str) -> Callable[[str], str]:
    return lambda name: (
        recipe if name == RECIPE else _text(selection_report["titles"].get(name, name))
    )


def _churn_titles(selection_report: dict[str, Any]) -> Callable[[str], str]:
    return _titles(selection_report, "**The recipe:** all models, weighted")


def _value_titles(selection_report: dict[str, Any]) -> Callable[[str], str]:
    return _titles(selection_report, "**The recipe:** all models, weighted, if kept and if lost")


def _table(
    selection_report: dict[str, Any],
    figures: MetricIntervalsByModel,
    title: Callable[[str], str],
    columns: Mapping[str, NumberFormat],
) -> list[list[str]]:
    """One row per model: its title, and each column's figure with its interval."""
    return [
        [
            title(name),
            *(
                _format_interval(figures[name].get(column), style)
                for column, style in columns.items()
            ),
        ]
        for name in _model_order(selection_report, figures)
    ]


def _tuned(selection_report: dict[str, Any], name: str) -> str:
    """Each parameter's median over the folds, and its range."""
    parts = []
    for parameter, middle in selection_report["params"].get(name, {}).items():
        folds = [
            tuned[parameter]
            for tuned in selection_report["tuned_per_fold"].get(name, [])
            if parameter in tuned
        ]
        spread = f" ({_number(min(folds))} to {_number(max(folds))})" if folds else ""
        parts.append(f"{_text(parameter)} {_number(middle)}{spread}")
    return ", ".join(parts) or NONE


def _number(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else _text(value)


def _candidates(selection_report: dict[str, Any], task: str) -> list[list[str]]:
    """One row per model: its title, weight, out-of-fold loss and parameters."""
    weights = selection_report["weights"][task]
    names = {name for name in selection_report["losses"] if name.startswith(task)} | set(weights)
    title = _titles(selection_report, RECIPE)
    return [
        [
            f"**{title(name)}**" if name in weights else title(name),
            _format(weights.get(name), _times),
            _format(selection_report["losses"].get(name), _decimals),
            _tuned(selection_report, name),
        ]
        for name in _model_order(selection_report, names)
    ]


def _folds(selection_report: dict[str, Any]) -> list[list[str]]:
    pairs = zip(selection_report["folds"], selection_report["fold_rows"], strict=True)
    return [[*_fold_cells(fold), _count(rows)] for fold, rows in pairs]


def _fold_cells(fold: dict[str, Any]) -> list[str]:
    learnt = f"{_day(fold['train_from'])} to {_day(fold['train_to'])}"
    return [learnt, _count(fold["train_snapshots"]), _day(fold["test"])]


def _span(selection_report: dict[str, Any]) -> dict[str, Any]:
    """The first and the last training snapshot, and whether a year lies between them."""
    folds = [fold for fold in [*selection_report["folds"], selection_report["measured_on"]] if fold]
    starts = [dt.date.fromisoformat(fold["train_from"]) for fold in folds]
    first, last = min(starts, default=None), dt.date.fromisoformat(selection_report["trained_to"])
    return {
        "first": ENGLISH.date(first) if first else None,
        "last": ENGLISH.date(last),
        "year": first is not None and (last - first).days >= 365,
    }


def _gain(selection_report: dict[str, Any], gain: MetricIntervalsByModel) -> list[list[str]]:
    columns = {"roc_auc": _signed, "log_loss": _signed}
    return _table(selection_report, gain, _titles(selection_report, RECIPE), columns)


def _list_titles(selection_report: dict[str, Any]) -> Callable[[str], str]:
    def title(name: str) -> str:
        other = _text(selection_report["titles"].get(name, name))
        return "**The recipe:** value at stake" if name == RECIPE else f"chance by {other}"

    return title


def _list_rows(
    selection_report: dict[str, Any], figures: MetricIntervalsByModel
) -> list[list[str]]:
    columns = {"churned_share": _percent, "found_share": _percent, "lift": _times}
    sizes = [
        _count(figures[name].get("listed", {}).get("value"))
        for name in _model_order(selection_report, figures)
    ]
    rows = _table(selection_report, figures, _list_titles(selection_report), columns)
    return [[row[0], size, *row[1:]] for row, size in zip(rows, sizes, strict=True)]


def _by_decile(deciles: list[dict[str, Any]], style: NumberFormat) -> list[list[str]]:
    names = ("expected_if_kept", "actual_if_kept", "expected_if_lost", "actual_if_lost")
    return [
        [
            _count(decile["decile"]),
            _count(decile["customers"]),
            *(_format(decile[name], style) for name in names),
        ]
        for decile in deciles
    ]


def _slices(groups: list[dict[str, Any]]) -> list[list[str]]:
    return [
        [
            _text(f"{group['by'].replace('_', ' ')}: {group['group']}"),
            _count(group["customers"]),
            _format(group["predicted"], _percent),
            f"{_format(group['left'], _percent)} "
            f"({_percent(group['low'])} to {_percent(group['high'])})",
            "yes" if group["right"] else "**no**",
            _format(group["roc_auc"], _decimals),
            _format(group["listed"], _percent),
            _format(group["found"], _percent),
        ]
        for group in groups
    ]


def _interval(figures: MetricIntervalsByModel, style: NumberFormat) -> dict[str, str] | None:
    """Coverage and mean width of the value interval; None where there is none."""
    figures_of_selected = figures.get(RECIPE, {})
    width = figures_of_selected.get("width", {}).get("value")
    if not width:
        return None
    return {
        "level": f"{100 * ValueInterval().level:.0f}{_TIGHT}%",
        "coverage": _format_interval(figures_of_selected.get("coverage"), _percent),
        "width": _format(width, style),
    }


def _measurement(
    selection_report: dict[str, Any], metrics: dict[str, Any], style: NumberFormat
) -> dict[str, Any]:
    """The tables of test metrics, for the template."""
    ranking = {"roc_auc": _decimals, "average_precision": _decimals}
    ranking |= {"lift_top_decile": _times, "lift_at_capacity": _times}
    chances = {"log_loss": _decimals, "brier_skill": _decimals, "ece": _decimals}
    chances |= {"calibration_slope": _times}
    value = {"mae": style, "bias": _times, "spearman": _decimals, "normalised_gini": _decimals}
    return {
        "on": _measured_on(metrics),
        "days": _days(metrics.get("days", [])),
        "all_customers": _both_populations(metrics),
        "customers": _count(metrics["customers"]),
        "churners": _count(metrics["churners"]),
        "churn_rate": _churn_rate(metrics),
        "capacity": _count(metrics["capacity"]),
        "ranking": _table(
            selection_report, metrics["churn"], _churn_titles(selection_report), ranking
        ),
        "chances": _table(
            selection_report, metrics["churn"], _churn_titles(selection_report), chances
        ),
        "gain": _gain(selection_report, metrics["gain"]),
        "value": _table(selection_report, metrics["value"], _value_titles(selection_report), value),
        "interval": _interval(metrics["value"], style),
        "by_decile": _by_decile(metrics["value_by_decile"], style),
        "list": _list_rows(selection_report, metrics["list"]),
        "slices": _slices(metrics.get("slices", [])),
    }


def _churn_rate(metrics: dict[str, Any]) -> str:
    """With its interval: of few rows that stand for many it is as uncertain as the rest."""
    with_interval = metrics["churn"].get(RECIPE, {}).get("churn_rate")
    if with_interval is None:
        return _format(metrics["churn_rate"], _percent)
    return _format_interval(with_interval, _percent)


def _measured_on(metrics: dict[str, Any]) -> str:
    """The snapshot, or the first and the last of several."""
    days = metrics.get("days", [])
    if len(days) < 2:
        return f"the snapshot of {_day(metrics['measured_on'])}"
    return f"{len(days)} snapshots from {_day(days[0]['day'])} to {_day(days[-1]['day'])}"


def _days(days: list[dict[str, Any]]) -> list[list[str]]:
    """One row per measured day."""
    return [
        [
            _day(day["day"]),
            _count(day["customers"]),
            _format(day["predicted"], _percent),
            _format(day["churn_rate"], _percent),
            _format(day["roc_auc"], _decimals),
        ]
        for day in days
    ]


def _both_populations(metrics: dict[str, Any]) -> list[list[str]]:
    """Those who can be contacted, and all; empty where they are the same."""
    all_customers = metrics.get("all_customers")
    own = ("customers", "churners", "churn_rate")
    if not all_customers or all(all_customers[name] == metrics[name] for name in own):
        return []
    return [
        [
            title,
            _count(figures["customers"]),
            _format(figures["churn_rate"], _percent),
            _format_interval(figures["churn"][RECIPE].get("roc_auc"), _decimals),
            _format_interval(figures["list"][RECIPE].get("churned_share"), _percent),
            _format_interval(figures["list"][RECIPE].get("lift"), _times),
        ]
        for title, figures in (("can be contacted", metrics), ("all", all_customers))
    ]


def _selection(selection_report: dict[str, Any]) -> dict[str, Any]:
    """The model selection, for the template."""

    return {
        "rule": _text(selection_report["rule"]),
        "evidence": selection_report["evidence"],
        "shift": _signed(selection_report["intercept"]),
        "folds": _folds(selection_report),
        "failed": [
            f"{_text(selection_report['titles'].get(name, name))}: {_text(reason)}"
            for name, reason in selection_report.get("failed", {}).items()
        ],
        "churn": _candidates(selection_report, "churn"),
        "value": _candidates(selection_report, "value"),
    }


def _banners(selection_report: dict[str, Any], metrics: dict[str, Any]) -> list[str]:
    return [
        _text(banner)
        for banner in dict.fromkeys([*selection_report["banners"], *metrics["banners"]])
    ]


def _context(
    selection_report: dict[str, Any], metrics: dict[str, Any], definition: str, currency: str
) -> dict[str, Any]:
    style = _amount(currency)
    return {
        "banners": _banners(selection_report, metrics),
        "definition": _text(definition),
        "currency": currency,
        "rows": _count(selection_report["rows"]),
        "customers": _count(selection_report["customers"]),
        "churners": _count(selection_report["churners"]),
        "churn_rate": _format(selection_report["churn_rate"], _percent),
        "features": _count(len(selection_report["features"])),
        "dead": [_text(name) for name in selection_report.get("dead", [])],
        "span": _span(selection_report),
        "choice": _selection(selection_report),
        "measured": _measurement(selection_report, metrics, style)
        if metrics["measured_on"]
        else None,
    }


def render(
    selection_report: dict[str, Any], metrics: dict[str, Any], definition: str, currency: str
) -> str:
    """The card as Markdown; the same arguments give the same text.

    selection_report: the content of selection.json, and optionally under `dead` the constant
    features; metrics: the content of metrics.json; definition: of churn, in words; currency:
    ISO 4217.
    """
    environment = Environment(  # noqa: S701  (Markdown, whose words `_text` has made safe)
        loader=FileSystemLoader(Path(__file__).parent, encoding="utf-8"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    template = environment.get_template("model_card.md.j2")
    return template.render(_context(selection_report, metrics, definition, currency))
