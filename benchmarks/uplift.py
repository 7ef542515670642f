"""Recovery of planted treatment effects, of simulated campaigns and of the telecom company.

The campaigns (benchmarks/campaigns.py) have base rates of 2 to 98 %. The simulated telecom company
randomises its calls; the effects estimated from them are compared with the truth that no stage
reads, and with a twin company where calls have no effect.

    python -m benchmarks.uplift campaigns   writes that part of benchmarks/uplift.md
    python -m benchmarks.uplift telecom     the other part
    python -m benchmarks.uplift FOLDER      the same, with the stages' output kept in (and taken
                                            from) FOLDER
"""

import os
import re
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from time import monotonic
from typing import Any

import numpy as np
import pandas as pd
import yaml

import models
from benchmarks import uplift_campaigns
from examples.telecom.write import truth
from models.components.base import Floats
from models.components.uplift import FOLDS, RISK, ExperimentData, UpliftModel, fold_of
from retention.core import artefacts, point_in_time
from retention.core.params import Params, load_params
from retention.core.storage import atomic
from retention.uplift import metrics
from retention.uplift.metrics import Ranking

ROOT = Path(__file__).resolve().parent.parent
STAGES = "customers events snapshots labels features".split()  # noqa: SIM905
COMPANIES: dict[str, dict[str, Any]] = {"plain": {}, "calls do nothing": {"outreach_effect": 0.0}}
EVERY, TOP_SHARE, SEED = 28, 0.2, 7  # days between snapshots; share of callable customers
KEYS = ["customer_id", "snapshot_on"]
VALUE_EVERY = 8  # value models are fitted on every eighth mature snapshot
LEARNERS: dict[str, tuple[str, dict[str, Any]]] = {
    "no uplift": ("uplift_none", {}),
    "T-learner": ("uplift_t", {}),
    "doubly robust": ("uplift_dr", {}),
}


def run_stages(folder: Path, name: str) -> Params:
    """Run the stages up to features, unless the folder has them, with one snapshot per wave."""
    raw_params = yaml.safe_load((ROOT / "examples/telecom/params.yaml").read_text())
    raw_params["simulation"] |= COMPANIES[name]
    raw_params["snapshots"] = {"every_days": EVERY, "most": 60}
    atomic.write_text(folder / "params.yaml", yaml.safe_dump(raw_params))
    params = load_params(folder / "params.yaml")
    if not (folder / artefacts.FEATURES).exists():
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        ingests = [["ingest", source] for source in params.sources]
        for words in [["params"], ["example"], *ingests, *([stage] for stage in STAGES)]:
            command = [sys.executable, "-m", f"pipeline.{words[0]}", *words[1:]]
            subprocess.run(command, cwd=folder, env=environment, check=True)
    return params


def days(column: pd.Series) -> pd.Series:
    """Day numbers of dates."""
    return (pd.to_datetime(column) - pd.Timestamp("1970-01-01")).dt.days.astype("int64")


def callable_customers(folder: Path) -> pd.DataFrame:
    """The features of customers who had not given notice, with `day` and the labels, if mature."""
    features = artefacts.FEATURES.under(folder).read().to_pandas()
    labels = artefacts.LABELS.under(folder).read(columns=[*KEYS, "churned", "value"])
    joined: pd.DataFrame = features.merge(labels.to_pandas(), on=KEYS, how="left")
    joined = joined[joined["notice_given"].fillna(0) == 0]
    return joined.assign(day=days(joined["snapshot_on"])).sort_values(KEYS, ignore_index=True)


