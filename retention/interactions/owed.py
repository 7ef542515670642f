"""What is owed: cases that ended without being solved, and faulty orders that nobody made good.

Being answered, or told that the case is closed, is not being helped: a failure stays owed until the
history shows that it was made good, or staff record that it was.
"""

import narwhals as nw
import pandas as pd

from retention.interactions.frames import CohortRows

_KEYS = ["customer_id", "order_id"]


def unsolved_cases(rows: CohortRows) -> pd.DataFrame:
    """The cases whose last end was without a solution: rows of `cases`, with the age of that end.

    The end stops to count with another contact (the case is open again), a solution, or a remedy or
    a later delivery of the order that the case is about.
    """
    cases = rows.cases
    unsolved = cases[(cases["open"] == 0) & (cases["solved"] == 0)]
    unsolved = unsolved.assign(age=unsolved["ended_age"])
    remedied = _newest_age(_remedies(rows), unsolved) <= unsolved["age"]
    deliveries = _deliveries(rows).dropna(subset="order_id")
    arrivals = deliveries[~deliveries["faulty"]]
    delivered = _newest_age(arrivals, unsolved) < unsolved["age"]
    return unsolved[~remedied & ~delivered & ~rows.is_fixed(unsolved)]


def faulty_orders(rows: CohortRows) -> pd.DataFrame:
    """The orders found faulty and neither exchanged nor refunded since: customer_id, order_id, age.

    age: of the day on which the newest fault was known. A delivery after the fault is an exchange.
    """
    deliveries = _deliveries(rows)
    is_faulty = deliveries["faulty"]
    columns = {"age": ("age", "min"), "minute": ("minute", "max")}
    faults = deliveries[is_faulty].groupby(_KEYS, dropna=False).agg(**columns).reset_index()
    arrivals = deliveries[~is_faulty].groupby(_KEYS, dropna=False)["minute"].max()
    index = pd.MultiIndex.from_frame(faults[_KEYS])
    exchanged = arrivals.reindex(index).to_numpy(dtype=float) > faults["minute"].to_numpy()
    refunded = (_newest_age(_remedies(rows), faults) <= faults["age"]).to_numpy()
    owed = faults[~exchanged & ~refunded].drop(columns="minute")
    return owed[~rows.is_fixed(owed)]


def _deliveries(rows: CohortRows) -> pd.DataFrame:
    """customer_id, order_id, age, minute, and faulty: not an arrival, but a fault found."""
    deliveries = rows.collect(
        rows.past.events("delivery").select(
            *_KEYS, "age", minute=nw.col("occurred_minute"), faulty=~nw.col("cause").is_null()
        )
    )
    return deliveries.assign(faulty=deliveries["faulty"].to_numpy(dtype=bool))


def _remedies(rows: CohortRows) -> pd.DataFrame:
    """customer_id, order_id, age: money back for an order, and cases about it that were solved.

    A return that states no money back is none; one of which the money is unknown counts.
    """
    refunds = rows.past.events("return", "invoice").filter(
        (nw.col("kind") == "return") | (nw.col("topic") == "correction").fill_null(False),
        (nw.col("amount_units") < 0).fill_null(True),
    )
    cases = rows.cases
    solved = cases[(cases["open"] == 0) & (cases["solved"] == 1)]
    solved = solved[[*_KEYS, "ended_age"]].set_axis([*_KEYS, "age"], axis=1)
    remedies = pd.concat([rows.collect(refunds.select(*_KEYS, "age")), solved], ignore_index=True)
    return remedies.dropna(subset="order_id")


def _newest_age(remedies: pd.DataFrame, rows: pd.DataFrame) -> "pd.Series[float]":
    """The age of the newest remedy of each row's order; nan without one."""
    newest = remedies.groupby(_KEYS)["age"].min()
    ages = newest.reindex(pd.MultiIndex.from_frame(rows[_KEYS])).to_numpy(dtype=float)
    return pd.Series(ages, index=rows.index)
