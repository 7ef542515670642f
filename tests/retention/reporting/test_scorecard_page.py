"""The scorecard's page in a real browser, from disk, and its table, against the report."""

import csv
import dataclasses
import datetime as dt
import io
import math
import re
from collections.abc import Callable, Iterator
from html.parser import HTMLParser
from itertools import pairwise
from pathlib import Path
from xml.etree import ElementTree

import pytest
from playwright.sync_api import Browser, Page

from retention.core.csv_injection import unescape_formula
from retention.reporting import page as base_page
from retention.reporting.scorecard import charts, page, table, time_series, wording
from retention.scorecard import report_data
from retention.scorecard.report_data import Figure, ScorecardReport
from tests.support.scorecards import EMPTY, RICH

CSS = base_page.style(Path(page.__file__).parent / "scorecard.css")
Open = Callable[..., Page]


@pytest.fixture
def said_or_asked() -> list[str]:
    """All that a page writes to the console, and every address it asks for but its own."""
    return []


@pytest.fixture
def open_page(browser: Browser, tmp_path: Path, said_or_asked: list[str]) -> Iterator[Open]:
    contexts = []

    def opened(shown: ScorecardReport, width: int = 1280, script: bool = True) -> Page:
        path = tmp_path / "scorecard.html"
        path.write_text(page.html(shown), encoding="utf-8")
        contexts.append(
            browser.new_context(
                viewport={"width": width, "height": 844}, java_script_enabled=script
            )
        )
        browser_page = contexts[-1].new_page()
        browser_page.on("console", lambda message: said_or_asked.append(message.text))
        browser_page.on("pageerror", lambda error: said_or_asked.append(str(error)))
        browser_page.on("dialog", lambda dialog: said_or_asked.append(dialog.message))
        own = (path.as_uri(), "data:,")
        browser_page.on(
            "request",
            lambda request: None if request.url in own else said_or_asked.append(request.url),
        )
        browser_page.goto(path.as_uri())
        return browser_page

    yield opened
    for context in contexts:
        context.close()


def hostile_report(texts: tuple[str, ...]) -> ScorecardReport:
    """The rich content with a hostile text wherever a company's data may bring one."""
    groups = tuple(report_data.GroupFigure(text, Figure(0.5, 0.4, 0.6, 9)) for text in texts)
    timing = report_data.ChurnTiming(
        tuple(dataclasses.replace(RICH.timing.curves[0], group=text) for text in texts[10:]),
        tuple(dataclasses.replace(RICH.timing.hazards[0], group=text) for text in texts[10:]),
    )
    causes = [dataclasses.replace(RICH.drivers.causes[0], title=text) for text in texts[9:]]
    return dataclasses.replace(
        RICH,
        company=texts[11],
        breakdowns=tuple(
            report_data.Breakdown("On time", "share", dimension, groups) for dimension in texts[:13]
        ),
        customer_groups=(report_data.Breakdown("On time", "share", texts[12], groups),),
        timing=timing,
        drivers=dataclasses.replace(RICH.drivers, causes=tuple(causes)),
        channel_ltv=tuple(dataclasses.replace(RICH.channel_ltv[0], channel=text) for text in texts),
    )


@pytest.mark.parametrize("shown", [RICH, EMPTY], ids=["rich", "empty"])
def test_it_opens_without_a_word_and_asks_for_nothing(
    open_page: Open, said_or_asked: list[str], shown: ScorecardReport
) -> None:
    opened = open_page(shown)
    assert said_or_asked == []
    assert "Mill Lane Bakery" in opened.inner_text("header")


def test_an_empty_scorecard_says_so_section_by_section(open_page: Open) -> None:
    opened = open_page(EMPTY)
    assert opened.locator(".nothing").count() == 5
    assert opened.locator("table, figure, details").count() == 0
    assert "No source shows what winning a customer costs." in opened.inner_text("main")


def test_the_headlines_come_first(open_page: Open) -> None:
    opened = open_page(RICH)
    assert opened.locator(".headlines li").all_inner_texts() == list(RICH.headlines)
    text = opened.inner_text("main")
    assert text.index(RICH.headlines[0]) < text.index("How service went")
    assert opened.locator(".figures dd").all_inner_texts() == ["2 of 5", "2", "2", "528"]


def test_headings_go_down_one_step_at_a_time(open_page: Open) -> None:
    for shown in (RICH, EMPTY):
        levels = open_page(shown).locator("h1, h2, h3, h4, h5, h6")
        depths = [int(name[1]) for name in levels.evaluate_all("all => all.map(e => e.tagName)")]
        assert depths[0] == 1
        assert depths.count(1) == 1
        assert all(after <= before + 1 for before, after in pairwise(depths))