def cross_predictions(rows: pd.DataFrame, columns: list[str]) -> pd.DataFrame:
    """Out-of-fold RISK and `worth` (value if kept less value if lost) of every row.

    Customers are in five folds: no model has seen any row of a customer whom it predicts.
    """
    predicted = pd.DataFrame(index=rows.index, columns=[RISK, "worth"], dtype=float)
    labelled = rows[rows["churned"].notna()]
    some = labelled[labelled["day"].isin(sorted(set(labelled["day"]))[::-VALUE_EVERY])]
    fold = pd.Series(fold_of(rows["customer_id"], FOLDS, "foretold"), index=rows.index)
    for i in range(FOLDS):
        in_training, test_rows = fold != i, rows.index[fold == i]
        X, others = rows.loc[test_rows, columns], labelled[in_training[labelled.index]]
        half = others[others["day"].isin(sorted(set(others["day"]))[::-2])]
        predicted.loc[test_rows, RISK] = risk(half, X)
        sides = []
        for lost in (False, True):
            side = some[in_training[some.index] & (some["churned"].astype(bool) == lost)]
            model: Any = models.build("value_hurdle", 91, SEED, 1, {"learning_rate": 0.1})
            sides.append(model.fit(side[columns], side["value"]).predict(X))
        predicted.loc[test_rows, "worth"] = sides[0] - sides[1]
    return predicted


def risk(labelled: pd.DataFrame, X: pd.DataFrame) -> Floats:
    """(n,) P(churn) of X by boosted trees on labelled rows."""
    churn: Any = models.build("churn_lightgbm", 91, SEED, 1, {"learning_rate": 0.08})
    churn.fit(labelled[X.columns], labelled["churned"].astype(float))
    return np.asarray(churn.predict_proba(X)[:, 1])


@dataclass(frozen=True)
class Experiment:
    """A randomised experiment; n rows, one per customer and wave."""

    X: pd.DataFrame  # features as known before the treatment
    trial: ExperimentData
    worth: Floats  # value if kept less value if lost


def read_experiment(
    folder: Path, rows: pd.DataFrame, columns: list[str], params: Params
) -> Experiment:
    """The customers of each wave with the snapshot before it; only mature outcomes."""
    kinds = [("kind", "in", ["outreach", "cancel"])]
    names = ["customer_id", "kind", "occurred_day", "treatment"]
    events = artefacts.EVENTS.under(folder).read(columns=names, filters=kinds).to_pandas()
    events["day"] = events.pop("occurred_day").astype("int64")
    left = events[events["kind"] == "cancel"].groupby("customer_id")["day"].max()
    waves = events[events["kind"] == "outreach"].sort_values("day")
    before = rows[["customer_id", "day"]].assign(row=rows.index).sort_values("day")
    joined = pd.merge_asof(
        waves, before, on="day", by="customer_id", tolerance=EVERY, allow_exact_matches=True
    )
    horizon = params.labels.churn.horizon_days
    newest = rows["day"].max() - point_in_time.label_delay_days(params.labels)
    joined = joined[joined["row"].notna() & (joined["day"] <= newest)]
    joined = joined.sort_values(["customer_id", "day"])
    gone = joined["customer_id"].map(left) - joined["day"]
    features_before = rows.loc[joined["row"].astype(int)]
    trial = ExperimentData.from_arrays(
        joined["treatment"] == "call", gone.between(1, horizon), 0.5, joined["customer_id"]
    )
    X = features_before[[*columns, RISK]].reset_index(drop=True)
    return Experiment(X, trial, features_before["worth"].to_numpy())


def share_of_oracle(priority: Floats, gain: Floats) -> float:
    """Gain of calling the first SHARE over calling at random, as a share of the oracle's."""
    calls = (metrics.treatment_probability(ranking, TOP_SHARE) for ranking in (priority, gain))
    reached, best = (
        metrics.policy_value(called, gain) - TOP_SHARE * gain.mean() for called in calls
    )
    return reached / best if best > 1e-9 else float("nan")


def reached(effect: Floats, worth: Floats, true: pd.DataFrame) -> dict[str, str]:
    """Shares of the oracle's gain, in customers (by effect) and in money (by effect x worth)."""
    retained = -true["outreach_effect"].to_numpy()
    money = retained * true["expected_value"].to_numpy()
    return {
        "customers": _share_text(share_of_oracle(-effect, retained)),
        "money": _share_text(share_of_oracle(-effect * worth, money)),
    }


