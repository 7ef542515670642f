"""The page, in a real browser and from disk: it works, keeps quiet, and lets nothing run."""

import datetime as dt
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from importlib.resources import files
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from playwright.sync_api import Browser, Page

from retention.core import artefacts
from retention.i18n.language import language
from retention.policy.selection import ShadowPrice
from retention.worklist.model import Listing, Previous
from retention.worklist.to_html import details
from retention.worklist.to_html.page import content

MakeListing = Callable[..., Listing]


@dataclass
class Opened:
    """A page and all it said or asked for."""

    page: Page
    messages: list[str] = field(default_factory=list)
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
        opened_page = Opened(context.new_page())
        opened_page.page.on("console", lambda message: opened_page.messages.append(message.text))
        opened_page.page.on("pageerror", lambda error: opened_page.messages.append(str(error)))
        opened_page.page.on("dialog", lambda dialog: opened_page.messages.append(dialog.message))
        opened_page.page.on("request", lambda request: opened_page.asked.append(request.url))
        opened_page.page.goto((tmp_path / "list.html").as_uri())
        return opened_page

    yield opened
    for context in contexts:
        context.close()


def people(number: int) -> list[dict[str, Any]]:
    owners = ("R. Amadi", "T. Lindqvist")
    return [
        {"name": f"Person {n}", "owner": owners[n % 2], "days_since_purchase": float(n % 90)}
        for n in range(number)
    ]


def every_lane() -> list[dict[str, Any]]:
    """One customer in each lane that is listed, with everything a row can say."""
    everything = {
        "owner": "R. Amadi",
        "covered_for": "T. Lindqvist",
        "preferred_channel": "phone",
        "channel": "email",
        "language": "Urdu",
        "phone": "+44 7700 900123",
        "email": "ada@example.org",
        "reason_2": "5 contacts in the last year, about 0.4 is normal",
        "reason_3": "a payment failed 96 days ago",
        "last_said_on": dt.date(2026, 10, 3),
        "last_said": "the oven was late",
        "wording": "We are sorry, and have put it back.",
        "avoid": "Do not offer a longer contract",
        "otherwise": "Write a letter",
    }
    return [
        everything | {"name": "Ada", "change": "new", "budget": 20.0, "approval": True},
        everything | {"name": "Bo", "lane": "fix_first", "change": "worse"},
        everything | {"name": "Cy", "lane": "gave_notice", "change": "better"},
        everything | {"name": "Di", "lane": "cooling_off", "action_name": "credit_back"},
    ]


def names(page: Page) -> list[str]:
    return page.locator("#rows .who strong bdi").all_inner_texts()


def test_it_opens_without_a_word_and_asks_for_nothing(
    open_page: Open, make_listing: MakeListing
) -> None:
    opened = open_page(make_listing(people(3)))
    opened.page.locator(".who button").first.click()
    assert opened.messages == []
    assert [url.split(":")[0] for url in opened.asked if not url.startswith("data:")] == ["file"]


def test_the_policy_forbids_every_network_request(
    open_page: Open, make_listing: MakeListing
) -> None:
    opened = open_page(make_listing(people(1)))
    failed = opened.page.evaluate(
        "fetch('https://example.org/').then(() => 'reached', () => 'refused')"
    )
    assert failed == "refused"
    assert any("Content Security Policy" in message for message in opened.messages)


# The summary


def test_notes_come_first_and_the_summary_last_and_it_adds_up(
    open_page: Open, make_listing: MakeListing
) -> None:
    note = "Too little history: a simple rule ranks this list."
    rows = [*people(4), {"lane": "fix_first", "name": "Fixed first"}]
    page = open_page(make_listing(rows, notes=(note,))).page
    text = page.inner_text("body")
    assert text.index("Mill Lane Bakery") < text.index(note) < text.index("Person 0")
    assert text.index("Person 3") < text.index("More about this list", text.index("Person 0"))
    figures = page.locator(".figures dd").all_inner_texts()
    assert figures == ["4", "£208.33", "1", "£2,283"]
    lanes = page.locator(".account .lane td").all_inner_texts()
    assert lanes == ["4", "1", "11", "5"]
    assert page.inner_text(".account tfoot td") == "21"
    assert "held out at random, for comparison" in page.inner_text(".account")


