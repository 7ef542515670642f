"""Champion and challenger on the same customers of a time that neither has seen.

The challenger may take the champion's place when neither the profit of a campaign (EMPC) nor the
Brier score is worse beyond the interval of the difference, customers resampled in pairs.
"""

import datetime as dt
from dataclasses import asdict, dataclass
from typing import Any, Final, Literal

import pandas as pd

from models.components.base import Floats
from retention.stats import bootstrap
from retention.stats.bootstrap import Metric
from retention.training import metrics

Verdict = Literal["better", "no worse", "worse", "not comparable"]


def _empc(y: Floats, p: Floats) -> float:
    return metrics.empc(y, p).money


@dataclass(frozen=True)
class Measure:
    """title: in words. sign: 1 where more is better, -1 where less is."""

    title: str
    metric: Metric
    sign: int


MEASURES: Final = {
    "empc": Measure("EMPC", _empc, 1),
    "brier": Measure("Brier score", metrics.brier, -1),
}
"""What decides: a campaign's profit in money a customer, and the squared error of the chances."""


@dataclass(frozen=True)
class Compared:
    """One measure of both, and challenger less champion with its 95 % interval."""

    champion: float
    challenger: float
    difference: float
    low: float
    high: float

    def beyond(self, sign: int) -> int:
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
    """The verdict on the challenger. why: there is none; measures, by MEASURES, are empty then.

    customers, churners: of the snapshot measured_on.
    """

    verdict: Verdict
    measures: dict[str, Compared]
    measured_on: str | None = None
    customers: int = 0
    churners: int = 0
    why: str = ""

    def as_json(self) -> dict[str, Any]:
        return asdict(self)

    def figures(self) -> dict[str, float | None]:
        """Flat: empc_champion, ..., brier_high; null where nothing could be compared."""
        names = Compared.__dataclass_fields__
        return {
            f"{measure}_{name}": getattr(self.measures[measure], name) if self.measures else None
            for measure in MEASURES
            for name in names
        }

    def __str__(self) -> str:
        if not self.measures:
            return f"{self.verdict}: {self.why}"
        parts = (f"{MEASURES[name].title} {one}" for name, one in self.measures.items())
        return (
            f"{self.verdict} on {self.customers:,} customers of {self.measured_on}, "
            f"whom neither had seen: {'; '.join(parts)}"
        )


def not_comparable(
    why: str, measured_on: str | None = None, customers: int = 0, churners: int = 0
) -> Comparison:
    """No verdict, and why."""
    return Comparison("not comparable", {}, measured_on, customers, churners, why)


def has_seen(trained_to: str, measured_on: str, ripening: int) -> bool:
    """Whether a champion learnt from labels whose windows reach beyond the day that measures.

    trained_to: the last snapshot it learnt from; its labels were known `ripening` days later.
    """
    known = dt.date.fromisoformat(trained_to) + dt.timedelta(days=ripening)
    return known > dt.date.fromisoformat(measured_on)


def compare(both: pd.DataFrame, measured_on: str, least: int, n: int, seed: int) -> Comparison:
    """The verdict on the rows of one day: customer_id, churned, champion and challenger.

    champion, challenger: the chances of leaving that they give, all finite. least: churners below
    which nothing is said. n: resamples of the customers. The same rows, the same verdict.
    """
    left = int(both["churned"].sum())
    of = (measured_on, len(both), left)
    if left < least or left == len(both):
        why = f"not enough churners on {measured_on}: {left} of {len(both)}, need {least}"
        return not_comparable(why, *of)
    measures = {name: _compared(one.metric, both, n, seed) for name, one in MEASURES.items()}
    return Comparison(verdict(measures), measures, *of)


def _compared(metric: Metric, both: pd.DataFrame, n: int, seed: int) -> Compared:
    y, champion, challenger = (
        both[name].to_numpy(dtype=float) for name in ("churned", "champion", "challenger")
    )
    apart = bootstrap.paired_difference(
        metric, y, challenger, champion, both["customer_id"], n, seed
    )
    ends = (apart.difference, apart.low, apart.high)
    return Compared(metric(y, champion), metric(y, challenger), *ends)


def verdict(measures: dict[str, Compared]) -> Verdict:
    """worse where any measure is, better where any is and none is worse."""
    found = {one.beyond(MEASURES[name].sign) for name, one in measures.items()}
    return "worse" if -1 in found else "better" if 1 in found else "no worse"