def _share_text(oracle_share: float) -> str:
    return f"{oracle_share:.1%}" if np.isfinite(oracle_share) else "none to gain"


def model_factory(name: str) -> Callable[[], UpliftModel]:
    model, overrides = LEARNERS[name]
    return lambda: models.build_uplift(model, SEED, 1, overrides)


def between(interval: Any, digits: int) -> str:
    return f"({interval.low:+.{digits}f} to {interval.high:+.{digits}f})"


def evaluate_learner(
    name: str, experiment: Experiment
) -> tuple[dict[str, str], list[metrics.EffectQuintile]]:
    """Figures of a learner from the experiment itself, cross-fitted; the truth is not used."""
    crossed = metrics.cross_fit(model_factory(name), experiment.X, experiment.trial)
    risk = experiment.X[RISK].to_numpy()
    scores, customer = experiment.trial.doubly_robust_scores(risk), experiment.trial.customer
    qini = metrics.qini(crossed, scores, customer, seed=SEED)
    gain = -scores * experiment.worth
    choice = metrics.compare_rankings(
        Ranking(-crossed.effect * experiment.worth, gain),
        Ranking(risk * experiment.worth, gain),
        crossed.fold,
        customer,
        TOP_SHARE,
        seed=SEED,
    )
    figures = {
        "Qini x 1000": f"{1e3 * qini.coefficient:.2f} "
        f"({1e3 * qini.interval.low:.2f} to {1e3 * qini.interval.high:.2f})",
        "at random": f"{choice.at_random:.2f}",
        "by loss": f"{choice.by_loss:.2f}",
        "by uplift": f"{choice.by_uplift:.2f}",
        "better": f"{choice.difference:+.2f} {between(choice.interval, 2)}",
        "used": "yes" if choice.uplift_ranks else "no",
    }
    return figures, metrics.effect_calibration(crossed, scores, customer)


def shuffled(experiment: Experiment) -> Experiment:
    """The A/A experiment: treatment is permuted after the outcomes."""
    arms = np.random.default_rng(SEED).permutation(experiment.trial.treated)
    return replace(experiment, trial=replace(experiment.trial, treated=arms))


@dataclass(frozen=True)
class CompanyReport:
    """The results of one company."""

    line: str  # a summary
    learners: list[dict[str, Any]]  # one row per ranking
    fifths: list[dict[str, Any]]  # of the doubly robust learner: effect predicted and measured


def company(name: str, folder: Path) -> CompanyReport:
    """All figures of one company."""
    start = monotonic()
    params = run_stages(folder, name)
    rows = callable_customers(folder)
    columns = [
        column for column in rows.columns if column not in (*KEYS, "churned", "value", "day")
    ]
    rows = rows.join(cross_predictions(rows, columns))
    experiment = read_experiment(folder, rows, columns, params)
    plan = params.simulation
    now = rows[rows["day"] == rows["day"].max()]
    champion = risk(rows[rows["churned"].notna()], now[columns])
    now = now.assign(**{RISK: champion})
    true = truth(plan, [plan.weeks], params.labels.value.margin)[0].to_pandas()
    now = now.merge(true.drop(columns=["snapshot_on", RISK]), on="customer_id")
    worth = now["worth"].to_numpy()
    table: list[dict[str, Any]] = []
    fifths: list[dict[str, Any]] = []
    by_loss = reached(-now[RISK].to_numpy(), worth, now)
    table.append({"ranking": "expected loss", **by_loss})
    for learner in LEARNERS:
        effect = (
            model_factory(learner)()
            .fit(experiment.X, *_fit_arguments(experiment))
            .effect(now[experiment.X.columns])
        )
        figures, groups = evaluate_learner(learner, experiment)
        table.append({"ranking": learner, **reached(effect, worth, now), **figures})
        fifths = [vars(group) for group in groups] if learner == "doubly robust" else fifths
    table.append(
        {
            "ranking": "doubly robust, A/A",
            **evaluate_learner("doubly robust", shuffled(experiment))[0],
        }
    )
    seconds = monotonic() - start
    return CompanyReport(_line(experiment, len(now), seconds), table, fifths)


