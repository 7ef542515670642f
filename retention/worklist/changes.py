"""What changed since the last list: who is new, worse or better, who dropped off and why."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from retention.policy.lanes import LISTED_LANES

COLUMNS: Final = ("customer_id", "lane", "churn_probability")
NOT_REPORTED: Final = ("held_out", "erased")  # reasons that staff must not learn
MIN_CHANGE: Final = 0.05  # change of the churn probability from which a customer is worse or better


@dataclass(frozen=True)
class Changes:
    """How a list differs from the one before."""

    change: "pd.Series[str]"  # by customer_id: a key of model.CHANGES
    dropped: pd.DataFrame  # customer_id, lane, why of those who are no longer listed
    stability: float | None  # Jaccard index of the customers to contact; None if there are none


def compare_lists(
    current: pd.DataFrame, previous: pd.DataFrame, lanes: pd.DataFrame, left_cohort_reason: str
) -> Changes:
    """Compare two lists.

    current, previous: COLUMNS, one row a listed customer. lanes: customer_id, lane, why of the
    cohort of today. left_cohort_reason: why a customer is in no lane (a key of model.LEFT_COHORT).
    Customers whose reason is NOT_REPORTED do not count as dropped, nor do those in a listed lane
    who stand below the end of a list that is cut.
    """
    then = previous.set_index("customer_id")["churn_probability"]
    risk = current.set_index("customer_id")["churn_probability"]
    moved = (risk - then.reindex(risk.index)).to_numpy(dtype=float)
    codes = np.select(
        [np.isnan(moved), moved >= MIN_CHANGE, moved <= -MIN_CHANGE],
        ["new", "worse", "better"],
        "same",
    )
    gone = previous.loc[~previous["customer_id"].isin(risk.index), ["customer_id"]]
    dropped = gone.merge(lanes[["customer_id", "lane", "why"]], on="customer_id", how="left")
    dropped = dropped.fillna({"lane": "", "why": left_cohort_reason}).sort_values("customer_id")
    dropped = dropped[~dropped["why"].isin(NOT_REPORTED) & ~dropped["lane"].isin(LISTED_LANES)]
    return Changes(
        pd.Series(codes, index=risk.index, dtype="str"),
        dropped.reset_index(drop=True),
        _jaccard(_to_contact(current), _to_contact(previous)),
    )


def _to_contact(listed_rows: pd.DataFrame) -> set[str]:
    lane = listed_rows["lane"].fillna("contact")  # early lists had no column lane
    return set(listed_rows.loc[lane == "contact", "customer_id"])


def _jaccard(now: set[str], then: set[str]) -> float | None:
    either = now | then
    return len(now & then) / len(either) if either else None
