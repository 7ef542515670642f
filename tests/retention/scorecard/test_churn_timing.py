"""Churn timing, drivers and LTV by channel on small frames whose answer is known."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from retention.core.point_in_time import day_number
from retention.scorecard import churn_timing, tenure_spells
from retention.scorecard.report_data import ChurnDrivers

AS_OF = day_number(dt.date(2026, 3, 2))
CHANNEL = pd.Series({f"c{i}": "web" if i % 2 else "shop" for i in range(400)})
NO_FAILURES = pd.DataFrame({"customer_id": [], "day": [], "cause": []}).astype(
    {"customer_id": "str", "day": "int64", "cause": "str"}
)


def spells_frame(
    n_customers: int = 400, gone: int = 200, since: int = 700, stayed: int = 300
) -> pd.DataFrame:
    """Customers who came `since` days ago, one a day; the first `gone` left after `stayed`."""
    begins = AS_OF - since + np.arange(n_customers) % 365
    ends = pd.Series(begins + stayed).where(
        (np.arange(n_customers) < gone) & (begins + stayed < AS_OF)
    )
    names = [f"c{i}" for i in range(n_customers)]
    spells = pd.DataFrame({"customer_id": names, "begins": begins, "ends": ends.astype("Int64")})
    return spells.assign(until=spells["ends"])


def frames(spells: pd.DataFrame, failures: pd.DataFrame = NO_FAILURES) -> dict[str, pd.DataFrame]:
    first = tenure_spells.departures_observed_from(spells)
    starts = list(range(AS_OF - (AS_OF - first) // 28 * 28, AS_OF, 28))
    money = pd.DataFrame(
        {"customer_id": spells["customer_id"], "day": spells["begins"] + 290, "net": 18.2}
    )
    return {
        "present": tenure_spells.customers_at_risk(spells, starts, 28),
        "failures": failures,
        "money": money,
    }


def test_when_they_leave_is_told_in_curves_hazards_and_words() -> None:
    report = churn_timing.timing_report(spells_frame(), CHANNEL, AS_OF)
    assert [curve.group for curve in report.curves] == ["all customers", "shop", "web"]
    stretch = max(report.hazards, key=lambda hazard: hazard.per_month or 0)
    assert (stretch.from_day, stretch.to_day, stretch.left) == (180, 365, 200)
    assert report.sentences[0] == "Half of the customers have left after 301 days."
    assert report.sentences[1].startswith(
        "Customers are likeliest to leave between day 180 and day 365: "
    )
    assert report.sentences[2].startswith("Acquisition channels do not differ beyond chance")
    assert report.sentences[3].startswith("Departures are on record from 26 January 2025;")


def test_channels_that_differ_are_said_to() -> None:
    fast = spells_frame().assign(ends=lambda it: it["ends"].where(it.index % 2 == 0))
    words = " ".join(churn_timing.timing_report(fast, CHANNEL, AS_OF).sentences)
    assert "Acquisition channels differ beyond chance" in words


def test_nobody_leaving_and_no_channel_is_still_told() -> None:
    loyal, nobody = spells_frame(gone=0), pd.Series(dtype="str")
    report = churn_timing.timing_report(loyal, nobody, AS_OF)
    assert report.sentences[0].endswith("100% are still customers.")
    assert sum(hazard.left for hazard in report.hazards) == 0
    assert churn_timing.drivers_report(loyal, frames(loyal), nobody, 28) == ChurnDrivers(
        sentences=("Nobody has left on record.",)
    )


def test_why_they_leave_says_what_it_is_associated_with_and_never_what_caused_it() -> None:
    spells = spells_frame(gone=120)
    first = spells[:90]
    late = first[["customer_id"]].assign(day=(first["ends"] - 40).astype("int64"), cause="late")
    unsaid = late.assign(cause="unknown", day=late["day"] - 9)
    report = churn_timing.drivers_report(
        spells, frames(spells, pd.concat([late, unsaid])), CHANNEL, 28
    )
    (late_cause,) = report.causes
    assert (late_cause.cause, late_cause.title, late_cause.lost, late_cause.lost_with_cause) == (
        "late",
        "delivered late",
        81,
        81,
    )
    assert late_cause.excess > 50
    assert late_cause.low is not None
    assert late_cause.low > 0
    assert late_cause.value == pytest.approx(81 * 18.2 * 365 / 182)
    assert late_cause.verdict.startswith("associated with about ")
    assert (report.lost, report.unknown_lost) == (111, 30)
    assert report.sentences[1] == churn_timing.NOT_CAUSES
    text = " ".join([*report.sentences, late_cause.verdict])
    assert "These are associations, not causes" in text
    assert "caused" not in text


def test_losses_without_any_documented_trouble_are_counted() -> None:
    spells = spells_frame()
    report = churn_timing.drivers_report(spells, frames(spells), CHANNEL, 28)
    assert report.causes == ()
    assert report.lost == report.unknown_lost == 191
    assert "for 191 of them nothing was documented" in report.sentences[0]


def people(spells: pd.DataFrame, cost: float | None = 40.0) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": spells["customer_id"],
            "joined_day": spells["begins"].astype("Int64"),
            "acquisition_channel": spells["customer_id"].map(CHANNEL),
            "acquisition_cost": pd.Series([cost] * len(spells), dtype="float64"),
        }
    )


def test_what_they_brought_against_what_winning_them_cost() -> None:
    spells = spells_frame(gone=1, stayed=1)
    months = [spells[["customer_id"]].assign(day=spells["begins"] + 10 + 31 * n) for n in range(8)]
    money = {"money": pd.concat(months).assign(net=10.0)}
    shop, web = churn_timing.ltv_reports(people(spells), money, spells, AS_OF, 91)
    assert (shop.channel, web.channel, web.cost, web.break_even_month) == ("shop", "web", 40.0, 4)
    assert web.break_even_on == dt.date(2026, 5, 16)  # for who came in mid-January
    assert web.curve[3][1] >= 40 > web.curve[2][1]
    unknown = churn_timing.ltv_reports(people(spells, None), money, spells, AS_OF, 91)[0]
    assert (unknown.cost, unknown.break_even_month, unknown.break_even_on) == (None, None, None)
    assert churn_timing.ltv_reports(people(spells).iloc[:0], money, spells, AS_OF, 91) == ()


def test_a_month_later_is_the_same_day_or_the_months_last() -> None:
    day = day_number(dt.date(2026, 1, 31))
    later = [churn_timing._months_after(day, months) for months in (0, 1, 2, 13)]
    assert [str(date) for date in later] == ["2026-01-31", "2026-02-28", "2026-03-31", "2027-02-28"]
