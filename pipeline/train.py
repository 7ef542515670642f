"""Stage `train`: blend models on past snapshots, test on an unseen one, refit on all rows."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from scipy.special import expit

from models.components.base import Floats
from models.components.scorer import Scorer
from retention.core import artefacts, console, errors, feature_table, point_in_time
from retention.core.params import Params, load_params
from retention.core.storage import atomic
from retention.training import own_past, profile, selection
from retention.training.candidates import ModelFactory, model_factory, predict, task_of
from retention.training.competition import Competition
from retention.training.cross_prediction import cross_predict
from retention.training.failures import AT_REFIT, AT_TEST, ModelFailed, attributed_to
from retention.training.fitting import fit_scorer, score, with_margin
from retention.training.folds import Fold
from retention.training.histories import NO_HISTORIES, Histories, read_histories
from retention.training.ladder import Evidence, find_evidence
from retention.training.rows import LabelledRows, labelled_rows, unlabelled_rows
from retention.training.selection import ModelSpec
from retention.training.selection_report import selection_report


@dataclass(frozen=True)
class Trained:
    """All that training leaves behind."""

    spec: ModelSpec  # the models put together for the day that is scored
    measured: ModelSpec | None  # as they would have been on the day of the test fold
    scorer: Scorer  # fitted on all rows
    test_predictions: pa.Table  # of every model on the test snapshot
    test_scores: pa.Table  # of the models put together, on the test snapshot
    cross_predictions: pa.Table  # of randomised customers
    evidence: Evidence
    rows: LabelledRows


def train(
    rows: LabelledRows,
    params: Params,
    log: console.StageLog,
    cohorts: tuple[pa.Table, pa.Table] | None = None,
    histories: Histories = NO_HISTORIES,
) -> Trained:
    """Put models together on the folds, score the test snapshot, refit on all rows.

    A model that fails on the way drops out, and the others take its place.
    cohorts: FEATURES and LABELS, which cross-prediction reads; without them there is none.
    Errors: Guarded where there is no row, or nothing can be fitted without outcomes; Refusal where
    every model failed.
    """
    evidence = find_evidence(rows, params)
    delay = point_in_time.label_delay_days(params.labels)
    for banner in evidence.banners:
        log.warning(banner)
    make = model_factory(params)
    competition = Competition(make, rows, evidence, delay, log.warning, histories)
    competition.evaluate(lambda names: log.track(names, "trying models over the folds"))
    day = day_to_score(rows, delay, cohorts)
    while True:
        spec = competition.select(day)
        if not rows.has_labels:
            spec = with_margin(spec, params.labels.value.margin)
        try:
            return _fit_and_predict(
                spec, competition, evidence, rows, params, log, cohorts, histories, day
            )
        except ModelFailed as failure:
            competition.drop_out(failure, spec)


def day_to_score(rows: LabelledRows, delay: int, cohorts: tuple[pa.Table, pa.Table] | None) -> int:
    """The newest snapshot of the features; the day on which the newest label matured without."""
    if cohorts is None:
        return int(rows.day.max()) + delay
    return point_in_time.day_number(pc.max(cohorts[0]["snapshot_on"]).as_py())


def _fit_and_predict(
    spec: ModelSpec,
    competition: Competition,
    evidence: Evidence,
    rows: LabelledRows,
    params: Params,
    log: console.StageLog,
    cohorts: tuple[pa.Table, pa.Table] | None,
    histories: Histories,
    day: int,
) -> Trained:
    """Everything that follows the selection for a day. Errors: ModelFailed."""
    make, delay = model_factory(params), point_in_time.label_delay_days(params.labels)
    predictions = artefacts.TEST_PREDICTIONS.schema.empty_table()
    scores = artefacts.TEST_SCORES.schema.empty_table()
    randomised = artefacts.CROSS_PREDICTIONS.schema.empty_table()
    measured, fold = competition.measured_spec(), evidence.split.test_fold
    if measured is not None and fold is not None:
        log.info(f"testing on {point_in_time.date_of(fold.test)}, which no model has seen")
        then = histories.on(fold.test)
        predictions = predict_test_snapshot(rows, fold, competition, make, then)
        scores = score_test_snapshot(rows, fold, competition, measured)
    log.info("refitting the models on all mature snapshots")
    today = histories.on(day)
    scorer = fit_scorer(make, spec, rows, delay, AT_REFIT, today)
    newest = int(rows.day.max())
    score(scorer, rows.on([newest]).as_untreated().X, AT_REFIT)
    if cohorts:
        features, labels = cohorts
        now = pc.greater_equal(features["snapshot_on"], pa.scalar(point_in_time.date_of(newest)))
        score(scorer, feature_table.matrix(features.filter(now)), AT_REFIT)
        randomised = cross_predict(features, labels, rows, spec, make, delay, today)
    return Trained(spec, measured, scorer, predictions, scores, randomised, evidence, rows)


def predict_test_snapshot(
    rows: LabelledRows,
    fold: Fold,
    competition: Competition,
    make: ModelFactory,
    histories: pd.DataFrame | None = None,
) -> pa.Table:
    """TEST_PREDICTIONS: every model by itself, by the rows and parameters known on the day."""
    train, test = rows.training(fold), rows.tests([fold])
    keys, frames = _keys(test, fold), []
    for name, candidate in competition.candidates.items():
        newest = candidate.folds[-1]
        prediction = newest.predicted
        if task_of(name) == "value":
            with attributed_to(name, AT_TEST):
                model = make(name, **newest.params).fit(
                    train.X, train.value, train.weight, histories
                )
                prediction = predict(model, test.X)
        frames.append(keys.assign(task=task_of(name), model=name, prediction=prediction))
    schema = artefacts.TEST_PREDICTIONS.schema
    return pa.Table.from_pandas(pd.concat(frames), schema=schema, preserve_index=False)


def score_test_snapshot(
    rows: LabelledRows, fold: Fold, competition: Competition, measured: ModelSpec
) -> pa.Table:
    """TEST_SCORES: the models put together by what was known on the day of the test fold."""
    newest = {name: candidate.on([fold]) for name, candidate in competition.candidates.items()}
    p = expit(selection.blended_log_odds(measured, newest))
    if_kept, if_lost = selection.blended_values(measured, newest)
    expected = (1 - p) * if_kept + p * if_lost
    low, high = _interval(measured, expected)
    numbers = (p, expected, low, high, if_kept, if_lost, p * (if_kept - if_lost))
    schema = artefacts.TEST_SCORES.schema
    scores = _keys(rows.tests([fold]), fold)
    scores[schema.names[len(feature_table.KEYS) :]] = np.column_stack(numbers)
    return pa.Table.from_pandas(scores, schema=schema, preserve_index=False)


def _interval(measured: ModelSpec, expected: Floats) -> tuple[Floats, Floats]:
    if measured.interval is None:
        return np.full(len(expected), np.nan), np.full(len(expected), np.nan)
    return measured.interval.predict(expected)


def _keys(test: LabelledRows, fold: Fold) -> pd.DataFrame:
    days = [point_in_time.date_of(fold.test)] * len(test.day)
    return pd.DataFrame({"customer_id": test.customer, "snapshot_on": days})


def main() -> None:
    params = load_params()
    with console.stage("train") as log:
        features, labels = artefacts.FEATURES.read(), artefacts.LABELS.read()
        earlier = artefacts.EARLIER_LABELS.read()
        rows = labelled_rows(features, labels, params.train.treated_rows, earlier)
        rows = rows if len(rows.day) else unlabelled_rows(features)
        log.read(f"{artefacts.FEATURES} and {artefacts.LABELS}", len(rows.day))
        histories = read_histories(artefacts.HISTORIES.read())
        trained = train(rows, params, log, (features, labels), histories)
        for name, state in trained.scorer.states().items():
            atomic.write_json(artefacts.CANDIDATE.path / f"{name}.json", state)
        newest = point_in_time.date_of(int(rows.day.max()))
        reference = profile.reference_profile(features, trained.scorer, newest)
        reference["past"] = own_past.own_past(features, trained.scorer, newest)
        atomic.write_json(artefacts.CANDIDATE.path / f"{profile.NAME}.json", reference)
        artefacts.CROSS_PREDICTIONS.write(trained.cross_predictions)
        artefacts.TEST_PREDICTIONS.write(trained.test_predictions)
        artefacts.TEST_SCORES.write(trained.test_scores)
        make = model_factory(params)
        content = selection_report(trained.spec, trained.evidence, rows, make, params.labels)
        artefacts.SELECTION.write(content)
        log.wrote(artefacts.TEST_PREDICTIONS, len(trained.test_predictions))
        for task, parts in content.weights.items():
            weights = ", ".join(f"{name} {weight:.2f}" for name, weight in parts.items())
            log.info(f"weights of {task} models: {weights}")


if __name__ == "__main__":
    errors.run(main)
