"""Labelled rows: features joined with labels, and the weight of each row in a fit."""

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from typing import Any, Final

import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
from numpy.typing import NDArray

from models.components.base import TREATED, Floats
from models.components.uplift import fold_of
from retention.core import feature_table
from retention.core.events import CONTACTED, CONTACTED_NOT_RANDOMISED
from retention.core.params import TreatedRows
from retention.training.folds import PARTS, Fold
from retention.training.own_columns import telling_columns
from retention.training.row_weights import Outreach, row_weights

NOTICE: Final = "notice_given"
"""The feature that is 1 where a live contract was given notice."""
_SALT: Final = "customers"
"""Of the hash that parts the customers of a fold."""


@dataclass(frozen=True)
class LabelledRows:
    """Rows to fit and test on, one per customer and snapshot; every array is (n,)."""

    X: pd.DataFrame  # (n, features)
    customer: NDArray[np.object_]  # ids
    day: NDArray[np.int64]  # of the snapshot, days since 1970-01-01
    churned: Floats  # 1 churned, 0 stayed
    value: Floats  # in the value window, account currency
    weight: Floats  # customers that the row stands for, in every fit and figure
    earlier: "EarlierRows | None" = None  # as some of them stood on earlier days
    # the columns that a fold's fit reads, so that they are chosen once for all models
    _read: dict[tuple[Any, ...], list[str]] = field(default_factory=dict, repr=False, compare=False)

    def take(self, rows: NDArray[Any]) -> "LabelledRows":
        """The rows of a mask or of positions, in their order, as they stand today."""
        return LabelledRows(
            self.X.loc[rows] if rows.dtype == bool else self.X.iloc[rows],
            self.customer[rows],
            self.day[rows],
            self.churned[rows],
            self.value[rows],
            self.weight[rows],
        )

    def on(self, days: Iterable[int]) -> "LabelledRows":
        """The rows of some snapshots, given as day numbers."""
        return self.take(np.isin(self.day, list(days)))

    def training(self, fold: Fold) -> "LabelledRows":
        """The rows that a fold is fitted on, with the columns that `telling_columns` finds in them.

        Parameters
        ----------
        fold : Fold

        Returns
        -------
        LabelledRows
            By what was known on the day that the fold predicts.
        """
        rows, key = self._training(fold), (tuple(fold.train), fold.test, fold.part)
        if key not in self._read:
            self._read[key] = rows.telling_columns()
        return replace(rows, X=rows.X[self._read[key]])

    def reading_what_tells(self) -> "LabelledRows":
        """The rows with the columns that `telling_columns` chooses by them all."""
        return replace(self, X=self.X[self.telling_columns()])

    def telling_columns(self) -> list[str]:
        """The columns that a fit on these rows reads."""
        return telling_columns(
            self.X, self.customer, self.day, self.churned, self.value, self.weight
        )

    def _training(self, fold: Fold) -> "LabelledRows":
        is_part = np.isin(self.day, fold.train)
        if fold.part is not None:
            return self.take(is_part & (fold_of(self.customer, PARTS, _SALT) != fold.part))
        rows = self.take(is_part)
        if self.earlier is None:
            return rows
        then = self.earlier.on(fold.test)
        then = then.take(np.isin(then.day, fold.train))
        had_label = ~np.isnan(then.churned)
        is_unchanged = np.ones(len(rows.day), dtype=bool)
        place = rows.places(then)
        is_unchanged[place[place >= 0]] = False
        return _ordered([rows.take(is_unchanged), then.take(had_label)])

    def tests(self, folds: Iterable[Fold], known_before: int | None = None) -> "LabelledRows":
        """The rows that folds predict, as if untreated, fold by fold in their order.

        Parameters
        ----------
        folds : iterable of Fold
        known_before : int, optional
            Day number: outcomes as known on it, where there was a label then; today's without.

        Returns
        -------
        LabelledRows
        """
        rows = self.take(np.concatenate([self._tested(fold) for fold in folds])).as_untreated()
        if self.earlier is None or known_before is None:
            return rows
        then = self.earlier.on(known_before)
        then = then.take(~np.isnan(then.churned))
        place = rows.places(then)
        then, place = then.take(place >= 0), place[place >= 0]
        churned, value = rows.churned.copy(), rows.value.copy()
        churned[place], value[place] = then.churned, then.value
        return replace(rows, churned=churned, value=value)

    def places(self, others: "LabelledRows") -> NDArray[np.intp]:
        """Where the customers and snapshots of other rows stand among these; -1: nowhere."""
        if not len(others.day):
            return np.empty(0, dtype=np.intp)
        own, asked = (pd.MultiIndex.from_arrays([r.day, r.customer]) for r in (self, others))
        return np.asarray(own.get_indexer(asked))

    def _tested(self, fold: Fold) -> NDArray[np.intp]:
        is_part = self.day == fold.test
        if fold.part is not None:
            is_part &= fold_of(self.customer, PARTS, _SALT) == fold.part
        return np.flatnonzero(is_part)

    def effective(self, label_delay_days: int) -> float:
        """Rows, counted once for each label window that does not overlap the one before.

        Parameters
        ----------
        label_delay_days : int
            Days from a snapshot until its labels are mature.

        Returns
        -------
        float
            At most the number of rows.
        """
        days = np.unique(self.day)
        if len(days) < 2:
            return float(len(self.day))
        windows = 1 + (days[-1] - days[0]) / label_delay_days
        return float(len(self.day) * min(1.0, windows / len(days)))

    def as_untreated(self) -> "LabelledRows":
        """The rows as if no customer had been contacted.

        On the day of a snapshot the contacts are still unknown: predictions assume none.

        Returns
        -------
        LabelledRows
        """
        untreated = {TREATED: 0.0} if TREATED in self.X.columns else {}
        return replace(self, X=self.X.assign(**untreated))

    @property
    def contactable(self) -> NDArray[np.bool_]:
        """Whom a list could still contact to win them back; shape (n,).

        Who has given notice is in a lane of their own: that they leave is known.
        """
        if NOTICE not in self.X.columns:
            return np.ones(len(self.day), dtype=bool)
        return np.asarray(self.X[NOTICE].to_numpy(dtype=float, na_value=0.0) != 1)

    def target(self, task: str) -> Floats:
        """`churned` for the task "churn", else `value`; shape (n,)."""
        return self.churned if task == "churn" else self.value

    @property
    def has_labels(self) -> bool:
        """Whether there is something to learn from: some are known to have left, some stayed."""
        return not np.isnan(self.churned).any() and self.has_both_outcomes

    @property
    def has_both_outcomes(self) -> bool:
        """Whether some rows churned and some stayed."""
        return len(np.unique(self.churned)) == 2

    @property
    def n_churners(self) -> int:
        """Customers who churned, each counted once."""
        return len(set(self.customer[self.churned == 1]))

    @property
    def n_stayers(self) -> int:
        """Customers who stayed at some snapshot, each counted once."""
        return len(set(self.customer[self.churned == 0]))


