"""Issues of orders, bills and payments."""

from typing import Final

import pandas as pd

from features.engine import service_grains
from retention.interactions.frames import CohortRows
from retention.interactions.recent_issues import (
    Issues,
    IssuesOfThemes,
    Row,
    count_issues,
    count_values,
)
from retention.interactions.wording import Wording

# Promises: what is awaited, what came late, what was not right


def awaited(rows: CohortRows) -> Issues:
    orders = _due(rows[service_grains.promises])
    yield count_issues(_due(rows.awaited), orders, service_grains.LATE, ever=True), _awaited_text


def _due(orders: pd.DataFrame) -> pd.DataFrame:
    """Those whose promised day has passed, aged from that day."""
    return orders[orders["due_age"] > 0].assign(age=orders["due_age"])


def _awaited_text(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "the order promised for {day} has not come, {late} later",
        "{n} of {of} orders due in {within} have not come, the last promised for {day}",
        row.n,
        late=wording.days(row.due_age),
        **count_values(wording, row),
    )


def late_or_wrong(rows: CohortRows) -> Issues:
    """Whichever of the two is newer; of one day, what was not right."""
    orders = rows[service_grains.promises]
    due = _due(orders)
    late = count_issues(due[(due["late"] == 1) & (due["awaited"] == 0)], due, service_grains.LATE)
    faulty = orders[orders["wrong"] == 1].assign(age=orders["fault_age"])
    wrong = count_issues(faulty, due, service_grains.WRONG)
    since = wrong.set_index("customer_id")["age"].reindex(late["customer_id"]).to_numpy()
    newer = late["age"].to_numpy() - late["days_late"].to_numpy() < since
    yield late[newer], _late_text
    yield wrong, _wrong_text
    yield late, _late_text


def _late_text(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "the order promised for {day} came {late} late",
        "{n} of {of} orders due in {within} came late, the last, promised for {day}, by {late}",
        row.n,
        late=wording.days(row.days_late),
        **count_values(wording, row),
    )


def _wrong_text(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "an order proved faulty or was sent back on {day}",
        "{n} orders in {within} proved faulty or were sent back, the last on {day}",
        row.n,
        **count_values(wording, row),
    )


# Billing: what is not corrected, what was refused, what became dearer, what was corrected


def overcharged(rows: CohortRows) -> Issues:
    over = rows.overcharges
    uncorrected = over[~over["corrected"]]
    yield count_issues(uncorrected, rows.billed, service_grains.OVERCHARGED), _overcharged_text


def corrected(rows: CohortRows) -> Issues:
    over = rows.overcharges
    of_corrected = over[over["corrected"]]
    yield count_issues(of_corrected, rows.billed, service_grains.OVERCHARGED), _corrected_text


def _overcharged_text(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "billed {more} above the agreed price on {day}, not yet corrected",
        "{n} of {of} bills in {within} above the agreed price and not yet corrected,"
        " the last by {more} on {day}",
        row.n,
        more=_overcharge(wording, row),
        **count_values(wording, row),
    )


def _corrected_text(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "billed {more} above the agreed price on {day}, since corrected",
        "{n} of {of} bills in {within} had to be corrected,"
        " the last, of {day}, was {more} above the agreed price",
        row.n,
        more=_overcharge(wording, row),
        **count_values(wording, row),
    )


def _overcharge(wording: Wording, row: Row) -> str:
    ratio = row.over_units / row.agreed_units if row.agreed_units else None
    return wording.above(row.over_units, ratio)


def refused(rows: CohortRows) -> Issues:
    payments = rows[service_grains.payments]
    refusals = payments[payments["refused"] == 1]
    yield count_issues(refusals, payments, service_grains.REFUSED), _refused_text


def _refused_text(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "a payment was refused on {day}",
        "{n} of {of} payments in {within} were refused, the last on {day}",
        row.n,
        **count_values(wording, row),
    )


def dearer(rows: CohortRows) -> Issues:
    bills = rows[service_grains.bills]
    risen = bills[bills["rise"] > service_grains.RISE - 1]
    yield count_issues(risen, bills, service_grains.PRICE_RISE), _dearer_text


def _dearer_text(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "the agreed price rose by {share} on {day}",
        "the agreed price rose {n} times in {within}, the last time by {share} on {day}",
        row.n,
        share=wording.percent(row.rise),
        **count_values(wording, row),
    )


THEMES: Final[IssuesOfThemes] = {
    "billing": (overcharged, refused, dearer, corrected),
    "promises": (awaited, late_or_wrong),
}
