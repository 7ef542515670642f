"""What changed since the last list: who is new, worse or better, who dropped off and why."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from retention.policy import LISTED_LANES

COLUMNS: Final = ("customer_id", "lane", "churn_probability")
NOT_REPORTED: Final = ("held_out", "erased")  # who was held out nobody may know, nor who was erased
MIN_CHANGE: Final = 0.05  # of chance, between two lists


@dataclass(frozen=True)
class Changes:
    """`change` by customer_id (a key of CHANGES), `dropped` (customer_id, lane, why), stability.

    stability: of the customers to contact on either list, the share on both (Jaccard); null where
    neither list has anybody to contact.
    """

    change: "pd.Series[str]"
    dropped: pd.DataFrame
    stability: float | None


def compare_lists(
    current: pd.DataFrame, previous: pd.DataFrame, lanes: pd.DataFrame, left_cohort_reason: str
) -> Changes:
    """Compare two lists.

    listed, before: COLUMNS, a row a listed customer; lanes: customer_id, lane, why of everybody
    watched today; unwatched: what became of those who no longer are (a key of GONE). Not dropped
    are those UNTOLD, and those below the end of a list that is cut.
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


def _to_contact(current: pd.DataFrame) -> set[str]:
    lane = current["lane"].fillna("contact")  # which lists knew no other once
    return set(current.loc[lane == "contact", "customer_id"])


def _jaccard(now: set[str], then: set[str]) -> float | None:
    either = now | then
    return len(now & then) / len(either) if either else None
