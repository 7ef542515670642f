"""What is predicted, in words for people and as an identity for the champion."""

from collections.abc import Iterable
from typing import Any

from pipeline.params import Labels, Params


def sentence(labels: Labels) -> str:
    """The churn definition as staff read it."""
    churn = labels.churn
    gap = f", starting {churn.gap_days} days from now" if churn.gap_days else ""
    if churn.rule == "cancel":
        return f"lost = the last running contract ends within {churn.horizon_days} days{gap}"
    kinds = " or ".join(churn.kinds)
    return (
        f"lost = no {kinds} in the next {churn.horizon_days} days{gap}; "
        f"watched = at least one in the last {churn.active_days} days"
    )


def identity(chosen: Params, features: Iterable[str]) -> dict[str, Any]:
    """What a champion was made under: another company, label or feature set cannot score."""
    return {
        "company": chosen.company,
        "currency": chosen.currency,
        "labels": chosen.labels.model_dump(mode="json"),
        "features": sorted(features),
    }
