"""Reasons: only what raises the risk, one sentence a family, never a code name."""

import datetime as dt
from dataclasses import replace
from typing import Any

import narwhals as nw
import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

import models
from features import discover
from features.engine.base import CUSTOMER, Feature, Side
from models.components.base import BIAS, Floats
from retention.i18n.language import language
from retention.serving import explanations
from retention.serving.themes import ACTIONABLE, CONTEXT, FAMILIES, family_of

NAN = float("nan")
ENGLISH = language("en")
AS_OF = dt.date(2026, 11, 22)


def feature(
    name: str, theme: str, alarming: Side = "high", words: tuple[str, ...] | None = None
) -> Feature:
    """A feature whose sentence is its name without the underscore, and its number."""
    templates = (f"{name.replace('_', ' ')} is {{{name}:n}}",) if words is None else words
    return Feature(name, theme, CUSTOMER, "", "", None, 0, templates, alarming, nw.lit(0))


SIX = [
    feature("a_one", "a"),
    feature("a_two", "a"),
    feature("b_one", "b"),
    feature("b_two", "b", alarming="low"),
    feature("c_one", "c"),
    feature("c_mute", "c", words=()),
]


def sentences_of(
    contributions: dict[str, float],
    values: dict[str, float | None] | None = None,
    middle: dict[str, float] | None = None,
    features: list[Feature] | None = None,
) -> list[str]:
    """The reasons of one customer; by default every value is 1, alarming, around a median of 0."""
    declared = SIX if features is None else features
    plain: dict[str, float | None] = {
        declaration.name: 1.0 if declaration.alarming == "high" else -1.0
        for declaration in declared
    }
    X = pd.DataFrame([plain | (values or {})], index=[77])
    centre = pd.Series({declaration.name: 0.0 for declaration in declared} | (middle or {}))
    parts = pd.DataFrame([contributions | {"bias": -1.0}], index=[77])
    table = explanations.reasons(parts, X, centre, declared, "GBP", ENGLISH, AS_OF)
    return list(table["text"].dropna())


def test_the_strongest_family_speaks_first_and_each_once() -> None:
    sentences = sentences_of({"a_one": 0.3, "a_two": 0.2, "b_one": 0.4, "c_one": 0.1})
    assert sentences == ["a one is 1", "b one is 1", "c one is 1"]


def test_a_feature_that_lowers_the_risk_is_not_said() -> None:
    assert sentences_of({"a_one": -0.1, "a_two": 0.3, "b_one": 0.0}) == ["a two is 1"]


def test_a_theme_that_lowers_the_risk_in_all_is_silent() -> None:
    assert sentences_of({"a_one": 0.3, "a_two": -0.4, "b_one": 0.1}) == ["b one is 1"]


def test_a_mute_feature_lends_its_theme_strength_but_no_sentence() -> None:
    assert sentences_of({"a_one": 0.3, "c_one": 0.1, "c_mute": 0.5}) == ["c one is 1", "a one is 1"]


@pytest.mark.parametrize(
    ("name", "value", "middle", "expected"),
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
    name: str, value: float, middle: float, expected: list[str]
) -> None:
    assert sentences_of({name: 1.0}, {name: value}, {name: middle}) == expected


@pytest.mark.parametrize(
    ("unit", "value", "n_reasons"), [("share", 0.9, 1), ("share", 1, 0), ("", 1, 1)]
)
def test_what_always_held_is_no_reason(unit: str, value: float, n_reasons: int) -> None:
    kept_feature = replace(feature("kept", "k", alarming="low"), unit=unit)
    assert (
        len(sentences_of({"kept": 1.0}, {"kept": value}, {"kept": 1.0}, [kept_feature]))
        == n_reasons
    )


@pytest.mark.parametrize(("value", "n_reasons"), [(1, 1), (0, 0)])
def test_what_never_happened_is_no_reason(value: float, n_reasons: int) -> None:
    assert len(sentences_of({"a_one": 1.0}, {"a_one": value}, {"a_one": 0.0})) == n_reasons


def test_the_same_sentence_of_two_features_is_said_once() -> None:
    twins = [
        feature("a_one", "a", words=("silent for {a_one:days}",)),
        feature("b_one", "b", words=("silent for {a_one:days}",)),
        feature("c_one", "c"),
    ]
    sentences = sentences_of({"a_one": 0.3, "b_one": 0.2, "c_one": 0.1}, features=twins)
    assert sentences == ["silent for 1 day", "c one is 1"]


