"""The digest: an owner's part of the list that every mail program shows as it stands."""

import re
from collections.abc import Callable
from html.parser import HTMLParser
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from playwright.sync_api import Browser

from retention.core import artefacts
from retention.i18n.language import language
from retention.worklist.model import Listing, slug
from retention.worklist.to_html.digest import content

MakeListing = Callable[..., Listing]


class Parts(HTMLParser):
    """The elements of a message, their attributes, and its text."""

    def __init__(self, message: bytes) -> None:
        super().__init__()
        self.tags: set[str] = set()
        self.attributes: set[str] = set()
        self.root: dict[str, str | None] = {}
        self.spoken: list[str] = []
        self.feed(message.decode())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.add(tag)
        self.attributes |= {name for name, _ in attrs}
        self.spoken.append(" " if tag in ("p", "br", "td") else "")
        if tag == "html":
            self.root = dict(attrs)

    def handle_data(self, data: str) -> None:
        self.spoken.append(data)

    @property
    def text(self) -> str:
        return " ".join("".join(self.spoken).split())


def rows(number: int) -> list[dict[str, Any]]:
    return [
        {
            "name": f"Person {n}",
            "owner": ("R. Amadi", "T. Lindqvist")[n % 2],
            "reason_2": "2 of 3 complaints in 30 days still open, the oldest 19 days",
            "phone": "+44 7700 900123",
        }
        for n in range(number)
    ]


def test_an_owner_reads_who_why_and_what_to_do(make_listing: MakeListing) -> None:
    rows = [
        {"name": "Ada", "owner": "R. Amadi", "channel": "phone", "phone": "+44 7700 900123"},
        {"name": "Bo", "owner": "T. Lindqvist"},
        {"name": "Cy", "owner": "R. Amadi", "lane": "fix_first", "churn_probability": 0.4},
    ]
    gone = [
        {"customer_id": "9", "name": "Ed", "owner": "R. Amadi", "lane": "", "why": "left"},
        {"customer_id": "8", "name": "Flo", "owner": "T. Lindqvist", "lane": "", "why": "left"},
    ]
    listing = make_listing(
        rows, dropped=pa.Table.from_pylist(gone, schema=artefacts.DROPPED.schema)
    )
    text = Parts(content(listing.for_owner("R. Amadi"), "R. Amadi")).text
    for part in (
        "Customers at risk: R. Amadi",
        "1 to contact and 1 to fix first. Likely loss, next 28 days: £1,333.",
        "Ada 00001 very high 61% \u2013 last visit 26 days ago, usually every 4 Do first: Call and",
        "by phone · +44 7700 900123",
        "Cy 00003 high 40%",
        "fix first: Call and listen",
        "No longer on your list Ed \u2013 has left",
        f"at_risk-{slug('R. Amadi')}.xlsx",
    ):
        assert part in text
    assert "Bo" not in text
    assert "Flo" not in text


def test_only_what_mail_programs_keep(make_listing: MakeListing) -> None:
    parts = Parts(content(make_listing(rows(5), notes=("A note.",)), "R. Amadi"))
    assert parts.tags <= {
        "html",
        "head",
        "meta",
        "title",
        "body",
        "table",
        "tr",
        "td",
        "p",
        "h1",
        "b",
        "span",
        "bdi",
        "br",
    }
    assert not {"class", "id", "src", "href"} & parts.attributes


@pytest.mark.parametrize("number", [0, 1, 150, 2_000])
def test_never_too_long(make_listing: MakeListing, number: int) -> None:
    listing = make_listing(rows(number), events=0)
    message = content(listing, None)
    assert len(message) < 100_000
    text = Parts(message).text
    shown = len(re.findall(r"\bPerson \d+\b", text))
    more = re.search(r"and ([\d,]+) more on the list", text)
    assert shown + int(more[1].replace(",", "") if more else 0) == number
    assert shown == min(number, 40)


def test_hostile_text_is_only_text_and_not_too_long(
    make_listing: MakeListing, hostile: tuple[str, ...]
) -> None:
    texts = ("name", "owner", "phone", "email", "reason_1", "action", "channel", "covered_for")
    rows = [dict.fromkeys(texts, text) for text in hostile]
    gone = [{"customer_id": "9", "name": cell, "lane": "", "why": "left"} for cell in hostile]
    listing = make_listing(
        rows,
        company=hostile[-1],
        notes=hostile,
        dropped=pa.Table.from_pylist(gone, schema=artefacts.DROPPED.schema),
    )
    message = content(listing, hostile[11])
    assert len(message) < 100_000
    assert not {"script", "img"} & Parts(message).tags
    assert "<script>alert(1)</script>" in Parts(message).text


@pytest.mark.parametrize("code", ["en", "ur", "bn"])
def test_in_the_language_of_the_list(make_listing: MakeListing, code: str) -> None:
    translation = language(code)
    parts = Parts(content(make_listing(rows(3), language=translation), None))
    assert parts.root == {"lang": code, "dir": translation.direction}
    assert translation.percent(0.61) in parts.text
    assert translation.gettext("Customers at risk without an owner") in parts.text


def test_it_is_readable_on_a_phone(
    make_listing: MakeListing, browser: Browser, tmp_path: Path
) -> None:
    (tmp_path / "digest.html").write_bytes(content(make_listing(rows(3)), "R. Amadi"))
    page = browser.new_page(viewport={"width": 375, "height": 800})
    page.goto((tmp_path / "digest.html").as_uri())
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    page.close()


def test_the_same_list_is_the_same_bytes(make_listing: MakeListing) -> None:
    listing = make_listing(rows(3))
    assert content(listing, "R. Amadi") == content(listing, "R. Amadi")
