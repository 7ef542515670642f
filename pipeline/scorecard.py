"""Stage `scorecard`: service metrics, churn timing and drivers, for the retention owner."""

from collections.abc import Callable, Iterator

import narwhals as nw
import pandas as pd

from features.engine.base import Past
from features.engine.table import customer_attributes
from retention.cohort import calendar, episodes
from retention.core import artefacts, console, engine, errors, point_in_time
from retention.core.documents.reports import ScorecardMetrics
from retention.core.engine import Engine
from retention.core.params import ChurnLabel, Params, load_params
from retention.core.storage import atomic
from retention.reporting.scorecard import page, table
from retention.scorecard import churn_drivers, churn_timing, compute, staff, tenure_spells
from retention.scorecard.frames import collect_frames
from retention.scorecard.metrics import METRICS
from retention.scorecard.report_data import (
    METHOD_NOTES,
    ChurnDrivers,
    MetricReport,
    Period,
    ScorecardReport,
)


def scorecard(
    params: Params,
    history: point_in_time.Frame,
    past: Past,
    customers: pd.DataFrame,
    teams: pd.DataFrame,
    open_engine: Engine,
) -> ScorecardReport:
    """The scorecard of everything known before the snapshot of `past`.

    history: those events; customers: data/customers in its newest versions; teams: team and branch
    by agent_id.
    """
    as_of, scorecard_params = past.snapshot, params.scorecard
    period_days = scorecard_params.period_days
    spells = _churn_spells(params.labels.churn, history, as_of, open_engine)
    frames = collect_frames(past, open_engine, params.labels.value)
    frames["present"] = tenure_spells.customers_at_risk(
        spells, _chart_periods(spells, as_of), compute.POINT_DAYS
    )
    by_customer = customers.set_index("customer_id")
    group_columns = [name for name in scorecard_params.groups if by_customer[name].notna().any()]
    inputs = compute.MetricInputs(
        frames=frames,
        as_of=as_of,
        period_days=period_days,
        targets=scorecard_params.targets,
        teams=teams,
        customer_groups=by_customer[group_columns],
        first_days=tenure_spells.first_day_by_customer(spells),
        min_cases=scorecard_params.min_group_size,
    )
    metrics = tuple(compute.metric_reports(inputs))
    channel = by_customer["acquisition_channel"]
    drivers = churn_timing.drivers_report(spells, frames, channel, compute.POINT_DAYS)
    now, before, year_ago = (
        Period(*compute.first_and_last_date(start, period_days))
        for start in compute.period_starts(as_of, period_days)
    )
    return ScorecardReport(
        company=params.company,
        currency=params.currency,
        as_of=point_in_time.date_of(as_of),
        now=now,
        before=before,
        year_ago=year_ago,
        headlines=tuple(_headlines(metrics, drivers)),
        metrics=metrics,
        breakdowns=tuple(compute.breakdowns(inputs)),
        customer_groups=tuple(compute.customer_group_breakdowns(inputs)),
        workload=compute.workload(inputs),
        timing=churn_timing.timing_report(spells, channel, as_of),
        drivers=drivers,
        channel_ltv=churn_timing.ltv_reports(customers, frames, spells, as_of, period_days),
        method_notes=METHOD_NOTES,
    )


def _churn_spells(
    churn: ChurnLabel, history: point_in_time.Frame, as_of: int, open_engine: Engine
) -> pd.DataFrame:
    """The spells in which each was a customer, by the company's own rule of churn."""
    if churn.rule == "silence":
        signs = history.filter(nw.col("kind").is_in(churn.kinds))
        days = signs.select("customer_id", day=nw.col("occurred_day")).unique()
        active_days = open_engine.collect(days, sort=["customer_id", "day"]).to_pandas()
        spells = tenure_spells.activity_spells(active_days, churn, as_of)
    else:
        chains = open_engine.collect(
            episodes.contract_chains(history), sort=["customer_id", "begins"]
        )
        spells = tenure_spells.contract_spells(chains.to_pandas(), as_of)
    if spells.empty:
        raise errors.BadInput(
            f"data/events: nobody was a customer before {point_in_time.date_of(as_of)}; "
            "check as_of and labels.churn in params.yaml"
        )
    return spells


