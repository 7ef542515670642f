"""The hazard by age of contract: what was simulated is found, also where the data end."""

import numpy as np
import pandas as pd
import pytest
from scipy.optimize import check_grad

from models.churn_tenure import AGE, TenureChurn
from models.components.tenure import TenureHazard, _log_likelihood_terms

HORIZON = 60


def counted(age: np.ndarray, ended: np.ndarray) -> pd.DataFrame:
    table = pd.DataFrame({"age": age, "ended": ended})
    return table.groupby(["age", "ended"]).size().rename("customers").reset_index()


def simulated(ends_at: np.ndarray, seed: int = 1) -> pd.DataFrame:
    """Contracts that began on any of the last 700 days, as they are known today."""
    runs = np.random.default_rng(seed).integers(1, 700, len(ends_at))
    ended = ends_at < runs
    return counted(np.where(ended, ends_at, runs), ended)


def law(seed: int, n: int = 20_000, c: float = 1.0) -> np.ndarray:
    """Days until the end; with c above 1 the hazard rises at first."""
    uniform = np.random.default_rng(seed).random(n)
    return np.ceil(400.0 * (uniform ** (-1 / 1.5) - 1) ** (1 / c)).astype(int)


def p_true(ends_at: np.ndarray, age: int) -> float:
    still = ends_at[ends_at >= age]
    return float((still < age + HORIZON).mean())


def test_parameters_are_those_simulated() -> None:
    fitted = TenureHazard.fit(simulated(law(1)), HORIZON)
    assert fitted is not None
    assert (fitted.r, fitted.scale) == pytest.approx((1.5, 400.0), rel=0.2)
    assert np.mean(fitted.ratios[:200]) == pytest.approx(1.0, abs=0.05)


@pytest.mark.parametrize("c", [1.0, 1.3])
@pytest.mark.parametrize("age", [1, 50, 200, 400, 690, 900])
def test_chances_are_those_of_contracts_that_run(age: int, c: float) -> None:
    fitted = TenureHazard.fit(simulated(law(1, c=c)), HORIZON)
    assert fitted is not None
    expected = p_true(law(2, 200_000, c), age)
    got = fitted.p_ends(np.array([float(age)]), HORIZON)[0]
    # Nothing is known beyond 700 days: there the law alone speaks, which falls more slowly.
    assert got == pytest.approx(expected, rel=0.15 if age < 690 else 0.35)


@pytest.mark.parametrize("seed", range(4))
def test_a_peak_does_not_spoil_what_lies_beyond_the_oldest_contract(seed: int) -> None:
    draw = np.random.default_rng(seed)
    runs = draw.integers(1, 101, 400)
    ends_at = np.where(draw.random(400) < 0.4, 30, 31 + draw.exponential(300, 400)).astype(int)
    ended = ends_at < runs
    fitted = TenureHazard.fit(counted(np.where(ended, ends_at, runs), ended), 90)
    assert fitted is not None
    p = fitted.p_ends(np.array([1.0, 10.0, 29.0, 31.0, 60.0, 99.0]), 90)
    rest = 1 - np.exp(-np.array([60.0, 69.0, 88.0, 90.0, 90.0, 90.0]) / 300)
    expected = np.where(np.arange(6) < 3, 0.4 + 0.6 * rest, rest)
    assert p == pytest.approx(expected, abs=0.2)
    assert p[2] > p[3:].max() + 0.15


def test_ends_at_a_term_show_as_a_peak() -> None:
    draw = np.random.default_rng(3)
    at_term = 365 * (1 + draw.geometric(0.4, 8000) - 1)
    ends_at = np.where(draw.random(8000) < 0.8, at_term, law(4, 8000))
    fitted = TenureHazard.fit(simulated(ends_at), HORIZON)
    assert fitted is not None
    before, peak, after = fitted.p_ends(np.array([250.0, 340.0, 370.0]), HORIZON)
    assert peak > 5 * max(before, after)
    assert peak == pytest.approx(p_true(ends_at, 340), rel=0.1)


def test_gradient_is_that_of_the_terms() -> None:
    age, ended = np.array([0.02, 0.5, 1.0, 3.0, 0.01]), np.array([True, False, True, False, False])

    def total(parameters: np.ndarray) -> float:
        return float(_log_likelihood_terms(parameters, age, 0.01, ended)[0].sum())

    def slope(parameters: np.ndarray) -> np.ndarray:
        return np.asarray(_log_likelihood_terms(parameters, age, 0.01, ended)[1].sum(axis=1))

    assert check_grad(total, slope, np.array([1.2, 0.8])) < 1e-5


def test_the_model_needs_no_labels_but_an_end() -> None:
    X = pd.DataFrame({AGE: [10.0, 300.0, np.nan]})
    histories = simulated(law(1, 3000))
    model = TenureChurn(HORIZON).fit(X, None, histories=histories)
    p = model.predict_proba(X)[:, 1]
    assert p[2] == pytest.approx(p[:2].mean())
    assert model.contributions(X).sum(axis=1).to_numpy() == pytest.approx(np.log(p / (1 - p)))
    assert np.array_equal(TenureChurn.from_state(model.state()).predict_proba(X)[:, 1], p)
    labelled = TenureChurn(HORIZON).fit(X, [0.0, 1.0, 0.0], histories=histories)
    assert labelled.predict_proba(X)[:2, 1] == pytest.approx(p[:2])
    with pytest.raises(ValueError, match="no contract has ended yet"):
        TenureChurn(HORIZON).fit(X, None, histories=histories[~histories["ended"]])


def test_after_a_gap_the_contract_is_as_old_as_it_is_by_then() -> None:
    X = pd.DataFrame({AGE: [100.0, 130.0]})
    histories = simulated(law(1, 2000))
    now, later = (
        TenureChurn(HORIZON, gap).fit(X, None, histories=histories).predict_proba(X)[:, 1]
        for gap in (0, 30)
    )
    assert later[0] == now[1] != now[0]
