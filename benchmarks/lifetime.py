"""Curves and lifetime values against what came, each as of its own past day.

    python benchmarks/lifetime.py                      the companies that come with the project
    python benchmarks/lifetime.py --histories FOLDER   and each history NAME.csv.gz of a folder
    python benchmarks/lifetime.py cdnow telecom        some of them by name; prints only

The stages run up to `train`, whose folds predict past snapshots by what was known on them. Beside
their figures stand one Kaplan-Meier curve for all, BG/NBD with Gamma-Gamma (rule silence), and the
truth of the simulated company, which no stage reads. Runs that stand in the work folder are used
again. Writes benchmarks/lifetime.md.
"""

import argparse
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pandas as pd
import yaml

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.out_of_time import company  # noqa: E402
from benchmarks.out_of_time.company import Company  # noqa: E402
from examples.telecom.company import FIRST  # noqa: E402
from examples.telecom.write import truth  # noqa: E402
from models.components.base import Floats  # noqa: E402
from models.components.bgnbd import BGNBD  # noqa: E402
from models.components.gamma_gamma import GammaGamma  # noqa: E402
from models.components.rfm import MONEY, history  # noqa: E402
from retention.core import artefacts, point_in_time  # noqa: E402
from retention.core.documents.modelling import LifetimeFigures  # noqa: E402
from retention.core.params import Params, load_params  # noqa: E402
from retention.core.storage import atomic  # noqa: E402
from retention.training.histories import read_histories  # noqa: E402

PAGE, WORK = ROOT / "benchmarks/lifetime.md", ROOT / "data/benchmark/lifetime"
KEYS = ["customer_id", "snapshot_on"]
STAGES = ("customers", "events", "snapshots", "labels", "features", "train")


def telecom() -> Company:
    """The simulated company under its own params.yaml."""
    raw_params = yaml.safe_load((ROOT / "examples/telecom/params.yaml").read_text())
    return Company("telecom", raw_params, lambda folder: _write_telecom(folder))


def _write_telecom(folder: Path) -> None:
    from examples.telecom.write import write_histories

    write_histories(folder / "data/example/telecom", load_params(folder / "params.yaml").simulation)


def run(each: Company, work: Path) -> Path:
    """The folder in which the stages have run, or run now."""
    folder = work / each.name.replace(" ", "-").replace("/", "-")
    if artefacts.LIFETIME.under(folder).path.is_file():
        return folder
    folder.mkdir(parents=True, exist_ok=True)
    (folder / "params.yaml").write_text(yaml.safe_dump(each.raw_params, sort_keys=False))
    each.write(folder)
    environment = os.environ | {"PYTHONPATH": str(ROOT)}
    sources = [["ingest", name] for name in each.raw_params["sources"]]
    for words in (["params"], ["extract"], *sources, *([stage] for stage in STAGES)):
        command = [sys.executable, "-m", f"pipeline.{words[0]}", *words[1:]]
        subprocess.run(command, cwd=folder, env=environment, check=True, stderr=subprocess.DEVNULL)
    return folder


def figures(each: Company, folder: Path) -> pd.DataFrame:
    """What stage `train` measured, with the alternatives beside it."""
    params = load_params(folder / "params.yaml")
    report = artefacts.LIFETIME.under(folder).read()
    measured = pd.DataFrame([row.as_json() for row in report.figures])
    if measured.empty:
        return measured
    tables = {
        table: table.under(folder).read().to_pandas()
        for table in (artefacts.FEATURES, artefacts.DURATIONS, artefacts.LABELS)
    }
    rows = tables[artefacts.LABELS].merge(tables[artefacts.DURATIONS], on=KEYS)
    rows = rows.merge(tables[artefacts.FEATURES], on=KEYS).sort_values(KEYS)
    later = artefacts.LATER_VALUES.under(folder).read().to_pandas()
    histories = read_histories(artefacts.HISTORIES.under(folder).read())
    beside = []
    for row in report.figures:
        cohort = rows[rows["snapshot_on"] == row.snapshot]
        counts = histories.on(point_in_time.day_number(row.snapshot))
        if params.labels.churn.rule == "silence":
            beside.append(by_purchases(cohort, counts, later, row, params))
        elif each.name == "telecom":
            beside.append(by_truth(cohort, row, params))
        else:
            beside.append({})
    return pd.concat([measured, pd.DataFrame(beside)], axis=1).assign(company=each.name)