def test_the_measures_are_those_of_the_content(open_page: Open) -> None:
    rows = open_page(RICH).locator(".measures tbody tr")
    assert rows.count() == len(RICH.metrics)
    for row, metric in zip(rows.all(), RICH.metrics, strict=True):
        cells = row.locator("td").all_inner_texts()
        assert metric.title in row.locator("th").inner_text()
        for cell, figure in ((0, metric.now), (2, metric.before), (4, metric.year_ago)):
            assert wording.number(figure.value, metric.unit, "GBP") in cells[cell]
        assert wording.interval(metric.now, metric.unit, "GBP") in cells[0]
        word = {True: "kept", False: "missed", None: "no target"}[metric.target_met]
        assert word in cells[1]
        assert {"same": "no clear change", None: "not known"}.get(
            metric.trend, metric.trend
        ) == cells[3]
        assert ("unusual" in cells[5]) == (metric.alarm is not None)


def test_alarms_are_said_and_marked(open_page: Open) -> None:
    opened = open_page(RICH)
    said_alarms = opened.locator("article .alarm:not(svg *)").all_inner_texts()
    assert said_alarms == [f"worse {metric.alarm}" for metric in RICH.metrics if metric.alarm]
    points = [point for metric in RICH.metrics for point in metric.points if point.alarm]
    assert opened.locator(".measures circle.alarm").count() == len(points) > 0
    calm = tuple(dataclasses.replace(metric, alarm=None) for metric in RICH.metrics)
    none = open_page(dataclasses.replace(RICH, metrics=calm))
    assert "No measure is outside its normal band." in none.inner_text("main")


def test_losses_and_groups_are_those_of_the_content(open_page: Open) -> None:
    opened = open_page(RICH)
    losses = opened.locator("section[aria-labelledby=why] tbody tr")
    lost = [int(row.locator("td").first.inner_text().split("\n")[0]) for row in losses.all()]
    causes = charts.by_excess(RICH.drivers.causes)
    assert lost == [cause.lost for cause in causes] + [RICH.drivers.unknown_lost]
    assert "associations, not causes" in opened.inner_text("section[aria-labelledby=why]")
    met = [row.locator("td").nth(1).inner_text() for row in losses.all()]
    assert met == [str(cause.lost_with_cause) for cause in causes] + [""]
    names = opened.locator(".tables tbody th").all_text_contents()
    parts = (*RICH.customer_groups, *RICH.breakdowns)
    assert names == [row.name for part in parts for row in part.groups]


def test_groups_are_folded_and_those_served_worse_stand_above(open_page: Open) -> None:
    opened = open_page(RICH)
    who = opened.locator("section[aria-labelledby=groups]")
    lines = who.locator("p.words").all_inner_texts()
    assert lines == ["worse Delivered on time, by region: West"]
    box = who.locator("summary").first.bounding_box()
    assert box is not None
    assert box["height"] < 45  # its heading and its count stand in one line
    folds = who.locator("summary").all_inner_texts()
    assert [" ".join(fold.split()) for fold in folds] == [
        "By region 1 worse",
        *(
            f"By {dimension} 2 worse"
            for dimension in dict.fromkeys(part.dimension for part in RICH.breakdowns)
        ),
    ]
    alike = tuple(
        dataclasses.replace(
            part,
            groups=tuple(dataclasses.replace(row, flag=None, worse=False) for row in part.groups),
        )
        for part in RICH.customer_groups
    )
    calm = open_page(dataclasses.replace(RICH, customer_groups=alike)).inner_text("main")
    assert "No group of customers is served worse beyond chance." in calm


def test_hostile_text_is_only_text(
    open_page: Open, said_or_asked: list[str], hostile: tuple[str, ...]
) -> None:
    shown = hostile_report(hostile)
    for width in (1280, 375):
        opened = open_page(shown, width)
        assert said_or_asked == []
        assert opened.locator("script, img, a").count() == 0
        assert "<script>alert(1)</script>" in opened.inner_text("header")
        opened.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
        assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")


@pytest.mark.parametrize("width", [320, 375, 700, 1024])
def test_no_width_scrolls_sideways(open_page: Open, width: int) -> None:
    opened = open_page(RICH, width)
    opened.evaluate("document.querySelectorAll('details').forEach(one => one.open = true)")
    assert opened.evaluate("document.documentElement.scrollWidth <= innerWidth")


def test_the_keyboard_unfolds_and_scrolls_without_a_script(open_page: Open) -> None:
    opened = open_page(RICH, script=False)
    folded = opened.locator("summary").first
    folded.focus()
    opened.keyboard.press("Enter")
    assert opened.locator("details[open]").count() == 1
    assert opened.locator(".scroll:not([tabindex='0'])").count() == 0


