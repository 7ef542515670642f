"""The purchase models on the histories of all customers, with labels and without."""

import numpy as np
import pandas as pd
import pytest

from models.churn_bgnbd import BGNBDChurn
from models.components.bgnbd import BGNBD
from models.components.rfm import FREQUENCY, MONEY, RECENCY, TENURE
from models.value_bgnbd import BGNBDValue
from tests.support.purchase_histories import simulated

TRUTH = BGNBD(r=0.8, alpha=40.0, a=0.9, b=2.5)
HORIZON = 90
SPEND = 12.0  # a purchase, of all_customers


@pytest.fixture(scope="module")
def all_customers() -> pd.DataFrame:
    return simulated(TRUTH, T=360.0, later=HORIZON, n=6000, seed=3)


@pytest.fixture(scope="module")
def histories(all_customers: pd.DataFrame) -> pd.DataFrame:
    days = pd.DataFrame(
        {
            "repeats": all_customers["x"],
            "last": all_customers["t_x"].round(),
            "age": all_customers["T"],
        }
    )
    return days.groupby(["repeats", "last", "age"]).size().rename("customers").reset_index()


@pytest.fixture(scope="module")
def active(all_customers: pd.DataFrame) -> pd.DataFrame:
    """Customers of the cohort alone, who bought in the last 120 days, and what they did next."""
    rows = all_customers[all_customers["T"] - all_customers["t_x"] <= 120]
    return pd.DataFrame(
        {
            RECENCY: (rows["T"] - rows["t_x"]).round(),
            TENURE: rows["T"],
            FREQUENCY: rows["x"] + 1,
            MONEY: SPEND * (rows["x"] + 1),
            "bought": rows["future"],
        }
    ).reset_index(drop=True)


def test_the_cohort_alone_hides_how_customers_stop(
    active: pd.DataFrame, histories: pd.DataFrame
) -> None:
    silent = (active["bought"] == 0).astype(float)
    of_all = BGNBDChurn(HORIZON).fit(active, silent, histories=histories)
    of_cohort = BGNBDChurn(HORIZON).fit(active, silent)
    assert of_all.model_ is not None
    assert of_cohort.model_ is not None
    drop_out = {
        name: model.a / (model.a + model.b)
        for name, model in (("all", of_all.model_), ("cohort", of_cohort.model_))
    }
    truth = TRUTH.a / (TRUTH.a + TRUTH.b)
    assert drop_out["all"] == pytest.approx(truth, rel=0.1)
    assert drop_out["cohort"] < 0.6 * truth
    assert of_all.model_.r == pytest.approx(TRUTH.r, rel=0.1)
    assert of_all.predict_proba(active)[:, 1].mean() == pytest.approx(silent.mean(), abs=0.015)


def test_without_labels_the_models_say_the_same_of_purchases(
    active: pd.DataFrame, histories: pd.DataFrame
) -> None:
    silent = (active["bought"] == 0).astype(float)
    labelled = BGNBDChurn(HORIZON).fit(active, silent, histories=histories)
    unlabelled = BGNBDChurn(HORIZON).fit(active, None, histories=histories)
    p = unlabelled.predict_proba(active)[:, 1]
    assert p == pytest.approx(labelled.predict_proba(active)[:, 1], abs=1e-12)
    assert unlabelled.contributions(active).sum(axis=1).to_numpy() == pytest.approx(
        np.log(p / (1 - p))
    )
    never = pd.DataFrame({RECENCY: [np.nan], TENURE: [np.nan], FREQUENCY: [0.0]})
    assert unlabelled.predict_proba(never)[0, 1] == pytest.approx(p.mean())
    again = BGNBDChurn.from_state(unlabelled.state())
    assert np.array_equal(again.predict_proba(active)[:, 1], p)


def test_without_labels_value_is_of_those_who_stay(
    active: pd.DataFrame, histories: pd.DataFrame
) -> None:
    p = BGNBDChurn(HORIZON).fit(active, None, histories=histories).predict_proba(active)[:, 1]
    if_kept = BGNBDValue(HORIZON, HORIZON).fit(active, None, histories=histories).predict(active)
    bought = active["bought"].to_numpy() * SPEND
    assert ((1 - p) * if_kept).mean() == pytest.approx(bought.mean(), rel=0.05)
    assert if_kept.min() > 0.99 * SPEND  # who stays buys once at least
    if_lost = BGNBDValue(HORIZON).fit(active, np.zeros(len(active)), histories=histories)
    assert (if_lost.predict(active) == 0).all()
    without_money = BGNBDValue(HORIZON).fit(active.assign(**{MONEY: 0.0}), None)
    assert (without_money.predict(active) == 0).all()
