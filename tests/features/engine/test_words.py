"""What staff read: every template can be filled in, and reads as plain words in every language."""

from itertools import groupby
from typing import Any

import pytest

import features
from features.engine.base import DERIVED, Feature
from features.engine.words import feature_names, for_window, render
from retention.i18n.language import TRANSLATED, language

DECLARED = features.discover((7, 14, 30, 60, 90, 180, 365))
SERVICE = [
    "advocacy",
    "billing",
    "channels",
    "contacts",
    "contracts",
    "journey",
    "portal",
    "promises",
    "resolution",
    "returns",
    "satisfaction",
    "solutions",
    "touches",
]
VALUES = (-3.6, -0.2, 0.0, 0.3, 1.0, 2.0, 1234.5)
WITH_WORDS = {
    name: list(windows)
    for name, windows in groupby(
        (feature for feature in DECLARED if feature.words),
        key=lambda feature: feature.name.removesuffix(f"_{feature.window}d"),
    )
}
"""The features that have words, each in all its windows."""

each_feature = pytest.mark.parametrize("name", WITH_WORDS)


def filled(template: str, currency: str = "GBP", **row: Any) -> str | None:
    return render([template], row, currency)


def all_numbers(value: float) -> dict[str, float]:
    """Every feature but categories at one value."""
    return {feature.name: value for feature in DECLARED if feature.unit != "category"}


def names_in(template: str, feature: Feature) -> set[str]:
    """The features whose numbers a template of a feature contains."""
    return set(feature_names(for_window(template, feature.window)))


@each_feature
def test_every_template_names_declared_features(name: str) -> None:
    declared = {feature.name for feature in DECLARED}
    for feature in WITH_WORDS[name]:
        for template in feature.words:
            names = names_in(template, feature)
            assert names, template
            assert names <= declared, template
            # the features of rhythm all quote the silence against the usual gap
            if feature.theme != "rhythm" and feature.grain is not DERIVED:
                assert any(n.theme == feature.theme for n in DECLARED if n.name in names), template


@each_feature
def test_every_template_reads_as_words_in_every_language(name: str) -> None:
    for feature in WITH_WORDS[name]:
        for template in feature.words:
            for value in VALUES:
                text = render([template], all_numbers(value), "GBP", window=feature.window)
                failed = f"{feature.name} at {value}: {text!r}"
                assert text, failed
                assert not set("_{}") & set(text), failed
                assert text == text.strip(), failed
                assert "  " not in text, failed
            english = render([template], all_numbers(0.3), "GBP", window=feature.window)
            for code in TRANSLATED:
                text = render([template], all_numbers(0.3), "GBP", language(code), feature.window)
                failed = f"{feature.name} in {code}: {text!r}"
                assert text, failed
                assert not set("_{}") & set(text), failed
                assert text != english, failed


def test_a_template_is_translated_once_for_all_its_windows() -> None:
    words, row = ["{orders_Nd:orders} in the last {days} days"], {"orders_30d": 2, "orders_7d": 1}
    assert render(words, row, "GBP", window=30) == "2 purchases in the last 30 days"
    assert render(words, row, "GBP", language("ur"), 7) == "گزشتہ 7 دنوں میں 1 خریداری"
    assert render(words, row, "GBP", language("bn"), 30) == "গত ৩০ দিনে ২টি কেনাকাটা"
    weeks = ["came in {active_weeks_Nd:of {weeks}}"]
    assert (
        render(weeks, {"active_weeks_56d": 0.25}, "GBP", window=56)
        == "came in 2 of the last 8 weeks"
    )
    assert render(words, row, "GBP", window=14) is None


def test_every_number_of_service_has_words() -> None:
    silent = [feature for feature in DECLARED if feature.theme in SERVICE and not feature.words]
    assert {feature.unit for feature in silent} <= {"category"}


FORMATS = [
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
]


def test_formats_of_numbers() -> None:
    for spec, value, text in FORMATS:
        assert filled(f"{{x:{spec}}}", x=value) == text, f"{value} as {spec}"


@pytest.mark.parametrize(
    ("currency", "text"),
    [("USD", "$5"), ("GBP", "£5"), ("EUR", "€5"), ("CHF", "CHF\u00a05"), ("BDT", "৳5")],
)
def test_money_has_its_sign_or_its_code(currency: str, text: str) -> None:
    assert filled("{x:money}", currency, x=5) == text


@pytest.mark.parametrize("unknown", [None, float("nan"), float("inf"), "text"])
def test_the_first_template_with_every_number_known_is_filled(unknown: Any) -> None:
    templates = ["{x:days}, usually {y:n}", "{x:days}, the only one", "never reached {x:n}"]
    assert render(templates, {"x": 2, "y": 4}, "GBP") == "2 days, usually 4"
    assert render(templates, {"x": 2, "y": unknown}, "GBP") == "2 days, the only one"
    assert render(templates, {"x": 2}, "GBP") == "2 days, the only one"
    assert render(templates, {"x": unknown, "y": 4}, "GBP") is None
    assert render([], {"x": 2}, "GBP") is None
