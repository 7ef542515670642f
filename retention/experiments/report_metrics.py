"""The outcomes report as flat metrics, for DVC and MLflow."""

import math
from typing import Any

from retention.experiments.report_data import CampaignResult, OutcomesReport


def report_metrics(report: OutcomesReport) -> dict[str, float | None]:
    """Flatten the main figures of a report.

    Parameters
    ----------
    report : OutcomesReport

    Returns
    -------
    dict
        Name: figure; null where there is no number yet. Figures of a result, a plan, a balance
        check or a calibration are absent where the report has none.
    """
    figures: dict[str, Any] = {
        "entered_contact": report.assigned.treated,
        "entered_holdout": report.assigned.control,
        "compared_contact": 0,
        "compared_holdout": 0,
    }
    if report.plan:
        figures["needed_contact"] = report.plan.required.treated
        figures["needed_holdout"] = report.plan.required.control
    if report.expected and report.expected.value is not None:
        figures["expected_net"] = report.expected.value
    if report.design:
        figures["share_for_a_year"] = report.design.holdout_share
    if report.result:
        figures |= _result_metrics(report.result)
    if report.balance:
        figures["balance_p"] = report.balance.joint_p_value
        figures["sizes_p"] = report.balance.srm_p_value
    if report.calibration:
        figures["holdout_expected"] = report.calibration.expected
        figures["holdout_observed"] = report.calibration.observed
    figures |= _past_list_metrics(report)
    return {name: figure if math.isfinite(figure) else None for name, figure in figures.items()}


def _past_list_metrics(report: OutcomesReport) -> dict[str, Any]:
    judged = [past for past in report.past_lists if past.is_calibrated is not None]
    figures: dict[str, Any] = {
        "lists_judged": len(judged),
        "lists_right": sum(past.is_calibrated is True for past in judged),
    }
    if judged:
        newest = judged[0]
        figures |= {
            "last_list_said": newest.predicted,
            "last_list_left": newest.observed.value,
            "last_list_left_low": newest.observed.low,
            "last_list_left_high": newest.observed.high,
        }
    if report.holdout_auc:
        figures |= {
            "holdout_order": report.holdout_auc.value,
            "holdout_order_low": report.holdout_auc.low,
            "holdout_order_high": report.holdout_auc.high,
        }
    return figures


def _result_metrics(result: CampaignResult) -> dict[str, Any]:
    contact, holdout = result.arms
    incremental, effect = result.incremental, result.churn_effect
    estimates = {
        "saved_customers": incremental.customers,
        "saved_money": incremental.value,
        "net": incremental.net,
        "return": incremental.roi,
    }
    suffixes = {"": "value", "_low": "low", "_high": "high"}
    return {
        "compared_contact": contact.customers,
        "compared_holdout": holdout.customers,
        "leaving_contact": contact.churn_rate.value,
        "leaving_holdout": holdout.churn_rate.value,
        "effect": effect.difference,
        "effect_low": effect.low,
        "effect_high": effect.high,
        "effect_p": effect.p_value,
        "effect_once_low": result.single_look.low,
        "effect_once_high": result.single_look.high,
        "cost": incremental.cost,
        **{
            name + suffix: getattr(estimate, field)
            for name, estimate in estimates.items()
            for suffix, field in suffixes.items()
        },
    }
