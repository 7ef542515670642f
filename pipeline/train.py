"""Stage `train`: find the recipe, measure it once on unseen time, refit it on all that matured."""

from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

import models
from models.components.base import TREATED
from models.components.scorer import COLUMNS, Scorer
from retention.core import artefacts, console, errors, feature_table, point_in_time
from retention.core.events import CONTACTED, HELD_OUT, UNDRAWN
from retention.core.params import Params, Treated, load_params
from retention.core.storage import atomic
from retention.training import metrics, profile, selection
from retention.training.cross_prediction import foretold
from retention.training.folds import Fold, Split, split
from retention.training.reference import reference
from retention.training.selection import Recipe, Rows, Trial


def labelled(features: pa.Table, label_table: pa.Table, treated: Treated = "weight") -> Rows:
    """Features and labels joined on customer and snapshot, ordered by both.

    `treated` as in params.Train: what is done with customers who were contacted.
    """
    contacted = pc.is_in(label_table["arm"], pa.array([CONTACTED, UNDRAWN]))
    leaves_out = treated in ("weight", "drop")
    kept = label_table.filter(pc.invert(contacted)) if leaves_out else label_table
    if treated == "adjust":
        kept = kept.append_column(TREATED, contacted.cast(pa.float64()))
    weighted = kept.append_column("weight", weights(kept, label_table, treated))
    joined = features.join(weighted, keys=feature_table.KEYS, join_type="inner").sort_by(
        [("snapshot_on", "ascending"), ("customer_id", "ascending")]
    )
    return Rows(
        X=feature_table.matrix(joined.drop_columns(["churned", "value", "arm", "weight"])),
        customer=joined["customer_id"].to_numpy(zero_copy_only=False),
        day=joined["snapshot_on"].cast(pa.int32()).to_numpy().astype(np.int64),
        churned=joined["churned"].cast(pa.float64()).to_numpy(),
        value=joined["value"].to_numpy(),
        weight=joined["weight"].to_numpy(),
    )


def weights(kept: pa.Table, every: pa.Table, treated: Treated) -> pa.Array:
    """1 a row of `kept`; of those held out, the inverse of their share among all who were drawn.

    The share is that of the row's snapshot (Horvitz & Thompson 1952): those held out stand for
    those contacted, whose outcome without the contact nobody knows.
    """
    if treated != "weight":
        return pa.array(np.ones(len(kept)))
    held = every["arm"].to_pandas().eq(HELD_OUT)
    drawn = every["arm"].to_pandas().isin([CONTACTED, HELD_OUT])
    day = every["snapshot_on"].to_pandas()
    share = held[drawn].groupby(day[drawn]).mean()
    mine = kept["arm"].to_pandas().eq(HELD_OUT).to_numpy()
    inverse = kept["snapshot_on"].to_pandas().map(1 / share).to_numpy(dtype=float)
    return pa.array(np.where(mine, inverse, 1.0))


def churners(rows: Rows) -> int:
    """Customers who churned, each counted once."""
    return len(set(rows.customer[rows.churned == 1]))


def usable(rows: Rows, folds: list[Fold], least: int) -> list[Fold]:
    """The folds with enough churners to learn from, and both outcomes there and in the test."""
    return [
        fold
        for fold in folds
        if churners(rows.on(fold.train)) >= least
        and _both_outcomes(rows.on(fold.train))
        and _both_outcomes(rows.on([fold.test]))
    ]


def _both_outcomes(rows: Rows) -> bool:
    return len(np.unique(rows.churned)) == 2


def find(rows: Rows, when: Split, chosen: Params, report: console.Report) -> Recipe:
    """The recipe from the folds, or the baselines where history or churners are too few.

    Errors: Guarded where nothing at all can be learnt.
    """
    least, found = chosen.train.min_churners, churners(rows)
    if not len(rows.day):
        raise errors.Guarded(
            "not enough history: no snapshot has a mature label yet; shorten labels.churn "
            "(active_days, horizon_days) in params.yaml or wait"
        )
    if not _both_outcomes(rows):
        lacking = "customers who stayed" if found else "churners"
        raise errors.Guarded(
            f"not enough {lacking}: 0 of {len(rows.day)} rows, need {least}; see that labels.churn "
            "in params.yaml fits these customers, or wait for more history"
        )
    if not when.folds or found < least:
        return selection.simple([_too_little(found, least)])
    return selection.learn(
        selection.maker(chosen),
        rows,
        when.folds,
        point_in_time.ripening(chosen.labels),
        lambda names: report.track(names, "trying models over the folds"),
    )


def _too_little(found: int, least: int) -> str:
    if found < least:
        why = f"{found} customers lost so far, {least} needed"
    else:
        why = "no earlier period to try models on; a shorter labels.churn.horizon_days gives one"
    return f"Too little history to learn from: a simple rule ranks this list ({why})."


def measured(rows: Rows, fold: Fold, found: Recipe, chosen: Params) -> tuple[pa.Table, pa.Table]:
    """What every model says of the snapshot that only measures, and the recipe's scores of it.

    MEASURED_SCHEMA, and SCORED_SCHEMA; both one row a customer (and model).
    """
    make, train, test = selection.maker(chosen), rows.on(fold.train), rows.on([fold.test]).alone()
    keys = pd.DataFrame({"customer_id": test.customer}, index=test.X.index)
    keys["snapshot_on"] = point_in_time.date_of(fold.test)
    said = []
    for name, tuned in found.params.items():
        task, calibrator = name.partition("_")[0], found.calibrators.get(name)
        raw = selection.predict(
            make(name, **tuned).fit(train.X, train.target(task), train.weight), test.X
        )
        prediction = calibrator.predict(raw) if calibrator else raw
        said.append(keys.assign(task=task, model=name, prediction=prediction))
    scores = keys.join(selection.fit(make, found, train).score(test.X))
    return (
        pa.Table.from_pandas(pd.concat(said), schema=MEASURED_SCHEMA, preserve_index=False),
        pa.Table.from_pandas(scores, schema=SCORED_SCHEMA, preserve_index=False),
    )


