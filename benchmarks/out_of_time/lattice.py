"""A history before training: the real stages, run once for every cut of it.

Cuts and the snapshots to learn from lie on one lattice of days, and a feature sees nothing after
its snapshot, so that one table of features serves all cuts. Labels are made for each cut anew, from
what was known on its day.
"""

import os
import shutil
import subprocess
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import narwhals as nw
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq
import yaml

from benchmarks.out_of_time.company import ROOT, Company
from features import of_company
from features.engine.snapshots import CompanyHistory
from features.engine.table import feature_schema
from pipeline.features import features, opened
from pipeline.labels import labels
from pipeline.snapshots import snapshots
from retention.cohort.calendar import Calendar, build_calendar
from retention.cohort.earlier_labels import earlier_labels
from retention.cohort.labels import SCHEMA
from retention.core import artefacts, engine, point_in_time
from retention.core.engine import Engine
from retention.core.params import Params, load_params
from retention.core.storage import atomic

CODE = ("features", "retention/core", "retention/cohort", "retention/sources", "pipeline/labels.py")
AGES = (183, 274, 365, 457)  # days of history at the first cuts: 6, 9, 12 and 15 months
FRACTIONS = (0.4, 0.6, 0.8, 1.0)  # of the days at which a cut can still be checked
FEWEST = 6  # cuts of a history


@dataclass(frozen=True)
class Cut:
    """What is known on the day of a cut, and what became of its cohort."""

    day: int
    features: pa.Table  # of the snapshots to learn from and of the cut
    labels: pa.Table  # those mature at the cut, from what was known before it
    earlier: pa.Table  # those that were others on earlier snapshots, as EARLIER_LABELS
    orders: pd.DataFrame  # customer_id, day, known_day, money: what was known before the cut
    first_day: int  # of the orders
    truth: pa.Table  # the labels of the cohort, from the whole history

    @property
    def date(self) -> str:
        return str(point_in_time.date_of(self.day))


def fingerprint(paths: Iterable[str], text: str = "") -> str:
    """A hash of code and text, by which results are recognised as still good."""
    files = [
        file
        for path in paths
        for file in ([ROOT / path] if path.endswith(".py") else sorted((ROOT / path).rglob("*.py")))
    ]
    return atomic.content_hash([text, *(atomic.sha256(file) for file in files)])


def plan_cuts(first_day: int, last_day: int, params: Params) -> list[int]:
    """The days at which a history is cut, oldest first; chosen by rule, never by result.

    On the lattice that ends a label window before the last day: at AGES, at FRACTIONS, and, where
    these are fewer than FEWEST, evenly between the first and the last.
    """
    delay, every = point_in_time.label_delay_days(params.labels), params.snapshots.every_days
    newest = last_day + 1 - delay
    days = np.arange(newest, first_day + AGES[0] - 1, -every)[::-1]
    if not len(days):
        return []
    later = [days[days >= first_day + age][:1] for age in AGES]
    earlier = [days[days <= first_day + part * (newest - first_day)][-1:] for part in FRACTIONS]
    cuts = {int(day) for group in (*later, *earlier) for day in group}
    if len(cuts) < FEWEST:
        evenly = np.linspace(0, len(days) - 1, FEWEST).round().astype(int)
        cuts |= {int(day) for day in days[evenly]}
    return sorted(cuts)


