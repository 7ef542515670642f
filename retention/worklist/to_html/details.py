"""What the page's script knows of each customer: to sort and filter by, and what opens.

Column by column, and each text once, so that thousands of customers stay a few megabytes.
"""

from collections import Counter
from collections.abc import Iterable
from typing import Any, Final

import pyarrow as pa

from retention.i18n.language import Language
from retention.policy import LANES, LISTED
from retention.reporting import page
from retention.serving.themes import ACTIONABLE, CONTEXT
from retention.worklist.model import REASONS, RISK_WORDS, RISKS, Listing, whole

_TEXTS: Final = ("action", "wording", "avoid", "otherwise")
_NUMBERS: Final = {
    "rank": "rank",
    "stake": "value_at_stake",
    "gain": "net_gain",
    "risk": "churn_probability",
    "days": "days_since_purchase",
}
"""What is sorted by, as the script calls it."""


Place = int | str | None
Choice = tuple[Place, str, int]
"""The value to compare with, its words, how many customers."""


class Texts:
    """Every text once; called with one, its place."""

    def __init__(self) -> None:
        self._places: dict[str, int] = {}

    def __call__(self, text: str) -> int:
        return self._places.setdefault(text, len(self._places))

    def each(self, texts: Iterable[str | None]) -> list[int | None]:
        """Their places; null for no text."""
        return [None if text is None else self(text) for text in texts]

    def all(self) -> list[str]:
        return list(self._places)


def data(listing: Listing) -> dict[str, Any]:
    """Of each row what _NUMBERS and _TEXTS name and more; a text is its place in `texts`.

    timeline: [day, text, tone, ...] of one customer, newest first; history: [day, share, percent,
    ...], oldest first; reasons and kinds: places.
    """
    texts, rows = Texts(), listing.rows.to_pylist()
    reasons = [[_cut(row[one]) for one in REASONS if row[one]] for row in rows]
    kinds = [(row["themes"] or "").split() for row in rows]
    columns: dict[str, list[Any]] = {
        name: [row[column] for row in rows] for name, column in _NUMBERS.items()
    }
    columns |= {name: texts.each(row[name] for row in rows) for name in _TEXTS}
    columns |= {
        "lane": [row["lane"] for row in rows],
        "level": [row["risk"] for row in rows],
        "owner": texts.each(page.cut(row["owner"]) for row in rows),
        "play": texts.each(row["action_name"] for row in rows),
        "kinds": [texts.each(of_row) for of_row in kinds],
        "reasons": [texts.each(of_row) for of_row in reasons],
        "said": texts.each(_long(row["last_said"]) for row in rows),
        "budget": texts.each(budget(row, listing) for row in rows),
        "approval": [int(bool(row["approval"])) for row in rows],
        "bought": texts.each(_day(row["last_purchase_on"], listing) for row in rows),
        "timeline": _timelines(listing, texts),
        "history": _histories(listing, texts),
    }
    filters = _filters(listing, rows, kinds, texts)
    return {"rows": columns, "filters": filters, "texts": texts.all()}


def _theme(theme: str, says: Language) -> str:
    return says.gettext((ACTIONABLE | CONTEXT).get(theme, theme))


def _cut(text: str) -> str:
    return page.cut(text) or ""


def _long(text: str | None) -> str | None:
    """What does not stand in the row as a whole."""
    return text if text and len(text) > page.LONGEST else None


def budget(row: dict[str, Any], listing: Listing) -> str | None:
    """The most that may be offered; null where nothing may."""
    return listing.language.money(row["budget"], listing.currency) if row["budget"] else None


def _day(day: Any, listing: Listing) -> str | None:
    return listing.language.date(day, short=True) if day else None


def _timelines(listing: Listing, texts: Texts) -> list[list[Place]]:
    events = listing.timeline.sort_by([("customer_id", "ascending"), ("place", "ascending")])
    found: dict[str, list[Place]] = {}
    days = _days(events["day"], listing)
    for customer, day, text, tone in zip(
        *(events[one].to_pylist() for one in ("customer_id", "day", "text", "tone")), strict=True
    ):
        found.setdefault(customer, []).extend((texts(days[day]), texts(text), tone[0]))
    return _in_order(listing, found)


def _histories(listing: Listing, texts: Texts) -> list[list[Place]]:
    told = listing.history.sort_by([("customer_id", "ascending"), ("snapshot_on", "ascending")])
    found: dict[str, list[Place]] = {}
    days = _days(told["snapshot_on"], listing)
    for customer, day, share in zip(
        *(told[one].to_pylist() for one in ("customer_id", "snapshot_on", "churn_probability")),
        strict=True,
    ):
        words = listing.language.percent(share)
        found.setdefault(customer, []).extend((texts(days[day]), texts(words), whole(100 * share)))
    return _in_order(listing, found)


def _days(column: pa.ChunkedArray, listing: Listing) -> dict[Any, str]:
    """Each day in words; few differ, and Babel takes its time."""
    return {day: listing.language.date(day, short=True) for day in column.unique().to_pylist()}


def _in_order(listing: Listing, found: dict[str, list[Place]]) -> list[list[Place]]:
    return [found.get(one, []) for one in listing.rows["customer_id"].to_pylist()]


def _filters(
    listing: Listing, rows: list[dict[str, Any]], kinds: list[list[str]], texts: Texts
) -> dict[str, list[Choice]]:
    """What can be chosen from; nothing where there is no choice."""
    says = listing.language
    lanes, levels, owners, plays = (
        Counter(_cut(row[one]) for row in rows if row[one])
        for one in ("lane", "risk", "owner", "action_name")
    )
    reasons = Counter(kind for of_row in kinds for kind in of_row)
    common = sorted(reasons, key=lambda kind: (-reasons[kind], kind))
    made: dict[str, list[Choice]] = {
        "lane": [(one, says.gettext(LANES[one]), lanes[one]) for one in LISTED if lanes[one]],
        "owner": [(texts(one), one, owners[one]) for one in sorted(owners)],
        "kinds": [(texts(one), _theme(one, says), reasons[one]) for one in common],
        "play": [
            (texts(one), _cut(does), plays[one])
            for one, does in listing.plays.items()
            if plays[one]
        ],
        "level": [
            (one, says.gettext(RISK_WORDS[one]), levels[one]) for _, one in RISKS if levels[one]
        ],
    }
    return {name: choices if len(choices) > 1 else [] for name, choices in made.items()}
