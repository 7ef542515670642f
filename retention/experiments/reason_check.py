"""How often staff found the first reason of a row right, by theme."""

import narwhals as nw
import pandas as pd

from retention.core import artefacts
from retention.core.engine import Engine
from retention.core.events import ASSESSMENT
from retention.core.point_in_time import as_known_at
from retention.experiments.incremental import Estimate
from retention.experiments.report_data import ReasonAssessment
from retention.ledgers.outcomes import RATINGS
from retention.stats.intervals import wilson_interval


def read_assessments(open_engine: Engine, as_of: int) -> pd.DataFrame:
    """Read what staff said of the first reasons.

    Parameters
    ----------
    open_engine : Engine
    as_of : int
        A day number: what was entered later is not known.

    Returns
    -------
    DataFrame
        theme, rating (of RATINGS).
    """
    events = as_known_at(open_engine.scan(artefacts.EVENTS), as_of)
    assessed = events.filter(nw.col("kind") == ASSESSMENT).select(
        "event_id", "rating", theme="topic"
    )
    table: pd.DataFrame = open_engine.collect(assessed, sort=["event_id"]).to_pandas()
    return table[["theme", "rating"]]


def assess_reasons(assessments: pd.DataFrame) -> tuple[ReasonAssessment, ...]:
    """Count the assessments by theme.

    Parameters
    ----------
    assessments : DataFrame
        As `read_assessments` returns it.

    Returns
    -------
    tuple of ReasonAssessment
        The theme with most assessments first, then by name.
    """
    counts = [
        _of_theme(str(theme), [int((ratings == value).sum()) for value in RATINGS.values()])
        for theme, ratings in assessments.groupby("theme")["rating"]
    ]
    return tuple(sorted(counts, key=lambda count: (-count.n, count.theme)))


def _of_theme(theme: str, counts: list[int]) -> ReasonAssessment:
    yes, partly, no = counts
    n = sum(counts)
    low, high = wilson_interval([yes], [n])
    return ReasonAssessment(
        theme, yes, partly, no, Estimate(yes / n, float(low[0]), float(high[0]))
    )