def by_purchases(
    cohort: pd.DataFrame,
    counts: pd.DataFrame | None,
    later: pd.DataFrame,
    row: LifetimeFigures,
    params: Params,
) -> dict[str, float]:
    """Brier score of BG/NBD, and bias and error of BG/NBD with Gamma-Gamma."""
    model = BGNBD.fit_histories(counts)
    bought, x, t_x, T = history(cohort)
    if model is None or not bought.all():
        return {}
    horizon, gap = params.labels.churn.horizon_days, params.labels.churn.gap_days
    silent = model.p_silent(x, t_x, T, horizon, gap + row.days - horizon)
    left = (cohort["left_after"] <= row.days).to_numpy(dtype=float)
    result = {"brier_bgnbd": float(np.mean((left - silent) ** 2))}
    money = cohort[MONEY].fillna(0.0).to_numpy(dtype=float)
    if row.value_days and (money > 0).any():
        spend = money / (x + 1)
        mean = GammaGamma.fit(x + 1, spend, np.ones(len(x))).expected_spend(x + 1, spend)
        expected = model.expected_purchases(x, t_x, T, row.value_days) * mean
        actual = realised(cohort, later, row.value_days // params.labels.value.horizon_days)
        result["value_bias_bgnbd"] = float(expected.sum() / actual.sum())
        result["value_error_bgnbd"] = float(np.abs(expected - actual).mean())
    return result


def realised(cohort: pd.DataFrame, later: pd.DataFrame, windows: int) -> Floats:
    """What each customer of a cohort brought in so many windows."""
    closed = later[later["window"] <= windows].groupby(KEYS)["value"].sum()
    keys = pd.MultiIndex.from_frame(cohort[KEYS])
    return np.asarray(cohort["value"].to_numpy() + closed.reindex(keys).fillna(0.0).to_numpy())


_TRUTH: dict[int, pd.DataFrame] = {}


def by_truth(cohort: pd.DataFrame, row: LifetimeFigures, params: Params) -> dict[str, float]:
    """Brier score of the simulator's own chances, interpolated between weeks."""
    week = (row.snapshot - FIRST).days // 7
    if week not in _TRUTH:
        marks = tuple(range(1, 54))
        simulation = params.simulation
        table, _ = truth(simulation, [week], params.labels.value.margin, marks)
        _TRUTH[week] = table.to_pandas().set_index("customer_id")
    chances = _TRUTH[week].reindex(cohort["customer_id"])
    weeks, part = divmod(row.days, 7)
    low = chances[f"left_within_{weeks}"] if weeks else 0.0
    chance = low + part / 7 * (chances[f"left_within_{weeks + 1}"] - low)
    left = (cohort["left_after"] <= row.days).to_numpy(dtype=float)
    has_truth = chance.notna().to_numpy()
    return {
        "brier_oracle": float(np.mean((left[has_truth] - chance.to_numpy()[has_truth]) ** 2)),
        "chance_oracle": float(chance.mean()),
    }


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("names", nargs="*")
    parser.add_argument("--histories", type=Path)
    parser.add_argument("--work", type=Path, default=WORK)
    asked = parser.parse_args()
    companies = [*company.shipped(), telecom()]
    if asked.histories:
        companies += company.in_folder(asked.histories)
    if asked.names:
        companies = [each for each in companies if each.name in asked.names]
    parts = []
    for each in companies:
        parts.append(figures(each, run(each, asked.work.resolve())))
        print(parts[-1].to_string(), flush=True)
    if not asked.names:
        atomic.write_text(PAGE, page(pd.concat(parts)))


def page(table: pd.DataFrame) -> str:
    """The page with one row a snapshot and a number of days."""
    columns = ["company", *(str(name) for name in table if name != "company")]
    lines = ["# Curves and lifetime values, each as of its own day", ""]
    lines += ["| " + " | ".join(columns) + " |", "| " + " | ".join("---" for _ in columns) + " |"]
    for row in table[columns].itertuples(index=False):
        cells = ["" if pd.isna(value) else _cell(value) for value in row]
        lines.append("| " + " | ".join(cells) + " |")
    return "\n".join(lines) + "\n"


def _cell(value: object) -> str:
    return f"{value:.3f}" if isinstance(value, float) else str(value)


if __name__ == "__main__":
    main()
