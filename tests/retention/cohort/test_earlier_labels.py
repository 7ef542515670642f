"""Labels as they stood on earlier days: only late facts change them, and only before known."""

from typing import Any

import narwhals as nw
import pyarrow as pa

from retention.cohort.earlier_labels import earlier_labels
from retention.cohort.labels import SCHEMA, label_cohort
from retention.core import artefacts, point_in_time
from retention.core.params import LabelParams
from tests.support import engines, histories

TODAY = histories.SNAPSHOT
LEARNING = [TODAY, TODAY + 40, TODAY + 90]
AS_OF = TODAY + 200


def earlier(table: str, **churn: Any) -> list[tuple[str, int, bool | None, float]]:
    """Customer, days from the snapshot to the later one, churned and value by its past alone."""
    label_params = LabelParams.model_validate(
        {
            "churn": {"rule": "silence", "active_days": 90, "horizon_days": 30} | churn,
            "value": {"horizon_days": 30},
        }
    )
    duck, typed = engines.duck(), histories.events(table)
    events = engines.frame(typed).filter(nw.col("known_day") < AS_OF)
    customers = sorted({row["customer_id"] for row in typed})
    snapshot_on = [point_in_time.date_of(TODAY)] * len(customers)
    cohorts = duck.load(pa.table({"customer_id": customers, "snapshot_on": snapshot_on}))
    known_events = point_in_time.as_known_at(events, AS_OF)
    today = label_cohort(cohorts.select("customer_id"), known_events, TODAY, label_params)
    final = duck.collect(today, ["customer_id"]).cast(SCHEMA)
    table_then = earlier_labels(duck, cohorts, events, LEARNING, label_params, final)
    artefacts.EARLIER_LABELS.schema.equals(table_then.schema)
    return [
        (
            row["customer_id"],
            point_in_time.day_number(row["known_before"]) - TODAY,
            row["churned"],
            row["value"],
        )
        for row in table_then.to_pylist()
    ]


def test_a_purchase_that_was_posted_late_was_none_before() -> None:
    history = """
        customer  | kind      | day | known | event | amount
        timely    | purchase  |  -5 |       |       | 1
        timely    | purchase  |  10 |       |       | 1
        late      | purchase  |  -5 |       |       | 1
        late      | purchase  |  10 |    60 |       | 8
        beyond    | purchase  |  -5 |       |       | 1
        beyond    | purchase  |  35 |    60 |       | 1
        withdrawn | purchase  |  -5 |       |       | 1
        withdrawn | purchase  |  12 |       | w     | 4
        withdrawn | withdrawn |  12 |    50 | w     |
        dearer    | purchase  |  -5 |       |       | 1
        dearer    | purchase  |  12 |       | d     | 4
        dearer    | purchase  |  12 |   100 | d     | 5
    """
    assert earlier(history) == [
        ("dearer", 40, False, 4.0),
        ("late", 40, True, 0.0),
        ("withdrawn", 40, False, 4.0),
        ("dearer", 90, False, 4.0),
    ]
    assert earlier(history, settle_days=60) == [("dearer", 90, False, 4.0)]


def test_an_end_that_was_entered_late_was_none_before() -> None:
    assert earlier(
        """
        customer | kind   | contract | day | known
        late     | start  | A        | -90 |
        late     | cancel | A        |  15 |    60
        before   | start  | A        | -90 |
        before   | cancel | A        |  -9 |    60
        timely   | start  | A        | -90 |
        timely   | cancel | A        |  15 |
        """,
        rule="cancel",
    ) == [("before", 40, False, 0.0), ("late", 40, False, 0.0)]
