"""Stage `scorecard`: service metrics, churn timing and drivers, for the retention owner."""

import pandas as pd

from features.engine.base import Past
from features.engine.table import customer_attributes
from retention.cohort import calendar
from retention.core import artefacts, console, engine, errors, point_in_time
from retention.core.documents.reports import ScorecardMetrics
from retention.core.engine import Engine
from retention.core.params import Params, load_params
from retention.core.storage import atomic
from retention.reporting.scorecard import page, table
from retention.scorecard import (
    churn_timing,
    compute,
    drivers_report,
    headlines,
    staff,
    tenure_spells,
    touches,
)
from retention.scorecard.frames import collect_frames
from retention.scorecard.metrics import METRICS, Definitions
from retention.scorecard.report_data import METHOD_NOTES, Period, ScorecardReport
from retention.scorecard.spells import churn_spells


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
    churn, period_days = params.labels.churn, scorecard_params.period_days
    by_customer = customers.set_index("customer_id")
    spells = churn_spells(churn, history, by_customer["joined_day"], as_of, open_engine)
    frames = collect_frames(past, open_engine, params.labels)
    frames |= {"presence": spells.presence, "activity": spells.activity}
    group_columns = [name for name in scorecard_params.groups if by_customer[name].notna().any()]
    inputs = compute.MetricInputs(
        frames=frames,
        definitions=Definitions(params.service, churn),
        as_of=as_of,
        period_days=period_days,
        targets=scorecard_params.targets,
        teams=teams,
        customer_groups=by_customer[group_columns],
        first_days=tenure_spells.first_day_by_customer(spells.tenure),
        min_cases=scorecard_params.min_group_size,
    )
    metrics = tuple(compute.metric_reports(inputs))
    channel = by_customer["acquisition_channel"]
    drivers = drivers_report.drivers_report(spells.tenure, frames, channel, churn, as_of)
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
        headlines=tuple(headlines.headlines(metrics, drivers)),
        metrics=metrics,
        breakdowns=tuple(compute.breakdowns(inputs)),
        customer_groups=tuple(compute.customer_group_breakdowns(inputs)),
        touches=touches.touches_report(inputs),
        workload=compute.workload(inputs),
        timing=churn_timing.timing_report(spells.tenure, spells.presence, channel, churn),
        drivers=drivers,
        channel_ltv=churn_timing.ltv_reports(customers, frames, spells.tenure, as_of, period_days),
        method_notes=METHOD_NOTES,
    )


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
