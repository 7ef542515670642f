"""The headline figures of a month with their intervals, and what is true of each."""

from collections.abc import Iterator
from typing import Any, Final, NamedTuple

import numpy as np
import pandas as pd

from benchmarks.two_years.company import FIRST_DAY, HISTORY, NEVER, STEP, Company
from benchmarks.two_years.lists import (
    CANCEL,
    FEATURES,
    PLAY,
    POLICY,
    TRAINED_ON,
    ListsInUse,
    Models,
)
from models.components.base import Floats
from models.components.retention_value import worth_from_loss
from retention.experiments import analysis, incremental, save_rates
from retention.experiments.incremental import Estimate
from retention.policy import save_rates as policy_rates
from retention.scorecard import drivers_report, tenure_spells
from retention.stats import two_sample, weighted
from retention.stats.weighted import Weights
from retention.training import calibration_error, metrics
from retention.training.campaign_money import campaign_money
from retention.training.metric_intervals import MeasuredRows, metrics_with_intervals
from retention.training.metrics import CampaignMoney

MEASURED_DAYS: Final = 3
RESAMPLES: Final = 100
SEED: Final = 20260401
NO_MONEY: Final = pd.DataFrame({"customer_id": [], "day": [], "net": []})


class Figure(NamedTuple):
    """A figure as the product states it, and the truth."""

    name: str
    how: str  # "weights", or "leftovers": as before
    value: float
    low: float
    high: float
    truth: float


def _figure(name: str, how: str, estimate: Estimate, truth: Any) -> Figure:
    return Figure(name, how, estimate.value, estimate.low, estimate.high, float(truth))


def model_figures(use: ListsInUse, month: int, reference: pd.DataFrame) -> Iterator[Figure]:
    """Rate, order, calibration, profit and value, on the newest measured days.

    reference: the months of a larger company, with chance, if_kept and if_lost of each customer.
    """
    ways = [("weights", "weight"), ("leftovers", "drop")]
    for how, treated in ways[:1] if month == HISTORY else ways:
        rows = use.rows(month, treated, TRAINED_ON + MEASURED_DAYS)
        frames, truths = [], []
        for day in np.unique(rows.day)[-MEASURED_DAYS:].tolist():
            back = range(day - TRAINED_ON * STEP, day, STEP)
            models, tests = Models(rows.on(back)), rows.on([day])
            frames.append(
                models.score(tests.X)
                .assign(customer_id=tests.customer, snapshot_on=day, churned=tests.churned)
                .assign(value=tests.value, weight=tests.weight)[tests.contactable]
            )
            true = reference[(reference["day"] == day) & (reference["notice_given"] == 0)]
            scores = models.score(true[FEATURES])
            both = [
                scores.assign(churned=1.0, weight=true["chance"], value=true["if_lost"]),
                scores.assign(churned=0.0, weight=1 - true["chance"], value=true["if_kept"]),
            ]
            truths.append(pd.concat(both).assign(customer_id="", snapshot_on=day))
        frame, truth = pd.concat(frames), pd.concat(truths)
        intervals = _figures(frame, use.params.capacity, RESAMPLES)
        n_days = len(frames)
        per_day = truth["weight"].sum() / n_days
        own = len(use.company.months[month - 1])
        true_figures = _figures(truth, use.params.capacity * per_day / own, 0)
        for name, figure in intervals.items():
            numbers = (figure["value"], figure["low"], figure["high"])
            estimate = Estimate(*(np.nan if each is None else each for each in numbers))
            yield _figure(name, how, estimate, true_figures[name]["value"])


