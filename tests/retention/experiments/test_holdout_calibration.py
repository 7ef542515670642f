"""What a past list had said is held against those left alone, once the time has come."""

import datetime as dt

import pandas as pd
import pytest
from scipy.stats import binomtest

from retention.experiments.holdout_calibration import PAST_LISTS, past_lists
from tests.support.trials import AS_OF, ended, waiting


def of_list(name: str, day: dt.date, found: pd.DataFrame) -> pd.DataFrame:
    ids = name + found["customer_id"]
    return found.assign(list_id=name, as_of=pd.Timestamp(day), customer_id=ids)


def lists(*parts: pd.DataFrame, least: int = 30) -> pd.DataFrame:
    return past_lists(pd.concat(parts, ignore_index=True), least).set_index("list_id")


LATE = of_list("L2", AS_OF, waiting(100, AS_OF))


def test_a_list_is_a_row_and_the_newest_comes_first() -> None:
    found = lists(ended((30, 300), (20, 100)), LATE)
    assert list(found.index) == ["L2", "L1"]
    assert found["contact"].to_dict() == {"L1": 300, "L2": 90}
    assert found["held_out"].to_dict() == {"L1": 100, "L2": 10}
    assert found["state"].to_dict() == {"L1": "mature", "L2": "pending"}
    assert dict(found.dtypes.astype(str)) == {
        name: kind for name, kind in PAST_LISTS.items() if name != "list_id"
    }


def test_what_waits_is_not_judged() -> None:
    told = lists(LATE, least=2).loc["L2"]
    assert told["known"] == 0
    assert told[["predicted_held_out", "left_held_out", "low", "high", "calibrated"]].isna().all()


def test_only_those_left_alone_count_with_wilsons_interval() -> None:
    found = ended((0, 300), (20, 100)).assign(churn_probability=0.21)
    contacted = found["arm"] == "contact"
    other = found.assign(churned=found["churned"] | contacted)
    other.loc[contacted, "churn_probability"] = 0.9
    for rows in (found, other):
        told = lists(rows).loc["L1"]
        wilson = binomtest(20, 100).proportion_ci(method="wilson")
        assert (told["low"], told["high"]) == pytest.approx((wilson.low, wilson.high))
        assert told["predicted_held_out"] == pytest.approx(0.21)
        assert (told["left_held_out"], told["calibrated"]) == (0.2, True)


@pytest.mark.parametrize(("said", "holds"), [(0.05, False), (0.2, True), (0.4, False)])
def test_a_list_is_calibrated_where_what_it_said_lies_in_the_interval(
    said: float, holds: bool
) -> None:
    found = ended((0, 300), (20, 100)).assign(churn_probability=said)
    assert lists(found).loc["L1", "calibrated"] == holds


def test_too_few_are_shown_and_not_judged() -> None:
    told = lists(ended((0, 90), (5, 29))).loc["L1"]
    assert told["left_held_out"] == pytest.approx(5 / 29)
    assert told[["calibrated", "order"]].isna().all()


def test_without_a_draw_nothing_is_measured() -> None:
    told = lists(ended((20, 90), (0, 0))).loc["L1"]
    assert (told["contact"], told["held_out"], told["known"]) == (90, 0, 0)
    assert pd.isna(told["calibrated"])


def test_whom_the_label_leaves_out_is_assigned_but_not_known() -> None:
    found = ended((0, 90), (20, 100))
    gone = pd.Series(found.index >= len(found) - 10)
    why = "ended in the gap"
    found = found.assign(
        state=found["state"].mask(gone, why),
        churned=found["churned"].mask(gone),
        dropped=found["dropped"].mask(gone, why),
    )
    told = lists(found).loc["L1"]
    assert (told["state"], told["held_out"], told["known"]) == ("mature", 100, 90)


def test_the_order_is_that_of_leavers_before_stayers() -> None:
    found = ended((0, 90), (20, 100))
    chances = found["churn_probability"].where(~found["churned"], found["churn_probability"] + 1)
    told = lists(found.assign(churn_probability=chances / 2)).loc["L1"]
    assert (told["order"], told["order_low"], told["order_high"]) == (1.0, 1.0, 1.0)
    alike = lists(found.assign(churn_probability=0.2)).loc["L1"]
    assert alike["order"] == 0.5
    few = lists(ended((0, 90), (4, 100))).loc["L1"]
    assert pd.isna(few["order"]), "of four who left no order is told"


def test_the_same_rows_give_the_same_numbers() -> None:
    found = ended((30, 300), (20, 100))
    shuffled = found.sample(frac=1, random_state=3)
    pd.testing.assert_frame_equal(past_lists(found), past_lists(shuffled))


def test_nobody_assigned_is_no_list() -> None:
    assert past_lists(ended((0, 0), (0, 0))).empty
