"""How much data is enough: quality against the number of customers and the months of history.

    python benchmarks/enough_data.py                      the larger companies of the project
    python benchmarks/enough_data.py --histories FOLDER   and those of a folder
    python benchmarks/enough_data.py --tables             page and picture again, from the csv

Customers: at the last cut of each larger history the recipe learns from a sample of the customers,
and scores the whole cohort. Months: the cuts of benchmarks/quality.csv. Writes
benchmarks/enough_data.csv, docs/enough-data.md and docs/images/enough-data.png.
"""

import argparse
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.out_of_time import company, invented, measures, points, recipe  # noqa: E402
from benchmarks.out_of_time.company import Company  # noqa: E402
from benchmarks.out_of_time.lattice import Cut, History, fingerprint  # noqa: E402
from benchmarks.out_of_time.prediction import PROJECT  # noqa: E402
from benchmarks.out_of_time.report import markdown  # noqa: E402
from retention.core.storage import atomic  # noqa: E402

CSV, QUALITY = ROOT / "benchmarks/enough_data.csv", ROOT / "benchmarks/quality.csv"
PAGE, PICTURE = ROOT / "docs/enough-data.md", ROOT / "docs/images/enough-data.png"
WORK = ROOT / "data/benchmark"
SIZES, SAMPLES, SEED = (50, 100, 200, 400, 800, 1600, 3200), 2, 7  # customers of a history
MONTHS = (0, 7.5, 10.5, 13.5, 18, 24, 36, np.inf)  # edges of the groups of cuts
CLOSE, ECE_LIMIT = 0.01, 0.03

_HEAD = """# Do we have enough data?

`retention check` tells it for your own data: how many months, customers and leavers there are,
which step of [your-data.md](your-data.md#how-much-history) follows from them, and what is missing
to the next one at the pace of your own customers. Before the first run it knows of small files
only; run it again after `make repro`. Where there is enough, it says how well one past period tells
the share who leave, and when the same season of last year can be compared with.

What more data brought elsewhere is below; `python benchmarks/enough_data.py` and
`python benchmarks/quality.py` make the figures. They are of single companies: read from them that
quality flattens out, not at which number it does for you.
"""


def of_customers(cut: Cut, customers: pd.Series) -> Cut:
    """The cut as a company with only these customers has it; the cohort to score stays whole."""
    selected = pa.array(customers.tolist())
    now = pc.equal(cut.features["snapshot_on"], pc.max(cut.features["snapshot_on"]))
    learning = pc.or_(pc.is_in(cut.features["customer_id"], selected), now)
    return replace(
        cut,
        features=cut.features.filter(learning),
        labels=cut.labels.filter(pc.is_in(cut.labels["customer_id"], selected)),
        orders=cut.orders[cut.orders["customer_id"].isin(customers)],
    )


def by_customers(each: Company, work: Path) -> list[dict[str, Any]]:
    """AUC and ECE at the last cut of a history, by the number of customers learnt from."""
    history = History(each, work)
    cut = history.cut(history.cuts[-1])
    everyone = pd.Series(np.sort(cut.orders["customer_id"].unique()))
    y = cut.truth["churned"].to_numpy().astype(float)
    rows = []
    for size in [*(size for size in SIZES if size < 0.7 * len(everyone)), len(everyone)]:
        for sample in range(SAMPLES if size < len(everyone) else 1):
            customers = everyone.sample(size, random_state=SEED + sample)
            key = fingerprint(recipe.CODE, f"{history.key} {cut.day} {size} {sample}")
            cached = history.folder / "samples" / f"{key}.json"
            if not cached.exists():
                prediction = recipe.predict(of_customers(cut, customers), history.params)
                figures = (
                    {} if prediction.churn is None else measures.churn_row(y, prediction.churn)
                )
                atomic.make_folder(cached.parent)
                atomic.write_json(cached, {"figures": figures, "note": prediction.note})
            content = atomic.read_json(cached)
            about = {"history": each.name, "customers": size, "sample": sample}
            rows.append(about | content["figures"] | {"note": content["note"]})
            print(rows[-1], flush=True)
    return rows


def customers_table(table: pd.DataFrame) -> str:
    """AUC and ECE by history and number of customers."""
    sizes = sorted(size for size in table["customers"].unique() if size in SIZES)
    rows = []
    for name, history in table.groupby("history", sort=False):
        whole = history["customers"].max()
        means = history.groupby("customers")[["auc", "ece"]].mean()
        cells = [_cell(means, size) for size in [*(size for size in sizes if size < whole), whole]]
        cells[len(cells) - 1 : len(cells) - 1] = [""] * (len(sizes) + 1 - len(cells))
        rows.append([f"{name} ({whole:,})", *cells])
    return markdown(["history (customers)", *(f"{size:,}" for size in sizes), "all"], rows)


def _cell(means: pd.DataFrame, size: int) -> str:
    if size not in means.index:
        return ""
    auc, ece = means["auc"][size], means["ece"][size]
    return "no list" if pd.isna(auc) else f"{auc:.3f} / {ece:.3f}"


