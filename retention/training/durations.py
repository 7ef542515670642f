"""How long labelled customers stayed, and what they brought in later windows, as known on a day."""

from dataclasses import dataclass

import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from models.components.base import Floats
from retention.core import feature_table, point_in_time
from retention.core.params import Params
from retention.training.rows import LabelledRows


@dataclass(frozen=True)
class Durations:
    """What is known after the label windows of rows; every array is (n,)."""

    left: Floats  # days from the opening of the churn window until they had left; NaN: unknown
    day: NDArray[np.int64]  # of the snapshot, day number
    is_followed: NDArray[np.bool_]  # whether the row was followed at all
    values: Floats  # (n, windows), account currency; 0 also where a window has not closed

    def take(self, rows: NDArray[np.intp]) -> "Durations":
        """Those at some positions."""
        return Durations(self.left[rows], self.day[rows], self.is_followed[rows], self.values[rows])

    def followed(self, day: int, params: Params) -> NDArray[np.int64]:
        """Days of follow-up that were known on a day.

        Parameters
        ----------
        day : int
            Day number.
        params : Params

        Returns
        -------
        ndarray of shape (n,)
        """
        max_days = point_in_time.days_to_follow(params.train.lifetime_days)
        days, code = np.unique(self.day, return_inverse=True)
        is_labelled = [
            point_in_time.followed_days(each, day, params.labels.churn) for each in days.tolist()
        ]
        followed = np.minimum(np.array(is_labelled, dtype=np.int64), max_days)[code]
        return np.where(self.is_followed, followed, 0)


def durations_of(
    rows: LabelledRows, durations: pa.Table, later_values: pa.Table, params: Params
) -> Durations:
    """Align what is known of later days with labelled rows.

    Parameters
    ----------
    rows : LabelledRows
        n of them.
    durations, later_values : Table
        DURATIONS and LATER_VALUES.
    params : Params

    Returns
    -------
    Durations
    """
    index = pd.MultiIndex.from_arrays([rows.day, rows.customer])
    place = _places(index, durations)
    left = np.full(len(rows.day), np.nan)
    is_followed = np.zeros(len(rows.day), dtype=bool)
    is_labelled = place >= 0
    left[place[is_labelled]] = (
        durations["left_after"].to_pandas().to_numpy(dtype=float)[is_labelled]
    )
    is_followed[place[is_labelled]] = True
    max_days = (
        point_in_time.days_to_follow(params.train.lifetime_days) // params.labels.value.horizon_days
    )
    values = np.zeros((len(rows.day), max(1, max_days)))
    values[:, 0] = np.nan_to_num(rows.value)
    place = _places(index, later_values)
    window = later_values["window"].to_numpy() - 1
    used = (place >= 0) & (window < values.shape[1])
    values[place[used], window[used]] = later_values["value"].to_numpy()[used]
    return Durations(left, rows.day, is_followed, values)


def _places(index: pd.MultiIndex, table: pa.Table) -> NDArray[np.intp]:
    """Positions of a table's customers and snapshots in an index; -1: nowhere."""
    day = table[feature_table.KEYS[1]].cast(pa.int32()).to_numpy().astype(np.int64)
    customer = table[feature_table.KEYS[0]].to_numpy(zero_copy_only=False)
    return np.asarray(index.get_indexer(pd.MultiIndex.from_arrays([day, customer])))
