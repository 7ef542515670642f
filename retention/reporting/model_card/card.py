"""The model card: what the recipe is for, how it was found and what it is worth.

After Mitchell et al. (2019), "Model Cards for Model Reporting", short and in plain words.
"""

import datetime as dt
import math
import re
from collections.abc import Callable, Iterable, Mapping
from pathlib import Path
from typing import Any, Final

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from models.components.interval import ValueInterval
from retention.i18n.language import ENGLISH, minor_digits

RECIPE: Final = "recipe"
NONE: Final = "\N{EN DASH}"  # where there is no number

_TIGHT: Final = "\N{NO-BREAK SPACE}"
_WHOLE_UNITS_FROM: Final = 100.0  # an amount from which pennies only distract
_FIGURES_OF_A_REASON: Final = re.compile(r"(?:, | \()(?:\d+\.\d+|nan)\)?")
_CALIBRATED: Final = {
    "identity": "its chances as they come",
    "platt": "its chances corrected by a straight line in log-odds (Platt)",
    "isotonic": "its chances corrected by rising steps (isotonic)",
}

Figure = dict[str, float | None]
Figures = dict[str, dict[str, Figure]]
Say = Callable[[float], str]


# How a number is said


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


def _amount(currency: str) -> Say:
    """Money, without its minor unit from 100 on."""

    def say(number: float) -> str:
        digits = 0 if abs(number) >= _WHOLE_UNITS_FROM else minor_digits(currency)
        return ENGLISH.money(number, currency, digits)

    return say


def _format(number: float | None, say: Say) -> str:
    return NONE if number is None or not math.isfinite(number) else say(number)


def _format_interval(figure: Figure | None, say: Say) -> str:
    """0.842 (0.821 to 0.863), broken over lines before the bracket only, if at all.

    Only the number where there is no interval.
    """
    texts = {name: _format(number, say) for name, number in (figure or {}).items()}
    value, low, high = (texts.get(name, NONE) for name in ("value", "low", "high"))
    interval = "" if NONE in (value, low, high) else f" ({low}{_TIGHT}to{_TIGHT}{high})"
    return value + interval


def _count(number: float | None) -> str:
    return _format(number, lambda count: f"{round(count):,}")


def _text(words: object) -> str:
    """Words that cannot break a table, a paragraph, or pass for HTML."""
    one_line = " ".join(str(words).split())
    return one_line.replace("&", "&amp;").replace("<", "&lt;").replace("|", "\\|")


def _day(date: str) -> str:
    return ENGLISH.date(dt.date.fromisoformat(date))


# The card's parts


def _model_order(story: dict[str, Any], names: Iterable[str]) -> list[str]:
    """The recipe, then the models from the lowest loss on the folds up, then by name."""
    losses = story["losses"]
    return sorted(names, key=lambda name: (name != RECIPE, losses.get(name, math.inf), name))


def _reason(story: dict[str, Any], task: str) -> str:
    """Why a model was chosen, in words: its figures stand in the table below it."""
    reason = _FIGURES_OF_A_REASON.sub("", story["why"][task])
    for name, title in story["titles"].items():
        reason = reason.replace(name, title)
    return _text(reason)


def _titles(story: dict[str, Any], recipe: str) -> Callable[[str], str]:
    return lambda name: recipe if name == RECIPE else _text(story["titles"].get(name, name))


def _churn_titles(story: dict[str, Any]) -> Callable[[str], str]:
    calibrator = story["calibrator"]
    added = "without calibration" if calibrator == "identity" else f"{calibrator} calibration"
    selected = _text(story["titles"][story["chosen"]["churn"]])
    return _titles(story, f"**The recipe:** {selected}, {_text(added)}")


def _value_titles(story: dict[str, Any]) -> Callable[[str], str]:
    selected = _text(story["titles"][story["chosen"]["value"]])
    return _titles(story, f"**The recipe:** {selected}, if kept and if lost")


