"""What is predicted, in words for people and as an identity for the champion."""

from collections.abc import Iterable
from typing import Any

from retention.core.params import ChurnLabel, LabelParams, Params
from retention.i18n.language import Language, language


def target_description(labels: LabelParams, told: Language | None = None) -> str:
    """The churn definition as staff read it, in English unless told otherwise."""
    told = told or language("en")
    churn, days = labels.churn, told.number(labels.churn.horizon_days)
    start = told.number(churn.gap_days)
    gap = told.gettext(", starting {days} days from now", days=start) if churn.gap_days else ""
    if churn.rule == "cancel":
        return told.gettext(
            "lost = the last running contract ends within {days} days{gap}", days=days, gap=gap
        )
    return told.gettext(
        "lost = no {kinds} in the next {days} days{gap}; "
        "watched = at least one in the last {active} days",
        kinds=_kinds(churn, told),
        days=days,
        gap=gap,
        active=told.number(churn.active_days),
    )


def churn_description(churn: ChurnLabel, told: Language) -> str:
    """What leaving means, to complete "customers who ..."."""
    values = {"days": told.number(churn.horizon_days), "first": told.number(churn.gap_days + 1)}
    if churn.gap_days:
        window = told.gettext("from day {first} on, within {days} days", **values)
    else:
        window = told.gettext("in the next {days} days", **values)
    if churn.rule == "cancel":
        return told.gettext("end their last contract {window}", window=window)
    if churn.kinds == ["purchase"]:
        return told.gettext("buy nothing {window}", window=window)
    return told.gettext("show no {kinds} {window}", kinds=_kinds(churn, told), window=window)


def _kinds(churn: ChurnLabel, told: Language) -> str:
    return told.gettext(" or ").join(churn.kinds)


def target_identity(chosen: Params, features: Iterable[str]) -> dict[str, Any]:
    """What a champion was made under: another company, label or feature set cannot score."""
    return {
        "company": chosen.company,
        "currency": chosen.currency,
        "labels": chosen.labels.model_dump(mode="json"),
        "features": sorted(features),
    }
