"""What changed since the last list: who is new, worse or better, who dropped off and why."""

from dataclasses import dataclass
from typing import Final

import numpy as np
import pandas as pd

from retention.policy import LISTED

COLUMNS: Final = ("customer_id", "lane", "churn_probability")
UNTOLD: Final = ("held_out", "erased")  # who was held out nobody may know, nor who was erased
WORTH_SAYING: Final = 0.05  # of chance, between two lists


@dataclass(frozen=True)
class Changes:
    """`change` by customer_id (a key of CHANGES), `dropped` (customer_id, lane, why), stability.

    stability: of the customers to contact on either list, the share on both (Jaccard); null where
    neither list has anybody to contact.
    """

    change: "pd.Series[str]"
    dropped: pd.DataFrame
    stability: float | None


def changes(
    listed: pd.DataFrame, before: pd.DataFrame, lanes: pd.DataFrame, unwatched: str
) -> Changes:
    """Compare two lists.

    listed, before: COLUMNS, a row a listed customer; lanes: customer_id, lane, why of everybody
    watched today; unwatched: what became of those who no longer are (a key of GONE). Not dropped
    are those UNTOLD, and those below the end of a list that is cut.
    """
    then = before.set_index("customer_id")["churn_probability"]
    risk = listed.set_index("customer_id")["churn_probability"]
    moved = (risk - then.reindex(risk.index)).to_numpy(dtype=float)
    codes = np.select(
        [np.isnan(moved), moved >= WORTH_SAYING, moved <= -WORTH_SAYING],
        ["new", "worse", "better"],
        "same",
    )
    gone = before.loc[~before["customer_id"].isin(risk.index), ["customer_id"]]
    told = gone.merge(lanes[["customer_id", "lane", "why"]], on="customer_id", how="left")
    told = told.fillna({"lane": "", "why": unwatched}).sort_values("customer_id")
    told = told[~told["why"].isin(UNTOLD) & ~told["lane"].isin(LISTED)]
    return Changes(
        pd.Series(codes, index=risk.index, dtype="str"),
        told.reset_index(drop=True),
        _jaccard(_to_contact(listed), _to_contact(before)),
    )


def _to_contact(listed: pd.DataFrame) -> set[str]:
    lane = listed["lane"].fillna("contact")  # which lists knew no other once
    return set(listed.loc[lane == "contact", "customer_id"])


def _jaccard(now: set[str], then: set[str]) -> float | None:
    either = now | then
    return len(now & then) / len(either) if either else None
