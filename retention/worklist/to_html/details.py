"""The data of the page's script: what it sorts and filters by, and what a customer opens to.

It is stored by column and each text once, so that thousands of customers take a few megabytes.
"""

from collections import Counter
from collections.abc import Callable, Iterable
from typing import Any, Final

import pyarrow as pa

from retention.policy.lanes import LANES, LISTED_LANES
from retention.reporting import page
from retention.serving.themes import theme_name
from retention.worklist.model import (
    PLANNED,
    RISK_THRESHOLDS,
    RISK_WORDS,
    Listing,
    round_half_up,
)

Row = dict[str, Any]
TextIndex = int | str | None
FilterOption = tuple[TextIndex, str, int]
"""The value to compare with, its words, the number of customers."""


class TextTable:
    """Every text once; called with a text, it returns the position of that text."""

    def __init__(self) -> None:
        self._index: dict[str, int] = {}

    def __call__(self, text: str) -> int:
        return self._index.setdefault(text, len(self._index))

    def optional(self, text: str | None) -> int | None:
        """The position of a text; None for no text."""
        return None if text is None else self(text)

    def each(self, texts: Iterable[str]) -> list[int]:
        return [self(text) for text in texts]

    def all(self) -> list[str]:
        return list(self._index)


Cell = Callable[[Row, Listing, TextTable], Any]


def _value(column: str) -> Cell:
    return lambda row, *_: row[column]


def _text(column: str) -> Cell:
    return lambda row, _, texts: texts.optional(row[column])


_CELLS: Final[dict[str, Cell]] = {
    "rank": _value("rank"),
    "planned": _value("planned"),
    "due": lambda row, *_: row["due_on"] and row["due_on"].toordinal(),
    "stake": _value("value_at_stake"),
    "net_gain": _value("net_gain"),
    "risk": _value("churn_probability"),
    "days": _value("days_since_purchase"),
    "otherwise": _text("otherwise"),
    "lane": _value("lane"),
    "level": _value("risk"),
    "owner": lambda row, _, texts: texts.optional(page.cut(row["owner"])),
    "play": _text("action_name"),
    "kinds": lambda row, _, texts: texts.each(_themes(row)),
    "said": lambda row, listing, texts: texts.optional(_statement(row, listing)),
    "gain": lambda row, listing, texts: texts.optional(_money(row["net_gain"], listing)),
    "expected": lambda row, listing, texts: texts.optional(_expected(row, listing)),
    "silent": _text("silent_since"),
    "bought": lambda row, listing, texts: texts.optional(_day(row["last_purchase_on"], listing)),
}
"""What the script knows of a row, under the names that it uses."""


def page_data(listing: Listing) -> dict[str, Any]:
    """The cells of each row by column, the options of the filters, and the texts.

    timeline: [day, text, tone, ...] of one customer, newest first; history: [day, text, percent,
    ...], oldest first. A text stands as its position in `texts`.
    """
    texts, rows = TextTable(), listing.rows.to_pylist()
    columns: dict[str, list[Any]] = {
        name: [cell(row, listing, texts) for row in rows] for name, cell in _CELLS.items()
    }
    columns["timeline"] = _timelines(listing, texts)
    columns["history"] = _histories(listing, texts)
    filters = _filters(listing, rows, texts)
    return {"rows": columns, "filters": filters, "texts": texts.all()}


def _themes(row: Row) -> list[str]:
    return (row["themes"] or "").split()


def _cut(text: str) -> str:
    return page.cut(text) or ""


def _statement(row: Row, listing: Listing) -> str | None:
    """What the customer last said, and when."""
    statement, day = page.cut(row["last_said"]), _day(row["last_said_on"], listing)
    if statement is None or day is None:
        return statement
    return listing.language.gettext("{date}: {what}", date=day, what=statement)