def test_what_changed_what_limits_cost_and_what_is_known(
    open_page: Open, make_listing: MakeListing
) -> None:
    gone = [
        {"customer_id": "90001", "name": "Ed", "lane": "leave_alone", "why": "below_capacity"},
        {"customer_id": "90002", "name": None, "lane": "", "why": "left"},
    ]
    listing = make_listing(
        every_lane(),
        previous=Previous("before", dt.date(2026, 10, 25), 0.62),
        dropped=pa.Table.from_pylist(gone, schema=artefacts.DROPPED.schema),
        limits=(ShadowPrice(kind="owner", name="R. Amadi", limit=20, more=5, worth=66.0),),
        evidence=("Call and listen: not yet measured.",),
    )
    page = open_page(listing).page
    page.locator(".news details summary").click()
    text = page.inner_text(".news")
    assert "Since the list of 25 October 2026" in text
    assert "1 new, 1 worse, 1 better and 1 no change" in text
    assert "62% stand on both lists" in text
    assert "2 customers are no longer listed" in text
    assert "Ed 90001 \u2013 leave alone: below what staff can handle" in text
    assert "90002 \u2013 has left" in text
    assert "5 more contacts by R. Amadi would be worth £66.00." in text
    assert "Call and listen: not yet measured." in text


def test_the_words_explain_themselves(open_page: Open, make_listing: MakeListing) -> None:
    guide = open_page(make_listing(people(1))).page.inner_text(".guide")
    assert "Of 100 customers like the first on this list, about 61 buy nothing" in guide
    assert "a made-up model of 21 November 2026" in guide


# What a row says


def test_a_row_says_who_how_much_why_and_what_first(
    open_page: Open, make_listing: MakeListing
) -> None:
    cells = every_lane()
    cells[0]["value_at_stake"] = 999.0
    rows = open_page(make_listing(cells)).page.locator("#rows tr")
    first, second = (" ".join(rows.nth(n).inner_text().split()) for n in (0, 1))
    for part in (
        "+44 7700 900123 ada@example.org owner R. Amadi · for T. Lindqvist, who is away · "
        "prefers phone · speaks Urdu",
        "£999.00 next 28 days very high 61%",
        "new",
        "last visit 26 days ago, usually every 4",
        "a payment failed 96 days ago",
        "Do Call and listen by e-mail may offer up to £20.00, needs approval",
        "Say We are sorry, and have put it back.",
        "Mind Do not offer a longer contract",
    ):
        assert part in first
    assert "£120.50" not in first
    assert "fix first a case is still open" in second
    assert "may offer" not in second


def test_hostile_text_is_only_text(
    open_page: Open, make_listing: MakeListing, hostile: tuple[str, ...]
) -> None:
    texts = (
        "name",
        "owner",
        "phone",
        "email",
        "preferred_channel",
        "reason_1",
        "last_said",
        "action",
        "wording",
        "avoid",
        "otherwise",
        "covered_for",
        "language",
        "channel",
    )
    rows = [dict.fromkeys(texts, text) for text in hostile]
    opened = open_page(make_listing(rows, notes=hostile, company=hostile[10], model=hostile[11]))
    page = opened.page
    shown = page.locator("#rows .who strong bdi").all_text_contents()
    assert [" ".join(text.split()) for text in shown] == [
        " ".join((text if len(text) <= 160 else f"{text[:159]}…").split()) for text in hostile
    ]
    page.evaluate("document.querySelectorAll('.who button').forEach((one) => one.click())")
    assert page.locator("#rows .details").count() == len(hostile)
    assert page.locator(".todo-in-full dd").first.text_content() == hostile[0]
    assert page.locator("#rows .todo dd strong").first.text_content() == hostile[0]
    assert opened.messages == []
    assert page.locator("script").count() == 4
    assert page.locator("img").count() == 0
    assert set(page.locator("#rows a").all_inner_texts()) == {"00123"}
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_only_a_plain_number_or_address_becomes_a_link(
    open_page: Open, make_listing: MakeListing
) -> None:
    rows = [
        {"phone": "+44 7700 900123", "email": "ada@example.org"},
        {"phone": "javascript:alert(1)", "email": "a@b?bcc=x@y"},
    ]
    links = open_page(make_listing(rows)).page.locator("#rows a")
    links_found = links.evaluate_all("all => all.map(one => one.getAttribute('href'))")
    assert links_found == ["tel:+447700900123", "mailto:ada@example.org"]


