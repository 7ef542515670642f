"""Age of the data and of the model."""

import pytest

from retention.monitoring.finding import OK, REFUSED, WARNED
from tests.support.guards import YESTERDAY, finding_of, guard_inputs


@pytest.mark.parametrize(
    ("days", "level"), [(0, OK), (3, OK), (4, WARNED), (14, WARNED), (15, REFUSED)]
)
def test_whole_days_without_data_are_counted(days: int, level: str) -> None:
    late = {"till": {"kinds": ["purchase"], "last_known_day": YESTERDAY - days}}
    finding = finding_of(guard_inputs(sources=late), guard="freshness")
    assert (finding.figure.split()[0], finding.level) == (str(days), level)
    assert bool(finding.banner) == (level != OK)


def test_only_the_sources_that_the_label_needs_must_be_fresh() -> None:
    old = YESTERDAY - 100
    sources = {
        "till": {"kinds": ["purchase"], "last_known_day": YESTERDAY + 5},
        "letters": {"kinds": ["campaign"], "last_known_day": old},
        "ledger": {"kinds": ["purchase"], "last_known_day": old},
    }
    finding = finding_of(guard_inputs(sources=sources), guard="freshness")
    assert (finding.about, finding.figure, finding.level) == ("till", "0 days", OK)


def test_later_events_of_another_kind_do_not_make_a_source_fresh() -> None:
    till = {
        "kinds": ["delivery", "purchase"],
        "last_known_day": YESTERDAY,
        "last_known_days": {"delivery": YESTERDAY, "purchase": YESTERDAY - 15},
    }
    finding = finding_of(guard_inputs(sources={"till": till}), guard="freshness")
    assert (finding.figure, finding.level) == ("15 days", REFUSED)


@pytest.mark.parametrize(
    ("trained_to", "level"),
    [("2026-05-04", OK), ("2026-05-03", WARNED), ("2025-07-31", REFUSED)],
)
def test_a_model_ages_from_when_newer_outcomes_are_known(trained_to: str, level: str) -> None:
    champion = {"models": "abc", "trained_to": trained_to}
    assert finding_of(guard_inputs(champion=champion), guard="model_age").level == level
