"""After how many days customers left by both rules, and what they brought in later windows."""

from typing import Any

import numpy as np
import pytest

from retention.cohort import labels
from retention.cohort.durations import durations, later_values
from retention.core import point_in_time
from retention.core.params import ChurnLabel, LabelParams
from tests.support import engines, histories

TODAY = histories.SNAPSHOT
SILENCE: dict[str, Any] = {"rule": "silence", "active_days": 90, "horizon_days": 30}
CANCEL: dict[str, Any] = {"rule": "cancel", "active_days": 90, "horizon_days": 30}


def left_after(
    table: str, churn: dict[str, Any], followed: int, as_of: int = 400
) -> dict[str, int | None]:
    label = ChurnLabel.model_validate(churn)
    history = engines.frame(histories.events(table))
    known_left = point_in_time.as_known_at(history, TODAY + as_of)
    cohort = history.select("customer_id").unique()
    frame = durations(cohort, known_left, TODAY, label, followed)
    return {row["customer_id"]: row["left_after"] for row in engines.collected(frame)}


BUYS = """
customer      | kind     | day  | known
never again   | purchase |  -5  |
back at once  | purchase |  -5  |
back at once  | purchase |   0  |
just in time  | purchase |  -5  |
just in time  | purchase |  29  |
too late      | purchase |  -5  |
too late      | purchase |  30  |
stays         | purchase |  20  |
stays         | purchase |  50  |
stays         | purchase |  80  |
told late     | purchase |  -5  |
told late     | purchase |  10  |   400
other kind    | purchase |  -5  |
other kind    | visit    |  10  |
"""


def test_a_silence_counts_from_the_opening_and_is_complete_after_the_horizon() -> None:
    assert left_after(BUYS, SILENCE, 100) == {
        "never again": 30,
        "back at once": 31,
        "just in time": 60,
        "too late": 30,  # a whole horizon is silent; who comes back later had left
        "stays": None,
        "told late": 30,
        "other kind": 30,
    }


def test_what_lies_beyond_the_follow_up_is_not_known() -> None:
    known_left = left_after(BUYS, SILENCE, 59)
    assert known_left["just in time"] is None
    assert known_left["back at once"] == 31
    # A silence that begins before the follow-up ends is not complete in it.
    assert left_after(BUYS, SILENCE, 29) == dict.fromkeys(known_left)


def test_a_contract_has_left_on_the_day_that_its_chain_ends() -> None:
    table = """
    customer | kind   | contract | day  | known
    first    | start  | A        | -90  |
    first    | cancel | A        |   7  |
    last     | start  | A        | -90  |
    last     | cancel | A        |  36  |
    beyond   | start  | A        | -90  |
    beyond   | cancel | A        |  37  |
    in gap   | start  | A        | -90  |
    in gap   | cancel | A        |   6  |
    switched | start  | A        | -90  |
    switched | cancel | A        |  20  |
    switched | start  | B        |  20  |
    later    | start  | A        |   3  |
    """
    with_gap = CANCEL | {"gap_days": 7}
    assert left_after(table, with_gap, 60) == {
        "first": 1,
        "last": 30,
        "beyond": 31,
        "switched": None,
    }
    assert left_after(table, with_gap, 30)["beyond"] is None


@pytest.mark.parametrize("gap", [0, 5])
def test_they_left_within_the_horizon_exactly_when_they_churned(gap: int) -> None:
    draw = np.random.default_rng(4)
    days = [draw.integers(-20, 100, draw.integers(1, 9)).tolist() for _ in range(60)]
    lines = [f"{number} | purchase | {day} |" for number, each in enumerate(days) for day in each]
    table = "\n".join(["customer | kind | day | known", *lines])
    churn = SILENCE | {"gap_days": gap}
    label_params = LabelParams.model_validate({"churn": churn, "value": {"horizon_days": 30}})
    history = engines.frame(histories.events(table))
    cohort = history.select("customer_id").unique()
    labelled = engines.collected(labels.label_cohort(cohort, history, TODAY, label_params))
    left = left_after(table, churn, 90)
    for row in labelled:
        days_left = left[row["customer_id"]]
        assert row["churned"] == (days_left is not None and days_left <= 30)
        # the first run of 30 silent days, day by day
        bought = {day - gap for day in days[int(row["customer_id"])]}
        runs = [end for end in range(30, 91) if not bought & set(range(end - 30, end))]
        assert days_left == (runs[0] if runs else None)
    assert len(set(left.values())) > 10


def test_later_windows_add_up_what_the_label_would_and_only_whole_ones() -> None:
    table = """
    customer | kind     | day | amount | known
    buys     | purchase |  29 |     1  |
    buys     | purchase |  30 |     2  |
    buys     | purchase |  59 |     3  |
    buys     | return   |  60 |    -1  |
    buys     | purchase |  89 |     7  |
    buys     | purchase |  90 |    20  |
    other    | purchase |  -3 |     5  |
    """
    value = {"horizon_days": 30, "margin": 0.5, "annual_discount": 0.1}
    label_params = LabelParams.model_validate({"churn": SILENCE, "value": value})
    history = engines.frame(histories.events(table))
    cohort = history.select("customer_id").unique()
    frame = later_values(cohort, history, TODAY, label_params, followed=95)
    by_window = {row["window"]: row["value"] for row in engines.collected(frame)}
    discounted = {
        2: 0.5 * (2 * 1.1 ** (-30 / 365) + 3 * 1.1 ** (-59 / 365)),
        3: 0.5 * (-1 * 1.1 ** (-60 / 365) + 7 * 1.1 ** (-89 / 365)),
    }
    assert by_window.keys() == discounted.keys()
    assert all(abs(by_window[window] - discounted[window]) < 2e-4 for window in by_window)


def test_followed_days_end_when_facts_have_settled() -> None:
    churn = ChurnLabel.model_validate(CANCEL | {"gap_days": 7, "settle_days": 3})
    assert point_in_time.followed_days(TODAY, TODAY + 40, churn) == 30
    assert point_in_time.churn_window(TODAY, churn).mature_on == TODAY + 40
    assert point_in_time.followed_days(TODAY, TODAY + 2, churn) == 0
