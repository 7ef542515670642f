"""The model card: the key facts are there, in words and figures a person can read."""

import json
import re
from typing import Any

import pytest
from markdown_it import MarkdownIt

from retention.reporting.model_card import card as model_card
from retention.training import metrics
from retention.training.selection import RULE

DEFINITION = "lost = no purchase in the next 28 days"
CHURN = ("churn_lightgbm", "churn_recency")
DASH, MINUS = model_card.NONE, "\N{MINUS SIGN}"
VALUE = ("value_hurdle", "value_last_window")


def figure(value: float | None, low: float | None = None, high: float | None = None) -> Any:
    return {"value": value, "low": low, "high": high}


def fold(test: str) -> dict[str, Any]:
    span = {"train_from": "2026-01-05", "train_to": "2026-05-04"}
    return {**span, "train_snapshots": 9, "test": test}


@pytest.fixture
def selection_report() -> dict[str, Any]:
    return {
        "rule": RULE,
        "evidence": "time",
        "chosen": {"churn": "churn_lightgbm", "value": "value_last_window"},
        "weights": {
            "churn": {"churn_lightgbm": 0.8125},
            "value": {"value_hurdle": 0.4, "value_last_window": 0.75},
        },
        "intercept": -0.2049,
        "why": {"churn": "weights learnt out of fold", "value": "weights learnt out of fold"},
        "losses": {
            "churn_recency": 0.34177,
            "churn_lightgbm": 0.28959,
            "value_hurdle": 1.24544,
            "value_last_window": 1.2512,
        },
        "params": {
            "churn_recency": {},
            "churn_lightgbm": {"rounds": 189, "rate": 0.0333333},
            "value_hurdle": {},
            "value_last_window": {},
        },
        "tuned_per_fold": {"churn_lightgbm": [{"rounds": 163}, {"rounds": 242}]},
        "folds": [fold("2026-06-01"), fold("2026-06-15")],
        "measured_on": fold("2026-07-13"),
        "fold_rows": [2314, 2315],
        "rows": 41500,
        "customers": 2461,
        "churners": 1291,
        "churn_rate": 0.146096,
        "trained_to": "2026-07-13",
        "features": [f"feature_{i}" for i in range(113)],
        "banners": [],
        "titles": {
            "churn_lightgbm": "boosted trees",
            "churn_recency": "recency rule",
            "value_hurdle": "buy-or-not times how much",
            "value_last_window": "last window's spend",
        },
    }


@pytest.fixture
def measured() -> dict[str, Any]:
    names = metrics.churn_metrics([0, 1], [0.1, 0.9], 1, [0, 1])
    of_churn = {name: figure(0.8421234, 0.8, 0.88) for name in names}
    of_churn["churn_rate"] = figure(0.1501, 0.1382, 0.163)
    of_value = {
        "mae": figure(75.104, 72.9, 178.04),
        "bias": figure(0.974, 0.96, 1.0),
        "spearman": figure(None),
        "normalised_gini": figure(0.826, None, None),
    }
    interval = {"coverage": figure(0.828, 0.817, 0.84), "width": figure(1224.4, 1200, 1300)}
    of_list = {
        "listed": figure(200, 200, 200),
        "churned_share": figure(0.485, 0.42, 0.53),
        "found_share": figure(0.279, 0.24, 0.30),
        "lift": figure(3.231, 2.78, 3.53),
    }
    decile = {"decile": 1, "customers": 232, "expected_if_kept": 34.97, "actual_if_kept": 135.4}
    return {
        "measured_on": "2026-07-13",
        "customers": 2318,
        "churners": 348,
        "churn_rate": 0.1501,
        "capacity": 200,
        "definition": DEFINITION,
        "banners": [],
        "churn": dict.fromkeys(["recipe", *CHURN], of_churn),
        "value": {"recipe": of_value | interval, **dict.fromkeys(VALUE, of_value)},
        "list": dict.fromkeys(["recipe", *CHURN], of_list),
        "gain": {
            "churn_recency": {
                "roc_auc": figure(0.0921, 0.069, 0.115),
                "log_loss": figure(-0.0551, -0.067, -0.0001),
            }
        },
        "value_by_decile": [decile | {"expected_if_lost": -1.04, "actual_if_lost": None}],
    }


@pytest.fixture
def unmeasured() -> dict[str, Any]:
    empty: dict[str, Any] = {"churn": {}, "value": {}, "list": {}, "gain": {}}
    return {
        "measured_on": None,
        "customers": 0,
        "churners": 0,
        "churn_rate": None,
        "capacity": 200,
        "definition": DEFINITION,
        "banners": ["Too little history to learn from."],
        **empty,
        "value_by_decile": [],
    }


