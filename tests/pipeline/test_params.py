"""params.yaml: one line names the wrong key and the nearest known one."""

import pytest

from retention.core import events
from retention.core.errors import BadParams
from retention.core.params import EventMapping, parse_params

GOOD = """
time_zone: Europe/London
currency: GBP
sources:
  sales:
    path: sales.csv
    key: [receipt]
    types: {price: decimal}
    events: [{kind: purchase, customer_id: cust, occurred_at: sold_at}]
labels: {churn: {rule: silence}}
"""


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("currency", "curency", r"curency: unknown key \(nearest: currency"),
        ("occurred_at", "ocurred_at", r"events.0.ocurred_at: unknown key \(nearest: occurred_at"),
        ("rule: silence", "rule: silence, horizon: 3", r"horizon: unknown key \(nearest: hor"),
        ("rule: silence", "rule: silence, horizon_days: 90.5", "horizon_days: .*90.5"),
        ("rule: silence", 'rule: silence, horizon_days: "90"', "horizon_days: .*'90'"),
        ("decimal", "money", "types.price: .*money"),
        ("Europe/London", "Europe/Londn", r"no such time zone \(nearest: Europe/London"),
        ("currency: GBP", 'currency: GBP\nas_of: "2026-02-30"', "as_of: not a day of the calendar"),
        ("currency: GBP", "currency: GBP\nas_of: 2026-02-20", "as_of: write a date in quotes"),
        ("    key: [receipt]\n", "", "key: missing"),
        ("GBP", "[", "not YAML"),
    ],
)
def test_a_wrong_key_is_one_line_that_names_it(old: str, new: str, message: str) -> None:
    assert old in GOOD
    with pytest.raises(BadParams, match=message) as caught:
        parse_params(GOOD.replace(old, new, 1))
    assert caught.value.code == 2


def test_the_good_ones_are_good() -> None:
    assert parse_params(GOOD).sources["sales"].events[0].kind == "purchase"


def test_a_mapping_maps_every_event_column_that_ingest_does_not_make() -> None:
    fields = set(EventMapping.model_fields) - {"where", "changes", "currency", "unit", "deleted_at"}
    assert fields == set(events.MAPPABLE)
