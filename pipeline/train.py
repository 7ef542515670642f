"""Stage `train`: select models on rolling folds, test on an unseen snapshot, refit on all rows."""

from dataclasses import dataclass, replace

import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc

from models.components.scorer import Scorer
from retention.core import artefacts, console, errors, feature_table, point_in_time
from retention.core.params import Params, load_params
from retention.core.storage import atomic
from retention.training import own_past, profile, selection
from retention.training.competition import Competition
from retention.training.cross_prediction import cross_predict
from retention.training.failures import AT_REFIT, AT_TEST, ModelFailed, attributed_to
from retention.training.folds import Fold, TimeSplit, split_by_time
from retention.training.rows import LabelledRows, labelled_rows
from retention.training.selection import ModelSpec
from retention.training.selection_report import selection_report


@dataclass(frozen=True)
class Trained:
    """All that training leaves behind."""

    spec: ModelSpec  # the result of model selection
    scorer: Scorer  # fitted on all rows
    test_predictions: pa.Table  # of every model on the test snapshot
    test_scores: pa.Table  # of the specified models on the test snapshot
    cross_predictions: pa.Table  # of randomised customers
    split: TimeSplit  # the folds that were used, and the test fold
    rows: LabelledRows


def train(
    rows: LabelledRows,
    params: Params,
    log: console.StageLog,
    cohorts: tuple[pa.Table, pa.Table] | None = None,
) -> Trained:
    """Select models on the folds, score the test snapshot, refit on all rows.

    A model that fails on the way drops out, and what is selected of the others takes its place.
    cohorts: FEATURES and LABELS, which cross-prediction reads; without them there is none.
    Errors: Guarded where there is no row, or only one outcome; Refusal where every model failed.
    """
    days = sorted(set(rows.day.tolist()))
    delay = point_in_time.label_delay_days(params.labels)
    split = split_by_time(days, delay, params.train.folds)
    split = replace(split, folds=usable_folds(rows, split.folds, params.train.min_churners))
    competition = start_competition(rows, split, params, log)
    while True:
        spec = competition.select()
        try:
            return fit_and_predict(competition.complete(spec), split, rows, params, log, cohorts)
        except ModelFailed as failure:
            competition.drop_out(failure, spec)


def fit_and_predict(
    spec: ModelSpec,
    split: TimeSplit,
    rows: LabelledRows,
    params: Params,
    log: console.StageLog,
    cohorts: tuple[pa.Table, pa.Table] | None,
) -> Trained:
    """Everything that follows the selection. Errors: ModelFailed."""
    make = selection.model_factory(params)
    predictions = artefacts.TEST_PREDICTIONS.schema.empty_table()
    scores = artefacts.TEST_SCORES.schema.empty_table()
    randomised = artefacts.CROSS_PREDICTIONS.schema.empty_table()
    if split.test_fold is not None and rows.on(split.test_fold.train).has_both_outcomes:
        day = point_in_time.date_of(split.test_fold.test)
        log.info(f"testing on {day}, which no model has seen")
        predictions, scores = predict_test_snapshot(rows, split.test_fold, spec, params)
    log.info("refitting the selected models on all mature snapshots")
    scorer = selection.fit_scorer(make, spec, rows)
    newest = int(rows.day.max())
    selection.score(scorer, rows.on([newest]).as_untreated().X, AT_REFIT)
    if cohorts:
        features, labels = cohorts
        now = pc.greater_equal(features["snapshot_on"], pa.scalar(point_in_time.date_of(newest)))
        selection.score(scorer, feature_table.matrix(features.filter(now)), AT_REFIT)
        randomised = cross_predict(features, labels, rows, spec, make)
    return Trained(spec, scorer, predictions, scores, randomised, split, rows)


def usable_folds(rows: LabelledRows, folds: list[Fold], min_churners: int) -> list[Fold]:
    """Folds with enough churners to fit on, and with both outcomes in training and test."""
    return [
        fold
        for fold in folds
        if rows.on(fold.train).n_churners >= min_churners
        and rows.on(fold.train).has_both_outcomes
        and rows.on([fold.test]).has_both_outcomes
    ]


