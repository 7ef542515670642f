"""Champion and challenger on the same customers of snapshots that neither has seen.

The list ranks by chance and value, so both are compared, and the value interval too. The challenger
may take the champion's place when no measure can have lost more than a margin: the lower end of the
interval of the difference, customers resampled in pairs with all their days, lies above it. Of few
customers the margin is as wide as a model as good as the champion needs to pass: a loss that shows
is refused all the same. Where that were too wide, the company is too small and the champion stays.
"""

import datetime as dt
import math
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from typing import Final, Literal

import numpy as np
import pandas as pd
from scipy.stats import norm

from models.components.base import Floats
from models.components.interval import ValueInterval
from retention.core.documents.modelling import ComparisonReport
from retention.stats import weighted
from retention.stats.weighted import Weights
from retention.training import metrics, stacking
from retention.training.metric_intervals import MeasuredRows, paired
from retention.training.metrics import LITERATURE, CampaignMoney

Verdict = Literal["better", "no worse", "undecided", "worse", "not comparable"]
Metric = Callable[[Floats, Floats, Weights], float]
"""Of outcomes (churned, value) and predictions (chance, value, low, high), in columns; weights."""

LEVEL: Final = ValueInterval().level
LEAST_GAIN: Final = 0.1
"""A champion that gains less than this share of the loss of knowing nothing is taken to gain it."""
END: Final = float(norm.ppf(0.975))
POWER: Final = 0.9
"""The chance with which a measure of a model as good as the champion is to be within the margin."""


def _empc(money: CampaignMoney) -> Metric:
    return lambda y, p, weight: metrics.empc(y[:, 0], p[:, 0], weight, money).money


def _brier(y: Floats, p: Floats, weight: Weights) -> float:
    return metrics.brier(y[:, 0], p[:, 0], weight)


def _deviance(y: Floats, p: Floats, weight: Weights) -> float:
    return weighted.mean(stacking.tweedie_deviance(y[:, 1], p[:, 1], weight), weight)


def _interval(y: Floats, p: Floats, weight: Weights) -> float:
    return weighted.mean(metrics.interval_scores(y[:, 1], p[:, 2], p[:, 3], LEVEL), weight)


@dataclass(frozen=True)
class DecidingMeasure:
    """A measure that decides whether the challenger may score."""

    title: str
    sign: int  # 1 where more is better, -1 where less is


MEASURES: Final = {
    "empc": DecidingMeasure("EMPC", 1),
    "brier": DecidingMeasure("Brier score", -1),
    "value": DecidingMeasure("deviance of the value", -1),
    "interval": DecidingMeasure("score of the value interval", -1),
}
"""A campaign's profit in currency per customer; the squared error of the probabilities; the
Tweedie deviance of the expected value; width and misses of the value interval in currency."""


@dataclass(frozen=True)
class MeasureComparison:
    """One measure of both models; the fields are keys of JSON files."""

    champion: float
    challenger: float
    difference: float  # challenger less champion
    low: float  # 95 % interval of the difference
    high: float
    margin: float = 0.0  # that a challenger may lose
    power: float = 1.0  # the chance that one as good as the champion is shown to be no worse

    def direction(self, sign: int) -> int:
        """1 where the challenger is better beyond the interval, -1 where worse, else 0."""
        ends = (sign * self.low, sign * self.high)
        return 1 if min(ends) > 0 else -1 if max(ends) < 0 else 0

    def excludes_loss(self, sign: int) -> bool:
        """Whether the challenger cannot have lost more than the margin."""
        return min(sign * self.low, sign * self.high) >= -self.margin

    def __str__(self) -> str:
        return (
            f"{self.challenger:.4f} against {self.champion:.4f} "
            f"({self.difference:+.4f}, between {self.low:+.4f} and {self.high:+.4f}; it may lose "
            f"{self.margin:.4f}, which an equal model is shown not to in {self.power:.0%})"
        )


@dataclass(frozen=True)
class Comparison:
    """The verdict on the challenger; the fields are keys of JSON files."""

    verdict: Verdict
    measures: dict[str, MeasureComparison]  # by MEASURES; empty where nothing is comparable
    measured_on: str | None = None  # the newest snapshot
    customers: int = 0  # each counted once
    churners: int = 0
    why: str = ""  # why nothing is comparable

    def report(self) -> ComparisonReport:
        """The same for a JSON file."""
        return ComparisonReport.model_validate(asdict(self))

    def figures(self) -> dict[str, float | None]:
        """Flat: empc_champion, ..., brier_high; null where nothing could be compared."""
        names = MeasureComparison.__dataclass_fields__
        return {
            f"{measure}_{name}": getattr(self.measures.get(measure), name, None)
            for measure in MEASURES
            for name in names
        }

    def __str__(self) -> str:
        if not self.measures:
            return f"{self.verdict}: {self.why}"
        parts = (f"{MEASURES[name].title} {measure}" for name, measure in self.measures.items())
        return (
            f"{self.verdict} on {self.customers:,} customers of {self.measured_on}, "
            f"whom neither had seen: {'; '.join(parts)}"
        )


def not_comparable(
    why: str, measured_on: str | None = None, customers: int = 0, churners: int = 0
) -> Comparison:
    """A comparison without a verdict, and why there is none."""
    return Comparison("not comparable", {}, measured_on, customers, churners, why)


