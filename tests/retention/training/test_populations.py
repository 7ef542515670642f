"""Whom figures are of."""

import datetime as dt

import pandas as pd
import pytest

from retention.training import populations

MAY, JUNE = dt.date(2026, 5, 4), dt.date(2026, 6, 1)


def scores() -> pd.DataFrame:
    return pd.DataFrame(
        {
            "customer_id": list("abcab"),
            "snapshot_on": [MAY] * 3 + [JUNE] * 2,
            "churned": [True, False, False, False, True],
            "churn_probability": [0.9, 0.2, 0.1, 0.4, 0.3],
            "weight": [1.0, 1.0, 2.0, 1.0, 3.0],
            "contactable": [False, True, True, True, True],
        }
    )


def test_customers_count_once_and_every_day_as_much_as_another() -> None:
    counted = populations.counts(scores())
    assert (counted["customers"], counted["churners"]) == (3, 2)
    assert counted["churn_rate"] == pytest.approx((1 / 4 + 3 / 4) / 2)
    assert populations.counts(scores().iloc[:0])["churn_rate"] is None


def test_a_day_has_its_own_weighted_figures() -> None:
    may, june = populations.by_day(scores())
    assert (may["day"], may["customers"], may["churners"], may["roc_auc"]) == (MAY, 3, 1, 1.0)
    assert june["predicted"] == pytest.approx((0.4 + 3 * 0.3) / 4)
    assert june["roc_auc"] == 0.0
    assert list(populations.newest(scores())["customer_id"]) == ["a", "b"]


def test_those_who_gave_notice_are_left_out_unless_all_did() -> None:
    assert list(populations.contactable(scores())["customer_id"]) == ["b", "c", "a", "b"]
    nobody = scores().assign(contactable=False)
    assert populations.contactable(nobody).equals(nobody)
