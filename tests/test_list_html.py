"""The page, in a real browser and from disk: it works, keeps quiet, and lets nothing run."""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from playwright.sync_api import Browser, Page

from pipeline.listing import Listing
from pipeline.listing.as_html import content

MakeListing = Callable[..., Listing]


@dataclass
class Opened:
    """A page and all it said or asked for."""

    page: Page
    said: list[str] = field(default_factory=list)
    asked: list[str] = field(default_factory=list)


Open = Callable[..., Opened]


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path) -> Iterator[Open]:
    contexts = []

    def opened(listing: Listing, width: int = 1280, script: bool = True) -> Opened:
        (tmp_path / "list.html").write_bytes(content(listing))
        context = browser.new_context(
            viewport={"width": width, "height": 844}, java_script_enabled=script
        )
        contexts.append(context)
        made = Opened(context.new_page())
        made.page.on("console", lambda message: made.said.append(message.text))
        made.page.on("pageerror", lambda error: made.said.append(str(error)))
        made.page.on("dialog", lambda dialog: made.said.append(dialog.message))
        made.page.on("request", lambda request: made.asked.append(request.url))
        made.page.goto((tmp_path / "list.html").as_uri())
        return made

    yield opened
    for context in contexts:
        context.close()


def people(number: int) -> list[dict[str, object]]:
    owners = ("R. Amadi", "T. Lindqvist")
    return [
        {"name": f"Person {n}", "owner": owners[n % 2], "days_since_purchase": float(n % 90)}
        for n in range(number)
    ]


def names(page: Page) -> list[str]:
    return page.locator("#rows .who strong").all_inner_texts()


def test_it_opens_without_a_word_and_asks_for_nothing(
    open_page: Open, make_listing: MakeListing
) -> None:
    opened = open_page(make_listing(people(3)))
    assert opened.said == []
    assert [url.split(":")[0] for url in opened.asked if not url.startswith("data:")] == ["file"]


def test_the_policy_forbids_every_network_request(
    open_page: Open, make_listing: MakeListing
) -> None:
    opened = open_page(make_listing(people(1)))
    failed = opened.page.evaluate(
        "fetch('https://example.org/').then(() => 'reached', () => 'refused')"
    )
    assert failed == "refused"
    assert any("Content Security Policy" in said for said in opened.said)


def test_the_summary_comes_first_and_adds_up(open_page: Open, make_listing: MakeListing) -> None:
    note = "Too little history: a simple rule ranks this list."
    page = open_page(make_listing(people(4), notes=(note,))).page
    text = page.inner_text("body")
    assert text.index("Mill Lane Bakery") < text.index(note) < text.index("Person 0")
    assert "£2,083" in page.inner_text(".figures")
    counts = [int(one) for one in page.locator(".account td").all_inner_texts()]
    assert sum(counts[:-1]) == counts[-1] == 20


def test_the_words_explain_themselves(open_page: Open, make_listing: MakeListing) -> None:
    guide = open_page(make_listing(people(1))).page.inner_text(".guide")
    assert "Of 100 customers like the first on this list, about 61 buy nothing" in guide
    assert "a made-up model of 21 November 2026" in guide


def test_hostile_text_is_only_text(
    open_page: Open, make_listing: MakeListing, hostile: tuple[str, ...]
) -> None:
    rows = [
        dict.fromkeys(("name", "owner", "phone", "email", "preferred_channel", "reason_1"), text)
        for text in hostile
    ]
    opened = open_page(make_listing(rows, notes=hostile, company=hostile[10], model=hostile[11]))
    page = opened.page
    assert opened.said == []
    assert page.locator("script").count() == 2
    assert page.locator("img").count() == 0
    assert page.locator("#rows a").all_inner_texts() == ["00123"]
    assert page.locator("#rows tr").count() == len(hostile)
    assert "<script>alert(1)</script>" in names(page)
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_only_a_plain_number_or_address_becomes_a_link(
    open_page: Open, make_listing: MakeListing
) -> None:
    rows = [
        {"phone": "+44 7700 900123", "email": "ada@example.org"},
        {"phone": "javascript:alert(1)", "email": "a@b?bcc=x@y"},
    ]
    links = open_page(make_listing(rows)).page.locator("#rows a")
    found = links.evaluate_all("all => all.map(one => one.getAttribute('href'))")
    assert found == ["tel:+447700900123", "mailto:ada@example.org"]


def test_search_finds_by_any_word_whatever_the_accents(
    open_page: Open, make_listing: MakeListing
) -> None:
    rows = [{"name": "Zoë Åström"}, {"name": "Ada", "reason_2": "ticket open"}, {"name": "Bo"}]
    page = open_page(make_listing(rows)).page
    page.fill("#search", "astrom zoe")
    assert names(page) == ["Zoë Åström"]
    assert page.inner_text("#status") == "1 customer found"
    page.fill("#search", "TICKET")
    assert names(page) == ["Ada"]
    page.fill("#search", "nothing like it")
    assert page.inner_text("#status") == "Nobody found"
    page.fill("#search", "")
    assert len(names(page)) == 3


