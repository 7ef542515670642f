"""Stage `train`: find the recipe, measure it once on unseen time, refit it on all that matured."""

from dataclasses import dataclass, replace
from math import isfinite
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

import models
from models.components.base import TREATED
from models.components.scorer import Scorer
from retention.core import artefacts, console, errors, feature_table, point_in_time
from retention.core.events import CONTACTED, CONTACTED_NOT_RANDOMISED, HELD_OUT
from retention.core.params import Params, TreatedRows, load_params
from retention.core.storage import atomic
from retention.training import metrics, profile, selection
from retention.training.cross_prediction import cross_predict
from retention.training.folds import Fold, TimeSplit, split_by_time
from retention.training.reference import reference_profile
from retention.training.selection import CandidateResult, LabelledRows, ModelSpec


def labelled_rows(
    features: pa.Table, label_table: pa.Table, treated: TreatedRows = "weight"
) -> LabelledRows:
    """Features and labels joined on customer and snapshot, ordered by both.

    `treated` as in params.Train: what is done with customers who were contacted.
    """
    contacted = pc.is_in(label_table["arm"], pa.array([CONTACTED, CONTACTED_NOT_RANDOMISED]))
    leaves_out = treated in ("weight", "drop")
    usable = label_table.filter(pc.invert(contacted)) if leaves_out else label_table
    if treated == "adjust":
        usable = usable.append_column(TREATED, contacted.cast(pa.float64()))
    weighted = usable.append_column("weight", holdout_weights(usable, label_table, treated))
    joined = features.join(weighted, keys=feature_table.KEYS, join_type="inner").sort_by(
        [("snapshot_on", "ascending"), ("customer_id", "ascending")]
    )
    return LabelledRows(
        X=feature_table.matrix(joined.drop_columns(["churned", "value", "arm", "weight"])),
        customer=joined["customer_id"].to_numpy(zero_copy_only=False),
        day=joined["snapshot_on"].cast(pa.int32()).to_numpy().astype(np.int64),
        churned=joined["churned"].cast(pa.float64()).to_numpy(),
        value=joined["value"].to_numpy(),
        weight=joined["weight"].to_numpy(),
    )


def holdout_weights(usable: pa.Table, every: pa.Table, treated: TreatedRows) -> pa.Array:
    """1 a row of `kept`; of those held out, the inverse of their share among all who were drawn.

    The share is that of the row's snapshot (Horvitz & Thompson 1952): those held out stand for
    those contacted, whose outcome without the contact nobody knows.
    """
    if treated != "weight":
        return pa.array(np.ones(len(usable)))
    held = every["arm"].to_pandas().eq(HELD_OUT)
    randomised = every["arm"].to_pandas().isin([CONTACTED, HELD_OUT])
    day = every["snapshot_on"].to_pandas()
    holdout_share = held[randomised].groupby(day[randomised]).mean()
    is_held_out = usable["arm"].to_pandas().eq(HELD_OUT).to_numpy()
    inverse = usable["snapshot_on"].to_pandas().map(1 / holdout_share).to_numpy(dtype=float)
    return pa.array(np.where(is_held_out, inverse, 1.0))


def count_churners(rows: LabelledRows) -> int:
    """Customers who churned, each counted once."""
    return len(set(rows.customer[rows.churned == 1]))


def usable_folds(rows: LabelledRows, folds: list[Fold], min_churners: int) -> list[Fold]:
    """The folds with enough churners to learn from, and both outcomes there and in the test."""
    return [
        fold
        for fold in folds
        if count_churners(rows.on(fold.train)) >= min_churners
        and _both_outcomes(rows.on(fold.train))
        and _both_outcomes(rows.on([fold.test]))
    ]


def _both_outcomes(rows: LabelledRows) -> bool:
    return len(np.unique(rows.churned)) == 2