def test_a_sentence_whose_numbers_are_unknown_gives_way_to_the_next() -> None:
    declared = [feature("a_one", "a", words=("one {a_one:n} of {a_two:n}",)), *SIX[1:]]
    sentences = sentences_of({"a_one": 0.3, "b_one": 0.1}, {"a_two": None}, features=declared)
    assert sentences == ["b one is 1"]


@pytest.mark.parametrize("contributions", [{}, {"a_one": -1.0}, {"a_one": 0.0}, {"c_mute": 1.0}])
def test_where_nothing_raises_the_risk_there_is_no_reason(contributions: dict[str, float]) -> None:
    assert sentences_of(contributions) == []


def test_a_text_feature_is_no_reason() -> None:
    words = [feature("region", "a", words=("from {region:n}",)), feature("b_one", "b")]
    X = pd.DataFrame({"region": ["north"], "b_one": [1.0]})
    parts = pd.DataFrame({"region": [0.9], "b_one": [0.1], "bias": [0.0]})
    table = explanations.reasons(parts, X, pd.Series({"b_one": 0.0}), words, "GBP", ENGLISH, AS_OF)
    assert list(table["text"].dropna()) == ["b one is 1"]


def test_each_customer_gets_their_own_reasons_in_the_order_of_rows() -> None:
    X = pd.DataFrame({"a_one": [3.0, 4.0, 5.0], "b_one": 6.0}, index=[9, 3, 5])
    parts = pd.DataFrame({"a_one": [0.1, -0.1, 0.2], "b_one": [-1.0, -1.0, 0.3], "bias": 0.0})
    middle = pd.Series({"a_one": 0.0, "b_one": 0.0})
    table = explanations.reasons(parts, X, middle, [SIX[0], SIX[2]], "GBP", ENGLISH, AS_OF)
    assert tuple(table.columns) == explanations.COLUMNS
    assert table[["customer", "rank", "theme", "feature", "text"]].to_numpy().tolist() == [
        [0, 1, "a", "a_one", "a one is 3"],
        [2, 1, "b", "b_one", "b one is 6"],
        [2, 2, "a", "a_one", "a one is 5"],
    ]
    assert list(table["raises"]) == [0.1, 0.3, 0.2]


def test_a_reason_says_by_how_much_its_whole_theme_raises_the_risk() -> None:
    X = pd.DataFrame({"a_one": [1.0], "a_two": [1.0]})
    parts = pd.DataFrame({"a_one": [0.5], "a_two": [-0.2], "bias": [0.0]})
    table = explanations.reasons(parts, X, X.iloc[0] * 0, SIX[:2], "GBP", ENGLISH, AS_OF)
    assert list(table["raises"]) == pytest.approx([0.3])


@pytest.mark.parametrize(
    ("theme", "can"), [("promises", True), ("rhythm", False), ("dropped_in", False)]
)
def test_a_reason_says_whether_staff_can_do_something_about_it(theme: str, can: bool) -> None:
    X = pd.DataFrame({"a_one": [1.0]})
    parts = pd.DataFrame({"a_one": [0.5], "bias": [0.0]})
    declared = [feature("a_one", theme)]
    table = explanations.reasons(parts, X, X.iloc[0] * 0, declared, "GBP", ENGLISH, AS_OF)
    assert list(table["actionable"]) == [can]


def test_a_sentence_said_already_gives_way_to_the_next_of_its_theme() -> None:
    twins = [
        feature("a_one", "a", words=("silent for {a_one:days}",)),
        feature("b_one", "b", words=("silent for {a_one:days}",)),
        feature("b_two", "b"),
        feature("a_two", "a"),
    ]
    sentences = sentences_of(
        {"a_one": 0.5, "a_two": 0.1, "b_one": 0.2, "b_two": 0.1}, features=twins
    )
    assert sentences == ["silent for 1 day", "b two is 1"]


def test_every_theme_says_whether_staff_can_do_something_about_it() -> None:
    there = {declaration.theme for declaration in discover((30,))}
    assert there == ACTIONABLE.keys() | CONTEXT.keys()
    assert not ACTIONABLE.keys() & CONTEXT.keys()
    assert sorted(theme for themes in FAMILIES.values() for theme in themes) == sorted(there)


def test_a_family_that_lowers_the_risk_in_all_is_silent() -> None:
    """Habit: what one theme of it raises, another takes back."""
    declared = [feature("a_one", "recency"), feature("b_one", "trend")]
    X = pd.DataFrame({"a_one": [1.0, 1.0], "b_one": [1.0, 1.0], **SILENT})
    parts = pd.DataFrame({"a_one": [0.3, 0.3], "b_one": [-0.4, -0.2], "bias": 0.0})
    table = explanations.reasons(parts, X, X.iloc[0] * 0, declared, "GBP", ENGLISH, AS_OF)
    assert list(table["customer"]) == [1]


