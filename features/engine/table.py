"""Stage `features`: every declared feature of every watched customer at every snapshot."""

import narwhals as nw
import pyarrow as pa

from features.engine.base import Feature, Past, compute, history_lengths
from retention.core import engine, point_in_time
from retention.core.params import ServiceParams
from retention.core.point_in_time import Frame


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
    open_engine: engine.Engine,
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


def feature_schema(features: list[Feature]) -> pa.Schema:
    """customer_id, snapshot_on, then the features in their declared order."""
    types = [
        (feature.name, pa.string() if feature.unit == "category" else pa.float64())
        for feature in features
    ]
    return pa.schema([("customer_id", pa.string()), ("snapshot_on", pa.date32()), *types])
