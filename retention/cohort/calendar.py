"""Stage `snapshots`: on which days we look, and which customers we watch on each."""

from dataclasses import dataclass
from typing import Any

from retention.core import errors, point_in_time
from retention.core.params import ChurnLabel, LabelParams, Params, SnapshotParams


@dataclass(frozen=True)
class Calendar:
    """Day numbers: the snapshots to learn from, oldest first, and the one that is scored."""

    learning: list[int]
    as_of: int
    immature: int

    @property
    def all(self) -> list[int]:
        return [*self.learning, self.as_of]


def build_calendar(
    as_of: int, first_day: int, label_params: LabelParams, snapshot_params: SnapshotParams
) -> Calendar:
    """The newest snapshot with mature labels, then backwards every `every_days`.

    None lies before `active_days` of history exist. `immature` counts the grid's later days.
    """
    label_delay = point_in_time.label_delay_days(label_params)
    newest, oldest = as_of - label_delay, first_day + label_params.churn.active_days
    learning = list(range(newest, oldest - 1, -snapshot_params.every_days))[: snapshot_params.most][
        ::-1
    ]
    return Calendar(learning, as_of, immature=(label_delay - 1) // snapshot_params.every_days)


def label_kinds(label: ChurnLabel) -> list[str]:
    """The kinds of event that the churn label reads."""
    return label.kinds if label.rule == "silence" else ["start", "cancel"]


def _label_days(summary: dict[str, Any], label: ChurnLabel) -> tuple[int, int]:
    """First day on which the label's events happened; last day known in all their sources."""
    kinds = set(label_kinds(label))
    kind_stats = [stats for kind, stats in summary["kinds"].items() if kind in kinds]
    if not kind_stats:
        raise errors.BadInput(
            f"data/events: no event of kind {', '.join(sorted(kinds))}, which labels.churn reads; "
            "map one in params.yaml under sources"
        )
    label_sources = [
        source for source in summary["sources"].values() if kinds & set(source["kinds"])
    ]
    return min(source["first_day"] for source in kind_stats), min(
        source["last_known_day"] for source in label_sources
    )


def plan_calendar(params: Params, summary: dict[str, Any]) -> Calendar:
    """The calendar from params and the summary of stage `events`."""
    first_day, last_day = _label_days(summary, params.labels.churn)
    as_of = point_in_time.day_number(params.as_of) if params.as_of else last_day + 1
    return build_calendar(as_of, first_day, params.labels, params.snapshots)
