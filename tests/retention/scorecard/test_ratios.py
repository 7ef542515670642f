"""Ratios with intervals that know which cases are one customer's."""

import numpy as np
import pandas as pd
import pytest

from retention.scorecard import ratios
from retention.scorecard.report_data import Figure


def rows(*told: tuple[str, int, float, float]) -> pd.DataFrame:
    return pd.DataFrame(told, columns=["customer_id", "day", "part", "whole"])


def test_the_interval_is_that_of_customers_worked_by_hand() -> None:
    found = ratios.ratio(rows(("a", 0, 1, 1), ("a", 0, 1, 1), ("b", 0, 0, 1), ("c", 0, 1, 1)))
    half = 1.96 * np.sqrt((2 - 1.5) ** 2 + 0.75**2 + 0.25**2) / 4
    assert (found.value, found.n) == (0.75, 4)
    assert (found.low, found.high) == pytest.approx((0.75 - half, 0.75 + half), rel=1e-4)
    assert ratios.ratio(rows(("a", 0, 1, 1), ("b", 0, 0, 1)), most=1.0).high == 1.0
    assert ratios.ratio(rows(("a", 0, 1, 1), ("b", 0, 0, 1))).low == 0.0


def test_no_value_without_a_whole_and_no_interval_for_one_customer() -> None:
    assert ratios.ratio(rows()) == Figure()
    assert ratios.ratio(rows(("a", 0, 1, 0))) == Figure()
    assert ratios.ratio(rows(("a", 0, 1, 2), ("a", 1, 1, 2))) == Figure(0.5, n=2)


def test_the_interval_covers_19_times_in_20_though_cases_hang_together() -> None:
    draw = np.random.default_rng(5)
    covered, naive = [], []
    for _ in range(300):
        many = 1 + draw.poisson(3, 120)
        who = np.repeat(np.arange(120), many)
        part = (draw.random(len(who)) < draw.beta(1.4, 0.6, 120)[who]).astype(float)
        one = ratios.ratio(pd.DataFrame({"customer_id": who, "part": part, "whole": 1.0}), 1.0)
        assert one.value is not None
        assert one.low is not None
        assert one.high is not None
        covered.append(one.low <= 0.7 <= one.high)
        half = 1.96 * np.sqrt(one.value * (1 - one.value) / one.n)
        naive.append(abs(one.value - 0.7) <= half)
    assert 0.91 <= np.mean(covered) <= 0.985
    assert np.mean(naive) < 0.88


def test_rows_fall_into_periods_with_their_first_day() -> None:
    told = rows(("a", 9, 8, 1), ("a", 10, 1, 1), ("b", 14, 2, 1), ("b", 20, 4, 2), ("c", 25, 8, 1))
    found = ratios.by_period(told, [10, 15, 20], 5)
    assert found.to_dict("list") == {"part": [3, 0, 4], "whole": [2, 0, 2], "period": [10, 15, 20]}
    assert ratios.by_period(told, [], 5).empty
    assert list(ratios.within(told, 10, 20)["day"]) == [10, 14]


def test_the_difference_in_standard_errors() -> None:
    now, before = Figure(0.9, 0.9 - 1.96 * 0.03, 0.95), Figure(0.7, 0.7 - 1.96 * 0.04, 0.75)
    assert ratios.difference(now, before) == pytest.approx(0.2 / 0.05, rel=1e-4)
    assert ratios.difference(before, now) == pytest.approx(-4, rel=1e-4)
    assert ratios.difference(Figure(0.5, 0.5, 0.5), Figure(0.5, 0.5, 0.5)) == 0
    assert ratios.difference(now, Figure()) is None
    assert ratios.difference(Figure(0.5, n=3), now) is None


def test_a_few_cases_all_alike_prove_little_and_many_prove_much() -> None:
    whole = Figure(0.95, 0.95 - 1.96 * 0.007, 0.95 + 1.96 * 0.007)
    lucky, lost = Figure(1.0, 1.0, 1.0), Figure(0.0, 0.0, 0.0)
    assert ratios.apart(lucky, whole, 0.03) == pytest.approx(0.05 / (0.007 / 0.03**0.5), rel=1e-3)
    assert (ratios.apart(lost, whole, 0.03) or 0) < -20
    wide = Figure(0.8, 0.8 - 1.96 * 0.1, 0.8 + 1.96 * 0.1)
    assert ratios.apart(wide, whole, 0.5) == pytest.approx(-1.5, rel=1e-3)
    assert ratios.apart(Figure(), whole, 0.5) is None
    assert ratios.apart(lucky, lucky, 0.5) == 0
