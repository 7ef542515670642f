"""Champion against challenger: paired, on the same customers, and never on what one has seen."""

import datetime as dt
import json
from dataclasses import asdict
from typing import Any

import numpy as np
import pandas as pd
import pytest

from retention.serving import comparison
from retention.serving.comparison import Comparison, MeasureComparison
from retention.training import metrics

DAY = "2026-06-01"


def customers(n: int = 1500, seed: int = 1) -> pd.DataFrame:
    """Chances of which the truth is known; both models say the truth."""
    draw = np.random.default_rng(seed)
    truth = draw.beta(1.5, 5, n)
    left = draw.random(n) < truth
    return pd.DataFrame(
        {
            "customer_id": [f"c{i:05d}" for i in range(n)],
            "churned": left,
            "champion": truth,
            "challenger": truth,
        }
    )


def noisy(truth: "pd.Series[float]", spread: float, seed: int = 2) -> "pd.Series[float]":
    odds = np.log(truth / (1 - truth))
    shift = np.random.default_rng(seed).normal(0, spread, len(truth))
    return pd.Series(1 / (1 + np.exp(-(odds + shift))), truth.index)


def compared(both: pd.DataFrame, min_churners: int = 30) -> Comparison:
    return comparison.compare(both, DAY, min_churners, n=80, seed=3)


def test_equal_models_are_no_worse_and_differ_by_nothing() -> None:
    comparison = compared(customers())
    assert comparison.verdict == "no worse"
    for measure in comparison.measures.values():
        assert (measure.difference, measure.low, measure.high) == (0.0, 0.0, 0.0)


@pytest.mark.parametrize(("noise_in", "verdict"), [("challenger", "worse"), ("champion", "better")])
def test_noise_in_one_of_both_is_seen(noise_in: str, verdict: str) -> None:
    both = customers()
    comparison = compared(both.assign(**{noise_in: noisy(both[noise_in], 1.5)}))
    assert comparison.verdict == verdict
    assert str(comparison).startswith(
        f"{verdict} on 1,500 customers of {DAY}, whom neither had seen: "
    )


def test_one_measure_that_is_worse_is_enough() -> None:
    """Chances that are all halved keep their order, and so the profit, but not the Brier score."""
    both = customers()
    comparison = compared(both.assign(challenger=both["challenger"] / 2))
    assert comparison.measures["empc"].difference == pytest.approx(0, abs=1e-9)
    assert comparison.measures["brier"].low > 0
    assert comparison.verdict == "worse"


def measured(low: float, high: float, margin: float = 1.0) -> MeasureComparison:
    return MeasureComparison(1, 1, (low + high) / 2, low, high, margin)


EVEN, SURE = measured(-2, 2), measured(-0.5, 0.5)
UP, DOWN = measured(1, 3), measured(-3, -1.1)


@pytest.mark.parametrize(
    ("empc", "brier", "verdict"),
    [
        (SURE, SURE, "no worse"),
        (measured(-1, 0.5), SURE, "no worse"),  # an end at the margin does not go beyond it
        (measured(-0.9, -0.1), SURE, "no worse"),  # a loss, and surely within the margin
        (EVEN, SURE, "undecided"),  # too few customers to exclude a loss beyond the margin
        (SURE, EVEN, "undecided"),
        (UP, SURE, "better"),
        (SURE, DOWN, "better"),
        (UP, EVEN, "undecided"),
        (DOWN, SURE, "worse"),
        (SURE, UP, "worse"),
        (UP, UP, "worse"),
        (DOWN, DOWN, "worse"),
    ],
)
def test_no_worse_says_that_no_loss_beyond_the_margin_is_possible(
    empc: MeasureComparison, brier: MeasureComparison, verdict: str
) -> None:
    assert comparison.verdict({"empc": empc, "brier": brier}) == verdict


@pytest.mark.parametrize(("n", "passes"), [(300, 5), (60, 0)])
def test_of_few_customers_an_equal_model_passes_and_a_worse_one_does_not(
    n: int, passes: int
) -> None:
    """With 60 customers what would have to be allowed for is more than half of the gain."""
    passed = []
    for spread in (0.2, 0.9):  # of an error of its own: the greater loses .05 of ROC AUC
        verdicts = []
        for seed in range(8):
            both = customers(n, seed)
            errs = {"champion": noisy(both["champion"], 0.2, 50 + seed)}
            errs["challenger"] = noisy(both["challenger"], spread, 90 + seed)
            verdicts.append(comparison.compare(both.assign(**errs), DAY, 5, n=40, seed=1))
        passed.append(sum(each.verdict in ("better", "no worse") for each in verdicts))
    assert passed[0] >= passes
    assert passed[1] == 0


