"""The columns of the workbook: their order, widths and headings, and what they show."""

import math
from collections.abc import Iterable
from typing import Any, Final

from retention.i18n.language import Language, gettext_noop
from retention.worklist.answer_columns import ANSWER_COLUMNS, NOTHING, PLAYS
from retention.worklist.model import (
    CHANGES,
    HEADINGS,
    MONEY_COLUMNS,
    PLANNED,
    REASONS,
    RISK_WORDS,
    Listing,
)
from retention.worklist.wording import channel_words, lane_words

WORKING_WIDTHS: Final[dict[str, float]] = {
    "rank": 5,
    "planned": 6,
    "due_on": 11,
    "lane": 7,
    "customer_id": 9,
    "name": 11,
    "risk": 7,
    "value_at_stake": 9,
    "reasons": 30,
    "action": 15,
    "wording": 15,
    "avoid": 11,
    "budget": 9,
    "owner": 9,
    "channel": 8,
    "phone": 12,
}
ANSWER_WIDTHS: Final[dict[str, float]] = {
    "contacted_on": 11,
    "result": 9,
    "answer": 10,
    "action_taken": 10,
    "offer_cost": 7,
    "reason_right": 7,
    "fixed": 7,
    "call_back_on": 11,
    "handed_to": 8,
    "note": 9,
}
DETAIL_WIDTHS: Final[dict[str, float]] = {
    "preferred_channel": 10,
    "last_said": 24,
    "change": 9,
    "churn_probability": 9,
    "covered_for": 12,
    "language": 8,
    "email": 28,
    "why": 24,
    "otherwise": 24,
    "last_said_on": 12,
    "silent_since": 17,
    "last_purchase_on": 12,
    "days_since_purchase": 8,
    "days_since_dealing": 9,
    "usual_gap_days": 11,
    "cost_of_delay": 11,
    "net_gain": 11,
    "expected_value": 12,
    "value_low": 11,
    "value_high": 11,
    "action_name": 16,
    "approval": 10,
    "themes": 20,
    "list_id": 24,
}
PRINTED_WIDTHS: Final = WORKING_WIDTHS | ANSWER_WIDTHS
WIDTHS: Final = PRINTED_WIDTHS | DETAIL_WIDTHS
"""Every column of the first sheet in order, with its width in characters.

PRINTED_WIDTHS fits the width of one A4 page at 6 points or more. `reasons` joins the three.
"""

DATES: Final = ("due_on", "contacted_on", "call_back_on", "last_said_on", "last_purchase_on")
JOINED_REASONS: Final = REASONS

_HEADINGS: Final = {
    "reasons": gettext_noop("Why"),
    "budget": gettext_noop("May offer up to (* needs approval)"),
}
_YES: Final = ANSWER_COLUMNS["reason_right"].choices[0]
_MAX_LINES: Final = 12
_LINE: Final = {"en": 16}  # points; other scripts stand taller
_TALL_LINE: Final = 20
_DENSITY: Final = 1.1  # letters in the width of a digit, less what breaking at words loses


def heading(name: str, language: Language) -> str:
    """The heading of a column."""
    if name in ANSWER_COLUMNS:
        return language.gettext(ANSWER_COLUMNS[name].heading)
    return language.gettext(_HEADINGS.get(name) or HEADINGS[name])


def display_row(row: dict[str, Any], language: Language) -> dict[str, Any]:
    """A row of the list as staff read it, by the columns of WIDTHS; those to fill in are null."""
    _ = language.gettext
    lane, why = lane_words(row["lane"], row["why"], language)
    reasons = [f"• {row[name]}" for name in JOINED_REASONS if row[name]]
    risk = RISK_WORDS[row["risk"]]
    shown = row | {
        "lane": lane,
        "why": why,
        "planned": _(PLANNED.get(row["planned"] or "", "")),
        "change": _(CHANGES.get(row["change"] or "", "")),
        "channel": channel_words(row["channel"], language),
        "preferred_channel": channel_words(row["preferred_channel"], language),
        "language": row["language"] and language.name_of(row["language"]),
        "risk": _(risk),
        "reasons": "\n".join(reasons),
        "action_name": (row["action_name"] or "").replace("_", " "),
        "approval": _(_YES) if row["approval"] else "",
    }
    return {name: shown.get(name) for name in WIDTHS}


def answer_choices(name: str, listing: Listing) -> list[str]:
    """The answers that a column to fill in offers, in the list's language; none where it is free.

    Plays are offered by name, with spaces for underscores, then `nothing`.
    """
    translate = listing.language.gettext
    answers = ANSWER_COLUMNS[name].choices
    if answers == (PLAYS,):
        return [play.replace("_", " ") for play in listing.plays] + [translate(NOTHING)]
    return [translate(choice) for choice in answers]


def empty_columns(rows: list[dict[str, Any]]) -> set[str]:
    """The columns to hide: those without data, except the ones to fill in."""
    with_data = {name for row in rows for name, value in row.items() if value not in (None, "")}
    return set(WIDTHS) - with_data - set(ANSWER_WIDTHS) if rows else set()


def fitted_widths(listing: Listing) -> dict[str, float]:
    """WIDTHS, widened so that every amount fits; else a cell would show #####."""
    language, fitted = listing.language, dict(WIDTHS)
    for name in MONEY_COLUMNS:
        amounts = [amount for amount in listing.rows[name].to_pylist() if amount is not None]
        ends = (min(amounts), max(amounts)) if amounts else ()
        lengths = [len(language.money(amount, listing.currency)) for amount in ends]
        fitted[name] = max([fitted[name], *(length + 1 for length in lengths)])
    return fitted


def row_height(texts: Iterable[tuple[Any, float]], language: Language) -> float:
    """The estimated height in points of a row with cells (text, width in characters)."""
    tallest = max(_lines(text, width) for text, width in texts if isinstance(text, str | None))
    return _LINE.get(language.code, _TALL_LINE) * min(tallest, _MAX_LINES) + 4


def _lines(text: str | None, width: float) -> int:
    return sum(
        max(1, math.ceil(len(part) / (_DENSITY * width))) for part in (text or "").split("\n")
    )
