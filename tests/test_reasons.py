"""Reasons: only what raises the risk, at most three sentences, never a code name."""

from dataclasses import replace
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import features as themes
from features.base import CUSTOMER, Feature, Side
from features.words import say
from pipeline.reports import reasons

NAN = float("nan")


def feature(
    name: str, theme: str, alarming: Side = "high", words: tuple[str, ...] | None = None
) -> Feature:
    """A feature whose sentence is its name without the underscore, and its number."""
    said = (f"{name.replace('_', ' ')} is {{{name}:n}}",) if words is None else words
    return Feature(name, theme, CUSTOMER, "", "", None, 0, said, alarming, nw.lit(0))


SIX = [
    feature("a_one", "a"),
    feature("a_two", "a"),
    feature("b_one", "b"),
    feature("b_two", "b", alarming="low"),
    feature("c_one", "c"),
    feature("c_mute", "c", words=()),
]


def told(
    contributions: dict[str, float],
    values: dict[str, float | None] | None = None,
    middle: dict[str, float] | None = None,
    features: list[Feature] | None = None,
) -> list[str]:
    """The reasons of one customer; by default every value is 1, alarming, around a median of 0."""
    declared = SIX if features is None else features
    plain: dict[str, float | None] = {
        one.name: 1.0 if one.alarming == "high" else -1.0 for one in declared
    }
    X = pd.DataFrame([plain | (values or {})], index=[77])
    centre = pd.Series({one.name: 0.0 for one in declared} | (middle or {}))
    parts = pd.DataFrame([contributions | {"bias": -1.0}], index=[77])
    (said,) = reasons.reasons(parts, X, centre, declared, "GBP")
    return said


def test_the_strongest_theme_speaks_first_and_each_theme_before_any_again() -> None:
    said = told({"a_one": 0.3, "a_two": 0.2, "b_one": 0.4, "c_one": 0.1})
    assert said == ["a one is 1", "b one is 1", "c one is 1"]


def test_where_themes_are_few_their_further_sentences_fill_up() -> None:
    assert told({"a_one": 0.2, "a_two": 0.3, "b_one": 0.1}) == [
        "a two is 1",
        "b one is 1",
        "a one is 1",
    ]


def test_a_feature_that_lowers_the_risk_is_not_said() -> None:
    assert told({"a_one": -0.1, "a_two": 0.3, "b_one": 0.0}) == ["a two is 1"]


def test_a_theme_that_lowers_the_risk_in_all_is_silent() -> None:
    assert told({"a_one": 0.3, "a_two": -0.4, "b_one": 0.1}) == ["b one is 1"]


def test_a_mute_feature_lends_its_theme_strength_but_no_sentence() -> None:
    assert told({"a_one": 0.3, "c_one": 0.1, "c_mute": 0.5}) == ["c one is 1", "a one is 1"]


@pytest.mark.parametrize(
    ("name", "value", "middle", "said"),
    [
        ("a_one", 5, 4, ["a one is 5"]),
        ("a_one", 4, 4, ["a one is 4"]),
        ("a_one", 3, 4, []),
        ("b_two", 3, 4, ["b two is 3"]),
        ("b_two", 4, 4, ["b two is 4"]),
        ("b_two", 5, 4, []),
        ("a_one", NAN, 4, []),
        ("a_one", 5, NAN, []),
    ],
)
def test_a_number_is_said_at_the_median_and_on_its_alarming_side(
    name: str, value: float, middle: float, said: list[str]
) -> None:
    assert told({name: 1.0}, {name: value}, {name: middle}) == said


@pytest.mark.parametrize(
    ("unit", "value", "known"), [("share", 0.9, 1), ("share", 1, 0), ("", 1, 1)]
)
def test_what_always_held_is_no_reason(unit: str, value: float, known: int) -> None:
    kept = replace(feature("kept", "k", alarming="low"), unit=unit)
    assert len(told({"kept": 1.0}, {"kept": value}, {"kept": 1.0}, [kept])) == known


@pytest.mark.parametrize(("value", "known"), [(1, 1), (0, 0)])
def test_what_never_happened_is_no_reason(value: float, known: int) -> None:
    assert len(told({"a_one": 1.0}, {"a_one": value}, {"a_one": 0.0})) == known


