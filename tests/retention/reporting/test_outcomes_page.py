"""The page of outcomes, in a real browser and from disk: the verdict first, and nothing else."""

import dataclasses
import datetime as dt
import math
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from pathlib import Path
from typing import Final

import pandas as pd
import pytest
from playwright.sync_api import Browser, Page

from pipeline import outcomes
from retention.core import artefacts
from retention.experiments.reason_check import assess_reasons
from retention.experiments.report_data import OutcomesReport
from retention.experiments.report_metrics import report_metrics
from retention.reporting.outcomes import page, wording
from retention.reporting.outcomes import table as outcomes_table
from tests.support import campaigns
from tests.support.campaigns import AS_OF, mature_follow_up, pending_follow_up

Open = Callable[..., Page]


def content(*parts: pd.DataFrame, **changes: dict[str, object]) -> OutcomesReport:
    followed = pd.concat(parts, ignore_index=True)
    return outcomes.outcomes(followed, campaigns.LANES, campaigns.params_with(**changes), AS_OF)


WAIT: Final = pending_follow_up(200, AS_OF - dt.timedelta(days=8))
RICH: Final = content(mature_follow_up((520, 3600), (112, 400)), WAIT)
CASES: Final = {
    "rich": RICH,
    "harm": content(mature_follow_up((1200, 3600), (80, 400))),
    "no effect": content(mature_follow_up((5000, 20000), (1250, 5000))),
    "too few": content(mature_follow_up((60, 300), (9, 35)), WAIT),
    "no interval": content(mature_follow_up((1, 12), (0, 3)), WAIT),
    "waiting": content(WAIT),
    "empty": content(mature_follow_up((0, 0), (0, 0))),
    "nobody held out": content(mature_follow_up((30, 100), (0, 0)), at_risk={"holdout_share": 0.0}),
    "urdu": content(mature_follow_up((520, 3600), (112, 400)), WAIT, at_risk={"language": "ur"}),
}
each_case = pytest.mark.parametrize("shown", CASES.values(), ids=CASES)

HEADLINES: Final = {
    "rich": r"Saved 488 customers, between 223 and 753\.",
    "harm": r"Lost \d+ customers who would have stayed if left alone, between .*\.",
    "no effect": r"No effect shown, though .*\.",
    "too few": r"Cannot be measured yet: needs 1,240 held out and 10,623 to contact, .*\.",
    "no interval": r"Cannot be measured yet: .*\.",
    "waiting": r".* will be known on 21 September 2026\.",
    "empty": r".* the first result can come on 29 September 2026\.",
    "nobody held out": r"Nothing can be measured: nobody is held out at random\. .*",
}


def test_who_had_no_place_on_a_list_is_counted_and_explained() -> None:
    """Of 20 of 200 that were to be held out, chance took fewer: 3 fell below the capacity."""
    waiting = WAIT.assign(play=WAIT["play"].where(WAIT.index >= 3))
    shown = content(waiting)
    (batch,) = shown.batches
    assert (batch.contact, batch.holdout, batch.without_place) == (180, 20, 3)
    assert "3 of those to contact had no place on a list" in page.html(shown)
    assert "no place on a list" not in page.html(CASES["waiting"])


@pytest.fixture
def said_or_asked() -> list[str]:
    """All that a page writes to the console, and every address it asks for but its own."""
    return []


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path, said_or_asked: list[str]) -> Iterator[Open]:
    contexts = []

    def opened(shown: OutcomesReport, width: int = 1280) -> Page:
        path = tmp_path / "outcomes.html"
        path.write_text(page.html(shown), encoding="utf-8")
        contexts.append(browser.new_context(viewport={"width": width, "height": 844}))
        opened = contexts[-1].new_page()
        opened.on("console", lambda message: said_or_asked.append(message.text))
        opened.on("pageerror", lambda error: said_or_asked.append(str(error)))
        own = (path.as_uri(), "data:,")
        opened.on(
            "request",
            lambda request: None if request.url in own else said_or_asked.append(request.url),
        )
        opened.goto(path.as_uri())
        return opened

    yield opened
    for context in contexts:
        context.close()


