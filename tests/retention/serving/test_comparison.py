"""Champion against challenger: paired, on the same customers, and never on what one has seen."""

import datetime as dt
import json
from dataclasses import asdict

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
    return comparison.compare(both, DAY, min_churners, n=300, seed=3)


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


EMPC_UP, EMPC_DOWN = (MeasureComparison(1, 1, *ends) for ends in ((2, 1, 3), (-2, -3, -1)))
BRIER_UP, BRIER_DOWN = (MeasureComparison(1, 1, *ends) for ends in ((2, 1, 3), (-2, -3, -1)))
EVEN = MeasureComparison(1, 1, 0.5, -1, 2)


@pytest.mark.parametrize(
    ("empc", "brier", "verdict"),
    [
        (EVEN, EVEN, "no worse"),
        (EMPC_UP, EVEN, "better"),
        (EVEN, BRIER_DOWN, "better"),
        (EMPC_DOWN, EVEN, "worse"),
        (EVEN, BRIER_UP, "worse"),
        (EMPC_UP, BRIER_UP, "worse"),
        (EMPC_DOWN, BRIER_DOWN, "worse"),
        (MeasureComparison(1, 1, -0.5, -1, 0), EVEN, "no worse"),  # an end at zero is not beyond it
    ],
)
def test_the_verdict_is_by_both_intervals(
    empc: MeasureComparison, brier: MeasureComparison, verdict: str
) -> None:
    assert comparison.verdict({"empc": empc, "brier": brier}) == verdict


def test_the_figures_are_those_of_the_metrics() -> None:
    both = customers()
    comparison = compared(both.assign(challenger=noisy(both["challenger"], 0.5)))
    y, p = both["churned"].to_numpy(dtype=float), both["champion"].to_numpy()
    assert comparison.measures["brier"].champion == metrics.brier(y, p)
    assert comparison.measures["empc"].champion == metrics.empc(y, p).money
    flat = comparison.figures()
    assert flat["brier_champion"] == metrics.brier(y, p)
    assert len(flat) == 10
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