def test_a_window_that_begins_before_the_customer_did_is_not_told() -> None:
    long = replace(feature("a_one", "a"), reach=90)
    for tenure, n_reasons in ((60.0, 0), (90.0, 1)):
        X = pd.DataFrame({"a_one": [1.0], "contract_age": [tenure]})
        parts = pd.DataFrame({"a_one": [0.5], "bias": [0.0]})
        table = explanations.reasons(parts, X, X.iloc[0] * 0, [long], "GBP", ENGLISH, AS_OF)
        assert len(table["text"].dropna()) == n_reasons


SILENT = {"days_since_purchase": 62.0, "days_since_first_purchase": 400.0, "median_gap": 3.0}

# Properties, over every feature there is

DECLARED = [
    declaration for declaration in discover((7, 30, 90, 365)) if declaration.unit != "category"
]
CODE_NAMES = [declaration.name for declaration in discover((7, 30, 90, 365))]
THEME_OF = {declaration.name: declaration.theme for declaration in DECLARED}


@settings(derandomize=True, deadline=None, database=None, max_examples=25)
@given(st.integers(0, 10**6), st.sampled_from([0.0, 0.3, 1.0]))
def test_every_reason_raises_the_risk_and_none_is_said_twice(seed: int, unknown: float) -> None:
    draw = np.random.default_rng(seed)
    names, customers = [declaration.name for declaration in DECLARED], 20
    shape = customers, len(names)
    numbers = np.where(draw.random(shape) < unknown, NAN, draw.normal(0, 20, shape).round(2))
    X = pd.DataFrame(numbers, columns=names)
    parts = pd.DataFrame(draw.normal(0, 1, shape), columns=names).assign(bias=0.0)
    middle = pd.Series(0.0, index=names)
    table = explanations.reasons(parts, X, middle, DECLARED, "GBP", ENGLISH, AS_OF)
    families = table["theme"].map(family_of)
    assert not table["text"].dropna().map(_names_code).any()
    of_theme: Any = parts[names].T.groupby(pd.Series(THEME_OF)).sum().T
    of_family: Any = of_theme.T.groupby(family_of).sum().T
    for place in range(customers):
        of_customer = table[table["customer"] == place]
        assert not families[of_customer.index].duplicated().any()
        assert not of_customer["text"].dropna().duplicated().any()
        assert list(of_customer["rank"]) == list(range(1, len(of_customer) + 1))
        assert of_customer["raises"].is_monotonic_decreasing
        raised = of_family.loc[place][of_family.loc[place] > 0].index
        assert set(families[of_customer.index]) == set(raised)
        assert (of_theme.loc[place][of_customer["theme"]] > 0).all()


def _names_code(text: str) -> bool:
    return any(name in text for name in CODE_NAMES if "_" in name)


# What models say, and what becomes of it when the reason is taken away


TROUBLES = {
    "late_orders_90d": 1.0,
    "most_days_late_365d": 1.0,
    "overcharges_90d": 1.0,
    "overcharged_money_365d": 9.0,
    "hours_to_answer_365d": 6.0,
    "longest_wait_365d": 20.0,
    "failed_tasks_30d": 1.0,
    "failed_tasks_90d": 2.0,
}
"""Features of four themes, two each, and how much of each a trouble of size 1 makes."""


def troubled(n: int = 2500, seed: int = 8) -> tuple[pd.DataFrame, Floats]:
    """Customers with a trouble of some size in each of four themes, and who left for it.

    What a theme does to the risk is all in its own columns, and more of it never lowers the risk.
    """
    draw = np.random.default_rng(seed)
    names = sorted({THEME_OF[name] for name in TROUBLES})
    size = {theme: draw.gamma(0.7, 1.2, n) for theme in names}
    silence = np.round(draw.gamma(1.5, 14, n) + 1).clip(1, 90)
    X = pd.DataFrame(
        {
            name: np.round(much * size[THEME_OF[name]] * draw.uniform(0.8, 1.2, n), 1)
            for name, much in TROUBLES.items()
        }
        | {
            "days_since_purchase": silence,
            "days_since_first_purchase": silence + draw.integers(30, 600, n),
            "purchase_days": 2.0 + draw.poisson(5, n),
            "spend_total": np.round(draw.gamma(4, 60, n), 2),
            "median_gap": np.round(draw.gamma(3, 3, n) + 1),
        }
    )
    line = sum(size.values()) + silence / 20 - 5.5
    return X, (draw.random(n) < 1 / (1 + np.exp(-line))).astype(float)