def test_the_same_sentence_of_two_features_is_said_once() -> None:
    twins = [
        feature("a_one", "a", words=("silent for {a_one:days}",)),
        feature("b_one", "b", words=("silent for {a_one:days}",)),
        feature("c_one", "c"),
    ]
    said = told({"a_one": 0.3, "b_one": 0.2, "c_one": 0.1}, features=twins)
    assert said == ["silent for 1 day", "c one is 1"]


def test_a_sentence_whose_numbers_are_unknown_gives_way_to_the_next() -> None:
    declared = [feature("a_one", "a", words=("one {a_one:n} of {a_two:n}",)), *SIX[1:]]
    said = told({"a_one": 0.3, "b_one": 0.1}, {"a_two": None}, features=declared)
    assert said == ["b one is 1"]


@pytest.mark.parametrize("contributions", [{}, {"a_one": -1.0}, {"a_one": 0.0}, {"c_mute": 1.0}])
def test_where_nothing_raises_the_risk_there_is_no_reason(contributions: dict[str, float]) -> None:
    assert told(contributions) == []


def test_a_text_feature_is_no_reason() -> None:
    words = [feature("region", "a", words=("from {region:n}",)), feature("b_one", "b")]
    X = pd.DataFrame({"region": ["north"], "b_one": [1.0]})
    parts = pd.DataFrame({"region": [0.9], "b_one": [0.1], "bias": [0.0]})
    said = reasons.reasons(parts, X, pd.Series({"b_one": 0.0}), words, "GBP")
    assert said == [["b one is 1"]]


def test_each_customer_gets_their_own_reasons_in_the_order_of_rows() -> None:
    X = pd.DataFrame({"a_one": [3.0, 4.0, 5.0], "b_one": 6.0}, index=[9, 3, 5])
    parts = pd.DataFrame({"a_one": [0.1, -0.1, 0.2], "b_one": [-1.0, -1.0, 0.3], "bias": 0.0})
    middle = pd.Series({"a_one": 0.0, "b_one": 0.0})
    said = reasons.reasons(parts, X, middle, [SIX[0], SIX[2]], "GBP")
    assert said == [["a one is 3"], [], ["b one is 6", "a one is 5"]]


# Properties, over every feature there is

DECLARED = [one for one in themes.declared((7, 30, 90, 365)) if one.unit != "category"]
SPOKEN = [one for one in DECLARED if one.words]


@settings(derandomize=True, deadline=None, database=None, max_examples=25)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.3, 1.0]))
def test_every_reason_raises_the_risk_and_none_is_said_twice(seed: int, unknown: float) -> None:
    draw = np.random.default_rng(seed)
    names, customers = [one.name for one in DECLARED], 20
    shape = customers, len(names)
    numbers = np.where(draw.random(shape) < unknown, NAN, draw.normal(0, 20, shape).round(2))
    X = pd.DataFrame(numbers, columns=names)
    parts = pd.DataFrame(draw.normal(0, 1, shape), columns=names).assign(bias=0.0)
    said = reasons.reasons(parts, X, pd.Series(0.0, index=names), DECLARED, "GBP")
    assert len(said) == customers
    for place, texts in enumerate(said):
        raising = _sayable(X.iloc[place], parts.iloc[place])
        assert len(texts) == len(set(texts)) <= reasons.MOST
        assert set(texts) <= raising
        assert not any("_" in text for text in texts)
        if unknown == 0.0:
            assert len(texts) == min(reasons.MOST, len(raising))


def _sayable(row: "pd.Series[float]", parts: "pd.Series[float]") -> set[str]:
    """Plainly: what may be said of a customer, feature by feature."""
    sums: dict[str, float] = {}
    for one in DECLARED:
        sums[one.theme] = sums.get(one.theme, 0.0) + float(parts[one.name])
    found: set[str] = set()
    for one in SPOKEN:
        value: Any = row[one.name]
        alarming = value > 0 if one.alarming == "high" else value < 0
        if parts[one.name] > 0 and sums[one.theme] > 0 and alarming:
            text = say(one.words, dict(row), "GBP")
            found |= {text} if text else set()
    return found
