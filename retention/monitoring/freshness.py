"""Age of the data and of the model on as_of; the clock of the machine plays no part."""

import datetime as dt
from dataclasses import replace
from typing import Final

from retention.core import point_in_time
from retention.core.params import GuardParams, LabelParams
from retention.i18n.language import Language
from retention.monitoring.finding import OK, REFUSED, WARNED, Finding, format_limits, level_of
from retention.monitoring.own_past import widened
from retention.monitoring.rhythm import LabelDays, Rhythm, rhythm, together

_ALL: Final = "all sources of the label"


def freshness(
    label_days: LabelDays, as_of: dt.date, guard_params: GuardParams, language: Language
) -> list[Finding]:
    """Whole days before as_of without the churn label's kinds, for each source that has them.

    A source that ends yesterday is 0 days old. It is stale when it is silent for longer than its
    own rhythm allows. Where several sources have the label's kinds, a stale one only warns, and
    what refuses is a silence of all of them together, by the rhythm that they have together.
    """
    by_source = [
        _silence(source, rhythm(days), as_of, guard_params, language)
        for source, days in label_days.items()
        if days
    ]
    if len(by_source) < 2:
        return by_source
    whole = _silence(_ALL, rhythm(together(label_days)), as_of, guard_params, language)
    return [whole, *(_warned_at_most(finding) for finding in by_source)]


def silence_limits(of_source: Rhythm, guard_params: GuardParams) -> tuple[int | None, int | None]:
    """Days of silence above which a source warns and refuses; None is no limit.

    The limits of params, or those of the source's own rhythm where these are wider: a source may
    be silent for as long as before without a warning, and for as much longer as `widened` allows
    without a refusal.
    """
    longest, n = of_source.longest_silence, of_source.n_silences
    allowed = int(widened(longest, n)) if n else 0
    warn, refuse = guard_params.stale_warn_days, guard_params.stale_refuse_days
    return (
        None if warn is None else max(warn, longest),
        None if refuse is None else max(refuse, allowed),
    )


def _silence(
    source: str, of_source: Rhythm, as_of: dt.date, guard_params: GuardParams, language: Language
) -> Finding:
    days = max(0, point_in_time.day_number(as_of) - of_source.last_day - 1)
    warn, refuse = silence_limits(of_source, guard_params)
    level = level_of(days, warn, refuse)
    last = point_in_time.date_of(of_source.last_day)
    banner = language.ngettext(
        "The data ends {n} day before this list: what customers did since is not known.",
        "The data ends {n} days before this list: what customers did since is not known.",
        days,
    )
    return Finding(
        guard="freshness",
        about=source,
        figure=_days(days),
        limit=format_limits(_limit(warn), _limit(refuse)),
        past=f"at most {_days(of_source.longest_silence)} of {of_source.n_silences} silences",
        meaning=f"The last day in {source} is {last}.",
        level=level,
        do=f"deliver a newer {source}, or set as_of to the day after its last",
        banner="" if level == OK else banner,
    )


def _warned_at_most(finding: Finding) -> Finding:
    """A stale source among others: the list rests on all of them."""
    return replace(finding, level=WARNED) if finding.level == REFUSED else finding


def model_age(
    trained_to: dt.date,
    as_of: dt.date,
    labels: LabelParams,
    guard_params: GuardParams,
    language: Language,
) -> Finding:
    """Days since outcomes are known that are newer than those the champion was trained on."""
    days = max(0, (as_of - trained_to).days - point_in_time.label_delay_days(labels))
    level = level_of(days, guard_params.model_warn_days, guard_params.model_refuse_days)
    banner = language.ngettext(
        "The model has not learnt from the outcomes of the last {n} day.",
        "The model has not learnt from the outcomes of the last {n} days.",
        days,
    )
    return Finding(
        guard="model_age",
        about="champion",
        figure=_days(days),
        limit=format_limits(
            _limit(guard_params.model_warn_days), _limit(guard_params.model_refuse_days)
        ),
        meaning=f"The champion learnt up to {trained_to}; outcomes since then are not in it.",
        level=level,
        do="run make repro and let what it trains score: retention promote",
        banner="" if level == OK else banner,
    )


def _days(days: int) -> str:
    return f"{days} day{'s' * (days != 1)}"


def _limit(days: int | None) -> str | None:
    return None if days is None else _days(days)
