"""Quality of the scores against baselines. A history is cut at a date and the pipeline gets only
what lies before it; its scores are compared with the withheld outcomes, beside the baselines that
a user would pick instead, on the same customers.

    python benchmarks/quality.py            both companies; writes benchmarks/quality.md
    python benchmarks/quality.py grocer     one company; prints only
"""

import datetime as dt
import os
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np
import pandas as pd
import yaml

from models.components.base import Floats
from pipeline import example
from retention.core import artefacts, feature_table
from retention.core.params import load_params
from retention.core.storage import atomic
from retention.stats import bootstrap
from retention.training import metrics, selection
from retention.training.rows import labelled_rows

ROOT = Path(__file__).resolve().parent.parent
STAGES = tuple(
    "customers events snapshots labels features train uplift evaluate promote score".split()  # noqa: SIM905
)
REPLICATES, SEED = 1000, 7


@dataclass(frozen=True)
class Company:
    """A history and how it is cut."""

    cut: dt.date
    read_history: Callable[[Path], pd.DataFrame]  # customer_id, day and money, one row per line
    trim: Callable[[Path, dt.date], None]  # the raw files, to what lies before a date


def _read_grocer(folder: Path) -> pd.DataFrame:
    lines = pd.read_csv(folder / "transactions.csv", dtype={"household_id": str})
    bought = lines[(lines["quantity"] > 0) | (lines["sales_value"] > 0)]
    bought_at = pd.to_datetime(bought["transaction_timestamp"]).dt.tz_localize("UTC")
    day = bought_at.dt.tz_convert("America/New_York").dt.date
    return pd.DataFrame(
        {"customer_id": bought["household_id"], "day": day, "money": bought["sales_value"]}
    )


def _grocer_trim(folder: Path, cut: dt.date) -> None:
    midnight = pd.Timestamp(cut, tz="America/New_York").tz_convert("UTC").tz_localize(None)
    ends = {
        "transactions": ("transaction_timestamp", str(midnight)),
        "campaigns": ("start_date", str(cut)),
        "coupon_redemptions": ("redemption_date", str(cut)),
    }
    for name, (column, end) in ends.items():
        _trim(folder / f"{name}.csv", column, end)


def _read_cdnow(folder: Path) -> pd.DataFrame:
    rows = pd.read_csv(folder / "purchases.csv", dtype=str)
    day = pd.to_datetime(rows["date"], format="%Y%m%d").dt.date
    money = rows["dollar_value"].astype(float)
    return pd.DataFrame({"customer_id": rows["customer_id"], "day": day, "money": money})


def _cdnow_trim(folder: Path, cut: dt.date) -> None:
    _trim(folder / "purchases.csv", "date", cut.strftime("%Y%m%d"))


def _trim(path: Path, column: str, end: str) -> None:
    """Keep the rows whose text in `column` sorts before `end`."""
    rows = pd.read_csv(path, dtype=str, keep_default_na=False)
    rows[rows[column] < end].to_csv(path, index=False)


COMPANIES = {
    "grocer": Company(dt.date(2017, 12, 1), _read_grocer, _grocer_trim),
    "cdnow": Company(dt.date(1998, 4, 1), _read_cdnow, _cdnow_trim),
}


def prepare(name: str, folder: Path) -> pd.DataFrame:
    """Write params and the trimmed raw files; return the whole history."""
    company = COMPANIES[name]
    raw = folder / "data/example" / name
    example.COMPANIES[name](raw)
    history = company.read_history(raw)
    company.trim(raw, company.cut)
    raw_params = yaml.safe_load((ROOT / "examples" / name / "params.yaml").read_text())
    raw_params["as_of"] = str(company.cut)
    atomic.write_text(folder / "params.yaml", yaml.safe_dump(raw_params))
    return history


def run_stages(folder: Path, sources: list[str]) -> None:
    """Run the pipeline's stages in the folder, from ingest to score."""
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
    }
    for words in [*(["ingest", source] for source in sources), *([stage] for stage in STAGES)]:
        command = [sys.executable, "-m", f"pipeline.{words[0]}", *words[1:]]
        subprocess.run(command, cwd=folder, env=environment, check=True)


def truth(history: pd.DataFrame, customers: pd.Series, cut: dt.date, days: int) -> pd.DataFrame:
    """churned and value of the customers in [cut, cut + days), from the withheld history."""
    window = history[(history["day"] >= cut) & (history["day"] < cut + dt.timedelta(days))]
    money = window.groupby("customer_id")["money"].sum()
    return pd.DataFrame(
        {
            "churned": (~customers.isin(money.index)).astype(float),
            "value": customers.map(money).fillna(0.0),
        }
    )