# Search, filter, sort


def test_search_finds_by_any_word_whatever_the_accents(
    open_page: Open, make_listing: MakeListing
) -> None:
    rows = [{"name": "Zoë Åström"}, {"name": "Ada", "reason_3": "ticket open"}, {"name": "Bo"}]
    page = open_page(make_listing(rows)).page
    page.fill("#search", "astrom zoe")
    assert names(page) == ["Zoë Åström"]
    assert page.inner_text("#status") == "Found: 1"
    page.fill("#search", "TICKET")
    assert names(page) == ["Ada"]
    page.fill("#search", "nothing like it")
    assert page.inner_text("#status") == "Nobody found"
    page.fill("#search", "")
    assert len(names(page)) == 3


def test_filters(open_page: Open, make_listing: MakeListing) -> None:
    rows = every_lane()
    rows[1] |= {"owner": "T. Lindqvist", "themes": "billing recency"}
    rows[2] |= {"churn_probability": 0.4, "themes": "portal billing"}
    rows[3] |= {"churn_probability": 0.31}
    page = open_page(make_listing(rows)).page
    for name, label, expected in (
        ("owner", "T. Lindqvist (1)", ["Bo"]),
        ("play", "Credit what was overcharged (1)", ["Di"]),
        ("level", "high (2)", ["Cy", "Di"]),
        ("kinds", "bills and payments (2)", ["Bo", "Cy"]),
    ):
        page.select_option(f"select[data-filter={name}]", label=label)
        assert names(page) == expected, name
        page.select_option(f"select[data-filter={name}]", index=0)


def test_a_lane_by_itself(open_page: Open, make_listing: MakeListing) -> None:
    page = open_page(make_listing([*every_lane(), {"name": "Ed", "lane": "fix_first"}])).page
    button = page.locator("#lanes button", has_text="fix first")
    assert button.inner_text() == "fix first 2"
    button.click()
    assert names(page) == ["Bo", "Ed"]
    assert button.get_attribute("aria-pressed") == "true"
    assert page.locator("#lanes [aria-pressed=true]").count() == 1


def test_no_choice_where_there_is_none(open_page: Open, make_listing: MakeListing) -> None:
    page = open_page(make_listing([{"name": "Ada"}])).page
    assert page.locator("#lanes, select[data-filter]").count() == 0


def test_sorts_by_choice(open_page: Open, make_listing: MakeListing) -> None:
    rows: list[dict[str, Any]] = [
        {"name": "Bo", "value_at_stake": 5.0, "net_gain": 2.0, "churn_probability": 0.1},
        {"name": "ada", "value_at_stake": 4.0, "net_gain": 3.0, "churn_probability": 0.2},
        {"name": "Cy", "value_at_stake": 6.0, "net_gain": None, "churn_probability": 0.3},
    ]
    for row, days in zip(rows, (5.0, None, 50.0), strict=True):
        row["days_since_purchase"] = days
    page = open_page(make_listing(rows), width=390).page
    assert not page.is_visible("thead")
    page.click(".finder summary")
    for order, expected in (
        ("rank", "Bo ada Cy"),
        ("likely loss", "Cy Bo ada"),
        ("net gain", "ada Bo Cy"),
        ("highest risk", "Cy ada Bo"),
        ("longest silence", "Cy Bo ada"),
        ("name", "ada Bo Cy"),
    ):
        page.select_option("#order", label=order)
        assert names(page) == expected.split(), order


def test_sorts_by_click_and_by_keyboard(open_page: Open, make_listing: MakeListing) -> None:
    rows = [{"name": "Bo"}, {"name": "ada", "churn_probability": 0.2}, {"name": "Cy"}]
    page = open_page(make_listing(rows)).page
    risk = page.locator("th[data-key=risk]")
    risk.locator("button").click()
    assert names(page) == ["Bo", "Cy", "ada"]
    assert risk.get_attribute("aria-sort") == "descending"
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
    assert page.inner_text("#status") == "Shown: 100 of 250"
    page.click("#more")
    assert len(names(page)) == 200
    assert page.evaluate("document.activeElement.innerText").startswith("Person 100")
    page.click("#more")
    assert len(names(page)) == 250
    assert not page.is_visible("#more")


