"""Recovery of planted effects. The simulated telecom company is run through the pipeline's stages,
and their scores, values and causes are compared with the truth that no stage reads: for several
seeds, for another draw of every parameter, and for a company where service failures have no
effect.

    python benchmarks/telecom.py                 every scenario; writes benchmarks/telecom.md
    python benchmarks/telecom.py plain no-effect some of them; prints only
"""

import datetime as dt
import os
import subprocess
import sys
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

import numpy as np
import pandas as pd
import yaml

from examples.telecom.company import FIRST
from examples.telecom.mechanism import CAUSES
from examples.telecom.write import truth
from features import discover
from models.components.base import Floats, log_odds
from models.components.calibration import logistic_line
from retention.core import artefacts, point_in_time
from retention.core.params import Params, load_params
from retention.core.storage import atomic
from retention.stats import bootstrap
from retention.training import candidates, metrics
from retention.training.folds import split_by_time
from retention.training.rows import labelled_rows

ROOT = Path(__file__).resolve().parent.parent
STAGES = "customers events snapshots labels scorecard features train evaluate".split()  # noqa: SIM905
SERVICE = {
    "promises",
    "returns",
    "contacts",
    "touches",
    "channels",
    "resolution",
    "solutions",
    "satisfaction",
    "billing",
    "portal",
    "journey",
    "advocacy",
}
SCENARIOS: dict[str, dict[str, Any]] = {
    "plain": {},
    "no-effect": {"service_effect": 0.0},
    "seed 11": {"seed": 11},
    "seed 12": {"seed": 12},
    "seed 13": {"seed": 13},
    "draw 1": {"draw": 1, "seed": 14},
}
REPLICATES, SEED = 500, 7


def run_stages(folder: Path, params: Params) -> float:
    """Run the pipeline's stages in the folder, up to evaluate and scorecard; return the seconds."""
    environment = os.environ | {
        "PYTHONPATH": str(ROOT),
        "MLFLOW_TRACKING_URI": f"sqlite:///{folder}/mlflow.db",
    }
    start = monotonic()
    ingests = [["ingest", source] for source in params.sources]
    for words in [["params"], ["example"], *ingests, *([stage] for stage in STAGES)]:
        command = [sys.executable, "-m", f"pipeline.{words[0]}", *words[1:]]
        subprocess.run(command, cwd=folder, env=environment, check=True)
    return monotonic() - start


def week_of(day: dt.date) -> int:
    """The week of the simulation that a snapshot begins."""
    weeks, rest = divmod((day - FIRST).days, 7)
    assert rest == 0, f"{day} begins no week"
    return weeks


def slope(p_true: Floats, p: Floats) -> float:
    """Slope of the true log-odds on those predicted (Cox 1958); 1 is calibrated."""
    line = logistic_line(log_odds(p), p_true, np.ones_like(p))
    return line[1] if line else float("nan")


def share_of_oracle(y: Floats, p: Floats, p_true: Floats) -> tuple[float, float, float]:
    """AUC, AUC of the truth, and the share of its distance from .5 that is reached."""
    auc, oracle = metrics.roc_auc(y, p), metrics.roc_auc(y, p_true)
    return auc, oracle, (auc - 0.5) / (oracle - 0.5)


def without_service(folder: Path, params: Params) -> tuple[pd.Series, Floats]:
    """Customers of the test snapshot, and LightGBM's probabilities without service features.

    It is tuned on the same folds and fitted on the same rows as the one with them.
    """
    features = artefacts.FEATURES.under(folder).read()
    themes = {feature.name: feature.theme for feature in discover(params.features.windows)}
    columns = [name for name in features.column_names if themes.get(name) not in SERVICE]
    labels = artefacts.LABELS.under(folder).read()
    rows = labelled_rows(features.select(columns), labels, params.train.treated_rows)
    delay = point_in_time.label_delay_days(params.labels)
    when = split_by_time(sorted(set(rows.day.tolist())), delay, params.train.folds)
    assert when.test_fold is not None
    make = candidates.model_factory(params)
    model = candidates.evaluate_candidate(make, "churn_lightgbm", rows, when.folds, delay)
    return pd.Series(rows.tests([when.test_fold]).customer), model.folds[-1].predicted


def agreement(folder: Path, departures: pd.DataFrame) -> tuple[pd.DataFrame, float]:
    """Excess losses of each cause on the scorecard, and the departures that it truly caused.

    Returns the table and Spearman's correlation of the two.
    """
    excess_lost = artefacts.SCORECARD_METRICS.under(folder).read().excess_lost
    true = departures["cause"].value_counts()
    table = pd.DataFrame(
        {"true": true.reindex(CAUSES, fill_value=0), "found": pd.Series(excess_lost)}
    )
    table = table.fillna(0.0)
    return table, metrics.spearman(table["true"].to_numpy(float), table["found"].to_numpy(float))


