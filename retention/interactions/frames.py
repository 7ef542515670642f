"""The rows of a cohort, and what among them is unresolved or was put right.

"late", "open", "solved" mean here what they mean in features: the rows are those of its grains.
"""

import datetime as dt
from dataclasses import dataclass, field
from functools import cached_property

import narwhals as nw
import pandas as pd

from features import contracts
from features.engine import service_grains
from features.engine.base import Grain, Past
from retention.core.engine import Engine
from retention.core.events import FIX
from retention.core.point_in_time import Frame, day_number

_BILL = (
    "customer_id",
    "order_id",
    "age",
    "occurred_day",
    "amount_units",
    "over_units",
    "agreed_units",
)


@dataclass
class CohortRows:
    """The past of the customers of a cohort, computed by an engine."""

    past: Past
    engine: Engine
    cohort: Frame  # customer_id
    owed_since: dt.date | None = None  # earlier failures count as settled, though nobody said so
    _cache: dict[Grain, pd.DataFrame] = field(default_factory=dict)

    def collect(self, frame: Frame) -> pd.DataFrame:
        """The cohort's rows of a frame, in the order of all its columns."""
        cohort_rows = frame.join(self.cohort, on="customer_id", how="semi")
        names = frame.collect_schema().names()
        table: pd.DataFrame = self.engine.collect(cohort_rows, sort=names).to_pandas()
        return table

    def __getitem__(self, grain: Grain) -> pd.DataFrame:
        if grain not in self._cache:
            self._cache[grain] = self.collect(self.past[grain])
        return self._cache[grain]

    @cached_property
    def customers(self) -> pd.Index:
        """The cohort, in the order of its ids."""
        ids = self.collect(self.cohort.select("customer_id"))["customer_id"]
        index: pd.Index = pd.Index(ids.to_list(), dtype=object, name="customer_id")
        return index

    @cached_property
    def cases(self) -> pd.DataFrame:
        """The cases begun since ends of cases are known: of older ones none can be called open."""
        cases = self.past[service_grains.cases].join(self.past.since("resolution"), how="cross")
        return self.collect(cases.filter(nw.col("occurred_day") >= nw.col("since")).drop("since"))

    @cached_property
    def open_cases(self) -> pd.DataFrame:
        """The cases that are still open, whatever they are about."""
        open_now = self.cases[self.cases["open"] == 1]
        return open_now[~self.is_fixed(open_now, "last_age")]

    @cached_property
    def fixes(self) -> "pd.Series[float]":
        """By customer the age of staff's newest record that all is put right."""
        records = self.collect(self.past.events(FIX).select("customer_id", "age"))
        return records.groupby("customer_id")["age"].min()

    def is_fixed(self, rows: pd.DataFrame, age: str = "age") -> "pd.Series[bool]":
        """Whether staff recorded, on a later day than that of a row, that all is put right."""
        fixed = self.fixes.reindex(rows["customer_id"]).to_numpy(dtype=float)
        return pd.Series(fixed < rows[age].to_numpy(dtype=float), index=rows.index)

    def counts_as_owed(self, failures: pd.DataFrame) -> "pd.Series[bool]":
        """Whether a failure (age) is of a day since which failures count as owed."""
        if self.owed_since is None:
            return pd.Series(True, index=failures.index)
        return failures["age"] <= self.past.snapshot - day_number(self.owed_since)

    @cached_property
    def notices(self) -> pd.DataFrame:
        """The newest notice a customer on a live contract that may yet end by it: age, ends_in."""
        may_end = (nw.col("ends_in") >= 0).fill_null(True)
        ahead = contracts.notices_of_live(self.past).filter(may_end)
        return newest(self.collect(ahead), "event_id")

    @cached_property
    def corrections(self) -> pd.DataFrame:
        """customer_id, age, order_id of the corrected bill; null where no such bill is known."""
        topic = nw.col("topic") == "correction"
        invoices = (
            self.past.events("invoice").filter(topic).select("customer_id", "age", "order_id")
        )
        corrections, keys = self.collect(invoices), ["customer_id", "order_id"]
        bills = pd.MultiIndex.from_frame(self[service_grains.bills][keys])
        named = (
            pd.MultiIndex.from_frame(corrections[keys]).isin(bills)
            & corrections["order_id"].notna()
        )
        return corrections.assign(order_id=corrections["order_id"].where(named))

    @cached_property
    def billed(self) -> pd.DataFrame:
        """The bills, and the orders for which a price had been quoted; these without `rise`."""
        orders = self[service_grains.promises]
        quoted = orders[orders["quoted"] == 1]
        agreed = quoted.assign(agreed_units=quoted["amount_units"] - quoted["over_units"])
        both = [self[service_grains.bills], agreed[[name for name in _BILL if name in agreed]]]
        return pd.concat(both, ignore_index=True)

    @cached_property
    def overcharges(self) -> pd.DataFrame:
        """The bills and orders above the agreed price: whether `corrected`, and `corrected_age`.

        A correction that names a bill corrects that one; any other, and staff's record that all is
        put right, corrects all bills before it.
        """
        over = self.billed[self.billed["over_units"] > 0]
        corrections = self.corrections
        free = corrections[corrections["order_id"].isna()].groupby("customer_id")["age"].min()
        named = (
            corrections.dropna(subset="order_id").groupby(["customer_id", "order_id"])["age"].min()
        )
        keys = pd.MultiIndex.from_frame(over[["customer_id", "order_id"]])
        ages = pd.DataFrame(
            {
                "by_any": free.reindex(over["customer_id"]).to_numpy(dtype=float),
                "by_name": named.reindex(keys).to_numpy(dtype=float),
            },
            index=over.index,
        )
        ages = ages.where(ages.le(over["age"], axis="index"))
        fixed = pd.Series(self.fixes.reindex(over["customer_id"]).to_numpy(float), over.index)
        ages = ages.assign(by_staff=fixed.where(self.is_fixed(over)))
        corrected_age = ages.min(axis="columns")
        return over.assign(corrected=corrected_age.notna(), corrected_age=corrected_age)

    @cached_property
    def awaited(self) -> pd.DataFrame:
        """The orders whose promised day has passed and of which nothing has come."""
        orders = self[service_grains.promises]
        awaited = orders[orders["awaited"] == 1]
        return awaited[~self.is_fixed(awaited, "due_age")]

    @cached_property
    def put_right(self) -> pd.DataFrame:
        """customer_id, age: trouble solved, late orders that came, bills corrected, and what staff
        recorded as put right.
        """
        cases, orders = self.cases, self[service_grains.promises]
        solved = cases[(cases["trouble"] == 1) & (cases["solved"] == 1)]
        came = orders[(orders["late"] == 1) & (orders["awaited"] == 0)]
        return pd.concat(
            [
                solved[["customer_id", "ended_age"]].set_axis(["customer_id", "age"], axis=1),
                came[["customer_id", "delivered_age"]].set_axis(["customer_id", "age"], axis=1),
                self.corrections[["customer_id", "age"]],
                self.fixes.rename("age").reset_index(),
            ],
            ignore_index=True,
        )


def newest(rows: pd.DataFrame, *ties: str) -> pd.DataFrame:
    """The row of least age a customer; of one day the first by `ties`."""
    ordered = rows.sort_values(["customer_id", "age", *ties], kind="stable")
    return ordered.drop_duplicates("customer_id").reset_index(drop=True)


def oldest(rows: pd.DataFrame, *ties: str) -> pd.DataFrame:
    """The row of greatest age a customer; of one day the first by `ties`."""
    keys = ["customer_id", "age", *ties]
    ascending = [name != "age" for name in keys]
    ordered = rows.sort_values(keys, ascending=ascending, kind="stable")
    return ordered.drop_duplicates("customer_id").reset_index(drop=True)
