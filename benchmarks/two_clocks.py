"""What a clock is worth: a repository's work is written on one day and known, when merged, on
another. Features dated by writing look better in a backtest and are worse on the day itself, when
what is not merged yet is not there.

    python benchmarks/two_clocks.py --histories FOLDER   writes docs/images/two-clocks.png

A history counts when its mapping has a clock of knowing. One model, LightGBM, is fitted on both.
"""

import argparse
import copy
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.out_of_time import company, recipe  # noqa: E402
from benchmarks.out_of_time.company import Company  # noqa: E402
from benchmarks.out_of_time.lattice import Cut, History  # noqa: E402
from benchmarks.out_of_time.report import markdown  # noqa: E402
from models.components.base import Floats  # noqa: E402
from retention.core import feature_table  # noqa: E402
from retention.core.params import Params  # noqa: E402
from retention.core.storage import atomic  # noqa: E402
from retention.training import candidates, metrics  # noqa: E402
from retention.training.rows import labelled_rows  # noqa: E402

PICTURE, WORK = ROOT / "docs/images/two-clocks.png", ROOT / "data/benchmark"
MODEL = "churn_lightgbm"
BY_KNOWING, BACKTEST, ON_THE_DAY = (
    "dated by merging",
    "by writing, backtest",
    "by writing, on the day",
)


def by_happening(each: Company) -> Company:
    """The same history as if everything were known when it happens."""
    raw_params: dict[str, Any] = copy.deepcopy(each.raw_params)
    for source in raw_params["sources"].values():
        for event in source["events"]:
            event.pop("known_at", None)
    name = f"{each.name} by happening"
    return replace(each, name=name, raw_params=raw_params | {"company": name})


def fit(cut: Cut, params: Params) -> Any:
    """The model, on what the clock of the history says was known."""
    rows = labelled_rows(cut.features, cut.labels, params.train.treated_rows)
    single = recipe.with_one_thread(params)
    return candidates.model_factory(single)(MODEL).fit(rows.X, rows.churned, rows.weight)


def risks(model: Any, now: pa.Table) -> pd.Series:
    """The churn probability of a cohort, by customer."""
    predicted = candidates.predict(model, feature_table.matrix(now))
    return pd.Series(predicted, index=now["customer_id"].to_pandas())


def compare(each: Company, work: Path) -> list[dict[str, Any]]:
    """AUC and log-loss at every cut that both histories can learn at."""
    knowing, happened = History(each, work), History(by_happening(each), work)
    rows = []
    for day in sorted(set(knowing.cuts) & set(happened.cuts)):
        here, there = knowing.cut(day), happened.cut(day)
        if min(len(here.labels), len(there.labels)) == 0:
            continue
        now, dated = (recipe.cohort_features(cut.features, cut) for cut in (here, there))
        of_writing = fit(there, happened.params)
        table = pd.DataFrame(
            {
                BY_KNOWING: risks(fit(here, knowing.params), now),
                BACKTEST: risks(of_writing, dated),
                ON_THE_DAY: risks(of_writing, now),
            }
        ).dropna()
        truth = here.truth.to_pandas().set_index("customer_id")["churned"].astype(float)
        y: Floats = truth.reindex(table.index).to_numpy()
        for name in table:
            p = table[name].to_numpy()
            figures = {"auc": metrics.roc_auc(y, p), "log_loss": metrics.log_loss(y, p)}
            rows.append({"history": each.name, "cut": here.date, "features": name} | figures)
    return rows


def picture(table: pd.DataFrame) -> Figure:
    """Mean AUC by history and kind of features."""
    means = table.pivot_table(index="history", columns="features", values="auc")
    means = means[[BACKTEST, BY_KNOWING, ON_THE_DAY]]
    figure = Figure(figsize=(7, 3.4), layout="constrained")
    panel = figure.subplots()
    colours = {BACKTEST: "#d9a441", BY_KNOWING: "#0b5cad", ON_THE_DAY: "#a33b3b"}
    for shift, (name, column) in enumerate(means.items()):
        panel.bar(np.arange(len(means)) + 0.27 * (shift - 1), column, 0.25, label=str(name),
                  color=colours[str(name)])  # fmt: skip
    panel.set_xticks(np.arange(len(means)), means.index)
    panel.set_ylabel("AUC, mean over the cuts")
    panel.set_ylim(bottom=max(0.0, float(means.min().min()) - 0.05))
    panel.legend(fontsize=8)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description="What a clock of knowing is worth.")
    parser.add_argument("names", nargs="*", help="histories; all without")
    parser.add_argument("--histories", type=Path, required=True, help="folder of NAME.csv.gz")
    parser.add_argument("--work", type=Path, default=WORK, help="folder of what a run continues")
    asked = parser.parse_args()
    rows = []
    for each in company.in_folder(asked.histories):
        events = each.raw_params["sources"]["history"]["events"]
        if "known_at" in events[0] and (not asked.names or each.name in asked.names):
            rows += compare(each, asked.work.resolve())
    table = pd.DataFrame(rows)
    means = table.groupby(["history", "features"], sort=False)[["auc", "log_loss"]].mean()
    cells = [
        [str(history), str(features), f"{auc:.4f}", f"{loss:.4f}"]
        for (history, features), auc, loss in means.itertuples()
    ]
    print(markdown(["history", "features", "AUC", "log-loss"], cells))
    figure = picture(table)
    FigureCanvasAgg(figure)
    with atomic.atomic_file(PICTURE) as temporary:
        figure.savefig(temporary, dpi=110, format="png", metadata={"Software": None})


if __name__ == "__main__":
    main()