def test_paper_shows_what_is_folded(open_page: Open) -> None:
    opened = open_page(RICH)
    assert not opened.locator(".tables").first.is_visible()
    opened.emulate_media(media="print")
    assert opened.locator(".tables").first.bounding_box() is not None
    assert opened.pdf(prefer_css_page_size=True).startswith(b"%PDF")


class _Pictures(HTMLParser):
    """The tags of every picture, and the words that name it."""

    def __init__(self) -> None:
        super().__init__()
        self.unnamed = 0
        self.tables = 0
        self.captions = 0
        self.unscoped = 0

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        attributes = dict(attrs)
        self.unnamed += (
            tag == "svg" and "role" not in attributes and "aria-hidden" not in attributes
        )
        self.tables += tag == "table"
        self.captions += tag == "caption"
        self.unscoped += tag == "th" and "scope" not in attributes
        assert "style" not in attributes or tag == "style"


def test_pictures_and_tables_say_what_they_are() -> None:
    pictures = _Pictures()
    text = page.html(RICH)
    pictures.feed(text)
    assert (pictures.unnamed, pictures.unscoped) == (0, 0)
    assert pictures.tables == pictures.captions > 0
    for picture in re.findall(r'<svg[^>]* role="img".*?</svg>', text, re.DOTALL):
        tree = ElementTree.fromstring(picture)
        assert tree[0].tag == "title"
        assert tree[0].text
    assert len(text.encode()) < 600_000


def test_a_picture_of_nothing_is_no_picture() -> None:
    bare = dataclasses.replace(RICH.metrics[0], points=())
    assert not time_series.spark(bare, "GBP")
    assert not time_series.over_time(bare, "GBP")
    assert not charts.survival(())
    assert not charts.hazard((), ())
    assert not charts.causes(())
    assert not time_series.work(())
    unknown = tuple(dataclasses.replace(p, value=None) for p in RICH.metrics[0].points)
    assert "No data." in time_series.spark(dataclasses.replace(bare, points=unknown), "GBP")


def test_every_chart_describes_its_figures() -> None:
    spark = time_series.spark(RICH.metrics[0], "GBP")
    assert "where 91.5% to 95.5% is normal" in spark
    assert "Outside the normal: 21 September 2026." in spark
    assert "shop 54.4% after 998 days" in charts.survival(RICH.timing.curves)
    assert "Late delivery +42 (+31 to +53)" in charts.causes(RICH.drivers.causes)
    assert "earned back in 6.1 months (likely 5 to 8)" in charts.payback(
        RICH.channel_ltv[0], RICH.channel_ltv, "GBP"
    )


def test_a_title_says_the_finding_and_bars_stand_in_the_order_of_their_length() -> None:
    text = page.html(RICH)
    titles = re.findall(r"<figcaption><b>(.*?)</b>", text)
    assert "Delivered on time: 88.2% in the last four weeks, unusual" in titles
    assert "Late delivery costs most: +42 customers" in titles
    assert "Pays for itself in 6.1 months" in titles
    assert text.count("<figcaption>") == len(titles)
    mixed = charts.causes(tuple(reversed(RICH.drivers.causes)))
    assert mixed == charts.causes(RICH.drivers.causes)


def test_good_news_is_never_red_and_a_figure_says_its_own_days() -> None:
    late, *rest = RICH.metrics
    points = tuple(dataclasses.replace(point, good=True) for point in late.points)
    period = report_data.Period(dt.date(2026, 6, 3), dt.date(2026, 9, 2))
    good = dataclasses.replace(
        late, points=points, alarm_good=True, period=period, changed_on=points[9].start
    )
    calm = tuple(dataclasses.replace(metric, alarm=None) for metric in rest)
    shown = dataclasses.replace(RICH, metrics=(good, *calm))
    text = page.html(shown)
    measures = text[: text.index("What is unusual now")]
    assert '<span class="good">unusually good</span>' in measures
    assert 'class="bad">unusual' not in measures
    assert "<small>3 Jun 2026 to 2 Sep 2026</small>" in measures
    assert 'class="alarm good"' in time_series.over_time(good, "GBP")
    assert 'class="change"' in time_series.over_time(good, "GBP")
    rows = [row for row in table.rows(shown) if row["measure"] == late.title]
    assert [(row["period_from"], row["period_to"]) for row in rows[:2]] == [
        ("2026-06-03", "2026-09-02"),
        ("2026-03-04", "2026-06-02"),
    ]


def test_what_is_unknown_is_left_out_of_a_picture() -> None:
    cause = RICH.drivers.causes[0]
    assert "Late delivery +42." in charts.causes((dataclasses.replace(cause, low=None),))
    channel = dataclasses.replace(RICH.channel_ltv[0], low=None)
    assert "in 6.1 months." in charts.payback(channel, (channel,), "GBP")
    free = dataclasses.replace(channel, cost=None, break_even_month=None)
    assert "is not known" in charts.payback(free, (free,), "GBP")
    assert not charts.payback(dataclasses.replace(channel, curve=()), (channel,), "GBP")
    assert "<path" not in charts.interval_bar(Figure(0.5), [Figure(0.5)])
    assert not charts.interval_bar(Figure(), [Figure(0.5)])


