"""Ratios with intervals that know which cases are one customer's."""

import numpy as np
import pandas as pd
import pytest

from retention.scorecard import ratios
from retention.scorecard.report_data import Figure


def rows(*records: tuple[str, int, float, float]) -> pd.DataFrame:
    return pd.DataFrame(records, columns=["customer_id", "day", "part", "whole"])


def test_the_interval_is_that_of_customers_worked_by_hand() -> None:
    figure = ratios.ratio(rows(("a", 0, 1, 1), ("a", 0, 1, 1), ("b", 0, 0, 1), ("c", 0, 1, 1)))
    half = 1.96 * np.sqrt((2 - 1.5) ** 2 + 0.75**2 + 0.25**2) / 4
    assert (figure.value, figure.n) == (0.75, 4)
    assert (figure.low, figure.high) == pytest.approx((0.75 - half, 0.75 + half), rel=1e-4)
    assert ratios.ratio(rows(("a", 0, 1, 1), ("b", 0, 0, 1)), max_value=1.0).high == 1.0
    assert ratios.ratio(rows(("a", 0, 1, 1), ("b", 0, 0, 1))).low == 0.0


def test_no_value_without_a_whole_and_no_interval_for_one_customer() -> None:
    assert ratios.ratio(rows()) == Figure()
    assert ratios.ratio(rows(("a", 0, 1, 0))) == Figure()
    assert ratios.ratio(rows(("a", 0, 1, 2), ("a", 1, 1, 2))) == Figure(0.5, n=2)


def test_the_interval_covers_19_times_in_20_though_cases_hang_together() -> None:
    draw = np.random.default_rng(5)
    covered, naive = [], []
    for _ in range(300):
        n_cases = 1 + draw.poisson(3, 120)
        who = np.repeat(np.arange(120), n_cases)
        part = (draw.random(len(who)) < draw.beta(1.4, 0.6, 120)[who]).astype(float)
        figure = ratios.ratio(pd.DataFrame({"customer_id": who, "part": part, "whole": 1.0}), 1.0)
        assert figure.value is not None
        assert figure.low is not None
        assert figure.high is not None
        covered.append(figure.low <= 0.7 <= figure.high)
        half = 1.96 * np.sqrt(figure.value * (1 - figure.value) / figure.n)
        naive.append(abs(figure.value - 0.7) <= half)
    assert 0.91 <= np.mean(covered) <= 0.985
    assert np.mean(naive) < 0.88


def test_rows_fall_into_periods_with_their_first_day() -> None:
    dated_rows = rows(
        ("a", 9, 8, 1), ("a", 10, 1, 1), ("b", 14, 2, 1), ("b", 20, 4, 2), ("c", 25, 8, 1)
    )
    sums = ratios.sums_by_period(dated_rows, [10, 15, 20], 5)
    assert sums.to_dict("list") == {"part": [3, 0, 4], "whole": [2, 0, 2], "period": [10, 15, 20]}
    assert ratios.sums_by_period(dated_rows, [], 5).empty
    assert list(ratios.in_period(dated_rows, 10, 20)["day"]) == [10, 14]


def test_the_difference_in_standard_errors() -> None:
    now, before = Figure(0.9, 0.9 - 1.96 * 0.03, 0.95), Figure(0.7, 0.7 - 1.96 * 0.04, 0.75)
    assert ratios.z_between_periods(now, before) == pytest.approx(0.2 / 0.05, rel=1e-4)
    assert ratios.z_between_periods(before, now) == pytest.approx(-4, rel=1e-4)
    assert ratios.z_between_periods(Figure(0.5, 0.5, 0.5), Figure(0.5, 0.5, 0.5)) == 0
    assert ratios.z_between_periods(now, Figure()) is None
    assert ratios.z_between_periods(Figure(0.5, n=3), now) is None


def test_a_few_cases_all_alike_prove_little_and_many_prove_much() -> None:
    whole = Figure(0.95, 0.95 - 1.96 * 0.007, 0.95 + 1.96 * 0.007)
    lucky, lost = Figure(1.0, 1.0, 1.0), Figure(0.0, 0.0, 0.0)
    assert ratios.z_against_all(lucky, whole, 0.03) == pytest.approx(
        0.05 / (0.007 / 0.03**0.5), rel=1e-3
    )
    assert (ratios.z_against_all(lost, whole, 0.03) or 0) < -20
    wide = Figure(0.8, 0.8 - 1.96 * 0.1, 0.8 + 1.96 * 0.1)
    assert ratios.z_against_all(wide, whole, 0.5) == pytest.approx(-1.5, rel=1e-3)
    assert ratios.z_against_all(Figure(), whole, 0.5) is None
    assert ratios.z_against_all(lucky, lucky, 0.5) == 0
