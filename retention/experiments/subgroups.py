"""Looking at groups: each by itself, and corrected for how many were looked at."""

from collections.abc import Sequence
from typing import Any, Final

import pandas as pd

from retention.stats import sequential, two_sample
from retention.stats.multiplicity import holm

COLUMNS: Final = (
    "column", "group", "treated", "control", "treated_mean", "control_mean",
    "difference", "low", "high", "p_value", "p_adjusted",
)  # fmt: skip


def by_group(
    assigned: pd.DataFrame, columns: Sequence[str], outcome: str, planned: float | None = None
) -> pd.DataFrame:
    """COLUMNS, one row a group of each of the columns, in their order and then by name.

    assigned: one row a customer and campaign: customer_id, treated, propensity, the outcome and
    the columns, all as they were at the draw, so that the held out have a lane, a reason and an
    action too; null is no group. low, high are of the group by itself; p_adjusted is Holm's (1979)
    over all groups of all columns, and a group is only claimed where it is below .05.
    planned: customers in both arms of all together, as for `always.at_any_time`, for a table that
    is read at every list: each group is read as if it were its share of them; None for one look.
    """
    share = None if planned is None else planned / max(len(assigned), 1)
    rows = [
        {"column": column, "group": str(name), **_compared(inside, outcome, share)}
        for column in columns
        for name, inside in assigned.groupby(column, sort=True, observed=True)
    ]
    table = pd.DataFrame(rows, columns=list(COLUMNS[:-1]))
    table["p_adjusted"] = holm(table["p_value"].to_numpy(dtype=float))
    return table


def _compared(inside: pd.DataFrame, outcome: str, share: float | None) -> dict[str, Any]:
    """share: planned customers for each that there is."""
    names = (outcome, "treated", "propensity", "customer_id")
    found = two_sample.weighted(*(inside[name].to_numpy() for name in names))
    if share is not None:
        found = sequential.at_any_time(found, share * len(inside))
    return {name: value for name, value in vars(found).items() if name in COLUMNS}