@pytest.mark.parametrize(
    ("standard_error", "may_lose"),
    [(0.0, 0.1), (0.03, 0.1), (0.1, 0.3241515), (0.2, 0.5), (np.nan, 0.1)],
)
def test_the_margin_is_as_wide_as_an_equal_model_needs(
    standard_error: float, may_lose: float
) -> None:
    """Not beyond half of what the champion gains, where nine of ten equal ones would pass."""
    assert comparison._may_lose(1.0, standard_error, 0.1, 0.5) == pytest.approx(may_lose)


def with_values(both: pd.DataFrame) -> pd.DataFrame:
    """Both models say the mean value of each customer, and the ends of its interval."""
    draw = np.random.default_rng(4)
    mean = draw.gamma(2, 50, len(both))
    own = {"value": mean * draw.gamma(4, 0.25, len(both))}
    for name in ("champion", "challenger"):
        own |= {f"{name}_value": mean, f"{name}_low": 0.4 * mean, f"{name}_high": 1.7 * mean}
    return both.assign(**own)


@pytest.mark.parametrize(
    ("measure", "spoilt"),
    [
        ("value", {"challenger_value": lambda both: both["challenger_value"] ** 0 * 100}),
        ("interval", {"challenger_high": lambda both: both["challenger_low"] * 1.01}),
    ],
)
def test_a_worse_value_or_interval_is_enough(measure: str, spoilt: dict[str, Any]) -> None:
    both = with_values(customers())
    assert compared(both).verdict == "no worse"
    comparison_of_both = compared(both.assign(**spoilt))
    assert comparison_of_both.verdict == "worse"
    assert comparison_of_both.measures[measure].direction(-1) == -1
    assert comparison_of_both.measures["brier"].difference == 0.0


def test_several_days_and_weights_are_compared_together() -> None:
    both = customers(400)
    days = pd.concat([both.assign(snapshot_on=day, weight=2.0) for day in ("2026-05-01", DAY)])
    comparison_of_both, one_day = compared(days.reset_index(drop=True)), compared(both)
    assert (comparison_of_both.customers, comparison_of_both.churners) == (
        one_day.customers,
        one_day.churners,
    )
    assert comparison_of_both.measures["brier"].champion == pytest.approx(
        one_day.measures["brier"].champion
    )


def test_the_figures_are_those_of_the_metrics() -> None:
    both = customers()
    comparison = compared(both.assign(challenger=noisy(both["challenger"], 0.5)))
    y, p = both["churned"].to_numpy(dtype=float), both["champion"].to_numpy()
    assert comparison.measures["brier"].champion == metrics.brier(y, p)
    assert comparison.measures["empc"].champion == metrics.empc(y, p).money
    flat = comparison.figures()
    assert flat["brier_champion"] == metrics.brier(y, p)
    assert len(flat) == 4 * len(MeasureComparison.__dataclass_fields__)
    written = json.loads(json.dumps(comparison.report().as_json(), allow_nan=False))
    assert written == asdict(comparison)


def test_it_is_not_compared_on_too_few_churners() -> None:
    both = customers(60)
    left = int(both["churned"].sum())
    comparison = compared(both, min_churners=left + 1)
    assert comparison.verdict == "not comparable"
    assert comparison.why == f"not enough churners on {DAY}: {left} of 60, need {left + 1}"
    assert set(comparison.figures().values()) == {None}
    assert compared(both, min_churners=left).verdict == "no worse"


def test_where_all_left_nothing_is_compared() -> None:
    assert compared(customers().assign(churned=True)).verdict == "not comparable"


@pytest.mark.parametrize(
    ("trained_to", "has_seen"), [("2026-04-03", False), ("2026-04-04", True), ("2026-06-01", True)]
)
def test_a_champion_has_seen_a_day_before_which_its_last_label_was_not_known(
    trained_to: str, has_seen: bool
) -> None:
    """Labels are known 59 days after their snapshot: of 3 April on 1 June, the day's start."""
    last, day = dt.date.fromisoformat(trained_to), dt.date.fromisoformat(DAY)
    assert comparison.has_seen(last, day, label_delay_days=59) == has_seen