def card(selection_report: dict[str, Any], content: dict[str, Any]) -> str:
    """The card of figures as they come back from JSON, every space a plain one."""
    text = model_card.render(selection_report, json.loads(json.dumps(content)), DEFINITION, "GBP")
    return text.replace("\N{NO-BREAK SPACE}", " ")


def row(text: str, *cells: str) -> str:
    """The one table row that begins with the cells."""
    start = "| " + " | ".join(cells) + " |"
    [matching] = [line for line in text.splitlines() if line.startswith(start)]
    return matching.removeprefix(start).strip(" |")


def test_the_key_facts_are_there(
    selection_report: dict[str, Any], measured: dict[str, Any]
) -> None:
    text = card(selection_report, measured)
    for fact in (
        DEFINITION,
        RULE,
        "41,500 rows: 2,461 customers",
        "first on 5 January 2026, the last on 13 July 2026",
        "1,291 customers left at least once; 14.6 % of the rows",
        "113 features",
        "snapshot of 13 July 2026, by models and weights as of each day",
        "2,318 customers, 348 of whom left: 15.0 % (13.8 % to 16.3 %) of",
        "fitted again on all matured snapshots",
        "not proof that a call helps",
        "associated with leaving",
        "less than a year",
        "called or wooed",
    ):
        assert fact in text


def test_how_it_was_chosen(selection_report: dict[str, Any], measured: dict[str, Any]) -> None:
    text = card(selection_report, measured)
    assert f"intercept of the log-odds is {MINUS}0.205: it keeps the\nmean in its place" in text
    rounds = "rounds 189 (163 to 242), rate 0.0333"
    assert row(text, "**boosted trees**", "0.81", "0.290") == rounds
    assert row(text, "recency rule", DASH, "0.342") == DASH  # it stands beside
    assert row(text, "**buy-or-not times how much**", "0.40", "1.245") == DASH
    assert row(text, "**last window's spend**", "0.75", "1.251") == DASH
    assert "Time was not held out" not in text
    assert row(text, "5 January 2026 to 4 May 2026", "9", "15 June 2026") == "2,315"


def test_figures_have_intervals_and_no_absurd_digits(
    selection_report: dict[str, Any], measured: dict[str, Any]
) -> None:
    text = card(selection_report, measured)
    assert "0.842 (0.800 to 0.880)" in text
    assert "£75.10 (£72.90 to £178)" in row(text, "last window's spend")
    assert row(text, "recency rule", "+0.092 (+0.069 to +0.115)") == (
        f"{MINUS}0.055 ({MINUS}0.067 to 0.000)"
    )
    assert "it held\n82.8 % (81.7 % to 84.0 %), and is £1,224 wide" in text
    assert row(text, "1", "232") == f"£34.97 | £135 | {MINUS}£1.04 | {DASH}"
    list_row = "200 | 48.5 % (42.0 % to 53.0 %) | 27.9 % (24.0 % to 30.0 %) | 3.23 (2.78 to 3.53)"
    assert row(text, "**The recipe:** value at stake") == list_row
    assert not re.search(r"\d\.\d{4}", text.replace("rate 0.0333", ""))


def test_a_figure_that_is_none_is_a_dash(
    selection_report: dict[str, Any], measured: dict[str, Any]
) -> None:
    cells = row(
        card(selection_report, measured), "buy-or-not times how much", "£75.10 (£72.90 to £178)"
    )
    assert cells == f"0.97 (0.96 to 1.00) | {DASH} | 0.826"


def test_the_recipe_comes_first_and_then_the_lowest_loss(
    selection_report: dict[str, Any], measured: dict[str, Any]
) -> None:
    text = card(selection_report, measured)
    ranking = text.partition("Average precision")[2].partition("###")[0]
    titles = re.findall(r"^\| (.+?) \| 0", ranking, re.MULTILINE)
    recipe = "**The recipe:** all models, weighted"
    assert titles == [recipe, "boosted trees", "recency rule"]


def test_no_feature_is_dumped_but_silent_ones_are_named(
    selection_report: dict[str, Any], measured: dict[str, Any]
) -> None:
    assert "feature_" not in card(selection_report, measured)
    text = card(selection_report | {"dead": ["tenure", "region"]}, measured)
    assert "2 of them say nothing here, being empty or the same for all:\ntenure, region." in text
    crowded = card(selection_report | {"dead": [f"feature_{i}" for i in range(50)]}, measured)
    assert "feature_19 and 30 more." in crowded
    assert "feature_20" not in crowded


