"""The monitoring page: escaped, alone, the worst first."""

from dataclasses import replace

from pipeline.guard import guard
from retention.reporting.guard import page
from tests.support.guards import guard_inputs, params_with, stale


def test_the_page_escapes_what_the_company_wrote(hostile: tuple[str, ...]) -> None:
    params = params_with(override={"freshness": hostile[10]}, override_on="2026-09-01")
    report = guard(stale(), params)
    html = page.html(replace(report, company=hostile[11], model=hostile[12]))
    assert "<script>" not in html
    assert "<img" not in html
    assert "&lt;script&gt;alert(1)&lt;/script&gt;" in html


def test_the_page_loads_nothing_and_holds_no_customer() -> None:
    html = page.html(guard(guard_inputs(), params_with()))
    assert "default-src &#39;none&#39;" in html
    assert "http://" not in html.replace("http://www.w3.org", "")
    assert " src=" not in html


def test_the_page_shows_the_worst_first_and_every_run() -> None:
    html = page.html(guard(stale(), params_with()))
    assert html.index("refuses</span>") < html.index("within its limits</span>")
    assert "2 runs, 2026-08-01 to 2026-09-01" in html
    assert html.count('class="spark"') >= 4
