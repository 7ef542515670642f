"""Stage `outcomes`: what contact changed, by intention to treat.

All customers whom a list assigned to contact are compared with all whom it held out. Each counts
once per campaign, in the arm to which they were randomised, whether or not they were reached.
"""

import datetime as dt
import math
from collections.abc import Iterator, Mapping

import pandas as pd

from retention.cohort import calendar
from retention.core import artefacts, console, engine, errors, point_in_time
from retention.core.documents.reports import ListGain, OutcomesMetrics
from retention.core.params import Params, load_params
from retention.core.storage import atomic
from retention.experiments import (
    analysis,
    holdout_calibration,
    holdout_design,
    incremental,
    planning,
    reason_check,
)
from retention.experiments.conclusions import retention_conclusion
from retention.experiments.follow_up import read_follow_up
from retention.experiments.report_data import (
    CampaignResult,
    OutcomesReport,
    SampleSizePlan,
    SubgroupResult,
)
from retention.experiments.report_metrics import report_metrics
from retention.experiments.subgroups import SequentialPlan
from retention.i18n.language import language
from retention.ledgers import assignments
from retention.reporting.outcomes import page, table
from retention.serving import target, themes
from retention.stats import sequential
from retention.tracking import client, outcome_record


def outcomes(
    follow_up: pd.DataFrame,
    lanes: pd.DataFrame,
    params: Params,
    as_of: dt.date,
    expected: ListGain | None = None,
    assessments: pd.DataFrame | None = None,
) -> OutcomesReport:
    """Analyse a campaign's assignments as known on a day.

    follow_up: FOLLOW_UP. lanes: LANES of today's list, to plan with. expected: what that list
    expects to gain. assessments: as `reason_check.read_assessments` reads them.
    """
    today, min_size = pd.Timestamp(as_of), params.outcomes.min_group_size
    report_language = language(params.at_risk.language)
    rows = analysis.analysis_set(follow_up)
    plan = planning.sample_size_plan(
        follow_up,
        analysis.arm_sizes(rows),
        expected_churn_rate(lanes),
        params.at_risk.holdout_share,
        today,
        params.outcomes,
    )
    batches = analysis.assignment_batches(follow_up, today)
    pending = [batch.outcome_known_on for batch in batches if not batch.is_known]
    label_delay = dt.timedelta(days=point_in_time.label_delay_days(params.labels))
    past_lists = holdout_calibration.past_lists(follow_up, min_size)
    return OutcomesReport(
        company=params.company,
        currency=params.currency,
        language=report_language,
        as_of=as_of,
        campaign=params.at_risk.campaign,
        target_description=target.target_description(params.labels, report_language),
        value_days=params.labels.value.horizon_days,
        retained_windows=params.policy.retained_windows,
        plays={play.name: play.action for play in params.policy.playbook},
        assigned=analysis.arm_sizes(analysis.randomised(follow_up)),
        excluded_by_reason=analysis.excluded_by_reason(follow_up),
        first_result_on=min(pending, default=as_of + label_delay),
        batches=batches,
        min_arm_size=min_size,
        expected=expected,
        design=holdout_design.design_for_a_year(follow_up, lanes, params, as_of, expected),
        plan=plan,
        result=_campaign_result(rows, plan, params),
        subgroups=_subgroups(follow_up, rows, plan, params) if plan and len(rows) else (),
        compliance=analysis.compliance(rows) if len(rows) else (),
        balance=analysis.balance_check(follow_up),
        calibration=analysis.calibration(rows, min_size),
        past_lists=holdout_calibration.for_report(past_lists),
        holdout_auc=holdout_calibration.holdout_auc(rows, min_size),
        reasons=() if assessments is None else reason_check.assess_reasons(assessments),
    )


def _subgroups(
    follow_up: pd.DataFrame, rows: pd.DataFrame, plan: SampleSizePlan, params: Params
) -> tuple[SubgroupResult, ...]:
    """The effect by play and theme; what they are compared with is fixed by the first list."""
    assigned = analysis.randomised(follow_up)
    first = assigned[assigned["as_of"] == assigned["as_of"].min()]
    plays = [play for play in params.policy.playbook if play.lane == "contact"]
    n_tests = len(plays) + len(themes.ACTIONABLE | themes.CONTEXT) + len(params.own_kinds())
    fixed = SequentialPlan(plan.required.total, first, n_tests)
    return analysis.subgroup_results(rows, params.outcomes.min_group_size, fixed)


