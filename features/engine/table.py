"""The feature table of one snapshot: one row a customer of the cohort, one column a feature.

Each grain is aggregated once for all its features, the parts are joined to the cohort, the rules
for nulls and rounding are applied. Adding a feature changes nothing here.
"""

from collections.abc import Callable, Iterable, Sequence
from typing import Any

import narwhals as nw
import pyarrow as pa

from features.engine.base import CUSTOMER, DECIMALS, DERIVED, Feature, Grain, Past
from retention.core import artefacts, point_in_time
from retention.core.engine import Engine
from retention.core.params import ServiceParams
from retention.core.point_in_time import Frame, date_of

_MAX_JOINS = 6  # frames joined before the result is computed


def customer_attributes(table: Frame, snapshot: int) -> Frame:
    """Customers' attributes as known at a snapshot, one row a customer, in their newest version.

    Without a known_day only what was settled when the customer joined may be seen.
    """
    stamped, since = ~nw.col("known_day").is_null(), nw.col("known_day").fill_null(-1)
    versions = table.filter(since < snapshot).with_columns(since=since)
    newest = versions.filter(nw.col("since") == nw.col("since").max().over("customer_id"))
    joined = nw.col("joined_day") < snapshot
    settled = stamped | joined | nw.col("joined_day").is_null()
    return newest.select(
        "customer_id",
        tenure=nw.when(joined).then(snapshot - nw.col("joined_day")),
        acquisition_cost=nw.when(settled).then(nw.col("acquisition_cost")),
        acquisition_channel=nw.when(settled).then(nw.col("acquisition_channel")),
        region=nw.when(stamped).then(nw.col("region")),
        preferred_channel=nw.when(stamped).then(nw.col("preferred_channel")),
    )


def features_at(
    open_engine: Engine,
    events_frame: Frame,
    customers_frame: Frame,
    cohort: Frame,
    snapshot: int,
    features: list[Feature],
    restated: bool = True,
    service_params: ServiceParams | None = None,
) -> pa.Table:
    """The features of a cohort (customer_id) at one snapshot, from its past alone."""
    past = Past(
        point_in_time.as_known_at(events_frame, snapshot, restated),
        customer_attributes(customers_frame, snapshot),
        snapshot,
        open_engine.materialize,
        service_params or ServiceParams(),
    )
    since = open_engine.collect(past.first_days(), sort=["kind", "source"]).to_pylist()
    frame = compute(past, cohort, features, history_lengths(since, snapshot))
    table = open_engine.collect(frame, sort=["customer_id"])
    open_engine.release()
    return table


def history_lengths(first_days: Iterable[dict[str, Any]], snapshot: int) -> dict[str, int]:
    """Days of history per kind: since the first day of the sources that have it.

    `first_days` are the rows of `Past.first_days`. A source with any older event had no event of
    the kind until then, so its history of every kind begins with its first event.
    """
    rows = list(first_days)
    source_starts: dict[str, int] = {}
    for row in rows:
        start = source_starts.get(row["source"], row["first_day"])
        source_starts[row["source"]] = min(row["first_day"], start)
    lengths: dict[str, int] = {}
    for row in rows:
        length = snapshot - source_starts[row["source"]]
        lengths[row["kind"]] = max(length, lengths.get(row["kind"], length))
    return lengths


def compute(
    past: Past, cohort: Frame, features: Sequence[Feature], lengths: dict[str, int]
) -> Frame:
    """One row a customer of the cohort (customer_id): customer_id, snapshot_on, the features.

    `lengths` are the days of history per kind, see `history_lengths`.
    """
    on = nw.lit(date_of(past.snapshot), nw.Date())
    members = cohort.select("customer_id", snapshot_on=on)
    frame = join_all(past, members, aggregates(past, features, lengths))
    return finished(frame, features, lambda feature: null_rule(feature, lengths))


def aggregates(past: Past, features: Sequence[Feature], lengths: dict[str, int]) -> list[Frame]:
    """customer_id and the features of a grain, for each grain whose kinds have a source.

    It is one aggregation a grain, however many features read it.
    """
    parts = []
    for grain in dict.fromkeys(feature.grain for feature in features):
        if grain is CUSTOMER or any(kind in lengths for kind in grain.kinds):
            grain_features = [feature for feature in features if feature.grain is grain]
            parts.append(past.materialize(_aggregate(past, grain, grain_features)))
    return parts


def finished(
    frame: Frame, features: Sequence[Feature], rule: Callable[[Feature], nw.Expr]
) -> Frame:
    """The feature table from the aggregates of a cohort (customer_id, snapshot_on).

    rule: the column of a feature under its rule for nulls.
    """
    # nulls are settled before derived features read them, and rounding comes last
    plain = [feature for feature in features if feature.grain is not DERIVED]
    derived = [feature for feature in features if feature.grain is DERIVED]
    frame = frame.with_columns(**{feature.name: rule(feature) for feature in plain})
    if derived:
        frame = frame.with_columns(**{feature.name: feature.expr for feature in derived})
    return frame.select("customer_id", "snapshot_on", *(_round(feature) for feature in features))


def join_all(past: Past, cohort: Frame, parts: list[Frame]) -> Frame:
    """The cohort with the columns of all parts, a few joined at a time.

    An engine binds a whole chain of joins again with each one added: 31 in a row took 6 s.
    """
    while len(parts) > 1:
        batches = [parts[i : i + _MAX_JOINS] for i in range(0, len(parts), _MAX_JOINS)]
        ids = cohort.select("customer_id")
        parts = [past.materialize(_left_join(ids, batch)) for batch in batches]
    return _left_join(cohort, parts)


def _left_join(cohort: Frame, parts: list[Frame]) -> Frame:
    for part in parts:
        cohort = cohort.join(part, on="customer_id", how="left")
    return cohort


def _aggregate(past: Past, grain: Grain, features: Sequence[Feature]) -> Frame:
    columns = {feature.name: feature.expr for feature in features}
    if grain is CUSTOMER:
        return past.customers.select("customer_id", **columns)
    return past[grain].group_by("customer_id").agg(**columns)


def is_out_of_reach(feature: Feature, lengths: dict[str, int]) -> bool:
    """Whether the history is too short for a feature, or has none of its kinds."""
    if feature.grain in (CUSTOMER, DERIVED):
        return False
    kind_lengths = [lengths[kind] for kind in feature.grain.kinds if kind in lengths]
    return not kind_lengths or max(kind_lengths) < feature.reach


def null_rule(feature: Feature, lengths: dict[str, int]) -> nw.Expr:
    """The column under its rule for nulls."""
    return nw.lit(None, nw.Float64()) if is_out_of_reach(feature, lengths) else filled(feature)


def filled(feature: Feature) -> nw.Expr:
    """The column, with its value for customers without a row in the grain."""
    column = nw.col(feature.name)
    return column if feature.none is None else column.fill_null(feature.none)


def _round(feature: Feature) -> nw.Expr:
    if feature.unit == "category":
        return nw.col(feature.name).cast(nw.String())
    return nw.col(feature.name).cast(nw.Float64()).round(DECIMALS)


def feature_schema(features: list[Feature]) -> pa.Schema:
    """customer_id, snapshot_on, then the features in their declared order."""
    types = [
        (feature.name, pa.string() if feature.unit == "category" else pa.float64())
        for feature in features
    ]
    return pa.schema([*artefacts.FEATURES.schema, *types])