def test_five_thousand_customers(open_page: Open, make_listing: MakeListing) -> None:
    listing = make_listing([*people(4_999), {"name": "Zoë"}], events=20)
    page = open_page(listing).page
    assert page.locator("#rows tr").count() == 100
    page.fill("#search", "zoe")
    assert page.inner_text("#status") == "Found: 1"
    page.fill("#search", "")
    page.locator("th[data-key=name] button").click()
    assert page.locator("#rows tr").count() == 100
    page.locator(".who button").first.click()
    assert page.locator(".timeline li").count() == 20
    texts = details.page_data(listing)["texts"]
    assert len(texts) == len(set(texts)) < 400  # each stands there once
    assert len(content(listing)) < 8_000_000


# A customer opens


def test_a_customer_opens_to_all_that_is_known(open_page: Open, make_listing: MakeListing) -> None:
    page = open_page(make_listing(every_lane())).page
    button = page.locator(".who button").first
    assert button.get_attribute("aria-expanded") == "false"
    button.click()
    assert button.get_attribute("aria-expanded") == "true"
    opened = page.locator(f"#{button.get_attribute('aria-controls')}")
    parts = [opened.locator(f".{name}-in-full").inner_text() for name in ("todo", "figures")]
    assert [text for part in parts for text in part.split("\n") if text] == [
        "Beside that",
        "Otherwise",
        "Write a letter",
        "What they last said",
        "3 Oct 2026: the oven was late",
        "The figures",
        "Net gain expected",
        "£100.00",
        "Expected value",
        "£120.50 (\u2212£3.00 to £240.25)",
        "Silent for",
        "26 days, usually every 4",
        "Last purchase",
        "27 Oct 2026",
    ]
    events = opened.locator(".timeline li").all_inner_texts()
    assert events == [
        "20 Nov 2026 complained: the bread came late trouble",
        "13 Nov 2026 ordered 12 loaves",
        "6 Nov 2026 praised the new rye good news",
    ]
    picture = opened.locator("svg[role=img]")
    assert (picture.get_attribute("aria-label") or "").startswith("22 Jun 2026: 17%; 22 Jul")
    assert picture.locator("circle").count() == 6


def test_a_customer_of_whom_little_is_known_opens_too(
    open_page: Open, make_listing: MakeListing
) -> None:
    empty = ("action", "reason_1", "last_purchase_on", "silent_since", "net_gain", "expected_value")
    bare = dict.fromkeys(empty)
    opened = open_page(
        make_listing([bare], events=0, history=artefacts.RISK_HISTORY.schema.empty_table())
    )
    opened.page.locator(".who button").click()
    assert opened.messages == []
    assert opened.page.locator(".parts p").all_inner_texts() == ["nothing known"] * 3


def test_what_is_open_stays_open_where_its_customer_goes(
    open_page: Open, make_listing: MakeListing
) -> None:
    page = open_page(make_listing(people(3))).page
    page.locator(".who button").nth(0).click()
    page.select_option("#order", label="longest silence")
    after = "document.querySelector('.details').previousElementSibling.querySelector('strong')"
    assert page.evaluate(f"{after}.innerText").startswith("Person 0")
    page.fill("#search", "00002")
    assert page.locator(".details").count() == 0
    page.fill("#search", "")
    assert page.locator(".details").count() == 1


def test_the_keyboard_is_enough(open_page: Open, make_listing: MakeListing) -> None:
    page = open_page(make_listing(every_lane())).page
    focused = "document.activeElement"
    page.keyboard.press("Tab")
    assert page.evaluate(f"{focused}.className") == "skip"
    page.keyboard.press("Enter")
    assert page.evaluate(f"{focused}.id") == "list"
    for _ in range(6):  # the headings, then the first customer
        page.keyboard.press("Tab")
    assert page.evaluate(f"{focused}.innerText") == "Ada"
    outline = f"getComputedStyle({focused}).outlineStyle"
    assert page.evaluate(outline) == "solid"
    for key in ("Enter", "Space"):
        page.keyboard.press(key)
        assert page.locator(".details").count() == 1
        page.keyboard.press("Escape")
        assert page.locator(".details").count() == 0
        assert page.evaluate(f"{focused}.innerText") == "Ada"


# Languages, paper, phones


