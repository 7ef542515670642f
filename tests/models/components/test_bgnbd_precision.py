"""BG/NBD's formulas against arbitrary precision, over the whole box of the fit's bounds."""

from itertools import product
from typing import Any

import numpy as np
import pytest
from mpmath import mp, mpf

from models.components.base import Floats
from models.components.bgnbd import BGNBD
from models.components.gamma_gamma import GammaGamma
from tests.support.purchase_histories import simulated

LOW, HIGH = 1e-4, 1e4
DIGITS = (50, 120, 300, 900)
SMALLEST = 2.3e-308
History = tuple[float, float, float]  # x, t_x, T


def closed_form(model: BGNBD, history: History, t: float, digits: int) -> Any:
    """The paper's equation 10 after Euler's transformation, its holes passed at a tiny distance."""
    with mp.workdps(digits):
        r, alpha, a, b = map(mpf, (model.r, model.alpha, model.a, model.b))
        x, t_x, T = map(mpf, history)
        aside = mpf(10) ** (-digits // 3)
        a = a + aside if a == 1 else a
        b = b + aside if a + b + x == 1 else b
        z = t / (alpha + T + t)
        series = mp.hyp2f1(a + b - 1 - r, a - 1, a + b + x - 1, z, maxterms=3 * 10**5)
        dead = a / (b + x - 1) * ((alpha + T) / (alpha + t_x)) ** (r + x) if x > 0 else 0
        return (a + b + x - 1) / (a - 1) * (1 - (1 - z) ** (a - 1) * series) / (1 + dead)


def exact_purchases(model: BGNBD, history: History, t: float) -> Any:
    """The closed form with as many digits as its differences cancel, and some more."""
    last = closed_form(model, history, t, DIGITS[0])
    for digits in DIGITS[1:]:
        value = closed_form(model, history, t, digits)
        if abs(value - last) <= abs(value) * mpf("1e-14"):
            return value
        last = value
    raise AssertionError("more digits are needed")


def exact_probabilities(model: BGNBD, history: History, t: float) -> tuple[Any, Any]:
    """P(alive) and P(silent)."""
    with mp.workdps(60):
        r, alpha, a, b = map(mpf, (model.r, model.alpha, model.a, model.b))
        x, t_x, T = map(mpf, history)
        dead = a / (b + x - 1) * ((alpha + T) / (alpha + t_x)) ** (r + x) if x > 0 else mpf(0)
        stays_silent = ((alpha + T) / (alpha + T + t)) ** (r + x)
        return 1 / (1 + dead), (dead + stays_silent) / (1 + dead)


def parameter(draw: np.random.Generator) -> float:
    """A bound in a quarter of the cases, else any size between."""
    if draw.random() < 0.25:
        return float(draw.choice([LOW, HIGH]))
    return float(np.exp(draw.uniform(np.log(LOW), np.log(HIGH))))


def some_history(draw: np.random.Generator) -> History:
    x = float(draw.choice([0, 1, 2, 30, 400, 3000]))
    T = float(draw.choice([1, 30, 400, 3650, 12_000]))
    return x, T * float(draw.choice([0.01, 0.5, 1.0])) if x else 0.0, T


def random_case(seed: int) -> tuple[BGNBD, History, float]:
    draw = np.random.default_rng(seed)
    mean_age = draw.choice([5, 300, 3000])
    r, alpha, a, b = (parameter(draw) for _ in range(4))
    if seed % 5 == 0:
        a = 1 + float(draw.choice([0, 1e-12, -1e-9, 1e-6]))
    elif seed % 5 == 1:
        a = float(draw.uniform(0.01, 0.99))
        b = 1 - a + float(draw.choice([0, 1e-12, 1e-7]))
    t = float(draw.choice([1, 30, 90, 1000, 5000]))
    return BGNBD(r, alpha * mean_age, a, b), some_history(draw), t


def as_arrays(history: History) -> tuple[Floats, Floats, Floats]:
    x, t_x, T = (np.array([number]) for number in history)
    return x, t_x, T


def assert_close(actual: float, exact: Any, tolerance: float = 1e-8) -> None:
    if exact < SMALLEST:
        assert 0 <= actual <= SMALLEST
    else:
        assert actual == pytest.approx(float(exact), rel=tolerance, abs=0)


def assert_exact(model: BGNBD, history: History, t: float) -> None:
    arrays = as_arrays(history)
    assert_close(model.expected_purchases(*arrays, t)[0], exact_purchases(model, history, t))
    alive, silent = exact_probabilities(model, history, t)
    assert_close(model.p_alive(*arrays)[0], alive)
    assert_close(model.p_silent(*arrays, t)[0], silent)


@pytest.mark.parametrize("seed", range(40))
def test_random_parameters_and_histories(seed: int) -> None:
    assert_exact(*random_case(seed))


@pytest.mark.parametrize(("r", "alpha", "a", "b"), list(product([LOW, HIGH], repeat=4)))
def test_corners_of_the_bounds(r: float, alpha: float, a: float, b: float) -> None:
    model = BGNBD(r, alpha * 300, a, b)
    assert_exact(model, (0.0, 0.0, 400.0), 90.0)
    assert_exact(model, (2.0, 390.0, 400.0), 90.0)


@pytest.mark.parametrize(
    ("a", "b"), [(800.0, 2400.0), (2000.0, 2000.0), (9999.0, 2.0), (1e4, 1e4), (1.0, 1e4)]
)
@pytest.mark.parametrize("history", [(1.0, 3.0, 240.0), (2.0, 50.0, 150.0), (9.0, 100.0, 110.0)])
def test_where_all_leave_with_about_the_same_chance(a: float, b: float, history: History) -> None:
    assert_exact(BGNBD(1.5, 40.0, a, b), history, 90.0)


@pytest.mark.parametrize("seed", range(20))
def test_expectation_rises_with_the_period_and_silence_falls(seed: int) -> None:
    model, history, _ = random_case(seed)
    arrays = as_arrays(history)
    periods = np.geomspace(1, 5000, 40)
    expected = np.array([model.expected_purchases(*arrays, t)[0] for t in periods])
    silent = np.array([model.p_silent(*arrays, t)[0] for t in periods])
    for figures in (expected, -silent):
        assert (np.diff(figures) >= -1e-13 * np.abs(figures[1:])).all()  # but for rounding
    assert (expected >= 0).all()
    assert model.expected_purchases(*arrays, 0.0)[0] == 0


@pytest.mark.parametrize("model", [BGNBD(0.8, 40.0, 0.9, 2.5), BGNBD(4.0, 13.0, 0.02, 30.0)])
@pytest.mark.parametrize("history", [(0.0, 0.0, 30.0), (3.0, 200.0, 300.0), (60.0, 390.0, 400.0)])
def test_silence_after_a_gap(model: BGNBD, history: History) -> None:
    t, gap = 90.0, 45.0
    with mp.workdps(60):
        r, alpha, a, b = map(mpf, (model.r, model.alpha, model.a, model.b))
        x, _, T = map(mpf, history)
        # The mean of (1 + s p)^-(r + x) over p ~ Beta(a, b + x) is a 2F1, at both ends of t.
        survives, stays_silent = (
            ((alpha + T) / (alpha + T + more)) ** (r + x)
            * mp.hyp2f1(r + x, a, a + b + x, -mpf(gap) / (alpha + T + more))
            for more in (0, mpf(t))
        )
        alive, _ = exact_probabilities(model, history, t)
        exact = 1 - alive * (survives - stays_silent)
    repeats, last, age = (np.array([number]) for number in history)
    without, with_gap, with_hardly_any = (
        model.p_silent(repeats, last, age, t, days)[0] for days in (0.0, gap, 1e-12)
    )
    assert with_gap == pytest.approx(float(exact), abs=1e-5)
    assert with_gap > without == pytest.approx(with_hardly_any)


def test_a_customers_figure_does_not_depend_on_the_others() -> None:
    model = BGNBD(1.5, 40.0, 0.9, 2.5)
    x, T = np.array([0.0, 3.0, 300.0, 3.0]), np.array([10.0, 500.0, 900.0, 500.0])
    together = model.expected_purchases(x, x, T, 90.0)
    alone = [model.expected_purchases(x[[i]], x[[i]], T[[i]], 90.0)[0] for i in range(4)]
    assert together.tolist() == alone


@pytest.mark.parametrize("seed", range(20))
def test_likelihood(seed: int) -> None:
    model, (x, t_x, T), _ = random_case(seed)
    with mp.workdps(60):
        r, alpha, a, b = map(mpf, (model.r, model.alpha, model.a, model.b))
        stays = (alpha + mpf(T)) ** -(r + x)
        leaves = a / (b + x - 1) * (alpha + mpf(t_x)) ** -(r + x) if x > 0 else mpf(0)
        exact = mp.loggamma(r + x) - mp.loggamma(r) + r * mp.log(alpha) + mp.log(stays + leaves)
        exact += mp.log(mp.beta(a, b + x)) - mp.log(mp.beta(a, b))
    actual = model.log_likelihood([x], [t_x], [T])[0]
    assert actual == pytest.approx(float(exact), rel=1e-9, abs=1e-9)


@pytest.mark.parametrize("p", [LOW, 3.0, HIGH])
@pytest.mark.parametrize("q", [1.05, 4.0, HIGH])
@pytest.mark.parametrize("scale", [LOW, HIGH])
def test_likelihood_of_spend(p: float, q: float, scale: float) -> None:
    x, m = np.array([1.0, 40.0, 3000.0]), np.array([1e-3, 1.0, 1e3])
    actual = GammaGamma(p, q, scale).log_likelihood(x, m)
    assert np.isfinite(GammaGamma(p, q, scale).expected_spend(x, m)).all()
    for purchases, mean, term in zip(x, m, actual, strict=True):
        with mp.workdps(60):
            shape, money = mpf(p) * purchases, mpf(purchases) * mean
            exact = shape * mp.log(money / (scale + money)) + q * mp.log(scale / (scale + money))
            exact += mp.loggamma(shape + q) - mp.loggamma(shape) - mp.loggamma(q) - mp.log(mean)
        assert term == pytest.approx(float(exact), rel=1e-7, abs=1e-6)


def expected_total(model: BGNBD, history: tuple[Floats, Floats, Floats]) -> float:
    return float(model.expected_purchases(*history, 90.0).sum())


@pytest.mark.parametrize(("a", "b", "seed"), [(200, 600, 1), (2000, 2000, 2), (1e4, 1e4, 2)])
def test_a_fit_to_customers_of_the_same_chance_gives_finite_figures(
    a: float, b: float, seed: int
) -> None:
    truth = BGNBD(1.5, 40.0, a, b)
    data = simulated(truth, T=240.0, later=90.0, n=3000, seed=seed)
    history = (data["x"].to_numpy(), data["t_x"].to_numpy(), data["T"].to_numpy())
    fitted = BGNBD.fit(*history)
    assert fitted.a > 1000  # nearly all the same
    assert fitted.a / fitted.b == pytest.approx(a / b, rel=0.05)
    expected = fitted.expected_purchases(*history, 90.0)
    assert np.isfinite(expected).all()
    assert (expected >= 0).all()
    assert expected_total(fitted, history) == pytest.approx(
        expected_total(truth, history), rel=0.05
    )
    assert (data["future"] == 0).mean() == pytest.approx(
        fitted.p_silent(*history, 90.0).mean(), abs=0.02
    )
