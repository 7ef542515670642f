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

from retention.reporting import page as web
from retention.worklist.model import CHANGES, REASONS, RISK_WORDS, Listing, whole
from retention.worklist.to_html import details
from retention.worklist.wording import (
    account,
    channel_words,
    how_to_read,
    lane_words,
    limit_sentences,
    stability,
)

_HERE: Final = Path(__file__).parent
_MOST_REASONS: Final = 3  # in a row; the rest opens
_MOST_DROPPED: Final = 100
_WHOLE_UNITS_FROM: Final = 1_000.0  # a largest value at stake from which pennies only distract
_PHONE: Final = re.compile(r"\+?[0-9][0-9 ().\-/]{4,24}")
_EMAIL: Final = re.compile(r"[^\s@,;:<>\"'?&]{1,64}@[^\s@,;:<>\"'?&]{1,190}")
_EARLY: Final = "document.documentElement.classList.add('js')"  # before any row is laid out


def content(listing: Listing) -> bytes:
    """The whole page in UTF-8; the same list is the same bytes."""
    templates = web.environment(_HERE, listing.language)
    page = templates.get_template("page.html.j2").render(_page(listing))
    return page.encode("utf-8")


def _page(listing: Listing) -> dict[str, Any]:
    style, script = web.style(_HERE / "page.css"), (_HERE / "page.js").read_text(encoding="utf-8")
    known, rows = details.data(listing), listing.rows.to_pylist()
    return {
        "listing": listing,
        "policy": web.policy(style, _EARLY, script),
        "ours": _ours(style=style, early=_EARLY, script=script),
        "date": listing.language.date(listing.as_of, weekday=True),
        "at_stake": total(listing.at_stake, listing),
        "gain": total(listing.gain, listing),
        "since": since(listing),
        "dropped": dropped(listing, _MOST_DROPPED),
        "account": account(listing),
        "limits": limit_sentences(listing),
        "rows": Written(listing).rows(rows),
        "filters": known.pop("filters"),
        "known": known,
        "island": web.island,
        "how_to_read": how_to_read(listing),
    }


def _ours(**parts: str) -> dict[str, Markup]:
    """The page's own style and scripts, the only text that is not escaped."""
    return {name: Markup(text) for name, text in parts.items()}  # noqa: S704


def total(amount: float, listing: Listing) -> str:
    """A sum of money, without pennies once it is large."""
    return listing.language.money(amount, listing.currency, _digits(amount))


def _digits(largest: float) -> int | None:
    """Digits after the point: none once amounts are large, else the currency's."""
    return 0 if largest >= _WHOLE_UNITS_FROM else None


def since(listing: Listing) -> list[str]:
    """What has changed since the last list, in sentences; none without one before."""
    return [*filter(None, [changed(listing), stability(listing)])]


def changed(listing: Listing) -> str | None:
    """How many listed are new, worse and better; null without a list before or a row."""
    says, found = listing.language, Counter(listing.rows["change"].to_pylist())
    counts = [
        says.gettext("{number} {what}", number=says.number(many), what=says.gettext(words))
        for code, words in CHANGES.items()
        if (many := found[code])
    ]
    if listing.previous is None or not counts:
        return None
    return says.gettext("Of those listed: {counts}.", counts=says.listed(counts))


def dropped(listing: Listing, most: int) -> dict[str, Any]:
    """Who is no longer listed: how many, why (words, count), and the first few of them."""
    says = listing.language
    gone = [
        {
            "name": web.cut(row["name"] or row["customer_id"]),
            "customer_id": web.cut(row["customer_id"]),
            "owner": web.cut(row["owner"]),
            "words": ": ".join(filter(None, lane_words(row["lane"], row["why"], says))),
        }
        for row in listing.dropped.to_pylist()
    ]
    why = Counter(one["words"] for one in gone)
    return {
        "number": len(gone),
        "why": sorted(why.items(), key=lambda pair: (-pair[1], str(pair[0]))),
        "rows": gone[:most],
    }


class Written:
    """The rows of a list as the templates show them: every text ready."""

    def __init__(self, listing: Listing) -> None:
        stakes = [one for one in listing.rows["value_at_stake"].to_pylist() if one is not None]
        self._listing, self._says = listing, listing.language
        self._money_digits = _digits(max(stakes, default=0.0))

    def rows(self, rows: list[dict[str, Any]]) -> list[dict[str, Any]]:
        return [
            self._who(row) | self._worth(row) | self._why(row) | self._todo(row) for row in rows
        ]

    def _who(self, row: dict[str, Any]) -> dict[str, Any]:
        texts = ("customer_id", "name", "owner", "covered_for", "phone", "email")
        return {name: web.cut(row[name]) for name in texts} | {
            "rank": row["rank"],
            "number": self._says.number(row["rank"]),
            "language": row["language"] and self._says.name_of(row["language"]),
            "prefers": web.cut(channel_words(row["preferred_channel"], self._says)),
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
            "width": whole(100 * row["churn_probability"]),
            "change": change,
            "change_words": self._says.gettext(CHANGES[change]) if change else None,
            "silence": row["silent_since"],
        }

    def _why(self, row: dict[str, Any]) -> dict[str, Any]:
        reasons = [web.cut(row[name]) for name in REASONS if row[name]]
        heard = row["last_said_on"]
        return {
            "reasons": reasons[:_MOST_REASONS],
            "said": web.cut(row["last_said"]),
            "heard": self._says.date(heard, short=True) if heard else None,
        }

    def _todo(self, row: dict[str, Any]) -> dict[str, Any]:
        lane, why = lane_words(row["lane"], row["why"], self._says)
        return {
            "lane": row["lane"],
            "lane_words": lane,
            "lane_why": why,
            "action": web.cut(row["action"]),
            "budget": details.budget(row, self._listing),
            "approval": row["approval"],
            "channel": web.cut(channel_words(row["channel"], self._says)),
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
