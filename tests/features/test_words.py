"""What staff read: every template can be said, and says it in plain words."""

from typing import Any

import pytest

import features
from features.engine.base import Feature
from features.engine.words import for_window, feature_names, render
from retention.i18n.language import TRANSLATED, language

DECLARED = features.discover((7, 14, 30, 60, 90, 180, 365))
SERVICE = {
    "advocacy", "billing", "channels", "contacts", "contracts", "journey", "portal", "promises",
    "resolution", "returns", "satisfaction", "solutions", "touches",
}  # fmt: skip
SPOKEN = [one for one in DECLARED if one.words]


def said(template: str, currency: str = "GBP", **row: Any) -> str | None:
    return render([template], row, currency)


def names_in(template: str, one: Feature) -> set[str]:
    """The features whose numbers a template of a feature says."""
    return set(feature_names(for_window(template, one.window)))


@pytest.mark.parametrize("one", SPOKEN, ids=lambda one: one.name)
def test_every_template_names_only_declared_features(one: Feature) -> None:
    known = {feature.name for feature in DECLARED}
    for template in one.words:
        assert names_in(template, one)
        assert names_in(template, one) <= known


@pytest.mark.parametrize("value", [-3.6, -0.2, 0.0, 0.3, 1.0, 2.0, 1234.5])
@pytest.mark.parametrize("one", SPOKEN, ids=lambda one: one.name)
def test_every_template_is_sayable_without_a_code_name(one: Feature, value: float) -> None:
    row = {feature.name: value for feature in DECLARED if feature.unit != "category"}
    for template in one.words:
        text = render([template], row, "GBP", window=one.window)
        assert text
        assert not set("_{}") & set(text)
        assert text == text.strip()
        assert "  " not in text


@pytest.mark.parametrize("code", TRANSLATED)
@pytest.mark.parametrize("one", SPOKEN, ids=lambda one: one.name)
def test_every_template_is_said_in_every_language(one: Feature, code: str) -> None:
    row = {feature.name: 0.3 for feature in DECLARED if feature.unit != "category"}
    for template in one.words:
        text = render([template], row, "GBP", language(code), one.window)
        assert text
        assert not set("_{}") & set(text)
        assert text != render([template], row, "GBP", window=one.window)


def test_a_template_is_translated_once_for_all_its_windows() -> None:
    words, row = ["{orders_Nd:orders} in the last {days} days"], {"orders_30d": 2, "orders_7d": 1}
    assert render(words, row, "GBP", window=30) == "2 purchases in the last 30 days"
    assert render(words, row, "GBP", language("ur"), 7) == "پچھلے 7 دنوں میں 1 خریداری"
    assert render(words, row, "GBP", language("bn"), 30) == "গত ৩০ দিনে ২টি কেনাকাটা"
    weeks = ["came in {active_weeks_Nd:of {weeks}}"]
    assert (
        render(weeks, {"active_weeks_56d": 0.25}, "GBP", window=56)
        == "came in 2 of the last 8 weeks"
    )
    assert render(words, row, "GBP", window=14) is None


def test_every_number_of_service_can_be_said() -> None:
    silent = [one for one in DECLARED if one.theme in SERVICE and not one.words]
    assert {one.unit for one in silent} <= {"category"}


@pytest.mark.parametrize("one", SPOKEN, ids=lambda one: one.name)
def test_words_tell_of_the_feature_they_explain(one: Feature) -> None:
    mine = {feature.name for feature in DECLARED if feature.theme == one.theme}
    others = {"rhythm"}  # its features are all said by the silence against the usual gap
    if one.theme not in others and one.grain.name != "derived":
        assert all(names_in(template, one) & mine for template in one.words)


@pytest.mark.parametrize(
    ("spec", "value", "text"),
    [
        ("n", 3, "3"),
        ("n", 1234.6, "1,235"),
        ("hours", 1, "1 hour"),
        ("hours", 35.6, "36 hours"),
        ("hours", 0.25, "15 minutes"),
        ("hours", 0, "0 hours"),
        ("contacts", 1, "1 contact"),
        ("about", 0.55, "0.6"),
        ("about", 2.0, "2"),
        ("about", 12.4, "12"),
        ("points", -0.35, "35 points lower than"),
        ("points", 0.01, "1 point higher than"),
        ("points", -0.001, "as high as"),
        ("days", 1, "1 day"),
        ("days", 0.6, "1 day"),
        ("days", 0, "0 days"),
        ("days", 26.0, "26 days"),
        ("days", 1234, "1,234 days"),
        ("times", 1, "1 time"),
        ("times", 2, "2 times"),
        ("orders", 1, "1 purchase"),
        ("orders", 12, "12 purchases"),
        ("fewer", -4, "4 fewer than"),
        ("fewer", 4, "4 more than"),
        ("fewer", 0, "as many as"),
        ("fewer", -0.4, "as many as"),
        ("percent", 0.452, "45 %"),
        ("percent", 0.004, "0.4 %"),
        ("percent", 0.0001, "0 %"),
        ("percent", 1, "100 %"),
        ("percent", -0.1, "\u221210 %"),
        ("percent", -0.001, "0 %"),
        ("of 4", 0.5, "2 of the last 4 weeks"),
        ("of 26", 0, "0 of the last 26 weeks"),
        ("money", 112.4, "£112"),
        ("money", 1234567, "£1,234,567"),
        ("money", -5.5, "\u2212£6"),
        ("money", -0.3, "\u2212£0.30"),
        ("money", 0.004, "£0"),
        ("less", -12, "£12 less than"),
        ("less", 12, "£12 more than"),
        ("less", 0.2, "as much as"),
    ],
)
def test_a_number_is_said_as(spec: str, value: float, text: str) -> None:
    assert said(f"{{x:{spec}}}", x=value) == text


@pytest.mark.parametrize(
    ("currency", "text"),
    [("USD", "$5"), ("GBP", "£5"), ("EUR", "€5"), ("CHF", "CHF\u00a05"), ("BDT", "৳5")],
)
def test_money_bears_its_sign_or_its_code(currency: str, text: str) -> None:
    assert said("{x:money}", currency, x=5) == text


@pytest.mark.parametrize("unknown", [None, float("nan"), float("inf"), "text"])
def test_the_first_template_with_every_number_known_is_said(unknown: Any) -> None:
    templates = ["{x:days}, usually {y:n}", "{x:days}, the only one", "never reached {x:n}"]
    assert render(templates, {"x": 2, "y": 4}, "GBP") == "2 days, usually 4"
    assert render(templates, {"x": 2, "y": unknown}, "GBP") == "2 days, the only one"
    assert render(templates, {"x": 2}, "GBP") == "2 days, the only one"
    assert render(templates, {"x": unknown, "y": 4}, "GBP") is None
    assert render([], {"x": 2}, "GBP") is None