class History:
    """A company's history in a folder; prepared on first use, and again when the code changes."""

    def __init__(self, company: Company, work: Path) -> None:
        self.company, self.folder = company, work / company.name.replace(" ", "-").replace("/", "-")
        self._prepare()
        self.params = load_params(self.folder / "params.yaml")
        self.orders = self._read_orders()
        self.cuts = plan_cuts(int(self.orders["day"].min()), self._last_day(), self.params)
        self._compute()

    def _prepare(self) -> None:
        """Run the real stages up to `events`."""
        text = yaml.safe_dump(self.company.raw_params, sort_keys=False)
        self.key = fingerprint(CODE, text)
        stamp = self.folder / "key"
        if stamp.exists() and stamp.read_text() == self.key:
            return
        shutil.rmtree(self.folder, ignore_errors=True)
        self.company.write(self.folder)
        (self.folder / "params.yaml").write_text(text)
        environment = os.environ | {"PYTHONPATH": str(ROOT)}
        sources = [["ingest", source] for source in self.company.raw_params["sources"]]
        for words in (["extract"], *sources, ["customers"], ["events"]):
            command = [sys.executable, "-m", f"pipeline.{words[0]}", *words[1:]]
            subprocess.run(
                command, cwd=self.folder, env=environment, check=True, stderr=subprocess.DEVNULL
            )
        stamp.write_text(self.key)

    def _read_orders(self) -> pd.DataFrame:
        """Events of the label's kinds, and the money of those of the value's."""
        names = ["customer_id", "kind", "occurred_day", "known_day", "amount"]
        events = pq.read_table(artefacts.EVENTS.under(self.folder).path, columns=names).to_pandas()
        kinds = {*self.params.labels.churn.kinds, *self.params.labels.value.kinds}
        orders = events[events["kind"].isin(kinds)]
        return pd.DataFrame(
            {
                "customer_id": orders["customer_id"].astype(str),
                "day": orders["occurred_day"].astype("int64"),
                "known_day": orders["known_day"].astype("int64"),
                "money": orders["amount"].astype(float).fillna(0.0),
            }
        ).reset_index(drop=True)

    def _last_day(self) -> int:
        return int(self.orders["known_day"].max())

    def _learning(self, day: int) -> list[int]:
        """The snapshots to learn from at a cut, as the project plans them."""
        orders = self.orders[self.orders["known_day"] < day]
        first_day = int(orders["day"].min())
        return build_calendar(day, first_day, self.params.labels, self.params.snapshots).learning

    def _compute(self) -> None:
        """Cohorts and features of all days that some cut needs."""
        days = sorted({*self.cuts, *(day for cut in self.cuts for day in self._learning(cut))})
        stamp, key = self.folder / "days", f"{self.key} {days}"
        self._features, self._cohorts = self.folder / "features.parquet", self.folder / "cohorts"
        if stamp.exists() and stamp.read_text() == key:
            return
        summary = artefacts.EVENTS_SUMMARY.under(self.folder).read()
        declared = of_company(self.params)
        with engine.open_engine(self.params.engine) as open_engine:
            events = open_engine.scan(artefacts.EVENTS.under(self.folder))
            everything = Calendar(days[:-1], days[-1], 0)
            frames = snapshots(events, everything, self.params.labels.churn, summary.versioned)
            schema = artefacts.SNAPSHOTS.schema
            cohorts = pa.concat_tables(
                open_engine.collect(frame, sort=["customer_id"]).cast(schema) for frame in frames
            )
            history = CompanyHistory(
                events,
                open_engine.scan(artefacts.CUSTOMERS.under(self.folder)),
                open_engine.load(cohorts),
                declared,
                self.params.labels.churn,
                self.params.service,
                summary.versioned,
            )
            with (
                opened(open_engine, history, days) as at_days,
                pq.ParquetWriter(self._features, feature_schema(declared)) as writer,
            ):
                for table in features(at_days, days, declared):
                    writer.write_table(table)
        pq.write_table(cohorts, self._cohorts)
        stamp.write_text(key)

    def cut(self, day: int) -> Cut:
        """What was known on a day, and what became of its cohort."""
        learning, cohorts = self._learning(day), pq.read_table(self._cohorts)
        whole = pq.read_table(self._features)
        dates = [point_in_time.date_of(each) for each in (*learning, day)]
        rows = pc.is_in(whole["snapshot_on"], pa.array(dates, type=pa.date32()))
        orders = self.orders[self.orders["known_day"] < day]
        with engine.open_engine(self.params.engine) as open_engine:
            mature, earlier = self._labels(open_engine, cohorts, learning, day)
            truth, _ = self._labels(open_engine, cohorts, [day], self._last_day() + 1)
        first_day = int(orders["day"].min())
        return Cut(day, whole.filter(rows), mature, earlier, orders, first_day, truth)

    def _labels(
        self, open_engine: Engine, cohorts: pa.Table, days: list[int], known_before: int
    ) -> tuple[pa.Table, pa.Table]:
        """The labels of some snapshots, from what was known before a day, and EARLIER_LABELS."""
        versioned = artefacts.EVENTS_SUMMARY.under(self.folder).read().versioned
        events = open_engine.scan(artefacts.EVENTS.under(self.folder))
        events = events.filter(nw.col("known_day") < known_before)
        history = open_engine.materialize(
            point_in_time.as_known_at(events, known_before, versioned)
        )
        calendar, cohort = Calendar(days, known_before, 0), open_engine.load(cohorts)
        frames = labels(cohort, history, calendar, self.params.labels)
        tables = [open_engine.collect(frame, sort=["customer_id"]).cast(SCHEMA) for frame in frames]
        table = pa.concat_tables([SCHEMA.empty_table(), *tables])
        earlier = earlier_labels(
            open_engine, cohort, events, days, self.params.labels, table, restated=versioned
        )
        return table.filter(pc.is_null(table["dropped"])).drop_columns(["dropped"]), earlier
