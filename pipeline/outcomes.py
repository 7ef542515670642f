"""Stage `outcomes`: did it help? What contacting customers changed, against those left alone.

Compared are all whom a list assigned to contact with all whom it held out, each counted once in a
campaign and where the draw put them, whoever was reached in the end (intention to treat).
"""

import datetime as dt
import math
from collections.abc import Iterator
from typing import Any

import pandas as pd

from retention.cohort import calendar
from retention.core import artefacts, console, engine, errors, point_in_time
from retention.core.params import Params, load_params
from retention.core.storage import atomic
from retention.experiments import analysis, holdout_calibration, planning, reading
from retention.experiments.conclusions import retention_conclusion
from retention.experiments.report_data import CampaignResult, OutcomesReport, SampleSizePlan
from retention.i18n.language import language
from retention.ledgers import assignments
from retention.reporting.outcomes import page, table
from retention.serving import target
from retention.stats.power import ArmSizes
from retention.tracking import client, outcome_record


def outcomes(
    found: pd.DataFrame, believed: float, chosen: Params, as_of: dt.date
) -> OutcomesReport:
    """All that can be said of a campaign's assignments on a day.

    found: rows of `followed.FOLLOWED`. believed: the chance of leaving of those whom today's list
    would assign, for planning where nobody is assigned yet.
    """
    rules, today = chosen.outcomes, pd.Timestamp(as_of)
    rows = analysis.analysis_set(found)
    plan = planning.sample_size_plan(
        found, _arms(rows), believed, chosen.at_risk.holdout_share, today, rules
    )
    batches = analysis.assignment_batches(found, today)
    waiting = [one.outcome_known_on for one in batches if not one.is_known]
    ripening = dt.timedelta(days=point_in_time.label_delay_days(chosen.labels))
    says = language(chosen.at_risk.language)
    return OutcomesReport(
        company=chosen.company,
        currency=chosen.currency,
        language=says,
        as_of=as_of,
        campaign=chosen.at_risk.campaign,
        target_description=target.target_description(chosen.labels, says),
        value_days=chosen.labels.value.horizon_days,
        plays={play.name: play.action for play in chosen.policy.playbook},
        assigned=_arms(analysis.randomised(found)),
        excluded_by_reason=analysis.excluded_by_reason(found),
        first_result_on=min(waiting, default=as_of + ripening),
        batches=batches,
        min_arm_size=rules.min_group_size,
        plan=plan,
        result=_result(rows, plan, chosen),
        subgroups=analysis.subgroup_results(rows, rules.min_group_size, plan.required.total)
        if plan and len(rows)
        else (),
        compliance=analysis.compliance(rows) if len(rows) else (),
        balance=analysis.balance_check(found),
        calibration=analysis.calibration(rows, rules.min_group_size),
        past_lists=holdout_calibration.past_lists_of_report(
            holdout_calibration.past_lists(found, rules.min_group_size)
        ),
        holdout_auc=holdout_calibration.holdout_auc(rows, rules.min_group_size),
    )


def _arms(rows: pd.DataFrame) -> ArmSizes:
    treated = int((rows["arm"] == assignments.CONTACT).sum())
    return ArmSizes(treated, len(rows) - treated)


def _result(
    rows: pd.DataFrame, plan: SampleSizePlan | None, chosen: Params
) -> CampaignResult | None:
    """None until an outcome is known in both arms."""
    if plan is None or rows["arm"].nunique() < len(analysis.ARMS):
        return None
    size = plan.required.total
    once = analysis.effect_estimate(rows, "churned")
    left = analysis.at_every_list(once, size)
    value = analysis.at_every_list(analysis.effect_estimate(rows, "value"), size)
    return CampaignResult(
        arms=analysis.arm_summaries(rows, once, value),
        single_look=once,
        churn_effect=left,
        value_effect=value,
        incremental=analysis.incremental_outcomes(rows, left, value),
        conclusion=retention_conclusion(
            left, plan.required, plan.enrolment_rate, language(chosen.at_risk.language)
        ),
        is_conclusive=left.significant
        or (plan.observed.covers(plan.required) and not math.isnan(left.low)),
    )


