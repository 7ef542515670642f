"""What the scores have to hold, counted over cuts and over histories."""

from collections.abc import Callable
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from benchmarks.out_of_time.prediction import OURS
from benchmarks.out_of_time.rivals import SIMPLE

MIN_OUTCOMES: Final = 10  # churners, and stayers, below which a cut is shown but not counted
REPLICATES, SEED = 1000, 7
KEYS: Final = ["history", "cut"]
HIGHER: Final = {"auc": 1, "average_precision": 1, "log_loss": -1, "mae": -1}


def counted(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of cuts with enough of both outcomes to tell contestants apart."""
    fewer = np.minimum(table["churners"], table["customers"] - table["churners"])
    return table[fewer >= MIN_OUTCOMES]


def against(table: pd.DataFrame, measure: str, names: list[str] | None = None) -> pd.DataFrame:
    """Per cut ours, the best other's, and the gain over it: above 0 is better.

    For a loss the gain is relative, so that companies with other money can be averaged. Without a
    list of ours the gain is nan.
    """
    sign = HIGHER[measure]
    wide = table.pivot_table(index=KEYS, columns="contestant", values=measure, dropna=False)
    others = wide.drop(columns=OURS, errors="ignore")
    others = others[[name for name in names if name in others]] if names else others
    best = (others * sign).max(axis=1) * sign
    own = wide[OURS] if OURS in wide else pd.Series(np.nan, wide.index)
    gain = (own - best) * sign if sign > 0 else (best - own) / best
    has_best = best.notna()
    frame = pd.DataFrame({"ours": own, "best": best, "gain": gain})[has_best]
    return frame.assign(name=(others[has_best] * sign).idxmax(axis=1))


def interval(gain: pd.Series) -> tuple[float, float, float]:
    """Mean gain over cuts with a 95 % interval: histories are resampled, then cuts of each."""
    groups = [values.to_numpy() for _, values in gain.dropna().groupby("history")]
    if not groups:
        return float("nan"), float("nan"), float("nan")
    draw, means = np.random.default_rng(SEED), []
    for _ in range(REPLICATES):
        histories = [groups[i] for i in draw.integers(len(groups), size=len(groups))]
        means.append(np.concatenate([draw.choice(part, len(part)) for part in histories]).mean())
    low, high = np.quantile(means, [0.025, 0.975])
    return float(np.concatenate(groups).mean()), float(low), float(high)


@dataclass(frozen=True)
class Point:
    """One requirement and how far it holds."""

    text: str
    measured: str
    passed: int | None = None
    cuts: int | None = None
    holds: bool | None = None  # over all, where the requirement is on a mean

    @property
    def verdict(self) -> str:
        if self.holds is not None:
            return "holds" if self.holds else "fails"
        return "holds" if self.passed == self.cuts else "fails"


def _each(text: str, gain: pd.Series, allowed: float) -> Point:
    """A requirement on every cut: the gain is not below -allowed; no list is a failure."""
    passed = gain >= -allowed
    worst = "nothing" if gain.isna().all() else f"{gain.min():+.3f}"
    return Point(text, f"lowest {worst}", int(passed.sum()), len(gain))


def _mean(text: str, gain: pd.Series, required: float) -> Point:
    mean, low, high = interval(gain)
    measured = f"{mean:+.4f} ({low:+.4f} to {high:+.4f})"
    return Point(text, measured, int((gain >= required).sum()), len(gain), mean >= required)


def _within(
    text: str, rows: pd.DataFrame, fine: Callable[[pd.DataFrame], pd.Series], measure: str
) -> Point:
    has = rows[rows[measure].notna()]
    if has.empty:
        return Point(text, "nothing to measure", 0, 0)
    low, middle, high = has[measure].quantile([0.1, 0.5, 0.9])
    measured = f"median {middle:.3f}, 80 % of cuts {low:.3f} to {high:.3f}"
    return Point(text, measured, int(fine(has).sum()), len(has))


def points(table: pd.DataFrame) -> list[Point]:
    """Every requirement, over the cuts that count."""
    rows = counted(table)
    own = rows[rows["contestant"] == OURS]
    lists = rows.drop_duplicates(KEYS)
    without = lists["ours"].astype(str).str.startswith("no list")
    result = [
        Point("a list at every cut", f"{int(without.sum())} without", int((~without).sum()),
              len(lists)),
    ]  # fmt: skip
    for measure, word in (("auc", "AUC"), ("average_precision", "average precision")):
        gain = against(rows, measure)["gain"]
        result += [
            _each(f"{word}: not below the best other by more than .005", gain, 0.005),
            _mean(f"{word}: above the best other by .01 on average", gain, 0.01),
            _each(
                f"{word}: not below BG/NBD or RFM + logistic by more than .002",
                against(rows, measure, list(SIMPLE))["gain"],
                0.002,
            ),
        ]
    result.append(
        _mean("log-loss: lower than the best other's", against(rows, "log_loss")["gain"], 0.0)
    )
    if "mae" in rows:
        result.append(_mean("MAE: lower than the best other's", against(rows, "mae")["gain"], 0.0))
    result += [
        _within(
            "ECE at most .03, or what sampling alone gives in 95 of 100",
            own,
            lambda rows: rows["ece"] <= rows["ece_by_chance"].clip(lower=0.03),
            "ece",
        ),
        _within("calibration slope .85 to 1.15", own, _between("slope", 0.85, 1.15), "slope"),
    ]
    if "bias" in own:
        result.append(_within("value bias .9 to 1.1", own, _between("bias", 0.9, 1.1), "bias"))
    if "coverage" in own:
        text = "the 80 % interval holds 76 to 84 %"
        result.append(_within(text, own, _between("coverage", 0.76, 0.84), "coverage"))
    return result


def _between(name: str, low: float, high: float) -> Callable[[pd.DataFrame], pd.Series]:
    return lambda rows: rows[name].between(low, high)
