"""What changed since the last list: each customer of either list is told of once."""

import pandas as pd

from retention.worklist.changes import compare_lists


def list_rows(*rows: tuple[str, str, float]) -> pd.DataFrame:
    return pd.DataFrame(list(rows), columns=["customer_id", "lane", "churn_probability"])


def lanes(**why: tuple[str, str]) -> pd.DataFrame:
    rows = [(who, lane, reason) for who, (lane, reason) in why.items()]
    return pd.DataFrame(rows, columns=["customer_id", "lane", "why"])


def test_new_worse_better_and_the_same_by_five_points() -> None:
    before = list_rows(("b", "contact", 0.30), ("c", "contact", 0.30), ("d", "contact", 0.30))
    now = list_rows(
        ("a", "contact", 0.9),
        ("b", "contact", 0.36),
        ("c", "contact", 0.24),
        ("d", "contact", 0.34),
    )
    difference = compare_lists(now, before, lanes(), "left").change
    assert difference.to_dict() == {"a": "new", "b": "worse", "c": "better", "d": "same"}


def test_who_dropped_off_is_told_with_the_lane_of_today() -> None:
    before = list_rows(("a", "contact", 0.5), ("b", "fix_first", 0.5), ("c", "contact", 0.5))
    today = lanes(a=("excluded", "contacted_recently"), b=("contact", "chosen"))
    difference = compare_lists(list_rows(("b", "contact", 0.5)), before, today, "left").dropped
    assert difference.to_dict("records") == [
        {"customer_id": "a", "lane": "excluded", "why": "contacted_recently"},
        {"customer_id": "c", "lane": "", "why": "left"},
    ]


def test_stability_is_the_share_of_contacts_on_both_lists() -> None:
    def stability(now: str, then: str) -> float | None:
        current, previous = (
            list_rows(*[(customer, "contact", 0.5) for customer in customers])
            for customers in (now, then)
        )
        return compare_lists(current, previous, lanes(), "left").stability

    expected = {("abc", "abc"): 1.0, ("abc", "bcd"): 0.5, ("ab", "cd"): 0.0, ("ab", ""): 0.0}
    assert {lists: stability(*lists) for lists in expected} == expected


def test_other_lanes_do_not_count_for_stability_and_nobody_is_alike_to_nobody() -> None:
    fixed = list_rows(("a", "fix_first", 0.5))
    assert compare_lists(fixed, fixed, lanes(), "left").stability is None
