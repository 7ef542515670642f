"""The list as one page that opens from disk: no network, no framework, nothing that runs but ours.

The rows stand in the page itself, so that it reads, prints and forwards without its script. The
script sorts, searches, filters, shows a hundred rows at a time and opens a customer.
"""

import re
from collections import Counter
from pathlib import Path
from typing import Any, Final
from urllib.parse import quote

from markupsafe import Markup

from retention.reporting import page as base_page
from retention.worklist.model import CHANGES, REASONS, RISK_WORDS, Listing, round_half_up
from retention.worklist.to_html import details
from retention.worklist.wording import (
    lane_counts,
    channel_words,
    how_to_read,
    lane_words,
    limit_sentences,
    stability_sentence,
)

_HERE: Final = Path(__file__).parent
_MAX_REASONS: Final = 3  # in a row; the rest opens
_MAX_DROPPED: Final = 100
_WHOLE_UNITS_FROM: Final = 1_000.0  # a largest value at stake from which pennies only distract
_PHONE: Final = re.compile(r"\+?[0-9][0-9 ().\-/]{4,24}")
_EMAIL: Final = re.compile(r"[^\s@,;:<>\"'?&]{1,64}@[^\s@,;:<>\"'?&]{1,190}")
_EARLY_SCRIPT: Final = "document.documentElement.classList.add('js')"  # before any row is laid out


def content(listing: Listing) -> bytes:
    """The whole page in UTF-8; the same list is the same bytes."""
    templates = base_page.environment(_HERE, listing.language)
    page = templates.get_template("page.html.j2").render(_page(listing))
    return page.encode("utf-8")


def _page(listing: Listing) -> dict[str, Any]:
    style, script = (
        base_page.style(_HERE / "page.css"),
        (_HERE / "page.js").read_text(encoding="utf-8"),
    )
    page_data, rows = details.page_data(listing), listing.rows.to_pylist()
    return {
        "listing": listing,
        "policy": base_page.policy(style, _EARLY_SCRIPT, script),
        "ours": _trusted(style=style, early=_EARLY_SCRIPT, script=script),
        "date": listing.language.date(listing.as_of, weekday=True),
        "at_stake": total(listing.value_at_stake, listing),
        "gain": total(listing.net_gain, listing),
        "since": since_previous(listing),
        "dropped": dropped_summary(listing, _MAX_DROPPED),
        "account": lane_counts(listing),
        "limits": limit_sentences(listing),
        "rows": RowTexts(listing).rows(rows),
        "filters": page_data.pop("filters"),
        "known": page_data,
        "island": base_page.island,
        "how_to_read": how_to_read(listing),
    }


def _trusted(**parts: str) -> dict[str, Markup]:
    """The page's own style and scripts, the only text that is not escaped."""
    return {name: Markup(text) for name, text in parts.items()}  # noqa: S704


def total(amount: float, listing: Listing) -> str:
    """A sum of money, without pennies once it is large."""
    return listing.language.money(amount, listing.currency, _digits(amount))


def _digits(largest: float) -> int | None:
    """Digits after the point: none once amounts are large, else the currency's."""
    return 0 if largest >= _WHOLE_UNITS_FROM else None


def since_previous(listing: Listing) -> list[str]:
    """What has changed since the last list, in sentences; none without one before."""
    return [*filter(None, [changes_sentence(listing), stability_sentence(listing)])]


def changes_sentence(listing: Listing) -> str | None:
    """How many listed are new, worse and better; null without a list before or a row."""
    language, found = listing.language, Counter(listing.rows["change"].to_pylist())
    parts = [
        language.gettext(
            "{number} {what}", number=language.number(count), what=language.gettext(words)
        )
        for code, words in CHANGES.items()
        if (count := found[code])
    ]
    if listing.previous is None or not parts:
        return None
    return language.gettext("Of those listed: {counts}.", counts=language.join(parts))


def dropped_summary(listing: Listing, max_rows: int) -> dict[str, Any]:
    """Who is no longer listed: how many, why (words, count), and the first few of them."""
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
    """The rows of a list as the templates show them: every text ready."""

    def __init__(self, listing: Listing) -> None:
        stakes = [
            stake for stake in listing.rows["value_at_stake"].to_pylist() if stake is not None
        ]
        self._listing, self._says = listing, listing.language
        self._money_digits = _digits(max(stakes, default=0.0))

    def rows(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            self._who(row) | self._worth(row) | self._why(row) | self._todo(row) for row in rows
        ]

    def _who(self, row: dict[str, Any]) -> dict[str, Any]:
        texts = ("customer_id", "name", "owner", "covered_for", "phone", "email")
        return {name: base_page.cut(row[name]) for name in texts} | {
            "rank": row["rank"],
            "number": self._says.number(row["rank"]),
            "language": row["language"] and self._says.name_of(row["language"]),
            "prefers": base_page.cut(channel_words(row["preferred_channel"], self._says)),
            "call": _link("tel:", row["phone"], _PHONE),
            "write": _link("mailto:", row["email"], _EMAIL),
        }

    def _worth(self, row: dict[str, Any]) -> dict[str, Any]:
        change = row["change"] if row["change"] in CHANGES and row["change"] != "same" else None
        return {
            "value": self._amount(row["value_at_stake"]),
            "expected": self._amount(row["expected_value"]),
            "low": self._amount(row["value_low"]),
            "high": self._amount(row["value_high"]),
            "gain": self._amount(row["net_gain"]),
            "risk": row["risk"],
            "risk_words": self._says.gettext(RISK_WORDS[row["risk"]]),
            "percent": self._says.percent(row["churn_probability"]),
            "width": round_half_up(100 * row["churn_probability"]),
            "change": change,
            "change_words": self._says.gettext(CHANGES[change]) if change else None,
            "silence": row["silent_since"],
        }

    def _why(self, row: dict[str, Any]) -> dict[str, Any]:
        reasons = [base_page.cut(row[name]) for name in REASONS if row[name]]
        heard = row["last_said_on"]
        return {
            "reasons": reasons[:_MAX_REASONS],
            "said": base_page.cut(row["last_said"]),
            "heard": self._says.date(heard, short=True) if heard else None,
        }

    def _todo(self, row: dict[str, Any]) -> dict[str, Any]:
        lane, why = lane_words(row["lane"], row["why"], self._says)
        return {
            "lane": row["lane"],
            "lane_words": lane,
            "lane_why": why,
            "action": base_page.cut(row["action"]),
            "budget": details.budget(row, self._listing),
            "approval": row["approval"],
            "channel": base_page.cut(channel_words(row["channel"], self._says)),
        }

    def _amount(self, amount: float | None) -> str | None:
        if amount is None:
            return None
        return self._says.money(amount, self._listing.currency, self._money_digits)


def _link(scheme: str, text: str | None, shape: re.Pattern[str]) -> str | None:
    """A link only for what plainly is a number or an address; anything else stays text."""
    if text is None or not shape.fullmatch(text.strip()):
        return None
    return scheme + quote(text.strip().replace(" ", "") if scheme == "tel:" else text.strip(), "@+")
