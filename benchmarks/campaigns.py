"""Simulated randomised campaigns whose true effects are known.

Each process differs from the others, and from the simulated telecom company, in which customers a
contact moves and how. The base rate, the share who leave without a contact, is set by the
intercept alone.
"""

from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from scipy.optimize import brentq
from scipy.special import expit, logit

import models
from models.components.base import Floats
from models.components.treatments import Treatments
from models.components.uplift import RISK, ExperimentData

NOISE_COLUMNS = 12
TEST_CUSTOMERS = 20_000
BEST_SHARE = 0.3  # a contact costs half of what it gains for these customers on average
MIN_COST = 0.1  # currency
SEED = 7


@dataclass(frozen=True)
class Population:
    """Customers with the truth about them; n rows."""

    X: pd.DataFrame  # as known before the treatment
    risk: Floats  # (n,) P(churn | not contacted)
    effect: Floats  # (n,) change of P(churn) by a contact
    value: Floats  # (n,) currency, if the customer is kept


@dataclass(frozen=True)
class Campaign:
    """A randomised experiment, and later customers of the same kind for the test."""

    X: pd.DataFrame  # with RISK, predicted from customers who were not in the campaign
    trial: ExperimentData
    value: Floats  # (n,) currency
    money: Floats  # (n,) currency earned from the customer in the window
    test: Population  # X with RISK
    cost: float  # of a contact, currency


def customers(n: int, generator: np.random.Generator) -> pd.DataFrame:
    """Covariates of mixed kinds, correlated through two hidden traits; some values are missing."""
    engaged, wealth = generator.normal(size=(2, n))
    satisfaction = np.clip(np.round(7 + engaged + generator.normal(0, 2, n)), 1, 10)
    X = pd.DataFrame(
        {
            "tenure_days": np.exp(6 + 0.4 * engaged + generator.normal(0, 0.8, n)),
            "orders": generator.poisson(np.exp(1 + 0.6 * engaged)).astype(float),
            "silent_days": generator.exponential(np.exp(3 - 0.5 * engaged)),
            "spend": np.exp(4 + 0.5 * wealth + 0.3 * engaged + generator.normal(0, 0.5, n)),
            "discount_share": generator.beta(1.2, 2.5, n),
            "age": np.clip(generator.normal(48 + 4 * wealth, 14), 18, 95),
            "logins": np.where(
                generator.random(n) < 0.45, 0, generator.poisson(np.exp(1 + 0.4 * engaged))
            ).astype(float),
            "complaints": generator.poisson(0.3, n).astype(float),
            "satisfaction": np.where(generator.random(n) < 0.6, np.nan, satisfaction),
            "region": generator.choice(list("abcdef"), n),
            "plan": generator.choice(["small", "middle", "large"], n, p=[0.5, 0.3, 0.2]),
        }
    )
    for i in range(NOISE_COLUMNS):
        X[f"other_{i}"] = generator.normal(size=n) if i % 3 else generator.lognormal(size=n)
    return X


def hazard(X: pd.DataFrame) -> Floats:
    """(n,) log-odds of leaving, but for the intercept."""
    return np.asarray(
        0.5 * (np.log1p(X["silent_days"]) - 3)
        - 0.5 * (np.log1p(X["orders"]) - 1.2)
        - 0.3 * (np.log(X["tenure_days"]) - 6)
        + 0.6 * (X["complaints"] > 0)
        + X["plan"].map({"small": 0.3, "middle": 0.0, "large": -0.5}).astype(float)
        + 0.4 * np.sin(X["age"] / 12)
    )


def _nobody(X: pd.DataFrame, risk: Floats) -> Floats:  # noqa: ARG001
    return np.zeros(len(X))


def _shift(risk: Floats, log_odds: Floats) -> Floats:
    return np.asarray(expit(logit(risk) + log_odds) - risk)


def _all_alike(X: pd.DataFrame, risk: Floats) -> Floats:
    return _shift(risk, np.full(len(X), -0.5))


def _linear(X: pd.DataFrame, risk: Floats) -> Floats:
    thrift, youth = (X["discount_share"] - 0.32) / 0.21, (48 - X["age"]) / 14
    return _shift(risk, (-0.3 - 0.4 * thrift - 0.4 * youth).to_numpy(dtype=np.float64))


def _tree(X: pd.DataFrame, risk: Floats) -> Floats:
    is_moved = (X["logins"] > 0) & (X["discount_share"] > 0.25)
    return _shift(risk, np.where(is_moved, -1.2, 0.0))


