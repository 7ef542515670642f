"""A simulated randomised experiment with a known effect, for the tests of uplift."""

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from scipy.special import expit

from models.components.base import Floats
from models.components.uplift import RISK, ExperimentData
from models.uplift_dr import DoublyRobust


@dataclass(frozen=True)
class PlantedExperiment:
    """Features, treatment and outcome of simulated customers, with the true effect."""

    X: pd.DataFrame
    data: ExperimentData
    risk: Floats
    effect: Floats

    @property
    def fit_arguments(self) -> tuple[Any, ...]:
        """What `fit` takes after X."""
        data = self.data
        return data.treated, data.y, data.propensity, data.customer


def experiment(
    n: int = 4000, seed: int = 0, effect: float = 1.0, propensity: float | None = None
) -> PlantedExperiment:
    """Contact takes .6 of the risk away; from one in four, who never visit, it takes -.5.

    `effect` multiplies both. Each customer has two rows. Without `propensity` it is .3 or .7.
    """
    generator = np.random.default_rng(seed)
    noise = {f"noise_{i}": generator.normal(size=n) for i in range(5)}
    visits = np.where(generator.random(n) < 0.25, 0.0, 1.0 + generator.poisson(4, n))
    logit = generator.normal(-1, 1, n)
    X = pd.DataFrame({"visits_90d": visits, "failures_90d": logit, **noise})
    X["plan"] = generator.choice(["mobile", "cable"], n)
    X.loc[generator.random(n) < 0.1, "noise_0"] = np.nan
    risk = expit(logit)
    change = effect * risk * np.where(visits == 0, np.minimum(0.5, 1 / risk - 1), -0.6)
    propensities = generator.choice([0.3, 0.7], n) if propensity is None else np.full(n, propensity)
    treated = (generator.random(n) < propensities).astype(float)
    left = (generator.random(n) < risk + treated * change).astype(float)
    who = [f"c{i // 2}" for i in range(n)]
    X[RISK] = risk
    return PlantedExperiment(
        X, ExperimentData.from_arrays(treated, left, propensities, who), risk, change
    )


def learner(**overrides: Any) -> DoublyRobust:
    """A quick doubly robust learner."""
    quick = {"rounds_expected": 10, "rounds": 40, "learning_rate": 0.1, "seeds": 1, "threads": 1}
    trees = {"min_data_in_leaf": 100}
    return DoublyRobust(**{**quick, **trees, **overrides})
