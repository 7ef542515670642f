"""The list as one page that opens from disk: no network, no framework, nothing that runs but ours.

The rows stand in the page itself, so that it reads, prints and forwards without its script. The
script sorts, searches and shows a hundred rows at a time.
"""

import re
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from markupsafe import Markup

from pipeline.listing import (
    CONTACT,
    REASONS,
    RISKS,
    Listing,
    day,
    how_to_read,
    money,
    totals,
    web,
    whole,
)

_HERE: Final = Path(__file__).parent
_LONGEST: Final = 160  # characters of one text shown; the CSV has the whole
_WHOLE_UNITS_FROM: Final = 1_000.0  # a largest value at stake from which pennies only distract
_PHONE: Final = re.compile(r"\+?[0-9][0-9 ().\-/]{4,24}")
_EMAIL: Final = re.compile(r"[^\s@,;:<>\"'?&]{1,64}@[^\s@,;:<>\"'?&]{1,190}")


def content(listing: Listing) -> bytes:
    """The whole page in UTF-8; the same list is the same bytes."""
    templates = web.environment(_HERE)
    page = templates.get_template("page.html.j2").render(_page(listing))
    return page.encode("utf-8")


def _page(listing: Listing) -> dict[str, Any]:
    style, script = ((_HERE / name).read_text(encoding="utf-8") for name in _PARTS)
    rows = listing.rows.to_pylist()
    digits = _digits(max((row["value_at_stake"] for row in rows), default=0.0))
    return {
        "listing": listing,
        "policy": web.policy(style, _EARLY, script),
        "ours": _ours(style=style, early=_EARLY, script=script),
        "date": day(listing.as_of, weekday=True),
        "at_stake": money(listing.at_stake, listing.currency, _digits(listing.at_stake)),
        "rows": [_row(row, listing.currency, digits) for row in rows],
        "urgent": sum(row["risk"] == RISKS[0][1] for row in rows),
        "owners": sorted({_cut(row["owner"]) for row in rows if row["owner"]}),
        "contact": any(row[name] for row in rows for name in CONTACT[1:]),
        "totals": totals(listing),
        "how_to_read": how_to_read(listing),
    }


def _ours(**parts: str) -> dict[str, Markup]:
    """The page's own style and scripts, the only text that is not escaped."""
    return {name: Markup(text) for name, text in parts.items()}  # noqa: S704


_PARTS: Final = ("page.css", "page.js")
_EARLY: Final = "document.documentElement.classList.add('js')"  # before any row is laid out


def _digits(largest: float) -> int | None:
    """Digits after the point on the page: none once amounts are large, else the currency's."""
    return 0 if largest >= _WHOLE_UNITS_FROM else None


def _row(row: dict[str, Any], currency: str, digits: int | None) -> dict[str, Any]:
    """One customer as the template shows it: every text ready, every sort key a number."""

    def amount(name: str) -> str:
        return money(row[name], currency, digits)

    silence, _, habit = (row["silent_since"] or "").partition(", ")
    bought = row["last_purchase_on"]
    return {
        "rank": row["rank"],
        "customer_id": _cut(row["customer_id"]),
        "name": _cut(row["name"]),
        "risk": row["risk"],
        "percent": whole(100 * row["churn_probability"]),
        "probability": row["churn_probability"],
        "stake": row["value_at_stake"],
        "value": amount("value_at_stake"),
        "expected": amount("expected_value"),
        "range": f"{amount('value_low')} to {amount('value_high')}",
        "days": row["days_since_purchase"],
        "silence": silence,
        "habit": habit,
        "bought": day(bought, short=True) if bought else None,
        "reasons": [_cut(row[name]) for name in REASONS if row[name]],
        "channel": _cut(row["preferred_channel"]),
        "owner": _cut(row["owner"]),
        "phone": _cut(row["phone"]),
        "call": _link("tel:", row["phone"], _PHONE),
        "email": _cut(row["email"]),
        "write": _link("mailto:", row["email"], _EMAIL),
    }


def _cut(text: str | None) -> str | None:
    """A text short enough to read in a row."""
    return text if text is None or len(text) <= _LONGEST else text[: _LONGEST - 1] + "…"


def _link(scheme: str, text: str | None, shape: re.Pattern[str]) -> str | None:
    """A link only for what plainly is a number or an address; anything else stays text."""
    if text is None or not shape.fullmatch(text.strip()):
        return None
    return scheme + quote(text.strip().replace(" ", "") if scheme == "tel:" else text.strip(), "@+")
