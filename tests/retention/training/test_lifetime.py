"""Curves and lifetime values on folds: what was known on a day, and what follows from it."""

from dataclasses import replace

import numpy as np
import pytest

from models.components.lifetime import WindowFactors
from retention.core import artefacts, point_in_time
from retention.training.candidates import model_factory
from retention.training.competition import Competition
from retention.training.durations import Durations, durations_of
from retention.training.histories import NO_HISTORIES
from retention.training.ladder import find_evidence
from retention.training.lifetime import LifetimeFold, LifetimeTraining, window_factors
from retention.training.lifetime_report import lifetime_report, product_limit
from tests.support.training_company import (
    AS_OF,
    duration_table,
    feature_table,
    label_table,
    small_params,
    some_rows,
    use_quick_models,
)


@pytest.fixture(scope="module")
def training() -> LifetimeTraining:
    with pytest.MonkeyPatch.context() as monkeypatch:
        use_quick_models(monkeypatch)
        rows, params = some_rows(), small_params()
        evidence, make = find_evidence(rows, params), model_factory(params)
        delay = point_in_time.label_delay_days(params.labels)
        competition = Competition(make, rows, evidence, delay, print)
        competition.evaluate()
        nothing = artefacts.LATER_VALUES.schema.empty_table()
        followed = duration_table(label_table(feature_table()))
        durations = durations_of(rows, followed, nothing, params)
        values = np.random.default_rng(6).gamma(2, 15, durations.values.shape)
        durations = replace(durations, values=values)
        training = LifetimeTraining(
            make, rows, durations, competition, params, NO_HISTORIES, ("churn_logistic",)
        )
        for fold in evidence.split.folds:
            training.add(fold)
        return training


def test_nothing_that_was_not_known_on_a_folds_day_counts(
    training: LifetimeTraining, monkeypatch: pytest.MonkeyPatch
) -> None:
    use_quick_models(monkeypatch)
    fold = training.folds[-1].fold
    followed = training.durations.followed(fold.test, training.params)
    left, values = training.durations.left.copy(), training.durations.values.copy()
    unknown = ~(left <= followed)
    left[unknown] = np.where(np.isnan(left[unknown]), followed[unknown] + 1.0, np.nan)
    closed = followed // training.params.labels.value.horizon_days
    later = np.arange(values.shape[1]) >= closed[:, None]
    values[later] = 1e6
    tampered = replace(
        training, durations=replace(training.durations, left=left, values=values), folds=[]
    )
    for each in training.folds:
        if each.fold.test <= fold.test:
            tampered.add(each.fold)
    assert tampered.folds[-1].log_odds.tolist() == training.folds[-1].log_odds.tolist()
    then, otherwise = training.spec(fold.test), tampered.spec(fold.test)
    assert replace(otherwise, interval=None) == replace(then, interval=None)
    assert then.interval
    assert otherwise.interval
    assert otherwise.interval.state() == then.interval.state()
    # The same tampering shows where those days are known.
    assert tampered.spec(AS_OF).factors != training.spec(AS_OF).factors


def test_later_hazards_are_those_that_came(training: LifetimeTraining) -> None:
    report = lifetime_report(training, training.spec(AS_OF), AS_OF)
    assert report.figures
    oldest = [each for each in report.figures if each.snapshot == report.figures[0].snapshot]
    assert [each.days for each in oldest] == sorted(each.days for each in oldest)
    lifetime = training.fit(training.spec(AS_OF), AS_OF)
    first = np.flatnonzero(training.rows.day == training.rows.day.min())
    left = training.durations.left[first]
    chance = np.full(len(first), (left <= 28).mean())
    curve = lifetime.hazards.curve(training.rows.X.iloc[first], chance)
    for days in (42, 70, 112):
        assert curve.left_by(days).mean() == pytest.approx((left <= days).mean(), abs=0.08)


def test_later_windows_are_shares_of_the_first_by_what_became_of_the_customer() -> None:
    n = 100
    left = np.repeat([np.nan, 50.0, 20.0], [40, 30, 30])
    values = np.zeros((n, 3))
    values[:40, 1], values[40:70, 1], values[70:, 1] = 8.0, 3.0, 1.0
    durations = Durations(left, np.zeros(n, dtype=np.int64), np.ones(n, dtype=bool), values)
    nothing = np.empty((n, 0, 0))
    fold = LifetimeFold(
        fold=None,  # type: ignore[arg-type]
        positions=np.arange(n),
        ends=[30],
        names=[],
        log_odds=nothing,
        p=np.full(n, 0.3),
        if_kept=np.full(n, 10.0),
        if_lost=np.full(n, 2.0),
        announced=np.full(n, np.nan),
        weight=np.ones(n),
    )
    closed = np.full(n, 2)
    assert window_factors([(durations, fold, closed)], 30, 30, 3) == WindowFactors(
        there=[0.8], leaving=[0.3], gone=[0.1], windows_known=2
    )
    # Nothing has closed: those lost bring what the list says they do, and nobody else changes.
    assert window_factors([(durations, fold, closed - 1)], 30, 30, 3).gone == [0.2]


def test_the_product_limit_estimate_by_hand() -> None:
    left = np.array([10.0, np.nan, 20.0, np.nan, 30.0])
    followed = np.array([40.0, 15.0, 40.0, 40.0, 40.0])
    ones = np.ones(5)
    assert product_limit(left, followed, ones, 9) == 0
    assert product_limit(left, followed, ones, 10) == pytest.approx(0.2)
    assert product_limit(left, followed, ones, 25) == pytest.approx(1 - 0.8 * 2 / 3)
    assert product_limit(left, followed, ones, 99) == pytest.approx(1 - 0.8 * 2 / 3 * 0.5)
