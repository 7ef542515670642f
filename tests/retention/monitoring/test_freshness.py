"""Age of the data and of the model."""

import pyarrow as pa
import pytest

from pipeline.guard import guard
from retention.core import engine
from retention.core.params import EngineParams
from retention.monitoring import freshness, rhythm
from retention.monitoring.finding import OK, REFUSED, WARNED
from tests.support import documents
from tests.support.guards import YESTERDAY, daily, finding_of, guard_inputs, params_with


@pytest.mark.parametrize(
    ("days", "level"), [(0, OK), (3, OK), (4, WARNED), (14, WARNED), (15, REFUSED)]
)
def test_whole_days_without_data_are_counted(days: int, level: str) -> None:
    late = {"till": daily(YESTERDAY - days)}
    finding = finding_of(guard_inputs(label_days=late), guard="freshness")
    assert (finding.figure.split()[0], finding.level) == (str(days), level)
    assert bool(finding.banner) == (level != OK)


@pytest.mark.parametrize(("days", "level"), [(19, OK), (20, WARNED), (25, WARNED), (26, REFUSED)])
def test_a_source_may_be_silent_for_as_long_as_it_was_before(days: int, level: str) -> None:
    """Every twentieth day, 100 times: 19 silent days; a quarter more and 2 / 100 is 24 days."""
    sparse = {"till": daily(YESTERDAY - days, every=20, n=100)}
    limits = freshness.silence_limits(rhythm.rhythm(sparse["till"]), params_with().guard)
    assert limits == (19, int(19 * (1.25 + 2 / 20)))
    assert finding_of(guard_inputs(label_days=sparse), guard="freshness").level == level


def test_the_rhythm_is_that_of_the_last_year_where_it_has_enough_days() -> None:
    start = [0, 200]  # a silence of 199 days when the source was young
    assert rhythm.rhythm([*start, *daily(2000, n=300)]).longest_silence == 1500
    assert rhythm.rhythm([*start, *daily(2000, n=900)]).longest_silence == 0
    assert rhythm.rhythm([*start, *daily(2000, every=60, n=20)]).longest_silence == 659


def test_the_label_is_stale_when_all_its_sources_are_silent() -> None:
    """Sign-ups come rarely; that they are late, or that one shop of two is, refuses nothing."""
    shop, signups = daily(), daily(YESTERDAY - 60, every=10)
    for label_days in ({"shop": shop, "signups": signups}, {"signups": signups, "shop": shop}):
        findings = [
            finding
            for finding in guard(guard_inputs(label_days=label_days), params_with()).findings
            if finding.guard == "freshness"
        ]
        assert {finding.about: finding.level for finding in findings} == {
            "all sources of the label": OK,
            "shop": OK,
            "signups": WARNED,
        }
    both = {"shop": daily(YESTERDAY - 15), "signups": signups}
    inputs = guard_inputs(label_days=both)
    finding = finding_of(inputs, guard="freshness", about="all sources of the label")
    assert (finding.figure, finding.level) == ("15 days", REFUSED)


def test_only_events_of_the_label_known_before_the_day_give_the_rhythm() -> None:
    """A delivery months after the last order tells nothing about orders in between."""
    events = pa.table(
        {
            "source": ["till", "till", "till", "till", "letters", "ledger"],
            "kind": ["purchase", "purchase", "delivery", "purchase", "campaign", "purchase"],
            "known_day": pa.array([10, 10, 12, 20, 11, 11], pa.int32()),
        }
    )
    with engine.open_engine(EngineParams()) as open_engine:
        days = rhythm.label_days(open_engine, open_engine.load(events), params_with(), as_of=20)
    assert days == {"till": [10]}


@pytest.mark.parametrize(
    ("trained_to", "level"),
    [("2026-05-04", OK), ("2026-05-03", WARNED), ("2025-07-31", REFUSED)],
)
def test_a_model_ages_from_when_newer_outcomes_are_known(trained_to: str, level: str) -> None:
    champion = documents.champion_manifest(trained_to=trained_to)
    assert finding_of(guard_inputs(champion=champion), guard="model_age").level == level