def _table(
    story: dict[str, Any],
    figures: Figures,
    title: Callable[[str], str],
    columns: Mapping[str, Say],
) -> list[list[str]]:
    """One row a model: its title, and every column's figure with its interval."""
    return [
        [title(name), *(_format_interval(figures[name].get(column), say) for column, say in columns.items())]
        for name in _model_order(story, figures)
    ]


def _tuned(story: dict[str, Any], name: str) -> str:
    """Each parameter's median over the folds, and the range of what the folds said."""
    parts = []
    for parameter, middle in story["params"].get(name, {}).items():
        folds = [
            tuned[parameter] for tuned in story["tuned_per_fold"].get(name, []) if parameter in tuned
        ]
        spread = f" ({_number(min(folds))} to {_number(max(folds))})" if folds else ""
        parts.append(f"{_text(parameter)} {_number(middle)}{spread}")
    return ", ".join(parts) or NONE


def _number(value: Any) -> str:
    return f"{value:.3g}" if isinstance(value, float) else _text(value)


def _losses(story: dict[str, Any], task: str, say: Say) -> list[list[str]]:
    names = [name for name in story["losses"] if name.startswith(task)]
    title = _titles(story, RECIPE)
    return [
        [
            f"**{title(name)}**" if name == story["chosen"][task] else title(name),
            _format(story["losses"][name], say),
            _tuned(story, name),
        ]
        for name in _model_order(story, names)
    ]


def _folds(story: dict[str, Any]) -> list[list[str]]:
    pairs = zip(story["folds"], story["fold_rows"], strict=True)
    return [[*_fold_cells(fold), _count(rows)] for fold, rows in pairs]


def _fold_cells(fold: dict[str, Any]) -> list[str]:
    learnt = f"{_day(fold['train_from'])} to {_day(fold['train_to'])}"
    return [learnt, _count(fold["train_snapshots"]), _day(fold["test"])]


def _span(story: dict[str, Any]) -> dict[str, Any]:
    """The first and the last snapshot learnt from, and whether a year lies between them."""
    folds = [fold for fold in [*story["folds"], story["measured_on"]] if fold]
    starts = [dt.date.fromisoformat(fold["train_from"]) for fold in folds]
    first, last = min(starts, default=None), dt.date.fromisoformat(story["trained_to"])
    return {
        "first": ENGLISH.date(first) if first else None,
        "last": ENGLISH.date(last),
        "year": first is not None and (last - first).days >= 365,
    }


def _gain(story: dict[str, Any], gain: Figures) -> list[list[str]]:
    columns = {"roc_auc": _signed, "log_loss": _signed}
    return _table(story, gain, _titles(story, RECIPE), columns)


def _list_titles(story: dict[str, Any]) -> Callable[[str], str]:
    def title(name: str) -> str:
        other = _text(story["titles"].get(name, name))
        return "**The recipe:** value at stake" if name == RECIPE else f"chance by {other}"

    return title


def _list_rows(story: dict[str, Any], figures: Figures) -> list[list[str]]:
    columns = {"churned_share": _percent, "found_share": _percent, "lift": _times}
    sizes = [
        _count(figures[name].get("listed", {}).get("value")) for name in _model_order(story, figures)
    ]
    rows = _table(story, figures, _list_titles(story), columns)
    return [[row[0], size, *row[1:]] for row, size in zip(rows, sizes, strict=True)]


def _by_decile(deciles: list[dict[str, Any]], say: Say) -> list[list[str]]:
    names = ("expected_if_kept", "actual_if_kept", "expected_if_lost", "actual_if_lost")
    return [
        [_count(decile["decile"]), _count(decile["customers"]), *(_format(decile[name], say) for name in names)]
        for decile in deciles
    ]


def _slices(groups: list[dict[str, Any]]) -> list[list[str]]:
    return [
        [
            _text(f"{group['by'].replace('_', ' ')}: {group['group']}"),
            _count(group["customers"]),
            _format(group["predicted"], _percent),
            f"{_format(group['left'], _percent)} ({_percent(group['low'])} to {_percent(group['high'])})",
            "yes" if group["right"] else "**no**",
            _format(group["roc_auc"], _decimals),
            _format(group["listed"], _percent),
            _format(group["found"], _percent),
        ]
        for group in groups
    ]