@pytest.mark.parametrize("code", ["ur", "bn"])
def test_another_language(open_page: Open, make_listing: MakeListing, code: str) -> None:
    translation = language(code)
    opened = open_page(make_listing([*every_lane(), *people(120)], language=translation))
    page = opened.page
    page.locator(".who button").first.click()
    assert opened.messages == []
    assert page.locator("html").get_attribute("lang") == code
    assert page.locator("html").get_attribute("dir") == translation.direction
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    assert translation.number(124) in page.inner_text("#status")
    assert translation.gettext("What happened") in page.inner_text(".happened")
    left = "document.querySelector('#rows .rank').getBoundingClientRect().x"
    assert page.evaluate(f"{left} < 100") == (translation.direction == "ltr")


@pytest.mark.parametrize(("width", "height"), [(1280, 720), (390, 844)])
def test_the_first_customer_is_whole_on_the_first_screen(
    open_page: Open, make_listing: MakeListing, width: int, height: int
) -> None:
    rows = [row | {"phone": "+44 7700 900123"} for row in every_lane()]
    notes = ("Too little history: a simple rule ranks this list.", "Drift: look before calling.")
    page = open_page(make_listing(rows, notes=notes), width=width).page
    page.set_viewport_size({"width": width, "height": height})
    row = page.locator("#rows tr").first
    bottom = row.evaluate("one => one.getBoundingClientRect().bottom + scrollY")
    assert bottom <= height
    for part in (".who", ".why", ".todo", "a[href^='tel:']"):
        assert row.locator(part).first.is_visible()


@pytest.mark.parametrize("width", [320, 375, 700, 1024])
def test_no_width_scrolls_sideways(open_page: Open, make_listing: MakeListing, width: int) -> None:
    long = {"name": "W" * 150, "email": "very.long.address@" + "example" * 8 + ".org"}
    page = open_page(make_listing([*every_lane(), long]), width=width).page
    page.locator(".who button").first.click()
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_it_reads_without_its_script(open_page: Open, make_listing: MakeListing) -> None:
    page = open_page(make_listing(people(150)), script=False).page
    assert page.locator("#rows tr:visible").count() == 150
    assert not page.is_visible("#controls")
    assert "script of this page does not run" in page.inner_text("noscript")


def test_paper_has_every_row_found_what_is_open_and_no_controls(
    open_page: Open, make_listing: MakeListing
) -> None:
    page = open_page(make_listing(people(260))).page
    page.select_option("select[data-filter=owner]", label="R. Amadi (130)")
    page.locator(".who button").first.click()
    page.evaluate(
        """addEventListener("beforeprint", () => {
            window.printed = ["", ".details"].map((kind) =>
                document.querySelectorAll(`#rows tr${kind}`).length);
        })"""
    )
    assert page.pdf(prefer_css_page_size=True).startswith(b"%PDF")
    assert page.evaluate("window.printed") == [131, 1]
    assert len(names(page)) == 100
    page.emulate_media(media="print")
    assert page.is_visible(".details")
    for control in ("#controls", "#more", ".skip"):
        assert not page.is_visible(control)


@pytest.mark.parametrize(("width", "code"), [(1280, "en"), (375, "ur")])
def test_no_serious_fault_for_those_who_see_or_hear_otherwise(
    open_page: Open, make_listing: MakeListing, width: int, code: str
) -> None:
    listing = make_listing(
        [*every_lane(), *people(8)],
        notes=("A note.",),
        evidence=("Not yet measured.",),
        previous=Previous("before", dt.date(2026, 10, 25), 0.62),
        language=language(code),
    )
    page = open_page(listing, width=width).page
    page.locator(".who button").first.click()
    axe = files("axe_playwright_python").joinpath("axe.min.js").read_text(encoding="utf-8")
    page.evaluate(f"{axe}; undefined")
    violations = page.evaluate("axe.run().then((found) => found.violations)")
    problems = [
        (violation["id"], violation["nodes"][0]["html"])
        for violation in violations
        if violation["impact"] in ("serious", "critical")
    ]
    assert problems == []


def test_nobody_to_contact(open_page: Open, make_listing: MakeListing) -> None:
    opened = open_page(make_listing([]))
    assert opened.messages == []
    assert "Nobody to contact today." in opened.page.inner_text("main")


def test_the_same_list_is_the_same_bytes(make_listing: MakeListing) -> None:
    listing = make_listing(people(3))
    assert content(listing) == content(listing)
