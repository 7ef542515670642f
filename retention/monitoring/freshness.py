"""How old the data is, and how old the model: both against as_of, never against today's clock."""

import datetime as dt
from collections.abc import Collection
from typing import Any

from retention.cohort import calendar
from retention.core import point_in_time
from retention.core.params import Guards, Labels
from retention.i18n.language import Language
from retention.monitoring.finding import OK, Finding, judged, limits


def freshness(
    sources: dict[str, Any], ours: Collection[str], labels: Labels, as_of: dt.date,
    rules: Guards, says: Language,
) -> list[Finding]:  # fmt: skip
    """Of each source that the churn label needs: whole days before as_of of which it says nothing.

    sources: of the summary of stage `events`; ours: those of params.yaml. A delivery that tells of
    yesterday is fresh.
    """
    kinds = set(calendar.label_kinds(labels.churn))
    needed = [name for name in sources if name in ours and kinds & set(sources[name]["kinds"])]
    return [_fresh(name, sources[name]["last_known_day"], as_of, rules, says) for name in needed]


def _fresh(source: str, last: int, as_of: dt.date, rules: Guards, says: Language) -> Finding:
    days = max(0, point_in_time.day_number(as_of) - last - 1)
    level = judged(days, rules.stale_warn_days, rules.stale_refuse_days)
    banner = says.ngettext(
        "The data ends {n} day before this list: what customers did since is not known.",
        "The data ends {n} days before this list: what customers did since is not known.",
        days,
    )
    return Finding(
        guard="freshness",
        about=source,
        figure=_days(days),
        limit=limits(_limit(rules.stale_warn_days), _limit(rules.stale_refuse_days)),
        says=f"The last day that {source} tells of is {point_in_time.date_of(last)}.",
        level=level,
        do=f"deliver a newer {source}, or set as_of to the day after its last",
        banner="" if level == OK else banner,
    )


def model_age(
    trained_to: dt.date, as_of: dt.date, labels: Labels, rules: Guards, says: Language
) -> Finding:
    """Days for which newer outcomes than the champion learnt from have been known."""
    days = max(0, (as_of - trained_to).days - point_in_time.ripening(labels))
    level = judged(days, rules.model_warn_days, rules.model_refuse_days)
    banner = says.ngettext(
        "The model has not learnt from the outcomes of the last {n} day.",
        "The model has not learnt from the outcomes of the last {n} days.",
        days,
    )
    return Finding(
        guard="model_age",
        about="champion",
        figure=_days(days),
        limit=limits(_limit(rules.model_warn_days), _limit(rules.model_refuse_days)),
        says=f"The champion learnt up to {trained_to}; outcomes since then are not in it.",
        level=level,
        do="run make repro and let what it trains score: retention promote",
        banner="" if level == OK else banner,
    )


def _days(days: int) -> str:
    return f"{days} day{'s' * (days != 1)}"


def _limit(days: int | None) -> str | None:
    return None if days is None else _days(days)