def _interval(figures: Figures, say: Say) -> dict[str, str] | None:
    """How often the recipe's value interval held, and how wide it is; None where it has none."""
    recipe_figures = figures.get(RECIPE, {})
    width = recipe_figures.get("width", {}).get("value")
    if not width:
        return None
    return {
        "level": f"{100 * ValueInterval().level:.0f}{_TIGHT}%",
        "coverage": _format_interval(recipe_figures.get("coverage"), _percent),
        "width": _format(width, say),
    }


def _measurement(story: dict[str, Any], metrics: dict[str, Any], say: Say) -> dict[str, Any]:
    """The tables of what was measured, ready for the template."""
    ranking = {"roc_auc": _decimals, "average_precision": _decimals}
    ranking |= {"lift_top_decile": _times, "lift_at_capacity": _times}
    chances = {"log_loss": _decimals, "brier_skill": _decimals, "ece": _decimals}
    chances |= {"calibration_slope": _times}
    value = {"mae": say, "bias": _times, "spearman": _decimals, "normalised_gini": _decimals}
    return {
        "on": _day(metrics["measured_on"]),
        "customers": _count(metrics["customers"]),
        "churners": _count(metrics["churners"]),
        "churn_rate": _format(metrics["churn_rate"], _percent),
        "capacity": _count(metrics["capacity"]),
        "ranking": _table(story, metrics["churn"], _churn_titles(story), ranking),
        "chances": _table(story, metrics["churn"], _churn_titles(story), chances),
        "gain": _gain(story, metrics["gain"]),
        "value": _table(story, metrics["value"], _value_titles(story), value),
        "interval": _interval(metrics["value"], say),
        "by_decile": _by_decile(metrics["value_by_decile"], say),
        "list": _list_rows(story, metrics["list"]),
        "slices": _slices(metrics.get("slices", [])),
    }


def _selection(story: dict[str, Any], say: Say) -> dict[str, Any]:
    """How the recipe was found, ready for the template."""

    def root(loss: float) -> str:
        return say(math.sqrt(loss))

    calibrator = story["calibrator"]
    return {
        "rule": _text(story["rule"]),
        "titles": {task: _text(story["titles"][name]) for task, name in story["chosen"].items()},
        "why": {task: _reason(story, task) for task in story["why"]},
        "calibrated": _CALIBRATED.get(calibrator, f"its chances corrected by {_text(calibrator)}"),
        "folds": _folds(story),
        "churn": _losses(story, "churn", _decimals),
        "value": _losses(story, "value", root),
    }


def _banners(story: dict[str, Any], metrics: dict[str, Any]) -> list[str]:
    return [_text(banner) for banner in dict.fromkeys([*story["banners"], *metrics["banners"]])]


def _context(
    story: dict[str, Any], metrics: dict[str, Any], definition: str, currency: str
) -> dict[str, Any]:
    say = _amount(currency)
    return {
        "banners": _banners(story, metrics),
        "definition": _text(definition),
        "currency": currency,
        "rows": _count(story["rows"]),
        "customers": _count(story["customers"]),
        "churners": _count(story["churners"]),
        "churn_rate": _format(story["churn_rate"], _percent),
        "features": _count(len(story["features"])),
        "dead": [_text(name) for name in story.get("dead", [])],
        "span": _span(story),
        "choice": _selection(story, say),
        "measured": _measurement(story, metrics, say) if metrics["measured_on"] else None,
    }


def render(story: dict[str, Any], metrics: dict[str, Any], definition: str, currency: str) -> str:
    """The card as Markdown; the same arguments are the same text.

    story: as training tells it, and under `dead` the features that say nothing here, if known;
    metrics: what evaluation measured; definition: of churn, in words; currency: ISO 4217.
    """
    environment = Environment(  # noqa: S701  (Markdown, whose words `_text` has made safe)
        loader=FileSystemLoader(Path(__file__).parent, encoding="utf-8"),
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        keep_trailing_newline=True,
    )
    template = environment.get_template("model_card.md.j2")
    return template.render(_context(story, metrics, definition, currency))
