"""The page and the picture, from the rows of quality.csv."""

from pathlib import Path

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.out_of_time import automl, points
from benchmarks.out_of_time.points import KEYS
from benchmarks.out_of_time.prediction import PROJECT
from retention.core.storage import atomic

_HEAD = """# Quality, against what a user would pick instead

`python benchmarks/quality.py --histories FOLDER` makes this page. Each history is cut at several
dates, chosen by rule (6, 9, 12 and 15 months after its beginning and at fractions of what can still
be checked). A contestant gets what was known on the day of the cut and predicts the same customers;
what happened afterwards was withheld. Ours runs under the defaults of `params.yaml`, with nothing
tuned for a history.

"Best other" is, at each cut and for each measure, the best of the recency rule, BG/NBD with
Gamma-Gamma (every customer once, to the day of the cut), RFM + logistic on one snapshot, RFM +
LightGBM, hand-made features + LightGBM (five seeds) and an automatic search ({search}, {seconds}
seconds a cut). It is chosen after the fact on the rows that it is judged on, which favours it: a
cut is below the best other "beyond chance" where the paired interval over customers lies below
what is allowed. Intervals are 95 %; over cuts, histories are resampled and then the cuts of each.
Cuts with fewer than {fewest} churners or stayers are shown and not counted.
The seconds of the search are by the clock: on a loaded machine it gets through less.
"""


def _number(value: float, digits: int = 3) -> str:
    return "" if pd.isna(value) else f"{value:.{digits}f}"


def markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def points_table(table: pd.DataFrame) -> str:
    """What is required, and whether it holds."""
    rows = [
        [
            point.text,
            point.measured,
            f"{point.passed} of {point.cuts}",
            point.histories,
            point.verdict,
        ]
        for point in points.points(table)
    ]
    return markdown(
        ["required", "measured", "cuts that hold", "histories that hold in the mean", "over all"],
        rows,
    )


def _figures(own: pd.DataFrame) -> list[str]:
    """Ours alone: the mean of each figure."""
    return [_number(own[name].mean()) if name in own else "" for name in _OWN]


def _mean_gain(history: pd.DataFrame, measure: str, form: str) -> str:
    if measure not in history or history[measure].isna().all():
        return ""
    return format(points.against(history, measure)["gain"].mean(), form)


def histories_table(table: pd.DataFrame) -> str:
    """Mean figures over the counted cuts of each history."""
    rows = []
    for name, history in points.counted(table).groupby("history", sort=False):
        cuts, auc = history.drop_duplicates(KEYS), points.against(history, "auc")
        without = int(cuts["ours"].astype(str).str.startswith("no list").sum())
        sizes = cuts["customers"]
        rows.append(
            [
                str(name),
                f"{len(cuts)}, {without} without a list",
                f"{sizes.min():,} to {sizes.max():,}",
                f"{(cuts['churners'] / sizes).mean():.0%}",
                f"{_number(auc['ours'].mean())} / {_number(auc['best'].mean())}",
                _mean_gain(history, "auc", "+.4f"),
                _mean_gain(history, "average_precision", "+.4f"),
                _mean_gain(history, "log_loss", "+.1%"),
                _mean_gain(history, "mae", "+.1%"),
                *_figures(history[history["contestant"] == PROJECT]),
            ]
        )
    head = ["history", "cuts", "customers", "churn", "AUC ours / best other", "AUC gain",
            "AP gain", "log-loss gain", "MAE gain", *_OWN_HEAD]  # fmt: skip
    return markdown(head, rows)


_OWN = ("ece", "slope", "bias", "coverage")
_OWN_HEAD = ("ECE", "slope", "value bias", "interval holds")


def contestants_table(table: pd.DataFrame) -> str:
    """Mean figures of each contestant over the counted cuts at which all have a score."""
    counted = points.counted(table)
    have = counted.groupby(KEYS)["contestant"].transform("nunique")
    whole = counted[have == counted["contestant"].nunique()]
    names = [
        name
        for name in ("auc", "average_precision", "log_loss", "ece", "spearman")
        if name in whole
    ]
    means = whole.groupby("contestant")[names].mean().sort_values("auc", ascending=False)
    rows = [[str(name), *(_number(value, 4) for value in row)] for name, *row in means.itertuples()]
    cuts = len(whole.drop_duplicates(KEYS))
    return f"Means over the {cuts} cuts at which all have a score:\n\n" + markdown(
        ["contestant", *names], rows
    )


