"""Restatements: days whose news differ between two runs."""

from retention.cohort.restatements import changed_days, sentences

BEFORE = {"10": (2, "a"), "11": (1, "b"), "12": (5, "c")}


def test_a_day_that_changed_came_or_went_is_a_restatement_but_not_the_last_day() -> None:
    now = {"9": (1, "z"), "10": (3, "d"), "12": (6, "e"), "13": (1, "f")}
    assert changed_days(BEFORE, now) == [9, 10, 11]
    assert changed_days(BEFORE, BEFORE | {"12": (7, "c"), "13": (1, "d")}) == []
    assert changed_days({}, BEFORE) == []


def test_the_first_changed_day_says_from_which_snapshot_on_the_past_is_another() -> None:
    assert sentences(BEFORE, BEFORE) == []
    (sentence,) = sentences(BEFORE, BEFORE | {"10": (3, "d")})
    assert "on 1 earlier days" in sentence
    assert "first on 1970-01-11 (3 events, then 2); snapshots from 1970-01-12 on" in sentence