def scenario(name: str) -> dict[str, Any]:
    """All figures of one scenario."""
    with TemporaryDirectory(prefix="telecom-") as place:
        folder = Path(place)
        raw_params = yaml.safe_load((ROOT / "examples/telecom/params.yaml").read_text())
        raw_params["simulation"] |= SCENARIOS[name]
        atomic.write_text(folder / "params.yaml", yaml.safe_dump(raw_params))
        params = load_params(folder / "params.yaml")
        seconds = run_stages(folder, params)
        predictions = artefacts.PREDICTIONS.under(folder).read().to_pandas()
        models = artefacts.TEST_PREDICTIONS.under(folder).read().to_pandas()
        day = predictions["snapshot_on"].max()
        predictions, models = (
            table[table["snapshot_on"] == day].reset_index(drop=True)
            for table in (predictions, models)
        )
        customers, bare = without_service(folder, params)
        selection_report = artefacts.SELECTION.under(folder).read()
        snapshots, departures = (
            table.to_pandas()
            for table in truth(params.simulation, [week_of(day)], params.labels.value.margin)
        )
        causes, correlation = agreement(folder, departures)
        claims = _claims(folder)
    boosted = models[models["model"] == "churn_lightgbm"].set_index("customer_id")["prediction"]
    joined = predictions.merge(snapshots, on=["customer_id", "snapshot_on"], suffixes=("", "_true"))
    y, p = joined["churned"].to_numpy(float), joined["churn_probability"].to_numpy()
    p_true, money = joined["churn_probability_true"].to_numpy(), joined["value"].to_numpy()
    auc, oracle, oracle_share = share_of_oracle(y, p, p_true)
    value_correlation, best = (
        metrics.spearman(money, joined[column].to_numpy())
        for column in ("expected_value", "expected_value_true")
    )
    labels = predictions.set_index("customer_id").loc[customers, "churned"].to_numpy(float)
    gain = bootstrap.paired_difference(
        metrics.roc_auc,
        labels,
        boosted.loc[customers].to_numpy(),
        bare,
        customers,
        REPLICATES,
        SEED,
    )
    return {
        "scenario": name,
        "customers": len(joined),
        "churned": f"{y.mean():.1%}",
        "chosen": selection_report.chosen["churn"],
        "AUC": f"{auc:.4f}",
        "oracle": f"{oracle:.4f}",
        "share": f"{oracle_share:.3f}",
        "slope": f"{slope(p_true, p):.3f}",
        "value": f"{value_correlation:.4f}",
        "value oracle": f"{best:.4f}",
        "value share": f"{value_correlation / best:.3f}",
        "causes": f"{correlation:.2f}" if np.isfinite(correlation) else "none planted",
        "claims": claims,
        "AUC of service": f"{gain.difference:+.4f} ({gain.low:+.4f} to {gain.high:+.4f})",
        "seconds": f"{seconds:.0f}",
        "table": causes,
    }


def _claims(folder: Path) -> int:
    """Number of causes that the scorecard reports as associated with losses."""
    rows = pd.read_csv(folder / artefacts.SCORECARD_TABLE, dtype=str)
    excess_rows = rows[(rows["section"] == "why") & (rows["measure"] == "excess")]
    return int(excess_rows["verdict"].fillna("").str.startswith("associated").sum())


def markdown(scenarios: list[dict[str, Any]]) -> str:
    columns = [name for name in scenarios[0] if name != "table"]
    body = [[str(figures[name]) for name in columns] for figures in scenarios]
    lines = [columns, ["---"] * len(columns), *body]
    text = ["\n".join("| " + " | ".join(line) + " |" for line in lines)]
    for figures in scenarios:
        rows = figures["table"].round(0).astype(int).reset_index(names="cause")
        head = [["cause", "true departures", "excess found"], ["---"] * 3]
        body = [*head, *rows.astype(str).to_numpy().tolist()]
        text.append(f"## Causes, {figures['scenario']}")
        text.append("\n".join("| " + " | ".join(line) + " |" for line in body))
    return "\n\n".join(text)


INTRODUCTION = """# The telecom company, against its truth

The newest snapshot with mature labels, which nothing has seen. `oracle` is the AUC of the true
probability, `share` = (AUC - .5) / (oracle - .5); `slope` of the true log-odds on those
predicted; `value` Spearman's correlation of expected and realised value, beside that of the true
expectation; `causes` Spearman's correlation of the scorecard's excess losses and the departures
truly due to each cause, `claims` how many of seven causes it claims; `AUC of service` what the
service features add to LightGBM, with 95 % intervals over customers; `seconds` of the stages up to
evaluate and scorecard.
"""


def main() -> None:
    asked = sys.argv[1:]
    scenarios = [scenario(name) for name in asked or SCENARIOS]
    text = f"{INTRODUCTION}\n{markdown(scenarios)}\n"
    print(text)
    if not asked:
        atomic.write_text(ROOT / "benchmarks/telecom.md", text)


if __name__ == "__main__":
    main()
