"""Stage `snapshots`: on which days we look, and which customers we watch on each."""

from dataclasses import dataclass
from typing import Any

from retention.core import errors, point_in_time
from retention.core.params import ChurnLabel, Labels, Params, Snapshots


@dataclass(frozen=True)
class Calendar:
    """Day numbers: the snapshots to learn from, oldest first, and the one that is scored."""

    learning: list[int]
    as_of: int
    immature: int

    @property
    def all(self) -> list[int]:
        return [*self.learning, self.as_of]


def calendar(as_of: int, first_day: int, labels: Labels, plan: Snapshots) -> Calendar:
    """The newest snapshot with mature labels, then backwards every `every_days`.

    None lies before `active_days` of history exist. `immature` counts the grid's later days.
    """
    reach = point_in_time.ripening(labels)
    newest, oldest = as_of - reach, first_day + labels.churn.active_days
    learning = list(range(newest, oldest - 1, -plan.every_days))[: plan.most][::-1]
    return Calendar(learning, as_of, immature=(reach - 1) // plan.every_days)


def label_kinds(label: ChurnLabel) -> list[str]:
    """The kinds of event that the churn label reads."""
    return label.kinds if label.rule == "silence" else ["start", "cancel"]


def _label_days(summary: dict[str, Any], label: ChurnLabel) -> tuple[int, int]:
    """First day on which the label's events happened; last day known in all their sources."""
    kinds = set(label_kinds(label))
    found = [stats for kind, stats in summary["kinds"].items() if kind in kinds]
    if not found:
        raise errors.BadInput(
            f"data/events: no event of kind {', '.join(sorted(kinds))}, which labels.churn reads; "
            "map one in params.yaml under sources"
        )
    reaching = [one for one in summary["sources"].values() if kinds & set(one["kinds"])]
    return min(one["first_day"] for one in found), min(one["last_known_day"] for one in reaching)


def plan(chosen: Params, summary: dict[str, Any]) -> Calendar:
    """The calendar from params and the summary of stage `events`."""
    first_day, last_day = _label_days(summary, chosen.labels.churn)
    as_of = point_in_time.day_number(chosen.as_of) if chosen.as_of else last_day + 1
    return calendar(as_of, first_day, chosen.labels, chosen.snapshots)
