"""Losses by cause against strata worked by hand and simulated companies of known truth."""

import numpy as np
import pandas as pd
import pytest

from retention.scorecard import churn_drivers
from retention.stats.multiplicity import holm

BASE = np.array([0.02, 0.06])  # by stratum, of those without trouble
N_CUSTOMERS = 300  # customers of a simulated company, with 6 periods each


def periods_at_risk(
    *groups: tuple[str, int, int, str], value: float = 10.0
) -> tuple[pd.DataFrame, ...]:
    """Customer periods and cause indicators, of groups (stratum, rows, left, causes by time)."""
    rows = [
        (stratum, i < left, causes.split())
        for stratum, n_rows, left, causes in groups
        for i in range(n_rows)
    ]
    names = sorted({cause for _, _, causes in rows for cause in causes})
    at_risk = pd.DataFrame(
        {
            "customer_id": [f"c{i}" for i in range(len(rows))],
            "stratum": [stratum for stratum, _, _ in rows],
            "left": [left for _, left, _ in rows],
            "time": 1,
            "cause": pd.Series([causes[0] if causes else None for *_, causes in rows], dtype="str"),
            "value": value,
        }
    )
    return at_risk, pd.DataFrame(
        {name: [float(name in causes) for *_, causes in rows] for name in names},
        index=at_risk.index,
    )


def by_cause(at_risk: pd.DataFrame, indicators: pd.DataFrame) -> pd.DataFrame:
    return churn_drivers.losses_by_cause(at_risk, indicators).set_index("cause")


