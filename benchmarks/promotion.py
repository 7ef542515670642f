"""Error rates of the promotion rule, on simulated pairs of models of known quality.

Both models estimate the true probability with independent errors; in a worse pair the
challenger's are larger. Run as `python -m benchmarks.promotion`; docs/experiments.md has the
results.
"""

import sys
from collections import Counter

import numpy as np
import pandas as pd

from models.components.base import Floats, log_odds
from retention.serving import comparison

RESAMPLES, CUSTOMERS, SPREAD = 300, 2500, 0.5
TIMES = {0.5: 1000, 0.7: 100, 0.9: 100}
"""Number of pairs by the challenger's error; the champion's is SPREAD."""


def noisy_estimate(truth: Floats, spread: float, draw: np.random.Generator) -> Floats:
    """The truth, shape (n,), with a normal error in log-odds."""
    return 1 / (1 + np.exp(-(log_odds(truth) + draw.normal(0, spread, len(truth)))))


def pair(spread: float, seed: int) -> pd.DataFrame:
    """One snapshot: outcomes, and both models' probabilities; `spread`: the challenger's error."""
    draw = np.random.default_rng(seed)
    truth = draw.beta(1.5, 6, CUSTOMERS)
    return pd.DataFrame(
        {
            "customer_id": np.arange(CUSTOMERS),
            "churned": draw.random(CUSTOMERS) < truth,
            "champion": noisy_estimate(truth, SPREAD, draw),
            "challenger": noisy_estimate(truth, spread, draw),
        }
    )


def verdicts(spread: float) -> tuple[Counter[str], Counter[str]]:
    """How often each verdict is given, and how often each measure alone is worse."""
    all_of: Counter[str] = Counter()
    worse: Counter[str] = Counter()
    for seed in range(TIMES[spread]):
        pair_comparison = comparison.compare(pair(spread, seed), "a day", 30, RESAMPLES, seed)
        all_of[pair_comparison.verdict] += 1
        worse.update(
            name
            for name, difference in pair_comparison.measures.items()
            if difference.direction(comparison.MEASURES[name].sign) < 0
        )
    return all_of, worse


def main() -> None:
    for spread in TIMES:
        verdict_counts, alone = verdicts(spread)
        sys.stdout.write(f"error {spread}: {dict(verdict_counts)}, alone worse: {dict(alone)}\n")
        sys.stdout.flush()


if __name__ == "__main__":
    main()
