"""The three tables of stage `standing` from a history typed as text."""

import datetime as dt
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from typing import Any

import pyarrow as pa

from features.engine.base import Past
from features.engine.table import customer_attributes
from pipeline import interactions as standing
from retention.core import point_in_time
from retention.core.params import Params
from tests.support import company, engines, histories

AS_OF = point_in_time.date_of(histories.SNAPSHOT)


@dataclass(frozen=True)
class Found:
    """STANDING, HAPPENINGS and TIMELINE."""

    standing: pa.Table
    happenings: pa.Table
    timeline: pa.Table

    def of(self, customer: str = "anna") -> dict[str, Any]:
        """The customer's row of standing."""
        (row,) = [one for one in self.standing.to_pylist() if one["customer_id"] == customer]
        return dict(row)

    def sentences(self, customer: str = "anna") -> dict[str, str]:
        """The customer's happenings by theme."""
        rows = self.happenings.to_pylist()
        return {one["theme"]: one["text"] for one in rows if one["customer_id"] == customer}

    def lines(self, customer: str = "anna") -> list[str]:
        """The customer's timeline, newest first: days from the snapshot, text and tone."""
        rows = [one for one in self.timeline.to_pylist() if one["customer_id"] == customer]
        assert [one["place"] for one in rows] == list(range(1, len(rows) + 1))
        return [f"{(one['day'] - AS_OF).days} | {one['text']} | {one['tone']}" for one in rows]


HEAD = (
    "customer | kind | day | order | case | contract | promised | topic | channel | amount | quoted"
    " | rating | resolved | effective | cause"
)
_COLUMNS = [name.strip() for name in HEAD.split("|")]


def table(**events: Sequence[str]) -> str:
    """A history from each customer's events, told as "kind day, column value, ..."."""
    return "\n".join([HEAD, *(_line(who, event) for who, mine in events.items() for event in mine)])


def _line(customer: str, event: str) -> str:
    first, *rest = [part.split() for part in event.split(",")]
    cells = {"customer": customer, "kind": first[0], "day": first[1]}
    cells |= {name: " ".join(value) for name, *value in rest}
    return " | ".join(cells.get(name, "") for name in _COLUMNS)


def cases(told: Iterable[Sequence[str]]) -> Found:
    """The histories of many customers at once, c0, c1, ...: a query's cost is its planning."""
    return found(table(**{f"c{number}": mine for number, mine in enumerate(told)}))


def day(days: int) -> dt.date:
    """A day counted from the snapshot."""
    return AS_OF + dt.timedelta(days=days)


def chosen(**labels_value: Any) -> Params:
    """The params of the small company, with another value label."""
    told = company.PARAMS | {"labels": company.PARAMS["labels"] | {"value": labels_value}}
    return Params.model_validate(told)


def found(
    events: str | Iterable[histories.Event],
    people: str = "customer",
    cohort: Iterable[str] = (),
    params: Params | None = None,
) -> Found:
    """What the stage says of a cohort, by default of everybody in the history."""
    told = histories.events(events) if isinstance(events, str) else list(events)
    wanted = sorted(set(cohort or (one["customer_id"] for one in told)))
    duck, snapshot = engines.duck(), histories.SNAPSHOT
    persons = duck.load(histories.people_table(histories.people(people)))
    past = Past(
        point_in_time.as_known_at(engines.frame(told), snapshot), customer_attributes(persons, snapshot), snapshot,
        duck.materialize,
    )  # fmt: skip
    watched = duck.load(histories.cohort_table(wanted))
    made = standing.tables(params or chosen(), past, watched, duck)
    duck.release()
    return Found(*made)
