"""Whom chance drew, to be contacted or to be left alone: by our own lists, or as events tell."""

from pathlib import Path
from typing import Final

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa

from retention.core import point_in_time
from retention.core.engine import Engine
from retention.core.events import HOLDOUT
from retention.ledgers import assignments, outcomes
from retention.ledgers.assignments import CONTACT

DRAWN: Final = pa.schema(
    [
        ("customer_id", pa.string()),
        ("occurred_day", pa.int32()),
        ("treatment", pa.string()),
        ("propensity", pa.float64()),
    ]
)
"""One row a customer and lot. treatment: holdout, or what was meant to be done. propensity: the
chance of not being held out."""


def ours(folder: Path, company: str, before: int, first: bool = False) -> pa.Table:
    """DRAWN: the arms in which our own lists put customers, of those dated before a day.

    first: of each campaign only a customer's first arm. Whoever enters it anew, once its days are
    over, has the same arm again by the same hash, and is there because of what became of the first.
    """
    found = assignments.everything(folder)
    if first:
        found = found.drop_duplicates(["company", "campaign", "customer_id"])
    day = (found["as_of"] - pd.Timestamp(0)) // pd.Timedelta(days=1)
    mine = found.assign(occurred_day=day.astype("int32"), treatment=found["arm"])
    mine = mine[(found["company"] == company) & (day < before)]
    return pa.Table.from_pandas(mine[DRAWN.names], schema=DRAWN, preserve_index=False)


def told(history: point_in_time.Frame, open_engine: Engine) -> pa.Table:
    """DRAWN: the experiments that a company's own events tell of.

    A day on which some outreach is `holdout` and some is not is taken as a lot, and the share of
    customers met by the other as the propensity: what is sent to everybody is a `campaign`. What
    staff entered from our lists is no lot: the list was.
    """
    met = history.filter(nw.col("kind") == outcomes.CONTACT, nw.col("source") != outcomes.SOURCE)
    named = met.select("customer_id", "occurred_day", "treatment", "event_id")
    found = open_engine.collect(named, sort=["event_id"]).to_pandas()
    found["treatment"] = found["treatment"].fillna(CONTACT)
    held = found.assign(held=found["treatment"] == HOLDOUT).sort_values(["held", "treatment"])
    once = held.drop_duplicates(["occurred_day", "customer_id"]).sort_index()
    share = 1 - once.groupby("occurred_day")["held"].transform("mean").astype(float)
    by_lot = once.assign(propensity=share)[(share > 0) & (share < 1)]
    return pa.Table.from_pandas(by_lot[DRAWN.names], schema=DRAWN, preserve_index=False)


def at_snapshots(
    drawn: pd.DataFrame, snapshots: "np.typing.NDArray[np.int64]", every: int, window: int
) -> pd.DataFrame:
    """customer_id, day, treated, propensity: each lot at the newest snapshot on or before it.

    drawn: as DRAWN. day: of the snapshot, whose features are all from before the lot. The first lot
    of a customer after a snapshot counts, and none that is not before the next one (`every` days
    on) and the end of the label's window, `window` days on. Who could not have been held out, as by
    a list without a holdout, was not drawn by lot.
    """
    days = np.sort(snapshots)
    ends = np.minimum(np.append(days[1:], days[-1:] + every), days + window)
    place = np.searchsorted(days, drawn["occurred_day"], side="right") - 1
    by_lot = drawn["propensity"].between(0, 1, inclusive="neither").to_numpy() & (place >= 0)
    found, place = drawn[by_lot], place[by_lot]
    treated = (found["treatment"] != HOLDOUT).astype(float)
    found = found.assign(day=days[place], treated=treated)[found["occurred_day"] < ends[place]]
    by = ["customer_id", "day", "occurred_day", "treatment"]
    first = found.sort_values(by).drop_duplicates(["customer_id", "day"], ignore_index=True)
    return first[["customer_id", "day", "treated", "propensity"]]
