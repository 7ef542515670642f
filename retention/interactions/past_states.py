"""The state of customers at past snapshots, of each only those who are asked about."""

import datetime as dt
from collections.abc import Iterator

import pandas as pd
import pyarrow as pa

from features.engine.base import Past
from features.engine.table import customer_attributes
from retention.core import point_in_time
from retention.core.engine import Engine
from retention.core.params import ServiceParams, ValueLabel
from retention.core.point_in_time import Frame
from retention.interactions.customer_state import customer_states
from retention.interactions.frames import CohortRows


def past_states(
    wanted: pd.DataFrame,
    events: Frame,
    attributes: Frame,
    open_engine: Engine,
    service_params: ServiceParams,
    value_label: ValueLabel,
    is_versioned: bool = True,
) -> pd.DataFrame:
    """Columns of `customer_states`, customer_id and snapshot_on: a row for each row of `wanted`.

    wanted: customer_id, snapshot_on. events, attributes: all of them, known whenever.
    """

    def states_of_days() -> Iterator[pd.DataFrame]:
        for snapshot_on, customers in wanted.groupby("snapshot_on"):
            ids = pa.table({"customer_id": pa.array(customers["customer_id"], pa.string())})
            cohort = open_engine.load(ids)
            day = point_in_time.day_number(dt.date.fromisoformat(str(snapshot_on)))
            own_events = events.join(cohort, on="customer_id", how="semi")
            known = point_in_time.as_known_at(own_events, day, is_versioned)
            past = Past(
                open_engine.materialize(known),
                customer_attributes(attributes, day),
                day,
                open_engine.materialize,
                service_params,
            )
            states = customer_states(CohortRows(past, open_engine, cohort), value_label)
            yield states.reset_index().assign(snapshot_on=snapshot_on)

    parts = list(states_of_days())
    return pd.concat(parts, ignore_index=True) if parts else wanted.iloc[:0].copy()
