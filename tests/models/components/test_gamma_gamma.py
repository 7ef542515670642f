"""Gamma-Gamma against the published CDNOW values and simulation."""

import numpy as np
import pandas as pd
import pytest

from models.components.gamma_gamma import GammaGamma
from tests.support.purchase_histories import CALIBRATION_ENDS, cdnow


@pytest.fixture(scope="module")
def repeaters() -> pd.DataFrame:
    """x repeat purchase days and their mean spend, the first purchase left out."""
    days = cdnow()
    repeats = days[(days["date"] <= CALIBRATION_ENDS) & (days["week"] > 0)].groupby("id")["usd"]
    return pd.DataFrame({"x": repeats.size().astype(float), "spend": repeats.mean()})


def test_parameters_and_likelihood(repeaters: pd.DataFrame) -> None:
    fitted = GammaGamma.fit(repeaters["x"], repeaters["spend"])
    assert len(repeaters) == 946
    assert fitted.p == pytest.approx(6.25, abs=5e-3)
    assert fitted.q == pytest.approx(3.74, abs=5e-3)
    assert fitted.gamma == pytest.approx(15.44, abs=5e-3)
    total = fitted.log_likelihood(repeaters["x"], repeaters["spend"]).sum()
    assert total == pytest.approx(-4055.92, abs=5e-3)
    assert fitted.expected_spend([2.0], [22.35])[0] == pytest.approx(24.66, abs=5e-3)


def test_currency_does_not_matter(repeaters: pd.DataFrame) -> None:
    dollars = GammaGamma.fit(repeaters["x"], repeaters["spend"])
    cents = GammaGamma.fit(repeaters["x"], repeaters["spend"] * 100)
    assert cents.gamma / 100 == pytest.approx(dollars.gamma, rel=1e-4)
    assert cents.p == pytest.approx(dollars.p, rel=1e-4)


def test_fit_recovers_what_was_simulated() -> None:
    generator = np.random.default_rng(3)
    x = generator.integers(1, 12, 20_000).astype(float)
    nu = generator.gamma(4.0, 1 / 20.0, len(x))
    spend = generator.gamma(3.0 * x, 1 / nu) / x
    fitted = GammaGamma.fit(x, spend)
    assert fitted.p == pytest.approx(3.0, rel=0.05)
    assert fitted.q == pytest.approx(4.0, rel=0.1)
    assert fitted.gamma == pytest.approx(20.0, rel=0.1)


def test_expectation_shrinks_to_the_mean_of_all() -> None:
    model = GammaGamma(p=6.0, q=4.0, gamma=15.0)
    everyone = 6.0 * 15.0 / 3.0
    assert model.expected_spend([0.0], [0.0])[0] == pytest.approx(everyone)
    assert model.expected_spend([5.0], [-3.0])[0] == pytest.approx(everyone)
    assert everyone < model.expected_spend([1.0], [100.0])[0] < 100.0
    assert model.expected_spend([10_000.0], [100.0])[0] == pytest.approx(100.0, rel=1e-3)


def test_returns_and_strangers_say_nothing() -> None:
    x, spend = np.array([1.0, 2.0, 3.0, 0.0, 2.0]), np.array([10.0, 12.0, 30.0, 0.0, -5.0])
    assert GammaGamma.fit(x, spend) == GammaGamma.fit(x[:3], spend[:3])


def test_no_spend_is_refused() -> None:
    with pytest.raises(ValueError, match="positive spend"):
        GammaGamma.fit([0.0, 1.0], [0.0, -1.0])