@each_case
def test_it_opens_without_a_word_and_asks_for_nothing(
    open_page: Open, said_or_asked: list[str], shown: OutcomesReport
) -> None:
    opened = open_page(shown)
    assert opened.locator("h1").is_visible()
    assert said_or_asked == []


@each_case
def test_it_fits_a_phone(open_page: Open, shown: OutcomesReport) -> None:
    opened = open_page(shown, width=360)
    assert opened.evaluate("document.documentElement.scrollWidth") <= 360


@pytest.mark.parametrize("case", HEADLINES)
def test_the_verdict_comes_first_and_in_one_sentence(open_page: Open, case: str) -> None:
    first = open_page(CASES[case]).locator("main p").first
    assert re.fullmatch(HEADLINES[case], first.inner_text())


@each_case
def test_no_figure_is_no_number(shown: OutcomesReport) -> None:
    html = re.sub(r"<style>.*?</style>", "", page.html(shown), flags=re.DOTALL)
    assert not re.search(r"\b(nan|inf|None)\b", html)


def test_customers_and_money_are_claimed_only_once_they_are_measured() -> None:
    assert "customers saved</dt>" in page.html(RICH)
    assert "customers saved</dt>" not in page.html(CASES["too few"])
    [beneath] = wording.supporting_sentences(CASES["too few"])
    assert beneath.startswith("What is known so far leaves room for anything between ")


def test_arms_that_differed_are_told_beneath_the_verdict() -> None:
    assert RICH.balance is not None
    unlike = dataclasses.replace(RICH.balance, holds=False)
    sentences = list(wording.supporting_sentences(dataclasses.replace(RICH, balance=unlike)))
    assert sentences[-1].startswith("Take care: the two arms differed")


def test_who_was_held_out_and_contacted_is_a_mistake() -> None:
    contact, holdout = RICH.compliance
    wrong = dataclasses.replace(holdout, contacted=3)
    assert "by mistake" not in page.html(RICH)
    assert "by mistake" in page.html(dataclasses.replace(RICH, compliance=(contact, wrong)))


def test_how_often_the_first_reason_was_right_is_told_by_theme() -> None:
    answers = {"theme": ["billing"] * 4 + ["late"], "rating": [1.0, 1.0, 0.5, 0.0, 1.0]}
    shown = dataclasses.replace(RICH, reasons=assess_reasons(pd.DataFrame(answers)))
    html = page.html(shown)
    table = html[html.index('id="reasons"') : html.index('id="sound"')]
    assert "50.0%" in table
    assert 'id="reasons"' not in page.html(RICH)
    rows = [row for row in outcomes_table.table(shown) if row["section"] == "reasons"]
    assert [(row["group"], row["measure"], row["value"], row["n"]) for row in rows[:3]] == [
        ("billing", "right", 0.5, 4),
        ("billing", "partly right", 1, 4),
        ("billing", "wrong", 1, 4),
    ]
    assert (rows[0]["low"], rows[0]["high"]) == (
        pytest.approx(0.15004, abs=1e-5),
        pytest.approx(0.84996, abs=1e-5),
    )


