"""What the scores have to hold, counted over cuts and over histories."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from benchmarks.out_of_time.prediction import PROJECT
from benchmarks.out_of_time.rivals import SIMPLE

MIN_OUTCOMES: Final = 10  # churners, and stayers, below which a cut is shown but not counted
REPLICATES, SEED = 1000, 7
KEYS: Final = ["history", "cut"]
HIGHER: Final = {"auc": 1, "average_precision": 1, "log_loss": -1, "mae": -1}


def counted(table: pd.DataFrame) -> pd.DataFrame:
    """The rows of cuts with enough of both outcomes to tell contestants apart."""
    fewer = np.minimum(table["churners"], table["customers"] - table["churners"])
    return table[fewer >= MIN_OUTCOMES]


def against(
    table: pd.DataFrame, measure: str, names: Sequence[str] = (), keys: Sequence[str] = KEYS
) -> pd.DataFrame:
    """Per cut (or other keys) ours, the best other's, and the gain over it: above 0 is better.

    For a loss the gain is relative, so that companies with other money can be averaged. Without a
    list of ours the gain is nan. Over several cuts the best other is the one with the best mean.
    """
    sign = HIGHER[measure]
    wide = table.pivot_table(
        index=list(keys), columns="contestant", values=measure, dropna=False
    ).reindex(table.set_index(list(keys)).index.unique())
    others = wide.drop(columns=PROJECT, errors="ignore")
    others = others[[name for name in names if name in others]] if names else others
    best = (others * sign).max(axis=1) * sign
    own = wide[PROJECT] if PROJECT in wide else pd.Series(np.nan, wide.index)
    gain = (own - best) * sign if sign > 0 else (best - own) / best
    frame = pd.DataFrame({"ours": own, "best": best, "gain": gain})[best.notna()]
    return frame.assign(name=(others[best.notna()] * sign).idxmax(axis=1))


def over_histories(table: pd.DataFrame, measure: str, names: Sequence[str] = ()) -> pd.Series:
    """The gain of each history's means over its cuts with a list."""
    lists = table.groupby(KEYS)["contestant"].transform(lambda names: PROJECT in set(names))
    return against(table[lists], measure, names, KEYS[:1])["gain"]


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
    passed: int  # cuts
    cuts: int
    histories: str = ""  # how many hold it in the mean of their cuts
    mean_holds: bool | None = None  # where the requirement is on the mean over all

    @property
    def verdict(self) -> str:
        holds = self.passed == self.cuts if self.mean_holds is None else self.mean_holds
        return "holds" if holds else "fails"


def _each(
    text: str, rows: pd.DataFrame, measure: str, allowed: float, names: Sequence[str] = ()
) -> Point:
    """A requirement on every cut: the gain is not below -allowed; no list is a failure."""
    beside = against(rows, measure, names)
    gain, means = beside["gain"], over_histories(rows, measure, names)
    highs = rows.set_index([*KEYS, "contestant"])[f"{measure}_high"]
    places = beside.set_index("name", append=True).index
    beyond = int((highs.reindex(places).to_numpy() < -allowed).sum())
    lowest = "nothing" if gain.isna().all() else f"lowest {gain.min():+.3f}"
    return Point(
        text,
        f"{lowest}; below it beyond chance: {beyond}",
        int((gain >= -allowed).sum()),
        len(gain),
        f"{int((means >= -allowed).sum())} of {len(means)}",
    )


def _mean(text: str, rows: pd.DataFrame, measure: str, required: float) -> Point:
    """A requirement on the mean over all cuts with a list."""
    gain, means = against(rows, measure)["gain"], over_histories(rows, measure)
    mean, low, high = interval(gain)
    return Point(
        text,
        f"{mean:+.4f} ({low:+.4f} to {high:+.4f})",
        int((gain >= required).sum()),
        len(gain),
        f"{int((means >= required).sum())} of {len(means)}",
        mean >= required,
    )


def _within(
    text: str, rows: pd.DataFrame, fine: Callable[[pd.DataFrame], pd.Series], measure: str
) -> Point:
    has = rows[rows[measure].notna()]
    if has.empty:
        return Point(text, "nothing to measure", 0, 0)
    low, middle, high = has[measure].quantile([0.1, 0.5, 0.9])
    means = has.groupby("history").mean(numeric_only=True)
    histories = f"{int(fine(means).sum())} of {len(means)}"
    measured = f"median {middle:.3f}, 80 % of cuts {low:.3f} to {high:.3f}"
    return Point(text, measured, int(fine(has).sum()), len(has), histories)


def points(table: pd.DataFrame) -> list[Point]:
    """Every requirement, over the cuts that count."""
    rows = counted(table)
    own = rows[rows["contestant"] == PROJECT]
    lists = rows.drop_duplicates(KEYS)
    without = lists["ours"].astype(str).str.startswith("no list")
    result = [
        Point("a list at every cut", f"{int(without.sum())} without", int((~without).sum()),
              len(lists)),
    ]  # fmt: skip
    for measure, word in (("auc", "AUC"), ("average_precision", "average precision")):
        simple = f"{word}: not below BG/NBD or RFM + logistic by more than .002"
        result += [
            _each(f"{word}: not below the best other by more than .005", rows, measure, 0.005),
            _mean(f"{word}: above the best other by .01 on average", rows, measure, 0.01),
            _each(simple, rows, measure, 0.002, SIMPLE),
        ]
    for measure, word in (("log_loss", "log-loss"), ("mae", "MAE")):
        if measure in rows and rows[measure].notna().any():
            text = f"{word}: lower than the best other's, on average"
            result.append(_mean(text, rows, measure, 0.0))
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