@dataclass(frozen=True)
class EarlierRows:
    """Rows as they stood on earlier days, where facts known only later changed their labels."""

    rows: LabelledRows  # `churned` is NaN where there was no label then
    known_before: NDArray[np.int64]  # (n,), day numbers

    def on(self, day: int) -> LabelledRows:
        """Those by what was known before a day, given as day number."""
        return self.rows.take(self.known_before == day)


def labelled_rows(
    features: pa.Table,
    labels: pa.Table,
    treated: TreatedRows = "weight",
    earlier: pa.Table | None = None,
) -> LabelledRows:
    """Join features and labels on customer and snapshot, ordered by snapshot and customer.

    Parameters
    ----------
    features : Table
        One row per customer and snapshot.
    labels : Table
        LABELS.
    treated : {"weight", "drop", "adjust", "keep"}
        What is done with contacted customers, whose outcome includes the contact's effect; as
        `train.treated_rows` in params.yaml. "weight" and "drop" leave them out, and "weight" lets
        others stand for them (`row_weights`); "adjust" adds the column TREATED.
    earlier : Table, optional
        Labels as they stood on earlier days, with `known_before`, as EARLIER_LABELS.

    Returns
    -------
    LabelledRows
    """
    joined = _joined(features, labels)
    rows, contacted = _rows(joined, labels), _contacted(joined)
    is_used = np.ones(len(contacted), dtype=bool)
    if treated == "adjust":
        rows = replace(rows, X=rows.X.assign(**{TREATED: contacted.astype(float)}))
    elif treated == "weight":
        rows = replace(rows, weight=row_weights(_outreach(joined), rows.X))
        is_used = rows.weight > 0
    elif treated == "drop":
        is_used = ~contacted
    used = rows if is_used.all() else rows.take(is_used)
    if earlier is None or not len(earlier):
        return used
    return replace(used, earlier=_earlier_rows(features, earlier, treated, rows))