_KEY_FIELDS = [("customer_id", pa.string()), ("snapshot_on", pa.date32())]
MEASURED_SCHEMA = pa.schema(
    [("task", pa.string()), ("model", pa.string()), *_KEY_FIELDS, ("prediction", pa.float64())]
)
SCORED_SCHEMA = pa.schema([*_KEY_FIELDS, *((name, pa.float64()) for name in COLUMNS)])


@dataclass(frozen=True)
class Trained:
    """All that training leaves behind."""

    found: Recipe
    scorer: Scorer
    measured: pa.Table
    scored: pa.Table
    when: Split
    rows: Rows


def train(rows: Rows, chosen: Params, report: console.Report) -> Trained:
    """Recipe on the folds, measurement on the unseen snapshot, refit on all matured rows."""
    days, plan = sorted(set(rows.day.tolist())), chosen.train
    when = split(days, point_in_time.ripening(chosen.labels), plan.folds)
    when = replace(when, folds=usable(rows, when.folds, plan.min_churners))
    found = find(rows, when, chosen, report)
    said, scored = MEASURED_SCHEMA.empty_table(), SCORED_SCHEMA.empty_table()
    if when.measure is not None and _both_outcomes(rows.on(when.measure.train)):
        report.say(
            f"measuring on {point_in_time.date_of(when.measure.test)}, which nothing has seen"
        )
        said, scored = measured(rows, when.measure, found, chosen)
    report.say("refitting the recipe on all matured snapshots")
    scorer = selection.fit(selection.maker(chosen), found, rows)
    return Trained(found, scorer, said, scored, when, rows)


_OF_FOLDS = {"churn": (metrics.log_loss, metrics.roc_auc), "value": (metrics.mae, metrics.spearman)}


def fold_metrics(one: Trial, tests: Rows, folds: list[Fold]) -> list[dict[str, float | None]]:
    """Per fold what a model's raw predictions were worth there; `tests` are the folds' tests.

    None where a fold cannot give a number.
    """
    task = one.name.partition("_")[0]
    y, told = tests.target(task), []
    for fold in folds:
        on = tests.day == fold.test
        found = {worth.__name__: worth(y[on], one.predicted[on]) for worth in _OF_FOLDS[task]}
        told.append({name: number if isfinite(number) else None for name, number in found.items()})
    return told


def story(trained: Trained) -> dict[str, Any]:
    """What a model card and a tracker tell of a training, as JSON."""
    found, when, rows = trained.found, trained.when, trained.rows
    tests = rows.on(fold.test for fold in when.folds)
    return {
        "rule": selection.RULE,
        "chosen": {"churn": found.churn, "value": found.value},
        "why": found.why,
        "calibrator": found.calibrators[found.churn].name,
        "losses": found.losses,
        "params": found.params,
        "tuned_per_fold": {name: one.tuned for name, one in found.trials.items()},
        "fold_metrics": {
            name: fold_metrics(one, tests, when.folds) for name, one in found.trials.items()
        },
        "folds": [_told(fold) for fold in when.folds],
        "measured_on": _told(when.measure) if when.measure else None,
        "fold_rows": [int((tests.day == fold.test).sum()) for fold in when.folds],
        "rows": len(rows.day),
        "customers": len(set(rows.customer)),
        "churners": churners(rows),
        "churn_rate": float(rows.churned.mean()),
        "trained_to": str(point_in_time.date_of(int(rows.day.max()))),
        "features": [name for name in rows.X.columns if name != TREATED],
        "banners": found.banners,
        "titles": {name: kind.title for name, kind in models.discover().items()},
    }


def _told(fold: Fold) -> dict[str, Any]:
    return {
        "train_from": str(point_in_time.date_of(fold.train[0])),
        "train_to": str(point_in_time.date_of(fold.train[-1])),
        "train_snapshots": len(fold.train),
        "test": str(point_in_time.date_of(fold.test)),
    }


def main() -> None:
    chosen = load_params()
    with console.stage("train") as report:
        features, label_table = pq.read_table(artefacts.FEATURES), pq.read_table(artefacts.LABELS)
        rows = labelled(features, label_table, chosen.train.treated)
        report.read(f"{artefacts.FEATURES} and {artefacts.LABELS}", len(rows.day))
        trained = train(rows, chosen, report)
        for name, state in trained.scorer.states().items():
            atomic.write_json(artefacts.CANDIDATE.path / f"{name}.json", state)
        newest = point_in_time.date_of(int(trained.rows.day.max()))
        seen = reference(features, trained.scored, trained.scorer, newest)
        atomic.write_json(artefacts.CANDIDATE.path / f"{profile.NAME}.json", seen)
        drawn = foretold(
            features, label_table, trained.rows, trained.found, selection.maker(chosen)
        )
        atomic.write_table(artefacts.CROSS_PREDICTIONS, drawn)
        atomic.write_table(artefacts.TEST_PREDICTIONS, trained.measured)
        atomic.write_table(artefacts.TEST_SCORES, trained.scored)
        atomic.write_json(artefacts.SELECTION, story(trained))
        report.wrote(artefacts.TEST_PREDICTIONS, len(trained.measured))
        for task in ("churn", "value"):
            name = getattr(trained.found, task)
            report.say(f"chosen for {task}: {name} ({trained.found.why[task]})")


if __name__ == "__main__":
    errors.run(main)