def test_past_lists_are_judged_the_newest_first() -> None:
    """Of one list it is known that it said too little, of one that it was right; one waits."""
    first = mature_follow_up((30, 300), (60, 100)).assign(churn_probability=0.3)
    later = mature_follow_up((30, 300), (20, 100)).assign(
        churn_probability=0.21, list_id="L2", as_of=pd.Timestamp(AS_OF - dt.timedelta(days=60))
    )
    later["customer_id"] = "l" + later["customer_id"]
    shown = content(first, later, WAIT)
    html = page.html(shown)
    table = html[html.index('id="past"') :]
    right, low = (
        table.index(wording.CALIBRATION_VERDICTS[verdict]) for verdict in ("right", "too low")
    )
    assert right < low
    assert wording.CALIBRATION_VERDICTS["too few"] not in table
    metrics = report_metrics(shown)
    assert (metrics["lists_judged"], metrics["lists_right"]) == (2, 1)
    assert metrics["last_list_said"] == pytest.approx(0.21)
    assert metrics["last_list_left"] == 0.2
    rows = [row for row in outcomes_table.table(shown) if row["section"] == "past lists"]
    assert {row["group"] for row in rows if row["by"]} == {
        past_list.list_id for past_list in shown.past_lists
    }


def test_without_a_past_list_nothing_is_said_of_any() -> None:
    assert 'id="past"' not in page.html(CASES["waiting"])
    assert 'id="past"' in page.html(RICH)


PAPER: Final = 695  # of A4 less its margins, in pixels of 1/96 inch
HOSTILE: Final = '</style><script>alert(1)</script><img src=x onerror="alert(2)">'


class Elements(HTMLParser):
    """The tags of a page."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        assert not any(name.startswith("on") or name == "style" for name, _ in attrs)
        self.tags.append(tag)


def test_a_hostile_text_is_only_text(open_page: Open, said_or_asked: list[str]) -> None:
    groups = tuple(dataclasses.replace(subgroup, name=HOSTILE) for subgroup in RICH.subgroups)
    shown = dataclasses.replace(
        RICH, company=HOSTILE, campaign=HOSTILE, subgroups=groups, excluded_by_reason={HOSTILE: 3}
    )
    elements = Elements()
    elements.feed(page.html(shown))
    assert not {"script", "img"} & set(elements.tags)
    open_page(shown)
    assert said_or_asked == []


def test_the_picture_draws_both_arms_on_one_scale(open_page: Open) -> None:
    dots = open_page(RICH).locator("section[aria-labelledby=arms] circle")
    assert dots.count() == 2
    contact, holdout = (float(dots.nth(i).get_attribute("cx") or "nan") for i in (0, 1))
    assert (contact - 14) / (holdout - 14) == pytest.approx((520 / 3600) / (112 / 400), abs=0.002)


def test_paper_cuts_no_table(open_page: Open) -> None:
    opened = open_page(RICH, width=PAPER)
    opened.emulate_media(media="print")
    width = opened.locator("main").evaluate("e => e.getBoundingClientRect().right")
    ends = opened.locator("table").evaluate_all(
        "all => all.map(e => e.getBoundingClientRect().right)"
    )
    assert max(ends) <= width + 1


def test_the_table_says_what_the_page_says() -> None:
    rows = outcomes_table.table(RICH)
    saved = next(row for row in rows if row["measure"] == "customers saved")
    assert (saved["section"], saved["value"]) == ("result", 488.0)
    assert RICH.result is not None
    assert saved["low"] == pytest.approx(RICH.result.incremental.customers.low, abs=1e-6)
    numbers = [cell for row in rows for cell in row.values() if isinstance(cell, float)]
    assert all(map(math.isfinite, numbers))
    assert outcomes_table.as_csv(rows).startswith(",".join(outcomes_table.COLUMNS) + "\r\n")


@each_case
def test_a_figure_of_the_table_has_one_row(shown: OutcomesReport) -> None:
    named = artefacts.OUTCOMES_TABLE.key
    keys = [tuple(row[name] for name in named) for row in outcomes_table.table(shown)]
    assert len(keys) == len(set(keys))


def test_months_become_years_where_they_are_many() -> None:
    page_language = RICH.language
    assert [wording.format_months(x, page_language) for x in (0.0, 1.0, 24.0, 25.0, math.inf)] == [
        "enough already",
        "1 month",
        "24 months",
        "3 years",
        "never at this pace",
    ]
