"""What a company's own past allows: the largest figure that it showed, and a margin.

The margin is the one rule of all guards that compare with the past: the fewer occasions there were,
the less likely is it that the largest was among them.
"""

import datetime as dt
import itertools
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

MARGIN: Final = 1.25
"""What many occasions allow, times the largest figure among them."""
MARGIN_OF_FEW: Final = 2.0
"""Is added to the margin, divided by the number of occasions: of n exchangeable figures a next one
is the largest with a chance of 1 / (n + 1)."""
SEASON_DAYS: Final = 45
"""Two days of the year no further apart are of one season."""
_YEAR: Final = 365.25


def widened(largest: float, n: int) -> float:
    """The limit that follows from the largest of n past figures; n at least 1."""
    return largest * (MARGIN + MARGIN_OF_FEW / n)


@dataclass(frozen=True)
class PastDrift:
    """The largest drift of the pairs of past snapshots as far apart as a list and its reference."""

    days: int  # between the snapshots of a pair
    n_pairs: int
    has_season: bool  # whether a pair ended in the season of the list
    psi: float | None  # of the scores
    points: float | None
    features: Mapping[str, float | None]
    largest_share: Mapping[str, float]  # by feature, that one value ever had

    def limit(self, figure: float | None) -> float | None:
        """The limit that follows from a largest figure; None without one.

        A past without this season counts as one pair, whatever the number of its pairs.
        """
        n = self.n_pairs if self.has_season else 1
        return None if figure is None else widened(figure, n)

    def describe(self) -> str:
        """Where the figures are from."""
        pairs = "1 pair" if self.n_pairs == 1 else f"{self.n_pairs} pairs"
        season = "" if self.has_season else ", none of this season"
        return f"{pairs} of own snapshots {self.days} days apart{season}"


def past_drift(reference: Mapping[str, Any], as_of: dt.date) -> PastDrift | None:
    """The pairs of a profile that are as far apart as its reference and as_of.

    Those of the nearest distance, with what lies within half a step of the calendar; of two the
    shorter, as most drift grows with time. None where the profile has no pair.
    """
    past = reference.get("past")
    if not past or not past["distances"]:
        return None
    wanted = (as_of - dt.date.fromisoformat(reference["on"])).days
    rows = past["distances"]
    nearest = min(rows, key=lambda row: (abs(row["days"] - wanted), row["days"]))
    step = _step(past["watched"])
    close = [row for row in rows if abs(row["days"] - nearest["days"]) <= step / 2]
    ends = [dt.date.fromisoformat(end) for row in close for end in row["ends"]]
    names = past["names"]
    return PastDrift(
        days=nearest["days"],
        n_pairs=len(ends),
        has_season=any(is_same_season(end, as_of) for end in ends),
        psi=_largest(row["psi"] for row in close),
        points=_largest(row["points"] for row in close),
        features={
            name: _largest(row["features"][i] for row in close) for i, name in enumerate(names)
        },
        largest_share=past["same"],
    )


def _step(watched: Mapping[str, int]) -> int:
    """Days between two neighbouring snapshots."""
    days = sorted(map(dt.date.fromisoformat, watched))
    return min(((later - day).days for day, later in itertools.pairwise(days)), default=0)


def _largest(figures: Any) -> float | None:
    return max((figure for figure in figures if figure is not None), default=None)


def is_same_season(day: dt.date, other: dt.date) -> bool:
    """Whether two days lie within SEASON_DAYS of each other in the year."""
    apart = abs((day - other).days) % _YEAR
    return min(apart, _YEAR - apart) <= SEASON_DAYS


def largest_fall(watched: Mapping[str, int], days: int) -> tuple[float, int] | None:
    """Largest share by which the cohort fell between own snapshots, and how many pairs there are.

    watched: customers by snapshot. days: between the two runs that are compared; the pairs are
    those at least as far apart, and nearest to that. None without a pair.
    """
    counts = sorted((dt.date.fromisoformat(day), n) for day, n in watched.items() if n)
    falls: dict[int, list[float]] = {}
    for i, (day, n) in enumerate(counts):
        for later, n_later in counts[i + 1 :]:
            falls.setdefault((later - day).days, []).append(max(0.0, 1 - n_later / n))
    long_enough = [distance for distance in falls if distance >= days] or [*falls]
    if not long_enough:
        return None
    nearest = falls[min(long_enough, key=lambda distance: abs(distance - days))]
    return max(nearest), len(nearest)
