"""Past lists are judged by held-out customers, once their outcomes are mature."""

import datetime as dt

import pandas as pd
import pytest
from scipy.stats import binomtest

from retention.experiments.holdout_calibration import PAST_LISTS, past_lists
from tests.support.campaigns import AS_OF, mature_follow_up, pending_follow_up


def of_list(name: str, day: dt.date, followed: pd.DataFrame) -> pd.DataFrame:
    ids = name + followed["customer_id"]
    return followed.assign(list_id=name, as_of=pd.Timestamp(day), customer_id=ids)


def lists(*parts: pd.DataFrame, min_held_out: int = 30) -> pd.DataFrame:
    return past_lists(pd.concat(parts, ignore_index=True), min_held_out).set_index("list_id")


LATE = of_list("L2", AS_OF, pending_follow_up(100, AS_OF))


def test_a_list_is_a_row_and_the_newest_comes_first() -> None:
    past = lists(mature_follow_up((30, 300), (20, 100)), LATE)
    assert list(past.index) == ["L2", "L1"]
    assert past["contact"].to_dict() == {"L1": 300, "L2": 90}
    assert past["held_out"].to_dict() == {"L1": 100, "L2": 10}
    assert past["state"].to_dict() == {"L1": "mature", "L2": "pending"}
    assert dict(past.dtypes.astype(str)) == {
        name: kind for name, kind in PAST_LISTS.items() if name != "list_id"
    }


def test_what_waits_is_not_judged() -> None:
    row = lists(LATE, min_held_out=2).loc["L2"]
    assert row["known"] == 0
    assert row[["predicted_held_out", "left_held_out", "low", "high", "calibrated"]].isna().all()


def test_only_those_left_alone_count_with_wilsons_interval() -> None:
    followed = mature_follow_up((0, 300), (20, 100)).assign(churn_probability=0.21)
    contacted = followed["arm"] == "contact"
    other = followed.assign(churned=followed["churned"] | contacted)
    other.loc[contacted, "churn_probability"] = 0.9
    for rows in (followed, other):
        row = lists(rows).loc["L1"]
        wilson = binomtest(20, 100).proportion_ci(method="wilson")
        assert (row["low"], row["high"]) == pytest.approx((wilson.low, wilson.high))
        assert row["predicted_held_out"] == pytest.approx(0.21)
        assert (row["left_held_out"], row["calibrated"]) == (0.2, True)


@pytest.mark.parametrize(("predicted", "holds"), [(0.05, False), (0.2, True), (0.4, False)])
def test_a_list_is_calibrated_where_what_it_said_lies_in_the_interval(
    predicted: float, holds: bool
) -> None:
    followed = mature_follow_up((0, 300), (20, 100)).assign(churn_probability=predicted)
    assert lists(followed).loc["L1", "calibrated"] == holds


def test_too_few_are_shown_and_not_judged() -> None:
    row = lists(mature_follow_up((0, 90), (5, 29))).loc["L1"]
    assert row["left_held_out"] == pytest.approx(5 / 29)
    assert row[["calibrated", "order"]].isna().all()


def test_without_a_draw_nothing_is_measured() -> None:
    row = lists(mature_follow_up((20, 90), (0, 0))).loc["L1"]
    assert (row["contact"], row["held_out"], row["known"]) == (90, 0, 0)
    assert pd.isna(row["calibrated"])


def test_whom_the_label_leaves_out_is_assigned_but_not_known() -> None:
    followed = mature_follow_up((0, 90), (20, 100))
    gone = pd.Series(followed.index >= len(followed) - 10)
    why = "ended in the gap"
    followed = followed.assign(
        state=followed["state"].mask(gone, why),
        churned=followed["churned"].mask(gone),
        dropped=followed["dropped"].mask(gone, why),
    )
    row = lists(followed).loc["L1"]
    assert (row["state"], row["held_out"], row["known"]) == ("mature", 100, 90)


def test_the_order_is_that_of_leavers_before_stayers() -> None:
    followed = mature_follow_up((0, 90), (20, 100))
    chances = followed["churn_probability"].where(
        ~followed["churned"], followed["churn_probability"] + 1
    )
    row = lists(followed.assign(churn_probability=chances / 2)).loc["L1"]
    assert (row["order"], row["order_low"], row["order_high"]) == (1.0, 1.0, 1.0)
    alike = lists(followed.assign(churn_probability=0.2)).loc["L1"]
    assert alike["order"] == 0.5
    few = lists(mature_follow_up((0, 90), (4, 100))).loc["L1"]
    assert pd.isna(few["order"]), "of four who left no order is told"


def test_the_same_rows_give_the_same_numbers() -> None:
    followed = mature_follow_up((30, 300), (20, 100))
    shuffled = followed.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(past_lists(followed), past_lists(shuffled))


def test_nobody_assigned_is_no_list() -> None:
    assert past_lists(mature_follow_up((0, 0), (0, 0))).empty