def _chart_periods(spells: pd.DataFrame, as_of: int) -> list[int]:
    """The first days of the control chart's periods since departures are on record."""
    days = compute.POINT_DAYS
    first = tenure_spells.departures_observed_from(spells)
    return [as_of - days * n_back for n_back in range((as_of - first) // days, 0, -1)]


HEADLINES: tuple[tuple[str, Callable[[MetricReport], bool]], ...] = (
    ("Worse than the period before: {}.", lambda metric: metric.trend == "worse"),
    ("Better than the period before: {}.", lambda metric: metric.trend == "better"),
    ("Unusual now: {}.", lambda metric: metric.alarm is not None),
)
"""A sentence, and which metrics it lists by title; left out where it lists none."""


def _headlines(metrics: tuple[MetricReport, ...], drivers: ChurnDrivers) -> Iterator[str]:
    """What a manager reads first: targets, changes, alarms, and the costliest cause of churn."""
    with_target = [metric for metric in metrics if metric.target_met is not None]
    if with_target:
        missed = [metric.title.lower() for metric in with_target if not metric.target_met]
        missed_text = f"; missed: {', '.join(missed)}" if missed else ""
        n_met = len(with_target) - len(missed)
        yield f"Targets reached: {n_met} of {len(with_target)}{missed_text}."
    for sentence, applies in HEADLINES:
        titles = [metric.title.lower() for metric in metrics if applies(metric)]
        if titles:
            yield sentence.format(", ".join(titles))
    has_band = any(point.low is not None for metric in metrics for point in metric.points)
    if has_band and not any(metric.alarm for metric in metrics):
        yield "No measure leaves its normal band."
    for cause in drivers.causes:
        if cause.excess > 0 and cause.verdict.startswith(churn_drivers.ASSOCIATED):
            yield f"The costliest trouble: {cause.title}, {cause.verdict}."
            break


def _newest_versions(customers: pd.DataFrame, as_of: int) -> pd.DataFrame:
    """One row a customer, as known before as_of; a row without a known_day was always known."""
    known_day = customers["known_day"]
    before = customers[known_day.isna() | (known_day < as_of)]
    return before.sort_values("known_day", na_position="first").drop_duplicates(
        "customer_id", keep="last"
    )


def _check_targets(targets: dict[str, float | None]) -> None:
    for name in targets:
        if name not in METRICS:
            raise errors.BadParams(
                f"params.yaml: scorecard.targets.{name}: no such measure"
                f"{errors.suggestion(name, METRICS)}"
            )


def main() -> None:
    params, summary = load_params(), artefacts.EVENTS_SUMMARY.read()
    _check_targets(params.scorecard.targets)
    with console.stage("scorecard") as log, engine.open_engine(params.engine) as open_engine:
        as_of = calendar.plan_calendar(params, summary).as_of
        log.read(artefacts.EVENTS, summary.rows)
        all_events = open_engine.scan(artefacts.EVENTS)
        known_events = point_in_time.as_known_at(all_events, as_of, summary.versioned)
        history = open_engine.materialize(known_events)
        customers = open_engine.scan(artefacts.CUSTOMERS)
        attributes = customer_attributes(customers, as_of)
        past = Past(history, attributes, as_of, open_engine.materialize, params.service)
        versions = open_engine.collect(customers, ["customer_id", "known_day"]).to_pandas()
        newest = _newest_versions(versions, as_of)
        teams = staff.teams(params.scorecard.staff, params.engine.memory)
        report = scorecard(params, history, past, newest, teams, open_engine)
        atomic.write_text(artefacts.SCORECARD_PAGE, page.html(report))
        rows = table.rows(report)
        atomic.write_text(artefacts.SCORECARD_TABLE, table.as_csv(rows))
        artefacts.SCORECARD_METRICS.write(_dvc_metrics(report))
        log.wrote(artefacts.SCORECARD_TABLE, len(rows))
        for headline in report.headlines:
            log.info(headline)


def _dvc_metrics(report: ScorecardReport) -> ScorecardMetrics:
    """The metrics of the period and the losses by cause, flat enough for `dvc metrics`."""
    return ScorecardMetrics(
        measures={metric.name: metric.now.value for metric in report.metrics},
        excess_lost={cause.cause: cause.excess for cause in report.drivers.causes},
        lost=report.drivers.lost,
    )


if __name__ == "__main__":
    errors.run(main)
