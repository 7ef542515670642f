"""One owner's part of the list, short enough for an e-mail.

Mail programs drop style sheets and scripts and cut long messages: styles are inline, nothing is
fetched, and the message shows only the first customers of the queue.
"""

from collections import Counter
from pathlib import Path
from typing import Any, Final

from retention.reporting import page as base_page
from retention.worklist.model import Listing, slug
from retention.worklist.to_html.page import RowTexts, changes_sentence, dropped_summary, total
from retention.worklist.wording import COUNTED

MAX_BYTES: Final = 95_000  # mail programs cut from 100 kB
_MAX_ROWS: Final = 40
_MAX_DROPPED: Final = 10
_MAX_NOTES: Final = 5
_HERE: Final = Path(__file__).parent
_FONTS: Final = {
    "en": "Georgia, 'Times New Roman', serif",
    "ur": "'Noto Sans', 'Noto Nastaliq Urdu', 'Urdu Typesetting', 'Noto Naskh Arabic', serif",
    "bn": "'Noto Sans Bengali', 'Noto Sans', sans-serif",
}


def content(listing: Listing, owner: str | None) -> bytes:
    """The message in UTF-8, at most MAX_BYTES; `listing` is the part of the owner."""
    page = base_page.environment(_HERE, listing.language).get_template("digest.html.j2")
    values = _message_values(listing, owner)
    rows = RowTexts(listing).rows(listing.rows.slice(0, _MAX_ROWS).to_pylist())
    shown = len(rows)
    while True:
        part = {"rows": rows[:shown], "more": listing.rows.num_rows - shown}
        message = page.render(values | part).encode("utf-8")
        if len(message) <= MAX_BYTES or not shown:
            return message
        shown = min(shown - 1, shown * MAX_BYTES // len(message))


def _message_values(listing: Listing, owner: str | None) -> dict[str, Any]:
    """The values of the template, without the rows."""
    language = listing.language
    left_to_right = language.direction == "ltr"
    return {
        "language": language,
        "start": "left" if left_to_right else "right",
        "end": "right" if left_to_right else "left",
        "font": _FONTS[language.code],
        "leading": "2" if language.code == "ur" else "1.45",
        "company": base_page.cut(listing.company),
        "owner": base_page.cut(owner),
        "date": language.date(listing.as_of, weekday=True),
        "notes": [base_page.cut(note, 300) for note in listing.notes[:_MAX_NOTES]],
        "counts": _counts(listing),
        "value_days": listing.value_days,
        "at_stake": total(listing.value_at_stake, listing) if listing.has_money else None,
        "changed": changes_sentence(listing),
        "dropped": dropped_summary(listing, _MAX_DROPPED),
        "workbook": f"at_risk-{slug(owner)}.xlsx",
        "list_id": base_page.cut(listing.list_id),
    }


def _counts(listing: Listing) -> str:
    """The rows by lane: `12 to contact, 3 to fix first and 1 who gave notice`."""
    language, counts = listing.language, Counter(listing.rows["lane"].to_pylist())
    parts = [
        language.gettext(
            "{number} {what}", number=language.number(counts[lane]), what=language.gettext(words)
        )
        for lane, words in COUNTED.items()
        if counts[lane]
    ]
    return language.join(parts)
