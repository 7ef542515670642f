"""The figures of the outcomes page as one long table, one row per figure, for further analysis."""

from collections.abc import Iterator
from typing import Any, Final

from retention.experiments.incremental import Estimate
from retention.experiments.report_data import CampaignResult, OutcomesReport, SampleSizePlan
from retention.reporting import figures
from retention.reporting.figures import Row
from retention.stats.two_sample import EffectEstimate

COLUMNS: Final = ("section", "measure", "by", "group", "value", "low", "high", "n", "unit")
"""low and high are the 95 % interval: valid at every list in sections `result` and `groups`, for a
single look in `arms` and `once`. Null is the empty cell."""


def table(report: OutcomesReport) -> list[Row]:
    """The rows of COLUMNS, in the page's order."""
    rows = [
        *(_result(report.result) if report.result else ()),
        *_subgroups(report),
        *_checks(report),
        *_past_lists(report),
        *(_plan(report.plan) if report.plan else ()),
        *_batches(report),
        *_reasons(report),
    ]
    return [figures.row(COLUMNS, row) for row in rows]


def as_csv(rows: list[Row]) -> str:
    """The whole file of such rows."""
    return figures.as_csv(COLUMNS, rows)


def _row(section: str, measure: str, value: float, unit: str, **cells: Any) -> Row:
    return {"section": section, "measure": measure, "value": value, "unit": unit, **cells}


def _ends(estimate: Estimate | EffectEstimate) -> Row:
    return {"low": estimate.low, "high": estimate.high}


def _result(result: CampaignResult) -> Iterator[Row]:
    incremental, single_look = result.incremental, result.single_look
    churn_effect = result.churn_effect
    for name, unit, total in (
        ("customers saved", "customers", incremental.customers),
        ("money saved", "money", incremental.value),
        ("net", "money", incremental.net),
        ("return", "ratio", incremental.roi),
    ):
        yield _row("result", name, total.value, unit, **_ends(total))
    yield _row("result", "cost", incremental.cost, "money")
    for section, measure, unit, effect in (
        ("result", "difference in leaving", "share", churn_effect),
        ("result", "difference in value", "money", result.window_effect),
        ("result", "difference in value kept", "money", result.kept_effect),
        ("once", "difference in leaving", "share", single_look),
    ):
        yield _row(section, measure, effect.difference, unit, **_ends(effect))
    yield _row("once", "z", single_look.z, "")
    yield _row("once", "p value", single_look.p_value, "")
    for arm in result.arms:
        group = {"by": "arm", "group": arm.name, "n": arm.customers}
        rate, mean = arm.churn_rate, arm.mean_value
        yield _row("arms", "left", arm.churned, "customers", **group)
        yield _row("arms", "leaving", rate.value, "share", **_ends(rate), **group)
        yield _row("arms", "value", mean.value, "money", **_ends(mean), **group)


def _subgroups(report: OutcomesReport) -> Iterator[Row]:
    for subgroup in report.subgroups:
        n = subgroup.contact + subgroup.holdout
        group = {"by": subgroup.column, "group": subgroup.name, "n": n}
        saved = subgroup.saved_customers
        yield _row("groups", "customers saved", saved.value, "customers", **_ends(saved), **group)
        yield _row("groups", "corrected p value", subgroup.p_adjusted, "", **group)


def _checks(report: OutcomesReport) -> Iterator[Row]:
    for arm in report.compliance:
        group = {"by": "arm", "group": arm.arm, "n": arm.customers}
        yield _row("compliance", "worked", arm.answered, "customers", **group)
        yield _row("compliance", "contacted", arm.contacted, "customers", **group)
        yield _row("compliance", "reached", arm.reached, "customers", **group)
    if report.balance:
        for covariate in report.balance.covariates:
            distance = covariate.standardized_mean_difference
            group = {"by": "column", "group": covariate.name}
            yield _row("balance", "apart", distance, "deviations", **group)
        yield _row("balance", "p value of sizes", report.balance.srm_p_value, "")
        yield _row("balance", "p value of all columns", report.balance.joint_p_value, "")
    if report.calibration:
        calibration = report.calibration
        n = calibration.customers
        ends = {"low": calibration.low, "high": calibration.high}
        expected = calibration.expected
        yield _row("calibration", "expected to leave", expected, "customers", **ends, n=n)
        yield _row("calibration", "left", calibration.observed, "customers", n=n)
        for number, quintile in enumerate(calibration.quintiles, start=1):
            group = {"by": "fifth", "group": str(number), "n": quintile.customers}
            yield _row("calibration", "predicted", quintile.predicted, "share", **group)
            yield _row("calibration", "happened", quintile.observed, "share", **group)


def _past_lists(report: OutcomesReport) -> Iterator[Row]:
    for past in report.past_lists:
        group = {"by": "list", "group": past.list_id, "n": past.n_known}
        observed, auc = past.observed, past.auc
        yield _row("past lists", "had said", past.predicted, "share", **group)
        yield _row("past lists", "left", observed.value, "share", **_ends(observed), **group)
        yield _row("past lists", "order", auc.value, "share", **_ends(auc), **group)
    if report.holdout_auc:
        auc = report.holdout_auc
        yield _row("past lists", "order", auc.value, "share", **_ends(auc))


def _plan(plan: SampleSizePlan) -> Iterator[Row]:
    detectable = plan.minimum_detectable_effect
    yield _row("plan", "rate of leaving", plan.baseline_rate, "share")
    yield _row("plan", "held out", plan.holdout_share, "share")
    yield _row("plan", "smallest effect that can be shown", detectable, "share")
    for effect in plan.target_effects:
        group = {"by": "kept", "group": f"{effect.relative_reduction:g}"}
        yield _row("plan", "to contact", effect.required.treated, "customers", **group)
        yield _row("plan", "to hold out", effect.required.control, "customers", **group)
        yield _row("plan", "to go", effect.months, "months", **group)


def _batches(report: OutcomesReport) -> Iterator[Row]:
    for batch in report.batches:
        group = {"by": "list", "group": batch.as_of.isoformat()}
        yield _row("assigned", "to contact", batch.contact, "customers", **group)
        yield _row("assigned", "held out", batch.holdout, "customers", **group)


def _reasons(report: OutcomesReport) -> Iterator[Row]:
    for reason in report.reasons:
        group = {"by": "theme", "group": reason.theme, "n": reason.n}
        right = reason.right
        yield _row("reasons", "right", right.value, "share", **_ends(right), **group)
        yield _row("reasons", "partly right", reason.partly, "rows", **group)
        yield _row("reasons", "wrong", reason.no, "rows", **group)