@pytest.mark.parametrize(
    ("evidence", "text"),
    [
        ("customers", "**Time was not held out:** history is too short for that."),
        ("newest", "no outcome of another was known: it was measured with equal\nweights, and"),
    ],
)
def test_what_history_did_not_allow_is_said(
    selection_report: dict[str, Any], measured: dict[str, Any], evidence: str, text: str
) -> None:
    assert text in card(selection_report | {"evidence": evidence}, measured)
    assert text not in card(selection_report, measured)


def test_without_a_measurement_it_says_so_and_why(
    selection_report: dict[str, Any], unmeasured: dict[str, Any]
) -> None:
    simple = selection_report | {
        "evidence": "history",
        "losses": {},
        "tuned_per_fold": {},
        "params": {"churn_recency": {}, "value_last_window": {}},
        "chosen": {"churn": "churn_recency", "value": "value_last_window"},
        "weights": {"churn": {"churn_recency": 1.0}, "value": {"value_last_window": 1.0}},
        "intercept": 0.0,
        "folds": [],
        "fold_rows": [],
        "measured_on": None,
        "banners": unmeasured["banners"],
    }
    text = card(simple, unmeasured)
    assert "Nothing could be measured yet.\nToo little history to learn from." in text
    assert text.count("> **Note:** Too little history to learn from.") == 1
    assert "Nothing was compared: too few outcomes are known." in text
    assert row(text, "**recency rule**", "1.00", DASH) == DASH
    assert "the last on 13 July 2026" in text
    assert RULE not in text
    assert "base rate" not in text
    unexplained = card(simple | {"banners": []}, unmeasured | {"banners": []})
    assert "No snapshot whose outcome is known" in unexplained


def test_a_recipe_without_an_interval_says_so(
    selection_report: dict[str, Any], measured: dict[str, Any]
) -> None:
    flat = measured["value"]["recipe"] | dict.fromkeys(["coverage", "width"], figure(None))
    text = card(selection_report, measured | {"value": measured["value"] | {"recipe": flat}})
    assert "No value interval was made" in text


def test_banners_stand_on_top(selection_report: dict[str, Any], measured: dict[str, Any]) -> None:
    text = card(
        selection_report | {"banners": ["Mind the gap."]}, measured | {"banners": ["Mind the gap."]}
    )
    assert text.count("Mind the gap.") == 1
    assert text.index("Mind the gap.") < text.index("## ")


def test_it_is_plain_markdown(
    selection_report: dict[str, Any], measured: dict[str, Any], unmeasured: dict[str, Any]
) -> None:
    """Every table is one, no word breaks out of its cell, and no NaN, None or undefined shows."""
    hostile = selection_report["titles"] | {"churn_recency": "a | b\n\n<script>x</script>"}
    text = card(selection_report | {"titles": hostile}, measured)
    html = MarkdownIt("commonmark").enable("table").render(text)
    assert html.count("<table>") == 9
    assert not re.search(r"^<p>\|", html, re.MULTILINE)
    assert "<script>" not in html
    assert "a | b" in html
    for text_of_card in (text, card(selection_report, unmeasured)):
        assert not re.search(r"\b(nan|None|Undefined|null)\b", text_of_card, re.IGNORECASE)
        assert text_of_card.endswith("\n")
        assert "\n\n\n" not in text_of_card


def test_the_same_arguments_are_the_same_text(
    selection_report: dict[str, Any], measured: dict[str, Any]
) -> None:
    turned = measured | {"churn": dict(reversed(list(measured["churn"].items())))}
    assert card(selection_report, measured) == card(selection_report, turned)


def test_several_days_and_those_who_cannot_be_contacted_stand_beside(
    selection_report: dict[str, Any], measured: dict[str, Any]
) -> None:
    days = [
        {"day": day, "customers": 9, "churners": 2, "churn_rate": 0.22, "predicted": 0.31}
        | {"roc_auc": None}
        for day in ("2026-06-15", "2026-07-13")
    ]
    of_all = {name: measured[name] for name in ("churn", "value", "list")}
    all_customers = {"customers": 2418, "churners": 448, "churn_rate": 0.1853} | of_all
    text = card(selection_report, measured | {"days": days, "all_customers": all_customers})
    assert "Measured on 2 snapshots from 15 June 2026 to 13 July 2026" in text
    assert f"| 15 June 2026 | 9 | 31.0 % | 22.0 % | {DASH} |" in text
    assert "| all | 2,418 | 18.5 % |" in text
    alone = card(selection_report, measured | {"all_customers": measured})
    assert "| all |" not in alone
