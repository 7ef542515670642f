"""Groups of customers beside each other: a group that is served worse is seen."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from retention.training import slices

CUSTOMERS = 1200


def scores(seed: int = 4) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    p = draw.beta(2, 5, CUSTOMERS)
    value = draw.gamma(2, 50, CUSTOMERS)
    return pd.DataFrame(
        {
            "customer_id": [f"{i:05d}" for i in range(CUSTOMERS)],
            "churned": draw.random(CUSTOMERS) < p,
            "churn_probability": p,
            "expected_value": value,
            "expected_loss": p * value,
        }
    )


def people(score_rows: pd.DataFrame) -> pd.DataFrame:
    region = np.where(np.arange(CUSTOMERS) % 3 == 0, "north", "south")
    return pd.DataFrame({"customer_id": score_rows["customer_id"], "region": region})


Groups = dict[tuple[str, str], dict[str, Any]]


def slices_of(score_rows: pd.DataFrame, customers: pd.DataFrame, min_size: int = 50) -> Groups:
    rows = slices.slice_metrics(score_rows, customers, 120, min_size)
    return {(group["by"], group["group"]): group for group in rows}


NORTH, SOUTH = ("region", "north"), ("region", "south")


def test_a_group_is_counted_with_its_interval() -> None:
    score_rows = scores()
    north = score_rows[people(score_rows)["region"] == "north"]
    group = slices_of(score_rows, people(score_rows))[NORTH]
    ends = binomtest(int(north["churned"].sum()), len(north)).proportion_ci(method="wilson")
    assert (group["customers"], group["churners"]) == (len(north), north["churned"].sum())
    assert (group["low"], group["high"]) == pytest.approx((ends.low, ends.high))
    assert group["predicted"] == pytest.approx(north["churn_probability"].mean())


def test_a_group_whose_chances_are_wrong_is_seen() -> None:
    score_rows = scores()
    left = score_rows["churned"].astype(float)
    north = people(score_rows)["region"] == "north"
    observed_rate = np.where(north, left[north].mean(), left[~north].mean())
    rows = slices_of(score_rows.assign(churn_probability=observed_rate), people(score_rows))
    assert (rows[NORTH]["right"], rows[SOUTH]["right"]) == (True, True)
    half = np.where(north, observed_rate / 2, observed_rate)
    rows = slices_of(score_rows.assign(churn_probability=half), people(score_rows))
    assert (rows[NORTH]["right"], rows[SOUTH]["right"]) == (False, True)


def test_a_group_that_the_list_leaves_out_is_seen() -> None:
    score_rows = scores()
    north = people(score_rows)["region"] == "north"
    nothing = score_rows["expected_loss"].where(~north, 0.0)
    rows = slices_of(score_rows.assign(expected_loss=nothing), people(score_rows))
    assert (rows[NORTH]["listed"], rows[NORTH]["found"]) == (0.0, 0.0)
    assert rows[SOUTH]["listed"] * rows[SOUTH]["customers"] == pytest.approx(120)
    assert rows[SOUTH]["found"] > rows[SOUTH]["listed"]


def test_small_groups_are_left_out_and_have_no_auc() -> None:
    score_rows = scores()
    rare = people(score_rows)
    rare.loc[:20, "region"] = "isle"
    assert ("region", "isle") not in slices_of(score_rows, rare)
    nearly_all = score_rows.assign(churned=np.arange(CUSTOMERS) < 9)
    assert {group["roc_auc"] for group in slices_of(nearly_all, people(score_rows)).values()} == {
        None
    }


def test_thirds_of_value_are_there_without_any_attribute() -> None:
    score_rows = scores()
    rows = slices_of(score_rows, pd.DataFrame({"customer_id": pd.Series(dtype="str")}))
    assert [group for _, group in rows] == ["high", "low", "middle"]
    assert {group["customers"] for group in rows.values()} == {CUSTOMERS // 3}


def test_deciles_of_value_if_kept_compare_the_kept_with_the_kept() -> None:
    scores = pd.DataFrame(
        {
            "value_if_kept": np.arange(20.0)[::-1],  # decile 10 holds the first two rows
            "value_if_lost": np.arange(20.0) / 10,
            "value": [30.0, 2.0, *[1.0] * 18],
            "churned": [False, True, *[False] * 18],
        }
    )
    deciles = slices.value_by_decile(scores)
    assert [row["decile"] for row in deciles] == list(range(1, 11))
    assert [row["customers"] for row in deciles] == [2] * 10
    assert deciles[9] == {
        "decile": 10,
        "customers": 2,
        "expected_if_kept": 19.0,
        "actual_if_kept": 30.0,
        "expected_if_lost": 0.1,
        "actual_if_lost": 2.0,
    }
    assert deciles[0]["expected_if_kept"] == 0.5
    assert deciles[0]["actual_if_lost"] is None


def test_fewer_than_ten_customers_leave_deciles_out() -> None:
    scores = pd.DataFrame(
        {"value_if_kept": [1.0, 2], "value_if_lost": 0.0, "value": 1.0, "churned": [False, True]}
    )
    assert [row["decile"] for row in slices.value_by_decile(scores)] == [1, 6]