def _expected(row: Row, listing: Listing) -> str | None:
    """The expected value with its range."""
    expected, low, high = (
        _money(row[name], listing) for name in ("expected_value", "value_low", "value_high")
    )
    if expected is None or low is None:
        return expected
    span = listing.language.gettext("{low} to {high}", low=low, high=high)
    return listing.language.gettext("{what} ({detail})", what=expected, detail=span)


def _money(amount: float | None, listing: Listing) -> str | None:
    return None if amount is None else listing.language.money(amount, listing.currency)


def budget(row: Row, listing: Listing) -> str | None:
    """The amount that may be offered; None where nothing may."""
    return listing.language.money(row["budget"], listing.currency) if row["budget"] else None


def _day(day: Any, listing: Listing) -> str | None:
    return listing.language.date(day, short=True) if day else None


def _timelines(listing: Listing, texts: TextTable) -> list[list[TextIndex]]:
    events = listing.timeline.sort_by([("customer_id", "ascending"), ("place", "ascending")])
    by_customer: dict[str, list[TextIndex]] = {}
    days = _days(events["day"], listing)
    for customer, day, text, tone in zip(
        *(events[name].to_pylist() for name in ("customer_id", "day", "text", "tone")), strict=True
    ):
        by_customer.setdefault(customer, []).extend((texts(days[day]), texts(text), tone[0]))
    return _in_list_order(listing, by_customer)


def _histories(listing: Listing, texts: TextTable) -> list[list[TextIndex]]:
    history = listing.history.sort_by([("customer_id", "ascending"), ("snapshot_on", "ascending")])
    by_customer: dict[str, list[TextIndex]] = {}
    days = _days(history["snapshot_on"], listing)
    for customer, day, probability in zip(
        *(
            history[name].to_pylist()
            for name in ("customer_id", "snapshot_on", "churn_probability")
        ),
        strict=True,
    ):
        words = listing.language.percent(probability)
        by_customer.setdefault(customer, []).extend(
            (texts(days[day]), texts(words), round_half_up(100 * probability))
        )
    return _in_list_order(listing, by_customer)


def _days(column: pa.ChunkedArray, listing: Listing) -> dict[Any, str]:
    """Each day in words, once: few differ, and Babel is slow."""
    return {day: listing.language.date(day, short=True) for day in column.unique().to_pylist()}


def _in_list_order(
    listing: Listing, by_customer: dict[str, list[TextIndex]]
) -> list[list[TextIndex]]:
    return [by_customer.get(customer, []) for customer in listing.rows["customer_id"].to_pylist()]


def _filters(listing: Listing, rows: list[Row], texts: TextTable) -> dict[str, list[FilterOption]]:
    """The options of each filter; none where there is no choice."""
    language = listing.language
    lanes, planned, risks, owners, plays = (
        Counter(_cut(row[column]) for row in rows if row[column])
        for column in ("lane", "planned", "risk", "owner", "action_name")
    )
    themes = Counter(theme for row in rows for theme in _themes(row))
    by_frequency = sorted(themes, key=lambda theme: (-themes[theme], theme))
    options: dict[str, list[FilterOption]] = {
        "lane": [(lane, language.gettext(LANES[lane]), lanes[lane]) for lane in LISTED_LANES],
        "planned": [(code, language.gettext(PLANNED[code]), planned[code]) for code in PLANNED],
        "owner": [(texts(owner), owner, owners[owner]) for owner in sorted(owners)],
        "kinds": [
            (texts(theme), theme_name(theme, language), themes[theme]) for theme in by_frequency
        ],
        "play": [
            (texts(play), _cut(action), plays[play])
            for play, action in listing.plays.items()
            if play in plays
        ],
        "level": [
            (risk, language.gettext(RISK_WORDS[risk]), risks[risk]) for _, risk in RISK_THRESHOLDS
        ],
    }
    return {
        name: _if_several([option for option in with_empty if option[-1]])
        for name, with_empty in options.items()
    }


def _if_several(options: list[FilterOption]) -> list[FilterOption]:
    return options if len(options) > 1 else []
