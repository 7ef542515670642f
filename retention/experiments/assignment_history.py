"""Past randomised assignments: those of our own lists, and those that a company's events record."""

from collections.abc import Sequence
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

ASSIGNED: Final = pa.schema(
    [
        ("customer_id", pa.string()),
        ("occurred_day", pa.int32()),  # of the assignment, days since 1970-01-01
        ("treatment", pa.string()),  # `holdout`, or what was meant to be done
        ("propensity", pa.float64()),  # probability of not being held out
        ("is_of_list", pa.bool_()),  # whether our own list made it, not an event
    ]
)
"""One row per customer and randomised assignment."""

ASSIGNED_PLAYS: Final = ("customer_id", "day", "play", "treated", "propensity")
"""One row per randomised assignment and play: treated is 1 or 0 (held out), propensity the chance
of the play for customers who were either assigned to it or held out."""


def assignments_from_lists(
    folder: Path, company: str, before: int, first_only: bool = False
) -> pa.Table:
    """Read the arms to which our own lists assigned customers.

    Parameters
    ----------
    folder : Path
        Of the ledger of assignments.
    company : str
        Whose assignments to take.
    before : int
        Day (since 1970-01-01); lists of that day or later are left out.
    first_only : bool
        Take only a customer's first assignment of each draw, as `assignments.first_of_each_draw`.

    Returns
    -------
    Table
        ASSIGNED.
    """
    history = assignments.read_all(folder)
    if first_only:
        history = assignments.first_of_each_draw(history)
    day = (history["as_of"] - pd.Timestamp(0)) // pd.Timedelta(days=1)
    history = history.assign(occurred_day=day.astype("int32"), treatment=history["arm"])
    history["is_of_list"] = True
    history = history[(history["company"] == company) & (day < before)]
    return pa.Table.from_pandas(history[ASSIGNED.names], schema=ASSIGNED, preserve_index=False)


def assignments_from_events(history: point_in_time.Frame, open_engine: Engine) -> pa.Table:
    """Find the experiments that a company's own events record.

    A day on which some outreach has treatment `holdout` and some has not is taken as a randomised
    experiment, and the share of customers with another treatment as the propensity. (What is sent
    to everybody is a `campaign`, not an outreach.) Answers of staff to our lists are left out:
    the list was the assignment.

    Parameters
    ----------
    history : frame of events
        Known at one moment.
    open_engine : Engine
        That holds `history`.

    Returns
    -------
    Table
        ASSIGNED.
    """
    outreach = history.filter(
        nw.col("kind") == outcomes.CONTACT, nw.col("source") != outcomes.SOURCE
    )
    outreach = outreach.select("customer_id", "occurred_day", "treatment", "event_id")
    contacts = open_engine.collect(outreach, sort=["event_id"]).to_pandas()
    contacts["treatment"] = contacts["treatment"].fillna(CONTACT)
    contacts = contacts.assign(is_held_out=contacts["treatment"] == HOLDOUT)
    # A customer counts once a day: as treated where any outreach of that day was no holdout.
    by_treatment = contacts.sort_values(["is_held_out", "treatment"])
    per_day = by_treatment.drop_duplicates(["occurred_day", "customer_id"]).sort_index()
    held_out_share = per_day.groupby("occurred_day")["is_held_out"].transform("mean")
    propensity = 1 - held_out_share.astype(float)
    per_day = per_day.assign(propensity=propensity, is_of_list=False)
    experiment = per_day[(propensity > 0) & (propensity < 1)]
    return pa.Table.from_pandas(experiment[ASSIGNED.names], schema=ASSIGNED, preserve_index=False)


