"""Four plots of test predictions, and beside each a tidy CSV of the data it draws.

Each plot answers one question, which is its title. The same predictions give the same bytes.
"""

import datetime as dt
import io
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
from matplotlib import style
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure
from matplotlib.layout_engine import ConstrainedLayoutEngine
from matplotlib.ticker import MaxNLocator, PercentFormatter

from models.components.base import Floats
from retention.core.storage import atomic
from retention.i18n.language import ENGLISH
from retention.stats import bootstrap, intervals, weighted
from retention.training import metrics

DECIMALS: Final = 6  # of every number drawn and written
NOTHING: Final = "nothing to measure yet"

_BLUE, _ORANGE, _GREY, _INK = "#0072B2", "#D55E00", "#767676", "#222222"  # Okabe & Ito 2008
_REFERENCE: Final[dict[str, Any]] = {"color": _GREY, "linewidth": 1.0, "linestyle": (0, (1, 2))}
_MAX_POINTS: Final = 200  # of one curve
_TENTHS: Final = 10
_CLASSES: Final = 20  # bars of the chances' distribution, each 5 points wide
_STYLE: Final[dict[str, Any]] = {
    "font.family": "DejaVu Sans",  # comes with matplotlib: the same on every machine
    "font.size": 10,
    "text.color": _INK,
    "text.parse_math": False,
    "axes.labelcolor": _INK,
    "axes.edgecolor": _GREY,
    "axes.axisbelow": True,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "axes.titlesize": 10,
    "axes.grid": True,
    "axes.grid.axis": "y",
    "grid.color": "#E4E4E4",
    "xtick.color": _GREY,
    "ytick.color": _GREY,
    "xtick.labelcolor": _INK,
    "ytick.labelcolor": _INK,
    "legend.frameon": False,
    "savefig.dpi": 150,
}


# Tables


