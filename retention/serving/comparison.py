"""Champion and challenger on the same customers of a snapshot that neither has seen.

The challenger may take the champion's place when neither the profit of a campaign (EMPC) nor the
Brier score is worse beyond the interval of the difference, customers resampled in pairs.
"""

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Final, Literal

import pandas as pd

from models.components.base import Floats
from retention.core.documents.modelling import ComparisonReport
from retention.stats import bootstrap
from retention.stats.bootstrap import Metric
from retention.training import metrics

Verdict = Literal["better", "no worse", "worse", "not comparable"]


def _empc(y: Floats, p: Floats) -> float:
    return metrics.empc(y, p).money


@dataclass(frozen=True)
class DecidingMeasure:
    """A measure that decides whether the challenger may score."""

    title: str
    metric: Metric
    sign: int  # 1 where more is better, -1 where less is


MEASURES: Final = {
    "empc": DecidingMeasure("EMPC", _empc, 1),
    "brier": DecidingMeasure("Brier score", metrics.brier, -1),
}
"""A campaign's profit in currency per customer, and the squared error of the probabilities."""


@dataclass(frozen=True)
class MeasureComparison:
    """One measure of both models; the fields are keys of JSON files."""

    champion: float
    challenger: float
    difference: float  # challenger less champion
    low: float  # 95 % interval of the difference
    high: float

    def direction(self, sign: int) -> int:
        """1 where the challenger is better beyond the interval, -1 where worse, else 0."""
        ends = (sign * self.low, sign * self.high)
        return 1 if min(ends) > 0 else -1 if max(ends) < 0 else 0

    def __str__(self) -> str:
        return (
            f"{self.challenger:.4f} against {self.champion:.4f} "
            f"({self.difference:+.4f}, between {self.low:+.4f} and {self.high:+.4f})"
        )


@dataclass(frozen=True)
class Comparison:
    """The verdict on the challenger; the fields are keys of JSON files."""

    verdict: Verdict
    measures: dict[str, MeasureComparison]  # by MEASURES; empty where nothing is comparable
    measured_on: str | None = None  # the snapshot
    customers: int = 0  # of the snapshot
    churners: int = 0
    why: str = ""  # why nothing is comparable

    def report(self) -> ComparisonReport:
        """The same for a JSON file."""
        return ComparisonReport.model_validate(asdict(self))

    def figures(self) -> dict[str, float | None]:
        """Flat: empc_champion, ..., brier_high; null where nothing could be compared."""
        names = MeasureComparison.__dataclass_fields__
        return {
            f"{measure}_{name}": getattr(self.measures[measure], name) if self.measures else None
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
    predictions: pd.DataFrame, measured_on: str, min_churners: int, n: int, seed: int
) -> Comparison:
    """The verdict on the customers of one snapshot.

    predictions: customer_id, churned, and the churn probabilities `champion` and `challenger`,
    all finite. min_churners: below it there is no verdict. n: resamples of the customers. The same
    rows give the same verdict.
    """
    churners = int(predictions["churned"].sum())
    counts = (measured_on, len(predictions), churners)
    if churners < min_churners or churners == len(predictions):
        why = (
            f"not enough churners on {measured_on}: {churners} of {len(predictions)}, "
            f"need {min_churners}"
        )
        return not_comparable(why, *counts)
    measures = {
        name: _compare_measure(measure.metric, predictions, n, seed)
        for name, measure in MEASURES.items()
    }
    return Comparison(verdict(measures), measures, *counts)


def _compare_measure(
    metric: Metric, predictions: pd.DataFrame, n: int, seed: int
) -> MeasureComparison:
    y, champion, challenger = (
        predictions[name].to_numpy(dtype=float) for name in ("churned", "champion", "challenger")
    )
    paired = bootstrap.paired_difference(
        metric, y, challenger, champion, predictions["customer_id"], n, seed
    )
    return MeasureComparison(
        champion=metric(y, champion),
        challenger=metric(y, challenger),
        difference=paired.difference,
        low=paired.low,
        high=paired.high,
    )


def verdict(measures: dict[str, MeasureComparison]) -> Verdict:
    """worse where any measure is, better where any is and none is worse."""
    directions = {measure.direction(MEASURES[name].sign) for name, measure in measures.items()}
    return "worse" if -1 in directions else "better" if 1 in directions else "no worse"