def _figures(frame: pd.DataFrame, capacity: float, n: int) -> dict[str, Any]:
    """The metrics of `evaluate` that a page leads with."""
    sample = MeasuredRows.from_frame(frame)
    y, value = (frame[name].to_numpy(dtype=float) for name in ("churned", "value"))

    def money(
        y: Floats, _p: Floats, value: Floats, _expected: Floats, _order: Floats, weight: Weights
    ) -> CampaignMoney | None:
        return campaign_money(POLICY, y, value, weight)

    order = np.arange(len(frame))

    def measure(
        y: Floats,
        p: Floats,
        value: Floats,
        expected: Floats,
        order: Floats,
        weight: Weights,
        money: CampaignMoney | None,
    ) -> dict[str, float]:
        _, slope = metrics.calibration_line(y, p, weight)
        return {
            "rate": weighted.mean(y, weight),
            "expected / observed": weighted.mean(p, weight) / weighted.mean(y, weight),
            "calibration slope": slope,
            "calibration error": metrics.ece(y, p, weight),
            "ROC AUC": metrics.roc_auc(y, p, weight),
            "Brier": metrics.brier(y, p, weight),
            "lift at capacity": metrics.lift_at(y, p, capacity, order, weight),
            "EMPC": metrics.empc(y, p, weight, money).money if money else np.nan,
            "value: bias": metrics.bias(value, expected, weight),
        }

    columns: list[Any] = [y, frame["churn_probability"], value, frame["expected_value"], order]
    if n == 0:
        whole = sample.over_days(measure, money)
        arrays = [np.asarray(column) for column in (*columns, *sample.extras())]
        return {name: {"value": each} for name, each in whole(*arrays).items()}
    intervals = metrics_with_intervals(measure, sample, columns, n, SEED, money)
    p = frame["churn_probability"].to_numpy()
    low, high = calibration_error.interval(y, p, sample, n, SEED)
    intervals["calibration error"] |= {"low": low, "high": high}
    return intervals


def saves(use: ListsInUse, month: int) -> Iterator[Figure]:
    """What contacts saved by intention to treat, and the save rate that the list counts with."""
    if month == HISTORY:
        return  # the first list: nothing came of any yet
    rows = analysis.analysis_set(use.follow_up(month))
    effect = analysis.effect_estimate(rows, "churned")
    saved = incremental.saved_customers(effect)
    change = rows["chance"] - rows["chance_if_listed"]
    n_treated = effect.treated
    yield _figure("customers saved", "weights", saved, n_treated * change.mean())
    reached = rows["reached"].to_numpy()
    naive = two_sample.difference_in_proportions(
        int(rows["churned"][reached].sum()),
        int(reached.sum()),
        int(rows["churned"][~reached].sum()),
        int((~reached).sum()),
    )
    before = incremental.saved_customers(naive).times(n_treated / naive.treated)
    yield _figure("customers saved", "leftovers", before, n_treated * change.mean())
    worth = worth_from_loss(rows["expected_loss"], rows["churn_probability"], 1.0)
    kept_value = analysis.effect_estimate(analysis.with_kept_value(rows, 1.0), "kept_value")
    money = incremental.total_effect(kept_value)
    yield _figure("money saved", "weights", money, n_treated * (change * worth).mean())
    measured = save_rates.measured_by_play(rows, [PLAY.name])
    table = policy_rates.save_rates(POLICY, measured).table.loc[PLAY.name]
    rate = change.sum() / rows["churn_probability"].sum()
    ends = Estimate(*table[["rate", "interval_low", "interval_high"]].to_numpy(dtype=float))
    yield _figure("save rate", "weights", ends, rate)
    yield _figure("save rate", "leftovers", Estimate(*[PLAY.save_rate] * 3), rate)
    holdout = analysis.scored_holdout(rows)
    of_last = holdout[holdout["day"] == holdout["day"].max()]
    left = analysis.wilson_estimate(float(of_last["churned"].mean()), len(of_last))
    yield _figure("rate of a list's held out", "weights", left, of_last["chance"].mean())


def causes(company: Company, month: int) -> Iterator[Figure]:
    """Excess losses by recorded cause, until a month."""
    as_of = FIRST_DAY + month * STEP
    there = company.came < month
    ended = pd.Series(company.left_on[there]).where(company.left_on[there] != NEVER).astype("Int64")
    begins = FIRST_DAY + company.came[there] * STEP
    chains = {"customer_id": company.ids[there], "begins": begins, "ends_on": ended}
    tenure = tenure_spells.contract_tenure(pd.DataFrame(chains), as_of)
    channel: pd.Series[str] = pd.Series(company.channel.tolist(), company.ids, dtype="str")
    failures = pd.concat(company.failures)
    failures = failures[failures["day"] < as_of]
    frames: Any = {"failures": failures, "money": NO_MONEY}
    report = drivers_report.drivers_report(tenure, frames, channel, CANCEL, as_of)
    lost = pd.DataFrame(company.lost)
    true = lost[lost["month"] < month].groupby("cause")["losses"].sum()
    for cause in report.causes:
        name, truth = f"losses: {cause.cause}", true[cause.cause]
        ends = (np.nan if end is None else end for end in (cause.low, cause.high))
        yield _figure(name, "weights", Estimate(cause.excess, *ends), truth)
        yield _figure(name, "leftovers", Estimate(*[float(cause.lost_with_cause)] * 3), truth)
