"""The table of features: its columns, the history of a source, the company's service levels."""

import pytest

from features.engine.table import feature_schema, history_lengths
from retention.core.params import ServiceParams
from tests.support import engines, histories
from tests.support.feature_tables import needed


def test_the_table_of_features_has_their_columns_in_order() -> None:
    declared = engines.declared()
    schema = feature_schema(declared)
    names = [feature.name for feature in declared]
    assert schema.names == ["customer_id", "snapshot_on", *names]
    table = engines.features_of([], [], ["anna"])
    assert table.cast(schema).num_rows == 1


def test_the_history_of_every_kind_of_a_source_begins_with_its_first_event() -> None:
    rows = [
        {"kind": "purchase", "source": "shop", "first_day": 50},
        {"kind": "purchase", "source": "web", "first_day": 90},
        {"kind": "return", "source": "web", "first_day": 80},
    ]
    assert history_lengths(rows, snapshot=100) == {"purchase": 50, "return": 20}


@pytest.mark.parametrize(
    ("hours", "days", "answered", "ended"), [(24, 5, 0.5, 0.5), (48, 8, 1.0, 1.0), (1, 0, 0.0, 0.0)]
)
def test_the_service_level_is_the_companys_own(
    hours: float, days: int, answered: float, ended: float
) -> None:
    events = histories.events("""
        customer | kind       | day | case | minute
        anna     | contact    | -50 | I    | 0
        anna     | response   | -49 | I    | 0
        anna     | resolution | -48 | I    | 0
        anna     | contact    | -40 | II   | 0
        anna     | response   | -38 | II   | 0
        anna     | resolution | -32 | II   | 0
    """)
    names = ["answered_in_time_90d", "ended_in_time_365d"]
    table = engines.features_of(
        [*events, *histories.source_start()],
        [],
        ["anna"],
        features=needed(names),
        service_params=ServiceParams(answer_hours=hours, resolution_days=days),
    )
    assert table.select(names).to_pylist() == [dict(zip(names, [answered, ended], strict=True))]