def metrics(told: OutcomesReport) -> dict[str, Any]:
    """The main figures, flat; null where they cannot be measured yet."""
    found: dict[str, Any] = {
        "entered_contact": told.assigned.treated,
        "entered_holdout": told.assigned.control,
        "compared_contact": 0,
        "compared_holdout": 0,
    }
    if told.plan:
        found |= {"needed_contact": told.plan.required.treated}
        found |= {"needed_holdout": told.plan.required.control}
    if told.result:
        found |= _result_metrics(told.result)
    if told.balance:
        found |= {"balance_p": told.balance.joint_p_value, "sizes_p": told.balance.srm_p_value}
    if told.calibration:
        found["holdout_expected"] = told.calibration.expected
        found["holdout_observed"] = told.calibration.observed
    found |= _past_list_metrics(told)
    return {name: _finite(value) for name, value in found.items()}


def _past_list_metrics(told: OutcomesReport) -> dict[str, Any]:
    """How many past lists could be judged and were right, the newest of them, and the order."""
    judged = [one for one in told.past_lists if one.is_calibrated is not None]
    found: dict[str, Any] = {
        "lists_judged": len(judged),
        "lists_right": sum(one.is_calibrated is True for one in judged),
    }
    if judged:
        newest = judged[0]
        found |= {"last_list_said": newest.predicted, "last_list_left": newest.observed.value}
        found |= {
            "last_list_left_low": newest.observed.low,
            "last_list_left_high": newest.observed.high,
        }
    if told.holdout_auc:
        found |= {"holdout_order": told.holdout_auc.value}
        found |= {
            "holdout_order_low": told.holdout_auc.low,
            "holdout_order_high": told.holdout_auc.high,
        }
    return found


def _result_metrics(result: CampaignResult) -> dict[str, Any]:
    contact, holdout = result.arms
    saved, left = result.incremental, result.churn_effect
    amounts = {
        "saved_customers": saved.customers,
        "saved_money": saved.value,
        "net": saved.net,
        "return": saved.roi,
    }
    ends = {"": "value", "_low": "low", "_high": "high"}
    return {
        "compared_contact": contact.customers,
        "compared_holdout": holdout.customers,
        "leaving_contact": contact.churn_rate.value,
        "leaving_holdout": holdout.churn_rate.value,
        "effect": left.difference,
        "effect_low": left.low,
        "effect_high": left.high,
        "effect_p": left.p_value,
        "effect_once_low": result.single_look.low,
        "effect_once_high": result.single_look.high,
        "cost": saved.cost,
        **{
            name + end: getattr(amount, part)
            for name, amount in amounts.items()
            for end, part in ends.items()
        },
    }


def _finite(value: float) -> float | None:
    return value if math.isfinite(value) else None


def expected_churn_rate(lanes: pd.DataFrame) -> float:
    """The mean chance of leaving of whom today's list assigns to either arm; nan of nobody."""
    either = (lanes["lane"] == "contact") | (lanes["why"] == "held_out")
    return float(lanes.loc[either, "churn_probability"].mean())


def summary_lines(told: OutcomesReport) -> Iterator[str]:
    """The page in a few lines."""
    yield f"{told.assigned.treated:,.0f} to contact, {told.assigned.control:,.0f} held out so far"
    if told.result:
        yield told.result.conclusion
    else:
        yield f"nothing can be measured before {told.first_result_on}"


def track(told: OutcomesReport, figures: dict[str, Any], report: console.Report) -> None:
    """Tell MLflow of a result; where it cannot be reached, say so and go on."""
    if told.result is None:
        return
    try:
        run = outcome_record.outcome_run(told, figures)
        report.say(f"MLflow run {client.log_figures(told.company, run)}")
    except client.TrackingDown as down:
        report.say(str(down))


def main() -> None:
    chosen, summary = load_params(), atomic.read_json(artefacts.EVENTS_SUMMARY)
    with console.stage("outcomes") as report, engine.open_engine(chosen.engine) as open_engine:
        found = reading.read(chosen, open_engine, summary)
        report.read(assignments.FOLDER, len(found))
        as_of = point_in_time.date_of(calendar.plan_calendar(chosen, summary).as_of)
        lanes = artefacts.LANES.read(columns=["lane", "why", "churn_probability"])
        told = outcomes(found, expected_churn_rate(lanes.to_pandas()), chosen, as_of)
        figures, rows = metrics(told), table.table(told)
        atomic.write_text(artefacts.OUTCOMES_PAGE, page.html(told))
        atomic.write_text(artefacts.OUTCOMES_TABLE, table.as_csv(rows))
        atomic.write_json(artefacts.OUTCOMES_METRICS, figures)
        report.wrote(artefacts.OUTCOMES_TABLE, len(rows))
        for sentence in summary_lines(told):
            report.say(sentence)
        track(told, figures, report)
        report.open_next(artefacts.OUTCOMES_PAGE)


if __name__ == "__main__":
    errors.run(main)