def test_one_owner_sees_their_own(open_page: Open, make_listing: MakeListing) -> None:
    page = open_page(make_listing(people(5))).page
    page.select_option("#owner", "T. Lindqvist")
    assert names(page) == ["Person 1", "Person 3"]


def test_sorts_by_click_and_by_keyboard(open_page: Open, make_listing: MakeListing) -> None:
    rows = [
        {"name": "Bo", "days_since_purchase": 5.0},
        {"name": "ada", "days_since_purchase": None},
        {"name": "Cy", "days_since_purchase": 50.0},
    ]
    page = open_page(make_listing(rows)).page
    silent = page.locator("th[data-key=days]")
    silent.locator("button").click()
    assert names(page) == ["Cy", "Bo", "ada"]
    assert silent.get_attribute("aria-sort") == "descending"
    page.keyboard.press("Enter")
    assert names(page) == ["ada", "Bo", "Cy"]
    for _ in range(3):
        page.keyboard.press("Shift+Tab")
    page.keyboard.press("Space")
    assert names(page) == ["ada", "Bo", "Cy"]
    assert page.locator("th[aria-sort]").get_attribute("data-key") == "name"


def test_a_hundred_at_a_time(open_page: Open, make_listing: MakeListing) -> None:
    page = open_page(make_listing(people(250))).page
    assert len(names(page)) == 100
    page.click("#more")
    assert len(names(page)) == 200
    assert page.evaluate("document.activeElement.dataset.rank") == "101"
    page.click("#more")
    assert len(names(page)) == 250
    assert not page.is_visible("#more")


def test_five_thousand_rows_respond(open_page: Open, make_listing: MakeListing) -> None:
    page = open_page(make_listing(people(5_000))).page
    took = page.evaluate(
        """() => {
            const started = performance.now(), search = document.querySelector("#search");
            search.value = "person 4999";
            search.dispatchEvent(new Event("input"));
            document.querySelector("th[data-key=name] button").click();
            return performance.now() - started + 0 * document.body.offsetHeight;
        }"""
    )
    assert took < 3_000
    assert page.inner_text("#status").endswith("found")


@pytest.mark.parametrize("width", [320, 390, 700, 1024])
def test_no_width_scrolls_sideways(open_page: Open, make_listing: MakeListing, width: int) -> None:
    rows = [*people(3), {"name": "W" * 150, "email": "very.long.address@" + "example" * 8 + ".org"}]
    page = open_page(make_listing(rows), width=width).page
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_a_phone_sorts_too(open_page: Open, make_listing: MakeListing) -> None:
    page = open_page(make_listing(people(3)), width=390).page
    assert not page.is_visible("thead")
    page.select_option("#order", "days -1")
    assert names(page) == ["Person 2", "Person 1", "Person 0"]


def test_it_reads_without_its_script(open_page: Open, make_listing: MakeListing) -> None:
    page = open_page(make_listing(people(150)), script=False).page
    assert page.locator("#rows tr:visible").count() == 150
    assert not page.is_visible("#controls")


def test_paper_has_every_row_and_no_controls(open_page: Open, make_listing: MakeListing) -> None:
    page = open_page(make_listing(people(130))).page
    page.evaluate(
        """addEventListener("beforeprint", () => {
            window.printed = document.querySelectorAll("#rows tr").length;
        })"""
    )
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
    assert page.evaluate("window.printed") == 130
    assert len(names(page)) == 100
    page.emulate_media(media="print")
    assert not page.is_visible("#controls")
    assert not page.is_visible("#more")


def test_every_text_is_dark_enough(open_page: Open, make_listing: MakeListing) -> None:
    page = open_page(make_listing(people(101), notes=("A note.",))).page
    worst = page.evaluate(
        """() => {
            const linear = (c) => c <= 0.04045 ? c / 12.92 : ((c + 0.055) / 1.055) ** 2.4;
            const light = (rgb) => rgb.match(/[0-9.]+/g).slice(0, 3).map((c) => linear(c / 255))
                .reduce((sum, c, i) => sum + c * [0.2126, 0.7152, 0.0722][i], 0);
            const behind = (node) => {
                const colour = getComputedStyle(node).backgroundColor;
                const clear = colour.endsWith(", 0)") && node.parentElement;
                return clear ? behind(node.parentElement) : colour;
            };
            const ratio = (node) => {
                const [a, b] = [getComputedStyle(node).color, behind(node)].map(light);
                return (Math.max(a, b) + 0.05) / (Math.min(a, b) + 0.05);
            };
            const texts = [...document.querySelectorAll("body *")].filter((node) =>
                [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim()));
            return Math.min(...texts.filter((node) => node.tagName !== "SCRIPT").map(ratio));
        }"""
    )
    assert worst >= 4.5


def test_nobody_to_call(open_page: Open, make_listing: MakeListing) -> None:
    opened = open_page(make_listing([]))
    assert opened.said == []
    assert "Nobody to call today." in opened.page.inner_text("main")


def test_the_same_list_is_the_same_bytes(make_listing: MakeListing) -> None:
    listing = make_listing(people(3))
    assert content(listing) == content(listing)