def _harmful(X: pd.DataFrame, risk: Floats) -> Floats:
    is_silent, is_large = X["silent_days"] > 25, X["plan"] == "large"
    shift: Floats = np.where(is_silent, 0.6, -0.8) - 0.6 * is_large.to_numpy(dtype=np.float64)
    return _shift(risk, shift)


def _persuaded(X: pd.DataFrame, risk: Floats) -> Floats:
    """A share of those who would leave is persuaded: proportional to the risk, not its log-odds."""
    return np.asarray(-0.5 * risk * expit((np.log(X["spend"]) - 4) * 2 - 1.5))


PROCESSES: dict[str, Callable[[pd.DataFrame, Floats], Floats]] = {
    "none": _nobody,
    "same for all": _all_alike,
    "linear": _linear,
    "tree": _tree,
    "harmful for some": _harmful,
    "share of the leavers": _persuaded,
}
"""(X, risk) -> true change of the churn probability."""


def population(
    process: str, base_rate: float, n: int, generator: np.random.Generator
) -> Population:
    """n customers, of whom the share base_rate leaves without a contact."""
    X = customers(n, generator)
    score = hazard(X)
    intercept = brentq(lambda start: expit(start + score).mean() - base_rate, -20, 20)
    risk = np.asarray(expit(intercept + score))
    value = 100 * np.exp(0.6 * (np.log(X["spend"]) - 4) + generator.normal(0, 0.3, n))
    return Population(X, risk, PROCESSES[process](X, risk), np.asarray(value))


def cost_of_a_contact(savings: Floats) -> float:
    """Half of what the customers for whom it saves most are saved, on average."""
    best = np.sort(savings)[round((1 - BEST_SHARE) * len(savings)) :]
    return max(0.5 * float(best.mean()), MIN_COST)


def campaign(
    process: str, base_rate: float, n: int, seed: int, propensity: float = 0.5
) -> Campaign:
    """A campaign of n customers; the churn model learnt from as many others, not contacted."""
    generator = np.random.default_rng([seed, n, round(1000 * base_rate)])
    past, now, test = (
        population(process, base_rate, size, generator) for size in (n, n, TEST_CUSTOMERS)
    )
    churn: Any = models.build("churn_lightgbm", 90, SEED, 1, {"rounds": 60, "seeds": 1})
    churn.fit(past.X, (generator.random(n) < past.risk).astype(float))
    treated = (generator.random(n) < propensity).astype(float)
    churned = (generator.random(n) < now.risk + treated * now.effect).astype(float)
    return Campaign(
        X=now.X.assign(**{RISK: churn.predict_proba(now.X)[:, 1]}),
        trial=ExperimentData.from_arrays(treated, churned, propensity, np.arange(n)),
        value=now.value,
        money=now.value * (1 - churned) * generator.gamma(2, 0.5, n),
        test=replace(test, X=test.X.assign(**{RISK: churn.predict_proba(test.X)[:, 1]})),
        cost=cost_of_a_contact(-test.effect * test.value),
    )


def with_two_treatments(
    processes: tuple[str, str], base_rate: float, n: int, seed: int
) -> tuple[Campaign, Treatments, Floats]:
    """A campaign that gave a third each nothing, a call and a letter, at equal cost.

    The third part are the true effects of both on the test customers, shape (m, 2).
    """
    first = campaign(processes[0], base_rate, n, seed)
    generator = np.random.default_rng([seed, n, 2])
    arm = generator.integers(3, size=n)
    base = hazard(first.X)
    intercept = brentq(lambda start: expit(start + base).mean() - base_rate, -20, 20)
    risk = np.asarray(expit(intercept + base))
    effects = [np.zeros(n), *(PROCESSES[process](first.X, risk) for process in processes)]
    churned = (generator.random(n) < risk + np.choose(arm, effects)).astype(float)
    trial = ExperimentData.from_arrays(
        (arm > 0).astype(float), churned, 2 / 3, first.trial.customer
    )
    true = np.column_stack(
        [PROCESSES[process](first.test.X, first.test.risk) for process in processes]
    )
    cost = cost_of_a_contact((-true * first.test.value[:, None]).max(axis=1))
    treatments = Treatments(("call", "letter"), arm, np.full((n, 3), 1 / 3), np.full(2, cost))
    return replace(first, trial=trial, cost=cost), treatments, true
