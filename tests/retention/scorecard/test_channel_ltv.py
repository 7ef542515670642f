"""LTV by channel against small cohorts worked by hand and simulated ones."""

import numpy as np
import pandas as pd
import pytest

from retention.scorecard import channel_ltv

FIRST, AS_OF = 18262, 18262 + 731  # 2020-01-01 to 2022-01-01


def day(date: str) -> int:
    return int(np.datetime64(date, "D").astype(np.int64))


def customers(*rows: tuple[str, str | None, str, float | None]) -> pd.DataFrame:
    table = pd.DataFrame(
        list(rows), columns=["customer_id", "channel", "joined", "acquisition_cost"]
    )
    return table.assign(
        joined=[day(date) for date in table["joined"]],
        acquisition_cost=table["acquisition_cost"].astype(float),
    )


def margins(*rows: tuple[str, str, float]) -> pd.DataFrame:
    table = pd.DataFrame(list(rows), columns=["customer_id", "day", "net"])
    return table.assign(day=[day(date) for date in table["day"]], net=table["net"].astype(float))


def company(seed: int, n: int = 300) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Each brings 10 a month while there, leaves with 5 % a month, and cost about 55: the mean
    margin 200 (1 - .95^m) pays it back by the end of month 7."""
    generator = np.random.default_rng(seed)
    joined = generator.integers(FIRST, AS_OF, n)
    cost = generator.gamma(4, 13.75, n)
    table = pd.DataFrame({"joined": joined, "channel": "shop", "acquisition_cost": cost})
    table.insert(0, "customer_id", table.index)
    months = generator.geometric(0.05, n)
    who = np.repeat(np.arange(n), np.minimum(months, 24))
    month = np.arange(len(who)) - np.searchsorted(who, who)
    paid = {"customer_id": who, "day": joined[who] + 31 * month, "net": 10.0}
    return table, pd.DataFrame(paid)


def test_months_are_those_of_the_calendar() -> None:
    first = [day(date) for date in ("2020-01-31", "2020-01-30", "2020-01-15", "2020-01-15")]
    then = [day(date) for date in ("2020-02-28", "2020-03-01", "2021-01-15", "2020-01-14")]
    assert channel_ltv.months_between(first, then).tolist() == [0, 1, 12, -1]


@pytest.mark.parametrize("joined", ["2019-12-31", "2020-01-29", "2020-01-30", "2020-01-31"])
def test_payments_at_the_end_of_each_month_are_one_a_month(joined: str) -> None:
    """Monthly dues from the 31st: none of the months has two of them, and none is without."""
    ends = pd.date_range(joined, periods=15, freq="ME").strftime("%Y-%m-%d")
    months = channel_ltv.months_between([day(joined)] * 15, [day(date) for date in ends])
    assert months.tolist() == list(range(15))


def test_each_month_is_the_mean_of_those_observed_for_it() -> None:
    who = customers(
        ("a", "web", "2021-10-01", 10),
        ("b", "web", "2021-11-15", 20),
        ("early", "web", "2019-12-31", 900),
        ("late", "web", "2022-01-01", 900),
    )
    paid = margins(
        ("a", "2021-09-30", 2),
        ("a", "2021-10-31", 4),
        ("a", "2021-11-01", 20),
        ("b", "2021-11-15", 10),
        ("b", "2021-12-20", 99),
        ("early", "2021-12-01", 500),
        ("a", "2022-01-01", 500),
        ("nobody", "2021-12-01", 500),
    )
    curve = channel_ltv.margin_curves(who, paid, FIRST, AS_OF, min_customers=1)
    assert curve["customers"].tolist() == [2, 1, 1]
    assert curve["margin"].tolist() == [8, 28, 28]
    (row,) = channel_ltv.ltv_by_channel(who, paid, FIRST, AS_OF, min_customers=1).to_dict("records")
    assert (row["customers"], row["acquisition_cost"], row["months"]) == (2, 15, 3)
    assert (row["margin"], row["break_even_month"]) == (28, 2)


@pytest.mark.parametrize(
    ("cost", "month", "verdict"),
    [
        (0.0, 0, "winning them cost nothing"),
        (8.0, 1, "pays for itself in month 1"),
        (99.0, np.nan, "not yet paid back within 3 months"),
        (None, np.nan, "the acquisition cost is not known"),
    ],
)
def test_break_even_is_the_first_month_that_pays(
    cost: float | None, month: float, verdict: str
) -> None:
    who = customers(*((str(i), None, "2021-10-01", cost) for i in range(20)))
    paid = margins(*((str(i), "2021-10-02", 8.0) for i in range(20)))
    (row,) = channel_ltv.ltv_by_channel(who, paid, FIRST, AS_OF).to_dict("records")
    assert row["channel"] == "unknown"
    assert row["break_even_month"] == pytest.approx(month, nan_ok=True)
    assert row["verdict"] == verdict


def test_few_or_no_customers_give_no_curve() -> None:
    single = customers(("a", "web", "2021-10-01", 5))
    assert channel_ltv.margin_curves(single, margins(), FIRST, AS_OF).empty
    (row,) = channel_ltv.ltv_by_channel(single, margins(), FIRST, AS_OF).to_dict("records")
    assert row["verdict"] == "too few customers observed for a month"
    none = customers()
    assert (
        tuple(channel_ltv.margin_curves(none, margins(), FIRST, AS_OF).columns)
        == channel_ltv.CURVE_COLUMNS
    )
    assert (
        tuple(channel_ltv.ltv_by_channel(none, margins(), FIRST, AS_OF).columns)
        == channel_ltv.LTV_COLUMNS
    )


def test_the_same_seed_is_the_same_interval_whatever_other_channels_there_are() -> None:
    who, paid = company(1)
    alone = channel_ltv.ltv_by_channel(who, paid, FIRST, AS_OF, n_resamples=50)
    pd.testing.assert_frame_equal(
        alone, channel_ltv.ltv_by_channel(who, paid, FIRST, AS_OF, n_resamples=50)
    )
    both = who.assign(channel=np.where(who.index < 150, "shop", "fair"))
    half = channel_ltv.ltv_by_channel(who[:150], paid, FIRST, AS_OF, n_resamples=50)
    second = (
        channel_ltv.ltv_by_channel(both, paid, FIRST, AS_OF, n_resamples=50)
        .iloc[1:]
        .reset_index(drop=True)
    )
    pd.testing.assert_frame_equal(second, half)


def test_the_true_break_even_is_found_and_covered() -> None:
    low, high, months = [], [], []
    for seed in range(60):
        row = channel_ltv.ltv_by_channel(*company(seed), FIRST, AS_OF, n_resamples=100).iloc[0]
        low.append(row["low"])
        high.append(row["high"] if np.isfinite(row["high"]) else np.inf)
        months.append(row["break_even_month"])
    assert np.median(months) == 7
    covered = (np.array(low) <= 7) & (np.array(high) >= 7)
    assert covered.mean() >= 0.88