def months_table(quality: pd.DataFrame) -> str:
    """AUC of ours less the best simple other, and ECE, by months of history at the cut."""
    counted = points.counted(quality)
    gains = points.against(counted, "auc")
    own = counted[counted["contestant"] == PROJECT].set_index(points.KEYS)
    about = counted.drop_duplicates(points.KEYS).set_index(points.KEYS)
    frame = gains.join(about[["months"]]).join(own[["ece", "ece_by_chance"]])
    frame["group"] = pd.cut(frame["months"], MONTHS)
    rows = []
    for group, cuts in frame.groupby("group", observed=True):
        edges = group if isinstance(group, pd.Interval) else pd.Interval(0, 0)
        has_list = cuts["ours"].notna()
        rows.append(
            [
                f"{edges.left:g} to {edges.right:g}" if np.isfinite(edges.right) else "more",
                f"{len(cuts)} of {cuts.index.get_level_values('history').nunique()} histories",
                f"{int(has_list.sum())}",
                f"{cuts['ours'].mean():.3f}",
                f"{cuts['gain'].mean():+.3f}",
                f"{cuts['ece'].mean():.3f}",
                f"{cuts['ece_by_chance'].mean():.3f}",
            ]
        )
    head = ["months", "cuts", "with a list", "AUC", "less the best other", "ECE", "ECE by chance"]
    return markdown(head, rows)


def enough(table: pd.DataFrame) -> str:
    """From how many customers on the AUC is close to that of all, a line for each history."""
    lines = []
    for name, history in table.groupby("history", sort=False):
        means = history.groupby("customers")[["auc", "ece"]].mean()
        close = means["auc"] >= means["auc"].iloc[-1] - CLOSE
        # From here on it stays close: the last size that is not, and then the next.
        first = means.index[np.flatnonzero(~close)[-1] + 1] if (~close).any() else means.index[0]
        lines.append(f"- {name}: within {CLOSE} of the AUC of all from {first:,} customers on.")
    return "\n".join(lines)


def page(table: pd.DataFrame, quality: pd.DataFrame) -> str:
    """The page, in Markdown."""
    sections = [
        _HEAD.strip(),
        "![AUC and ECE by number of customers](images/enough-data.png)",
        "## How many customers",
        "Models that learnt from a sample of the customers (all who ever bought) scored the same "
        f"cohort; AUC / ECE, means of {SAMPLES} samples.",
        customers_table(table),
        enough(table),
        "## How many months",
        "Cuts of all histories by their age on the day. ECE by chance: what probabilities that are "
        "right would show in 5 of 100 cohorts of that size.",
        months_table(quality),
    ]
    return "\n\n".join(sections) + "\n"


def picture(table: pd.DataFrame) -> Figure:
    """AUC and ECE by the number of customers, a line a history."""
    figure = Figure(figsize=(9, 3.6), layout="constrained")
    for panel, measure in zip(figure.subplots(1, 2), ("auc", "ece"), strict=True):
        for name, history in table.groupby("history", sort=False):
            means = history.groupby("customers")[measure].mean()
            panel.plot(means.index, means, "o-", markersize=3, label=str(name))
        panel.set_xscale("log")
        panel.set_xticks(SIZES, [f"{size:,}" for size in SIZES], fontsize=8)
        panel.minorticks_off()
        panel.set_xlabel("customers to learn from")
        panel.set_title({"auc": "AUC", "ece": "ECE"}[measure])
        panel.grid(alpha=0.3)
    panel.axhline(ECE_LIMIT, color="#888888", linestyle=":")
    panel.legend(fontsize=7)
    return figure


def main() -> None:
    parser = argparse.ArgumentParser(description="Quality against the amount of data.")
    parser.add_argument("names", nargs="*", help="companies; all with enough customers without")
    parser.add_argument("--histories", type=Path, help="folder of NAME.csv.gz")
    parser.add_argument("--work", type=Path, default=WORK, help="folder of what a run continues")
    parser.add_argument("--tables", action="store_true", help="from the csv files alone")
    asked = parser.parse_args()
    if not asked.tables:
        companies = [*company.shipped(), *invented.invented()]
        if asked.histories:
            companies += company.in_folder(asked.histories)
        names = asked.names or LARGER
        rows = [
            row
            for each in companies
            if each.name in names
            for row in by_customers(each, asked.work.resolve())
        ]
        pd.DataFrame(rows).to_csv(CSV, index=False, float_format="%.5g")
    table, quality = pd.read_csv(CSV), pd.read_csv(QUALITY)
    atomic.write_text(PAGE, page(table, quality))
    figure = picture(table)
    FigureCanvasAgg(figure)
    with atomic.atomic_file(PICTURE) as temporary:
        figure.savefig(temporary, dpi=110, format="png", metadata={"Software": None})


LARGER = (
    "grocer",
    "cdnow",
    "seasonal retailer",
    "steady replenishment",
    "apparel",
    "symfony",
    "grocery",
)

if __name__ == "__main__":
    main()