def company(seed: int, lift: tuple[float, float]) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Customers of 6 periods whose troubles last and overlap; each adds its `lift` to the rate."""
    rng = np.random.default_rng(seed)
    who, period = np.divmod(np.arange(6 * N_CUSTOMERS), 6)
    prone, stratum = rng.random(N_CUSTOMERS) < 0.4, rng.integers(0, 2, N_CUSTOMERS)[who]
    first = np.stack([rng.integers(0, 6, N_CUSTOMERS), rng.integers(0, 6, N_CUSTOMERS)])
    met = np.stack([rng.random(N_CUSTOMERS) < np.where(prone, 0.7, 0.2) for _ in lift])
    troubles = met[:, who] & (period >= first[:, who])
    rate = BASE[stratum] + sum(
        effect * met for effect, met in zip(lift, troubles.astype(float), strict=True)
    )
    left = rng.random(len(who)) < rate
    there = left.reshape(N_CUSTOMERS, 6).cumsum(axis=1).ravel() - left == 0
    at_risk = pd.DataFrame(
        {
            "customer_id": who,
            "stratum": stratum,
            "left": left,
            "time": 1,
            "cause": None,
            "value": 50.0,
        }
    )
    indicators = pd.DataFrame(dict(zip("ab", troubles.astype(float), strict=True)))
    return (
        at_risk.astype({"cause": "str"})[there].reset_index(drop=True),
        indicators[there].reset_index(drop=True),
    )


def test_one_cause_in_one_stratum_is_the_difference_of_two_rates() -> None:
    losses = by_cause(*periods_at_risk(("s", 1000, 100, ""), ("s", 100, 40, "late"), value=20.0))
    late, unknown = losses.loc["late"], losses.loc["unknown"]
    assert (late["time"], late["lost"], late["met"], late["value_lost"]) == (100, 40, 40, 800)
    assert late["excess"] == pytest.approx(100 * (0.4 - 0.1))
    assert late["excess_value"] == pytest.approx(20 * 30)
    error = 100 * np.sqrt(0.4 * 0.6 / 100 + 0.1 * 0.9 / 1000)
    assert (late["low"], late["high"]) == pytest.approx(
        (30 - 1.96 * error, 30 + 1.96 * error), 1e-3
    )
    assert late["verdict"] == "associated with about 30 more losses than expected (20 to 40)"
    assert (unknown["time"], unknown["lost"], unknown["value_lost"]) == (1000, 100, 2000)
    assert "caused" not in " ".join(losses["verdict"])


def test_losses_are_weighed_against_the_time_that_each_was_exposed() -> None:
    at_risk, indicators = periods_at_risk(("s", 400, 40, ""), ("s", 100, 30, "late"))
    at_risk["time"] = np.where(indicators["late"] == 1, 2, 10)
    late = by_cause(at_risk, indicators).loc["late"]
    assert late["excess"] == pytest.approx(30 - 200 * 40 / 4000)
    assert late["time"] == 200


def test_each_stratum_is_compared_with_itself() -> None:
    new, old = (("new", 100, 20, ""), ("new", 100, 40, "late")), (("old", 300, 0, ""),)
    groups = *new, *old, ("old", 100, 0, "late")
    late = by_cause(*periods_at_risk(*groups)).loc["late"]
    assert late["excess"] == pytest.approx(200 * (50 * 0.2 + 75 * 0.0) / (50 + 75))
    at_risk, indicators = periods_at_risk(*groups)
    mixed = churn_drivers.losses_by_cause(at_risk.assign(stratum="one"), indicators)
    assert mixed["excess"].iloc[0] == pytest.approx(40 - 200 * 20 / 400)


def test_a_cause_that_only_comes_with_another_claims_nothing() -> None:
    losses = by_cause(
        *periods_at_risk(
            ("s", 2000, 100, ""),
            ("s", 300, 90, "late"),
            ("s", 300, 90, "late rude"),
            ("s", 200, 10, "rude"),
        )
    )
    late, rude = losses.loc["late"], losses.loc["rude"]
    assert (late["met"], rude["met"]) == (180, 100)
    assert (late["lost"], rude["lost"]) == (180, 10)
    assert late["excess"] == pytest.approx(150)
    assert rude["excess"] == pytest.approx(0, abs=1e-9)
    assert rude["verdict"].startswith("no more losses than expected can be shown (-")


def test_fewer_losses_than_expected_are_said_too() -> None:
    losses = by_cause(*periods_at_risk(("s", 2000, 400, ""), ("s", 1000, 100, "praise")))
    verdict = str(losses.loc["praise", "verdict"])
    assert verdict.startswith("associated with about 100 fewer losses than expected (7")


def test_a_customers_periods_count_as_hanging_together() -> None:
    at_risk, indicators = periods_at_risk(("s", 1000, 100, ""), ("s", 100, 40, "late"))
    alone = churn_drivers.losses_by_cause(at_risk, indicators).iloc[0]
    twice = [pd.concat([frame, frame], ignore_index=True) for frame in (at_risk, indicators)]
    doubled = churn_drivers.losses_by_cause(*twice).iloc[0]
    assert doubled["excess"] == pytest.approx(2 * alone["excess"])
    assert doubled["low"] == pytest.approx(2 * alone["low"])


def test_the_interval_covers_the_planted_excess_19_times_in_20() -> None:
    covered = []
    for seed in range(250):
        at_risk, indicators = company(seed, (0.08, 0.04))
        excess = churn_drivers.excess_by_cause(
            at_risk, indicators, at_risk["left"].to_numpy(dtype=float)
        )
        truth = indicators.sum().to_numpy() * [0.08, 0.04]
        covered += list(np.abs(excess.total - truth) <= 1.96 * excess.standard_error)
    assert 0.925 <= np.mean(covered) <= 0.975


def test_no_effect_is_claimed_in_at_most_about_1_run_of_20() -> None:
    claims = [
        churn_drivers.losses_by_cause(*company(seed, (0.0, 0.0)))["verdict"]
        .str.startswith(churn_drivers.ASSOCIATED)
        .any()
        for seed in range(100)
    ]
    assert np.mean(claims) <= 0.08


def test_an_effect_does_not_pass_on_to_the_trouble_beside_it() -> None:
    claims = [by_cause(*company(seed, (0.2, 0.0)))["p_value"] < 0.05 for seed in range(40)]
    assert np.mean([significant["a"] for significant in claims]) > 0.95
    assert np.mean([significant["b"] for significant in claims]) < 0.12


def test_holm_steps_down_and_leaves_out_what_was_not_tested() -> None:
    adjusted = holm(np.array([0.01, 0.04, np.nan, 0.03, 0.005]))
    assert adjusted == pytest.approx([0.03, 0.06, np.nan, 0.06, 0.02], nan_ok=True)


@pytest.mark.parametrize(
    ("groups", "names"),
    [
        ((), ["unknown"]),
        ((("s", 5, 1, ""),), ["unknown"]),
        ((("s", 5, 5, ""),), ["unknown"]),
        ((("s", 5, 1, "a"),), ["a", "unknown"]),
        ((("s", 5, 1, "a"), ("t", 9, 0, "")), ["a", "unknown"]),
        ((("s", 5, 0, "a"), ("s", 9, 0, "")), ["a", "unknown"]),
    ],
    ids=["nobody", "no cause", "nobody stays", "all alike", "alike within", "nobody left"],
)
def test_nothing_is_claimed_where_there_is_nothing_to_compare(
    groups: tuple[tuple[str, int, int, str], ...], names: list[str]
) -> None:
    losses = churn_drivers.losses_by_cause(*periods_at_risk(*groups))
    assert tuple(losses.columns) == churn_drivers.COLUMNS
    assert list(losses["cause"]) == names
    assert losses[["p_value", "low", "high"]].isna().all(axis=None)
    assert (losses["excess"].dropna() == 0).all()
    assert not losses["verdict"].str.startswith(churn_drivers.ASSOCIATED).any()


def test_a_cause_may_not_be_called_unknown() -> None:
    with pytest.raises(ValueError, match="no documented cause"):
        churn_drivers.losses_by_cause(*periods_at_risk(("s", 2, 1, "unknown")))
