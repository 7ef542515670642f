"""The figures of the page as one long table: one row a figure, for whoever computes further."""

from collections.abc import Iterator
from typing import Any, Final

from retention.experiments.incremental import Amount
from retention.experiments.report_data import Content, Plan, Range, Result
from retention.reporting import figures
from retention.reporting.figures import Row

COLUMNS: Final = ("section", "measure", "by", "group", "value", "low", "high", "n", "unit")
"""low and high are the 95 % interval; of sections `result` and `groups` as they may be read at
every list, of `arms` and `once` as one look reads them. Null is the empty cell."""


def table(told: Content) -> list[Row]:
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


def _of(found: Range | Amount) -> Row:
    return {"low": found.low, "high": found.high}


def _result(result: Result) -> Iterator[Row]:
    saved, left, once, value = result.saved, result.left, result.once, result.value
    for name, unit, amount in (
        ("customers saved", "customers", saved.customers),
        ("money saved", "money", saved.money),
        ("net", "money", saved.net),
        ("return", "ratio", saved.back),
    ):
        yield _row("result", name, amount.value, unit, **_of(amount))
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
        yield _row("arms", "left", arm.left, "customers", **of)
        yield _row("arms", "leaving", arm.leaving.value, "share", **_of(arm.leaving), **of)
        yield _row("arms", "value", arm.worth.value, "money", **_of(arm.worth), **of)


def _groups(told: Content) -> Iterator[Row]:
    for one in told.groups:
        of = {"by": one.by, "group": one.name, "n": one.contact + one.holdout}
        yield _row(
            "groups", "customers saved", one.saved.value, "customers", **_of(one.saved), **of
        )
        yield _row("groups", "corrected p value", one.p_adjusted, "", **of)


def _checks(told: Content) -> Iterator[Row]:
    for one in told.compliance:
        of = {"by": "arm", "group": one.arm, "n": one.customers}
        yield _row("compliance", "worked", one.worked, "customers", **of)
        yield _row("compliance", "contacted", one.contacted, "customers", **of)
        yield _row("compliance", "reached", one.reached, "customers", **of)
    if told.balance:
        for known in told.balance.columns:
            yield _row("balance", "apart", known.apart, "deviations", by="column", group=known.name)
        yield _row("balance", "p value of sizes", told.balance.sizes_p, "")
        yield _row("balance", "p value of all columns", told.balance.joint_p, "")
    if told.calibration:
        found = told.calibration
        ends = {"low": found.low, "high": found.high, "n": found.customers}
        yield _row("calibration", "expected to leave", found.expected, "customers", **ends)
        yield _row("calibration", "left", found.observed, "customers", n=found.customers)
        for place, fifth in enumerate(found.fifths, start=1):
            of = {"by": "fifth", "group": str(place), "n": fifth.customers}
            yield _row("calibration", "predicted", fifth.predicted, "share", **of)
            yield _row("calibration", "happened", fifth.happened, "share", **of)


def _lists(told: Content) -> Iterator[Row]:
    for one in told.lists:
        of = {"by": "list", "group": one.list_id, "n": one.known}
        yield _row("past lists", "had said", one.said, "share", **of)
        yield _row("past lists", "left", one.left.value, "share", **_of(one.left), **of)
        yield _row("past lists", "order", one.order.value, "share", **_of(one.order), **of)
    if told.order:
        yield _row("past lists", "order", told.order.value, "share", **_of(told.order))


def _plan(plan: Plan) -> Iterator[Row]:
    yield _row("plan", "rate of leaving", plan.rate, "share")
    yield _row("plan", "held out", plan.held_out, "share")
    yield _row("plan", "smallest effect that can be shown", plan.smallest, "share")
    for hope in plan.hopes:
        of = {"by": "kept", "group": f"{hope.kept:g}"}
        yield _row("plan", "to contact", hope.needed.treated, "customers", **of)
        yield _row("plan", "to hold out", hope.needed.control, "customers", **of)
        yield _row("plan", "to go", hope.months, "months", **of)


def _batches(told: Content) -> Iterator[Row]:
    for one in told.batches:
        of = {"by": "list", "group": one.as_of.isoformat()}
        yield _row("assigned", "to contact", one.contact, "customers", **of)
        yield _row("assigned", "held out", one.holdout, "customers", **of)