def has_seen(trained_to: dt.date, measured_on: dt.date, label_delay_days: int) -> bool:
    """Whether a champion was trained on labels whose windows reach beyond the test snapshot.

    trained_to: the last snapshot it was trained on; its labels matured `label_delay_days` later.
    """
    return trained_to + dt.timedelta(days=label_delay_days) > measured_on


def compare(
    predictions: pd.DataFrame,
    measured_on: str,
    min_churners: int,
    n: int,
    seed: int,
    margin: float = 0.1,
    money: CampaignMoney | None = LITERATURE,
    widest_margin: float = 0.5,
) -> Comparison:
    """The verdict on the customers of unseen snapshots.

    predictions: customer_id, churned, and the churn probabilities `champion` and `challenger`,
    all finite; where values are compared also value, and of both models `..._value`, `..._low` and
    `..._high`; for several days and weights see `MeasuredRows.from_frame`. min_churners: below it
    there is no verdict. n: resamples of the customers. margin: the share of what the champion gains
    over knowing nothing that may be lost; of few customers more, at most widest_margin. money: for
    EMPC, which is not compared without it. The same rows give the same verdict.
    """
    left = predictions["churned"].astype(bool)
    churners = predictions.loc[left, "customer_id"].nunique()
    customers = predictions["customer_id"].nunique()
    counts = (measured_on, customers, churners)
    if churners < min_churners or left.all():
        why = (
            f"not enough churners on {measured_on}: {churners} of {customers}, need {min_churners}"
        )
        return not_comparable(why, *counts)
    y = _columns(predictions, ["churned", "value"])
    both = [
        _columns(predictions, [name, f"{name}_value", f"{name}_low", f"{name}_high"])
        for name in ("champion", "challenger")
    ]
    sample = MeasuredRows.from_frame(predictions)
    measures = {}
    for name, metric in _metrics(y, both, money).items():
        difference = paired(metric, sample, y, both[1], both[0], n, seed)
        figures = [_over_days(metric, sample, y, p) for p in (*both, _knowing_nothing(y, sample))]
        nothing = 0.0 if name == "empc" else figures[2]
        gain = MEASURES[name].sign * (figures[0] - nothing)
        gained = max(gain, LEAST_GAIN * abs(nothing))
        may_lose = _may_lose(gained, difference.standard_error, margin, widest_margin)
        measures[name] = MeasureComparison(
            champion=figures[0],
            challenger=figures[1],
            difference=difference.difference,
            low=difference.low,
            high=difference.high,
            margin=may_lose,
            power=_power(may_lose, difference.standard_error),
        )
    return Comparison(verdict(measures), measures, *counts)


def _columns(predictions: pd.DataFrame, names: list[str]) -> Floats:
    """The columns as floats; nan where there is none."""
    return np.asarray(predictions.reindex(columns=names).to_numpy(dtype=float, na_value=np.nan))


def _metrics(y: Floats, both: list[Floats], money: CampaignMoney | None) -> Mapping[str, Metric]:
    """The measures that can be had of both models."""
    available: dict[str, Metric] = {} if money is None else {"empc": _empc(money)}
    available["brier"] = _brier
    has_value = all(np.isfinite(p[:, 1]).all() for p in both) and np.maximum(y[:, 1], 0).sum() > 0
    if has_value:
        available["value"] = _deviance
        if all(np.isfinite(p[:, 2:]).all() for p in both):
            available["interval"] = _interval
    return available


def _over_days(metric: Metric, sample: MeasuredRows, y: Floats, p: Floats) -> float:
    whole = sample.over_days(lambda y, p, weight: {"": metric(y, p, weight)})
    return whole(y, p, *sample.extras())[""]


def _knowing_nothing(y: Floats, sample: MeasuredRows) -> Floats:
    """Predictions that are the same for all: the base rate, the mean value and its quantiles."""
    rate, worth = (weighted.mean(y[:, column], sample.weight) for column in (0, 1))
    tail = (1 - LEVEL) / 2
    low, high = np.quantile(y[:, 1], [tail, 1 - tail]) if np.isfinite(worth) else (worth, worth)
    return np.tile([rate, worth, low, high], (len(y), 1))


def _may_lose(gained: float, standard_error: float, margin: float, widest_margin: float) -> float:
    """What a challenger may lose: the margin, or what an equal model needs to be shown to pass."""
    needed = (END + float(norm.ppf(POWER))) * standard_error
    usual = margin * gained
    if not math.isfinite(needed) or needed <= usual:
        return usual
    return min(needed, max(widest_margin, margin) * gained)


def _power(margin: float, standard_error: float) -> float:
    """The chance that the lower end of an equal model's interval lies above the margin."""
    if not math.isfinite(standard_error) or standard_error <= 0:
        return 1.0
    return float(norm.cdf(margin / standard_error - END))


def verdict(measures: dict[str, MeasureComparison]) -> Verdict:
    """No worse where no measure can have lost more than its margin, worse where one has lost.

    Better where it is no worse, and one measure has gained.
    """
    signed = [(measure, MEASURES[name].sign) for name, measure in measures.items()]
    directions = {measure.direction(sign) for measure, sign in signed}
    if all(measure.excludes_loss(sign) for measure, sign in signed):
        return "better" if 1 in directions else "no worse"
    return "worse" if -1 in directions else "undecided"
