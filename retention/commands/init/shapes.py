"""Shapes of a file that take more than one row: lines below a header, and logs of states."""

import re
from typing import Any, Final

from retention.commands.init.columns import MAX_MISFITS, GuessedColumn, Look, plain_name

_STATE_NAME: Final = re.compile(r"(^|_)(status|state|stage)$")
_BEGUN: Final = re.compile(r"new|open|opened|created|submitted|reported", re.IGNORECASE)
_DONE: Final = re.compile(r"solved|resolved|closed|done|completed|finished", re.IGNORECASE)
_MOST_STATES: Final = 20
_ALMOST: Final = 0.9


def lines_below_a_header(look: Look, customer: str) -> tuple[dict[str, Any], str] | None:
    """`fill_down` where only the first line of an order states its customer, and why.

    An order is a column that every row fills. The columns that are blank wherever the customer is
    are filled down with it.
    """
    who, order = look.columns.get(customer), look.first("order")
    if who is None or order is None or who == order or order.filled < look.rows:
        return None
    if who.filled >= look.rows or not _is_stated_once(look, who, order):
        return None
    others = [
        column
        for column in look.columns.values()
        if column not in (who, order) and _ALMOST * who.filled <= column.filled < look.rows
    ]
    blank = f"not ({who.raw.filled_sql})"
    alone = [f"{blank} and {column.raw.filled_sql}" for column in others]
    counts = look.table.sample.count(*alone) if alone else []
    max_filled = MAX_MISFITS * who.filled  # headers without a customer
    below = [column.name for column, n in zip(others, counts, strict=True) if n <= max_filled]
    shape = {"columns": [who.name, *below], "within": [order.name]}
    return shape, f"{who.filled / look.rows:.0%} of the rows state {who.name}, once an order"


def _is_stated_once(look: Look, who: GuessedColumn, order: GuessedColumn) -> bool:
    """Whether most orders with a blank customer state it on another line."""
    ((n_orders, n_stated),) = look.table.sample.run(
        f"""select count(*), count(*) filter (stated) from (
            select bool_or({who.raw.filled_sql}) as stated, {order.raw.text_sql} as number
            from raw group by number having not bool_and({who.raw.filled_sql}))"""
    )
    return bool(n_orders) and n_stated >= _ALMOST * n_orders


def log_of_states(look: Look) -> tuple[GuessedColumn, list[str], list[str]] | None:
    """The column of states of a log of cases, those that begin a case and those that end it."""
    case = look.first("case")
    if case is None or case.distinct == look.rows:
        return None
    for column in look.columns.values():
        if _STATE_NAME.search(plain_name(column.name)) and 1 < column.distinct <= _MOST_STATES:
            states = sorted(look.values(column))
            begun = [state for state in states if _BEGUN.fullmatch(state.strip())]
            done = [state for state in states if _DONE.fullmatch(state.strip())]
            if done:
                return column, begun, done
    return None
