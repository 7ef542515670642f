"""A company's history, and its snapshots computed each anew."""

from collections.abc import Iterator
from dataclasses import dataclass

import narwhals as nw
import pyarrow as pa

from features.engine import histories
from features.engine.base import Feature, Past
from features.engine.table import customer_attributes, features_at
from retention.core import point_in_time
from retention.core.engine import Engine
from retention.core.params import ChurnLabel, ServiceParams
from retention.core.point_in_time import Frame


@dataclass(frozen=True)
class CompanyHistory:
    """What the snapshots of a company are computed from."""

    events: Frame
    customers: Frame
    cohorts: Frame  # customer_id, snapshot_on
    features: list[Feature]
    label: ChurnLabel
    service_params: ServiceParams
    restated: bool = True  # whether some event has more than one version

    def cohort(self, day: int) -> Frame:
        """customer_id, snapshot_on of a snapshot."""
        on = point_in_time.date_of(day)
        members = self.cohorts.filter(nw.col("snapshot_on") == on)
        return members.select("customer_id", "snapshot_on")

    def past(self, open_engine: Engine, day: int) -> Past:
        """What is known at a snapshot."""
        return Past(
            point_in_time.as_known_at(self.events, day, self.restated),
            customer_attributes(self.customers, day),
            day,
            open_engine.materialize,
            self.service_params,
        )

    def histories_at(self, open_engine: Engine, day: int) -> pa.Table:
        """HISTORIES of a snapshot."""
        return histories.histories_at(open_engine, self.events, day, self.label, self.restated)


@dataclass(frozen=True)
class Each:
    """Each snapshot computed from the events that it sees."""

    engine: Engine
    history: CompanyHistory

    def tables_at(self, day: int) -> Iterator[pa.Table]:
        """The feature table of a snapshot."""
        yield features_at(
            self.engine,
            self.history.events,
            self.history.customers,
            self.history.cohort(day),
            day,
            self.history.features,
            self.history.restated,
            self.history.service_params,
        )

    def histories_at(self, day: int) -> pa.Table:
        """HISTORIES of a snapshot."""
        return self.history.histories_at(self.engine, day)
