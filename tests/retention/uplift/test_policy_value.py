"""The estimated value of a targeting policy, against its true value."""

import numpy as np
import pytest

from retention.uplift.policy_value import (
    PolicyValue,
    TargetingPolicy,
    evaluate_policy,
    treated_under_policy,
)
from tests.support.experiments import experiment

NAMES = ("contacts", "customers_saved", "money_saved", "cost", "net")


def values(estimated: PolicyValue) -> dict[str, float]:
    return {name: getattr(estimated, name).value for name in NAMES}


@pytest.mark.parametrize(
    ("proposal", "expected"),
    [
        (TargetingPolicy(capacity=1, eligible=4), [1, 0, 0, 0]),
        (TargetingPolicy(capacity=9, eligible=4), [1, 1, 1, 0]),
        (TargetingPolicy(capacity=3, eligible=4, threshold=2.0), [1, 0, 0, 0]),
        (TargetingPolicy(capacity=4, eligible=4, threshold=-5.0), [1, 1, 1, 1]),
        (TargetingPolicy(capacity=200, eligible=400), [1, 1, 0, 0]),
        (TargetingPolicy(capacity=0, eligible=4), [0, 0, 0, 0]),
    ],
)
def test_who_is_contacted(proposal: TargetingPolicy, expected: list[float]) -> None:
    gain = np.array([3.0, 2.0, 1.0, -1.0])
    assert treated_under_policy(proposal, gain, gain).tolist() == expected


def test_rows_are_ranked_within_the_fold_whose_model_predicted() -> None:
    proposal = TargetingPolicy(capacity=1, eligible=2)
    gain, saved = [9.0, 8.0, 2.0, 1.0], [1.0, 0.0, 0.5, 0.0]
    data = gain, saved, saved, list("abcd")
    assert evaluate_policy(proposal, *data, n=20).customers_saved.value == pytest.approx(0.5)
    apart = evaluate_policy(proposal, *data, fold=[0, 0, 1, 1], n=20).customers_saved.value
    assert apart == pytest.approx(0.75)


def test_every_row_stands_for_its_share_of_the_eligible() -> None:
    proposal = TargetingPolicy(capacity=100, eligible=200, cost=3.0)
    gain, saved, money = [2.0, 1.0], [0.1, -0.4], [5.0, -4.0]
    estimated = evaluate_policy(proposal, gain, saved, money, ["a", "b"], n=20)
    assert values(estimated) == pytest.approx(
        {"contacts": 100, "customers_saved": 10, "money_saved": 500, "cost": 300, "net": 200}
    )


def test_the_interval_covers_the_truth() -> None:
    """Of 40 experiments 95 % should; 34 or fewer happen once in 30 times 30."""
    proposal, hits = TargetingPolicy(capacity=250, eligible=1000, cost=2.0), 0
    for seed in range(40):
        planted = experiment(1000, seed)
        gain = -planted.effect * 100 - proposal.cost
        saved = -planted.data.doubly_robust_scores(planted.risk)
        data = saved, 100 * saved, planted.data.customer
        net = evaluate_policy(proposal, gain, *data, n=200, seed=seed).net
        truth = float(
            (treated_under_policy(proposal, gain, gain) * gain).mean() * proposal.eligible
        )
        hits += net.interval.low <= truth <= net.interval.high
    assert 35 <= hits <= 40


def test_the_same_experiment_says_the_same() -> None:
    planted = experiment(400)
    saved = -planted.data.doubly_robust_scores(planted.risk)
    data = -planted.effect, saved, 10 * saved, planted.data.customer
    first, two = (evaluate_policy(TargetingPolicy(10, 100), *data, n=50) for _ in range(2))
    assert first == two
    assert first.contacts.value == pytest.approx(10.0)
    assert first.contacts.interval.low == pytest.approx(10.0)


@pytest.mark.parametrize("wrong", [{"eligible": 0}, {"capacity": -1}, {"cost": -1.0}])
def test_senseless_proposals_are_refused(wrong: dict[str, float]) -> None:
    with pytest.raises(ValueError, match="eligible > 0"):
        TargetingPolicy(**{"capacity": 1, "eligible": 2, **wrong})  # type: ignore[arg-type]