def cuts_table(table: pd.DataFrame) -> str:
    """One row a cut: ours beside the best other, and the paired interval over customers."""
    rows = []
    for _, cut in table.groupby(KEYS, sort=False):
        about, auc = cut.iloc[0], points.against(cut, "auc")
        if auc.empty:  # one outcome: nothing ranks
            continue
        best, own = auc.iloc[0], cut[cut["contestant"] == PROJECT]
        beside = cut[cut["contestant"] == best["name"]].iloc[0]
        has_list = len(own) > 0
        rows.append(
            [
                f"{about['history']}, {about['cut']}",
                _number(about["months"], 0),
                f"{about['customers']:,}",
                f"{about['churners'] / about['customers']:.0%}",
                _number(best["ours"]) if has_list else "no list",
                f"{_number(best['best'])} ({best['name']})",
                _gain(beside, "auc") if has_list else "",
                _mean_gain(cut, "average_precision", "+.3f") if has_list else "",
                *_figures(own),
                str(about["ours"]).partition(";")[0].removeprefix("no list: "),
            ]
        )
    head = ["history, cut", "months", "customers", "churn", "AUC ours", "AUC best other",
            "AUC ours less it", "AP gain", *_OWN_HEAD,
            "models, or why there is no list"]  # fmt: skip
    return markdown(head, rows)


def _gain(beside: pd.Series, measure: str) -> str:
    low, high = beside[f"{measure}_low"], beside[f"{measure}_high"]
    return f"{beside[f'{measure}_less']:+.3f} ({low:+.3f} to {high:+.3f})"


def _search(table: pd.DataFrame) -> str:
    names = table["search"].dropna().unique()
    return " or ".join(str(name) for name in names) or "none"


def _measured(table: pd.DataFrame) -> str:
    """Which cuts of which histories the page is of."""
    cuts = table.drop_duplicates(KEYS).groupby("history", sort=False)["cut"]
    parts = [f"{name} ({len(days)}, {days.min()} to {days.max()})" for name, days in cuts]
    return f"Cuts of this run: {', '.join(parts)}."


def page(table: pd.DataFrame) -> str:
    """The whole page, in Markdown."""
    sections = [
        _HEAD.format(
            fewest=points.MIN_OUTCOMES, search=_search(table), seconds=automl.SECONDS
        ).strip(),
        _measured(table),
        "![AUC of ours and of the best other at each cut](../docs/images/quality.png)",
        "## What has to hold",
        points_table(table),
        "## Histories",
        histories_table(table),
        "## Contestants",
        contestants_table(table),
        "## Cuts",
        cuts_table(table),
    ]
    return "\n\n".join(sections) + "\n"


def picture(table: pd.DataFrame) -> Figure:
    """AUC of ours and of the best other along each history."""
    histories = list(table["history"].unique())
    columns = min(4, len(histories))
    lines = -(-len(histories) // columns)
    figure = Figure(figsize=(3.2 * columns, 2.4 * lines), layout="constrained")
    axes = figure.subplots(lines, columns, squeeze=False)
    for panel in axes.flat[len(histories) :]:
        panel.set_axis_off()
    for panel, history in zip(axes.flat, histories, strict=False):
        gains = points.against(table[table["history"] == history], "auc")
        when = pd.to_datetime(gains.index.get_level_values("cut"))
        panel.plot(when, gains["best"], "o--", color="#888888", label="best other", markersize=3)
        panel.plot(when, gains["ours"], "o-", color="#0b5cad", label="ours", markersize=4)
        panel.set_title(history, fontsize=9)
        panel.tick_params(labelsize=7)
        panel.tick_params(axis="x", rotation=30)
        panel.grid(alpha=0.3)
    axes.flat[0].set_ylabel("AUC", fontsize=8)
    axes.flat[0].legend(fontsize=7)
    return figure


def write(table: pd.DataFrame, path: Path, image: Path) -> None:
    """Write the page and the picture."""
    atomic.write_text(path, page(table))
    figure = picture(table)
    FigureCanvasAgg(figure)
    with atomic.atomic_file(image) as temporary:
        figure.savefig(temporary, dpi=110, format="png", metadata={"Software": None})
