"""The list as one page that opens from disk, without network and framework.

The rows are part of the page, so that it can be read, printed and forwarded without its script. The
script sorts, searches, filters, shows a hundred rows at a time and opens a customer.
"""

import datetime as dt
import re
from collections import Counter
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from markupsafe import Markup

from retention.reporting import page as base_page
from retention.worklist.model import (
    CHANGES,
    PLANNED,
    REASONS,
    RISK_WORDS,
    Listing,
    round_half_up,
)
from retention.worklist.to_html import details
from retention.worklist.wording import (
    by_channel,
    channel_words,
    how_to_read,
    lane_counts,
    lane_words,
    limit_sentences,
    stability_sentence,
)

_HERE: Final = Path(__file__).parent
_MAX_DROPPED: Final = 100
_MAX_REASON, _MAX_WORDING = 240, 400  # characters
_WHOLE_UNITS_FROM: Final = 1_000.0  # from this value at stake on, amounts show no pennies
_PHONE: Final = re.compile(r"\+?[0-9][0-9 ().\-/]{4,24}")
_EMAIL: Final = re.compile(r"[^\s@,;:<>\"'?&]{1,64}@[^\s@,;:<>\"'?&]{1,190}")
_EARLY_SCRIPT: Final = "document.documentElement.classList.add('js')"  # before any row is laid out


def content(listing: Listing) -> bytes:
    """The whole page in UTF-8; the same list is the same bytes."""
    templates = base_page.environment(_HERE, listing.language)
    page = templates.get_template("page.html.j2").render(_page(listing))
    return page.encode("utf-8")


def _page(listing: Listing) -> dict[str, Any]:
    style = base_page.style(_HERE / "page.css")
    script = (_HERE / "page.js").read_text(encoding="utf-8")
    data = details.page_data(listing)
    return {
        "listing": listing,
        "policy": base_page.policy(style, _EARLY_SCRIPT, script),
        "trusted": _trusted(style=style, early=_EARLY_SCRIPT, script=script),
        "date": listing.language.date(listing.as_of, weekday=True),
        "at_stake": total(listing.value_at_stake, listing),
        "gain": total(listing.net_gain, listing),
        "since": since_previous(listing),
        "dropped": dropped_summary(listing, _MAX_DROPPED),
        "lane_counts": lane_counts(listing),
        "limits": limit_sentences(listing),
        "rows": RowTexts(listing).rows(listing.rows.to_pylist()),
        "filters": data.pop("filters"),
        "data": data,
        "island": base_page.island,
        "how_to_read": how_to_read(listing),
    }


def _trusted(**parts: str) -> dict[str, Markup]:
    """The page's own style and scripts: the only texts that are not escaped."""
    return {name: Markup(text) for name, text in parts.items()}  # noqa: S704


def total(amount: float, listing: Listing) -> str:
    """A sum of money, without pennies if it is large."""
    return listing.language.money(amount, listing.currency, _digits(amount))


def _digits(largest: float) -> int | None:
    """Digits after the point: none for large amounts, else those of the currency."""
    return 0 if largest >= _WHOLE_UNITS_FROM else None


def since_previous(listing: Listing) -> list[str]:
    """Sentences on what changed since the last list; none without one."""
    return [*filter(None, [changes_sentence(listing), stability_sentence(listing)])]


def changes_sentence(listing: Listing) -> str | None:
    """How many customers are new, worse and better; None without a last list or a row."""
    language, counts = listing.language, Counter(listing.rows["change"].to_pylist())
    parts = [
        language.gettext(
            "{number} {what}", number=language.number(count), what=language.gettext(words)
        )
        for code, words in CHANGES.items()
        if (count := counts[code])
    ]
    if listing.previous is None or not parts:
        return None
    return language.gettext("Of those listed: {counts}.", counts=language.join(parts))