def align_to_snapshots(
    assigned: pd.DataFrame,
    snapshots: "np.typing.NDArray[np.int64]",
    every_days: int,
    window_days: int,
) -> pd.DataFrame:
    """Attach each assignment to the newest snapshot on or before it.

    The features of that snapshot are all from before the assignment. Of several assignments of a
    customer between two snapshots the first one counts. Assignments without randomisation, such
    as those of a list without a holdout, are left out.

    Parameters
    ----------
    assigned : DataFrame
        Columns of ASSIGNED.
    snapshots : array of int, shape (s,)
        Snapshot days since 1970-01-01, in any order.
    every_days : int
        Days from the last snapshot to the next one.
    window_days : int
        Days from a snapshot to the end of its label window; later assignments are left out.

    Returns
    -------
    DataFrame
        customer_id, day (of the snapshot), treated (0.0 or 1.0), propensity, treatment,
        occurred_day, is_of_list: one row per customer and snapshot.
    """
    days = np.sort(snapshots)
    ends = np.minimum(np.append(days[1:], days[-1:] + every_days), days + window_days)
    position = np.searchsorted(days, assigned["occurred_day"], side="right") - 1
    is_randomised = assigned["propensity"].between(0, 1, inclusive="neither").to_numpy()
    usable = is_randomised & (position >= 0)
    aligned, position = assigned[usable], position[usable]
    treated = (aligned["treatment"] != HOLDOUT).astype(float)
    in_window = aligned["occurred_day"] < ends[position]
    aligned = aligned.assign(day=days[position], treated=treated)[in_window]
    order = ["customer_id", "day", "occurred_day", "treatment"]
    first = aligned.sort_values(order).drop_duplicates(["customer_id", "day"], ignore_index=True)
    arm = ["treated", "propensity", "treatment", "occurred_day", "is_of_list"]
    return first[["customer_id", "day", *arm]]


def treatment_shares(assigned: pd.DataFrame) -> pd.DataFrame:
    """Find the chance of each treatment in the experiments that events record.

    Parameters
    ----------
    assigned : DataFrame
        Columns of ASSIGNED, as `assignments_from_events` finds them.

    Returns
    -------
    DataFrame
        Share of the customers of a day by treatment (columns; `holdout` is one of them), by
        occurred_day; 0 where a treatment was not given.
    """
    return pd.crosstab(assigned["occurred_day"], assigned["treatment"], normalize="index")


def plays_from_lists(folder: Path, company: str, before: int, plays: Sequence[str]) -> pd.DataFrame:
    """Read whom our own lists assigned to plays, and whom they held out from them.

    Parameters
    ----------
    folder : Path
        Of the ledger of assignments.
    company : str
    before : int
        Day (since 1970-01-01); lists of that day or later are left out.
    plays : sequence of str

    Returns
    -------
    DataFrame
        ASSIGNED_PLAYS.
    """
    history = assignments.first_of_each_draw(assignments.read_all(folder))
    day = (history["as_of"] - pd.Timestamp(0)) // pd.Timedelta(days=1)
    is_wanted = (history["company"] == company) & (day < before) & history["play"].isin(list(plays))
    is_randomised = history["propensity"].between(0, 1, inclusive="neither")
    treated = (history["arm"] == CONTACT).astype(float)
    rows = history.assign(day=day, treated=treated)[is_wanted & is_randomised]
    return rows[list(ASSIGNED_PLAYS)]


def plays_from_events(assigned: pd.DataFrame, plays: Sequence[str]) -> pd.DataFrame:
    """Find whom the experiments that events record assigned to plays, or held out.

    Parameters
    ----------
    assigned : DataFrame
        Columns of ASSIGNED, as `assignments_from_events` finds them.
    plays : sequence of str

    Returns
    -------
    DataFrame
        ASSIGNED_PLAYS; of each customer and play the first.
    """
    shares = treatment_shares(assigned)
    parts = [_of_play(assigned, shares, play) for play in plays if play in shares]
    return pd.concat(parts) if parts else pd.DataFrame(columns=list(ASSIGNED_PLAYS))


def _of_play(assigned: pd.DataFrame, shares: pd.DataFrame, play: str) -> pd.DataFrame:
    chances = shares.loc[shares[play] > 0]
    propensity = chances[play] / (chances[play] + chances[HOLDOUT])
    rows = assigned[
        assigned["treatment"].isin([play, HOLDOUT]) & assigned["occurred_day"].isin(chances.index)
    ]
    first = rows.sort_values("occurred_day", kind="stable").drop_duplicates("customer_id")
    return first.assign(
        day=first["occurred_day"],
        play=play,
        treated=(first["treatment"] == play).astype(float),
        propensity=first["occurred_day"].map(propensity),
    )[list(ASSIGNED_PLAYS)]
