"""Which features one pass computes, and from what: by grain, the measures of its rows."""

from collections.abc import Sequence
from dataclasses import dataclass

import narwhals as nw

from features.engine.base import Feature, Grain, Grouped, Weekly
from features.engine.expressions import Measure, Reader, UnreadableError
from retention.core.engine import Engine
from retention.core.point_in_time import Frame


@dataclass(frozen=True)
class Plan:
    """How the features of one grain follow from measures of its rows."""

    grain: Grain
    measures: dict[Measure, str]  # with the columns that hold them
    exprs: dict[str, nw.Expr]  # of those columns, by feature

    @property
    def rows(self) -> Grain:
        """The appended grain that is measured."""
        form = self.grain.form
        return form.rows if isinstance(form, (Grouped, Weekly)) else self.grain

    @property
    def is_there(self) -> str:
        """The column that says whether the customer has a row."""
        return f"{self.grain.name} rows"


def plans(features: Sequence[Feature], lags: dict[str, int]) -> list[Plan]:
    """What can be computed in one pass, by grain. lags: of `usual_lags`.

    The kinds of a grain become known by the same lag, or its rows do not stay in order.
    """
    planned = []
    for grain in dict.fromkeys(feature.grain for feature in features):
        if grain.form is None or len({lags[kind] for kind in grain.kinds if kind in lags}) != 1:
            continue
        reader, exprs = Reader(grain), {}
        for feature in features:
            if feature.grain is grain and feature.unit != "category":
                try:
                    exprs[feature.name] = reader.read(feature.expr)
                except UnreadableError:
                    continue
        if exprs:
            planned.append(Plan(grain, reader.measures, exprs))
    return planned


def usual_lags(open_engine: Engine, events: Frame) -> dict[str, int]:
    """Days after which an event of a kind becomes known, as most of them do."""
    lag = nw.col("known_day") - nw.col("occurred_day")
    counted = events.with_columns(lag=lag).group_by("kind", "lag").agg(events=nw.len())
    rows = open_engine.collect(counted, sort=["kind", "events", "lag"]).to_pylist()
    return {row["kind"]: int(row["lag"]) for row in rows}  # the last is the most frequent