def dropped_summary(listing: Listing, max_rows: int) -> dict[str, Any]:
    """The customers no longer listed: how many, why (words, count), and the first max_rows."""
    language = listing.language
    no_longer_listed = [
        {
            "name": base_page.cut(row["name"] or row["customer_id"]),
            "customer_id": base_page.cut(row["customer_id"]),
            "owner": base_page.cut(row["owner"]),
            "words": ": ".join(filter(None, lane_words(row["lane"], row["why"], language))),
        }
        for row in listing.dropped.to_pylist()
    ]
    why = Counter(row["words"] for row in no_longer_listed)
    return {
        "number": len(no_longer_listed),
        "why": sorted(why.items(), key=lambda pair: (-pair[1], str(pair[0]))),
        "rows": no_longer_listed[:max_rows],
    }


class RowTexts:
    """The texts of the rows as the templates show them."""

    def __init__(self, listing: Listing) -> None:
        stakes = [
            stake for stake in listing.rows["value_at_stake"].to_pylist() if stake is not None
        ]
        self._listing, self._language = listing, listing.language
        self._money_digits = _digits(max(stakes, default=0.0))

    def rows(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            self._customer(row) | self._amounts(row) | self._reasons(row) | self._action(row)
            for row in rows
        ]

    def _customer(self, row: dict[str, Any]) -> dict[str, Any]:
        texts = ("customer_id", "name", "owner", "covered_for", "phone", "email")
        return {name: base_page.cut(row[name]) for name in texts} | {
            "rank": row["rank"],
            "number": self._language.number(row["rank"]),
            "language": row["language"] and self._language.name_of(row["language"]),
            "prefers": base_page.cut(channel_words(row["preferred_channel"], self._language)),
            "call": _link("tel:", row["phone"], _PHONE),
            "write": _link("mailto:", row["email"], _EMAIL),
        }

    def _due(self, day: dt.date | None) -> str | None:
        if day is None:
            return None
        date = self._language.date(day, short=True)
        if day < self._listing.as_of:
            return self._language.gettext("overdue since {date}", date=date)
        return self._language.gettext("by {date}", date=date)

    def _amounts(self, row: dict[str, Any]) -> dict[str, Any]:
        change = row["change"] if row["change"] in CHANGES and row["change"] != "same" else None
        risk = RISK_WORDS[row["risk"]]
        return {
            "value": self._amount(row["value_at_stake"]),
            "risk": row["risk"],
            "risk_words": self._language.gettext(risk),
            "percent": self._language.percent(row["churn_probability"]),
            "width": round_half_up(100 * row["churn_probability"]),
            "change": change,
            "change_words": self._language.gettext(CHANGES[change]) if change else None,
        }

    def _reasons(self, row: dict[str, Any]) -> dict[str, Any]:
        reasons = [base_page.cut(row[name], _MAX_REASON) for name in REASONS if row[name]]
        return {"reasons": reasons}

    def _action(self, row: dict[str, Any]) -> dict[str, Any]:
        lane, why = lane_words(row["lane"], row["why"], self._language)
        planned = PLANNED.get(row["planned"] or "", "")
        return {
            "lane": row["lane"],
            "due": self._due(row["due_on"]),
            "planned": self._language.gettext(planned),
            "lane_words": lane,
            "lane_why": why,
            "action": base_page.cut(row["action"]),
            "wording": base_page.cut(row["wording"], _MAX_WORDING),
            "avoid": base_page.cut(row["avoid"]),
            "budget": details.budget(row, self._listing),
            "approval": row["approval"],
            "channel": base_page.cut(by_channel(row["channel"], self._language)),
        }

    def _amount(self, amount: float | None) -> str | None:
        if amount is None:
            return None
        return self._language.money(amount, self._listing.currency, self._money_digits)


def _link(scheme: str, text: str | None, shape: re.Pattern[str]) -> str | None:
    """A link if the text is plainly a number or an address, else None."""
    if text is None or not shape.fullmatch(text.strip()):
        return None
    return scheme + quote(text.strip().replace(" ", "") if scheme == "tel:" else text.strip(), "@+")
