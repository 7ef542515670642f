"""When customers leave, why, and what they were worth: small frames whose answer is known."""

import datetime as dt

import numpy as np
import pandas as pd
import pytest

from retention.core.point_in_time import day_number
from retention.scorecard import churn_timing, spells
from retention.scorecard.report_data import Why

AS_OF = day_number(dt.date(2026, 3, 2))
CHANNEL = pd.Series({f"c{at}": "web" if at % 2 else "shop" for at in range(400)})
NO_FAILURES = pd.DataFrame({"customer_id": [], "day": [], "cause": []}).astype(
    {"customer_id": "str", "day": "int64", "cause": "str"}
)


def lives(many: int = 400, gone: int = 200, since: int = 700, stayed: int = 300) -> pd.DataFrame:
    """Customers who came `since` days ago, one a day; the first `gone` left after `stayed`."""
    begins = AS_OF - since + np.arange(many) % 365
    ends = pd.Series(begins + stayed).where((np.arange(many) < gone) & (begins + stayed < AS_OF))
    names = [f"c{at}" for at in range(many)]
    told = pd.DataFrame({"customer_id": names, "begins": begins, "ends": ends.astype("Int64")})
    return told.assign(until=told["ends"])


def frames(of: pd.DataFrame, failures: pd.DataFrame = NO_FAILURES) -> dict[str, pd.DataFrame]:
    first = spells.observed_from(of)
    starts = list(range(AS_OF - (AS_OF - first) // 28 * 28, AS_OF, 28))
    money = pd.DataFrame({"customer_id": of["customer_id"], "day": of["begins"] + 290, "net": 18.2})
    return {"present": spells.at_risk(of, starts, 28), "failures": failures, "money": money}


def test_when_they_leave_is_told_in_curves_hazards_and_words() -> None:
    found = churn_timing.when(lives(), CHANNEL, AS_OF)
    assert [curve.group for curve in found.curves] == ["all customers", "shop", "web"]
    stretch = max(found.hazards, key=lambda one: one.per_month or 0)
    assert (stretch.from_day, stretch.to_day, stretch.left) == (180, 365, 200)
    assert found.words[0] == "Half of the customers have left after 301 days."
    assert found.words[1].startswith(
        "Customers are likeliest to leave between day 180 and day 365: "
    )
    assert found.words[2].startswith("Acquisition channels do not differ beyond chance")
    assert found.words[3].startswith("Departures are on record from 26 January 2025;")


def test_channels_that_differ_are_said_to() -> None:
    fast = lives().assign(ends=lambda it: it["ends"].where(it.index % 2 == 0))
    words = " ".join(churn_timing.when(fast, CHANNEL, AS_OF).words)
    assert "Acquisition channels differ beyond chance" in words


def test_nobody_leaving_and_no_channel_is_still_told() -> None:
    loyal, nobody = lives(gone=0), pd.Series(dtype="str")
    found = churn_timing.when(loyal, nobody, AS_OF)
    assert found.words[0].endswith("100% are still customers.")
    assert sum(one.left for one in found.hazards) == 0
    assert churn_timing.why(loyal, frames(loyal), nobody, 28) == Why(
        words=("Nobody has left on record.",)
    )


def test_why_they_leave_says_what_it_is_associated_with_and_never_what_caused_it() -> None:
    told = lives(gone=120)
    first = told[:90]
    late = first[["customer_id"]].assign(day=(first["ends"] - 40).astype("int64"), cause="late")
    unsaid = late.assign(cause="unknown", day=late["day"] - 9)
    found = churn_timing.why(told, frames(told, pd.concat([late, unsaid])), CHANNEL, 28)
    (one,) = found.rows
    assert (one.cause, one.title, one.lost, one.met) == ("late", "delivered late", 81, 81)
    assert one.excess > 50
    assert one.low is not None
    assert one.low > 0
    assert one.value == pytest.approx(81 * 18.2 * 365 / 182)
    assert one.verdict.startswith("associated with about ")
    assert (found.lost, found.unknown_lost) == (111, 30)
    assert found.words[1] == churn_timing.NOT_CAUSES
    said = " ".join([*found.words, one.verdict])
    assert "These are associations, not causes" in said
    assert "caused" not in said


def test_losses_without_any_documented_trouble_are_counted() -> None:
    told = lives()
    found = churn_timing.why(told, frames(told), CHANNEL, 28)
    assert found.rows == ()
    assert found.lost == found.unknown_lost == 191
    assert "for 191 of them nothing was documented" in found.words[0]


def people(of: pd.DataFrame, cost: float | None = 40.0) -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": of["customer_id"],
            "joined_day": of["begins"].astype("Int64"),
            "acquisition_channel": of["customer_id"].map(CHANNEL),
            "acquisition_cost": pd.Series([cost] * len(of), dtype="float64"),
        }
    )


def test_what_they_brought_against_what_winning_them_cost() -> None:
    told = lives(gone=1, stayed=1)
    months = [told[["customer_id"]].assign(day=told["begins"] + 10 + 31 * n) for n in range(8)]
    found = {"money": pd.concat(months).assign(net=10.0)}
    shop, web = churn_timing.worths(people(told), found, told, AS_OF, 91)
    assert (shop.channel, web.channel, web.cost, web.break_even_month) == ("shop", "web", 40.0, 4)
    assert web.break_even_on == dt.date(2026, 5, 16)  # for who came in mid-January
    assert web.curve[3][1] >= 40 > web.curve[2][1]
    unknown = churn_timing.worths(people(told, None), found, told, AS_OF, 91)[0]
    assert (unknown.cost, unknown.break_even_month, unknown.break_even_on) == (None, None, None)
    assert churn_timing.worths(people(told).iloc[:0], found, told, AS_OF, 91) == ()


def test_a_month_later_is_the_same_day_or_the_months_last() -> None:
    day = day_number(dt.date(2026, 1, 31))
    later = [churn_timing._months_after(day, months) for months in (0, 1, 2, 13)]
    assert [str(one) for one in later] == ["2026-01-31", "2026-02-28", "2026-03-31", "2027-02-28"]
