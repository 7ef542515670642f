"""The churn definition: a sentence that staff read, and what a champion is bound to."""

import pytest

from retention.core.documents.modelling import STATES_FORMAT
from retention.core.params import ChurnLabel, LabelParams, parse_params
from retention.i18n.language import ENGLISH
from retention.serving import target

PARAMS = """
company: Mill Lane Bakery
time_zone: Europe/London
currency: GBP
sources:
  till: {path: till.csv, key: row_number,
         events: [{kind: purchase, customer_id: who, occurred_at: at}]}
labels: {churn: {rule: silence, horizon_days: 28}}
"""


@pytest.mark.parametrize(
    ("label", "sentence"),
    [
        (
            ChurnLabel(rule="silence", active_days=90, horizon_days=28),
            "lost = no purchase in the next 28 days; active = at least one in the last 90 days",
        ),
        (
            ChurnLabel(
                rule="silence",
                kinds=["purchase", "visit"],
                active_days=90,
                horizon_days=28,
                gap_days=7,
            ),
            "lost = no purchase or visit in the next 28 days, starting 7 days from now; "
            "active = at least one in the last 90 days",
        ),
        (
            ChurnLabel(rule="cancel", horizon_days=60),
            "lost = the last running contract ends within 60 days",
        ),
        (
            ChurnLabel(rule="cancel", horizon_days=60, gap_days=14),
            "lost = the last running contract ends within 60 days, starting 14 days from now",
        ),
    ],
)
def test_the_definition_is_a_sentence(label: ChurnLabel, sentence: str) -> None:
    assert target.target_description(LabelParams(churn=label)) == sentence


@pytest.mark.parametrize(
    ("old", "new", "key"),
    [
        ("Mill Lane", "Hill Lane", "company"),
        ("GBP", "EUR", "currency"),
        ("horizon_days: 28", "horizon_days: 27", "labels"),
        ("horizon_days: 28", "horizon_days: 28, settle_days: 1", "labels"),
    ],
)
def test_another_company_currency_or_label_is_another_identity(
    old: str, new: str, key: str
) -> None:
    assert old in PARAMS
    identity = target.target_identity(parse_params(PARAMS), ["a"])
    other = target.target_identity(parse_params(PARAMS.replace(old, new)), ["a"])
    assert [name for name in identity if identity[name] != other[name]] == [key]


def test_the_order_of_features_does_not_matter_but_their_names_do() -> None:
    params = parse_params(PARAMS)
    identity = target.target_identity(params, ["a", "b"])
    assert target.target_identity(params, ["b", "a"]) == identity
    assert target.target_identity(params, ["a", "c"]) != identity


def test_what_does_not_change_the_prediction_is_no_part_of_the_identity() -> None:
    other = parse_params(PARAMS + "at_risk: {capacity: 7}\nas_of: '2026-01-01'\n")
    assert target.target_identity(other, []) == target.target_identity(parse_params(PARAMS), [])


def test_states_of_another_format_are_another_identity(monkeypatch: pytest.MonkeyPatch) -> None:
    params = parse_params(PARAMS)
    now = target.target_identity(params, ["a"])
    without = {name: value for name, value in now.items() if name != "format"}  # the first version
    for definition in (without, now | {"format": STATES_FORMAT - 1}):
        assert target.differences(definition, now).startswith("format: another version")
    assert target.differences(now, now) == ""
    monkeypatch.setattr(target, "STATES_FORMAT", STATES_FORMAT + 1)
    assert target.target_identity(params, ["a"]) != now


def test_churn_in_words_completes_a_sentence_on_customers() -> None:
    labels = {
        "buy nothing in the next 90 days": ChurnLabel(rule="silence"),
        "show no visit or purchase in the": ChurnLabel(rule="silence", kinds=["visit", "purchase"]),
        "end their last contract in the next 30 days": ChurnLabel(rule="cancel", horizon_days=30),
        "buy nothing from day 8 on, within 90 days": ChurnLabel(rule="silence", gap_days=7),
    }
    for words, label in labels.items():
        assert target.churn_description(label, ENGLISH).startswith(words), words
