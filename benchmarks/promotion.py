"""Error rates and power of the promotion rule, on simulated pairs of models of known quality.

Both models err about the true probability, by an error that they share, as a refit on newer rows
does, and one of their own; in a worse pair the challenger's own is larger, so that it loses .035 of
ROC AUC. Run as `python -m benchmarks.promotion`; docs/evaluation.md has the results.
"""

import sys
from collections import Counter
from typing import Final

import numpy as np
import pandas as pd

from models.components.base import Floats, log_odds
from retention.serving import comparison
from retention.training import metrics

RESAMPLES: Final = 100
SHARED, OWN = 0.45, 0.2  # standard deviations in log-odds
WORSE: Final = 0.75  # of the challenger's own error where it loses .035 of AUC
PAIRS: Final = {300: 100, 1000: 60, 3000: 40, 10_000: 20, 30_000: 10}
"""How many, by the number of customers."""


def pair(customers: int, own: float, seed: int) -> pd.DataFrame:
    """One snapshot: outcomes, and both models' probabilities; `own`: the challenger's error."""
    draw = np.random.default_rng(seed)
    truth = draw.beta(1.5, 6, customers)
    shared = log_odds(truth) + draw.normal(0, SHARED, customers)

    def chances(error: float) -> Floats:
        return 1 / (1 + np.exp(-(shared + draw.normal(0, error, customers))))

    return pd.DataFrame(
        {
            "customer_id": np.arange(customers),
            "churned": draw.random(customers) < truth,
            "champion": chances(OWN),
            "challenger": chances(own),
        }
    )


def lost_auc(own: float) -> float:
    """ROC AUC of the champion less that of the challenger, of many customers."""
    both = pair(400_000, own, 0)
    y = both["churned"].to_numpy(dtype=float)
    champion, challenger = (
        metrics.roc_auc(y, both[name].to_numpy()) for name in ("champion", "challenger")
    )
    return champion - challenger


def main() -> None:
    for own in (OWN, WORSE):
        sys.stdout.write(f"own error {own}: loses {lost_auc(own):.3f} of AUC\n")
        for customers, pairs in PAIRS.items():
            verdicts: Counter[str] = Counter()
            power = []
            for seed in range(pairs):
                both = pair(customers, own, seed)
                compared = comparison.compare(both, "a day", 30, RESAMPLES, seed)
                verdicts[compared.verdict] += 1
                power.append(min(measure.power for measure in compared.measures.values()))
            shares = {name: f"{number / pairs:.0%}" for name, number in verdicts.items()}
            sys.stdout.write(f"  {customers:,}: {shares}, stated power {np.mean(power):.0%}\n")
            sys.stdout.flush()


if __name__ == "__main__":
    main()
