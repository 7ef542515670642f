"""Issues of orders, bills and payments."""

from typing import Final

import numpy as np
import pandas as pd

from features.engine import service_grains
from retention.interactions.frames import CohortRows
from retention.interactions.owed import faulty_orders
from retention.interactions.recent_issues import (
    Issues,
    IssuesOfThemes,
    Nature,
    Row,
    count_issues,
    count_values,
    settled_where_made_good,
)
from retention.interactions.wording import Wording

AWAITED: Final = Nature("awaited", turn="ours", fault="ours", settled=False)
LATE: Final = Nature("late", fault="ours", settled=True)
WRONG: Final = Nature("faulty", turn="ours", fault="ours", settled=False)
WRONG_THEN: Final = Nature("faulty_then", fault="ours")
OVERCHARGED: Final = Nature("overcharged", turn="ours", fault="ours", settled=False)
CORRECTED: Final = Nature("corrected", fault="ours", settled=True)
REFUSED: Final = Nature("refused", turn="theirs", fault="theirs", settled=False)
PAID: Final = Nature("paid", fault="theirs", settled=True)
DEARER: Final = Nature("dearer")

# Promises: what is awaited, what came late, what was not right


def awaited(rows: CohortRows) -> Issues:
    orders = _due(rows[service_grains.promises])
    late = count_issues(_due(rows.awaited), orders, service_grains.LATE, ever=True)
    yield late, _awaited_text, AWAITED


def _due(orders: pd.DataFrame) -> pd.DataFrame:
    """Those whose promised day has passed, aged from that day."""
    return orders[orders["due_age"] > 0].assign(age=orders["due_age"])


def _awaited_text(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "the order promised for {day} has not come, {late} later",
        "{n} of {of} orders have not come, the first promised for {day}",
        row.n,
        of=row.of,
        day=wording.day(row.age),
        late=wording.days(row.due_age),
    )


def late_or_wrong(rows: CohortRows) -> Issues:
    """Whichever of the two is newer; of one day, what was not right."""
    orders = rows[service_grains.promises]
    due = _due(orders)
    late = count_issues(due[(due["late"] == 1) & (due["awaited"] == 0)], due, service_grains.LATE)
    faulty = orders[orders["wrong"] == 1].assign(age=orders["fault_age"])
    keys = ["customer_id", "order_id"]
    not_made_good = faulty_orders(rows)
    not_made = pd.MultiIndex.from_frame(not_made_good[keys])
    owed = pd.MultiIndex.from_frame(not_made_good[rows.counts_as_owed(not_made_good)][keys])
    is_good = ~pd.MultiIndex.from_frame(faulty[keys]).isin(owed)
    is_made_good = ~pd.MultiIndex.from_frame(faulty[keys]).isin(not_made)
    faulty = faulty.assign(made_good=is_made_good)
    # what is left to be put right comes before what is over
    yield count_issues(faulty[~is_good], due, service_grains.WRONG), _wrong_text, WRONG
    wrong = count_issues(faulty[is_good], due, service_grains.WRONG)
    wrong = settled_where_made_good(wrong, faulty[is_good])
    since = wrong.set_index("customer_id")["age"].reindex(late["customer_id"]).to_numpy()
    newer = late["age"].to_numpy() - late["days_late"].to_numpy() < since
    yield late[newer], _late_text, LATE
    yield wrong, _wrong_text, WRONG_THEN
    yield late, _late_text, LATE


def _late_text(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "the order promised for {day} came {late} late",
        "{n} of {of} orders came late, the last, promised for {day}, by {late}",
        row.n,
        of=row.of,
        day=wording.day(row.age),
        late=wording.days(row.days_late),
    )


def _wrong_text(wording: Wording, row: Row) -> str:
    text = wording.language.ngettext(
        "an order proved faulty or was sent back {when}",
        "{n} orders proved faulty or were sent back {when}",
        row.n,
        **count_values(wording, row),
    )
    if row.made_good:
        return wording.language.gettext("{what}, since exchanged or taken back", what=text)
    if row.settled is None or row.settled:  # in a way that nobody recorded
        return text
    return wording.language.gettext("{what}, neither exchanged nor refunded", what=text)


# Billing: what is not corrected, what was refused, what became dearer, what was corrected


def overcharged(rows: CohortRows) -> Issues:
    over = rows.overcharges
    uncorrected = over[~over["corrected"]]
    issues = count_issues(uncorrected, rows.billed, service_grains.OVERCHARGED)
    yield issues, _overcharged_text, OVERCHARGED


def corrected(rows: CohortRows) -> Issues:
    over = rows.overcharges
    of_corrected = over[over["corrected"]]
    issues = count_issues(of_corrected, rows.billed, service_grains.OVERCHARGED)
    yield issues, _corrected_text, CORRECTED


def _overcharged_text(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "billed {more} above the agreed price {when}, not yet corrected",
        "{n} of {of} bills above the agreed price {when}, by {more}, not yet corrected",
        row.n,
        more=overcharge(wording, row),
        **count_values(wording, row),
    )


def _corrected_text(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "billed {more} above the agreed price {when}, since corrected",
        "{n} of {of} bills above the agreed price {when}, by {more}, since corrected",
        row.n,
        more=overcharge(wording, row),
        **count_values(wording, row),
    )


def overcharge(wording: Wording, row: Row) -> str:
    """By how much a bill was too high."""
    ratio = row.over_units / row.agreed_units if row.agreed_units else None
    return wording.above(row.over_units, ratio)


def refused(rows: CohortRows) -> Issues:
    payments = rows[service_grains.payments]
    refusals = payments[payments["refused"] == 1]
    is_paid = _paid_since(payments[payments["refused"] == 0], refusals)
    for settled, nature in ((False, REFUSED), (True, PAID)):
        issues = count_issues(refusals[is_paid == settled], payments, service_grains.REFUSED)
        yield issues.assign(settled=settled), _refused_text, nature


def _paid_since(paid: pd.DataFrame, refused: pd.DataFrame) -> "pd.Series[bool]":
    """Whether the bill, or where none is named any, was paid on the day of the refusal or later."""
    keys = ["customer_id", "order_id"]
    of_bill = paid.groupby(keys)["age"].min().reindex(pd.MultiIndex.from_frame(refused[keys]))
    of_any = paid.groupby("customer_id")["age"].min().reindex(refused["customer_id"])
    newest = np.where(refused["order_id"].notna(), of_bill.to_numpy(), of_any.to_numpy())
    return pd.Series(newest <= refused["age"].to_numpy(), index=refused.index)


def _refused_text(wording: Wording, row: Row) -> str:
    text = wording.language.ngettext(
        "a payment was refused {when}",
        "{n} of {of} payments were refused {when}",
        row.n,
        **count_values(wording, row),
    )
    return wording.language.gettext("{what}, since paid", what=text) if row.settled else text


def dearer(rows: CohortRows) -> Issues:
    bills = rows[service_grains.bills]
    risen = bills[bills["rise"] > service_grains.RISE - 1]
    yield count_issues(risen, bills, service_grains.PRICE_RISE), _dearer_text, DEARER


def _dearer_text(wording: Wording, row: Row) -> str:
    return wording.language.ngettext(
        "the agreed price rose by {share} {when}",
        "the agreed price rose {n} times {when}, by {share}",
        row.n,
        share=wording.percent(row.rise),
        **count_values(wording, row),
    )


THEMES: Final[IssuesOfThemes] = {
    "billing": (overcharged, refused, dearer, corrected),
    "promises": (awaited, late_or_wrong),
}
