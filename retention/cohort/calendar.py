"""The calendar of snapshots: training snapshots and the snapshot to score."""

from collections.abc import Collection
from dataclasses import dataclass

from retention.core import errors, point_in_time
from retention.core.documents.sources import EventsSummary, SourceSummary
from retention.core.params import ChurnLabel, LabelParams, Params, SnapshotParams

DELAYS_SPANNED = 3
"""Label delays that the snapshots reach back over: to learn, to choose and to measure."""


@dataclass(frozen=True)
class Calendar:
    """The snapshots, as day numbers."""

    learning: list[int]  # with mature labels, oldest first
    as_of: int  # the snapshot that is scored
    immature: int  # how many snapshots between the two have labels that are not mature yet

    @property
    def all(self) -> list[int]:
        """The snapshots to learn from and the one that is scored, oldest first."""
        return [*self.learning, self.as_of]


def build_calendar(
    as_of: int, first_day: int, label_params: LabelParams, snapshot_params: SnapshotParams
) -> Calendar:
    """Snapshots every `every_days` backwards from the newest whose labels are mature at `as_of`.

    At most `most`, and none before `active_days` of history exist. Where `most` of them would not
    reach back far enough to test a model on a later period, only every second one is taken, or
    every third, and so on.
    """
    label_delay = point_in_time.label_delay_days(label_params)
    every_days, max_snapshots = snapshot_params.every_days, snapshot_params.most
    newest, oldest = as_of - label_delay, first_day + label_params.churn.active_days
    span = min(newest - oldest, DELAYS_SPANNED * label_delay)
    step = every_days * max(1, -(-span // (every_days * max(1, max_snapshots - 1))))
    backwards = range(newest, oldest - 1, -step)[:max_snapshots]
    return Calendar(sorted(backwards), as_of, immature=(label_delay - 1) // every_days)


def label_kinds(label: ChurnLabel) -> list[str]:
    """The kinds of event that the churn label reads."""
    return label.kinds if label.rule == "silence" else ["start", "cancel"]


def last_label_day(source: SourceSummary, kinds: Collection[str]) -> int | None:
    """The last day on which a source knew of an event of the label's kinds; None without any.

    Another kind of the same source does not count: a delivery months after the last order tells
    nothing about orders in between.
    """
    days = source.last_known_days
    return max((days[kind] for kind in days if kind in kinds), default=None)


def label_span(summary: EventsSummary, label: ChurnLabel) -> tuple[int, int]:
    """The first day of the label's events, and the last day that all their sources know."""
    kinds = set(label_kinds(label))
    kind_stats = [stats for kind, stats in summary.kinds.items() if kind in kinds]
    if not kind_stats:
        raise errors.BadInput(
            f"data/events: no event of kind {', '.join(sorted(kinds))}, which labels.churn reads; "
            "map one in params.yaml under sources"
        )
    last_days = [last_label_day(source, kinds) for source in summary.sources.values()]
    first_day = min(stats.first_day for stats in kind_stats)
    return first_day, min(day for day in last_days if day is not None)


def plan_calendar(params: Params, summary: EventsSummary) -> Calendar:
    """The calendar that follows from params and the summary of stage `events`.

    Without an `as_of` in params it is the day after the last day that all sources of the churn
    label's kinds know of them. BadInput: no event of these kinds, or one dated at the end of time.
    """
    first_day, last_day = label_span(summary, params.labels.churn)
    if params.as_of is None and last_day >= point_in_time.LAST_DAY:
        kinds = ", ".join(label_kinds(params.labels.churn))
        raise errors.BadInput(
            f"data/events: the last event of kind {kinds} is dated 9999-12-31, which means never;"
            " leave such rows out by where:, or write as_of in params.yaml"
        )
    as_of = point_in_time.day_number(params.as_of) if params.as_of else last_day + 1
    return build_calendar(as_of, first_day, params.labels, params.snapshots)
