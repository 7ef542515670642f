"""When each customer was one, by the company's own rule of churn, from the events."""

from dataclasses import dataclass

import narwhals as nw
import pandas as pd

from retention.cohort import episodes
from retention.core import errors, point_in_time
from retention.core.engine import Engine
from retention.core.params import ChurnLabel
from retention.scorecard import tenure_spells


@dataclass(frozen=True)
class Spells:
    """`tenure` and `presence`, as `tenure_spells` makes them."""

    tenure: pd.DataFrame
    presence: pd.DataFrame
    activity: pd.DataFrame  # customer_id, day; empty where contracts tell who is a customer


def churn_spells(
    churn: ChurnLabel,
    history: point_in_time.Frame,
    joined: "pd.Series[int]",
    as_of: int,
    open_engine: Engine,
) -> Spells:
    """The spells of everyone in `history`; joined: the day of joining by customer_id, or null."""
    if churn.rule == "silence":
        signs = history.filter(nw.col("kind").is_in(churn.kinds))
        days = signs.select("customer_id", day=nw.col("occurred_day")).unique()
        activity = open_engine.collect(days, sort=["customer_id", "day"]).to_pandas()
        spells = Spells(
            tenure_spells.silent_tenure(activity, joined, churn, as_of),
            tenure_spells.silent_presence(activity, churn, as_of),
            activity,
        )
    else:
        chains = open_engine.collect(
            episodes.contract_chains(history), sort=["customer_id", "begins"]
        )
        tenure = tenure_spells.contract_tenure(chains.to_pandas(), as_of)
        nothing = pd.DataFrame({"customer_id": [], "day": []})
        spells = Spells(tenure, tenure_spells.contract_presence(tenure), nothing)
    if spells.tenure.empty:
        raise errors.BadInput(
            f"data/events: nobody was a customer before {point_in_time.date_of(as_of)}; "
            "check as_of and labels.churn in params.yaml"
        )
    return spells
