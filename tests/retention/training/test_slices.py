"""Groups of customers beside each other: a group that is served worse is seen."""

from typing import Any

import numpy as np
import pandas as pd
import pytest
from scipy.stats import binomtest

from retention.training import slices

MANY = 1200


def scores(seed: int = 4) -> pd.DataFrame:
    draw = np.random.default_rng(seed)
    p = draw.beta(2, 5, MANY)
    value = draw.gamma(2, 50, MANY)
    return pd.DataFrame(
        {
            "customer_id": [f"{one:05d}" for one in range(MANY)],
            "churned": draw.random(MANY) < p,
            "churn_probability": p,
            "expected_value": value,
            "expected_loss": p * value,
        }
    )


def people(told: pd.DataFrame) -> pd.DataFrame:
    region = np.where(np.arange(MANY) % 3 == 0, "north", "south")
    return pd.DataFrame({"customer_id": told["customer_id"], "region": region})


Groups = dict[tuple[str, str], dict[str, Any]]


def found(told: pd.DataFrame, customers: pd.DataFrame, least: int = 50) -> Groups:
    rows = slices.slices(told, customers, 120, least)
    return {(one["by"], one["group"]): one for one in rows}


NORTH, SOUTH = ("region", "north"), ("region", "south")


def test_a_group_is_counted_with_its_interval() -> None:
    told = scores()
    north = told[people(told)["region"] == "north"]
    one = found(told, people(told))[NORTH]
    ends = binomtest(int(north["churned"].sum()), len(north)).proportion_ci(method="wilson")
    assert (one["customers"], one["churners"]) == (len(north), north["churned"].sum())
    assert (one["low"], one["high"]) == pytest.approx((ends.low, ends.high))
    assert one["predicted"] == pytest.approx(north["churn_probability"].mean())


def test_a_group_whose_chances_are_wrong_is_seen() -> None:
    told = scores()
    left = told["churned"].astype(float)
    north = people(told)["region"] == "north"
    share = np.where(north, left[north].mean(), left[~north].mean())
    rows = found(told.assign(churn_probability=share), people(told))
    assert (rows[NORTH]["right"], rows[SOUTH]["right"]) == (True, True)
    half = np.where(north, share / 2, share)
    rows = found(told.assign(churn_probability=half), people(told))
    assert (rows[NORTH]["right"], rows[SOUTH]["right"]) == (False, True)


def test_a_group_that_the_list_leaves_out_is_seen() -> None:
    told = scores()
    north = people(told)["region"] == "north"
    nothing = told["expected_loss"].where(~north, 0.0)
    rows = found(told.assign(expected_loss=nothing), people(told))
    assert (rows[NORTH]["listed"], rows[NORTH]["found"]) == (0.0, 0.0)
    assert rows[SOUTH]["listed"] * rows[SOUTH]["customers"] == pytest.approx(120)
    assert rows[SOUTH]["found"] > rows[SOUTH]["listed"]


def test_small_groups_and_orders_of_few_are_not_told() -> None:
    told = scores()
    rare = people(told)
    rare.loc[:20, "region"] = "isle"
    assert ("region", "isle") not in found(told, rare)
    nearly_all = told.assign(churned=np.arange(MANY) < 9)
    assert {one["roc_auc"] for one in found(nearly_all, people(told)).values()} == {None}


def test_thirds_of_value_are_there_without_any_attribute() -> None:
    told = scores()
    rows = found(told, pd.DataFrame({"customer_id": pd.Series(dtype="str")}))
    assert [group for _, group in rows] == ["high", "low", "middle"]
    assert {one["customers"] for one in rows.values()} == {MANY // 3}
