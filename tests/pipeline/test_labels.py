"""Stage `labels`: labels for each mature snapshot, and the count of who is dropped and why."""

import pyarrow as pa

from pipeline.labels import label_counts, labels
from retention.cohort.calendar import Calendar
from retention.cohort.labels import ENDED_EARLIER, ENDED_IN_GAP, SCHEMA
from retention.core import point_in_time
from retention.core.params import LabelParams
from tests.support import engines, histories

TODAY = histories.SNAPSHOT


def test_each_snapshot_to_learn_from_has_the_labels_of_its_own_cohort() -> None:
    label_params = LabelParams.model_validate(
        {
            "churn": {"rule": "cancel", "active_days": 90, "horizon_days": 30, "gap_days": 7},
            "value": {"horizon_days": 30},
        }
    )
    history = engines.frame(
        histories.events("""
        customer   | kind   | contract | day  | known
        in the gap | start  | A        | -90  |
        in the gap | cancel | A        |   3  |
        earlier    | start  | A        | -90  |
        earlier    | cancel | A        |  -5  |     9
        churned    | start  | A        | -90  |
        churned    | cancel | A        |  20  |
        stays      | start  | A        | -90  |
    """)
    )
    days = {TODAY - 60: ["stays"], TODAY: ["in the gap", "earlier", "churned", "stays"]}
    cohorts = pa.table(
        {
            "customer_id": [customer for customers in days.values() for customer in customers],
            "snapshot_on": [
                point_in_time.date_of(day) for day, customers in days.items() for _ in customers
            ],
        }
    )
    as_of = TODAY + 400
    frames = labels(
        engines.duck().load(cohorts),
        point_in_time.as_known_at(history, as_of),
        Calendar(learning=list(days), as_of=as_of, immature=1),
        label_params,
    )
    tables = [engines.duck().collect(frame, ["customer_id"]).cast(SCHEMA) for frame in frames]
    assert [len(table) for table in tables] == [1, 4]
    assert label_counts(pa.concat_tables(tables)) == {
        "rows": 3,
        "churned": 1,
        "arms": {"contacted": 0, "held_out": 0, "contacted_undrawn": 0},
        "dropped": {ENDED_EARLIER: 1, ENDED_IN_GAP: 1},
    }
