"""Effects in subgroups, with p values corrected for the number of subgroups looked at."""

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Final

import pandas as pd

from retention.stats import sequential, two_sample
from retention.stats.multiplicity import holm

COLUMNS: Final = (
    "column",
    "group",
    "treated",
    "control",
    "treated_mean",
    "control_mean",
    "difference",
    "low",
    "high",
    "p_value",
    "p_adjusted",
)


@dataclass(frozen=True)
class SequentialPlan:
    """What is fixed before the first outcome, for a table that is read at every list."""

    planned: float  # customers of both arms that `sequential.confidence_sequence` plans for
    first: pd.DataFrame  # the customers of the first list: their shares divide the plan
    n_tests: int  # groups that may ever be looked at

    def planned_of(self, column: str, group: object) -> float:
        """The customers planned for a group; one that the first list lacks counts as one there."""
        n_group = int((self.first[column] == group).sum()) if column in self.first else 0
        return self.planned * (n_group + 1) / (len(self.first) + 1)


def subgroup_effects(
    assigned: pd.DataFrame,
    columns: Sequence[str],
    outcome: str,
    plan: SequentialPlan | None = None,
) -> pd.DataFrame:
    """Estimate the effect in every group of every column.

    Parameters
    ----------
    assigned : DataFrame of n rows
        One row per customer and campaign: customer_id, treated (0 or 1), propensity, the outcome
        and `columns`. The columns are as they were at assignment, so that held-out customers
        have a lane, a reason and an action too; null belongs to no group.
    columns : sequence of str
        Columns to group by, each on its own.
    outcome : str
        Column to compare.
    plan : SequentialPlan, optional
        For a table that is read at every list: boundaries of groups and the number of tests are
        fixed beforehand, whichever groups grow or appear. None for one look.

    Returns
    -------
    DataFrame
        COLUMNS, one row per group, in the order of `columns` and then by name. low and high are
        of the group by itself; p_adjusted is Holm's over all groups of all columns, and an effect
        is claimed only where it is below 0.05.

    References
    ----------
    Holm (1979), A simple sequentially rejective multiple test procedure.
    """
    effects = [
        {
            "column": column,
            "group": str(name),
            **_effect(group, outcome, plan.planned_of(column, name) if plan else None),
        }
        for column in columns
        for name, group in assigned.groupby(column, sort=True, observed=True)
    ]
    table = pd.DataFrame(effects, columns=list(COLUMNS[:-1]))
    n_tests = plan.n_tests if plan else 0
    table["p_adjusted"] = holm(table["p_value"].to_numpy(dtype=float), n_tests)
    return table


def _effect(group: pd.DataFrame, outcome: str, planned: float | None) -> dict[str, Any]:
    names = (outcome, "treated", "propensity", "customer_id")
    estimate = two_sample.hajek_difference(*(group[name].to_numpy() for name in names))
    if planned is not None:
        estimate = sequential.confidence_sequence(estimate, planned)
    return {name: value for name, value in vars(estimate).items() if name in COLUMNS}
