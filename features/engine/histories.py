"""What models of purchases and of contracts are fitted on: the histories of all customers.

Counts of customers with the same history, without ids. All who were ever seen belong to them: of a
cohort, which holds the recently active alone, nobody can learn how customers stop.
"""

from typing import Final

import narwhals as nw
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from features.engine.base import Past
from features.engine.grains import orders
from retention.cohort.episodes import contract_chains
from retention.core import artefacts, point_in_time
from retention.core.engine import Engine
from retention.core.params import ChurnLabel
from retention.core.point_in_time import Frame

SAMPLE_SIZE: Final = 50_000
"""Customers of a snapshot that are kept: a few parameters are not known better by more."""
HISTORY: Final = ("repeats", "last", "age", "ended")


def purchase_histories(past: Past) -> Frame:
    """Rule `silence`: customers by repeat purchase days, last and age, as BG/NBD takes them.

    Days are those of the features purchase_days, days_since_purchase and days_since_first_purchase.
    """
    days = past[orders].select("customer_id", "age").unique()
    return (
        days.group_by("customer_id")
        .agg(repeats=nw.len() - 1, age=nw.col("age").max(), newest=nw.col("age").min())
        .with_columns(last=nw.col("age") - nw.col("newest"), ended=nw.lit(None, nw.Boolean()))
        .group_by(*HISTORY)
        .agg(customers=nw.len())
    )


def contract_histories(past: Past) -> Frame:
    """Rule `cancel`: chains of contracts by their days until now, or until they ended.

    A chain ends when the label says that the customer left; a switch of contracts is no end. An end
    that is known in advance has not happened yet.
    """
    ended = nw.col("ends_on") < past.snapshot
    until = nw.when(ended).then(nw.col("ends_on")).otherwise(nw.lit(past.snapshot))
    none = nw.lit(None, nw.Int64())
    return (
        contract_chains(past.all_events)
        .filter(nw.col("begins") < past.snapshot)
        .with_columns(age=until - nw.col("begins"), ended=ended, repeats=none, last=none)
        .group_by(*HISTORY)
        .agg(customers=nw.len())
    )


def histories_at(
    open_engine: Engine, events: Frame, day: int, label: ChurnLabel, restated: bool = True
) -> pa.Table:
    """HISTORIES of one snapshot, from its past alone."""
    past_events = point_in_time.as_known_at(events, day, restated)
    past = Past(
        past_events, past_events, day, open_engine.materialize
    )  # no attribute of customers is read
    build = purchase_histories if label.rule == "silence" else contract_histories
    counted = open_engine.collect(build(past), sort=list(HISTORY))
    open_engine.release()
    return dated(counted, day)


def dated(counted: pa.Table, day: int) -> pa.Table:
    """HISTORIES of a snapshot, from the counts in the order of histories."""
    days = pa.array([point_in_time.date_of(day)] * len(counted), pa.date32())
    table = counted.append_column("snapshot_on", days).select(artefacts.HISTORIES.names)
    return thinned(table.cast(artefacts.HISTORIES.schema), SAMPLE_SIZE)


def thinned(table: pa.Table, sample_size: int) -> pa.Table:
    """Every so manieth customer, in the order of histories, so that at most so many are left.

    The shares of histories stay: of each as many are kept as its share gives, rounded up or down
    (systematic sampling). That needs no ids, and no engine's own random numbers.
    """
    ends = np.cumsum(table["customers"].to_numpy())
    if not len(ends) or ends[-1] <= sample_size:
        return table
    places = (np.arange(sample_size) + 0.5) * (ends[-1] / sample_size)
    counts = np.bincount(np.searchsorted(ends, places), minlength=len(ends))
    index = table.schema.get_field_index("customers")
    counted = table.set_column(index, table.schema.field(index), pa.array(counts))
    return counted.filter(pc.greater(counted["customers"], 0))
