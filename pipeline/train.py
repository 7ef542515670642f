"""Stage `train`: blend models on past snapshots, test on an unseen one, refit on all rows."""

from dataclasses import dataclass, replace

import pyarrow as pa
import pyarrow.compute as pc

from models.components.lifetime import NAME, Lifetime
from models.components.scorer import Scorer
from retention.core import artefacts, console, errors, feature_table, point_in_time
from retention.core.documents.modelling import LifetimeReport
from retention.core.params import Params, load_params
from retention.core.storage import atomic
from retention.training import own_past, profile
from retention.training.candidates import ModelFactory, model_factory
from retention.training.competition import Competition
from retention.training.cross_prediction import cross_predict
from retention.training.durations import Durations, durations_of
from retention.training.failures import AT_REFIT, ModelFailed
from retention.training.fitting import fit_scorer, score, with_margin
from retention.training.histories import NO_HISTORIES, Histories, read_histories
from retention.training.ladder import Evidence, find_evidence
from retention.training.lifetime import LifetimeTraining
from retention.training.lifetime_report import lifetime_report
from retention.training.rows import LabelledRows, labelled_rows, unlabelled_rows
from retention.training.selection import ModelSpec
from retention.training.selection_report import selection_report
from retention.training.unseen_days import measured_folds, predict_day, score_day


@dataclass(frozen=True)
class Trained:
    """All that training leaves behind."""

    spec: ModelSpec  # the models put together for the day that is scored
    measured: ModelSpec | None  # as they would have been on the newest day that is measured
    scorer: Scorer  # fitted on all rows
    test_predictions: pa.Table  # of every model on the measured snapshots
    test_scores: pa.Table  # of the models put together, on the measured snapshots
    cross_predictions: pa.Table  # of randomised customers
    evidence: Evidence
    rows: LabelledRows
    lifetime: Lifetime | None = None  # None where nobody was followed
    lifetime_report: LifetimeReport | None = None


def train(
    rows: LabelledRows,
    params: Params,
    log: console.StageLog,
    cohorts: tuple[pa.Table, pa.Table] | None = None,
    histories: Histories = NO_HISTORIES,
    durations: Durations | None = None,
) -> Trained:
    """Put models together on the folds, score the measured snapshots, refit on all rows.

    A model that fails on the way drops out, and the others take its place.
    cohorts: FEATURES and LABELS, which cross-prediction reads; without them there is none.
    durations: of the rows; without them there is no curve.
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
            trained = _fit_and_predict(
                spec, competition, evidence, rows, params, log, cohorts, histories, day
            )
        except ModelFailed as failure:
            competition.drop_out(failure, spec)
        else:
            break
    if durations is None:
        return trained
    log.info("fitting curves and lifetime values")
    try:
        lifetime, report = fit_lifetime(
            make, rows, durations, competition, evidence, params, histories, day
        )
    except ValueError as error:  # a list without a curve is better than none
        log.warning(f"no curve and no lifetime value: {error}")
        return trained
    return replace(trained, lifetime=lifetime, lifetime_report=report)


def fit_lifetime(
    make: ModelFactory,
    rows: LabelledRows,
    durations: Durations,
    competition: Competition,
    evidence: Evidence,
    params: Params,
    histories: Histories,
    day: int,
) -> tuple[Lifetime, LifetimeReport]:
    """Curves and lifetime values for a day, and how they fared on past ones."""
    usable = tuple(competition.candidates) or evidence.models
    training = LifetimeTraining(make, rows, durations, competition, params, histories, usable)
    for fold in evidence.split.folds:
        if fold.part is None:
            training.add(fold)
    spec = training.spec(day)
    return training.fit(spec, day), lifetime_report(training, spec, day)


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
    predictions = [artefacts.TEST_PREDICTIONS.schema.empty_table()]
    scores = [artefacts.TEST_SCORES.schema.empty_table()]
    randomised = artefacts.CROSS_PREDICTIONS.schema.empty_table()
    measured = None
    for fold in measured_folds(evidence.split, delay):
        log.info(f"testing on {point_in_time.date_of(fold.test)}, as of that day")
        measured, then = competition.measured_spec(fold), histories.on(fold.test)
        predictions.append(predict_day(rows, fold, competition, make, then))
        scores.append(score_day(rows, fold, competition, measured))
    log.info("refitting the models on all mature snapshots")
    today = histories.on(day)
    scorer = fit_scorer(make, spec, rows, delay, AT_REFIT, today)
    newest = int(rows.day.max())
    score(scorer, rows.on([newest]).as_untreated().X, AT_REFIT)
    own = list(filter(feature_table.is_own, rows.X.columns))
    if own:
        read = {name for _, model, _ in scorer.churn.parts for name in model.feature_names_in_}
        n_own = f"{len(read.intersection(own))} of {len(own)} features of own kinds"
        log.info(f"{n_own} predict newer rows by older ones and are read")
    if cohorts:
        features, labels = cohorts
        now = pc.greater_equal(features["snapshot_on"], pa.scalar(point_in_time.date_of(newest)))
        score(scorer, feature_table.matrix(features.filter(now)), AT_REFIT)
        randomised = cross_predict(features, labels, rows, spec, make, delay, today)
    tested = pa.concat_tables(predictions), pa.concat_tables(scores)
    return Trained(spec, measured, scorer, *tested, randomised, evidence, rows)


def main() -> None:
    params = load_params()
    with console.stage("train") as log:
        features, labels = artefacts.FEATURES.read(), artefacts.LABELS.read()
        earlier = artefacts.EARLIER_LABELS.read()
        rows = labelled_rows(features, labels, params.train.treated_rows, earlier)
        rows = rows if len(rows.day) else unlabelled_rows(features)
        log.read(f"{artefacts.FEATURES} and {artefacts.LABELS}", len(rows.day))
        histories = read_histories(artefacts.HISTORIES.read())
        followed = durations_of(
            rows, artefacts.DURATIONS.read(), artefacts.LATER_VALUES.read(), params
        )
        trained = train(rows, params, log, (features, labels), histories, followed)
        for name, state in trained.scorer.states().items():
            atomic.write_json(artefacts.CANDIDATE.path / f"{name}.json", state)
        if trained.lifetime and trained.lifetime_report:
            path = artefacts.CANDIDATE.path / f"{NAME}.json"
            atomic.write_json(path, trained.lifetime.state())
            artefacts.LIFETIME.write(trained.lifetime_report)
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