def start_competition(
    rows: LabelledRows, split: TimeSplit, params: Params, log: console.StageLog
) -> Competition:
    """Every model on the folds; on none, under a banner, where folds or churners are too few.

    Errors: Guarded where there is no row, or only one outcome.
    """
    n_churners, min_churners = rows.n_churners, params.train.min_churners
    if not len(rows.day):
        raise errors.Guarded(
            "not enough history: no snapshot has a mature label yet; shorten labels.churn "
            "(active_days, horizon_days) in params.yaml or wait"
        )
    if not rows.has_both_outcomes:
        lacking = "customers who stayed" if n_churners else "churners"
        raise errors.Guarded(
            f"not enough {lacking}: 0 of {len(rows.day)} rows, need {min_churners}; see that "
            "labels.churn in params.yaml fits these customers, or wait for more history"
        )
    too_short = not split.folds or n_churners < min_churners
    competition = Competition(
        selection.model_factory(params),
        rows,
        [] if too_short else split.folds,
        point_in_time.label_delay_days(params.labels),
        [_short_history_banner(n_churners, min_churners)] if too_short else [],
        log.warning,
    )
    competition.evaluate(lambda names: log.track(names, "trying models over the folds"))
    return competition


def _short_history_banner(n_churners: int, min_churners: int) -> str:
    if n_churners < min_churners:
        why = f"{n_churners} customers lost so far, {min_churners} needed"
    else:
        why = "no earlier period to try models on; a shorter labels.churn.horizon_days gives one"
    return f"Too little history to learn from: a simple rule ranks this list ({why})."


def predict_test_snapshot(
    rows: LabelledRows, fold: Fold, spec: ModelSpec, params: Params
) -> tuple[pa.Table, pa.Table]:
    """TEST_PREDICTIONS of every model, and TEST_SCORES of the specified ones.

    All are fitted on the fold's training rows; the test snapshot's labels are not read.
    """
    make = selection.model_factory(params)
    train, test = rows.on(fold.train), rows.on([fold.test]).as_untreated()
    keys = pd.DataFrame({"customer_id": test.customer}, index=test.X.index)
    keys["snapshot_on"] = point_in_time.date_of(fold.test)
    frames = []
    for name, tuned in spec.params.items():
        task, calibrator = name.partition("_")[0], spec.calibrators.get(name)
        model = make(name, **tuned)
        with attributed_to(name, AT_TEST):
            fitted = model.fit(train.X, train.target(task), train.weight)
            raw = selection.predict(fitted, test.X)
        prediction = calibrator.predict(raw) if calibrator else raw
        frames.append(keys.assign(task=task, model=name, prediction=prediction))
    predictions = pd.concat(frames)
    scorer = selection.fit_scorer(make, spec, train, AT_TEST)
    scores = keys.join(selection.score(scorer, test.X, AT_TEST))
    return (
        pa.Table.from_pandas(
            predictions, schema=artefacts.TEST_PREDICTIONS.schema, preserve_index=False
        ),
        pa.Table.from_pandas(scores, schema=artefacts.TEST_SCORES.schema, preserve_index=False),
    )


def main() -> None:
    params = load_params()
    with console.stage("train") as log:
        features, labels = artefacts.FEATURES.read(), artefacts.LABELS.read()
        rows = labelled_rows(features, labels, params.train.treated_rows)
        log.read(f"{artefacts.FEATURES} and {artefacts.LABELS}", len(rows.day))
        trained = train(rows, params, log, (features, labels))
        for name, state in trained.scorer.states().items():
            atomic.write_json(artefacts.CANDIDATE.path / f"{name}.json", state)
        newest = point_in_time.date_of(int(rows.day.max()))
        reference = profile.reference_profile(features, trained.scorer, newest)
        reference["past"] = own_past.own_past(features, trained.scorer, newest)
        atomic.write_json(artefacts.CANDIDATE.path / f"{profile.NAME}.json", reference)
        artefacts.CROSS_PREDICTIONS.write(trained.cross_predictions)
        artefacts.TEST_PREDICTIONS.write(trained.test_predictions)
        artefacts.TEST_SCORES.write(trained.test_scores)
        content = selection_report(trained.spec, trained.split, rows)
        artefacts.SELECTION.write(content)
        log.wrote(artefacts.TEST_PREDICTIONS, len(trained.test_predictions))
        for task, name in content.chosen.items():
            log.info(f"chosen for {task}: {name} ({content.why[task]})")


if __name__ == "__main__":
    errors.run(main)
