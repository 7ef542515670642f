"""The page and the picture, from the rows of quality.csv."""

from pathlib import Path

import pandas as pd
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from benchmarks.out_of_time import points
from benchmarks.out_of_time.points import KEYS
from benchmarks.out_of_time.prediction import OURS
from retention.core.storage import atomic

_HEAD = """# Quality, against what a user would pick instead

`python benchmarks/quality.py --histories FOLDER` makes this page. Each history is cut at several
dates, chosen by rule (6, 9, 12 and 15 months after its beginning and at fractions of what can still
be checked). A contestant gets what was known on the day of the cut and predicts the same customers;
what happened afterwards was withheld. Ours runs under the defaults of `params.yaml`, with nothing
tuned for a history.

"Best other" is, at each cut and for each measure, the best of the recency rule, BG/NBD with
Gamma-Gamma (every customer once, to the day of the cut), RFM + logistic on one snapshot, RFM +
LightGBM, hand-made features + LightGBM (five seeds) and an automatic search: it is chosen after the
fact on the rows that it is judged on, which favours it. Intervals are 95 %; over cuts, histories are
resampled and then the cuts of each. Cuts with fewer than {fewest} churners or stayers are shown and
not counted.
"""


def _number(value: object, digits: int = 3) -> str:
    return "" if pd.isna(value) else f"{float(str(value)):.{digits}f}"  # type: ignore[call-overload]


def markdown(head: list[str], rows: list[list[str]]) -> str:
    lines = [head, ["---"] * len(head), *rows]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def points_table(table: pd.DataFrame) -> str:
    """What is required, and whether it holds."""
    rows = [
        [point.text, point.measured, f"{point.passed} of {point.cuts}", point.verdict]
        for point in points.points(table)
    ]
    return markdown(["required", "measured", "cuts that hold", "over all"], rows)


def histories_table(table: pd.DataFrame) -> str:
    """Mean figures over the counted cuts of each history."""
    counted = points.counted(table)
    rows = []
    for name, history in counted.groupby("history", sort=False):
        own = history[history["contestant"] == OURS]
        cuts = history.drop_duplicates(KEYS)
        gains = {
            measure: points.against(history, measure)
            for measure in points.HIGHER
            if measure in history
        }
        auc, precision = gains["auc"], gains["average_precision"]
        rows.append(
            [
                str(name),
                f"{len(cuts)}, {int(cuts['ours'].astype(str).str.startswith('no list').sum())} without",
                f"{int(cuts['customers'].min()):,} to {int(cuts['customers'].max()):,}",
                f"{(cuts['churners'] / cuts['customers']).mean():.0%}",
                f"{_number(auc['ours'].mean())} / {_number(auc['best'].mean())}",
                f"{auc['gain'].mean():+.4f}",
                f"{precision['gain'].mean():+.4f}",
                f"{gains['log_loss']['gain'].mean():+.1%}",
                f"{gains['mae']['gain'].mean():+.1%}"
                if "mae" in gains and len(gains["mae"])
                else "",
                *(
                    _number(own[figure_name].mean()) if figure_name in own else ""
                    for figure_name in _OWN
                ),
            ]
        )
    head = ["history", "cuts", "customers", "churn", "AUC ours / best other", "AUC gain", "AP gain",
            "log-loss gain", "MAE gain", "ECE", "slope", "value bias", "interval holds"]  # fmt: skip
    return markdown(head, rows)


_OWN = ("ece", "slope", "bias", "coverage")


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
    return f"Means over the {cuts} cuts at which every contestant has a score:\n\n" + markdown(
        ["contestant", *names], rows
    )


def cuts_table(table: pd.DataFrame) -> str:
    """One row a cut: ours beside the best other, and the paired interval over customers."""
    auc, precision = points.against(table, "auc"), points.against(table, "average_precision")
    rows = []
    for (history, cut), line in auc.iterrows():
        rows_of_cut = table[(table["history"] == history) & (table["cut"] == cut)]
        own, about = rows_of_cut[rows_of_cut["contestant"] == OURS], rows_of_cut.iloc[0]
        beside = rows_of_cut[rows_of_cut["contestant"] == line["name"]].iloc[0]
        has_list = len(own) > 0
        rows.append(
            [
                f"{history}, {cut}",
                _number(about["months"], 0),
                f"{about['customers']:,}",
                f"{about['churners'] / about['customers']:.0%}",
                _number(line["ours"]) if has_list else "no list",
                f"{_number(line['best'])} ({line['name']})",
                _gain(beside, "auc") if has_list else "",
                f"{precision.loc[(history, cut), 'gain']:+.3f}" if has_list else "",
                *(_number(own.iloc[0][name]) if has_list and name in own else "" for name in _OWN),
                str(about["ours"]).partition(";")[0].removeprefix("no list: "),
            ]
        )
    head = ["history, cut", "months", "customers", "churn", "AUC ours", "AUC best other",
            "AUC ours less it", "AP gain", "ECE", "slope", "value bias", "interval holds",
            "models, or why there is no list"]  # fmt: skip
    return markdown(head, rows)


def _gain(beside: pd.Series, measure: str) -> str:
    low, high = beside[f"{measure}_low"], beside[f"{measure}_high"]
    return f"{beside[f'{measure}_less']:+.3f} ({low:+.3f} to {high:+.3f})"


def page(table: pd.DataFrame) -> str:
    """The whole page, in Markdown."""
    sections = [
        _HEAD.format(fewest=points.MIN_OUTCOMES).strip(),
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
