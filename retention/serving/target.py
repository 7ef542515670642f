"""The prediction target: in words for people, and as an identity for the champion."""

from collections.abc import Iterable, Mapping
from typing import Any

from retention.core.documents.modelling import STATES_FORMAT
from retention.core.params import ChurnLabel, LabelParams, Params
from retention.i18n.language import Language, language


def target_description(labels: LabelParams, text_language: Language | None = None) -> str:
    """The churn definition as staff read it, in English by default."""
    text_language = text_language or language("en")
    churn, days = labels.churn, text_language.number(labels.churn.horizon_days)
    start = text_language.number(churn.gap_days)
    gap = (
        text_language.gettext(", starting {days} days from now", days=start)
        if churn.gap_days
        else ""
    )
    if churn.rule == "cancel":
        return text_language.gettext(
            "lost = the last running contract ends within {days} days{gap}", days=days, gap=gap
        )
    return text_language.gettext(
        "lost = no {kinds} in the next {days} days{gap}; "
        "active = at least one in the last {active} days",
        kinds=_kinds(churn, text_language),
        days=days,
        gap=gap,
        active=text_language.number(churn.active_days),
    )


def churn_description(churn: ChurnLabel, text_language: Language) -> str:
    """What churn means, to complete "customers who ..."."""
    values = {
        "days": text_language.number(churn.horizon_days),
        "first": text_language.number(churn.gap_days + 1),
    }
    if churn.gap_days:
        window = text_language.gettext("from day {first} on, within {days} days", **values)
    else:
        window = text_language.gettext("in the next {days} days", **values)
    if churn.rule == "cancel":
        return text_language.gettext("end their last contract {window}", window=window)
    if churn.kinds == ["purchase"]:
        return text_language.gettext("buy nothing {window}", window=window)
    return text_language.gettext(
        "show no {kinds} {window}", kinds=_kinds(churn, text_language), window=window
    )


def _kinds(churn: ChurnLabel, text_language: Language) -> str:
    return text_language.gettext(" or ").join(churn.kinds)


def target_identity(params: Params, features: Iterable[str]) -> dict[str, Any]:
    """What a champion was trained for: it cannot score another company, label or feature set.

    Nor can one whose states an earlier version wrote, which is set aside likewise.
    """
    return {
        "format": STATES_FORMAT,
        "company": params.company,
        "currency": params.currency,
        "labels": params.labels.model_dump(mode="json"),
        "features": sorted(features),
    }


def differences(definition: Mapping[str, Any], wanted: Mapping[str, Any]) -> str:
    """In what the definition of a champion differs from the one wanted; empty where in nothing."""
    different = [name for name, value in wanted.items() if definition.get(name) != value]
    texts = {"format": "format: another version of this program wrote it"}
    return ", ".join(texts.get(name, name) for name in different)
