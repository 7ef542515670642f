"""The three tables of stage `interactions` from a history typed as text."""

import datetime as dt
from collections.abc import Iterable, Sequence
from typing import Any

from features.engine.base import Past
from features.engine.table import customer_attributes
from pipeline.interactions import Interactions, interactions
from retention.core import point_in_time
from retention.core.params import Params
from tests.support import company, engines, histories

AS_OF = point_in_time.date_of(histories.SNAPSHOT)


class Tables(Interactions):
    """The tables of the stage, and a customer's rows of each."""

    def state(self, customer: str = "anna") -> dict[str, Any]:
        """The customer's state."""
        (row,) = _rows_of(self.customer_state.to_pylist(), customer)
        return row

    def sentences(self, customer: str = "anna") -> dict[str, str]:
        """The customer's recent issues by theme."""
        rows = _rows_of(self.recent_issues.to_pylist(), customer)
        return {row["theme"]: row["text"] for row in rows}

    def lines(self, customer: str = "anna") -> list[str]:
        """The customer's timeline, newest first: days from the snapshot, text and tone."""
        rows = _rows_of(self.timeline.to_pylist(), customer)
        assert [row["place"] for row in rows] == list(range(1, len(rows) + 1))
        return [f"{(row['day'] - AS_OF).days} | {row['text']} | {row['tone']}" for row in rows]


def _rows_of(rows: list[dict[str, Any]], customer: str) -> list[dict[str, Any]]:
    return [row for row in rows if row["customer_id"] == customer]


HEAD = (
    "customer | kind | day | order | case | contract | promised | topic | channel | amount | quoted"
    " | rating | resolved | effective | cause"
)
_COLUMNS = [name.strip() for name in HEAD.split("|")]


def table(**events: Sequence[str]) -> str:
    """A history from each customer's events, typed as "kind day, column value, ..."."""
    lines = [_line(customer, event) for customer, typed in events.items() for event in typed]
    return "\n".join([HEAD, *lines])


def _line(customer: str, event: str) -> str:
    first, *rest = [part.split() for part in event.split(",")]
    cells = {"customer": customer, "kind": first[0], "day": first[1]}
    cells |= {name: " ".join(value) for name, *value in rest}
    return " | ".join(cells.get(name, "") for name in _COLUMNS)


def day(days: int) -> dt.date:
    """A day counted from the snapshot."""
    return AS_OF + dt.timedelta(days=days)


def params_with(**value_label: Any) -> Params:
    """The params of the small company, with another value label."""
    labels = company.PARAMS["labels"] | {"value": value_label}
    return Params.model_validate(company.PARAMS | {"labels": labels})


def tables_of(
    events: str | Iterable[histories.Event],
    people: str = "customer",
    cohort: Iterable[str] = (),
    params: Params | None = None,
) -> Tables:
    """What the stage computes of a cohort, by default of every customer in the history."""
    history = histories.events(events) if isinstance(events, str) else list(events)
    customers = sorted(set(cohort or (event["customer_id"] for event in history)))
    duck, snapshot = engines.duck(), histories.SNAPSHOT
    persons = duck.load(histories.people_table(histories.people(people)))
    past = Past(
        point_in_time.as_known_at(engines.frame(history), snapshot),
        customer_attributes(persons, snapshot),
        snapshot,
        duck.materialize,
    )
    cohort_frame = duck.load(histories.cohort_table(customers))
    computed = interactions(params or params_with(), past, cohort_frame, duck)
    duck.release()
    return Tables(*computed)


def tables_of_each(histories_typed: Iterable[Sequence[str]]) -> Tables:
    """The histories of many customers at once, c0, c1, ...: a query's cost is its planning."""
    return tables_of(table(**{f"c{i}": typed for i, typed in enumerate(histories_typed)}))