def test_groups_of_hazards_alone_are_drawn_and_few_customers_stretch_nothing() -> None:
    rare = dataclasses.replace(RICH.timing.hazards[0], group="all", low=None, high=40.0)
    when = report_data.ChurnTiming(RICH.timing.curves, (rare,))
    text = page.html(dataclasses.replace(RICH, timing=when))
    assert "Highest: all, day 0 to 30, 4.4% a month." in text
    assert "likely range; all</figcaption>" in text
    assert ">20%</text>" not in charts.hazard((rare,), ["all"])


def _light(colour: str) -> float:
    parts = [int(colour[start : start + 2], 16) / 255 for start in (1, 3, 5)]
    linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in parts]
    return sum(c * weight for c, weight in zip(linear, (0.2126, 0.7152, 0.0722), strict=True))


def _contrast(colour: str, other: str) -> float:
    low, high = sorted((_light(colour), _light(other)))
    return (high + 0.05) / (low + 0.05)


def test_words_and_lines_stand_out_enough() -> None:
    colours = dict(re.findall(r"--([\w-]+): (#[0-9a-f]{6})", CSS))
    for name in ("ink", "quiet", "good", "bad"):
        assert _contrast(colours[name], colours["paper"]) >= 4.5
        assert _contrast(colours[name], colours["shade"]) >= 4.5
    chart_colours = re.findall(r"svg \.(?:s\d|load|excess[.\w]*) \{ (?:stroke|fill): (#\w{6})", CSS)
    assert len(chart_colours) == 9
    assert min(_contrast(colour, colours["paper"]) for colour in chart_colours) >= 3
    assert min(_contrast(colours["line"], colours[name]) for name in ("paper", "band")) >= 3


@pytest.mark.parametrize(
    ("value", "unit", "words"),
    [
        (0.9344, "share", "93.4%"),
        (None, "share", "no data"),
        (3.21, "hours", "3.2"),
        (1204.0, "count", "1,204"),
        (-0.001, "per purchase", "0.00"),
        (-12.5, "money", "\u2212£12.50"),
        (1234.5, "money", "£1,235"),
    ],
)
def test_a_number_in_words(value: float | None, unit: report_data.Unit, words: str) -> None:
    assert wording.number(value, unit, "GBP") == words


def test_an_interval_has_the_same_digits_at_both_ends() -> None:
    assert wording.interval(Figure(1_000.0, 894.5, 1_514.5), "money", "GBP") == "£895 to £1,515"
    assert wording.interval(Figure(None, 0.1, 0.2), "share", "GBP") == ""


def test_every_figure_is_in_the_table() -> None:
    rows = table.rows(RICH)
    assert {tuple(row) for row in rows} == {table.COLUMNS}
    assert list(dict.fromkeys(row["section"] for row in rows)) == [
        "measures",
        "over time",
        "touches",
        "breakdown",
        "spread",
        "workload",
        "when",
        "why",
        "worth",
    ]
    first = rows[0]
    assert first["measure"] == "Delivered on time"
    assert (first["period_from"], first["period_to"]) == ("2026-07-01", "2026-09-30")
    assert (first["value"], first["low"], first["high"], first["n"]) == (0.912, 0.901, 0.923, 2417)
    assert (first["target"], first["verdict"]) == (0.95, "missed, worse")
    even = [row for row in rows if row["measure"] == "months to break even"]
    assert [row["value"] for row in even] == [6.1, 2.9, None]
    assert table.rows(EMPTY) == []


def test_the_table_comes_back_from_its_csv(hostile: tuple[str, ...]) -> None:
    csv.field_size_limit(1_000_000)
    shown = hostile_report(hostile)
    read = list(csv.DictReader(io.StringIO(table.as_csv(table.rows(shown)), newline="")))
    written = table.rows(shown)
    assert len(read) == len(written)
    for row, back in zip(written, read, strict=True):
        for name, value in row.items():
            if isinstance(value, float | int):
                assert math.isclose(float(back[name]), value)
            else:
                assert back[name] == (value or "")
                assert not back[name].startswith(tuple("=+-@\t\r\n"))
    groups = [unescape_formula(row["group"]) for row in read if row["section"] == "spread"]
    assert groups == list(hostile)


def test_the_same_content_is_the_same_text() -> None:
    assert page.html(RICH) == page.html(RICH)
    assert table.as_csv(table.rows(RICH)) == table.as_csv(table.rows(RICH))
