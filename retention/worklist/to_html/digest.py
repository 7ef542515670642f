"""One owner's part of the list, short enough for an e-mail.

Mail programs drop style sheets and scripts and cut long messages short: every style stands with its
element, nothing is fetched, and after the first of each lane the rest is left to the list itself.
"""

from collections import Counter
from pathlib import Path
from typing import Any, Final

from retention.policy import LANES, LISTED
from retention.reporting import page as web
from retention.worklist.model import Listing, slug
from retention.worklist.to_html.page import Written, changed, dropped, total

LARGEST: Final = 95_000  # bytes; mail programs cut from 100 kB
_MOST_OF_LANE: Final = 12
_MOST_DROPPED: Final = 10
_MOST_NOTES: Final = 5
_HERE: Final = Path(__file__).parent
_FONTS: Final = {
    "en": "Georgia, 'Times New Roman', serif",
    "ur": "'Noto Sans', 'Noto Nastaliq Urdu', 'Noto Naskh Arabic', serif",
    "bn": "'Noto Sans Bengali', 'Noto Sans', sans-serif",
}


def content(listing: Listing, owner: str | None) -> bytes:
    """The message in UTF-8, at most LARGEST bytes; `listing` is that of the owner."""
    page = web.environment(_HERE, listing.language).get_template("digest.html.j2")
    told = _message(listing, owner)
    rows = Written(listing).rows(_first(listing))
    shown = len(rows)
    while True:
        part = {"rows": rows[:shown], "more": listing.rows.num_rows - shown}
        message = page.render(told | part).encode("utf-8")
        if len(message) <= LARGEST or not shown:
            return message
        shown = min(shown - 1, shown * LARGEST // len(message))


def _first(listing: Listing) -> list[dict[str, Any]]:
    """The first rows of each lane, in the list's order."""
    rows = listing.rows.to_pylist()
    return [
        row
        for lane in LISTED
        for row in [one for one in rows if one["lane"] == lane][:_MOST_OF_LANE]
    ]


def _message(listing: Listing, owner: str | None) -> dict[str, Any]:
    """All but the rows."""
    says = listing.language
    rightwards = says.direction == "ltr"
    return {
        "says": says,
        "start": "left" if rightwards else "right",
        "end": "right" if rightwards else "left",
        "font": _FONTS[says.code],
        "leading": "2" if says.code == "ur" else "1.45",
        "company": web.cut(listing.company),
        "owner": web.cut(owner),
        "date": says.date(listing.as_of, weekday=True),
        "notes": [web.cut(one, 300) for one in listing.notes[:_MOST_NOTES]],
        "counts": _counts(listing),
        "at_stake": total(listing.at_stake, listing),
        "changed": changed(listing),
        "dropped": dropped(listing, _MOST_DROPPED),
        "workbook": f"at_risk-{slug(owner)}.xlsx",
        "list_id": web.cut(listing.list_id),
    }


def _counts(listing: Listing) -> str:
    """12 to contact, 3 fix first and 1 gave notice."""
    says, many = listing.language, Counter(listing.rows["lane"].to_pylist())
    counts = [
        says.gettext("{number} {what}", number=says.number(many[lane]), what=says.gettext(words))
        for lane, words in LANES.items()
        if lane in LISTED and many[lane]
    ]
    return says.listed(counts)
