"""Days of which a file holds every row twice, where no key recognises a repeated row."""

import datetime as dt
from collections.abc import Iterator, Sequence

from retention.core import point_in_time
from retention.core.params import Params
from retention.monitoring.finding import OK, REFUSED, Finding
from retention.monitoring.own_past import widened
from retention.monitoring.rhythm import RepeatedDay


def repeated_rows(
    repeated_days: Sequence[RepeatedDay], params: Params, as_of: dt.date
) -> Iterator[Finding]:
    """The days that still count for the cohort, against every other day of the source.

    A day refuses if its repeated rows are more than `guard.repeated_refuse` of its rows, and more
    than other days of the source allow: equal purchases of one day are no fault by themselves.
    """
    first_day = point_in_time.day_number(as_of) - params.labels.churn.active_days
    for source in params.sources:
        days = [day for day in repeated_days if day.source == source]
        recent = [day for day in days if day.day >= first_day]
        if recent:
            worst = max(recent, key=lambda day: (day.repeated_share, day.repeated))
            yield _of_day(worst, [day for day in days if day != worst], params)


def _of_day(day: RepeatedDay, others: Sequence[RepeatedDay], params: Params) -> Finding:
    limit, n = params.guard.repeated_refuse, max(1, len(others))
    most_repeated = max((other.repeated for other in others), default=0)
    largest_share = max(
        (other.repeated_share for other in others if other.rows >= day.rows / 2), default=0.0
    )
    is_beyond = (
        limit is not None
        and day.repeated_share > max(limit, widened(largest_share, n))
        and day.repeated > max(1, widened(most_repeated, n))
    )
    return Finding(
        guard="repeated_rows",
        about=day.source,
        figure=f"{day.repeated:,} of {day.rows:,} rows of {point_in_time.date_of(day.day)}",
        limit="off" if limit is None else f"refuses above {limit:.0%} of a day",
        past=f"on other days at most {most_repeated:,}, {largest_share:.0%} of one as large",
        meaning="So many rows equal another row in everything.",
        level=REFUSED if is_beyond else OK,
        do=f"see whether {day.source} holds that day twice; a key would recognise the copies",
    )
