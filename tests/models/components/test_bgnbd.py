"""BG/NBD against the paper's CDNOW values, simulation and plain integration."""

import numpy as np
import pandas as pd
import pytest
from scipy.integrate import quad
from scipy.stats import gamma as gamma_distribution

from models.components.bgnbd import BGNBD
from tests.support.purchase_histories import CALIBRATION_ENDS, cdnow, simulated

WEEKS_HELD_OUT = 39.0
POINT = ([2.0], [30.43], [38.86])  # x, t_x, T of the paper's customer, weeks


def histories(days: pd.DataFrame) -> pd.DataFrame:
    """x, t_x, T in weeks at the end of calibration, `held_out` purchases after it."""
    past = days[days["date"] <= CALIBRATION_ENDS].groupby("id")
    later = days[days["date"] > CALIBRATION_ENDS].groupby("id").size()
    table = pd.DataFrame({"x": past.size() - 1.0, "t_x": past["week"].max()})
    table["T"] = (CALIBRATION_ENDS - past["date"].min()).dt.days / 7
    table["held_out"] = later.reindex(table.index, fill_value=0)
    return table


@pytest.fixture(scope="module")
def customers() -> pd.DataFrame:
    return histories(cdnow())


@pytest.fixture(scope="module")
def fitted(customers: pd.DataFrame) -> BGNBD:
    return BGNBD.fit(customers["x"], customers["t_x"], customers["T"])


def test_sample_is_the_papers(customers: pd.DataFrame) -> None:
    assert len(customers) == 2357
    assert (customers["x"] > 0).sum() == 946


def test_parameters_and_likelihood(fitted: BGNBD, customers: pd.DataFrame) -> None:
    assert fitted.r == pytest.approx(0.243, abs=5e-4)
    assert fitted.alpha == pytest.approx(4.414, abs=5e-4)
    assert fitted.a == pytest.approx(0.793, abs=5e-4)
    assert fitted.b == pytest.approx(2.426, abs=5e-4)
    total = fitted.log_likelihood(customers["x"], customers["t_x"], customers["T"]).sum()
    assert total == pytest.approx(-9582.4, abs=0.05)


def test_points(fitted: BGNBD) -> None:
    expected = fitted.expected_purchases(*POINT, WEEKS_HELD_OUT)
    assert expected[0] == pytest.approx(1.226, abs=5e-4)
    assert fitted.p_alive(*POINT)[0] == pytest.approx(0.727, abs=5e-4)


def test_sales_to_week_78_are_4_percent_low(fitted: BGNBD, customers: pd.DataFrame) -> None:
    """The paper's -4 % is of cumulative repeat sales at week 78, from every first purchase on."""
    ages, counts = np.unique(customers["T"] + WEEKS_HELD_OUT, return_counts=True)
    from_zero = [fitted.expected_purchases([0.0], [0.0], [0.0], age)[0] for age in ages]
    expected = counts @ from_zero
    actual = customers["x"].sum() + customers["held_out"].sum()
    assert expected / actual - 1 == pytest.approx(-0.04, abs=0.005)


def test_held_out_correlation(fitted: BGNBD, customers: pd.DataFrame) -> None:
    expected = fitted.expected_purchases(
        customers["x"], customers["t_x"], customers["T"], WEEKS_HELD_OUT
    )
    correlation = np.corrcoef(expected, customers["held_out"])[0, 1]
    assert correlation == pytest.approx(0.626, abs=5e-4)
    assert expected.sum() / customers["held_out"].sum() - 1 == pytest.approx(-0.121, abs=5e-3)


def test_unit_of_time_does_not_matter(fitted: BGNBD, customers: pd.DataFrame) -> None:
    days = BGNBD.fit(customers["x"], customers["t_x"] * 7, customers["T"] * 7)
    assert days.alpha / 7 == pytest.approx(fitted.alpha, rel=1e-4)
    assert days.a == pytest.approx(fitted.a, rel=1e-4)


def test_weights_are_copies(customers: pd.DataFrame) -> None:
    some = customers.iloc[:300]
    twice = pd.concat([some, some.iloc[:100]])
    weight = np.where(np.arange(300) < 100, 2.0, 1.0)
    weighted = BGNBD.fit(some["x"], some["t_x"], some["T"], weight)
    copied = BGNBD.fit(twice["x"], twice["t_x"], twice["T"])
    assert weighted.r == pytest.approx(copied.r, rel=1e-3)
    assert weighted.b == pytest.approx(copied.b, rel=1e-3)


