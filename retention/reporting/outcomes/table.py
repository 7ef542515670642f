"""The figures of the page as one long table: one row a figure, for whoever computes further."""

from collections.abc import Iterator
from typing import Any, Final

from retention.experiments.incremental import Estimate
from retention.experiments.report_data import OutcomesReport, SampleSizePlan, RangeEstimate, CampaignResult
from retention.reporting import figures
from retention.reporting.figures import Row

COLUMNS: Final = ("section", "measure", "by", "group", "value", "low", "high", "n", "unit")
"""low and high are the 95 % interval; of sections `result` and `groups` as they may be read at
every list, of `arms` and `once` as one look reads them. Null is the empty cell."""


def table(told: OutcomesReport) -> list[Row]:
    """The rows in the page's order, of COLUMNS."""
    rows = [
        *(_result(told.result) if told.result else ()),
        *_groups(told),
        *_checks(told),
        *_lists(told),
        *(_plan(told.plan) if told.plan else ()),
        *_batches(told),
    ]
    return [figures.row(COLUMNS, one) for one in rows]


def as_csv(rows: list[Row]) -> str:
    """The whole file of such rows."""
    return figures.as_csv(COLUMNS, rows)


def _row(section: str, measure: str, value: float, unit: str, **more: Any) -> Row:
    return {"section": section, "measure": measure, "value": value, "unit": unit, **more}


def _ends(found: RangeEstimate | Estimate) -> Row:
    return {"low": found.low, "high": found.high}


def _result(result: CampaignResult) -> Iterator[Row]:
    saved, left, once, value = result.incremental, result.churn_effect, result.single_look, result.value_effect
    for name, unit, amount in (
        ("customers saved", "customers", saved.customers),
        ("money saved", "money", saved.value),
        ("net", "money", saved.net),
        ("return", "ratio", saved.roi),
    ):
        yield _row("result", name, amount.value, unit, **_ends(amount))
    yield _row("result", "cost", saved.cost, "money")
    yield _row("result", "difference in leaving", left.difference, "share",
               low=left.low, high=left.high)  # fmt: skip
    yield _row("result", "difference in value", value.difference, "money",
               low=value.low, high=value.high)  # fmt: skip
    yield _row("once", "difference in leaving", once.difference, "share",
               low=once.low, high=once.high)  # fmt: skip
    yield _row("once", "z", once.z, "")
    yield _row("once", "p value", once.p_value, "")
    for arm in result.arms:
        of = {"by": "arm", "group": arm.name, "n": arm.customers}
        yield _row("arms", "left", arm.churned, "customers", **of)
        yield _row("arms", "leaving", arm.churn_rate.value, "share", **_ends(arm.churn_rate), **of)
        yield _row("arms", "value", arm.mean_value.value, "money", **_ends(arm.mean_value), **of)


def _groups(told: OutcomesReport) -> Iterator[Row]:
    for one in told.subgroups:
        of = {"by": one.column, "group": one.name, "n": one.contact + one.holdout}
        yield _row(
            "groups", "customers saved", one.saved_customers.value, "customers", **_ends(one.saved_customers), **of
        )
        yield _row("groups", "corrected p value", one.p_adjusted, "", **of)


def _checks(told: OutcomesReport) -> Iterator[Row]:
    for one in told.compliance:
        of = {"by": "arm", "group": one.arm, "n": one.customers}
        yield _row("compliance", "worked", one.answered, "customers", **of)
        yield _row("compliance", "contacted", one.contacted, "customers", **of)
        yield _row("compliance", "reached", one.reached, "customers", **of)
    if told.balance:
        for known in told.balance.covariates:
            yield _row("balance", "apart", known.standardized_mean_difference, "deviations", by="column", group=known.name)
        yield _row("balance", "p value of sizes", told.balance.srm_p_value, "")
        yield _row("balance", "p value of all columns", told.balance.joint_p_value, "")
    if told.calibration:
        found = told.calibration
        ends = {"low": found.low, "high": found.high, "n": found.customers}
        yield _row("calibration", "expected to leave", found.expected, "customers", **ends)
        yield _row("calibration", "left", found.observed, "customers", n=found.customers)
        for place, fifth in enumerate(found.quintiles, start=1):
            of = {"by": "fifth", "group": str(place), "n": fifth.customers}
            yield _row("calibration", "predicted", fifth.predicted, "share", **of)
            yield _row("calibration", "happened", fifth.observed, "share", **of)


def _lists(told: OutcomesReport) -> Iterator[Row]:
    for one in told.past_lists:
        of = {"by": "list", "group": one.list_id, "n": one.n_known}
        yield _row("past lists", "had said", one.predicted, "share", **of)
        yield _row("past lists", "left", one.observed.value, "share", **_ends(one.observed), **of)
        yield _row("past lists", "order", one.auc.value, "share", **_ends(one.auc), **of)
    if told.holdout_auc:
        yield _row("past lists", "order", told.holdout_auc.value, "share", **_ends(told.holdout_auc))


def _plan(plan: SampleSizePlan) -> Iterator[Row]:
    yield _row("plan", "rate of leaving", plan.baseline_rate, "share")
    yield _row("plan", "held out", plan.holdout_share, "share")
    yield _row("plan", "smallest effect that can be shown", plan.minimum_detectable_effect, "share")
    for hope in plan.target_effects:
        of = {"by": "kept", "group": f"{hope.relative_reduction:g}"}
        yield _row("plan", "to contact", hope.required.treated, "customers", **of)
        yield _row("plan", "to hold out", hope.required.control, "customers", **of)
        yield _row("plan", "to go", hope.months, "months", **of)


def _batches(told: OutcomesReport) -> Iterator[Row]:
    for one in told.batches:
        of = {"by": "list", "group": one.as_of.isoformat()}
        yield _row("assigned", "to contact", one.contact, "customers", **of)
        yield _row("assigned", "held out", one.holdout, "customers", **of)