def specify_models(
    rows: LabelledRows, when: TimeSplit, params: Params, report: console.StageLog
) -> ModelSpec:
    """The recipe from the folds, or the baselines where history or churners are too few.

    Errors: Guarded where nothing at all can be learnt.
    """
    min_churners, n_churners = params.train.min_churners, count_churners(rows)
    if not len(rows.day):
        raise errors.Guarded(
            "not enough history: no snapshot has a mature label yet; shorten labels.churn "
            "(active_days, horizon_days) in params.yaml or wait"
        )
    if not _both_outcomes(rows):
        lacking = "customers who stayed" if n_churners else "churners"
        raise errors.Guarded(
            f"not enough {lacking}: 0 of {len(rows.day)} rows, need {min_churners}; see that labels.churn "
            "in params.yaml fits these customers, or wait for more history"
        )
    if not when.folds or n_churners < min_churners:
        return selection.baseline_spec([_short_history_banner(n_churners, min_churners)])
    return selection.select_models(
        selection.model_factory(params),
        rows,
        when.folds,
        point_in_time.label_delay_days(params.labels),
        lambda names: report.track(names, "trying models over the folds"),
    )


def _short_history_banner(n_churners: int, min_churners: int) -> str:
    if n_churners < min_churners:
        why = f"{n_churners} customers lost so far, {min_churners} needed"
    else:
        why = "no earlier period to try models on; a shorter labels.churn.horizon_days gives one"
    return f"Too little history to learn from: a simple rule ranks this list ({why})."


def predict_test_snapshot(
    rows: LabelledRows, fold: Fold, spec: ModelSpec, params: Params
) -> tuple[pa.Table, pa.Table]:
    """What every model says of the snapshot that only measures, and the recipe's scores of it.

    TEST_PREDICTIONS, and TEST_SCORES; both one row a customer (and model).
    """
    make, train, test = (
        selection.model_factory(params),
        rows.on(fold.train),
        rows.on([fold.test]).as_untreated(),
    )
    keys = pd.DataFrame({"customer_id": test.customer}, index=test.X.index)
    keys["snapshot_on"] = point_in_time.date_of(fold.test)
    predictions = []
    for name, tuned in spec.params.items():
        task, calibrator = name.partition("_")[0], spec.calibrators.get(name)
        raw = selection.predict(
            make(name, **tuned).fit(train.X, train.target(task), train.weight), test.X
        )
        prediction = calibrator.predict(raw) if calibrator else raw
        predictions.append(keys.assign(task=task, model=name, prediction=prediction))
    scores = keys.join(selection.fit_scorer(make, spec, train).score(test.X))
    return (
        pa.Table.from_pandas(
            pd.concat(predictions), schema=artefacts.TEST_PREDICTIONS.schema, preserve_index=False
        ),
        pa.Table.from_pandas(scores, schema=artefacts.TEST_SCORES.schema, preserve_index=False),
    )


@dataclass(frozen=True)
class Trained:
    """All that training leaves behind."""

    spec: ModelSpec
    scorer: Scorer
    test_predictions: pa.Table
    test_scores: pa.Table
    split: TimeSplit
    rows: LabelledRows


def train(rows: LabelledRows, params: Params, report: console.StageLog) -> Trained:
    """Recipe on the folds, measurement on the unseen snapshot, refit on all matured rows."""
    days, plan = sorted(set(rows.day.tolist())), params.train
    when = split_by_time(days, point_in_time.label_delay_days(params.labels), plan.folds)
    when = replace(when, folds=usable_folds(rows, when.folds, plan.min_churners))
    spec = specify_models(rows, when, params, report)
    predictions, scored = (
        artefacts.TEST_PREDICTIONS.schema.empty_table(),
        artefacts.TEST_SCORES.schema.empty_table(),
    )
    if when.test_fold is not None and _both_outcomes(rows.on(when.test_fold.train)):
        report.info(
            f"measuring on {point_in_time.date_of(when.test_fold.test)}, which nothing has seen"
        )
        predictions, scored = predict_test_snapshot(rows, when.test_fold, spec, params)
    report.info("refitting the recipe on all matured snapshots")
    scorer = selection.fit_scorer(selection.model_factory(params), spec, rows)
    return Trained(spec, scorer, predictions, scored, when, rows)