def _fit_arguments(experiment: Experiment) -> tuple[Any, ...]:
    data = experiment.trial
    return data.treated, data.y, data.propensity, data.customer


def _line(experiment: Experiment, eligible: int, seconds: float) -> str:
    data = experiment.trial
    called, held = (data.y[data.treated == arm] for arm in (1, 0))
    error = np.sqrt(called.var() / len(called) + held.var() / len(held))
    return (
        f"{len(called):,} called and {len(held):,} held out; left {called.mean():.2%} and "
        f"{held.mean():.2%}, difference {called.mean() - held.mean():+.2%} (standard error "
        f"{error:.2%}). {eligible:,} customers can be called now. {seconds:.0f} seconds."
    )


def _table(rows: list[dict[str, Any]]) -> str:
    columns = list(dict.fromkeys(name for row in rows for name in row))
    body = [[_cell(row.get(name, "")) for name in columns] for row in rows]
    lines = [columns, ["---"] * len(columns), *body]
    return "\n".join("| " + " | ".join(line) + " |" for line in lines)


def _cell(value: Any) -> str:
    return f"{value:+.2%}" if isinstance(value, float) else str(value)


TELECOM = "# Uplift on the telecom company, against its truth"
INTRODUCTION = f"""{TELECOM}

20,000 customers, three years; every four weeks 6 % are sampled and half of them, at random, called.
Each row is a sampled customer, with the features of the Monday before, and whether they left within
91 days.
`customers` and `money`: of what the true effects would gain over calling at random, the
share that the ranking reaches when the first {TOP_SHARE:.0%} of the newest snapshot are
called; by effect, and by effect times what keeping the customer is worth. The other columns
are what the experiment itself says, cross-fitted by customer, with 95 % intervals over
customers: the Qini coefficient, what calling the first {TOP_SHARE:.0%} brings (money a
customer, doubly robust) at random, by expected loss and by uplift, by how much uplift is
better, and whether the rule uses it. In the A/A row the arms are permuted. The tables of
fifths: the effect predicted and measured.
"""


def markdown(reports: dict[str, CompanyReport]) -> str:
    parts = [INTRODUCTION.rstrip()]
    for name, report in reports.items():
        parts += [
            f"## {name.capitalize()}",
            report.line,
            _table(report.learners),
            _table(report.fifths),
        ]
    return "\n\n".join(parts) + "\n"


def write_part(title: str, text: str) -> None:
    """Replace the part of benchmarks/uplift.md under a title."""
    path = ROOT / "benchmarks/uplift.md"
    parts = re.split(r"^(?=# )", path.read_text(), flags=re.MULTILINE)
    others = [part.rstrip() for part in parts if part.strip() and not part.startswith(title)]
    ordered = [text.rstrip(), *others] if title != TELECOM else [*others, text.rstrip()]
    atomic.write_text(path, "\n\n".join(ordered) + "\n")


def main() -> None:
    what = sys.argv[1] if sys.argv[1:] else "telecom"
    if what == "campaigns":
        rows = [row for place in uplift_campaigns.plan() for row in uplift_campaigns.rows(place)]
        write_part(uplift_campaigns.TITLE, uplift_campaigns.markdown(rows))
        return
    with TemporaryDirectory(prefix="uplift-") as place:
        base = Path(place) if what == "telecom" else Path(what)
        write_part(TELECOM, markdown({name: company(name, base / name) for name in COMPANIES}))


if __name__ == "__main__":
    main()
