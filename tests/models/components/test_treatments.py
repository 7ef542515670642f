"""Several randomised treatments: scores of each, and the best for each customer."""

import numpy as np
import pandas as pd
import pytest

from models.components.treatments import (
    Treatments,
    best_treatment,
    cross_fit_each,
    of_treatment,
    separate_treatments,
)
from models.components.uplift import ExperimentData
from retention.uplift.dataset import treatments_of
from tests.support.experiments import experiment, learner

COST = {"call": 5.0, "letter": 1.0}


def compared(n: int, seed: int = 0) -> tuple[pd.DataFrame, ExperimentData, Treatments]:
    """A call keeps half of those of kind a who would leave, a letter of kind b; nobody else."""
    generator = np.random.default_rng(seed)
    X = pd.DataFrame({"kind": generator.choice(["a", "b"], n), "other": generator.normal(size=n)})
    chance = np.tile([0.4, 0.4, 0.2], (n, 1))
    chance[: n // 4] = [0.5, 0.0, 0.5]  # no calls on that day
    arm = (generator.random((n, 1)) > chance.cumsum(axis=1)).sum(axis=1)
    is_helped = ((arm == 1) & (X["kind"] == "a")) | ((arm == 2) & (X["kind"] == "b"))
    left = generator.random(n) < np.where(is_helped, 0.3, 0.6)
    contacted = 1 - chance[:, 0]
    data = ExperimentData.from_arrays((arm > 0).astype(float), left, contacted, np.arange(n))
    return X, data, Treatments(("call", "letter"), arm, chance, np.array([5.0, 1.0]))


def test_the_scores_of_one_treatment_are_those_of_the_experiment() -> None:
    planted = experiment(500)
    single = Treatments.single("contact", planted.data, 2.0)
    [scores] = single.scores(planted.data.y, planted.risk).T
    assert scores == pytest.approx(planted.data.doubly_robust_scores(planted.risk))
    assert (single.names, single.cost.tolist()) == (("contact",), [2.0])


def test_scores_have_the_effect_of_each_treatment_as_their_mean() -> None:
    X, data, treatments = compared(40_000)
    scores = treatments.scores(data.y, np.full(len(X), 0.5))
    assert (scores[:10_000, 0] == 0).all()  # where no call was possible
    for kind, effects in {"a": (-0.3, 0.0), "b": (0.0, -0.3)}.items():
        rows = (X["kind"] == kind).to_numpy(copy=True)
        rows[:10_000] = False
        assert scores[rows].mean(axis=0) == pytest.approx(effects, abs=0.03)


def test_each_customer_gets_the_treatment_that_keeps_them() -> None:
    X, data, treatments = compared(4000)
    effects, fold = cross_fit_each(learner, X, data, treatments, folds=2)
    best = best_treatment(-100 * effects - treatments.cost)
    wanted = (X["kind"] == "b").to_numpy().astype(int)
    assert (best == wanted).mean() > 0.95
    assert of_treatment(effects, best).mean() == pytest.approx(-0.3, abs=0.06)
    assert sorted(set(fold)) == [0, 1]


def test_the_best_is_what_gains_most_where_it_is_possible() -> None:
    gain = np.array([[1.0, 2.0], [2.0, 2.0], [5.0, -np.inf], [-3.0, -4.0]])
    assert best_treatment(gain).tolist() == [1, 0, 0, 0]
    assert of_treatment(gain, np.array([1, 0, 0, 1])).tolist() == [2.0, 2.0, 5.0, -4.0]


def chances(*rows: tuple[float, float, float]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=["call", "holdout", "letter"])


def test_treatments_are_told_apart_where_each_is_a_play() -> None:
    table = chances((0.5, 0.25, 0.25), (0.5, 0.25, 0.25), (0.0, 0.5, 0.5))
    separate = separate_treatments(["letter", "call", "holdout"], table, COST, "holdout")
    assert separate is not None
    assert (separate.names, separate.arm.tolist()) == (("call", "letter"), [2, 1, 0])
    assert separate.cost.tolist() == [5.0, 1.0]
    assert separate.chance.tolist() == [[0.25, 0.5, 0.25], [0.25, 0.5, 0.25], [0.5, 0.0, 0.5]]
    assert separate.takes_part(0).tolist() == [False, True, False]


@pytest.mark.parametrize(
    ("treatment", "cost"),
    [
        (["call", "call", "holdout"], COST),  # one treatment
        (["call", "letter", "holdout"], {"call": 5.0}),  # a letter is no play
        (["call", "contact", "holdout"], COST | {"contact": 1.0}),  # of our own lists
    ],
)
def test_else_all_are_one_contact(treatment: list[str], cost: dict[str, float]) -> None:
    table = chances(*[(0.5, 0.25, 0.25)] * 3)
    assert separate_treatments(treatment, table, cost, "holdout") is None


@pytest.mark.parametrize(("n", "expected"), [(2000, ("call", "letter")), (400, None)])
def test_each_treatment_needs_enough_customers(n: int, expected: tuple[str, ...] | None) -> None:
    _, data, treatments = compared(n)
    outcomes = pd.DataFrame(
        {
            "treatment": np.array(["holdout", "call", "letter"])[treatments.arm],
            "occurred_day": np.where(treatments.chance[:, 1] > 0, 9, 3),
            "churned": data.y == 1,
            "customer_id": data.customer,
        }
    )
    shares = chances((0.0, 0.5, 0.5), (0.4, 0.4, 0.2)).set_axis([3, 9])
    treatments_apart = treatments_of(outcomes, shares, COST)
    assert (treatments_apart.names if treatments_apart else None) == expected