def tenths(values: "pd.Series[float]") -> "pd.Series[int]":
    """1 to 10 for each row, the lowest tenth first; equal values share the lower tenth."""
    return ((values.rank(method="min") - 1) * _TENTHS // max(len(values), 1)).astype(int) + 1


def _capture_curve(rows: pd.DataFrame) -> tuple[Floats, Floats]:
    """(called, found): shares of customers called and of churners reached by then."""
    n = len(rows)
    calls = np.unique(np.linspace(0, n, min(n, _MAX_POINTS) + 1).round().astype(int))
    risk = rows["churn_probability"].to_numpy(dtype=float)
    order = metrics.top_rows(risk, n, bootstrap.tie_ranks(rows["customer_id"]))
    weight = _weights(rows)[order]
    churned = rows["churned"].to_numpy(dtype=float)[order] * weight
    called, reached = (np.concatenate([[0.0], np.cumsum(column)]) for column in (weight, churned))
    return called[calls] / called[-1], reached[calls] / churned.sum()


LIFT: Final = ("called", "recipe", "recency_rule", "random_order")


def lift(predictions: pd.DataFrame, baseline: pd.DataFrame) -> pd.DataFrame:
    """LIFT: shares of customers called and of churners found by then, riskiest first.

    Of equal risk by customer_id. Empty where nobody churned; recency_rule is NaN where that model
    failed and its probabilities are NaN.
    """
    if not predictions["churned"].astype(bool).any():
        return _empty(LIFT)
    called, selected_curve = _capture_curve(predictions)
    has_rule = baseline["churn_probability"].notna().all()
    rule_curve = _capture_curve(baseline)[1] if has_rule else np.full(len(called), np.nan)
    curves = (called, selected_curve, rule_curve, called)
    return pd.DataFrame(dict(zip(LIFT, curves, strict=True)))


def calibration(predictions: pd.DataFrame, _: pd.DataFrame) -> pd.DataFrame:
    """Per tenth by churn_probability: tenth, customers, churners, predicted, observed, low, high.

    low and high are the 95 % Wilson interval of the observed share.
    """
    rows = _numbers(predictions)
    grouped = rows.groupby(tenths(predictions["churn_probability"].astype(float)))
    table = grouped.agg(
        customers=("churned", "size"),
        churners=("churned", "sum"),
        predicted=("churn_probability", "mean"),
        observed=("churned", "mean"),
    )
    counted = table["customers"].to_numpy(dtype=float)
    if (rows["weight"] != 1).any():
        table["predicted"] = _means(grouped, "churn_probability")
        table["observed"] = _means(grouped, "churned")
        counted = (
            grouped["weight"]
            .apply(lambda weight: weighted.effective_size(weight.to_numpy()))
            .to_numpy(dtype=float)
        )
    low, high = intervals.wilson_interval(table["observed"].to_numpy() * counted, counted)
    return _by_tenth(table.assign(low=low, high=high).astype({"churners": int}))


def value_deciles(predictions: pd.DataFrame, _: pd.DataFrame) -> pd.DataFrame:
    """Per tenth by expected_value: tenth, customers, predicted and actual mean value, currency."""
    rows = _numbers(predictions)
    grouped = rows.groupby(tenths(predictions["expected_value"].astype(float)))
    table = grouped.agg(
        customers=("value", "size"), predicted=("expected_value", "mean"), actual=("value", "mean")
    )
    if (rows["weight"] != 1).any():
        table["predicted"] = _means(grouped, "expected_value")
        table["actual"] = _means(grouped, "value")
    return _by_tenth(table)


OUTCOMES: Final = {"stayed": 0.0, "left": 1.0}


def scores(predictions: pd.DataFrame, _: pd.DataFrame) -> pd.DataFrame:
    """Per class of chances: chance_from, chance_to; of those who stayed and of those who left the
    share in it (stayed, left) and the number (stayed_customers, left_customers)."""
    rows, edges = _numbers(predictions), np.linspace(0, 1, _CLASSES + 1)
    columns = {"chance_from": edges[:-1], "chance_to": edges[1:]}
    for outcome, code in OUTCOMES.items():
        of_outcome = rows[rows["churned"] == code]
        chances = of_outcome["churn_probability"].to_numpy()
        class_of = np.minimum((chances * _CLASSES).astype(int), _CLASSES - 1)
        held = np.bincount(class_of, of_outcome["weight"].to_numpy(), minlength=_CLASSES)
        counts: Floats = np.asarray(held, dtype=np.float64)
        columns |= {
            outcome: counts / (counts.sum() or 1.0),
            f"{outcome}_customers": counts,
        }
    table = pd.DataFrame(columns)
    return table if len(rows) else table.iloc[:0]


def _numbers(predictions: pd.DataFrame) -> pd.DataFrame:
    names = ["churn_probability", "churned", "expected_value", "value"]
    return predictions[names].astype(float).assign(weight=_weights(predictions))


def _weights(rows: pd.DataFrame) -> Floats:
    """Customers that each row stands for."""
    return rows["weight"].to_numpy(dtype=float) if "weight" in rows else np.ones(len(rows))


def _means(grouped: Any, name: str) -> "pd.Series[float]":
    """Weighted mean of a column in every group."""
    means: pd.Series[float] = grouped.apply(
        lambda group: weighted.mean(group[name].to_numpy(), group["weight"].to_numpy())
    )
    return means


def _by_tenth(table: pd.DataFrame) -> pd.DataFrame:
    return table.rename_axis("tenth").reset_index()


def _empty(columns: Iterable[str]) -> pd.DataFrame:
    return pd.DataFrame({name: [] for name in columns})


# Painting


def _percent(axis: Any) -> None:
    axis.set_major_formatter(PercentFormatter(1.0, symbol=" %", decimals=0))
    axis.set_major_locator(MaxNLocator(nbins=6, steps=[1, 2, 5, 10]))


def _paint_lift(canvas: Figure, table: pd.DataFrame, _: str) -> None:
    axes = canvas.subplots()
    looks: dict[str, dict[str, Any]] = {
        "recipe": {"color": _BLUE, "linewidth": 2.4},
        "recency_rule": {"color": _ORANGE, "linewidth": 1.6, "linestyle": (0, (5, 2))},
        "random_order": _REFERENCE,
    }
    for name, look in looks.items():
        if table[name].isna().all():
            continue
        axes.plot(table["called"], table[name], label=name.replace("_", " "), **look)
    axes.set(xlim=(0, 1), ylim=(0, 1.02))
    axes.set_xlabel("Customers called, riskiest first (% of all customers)")
    axes.set_ylabel("Reached by then (% of those who left)")
    _percent(axes.xaxis)
    _percent(axes.yaxis)
    axes.legend(loc="lower right")


def _paint_calibration(canvas: Figure, table: pd.DataFrame, _: str) -> None:
    axes = canvas.subplots()
    limit = min(1.02, 1.05 * float(table[["predicted", "high"]].to_numpy().max()))
    below, above = table["observed"] - table["low"], table["high"] - table["observed"]
    (right,) = axes.plot([0, limit], [0, limit], label="exactly right", **_REFERENCE)
    axes.errorbar(
        table["predicted"],
        table["observed"],
        yerr=[below.clip(lower=0), above.clip(lower=0)],
        fmt="o",
        color=_BLUE,
        markersize=5,
        elinewidth=1.2,
        clip_on=False,
        zorder=3,
    )
    axes.set(xlim=(0, limit), ylim=(0, limit))
    axes.set_xlabel("Predicted chance of leaving (mean of a tenth of customers, %)")
    axes.set_ylabel("Left in fact (% of that tenth)")
    axes.legend(handles=[right], loc="lower right")
    _percent(axes.xaxis)
    _percent(axes.yaxis)


def _paint_value(canvas: Figure, table: pd.DataFrame, currency: str) -> None:
    axes = canvas.subplots()
    axes.bar(table["tenth"], table["actual"], width=0.7, color="#BFD9EA", label="actual")
    axes.plot(
        table["tenth"], table["predicted"], "o", color=_ORANGE, markersize=6, label="predicted"
    )
    axes.axhline(0, color=_GREY, linewidth=0.8)
    axes.set(xlim=(0.4, _TENTHS + 0.6), xticks=range(1, _TENTHS + 1))
    axes.set_xlabel("Tenth of customers by expected value (1 = lowest)")
    axes.set_ylabel(f"Mean value of a customer ({currency})")
    axes.yaxis.set_major_formatter(lambda value, _: f"{value:,.10g}".replace("-", "\u2212"))
    axes.legend(loc="upper left")


def _paint_scores(canvas: Figure, table: pd.DataFrame, _: str) -> None:
    panels = canvas.subplots(2, 1, sharex=True, sharey=True)
    for axes, outcome, colour in zip(panels, OUTCOMES, (_BLUE, _ORANGE), strict=True):
        axes.bar(
            table["chance_from"],
            table[outcome],
            width=1 / _CLASSES,
            align="edge",
            color=colour,
            edgecolor="white",
            linewidth=0.6,
        )
        axes.set_title(
            f"Those who {outcome} ({int(table[f'{outcome}_customers'].sum()):,})", loc="left"
        )
        axes.set(xlim=(0, 1))
        _percent(axes.xaxis)
        _percent(axes.yaxis)
    panels[1].set_xlabel("Predicted chance of leaving (%)")
    canvas.supylabel("Share of each group (%)", fontsize=10)


def _paint_nothing(canvas: Figure) -> None:
    axes = canvas.subplots()
    axes.set_axis_off()
    axes.text(0.5, 0.5, NOTHING, ha="center", va="center", color=_GREY, fontsize=14)


MakeTable = Callable[[pd.DataFrame, pd.DataFrame], pd.DataFrame]


@dataclass(frozen=True)
class Plot:
    """One plot."""

    name: str  # stem of its files
    question: str  # its title
    table: MakeTable  # predictions and baseline to the data drawn
    paint: Callable[[Figure, pd.DataFrame, str], None]
    note: str = ""  # how to read it, after the caption


PLOTS: Final = (
    Plot(
        "lift",
        "How many of those who left would the first calls have reached?",
        lift,
        _paint_lift,
    ),
    Plot(
        "calibration",
        "Did as many customers leave as predicted?",
        calibration,
        _paint_calibration,
        " A dot is a tenth of them, its line a 95 % interval.",
    ),
    Plot(
        "value_deciles",
        "Do customers bring what was expected of them?",
        value_deciles,
        _paint_value,
    ),
    Plot(
        "scores",
        "Were those who left given a higher chance of leaving?",
        scores,
        _paint_scores,
    ),
)


def caption(predictions: pd.DataFrame) -> str:
    """The test customers and their snapshots, in a sentence."""
    if predictions.empty:
        return "No customers have been measured."
    customers = predictions["customer_id"].nunique()
    left = predictions.loc[predictions["churned"].astype(bool), "customer_id"].nunique()
    on = pd.to_datetime(predictions["snapshot_on"])
    first, last = (_day(day) for day in (on.min(), on.max()))
    when = f"on {first}" if first == last else f"from {first} to {last}"
    people = "customer" if customers == 1 else "customers"
    leavers = f"{left:,}" if left else "none"
    return f"{customers:,} active {people} {when}, {leavers} of whom left."


def _day(when: dt.datetime) -> str:
    return ENGLISH.date(when.date())


def picture(plot: Plot, table: pd.DataFrame, caption_text: str, currency: str) -> Figure:
    """The figure of one plot, with its question above and `caption_text` below."""
    canvas = Figure(figsize=(7.2, 4.6), layout=ConstrainedLayoutEngine(w_pad=0.1, h_pad=0.1))
    FigureCanvasAgg(canvas)
    caption_text = caption_text if table.empty else caption_text + plot.note
    canvas.suptitle(plot.question, x=0.014, ha="left", fontsize=12.5, fontweight="bold")
    canvas.supxlabel(caption_text, x=0.014, ha="left", fontsize=8.5, color=_GREY)
    if table.empty:
        _paint_nothing(canvas)
    else:
        plot.paint(canvas, table, currency)
    return canvas


def _png(plot: Plot, table: pd.DataFrame, caption_text: str, currency: str) -> bytes:
    """PNG bytes without date and version, in our style whatever the machine's settings."""
    content = io.BytesIO()
    with style.context(["default", _STYLE]):
        canvas = picture(plot, table, caption_text, currency)
        canvas.savefig(content, format="png", metadata={"Software": None, "Creation Time": None})
    return content.getvalue()


def draw(
    predictions: pd.DataFrame, baseline: pd.DataFrame, folder: Path, currency: str
) -> list[Path]:
    """Write <name>.png and <name>.csv of every plot into folder; their paths.

    predictions: customer_id, snapshot_on, churn_probability, churned, expected_value, value and
    optionally weight, the customers that a row stands for;
    baseline: the same rows with the recency rule's churn_probability, NaN where there is none.
    """
    written = []
    for plot in PLOTS:
        table = plot.table(predictions, baseline).round(DECIMALS)
        png, csv = folder / f"{plot.name}.png", folder / f"{plot.name}.csv"
        atomic.write_bytes(png, _png(plot, table, caption(predictions), currency))
        atomic.write_text(csv, table.to_csv(index=False, lineterminator="\n"))
        written += [png, csv]
    return written
