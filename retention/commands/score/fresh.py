"""Whether a day that followed the data is today: then guard freshness cannot tell, this can.

The one place where a day is held against the clock. A day that somebody asked for is not.
"""

import datetime as dt
from zoneinfo import ZoneInfo

from retention.commands.score import log
from retention.core.errors import BadInput, Guarded
from retention.core.params import GuardParams
from retention.monitoring.finding import OK, REFUSED, level_of

_TOMORROW = dt.timedelta(days=1)
"""Rows of today lead to a list of tomorrow."""


def today(time_zone: str) -> dt.date:
    """The day that it is in the company's time zone."""
    return dt.datetime.now(ZoneInfo(time_zone)).date()


def check(as_of: dt.date, now: dt.date, rules: GuardParams) -> None:
    """Hold the day after the last one known against today, by the limits of guard freshness.

    BadInput where the data ends in the future, Guarded where it ends too long ago and no override
    of that day says otherwise; a warning and an override are told.
    """
    days, ends = (now - as_of).days, as_of - dt.timedelta(days=1)
    if as_of > now + _TOMORROW:
        raise BadInput(
            f"the data ends in the future: it tells of {ends}, and today is {now}; mend the dates, "
            "or this machine's clock, or give the day with --as-of"
        )
    level = level_of(days, rules.stale_warn_days, rules.stale_refuse_days)
    told = f"guard freshness: the data ends on {ends}, {days} days before today, {now}"
    reason = rules.override.get("freshness") if rules.override_on == as_of else None
    if level == REFUSED and reason is None:
        raise Guarded(
            f"{told} (guard.stale_refuse_days: {rules.stale_refuse_days}). Nothing is published: "
            "deliver newer files; to go on all the same set guard.override: "
            f'{{freshness: "why, by whom"}} and guard.override_on: "{as_of}"'
        )
    if level == REFUSED:
        log.event("override", f"guard freshness is set aside: {reason}")
    if level != OK:
        log.event("stale", told)
