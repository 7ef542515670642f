"""How often the promotion rule errs, on simulated pairs of models whose quality is known.

Two models of one quality say the truth with errors of their own; the second of a worse pair errs
more. Run as `python -m benchmarks.promotion`; docs/experiments.md holds what it said.
"""

import sys
from collections import Counter

import numpy as np
import pandas as pd

from models.components.base import Floats, log_odds
from retention.serving import comparison

RESAMPLES, CUSTOMERS, SPREAD = 300, 2500, 0.5
TIMES = {0.5: 1000, 0.7: 100, 0.9: 100}
"""Pairs, by the error of the challenger; that of the champion is SPREAD."""


def said(truth: Floats, spread: float, draw: np.random.Generator) -> Floats:
    """(n,) the truth, off by a normal error in log-odds."""
    return 1 / (1 + np.exp(-(log_odds(truth) + draw.normal(0, spread, len(truth)))))


def pair(spread: float, seed: int) -> pd.DataFrame:
    """One day: outcomes, the champion's word and that of a challenger who errs by `spread`."""
    draw = np.random.default_rng(seed)
    truth = draw.beta(1.5, 6, CUSTOMERS)
    return pd.DataFrame(
        {
            "customer_id": np.arange(CUSTOMERS),
            "churned": draw.random(CUSTOMERS) < truth,
            "champion": said(truth, SPREAD, draw),
            "challenger": said(truth, spread, draw),
        }
    )


def verdicts(spread: float) -> tuple[Counter[str], Counter[str]]:
    """How often each verdict is given, and how often each measure alone is worse."""
    all_of: Counter[str] = Counter()
    worse: Counter[str] = Counter()
    for seed in range(TIMES[spread]):
        found = comparison.compare(pair(spread, seed), "a day", 30, RESAMPLES, seed)
        all_of[found.verdict] += 1
        worse.update(
            name
            for name, one in found.measures.items()
            if one.beyond(comparison.MEASURES[name].sign) < 0
        )
    return all_of, worse


def main() -> None:
    for spread in TIMES:
        found, alone = verdicts(spread)
        sys.stdout.write(f"error {spread}: {dict(found)}, alone worse: {dict(alone)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
