"""Churn timing and LTV by channel on small frames whose answer is known."""

import datetime as dt

import numpy as np
import pandas as pd

from retention.core.params import ChurnLabel
from retention.core.point_in_time import day_number
from retention.scorecard import churn_timing, tenure_spells
from retention.scorecard.report_data import ChurnTiming

AS_OF = day_number(dt.date(2026, 3, 2))
CHANNEL = pd.Series({f"c{i:03}": "web" if i % 2 else "shop" for i in range(400)})
CONTRACTS = ChurnLabel(rule="cancel")


def spells_frame(
    n_customers: int = 400, gone: int = 200, since: int = 700, stayed: int = 300
) -> pd.DataFrame:
    """Customers who came `since` days ago, one a day; the first `gone` left after `stayed`."""
    begins = AS_OF - since + np.arange(n_customers) % 365
    ends = pd.Series(begins + stayed).where(
        (np.arange(n_customers) < gone) & (begins + stayed < AS_OF)
    )
    names = [f"c{i:03}" for i in range(n_customers)]
    chains = {"customer_id": names, "begins": begins, "ends_on": ends.fillna(2_000_000)}
    return tenure_spells.contract_tenure(pd.DataFrame(chains), AS_OF)


def timing(tenure: pd.DataFrame, channel: "pd.Series[str]" = CHANNEL) -> ChurnTiming:
    presence = tenure_spells.contract_presence(tenure)
    return churn_timing.timing_report(tenure, presence, channel, CONTRACTS)


def test_when_they_leave_is_told_in_curves_hazards_and_words() -> None:
    report = timing(spells_frame())
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
    words = " ".join(timing(fast).sentences)
    assert "Acquisition channels differ beyond chance" in words


def test_nobody_leaving_and_no_channel_is_still_told() -> None:
    report = timing(spells_frame(gone=0), pd.Series(dtype="str"))
    assert report.sentences[0].endswith("100% are still customers.")
    assert sum(hazard.left for hazard in report.hazards) == 0


def test_a_shop_counts_whom_it_saw_coming_and_tells_returners_apart() -> None:
    """Of those seen coming half buy once, half every 50 days; older ones were away for long."""
    shop = ChurnLabel(rule="silence", active_days=60, horizon_days=28)
    rows = [(f"old{i}", AS_OF - back) for i in range(30) for back in (400, 200, 150, 100, 50, 5)]
    for i in range(40):
        first = AS_OF - 330 + i
        rows += [(f"c{i}", day) for day in (range(first, AS_OF, 50) if i % 2 else (first,))]
    days = pd.DataFrame(rows, columns=["customer_id", "day"])
    report = churn_timing.timing_report(
        tenure_spells.silent_tenure(days, pd.Series(dtype="int64"), shop, AS_OF),
        tenure_spells.silent_presence(days, shop, AS_OF),
        CHANNEL,
        shop,
    )
    (curve,) = [curve for curve in report.curves if curve.group == "all customers"]
    assert {round(step.survival, 6) for step in curve.points if step.day >= 1} == {0.5}
    *_, lost, returned, unknown = report.sentences
    assert "20 of 70 customers; they left on the day of their last purchase" in lost
    assert returned.startswith("Of 50 silences that long, 30 (60%) ended with a return")
    assert unknown.startswith("30 of 70 customers bought in the first 60 days of the data")
    nobody = tenure_spells.silent_tenure(
        days[days["day"] <= AS_OF - 400], pd.Series(dtype="int64"), shop, AS_OF
    )
    presence = tenure_spells.silent_presence(days, shop, AS_OF)
    assert churn_timing.timing_report(nobody, presence, CHANNEL, shop).curves == ()


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
