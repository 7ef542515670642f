"""Tables of features typed by hand, and whether an engine computes what they say.

A file of tests/features/tables/ holds the tables of a theme. A table is written as

    == what it shows
    # a remark
    since none
    alone
    events
    customer | kind | day | ...
    people
    customer | joined | ...
    expected
    customer | name of a feature | ...

Events and people are tables as `histories` reads them. An expected cell is a number, a fraction, a
text, or empty for null; engines round to six decimals, so do the tables. `since` (default: 1,000
days before the snapshot) is the day on which the source's history begins, `none` its first event.
`alone` keeps other tables' customers out, where a feature depends on all customers together.
"""

import math
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final

import pyarrow as pa

from features.engine.base import DERIVED, Feature
from retention.core.engine import Engine
from tests.reference import purchases as reference
from tests.reference import service_care, service_failures  # noqa: F401  (they add their rules)
from tests.support import engines, histories

FOLDER: Final = Path(__file__).parents[1] / "features/tables"
_SECTIONS: Final = ("events", "people", "expected")

Value = float | str | None
Rows = Mapping[str, Mapping[str, Value]]
"""Per customer the values of features."""


@dataclass(frozen=True)
class FeatureTable:
    """Some events, and the features that each customer has by them."""

    theme: str
    title: str
    events: str
    people: str
    expected: str
    since: int | None  # day number; None: the first event's
    alone: bool

    def __str__(self) -> str:
        return f"{self.theme}: {self.title}"

    @property
    def history(self) -> list[histories.Event]:
        start = [] if self.since is None else histories.source_start(self.since)
        return [*histories.events(self.events), *start]

    @property
    def persons(self) -> list[histories.Person]:
        return histories.people(self.people)

    @property
    def rows(self) -> dict[str, dict[str, Value]]:
        """The expected values of each customer."""
        rows = histories.rows(self.expected)
        return {
            str(row["customer"]): {
                name: typed(cell) for name, cell in row.items() if name != "customer"
            }
            for row in rows
        }

    @property
    def names(self) -> list[str]:
        """The features it is about."""
        return [name for name in histories.rows(self.expected)[0] if name != "customer"]


def typed(cell: str | None) -> Value:
    """An empty cell is null; a fraction is rounded as features are."""
    if cell is None:
        return None
    if re.fullmatch(r"-?[\d.]+(/[\d.]+)?", cell):
        part, _, whole = cell.partition("/")
        return round(float(part) / float(whole or 1), 6)
    return cell


def load_tables() -> list[FeatureTable]:
    """Every table of every file."""
    return [
        _parse(path.stem, block)
        for path in sorted(FOLDER.glob("*.txt"))
        for block in path.read_text(encoding="utf-8").split("== ")[1:]
    ]


def _parse(theme: str, block: str) -> FeatureTable:
    title, *lines = block.strip().splitlines()
    sections: dict[str, list[str]] = {"people": ["customer"]}
    since: int | None = histories.LONG_AGO
    rows: list[str] = []
    for line in lines:
        if line in _SECTIONS:
            rows = sections[line] = []
        elif line.startswith("since "):
            day = line.removeprefix("since ")
            since = None if day == "none" else histories.SNAPSHOT + int(day)
        elif line and line != "alone" and not line.startswith("#"):
            rows.append(line)
    texts = {name: "\n".join(rows) for name, rows in sections.items()}
    return FeatureTable(theme, title, **texts, since=since, alone="alone" in lines)


def agree(computed: Value, expected: Value) -> bool:
    """Equal nulls and texts; numbers within 1e-9, after the six decimals that are kept."""
    if not isinstance(computed, float) or not isinstance(expected, float):
        return computed == expected
    return math.isclose(computed, expected, rel_tol=1e-9, abs_tol=0.500001e-6)


def differences(
    computed: Rows, expected: Rows, same: Callable[[Value, Value], bool] = agree
) -> list[str]:
    """Where computed values are not the expected ones, in words."""
    return [
        f"{customer}: {name} is {computed[customer][name]}, not {value}"
        for customer, row in expected.items()
        for name, value in row.items()
        if not same(computed[customer][name], value)
    ]


def rows_by_customer(table: pa.Table) -> dict[str, dict[str, Any]]:
    """A table of features per customer."""
    return {row["customer_id"]: row for row in table.to_pylist()}


def by_reference(table: FeatureTable) -> Rows:
    """The features of a table by the reference, unrounded."""
    return reference.features(
        table.history, table.persons, table.rows, histories.SNAPSHOT, table.names
    )


def on_engine(table: FeatureTable, engine: Engine | None = None) -> Rows:
    """The features of one table, computed by an engine for it alone."""
    computed = engines.features_of(
        table.history, table.persons, table.rows, features=needed(table.names), on=engine
    )
    return rows_by_customer(computed)


@dataclass(frozen=True)
class SharedHistory:
    """The histories of many tables as one: a query's cost is its planning, not its rows.

    Each table's customers have ids of their own.
    """

    tables: tuple[FeatureTable, ...]
    events: list[histories.Event]
    persons: list[histories.Person]
    cohort: list[str]

    @classmethod
    def from_tables(cls, tables: Iterable[FeatureTable]) -> "SharedHistory":
        """Those of the tables that others leave as they are."""
        together = tuple(table for table in tables if can_share(table))
        events = histories.source_start()
        persons: list[histories.Person] = []
        for i, table in enumerate(together):
            own = histories.events(table.events)
            assert all(event["occurred_day"] >= histories.LONG_AGO for event in own), table
            events += [histories.renamed(event, f"table {i}") for event in own]
            persons += [histories.renamed(person, f"table {i}") for person in table.persons]
        cohort = [f"table {i} {name}" for i, table in enumerate(together) for name in table.rows]
        return cls(together, events, persons, cohort)

    def split(self, computed: pa.Table) -> dict[FeatureTable, Rows]:
        """The computed features of each table."""
        rows = rows_by_customer(computed)
        return {
            table: {name: rows[f"table {i} {name}"] for name in table.rows}
            for i, table in enumerate(self.tables)
        }


def can_share(table: FeatureTable) -> bool:
    """Whether other tables' events change nothing in it."""
    own_source = "source" in table.events.splitlines()[0]
    return table.since == histories.LONG_AGO and not own_source and not table.alone


def needed(names: Iterable[str]) -> list[Feature]:
    """The named features; all, when one of them is made from others."""
    wanted = [feature for feature in engines.declared() if feature.name in set(names)]
    missing = set(names) - {feature.name for feature in wanted}
    assert not missing, f"no such feature: {missing}"
    if any(feature.grain is DERIVED for feature in wanted):
        return engines.declared()
    return wanted
