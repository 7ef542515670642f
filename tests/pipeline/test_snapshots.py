"""Stage `snapshots`: a cohort for each snapshot of the calendar."""

from pipeline.snapshots import snapshots
from retention.cohort.calendar import Calendar
from retention.core.params import ChurnLabel
from tests.support import engines, histories

TODAY = histories.SNAPSHOT


def test_every_snapshot_of_the_calendar_gets_its_own_cohort_and_as_of_too() -> None:
    history = engines.frame(
        histories.events("""
        customer | kind     | day
        anna     | purchase | -60
        bert     | purchase | -20
    """)
    )
    label = ChurnLabel(rule="silence", kinds=["purchase"], active_days=30, horizon_days=10)
    calendar = Calendar(learning=[TODAY - 40, TODAY - 10], as_of=TODAY, immature=0)
    frames = snapshots(history, calendar, label, restated=True)
    rows = [
        (str(row["snapshot_on"]), row["customer_id"])
        for frame in frames
        for row in engines.collected(frame)
    ]
    assert rows == [("2023-11-22", "anna"), ("2023-12-22", "bert"), ("2024-01-01", "bert")]