def _earlier_rows(
    features: pa.Table, earlier: pa.Table, treated: TreatedRows, today: LabelledRows
) -> "EarlierRows":
    """Rows by their labels of earlier days; those that would have been left out have no outcome.

    A row counts as much as it does today, and 1 where it is left out for a contact known since.

    Returns
    -------
    EarlierRows
    """
    joined = _joined(features, earlier)
    rows, contacted = _rows(joined, earlier), _contacted(joined)
    if treated == "adjust":
        rows = replace(rows, X=rows.X.assign(**{TREATED: contacted.astype(float)}))
    elif treated != "keep":
        place = today.places(rows)
        weight = np.where(place >= 0, today.weight[place], 0.0)
        rows = replace(
            rows,
            churned=np.where(contacted, np.nan, rows.churned),
            weight=np.where(weight > 0, weight, 1.0),
        )
    known_before = joined["known_before"].cast(pa.int32()).to_numpy().astype(np.int64)
    return EarlierRows(rows, known_before)


def _joined(features: pa.Table, labels: pa.Table) -> pa.Table:
    """Features and labels of the customers and snapshots that have both, in their order."""
    return features.join(labels, keys=feature_table.KEYS, join_type="inner").sort_by(
        [("snapshot_on", "ascending"), ("customer_id", "ascending")]
    )


def _rows(joined: pa.Table, labels: pa.Table) -> LabelledRows:
    """The rows of `_joined`, each of weight 1."""
    own = [name for name in labels.column_names if name not in feature_table.KEYS]
    return LabelledRows(
        X=feature_table.matrix(joined.drop_columns(own)),
        customer=joined["customer_id"].to_numpy(zero_copy_only=False),
        day=joined["snapshot_on"].cast(pa.int32()).to_numpy().astype(np.int64),
        churned=joined["churned"].cast(pa.float64()).to_numpy(),
        value=joined["value"].to_numpy(),
        weight=np.ones(len(joined)),
    )


def _contacted(joined: pa.Table) -> NDArray[np.bool_]:
    arm = joined["arm"].to_numpy(zero_copy_only=False)
    return np.isin(arm, (CONTACTED, CONTACTED_NOT_RANDOMISED))


def _outreach(joined: pa.Table) -> Outreach:
    def column(name: str) -> "NDArray[Any]":
        return np.asarray(joined[name].to_numpy(zero_copy_only=False))

    return Outreach(
        day=joined["snapshot_on"].cast(pa.int32()).to_numpy().astype(np.int64),
        customer=column("customer_id"),
        arm=column("arm"),
        campaign_arm=column("campaign_arm"),
        after=joined["outreach_after"].to_pandas().to_numpy(dtype=float, na_value=np.nan),
        decided=joined["decided_after"].to_pandas().to_numpy(dtype=float, na_value=np.nan),
    )


def _ordered(parts: list[LabelledRows]) -> LabelledRows:
    """All rows of some parts, by snapshot and customer."""
    whole = LabelledRows(
        X=pd.concat([part.X for part in parts], ignore_index=True),
        customer=np.concatenate([part.customer for part in parts]),
        day=np.concatenate([part.day for part in parts]),
        churned=np.concatenate([part.churned for part in parts]),
        value=np.concatenate([part.value for part in parts]),
        weight=np.concatenate([part.weight for part in parts]),
    )
    return whole.take(np.lexsort((whole.customer.astype(str), whole.day)))


def unlabelled_rows(features: pa.Table) -> LabelledRows:
    """The newest snapshot, whose outcomes nobody knows: for models that need no labels.

    Parameters
    ----------
    features : Table
        One row per customer and snapshot.

    Returns
    -------
    LabelledRows
        Ordered by customer; `churned` and `value` are NaN.
    """
    today = pc.equal(features["snapshot_on"], pc.max(features["snapshot_on"]))
    cohort = features.filter(today).sort_by("customer_id")
    unknown = np.full(len(cohort), np.nan)
    return LabelledRows(
        X=feature_table.matrix(cohort),
        customer=cohort["customer_id"].to_numpy(zero_copy_only=False),
        day=cohort["snapshot_on"].cast(pa.int32()).to_numpy().astype(np.int64),
        churned=unknown,
        value=unknown,
        weight=np.ones(len(cohort)),
    )
