"""What snapshots, labels and features say of the cohorts."""

import datetime as dt
from collections.abc import Mapping

from retention.core.documents.base import Contents


class SnapshotsSummary(Contents):
    """The calendar, and the size of each cohort."""

    as_of: dt.date  # the snapshot that is scored
    learning: tuple[dt.date, ...]  # the snapshots with mature labels, oldest first
    immature_snapshots: int
    watched: Mapping[dt.date, int]  # customers by snapshot


class LabelsSummary(Contents):
    """How many customers churned, and how many rows were left out."""

    rows: int
    churned: int
    arms: Mapping[str, int]
    dropped: Mapping[str, int]  # by reason
    immature_snapshots: int


class FeaturesSummary(Contents):
    """The features that are constant in this history."""

    rows: int
    dead: tuple[str, ...]