def explained(name: str, seed: int = 8) -> tuple[Any, pd.DataFrame, pd.DataFrame]:
    """A fitted model, the 300 likeliest to leave of other customers, and their reasons."""
    small = {"rounds": 60} if name == "churn_lightgbm" else {}
    model = models.build(name, 90, 7, 1, small).fit(*troubled(seed=seed))
    X, _ = troubled(seed=seed + 1)
    top = X.iloc[np.argsort(-risk(model, X), kind="stable")[:300]]
    parts = model.contributions(top)
    return model, top, explanations.reasons(parts, top, X.median(), DECLARED, "GBP", ENGLISH, AS_OF)


def risk(model: Any, X: pd.DataFrame) -> Floats:
    return np.asarray(model.predict_proba(X)[:, 1])


@pytest.mark.parametrize("name", ["churn_lightgbm", "churn_rfm_logistic"])
def test_a_reason_agrees_in_sign_with_the_model(name: str) -> None:
    model, X, table = explained(name)
    parts = model.contributions(X).drop(columns=BIAS)
    sums = parts.T.groupby(THEME_OF).sum().T.to_numpy()
    place = {theme: i for i, theme in enumerate(sorted({THEME_OF[name] for name in parts}))}
    of_theme = sums[table["customer"], table["theme"].map(place)]
    assert len(table) > 200
    assert (of_theme > 0).all()
    assert list(table["raises"]) == pytest.approx(of_theme.tolist())
    own = parts.to_numpy()[table["customer"], [parts.columns.get_loc(x) for x in table["feature"]]]
    assert (own > 0).all()


def without(X: pd.DataFrame, named: pd.DataFrame, middle: "pd.Series[float]") -> pd.DataFrame:
    """The customers as if the theme named to each (customer, theme) were as with most others."""
    calm = X.copy()
    for theme, of_theme in named.groupby("theme"):
        columns = [name for name in X.columns if THEME_OF[name] == theme]
        calm.loc[X.index[of_theme["customer"]], columns] = middle[columns].to_numpy()
    return calm


@pytest.mark.parametrize(
    ("name", "actionable"), [("churn_lightgbm", True), ("churn_rfm_logistic", False)]
)
def test_without_the_strongest_reason_the_risk_is_lower(name: str, actionable: bool) -> None:
    """Of nineteen customers in twenty: contributions are shares in a sum, and no removals.

    They count from the mean customer where this puts the median one, and trees also share among
    themes what two do together; here, where each theme's columns are its own and more of them is
    never better, hardly anyone may differ. The logistic model reads no theme that staff can do
    something about, so there it is the strongest of all.
    """
    model, X, table = explained(name)
    middle = troubled(seed=9)[0].median()
    named = table[table["actionable"] == actionable].drop_duplicates("customer")
    assert len(named) > 200
    before, after = risk(model, X), risk(model, without(X, named, middle))
    lower = (before - after)[named["customer"]]
    assert (lower > 0).mean() >= 0.95
    assert lower.mean() > 0.1


def test_the_strongest_reason_lowers_the_risk_more_than_any_other_theme_would() -> None:
    """The order of the themes is that of what removing them does, on average."""
    model, X, table = explained("churn_lightgbm")
    middle, before = troubled(seed=9)[0].median(), risk(model, X)
    by_theme = table.drop_duplicates(["customer", "theme"])
    three = by_theme[by_theme.groupby("customer")["theme"].transform("size") >= 3]
    drops = [
        (before - risk(model, without(X, of_rank, middle)))[of_rank["customer"]].mean()
        for of_rank in (three[three["rank"] == rank] for rank in (1, 2, 3))
    ]
    assert drops == sorted(drops, reverse=True)
    assert drops[-1] > 0


def test_the_same_customers_get_the_same_reasons_whoever_else_is_explained() -> None:
    model, X, table = explained("churn_lightgbm")
    middle = troubled(seed=9)[0].median()
    few = X.iloc[50:60]
    again = explanations.reasons(
        model.contributions(few), few, middle, DECLARED, "GBP", ENGLISH, AS_OF
    )
    among = table[table["customer"].between(50, 59)].reset_index(drop=True)
    pd.testing.assert_frame_equal(again, among.assign(customer=among["customer"] - 50))
