"""Rows, rejects and columns beside the last run."""

from dataclasses import replace

import pytest

from pipeline.guard import guard, metrics
from retention.monitoring.finding import OK, REFUSED, WARNED
from tests.support.guards import LAST, RAW, finding_of, guard_inputs, own_past_of, params_with


@pytest.mark.parametrize(
    ("now", "then", "level"),
    [(500, 1000, OK), (499, 1000, REFUSED), (9, 29, WARNED), (1000, 0, OK)],
)
def test_more_than_half_the_rows_gone_refuses_unless_there_were_few(
    now: int, then: int, level: str
) -> None:
    before = LAST | {"sources": {"till": RAW | {"read": then}}}
    inputs = guard_inputs(published=[before], ingested={"till": RAW | {"read": now}})
    assert finding_of(inputs, guard="row_count", about="till").level == level


def test_watched_customers_count_as_rows_do() -> None:
    finding = finding_of(
        guard_inputs(published=[LAST | {"watched": 1000}]), about="active customers"
    )
    assert (finding.level, finding.figure) == (REFUSED, "400 (\u221260.0%)")


def runs_of(*rows: int) -> list[dict[str, object]]:
    """Published runs a month apart, the till of each with so many rows."""
    return [
        LAST | {"as_of": f"2026-0{month}-01", "sources": {"till": RAW | {"read": n}}}
        for month, n in enumerate(rows, start=2)
    ]


@pytest.mark.parametrize(
    ("rows", "limit"),
    [
        ([1000], "50%"),
        ([900, 1000], "40%"),
        ([700, 800, 900, 1000], "13%"),
        ([500, 600, 700, 800, 900, 1000], "10%"),
        ([1000, 700, 1000, 1000], "71%"),
    ],
    ids=["one run", "two", "four that grew", "six", "one that had fallen"],
)
def test_the_runs_before_say_by_how_much_rows_may_fall(rows: list[int], limit: str) -> None:
    """Half of a file that grew by 3 % since is no half of the last run's, and is refused."""
    inputs = guard_inputs(published=runs_of(*rows), ingested={"till": RAW | {"read": 515}})
    finding = finding_of(inputs, guard="row_count", about="till")
    assert finding.limit == f"refuses {limit} fewer"
    assert (finding.level == REFUSED) == (limit not in ("50%", "71%"))
    stated = finding_of(inputs, params_with(row_drop=0.6), guard="row_count", about="till")
    assert (stated.level, stated.limit) == (
        OK,
        f"refuses {'71' if limit == '71%' else '60'}% fewer",
    )


def test_a_cohort_may_fall_as_it_did_between_own_snapshots() -> None:
    inputs = guard_inputs(published=[LAST | {"watched": 1000}])
    reference = {**(inputs.reference or {}), "on": "2026-06-01"}
    past = own_past_of(watched={"2026-05-01": 1000, "2026-06-01": 700})
    season = replace(inputs, reference=reference | {"past": past})
    finding = finding_of(season, about="active customers")
    assert (finding.level, finding.limit) == (OK, "refuses 98% fewer")
    assert finding_of(inputs, about="active customers").level == REFUSED


def test_a_customers_file_cut_short_refuses_though_all_else_is_the_same() -> None:
    last = guard(guard_inputs(published=[], customers=1000), params_with()).run
    before = last | {"published_at": LAST["published_at"]}
    finding = finding_of(guard_inputs(published=[before], customers=400), about="customers file")
    assert (finding.guard, finding.level, finding.meaning) == (
        "row_count",
        REFUSED,
        "The last run had 1,000.",
    )
    same = guard(guard_inputs(published=[before], customers=1000), params_with())
    assert same.earlier == [], "it is that run itself"


def test_a_record_of_before_customers_were_counted_compares_nothing_of_them() -> None:
    assert finding_of(guard_inputs(customers=400), about="customers file").level == OK
    old = {
        key: value
        for key, value in guard(guard_inputs(), params_with()).run.items()
        if key != "customers"
    }
    assert guard(guard_inputs(published=[old], customers=400), params_with()).earlier == []


def test_a_limit_that_is_null_is_off() -> None:
    inputs = guard_inputs(ingested={"till": RAW | {"read": 10}})
    finding = finding_of(inputs, params_with(row_drop=None), guard="row_count", about="till")
    assert (finding.level, finding.limit) == (OK, "off")


def test_the_first_run_has_nothing_to_compare_with() -> None:
    report = guard(guard_inputs(published=[]), params_with())
    assert {finding.level for finding in report.findings} == {OK}
    assert metrics(report).root["drop"] is None


def test_a_source_that_is_gone_is_a_warning() -> None:
    before = LAST | {"sources": {"till": RAW, "web": RAW}}
    assert finding_of(guard_inputs(published=[before]), about="web").level == WARNED


@pytest.mark.parametrize(("rejected", "level"), [(30, OK), (31, WARNED)])
def test_three_times_the_rejects_is_a_warning(rejected: int, level: str) -> None:
    inputs = guard_inputs(ingested={"till": RAW | {"rejected": rejected}})
    assert finding_of(inputs, guard="rejects").level == level


def test_columns_that_came_or_went_are_noted() -> None:
    inputs = guard_inputs(ingested={"till": RAW | {"ignored_columns": ["voucher"]}})
    finding = finding_of(inputs, guard="schema", about="till")
    assert (finding.level, finding.figure) == (OK, "new: voucher, gone: note")