_OF_FOLDS = {"churn": (metrics.log_loss, metrics.roc_auc), "value": (metrics.mae, metrics.spearman)}


def fold_metrics(
    candidate: CandidateResult, tests: LabelledRows, folds: list[Fold]
) -> list[dict[str, float | None]]:
    """Per fold what a model's raw predictions were worth there; `tests` are the folds' tests.

    None where a fold cannot give a number.
    """
    task = candidate.name.partition("_")[0]
    y, per_fold = tests.target(task), []
    for fold in folds:
        on = tests.day == fold.test
        figures = {
            worth.__name__: worth(y[on], candidate.predicted[on]) for worth in _OF_FOLDS[task]
        }
        per_fold.append(
            {name: number if isfinite(number) else None for name, number in figures.items()}
        )
    return per_fold


def selection_report(trained: Trained) -> dict[str, Any]:
    """What a model card and a tracker tell of a training, as JSON."""
    spec, when, rows = trained.spec, trained.split, trained.rows
    tests = rows.on(fold.test for fold in when.folds)
    return {
        "rule": selection.RULE,
        "chosen": {"churn": spec.churn, "value": spec.value},
        "why": spec.why,
        "calibrator": spec.calibrators[spec.churn].name,
        "losses": spec.losses,
        "params": spec.params,
        "tuned_per_fold": {name: candidate.tuned for name, candidate in spec.candidates.items()},
        "fold_metrics": {
            name: fold_metrics(candidate, tests, when.folds)
            for name, candidate in spec.candidates.items()
        },
        "folds": [_fold_report(fold) for fold in when.folds],
        "measured_on": _fold_report(when.test_fold) if when.test_fold else None,
        "fold_rows": [int((tests.day == fold.test).sum()) for fold in when.folds],
        "rows": len(rows.day),
        "customers": len(set(rows.customer)),
        "churners": count_churners(rows),
        "churn_rate": float(rows.churned.mean()),
        "trained_to": str(point_in_time.date_of(int(rows.day.max()))),
        "features": [name for name in rows.X.columns if name != TREATED],
        "banners": spec.banners,
        "titles": {name: kind.title for name, kind in models.discover().items()},
    }


def _fold_report(fold: Fold) -> dict[str, Any]:
    return {
        "train_from": str(point_in_time.date_of(fold.train[0])),
        "train_to": str(point_in_time.date_of(fold.train[-1])),
        "train_snapshots": len(fold.train),
        "test": str(point_in_time.date_of(fold.test)),
    }


def main() -> None:
    params = load_params()
    with console.stage("train") as report:
        features, label_table = artefacts.FEATURES.read(), artefacts.LABELS.read()
        rows = labelled_rows(features, label_table, params.train.treated_rows)
        report.read(f"{artefacts.FEATURES} and {artefacts.LABELS}", len(rows.day))
        trained = train(rows, params, report)
        for name, state in trained.scorer.states().items():
            atomic.write_json(artefacts.CANDIDATE.path / f"{name}.json", state)
        newest = point_in_time.date_of(int(trained.rows.day.max()))
        profile_json = reference_profile(features, trained.test_scores, trained.scorer, newest)
        atomic.write_json(artefacts.CANDIDATE.path / f"{profile.NAME}.json", profile_json)
        cross_predictions = cross_predict(
            features, label_table, trained.rows, trained.spec, selection.model_factory(params)
        )
        artefacts.CROSS_PREDICTIONS.write(cross_predictions)
        artefacts.TEST_PREDICTIONS.write(trained.test_predictions)
        artefacts.TEST_SCORES.write(trained.test_scores)
        atomic.write_json(artefacts.SELECTION, selection_report(trained))
        report.wrote(artefacts.TEST_PREDICTIONS, len(trained.test_predictions))
        for task in ("churn", "value"):
            name = getattr(trained.spec, task)
            report.info(f"chosen for {task}: {name} ({trained.spec.why[task]})")


if __name__ == "__main__":
    errors.run(main)
