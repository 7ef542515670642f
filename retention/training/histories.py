"""The histories of all customers as known on a day, for the models that are fitted on them."""

from dataclasses import dataclass

import pandas as pd
import pyarrow as pa

from retention.core import point_in_time


@dataclass(frozen=True)
class Histories:
    """HISTORIES, by the day of a fit: the snapshot that is predicted."""

    by_day: dict[int, pd.DataFrame]  # day number to the counts of that day

    def on(self, day: int) -> pd.DataFrame | None:
        """What was known on a snapshot.

        Parameters
        ----------
        day : int
            Day number.

        Returns
        -------
        DataFrame or None
            `repeats`, `last`, `age`, `ended` and `customers`; None where there is none of the day.
        """
        return self.by_day.get(day)


NO_HISTORIES = Histories({})
"""Models are then fitted on rows alone."""


def read_histories(table: pa.Table) -> Histories:
    """Histories from the table of stage `features`.

    Parameters
    ----------
    table : Table
        HISTORIES.

    Returns
    -------
    Histories
    """
    frame = table.to_pandas()
    return Histories(
        {
            point_in_time.day_number(day): rows.drop(columns="snapshot_on").reset_index(drop=True)
            for day, rows in frame.groupby("snapshot_on")
        }
    )
