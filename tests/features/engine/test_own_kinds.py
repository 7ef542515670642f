"""Features of kinds that a company declares itself: what they are, what they are called."""

from dataclasses import replace
from typing import Any

import pytest

import features
from features.engine import own_kinds
from features.engine.own_rows import OwnKind, every_column, own_kinds_of
from features.engine.words import render
from retention.core.feature_table import is_own
from retention.i18n.language import TRANSLATED, language
from retention.serving.sentences import SENTENCES
from retention.serving.themes import FAMILIES, family_of, theme_name
from tests.support import engines, histories
from tests.support.training_company import PARAMS, small_params

FINE = every_column("parking_fine", (30, 90, 365))
CALL = OwnKind("phone_call", frozenset({"order_id"}), frozenset({"order_id"}), (30,), True)
DECLARED = own_kinds.features_of([FINE])
HISTORY = histories.events("""
    customer | kind         | day  | known | topic | case | order | item | amount | quoted | rating | resolved | promised
    (nobody) | parking_fine | -800 |       |       |      |       |      |        |        |        |          |
    (nobody) | phone_call   | -800 |       |       |      |       |      |        |        |        |          |
    a        | purchase     | -60  |       |       |      | o1    |      |        |        |        |          | -45
    a        | parking_fine | -40  |       | lane  | c1   | o1    | p    | 30     | 20     | 0.25   | no       |
    a        | parking_fine | -20  |       | lane  | c1   |       | q    | 10     | 20     | 1      | yes      | -25
    a        | parking_fine | -10  |       | kerb  | c2   |       | p    | 5      |        | 0.5    |          |
    a        | parking_fine | -8   | 2     | late  | c2   |       |      | 500    |        |        | no       |
    a        | phone_call   | -9   |       |       | c2   | o1    |      |        |        |        |          |
    b        | parking_fine | -5   |       |       |      |       |      |        |        |        |          |
""")  # fmt: skip  # noqa: E501
ROWS: dict[str, dict[str, Any]] = {
    "a": {
        "count_30d": 2, "count_90d": 3, "count_change_30d": 1, "days_since": 10,
        "days_since_first": 40, "mean_gap": 15, "silence": 10 / 15, "amount_90d": 45,
        "amount_change_30d": -15, "last_amount": 5, "amount_to_usual": 1 / 3,
        "above_quote_90d": 10, "above_quote_count_90d": 1, "days_since_above_quote": 40,
        "rating_90d": (0.25 + 1 + 0.5) / 3, "lowest_rating_365d": 0.25, "last_rating": 0.5,
        "rating_trend": -0.125, "unresolved_90d": 1, "resolved_share_90d": 0.5,
        "last_resolved": 1, "days_since_unresolved": 40, "late_90d": 1, "days_late_90d": 5,
        "most_days_late_365d": 5, "last_days_late": 5, "days_since_late": 20, "items_90d": 2,
        "topics_90d": 2, "with_topic_30d": 2, "last_topic": "kerb", "usual_topic": "lane",
        "usual_topic_share": 2 / 3, "again_case_90d": 1, "case_open_90d": 1,
        "case_open_days": 20, "case_days_90d": 20 / 3, "case_most_days_365d": 20,

        "phone_call__late_90d": 1, "phone_call__last_days_late": 36,
        "order_days_365d": 20, "order_open_30d": 0, "with_cause_90d": 0, "last_cause": None,
    },
    "b": {"count_30d": 1, "mean_gap": None, "days_since": 5, "amount_90d": 0, "rating_90d": None},
    "c": {"count_90d": 0, "days_since": None, "usual_topic": None, "resolved_share_90d": None},
}  # fmt: skip

TABLED = [
    feature
    for feature in [*DECLARED, *own_kinds.features_of([CALL])]
    if any(feature.name.removeprefix("parking_fine__") in row for row in ROWS.values())
]
"""The features of ROWS."""


def test_a_kind_is_summed_up_by_its_columns() -> None:
    """What is known late is not seen; an id and a promise are shared with other kinds."""
    for row in engines.features_of(HISTORY, [], list(ROWS), features=TABLED).to_pylist():
        for name, value in ROWS[row["customer_id"]].items():
            computed = row[name if "phone" in name else f"parking_fine__{name}"]
            expected = pytest.approx(value, abs=1e-6) if isinstance(value, float) else value
            assert computed == expected, (row["customer_id"], name)


def test_a_company_without_own_kinds_has_the_features_of_the_themes_alone() -> None:
    params = small_params()
    names = [feature.name for feature in engines.declared()]
    assert [feature.name for feature in features.of_company(params)] == names
    assert not any(is_own(feature.name) for feature in features.of_company(params))


MAPPINGS = """
         events: [{kind: purchase, customer_id: who, occurred_at: at, order_id: o, promised_at: d},
                  {kind: portal, customer_id: who, occurred_at: at, order_id: o},
                  {kind: night_ride, customer_id: who, occurred_at: at, amount: fare},
                  {kind: night_ride, customer_id: who, occurred_at: at, rating: stars}]}
"""


def test_kinds_have_the_features_of_what_any_mapping_fills() -> None:
    own_events = "\n         events: [{kind: purchase, customer_id: who, occurred_at: at}]}\n"
    assert own_events in PARAMS
    params = small_params(own_events, MAPPINGS)
    ride, portal = own_kinds_of(params)
    assert (ride.name, portal.name) == ("night_ride", "portal")
    assert {"amount", "rating"} <= ride.columns
    assert (sorted(ride.shared), sorted(portal.shared)) == ([], ["order_id"])
    assert (ride.is_promised, portal.is_promised) == (False, True)
    of_kinds = [feature for feature in features.of_company(params) if feature.subject]
    names = {feature.name for feature in of_kinds}
    assert {"night_ride__rating_90d", "portal__late_90d"} <= names
    assert "night_ride__quantity_30d" not in names
    # themes and families of the files keep their names, sentences and what staff can do about them
    themes = {feature.theme for feature in of_kinds}
    assert themes == {"night_ride__", "portal__"}
    words = [theme_name(theme, language("en")) for theme in sorted(themes)]
    assert words == ["night ride", "portal"]


@pytest.mark.parametrize("family", FAMILIES)
def test_a_kind_named_as_a_family_has_its_own_words(family: str) -> None:
    (theme,) = {each.theme for each in own_kinds.features_of([replace(CALL, name=family)])}
    assert family_of(theme) not in SENTENCES


def test_words_name_the_kind_in_every_language() -> None:
    for value in (-3.6, 1.0):
        row = {feature.name: value for feature in DECLARED if feature.unit != "category"}
        for feature in DECLARED:
            for template in feature.words:
                window = feature.window, feature.subject
                english = render([template], row, "GBP", language("en"), *window) or ""
                assert english.startswith("parking fine: "), feature.name
                texts = {
                    render([template], row, "GBP", language(code), *window) or ""
                    for code in TRANSLATED
                }
                assert len(texts - {english}) == len(TRANSLATED), feature.name
                for text in (english, *texts):
                    assert "parking fine" in text, feature.name
                    assert not set("_{}") & set(text), text


def test_a_name_says_what_it_is_in_one_sentence() -> None:
    meanings = [feature.meaning for feature in DECLARED]
    assert len(meanings) == len(set(meanings))
    assert all(meaning.startswith("parking fine: ") for meaning in meanings)
    assert OwnKind("a_b", frozenset()).subject == "a b"
