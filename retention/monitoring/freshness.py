"""Age of the data and of the model on as_of; the clock of the machine plays no part."""

import datetime as dt
from collections.abc import Collection, Mapping

from retention.cohort import calendar
from retention.core import point_in_time
from retention.core.documents.sources import SourceSummary
from retention.core.params import GuardParams, LabelParams
from retention.i18n.language import Language
from retention.monitoring.finding import OK, Finding, format_limits, level_of


def freshness(
    sources: Mapping[str, SourceSummary],
    configured: Collection[str],
    labels: LabelParams,
    as_of: dt.date,
    guard_params: GuardParams,
    language: Language,
) -> list[Finding]:
    """Whole days before as_of without the churn label's kinds, for each source that has them.

    sources: of the summary of stage `events`. configured: the sources of params.yaml. A source
    that ends yesterday is 0 days old.
    """
    kinds = set(calendar.label_kinds(labels.churn))
    return [
        _source_freshness(name, last, as_of, guard_params, language)
        for name, source in sources.items()
        if name in configured and (last := calendar.last_label_day(source, kinds)) is not None
    ]


def _source_freshness(
    source: str, last: int, as_of: dt.date, guard_params: GuardParams, language: Language
) -> Finding:
    days = max(0, point_in_time.day_number(as_of) - last - 1)
    level = level_of(days, guard_params.stale_warn_days, guard_params.stale_refuse_days)
    banner = language.ngettext(
        "The data ends {n} day before this list: what customers did since is not known.",
        "The data ends {n} days before this list: what customers did since is not known.",
        days,
    )
    return Finding(
        guard="freshness",
        about=source,
        figure=_days(days),
        limit=format_limits(
            _limit(guard_params.stale_warn_days), _limit(guard_params.stale_refuse_days)
        ),
        meaning=f"The last day that {source} tells of is {point_in_time.date_of(last)}.",
        level=level,
        do=f"deliver a newer {source}, or set as_of to the day after its last",
        banner="" if level == OK else banner,
    )


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
