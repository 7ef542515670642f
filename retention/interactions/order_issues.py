"""Troubles of goods and money: promised orders, bills and payments."""

import pandas as pd

from features.engine import service_grains
from retention.interactions.counted import Row, Issues, count_issues
from retention.interactions.frames import CohortRows
from retention.interactions.wording import Wording

# Promises: what is awaited, what came late, what was not right


def awaited(rows: CohortRows) -> Issues:
    orders = _due(rows[service_grains.promises])
    yield count_issues(_due(rows.awaited), orders, service_grains.LATE, ever=True), _awaited_said


def _due(orders: pd.DataFrame) -> pd.DataFrame:
    """Those whose promised day has passed, aged from that day."""
    return orders[orders["due_age"] > 0].assign(age=orders["due_age"])


def _awaited_said(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "the order promised for {day} has not come, {late} later",
        "{n} of {of} orders due in {within} have not come, the last promised for {day}",
        row.n, of=row.of, day=wording.day(row.age), within=wording.days(row.within),
        late=wording.days(row.due_age),
    )  # fmt: skip


def late_or_wrong(rows: CohortRows) -> Issues:
    """Whichever of the two is newer; of one day, what was not right."""
    orders = rows[service_grains.promises]
    due = _due(orders)
    late = count_issues(due[(due["late"] == 1) & (due["awaited"] == 0)], due, service_grains.LATE)
    faulty = orders[orders["wrong"] == 1].assign(age=orders["fault_age"])
    wrong = count_issues(faulty, due, service_grains.WRONG)
    since = wrong.set_index("customer_id")["age"].reindex(late["customer_id"]).to_numpy()
    newer = late["age"].to_numpy() - late["days_late"].to_numpy() < since
    yield late[newer], _late_said
    yield wrong, _wrong_said
    yield late, _late_said


def _late_said(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "the order promised for {day} came {late} late",
        "{n} of {of} orders due in {within} came late, the last, promised for {day}, by {late}",
        row.n, of=row.of, day=wording.day(row.age), within=wording.days(row.within),
        late=wording.days(row.days_late),
    )  # fmt: skip


def _wrong_said(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "an order proved faulty or was sent back on {day}",
        "{n} orders in {within} proved faulty or were sent back, the last on {day}",
        row.n, day=wording.day(row.age), within=wording.days(row.within),
    )  # fmt: skip


# Billing: what is not corrected, what was refused, what became dearer, what was corrected


def overcharged(rows: CohortRows) -> Issues:
    over, bills = rows.overcharges, rows.billed
    yield (
        count_issues(over[~over["corrected"]], bills, service_grains.OVERCHARGED),
        _overcharged_said,
    )


def corrected(rows: CohortRows) -> Issues:
    over, bills = rows.overcharges, rows.billed
    yield count_issues(over[over["corrected"]], bills, service_grains.OVERCHARGED), _corrected_said


def _overcharged_said(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "billed {more} above the agreed price on {day}, not yet corrected",
        "{n} of {of} bills in {within} above the agreed price and not yet corrected,"
        " the last by {more} on {day}",
        row.n, of=row.of, **_bill(wording, row),
    )  # fmt: skip


def _corrected_said(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "billed {more} above the agreed price on {day}, since corrected",
        "{n} of {of} bills in {within} had to be corrected,"
        " the last, of {day}, was {more} above the agreed price",
        row.n, of=row.of, **_bill(wording, row),
    )  # fmt: skip


def _bill(wording: Wording, row: Row) -> dict[str, str]:
    over_ratio = row.over_units / row.agreed_units if row.agreed_units else None
    return {
        "more": wording.above(row.over_units, over_ratio),
        "day": wording.day(row.age),
        "within": wording.days(row.within),
    }


def refused(rows: CohortRows) -> Issues:
    payments = rows[service_grains.payments]
    yield (
        count_issues(payments[payments["refused"] == 1], payments, service_grains.REFUSED),
        _refused_said,
    )


def _refused_said(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "a payment was refused on {day}",
        "{n} of {of} payments in {within} were refused, the last on {day}",
        row.n, of=row.of, day=wording.day(row.age), within=wording.days(row.within),
    )  # fmt: skip


def dearer(rows: CohortRows) -> Issues:
    bills = rows[service_grains.bills]
    risen = bills[bills["rise"] > service_grains.RISE - 1]
    yield count_issues(risen, bills, service_grains.PRICE_RISE), _dearer_said


def _dearer_said(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "the agreed price rose by {share} on {day}",
        "the agreed price rose {n} times in {within}, the last time by {share} on {day}",
        row.n, share=wording.percent(row.rise), day=wording.day(row.age), within=wording.days(row.within),
    )  # fmt: skip
