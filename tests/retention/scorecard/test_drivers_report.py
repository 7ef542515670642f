"""Losses by cause, by both rules of churn, on small companies whose answer is known."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from retention.core.params import ChurnLabel
from retention.core.point_in_time import day_number
from retention.scorecard import drivers_report, tenure_spells
from retention.scorecard.report_data import ChurnDrivers

AS_OF = day_number(dt.date(2026, 3, 2))
CHANNEL = pd.Series(dtype="str")
NO_FAILURES = pd.DataFrame({"customer_id": [], "day": [], "cause": [], "order_id": []}).astype(
    {"customer_id": "str", "day": "int64", "cause": "str", "order_id": "str"}
)
CONTRACTS = ChurnLabel(rule="cancel")
SHOP = ChurnLabel(rule="silence", active_days=60, horizon_days=28)


def contracts(gone: int, n_customers: int = 400) -> pd.DataFrame:
    """Customers who came two years ago, one a day; the first `gone` left after 300 days."""
    begins = AS_OF - 700 + np.arange(n_customers) % 365
    ends = np.where(np.arange(n_customers) < gone, begins + 300, 2_000_000)
    names = [f"c{i:03}" for i in range(n_customers)]
    chains = pd.DataFrame({"customer_id": names, "begins": begins, "ends_on": ends})
    return tenure_spells.contract_tenure(chains, AS_OF)


def report(tenure: pd.DataFrame, failures: pd.DataFrame = NO_FAILURES) -> ChurnDrivers:
    money = pd.DataFrame(
        {"customer_id": tenure["customer_id"], "day": tenure["begins"] + 290, "net": 18.2}
    )
    frames = {"failures": failures, "money": money}
    return drivers_report.drivers_report(tenure, frames, CHANNEL, CONTRACTS, AS_OF)


def happened(tenure: pd.DataFrame, before: int, cause: str = "late") -> pd.DataFrame:
    """The cause to everyone in `tenure`, so many days before each left."""
    days = (tenure["ends"] - before).astype("int64")
    return pd.DataFrame(
        {"customer_id": tenure["customer_id"], "day": days, "cause": cause, "order_id": None}
    )


def test_why_they_leave_says_what_it_is_associated_with_and_never_what_caused_it() -> None:
    tenure = contracts(gone=120)
    late = happened(tenure[:90], 40)
    unsaid = late.assign(cause="unknown", day=late["day"] - 9)
    drivers = report(tenure, pd.concat([late, unsaid], ignore_index=True))
    (cause,) = drivers.causes
    assert (cause.cause, cause.title, cause.lost, cause.lost_with_cause) == (
        *("late", "delivered late"),
        *(90, 90),
    )
    assert cause.excess > 50
    assert cause.low is not None
    assert cause.low > 0
    assert cause.value == pytest.approx(90 * 18.2 * 365 / 182)
    assert cause.verdict.startswith("associated with about ")
    assert (drivers.lost, drivers.unknown_lost) == (120, 30)
    assert drivers.sentences[1] == drivers_report.NOT_CAUSES
    assert drivers.sentences[2] == drivers_report.RECORDED_ONLY
    text = " ".join([*drivers.sentences, cause.verdict])
    assert "These are associations, not causes" in text
    assert "caused" not in text


@pytest.mark.parametrize(("before", "lost_with_cause"), [(1, 90), (3, 90), (0, 0), (-9, 0)])
def test_a_cause_counts_up_to_the_day_of_leaving(before: int, lost_with_cause: int) -> None:
    """However shortly before: within the four weeks in which the customer left, too."""
    tenure = contracts(gone=120)
    (cause,) = report(tenure, happened(tenure[:90], before)).causes
    assert (cause.lost, cause.lost_with_cause) == (lost_with_cause, lost_with_cause)
    if lost_with_cause:
        assert cause.excess == pytest.approx(90, abs=2)


def test_losses_without_any_documented_trouble_are_counted() -> None:
    drivers = report(contracts(gone=200))
    assert drivers.causes == ()
    assert drivers.lost == drivers.unknown_lost == 200
    assert "for 200 of them nothing was documented" in drivers.sentences[0]
    assert report(contracts(gone=0)) == ChurnDrivers(sentences=("Nobody has left on record.",))


def test_what_went_wrong_with_the_last_order_counts_for_a_shop() -> None:
    """Every customer buys every 20 days; half of those whose order was spoilt never come back."""
    draw = np.random.default_rng(5)
    orders, failures = [], []
    for who in range(150):
        day = AS_OF - 500 + int(draw.integers(0, 150))
        while day < AS_OF:
            order = {"customer_id": f"c{who}", "order": f"{who}-{day}", "day": day}
            orders.append(order)
            spoilt = draw.random() < 0.1
            if spoilt:
                failure = {"customer_id": f"c{who}", "order_id": order["order"]}
                failures.append(failure | {"day": day + 15, "cause": "late"})
            if draw.random() < (0.5 if spoilt else 0.01):
                break
            day += 20
    placed = pd.DataFrame(orders)
    days = placed[["customer_id", "day"]]
    nobody = pd.Series(dtype="int64")
    tenure = tenure_spells.silent_tenure(days, nobody, SHOP, AS_OF)
    lost = int(tenure["ends"].notna().sum())
    money = days.assign(net=1.0)
    frames = {
        "failures": pd.DataFrame(failures),
        "money": money,
        "orders": placed,
        "activity": days,
    }
    drivers = drivers_report.drivers_report(tenure, frames, CHANNEL, SHOP, AS_OF)
    (cause,) = drivers.causes
    assert drivers.lost == lost > 80
    of_record = {row["order_id"] for row in failures}
    last = placed.sort_values("day").groupby("customer_id").tail(1).set_index("customer_id")
    spoilt_last = last.loc[tenure.loc[tenure["ends"].notna(), "customer_id"], "order"].isin(
        of_record
    )
    assert cause.low is not None
    assert cause.high is not None
    assert cause.low < 0.98 * spoilt_last.sum() < cause.high
    assert cause.low > 0.6 * spoilt_last.sum()
