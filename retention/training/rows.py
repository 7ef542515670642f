"""Labelled rows: features joined with labels, and the weight of each row in a fit."""

from collections.abc import Iterable
from dataclasses import dataclass, replace
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

    def take(self, rows: NDArray[Any]) -> "LabelledRows":
        """The rows of a mask or of positions, in their order."""
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
        """The rows that a fold is fitted on."""
        is_part = np.isin(self.day, fold.train)
        if fold.part is not None:
            is_part &= fold_of(self.customer, PARTS, _SALT) != fold.part
        return self.take(is_part)

    def tests(self, folds: Iterable[Fold]) -> "LabelledRows":
        """The rows that folds predict, as if untreated, fold by fold in their order."""
        return self.take(np.concatenate([self._tested(fold) for fold in folds])).as_untreated()

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
        """Whether outcomes are known; else `churned` and `value` are NaN."""
        return bool(len(self.churned)) and not np.isnan(self.churned).any()

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


def labelled_rows(
    features: pa.Table, labels: pa.Table, treated: TreatedRows = "weight"
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

    Returns
    -------
    LabelledRows
    """
    joined = features.join(labels, keys=feature_table.KEYS, join_type="inner").sort_by(
        [("snapshot_on", "ascending"), ("customer_id", "ascending")]
    )
    outreach = _outreach(joined)
    contacted = np.isin(outreach.arm, (CONTACTED, CONTACTED_NOT_RANDOMISED))
    own = [name for name in labels.column_names if name not in feature_table.KEYS]
    rows = LabelledRows(
        X=feature_table.matrix(joined.drop_columns(own)),
        customer=outreach.customer,
        day=outreach.day,
        churned=joined["churned"].cast(pa.float64()).to_numpy(),
        value=joined["value"].to_numpy(),
        weight=np.ones(len(joined)),
    )
    if treated == "adjust":
        return replace(rows, X=rows.X.assign(**{TREATED: contacted.astype(float)}))
    if treated == "weight":
        rows = replace(rows, weight=row_weights(outreach, rows.X))
        return rows if (rows.weight > 0).all() else rows.take(rows.weight > 0)
    return rows.take(~contacted) if treated == "drop" else rows


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