def _campaign_result(
    rows: pd.DataFrame, plan: SampleSizePlan | None, params: Params
) -> CampaignResult | None:
    """None until an outcome is known in both arms."""
    if plan is None or rows["arm"].nunique() < len(analysis.ARMS):
        return None
    # The page is read at every list, so the effects that it reports get a confidence sequence,
    # planned for the sample size that was fixed before the first look.
    planned = plan.required.total
    single_look = analysis.effect_estimate(rows, "churned")
    churn_effect = sequential.confidence_sequence(single_look, planned)
    rows = analysis.with_kept_value(rows, params.policy.retained_windows)
    window_effect, kept_effect = (
        sequential.confidence_sequence(analysis.effect_estimate(rows, outcome), planned)
        for outcome in ("value", "kept_value")
    )
    has_sample = plan.observed.covers(plan.required) and not math.isnan(churn_effect.low)
    return CampaignResult(
        arms=analysis.arm_summaries(rows, single_look, window_effect),
        single_look=single_look,
        churn_effect=churn_effect,
        window_effect=window_effect,
        kept_effect=kept_effect,
        incremental=incremental.incremental_outcomes(
            churn_effect, kept_effect, float(rows["spent"].sum())
        ),
        conclusion=retention_conclusion(
            churn_effect, plan.required, plan.enrolment_rate, language(params.at_risk.language)
        ),
        is_conclusive=churn_effect.significant or has_sample,
    )


def expected_churn_rate(lanes: pd.DataFrame) -> float:
    """Mean churn probability of whom today's list assigns to either arm; nan of nobody."""
    is_assigned = (lanes["lane"] == "contact") | (lanes["why"] == "held_out")
    return float(lanes.loc[is_assigned, "churn_probability"].mean())


def summary_lines(report: OutcomesReport) -> Iterator[str]:
    """The report in a few lines."""
    assigned = report.assigned
    yield f"{assigned.treated:,.0f} to contact, {assigned.control:,.0f} held out so far"
    if report.result:
        yield report.result.conclusion
    else:
        yield f"nothing can be measured before {report.first_result_on}"


def track(
    report: OutcomesReport, metrics: Mapping[str, float | None], log: console.StageLog
) -> None:
    """Log a result to MLflow; where it cannot be reached, say so and go on."""
    if report.result is None:
        return
    try:
        run = outcome_record.outcome_run(report, metrics)
        log.info(f"MLflow run {client.log_figures(report.company, run)}")
    except client.TrackingDown as down:
        log.info(str(down))


def main() -> None:
    params, events_summary = load_params(), artefacts.EVENTS_SUMMARY.read()
    with console.stage("outcomes") as log, engine.open_engine(params.engine) as open_engine:
        follow_up = read_follow_up(params, open_engine, events_summary)
        log.read(assignments.FOLDER, len(follow_up))
        as_of = point_in_time.date_of(calendar.plan_calendar(params, events_summary).as_of)
        lanes = artefacts.LANES.read(columns=["lane", "why", "churn_probability"])
        assessments = reason_check.read_assessments(open_engine, point_in_time.day_number(as_of))
        expected = artefacts.LIST_SUMMARY.read().expected
        report = outcomes(follow_up, lanes.to_pandas(), params, as_of, expected, assessments)
        metrics, rows = report_metrics(report), table.table(report)
        atomic.write_text(artefacts.OUTCOMES_PAGE, page.html(report))
        atomic.write_text(artefacts.OUTCOMES_TABLE, table.as_csv(rows))
        artefacts.OUTCOMES_METRICS.write(OutcomesMetrics(metrics))
        log.wrote(artefacts.OUTCOMES_TABLE, len(rows))
        for line in summary_lines(report):
            log.info(line)
        track(report, metrics, log)
        log.info(f"open next: {artefacts.OUTCOMES_PAGE}")


if __name__ == "__main__":
    errors.run(main)
