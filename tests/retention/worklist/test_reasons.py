"""The reasons of a row: three at most, of three families, no date twice."""

import datetime as dt
from typing import Any

import pandas as pd
import pytest

from retention.core.params import Play
from retention.worklist.reasons import chosen_reasons, model_reasons
from tests.support.policies import play
from tests.support.worklists import issues, reasons

DAY, OTHER = dt.date(2026, 11, 1), dt.date(2026, 11, 9)
PLAYS = {"mend": Play.model_validate(play("mend", when=["late"]))}


def texts(
    of_model: pd.DataFrame, recent: pd.DataFrame, lane: str = "contact", why: str = "chosen"
) -> list[str]:
    customers = pd.DataFrame({"lane": [lane], "why": [why], "play": ["mend"]}, index=["a"])
    tellable = model_reasons(of_model, recent)
    selected = chosen_reasons(
        tellable, recent, customers, PLAYS, {"open_case": "resolution", "just_fixed": "put_right"}
    )
    return list(selected["text"])


def tellable(*themes: str) -> pd.DataFrame:
    """Reasons of the model that staff can act on, with a sentence of their own."""
    return reasons(*(("a", i, theme, f"own {theme}", True) for i, theme in enumerate(themes, 1)))


def happened(*themes: str, **columns: Any) -> pd.DataFrame:
    return issues(*(("a", theme, f"issue {theme}") for theme in themes), **columns)


def test_an_issue_takes_the_place_of_its_familys_sentence_and_a_family_speaks_once() -> None:
    recent = happened("contacts", "resolution")
    assert texts(tellable("touches", "billing", "resolution"), recent) == [
        "issue resolution",
        "own billing",
    ]


def test_what_is_left_to_be_put_right_is_told_before_what_is_over() -> None:
    recent = happened("resolution", "solutions", settled=[True, False])
    assert texts(tellable("touches"), recent) == ["issue solutions"]


def test_a_reason_without_words_and_without_an_issue_is_none() -> None:
    silent = tellable("billing", "portal").assign(
        text=pd.Series([None, "own portal"], dtype=object)
    )
    assert texts(silent, issues()) == ["own portal"]


@pytest.mark.parametrize(
    ("dates", "expected"),
    [
        ([[DAY], [DAY], [OTHER]], ["issue billing", "issue resolution"]),
        ([[DAY], [OTHER], None], ["issue billing", "issue portal", "issue resolution"]),
    ],
)
def test_no_reason_repeats_a_date(dates: list[Any], expected: list[str]) -> None:
    recent = happened("billing", "portal", "resolution", dates=dates)
    assert texts(tellable("billing", "portal", "resolution"), recent) == expected


def test_the_sum_of_all_that_went_wrong_is_told_only_where_nothing_is_told_by_itself() -> None:
    assert texts(tellable("journey", "billing"), happened("journey", "billing")) == [
        "issue billing"
    ]
    assert texts(tellable("journey", "rhythm"), happened("journey")) == [
        "issue journey",
        "own rhythm",
    ]


def test_at_most_three_and_the_issue_that_the_play_answers_is_among_them() -> None:
    recent = happened("promises", cause="late")
    of_model = tellable("billing", "portal", "satisfaction", "rhythm")
    assert texts(of_model, recent) == ["own billing", "own portal", "issue promises"]


def test_what_was_put_right_is_told_to_whom_is_asked_about_it() -> None:
    recent = happened("put_right", "billing")
    assert texts(tellable("portal"), recent, "cooling_off", "just_fixed") == [
        "issue put_right",
        "issue billing",
        "own portal",
    ]
    assert texts(tellable("portal"), recent, "gave_notice", "notice")[0] == "issue billing"


def test_in_an_issue_lane_what_is_owed_is_told_before_what_is_newer() -> None:
    days = [dt.date(2026, 11, 9), dt.date(2026, 11, 1)]
    recent = happened("resolution", "solutions", settled=[None, False]).assign(day=days)
    assert texts(tellable("rhythm"), recent, "gave_notice", "notice")[0] == "issue solutions"


def test_in_an_issue_lane_the_issue_of_the_lane_comes_first() -> None:
    recent = happened("billing", "resolution", "journey")
    assert texts(tellable("rhythm"), recent, "fix_first", "open_case") == [
        "issue resolution",
        "issue billing",
        "own rhythm",
    ]
