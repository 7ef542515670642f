"""How far a company's own past snapshots moved from each other: what the guards compare with.

Every pair of snapshots in the feature table, the day of training included, is measured as a guard
measures a list: the earlier one is the reference, the later one is the cohort, and one model, the
one that will score, gives the probabilities of both. The pairs that end on the day of training
hold what a fit alone does to scores: the earlier snapshot was fitted on, the later one was not.
Pairs are kept by the days between their two snapshots. A list is judged by those as far apart as
itself and the reference: for a fresh champion that is the delay of the labels.
"""

import datetime as dt
from collections import defaultdict
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any, Final

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from models.components.scorer import Scorer
from retention.core import feature_table
from retention.training import profile
from retention.training.profile import Shares

MAX_ROWS: Final = 20_000
"""Customers of a snapshot that are measured, evenly spaced by id: chance alone moves the PSI of
so many by 0.003."""
_DIGITS: Final = 4

Cohorts = Sequence[pa.Table]  # FEATURES of each snapshot, oldest first
Pair = tuple[int, int]  # positions of the two snapshots


@dataclass(frozen=True)
class Pairs:
    """The pairs of snapshots at least as far apart as the reference and the day of training."""

    days: Sequence[dt.date]  # of all snapshots, oldest first
    min_days: int

    def __iter__(self) -> Iterator[Pair]:
        for i in range(len(self.days)):
            for j in self.after(i):
                yield i, j

    def after(self, i: int) -> list[int]:
        """The snapshots that snapshot i is compared with."""
        later = range(i + 1, len(self.days))
        return [j for j in later if self.distance(i, j) >= self.min_days]

    def distance(self, i: int, j: int) -> int:
        """Days between two snapshots."""
        return (self.days[j] - self.days[i]).days

    def by_distance(self) -> dict[int, list[Pair]]:
        """The pairs by the days between them, the nearest first."""
        groups = defaultdict(list)
        for i, j in self:
            groups[self.distance(i, j)].append((i, j))
        return dict(sorted(groups.items()))


def own_past(features: pa.Table, scorer: Scorer, reference_day: dt.date) -> dict[str, Any]:
    """The drift between the company's own past snapshots.

    Parameters
    ----------
    features : Table
        One row per customer and snapshot; the newest snapshot is the day of training.
    scorer : Scorer
        Fitted on the snapshots up to `reference_day`.
    reference_day : date
        The newest snapshot with mature labels.

    Returns
    -------
    dict
        `watched`: customers by snapshot. `same`: by feature, the largest share of a cohort that
        ever had one value, null being one. `names`: of the features. `distances`: a row for each
        distance that occurs, with `days`, `ends` (the later days of its pairs), and the largest
        figure of these pairs: `psi` and `points` of the scores, and `features`, in the order of
        `names`. A feature that the earlier snapshot of every pair has constant has null.
    """
    days = sorted(features["snapshot_on"].unique().to_pylist())
    whole = [features.filter(pc.equal(features["snapshot_on"], pa.scalar(day))) for day in days]
    cohorts = [_evenly_spaced(cohort) for cohort in whole]
    pairs = Pairs(days, min_days=(days[-1] - reference_day).days)
    names = [name for name in features.column_names if name not in feature_table.KEYS]
    scores = [np.sort(scorer.probability(feature_table.matrix(cohort))) for cohort in cohorts]
    quantiles = [profile.score_quantiles(p) for p in scores]
    score_psi = _number_figures(scores, [len(p) for p in scores], pairs)
    figures, largest_shares = {}, {}
    for name in names:
        columns = [cohort[name] for cohort in cohorts]
        figures[name], largest_shares[name] = _column_figures(columns, pairs)
    return {
        "watched": {str(day): len(cohort) for day, cohort in zip(days, whole, strict=True)},
        "same": largest_shares,
        "names": names,
        "distances": [
            {
                "days": distance,
                "ends": [str(days[j]) for _, j in members],
                "psi": _largest(score_psi, members),
                "points": _largest(
                    {
                        (i, j): profile.score_shift(quantiles[i], quantiles[j])
                        for i, j in members
                        if len(quantiles[i]) and len(quantiles[j])
                    },
                    members,
                ),
                "features": [_largest(figures[name], members) for name in names],
            }
            for distance, members in pairs.by_distance().items()
        ],
    }


def _evenly_spaced(cohort: pa.Table) -> pa.Table:
    """At most MAX_ROWS customers, evenly spaced by id."""
    if len(cohort) <= MAX_ROWS:
        return cohort
    rows = np.linspace(0, len(cohort) - 1, MAX_ROWS).astype(np.int64)
    return cohort.sort_by("customer_id").take(pa.array(rows))


def _column_figures(columns: Sequence[pa.Array], pairs: Pairs) -> tuple[dict[Pair, float], float]:
    """Drift of a feature in every pair, and the largest share that ever had one value."""
    counts = [pc.max(pc.value_counts(column).field("counts")).as_py() or 0 for column in columns]
    largest_share = max(
        (n / len(column) for n, column in zip(counts, columns, strict=True) if len(column)),
        default=1.0,
    )
    never_varied = all(n == len(column) for n, column in zip(counts, columns, strict=True))
    if never_varied:
        return {}, 1.0
    numeric = not pa.types.is_string(columns[0].type)
    figures = (
        _number_figures([_present(column) for column in columns], [*map(len, columns)], pairs)
        if numeric
        else _category_figures(columns, pairs)
    )
    return figures, round(largest_share, _DIGITS)


def _present(column: pa.Array) -> Shares:
    """The values of a column of numbers without nulls, ascending."""
    values = column.cast(pa.float64()).to_numpy()
    return np.sort(values[~np.isnan(values)])


def _number_figures(
    values: Sequence[Shares], rows: Sequence[int], pairs: Pairs
) -> dict[Pair, float]:
    """PSI of a number in every pair. values: of each snapshot, ascending, without nulls."""
    figures = {}
    for i, later in ((i, pairs.after(i)) for i in range(len(values))):
        edges = profile.bin_edges(values[i])
        then = _shares(values[i], rows[i], edges)
        if not later or (then > 0).sum() < 2:
            continue
        smoothed_then = profile.smoothed(then, rows[i])
        for j in later:
            now = profile.smoothed(_shares(values[j], rows[j], edges), rows[j])
            figures[i, j] = float(profile.psi(smoothed_then, now))
    return figures


def _shares(values: Shares, rows: int, edges: Shares) -> Shares:
    """Shares of all rows in the bins, null last. values: ascending, so that bins are slices."""
    up_to = np.searchsorted(values, edges, side="right")
    counts = np.diff(np.concatenate([[0], up_to, [len(values), rows]]))
    return np.asarray(counts / max(1, rows))


def _category_figures(columns: Sequence[pa.Array], pairs: Pairs) -> dict[Pair, float]:
    """Jensen-Shannon distance of a category in every pair."""
    shares = [profile.category_shares(column.to_pandas()) for column in columns]
    return {(i, j): profile.distance(shares[i], shares[j]) for i, j in pairs if len(shares[i]) > 1}


def _largest(figures: dict[Pair, float], members: Sequence[Pair]) -> float | None:
    """The largest figure of some pairs; None where none of them has one."""
    measured = [figures[pair] for pair in members if pair in figures]
    return round(max(measured), _DIGITS) if measured else None