def predictions(folder: Path) -> tuple[pd.Series, dict[str, Floats], dict[str, Floats]]:
    """Customers at the cut; per model its churn probability; per model its expected value."""
    params = load_params(folder / "params.yaml")
    features = artefacts.FEATURES.under(folder).read()
    rows = labelled_rows(features, artefacts.LABELS.under(folder).read())
    now = features.filter(np.array(features["snapshot_on"]) == np.datetime64(params.as_of))
    selection_report, X = artefacts.SELECTION.under(folder).read(), feature_table.matrix(now)
    make = selection.model_factory(params)
    by_task: dict[str, dict[str, Floats]] = {"churn": {}, "value": {}}
    for name, tuned in selection_report.params.items():
        task = name.partition("_")[0]
        model = make(name, **tuned).fit(rows.X, rows.target(task), rows.weight)
        by_task[task][name] = selection.predict(model, X)
    customers = now["customer_id"].to_pandas()
    scores = artefacts.SCORES.under(folder).read().to_pandas().set_index("customer_id")
    by_task["churn"]["recipe"] = scores.loc[customers, "churn_probability"].to_numpy()
    by_task["value"]["recipe"] = scores.loc[customers, "expected_value"].to_numpy()
    return customers, by_task["churn"], by_task["value"]


def churn_table(y: Floats, predicted: dict[str, Floats], customers: pd.Series) -> pd.DataFrame:
    """One row per model: figures, and the paired difference of the recipe's AUC."""
    rows = {}
    for name, p in predicted.items():
        inside = np.clip(p, 1e-9, 1 - 1e-9)
        gain = bootstrap.paired_difference(
            metrics.roc_auc, y, predicted["recipe"], p, customers, REPLICATES, SEED
        )
        rows[name] = {
            "AUC": f"{metrics.roc_auc(y, p):.4f}",
            "average precision": f"{metrics.average_precision(y, p):.4f}",
            "Brier": f"{metrics.brier(y, p):.4f}",
            "log-loss": f"{metrics.log_loss(y, inside):.4f}",
            "ECE": f"{metrics.ece(y, p):.4f}",
            "recipe's AUC less this": ""
            if name == "recipe"
            else f"{gain.difference:+.4f} ({gain.low:+.4f} to {gain.high:+.4f}, "
            f"s.e. {gain.standard_error:.4f})",
        }
    return pd.DataFrame.from_dict(rows, orient="index")


def value_table(y: Floats, predicted: dict[str, Floats]) -> pd.DataFrame:
    rows = {
        name: {
            "MAE": f"{metrics.mae(y, mean):.2f}",
            "bias (predicted / actual)": f"{metrics.bias(y, mean):.3f}",
            "Spearman": f"{metrics.spearman(y, mean):.4f}",
            "normalised Gini": f"{metrics.normalised_gini(y, mean):.4f}",
        }
        for name, mean in predicted.items()
    }
    return pd.DataFrame.from_dict(rows, orient="index")


def markdown(table: pd.DataFrame) -> str:
    head = ["model", *table.columns]
    lines = [head, ["---"] * len(head), *([name, *row] for name, *row in table.itertuples())]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def benchmark(name: str) -> str:
    """The report on one company, in Markdown."""
    company = COMPANIES[name]
    with TemporaryDirectory(prefix=f"quality-{name}-") as place:
        folder = Path(place)
        history = prepare(name, folder)
        params = load_params(folder / "params.yaml")
        run_stages(folder, list(params.sources))
        customers, churn, value = predictions(folder)
        selection_report = artefacts.SELECTION.under(folder).read()
    days = params.labels.churn.horizon_days
    true = truth(history, customers, company.cut, days)
    y, money = true["churned"].to_numpy(), true["value"].to_numpy()
    return "\n\n".join(
        [
            f"## {params.company}, cut at {company.cut}",
            f"{len(customers):,} customers watched, {y.mean():.1%} silent in the {days} days that "
            f"were withheld. The recipe chose {selection_report.chosen['churn']} and "
            f"{selection_report.chosen['value']}, calibrator {selection_report.calibrator}.",
            markdown(churn_table(y, churn, customers)),
            markdown(value_table(money, value)),
        ]
    )


def main() -> None:
    asked = sys.argv[1:]
    reports = [benchmark(name) for name in asked or COMPANIES]
    text = "\n\n".join(["# Quality, against what a user would pick instead", *reports]) + "\n"
    print(text)
    if not asked:
        atomic.write_text(ROOT / "benchmarks/quality.md", text)


if __name__ == "__main__":
    main()