def test_simulation_agrees_with_every_formula() -> None:
    truth = BGNBD(r=0.8, alpha=6.0, a=0.9, b=2.5)
    data = simulated(truth, T=30.0, later=20.0, n=60_000, seed=1)
    history = (data["x"], data["t_x"], data["T"])
    for rows in (data["x"] == 0, (data["x"] > 0) & (data["t_x"] < 15), data["t_x"] >= 15):
        expected = truth.expected_purchases(*history, 20.0)[rows].mean()
        assert data.loc[rows, "future"].mean() == pytest.approx(expected, rel=0.05)
        silent = truth.p_silent(*history, 20.0)[rows].mean()
        assert (data.loc[rows, "future"] == 0).mean() == pytest.approx(silent, abs=0.01)


def test_fit_recovers_what_was_simulated() -> None:
    truth = BGNBD(r=0.8, alpha=6.0, a=0.9, b=2.5)
    data = simulated(truth, T=60.0, later=0.0, n=20_000, seed=2)
    fitted = BGNBD.fit(data["x"], data["t_x"], data["T"])
    assert fitted.r == pytest.approx(truth.r, rel=0.1)
    assert fitted.alpha == pytest.approx(truth.alpha, rel=0.1)
    assert fitted.a / fitted.b == pytest.approx(truth.a / truth.b, rel=0.1)


@pytest.mark.parametrize("a", [0.4, 1.0, 1.0 + 1e-9, 1.7])
def test_expectation_is_the_integral_over_the_beta(a: float) -> None:
    """E[Y | alive, p] with lambda integrated by quadrature; a = 1 is the formula's own hole."""
    model = BGNBD(r=0.7, alpha=5.0, a=a, b=2.0)
    x, T, t = 3.0, 20.0, 10.0
    rates = gamma_distribution(model.r + x, scale=1 / (model.alpha + T))

    def expected_given(p: float) -> float:
        bought = quad(lambda rate: rates.pdf(rate) * -np.expm1(-rate * p * t) / p, 0, np.inf)[0]
        return float(bought * p ** (a - 1) * (1 - p) ** (model.b + x - 1))

    over_p = quad(expected_given, 1e-12, 1, limit=200)[0]
    norm = quad(lambda p: p ** (a - 1) * (1 - p) ** (model.b + x - 1), 0, 1, limit=200)[0]
    alive = model.p_alive([x], [18.0], [T])[0]
    got = model.expected_purchases([x], [18.0], [T], t)[0]
    assert got == pytest.approx(alive * over_p / norm, rel=1e-4)


def test_busy_and_old_customers_stay_finite(fitted: BGNBD) -> None:
    x = np.array([0.0, 1.0, 400.0, 2000.0])
    t_x, T = np.array([0.0, 0.1, 5000.0, 1.0]), np.full(4, 5000.0)
    expected = fitted.expected_purchases(x, t_x, T, 90.0)
    assert np.isfinite(expected).all()
    assert (expected >= 0).all()
    silent = fitted.p_silent(x, t_x, T, 90.0)
    assert ((silent >= 0) & (silent <= 1)).all()


def test_one_time_buyer_is_alive_but_may_be_silent(fitted: BGNBD) -> None:
    once = ([0.0], [0.0], [30.0])
    assert fitted.p_alive(*once)[0] == 1.0
    assert 0.5 < fitted.p_silent(*once, 39.0)[0] < 1.0
    assert fitted.p_silent(*once, 1.0)[0] > fitted.p_silent(*once, 39.0)[0]


@pytest.mark.parametrize(
    ("x", "t_x", "T"), [([-1.0], [0.0], [1.0]), ([1.0], [2.0], [1.0]), ([1.0], [1.0], [np.nan])]
)
def test_impossible_histories_are_refused(x: list[float], t_x: list[float], T: list[float]) -> None:
    with pytest.raises(ValueError, match="t_x <= T"):
        BGNBD.fit(x, t_x, T)


def test_nobody_is_refused() -> None:
    with pytest.raises(ValueError, match="first purchase"):
        BGNBD.fit([], [], [])
