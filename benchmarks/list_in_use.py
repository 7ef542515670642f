"""What a list in use does to the figures that are measured from then on.

    python -m benchmarks.list_in_use FOLDER     FOLDER: a run of `dvc repro` of a shop

On the company's own history, lists are drawn at every snapshot, as if they had been: those with
the greatest expected loss are contacted, a tenth of them is held out for the campaign, and staff
call others without a draw. All of it is useless, so the truth is what the history says without
lists; only the rows of the contacted are lost. Prints a table: every headline figure on the whole
history, on what the lists leave, weighted, and on the same rows with each counted once.
docs/evaluation.md holds the result.
"""

import sys
from pathlib import Path
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from models.components.uplift import fold_of
from pipeline import evaluate, train
from retention.cohort import labels as cohort_labels
from retention.core import artefacts, console, engine, feature_table, point_in_time
from retention.core.events import CONTACT, HOLDOUT
from retention.core.params import Params, load_params
from retention.experiments.assignment_history import ASSIGNED
from retention.ledgers import outcomes
from retention.serving import champion
from retention.training.histories import read_histories
from retention.training.rows import labelled_rows

SEED: Final = 20260407
TENTH: Final = 10  # of the customers is held out
UNDRAWN: Final = 0.05  # of the cohort is called without a draw in every window
FIGURES: Final = {
    "churn": ("roc_auc", "log_loss", "ece", "empc", "lift_at_capacity"),
    "value": ("mae", "bias", "spearman", "coverage"),
    "list": ("churned_share", "found_share", "lift"),
}


def lists_in_use(features: pa.Table, params: Params, folder: Path) -> tuple[pa.Table, pd.DataFrame]:
    """ASSIGNED, and the contacts (customer_id, occurred_day), of a list at every snapshot."""
    draw = np.random.default_rng(SEED)
    scorer = champion.load(_champion(folder))
    campaign_days, window = params.at_risk.campaign_days, params.labels.churn.horizon_days
    assigned_on: dict[str, tuple[int, str]] = {}
    assignments, contacts = [], []
    for date in sorted(set(features["snapshot_on"].to_pylist())):
        day = point_in_time.day_number(date)
        cohort = features.filter(pc.equal(features["snapshot_on"], pa.scalar(date)))
        score = scorer.score(feature_table.matrix(cohort))["expected_loss"].to_numpy()
        ids = np.array(cohort["customer_id"].to_pylist(), dtype=object)
        held = fold_of(ids, TENTH, "list in use") == 0
        is_on = {who for who, (then, _) in assigned_on.items() if then > day - campaign_days}
        skips = np.array([who in is_on for who in ids]) & held
        places = np.flatnonzero(~skips)
        places_on_list = places[np.argsort(-score[places], kind="stable")][
            : params.at_risk.capacity
        ]
        for place in places_on_list.tolist():
            who = ids[place]
            if who not in is_on:
                arm = HOLDOUT if held[place] else CONTACT
                assigned_on[who] = (day, arm)
                assignments.append((who, day, arm, 1 - 1 / TENTH))
            if not held[place]:
                contacts.append((who, day + int(draw.integers(1, window))))
        others = np.setdiff1d(np.arange(len(ids)), places_on_list)
        called = others[(draw.random(len(others)) < UNDRAWN) & ~held[others]]
        contacts += [(ids[place], day + int(draw.integers(1, window))) for place in called.tolist()]
    columns = dict(zip(ASSIGNED.names, map(list, zip(*assignments, strict=True)), strict=True))
    staff = pd.DataFrame(contacts, columns=["customer_id", "occurred_day"])
    return pa.table(columns, schema=ASSIGNED), staff


def _champion(folder: Path) -> champion.Champion:
    now = champion.current(folder / champion.FOLDER)
    if now is None:
        raise SystemExit(f"{folder}: no champion; run dvc repro there first")
    return now


def with_lists(
    labels: pa.Table, assigned: pa.Table, staff: pd.DataFrame, params: Params
) -> pa.Table:
    """LABELS with the arms that the lists gave."""
    outreach = pa.table(
        {
            "customer_id": staff["customer_id"].to_list(),
            "occurred_day": pa.array(staff["occurred_day"], pa.int32()),
            "treatment": ["call"] * len(staff),
            "kind": ["outreach"] * len(staff),
            "source": [outcomes.SOURCE] * len(staff),
        }
    )
    parts = []
    with engine.open_engine(params.engine) as open_engine:
        history, lists = open_engine.load(outreach), open_engine.load(assigned)
        for date in sorted(set(labels["snapshot_on"].to_pylist())):
            day = point_in_time.day_number(date)
            window = point_in_time.churn_window(day, params.labels.churn)
            arms = cohort_labels.arms(history, lists, day, window, params.at_risk.campaign_days)
            frame = open_engine.collect(arms, sort=["customer_id"]).to_pandas()
            after = frame.pop("outreach_day") - day
            parts.append(frame.assign(snapshot_on=date, outreach_after=after))
    plain = labels.drop_columns(["arm", "campaign_arm", "outreach_after"]).to_pandas()
    joined = plain.merge(pd.concat(parts), on=["customer_id", "snapshot_on"], how="left")
    return pa.Table.from_pandas(
        joined[labels.column_names], schema=labels.schema, preserve_index=False
    )


def figures(folder: Path, features: pa.Table, labels: pa.Table, params: Params) -> list[Any]:
    """Headline figures as measured by weights, and with every row counted once."""
    rows = labelled_rows(features, labels, params.train.treated_rows)
    histories = read_histories(artefacts.HISTORIES.under(folder).read())
    log = console.StageLog("train")
    trained = train.train(rows, params, log, None, histories)
    scores = evaluate.join_labels(trained.test_scores, labels)
    measured = []
    for weight in (scores["weight"], 1.0):
        content = evaluate.of_all_customers(scores.assign(weight=weight), params)
        measured.append(
            {"customers": content["customers"], "churn_rate": content["churn_rate"]}
            | {
                f"{task}_{name}": content[task]["recipe"][name]
                for task, names in FIGURES.items()
                for name in names
            }
        )
    return measured


def main() -> None:
    folder = Path(sys.argv[1])
    params = load_params(folder / "params.yaml")
    features = artefacts.FEATURES.under(folder).read()
    labels = artefacts.LABELS.under(folder).read()
    truth = figures(folder, features, labels, params)[0]
    in_use = with_lists(labels, *lists_in_use(features, params, folder), params)
    counts = in_use["arm"].to_pandas().value_counts(dropna=False)
    sys.stdout.write(f"arms of {len(in_use):,} rows: {counts.to_dict()}\n\n")
    weighed, leftovers = figures(folder, features, in_use, params)
    sys.stdout.write("| figure | no list | list in use, weighted | list in use, unweighted |\n")
    sys.stdout.write("| --- | --- | --- | --- |\n")
    for name in truth:
        cells = " | ".join(_cell(each[name]) for each in (truth, weighed, leftovers))
        sys.stdout.write(f"| {name} | {cells} |\n")


def _cell(figure: Any) -> str:
    if not isinstance(figure, dict):
        return f"{figure:.4g}"
    if figure["low"] is None or figure["high"] is None:
        return f"{figure['value']:.4g}"
    return f"{figure['value']:.4g} ({figure['low']:.4g} to {figure['high']:.4g})"


if __name__ == "__main__":
    main()
